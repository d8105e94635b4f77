"""From every released schema to the newest one: nothing is lost, nothing is changed, and nobody comes in between."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from typer.testing import CliRunner

from audit import tables
from audit.address import Address
from audit.commands import app
from audit.ledger import Ledger
from audit.model import CannotRecord, Draft
from audit.query import of_kind, show
from audit.signing import create_keys
from audit.stores import place_of
from tests.audit.ledgers import Child, attack, kinds, named, rows, soon, verified

OpenLedger = Callable[..., Ledger]
SCHEMAS = Path(__file__).with_name("schemas")
VIEWED = Draft("viewed", None, {})
OPEN = "01KAFTF2H0000000000000DDDD"
"""The exchange that was open when the old ledger's last writer died."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A ledger of release 0.1.0 (schemas/0001.sql), as a file."""
    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript((SCHEMAS / "0001.sql").read_text("utf-8"))
    return path


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """The old ledger's public key, and behind it the one that ``private`` belongs to."""
    path = tmp_path / "both.pem"
    old_key = (SCHEMAS / "0001_public.pem").read_text("ascii")
    path.write_text(old_key + create_keys(tmp_path / "keys")[1].read_text("ascii"), "ascii")
    return path


def content(ledger: Path) -> list[list[Any]]:
    return [rows(ledger, f"SELECT * FROM {table} ORDER BY 1, 2") for table in ("records", "texts", "notes")]


# ── a ledger of 0.1.0 ────────────────────────────────────────────────────────────────────────────


def test_a_ledger_of_0_1_0_still_verifies_as_it_is(old: Path) -> None:
    report = verified(old, SCHEMAS / "0001_public.pem")
    assert (report.ok, report.records, report.writers, report.checkpoints) == (True, 11, 2, 4)
    assert rows(old, "PRAGMA user_version") == [(1,)]


def test_a_ledger_of_0_1_0_is_brought_up_to_date_by_the_first_start(
    old: Path, public: Path, tmp_path: Path
) -> None:
    before = content(old)
    ledger = Ledger(old, tmp_path / "keys" / "signing.pem")
    ledger.start()
    new = ledger.append_now(Draft("asked", "x-1", {}, "text"))
    ledger.append_now(Draft("answered", "x-1", {}))
    ledger.stop()
    assert rows(old, "SELECT version_num FROM alembic_version") == [("0002",)]
    assert rows(old, "PRAGMA user_version") == [(2,)]
    after = content(old)
    for earlier, later in zip(before, after, strict=True):
        assert [row for row in later if row in earlier] == earlier
    assert new.index == 1
    report = verified(old, public)
    assert (report.ok, report.unanchored) == (True, 0)


def test_what_a_writer_of_0_1_0_left_open_is_closed_in_its_own_chain(
    old: Path, open_ledger: OpenLedger
) -> None:
    open_ledger(old)
    assert soon(lambda: kinds(old).get("lost") == 2)
    ending = rows(old, "SELECT writer, idx, kind FROM records WHERE exchange = ? AND turn = 2", [OPEN])
    assert ending == [("w20261120T010700Z-b2b2b2", 6, "lost")]
    assert verified(old, SCHEMAS / "0001_public.pem").ok


def test_old_and_new_records_are_found_together(old: Path, open_ledger: OpenLedger) -> None:
    open_ledger(old).append_now(Draft("asked", "x-1", {}))
    found = [record.exchange for record in of_kind(Address(old), "asked")]
    assert (found[0], len(found)) == ("x-1", 6)
    shown = show(Address(old), OPEN)
    assert shown and shown.asked_text == "返事を待っている質問"


