"""Days on which nobody takes a report: Saturdays, Sundays, 国民の祝日, 年末年始, and what else is configured. Pure.

    2026-08-14                one day
    08-13..08-15  12-28       days of every year, both ends included
    2026-08-13..2026-08-15    days of one year

12月29日 to 1月3日 are closed by law (行政機関の休日に関する法律) whatever is configured. This room's door to jpholiday,
which is imported when the first day is asked about.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

Why = Literal["saturday", "sunday", "holiday", "new_year", "configured"]
WORDS: dict[Why, str] = {
    "saturday": "土曜日", "sunday": "日曜日", "holiday": "国民の祝日・休日", "new_year": "年末年始", "configured": "閉庁日",
}  # fmt: skip

Span = tuple[tuple[int, int], tuple[int, int]]
"""Days of every year, both included: ``((12, 29), (1, 3))``."""
NEW_YEAR: Span = ((12, 29), (1, 3))

_LONGEST = 31
"""Days of one span that may be configured: a hall that is closed for longer has written something else."""
_MOST = 100
"""Closed days in a row after which somebody must have mistaken the setting."""


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """A day that was passed over, and why."""

    day: date
    why: Why


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are closed. ``days`` are single ones, ``spans`` come every year; both beside those of the law."""

    days: frozenset[date] = frozenset()
    spans: tuple[Span, ...] = ()

    def why(self, day: date) -> Why | None:
        """Why a day is closed; None: it is open."""
        if _within(NEW_YEAR, day):
            return "new_year"
        if _is_holiday(day):
            return "holiday"
        if day.weekday() >= 5:
            return "saturday" if day.weekday() == 5 else "sunday"
        if day in self.days or any(_within(span, day) for span in self.spans):
            return "configured"
        return None

    def next_open(self, day: date) -> tuple[date, tuple[ClosedDay, ...]]:
        """This day where it is open, else the next that is; and the closed ones between. Raises ValueError where there
        is none within reason."""
        passed: list[ClosedDay] = []
        while (why := self.why(day)) is not None:
            passed.append(ClosedDay(day, why))
            if len(passed) > _MOST:
                raise ValueError(_NEVER_OPEN)
            day += timedelta(days=1)
        return day, tuple(passed)


def read_calendar(text: str) -> Calendar:
    """What is configured (SEKISHO_CLOSED_DAYS), parted by spaces or commas. Raises ValueError with a sentence."""
    days: set[date] = set()
    spans: list[Span] = []
    for word in re.split(r"[\s,、]+", text.strip()):
        if not word:
            continue
        first, to, last = word.partition("..")
        if not to:
            last = first
        try:
            if len(first) == 10:
                days |= _days(date.fromisoformat(first), date.fromisoformat(last))
            else:
                spans.append(_span(_month_day(first), _month_day(last)))
        except ValueError:
            raise ValueError(
                f"閉庁日 {word!r} は 2026-08-14、08-13、08-13..08-15 の形で、続けて{_LONGEST}日までです"
                f" / a closed day is written like 2026-08-14, 08-13 or 08-13..08-15, {_LONGEST} days in a row at most"
            ) from None
    calendar = Calendar(frozenset(days), tuple(spans))
    for first_day in days | {date(2027, *span[0]) for span in spans if span[0] != (2, 29)}:
        calendar.next_open(first_day)
    return calendar


def _days(first: date, last: date) -> set[date]:
    count = (last - first).days + 1
    if not 1 <= count <= _LONGEST:
        raise ValueError(count)
    return {first + timedelta(days=n) for n in range(count)}


def _span(first: tuple[int, int], last: tuple[int, int]) -> Span:
    begins, ends = date(2027, *_no_leap(first)), date(2027, *_no_leap(last))
    count = ((ends - begins).days + 1) if begins <= ends else (ends - begins).days + 366
    if not 1 <= count <= _LONGEST:
        raise ValueError(count)
    return first, last


def _no_leap(day: tuple[int, int]) -> tuple[int, int]:
    return (2, 28) if day == (2, 29) else day


def _month_day(text: str) -> tuple[int, int]:
    if not re.fullmatch(r"[0-9]{2}-[0-9]{2}", text, re.ASCII):
        raise ValueError(text)
    day = date.fromisoformat(f"2028-{text}")  # a leap year
    return day.month, day.day


def _within(span: Span, day: date) -> bool:
    (first, last), at = span, (day.month, day.day)
    return first <= at <= last if first <= last else at >= first or at <= last


@lru_cache(maxsize=4096)
def _is_holiday(day: date) -> bool:
    import jpholiday

    return bool(jpholiday.is_holiday(day))


_NEVER_OPEN = (
    f"閉庁日が{_MOST}日より長く続いています。SEKISHO_CLOSED_DAYS を確かめてください"
    f" / more than {_MOST} days in a row are closed: check SEKISHO_CLOSED_DAYS"
)
