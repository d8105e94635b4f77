"""Alerts in a running house: raised by what people do, told outside, read and taken on; nobody who asks waits for them."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from click.testing import Result
from typer.testing import CliRunner

from proxy.__main__ import app
from proxy.house import build
from proxy.settings import Settings
from tests.audit.ledgers import soon
from tests.proxy.alerting.receivers import Receiver
from tests.proxy.conftest import post
from tests.proxy.halls import Hall, furnished

QUIET = "rules:\n  A-07: {enabled: false}\n  A-09: {enabled: false}\n  A-18: {enabled: false}\n  A-28: {enabled: false}\n"
MINE = {"model": "echo", "messages": [{"role": "user", "content": "私のマイナンバーは123456789018です"}]}
PLAIN = {"model": "echo", "messages": [{"role": "user", "content": "道路の陥没の回答案"}]}


@pytest.fixture
def receivers(tmp_path: Path) -> Iterator[dict[str, Receiver]]:
    made = {kind: Receiver(kind, tmp_path) for kind in ("http", "smtp")}
    yield made
    for one in made.values():
        one.kill()


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, receivers: dict[str, Receiver]) -> Settings:
    """A house with a webhook and a mailbox."""
    (tmp_path / "secret").write_text("himitsu")
    (tmp_path / "alerts.yaml").write_text(
        f"{QUIET}channels:\n"
        f'  - {{name: soc, kind: webhook, url: "http://127.0.0.1:{receivers["http"].port}/hook", severity: critical,'
        f' secret_file: "{tmp_path}/secret"}}\n'
        '  - {name: csirt, kind: mail, severity: high, to: ["csirt@city.example.lg.jp"], digest_seconds: 1}\n',
        "utf-8",
    )
    more = {"alerts": tmp_path / "alerts.yaml", "smtp": f"127.0.0.1:{receivers['smtp'].port}"}
    return settings.model_copy(update=more)


@pytest.fixture
def hall(serve: Callable[..., str], settings: Settings) -> Hall:
    hall = furnished(serve(lambda _: build(settings)).removesuffix("/v1"), settings)
    hall.ready()
    return hall


def ask(
    hall: Hall, who: str, path: str, method: str = "GET", body: Any = None, **asked: Any
) -> tuple[int, Any]:
    query = urlencode({"reason": "警報の確認"} | asked) if method == "GET" else ""
    return hall.ask(who, method, f"/audit/v1/{path}?{query}", body)


def run(hall: Hall, who: str | None, *arguments: str) -> Result:
    key = {} if who is None else {"SEKISHO_KEY": hall.keys[who]}
    env = {
        "SEKISHO_HOME": str(hall.settings.home),
        "SEKISHO_LEDGER": hall.settings.ledger_location,
        "SEKISHO_ALERTS": str(hall.settings.alerts),
        "SEKISHO_SMTP": hall.settings.smtp,
        "SEKISHO_REASON": "警報の確認",
    }
    return CliRunner().invoke(app, ["audit", *arguments], env=env | key)


def table(result: Result) -> list[list[str]]:
    """The lines of a table; the house, in the same process, may log in between."""
    return [line.split("\t") for line in result.stdout.splitlines() if "\t" in line]


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def attempts(hall: Hall, often: int = 3, who: str = "staff_member") -> None:
    for _ in range(often):
        assert post(f"{hall.root}/v1", MINE, key=hall.keys[who])[0] == 403


def raised(hall: Hall, *rules: str) -> None:
    """Wait until these, and no others, are raised."""
    assert soon(lambda: len(hall.alerts()) >= len(rules))
    assert sorted(one["rule"] for one in hall.alerts()) == sorted(rules)


@pytest.mark.requirement("R52")
def test_a_third_my_number_is_raised_told_outside_listed_and_taken_on(
    hall: Hall, receivers: dict[str, Receiver]
) -> None:
    for one in receivers.values():
        one.start()
    attempts(hall)
    raised(hall, "A-01", "A-02")
    third = hall.alerts()[1]
    assert (third["subject"], third["count"], third["severity"]) == (hall.id("staff_member"), 3, "critical")

    status, told = ask(hall, "csirt_reviewer", "alerts")
    assert (status, [one["rule"] for one in told["alerts"]], told["total"]) == (200, ["A-02", "A-01"], 2)
    assert [one["rule"] for one in ask(hall, "auditor", "alerts", severity="critical")[1]["alerts"]] == [
        "A-02"
    ]
    assert ask(hall, "auditor", "alerts", drills="true")[1]["alerts"] == []
    assert [one["alert"] for one in ask(hall, "csirt_reviewer", "triage")[1]["alerts"]] == [
        one["alert"] for one in told["alerts"]
    ]
    shown = ask(hall, "csirt_reviewer", f"alerts/{third['alert']}")[1]
    assert len(shown["exchanges"]) == 3 and shown["state"] == "open"

    taking = f"alerts/{third['alert']}/acknowledge"
    assert ask(hall, "auditor", taking, "POST", {"reason": "x"})[0] == 403
    assert ask(hall, "csirt_reviewer", taking, "POST", {})[0] == 400
    assert ask(hall, "csirt_reviewer", taking, "POST", {"reason": "山田太郎さんの件"})[0] == 400
    assert ask(hall, "csirt_reviewer", taking, "POST", {"incident": "INC-2026-014"})[0] == 200
    status, again = ask(hall, "csirt_reviewer", taking, "POST", {"reason": "二度目"})
    assert (status, "もう引き受けられています" in again["error"]["message"]) == (400, True)
    (note,) = [body for body in hall.records("noted") if body["event"] == "alert.acknowledged"]
    assert (note["by"], note["role"], note["alert"], note["incident"]) == (
        hall.id("csirt_reviewer"), "csirt_reviewer", third["alert"], "INC-2026-014",
    )  # fmt: skip
    assert [one["rule"] for one in ask(hall, "csirt_reviewer", "triage")[1]["alerts"]] == ["A-01"]
    (done,) = ask(hall, "csirt_reviewer", "alerts", state="acknowledged")[1]["alerts"]
    assert (done["acknowledged_by"], done["incident"]) == (hall.id("csirt_reviewer"), "INC-2026-014")

    assert soon(lambda: len(receivers["http"].got) == 1)
    posted = json.loads(receivers["http"].got[0]["body"])
    assert (posted["id"], posted["subject"]) == (third["alert"], None), "critical alone, and nobody's number"

    def mailed() -> list[str]:
        return [id for one in receivers["smtp"].got for id in one["headers"]["X-Sekisho-Alerts"].split()]

    assert soon(lambda: len(mailed()) == 2)
    everything = json.dumps([one.got for one in receivers.values()], ensure_ascii=False)
    assert hall.id("staff_member") not in everything and "123456789018" not in everything


@pytest.mark.requirement("R52")
def test_nobody_takes_on_an_alert_about_themselves(hall: Hall) -> None:
    attempts(hall, 1, "csirt_reviewer")
    raised(hall, "A-01")
    taking = f"alerts/{hall.alerts()[0]['alert']}/acknowledge"
    status, told = ask(hall, "csirt_reviewer", taking, "POST", {"reason": "自分で見た"})
    assert (status, "自分についての警報" in told["error"]["message"]) == (400, True)


@pytest.mark.requirement("R52")
def test_every_look_is_a_record_and_what_is_no_alert_is_not_there(hall: Hall) -> None:
    attempts(hall, 1)
    raised(hall, "A-01")
    id = hall.alerts()[0]["alert"]
    assert ask(hall, "auditor", "alerts")[0] == ask(hall, "auditor", f"alerts/{id}")[0] == 200
    looks = [(one["what"], one["rows"], one["reason"]) for one in hall.records("viewed")]
    assert looks == [("alerts", 1, "警報の確認"), ("alert", 1, "警報の確認")]
    for none in ("a-aaaaaaaaaaaaaaaaaaaa", "123456789018", "a-1"):
        assert ask(hall, "auditor", f"alerts/{none}")[0] == 404
        assert ask(hall, "csirt_reviewer", f"alerts/{none}/acknowledge", "POST", {"reason": "x"})[0] == 404
    assert "123456789018" not in json.dumps(hall.records("viewed") + hall.records("noted"))
    for role in ("section_head", "operator", "cio_advisor", "staff_member", "dx_advisor"):
        assert ask(hall, role, "alerts")[0] == ask(hall, role, f"alerts/{id}")[0] == 403, role
    assert ask(hall, "auditor", "alerts", rule="x")[0] == 400


@pytest.mark.requirement("R52", "R59")
def test_a_trial_with_the_demo_key_raises_nothing(hall: Hall) -> None:
    for _ in range(3):
        assert post(f"{hall.root}/v1", MINE)[0] == 403
    attempts(hall, 1)
    raised(hall, "A-01")
    assert hall.alerts()[0]["subject"] == hall.id("staff_member")


@pytest.mark.requirement("R52")
def test_dead_receivers_slow_and_fail_nothing_are_seen_and_get_everything_later(
    hall: Hall, receivers: dict[str, Receiver]
) -> None:
    attempts(hall)
    raised(hall, "A-01", "A-02")

    def remarks() -> dict[str, str]:
        told = hall.ask("demo", "GET", "/readyz")[1]
        assert told["status"] == "ready", "the house is ready all the same"
        return dict(told.get("followers", {}))

    assert soon(
        lambda: remarks() == {"alerts.soc": "receiver_unreachable", "alerts.csirt": "receiver_unreachable"}
    )
    began = time.monotonic()
    assert post(f"{hall.root}/v1", PLAIN, key=hall.keys["staff_member"])[0] == 200
    assert time.monotonic() - began < 5
    told = run(hall, None, "alerts", "channels", "--json")
    lines = {one["name"]: one for one in objects(told)}
    assert told.exit_code == 1 and lines["soc"]["trouble"] == "receiver_unreachable"
    assert lines["alerts"]["trouble"] is None and lines["alerts"]["begun"]
    for one in receivers.values():
        one.start()
    assert soon(lambda: len(receivers["http"].got) == 1 and receivers["smtp"].got != [], 60)
    assert soon(lambda: remarks() == {}, 60)
    assert run(hall, None, "alerts", "channels").exit_code == 0


@pytest.mark.requirement("R52")
def test_at_the_terminal_alerts_are_listed_shown_and_taken_on_with_ones_own_key(hall: Hall) -> None:
    attempts(hall)
    raised(hall, "A-01", "A-02")
    listed = run(hall, None, "alerts", "list")
    assert [row[2] for row in table(listed)] == ["A-02", "A-01"]
    (first,) = objects(run(hall, None, "alerts", "list", "--severity", "critical", "--json"))
    shown = run(hall, None, "alerts", "show", first["alert"])
    assert "個人番号・住民票コードの入力の繰り返し" in shown.stdout and "まだ nobody yet" in shown.stdout
    taking = ("alerts", "acknowledge", first["alert"])
    refused = run(hall, "auditor", *taking, "--reason", "x")
    assert refused.exit_code == 2 and "役割" in refused.stderr
    bare = run(hall, "csirt_reviewer", *taking)
    assert bare.exit_code == 2 and "事案番号か理由" in bare.stderr
    assert run(hall, "csirt_reviewer", *taking, "--incident", "INC-2026-014").exit_code == 0
    after = objects(run(hall, None, "alerts", "list", "--json"))
    assert [one["rule"] for one in after] == ["A-01"]
    assert "INC-2026-014" in run(hall, None, "alerts", "show", first["alert"]).stdout
    triage = run(hall, None, "triage")
    assert table(triage)[0][2] == "A-01", "before the exchanges"
    assert run(hall, None, "alerts", "show", "a-none").exit_code == 1
    whats = [(one["what"], bool(one["os_user"])) for one in hall.records("viewed")]
    assert ("alerts", True) in whats and ("alert", True) in whats
    wrong = run(hall, None, "alerts", "list", "--state", "closed")
    assert wrong.exit_code == 2 and "--state" in wrong.stderr


@pytest.mark.requirement("R52")
def test_a_channel_is_tried_without_anything_happening(hall: Hall, receivers: dict[str, Receiver]) -> None:
    dead = run(hall, None, "alerts", "test", "--channel", "soc")
    assert dead.exit_code == 1 and "つながらない" in dead.stderr
    for kind, name in (("http", "soc"), ("smtp", "csirt")):
        receivers[kind].start()
        tried = run(hall, None, "alerts", "test", "--channel", name)
        assert tried.exit_code == 0, tried.output
        assert len(receivers[kind].got) == 1
    assert json.loads(receivers["http"].got[0]["body"])["is_trial"]
    assert "【試験】" in receivers["smtp"].got[0]["headers"]["Subject"]
    unknown = run(hall, None, "alerts", "test", "--channel", "none")
    assert unknown.exit_code == 2 and "soc、csirt" in unknown.stderr
    tried = [body for body in hall.records("noted") if body["event"] == "alert.tried"]
    assert [(body["channel"], body["trouble"]) for body in tried] == [
        ("soc", "receiver_unreachable"), ("soc", None), ("csirt", None),
    ]  # fmt: skip
    assert hall.alerts() == []
