"""What SQL itself forbids, whatever program asks; and which files are taken for ledgers."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.ledger import Ledger
from audit.model import CannotRecord, Draft
from audit.query import Filters, search
from tests.audit.ledgers import LAWS, asked, rows

X = "01KCQ2Z5XBQ6M1V0J9R8T7C4WD"


@pytest.fixture
def sql(ledger: Ledger) -> Iterator[sqlite3.Connection]:
    """Any other program's connection (no foreign_keys) to a ledger with one record, its text, and a note."""
    ledger.append_now(Draft("asked", X, asked(), "masked"))
    connection = sqlite3.connect(ledger.path, isolation_level=None)
    connection.execute("INSERT INTO notes VALUES (1, 'now', 'a note')")
    yield connection
    connection.close()


def last(sql: sqlite3.Connection) -> dict[str, Any]:
    """The last record, as a starting point for the next one."""
    cursor = sql.execute("SELECT * FROM records ORDER BY idx DESC LIMIT 1")
    return dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))


def insert(sql: sqlite3.Connection, **changes: Any) -> None:
    """Put in a record that would be lawful as the next ``viewed`` one, but for the changes."""
    row = last(sql)
    lawful = {"idx": row["idx"] + 1, "kind": "viewed", "turn": None, "exchange": None}
    row |= {**lawful, "prev": row["hash"], "hash": "e" * 64, "text_commitment": None, **changes}
    marks = ", ".join(f":{name}" for name in row)
    sql.execute(f"INSERT INTO records ({', '.join(row)}) VALUES ({marks})", row)


def test_the_lawful_next_record_is_taken(sql: sqlite3.Connection) -> None:
    """Without this the refusals below would prove nothing."""
    insert(sql)
    insert(sql, kind="answered", turn=2, exchange=X, hash="f" * 64)


def test_all_laws_stand_in_the_file(sql: sqlite3.Connection) -> None:
    assert {name for (name,) in sql.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")} == set(
        LAWS
    )


@pytest.mark.requirement("R43")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET body = '{}'",
        "UPDATE records SET hash = hash",
        "DELETE FROM records",
        "UPDATE notes SET note = 'another'",
        "DELETE FROM notes",
        "UPDATE texts SET text = 'another'",
        "UPDATE texts SET salt = salt",
        # REPLACE removes what is in its way, and no DELETE trigger hears of it:
        "REPLACE INTO notes VALUES (1, 'now', 'another')",
        "REPLACE INTO records SELECT * FROM records",
        "REPLACE INTO records SELECT writer, 2, at, kind, exchange, 1, body, NULL, hash, hash FROM records",
        "REPLACE INTO texts SELECT * FROM texts",
    ],
)
def test_what_is_recorded_is_neither_changed_nor_deleted(sql: sqlite3.Connection, statement: str) -> None:
    before = rows_of(sql)
    with pytest.raises(sqlite3.IntegrityError):
        sql.execute(statement)
    assert rows_of(sql) == before


def test_a_record_without_an_exchange_is_not_replaced_either(sql: sqlite3.Connection) -> None:
    insert(sql)
    with pytest.raises(sqlite3.IntegrityError):
        sql.execute("REPLACE INTO records SELECT * FROM records WHERE idx = 2")


def rows_of(sql: sqlite3.Connection) -> list[Any]:
    return [sql.execute(f"SELECT * FROM {table}").fetchall() for table in ("records", "texts", "notes")]


def test_a_text_can_be_erased_and_its_record_stays(sql: sqlite3.Connection) -> None:
    sql.execute("DELETE FROM texts")
    assert sql.execute("SELECT count(*) FROM records").fetchone() == (1,)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "asked", "turn": 1, "exchange": X},  # a second question
        {"kind": "answered", "turn": 2, "exchange": "never-asked"},
        {"kind": "answered", "turn": 1, "exchange": X},
        {"kind": "asked", "turn": 2, "exchange": X},
        {"kind": "asked", "turn": 1, "exchange": None},
        {"kind": "viewed", "turn": None, "exchange": X},
        {"kind": "invented", "turn": None, "exchange": None},
        {"idx": 1},  # twice
        {"idx": 3},  # a gap
        {"idx": 0},
        {"prev": "d" * 64},  # on top of another record
        {"writer": "nobody", "idx": 1, "prev": "0" * 64},  # no lease
        {"hash": "short"},
        {"body": None},
    ],
)
def test_a_record_that_does_not_belong_is_refused(sql: sqlite3.Connection, changes: dict[str, Any]) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        insert(sql, **changes)


@pytest.mark.parametrize("second", ["answered", "refused", "failed", "abandoned", "lost"])
def test_an_exchange_has_one_ending_of_whatever_kind(sql: sqlite3.Connection, second: str) -> None:
    insert(sql, kind="answered", turn=2, exchange=X)
    with pytest.raises(sqlite3.IntegrityError):
        insert(sql, kind=second, turn=2, exchange=X, hash="f" * 64)


def test_a_chain_starts_at_zeros(sql: sqlite3.Connection) -> None:
    sql.execute(
        "INSERT INTO leases SELECT 'w2', boot, namespace, pid, born, started, until, 1, NULL FROM leases"
    )
    with pytest.raises(sqlite3.IntegrityError):
        insert(sql, writer="w2", idx=1, prev="d" * 64)
    insert(sql, writer="w2", idx=1, prev="0" * 64)


def test_every_commit_is_made_durable(ledger: Ledger) -> None:
    """WAL keeps a commit through a power cut only with synchronous=FULL (2)."""
    from audit import tables

    engine = tables.writer(ledger.path, create=False)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_new_ledger_is_readable_for_owner_and_group_only(ledger: Ledger) -> None:
    assert ledger.path.stat().st_mode & 0o007 == 0


def make(place: Path, *statements: str) -> None:
    connection = sqlite3.connect(place, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["CREATE TABLE others (x)"], "not a Sekisho ledger"),
        (["CREATE TABLE records (x)", "PRAGMA user_version = 2"], "use a newer Sekisho"),
    ],
)
def test_a_file_of_another_kind_or_time_is_left_alone(place: Path, statements: list[str], words: str) -> None:
    make(place, *statements)
    before = rows(place, "SELECT name FROM sqlite_schema")
    ledger = Ledger(place)
    ledger.start()
    with pytest.raises(CannotRecord) as refused:
        ledger.append_now(Draft("viewed", None, {}))
    ledger.stop()
    assert words in str(refused.value.__cause__)
    assert rows(place, "PRAGMA journal_mode") == [("delete",)]
    assert rows(place, "SELECT name FROM sqlite_schema") == before
    with pytest.raises(RuntimeError, match=words):
        search(place, Filters())
