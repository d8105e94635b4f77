"""Whoever changes, deletes, swaps or inserts one record is found: verify names the writer and the index.

Record 1 notes which policy is in force; 2, 4, 6 and 8 are questions, 3, 5, 7 and 9 their answers.
"""

import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def house(open_house: Any) -> Any:
    """Asked four times, and closed."""
    checkpoint, _ = open_house()
    for number in range(4):
        checkpoint.say(f"{number}番の山田太郎さんへ")
    checkpoint.stop()
    assert checkpoint.verify()["ok"]
    return checkpoint


@pytest.fixture
def closed_ledger(house: Any, tmp_path: Path) -> Any:
    """A copy of the house's, to do with as one likes."""
    shutil.copytree(house.dir, tmp_path / "copy")
    ledger = tmp_path / "copy" / Path(house.ledger).relative_to(house.dir)
    return replace(house, dir=str(tmp_path / "copy"), ledger=str(ledger))


def attack(ledger: str, *statements: str) -> None:
    """Change the file as somebody with every right on the machine would."""
    with sqlite3.connect(ledger) as connection:
        for (trigger,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            connection.execute(statement)


COLUMNS = "writer, idx, at, kind, exchange, turn, body, text_commitment, prev, hash"


@pytest.mark.parametrize(
    ("statements", "index"),
    [
        (["UPDATE records SET body = replace(body, 'demo', 'nobody') WHERE idx = 4"], 4),
        (["UPDATE records SET at = '2026-01-01T00:00:00.000000Z' WHERE idx = 5"], 5),
        (["UPDATE texts SET text = replace(text, '番', '号') WHERE idx = 2"], 2),
        (["DELETE FROM texts WHERE idx = 4", "DELETE FROM records WHERE idx = 4"], 4),
        (["DELETE FROM texts WHERE idx = 9", "DELETE FROM records WHERE idx = 9"], 9),
        (
            [
                "UPDATE records SET idx = -idx WHERE idx IN (3, 5)",
                "UPDATE records SET idx = 8 + idx WHERE idx < 0",
            ],
            3,
        ),
        (
            [
                "UPDATE records SET idx = -idx - 1 WHERE idx > 4",
                "UPDATE records SET idx = -idx WHERE idx < 0",
                "INSERT INTO records SELECT writer, 5, at, 'noted', NULL, NULL, body, NULL, prev, hash FROM records WHERE idx = 4",
            ],
            5,
        ),
    ],
    ids=["edit", "edit-time", "edit-text", "delete", "delete-last", "swap", "insert"],
)
def test_verify_names_writer_and_index(closed_ledger: Any, statements: list[str], index: int) -> None:
    with sqlite3.connect(closed_ledger.ledger) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(records)")]
        (writer,) = {row[0] for row in connection.execute("SELECT writer FROM records")}
    assert names == COLUMNS.split(", ")
    attack(closed_ledger.ledger, "PRAGMA foreign_keys = OFF", *statements)
    result = closed_ledger.verify()
    assert not result["ok"]
    assert (result["first_bad"]["writer"], result["first_bad"]["index"]) == (writer, index), result


def test_a_whole_ledger_exchanged_for_another_is_found(
    closed_ledger: Any, start_checkpoint: Any, upstream: Any
) -> None:
    other = start_checkpoint(upstream.url, dir=Path(closed_ledger.dir).parent / "other")
    other.say("こんにちは")
    other.stop()
    other.public_key = closed_ledger.public_key
    assert not other.verify()["ok"], "its notes carry another house's signature"
