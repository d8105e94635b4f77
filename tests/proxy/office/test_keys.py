"""The book of keys, in both stores: what a key says of its requests and replies, and the command that issues one."""

import json
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from proxy.home import prepare
from proxy.office.commands import app
from proxy.office.keys import Key, KeyBook, KeyExists, networks, new_id
from proxy.office.people import PeopleBook
from proxy.office.roster import Page, Person, Posting
from proxy.office.store import Office, office_of
from proxy.settings import read

SECRET = b"s" * 32


def key(**fields: Any) -> Key:
    known = {
        "id": new_id(),
        "person": "012345",
        "tool": "t",
        "department": "d",
        "section": "s",
        "category": "mail_draft",
    }
    return Key(**known | fields)  # type: ignore[arg-type]


# ── the book ──────────────────────────────────────────────────────────────────────────────────────


def test_what_becomes_of_requests_and_replies_is_the_keys(office: Office) -> None:
    book = KeyBook(office, SECRET)
    usual = book.find(book.create(key()))
    told: dict[str, Any] = {
        "unknown_fields": "drop",
        "mask_reply_names": True,
        "append_notices": True,
        "audience": "public",
        "purpose": "議事録",
        "confidentiality_class": "3B",
        "may_assert_user": True,
        "addresses": networks("10.0.0.0/8, ::1"),
        "person": None,
    }
    other = book.find(book.create(key(**told)))
    assert usual and (usual.unknown_fields, usual.mask_reply_names) == ("refuse", False)
    assert (usual.audience, usual.append_notices, usual.person) == ("staff", False, "012345")
    assert other and {name: getattr(other, name) for name in told} == told


def test_a_key_counts_within_its_dates_and_until_it_is_revoked(office: Office) -> None:
    book = KeyBook(office, SECRET)
    plain = book.create(key(id="k-1", starts=date(2027, 4, 1), ends=date(2028, 3, 31)))
    found = book.find(plain)
    assert found is not None
    days = (date(2027, 3, 31), date(2027, 4, 1), date(2028, 3, 31), date(2028, 4, 1))
    assert [found.counts(day) for day in days] == [False, True, True, False]
    assert book.revoke("k-1") and not book.revoke("k-1")
    assert book.find(plain) is None
    assert [bool(one.revoked_at) for one in book.list()] == [True]


def test_a_client_is_a_tool_without_a_key(office: Office) -> None:
    book = KeyBook(office, SECRET)
    assert book.create(key(id="k-1", person=None, oidc_client="chat")) == ""
    found = book.find_client("chat")
    assert found is not None and found.id == "k-1" and book.find("") is None
    with pytest.raises(KeyExists):
        book.create(key(person=None, oidc_client="chat"))


def test_a_key_in_plain_is_nowhere_in_the_book(office: Office) -> None:
    plain = KeyBook(office, SECRET).create(key())
    with office.reading() as connection:
        written = str(connection.exec_driver_sql("SELECT * FROM keys").fetchall())
    assert "012345" in written and plain not in written
    assert KeyBook(office, b"t" * 32).find(plain) is None, "and without the secret nobody finds it"


# ── the command ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A house in which 012345 is known."""
    home = tmp_path / "home"
    monkeypatch.setenv("SEKISHO_HOME", str(home))
    prepare(home)
    with closing(office_of(read())) as office:
        day = date(2027, 4, 1)
        PeopleBook(office).enter(Page(Person("012345", "staff", day), (Posting(day, "d", "s"),)))
    return home


USUAL = {
    "--person": "012345",
    "--tool": "t",
    "--department": "d",
    "--section": "s",
    "--category": "research",
    "--purpose": "調査",
}


def command(*words: str, **instead: str) -> Result:
    told = USUAL | {f"--{name.replace('_', '-')}": value for name, value in instead.items()}
    pairs = [word for pair in told.items() for word in pair]
    return CliRunner().invoke(app, ["create", *pairs, *words])


def nothing_issued() -> bool:
    return json.loads(CliRunner().invoke(app, ["list", "--json"]).stdout) == []


def notes(home: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(home / "ledger.sqlite")) as connection:
        return [json.loads(body) for (body,) in connection.execute("SELECT body FROM records")]


@pytest.mark.requirement("R12")
def test_a_key_is_issued_and_the_ledger_notes_it(home: Path) -> None:
    words = (
        "--audience public --append-notices --starts 2027-04-01 --ends 2028-03-31 --approved-by 099999 --json"
    )
    made = command(*words.split())
    assert made.exit_code == 0, made.stderr

    said = {"audience": "public", "append_notices": True, "person": "012345", "approved_by": "099999"}
    said |= {"starts": "2027-04-01", "ends": "2028-03-31"}
    (shown,) = json.loads(CliRunner().invoke(app, ["list", "--json"]).stdout)
    (noted,) = [note for note in notes(home) if note.get("event") == "key.created"]
    assert shown["id"] == noted["key"] == json.loads(made.stdout)["id"]
    for where in (shown, noted):
        assert {name: where[name] for name in said} == said
    assert shown["purpose"] == "調査" and "purpose" not in noted, "free text is not kept for years"
    table = CliRunner().invoke(app, ["list"], env={"COLUMNS": "300"}).stdout
    assert "2027-04-01 – 2028-03-31" in table


@pytest.mark.requirement("R12")
def test_somebody_who_is_not_in_the_book_of_people_gets_no_key(home: Path) -> None:
    done = command(person="099999")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "sekisho people add" in done.stderr
    assert nothing_issued()


@pytest.mark.parametrize(
    ("option", "value", "known"),
    [
        ("--audience", "everybody", "staff, public"),
        ("--class", "9", "3C, 3B"),
        ("--category", "gossip", "mail_draft"),
        ("--unknown-fields", "keep", "refuse, drop"),
        ("--starts", "令和9年", "2027-04-01"),
    ],
)
def test_a_key_is_not_issued_for_what_no_rule_can_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, value: str, known: str
) -> None:
    monkeypatch.setenv("SEKISHO_HOME", str(tmp_path / "home"))
    done = command(option, value)
    assert (done.exit_code, done.stdout) == (2, "")
    assert option.strip("-").replace("-", "_") in done.stderr.replace("-", "_") and known in done.stderr
    assert done.stderr.count("\n") == 1
    assert nothing_issued()


@pytest.mark.requirement("R44")
@pytest.mark.parametrize("option", ["person", "tool", "department", "section", "purpose", "approved_by"])
@pytest.mark.parametrize("number", ["123456789018", "u1234.5678.9018", "１２３４－５６７８－９０１"])
def test_a_key_is_not_issued_in_the_name_of_somebodys_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, number: str
) -> None:
    monkeypatch.setenv("SEKISHO_HOME", str(tmp_path / "home"))
    done = command(**{option: number})
    assert (done.exit_code, done.stdout) == (2, "")
    assert "番号" in done.stderr and number not in done.stderr
    assert nothing_issued()
