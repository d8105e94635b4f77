"""Overlap: many opinions about one text made into spans that do not overlap. Pure functions.

The invariant: a character that any opinion covered is covered afterwards, but where ``outside`` is told that it is
nobody's.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from redaction.model import IRREVERSIBLE, Finding


def settle(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings of one text, sorted by place, not overlapping, nothing uncovered.

    Spans that share a character become their union. The union is named after its strongest member:
    an irreversible kind before any other, then the longest, then the highest score.
    """
    settled: list[Finding] = []
    group: list[Finding] = []
    end = -1
    for finding in sorted(findings, key=_place):
        if group and finding.start < end:
            end = max(end, finding.end)
        else:
            settled.extend(_union(group, end))
            group, end = [], finding.end
        group.append(finding)
    settled.extend(_union(group, end))
    return tuple(settled)


def join(before: list[Finding], more: Iterable[Finding]) -> None:
    """Add settled or unsettled findings that stand later, or overlap the last ones, to settled ones."""
    new = settle(more)
    tail: list[Finding] = []
    while new and before and before[-1].end > new[0].start:
        tail.append(before.pop())
    before.extend(settle([*tail, *new]) if tail else new)


def outside(text: str, findings: Iterable[Finding], spans: Sequence[tuple[int, int]]) -> Iterator[Finding]:
    """Findings without the characters of ``spans``, both sorted and apart; of one that lies over an edge the pieces
    that have a letter or a digit."""
    passed = 0
    for finding in findings:
        while passed < len(spans) and spans[passed][1] <= finding.start:
            passed += 1
        at, here = finding.start, passed
        while here < len(spans) and spans[here][0] < finding.end:
            yield from _piece(text, finding, at, spans[here][0])
            at = spans[here][1]
            here += 1
        if here == passed:
            yield finding
        else:
            yield from _piece(text, finding, at, finding.end)


def _piece(text: str, finding: Finding, start: int, end: int) -> Iterator[Finding]:
    if start < end and any(letter.isalnum() for letter in text[start:end]):
        yield replace(finding, start=start, end=end)


def _union(group: list[Finding], end: int) -> list[Finding]:
    if len(group) < 2:
        return group
    return [replace(max(group, key=_strength), start=group[0].start, end=end)]


def _strength(finding: Finding) -> tuple[bool, int, bool, float, str, str]:
    # Kind and source last: two equal opinions must not be settled by the order they came in.
    # A repeat knows less than whoever saw the words around the place itself.
    seen = finding.evidence != "repeat"
    irreversible = finding.label in IRREVERSIBLE
    return irreversible, finding.end - finding.start, seen, finding.score, finding.label, finding.source


def _place(finding: Finding) -> tuple[int, int, str, str, float]:
    return finding.start, finding.end, finding.label, finding.source, finding.score
