"""``sekisho audit verify`` says the same of a ledger in a file and of one in PostgreSQL."""

import json
from pathlib import Path

import pytest

from audit.address import Address
from tests.audit.cargo import fill, notes, run
from tests.audit.ledgers import attack, named


def test_verify_speaks_the_same_words_of_both_stores(
    address: Address, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    fill(address, keys[0], "x-1", "x-2")
    anchor, saved = tmp_path / "anchor", tmp_path / "saved"
    anchor.write_text(notes(address)[-1], "utf-8")
    here = ("verify", "--ledger", named(address), "--public-key", keys[1])
    done = run(*here, "--anchor", anchor, "--save", saved)
    assert done.exit_code == 0, done.output
    assert "台帳は正しくつながっています（記録 4 件）" in done.stdout
    assert saved.read_text("utf-8") == notes(address)[-1]
    fill(address, keys[0], "x-3")
    report = json.loads(run(*here, "--from", saved, "--json").stdout)
    assert (report["ok"], report["records"], report["signatures"]) == (True, 2, True)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        (
            "UPDATE records SET at = '2026-01-01T00:00:00.000000Z' WHERE exchange = 'x-2' AND turn = 2",
            "record_changed",
        ),
        ("UPDATE records SET turn = 2 WHERE exchange = 'x-2' AND turn = 1", "record_unfit"),
        ("UPDATE notes SET note = replace(note, 'open', 'shut')", "note_unreadable"),
        ("DELETE FROM texts WHERE idx = 2", "text_missing"),
    ],
)
def test_verify_finds_the_same_in_both_stores(
    address: Address, keys: tuple[Path, Path], statement: str, code: str
) -> None:
    fill(address, keys[0], "x-1", "x-2")
    if "turn = 2 WHERE" in statement:
        attack(address, "DELETE FROM texts", "DELETE FROM records WHERE exchange = 'x-2' AND turn = 2")
    attack(address, statement.replace("open", "closed"))
    report = json.loads(run("verify", "--ledger", named(address), "--json").stdout)
    assert (report["ok"], report["first_bad"]["code"]) == (False, code)


def test_verify_from_a_note_that_is_not_there_is_an_alarm(
    address: Address, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    fill(address, keys[0], "x-1")
    other = Address(tmp_path / "other.sqlite")
    for number in range(3):
        fill(other, keys[0], f"y-{number}")
    for number, code in ((1, "anchor_differs"), (3, "rolled_back")):
        kept = tmp_path / "kept"
        kept.write_text(notes(other)[number - 1], "utf-8")
        done = run("verify", "--ledger", named(address), "--public-key", keys[1], "--from", kept, "--json")
        assert done.exit_code == 1, done.output
        assert json.loads(done.stdout)["first_bad"]["code"] == code


def test_verify_finds_a_question_that_was_asked_again_in_another_chain(postgres_url: str) -> None:
    """In PostgreSQL only a trigger forbids it: a unique constraint must lie within one month."""
    fill(postgres_url, None, "x-1")
    assert run("verify", "--ledger", postgres_url).exit_code == 0
    attack(postgres_url)
    fill(postgres_url, None, "x-1")
    report = json.loads(run("verify", "--ledger", postgres_url, "--json").stdout)
    assert (report["ok"], report["first_bad"]["code"]) == (False, "question_repeated")
