"""Days and hours of a city hall in Japan: which day an instant belongs to, and whether the hall is closed.

This room's door to jpholiday (the ledger's is audit/incidents/closed.py), imported when the first rule asks for holidays. Pure otherwise: no clock.
"""

from datetime import date, datetime, timedelta, timezone
from functools import lru_cache

JST = timezone(timedelta(hours=9))
"""Japan has had no daylight saving time since 1951."""

Span = tuple[tuple[int, int], tuple[int, int]]
"""Days of every year, both included: ``((12, 29), (1, 3))``."""


def day_of(at: datetime) -> date:
    """The day in Japan. ``at`` is timezone-aware."""
    return at.astimezone(JST).date()


def between(first: date | None, day: date, last: date | None) -> bool:
    """Whether a day lies within two others, both included; None is no bound."""
    return (first is None or first <= day) and (last is None or day <= last)


@lru_cache(maxsize=1024)
def closed(day: date, spans: tuple[Span, ...]) -> bool:
    """Saturdays, Sundays, 国民の祝日 with their substitutes, and the spans that the policy lists."""
    return day.weekday() >= 5 or any(_within(span, day) for span in spans) or _is_holiday(day)


def _within(span: Span, day: date) -> bool:
    (first, last), at = span, (day.month, day.day)
    return first <= at <= last if first <= last else at >= first or at <= last


def _is_holiday(day: date) -> bool:
    import jpholiday

    return bool(jpholiday.is_holiday(day))
