"""Where the office's books lie: a SQLite file, or the schema ``office`` of a PostgreSQL database.

Both keep every change durably before `changing` is left. Everything here waits for the disk or the network:
a running process calls it in a thread.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.address import Address, address_of
from audit.stores.postgresql import SESSION
from proxy.office import migrations, tables
from proxy.office.tables import Connection, Engine

if TYPE_CHECKING:
    from proxy.settings import Settings

PATIENCE = 5.0
"""Seconds a change waits for somebody else who is changing the same."""
HURRY = 0.3
"""Seconds that a look, in SQLite, waits for somebody who locks the whole file."""

_TRANSACTION = f"""
    SET LOCAL search_path TO office, pg_temp;
    SET LOCAL lock_timeout TO '{int(PATIENCE * 1000)}ms';
    SET LOCAL statement_timeout TO '{int(PATIENCE * 1000)}ms';
    SET LOCAL idle_in_transaction_session_timeout TO '20s'
"""
"""Said in every transaction, for a pooler may give each to another session."""

Identity = tuple[int, int]
"""Device and inode: which file it is, whatever it is called."""


def office_of(settings: "Settings") -> "Office":
    """The office of a house. Raises as `Office` does."""
    return Office(address_of(settings.office_location))


class Office:
    """The books at an address. Opening it makes or updates the tables.

    Raises ValueError, with a sentence, for an address that is none, SQLAlchemyError or OSError where it cannot
    be opened, RuntimeError, with a sentence, where a newer release made it.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._reader = _engine(address, writing=False)
        self._writer = _engine(address, writing=True)
        try:
            self._install()
        except BaseException:
            self.close()
            raise
        self._identity = self._file()

    def close(self) -> None:
        self._reader.dispose()
        self._writer.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One look. A file that was taken away, or exchanged for another, is not read on as if it were still there."""
        self._demand_itself()
        with self._reader.begin() as connection:
            yield connection

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """One change, whole or not at all, durable once this is left."""
        self._demand_itself()
        with self._writer.begin() as connection:
            yield connection

    def alone(self, connection: Connection, table: str) -> None:
        """Nobody else changes this table until the change is over; in SQLite one at a time changes anything."""
        if self.address.path is None:
            connection.exec_driver_sql(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")

    def counting(self) -> Any:
        """A connection of the driver itself, for counters.py: every statement a transaction of its own, and no wait for
        the disk: a crash of ours loses nothing, a power cut perhaps the last moment. Whoever asks for it closes it."""
        if self.address.path is not None:
            self._demand_itself()
            connection = sqlite3.connect(
                self.address.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA synchronous = NORMAL").close()
            return connection
        pooled = self._writer.raw_connection()
        line: Any = pooled.driver_connection
        pooled.detach()
        line.autocommit = True
        return line

    def identity(self) -> Identity | None:
        """Which file it is now; None where it is none. Raises OSError where it is gone."""
        return self._file()

    def _demand_itself(self) -> None:
        """Raises OSError where the file is gone. Another file of this name is opened anew."""
        if (now := self._file()) != self._identity:
            self.close()
            self._identity = now

    def _file(self) -> Identity | None:
        if self.address.path is None:
            return None
        facts = os.stat(self.address.path)
        return facts.st_dev, facts.st_ino

    def _install(self) -> None:
        if self.address.path is None:
            with self._writer.begin() as connection:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
                connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS office")
        with self._reader.begin() as connection:
            if self._revision(connection) == migrations.NEWEST:
                return
        with self._writer.begin() as connection:  # again: somebody may have been quicker
            found = self._revision(connection)
            if found is not None and found > migrations.NEWEST:
                raise RuntimeError(
                    "この帳簿は新しい版の関所が作ったものです。新しい版を使ってください"
                    " / a newer release made these books of the office: use that release"
                )
            migrations.upgrade(connection, unnumbered=found is None and self._has(connection, "keys"))

    def _revision(self, connection: Connection) -> str | None:
        if not self._has(connection, "alembic_version"):
            return None
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        return None if found is None else str(found)

    def _has(self, connection: Connection, table: str) -> bool:
        if self.address.path is None:
            sql = "SELECT to_regclass(%s)"
        else:
            sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = ?"
        return connection.exec_driver_sql(sql, (table,)).scalar() is not None


def _engine(address: Address, *, writing: bool) -> Engine:
    if address.path is not None:
        return _sqlite(address.path, writing)
    assert address.url is not None
    return _postgresql(address.url)


def _sqlite(path: Path, writing: bool) -> Engine:
    """Durable: WAL with synchronous=FULL. Of those who change something, one at a time."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            path,
            timeout=PATIENCE if writing else HURRY,
            isolation_level=None,  # sqlite3 must not begin transactions of its own beside ours
            check_same_thread=False,
        )
        try:
            if writing:
                connection.execute("PRAGMA journal_mode = WAL").close()
            connection.execute("PRAGMA synchronous = FULL").close()
            connection.execute("PRAGMA secure_delete = ON").close()
        except BaseException:
            connection.close()
            raise
        return connection

    engine = tables.create_engine(
        "sqlite://", creator=connect, poolclass=tables.QueuePool, hide_parameters=True
    )
    begin = "BEGIN IMMEDIATE" if writing else "BEGIN"
    tables.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _postgresql(url: str) -> Engine:
    """Raises ValueError for a URL that is none; it is not quoted, for it may hold a password."""
    try:
        parsed = tables.make_url(url).set(drivername="postgresql+psycopg")
    except (tables.ArgumentError, ValueError):
        raise ValueError(
            "SEKISHO_OFFICE は postgresql://利用者@ホスト/名前 の形です"
            " / this is no address of a PostgreSQL database: postgresql://user@host/name"
        ) from None
    session: dict[str, Any] = {name: value for name, value in SESSION.items() if name not in parsed.query}
    session["prepare_threshold"] = None  # a pooler may give the next transaction to another session
    engine = tables.create_engine(parsed, connect_args=session, pool_pre_ping=True, hide_parameters=True)

    def prepare(connection: Connection) -> None:
        connection.exec_driver_sql(_TRANSACTION, execution_options={"no_parameters": True})

    tables.event.listen(engine, "begin", prepare)
    return engine


_MAKING = 0x5E_15_21
"""Key of the advisory lock under which the schema is made."""
