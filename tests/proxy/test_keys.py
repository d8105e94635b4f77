"""The book of keys: what a key says of its requests and replies, and books that an earlier release made."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from proxy.office.commands import app
from proxy.office.keys import Key, KeyBook, new_id

SECRET = b"s" * 32
ADDED = ("unknown_fields", "mask_reply_names", "role", "audience", "consented", "append_notices")
"""What later releases know of a key."""


def key(**fields: object) -> Key:
    known = {"person": "012345", "tool": "t", "department": "d", "section": "s", "category": "mail_draft"}
    return Key(id=new_id(), **known | fields)  # type: ignore[arg-type]


def test_what_becomes_of_unknown_fields_and_of_names_in_replies_is_the_keys(tmp_path: Path) -> None:
    with closing(KeyBook(tmp_path / "office.sqlite", SECRET)) as book:
        usual = book.find(book.create(key()))
        other = book.find(book.create(key(unknown_fields="drop", mask_reply_names=True)))
    assert usual and (usual.unknown_fields, usual.mask_reply_names) == ("refuse", False)
    assert other and (other.unknown_fields, other.mask_reply_names) == ("drop", True)


def test_what_its_holder_is_is_the_keys(tmp_path: Path) -> None:
    said = {"actor": "contractor", "role": "operator", "audience": "public", "consented": True}
    with closing(KeyBook(tmp_path / "office.sqlite", SECRET)) as book:
        usual = book.find(book.create(key()))
        other = book.find(book.create(key(append_notices=True, **said)))
    assert usual and (usual.role, usual.audience, usual.consented) == ("staff_member", "staff", False)
    assert usual.append_notices is False
    assert other and {name: getattr(other, name) for name in said} == said and other.append_notices is True


def test_a_book_of_the_first_release_still_opens_and_its_keys_are_in_force(tmp_path: Path) -> None:
    path = tmp_path / "office.sqlite"
    with closing(KeyBook(path, SECRET)) as book:
        plain = book.create(key())
    with closing(sqlite3.connect(path)) as connection:  # as the first release made it
        for column in ADDED:
            connection.execute(f"ALTER TABLE keys DROP COLUMN {column}")
    with closing(KeyBook(path, SECRET)) as book:
        found = book.find(plain)
    assert found and found.person == "012345"
    assert (found.unknown_fields, found.mask_reply_names) == ("refuse", False)
    assert (found.role, found.audience, found.consented, found.append_notices) == (
        "staff_member", "staff", False, False,
    )  # fmt: skip


def command(*words: str) -> Result:
    usual = ["--person", "012345", "--tool", "t", "--department", "d", "--section", "s"]
    return CliRunner().invoke(app, ["create", *usual, "--category", "research", *words])


def test_a_key_is_issued_with_what_its_holder_is_and_the_ledger_notes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEKISHO_HOME", str(tmp_path))
    words = "--actor contractor --role operator --audience public --consented --append-notices --json"
    made = command(*words.split())
    assert made.exit_code == 0, made.stderr

    said = {"actor": "contractor", "role": "operator", "audience": "public", "consented": True}
    said |= {"append_notices": True}
    (shown,) = json.loads(CliRunner().invoke(app, ["list", "--json"]).stdout)
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as connection:
        notes = [json.loads(body) for (body,) in connection.execute("SELECT body FROM records")]
    (noted,) = [note for note in notes if note.get("event") == "key.created"]
    assert shown["id"] == noted["key"] == json.loads(made.stdout)["id"]
    for where in (shown, noted):
        assert {name: where[name] for name in said} == said
    table = CliRunner().invoke(app, ["list"], env={"COLUMNS": "300"}).stdout
    assert "委託先・市民向け・承諾あり" in table


@pytest.mark.parametrize(
    ("option", "value"), [("--role", "mayor"), ("--audience", "everybody"), ("--actor", "intern")]
)
def test_a_key_is_not_issued_for_a_holder_that_no_rule_can_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, value: str
) -> None:
    monkeypatch.setenv("SEKISHO_HOME", str(tmp_path / "home"))
    done = command(option, value)
    assert (done.exit_code, done.stdout) == (2, "")
    assert option in done.stderr and "staff" in done.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.requirement("R44")
@pytest.mark.parametrize("option", ["--person", "--tool", "--department", "--section", "--purpose"])
@pytest.mark.parametrize("number", ["123456789018", "u1234.5678.9018", "１２３４－５６７８－９０１"])
def test_a_key_is_not_issued_in_the_name_of_somebodys_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, number: str
) -> None:
    monkeypatch.setenv("SEKISHO_HOME", str(tmp_path / "home"))
    usual = {
        "--person": "012345",
        "--tool": "t",
        "--department": "d",
        "--section": "s",
        "--category": "research",
    }
    words = [word for pair in (usual | {option: number}).items() for word in pair]
    done = CliRunner().invoke(app, ["create", *words])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "台帳に残せません" in done.stderr and number not in done.stderr
    assert not (tmp_path / "home").exists()
