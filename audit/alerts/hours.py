"""When people are not expected at work: by night, and on days when the hall is closed. In Japan. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache

from audit.months import JST

Span = tuple[tuple[int, int], tuple[int, int]]
"""Days of every year, both included: ``((12, 29), (1, 3))``."""


@dataclass(frozen=True, slots=True)
class Hours:
    """``night_from`` to ``night_until``, over midnight where it is the later one. ``closed_days``: whether Saturdays,
    Sundays, 国民の祝日 and the ``closed`` days of each year count as well."""

    night_from: time = time(22)
    night_until: time = time(5)
    closed_days: bool = True
    closed: tuple[Span, ...] = (((12, 29), (1, 3)),)

    def unusual(self, at: datetime) -> bool:
        """Whether somebody who is at work at this moment is so at an unusual time."""
        local = at.astimezone(JST)
        return self._by_night(local.timetz().replace(tzinfo=None)) or (
            self.closed_days and _closed(local.date(), self.closed)
        )

    def _by_night(self, at: time) -> bool:
        if self.night_from <= self.night_until:
            return self.night_from <= at < self.night_until
        return at >= self.night_from or at < self.night_until


@lru_cache(maxsize=1024)
def _closed(day: date, spans: tuple[Span, ...]) -> bool:
    import jpholiday

    return day.weekday() >= 5 or any(_within(span, day) for span in spans) or bool(jpholiday.is_holiday(day))


def _within(span: Span, day: date) -> bool:
    (first, last), at = span, (day.month, day.day)
    return first <= at <= last if first <= last else at >= first or at <= last
