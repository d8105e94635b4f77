"""Drills: how quickly one was detected, triaged and contained, against its aims, from the records alone."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.incidents import steps
from audit.incidents.drills import (
    PHASES,
    Drill,
    NotDrilled,
    Traces,
    drills_of,
    ended,
    report_paper,
    report_told,
    started,
    timed,
)
from audit.model import Draft, Record
from audit.names import moment
from audit.paper.markdown import markdown
from audit.readers import SIGHTS, NotForThem, reader_of
from tests.audit.incidents.played import CSIRT, NOW, WHY, Play

AIMS: Any = {"detect": 600, "triage": 1_800, "contain": 7_200}


def begun(**more: Any) -> tuple[Drill, Draft]:
    given: dict[str, Any] = {
        "title": "番号の訓練", "kind": "leak", "scenario": "ab" * 32, "aims": AIMS, "keys": ["k-1"], "steps": 3, "hours": 4,
        "now": NOW,
    }  # fmt: skip
    return started(more.pop("reader", CSIRT), **given | more)


def after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


@pytest.mark.requirement("R59")
def test_each_phase_is_timed_from_the_first_exchange_and_held_against_its_aim() -> None:
    drill, _ = begun()
    play = Play(now=after(20)).opened(drill=drill.id)
    play.does(steps.contained, after(125), WHY, after(200))
    traces = Traces([after(7), after(5)], [after(14)], [after(40)], [play.incident])
    found = {one.phase: (one.seconds, one.result) for one in timed(drill, traces, after(200))}
    assert found == {"detect": (540, "met"), "triage": (900, "met"), "contain": (7_200, "met")}
    late = Traces([after(5)], [after(16)], [after(36)], [])
    found = {one.phase: (one.seconds, one.result) for one in timed(drill, late, after(60))}
    assert found == {"detect": (660, "missed"), "triage": (1_860, "missed"), "contain": (None, "running")}


@pytest.mark.requirement("R59")
def test_what_nobody_did_is_said_once_its_time_is_over() -> None:
    drill, _ = begun()
    sent = Traces([after(0)])
    assert [one.result for one in timed(drill, sent, after(9))] == ["running"] * 3
    assert [one.result for one in timed(drill, sent, after(11))] == ["not_done", "running", "running"]
    assert [one.result for one in timed(drill, sent, after(9_999))] == ["not_done"] * 3
    assert [one.result for one in timed(drill, Traces(), after(1))] == ["running"] * 3, "nothing was sent yet"


def test_a_drill_begins_with_keys_for_some_hours_and_ends_once() -> None:
    drill, draft = begun()
    assert draft.body["is_drill"] is True and draft.body["until"] == moment(NOW + timedelta(hours=4))
    assert drill.is_on(after(239)) and not drill.is_on(after(240)), "it ends by itself"
    for wrong in ({"keys": []}, {"hours": 0}, {"hours": 9}):
        with pytest.raises(NotDrilled):
            begun(**wrong)
    over = {one.id: one for one in drills_of(records(draft, ended(CSIRT, drill))).values()}[drill.id]
    assert not over.is_on(after(5))
    with pytest.raises(NotDrilled, match="終わっています"):
        ended(CSIRT, over)
    for role in {*SIGHTS, "operator"} - {"csirt_reviewer"}:
        with pytest.raises(NotForThem):
            begun(reader=reader_of("1", role, "部", "課"))
        with pytest.raises(NotForThem):
            ended(reader_of("1", role, "部", "課"), drill)


def records(*drafts: Draft) -> list[Record]:
    return [
        Record("w", n, moment(after(n)), one.kind, None, json.dumps(dict(one.body)), None, "")
        for n, one in enumerate(drafts)
    ]


@given(st.permutations(range(4)))
def test_the_records_tell_the_drills_in_whatever_order_they_are_read(order: list[int]) -> None:
    (one, first), (_, second) = begun(), begun(title="別の訓練")
    every = records(first, second, ended(CSIRT, one), ended(CSIRT, one))
    mixed = list(itertools.chain.from_iterable(every[part::4] for part in order))
    found = drills_of(mixed)
    assert set(found) == {first.body["drill"], second.body["drill"]}
    assert found[one.id].ended_at == after(2), "the first end counts"


def test_the_report_says_times_aims_and_how_far_the_incident_came() -> None:
    drill, _ = begun()
    play = Play(now=after(20)).opened(drill=drill.id).filled("cause", "overview")
    told = report_told(drill, Traces([after(5)], [after(6)], [], [play.incident]), after(60))
    assert [one["phase"] for one in told["times"]] == list(PHASES)
    assert told["times"][0]["seconds"] == 60 and told["incidents"][0]["items"] == 2
    text = markdown(report_paper(told, "100001", datetime(2026, 11, 28, tzinfo=UTC)))
    assert "【訓練】" in text and "1分" in text and "目標どおり" in text and "2/9" in text
