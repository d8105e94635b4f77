"""The deadlines of 漏えい等報告: a table by the calendar, and laws that hold on every day."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.incidents.closed import NEW_YEAR, Calendar, read_calendar
from audit.incidents.deadlines import deadlines
from audit.months import JST
from policies.days import closed as closed_by_policy


def jst(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=JST)


def days(known: datetime, wrongful: bool = False, calendar: Calendar | None = None) -> list[tuple[str, str]]:
    """(counted, last) of 速報 day 3, 速報 day 5 and 確報."""
    found = deadlines(known, wrongful, calendar)
    return [(one.counted.isoformat(), one.last.isoformat()) for one in found]


TABLE = {
    "a week day: day 1 is the day of knowing": (
        "2026-11-24T09:00",  # Tuesday after 勤労感謝の日
        False,
        [("2026-11-26", "2026-11-26"), ("2026-11-28", "2026-11-30"), ("2026-12-23", "2026-12-23")],
    ),
    "known on a Saturday: that day counts, too": (
        "2026-11-28T10:00",
        False,
        [("2026-11-30", "2026-11-30"), ("2026-12-02", "2026-12-02"), ("2026-12-27", "2026-12-28")],
    ),
    "day 30 is 12-29: the first open day is 1-4": (
        "2026-11-30T12:00",
        False,
        [("2026-12-02", "2026-12-02"), ("2026-12-04", "2026-12-04"), ("2026-12-29", "2027-01-04")],
    ),
    "day 30 is 1-3, a Sunday": (
        "2026-12-05T12:00",
        False,
        [("2026-12-07", "2026-12-07"), ("2026-12-09", "2026-12-09"), ("2027-01-03", "2027-01-04")],
    ),
    "day 30 is 12-28, a Monday: not closed yet": (
        "2026-11-29T12:00",
        False,
        [("2026-12-01", "2026-12-01"), ("2026-12-03", "2026-12-03"), ("2026-12-28", "2026-12-28")],
    ),
    "known on 12-27: both days of the 速報 lie in 年末年始": (
        "2026-12-27T12:00",
        False,
        [("2026-12-29", "2027-01-04"), ("2026-12-31", "2027-01-04"), ("2027-01-25", "2027-01-25")],
    ),
    "年末年始 that a week-end follows: 2025-12-29 to 2026-01-04": (
        "2025-12-27T12:00",
        False,
        [("2025-12-29", "2026-01-05"), ("2025-12-31", "2026-01-05"), ("2026-01-25", "2026-01-26")],
    ),
    "a chain of holidays, GW 2026: 5-3 to 5-5, and 5-6 in the place of 5-3": (
        "2026-05-01T12:00",
        False,
        [("2026-05-03", "2026-05-07"), ("2026-05-05", "2026-05-07"), ("2026-05-30", "2026-06-01")],
    ),
    "day 30 in GW 2026": (
        "2026-04-03T12:00",
        False,
        [("2026-04-05", "2026-04-06"), ("2026-04-07", "2026-04-07"), ("2026-05-02", "2026-05-07")],
    ),
    "GW 2027: Saturday 5-1, and 5-3 to 5-5": (
        "2027-04-29T12:00",
        False,
        [("2027-05-01", "2027-05-06"), ("2027-05-03", "2027-05-06"), ("2027-05-28", "2027-05-28")],
    ),
    "a 振替休日: 2027-03-22 in the place of Sunday 3-21": (
        "2027-02-19T12:00",
        False,
        [("2027-02-21", "2027-02-22"), ("2027-02-23", "2027-02-24"), ("2027-03-20", "2027-03-23")],
    ),
    "a 国民の休日 between two holidays: 2026-09-22": (
        "2026-09-18T12:00",
        False,
        [("2026-09-20", "2026-09-24"), ("2026-09-22", "2026-09-24"), ("2026-10-17", "2026-10-19")],
    ),
    "a wrongful aim: 60 days": (
        "2026-11-28T10:00",
        True,
        [("2026-11-30", "2026-11-30"), ("2026-12-02", "2026-12-02"), ("2027-01-26", "2027-01-26")],
    ),
    "a wrongful aim, day 60 is 12-31": (
        "2026-11-02T10:00",
        True,
        [("2026-11-04", "2026-11-04"), ("2026-11-06", "2026-11-06"), ("2026-12-31", "2027-01-04")],
    ),
    "29 February": (
        "2028-01-31T10:00",
        False,
        [("2028-02-02", "2028-02-02"), ("2028-02-04", "2028-02-04"), ("2028-02-29", "2028-02-29")],
    ),
}


@pytest.mark.requirement("R54")
@pytest.mark.parametrize("name", TABLE)
def test_the_calendar_says_by_when(name: str) -> None:
    known, wrongful, expected = TABLE[name]
    assert days(jst(known), wrongful) == expected


@pytest.mark.requirement("R54")
def test_the_day_of_knowing_is_the_day_in_japan_up_to_its_last_moment() -> None:
    late, early = jst("2026-11-24T23:59:59.999999"), jst("2026-11-25T00:00:00")
    assert days(late)[0][0] == "2026-11-26" and days(early)[0][0] == "2026-11-27"
    assert days(late.astimezone(UTC)) == days(late), "whatever zone it is written in"
    assert late.astimezone(UTC).date() == early.astimezone(UTC).date(), "one day in UTC, and two in Japan"
    with pytest.raises(ValueError, match="zone"):
        deadlines(datetime(2026, 11, 24), False)


def test_the_last_day_lasts_until_midnight_in_japan() -> None:
    (third, *_) = deadlines(jst("2026-11-24T09:00"), False)
    assert third.is_met_by(jst("2026-11-26T23:59:59")) and not third.is_met_by(jst("2026-11-27T00:00"))
    assert [third.days_left(jst(f"2026-11-{day}T12:00")) for day in (24, 26, 27)] == [2, 0, -1]


def test_the_prompt_report_is_called_a_guide_and_the_final_one_is_not() -> None:
    third, fifth, final = deadlines(jst("2026-12-27T12:00"), False)
    assert third.is_guide and fifth.is_guide and not final.is_guide
    assert "目安" in third.japanese and "目安" not in final.japanese
    told = third.plain()
    assert (told["counted"], told["last"], told["guide"]) == ("2026-12-29", "2027-01-04", True)
    assert [one["why"] for one in told["passed"]] == ["年末年始"] * 6, (
        "each day that was passed over says why"
    )


@pytest.mark.requirement("R54")
def test_further_closed_days_are_configured_and_move_the_last_day_on() -> None:
    known = jst("2026-07-15T12:00")  # day 30 is 2026-08-13
    assert days(known)[2] == ("2026-08-13", "2026-08-13")
    for text in ("08-13..08-15", "2026-08-13..2026-08-14", "2026-08-13, 2026-08-14", "08-13 08-14"):
        assert days(known, calendar=read_calendar(text))[2] == ("2026-08-13", "2026-08-17"), text
    assert days(jst("2027-07-15T12:00"), calendar=read_calendar("2026-08-13"))[2][1] == "2027-08-13"
    assert read_calendar("") == Calendar()


@pytest.mark.parametrize(
    "text", ["13-01", "08-32", "2026-13-01", "お盆", "08-13..", "01-01..12-31", "2026-01-01..2026-12-31",
             "2026-08-15..2026-08-13", "0813", "02-30"],
)  # fmt: skip
def test_a_closed_day_that_is_none_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="2026-08-14"):
        read_calendar(text)


def test_a_hall_that_never_opens_is_no_calendar() -> None:
    spans = " ".join(f"{month:02}-01..{month:02}-{28 if month == 2 else 30}" for month in range(1, 13))
    with pytest.raises(ValueError, match="SEKISHO_CLOSED_DAYS"):
        read_calendar(spans)


def test_a_leap_day_is_closed_in_leap_years() -> None:
    calendar = read_calendar("02-29")
    assert calendar.why(date(2028, 2, 29)) == "configured" and calendar.why(date(2027, 3, 1)) is None


DAYS = st.datetimes(datetime(2022, 4, 1), datetime(2040, 12, 31)).map(lambda at: at.replace(tzinfo=JST))
SPANS = st.lists(
    st.dates(date(2027, 1, 1), date(2027, 12, 20)).flatmap(
        lambda first: st.integers(0, 9).map(lambda n: (first, first + timedelta(days=n)))
    ),
    max_size=3,
)


@pytest.mark.requirement("R54")
@given(known=DAYS, wrongful=st.booleans(), spans=SPANS)
def test_the_last_day_is_the_first_open_one_from_the_counted_day_on(
    known: datetime, wrongful: bool, spans: list[tuple[date, date]]
) -> None:
    calendar = read_calendar(" ".join(f"{first:%m-%d}..{last:%m-%d}" for first, last in spans))
    third, fifth, final = found = deadlines(known, wrongful, calendar)
    for one in found:
        assert one.counted == known.date() + timedelta(days=one.day - 1)
        assert one.last >= one.counted and calendar.why(one.last) is None
        between = [one.counted + timedelta(days=n) for n in range((one.last - one.counted).days)]
        assert [closed.day for closed in one.passed] == between
        assert all(calendar.why(day) is not None for day in between), "nothing open lies between"
    assert third.last <= fifth.last <= final.last
    assert final.day == (60 if wrongful else 30)


@given(day=st.dates(date(2022, 1, 1), date(2040, 12, 31)))
def test_the_rules_of_use_and_the_deadlines_know_the_same_closed_days(day: date) -> None:
    assert (Calendar().why(day) is not None) == closed_by_policy(day, (NEW_YEAR,))
