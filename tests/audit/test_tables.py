"""What SQL itself forbids, whatever program asks, in both stores; and what is taken for a ledger."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from audit.address import Address
from audit.ledger import Ledger
from audit.model import CannotRecord, Draft
from audit.query import of_kind
from audit.stores import place_of
from tests.audit.ledgers import LAWS, POSTGRESQL_LAWS, TABLES, asked, rows

X = "01KCQ2Z5XBQ6M1V0J9R8T7C4WD"
FORBIDDEN = (sqlite3.IntegrityError, psycopg.IntegrityError)


class Program:
    """Any other program's line to the ledger: it has no foreign keys on and keeps none of our rules."""

    def __init__(self, address: Address) -> None:
        self.is_file = address.path is not None
        self._line: Any = (
            sqlite3.connect(address.path, isolation_level=None)
            if address.path
            else psycopg.connect(address.url or "", autocommit=True)
        )

    def execute(self, sql: str, values: dict[str, Any] | None = None) -> list[Any]:
        """``:name`` for a value."""
        if not self.is_file and values:
            for name in values:
                sql = sql.replace(f":{name}", f"%({name})s")
        done = self._line.execute(sql, values or ())
        return list(done.fetchall()) if done.description else []

    def close(self) -> None:
        self._line.close()


@pytest.fixture
def place(address: Address) -> Address:
    """Every law is kept in both stores."""
    return address


@pytest.fixture
def sql(ledger: Ledger) -> Iterator[Program]:
    """A ledger with one record, its text, a note, a sealed original and its key."""
    ledger.append_now(Draft("asked", X, asked(), "masked"))
    program = Program(ledger.address)
    program.execute("INSERT INTO notes VALUES (1, 'now', 'a note')")
    program.execute("INSERT INTO original_keys VALUES ('k-1', 'c-1', 'wrapped', 'then')")
    program.execute("INSERT INTO originals VALUES ('w-1', 1, 'k-1', 'sealed')")
    yield program
    program.close()


COLUMNS = ["writer", "idx", "at", "kind", "exchange", "turn", "body", "text_commitment", "prev", "hash"]


def insert(sql: Program, **changes: Any) -> None:
    """Put in a record that would be lawful as the next ``viewed`` one, but for the changes."""
    (last,) = sql.execute(f"SELECT {', '.join(COLUMNS)} FROM records ORDER BY idx DESC LIMIT 1")
    row = dict(zip(COLUMNS, last, strict=True))
    lawful = {"idx": row["idx"] + 1, "kind": "viewed", "turn": None, "exchange": None}
    row |= {**lawful, "prev": row["hash"], "hash": "e" * 64, "text_commitment": None, **changes}
    marks = ", ".join(f":{name}" for name in sorted(COLUMNS, reverse=True))
    sql.execute(f"INSERT INTO records ({', '.join(sorted(COLUMNS, reverse=True))}) VALUES ({marks})", row)


def second_writer(sql: Program) -> None:
    """Another chain's lease, in the same month as the first one's."""
    lease = "SELECT writer || '0', boot, namespace, pid, born, started, until, 1, NULL FROM leases"
    sql.execute(f"INSERT INTO leases {lease}")


def first_of(sql: Program) -> str:
    return str(sql.execute("SELECT min(writer) FROM leases")[0][0])


def everything(sql: Program) -> list[Any]:
    return [sql.execute(f"SELECT * FROM {table}") for table in TABLES]


def test_the_lawful_next_record_is_taken(sql: Program) -> None:
    """Without this the refusals below would prove nothing."""
    insert(sql)
    insert(sql, kind="answered", turn=2, exchange=X, hash="f" * 64)


