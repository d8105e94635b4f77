"""At the terminal readers decide with their own keys: the same rules as over HTTP, each step a record first."""

import json
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from proxy import originals
from proxy.__main__ import app
from proxy.home import Home
from proxy.house import build
from proxy.office.keys import Key, KeyBook, new_id
from proxy.office.people import PeopleBook
from proxy.office.roster import Page, Person, Posting
from proxy.office.store import office_of
from proxy.settings import Settings
from tests.approving import approving
from tests.proxy.conftest import post
from tests.proxy.halls import BEGAN, SECTION, Hall, furnished

TEXT = "道路の陥没について、山田太郎さんへの回答を書いてください"


@pytest.fixture
def hall(serve: Callable[..., str], settings: Settings, tmp_path: Path) -> Hall:
    """A hall that keeps originals for three days, and one exchange in it."""
    policy = str(approving(tmp_path, "*", instead={"originals": {"keep_days": 3}}))
    kept = settings.model_copy(update={"policy": policy})
    hall = furnished(serve(lambda _: build(kept)).removesuffix("/v1"), settings)
    hall.ready()
    text = {"model": "echo", "messages": [{"role": "user", "content": TEXT}]}
    assert post(f"{hall.root}/v1", text, key=hall.keys["staff_member"])[0] == 200
    return hall


def run(hall: Hall, who: str | None, *arguments: str) -> Result:
    key = {} if who is None else {"SEKISHO_KEY": hall.keys[who]}
    home = {"SEKISHO_HOME": str(hall.settings.home), "SEKISHO_LEDGER": hall.settings.ledger_location}
    return CliRunner().invoke(app, ["audit", *arguments], env=home | key)


def line(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[0])


def the_exchange(hall: Hall) -> str:
    return str(line(run(hall, None, "search", "--person", hall.id("staff_member"), "--json"))["exchange"])


@pytest.mark.requirement("R46")
def test_two_persons_open_an_original_at_the_terminal_and_the_head_is_told(hall: Hall) -> None:
    id, incident = the_exchange(hall), ("--incident", "INC-2026-014")
    grant = line(
        run(hall, "csirt_reviewer", "openings", "ask", id, *incident, "--reason", "申立て", "--json")
    )
    view = ("openings", "view", grant["id"], *incident)
    assert "二人目が認めていません" in stopped(run(hall, "csirt_reviewer", *view))
    assert "役割" in stopped(run(hall, "csirt_reviewer", "openings", "allow", grant["id"]))
    assert "役割" in stopped(run(hall, "auditor", "openings", "ask", id, *incident, "--reason", "x"))
    given = line(run(hall, "cio_advisor", "openings", "allow", grant["id"], "--json"))
    assert given["state"] == "open"
    for _ in range(2):
        shown = json.loads(run(hall, "csirt_reviewer", *view).stdout)
        assert "山田太郎" in shown["values"].values() and "山田太郎" not in shown["asked"]
    assert "別の事案" in stopped(run(hall, "csirt_reviewer", *view[:-1], "INC-2026-015"))
    assert "まだ見ていません" in run(hall, "csirt_reviewer", "openings", "list").stdout
    assert run(hall, "namesake", "openings", "list", "--json").stdout == ""
    heard = line(run(hall, "section_head", "openings", "list", "--json"))
    assert (heard["id"], heard["views"]) == (grant["id"], 2)
    assert f"知らせ済み({hall.id('section_head')})" in run(hall, "csirt_reviewer", "openings", "list").stdout
    assert line(run(hall, "cio_advisor", "openings", "close", grant["id"], "--json"))["state"] == "closed"
    assert "終わっています" in stopped(run(hall, "csirt_reviewer", *view))
    views = [one for one in hall.records("viewed") if one["what"] == "original"]
    assert len(views) == 2 and all(one["os_user"] and one["person"] for one in views)
    assert "山田太郎" not in json.dumps([*hall.records("viewed"), *hall.records("noted")], ensure_ascii=False)


