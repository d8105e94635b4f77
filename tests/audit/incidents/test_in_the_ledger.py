"""Incidents and drills in a real ledger, in both stores: what is found, what is counted, what each reader sees."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit.address import Address
from audit.catalogue.question import Question
from audit.dispositions import disposition
from audit.incidents import steps
from audit.ledger import Ledger
from audit.model import Draft
from audit.names import exchange_id
from audit.readers import NotForThem, Reader, reader_of
from audit.review import COUNTED_BY, Review
from tests.audit.incidents.played import BOARD, CIO, CSIRT, WHY

AUDITOR = reader_of("100005", "auditor", "", "")
CALLER = {"person": "012345", "department": "部", "section": "課", "key": "k-1"}
TEXT = "[PERSON_1_aaaa]様と[PERSON_2_bbbb]様への、給付金の案内文を二通作ってください"


@pytest.fixture
def place(address: Address) -> Address:
    return address


def now() -> datetime:
    return datetime.now(UTC)


def ask(ledger: Ledger, person: str = "012345", **body: Any) -> str:
    name = exchange_id(now())
    asked = {
        "caller": CALLER | {"person": person},
        "rules": [],
        "alarms": ["A-1"],
        "persons_estimated": 2,
        **body,
    }
    asked |= {"entities": {"PERSON": 2, "JP_MY_NUMBER": 1}, "is_test": "drill" in body, "schema": 3}
    said = json.dumps({"request": {"messages": [{"role": "user", "content": TEXT}]}})
    ledger.append_now(Draft("asked", name, asked, said))
    ledger.append_now(Draft("answered", name, {"egress_state": "unknown"}, json.dumps([{"content": "はい"}])))
    return name


def keep(ledger: Ledger, *drafts: Draft) -> str:
    for draft in drafts:
        ledger.append_now(draft)
    return str(drafts[0].body["incident"])


def figures(ledger: Ledger) -> dict[str, Any]:
    with Review(ledger.address, CSIRT) as review:
        told: dict[str, Any] = {by: review.counts(by, Question(), now()) for by in COUNTED_BY}
        return told | {"triage": review.triage().cards, "campaigns": review.campaigns(now())}


@pytest.mark.requirement("R59")
def test_what_is_of_a_drill_is_found_by_its_drill_and_in_no_figure(ledger: Ledger) -> None:
    real = [ask(ledger, person) for person in ("1", "2", "3")]
    before = figures(ledger)
    assert before["campaigns"] and len(before["triage"]) == 3
    mine = {ask(ledger, person, drill="d-20261128-kk22") for person in ("1", "2", "3", "4", "5", "6")}
    assert figures(ledger) == before
    with Review(ledger.address, CSIRT) as review:
        found = review.exchanges(Question(drill="d-20261128-kk22")).cards
        assert {card["exchange"] for card in found} == mine
        assert {card["exchange"] for card in review.triage(drill="d-20261128-kk22").cards} == mine
        assert all(card["drill"] == "d-20261128-kk22" and card["is_test"] for card in found)
        assert {card["drill"] for card in review.exchanges(Question(exchange=real[0])).cards} == {None}
        assert review.counts("section", Question(drill="d-20261128-kk22"), now()) == []


@pytest.mark.requirement("R53", "R56")
def test_an_incident_is_read_back_with_what_was_linked_and_what_a_disposition_brought(ledger: Ledger) -> None:
    linked, disposed, drilled = ask(ledger), ask(ledger), ask(ledger, drill="d-1")
    with Review(ledger.address, CSIRT) as review:
        evidence = review.evidence([linked], [])
        assert evidence is not None and review.evidence(["01NONE"], []) is None
        assert review.evidence([], ["a-none"]) is None
    id = keep(ledger, *steps.opened(CSIRT, "leak", "誤送信", now(), evidence=evidence))
    for exchange in (disposed, drilled):
        card = {"exchange": exchange, "person": "012345"}
        keep(ledger, disposition(CSIRT, card, "incident", WHY, incident=id, today=now().date()))
    with Review(ledger.address, CSIRT) as review:
        incident = review.incident(id)
        assert incident is not None and incident.exchanges == (linked, disposed), (
            "and what is of a drill is not"
        )
        estimate = review.affected(incident)
        assert (estimate.persons, estimate.exposed, estimate.egress) == (2, 2, {"unknown": 2})
        assert estimate.others == {"JP_MY_NUMBER": 2} and estimate.missing == 0
        gone = steps.Evidence("01GONE", None, "012345")
        incident = review.incident(keep(ledger, steps.linked(CSIRT, incident, gone, WHY)))
    with Review(ledger.address, AUDITOR) as review:
        incident = review.incident(id)
        assert incident is not None and review.affected(incident).missing == 1


@pytest.mark.requirement("R9")
def test_who_sees_which_incident(ledger: Ledger) -> None:
    id = keep(ledger, *steps.opened(CSIRT, "outage", "遅れ", now()))
    drill = keep(ledger, *steps.opened(CSIRT, "leak", "訓練", now(), drill="d-1"))

    def seen(reader: Reader) -> set[str]:
        with Review(ledger.address, reader) as review:
            return set(review.incidents())

    for reader in (CSIRT, AUDITOR, CIO):
        assert seen(reader) == {id, drill}
    assert seen(BOARD) == set()
    with Review(ledger.address, CSIRT) as review:
        incident = review.incident(id)
        assert incident is not None
    keep(ledger, steps.escalated(CSIRT, incident, "headquarters", WHY))
    assert seen(BOARD) == {id}
    for role in ("staff_member", "section_head", "policy_author", "dx_advisor", "operator"):
        with pytest.raises(NotForThem):
            seen(reader_of("1", role, "部", "課"))


def test_an_alert_gives_its_exchanges_and_their_drill(ledger: Ledger) -> None:
    real, drilled = ask(ledger), ask(ledger, drill="d-1")
    for alert, exchanges in (
        ("a-real", [real, "01GONE"]),
        ("a-drill", [drilled]),
        ("a-both", [real, drilled]),
    ):
        body = {
            "event": "alert.raised",
            "by": "sekisho",
            "alert": alert,
            "rule": "blocks",
            "exchanges": exchanges,
        }
        ledger.append_now(Draft("noted", None, body))
    with Review(ledger.address, CSIRT) as review:
        found = {name: review.evidence([], [name]) for name in ("a-real", "a-drill", "a-both")}
    assert [(one.alert, one.exchange, one.drill) for one in found["a-real"] or ()] == [
        ("a-real", None, None), (None, real, None),
    ]  # fmt: skip
    assert [one.drill for one in found["a-drill"] or ()] == ["d-1", "d-1"]
    with pytest.raises(steps.NotDone):
        steps.opened(CSIRT, "leak", "混ざる", now(), evidence=found["a-both"] or ())
    with pytest.raises(NotForThem), Review(ledger.address, CIO) as review:
        review.evidence([], ["a-real"])


def test_the_days_of_a_drill_are_read_back_with_its_traces(ledger: Ledger) -> None:
    from audit.incidents.drills import started

    aims: Any = {"detect": 600, "triage": 1_800, "contain": 7_200}
    drill, draft = started(
        CSIRT, "訓練", "leak", "ab" * 32, aims, ["k-1"], 1, 1, now() - timedelta(seconds=1)
    )
    ledger.append_now(draft)
    mine, other = ask(ledger, drill=drill.id), ask(ledger)
    for exchange in (mine, other):
        body = {
            "event": "alert.raised",
            "by": "sekisho",
            "alert": f"a-{exchange}",
            "rule": "x",
            "exchange": exchange,
        }
        ledger.append_now(Draft("noted", None, body))
        card = {"exchange": exchange, "person": "012345"}
        ledger.append_now(disposition(CSIRT, card, "guidance", WHY, today=now().date()))
    keep(ledger, *steps.opened(CSIRT, "leak", "訓練", now(), drill=drill.id))
    with Review(ledger.address, AUDITOR) as review:
        (known,) = review.drills().values()
        traces = review.traces(known)
    assert known.id == drill.id
    counted = (len(traces.exchanges), len(traces.alerts), len(traces.dispositions), len(traces.incidents))
    assert counted == (1, 1, 1, 1)
