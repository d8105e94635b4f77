"""Periods are counted by the calendar in Japan, to the last day."""

from datetime import date, timedelta

import pytest

from audit.periods import Periods, read_period


@pytest.mark.requirement("R49")
@pytest.mark.parametrize(
    ("period", "day", "last"),
    [
        ("5y", "2021-11-27", "2026-11-27"),
        ("1y", "2024-02-29", "2025-02-28"),
        ("1y", "2024-02-28", "2025-02-28"),
        ("1y", "2023-02-28", "2024-02-29"),  # from 1 March 2023: to the end of February 2024
        ("4y", "2024-02-29", "2028-02-29"),
        ("18m", "2025-05-31", "2026-11-30"),
        ("1m", "2026-01-30", "2026-02-28"),
        ("1m", "2026-01-31", "2026-02-28"),
        ("90d", "2026-08-29", "2026-11-27"),
        ("1d", "2026-11-26", "2026-11-27"),
    ],
)
def test_a_period_is_counted_by_the_calendar_and_ends_with_its_last_day(
    period: str, day: str, last: str
) -> None:
    counted, from_day, to_day = read_period(period), date.fromisoformat(day), date.fromisoformat(last)
    assert counted.last_day(from_day) == to_day
    assert not counted.is_over(from_day, to_day)
    assert counted.is_over(from_day, to_day + timedelta(days=1))


@pytest.mark.parametrize("period", ["5y", "1y", "18m", "1m", "13m", "90d", "1d"])
def test_the_newest_day_that_is_due_is_the_last_one(period: str) -> None:
    counted = read_period(period)
    for days in range(1500):
        today = date(2027, 12, 31) + timedelta(days=days)
        newest = counted.newest_due(today)
        assert counted.is_over(newest, today) and not counted.is_over(newest + timedelta(days=1), today)


@pytest.mark.parametrize("text", ["", "5", "0y", "-1y", "5 y", "5Y", "1.5y", "201y", "５y", "forever"])
def test_a_period_of_another_form_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="5y・18m・90d"):
        read_period(text)


@pytest.mark.requirement("R49")
@pytest.mark.parametrize("text", ["11m", "365d", "1d"])
def test_records_are_never_kept_for_less_than_a_year(text: str) -> None:
    with pytest.raises(ValueError, match="1年より短く"):
        Periods(records=read_period(text))
    Periods(records=read_period("1y"), texts=read_period(text))
