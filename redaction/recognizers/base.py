"""The form every recogniser of this house has: an ordinary Presidio recogniser that looks at a folded
text. It folds and maps back by itself, so that any Presidio user can take it.
"""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, ClassVar

from presidio_analyzer import LocalRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from redaction.facts.near import People
from redaction.nlp import Reading, SudachiEngine
from redaction.page import Hit, Page

EVIDENCE_KEY = "evidence"
"""Where a result's ``recognition_metadata`` says why it is believed."""


class Recognizer(LocalRecognizer):
    """Finds one kind of personal data. A subclass sets ``kind`` and its Japanese name, and says where in
    ``find``. Both are plain strings in the class body: `redaction.recognizers.kinds` reads them unloaded."""

    kind: ClassVar[str]
    ja: ClassVar[str]

    def __init__(self, kinds: Sequence[str] = ()) -> None:
        """``kinds`` where there are more than one."""
        # Named after its file: that is where a reader who asks "why?" should look.
        file = type(self).__module__.rpartition(".")[2]
        super().__init__(supported_entities=[*kinds] or [self.kind], supported_language="ja", name=file)
        self.file = file

    def load(self) -> None:
        """Nothing to load: what a recogniser knows is in its module or in the dictionary."""

    @abstractmethod
    def find(self, page: Page) -> Iterable[Hit]:
        """Where this kind of datum stands in ``page.text``. Spans may overlap and repeat."""

    def analyze(self, text: str, entities: list[str],
                nlp_artifacts: NlpArtifacts | None = None) -> list[RecognizerResult]:  # fmt: skip
        """Presidio's door: spans in code points of ``text`` as it was received."""
        reading = nlp_artifacts if isinstance(nlp_artifacts, Reading) else _reader().process_text(text, "ja")
        page = reading.page
        return [self._result(page, kind, hit) for kind, hit in self.named(page) if hit.start < hit.end]

    def named(self, page: Page) -> Iterable[tuple[str, Hit]]:
        """What ``find`` finds, each with its kind."""
        return ((self.kind, hit) for hit in self.find(page))

    def _result(self, page: Page, kind: str, hit: Hit) -> RecognizerResult:
        start, end = page.folded.span(hit.start, hit.end)
        told = {
            RecognizerResult.RECOGNIZER_NAME_KEY: self.file,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
            EVIDENCE_KEY: hit.evidence,
        }
        return RecognizerResult(kind, start, end, hit.score, recognition_metadata=told)


class BesideSomebody(Recognizer):
    """A recogniser whose hits are personal only where somebody is spoken of in the same piece of text.

    ``find`` gives them a score too low to count; ``beside`` is what they are worth there."""

    beside: ClassVar[float]

    def enhance_using_context(self, text: str, raw_recognizer_results: list[Any], other_raw_recognizer_results: list[Any],
                              nlp_artifacts: Any, context: list[str] | None = None) -> list[Any]:  # fmt: skip
        """Presidio's second look, when everybody's findings are known."""
        if not raw_recognizer_results:
            return []
        people = People(text, other_raw_recognizer_results)
        kept = [found for found in raw_recognizer_results if people.around(found.start, found.end)]
        for found in kept:
            found.score = self.beside
        return kept


@cache
def _reader() -> SudachiEngine:
    """For Presidio users with another NLP engine."""
    engine = SudachiEngine()
    engine.load()
    return engine