def test_an_old_ledger_is_not_read_before_it_was_brought_up_to_date(old: Path) -> None:
    with pytest.raises(RuntimeError, match="start `sekisho serve` once"):
        list(of_kind(Address(old), "asked"))
    result = CliRunner().invoke(app, ["search", "--ledger", str(old)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "sekisho serve" in result.stderr
    assert rows(old, "PRAGMA user_version") == [(1,)]


def test_an_upgrade_that_breaks_off_leaves_the_ledger_as_it_was(
    old: Path, open_ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    from audit import migrations

    run = migrations.run

    def broken(revision: str, **options: Any) -> None:
        run(revision, **options)
        raise OSError("the disk is full")

    before, schema = content(old), rows(old, "SELECT type, name, sql FROM sqlite_schema")
    monkeypatch.setattr(migrations, "run", broken)
    ledger = open_ledger(old)
    with pytest.raises(CannotRecord):
        ledger.append_now(VIEWED)
    assert (content(old), rows(old, "SELECT type, name, sql FROM sqlite_schema")) == (before, schema)
    assert rows(old, "PRAGMA user_version") == [(1,)]
    monkeypatch.undo()
    ledger.append_now(VIEWED)
    assert rows(old, "PRAGMA user_version") == [(2,)]


# ── the tables ───────────────────────────────────────────────────────────────────────────────────


def shape(ledger: Address) -> dict[str, Any]:
    """Per table: name and nullability of each column, and the primary key."""
    with place_of(ledger).reader().connect() as connection:
        seen = sqlalchemy.inspect(connection)
        names = [name for name in seen.get_table_names() if name in tables.metadata.tables]
        return {
            name: (
                [(column["name"], bool(column["nullable"])) for column in seen.get_columns(name)],
                seen.get_pk_constraint(name)["constrained_columns"],
            )
            for name in names
        }


def test_the_tables_that_python_knows_are_those_that_the_migrations_make(
    address: Address, open_ledger: OpenLedger
) -> None:
    open_ledger(address).append_now(VIEWED)
    assert shape(address) == {
        name: (
            [(column.name, bool(column.nullable)) for column in table.columns],
            [column.name for column in table.primary_key],
        )
        for name, table in tables.metadata.tables.items()
    }
    found = "name FROM sqlite_schema WHERE type = 'table'"
    if address.url:
        found = "relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
        found += " AND relnamespace = current_schema()::regnamespace"
    there = {name for (name,) in rows(address, f"SELECT {found}")}
    assert there == {*tables.metadata.tables, "alembic_version"}


def test_an_old_ledger_brought_up_to_date_is_a_new_one(
    old: Path, place: Path, open_ledger: OpenLedger
) -> None:
    """The same tables, indexes, checks and laws, but for the layout of the words."""

    def made(ledger: Path) -> dict[str, Any]:
        found = rows(ledger, "SELECT type || ' ' || name, sql FROM sqlite_schema WHERE sql NOT NULL")
        return {name: tokens(sql) for name, sql in found}

    for each in (old, place):
        open_ledger(each).append_now(VIEWED)
    assert made(old) == made(place)
    assert shape(Address(old)) == shape(Address(place))


def tokens(sql: str) -> str:
    lines = (line.partition("--")[0] for line in sql.splitlines())
    return "".join("".join(lines).split()).lower()


# ── a newer ledger ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def newer(address: Address) -> Address:
    """A ledger that a later program has brought to schema 3."""
    ledger = Ledger(address)
    ledger.start()
    ledger.append_now(VIEWED)
    ledger.stop()
    if address.url:
        attack(address, "UPDATE alembic_version SET version_num = '0003'")
    else:
        attack(address, "UPDATE alembic_version SET version_num = '0003'", "PRAGMA user_version = 3")
    return address


def test_a_newer_ledger_is_not_written_to(newer: Address, open_ledger: OpenLedger) -> None:
    with pytest.raises(CannotRecord) as told:
        open_ledger(newer).append_now(VIEWED)
    assert "has schema 3 and this program knows up to 2: use a newer Sekisho" in str(told.value.__cause__)
    assert rows(newer, "SELECT count(*) FROM records") == [(1,)]


@pytest.mark.parametrize("command", [["search"], ["show", "x-1"], ["sweep"]])
def test_a_newer_ledger_is_neither_read_nor_swept(newer: Address, command: list[str]) -> None:
    result = CliRunner().invoke(app, [*command, "--ledger", named(newer)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "use a newer Sekisho" in result.stderr and len(result.stderr.strip().splitlines()) == 1
    assert rows(newer, "SELECT count(*) FROM records") == [(1,)]


# ── all at once ──────────────────────────────────────────────────────────────────────────────────

STARTER = """
import sys
from audit.ledger import Ledger
from audit.model import Draft

ledger = Ledger(sys.argv[1])
input()                                     # until all are there
ledger.start()
for number in range(5):
    ledger.append_now(Draft("viewed", None, {"n": number}))
ledger.stop()
"""


def start_together(child: Child, where: Path | Address, count: int = 4) -> None:
    processes = [child(STARTER, named(where)) for _ in range(count)]
    for process in processes:
        assert process.stdin
        process.stdin.write("now\n")
        process.stdin.flush()
    for process in processes:
        assert process.communicate(timeout=60)[1] == ""


def test_of_several_that_start_in_an_empty_place_one_makes_the_ledger(address: Address, child: Child) -> None:
    start_together(child, address)
    report = verified(address)
    assert (report.ok, report.records, report.writers) == (True, 20, 4)
    assert rows(address, "SELECT version_num FROM alembic_version") == [("0002",)]


def test_of_several_that_start_on_an_old_ledger_one_brings_it_up_to_date(old: Path, child: Child) -> None:
    start_together(child, old)
    report = verified(old, SCHEMAS / "0001_public.pem")
    assert (report.ok, report.writers, kinds(old)["viewed"]) == (True, 6, 21)
    assert rows(old, "SELECT version_num FROM alembic_version") == [("0002",)]


def test_one_process_brings_several_ledgers_up_to_date_at_once(
    old: Path, address: Address, tmp_path: Path, open_ledger: OpenLedger
) -> None:
    places: list[Path | Address] = [old, address, *(tmp_path / f"{number}.sqlite" for number in range(4))]

    async def see() -> None:
        ledgers = await asyncio.gather(*(asyncio.to_thread(open_ledger, place) for place in places))
        await asyncio.gather(*(ledger.append(VIEWED) for ledger in ledgers))

    asyncio.run(see())
    assert all(verified(place).ok for place in places)
