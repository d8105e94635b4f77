"""Repeats: a value found once in a request is found wherever else it stands. Pure functions.

What a label or a title gave away in one line must not stay readable in the next, where it stands
bare. Linear in the length of the texts, and the same texts always give the same findings.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from redaction.folding import Folded
from redaction.model import IRREVERSIBLE, Finding
from redaction.names.words import AFTER_A_NAME, NOT_NAMES, TITLES
from redaction.turns import Steps

SHORTEST = 6
"""Characters a value other than a name must have: shorter numbers repeat by chance."""

_SCORE = 0.6
_PIECE = 2_000
_MOST = 500
"""Characters looked through, and findings learned, at a time."""
_JOINTS = re.compile(r"[ ・=,]+")
_KEY = 2
_ORDINARY = frozenset("実心正望学力手目口気人水火木金土日月年中上下前後左右内外新元本方話声道山川海石")
"""Given names of one letter that a sentence has for other things, too."""
_PARTICLE = re.compile("[はがをもと」』、](?![ぁ-ゖ]{2})|の(?![ぁ-ゖ])")
_KANJI = re.compile("[㐀-鿿]")
_KANA_OPENS = re.compile(r"[\s「『(、。・:→/の]")
_KANA_ENDS = re.compile(r"[」』)、。・\s/]|$|さん|くん|ちゃん|様|[がはをもと](?![ぁ-ゖ]{2})")
_NO_NAMES = frozenset(TITLES) | NOT_NAMES


@dataclass(frozen=True, slots=True)
class Sheet:
    """One text of a request, folded, with the spans (folded) of short words that stand free: 山田 in 山田は,
    not in 山田町."""

    folded: Folded
    free: frozenset[tuple[int, int]]


def repeated(sheets: Sequence[Sheet], found: Sequence[Sequence[Finding]]) -> Steps:
    """For every sheet the places where a value found in any of them stands again.

    Names of four and more characters anywhere; of three where no other word grows on or where they stand
    free, of two where they stand free; a given name of one where it stands free before a particle; in
    hiragana between edges; other kinds from ``SHORTEST`` characters. ``found[i]``
    counts code points of the original text ``i``, and so does what is returned, a list of findings for
    each sheet. Yields after each ``_PIECE`` characters, so that others get their turn.
    """
    values: dict[str, str] = {}
    for sheet, findings in zip(sheets, found, strict=True):
        for at in range(0, len(findings), _MOST):
            _learn(values, sheet, findings[at : at + _MOST])
            yield
    more: list[list[Finding]] = [[] for _ in sheets]
    if not values:
        return more
    index = _index(values)
    starts = re.compile("|".join(re.escape(key) for key in sorted({k[0] for k in index})))
    for sheet, again in zip(sheets, more, strict=True):
        at = 0
        while at < len(sheet.folded.text):
            at = _again(sheet, values, index, starts, at, again)
            yield
    return more


def _learn(values: dict[str, str], sheet: Sheet, findings: Sequence[Finding]) -> None:
    """Folded value to kind. Of two kinds that a value has, the irreversible one, else the first by the
    alphabet: any rule, but always one."""
    places = _Places(sheet.folded)
    for finding in findings:
        value = places.text(finding.start, finding.end).strip()
        for part in _worth(finding.label, value):
            kinds = {finding.label, values.get(part, finding.label)}
            values[part] = min(kinds & IRREVERSIBLE or kinds)


_FACTS = frozenset({"JP_SENSITIVE", "JP_PROTECTED_PERSON", "JP_VULNERABLE_LIST", "COORDINATES"})
"""Personal beside a person only: the same words elsewhere are what a programme is called."""


def _worth(label: str, value: str) -> Iterable[str]:
    if label in _FACTS:
        return []
    if label != "PERSON":
        return [value] if len(value) >= SHORTEST else []
    split = _JOINTS.split(value)
    parts = [
        part for part in dict.fromkeys([value, *split]) if len(part) >= _least(part) and part not in _NO_NAMES
    ]
    if len(split) == 2 and len(split[1]) == 1 and _KANJI.match(split[1]) and split[1] not in _ORDINARY:
        parts.append(split[1])  # 塩野谷 律: 律は欠席
    return parts


def _least(part: str) -> int:
    """Characters a name or a part of one must have: アン and May are too many other things."""
    if part.isascii():
        return 5
    return 3 if "ァ" <= part[0] <= "ー" else 2


def _index(values: Iterable[str]) -> dict[str, list[int]]:
    """First ``_KEY`` characters (the one of a shorter value) to the lengths of the values that begin so,
    longest first."""
    lengths: dict[str, set[int]] = defaultdict(set)
    for value in values:
        lengths[value[:_KEY]].add(len(value))
    return {key: sorted(sizes, reverse=True) for key, sizes in lengths.items()}


def _again(sheet: Sheet, values: dict[str, str], index: dict[str, list[int]], starts: "re.Pattern[str]",
           at: int, again: list[Finding]) -> int:  # fmt: skip
    """Adds to ``again`` what stands in one piece of the text, from ``at`` on; returns where it ended."""
    text, stop = sheet.folded.text, at + _PIECE
    while (match := starts.search(text, at, stop)) is not None:
        at = begin = match.start()
        at += 1
        for length in (*index.get(text[begin : begin + _KEY], ()), *index.get(text[begin], ())):
            if begin + length > len(text):
                continue  # what is left of the text may be a shorter value: that one has its own turn
            label = values.get(text[begin : begin + length])
            if label is None or not _whole(sheet, begin, begin + length, label):
                continue
            start, end = sheet.folded.span(begin, begin + length)
            again.append(Finding(label, start, end, _SCORE, "repeats", "repeat"))
            at = begin + length
            break
    return max(at, stop)


def _whole(sheet: Sheet, begin: int, end: int, label: str) -> bool:
    """Not a part of something longer: no digit or Latin letter goes on at either side."""
    text = sheet.folded.text
    if label == "PERSON" and "ぁ" <= text[begin] <= "ゖ":
        return _stands_alone(text, begin, end)
    if label == "PERSON" and end - begin == 1:
        return (begin, end) in sheet.free and _PARTICLE.match(text, end) is not None
    if label == "PERSON" and end - begin == 2 and not text[begin].isascii():
        return (begin, end) in sheet.free
    if label == "PERSON" and end - begin == 3 and _KANJI.match(text, end):
        return (begin, end) in sheet.free or text.startswith(AFTER_A_NAME, end)
    before, after = text[begin - 1 : begin], text[end : end + 1]
    return not (_goes_on(before, text[begin]) or _goes_on(after, text[end - 1]))


def _stands_alone(text: str, begin: int, end: int) -> bool:
    """A name in hiragana between edges: せな in 「せな」を出せ, not in せなか."""
    opens = begin == 0 or _KANA_OPENS.match(text, begin - 1) is not None
    return opens and _KANA_ENDS.match(text, end) is not None


def _goes_on(outside: str, inside: str) -> bool:
    if not outside:
        return False
    both_kana = "ァ" <= outside <= "ヶ" and "ァ" <= inside <= "ヶ"
    return both_kana or (outside.isascii() and outside.isalnum() and inside.isascii() and inside.isalnum())


class _Places:
    """Original code points back to folded characters; both only grow, so bisection finds them."""

    def __init__(self, folded: Folded) -> None:
        self._folded = folded

    def text(self, start: int, end: int) -> str:
        from bisect import bisect_left

        begin = bisect_left(self._folded.starts, start)
        stop = bisect_left(self._folded.starts, end)
        return self._folded.text[begin:stop]
