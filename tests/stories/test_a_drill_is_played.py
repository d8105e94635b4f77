"""A drill as the CSIRT plays it, from the third My Number to the closed incident: each step is in the ledger, and nothing of
it in a statistic."""

import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from audit.address import Address
from proxy.office.register import FRESH
from proxy.settings import read
from tests.approving import approving
from tests.audit.ledgers import rows, soon, verified
from tests.proxy.halls import Hall, furnished
from tests.proxy.test_drill import SCENARIO, figures, get, key_of, line, run, sent
from tests.stories.served import serve

REAL = {"model": "echo", "messages": [{"role": "user", "content": "公園の遊具の点検のお知らせを書いて"}]}
ITEMS = {
    "overview": "訓練の筋書きのとおり、個人番号の送信が三度試みられた。",
    "data": "氏名、個人番号、相談の内容。",
    "persons": "一人。",
    "cause": "窓口の記録をそのまま貼り付けた。",
    "secondary_harm": "外には何も出ていないため、ない。",
    "response": "要らない。",
    "publication": "しない。",
    "prevention": "研修で、番号を消してから使うことを確かめる。",
    "other": "訓練である。",
}


@pytest.fixture
def hall(stage: ExitStack, tmp_path: Path, upstream: Any) -> Hall:
    """A running house whose policy keeps originals, with a person of every role."""
    policy = approving(tmp_path, "*", instead={"originals": {"keep_days": 3}})
    checkpoint = serve(
        stage, tmp_path, upstream, Address(tmp_path / "ledger.sqlite"), SEKISHO_POLICY=str(policy)
    )
    settings = read(home=Path(checkpoint.dir), ledger=checkpoint.ledger, policy=str(policy))
    hall = furnished(checkpoint.base_url.removesuffix("/v1"), settings)
    hall.keys["demo"] = checkpoint.key
    time.sleep(FRESH + 0.1)
    return hall


