"""The detector: personal data found in the texts of a request. The door to Presidio.

Runs on its own threads, bounded, so that one long text never holds up the event loop or another
request. Never touches the network, never logs, never keeps a text after its answer. What cannot be
searched is an accident (``CannotDetect``), never an empty answer.
"""

import asyncio
import os
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from redaction.allowed import AllowList
from redaction.memory import Memory
from redaction.model import CannotDetect
from redaction.search import Findings, Search
from redaction.turns import NoRoom, Steps, Turns

_WARM_UP = (
    "担当：山田太郎様　〒569-0067 大阪府高槻市桃園町2番1号 電話072-674-7111 a@example.jp 昭和58年4月1日生"
)


class Detector:
    """Finds personal data. ``load()`` once, then ``find`` from any task.

    ``allow`` are exact strings that are public, such as the city's own telephone number. ``workers``
    threads search; ``queue`` more requests may wait. ``timeout`` is seconds for one request, waiting
    included. ``threshold`` is the least score, 0.0 to 1.0, that counts, ``strict`` the same for a strict
    search, which finds more and more that is nobody's. ``rules`` is a YAML file of
    recognisers without code (rules.py). ``remember`` texts at most are known again (memory.py).
    """

    def __init__(
        self,
        allow: Iterable[str] = (),
        workers: int = 1,
        queue: int = 256,
        timeout: float = 20.0,
        threshold: float = 0.35,
        strict: float = 0.12,
        rules: Path | None = None,
        remember: int = 20_000,
    ) -> None:
        self._allow = AllowList(allow)
        self._workers, self._places, self._timeout = workers, workers + queue, timeout
        self._threshold, self._strict, self._rules = threshold, min(strict, threshold), rules
        self._memory = Memory(remember)
        self._search: Search | None = None
        self._turns: Turns | None = None

    @property
    def ready(self) -> bool:
        """Loaded, and able to search."""
        return self._turns is not None

    def load(self) -> None:
        """Import Presidio and open the dictionary: seconds, blocking. Call it off the event loop.

        Raises whatever goes wrong; ``ready`` stays False then. A second call does nothing.
        """
        if self.ready:
            return
        self._search = self._loaded()
        self.find_now([_WARM_UP])
        self._turns = Turns(self._workers, self._places)

    def close(self) -> None:
        """Let the threads go. Afterwards ``find`` says ``detector_loading``."""
        turns, self._turns = self._turns, None
        if turns is not None:
            turns.close()

    async def find(self, texts: Sequence[str], strict: bool = False) -> Findings:
        """The findings of each text, sorted, not overlapping, in code points of that text.

        Raises ``CannotDetect``: ``detector_loading`` before ``load()``, ``detector_busy`` when the
        queue is full, ``detector_timeout`` when it took too long, ``detector_broken`` otherwise.
        """
        return await self._found(lambda search: search.steps(tuple(texts), strict))

    async def find_each(self, texts: Sequence[str]) -> Findings:
        """The same for texts that have nothing to do with each other; none of them is remembered."""
        return await self._found(lambda search: search.each(tuple(texts)))

    def find_now(self, texts: Sequence[str], strict: bool = False) -> Findings:
        """As ``find``, on the calling thread, without queue and timeout."""
        steps = self._safe(lambda search: search.steps(tuple(texts), strict))
        while True:
            try:
                next(steps)
            except StopIteration as end:
                found: Findings = end.value
                return found

    async def _found(self, how: Callable[[Search], Steps]) -> Findings:
        if self._turns is None:
            raise CannotDetect("detector_loading")
        try:
            search = self._turns.take(lambda: self._safe(how))
        except NoRoom:
            raise CannotDetect("detector_busy") from None
        try:
            found: Findings = await asyncio.wait_for(asyncio.wrap_future(search), self._timeout)
        except TimeoutError:
            raise CannotDetect("detector_timeout") from None
        return found

    def _safe(self, how: Callable[[Search], Steps]) -> Steps:
        """The search, with every error of it turned into one that quotes nothing."""
        if self._search is None:
            raise CannotDetect("detector_loading")
        try:
            return (yield from how(self._search))
        except Exception as error:
            cause = _without_text(error)
        # Outside the handler, so that the original error, which may quote the text, is not its context.
        raise CannotDetect("detector_broken") from cause

    def _loaded(self) -> Search:
        # numpy's own threads cost more than they bring on small arrays, and spin on busy cores.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry

        from redaction.nlp import SudachiEngine
        from redaction.recognizers import recognizers

        engine = SudachiEngine()
        engine.load()
        registry = RecognizerRegistry(recognizers=recognizers(self._rules), supported_languages=["ja"])
        analyzer = AnalyzerEngine(
            registry=registry,
            nlp_engine=engine,
            supported_languages=["ja"],
            default_score_threshold=self._threshold,
            context_aware_enhancer=_no_enhancer(),
        )
        return Search(analyzer, engine, self._allow, self._memory, self._strict)


def _without_text(error: Exception) -> RuntimeError:
    """What went wrong and where, by type and line: the message of the error may quote the text."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"
    return RuntimeError(f"{type(error).__name__} at {where}")


def _no_enhancer() -> Any:
    """Presidio's context words are stems of European languages; our recognisers read their own."""
    from presidio_analyzer import ContextAwareEnhancer

    class NoEnhancer(ContextAwareEnhancer):
        def enhance_using_context(self, text: str, raw_results: list[Any], *_: Any, **__: Any) -> list[Any]:
            return raw_results

    return NoEnhancer(0.0, 0.0, 0, 0)