def stopped(result: Result) -> str:
    """The one sentence."""
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert len(result.stderr.strip().splitlines()) == 1
    return result.stderr


@pytest.mark.requirement("R46")
def test_an_opening_that_is_closed_while_the_key_is_fetched_shows_nothing(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = ("--incident", "INC-2026-014")
    asking = ("openings", "ask", the_exchange(hall), *incident, "--reason", "申立て", "--json")
    grant = line(run(hall, "csirt_reviewer", *asking))["id"]
    assert line(run(hall, "cio_advisor", "openings", "allow", grant, "--json"))["state"] == "open"
    real = originals.master_of

    def slow(*given: Any) -> Any:
        assert hall.ask("cio_advisor", "POST", f"/audit/v1/openings/{grant}/close")[0] == 200
        return real(*given)

    monkeypatch.setattr(originals, "master_of", slow)
    assert "終わっています" in stopped(run(hall, "csirt_reviewer", "openings", "view", grant, *incident))


def test_a_second_person_may_say_no(hall: Hall) -> None:
    asking = (
        "openings",
        "ask",
        the_exchange(hall),
        "--incident",
        "INC-2026-014",
        "--reason",
        "申立て",
        "--json",
    )
    grant = line(run(hall, "csirt_reviewer", *asking))
    refused = line(
        run(hall, "cio_advisor", "openings", "refuse", grant["id"], "--reason", "要らない", "--json")
    )
    assert refused["state"] == "refused"
    assert "もう返事" in stopped(run(hall, "cio_advisor", "openings", "allow", grant["id"]))


@pytest.mark.requirement("R9")
def test_who_has_no_key_of_their_own_decides_nothing(hall: Hall) -> None:
    id = the_exchange(hall)
    made = ("dispose", id, "--as", "false_alarm", "--reason", "誤り")
    assert "SEKISHO_KEY" in stopped(run(hall, None, *made))
    hall.keys["wrong"] = "sk-nobody"
    with closing(office_of(hall.settings)) as office:
        keys = KeyBook(office, Home(hall.settings.home).secret())
        over = Key(
            new_id(), hall.id("csirt_reviewer"), "窓", "部", SECTION, "mail_draft", ends=date(2026, 3, 31)
        )
        hall.keys["over"] = keys.create(over)
        left = Person(
            "999998", "staff", BEGAN, date(2026, 3, 31), role="csirt_reviewer", approved_by="900000"
        )
        PeopleBook(office).enter(Page(left, (Posting(BEGAN, "部", SECTION),)))
        for id in ("999998", "999999"):
            hall.keys[id] = keys.create(Key(new_id(), id, "窓", "部", SECTION, "mail_draft"))
    for gone in ("999998", "999999"):
        assert "利用登録がありません" in stopped(run(hall, gone, *made))
    for who in ("wrong", "tool", "over"):
        assert "あなた個人のキー" in stopped(run(hall, who, *made))
    assert "役割" in stopped(run(hall, "staff_member", *made))
    assert hall.events().count("office.refused") == 1
    assert "扱いは" not in run(hall, None, "show", id).stdout and "disposition.made" not in hall.events()


@pytest.mark.requirement("R48")
def test_a_reviewer_says_what_to_make_of_an_exchange_and_the_timeline_shows_it(hall: Hall) -> None:
    id = the_exchange(hall)
    for wrong, said in (
        (("--as", "incident"), "事案番号"), (("--as", "exception"), "終わりの日"), (("--as", "guess"), "--as"),
        (("--as", "exception", "--until", "来週"), "2026-12-31"), (("--as", "exception", "--until", "2020-01-01"), "過ぎて"),
    ):  # fmt: skip
        assert said in stopped(run(hall, "csirt_reviewer", "dispose", id, *wrong, "--reason", "x"))
    assert "ありません" in stopped(
        run(hall, "csirt_reviewer", "dispose", "01NONE", "--as", "guidance", "--reason", "x")
    )
    made = run(hall, "csirt_reviewer", "dispose", id, "--as", "guidance", "--reason", "書き方を伝えた")
    assert made.exit_code == 0, made.output
    shown = run(hall, None, "show", id, "--reason", "年次の監査").stdout
    assert "guidance" in shown and "書き方を伝えた" in shown and hall.id("csirt_reviewer") in shown
    assert line(run(hall, None, "search", "--disposition", "guidance", "--json"))["exchange"] == id


@pytest.mark.requirement("R48")
def test_a_direct_reader_has_the_same_views_as_the_interface(hall: Hall) -> None:
    id, person = the_exchange(hall), hall.id("staff_member")
    number = {"model": "echo", "messages": [{"role": "user", "content": "個人番号は123456789018です"}]}
    assert post(f"{hall.root}/v1", number, key=hall.keys["elsewhere"])[0] == 403
    queue = [json.loads(one) for one in run(hall, None, "triage", "--json").stdout.splitlines()]
    assert [one["severity"] for one in queue] == ["critical"]
    assert line(run(hall, None, "person", person, "--json"))["exchange"] == id
    cells = [json.loads(one) for one in run(hall, None, "counts", "section", "--json").stdout.splitlines()]
    assert {one["name"]: one["exchanges"] for one in cells} == {f"部 {SECTION}": 1, "部 福祉課": 1}
    assert "人ごと" in run(hall, None, "counts", "--help").stdout
    assert "BY" in stopped(run(hall, None, "counts", "person"))
    assert run(hall, None, "campaigns", "--json").stdout == ""
    keep = run(hall, None, "search", "--section", SECTION, "--days", "7", "--keep", "今週の道路課", "--json")
    assert line(keep)["exchange"] == id
    (kept,) = [json.loads(one) for one in run(hall, None, "searches", "list", "--json").stdout.splitlines()]
    assert (kept["name"], kept["days"], kept["filters"]) == ("今週の道路課", 7, {"section": SECTION})
    assert line(run(hall, None, "search", "--saved", kept["id"], "--json"))["exchange"] == id
    assert line(run(hall, None, "counts", "section", "--saved", kept["id"], "--json"))["exchanges"] == 1
    assert "同じ名前" in stopped(run(hall, None, "search", "--keep", "今週の道路課"))
    assert "ほかの条件" in stopped(run(hall, None, "search", "--saved", kept["id"], "--days", "3"))
    assert run(hall, None, "searches", "drop", kept["id"]).exit_code == 0
    assert "ありません" in stopped(run(hall, None, "search", "--saved", kept["id"]))
    period = ("--since", "2026-01-01", "--until", "2099-01-01")
    assert run(hall, None, "events", *period, "--what", "search", "--json").stdout.count('"search"') >= 2
    assert hall.records("viewed")[-1]["filters"].keys() == {"what", "since", "until", "limit"}
    assert run(hall, None, "events", "--until", "2020-01-01", "--json").stdout == ""
    whats = [one["what"] for one in hall.records("viewed")]
    assert {"triage", "person", "counts", "campaigns", "searches", "search"} <= set(whats)


@pytest.mark.requirement("R47")
@pytest.mark.parametrize(
    "arguments", [["search"], ["show", "01X"], ["events"], ["triage"], ["person", "1"], ["campaigns"], ["counts", "tool"],
                  ["export", "out.jsonl"]],
)  # fmt: skip
def test_who_reads_at_the_terminal_says_why(
    arguments: list[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEKISHO_REASON", raising=False)
    where = ("--ledger", settings.ledger_location)
    done = CliRunner().invoke(app, ["audit", *arguments, *where], env={"SEKISHO_HOME": str(settings.home)})
    assert "SEKISHO_REASON" in stopped(done)
