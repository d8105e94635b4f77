"""`sekisho confirmations`: what it shows, what it takes back, and that nothing is taken back that cannot be noted."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from proxy.__main__ import app
from proxy.home import prepare
from proxy.office.confirmations import Confirmation, ConfirmationBook, Given, moment
from proxy.office.store import office_of
from proxy.settings import read

NOW = datetime.now(UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def book(home: Path) -> Iterator[ConfirmationBook]:
    prepare(home)
    with closing(office_of(read(home=home))) as office:
        yield ConfirmationBook(office)


@pytest.fixture
def sekisho(home: Path, book: ConfirmationBook, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("SEKISHO_HOME", str(home))
    return lambda *words: CliRunner().invoke(app, ["confirmations", *words])


def file(book: ConfirmationBook, id: str, hours: float = 1, **more: Any) -> None:
    values: dict[str, Any] = {
        "id": id, "state": "pending", "person": "012345", "key_id": "k-1", "tool": "チャット",
        "department": "都市創造部", "section": "道路課",
        "exchange": "01X", "rules": {"E.CREDIT_CARD": "f1"}, "found": {"CREDIT_CARD": 1}, "category": "mail_draft",
        "model": "m", "consenter": "self", "secret": b"k" * 32, "units": frozenset({"aa"}),
        "asked_at": moment(NOW), "deadline": moment(NOW + timedelta(hours=hours)),
    }  # fmt: skip
    book.file(Confirmation(**values | more))


def noted(home: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(home / "ledger.sqlite")) as connection:
        rows = connection.execute("SELECT body FROM records WHERE kind = 'noted'").fetchall()
    return [json.loads(body) for (body,) in rows]


def test_the_list_shows_the_state_as_it_is_now_and_no_key(
    sekisho: Callable[..., Result], book: ConfirmationBook
) -> None:
    file(book, "c-1")
    file(book, "c-2", hours=-1)
    file(book, "c-3", person="012346")
    rows = json.loads(sekisho("list", "--json").stdout)
    assert {row["id"]: row["state"] for row in rows} == {"c-1": "pending", "c-2": "expired", "c-3": "pending"}
    assert [row["id"] for row in json.loads(sekisho("list", "--json", "--state", "expired").stdout)] == [
        "c-2"
    ]
    assert [row["id"] for row in json.loads(sekisho("list", "--json", "--person", "012346").stdout)] == [
        "c-3"
    ]
    assert not {"secret", "units"} & set(rows[0]) and rows[0]["rules"] == ["E.CREDIT_CARD"]
    assert "確認待ち" in sekisho("list").stdout
    assert sekisho("list", "--state", "waiting").exit_code == 2


def test_one_is_shown_with_who_consented_and_why(
    sekisho: Callable[..., Result], book: ConfirmationBook
) -> None:
    file(book, "c-1")
    book.grant("c-1", Given("self", "012345", moment(NOW), "名簿の確認"), NOW, NOW + timedelta(minutes=10))
    assert "名簿の確認" in sekisho("show", "c-1").stdout
    assert json.loads(sekisho("show", "c-1", "--json").stdout)["given"][0]["by"] == "012345"
    assert sekisho("show", "c-9").exit_code == 1


def test_one_is_taken_back_with_a_reason_and_noted(
    sekisho: Callable[..., Result], book: ConfirmationBook, home: Path
) -> None:
    file(book, "c-1")
    assert sekisho("revoke", "c-1").exit_code == 2
    assert sekisho("revoke", "c-1", "--reason", "個人番号は123456789018").exit_code == 2
    assert sekisho("revoke", "c-9", "--reason", "まちがい").exit_code == 2
    done = sekisho("revoke", "c-1", "--reason", "まちがい")
    assert done.exit_code == 0 and "取り消しました" in done.stdout
    one = book.find("c-1")
    assert one is not None and one.state == "revoked" and one.secret is None
    (note,) = noted(home)
    assert (note["event"], note["confirmation"], note["was"]) == ("confirmation.revoked", "c-1", "pending")
    assert note["reason"] == "まちがい" and note["by"]


def test_what_cannot_be_noted_is_not_taken_back(
    sekisho: Callable[..., Result], book: ConfirmationBook, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file(book, "c-1")
    monkeypatch.setenv("SEKISHO_LEDGER", str(home))  # a folder
    assert sekisho("revoke", "c-1", "--reason", "まちがい").exit_code == 2
    one = book.find("c-1")
    assert one is not None and one.state == "pending"