def test_all_laws_stand_in_the_ledger(sql: Program) -> None:
    if sql.is_file:
        found, laws = "SELECT name FROM sqlite_schema WHERE type = 'trigger'", LAWS
    else:
        found = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgparentid = 0"
        laws = POSTGRESQL_LAWS
    assert {name for (name,) in sql.execute(found)} == set(laws)


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
        "DELETE FROM texts",
        "UPDATE originals SET sealed = 'another'",
        "UPDATE original_keys SET wrapped = 'another'",
    ],
)
def test_what_is_recorded_is_neither_changed_nor_deleted(sql: Program, statement: str) -> None:
    before = everything(sql)
    with pytest.raises(FORBIDDEN):
        sql.execute(statement)
    assert everything(sql) == before


@pytest.mark.requirement("R43")
@pytest.mark.parametrize(
    "statement",
    [
        # REPLACE removes what is in its way, and no DELETE trigger hears of it:
        "REPLACE INTO notes VALUES (1, 'now', 'another')",
        "REPLACE INTO records SELECT * FROM records",
        "REPLACE INTO records SELECT writer, 2, at, kind, exchange, 1, body, NULL, hash, hash FROM records",
        "REPLACE INTO texts SELECT * FROM texts",
    ],
)
@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_what_is_recorded_is_not_replaced(sql: Program, statement: str) -> None:
    before = everything(sql)
    with pytest.raises(FORBIDDEN):
        sql.execute(statement)
    assert everything(sql) == before


@pytest.mark.requirement("R43")
@pytest.mark.parametrize("table", ["records", "texts", "notes"])
@pytest.mark.parametrize("address", ["postgresql"], indirect=True)
def test_no_table_is_emptied_not_even_one_month_of_it(sql: Program, table: str) -> None:
    before = everything(sql)
    months = sql.execute(
        f"SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = '{table}'::regclass"
    )
    for name in (table, *(name for (name,) in months)):
        with pytest.raises(FORBIDDEN):
            sql.execute(f"TRUNCATE {name}")
    assert everything(sql) == before


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_a_record_without_an_exchange_is_not_replaced_either(sql: Program) -> None:
    insert(sql)
    with pytest.raises(FORBIDDEN):
        sql.execute("REPLACE INTO records SELECT * FROM records WHERE idx = 2")


@pytest.mark.requirement("R43")
@pytest.mark.parametrize("what", ["records", "texts"])
def test_a_chain_goes_only_where_its_erasure_was_permitted(sql: Program, what: str) -> None:
    """In a file whole chains are deleted; in PostgreSQL months are dropped, and no row is ever deleted."""
    first = first_of(sql)
    second_writer(sql)
    insert(sql, writer=first + "0", idx=1, kind="asked", turn=1, exchange="x-2", prev="0" * 64)
    sql.execute(f"INSERT INTO texts VALUES ('{first}0', 1, '{'a' * 64}', 'text')")
    sql.execute(f"INSERT INTO erasures VALUES ('{first}', '{what}', 'now')")
    for table in ("texts", "records"):
        with pytest.raises(FORBIDDEN):
            sql.execute(f"DELETE FROM {table} WHERE writer = '{first}0'")
    for table in ("texts", "records") if what == "records" else ("texts",):
        if sql.is_file:
            sql.execute(f"DELETE FROM {table} WHERE writer = '{first}'")
            assert sql.execute(f"SELECT DISTINCT writer FROM {table}") == [(first + "0",)]
        else:
            with pytest.raises(FORBIDDEN):
                sql.execute(f"DELETE FROM {table} WHERE writer = '{first}'")
    if what == "texts":
        with pytest.raises(FORBIDDEN):
            sql.execute(f"DELETE FROM records WHERE writer = '{first}'")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE erasures SET at = 'another'",
        "DELETE FROM erasures",
        "INSERT INTO erasures VALUES ('w-2', 'everything', 'now')",
    ],
)
def test_an_erasure_stays_as_it_was_entered(sql: Program, statement: str) -> None:
    sql.execute("INSERT INTO erasures VALUES ('w-1', 'texts', 'now')")
    with pytest.raises(FORBIDDEN):
        sql.execute(statement)


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
        {"writer": "w20261123T052100Z-000000", "idx": 1, "prev": "0" * 64},  # no lease
        {"hash": "short"},
        {"body": None},
    ],
)
def test_a_record_that_does_not_belong_is_refused(sql: Program, changes: dict[str, Any]) -> None:
    with pytest.raises(FORBIDDEN):
        insert(sql, **changes)


