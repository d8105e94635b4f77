"""The detector: personal data found in the texts of a request. The only door to Presidio.

Runs on its own threads, bounded, so that one long text never holds up the event loop. Never touches
the network, never logs, never keeps a text after its answer. What cannot be searched is an accident
(``CannotDetect``), never an empty answer.
"""

import asyncio
import threading
import traceback
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any

from redaction.allowed import AllowList
from redaction.folding import Folded, fold
from redaction.model import CannotDetect, Finding
from redaction.names.free import free_words
from redaction.overlap import settle
from redaction.repeats import Sheet, repeated
from redaction.tables import Cell, cells_of
from redaction.windows import windows

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine, RecognizerResult

    from redaction.nlp import Reading, SudachiEngine

_WARM_UP = "担当：山田太郎様　〒569-0067 高槻市桃園町2番1号 電話072-674-7111 a@example.jp 昭和58年4月1日生"


class _Abandoned(Exception):
    """Nobody waits for this answer any more."""


class Detector:
    """Finds personal data. ``load()`` once, then ``find`` from any task.

    ``allow`` are exact strings that are public, such as the city's own telephone number. ``workers``
    threads search; ``queue`` more requests may wait. ``timeout`` is seconds for one request, waiting
    included. ``threshold`` is the least score, 0.0 to 1.0, that counts.
    """

    def __init__(self, allow: Iterable[str] = (), workers: int = 1, queue: int = 64, timeout: float = 20.0,
                 threshold: float = 0.35) -> None:  # fmt: skip
        self._allow = AllowList(allow)
        self._workers, self._places, self._timeout = workers, workers + queue, timeout
        self._threshold = threshold
        self._taken = 0
        self._lock = threading.Lock()
        self._analyzer: AnalyzerEngine | None = None
        self._engine: SudachiEngine | None = None
        self._pool: ThreadPoolExecutor | None = None

    @property
    def ready(self) -> bool:
        """Loaded, and able to search."""
        return self._pool is not None

    def load(self) -> None:
        """Import Presidio and open the dictionary: seconds, blocking. Call it off the event loop.

        Raises whatever goes wrong; ``ready`` stays False then. A second call does nothing.
        """
        if self.ready:
            return
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry

        from redaction.nlp import SudachiEngine
        from redaction.recognizers import recognizers

        engine = SudachiEngine()
        engine.load()
        registry = RecognizerRegistry(recognizers=recognizers(), supported_languages=["ja"])
        self._analyzer = AnalyzerEngine(
            registry=registry,
            nlp_engine=engine,
            supported_languages=["ja"],
            default_score_threshold=self._threshold,
            context_aware_enhancer=_no_enhancer(),
        )
        self._engine = engine
        self.find_now([_WARM_UP])
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="detector")

    def close(self) -> None:
        """Let the threads go. Afterwards ``find`` says ``detector_loading``."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    async def find(self, texts: Sequence[str]) -> list[tuple[Finding, ...]]:
        """The findings of each text, sorted, not overlapping, in code points of that text.

        Raises ``CannotDetect``: ``detector_loading`` before ``load()``, ``detector_busy`` when the
        queue is full, ``detector_timeout`` when it took too long, ``detector_broken`` otherwise.
        """
        stop = threading.Event()
        future = self._submit(tuple(texts), stop)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._timeout)
        except TimeoutError:
            raise CannotDetect("detector_timeout") from None
        finally:
            stop.set()

    def find_now(self, texts: Sequence[str]) -> list[tuple[Finding, ...]]:
        """The same on the calling thread, without queue and timeout."""
        return self._guarded(tuple(texts), threading.Event())

    def _submit(self, texts: tuple[str, ...], stop: threading.Event) -> "Future[list[tuple[Finding, ...]]]":
        pool = self._pool
        if pool is None:
            raise CannotDetect("detector_loading")
        with self._lock:
            if self._taken >= self._places:
                raise CannotDetect("detector_busy")
            self._taken += 1
        future = pool.submit(self._guarded, texts, stop)
        future.add_done_callback(self._leave)
        return future

    def _leave(self, _: "Future[list[tuple[Finding, ...]]]") -> None:
        with self._lock:
            self._taken -= 1

    def _guarded(self, texts: tuple[str, ...], stop: threading.Event) -> list[tuple[Finding, ...]]:
        if self._analyzer is None:
            raise CannotDetect("detector_loading")
        try:
            return self._search(texts, stop)
        except Exception as error:
            cause = _without_text(error)
        # Outside the handler, so that the original error, which may quote the text, is not its context.
        raise CannotDetect("detector_broken") from cause

    def _search(self, texts: tuple[str, ...], stop: threading.Event) -> list[tuple[Finding, ...]]:
        sheets: list[Sheet] = []
        found: list[tuple[Finding, ...]] = []
        for text in texts:
            sheet, findings = self._read(text, stop)
            sheets.append(sheet)
            found.append(settle(findings))
        again = repeated(sheets, found)
        return [settle([*first, *more]) if more else first for first, more in zip(found, again, strict=True)]

    def _read(self, text: str, stop: threading.Event) -> tuple[Sheet, list[Finding]]:
        folded = fold(text)
        cells = cells_of(folded.text)
        findings: list[Finding] = []
        free: set[int] = set()
        passed = 0
        for back, start, end in windows(folded.text):
            if stop.is_set():
                raise _Abandoned
            while passed < len(cells) and cells[passed].end <= back:
                passed += 1
            reading = self._page(folded.text, back, end, islice(cells, passed, None))
            results = self._analyze(reading)
            findings.extend(_finding(folded, back, r) for r in results if back + r.end > start)
            free.update(back + place for place in free_words(reading.page))
        kept = [f for f in findings if not self._allow.holds(text[f.start : f.end])]
        return Sheet(folded, frozenset(free)), kept

    def _page(self, text: str, back: int, end: int, cells: Iterable[Cell]) -> "Reading":
        assert self._engine is not None
        size = end - back
        near = []
        for cell in cells:
            if cell.begin >= end:
                break
            near.append(cell._replace(begin=max(0, cell.begin - back), end=min(size, cell.end - back)))
        return self._engine.read(Folded(text[back:end], range(size), range(1, size + 1)), near)

    def _analyze(self, reading: "Reading") -> "list[RecognizerResult]":
        assert self._analyzer is not None
        return self._analyzer.analyze(reading.page.text, language="ja", nlp_artifacts=reading)


def _finding(folded: Folded, back: int, result: "RecognizerResult") -> Finding:
    start, end = folded.span(back + result.start, back + result.end)
    told = result.recognition_metadata
    return Finding(result.entity_type, start, end, round(float(result.score), 2),
                   str(told["recognizer_name"]), told.get("evidence", "pattern"))  # fmt: skip


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
