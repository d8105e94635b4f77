"""Months and fiscal years as Japan counts them (R57)."""

from datetime import UTC, datetime, timedelta

import pytest

from audit import months
from audit.months import JST, Month, fiscal_year, month_of, month_of_writer, read_month
from audit.names import writer_name


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.requirement("R57")
@pytest.mark.parametrize(
    "at, month, words, year",
    [
        ("2026-03-31T14:59:59.999999", Month(2026, 3), "令和8年3月", 2025),
        ("2026-03-31T15:00:00", Month(2026, 4), "令和8年4月", 2026),
        ("2026-12-31T15:00:00", Month(2027, 1), "令和9年1月", 2026),
        ("2019-04-30T14:59:59", Month(2019, 4), "平成31年4月", 2019),
        ("2019-04-30T15:00:00", Month(2019, 5), "令和元年5月", 2019),
        ("2024-02-29T00:00:00", Month(2024, 2), "令和6年2月", 2023),
        ("1990-01-01T00:00:00", Month(1990, 1), "平成2年1月", 1989),
        ("1985-06-01T00:00:00", Month(1985, 6), "1985年6月", 1985),
    ],
)
def test_a_month_begins_at_midnight_in_japan(at: str, month: Month, words: str, year: int) -> None:
    moment = utc(at)
    assert month_of(moment) == month
    assert month_of(moment.astimezone(JST)) == month
    assert month.japanese == words
    assert fiscal_year(moment) == month.fiscal_year == year


@pytest.mark.requirement("R57")
def test_the_fiscal_year_has_a_japanese_and_an_english_name() -> None:
    assert months.fiscal_year_words(fiscal_year(utc("2026-03-31T15:00:00"))) == ("令和8年度", "FY2026")
    assert months.fiscal_year_words(2019) == ("令和元年度", "FY2019")
    assert months.fiscal_year_words(2018) == ("平成30年度", "FY2018")
    assert months.first_month(2026).first_moment() == utc("2026-03-31T15:00:00")


@pytest.mark.requirement("R57")
def test_a_day_is_that_of_japan() -> None:
    assert months.day_words(utc("2026-11-23T16:00:00")) == "令和8年11月24日"
    assert months.day_words(utc("2019-04-30T14:59:59")) == "平成31年4月30日"
    assert months.day_words(utc("2019-04-30T15:00:00")) == "令和元年5月1日"


@pytest.mark.requirement("R57")
def test_a_time_without_a_zone_has_no_month() -> None:
    for ask in (month_of, fiscal_year, months.day_words):
        with pytest.raises(ValueError, match="zone"):
            ask(datetime(2026, 4, 1))


def test_months_follow_each_other_without_gap_or_overlap() -> None:
    month = Month(2018, 11)
    for _ in range(30):
        after = month.next()
        assert after.before() == month < after
        assert str(month) < str(after) and month.first_writer < after.first_writer
        assert read_month(str(month)) == month
        assert month_of(month.first_moment()) == month
        assert month_of(after.first_moment() - timedelta(microseconds=1)) == month
        month = after
    assert month == Month(2018, 11).months_later(30)
    assert month.months_later(-30) == Month(2018, 11)


@pytest.mark.parametrize(
    "writer, month",
    [
        ("w20261031T145959Z-4f9c2a", Month(2026, 10)),
        ("w20261031T150000Z-4f9c2a", Month(2026, 11)),
        ("w20261231T235959Z-ffffff", Month(2027, 1)),
    ],
)
def test_a_chain_belongs_to_the_month_in_which_it_began(writer: str, month: Month) -> None:
    assert month_of_writer(writer) == month
    assert month.first_writer < writer < month.next().first_writer


def test_every_name_the_ledger_makes_up_has_a_month() -> None:
    at = datetime(2026, 10, 31, 23, 59, tzinfo=JST)
    assert month_of_writer(writer_name(at)) == Month(2026, 10)
    assert month_of_writer(writer_name(at + timedelta(minutes=1))) == Month(2026, 11)


@pytest.mark.parametrize("name", ["", "w1", "w20261331T000000Z-aaaaaa", "W20261031T150000Z-4f9c2a", "w2026"])
def test_a_name_that_says_no_time_has_no_month(name: str) -> None:
    with pytest.raises(ValueError):
        month_of_writer(name)


@pytest.mark.parametrize("text", ["2026-4", "2026-13", "2026-00", "２０２６-04", "2026-04-01", "0000-01"])
def test_a_month_has_one_form(text: str) -> None:
    with pytest.raises(ValueError):
        read_month(text)
