"""Months and years as Japan counts them. Pure: it asks no clock and no zone database.

    2026-03-31T15:00:00Z         the first moment of April 2026 in Japan
    Month(2026, 4)               令和8年4月, of fiscal year 2026 (年度: 1 April to 31 March), 令和8年度, FY2026
    w20261031T150000Z-4f9c2a     a chain of Month(2026, 11)

The ledger stores UTC; only what is counted or shown by month, fiscal year or day comes through here.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

JST = timezone(timedelta(hours=9), "JST")
"""Without the zone database: slim machines have none, and Japan has no summer time."""

_ERAS = (
    (date(2019, 5, 1), "令和"),
    (date(1989, 1, 8), "平成"),
)
"""The first day of each era, newest first. A day before all of them is written by the common era."""

_WRITER = re.compile(r"w([0-9]{8}T[0-9]{6})Z-[0-9a-f]+")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month in Japan. Months are compared in time."""

    year: int
    month: int

    def __post_init__(self) -> None:
        if not (1 <= self.year <= 9998 and 1 <= self.month <= 12):
            raise ValueError(f"{self.year}-{self.month} is no month")

    def __str__(self) -> str:
        """``2026-04``: text order is time order."""
        return f"{self.year:04}-{self.month:02}"

    def first_moment(self) -> datetime:
        """Midnight in Japan on the first day, in UTC: the month has all from it up to ``next()``'s."""
        return datetime(self.year, self.month, 1, tzinfo=JST).astimezone(UTC)

    def next(self) -> "Month":
        return Month(self.year + 1, 1) if self.month == 12 else Month(self.year, self.month + 1)

    def before(self) -> "Month":
        return Month(self.year - 1, 12) if self.month == 1 else Month(self.year, self.month - 1)

    def months_later(self, count: int) -> "Month":
        """The month ``count`` months after this one; before it for a negative count."""
        months = self.year * 12 + self.month - 1 + count
        return Month(months // 12, months % 12 + 1)

    @property
    def fiscal_year(self) -> int:
        """年度: the year in which its April lay."""
        return self.year if self.month >= 4 else self.year - 1

    @property
    def first_writer(self) -> str:
        """``w20260331T150000Z``: sorts before every writer of this month, behind all of earlier ones."""
        return f"w{self.first_moment():%Y%m%dT%H%M%SZ}"

    @property
    def japanese(self) -> str:
        """``令和8年4月``. A month in which an era changes bears the older name, as on its first day."""
        return f"{_year_words(date(self.year, self.month, 1))}{self.month}月"


def read_month(text: str) -> Month:
    """``2026-04``. Raises ValueError for another form."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}", text, re.ASCII):
        raise ValueError("a month is written like 2026-04")
    return Month(int(text[:4]), int(text[5:]))


def month_of(at: datetime) -> Month:
    """The month in Japan. Raises ValueError for a time without a zone."""
    there = _in_japan(at)
    return Month(there.year, there.month)


def month_of_writer(writer: str) -> Month:
    """The month in Japan in which the chain of this writer began.

    Raises ValueError for a name that does not say when (a test's, or one given by hand).
    """
    found = _WRITER.fullmatch(writer)
    if found is None:
        raise ValueError("this writer's name does not say when its chain began")
    return month_of(datetime.fromisoformat(found[1]).replace(tzinfo=UTC))


def fiscal_year(at: datetime) -> int:
    """年度: it begins on 1 April, 00:00 in Japan, and is called after the year of that day."""
    return month_of(at).fiscal_year


def fiscal_year_words(year: int) -> tuple[str, str]:
    """``("令和8年度", "FY2026")``. The year in which an era began is 元年度 as a whole (cabinet, 2019-04-01)."""
    return f"{_year_words(date(year, 12, 31))}度", f"FY{year}"


def first_month(year: int) -> Month:
    """April of a fiscal year."""
    return Month(year, 4)


def day_words(at: datetime) -> str:
    """``令和8年4月1日``: the day in Japan."""
    there = _in_japan(at).date()
    return f"{_year_words(there)}{there.month}月{there.day}日"


def _in_japan(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a moment must know its time zone")
    return at.astimezone(JST)


def _year_words(day: date) -> str:
    for first, era in _ERAS:
        if day >= first:
            year = day.year - first.year + 1
            return f"{era}元年" if year == 1 else f"{era}{year}年"
    return f"{day.year}年"
