"""Days and hours are those of a city hall in Japan, whatever clock the machine keeps."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.days import JST, closed, day_of
from policies.decide import Policy
from policies.model import Ask, Permit, Refuse

PolicyOf = Callable[..., Policy]
NEW_YEAR = (((12, 29), (1, 3)),)

HOLIDAYS_2026 = [
    *["2026-01-01", "2026-01-12", "2026-02-11", "2026-02-23", "2026-03-20", "2026-04-29"],
    *["2026-05-03", "2026-05-04", "2026-05-05", "2026-05-06", "2026-07-20", "2026-08-11"],
    *["2026-09-21", "2026-09-22", "2026-09-23", "2026-10-12", "2026-11-03", "2026-11-23"],
]
"""国民の祝日 of 2026 with the substitute for Sunday 3 May (6 May) and the citizens' holiday between two (22 September)."""


def test_the_holidays_of_2026_are_closed_and_all_other_weekdays_are_open() -> None:
    day, found = date(2026, 1, 1), []
    while day.year == 2026:
        if closed(day, ()) and (day.weekday() < 5 or day.isoformat() in HOLIDAYS_2026):
            found.append(day.isoformat())
        day += timedelta(days=1)

    assert found == HOLIDAYS_2026


@given(st.dates(date(2020, 1, 1), date(2040, 12, 31)))
def test_saturdays_and_sundays_are_always_closed(day: date) -> None:
    assert day.weekday() < 5 or closed(day, ())


def test_closed_days_over_new_year_are_closed_on_both_sides_and_no_day_longer() -> None:
    weekdays = [date(2026, 12, 28), date(2026, 12, 29), date(2026, 12, 31), date(2027, 1, 4), date(2025, 1, 2), date(2025, 1, 3)]  # fmt: skip

    assert [closed(day, NEW_YEAR) for day in weekdays] == [False, True, True, False, True, True]
    assert [closed(day, ()) for day in weekdays] == [False] * 6


def test_a_span_within_one_year_holds_its_days_alone() -> None:
    summer = (((8, 12), (8, 14)),)

    assert [closed(date(2026, 8, day), summer) for day in (10, 12, 13, 14, 17)] == [
        False,
        True,
        True,
        True,
        False,
    ]


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_day_begins_at_midnight_in_japan_wherever_the_clock_stands(at: datetime) -> None:
    if not 1 < at.year < 9999:
        return
    elsewhere = at.astimezone(timezone(timedelta(hours=-8)))

    assert day_of(at) == day_of(elsewhere) == (at + timedelta(hours=9)).date()


def test_a_rule_for_nights_and_holidays_asks_for_the_hour_in_japan(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    policy = policy_of(
        {"gate": "allow"},
        {"when": {"hours": {"from": "22:00", "until": "06:00"}}, "gate": "deny"},
        {"when": {"holiday": True}, "gate": "deny"},
        closed_days="12-29..01-03",
    )

    def decided(at: str) -> list[str]:
        return [hit.id for hit in policy.decide(replace(ordinary, at=datetime.fromisoformat(at))).decisive]

    assert decided("2026-11-02T12:59:59+00:00") == ["R-0"]  # 21:59:59 in Japan
    assert decided("2026-11-02T13:00:00+00:00") == ["R-1"]
    assert decided("2026-11-02T20:59:59+00:00") == ["R-1", "R-2"]  # 3 November, five in the morning
    assert decided("2026-11-03T21:00:00+00:00") == ["R-0"]
    assert decided("2026-11-01T14:59:59+00:00") == ["R-1", "R-2"]  # Sunday, one second to midnight
    assert decided("2026-12-29T01:00:00+00:00") == ["R-2"]
    assert decided("2026-12-28T01:00:00+00:00") == ["R-0"]


# ── dates of validity ─────────────────────────────────────────────────────────────────────────────

LAST, FIRST = "2026-11-02T23:59:59.999999+09:00", "2026-11-02T00:00:00+09:00"
BEFORE, AFTER = "2026-11-01T23:59:59.999999+09:00", "2026-11-03T00:00:00+09:00"


def at(ask: Ask, moment: str) -> Ask:
    return replace(ask, at=datetime.fromisoformat(moment).astimezone(UTC))


def test_a_rule_counts_from_the_first_to_the_last_moment_of_its_days_in_japan(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    only = {"gate": "allow", "valid_from": "2026-11-02", "valid_until": "2026-11-02"}
    policy = policy_of(only)

    assert isinstance(policy.decide(at(ordinary, FIRST)), Permit)
    assert isinstance(policy.decide(at(ordinary, LAST)), Permit)
    for moment in (BEFORE, AFTER):
        verdict = policy.decide(at(ordinary, moment))
        assert isinstance(verdict, Refuse)
        assert (verdict.rules, verdict.error) == ((), None)


@pytest.mark.parametrize(("dates", "within"), [("valid_from", [False, True, True, True]), ("valid_until", [True, True, True, False])])  # fmt: skip
def test_either_date_may_be_left_out(
    dates: str, within: list[bool], ordinary: Ask, policy_of: PolicyOf
) -> None:
    policy = policy_of({"gate": "allow", dates: "2026-11-02"})

    moments = (BEFORE, FIRST, LAST, AFTER)
    assert [isinstance(policy.decide(at(ordinary, moment)), Permit) for moment in moments] == within


def test_a_table_has_dates_as_a_rule_has(ordinary: Ask, policy_of: PolicyOf) -> None:
    pair = {"ja": "題", "en": "title"}
    table = {
        "id": "T",
        "title": pair,
        "basis": "試験",
        "rows": "class",
        "cells": {"*": "allow"},
        "valid_until": "2026-11-02",
    }
    policy = policy_of({"when": {"category": "training"}, "notice": pair}, tables=[table])

    assert isinstance(policy.decide(at(ordinary, LAST)), Permit)
    assert isinstance(policy.decide(at(ordinary, AFTER)), Refuse)


def test_a_rule_that_is_over_makes_no_search_strict(ordinary: Ask, policy_of: PolicyOf) -> None:
    policy = policy_of({"gate": "allow"}, {"search": "strict", "valid_until": "2026-11-02"})

    assert policy.strict(at(ordinary, LAST))
    assert not policy.strict(at(ordinary, AFTER))


def test_japan_has_one_clock_all_year() -> None:
    assert {datetime(2026, month, 1, tzinfo=JST).utcoffset() for month in range(1, 13)} == {
        timedelta(hours=9)
    }
