"""The ledger's tables, and the only door of this room to sqlalchemy. It never decides what is written.

    records   the evidence. Append-only; one chain per writer (chain.py)
    texts     masked text and its salt, apart from the records, so that it can be erased alone
    notes     signed heads of the chains (notes.py). Append-only
    leases    who is writing now (leases.py). The one table that changes; it is not evidence

The laws that a CHECK cannot say are triggers in laws.sql. The definitions are portable; the triggers
and the PRAGMAs are SQLite's.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    Engine,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    exists,
    func,
    select,
    tuple_,
)
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.pool import NullPool

__all__ = [
    "SCHEMA",
    "Connection",
    "Engine",
    "IntegrityError",
    "SQLAlchemyError",
    "demand_known",
    "exists",
    "field_of",
    "install",
    "leases",
    "notes",
    "reader",
    "records",
    "select",
    "texts",
    "tuple_",
    "writer",
]

SCHEMA = 1
"""Version of these tables, kept in the file (PRAGMA user_version)."""

BUSY_MS = 5000
"""How long a writer waits for another process that is writing, in milliseconds."""

_metadata = MetaData()

_ASKED = "kind = 'asked' AND turn = 1 AND exchange IS NOT NULL"
_ENDED = (
    "kind IN ('answered', 'refused', 'failed', 'abandoned', 'lost') AND turn = 2 AND exchange IS NOT NULL"
)
_APART = "kind IN ('viewed', 'noted') AND turn IS NULL AND exchange IS NULL"

records = Table(
    "records",
    _metadata,
    Column("writer", Text, primary_key=True),
    Column("idx", Integer, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("exchange", Text),
    Column("turn", Integer),  # 1 asked, 2 any ending; with UNIQUE below: one of each per exchange
    Column("body", Text, nullable=False),
    Column("text_commitment", Text),
    Column("prev", Text, nullable=False),
    Column("hash", Text, nullable=False),
    UniqueConstraint("exchange", "turn", name="one_question_one_ending"),
    CheckConstraint(f"({_ASKED}) OR ({_ENDED}) OR ({_APART})", name="kind_fits_turn_and_exchange"),
    CheckConstraint("idx >= 1", name="chains_count_from_one"),
    CheckConstraint(f"idx > 1 OR prev = '{'0' * 64}'", name="chains_start_at_zeros"),
    CheckConstraint("length(hash) = 64 AND length(prev) = 64", name="hashes_are_sha256"),
    Index("records_by_time", "at", "writer", "idx"),
    sqlite_strict=True,
)

texts = Table(
    "texts",
    _metadata,
    Column("writer", Text, primary_key=True),
    Column("idx", Integer, primary_key=True, autoincrement=False),
    Column("salt", Text, nullable=False),
    Column("text", Text, nullable=False),
    ForeignKeyConstraint(["writer", "idx"], ["records.writer", "records.idx"]),
    CheckConstraint("length(salt) = 64", name="salts_are_32_bytes"),
    sqlite_strict=True,
)

notes = Table(
    "notes",
    _metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("note", Text, nullable=False),
    sqlite_strict=True,
)

leases = Table(
    "leases",
    _metadata,
    Column("writer", Text, primary_key=True),
    Column("boot", Text, nullable=False),  # these four say which process of which machine
    Column("namespace", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("born", Text, nullable=False),
    Column("started", Text, nullable=False),
    Column("until", Text, nullable=False),
    Column("open_from", Integer, nullable=False),  # every exchange asked before this index has ended
    Column("ended", Text),  # set once: by the writer when it stops, or by the sweep that closed it
    sqlite_strict=True,
)


def field_of(body: ColumnElement[str], *path: str) -> ColumnElement[Any]:
    """A field inside a stored body, for example ``field_of(records.c.body, "caller", "person")``."""
    return func.json_extract(body, "$." + ".".join(path))


def writer(path: Path, *, create: bool) -> Engine:
    """An engine whose every transaction is BEGIN IMMEDIATE and durable when it has been committed."""

    def connect() -> sqlite3.Connection:
        connection = _connect(path, "rwc" if create else "rw")
        try:
            _prepare(connection, create=create)
        except BaseException:
            connection.close()
            raise
        return connection

    engine = _engine(connect)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _prepare(connection: sqlite3.Connection, *, create: bool) -> None:
    """journal_mode is written into the file, so it must not be set in one that is no ledger."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (content,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if version == SCHEMA or (create and not content):
        connection.execute("PRAGMA journal_mode = WAL").close()
    connection.execute("PRAGMA synchronous = FULL").close()
    connection.execute("PRAGMA foreign_keys = ON").close()


def reader(path: Path) -> Engine:
    """An engine that cannot write. Raises FileNotFoundError where there is no ledger."""
    if not path.is_file():
        raise FileNotFoundError(f"no ledger at {path}")
    engine = _engine(lambda: _connect(path, "ro"))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """``isolation_level=None``: sqlite3 must not begin transactions of its own beside ours."""
    address = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=BUSY_MS / 1000, isolation_level=None)


def _engine(connect: Any) -> Engine:
    """``hide_parameters``: an error's text must not carry what was to be stored."""
    return create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)


def install(connection: Connection, *, create: bool) -> None:
    """Make the tables in an empty file, inside the caller's transaction; recognise them in any other.

    Raises RuntimeError, with a sentence, for a file that is not this program's ledger.
    """
    empty = not connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar_one()
    if not (create and empty):
        demand_known(connection)
        return
    _metadata.create_all(connection, checkfirst=False)
    for statement in _laws():
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")


def demand_known(connection: Connection) -> None:
    """Raise RuntimeError, with a sentence, unless the file is a ledger of this schema."""
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version > SCHEMA:
        raise RuntimeError(
            f"this ledger has schema {version} and this program knows up to {SCHEMA}: use a newer Sekisho"
        )
    if version != SCHEMA:
        raise RuntimeError("this file is not a Sekisho ledger: name another with --ledger")


def _laws() -> Iterator[str]:
    statement = ""
    for line in Path(__file__).with_name("laws.sql").read_text("utf-8").splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
