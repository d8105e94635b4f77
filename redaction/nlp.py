"""A light Presidio NlpEngine: SudachiPy words instead of a spaCy model.

Reads a text into a page of words with their parts of speech, and answers which readings a word has in
the dictionary. It names no entities itself. Never touches the network; the dictionary is opened by
``load()`` and by nothing else.
"""

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

from redaction.folding import Folded, fold
from redaction.names.variants import MODERN
from redaction.page import Kind, Page, Token
from redaction.tables import Cell, cells_of
from redaction.windows import cut

if TYPE_CHECKING:
    from sudachipy import Dictionary, Tokenizer  # type: ignore[import-untyped,unused-ignore]

CHUNK = 1_500
"""Characters given to Sudachi at once: far below its limit of 49,149 bytes, and quick to return."""

_NAMES: dict[str, Kind] = {"姓": "surname", "名": "given"}
_OTHERS: dict[str, Kind] = {
    "接尾辞": "suffix", "接頭辞": "prefix", "助詞": "particle", "助動詞": "auxiliary", "動詞": "verb",
    "形容詞": "adjective", "形状詞": "adjective", "代名詞": "pronoun", "補助記号": "symbol",
    "記号": "symbol", "空白": "space",
}  # fmt: skip
_UNSPEAKABLE = re.compile("[\ud800-\udfff\x00]")


class Reading(NlpArtifacts):
    """What this engine gives to Presidio: artifacts without entities, and the page itself."""

    def __init__(self, page: Page, engine: "SudachiEngine") -> None:
        words: Any = page.words  # Presidio says a spaCy Doc here, and only hands it on
        super().__init__(entities=[], tokens=words, tokens_indices=page.begins, lemmas=[],
                         nlp_engine=engine, language="ja")  # fmt: skip
        self.page = page


class SudachiEngine(NlpEngine):
    """SudachiPy with ``sudachidict_core``: one dictionary for the process, one tokeniser a thread."""

    def __init__(self) -> None:
        self._dictionary: Dictionary | None = None
        self._kinds: dict[int, Kind] = {}
        self._local = threading.local()

    def load(self) -> None:
        """Open the dictionary (memory-mapped, about 0.3 s)."""
        from sudachipy import Dictionary

        self._dictionary = Dictionary(dict="core")

    def is_loaded(self) -> bool:
        return self._dictionary is not None

    def process_text(self, text: str, language: str) -> Reading:
        """Read one text as it was received: fold it, see its tables, read its words."""
        folded = fold(text)
        return self.read(folded, cells_of(folded.text))

    def process_batch(self, texts: Iterable[str], language: str, batch_size: int = 1, n_process: int = 1,
                      **_: Any) -> Iterator[tuple[str, NlpArtifacts]]:  # fmt: skip
        for text in texts:
            yield text, self.process_text(text, language)

    def is_stopword(self, word: str, language: str) -> bool:
        return False

    def is_punct(self, word: str, language: str) -> bool:
        return False

    def get_supported_entities(self) -> list[str]:
        return []

    def get_supported_languages(self) -> list[str]:
        return ["ja"]

    def read(self, folded: Folded, cells: Sequence[Cell]) -> Reading:
        """Read what is folded already; the caller says what tables it saw, perhaps in a larger text."""
        return Reading(Page(folded, list(self.words(folded.text)), cells, self.readings), self)

    def words(self, text: str) -> Iterator[Token]:
        """The words of a folded text, in order, covering it. ``CHUNK`` characters at a time."""
        spoken = _UNSPEAKABLE.sub("\ufffd", text).translate(MODERN)
        tokenizer, kinds, kind_of = self._tokenizer(), self._kinds, self._kind_of
        at = 0
        while at < len(spoken):
            end = cut(spoken, at, CHUNK)
            for word in tokenizer.tokenize(spoken[at:end]):
                begin, stop = at + word.begin(), at + word.end()
                if begin == stop:
                    continue  # Sudachi takes ⑴ apart into three words, two of them of no length
                kind = kinds.get(word.part_of_speech_id()) or kind_of(word)
                token = Token(spoken[begin:stop], begin, stop, kind, word.is_oov())
                if token.text[-1] == ")" and len(token.text) > 2:
                    yield from _without_bracket(token)
                else:
                    yield token
            at = end

    def readings(self, word: str) -> frozenset[Kind]:
        """The kinds a word has in the dictionary, in its modern spelling. About 3 µs.

        Not remembered between calls: what was looked up may be somebody's name.
        """
        entries = self._opened().lookup(_UNSPEAKABLE.sub("\ufffd", word).translate(MODERN))
        return frozenset(self._kind_of(entry) for entry in entries)

    def _opened(self) -> "Dictionary":
        if self._dictionary is None:
            raise RuntimeError("the dictionary is not loaded")
        return self._dictionary

    def _tokenizer(self) -> "Tokenizer":
        tokenizer: Tokenizer | None = getattr(self._local, "tokenizer", None)
        if tokenizer is None:
            tokenizer = self._local.tokenizer = self._opened().tokenizer(mode="C")
        return tokenizer

    def _kind_of(self, word: Any) -> Kind:
        number = word.part_of_speech_id()
        kind = self._kinds.get(number)
        if kind is None:
            kind = self._kinds[number] = kind_of_speech(word.part_of_speech())
        return kind


def _without_bracket(token: Token) -> Iterator[Token]:
    """Sudachi takes 須藤(すどう) as one word, reading and all; here it is four."""
    text, begin, end = token.text, token.begin, token.end
    opening = begin + max(text.find("("), 0)
    if begin < opening:
        yield token._replace(text=text[: opening - begin], end=opening)
    yield Token(text[opening - begin], opening, opening + 1, "symbol", False)
    if opening + 1 < end - 1:
        yield Token(text[opening - begin + 1 : -1], opening + 1, end - 1, "other", True)
    yield Token(text[-1], end - 1, end, "symbol", False)


def kind_of_speech(speech: Sequence[str]) -> Kind:
    """A kind from a UniDic part of speech such as ("名詞", "固有名詞", "人名", "姓", "*", "*")."""
    major, minor, small, smallest = speech[:4]
    if major != "名詞":
        return _OTHERS.get(major, "other")
    if minor != "固有名詞":
        return "number" if minor == "数詞" else "noun"
    if small == "人名":
        return _NAMES.get(smallest, "person")
    return "place" if small == "地名" else "proper"
