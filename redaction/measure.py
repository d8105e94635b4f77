"""How much is found: a detector judged on documents that people have marked by hand.

A document is a few lines of YAML, its data marked where they stand::

    - id: consult-01
      genre: 電話相談記録
      text: |
        担当　⟪PERSON:南⟫主任
        ⟪PERSON:小鳥遊　優⟫様(⟪DATE_OF_BIRTH:S58.4.1⟫生)より…

A document without a mark is harmless: nothing in it may be found. Knows no recogniser, only findings.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redaction.model import Finding

_MARK = re.compile(r"⟪([A-Z_]+):(.*?)⟫", re.DOTALL)

Find = Callable[[str], Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Datum:
    """One marked datum: code points ``start`` to ``end`` of the text, end exclusive."""

    label: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """One document with what is in it. ``text`` is without the marks."""

    id: str
    genre: str
    text: str
    data: tuple[Datum, ...]


@dataclass(slots=True)
class Tally:
    """What was counted for one type of data (or for one genre).

    data      marked data                       leaked  data of which a character is left uncovered
    named     data wholly covered by findings of their own type
    found     characters found as this type     right   of these, characters that are marked as anything
    """

    data: int = 0
    leaked: int = 0
    named: int = 0
    found: int = 0
    right: int = 0

    @property
    def leak(self) -> float | None:
        return self.leaked / self.data if self.data else None

    @property
    def recall(self) -> float | None:
        return self.named / self.data if self.data else None

    @property
    def precision(self) -> float | None:
        return self.right / self.found if self.found else None


@dataclass(slots=True)
class Measure:
    """The judgement: by type, by genre, and of whole documents.

    closed    documents with data in which nothing is left uncovered
    touched   ids of harmless documents in which something was found
    misses    (document, type, start, end) of every leaked datum; no text
    """

    types: dict[str, Tally] = field(default_factory=dict)
    genres: dict[str, Tally] = field(default_factory=dict)
    documents: int = 0
    closed: int = 0
    harmless: int = 0
    touched: list[str] = field(default_factory=list)
    misses: list[tuple[str, str, int, int]] = field(default_factory=list)
    characters: int = 0

    def figures(self) -> dict[str, Any]:
        """Every figure as plain values, for JSON."""

        def plain(tally: Tally) -> dict[str, Any]:
            return {
                "data": tally.data,
                "leak": tally.leak,
                "recall": tally.recall,
                "precision": tally.precision,
            }

        return {
            "types": {name: plain(tally) for name, tally in sorted(self.types.items())},
            "pooled": plain(pooled(self)),
            "genres": {name: plain(tally) for name, tally in sorted(self.genres.items())},
            "documents": self.documents,
            "closed": self.closed,
            "harmless": self.harmless,
            "touched": len(self.touched),
        }


def parse(id: str, genre: str, marked: str) -> Document:
    """Take the marks out of a text and keep their places. Raises ValueError for a mark that is none."""
    parts: list[str] = []
    data: list[Datum] = []
    at = done = 0
    for mark in _MARK.finditer(marked):
        parts.append(marked[done : mark.start()])
        at += mark.start() - done
        parts.append(mark[2])
        data.append(Datum(mark[1], at, at + len(mark[2])))
        at += len(mark[2])
        done = mark.end()
    parts.append(marked[done:])
    text = "".join(parts)
    if "⟪" in text or "⟫" in text:
        raise ValueError(f"{id}: a mark is not of the form ⟪TYPE:text⟫")
    return Document(id, genre, text, tuple(data))


def documents(folder: Path) -> list[Document]:
    """Every document of every YAML file in a folder, by file name, or of one file. Raises OSError or
    ValueError."""
    import yaml

    read: list[Document] = []
    for file in [folder] if folder.is_file() else sorted(folder.rglob("*.yaml")):
        for entry in yaml.safe_load(file.read_text("utf-8")) or []:
            read.append(parse(str(entry["id"]), str(entry["genre"]), str(entry["text"])))
    if not read:
        raise ValueError(f"{folder}: no documents")
    return read


def measure(read: Iterable[Document], find: Find) -> Measure:
    """Judge ``find`` on documents. White space inside a datum does not count as left uncovered."""
    result = Measure()
    for document in read:
        findings = find(document.text)
        result.characters += len(document.text)
        if document.data:
            _judge(result, document, findings)
        else:
            result.harmless += 1
            if findings:
                result.touched.append(document.id)
        _precision(result, document, findings)
    return result


def _judge(result: Measure, document: Document, findings: Sequence[Finding]) -> None:
    covered = {at for f in findings for at in range(f.start, f.end)}
    by_label: dict[str, set[int]] = {}
    for f in findings:
        by_label.setdefault(f.label, set()).update(range(f.start, f.end))
    leaks = 0
    for datum in document.data:
        places = {at for at in range(datum.start, datum.end) if not document.text[at].isspace()}
        leaked = not places <= covered
        leaks += leaked
        for tally in (_of(result.types, datum.label), _of(result.genres, document.genre)):
            tally.data += 1
            tally.leaked += leaked
            tally.named += places <= by_label.get(datum.label, set())
        if leaked:
            result.misses.append((document.id, datum.label, datum.start, datum.end))
    result.documents += 1
    result.closed += leaks == 0


def _precision(result: Measure, document: Document, findings: Sequence[Finding]) -> None:
    marked = {at for datum in document.data for at in range(datum.start, datum.end)}
    for finding in findings:
        for tally in (_of(result.types, finding.label), _of(result.genres, document.genre)):
            tally.found += finding.end - finding.start
            tally.right += sum(at in marked for at in range(finding.start, finding.end))


def _of(tallies: dict[str, Tally], name: str) -> Tally:
    return tallies.setdefault(name, Tally())


IDENTIFIERS_APART = frozenset(
    {"PERSON", "JP_ADDRESS", "JP_SENSITIVE", "JP_PROTECTED_PERSON", "JP_VULNERABLE_LIST"}
)
"""Types that are not pooled with identifiers, phones, e-mail and dates of birth."""


def pooled(result: Measure) -> Tally:
    """Identifiers, phones, e-mail, dates of birth together."""
    pool = Counter[str]()
    for label, tally in result.types.items():
        if label not in IDENTIFIERS_APART:
            for name in Tally.__slots__:
                pool[name] += getattr(tally, name)
    return Tally(**pool)


def as_table(result: Measure) -> str:
    """The figures as a Markdown table: by type, pooled, whole documents, and the genres that leak."""
    lines = ["| type | data | leak | recall | precision |", "|---|---|---|---|---|"]
    lines += [_row(name, tally) for name, tally in sorted(result.types.items())]
    lines.append(_row("identifiers, phones, e-mail, dates of birth pooled", pooled(result)))
    lines.append("")
    lines.append(f"documents with nothing left uncovered: {result.closed} of {result.documents}")
    lines.append(
        f"harmless documents in which anything is masked: {len(result.touched)} of {result.harmless}"
    )
    leaking = sorted(
        ((name, tally) for name, tally in result.genres.items() if tally.leaked),
        key=lambda item: (-item[1].leaked, item[0]),
    )
    if leaking:
        lines += ["", "| genre | data | leak |", "|---|---|---|"]
        lines += [f"| {name} | {tally.data} | {_percent(tally.leak)} |" for name, tally in leaking]
    return "\n".join(lines)


def _row(name: str, tally: Tally) -> str:
    return (
        f"| {name} | {tally.data} | {_percent(tally.leak)} | {_percent(tally.recall)} "
        f"| {_percent(tally.precision)} |"
    )


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
