"""What the ledger's tests share: bodies, readings past the front door, an attacker, a clock, a child process.

Every helper takes a file, an address or a URL, and works in both stores.
"""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from audit import export, verify
from audit.address import Address, address_of
from audit.query import reading

ROOT = Path(__file__).parents[2]

Where = str | Path | Address

LAWS = (
    "records_are_never_changed",
    "records_are_never_deleted",
    "texts_are_never_changed",
    "texts_are_never_deleted",
    "notes_are_never_changed",
    "notes_are_never_deleted",
    "erasures_are_never_changed",
    "erasures_are_never_deleted",
    "originals_are_never_changed",
    "original_keys_are_never_changed",
    "a_record_needs_a_living_writer",
    "a_record_follows_the_last_one",
    "an_exchange_has_one_question_and_one_ending",
    "a_record_has_one_text",
    "an_ending_needs_its_question",
    "a_note_follows_the_last_one",
)
"""The triggers in SQLite."""

POSTGRESQL_LAWS = (
    "records_are_never_changed",
    "records_are_never_deleted",
    "records_are_never_emptied",
    "texts_are_never_changed",
    "texts_are_never_deleted",
    "texts_are_never_emptied",
    "notes_are_never_changed",
    "notes_are_never_deleted",
    "notes_are_never_emptied",
    "erasures_are_never_changed",
    "originals_are_never_changed",
    "original_keys_are_never_changed",
    "a_record_is_lawful",
    "a_text_has_its_record",
    "a_note_follows_the_last_one",
)
"""The triggers in PostgreSQL; there the unique constraints cannot be got round by REPLACE."""

TABLES = ("records", "texts", "notes", "leases", "erasures", "original_keys", "originals")


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


class Clock:
    """A clock that stands where it was put, and moves on by ``step`` at every look."""

    def __init__(self, at: str | datetime, step: timedelta = timedelta()) -> None:
        self.at = at if isinstance(at, datetime) else datetime.fromisoformat(at)
        self.step = step

    def __call__(self) -> datetime:
        self.at += self.step
        return self.at


def named(ledger: Where) -> str:
    """The ledger as a command line or another process takes it."""
    address = address_of(ledger)
    return address.url or str(address.path)


def rows(ledger: Where, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Read the ledger with SQL (``?`` for a value), past every reader of the house."""
    address = address_of(ledger)
    if address.url:
        with psycopg.connect(address.url) as line:
            return line.execute(sql.replace("?", "%s").encode(), values or None).fetchall()
    assert address.path
    with closing(sqlite3.connect(address.path)) as connection:
        return connection.execute(sql, values).fetchall()


def kinds(ledger: Where) -> dict[str, int]:
    """How many records there are of each kind."""
    return dict(rows(ledger, "SELECT kind, count(*) FROM records GROUP BY kind"))


def soon(true: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Wait until something is true, or for so long."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def attack(ledger: Where, *statements: str) -> None:
    """Do as somebody who owns the ledger: drop the laws, then change what is there."""
    address = address_of(ledger)
    if address.url:
        with psycopg.connect(address.url, autocommit=True) as line:
            _drop_laws(line)
            for statement in statements:
                assert line.execute(statement.encode()).rowcount != 0, statement
        return
    assert address.path
    with closing(sqlite3.connect(address.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for law in LAWS:
            connection.execute(f"DROP TRIGGER IF EXISTS {law}")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, statement


def _drop_laws(line: "psycopg.Connection[Any]") -> None:
    for table in TABLES:
        line.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
    checks = "SELECT conrelid::regclass::text, conname FROM pg_constraint"
    checks += " WHERE contype = 'c' AND conislocal AND coninhcount = 0 AND conrelid <> 0"
    checks += " AND connamespace = current_schema()::regnamespace"
    for table, name in line.execute(checks.encode()).fetchall():
        line.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())


def verified(ledger: Where, public_key: Path | None = None) -> verify.Report:
    """The verdict on a whole ledger: on the file itself, or on the lines that PostgreSQL gives out."""
    address = address_of(ledger)
    if address.path:
        return verify.verify(address.path, public_key)
    with reading(address) as connection:
        return verify.verify_lines(export.lines(connection, texts=True), public_key)


Child = Callable[..., subprocess.Popen[str]]
"""(program, *arguments) → a running process."""


def start_child(program: str, *arguments: object) -> subprocess.Popen[str]:
    """A Python process of its own, in the house, running this text; use it through the fixture."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
