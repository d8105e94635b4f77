"""Running text cut into segments that can be searched one by one: at the same places however it comes in.

Two ways of cutting. `Runs` holds back only what may still become a number, an address of mail or a key: letters,
digits and the signs between them, at most 62 characters and two more. `Clauses` holds back to the end of the clause,
where names are searched too. Pure; knows nothing of detection.
"""

import re
from dataclasses import dataclass, field
from typing import Protocol

from redaction.vault import narrow

MOST_OF_A_RUN = 62
"""A run that is longer is cut here or before: what is held back stays within 64 characters."""

_LEAST_OF_A_RUN = 24
MOST_OF_A_CLAUSE = 200


@dataclass(frozen=True, slots=True)
class Segment:
    """``text`` is never cut again; ``search`` says whether anything can be in it; ``cut``: the run goes on."""

    text: str = field(repr=False)
    search: bool
    cut: bool = False


class Segments(Protocol):
    """``feed`` each piece, then ``flush`` once: the segments together are the text."""

    def feed(self, piece: str) -> list[Segment]: ...

    def flush(self) -> list[Segment]: ...


_CORE = "[0-9A-Za-z０-９Ａ-Ｚａ-ｚ@＠._+\\-/:=#%&?~*!$^＿．]"
_GLUE = "[ \u3000ー－‐‑‒–—―−()（）]"
_NUMERAL = "[0-9０-９]"
_RUN = re.compile(f"{_CORE}+(?:(?<={_NUMERAL}){_GLUE}{{1,2}}(?={_NUMERAL}){_CORE}+)*")
_BEGIN = re.compile(_CORE)
_ENOUGH = MOST_OF_A_RUN + 4
"""Of a run no more is looked at than tells whether it is too long: else a long one is read again and again."""

_OPEN = re.compile(f"(?<={_NUMERAL}){_GLUE}{{0,2}}\\Z")
_NUMERALS = re.compile(_NUMERAL)
_LETTERS = re.compile("[A-Za-zＡ-Ｚａ-ｚ]")
_AS_LONG_AS_A_KEY = 16
_SECRET = re.compile(
    r"パス(?:ワード|フレーズ|コード)|合言葉|暗証|秘密|シークレット|トークン|キー|鍵|(?i:pass|pwd|secret|token|key|pin|bearer|credential)"
)
_NEAR = 24
_PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9_]{0,40}(?:_[0-9]{1,6}_[a-z2-7]{4})?")


class Runs:
    """Cuts around runs of letters, digits and the signs between them."""

    def __init__(self) -> None:
        self._held = ""
        self._before = ""

    def feed(self, piece: str) -> list[Segment]:
        return self._cut(self._held + piece, more=True)

    def flush(self) -> list[Segment]:
        return self._cut(self._held, more=False)

    def _cut(self, text: str, more: bool) -> list[Segment]:
        segments: list[Segment] = []
        self._held = ""
        at = 0
        while (begin := _BEGIN.search(text, at)) is not None:
            run = _RUN.match(text, begin.start(), begin.start() + _ENOUGH)
            assert run is not None
            start, end = run.span()
            if start > at:
                self._add(segments, Segment(text[at:start], False))
            if end - start > MOST_OF_A_RUN:
                end = start + _cut_at(text[start : start + MOST_OF_A_RUN])
                self._add(segments, Segment(text[start:end], True, cut=True))
            elif more and (end == len(text) or _OPEN.match(text, end)):
                self._held = text[start:]
                return segments
            else:
                self._add(segments, Segment(text[start:end], self._may_hold(text[start:end])))
            at = end
        if at < len(text):
            self._add(segments, Segment(text[at:], False))
        return segments

    def _add(self, segments: list[Segment], segment: Segment) -> None:
        segments.append(segment)
        self._before = (self._before + segment.text)[-_NEAR:]

    def _may_hold(self, run: str) -> bool:
        """Whether a run is worth a search: four numerals, a mail sign, letters with numerals, or a secret's name before."""
        if narrow(self._before[-1:]) == "[" and _PLACEHOLDER.fullmatch(narrow(run)):
            return False
        numerals = len(_NUMERALS.findall(run))
        if numerals >= 4 or "@" in run or "＠" in run:
            return True
        if len(run) >= _AS_LONG_AS_A_KEY:
            return True
        mixed = numerals > 0 and len(run) >= 6 and _LETTERS.search(run) is not None
        return mixed or (len(run) >= 4 and _SECRET.search(self._before + run) is not None)


_END_OF_CLAUSE = re.compile(f'[。！？\n"]|[!?](?=(?!{_CORE})[\\s\\S])')
"""A ! or ? that letters follow is in a password or an address, and ends nothing."""

_COMMA = re.compile(r"[\s\S]*[、，」』】]")


_BETWEEN_NUMBERS = "()（）/=&?#~"
_WITHIN_OR_BETWEEN = (" \u3000", "ー－‐‑‒–—―−")
"""Signs that join the groups of a number as well as two numbers: those that there are fewer of join numbers."""


def _cut_at(run: str) -> int:
    """Where a run that is too long is cut: behind what joins two numbers, if anything does, else where it must be."""
    either = sorted(_WITHIN_OR_BETWEEN, key=lambda signs: sum(map(run.count, signs)))
    for joints in (_BETWEEN_NUMBERS, *either):
        joint = max(map(run.rfind, joints))
        if joint >= _LEAST_OF_A_RUN:
            return joint + 1
    return len(run)


class Clauses:
    """Cuts after the end of each clause; of one longer than 200 characters after a comma, else before a run."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> list[Segment]:
        text = self._held + piece
        segments: list[Segment] = []
        at = 0
        while True:
            end = _END_OF_CLAUSE.search(text, at, at + MOST_OF_A_CLAUSE + 1)
            if end is not None and end.end() - at <= MOST_OF_A_CLAUSE:
                stop = end.end()
            elif len(text) - at > MOST_OF_A_CLAUSE:
                stop = at + _fitting(text[at : at + MOST_OF_A_CLAUSE])
            else:
                break
            segments.append(_clause(text[at:stop]))
            at = stop
        self._held = text[at:]
        return segments

    def flush(self) -> list[Segment]:
        held, self._held = self._held, ""
        return [_clause(held)] if held else []


def _fitting(clause: str) -> int:
    """How much of a clause that is too long is cut off: no name and no number in two, where that can be helped."""
    comma = _COMMA.match(clause)
    if comma is not None:
        return comma.end()
    start, end = 0, 0
    for run in _RUN.finditer(clause):
        start, end = run.span()
    goes_on = end == len(clause) or _OPEN.match(clause, end) is not None
    return start if start > 0 and goes_on else len(clause)


def _clause(text: str) -> Segment:
    return Segment(text, search=len(text.strip()) > 1)
