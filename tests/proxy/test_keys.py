"""The book of keys: what a key says of its requests and replies, and books that an earlier release made."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from proxy.office.commands import app
from proxy.office.keys import Key, KeyBook, new_id

SECRET = b"s" * 32


def key(**fields: object) -> Key:
    known = {"person": "012345", "tool": "t", "department": "d", "section": "s", "category": "mail_draft"}
    return Key(id=new_id(), **known | fields)  # type: ignore[arg-type]


def test_what_becomes_of_unknown_fields_and_of_names_in_replies_is_the_keys(tmp_path: Path) -> None:
    with closing(KeyBook(tmp_path / "office.sqlite", SECRET)) as book:
        usual = book.find(book.create(key()))
        other = book.find(book.create(key(unknown_fields="drop", mask_reply_names=True)))
    assert usual and (usual.unknown_fields, usual.mask_reply_names) == ("refuse", False)
    assert other and (other.unknown_fields, other.mask_reply_names) == ("drop", True)


def test_a_book_of_the_first_release_still_opens_and_its_keys_are_in_force(tmp_path: Path) -> None:
    path = tmp_path / "office.sqlite"
    with closing(KeyBook(path, SECRET)) as book:
        plain = book.create(key())
    with closing(sqlite3.connect(path)) as connection:  # as the first release made it
        connection.execute("ALTER TABLE keys DROP COLUMN unknown_fields")
        connection.execute("ALTER TABLE keys DROP COLUMN mask_reply_names")
    with closing(KeyBook(path, SECRET)) as book:
        found = book.find(plain)
    assert found and found.person == "012345"
    assert (found.unknown_fields, found.mask_reply_names) == ("refuse", False)


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
