"""The clock of a breach: what is met, late and still to come, and what the last answer and decision make of it."""

from datetime import timedelta

import pytest

from audit.incidents import steps
from audit.incidents.clock import clock
from audit.incidents.closed import Calendar
from tests.audit.incidents.played import BOARD, CIO, NOW, WHY, Play

OPEN = Calendar()


def states(play: Play, days: int) -> list[tuple[str, int | None]]:
    """(state, days left) of 速報 day 3, day 5 and 確報, so many days after it was known: Saturday 2026-11-28, 10:00."""
    return [(one.state, one.days_left) for one in clock(play.incident, OPEN, NOW + timedelta(days=days))]


@pytest.mark.requirement("R54")
def test_it_runs_from_the_moment_of_knowing_whoever_has_decided_what() -> None:
    play = Play().opened()
    assert states(play, 0) == [("running", 2), ("running", 4), ("running", 30)], (
        "day 30 is a Sunday: Monday 12-28"
    )
    assert states(play, 2)[0] == ("running", 0)
    assert states(play, 3) == [("late", -1), ("running", 1), ("running", 27)]
    assert states(play, 31) == [("late", -29), ("late", -27), ("late", -1)]
    said = [one.japanese for one in clock(play.incident, OPEN, NOW + timedelta(days=2))]
    assert said == ["今日が期限", "期限まで あと2日", "期限まで あと28日"]
    assert clock(play.incident, OPEN, NOW + timedelta(days=3))[0].japanese == "期限超過 1日"


@pytest.mark.requirement("R54")
def test_a_report_is_in_time_or_late_by_when_it_was_made() -> None:
    play = Play(now=NOW).opened()
    play.now = NOW + timedelta(days=3)
    play.does(steps.reported, "prompt", NOW + timedelta(days=3), play.now)
    assert [state for state, _ in states(play, 9)] == ["met_late", "met", "running"]
    play.does(steps.reported, "prompt", NOW + timedelta(days=1), play.now)
    assert [state for state, _ in states(play, 9)] == ["met", "met", "running"], "the first one counts"
    play.now = NOW + timedelta(days=40)
    play.does(steps.reported, "final", NOW + timedelta(days=31), play.now)
    assert [(one.state, one.is_late) for one in clock(play.incident, OPEN, play.now)][2] == ("met_late", True)


def test_a_final_report_that_comes_first_is_the_prompt_one_too() -> None:
    play = Play().opened().does(steps.reported, "final", NOW, NOW + timedelta(minutes=5))
    assert [state for state, _ in states(play, 20)] == ["met", "met", "met"]


@pytest.mark.requirement("R54", "R55")
def test_sixty_days_hold_where_a_wrongful_aim_was_answered_and_thirty_while_nobody_knows() -> None:
    play = Play().opened()
    days = {}
    for value in ("unknown", "yes", "no"):
        play.does(steps.answered, "wrongful", value, WHY)
        days[value] = clock(play.incident, OPEN, NOW)[2].deadline.day
    assert days == {"unknown": 30, "yes": 60, "no": 30}


def test_what_is_decided_not_to_be_reportable_is_late_no_more_until_it_is_decided_anew() -> None:
    play = Play().opened().does(steps.decided, "not_reportable", WHY, by=CIO)
    assert states(play, 99) == [("not_needed", None)] * 3
    play.does(steps.decided, "reportable", WHY, by=BOARD)
    assert [state for state, _ in states(play, 99)] == ["late"] * 3


def test_what_was_known_earlier_counts_anew_and_what_is_no_leak_has_no_clock() -> None:
    play = Play().opened().does(steps.amended, WHY, NOW, known_at=NOW - timedelta(days=10))
    assert [state for state, _ in states(play, 0)] == ["late", "late", "running"]
    play.does(steps.amended, WHY, NOW, kind="outage")
    assert states(play, 0) == []