@pytest.mark.parametrize("kind", ["answered", "lost"])
def test_an_ending_lies_in_the_chain_of_its_question(sql: Program, kind: str) -> None:
    second_writer(sql)
    with pytest.raises(FORBIDDEN):
        insert(sql, writer=first_of(sql) + "0", idx=1, prev="0" * 64, kind=kind, turn=2, exchange=X)


@pytest.mark.parametrize("second", ["answered", "refused", "failed", "abandoned", "lost"])
def test_an_exchange_has_one_ending_of_whatever_kind(sql: Program, second: str) -> None:
    insert(sql, kind="answered", turn=2, exchange=X)
    with pytest.raises(FORBIDDEN):
        insert(sql, kind=second, turn=2, exchange=X, hash="f" * 64)


def test_a_chain_starts_at_zeros(sql: Program) -> None:
    second_writer(sql)
    with pytest.raises(FORBIDDEN):
        insert(sql, writer=first_of(sql) + "0", idx=1, prev="d" * 64)
    insert(sql, writer=first_of(sql) + "0", idx=1, prev="0" * 64)


def test_a_writer_that_was_declared_gone_writes_no_more(sql: Program) -> None:
    sql.execute("UPDATE leases SET ended = 'now'")
    with pytest.raises(FORBIDDEN):
        insert(sql)


def test_a_note_follows_the_last_one(sql: Program) -> None:
    for number in (1, 3):
        with pytest.raises(FORBIDDEN):
            sql.execute(f"INSERT INTO notes VALUES ({number}, 'now', 'a note')")
    sql.execute("INSERT INTO notes VALUES (2, 'now', 'a note')")


def test_every_commit_is_made_durable(ledger: Ledger) -> None:
    """WAL keeps a commit through a power cut only with synchronous=FULL (2)."""
    expected = (
        {
            "PRAGMA synchronous": 2,
            "PRAGMA journal_mode": "wal",
            "PRAGMA foreign_keys": 1,
            "PRAGMA secure_delete": 1,
        }
        if ledger.address.path
        else {
            "SHOW synchronous_commit": "on",
            "SHOW fsync": "on",
            "SHOW transaction_isolation": "read committed",
        }
    )
    with place_of(ledger.address).writer(create=False).connect() as connection:
        assert {each: connection.exec_driver_sql(each).scalar() for each in expected} == expected


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_a_new_ledger_is_readable_for_owner_and_group_only(ledger: Ledger) -> None:
    assert ledger.address.path and ledger.address.path.stat().st_mode & 0o007 == 0


def make(place: Path, *statements: str) -> None:
    connection = sqlite3.connect(place, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["CREATE TABLE others (x)"], "not a Sekisho ledger"),
        (["CREATE TABLE others (x)", "PRAGMA user_version = 1"], "not a Sekisho ledger"),
        (["CREATE TABLE others (x)", "PRAGMA user_version = 2"], "not a Sekisho ledger"),
        (["CREATE TABLE others (x)", "PRAGMA user_version = 9"], "not a Sekisho ledger"),
        (
            ["CREATE TABLE records (x)", "CREATE TABLE leases (x)", "PRAGMA user_version = 3"],
            "use a newer Sekisho",
        ),
    ],
)
def test_a_file_of_another_kind_or_time_is_left_alone(
    tmp_path: Path, statements: list[str], words: str
) -> None:
    place = tmp_path / "other.sqlite"
    make(place, *statements)
    before = place.read_bytes()
    ledger = Ledger(place)
    ledger.start()
    with pytest.raises(CannotRecord) as refused:
        ledger.append_now(Draft("viewed", None, {}))
    ledger.stop()
    assert words in str(refused.value.__cause__)
    assert place.read_bytes() == before
    assert rows(place, "PRAGMA journal_mode") == [("delete",)]
    with pytest.raises(RuntimeError, match=words):
        list(of_kind(Address(place), "asked"))