@pytest.mark.timeout(300)
@pytest.mark.requirement("R52", "R53", "R54", "R55", "R59", "R46")
def test_a_drill_from_the_third_my_number_to_the_closed_incident(hall: Hall, tmp_path: Path) -> None:
    assert sent(hall, "elsewhere", REAL) == 200, "the city goes on"
    before, open_alerts = figures(hall), alerts(hall)

    # The drill begins; whoever plays sends what the scenario says.
    key = key_of(hall, "staff_member")
    drill = line(run(hall, "csirt_reviewer", "drill", "start", SCENARIO, "--key", key, "--json"))["drill"]
    time.sleep(FRESH + 0.1)
    url = ("--model", "echo", "--url", f"{hall.root}/v1", "--json")
    played = run(hall, "staff_member", "drill", "send", SCENARIO, *url)
    assert played.exit_code == 0, played.output
    steps = [json.loads(one) for one in played.stdout.splitlines() if one.startswith("{")]
    assert [one["outcome"] for one in steps] == ["refused"] * 3 + ["answered"]

    # Detect: the third attempt is an alert of its own, and it says that this is a drill.
    assert soon(lambda: any(one["rule"] == "A-02" for one in alerts(hall, "&drills=true")), 30)
    (third,) = (one for one in alerts(hall, "&drills=true") if one["rule"] == "A-02")
    assert third["is_drill"] and third["severity"] == "critical" and third["count"] == 3
    assert third["subject"] == hall.id("staff_member")
    assert set(third["exchanges"]) == {one["exchange"] for one in steps[:3]}
    assert alerts(hall) == open_alerts, "among the real ones there is none of it"

    # Triage: what the queue of the drill shows is looked at, and becomes an incident.
    waiting = get(hall, "csirt_reviewer", f"triage?drill={drill}")["exchanges"]
    assert {one["exchange"] for one in waiting} >= set(third["exchanges"])
    said = do(hall, "incidents", {"kind": "leak", "title": "番号の訓練", "alerts": [third["alert"]]})
    incident = said["incident"]
    assert (said["is_drill"], said["drill"]) == (True, drill)
    do(hall, f"alerts/{third['alert']}/acknowledge", {"incident": incident})

    # The same person's other exchange belongs to it, and its original is opened by two persons.
    related = steps[3]["exchange"]
    do(hall, f"incidents/{incident}/link", {"exchange": related, "reason": "同じ職員の記録"})
    asked = {"exchange": related, "incident": incident, "reason": "氏名を確かめる", "hours": 1}
    opening = do(hall, "openings", asked)["id"]
    assert hall.ask("csirt_reviewer", "POST", f"/audit/v1/openings/{opening}/allow")[0] == 403
    assert hall.ask("cio_advisor", "POST", f"/audit/v1/openings/{opening}/allow")[0] == 200
    original = get(hall, "csirt_reviewer", f"openings/{opening}/original?incident={incident}")
    assert "訓練花子" in original["values"].values()

    # The nine items, the six questions, the clock, the way up; another person decides.
    for item, text in ITEMS.items():
        do(hall, f"incidents/{incident}/items/{item}", {"text": text}, "PUT")
    for question in ("special_care", "financial", "wrongful", "over_100", "ordinance", "my_number"):
        value = "yes" if question == "my_number" else "no"
        do(hall, f"incidents/{incident}/answers/{question}", {"value": value, "reason": "記録を見た"}, "PUT")
    shown = get(hall, "csirt_reviewer", f"incidents/{incident}")
    assert [one["day"] for one in shown["clock"]] == [3, 5, 30]
    assert shown["estimate"]["estimate"] is True
    do(hall, f"incidents/{incident}/escalate", {"to": "board", "reason": "訓練の手順"})
    too_early = hall.ask("csirt_reviewer", "POST", f"/audit/v1/incidents/{incident}/close", CLOSED)
    assert too_early[0] == 409, "nobody closes it alone"
    decided = {"outcome": "not_reportable", "reason": "外に出ていない"}
    assert hall.ask("csirt_reviewer", "POST", f"/audit/v1/incidents/{incident}/decision", decided)[0] == 403
    status, told = hall.ask("governance_board", "POST", f"/audit/v1/incidents/{incident}/decision", decided)
    assert status in (200, 201), told
    do(hall, f"incidents/{incident}/contained", {"reason": "本人に伝えた"})

    # On paper, and closed.
    out = tmp_path / "incident.pdf"
    arguments = ("audit", "incidents", "export", incident, "--out", str(out), "--reason", "訓練の講評")
    exported = run(hall, "csirt_reviewer", *arguments)
    assert exported.exit_code == 0 and out.read_bytes().startswith(b"%PDF-"), exported.output
    do(hall, f"incidents/{incident}/close", CLOSED)
    assert line(run(hall, "csirt_reviewer", "drill", "finish", drill, "--json"))["ended"]
    report = line(run(hall, "auditor", "drill", "report", drill, "--json", "--reason", "講評"))
    assert [one["result"] for one in report["times"]] == ["met"] * 3, "detected, triaged, contained in time"

    # Every step is in the ledger, in this order, and every one says that it was a drill.
    noted = [json.loads(body) for (body,) in rows(hall.settings.ledger_location, NOTED)]
    notes = [
        one for one in noted if {drill, incident, opening} & {*map(one.get, ("drill", "incident", "grant"))}
    ]
    assert [one for one in dict.fromkeys(one["event"] for one in notes) if one in STEPS] == STEPS
    assert all(one["is_drill"] for one in notes if one["event"].startswith(("incident.", "drill.", "alert.")))
    views = [one["what"] for one in hall.records("viewed")]
    assert {"alerts", "triage", "original", "incident", "incident_export", "drill_report"} <= set(views)
    assert verified(Address(tmp_path / "ledger.sqlite"), Path(hall.settings.home) / "public.pem").ok

    # And nothing of it stands in a figure.
    assert figures(hall) == before and alerts(hall) == open_alerts
    assert "訓練花子" not in json.dumps(
        hall.records("noted") + hall.records("viewed") + hall.records("asked"), ensure_ascii=False
    )


CLOSED = {"disposition": "no_breach", "reason": "訓練を終えた"}
NOTED = "SELECT body FROM records WHERE kind = 'noted' ORDER BY at, idx"
STEPS = [
    "drill.started",
    "alert.raised",
    "incident.opened",
    "alert.acknowledged",
    "glass.asked",
    "glass.allowed",
    "incident.escalated",
    "incident.decided",
    "incident.contained",
    "incident.closed",
    "drill.ended",
]


def alerts(hall: Hall, more: str = "") -> list[dict[str, Any]]:
    """The open alerts; those of looks at the ledger are left out, for this story looks at it all the time."""
    found = get(hall, "csirt_reviewer", f"alerts?limit=100{more}")["alerts"]
    return [one for one in found if one["rule"] not in ("A-24", "A-25", "A-26", "A-28", "A-23")]


def do(hall: Hall, path: str, form: dict[str, Any], method: str = "POST") -> dict[str, Any]:
    status, told = hall.ask("csirt_reviewer", method, f"/audit/v1/{path}", form)
    assert status in (200, 201), told
    return dict(told)
