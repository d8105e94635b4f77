"""What is done with an incident: by whom, in which order, with what, and that each step is a record that says all of it."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import wording
from audit.incidents import steps
from audit.incidents.history import incidents_of
from audit.incidents.items import ITEMS
from audit.incidents.model import DISPOSITIONS, LEVELS, Incident, incident_number
from audit.incidents.steps import Evidence, NotDone
from audit.readers import NOBODY, SIGHTS, NotForThem, Reader, at_the_terminal, reader_of
from audit.wording import BadWording
from tests.audit.incidents.played import BOARD, CIO, CSIRT, NOW, OTHER, WHY, Play, exchange

HANDLING: dict[str, Callable[[Reader, Incident], Any]] = {
    "open": lambda reader, one: steps.opened(reader, "leak", "誤送信", NOW),
    "amend": lambda reader, one: steps.amended(reader, one, WHY, NOW, kind="outage"),
    "link": lambda reader, one: steps.linked(reader, one, exchange(9), WHY),
    "unlink": lambda reader, one: steps.unlinked(reader, one, WHY, exchange="01X0001"),
    "remark": lambda reader, one: steps.remarked(reader, one, "電話で確かめた", NOW),
    "escalate": lambda reader, one: steps.escalated(reader, one, "board", WHY),
    "item": lambda reader, one: steps.item(reader, one, "cause", "宛先を誤った"),
    "answer": lambda reader, one: steps.answered(reader, one, "financial", "no", WHY),
    "report": lambda reader, one: steps.reported(reader, one, "prompt", None, NOW + timedelta(hours=1)),
    "contain": lambda reader, one: steps.contained(reader, one, None, WHY, NOW),
    "close": lambda reader, one: steps.closed(reader, one, "resolved", WHY),
}


@contextmanager
def not_done(code: str) -> Iterator[None]:
    with pytest.raises(NotDone) as fault:
        yield
    assert fault.value.code == code and fault.value.ja and fault.value.en


def ready() -> Play:
    """A leak of which everything is there but that it is closed."""
    play = Play().opened(evidence=[exchange(1)]).filled().does(steps.contained, None, WHY, NOW)
    return play.does(steps.decided, "not_reportable", "一人で、公表済みの氏名", by=CIO)


# ── who ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R9", "R53")
@pytest.mark.parametrize("step", [*HANDLING, "reopen", "decide"])
def test_every_step_is_for_its_role_alone(step: str) -> None:
    one = ready().incident
    over = ready().does(steps.closed, "no_breach", WHY).incident
    does: Callable[[Reader], Any] = lambda reader: (  # noqa: E731
        steps.decided(reader, one, "reportable", WHY)
        if step == "decide"
        else steps.reopened(reader, over, WHY)
        if step == "reopen"
        else HANDLING[step](reader, one)
    )
    may = {"cio_advisor", "governance_board"} if step == "decide" else {"csirt_reviewer"}
    for role in {*SIGHTS, "operator", "staff_member"}:
        reader = reader_of("100009", role, "部", "課")
        if role in may:
            assert does(reader)
        else:
            with pytest.raises(NotForThem):
                does(reader)
    for nobody in (NOBODY, at_the_terminal("root")):
        with pytest.raises(NotForThem):
            does(nobody)


def test_nobody_judges_or_closes_what_is_about_their_own_use() -> None:
    play = Play().opened(evidence=[exchange(1, CSIRT.person), exchange(2, CIO.person)]).filled()
    with not_done("own"):
        steps.answered(CSIRT, play.incident, "financial", "no", WHY)
    with not_done("own"):
        steps.decided(CIO, play.incident, "not_reportable", WHY)
    with not_done("own"):
        steps.closed(CSIRT, play.incident, "mistaken", WHY)
    play.does(steps.answered, "financial", "no", WHY, by=OTHER).does(steps.remarked, "自分で気づいた", NOW)
    assert play.does(steps.decided, "reportable", WHY, by=BOARD).incident.decision


@pytest.mark.requirement("R55")
def test_a_decision_takes_a_person_and_a_reason_and_keeps_what_the_answers_pointed_to() -> None:
    play = Play().opened()
    nameless = Reader("", "cio_advisor", SIGHTS["cio_advisor"], CIO.reach)
    with not_done("nobody"):
        steps.decided(nameless, play.incident, "reportable", WHY)
    with pytest.raises(BadWording):
        steps.decided(CIO, play.incident, "reportable", " ")
    assert play.incident.decision is None
    for question in ("special_care", "financial", "wrongful", "over_100", "ordinance"):
        play.does(steps.answered, question, "no", "確かめた")
    assert play.incident.pointed.pointing == "unclear" and play.incident.decision is None
    play.does(steps.answered, "my_number", "yes", "番号が一つあった")
    assert play.incident.pointed.pointing == "applies" and play.incident.decision is None, "nothing decides"
    play.does(steps.decided, "not_reportable", "本人に返した", by=CIO)
    assert (play.last["decided_by"], play.last["by"], play.last["pointing"]) == (
        "100002",
        "100002",
        "applies",
    )
    decision = play.incident.decision
    assert decision is not None and decision.differs
    play.does(steps.decided, "reportable", "委員会に確かめた", by=BOARD)
    assert [one.outcome for one in play.incident.decisions] == ["not_reportable", "reportable"]
    assert [one.value for one in play.incident.answers["my_number"]] == ["yes"]


# ── numbers, words, moments ──────────────────────────────────────────────────────────────────────


@given(st.datetimes(datetime(2026, 1, 1), datetime(2036, 1, 1)))
def test_a_number_is_what_dispositions_and_openings_take(at: datetime) -> None:
    number = incident_number(at.replace(tzinfo=UTC))
    assert wording.incident(number) == number and len(number) == 15


def test_a_number_says_the_day_in_japan_and_is_drawn_again_where_it_is_taken() -> None:
    late = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
    assert incident_number(late).startswith("I-20261128-")
    numbers = {incident_number(late) for _ in range(200)}
    assert len(numbers) > 195 and not numbers & {incident_number(late, numbers) for _ in range(200)}


@pytest.mark.parametrize("text", ["", "  ", "個人番号123456789018の件", "あ" * 4_001])
def test_what_cannot_stay_in_the_ledger_is_refused_in_every_step(text: str) -> None:
    one = Play().opened(evidence=[exchange(1)]).incident
    for step in (
        lambda: steps.opened(CSIRT, "leak", text, NOW),
        lambda: steps.amended(CSIRT, one, text, NOW, kind="outage"),
        lambda: steps.amended(CSIRT, one, WHY, NOW, title=text),
        lambda: steps.linked(CSIRT, one, exchange(2), text),
        lambda: steps.unlinked(CSIRT, one, text, exchange="01X0001"),
        lambda: steps.remarked(CSIRT, one, text, NOW),
        lambda: steps.escalated(CSIRT, one, "board", text),
        lambda: steps.item(CSIRT, one, "cause", text),
        lambda: steps.answered(CSIRT, one, "financial", "no", text),
        lambda: steps.decided(CIO, one, "reportable", text),
        lambda: steps.reported(CSIRT, one, "prompt", None, NOW, reference=text),
        lambda: steps.reported(CSIRT, one, "prompt", None, NOW, reason=text),
        lambda: steps.contained(CSIRT, one, None, text, NOW),
        lambda: steps.closed(CSIRT, one, "resolved", text),
    ):
        with pytest.raises(BadWording):
            step()


def test_a_moment_that_has_not_come_is_none() -> None:
    play = Play().opened(known_at=NOW - timedelta(days=2))
    assert play.incident.known_at == NOW - timedelta(days=2), "it may be known before it is opened"
    ahead, long_ago, bare = NOW + timedelta(hours=1), NOW - timedelta(days=4_000), datetime(2026, 11, 27)
    for code, at in (("future", ahead), ("too_old", long_ago), ("zone", bare)):
        for step in (
            lambda at=at: steps.opened(CSIRT, "leak", "誤送信", NOW, known_at=at),
            lambda at=at: steps.amended(CSIRT, play.incident, WHY, NOW, known_at=at),
            lambda at=at: steps.remarked(CSIRT, play.incident, "x", NOW, at),
            lambda at=at: steps.reported(CSIRT, play.incident, "prompt", at, NOW),
            lambda at=at: steps.contained(CSIRT, play.incident, at, WHY, NOW),
        ):
            with not_done(code):
                step()
    with not_done("before_known"):
        steps.reported(CSIRT, play.incident, "prompt", NOW - timedelta(days=3), NOW)


@pytest.mark.parametrize(
    "step",
    [lambda one: steps.opened(CSIRT, "theft", "x1", NOW), lambda one: steps.escalated(CSIRT, one, "mayor", WHY),
     lambda one: steps.item(CSIRT, one, "weather", "x"), lambda one: steps.answered(CSIRT, one, "pets", "no", WHY),
     lambda one: steps.answered(CSIRT, one, "financial", "maybe", WHY), lambda one: steps.decided(CIO, one, "perhaps", WHY),
     lambda one: steps.reported(CSIRT, one, "second", None, NOW), lambda one: steps.closed(CSIRT, one, "bored", WHY),
     lambda one: steps.amended(CSIRT, one, WHY, NOW, kind="theft")],
)  # fmt: skip
def test_a_word_that_is_none_of_ours_is_refused(step: Any) -> None:
    with not_done("unknown"):
        step(Play().opened().incident)


# ── what belongs to it ───────────────────────────────────────────────────────────────────────────


def test_it_is_opened_from_exchanges_and_alerts_and_each_link_is_a_record_of_the_exchange() -> None:
    alert = Evidence(None, "a-7f3a", "012345", "my_number", None)
    play = Play().opened(evidence=[exchange(1), alert, exchange(1), exchange(2, "012346")])
    assert play.incident.exchanges == ("01X0001", "01X0002") and play.incident.alerts == ("a-7f3a",)
    linked = [json.loads(one.body) for one in play.records[1:]]
    assert [(one["exchange"], one["subject"], one["alert"]) for one in linked] == [
        ("01X0001", "012345", None), (None, "012345", "a-7f3a"), ("01X0002", "012346", None),
    ]  # fmt: skip
    assert play.incident.subjects == {"012345", "012346"}


def test_a_link_is_made_once_and_taken_back_and_the_timeline_keeps_both() -> None:
    play = Play().opened().does(steps.linked, exchange(1), WHY)
    with not_done("linked"):
        steps.linked(CSIRT, play.incident, exchange(1), WHY)
    with not_done("not_linked"):
        steps.unlinked(CSIRT, play.incident, WHY, exchange="01X0002")
    play.does(steps.unlinked, "別の件だった", exchange="01X0001")
    assert play.incident.exchanges == () and play.last["subject"] == "012345"
    assert [one.event for one in play.incident.entries] == ["opened", "linked", "unlinked"]
    with not_done("too_many"):
        steps.opened(CSIRT, "leak", "多い", NOW, evidence=[exchange(n) for n in range(501)])


@pytest.mark.requirement("R59")
def test_a_drill_and_what_is_real_are_never_one_incident() -> None:
    drill = Play().opened(evidence=[exchange(1, drill="d-1")])
    assert drill.incident.is_drill and drill.incident.drill == "d-1", "what it is opened from says so"
    for evidence in (exchange(2), exchange(2, drill="d-2")):
        with not_done("mixed"):
            steps.linked(CSIRT, drill.incident, evidence, WHY)
        with not_done("mixed"):
            steps.opened(CSIRT, "leak", "混ざる", NOW, evidence=[exchange(1, drill="d-1"), evidence])
        with not_done("mixed"):
            steps.opened(CSIRT, "leak", "混ざる", NOW, evidence=[evidence], drill="d-1")
    with not_done("mixed"):
        steps.linked(CSIRT, Play().opened().incident, exchange(1, drill="d-1"), WHY)


@pytest.mark.requirement("R59")
def test_every_record_of_a_drill_says_so() -> None:
    play = Play().opened(drill="d-1").does(steps.linked, exchange(1, drill="d-1"), WHY).filled()
    play.does(steps.escalated, "board", WHY).does(steps.remarked, "進める", NOW).does(
        steps.answered, "my_number", "yes", WHY
    )
    play.does(steps.decided, "reportable", WHY, by=CIO).does(steps.reported, "prompt", None, play.now)
    play.does(steps.reported, "final", None, play.now).does(steps.contained, None, WHY, play.now)
    play.does(steps.unlinked, WHY, exchange="01X0001").does(steps.amended, WHY, NOW, title="訓練")
    play.does(steps.closed, "resolved", WHY).does(steps.reopened, WHY)
    bodies = [json.loads(one.body) for one in play.records]
    assert {body["event"].removeprefix("incident.") for body in bodies} == {
        "opened", "linked", "item", "escalated", "remarked", "answered", "decided", "reported", "contained", "unlinked",
        "amended", "closed", "reopened",
    }  # fmt: skip
    assert all(body["is_drill"] is True and body["incident"] == play.incident.id for body in bodies)
    assert all(json.loads(one.body)["is_drill"] is False for one in Play().opened().filled().records)


# ── up, and to the end ───────────────────────────────────────────────────────────────────────────


def test_it_goes_up_a_step_or_to_the_top_and_never_down() -> None:
    for before, after in itertools.product(LEVELS, repeat=2):
        play = Play().opened()
        if before != "csirt":
            play.does(steps.escalated, before, WHY)
        if LEVELS.index(after) > LEVELS.index(before):
            play.does(steps.escalated, after, WHY)
            assert play.incident.level == after
            passed = LEVELS[LEVELS.index(before) + 1 : LEVELS.index(after)]
            assert play.last["passed_over"] == list(passed), "who was passed over is told"
        else:
            with not_done("not_up"):
                steps.escalated(CSIRT, play.incident, after, WHY)


@pytest.mark.requirement("R53")
def test_a_leak_is_closed_with_nine_items_a_decision_and_what_that_asks_for() -> None:
    play = Play().opened()
    with pytest.raises(NotDone) as fault:
        steps.closed(CSIRT, play.incident, "resolved", WHY)
    codes = [one.code for one in fault.value.missing]
    assert codes == ["decision", *(f"item:{name}" for name in ITEMS), "contained"]
    assert "項目「原因」" in fault.value.ja and "the item cause" in fault.value.en
    for name in ITEMS:
        play.filled(name)
        if name != ITEMS[-1]:
            with not_done("missing"):
                steps.closed(CSIRT, play.incident, "resolved", WHY)
    play.does(steps.contained, None, WHY, play.now).does(steps.decided, "reportable", WHY, by=CIO)
    with pytest.raises(NotDone, match="確報をした記録"):
        steps.closed(CSIRT, play.incident, "resolved", WHY)
    play.does(steps.reported, "prompt", None, play.now)
    with not_done("missing"):
        steps.closed(CSIRT, play.incident, "handed_over", WHY)
    play.does(steps.reported, "final", None, play.now, reference="R8-123")
    play.does(steps.closed, "resolved", "再発防止まで終えた")
    assert (play.incident.state, play.incident.disposition) == ("closed", "resolved")


def test_nobody_alone_makes_a_leak_one_that_never_was() -> None:
    play = Play().opened()
    for disposition in ("no_breach", "mistaken"):
        with pytest.raises(NotDone, match="決定"):
            steps.closed(CSIRT, play.incident, disposition, WHY)
    play.filled("overview", "cause").does(steps.decided, "reportable", WHY, by=CIO)
    with pytest.raises(NotDone, match="報告対象でないという決定"):
        steps.closed(CSIRT, play.incident, "no_breach", WHY)
    play.does(steps.decided, "not_reportable", "誤検出だった", by=BOARD)
    assert steps.closed(CSIRT, play.incident, "no_breach", WHY).body["disposition"] == "no_breach"


@pytest.mark.parametrize("kind", ["outage", "policy_violation", "misinformation_use"])
def test_what_is_no_leak_is_closed_with_what_happened_why_and_what_prevents_it(kind: str) -> None:
    play = Play().opened(kind=kind)
    with pytest.raises(NotDone) as fault:
        steps.closed(CSIRT, play.incident, "resolved", WHY)
    assert [one.code for one in fault.value.missing] == [
        "item:overview", "item:cause", "item:prevention", "contained",
    ]  # fmt: skip
    play.filled("overview", "cause", "prevention").does(steps.contained, None, WHY, play.now)
    assert play.does(steps.closed, "resolved", WHY).incident.state == "closed"
    assert Play().opened(kind=kind).does(steps.closed, "mistaken", WHY).incident.state == "closed"


def test_what_is_closed_is_reopened_before_anything_else() -> None:
    play = ready().does(steps.closed, "no_breach", WHY)
    for step in (
        "amend",
        "link",
        "unlink",
        "remark",
        "escalate",
        "item",
        "answer",
        "report",
        "contain",
        "close",
    ):
        with not_done("closed"):
            HANDLING[step](CSIRT, play.incident)
    with not_done("closed"):
        steps.decided(CIO, play.incident, "reportable", WHY)
    play.does(steps.reopened, "新しい申立て")
    assert (play.incident.state, play.incident.disposition) == ("contained", None)
    with not_done("not_closed"):
        steps.reopened(CSIRT, play.incident, WHY)


def test_an_item_keeps_every_version() -> None:
    play = (
        Play()
        .opened()
        .does(steps.item, "cause", "調べている")
        .does(steps.item, "cause", "宛先の誤り", by=OTHER)
    )
    versions = play.incident.items["cause"]
    assert [(one.text, one.by) for one in versions] == [("調べている", "100001"), ("宛先の誤り", "100004")]
    assert play.last["version"] == 2 and play.incident.item("cause") == versions[-1]
    with not_done("same"):
        steps.item(CSIRT, play.incident, "cause", " 宛先の誤り ")


def test_what_it_was_taken_for_and_when_it_was_known_are_amended_with_a_reason() -> None:
    play = Play().opened(kind="policy_violation")
    earlier = NOW - timedelta(days=1)
    play.does(steps.amended, "個人情報が含まれていた", NOW, kind="leak", known_at=earlier)
    assert (play.incident.kind, play.incident.known_at, play.incident.title) == (
        "leak",
        earlier,
        "誤送信のおそれ",
    )
    with not_done("nothing"):
        steps.amended(CSIRT, play.incident, WHY, NOW)


@given(st.permutations(range(6)))
def test_the_records_tell_the_incident_in_whatever_order_they_are_read(order: list[int]) -> None:
    play = ready().does(steps.closed, "no_breach", WHY).does(steps.reopened, WHY)
    mixed = list(itertools.chain.from_iterable(play.records[part::6] for part in order))
    assert incidents_of(mixed) == {play.incident.id: play.incident}
    assert incidents_of(play.records[1:]) == {}, "one that was never opened is none"
    assert set(DISPOSITIONS) >= {"no_breach", "resolved", "handed_over"}
