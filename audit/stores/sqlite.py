"""A ledger in a SQLite file: one machine, nothing to set up. Durable: WAL with synchronous=FULL.

It never creates a second ledger where the first one vanished, never leaves its log beside a file that is no
ledger, and never opens an empty file beside another ledger's log: SQLite would delete the log.
"""

import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from audit.tables import SCHEMA

BUSY_MS = 5000
"""How long a writer waits for another process that is writing, in milliseconds."""

_CONTENT = """SELECT count(*), coalesce(sum(type = 'table' AND name IN ('records', 'leases')), 0) FROM sqlite_schema"""
"""How many things are in the file, and how many of the two that every ledger has: others number versions, too."""

_LOG_BYTES = 16_000_000
"""To this size the log goes back, once a long reader who made it grow has left."""

Identity = tuple[int, int]
"""Device and inode: which file it is, whatever it is called."""


class StrayLog(FileExistsError):
    """The file is gone or empty and its ``-wal`` is still there: the newest records of a ledger may be in it alone."""

    def __init__(self, log: Path) -> None:
        super().__init__(
            f"{log.name} belongs to another ledger and may hold its newest records: move it away"
        )
        self.log = log


class SQLite:
    """The file at ``path``."""

    serial = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self._identities: dict[Path, Identity] = {}

    def writer(self, *, create: bool) -> Engine:
        """Every transaction is BEGIN IMMEDIATE: nobody else writes meanwhile."""
        self._demand_own_log()
        if create and not self.path.exists():
            self._make_file()
        _demand_writable(self.path)

        def connect() -> sqlite3.Connection:
            connection = _connect(self.path, "rwc" if create else "rw")
            try:
                _prepare(connection, create=create)
            except BaseException:
                connection.close()
                raise
            return connection

        engine = _engine(connect)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        return engine

    def reader(self) -> Engine:
        if not self.path.is_file():
            raise FileNotFoundError(f"no ledger at {self.path}")
        self._demand_own_log()
        engine = _engine(lambda: _connect(self.path, "ro"))
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        return engine

    def check(self, *, first: bool = False) -> None:
        log = self.path.with_name(self.path.name + "-wal")
        if first:
            self._identities = {self.path: _identity(self.path), log: _identity(log)}
        _demand_writable(self.path)
        for path, identity in self._identities.items():
            if _identity(path) != identity:
                raise OSError(f"{path.name} is another file than the one that was opened")

    def version(self, connection: Connection) -> int:
        version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
        content, ours = connection.exec_driver_sql(_CONTENT).one()
        return version if ours == 2 and version else -1 if content else 0

    def make_month(self, connection: Connection, writer: str) -> None:
        """A file has room for every month."""

    def _demand_own_log(self) -> None:
        """The log is looked for first: where another process is just making the ledger, the file has content before."""
        log = self.path.with_name(self.path.name + "-wal")
        if log.exists() and not (self.path.exists() and self.path.stat().st_size):
            raise StrayLog(log)

    def _make_file(self) -> None:
        """Readable for the owner and the group only; SQLite gives its side files the same mode."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o640))


def _prepare(connection: sqlite3.Connection, *, create: bool) -> None:
    """journal_mode is written into the file, so it must not be set in one that is no ledger.

    secure_delete: what is erased when its retention is over is overwritten, not only forgotten.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    content, ours = connection.execute(_CONTENT).fetchone()
    if (ours == 2 and 0 < version <= SCHEMA) or (create and not content):
        connection.execute("PRAGMA journal_mode = WAL").close()
    connection.execute("PRAGMA synchronous = FULL").close()
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}").close()
    connection.execute("PRAGMA foreign_keys = ON").close()
    connection.execute("PRAGMA secure_delete = ON").close()


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """``isolation_level=None``: sqlite3 must not begin transactions of its own beside ours."""
    address = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(
        address, uri=True, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False
    )


def _engine(connect: Any) -> Engine:
    """``hide_parameters``: an error's text must not carry what was to be stored."""
    return create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)


def _identity(path: Path) -> Identity:
    facts = os.stat(path)
    return facts.st_dev, facts.st_ino


def _demand_writable(path: Path) -> None:
    """Somebody who marked the ledger read-only means us too, also when we run as root."""
    if not os.stat(path).st_mode & 0o222 or not os.access(path, os.W_OK):
        raise PermissionError(f"{path.name} is read-only")
