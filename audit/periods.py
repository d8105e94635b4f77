"""How long things are kept, counted by the calendar in Japan. Pure: it asks no clock.

    5y  18m  90d                      five years, eighteen months, ninety days
    2021-03-15, kept 5y               to the end of 2026-03-15; due on 2026-03-16
    2024-02-29, kept 1y               to the end of 2025-02-28

Counted as the Civil Code counts (民法140条, 143条): the day itself does not count, years and months end on the
day before the same day of the calendar, and where there is no such day, at the end of that month.
It decides nothing about a ledger (retention.py).
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, cast

Unit = Literal["y", "m", "d"]

_JAPANESE = {"y": "年", "m": "か月", "d": "日"}
_AT_MOST = {"y": 200, "m": 2_400, "d": 73_000}


@dataclass(frozen=True, slots=True)
class Period:
    """So many years, months or days. ``str()`` is the form it is read from."""

    count: int
    unit: Unit

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"

    @property
    def japanese(self) -> str:
        return f"{self.count}{_JAPANESE[self.unit]}"

    @property
    def at_least_a_year(self) -> bool:
        """Whatever year it is: 365 days are not a leap year."""
        return self.unit == "y" or self.count >= {"m": 12, "d": 366}[self.unit]

    def last_day(self, day: date) -> date:
        """The last day, to its end, on which something of ``day`` is kept."""
        first = day + timedelta(days=1)
        if self.unit == "d":
            return day + timedelta(days=self.count)
        months = first.year * 12 + first.month - 1 + self.count * (12 if self.unit == "y" else 1)
        year, month = months // 12, months % 12 + 1
        if first.day <= monthrange(year, month)[1]:
            return date(year, month, first.day) - timedelta(days=1)
        return date(year, month, monthrange(year, month)[1])

    def is_over(self, day: date, today: date) -> bool:
        """Whether something of ``day`` is due today."""
        return self.last_day(day) < today

    def newest_due(self, today: date) -> date:
        """The newest day whose things are due today: all older ones are due, too."""
        days = {"y": 366, "m": 31, "d": 1}[self.unit] * self.count
        day = today - timedelta(days=days + 5)
        while self.is_over(day + timedelta(days=1), today):
            day += timedelta(days=1)
        return day


def read_period(text: str) -> Period:
    """``5y``, ``18m`` or ``90d``. Raises ValueError, with a sentence, for anything else."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})([ymd])", text.strip(), re.ASCII)
    if found is not None and int(found[1]) <= _AT_MOST[found[2]]:
        return Period(int(found[1]), cast(Unit, found[2]))
    raise ValueError(
        f"保存期間は 5y・18m・90d の形です(年・月・日): {text!r}"
        " / a retention period is written like 5y, 18m or 90d (years, months, days)"
    )


@dataclass(frozen=True, slots=True)
class Periods:
    """What is kept how long. Raises ValueError for records kept less than one year."""

    records: Period = Period(5, "y")
    texts: Period = Period(1, "y")

    def __post_init__(self) -> None:
        if not self.records.at_least_a_year:
            raise ValueError(
                f"記録の保存期間は1年より短くできません: {self.records}"
                f" / records are kept for one year at least, not {self.records}"
            )
