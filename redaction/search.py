"""The search of the texts of one request, and of those that stand encoded in them, window by window; a generator, so
that others get their turn.

Knows Presidio's engine only as something with ``analyze``; starts no thread and keeps no text.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from redaction.allowed import AllowList
from redaction.encoded import Encoded, encoded, named
from redaction.folding import Folded, fold
from redaction.memory import Found, Memory
from redaction.model import IRREVERSIBLE, Finding
from redaction.overlap import join, outside, settle
from redaction.placeholders import beside_placeholders
from redaction.repeats import Sheet, repeated
from redaction.tables import Cell, cells_of
from redaction.turns import Steps
from redaction.windows import windows

if TYPE_CHECKING:
    from redaction.nlp import Reading, SudachiEngine

_PIECE = 400
"""Findings settled at a time."""

Findings = list[tuple[Finding, ...]]
Read = Callable[[str, Folded, bool], Steps]
"""Reads one text, folded too, into `Found`; says whether it may be remembered."""


class Analyzer(Protocol):
    """What is needed of Presidio's AnalyzerEngine; its results are RecognizerResults."""

    def analyze(self, text: str, language: str, *, nlp_artifacts: "Reading",
                score_threshold: float | None) -> list[Any]: ...  # fmt: skip


class Search:
    """How a request is searched: with which engine, what is allowed, what is remembered."""

    def __init__(self, analyzer: Analyzer, engine: "SudachiEngine", allow: AllowList, memory: Memory,
                 strict: float = 0.0) -> None:  # fmt: skip
        """``strict`` is the least score that counts in a strict search; the analyzer knows the usual one."""
        self._analyzer = analyzer
        self._engine = engine
        self._allow = allow
        self._memory = memory
        self._strict = strict

    def steps(self, texts: Sequence[str], strict: bool = False) -> Steps:
        """Search every text; yields within each window, returns `Findings` in code points of each text."""
        return self._all(texts, lambda text, folded, may_keep: self._known(text, folded, strict, may_keep))

    def each(self, texts: Sequence[str]) -> Steps:
        """The same, but every text for itself, and none is remembered: pieces of a reply come once."""
        answer: Findings = []
        for text in texts:
            answer.extend(
                (yield from self._all([text], lambda text, folded, _: self._read(text, folded, None)))
            )
        return answer

    def _all(self, texts: Sequence[str], read: Read) -> Steps:
        """Texts that belong together, with those that are encoded in them: what is found in one is looked for in all."""
        sheets: list[Sheet] = []
        found: Findings = []
        within: list[tuple[int, Encoded, Sheet, tuple[Finding, ...]]] = []
        for number, text in enumerate(texts):
            folded = fold(text)
            yield
            may_keep = True
            for inner in (yield from encoded(folded)):
                plain = fold(inner.text)
                yield
                known = yield from read(inner.text, plain, True)
                may_keep = may_keep and not any(finding.label in IRREVERSIBLE for finding in known.findings)
                within.append((number, inner, Sheet(plain, known.free), known.findings))
            known = yield from read(text, folded, may_keep)
            sheets.append(Sheet(folded, known.free))
            found.append(known.findings)
        again = yield from repeated(
            [*sheets, *(sheet for _, _, sheet, _ in within)], [*found, *(findings for *_, findings in within)]
        )
        opened: list[list[Finding]] = [[] for _ in texts]
        for (number, inner, _, findings), repeats in zip(within, again[len(texts) :], strict=True):
            if findings or repeats:
                opened[number].append(named(inner, [*findings, *repeats]))
        answer: Findings = []
        for text, first, more, inside in zip(texts, found, again[: len(texts)], opened, strict=True):
            if not more and not inside:
                answer.append(first)
                continue
            known = _as_opened(text, first, inside) if inside else first
            together = yield from _together(known, [*more, *inside])
            answer.append(tuple(beside_placeholders(text, together)))
        return answer

    def _known(self, text: str, folded: Folded, strict: bool, may_keep: bool) -> Steps:
        """What is found in a text, from memory where it is known; kept there where it ``may``."""
        known = self._memory.recall(text, strict)
        if known is None:
            known = yield from self._read(text, folded, self._strict if strict else None)
            if may_keep:
                self._memory.keep(text, known, strict)
        return known

    def _read(self, text: str, folded: Folded, least: float | None) -> Steps:
        from redaction.names.free import free_words

        cells = cells_of(folded.text)
        yield
        findings: list[Finding] = []
        free: set[tuple[int, int]] = set()
        passed = 0
        for back, start, end in windows(folded.text):
            while passed < len(cells) and cells[passed].end <= back:
                passed += 1
            reading = self._reading(folded.text, back, end, islice(cells, passed, None))
            yield
            found = (_finding(folded, back, r) for r in self._analyze(reading, least) if back + r.end > start)
            join(findings, (f for f in found if not self._allow.holds(text[f.start : f.end])))
            free.update((back + begin, back + stop) for begin, stop in free_words(reading.page))
            yield
        return Found(tuple(beside_placeholders(text, findings)), frozenset(free))

    def _reading(self, text: str, back: int, end: int, cells: Iterable[Cell]) -> "Reading":
        size = end - back
        near = []
        for cell in cells:
            if cell.begin >= end:
                break
            near.append(cell._replace(begin=max(0, cell.begin - back), end=min(size, cell.end - back)))
        return self._engine.read(Folded(text[back:end], range(size), range(1, size + 1)), near)

    def _analyze(self, reading: "Reading", least: float | None = None) -> list[Any]:
        return self._analyzer.analyze(
            reading.page.text, language="ja", nlp_artifacts=reading, score_threshold=least
        )


def _as_opened(text: str, findings: Iterable[Finding], inside: Sequence[Finding]) -> list[Finding]:
    """Without what was thought of letters that turned out to be another text: that one tells what it is."""
    spans = [(run.start, run.end) for run in settle(inside)]
    guessed = [finding for finding in findings if finding.evidence == "context"]
    known = [finding for finding in findings if finding.evidence != "context"]
    return [*known, *outside(text, guessed, spans)]


def _together(first: Iterable[Finding], more: Iterable[Finding]) -> Steps:
    """Both, settled, as a tuple; a piece at a time."""
    every = sorted([*first, *more], key=lambda finding: finding.start)
    settled: list[Finding] = []
    for at in range(0, len(every), _PIECE):
        join(settled, every[at : at + _PIECE])
        yield
    return tuple(settled)


def _finding(folded: Folded, back: int, result: Any) -> Finding:
    start, end = folded.span(back + result.start, back + result.end)
    told = result.recognition_metadata
    name, why = str(told["recognizer_name"]), told.get("evidence", "pattern")
    return Finding(result.entity_type, start, end, round(float(result.score), 2), name, why)
