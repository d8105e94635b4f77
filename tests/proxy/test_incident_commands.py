"""At the terminal incidents are handled with one's own key: the same rules and records as over HTTP."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from audit.incidents.items import ITEM_WORDS, ITEMS
from proxy.__main__ import app
from proxy.settings import Settings
from tests.proxy.conftest import post
from tests.proxy.halls import Hall, furnished

TEXT = "道路の陥没について、山田太郎さんへの回答を書いてください"
WHY = ("--reason", "申立ての確認")


@pytest.fixture
def hall(serve: Callable[..., str], settings: Settings) -> Hall:
    """A hall with one exchange in it."""
    hall = furnished(serve().removesuffix("/v1"), settings)
    hall.ready()
    text = {"model": "echo", "messages": [{"role": "user", "content": TEXT}]}
    assert post(f"{hall.root}/v1", text, key=hall.keys["staff_member"])[0] == 200
    return hall


def run(hall: Hall, who: str | None, *arguments: str, **more: Any) -> Result:
    key = {} if who is None else {"SEKISHO_KEY": hall.keys[who]}
    home = {"SEKISHO_HOME": str(hall.settings.home), "SEKISHO_LEDGER": hall.settings.ledger_location}
    return CliRunner().invoke(app, ["audit", *arguments], env=home | key, **more)


def incidents(hall: Hall, who: str, *arguments: str, **more: Any) -> Result:
    return run(hall, who, "incidents", *arguments, **more)


def line(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[0])


def stopped(result: Result) -> str:
    """The one sentence."""
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    return result.stderr


def the_exchange(hall: Hall) -> str:
    found = run(hall, None, "search", "--person", hall.id("staff_member"), "--json", *WHY)
    return str(line(found)["exchange"])


@pytest.mark.requirement("R53", "R54", "R55")
def test_a_leak_is_handled_at_the_terminal_from_its_exchange_to_its_end(hall: Hall, tmp_path: Path) -> None:
    exchange = the_exchange(hall)
    opening = (
        "open",
        "--kind",
        "leak",
        "--title",
        "誤送信のおそれ",
        "--known-at",
        "2026-11-20T10:00",
        "--exchange",
        exchange,
    )
    told = line(incidents(hall, "csirt_reviewer", *opening, "--json"))
    id = told["incident"]
    assert told["known_at"] == "2026-11-20T01:00:00.000000Z", "a time without a zone is Japan's"
    assert line(incidents(hall, "csirt_reviewer", "list", "--json", *WHY))["incident"] == id
    assert incidents(hall, "governance_board", "list", "--json", *WHY).stdout == ""
    prose = tmp_path / "cause.txt"
    prose.write_text("宛先の一覧を取り違えた。\n確かめる手順がなかった。", "utf-8")
    assert line(incidents(hall, "csirt_reviewer", "item", id, "cause", "--file", str(prose), "--json"))
    for name in set(ITEMS) - {"cause"}:
        done = incidents(
            hall, "csirt_reviewer", "item", id, name, "--file", "-", input=f"{ITEM_WORDS[name]}を書く"
        )
        assert done.exit_code == 0, done.output
    assert (
        line(incidents(hall, "csirt_reviewer", "answer", id, "my_number", "no", *WHY, "--json"))["points_to"][
            "pointing"
        ]
        == "unclear"
    )
    assert "決定" in stopped(incidents(hall, "csirt_reviewer", "close", id, "--as", "resolved", *WHY))
    assert "役割" in stopped(incidents(hall, "csirt_reviewer", "decide", id, "not_reportable", *WHY))
    assert line(incidents(hall, "cio_advisor", "decide", id, "reportable", *WHY, "--json"))["missing"]["resolved"] == [
        "report:final", "contained",
    ]  # fmt: skip
    for report in ("prompt", "final"):
        assert (
            incidents(hall, "csirt_reviewer", "reported", id, report, "--reference", "令8第12号").exit_code
            == 0
        )
    assert incidents(hall, "csirt_reviewer", "escalate", id, "--to", "board", *WHY).exit_code == 0
    assert incidents(hall, "csirt_reviewer", "note", id, "関係課に電話で伝えた").exit_code == 0
    assert incidents(hall, "csirt_reviewer", "contained", id, *WHY).exit_code == 0
    assert (
        line(incidents(hall, "csirt_reviewer", "close", id, "--as", "resolved", *WHY, "--json"))["state"]
        == "closed"
    )
    shown = incidents(hall, "csirt_reviewer", "show", id, *WHY).stdout
    for said in ("期限", "宛先の一覧を取り違えた。", hall.id("cio_advisor"), exchange, "見積もり", "1人"):
        assert said in shown, said
    assert exchange not in incidents(hall, "cio_advisor", "show", id, *WHY).stdout
    assert line(incidents(hall, "csirt_reviewer", "reopen", id, *WHY, "--json"))["state"] == "contained"
    assert (
        line(incidents(hall, "csirt_reviewer", "amend", id, "--kind", "outage", *WHY, "--json"))["kind"]
        == "outage"
    )
    assert (
        line(incidents(hall, "csirt_reviewer", "unlink", id, "--exchange", exchange, *WHY, "--json"))[
            "exchanges"
        ]
        == 0
    )
    assert (
        line(incidents(hall, "csirt_reviewer", "link", id, "--exchange", exchange, *WHY, "--json"))[
            "exchanges"
        ]
        == 1
    )
    notes = [one for one in hall.records("noted") if one.get("incident") == id]
    assert len(notes) == 1 + 1 + 9 + 1 + 1 + 2 + 1 + 1 + 1 + 1 + 4 and all(one["os_user"] for one in notes)
    assert hall.events().count("office.refused") == 1


@pytest.mark.requirement("R53")
def test_a_paper_is_written_once_its_digest_is_recorded(hall: Hall, tmp_path: Path) -> None:
    id = line(incidents(hall, "csirt_reviewer", "open", "--kind", "leak", "--title", "誤送信", "--json"))[
        "incident"
    ]
    for form in ("pdf", "md"):
        out = tmp_path / f"paper.{form}"
        assert incidents(hall, "csirt_reviewer", "export", id, "--out", str(out), *WHY).exit_code == 0
        look = hall.records("viewed")[-1]
        assert (
            look["what"] == "incident_export"
            and look["filters"]["sha256"] == sha256(out.read_bytes()).hexdigest()
        )
        assert "もうあります" in stopped(
            incidents(hall, "csirt_reviewer", "export", id, "--out", str(out), *WHY)
        )
    before = len(hall.records("viewed"))
    wrong = str(tmp_path / "paper.docx")
    assert "--form" in stopped(incidents(hall, "csirt_reviewer", "export", id, "--out", wrong, *WHY))
    assert "フォルダー" in stopped(
        incidents(hall, "csirt_reviewer", "export", id, "--out", str(tmp_path / "a" / "b.md"), *WHY)
    )
    assert "役割" in stopped(
        incidents(hall, "staff_member", "export", id, "--out", str(tmp_path / "c.md"), *WHY)
    )
    assert len(hall.records("viewed")) == before and not (tmp_path / "c.md").exists()


def test_what_is_said_wrong_is_told_in_one_sentence_and_nothing_is_kept(hall: Hall) -> None:
    id = line(incidents(hall, "csirt_reviewer", "open", "--kind", "leak", "--title", "誤送信", "--json"))[
        "incident"
    ]
    before = len(hall.records("noted"))
    for arguments, said in (
        (("open", "--kind", "theft", "--title", "x"), "--kind"),
        (("open", "--kind", "leak", "--title", "山田太郎さんの件"), "個人情報"),
        (("open", "--kind", "leak", "--title", "x1", "--exchange", "01NONE"), "ありません"),
        (("open", "--kind", "leak", "--title", "x1", "--known-at", "昨日"), "--known-at"),
        (("open", "--kind", "leak", "--title", "x1", "--known-at", "2099-01-01"), "まだ来ていません"),
        (("item", id, "weather", "x"), "ITEM"), (("item", id, "cause"), "--file"), (("item", id, "cause", "山田太郎さん"), "個人情報"),
        (("answer", id, "financial", "maybe", *WHY), "VALUE"), (("decide", id, "perhaps", *WHY), "OUTCOME"),
        (("reported", id, "second"), "REPORT"), (("escalate", id, "--to", "mayor", *WHY), "--to"),
        (("link", id, *WHY), "どちらか"), (("show", "I-20260101-aaaa", *WHY), "見られる範囲"), (("note", id, "番号123456789018"), "数字"),
        (("close", id, "--as", "bored", *WHY), "--as"), (("reopen", id, *WHY), "終結していません"),
    ):  # fmt: skip
        assert said in stopped(incidents(hall, "csirt_reviewer", *arguments)), arguments
    assert len(hall.records("noted")) == before
    assert "SEKISHO_KEY" in stopped(run(hall, None, "incidents", "list", *WHY))
    assert hall.records("viewed")[-1]["rows"] == 0, "what is not there was looked for"


def test_a_closed_day_that_is_none_is_told_before_anything_is_shown(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    incidents(hall, "csirt_reviewer", "open", "--kind", "leak", "--title", "誤送信")
    monkeypatch.setenv("SEKISHO_CLOSED_DAYS", "お盆")
    assert "2026-08-14" in stopped(incidents(hall, "csirt_reviewer", "list", *WHY))
