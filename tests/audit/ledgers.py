"""What the ledger's tests share: bodies, readings past the front door, an attacker, a child process."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from audit import verify

ROOT = Path(__file__).parents[2]

LAWS = (
    "records_are_never_changed",
    "records_are_never_deleted",
    "notes_are_never_changed",
    "notes_are_never_deleted",
    "texts_are_never_changed",
    "a_record_needs_a_living_writer",
    "a_record_follows_the_last_one",
    "an_exchange_has_one_question_and_one_ending",
    "a_record_has_one_text",
    "an_ending_needs_its_question",
    "a_note_follows_the_last_one",
)


def asked(person: str = "demo", section: str = "道路課", **more: Any) -> dict[str, Any]:
    """The body of an asked record, as the desk fills it."""
    caller = {
        "person": person,
        "key": "k-1",
        "tool": "mail-helper",
        "department": "都市創造部",
        "section": section,
        "identity": "authenticated",
    }
    return {
        "caller": caller,
        "operation": "chat",
        "dialect": "chat",
        "model_requested": "demo",
        "destination": "D2",
        "purpose": None,
        "category": "mail_draft",
        "class_declared": "2",
        "stream": False,
        "verdict": "permit",
        "rules": [{"id": "mask-all", "effects": ["mask"]}],
        "revealed": [],
        "policy": "takatsuki",
        "digest": "d" * 64,
        "entities": {"PERSON": 3, "JP_ADDRESS": 1},
        "evidence": {"PERSON": ["dictionary"]},
        "characters": 400,
        "request_id": "r-1",
        **more,
    }


def rows(ledger: Path, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Read the ledger with SQL, past every reader of the house."""
    connection = sqlite3.connect(ledger)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def kinds(ledger: Path) -> dict[str, int]:
    """How many records there are of each kind."""
    return dict(rows(ledger, "SELECT kind, count(*) FROM records GROUP BY kind"))


def attack(ledger: Path, *statements: str) -> None:
    """Do as somebody who owns the file: drop the laws, then change what is there."""
    connection = sqlite3.connect(ledger, isolation_level=None)
    try:
        connection.execute("PRAGMA foreign_keys = OFF")
        for law in LAWS:
            connection.execute(f"DROP TRIGGER IF EXISTS {law}")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, statement
    finally:
        connection.close()


def verified(ledger: Path, public_key: Path | None = None) -> verify.Report:
    """The verdict on a whole ledger."""
    return verify.verify(ledger, public_key)


Child = Callable[..., subprocess.Popen[str]]
"""(program, *arguments) → a running process."""


def start_child(program: str, *arguments: object) -> subprocess.Popen[str]:
    """A Python process of its own, in the house, running this text; use it through the fixture."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
