"""What somebody is on a day, by the book alone: enrolment, trainings by 年度, acceptance, section."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.office.roster import (
    Needed,
    Page,
    Person,
    Posting,
    Training,
    fiscal_year,
    fiscal_year_ends,
    standing,
)

NEEDED = Needed(("dx", "security"), 0, "2027-04")
START, END = date(2027, 4, 1), date(2028, 3, 31)
MAY = date(2027, 5, 12)
YAMADA = Page(
    Person("012345", "staff", START, END, approved_by="000100"),
    (Posting(START, "都市創造部", "道路課"), Posting(date(2028, 1, 1), "総務部", "人事課")),
    (Training("dx", 2027, MAY), Training("security", 2027, MAY)),
    ("2027-04",),
)


def on(day: date, page: Page = YAMADA, needed: Needed = NEEDED, **person: Any) -> Any:
    return standing(replace(page, person=replace(page.person, **person)), day, needed)


@pytest.mark.requirement("R12")
@pytest.mark.parametrize(
    ("day", "enrolled"),
    [(date(2027, 3, 31), False), (START, True), (END, True), (date(2028, 4, 1), False)],
)
def test_enrolment_counts_from_its_first_day_to_its_last(day: date, enrolled: bool) -> None:
    assert on(day).enrolled is enrolled
    assert on(day, approved_by=None).enrolled is False, "applied for is not enrolled"


@pytest.mark.requirement("R13")
@pytest.mark.parametrize(
    ("day", "grace", "trained"),
    [
        (date(2027, 5, 11), 0, False),
        (MAY, 0, True),
        (date(2028, 3, 31), 0, True),
        (date(2028, 4, 1), 0, False),
        (date(2028, 4, 1), 30, True),
        (date(2028, 4, 30), 30, True),
        (date(2028, 5, 1), 30, False),
    ],
)
def test_a_training_counts_from_its_completion_to_the_end_of_the_year_and_its_grace(
    day: date, grace: int, trained: bool
) -> None:
    assert on(day, needed=replace(NEEDED, grace_days=grace)).trained is trained


@pytest.mark.requirement("R13")
def test_every_course_is_needed_and_a_robot_needs_none() -> None:
    one = replace(YAMADA, trainings=YAMADA.trainings[:1], acknowledged=())
    assert on(MAY, one).trained is False
    assert on(MAY, one, replace(NEEDED, courses=("dx",))).trained is True
    assert on(MAY, one, replace(NEEDED, courses=())).trained is True
    robot = on(MAY, one, kind="robot")
    assert (robot.trained, robot.acknowledged) == (True, True)
    assert on(MAY, one, kind="contractor").trained is False


def test_a_course_that_was_completed_for_the_coming_year_counts_then() -> None:
    early = replace(
        YAMADA, trainings=tuple(Training(course, 2028, date(2028, 3, 20)) for course in NEEDED.courses)
    )
    assert [on(day, early).trained for day in (date(2028, 3, 31), date(2028, 4, 1))] == [False, True]


@pytest.mark.requirement("R3")
def test_the_version_that_counts_must_be_accepted() -> None:
    assert on(MAY).acknowledged is True
    assert on(MAY, needed=replace(NEEDED, rules="2027-10")).acknowledged is False


@pytest.mark.requirement("R17")
def test_the_section_is_the_one_of_the_day() -> None:
    days = (date(2026, 1, 1), START, date(2027, 12, 31), date(2028, 1, 1))
    assert [on(day).section for day in days] == ["道路課", "道路課", "道路課", "人事課"]
    nowhere = on(MAY, replace(YAMADA, postings=()))
    assert (nowhere.department, nowhere.section) == (None, None)


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_a_fiscal_year_goes_from_april_to_march(day: date) -> None:
    year = fiscal_year(day)
    assert date(year, 4, 1) <= day <= fiscal_year_ends(year)
    assert fiscal_year(fiscal_year_ends(year) + timedelta(days=1)) == year + 1


@given(st.dates(date(2026, 1, 1), date(2030, 1, 1)), st.integers(0, 183))
def test_grace_only_ever_lets_more_days_count(day: date, grace: int) -> None:
    if on(day).trained:
        assert on(day, needed=replace(NEEDED, grace_days=grace)).trained
    if day > fiscal_year_ends(2027) + timedelta(days=grace):
        assert not on(day, needed=replace(NEEDED, grace_days=grace)).trained
