"""What the ledger's records say of alerts, in whatever order they are read: each is one, and the first who took it on did."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from audit.alerts.model import Alert, Key
from audit.alerts.raised import NotAcknowledged, Raised, acknowledged, alerts_of, urgent_first
from audit.chain import canonical
from audit.model import Draft, Record
from audit.names import moment
from audit.readers import NotForThem, Reader, reader_of
from audit.wording import BadWording
from tests.audit.alerts.counts import NOON, thresholds

RULES = thresholds().rules
REVIEWER = reader_of("900001", "csirt_reviewer", "部", "課")


def alert(id: str, rule: str = "A-03", subject: str = "100123", drill: str = "") -> Draft:
    return Alert(id, RULES[rule], Key(rule, subject, "2026-11-24", drill), NOON, 3, 3, ("x-1",)).draft()


def recorded(*drafts: Draft) -> list[Record]:
    return [
        Record(
            "w1",
            n,
            moment(NOON + timedelta(seconds=n)),
            draft.kind,
            None,
            canonical(draft.body),
            None,
            "h" * 64,
        )
        for n, draft in enumerate(drafts, 1)
    ]


def only(*drafts: Draft) -> Raised:
    (one,) = alerts_of(recorded(*drafts)).values()
    return one


def taken(of: Draft, reader: Reader = REVIEWER, **why: Any) -> Draft:
    return acknowledged(reader, only(of), why.get("incident"), why.get("reason"))


@pytest.mark.requirement("R52")
def test_an_alert_that_stands_twice_is_one_and_the_first_who_took_it_on_did() -> None:
    draft = alert("a-a")
    other = reader_of("900009", "csirt_reviewer", "部", "課")
    records = recorded(
        draft, draft, taken(draft, incident="INC-2026-014"), taken(draft, other, reason="あとから"), draft
    )
    for seed in range(20):
        random.Random(seed).shuffle(records)
        (one,) = alerts_of(records).values()
        assert (one.state, one.acknowledged_by, one.incident, one.reason) == (
            "acknowledged", "900001", "INC-2026-014", None,
        )  # fmt: skip
        assert one.raised_at == datetime.fromisoformat(moment(NOON + timedelta(seconds=1)))
    plain = one.plain()
    assert plain["alert"] == "a-a" and "event" not in plain and plain["acknowledged_at"]


@pytest.mark.requirement("R52")
def test_what_nobody_has_taken_on_comes_first_and_the_most_urgent_of_it() -> None:
    drafts = [
        alert("a-low", "A-09"),
        alert("a-critical", "A-02"),
        alert("a-done", "A-02"),
        alert("a-high", "A-01"),
    ]
    found = alerts_of(recorded(*drafts, taken(drafts[2], reason="確認した")))
    assert [one.id for one in urgent_first(found.values())] == ["a-critical", "a-high", "a-low", "a-done"]


@pytest.mark.requirement("R52", "R59")
def test_drills_are_kept_apart() -> None:
    real, drill = only(alert("a-a")), only(alert("a-b", drill="D-1"))
    assert real.fits("open") and not real.fits("open", drills=True)
    assert drill.fits("open", drills=True) and not drill.fits("all")
    assert real.fits("all", "medium", "A-03") and not real.fits("all", "high")
    assert not real.fits("acknowledged") and not real.fits("open", rule="A-01")


@pytest.mark.requirement("R9", "R52")
def test_only_a_reviewer_takes_one_on_with_a_reason_and_not_about_themselves() -> None:
    draft = alert("a-a")
    for role in ("auditor", "cio_advisor", "section_head", "operator", "staff_member"):
        with pytest.raises(NotForThem):
            taken(draft, reader_of("900002", role, "部", "課"), reason="x")
    for why in ({}, {"reason": "  "}):
        with pytest.raises(NotAcknowledged):
            taken(draft, **why)
    for bad in ({"incident": "事案"}, {"reason": "123456789018の件"}, {"reason": "あ" * 501}):
        with pytest.raises(BadWording):
            taken(draft, **bad)
    with pytest.raises(NotAcknowledged, match="自分について"):
        taken(alert("a-b", subject="900001"), reason="x")
    done = alerts_of(recorded(draft, taken(draft, reason="x")))["a-a"]
    with pytest.raises(NotAcknowledged, match="もう引き受け"):
        acknowledged(REVIEWER, done, None, "y")
