"""A drill in a running house: its exchanges are checked like everything else, and stand in no figure."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from audit.address import address_of
from audit.alerts.model import Alert, Key
from audit.ledger import Ledger
from audit.review import COUNTED_BY
from proxy.__main__ import app
from proxy.alerting.terms import parse
from proxy.home import Home
from proxy.office.keys import KeyBook
from proxy.office.register import FRESH
from proxy.office.store import office_of
from proxy.settings import Settings
from tests.proxy.conftest import ROOT, post
from tests.proxy.halls import Hall, furnished

SCENARIO = str(ROOT / "proxy" / "drills" / "my-number.yaml")
NUMBER = {
    "model": "echo",
    "messages": [{"role": "user", "content": "個人番号 123456789018 の方の記録をまとめて"}],
}
PLAIN = {
    "model": "echo",
    "messages": [{"role": "user", "content": "道路の陥没について、お知らせの文を書いてください"}],
}
WHY = ("--reason", "年次の訓練")


@pytest.fixture
def hall(serve: Callable[..., str], settings: Settings) -> Iterator[Hall]:
    hall = furnished(serve().removesuffix("/v1"), settings)
    hall.ready()
    yield hall


def run(hall: Hall, who: str, *arguments: str) -> Result:
    env = {"SEKISHO_KEY": hall.keys[who], "SEKISHO_HOME": str(hall.settings.home)}
    env |= {"SEKISHO_LEDGER": hall.settings.ledger_location}
    return CliRunner().invoke(app, list(arguments), env=env)


def line(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[0])


def key_of(hall: Hall, who: str) -> str:
    with closing(office_of(hall.settings)) as office:
        every = KeyBook(office, Home(hall.settings.home).secret()).list()
    return next(one.id for one in every if one.person == (None if who == "tool" else hall.id(who)))


def sent(hall: Hall, who: str, body: dict[str, Any]) -> int:
    return post(f"{hall.root}/v1", body, key=hall.keys[who])[0]


def get(hall: Hall, who: str, path: str) -> Any:
    status, told = hall.ask(who, "GET", f"/audit/v1/{path}{'&' if '?' in path else '?'}reason=x")
    assert status == 200, told
    return told


def figures(hall: Hall) -> dict[str, Any]:
    """Everything that is counted for anybody, and what waits to be triaged."""
    told: dict[str, Any] = {}
    for role in ("csirt_reviewer", "governance_board", "section_head", "auditor", "policy_author"):
        for by in COUNTED_BY:
            told[f"{role} {by}"] = get(hall, role, f"counts/{by}")["cells"]
    told["triage"] = [one["exchange"] for one in get(hall, "csirt_reviewer", "triage")["exchanges"]]
    told["campaigns"] = get(hall, "csirt_reviewer", "campaigns")["campaigns"]
    told["incidents"] = get(hall, "csirt_reviewer", "incidents")["incidents"]
    return told


@pytest.mark.requirement("R59")
def test_a_drill_is_played_and_timed_and_nothing_of_it_stands_in_a_figure(hall: Hall) -> None:
    assert sent(hall, "staff_member", PLAIN) == 200, "real, before"
    assert sent(hall, "elsewhere", NUMBER) == 403, "real, and it waits to be triaged"
    before = figures(hall)
    key = key_of(hall, "staff_member")
    drill = line(run(hall, "csirt_reviewer", "drill", "start", SCENARIO, "--key", key, "--json"))["drill"]
    time.sleep(FRESH + 0.1)
    for _ in range(3):
        assert sent(hall, "staff_member", NUMBER) == 403, "it is checked as ever"
    assert sent(hall, "staff_member", PLAIN) == 200
    assert post(f"{hall.root}/v1", b"{", key=hall.keys["staff_member"])[0] == 400
    asked = hall.records("asked")
    mine = [one for one in asked if one.get("drill") == drill]
    assert len(mine) == 5 and all(one["is_test"] is True for one in mine)
    assert all(not one["is_test"] and "drill" not in one for one in asked if one not in mine)
    assert figures(hall) == before, "no figure has changed"
    waiting = get(hall, "csirt_reviewer", f"triage?drill={drill}")["exchanges"]
    assert len(waiting) == 3 and all(one["drill"] == drill and one["is_test"] for one in waiting)

    exchange, real = waiting[0]["exchange"], before["triage"][0]
    ledger = Ledger(address_of(hall.settings.ledger_location), create=False)
    ledger.start()
    rule = parse(None).thresholds.rules["A-02"]
    of_drill = Key(rule.id, hall.id("staff_member"), "2026-11", drill)
    ledger.append_now(Alert("a-drill-1", rule, of_drill, datetime.now(UTC), 3, 3, (exchange,)).draft())
    ledger.stop()
    opened = {"kind": "leak", "title": "番号の訓練", "alerts": ["a-drill-1"]}
    incident = hall.ask("csirt_reviewer", "POST", "/audit/v1/incidents", opened)[1]
    assert (incident["is_drill"], incident["drill"]) == (True, drill), "what it is opened from says so"
    id = incident["incident"]
    link = hall.ask(
        "csirt_reviewer", "POST", f"/audit/v1/incidents/{id}/link", {"exchange": real, "reason": "x1"}
    )
    assert link[1]["error"]["code"] == "incident_mixed"
    form = {"disposition": "incident", "incident": id, "reason": "訓練の記録"}
    assert hall.ask("csirt_reviewer", "POST", f"/audit/v1/exchanges/{exchange}/dispositions", form)[0] == 201
    done = hall.ask(
        "csirt_reviewer", "POST", f"/audit/v1/incidents/{id}/contained", {"reason": "キーを止めた"}
    )
    assert done[0] == 200
    assert figures(hall) == before, "neither its incident nor its dispositions stand in one"
    assert [one["incident"] for one in get(hall, "csirt_reviewer", "incidents?drills=true")["incidents"]] == [
        id
    ]

    told = line(run(hall, "csirt_reviewer", "drill", "status", "--json", *WHY))
    assert told["on"] and [one["result"] for one in told["times"]] == ["met"] * 3
    assert (told["exchanges"], told["alerts"]) == (5, 1)
    assert line(run(hall, "csirt_reviewer", "drill", "finish", drill, "--json"))["ended"]
    assert "終わっています" in run(hall, "csirt_reviewer", "drill", "finish", drill).stderr
    time.sleep(FRESH + 0.1)
    assert sent(hall, "staff_member", PLAIN) == 200
    assert hall.records("asked")[-1]["is_test"] is False, "and then it is real again"
    assert figures(hall) != before
    report = line(run(hall, "auditor", "drill", "report", drill, "--json", *WHY))
    assert report["incidents"][0]["incident"] == id and report["exchanges"] == 5 and not report["on"]
    notes = [one for one in hall.records("noted") if one.get("drill") == drill or one.get("incident") == id]
    assert [one["event"] for one in notes if one["event"].startswith("drill.")] == [
        "drill.started",
        "drill.ended",
    ]
    assert all(one["is_drill"] is True for one in notes if not one["event"].startswith("disposition"))
    assert "訓練花子" not in json.dumps(hall.records("noted"), ensure_ascii=False)


@pytest.mark.requirement("R59")
def test_the_steps_of_a_scenario_are_sent_by_a_key_that_takes_part_and_by_no_other(hall: Hall) -> None:
    send = ("drill", "send", SCENARIO, "--model", "echo", "--url", f"{hall.root}/v1", "--json")
    assert "参加しているキー" in run(hall, "staff_member", *send).stderr
    assert not any(one["operation"] == "chat" for one in hall.records("asked")), "nothing was sent as if real"
    key = key_of(hall, "staff_member")
    drill = line(run(hall, "csirt_reviewer", "drill", "start", SCENARIO, "--key", key, "--json"))["drill"]
    time.sleep(FRESH + 0.1)
    done = run(hall, "staff_member", *send)
    assert done.exit_code == 0, done.output
    told = [json.loads(one) for one in done.stdout.splitlines() if one.startswith("{")]  # beside the log
    assert [one["outcome"] for one in told] == ["refused", "refused", "refused", "answered"]
    assert all(one["as_expected"] for one in told) and len({one["exchange"] for one in told}) == 4
    mine = [one for one in hall.records("asked") if one.get("drill") == drill]
    assert len(mine) == 4 and [one["verdict"] for one in mine] == ["refuse"] * 3 + ["permit"]
    assert mine[0]["entities"].get("JP_MY_NUMBER") == 1 and "訓練花子" not in done.stdout
    nowhere = run(hall, "staff_member", *send[:-3], "--url", "http://127.0.0.1:9/v1")
    assert (nowhere.exit_code, "関所に届きません" in nowhere.stderr) == (2, True)
    assert "参加しているキー" in run(hall, "elsewhere", *send).stderr


@pytest.mark.requirement("R59")
def test_a_drill_that_nobody_ends_hides_nobodys_use_for_longer(hall: Hall) -> None:
    key = key_of(hall, "staff_member")
    line(run(hall, "csirt_reviewer", "drill", "start", SCENARIO, "--key", key, "--hours", "1", "--json"))
    with closing(office_of(hall.settings)) as office:
        book = KeyBook(office, Home(hall.settings.home).secret())
        taking = next(one for one in book.list() if one.id == key)
        assert taking.drill and taking.drill_until
        from datetime import datetime, timedelta

        until = datetime.fromisoformat(taking.drill_until)
        assert (
            taking.drilling(until - timedelta(seconds=1)) == taking.drill and taking.drilling(until) is None
        )
        book.take_part([key], taking.drill, datetime.now(until.tzinfo) - timedelta(seconds=1))
    time.sleep(FRESH + 0.1)
    assert sent(hall, "staff_member", PLAIN) == 200
    assert hall.records("asked")[-1]["is_test"] is False


@pytest.mark.requirement("R9", "R59")
def test_who_begins_a_drill_handles_incidents_and_its_keys_are_persons_own(
    hall: Hall, tmp_path: Path
) -> None:
    key, tool = key_of(hall, "staff_member"), key_of(hall, "tool")

    def start(who: str, *more: str) -> Result:
        return run(hall, who, "drill", "start", SCENARIO, *more)

    for who in ("staff_member", "operator", "auditor", "cio_advisor"):
        assert "役割" in start(who, "--key", key).stderr, who
    assert "ツールのキー" in start("csirt_reviewer", "--key", tool).stderr
    assert "使えるキー" in start("csirt_reviewer", "--key", "k-none").stderr
    assert "1時間から8時間" in start("csirt_reviewer", "--key", key, "--hours", "9").stderr
    assert "drill.started" not in hall.events()
    assert start("csirt_reviewer", "--key", key).exit_code == 0
    assert "ほかの訓練" in start("csirt_reviewer", "--key", key).stderr
    broken = tmp_path / "drill.yaml"
    broken.write_text("title: x\n", "utf-8")
    checked = run(hall, "csirt_reviewer", "drill", "check", str(broken))
    assert checked.exit_code == 1 and "steps: 書かれていません" in checked.stderr
    assert run(hall, "csirt_reviewer", "drill", "check", SCENARIO).exit_code == 0
    out = tmp_path / "report.pdf"
    drill = line(run(hall, "csirt_reviewer", "drill", "status", "--json", *WHY))["drill"]
    assert run(hall, "csirt_reviewer", "drill", "report", drill, "--out", str(out), *WHY).exit_code == 0
    assert out.read_bytes().startswith(b"%PDF-") and hall.records("viewed")[-1]["filters"]["sha256"]
