"""A ledger in PostgreSQL: for several machines, or more than one file should hold. Needs version 14 or newer.

Durable: every commit waits for the disk (synchronous_commit), and a server that does not flush its own
writes (fsync off) is not written to. Chains lie in one partition per month in Japan, by the name of their
writer, so that a month whose retention is over is dropped and never DELETEd.
"""

import re
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool, QueuePool

from audit.months import Month, month_of_writer

LOCK_SECONDS = 5
"""How long a statement waits for a lock that another process holds."""

STATEMENT_SECONDS = 20
"""How long one statement of a writer may take on the server."""

SESSION = {
    "connect_timeout": "5",
    "application_name": "sekisho",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""A cut network is noticed within seconds (libpq's names; milliseconds for the last)."""

_TRANSACTION = f"""
    SET LOCAL synchronous_commit TO on;
    SET LOCAL lock_timeout TO '{LOCK_SECONDS}s';
    SET LOCAL statement_timeout TO '{STATEMENT_SECONDS}s';
    SET LOCAL idle_in_transaction_session_timeout TO '{STATEMENT_SECONDS}s'
"""
"""Said in every transaction, for a pooler may give each to another session. The last one: a machine that
vanishes in the middle keeps its locks no longer than this."""

PARTITIONED = ("records", "texts")


class PostgreSQL:
    """The database at ``url`` (``postgresql://…``), whatever schema its search path names."""

    serial = False

    def __init__(self, url: str) -> None:
        self._url = url

    def writer(self, *, create: bool) -> Engine:
        engine = engine_of(self._url, "READ COMMITTED")

        @event.listens_for(engine, "begin")
        def prepare(connection: Connection) -> None:
            connection.exec_driver_sql(_TRANSACTION, execution_options={"no_parameters": True})

        return engine

    def reader(self) -> Engine:
        """One transaction sees one moment. Raises FileNotFoundError where no server answers."""
        engine = engine_of(self._url, "REPEATABLE READ")

        @event.listens_for(engine, "begin")
        def only_look(connection: Connection) -> None:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")

        return engine

    def check(self, *, first: bool = False) -> None:
        """Nothing to see from here: whether it is still that ledger, the pen asks after every accident."""

    def version(self, connection: Connection) -> int:
        for setting in ("fsync", "full_page_writes"):
            if connection.exec_driver_sql(f"SHOW {setting}").scalar_one() != "on":
                raise RuntimeError(
                    f"this PostgreSQL server may lose what it has promised to keep ({setting} is off)"
                )
        tables = "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p')"
        here = f"{tables} AND relnamespace = current_schema()::regnamespace"
        if connection.exec_driver_sql("SELECT to_regclass('alembic_version')").scalar_one() is None:
            return -1 if connection.exec_driver_sql(here).scalar_one() else 0
        revision = str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())
        ours = connection.exec_driver_sql("SELECT to_regclass('leases')").scalar_one() is not None
        return int(revision) if ours and re.fullmatch(r"[0-9]{4}", revision) else -1

    def make_month(self, connection: Connection, writer: str) -> None:
        """ATTACH, not PARTITION OF: it makes no reader and no other writer wait."""
        month = month_of_writer(writer)
        for wanted in (month, month.next()):
            for table in PARTITIONED:
                _make_partition(connection, table, wanted)


def engine_of(url: str, isolation: str, *, kept: bool = False) -> Engine:
    """A connection for each transaction, or one that is ``kept`` for the next until the engine is disposed of. Raises ValueError for a URL that is none; it is not quoted, for it may hold a
    password."""
    try:
        there = make_url(url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise ValueError("this is no address of a PostgreSQL database: postgresql://user@host/name") from None
    session: dict[str, Any] = {name: value for name, value in SESSION.items() if name not in there.query}
    session["prepare_threshold"] = None  # a pooler may give the next transaction to another session
    return create_engine(
        there,
        connect_args=session,
        poolclass=QueuePool if kept else NullPool,
        isolation_level=isolation,
        hide_parameters=True,
    )


def partition(table: str, month: Month) -> str:
    """The name of a month's part of a table: ``records_2026_11``."""
    return f"{table}_{month.year:04}_{month.month:02}"


def _make_partition(connection: Connection, table: str, month: Month) -> None:
    name = partition(table, month)
    # Not to_regclass: it may remember, from before the lock, that there was none.
    there = "SELECT count(*) FROM pg_class WHERE relname = %s AND pg_table_is_visible(oid)"
    if connection.exec_driver_sql(there, (name,)).scalar_one():
        return
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_MAKING_ROOM,))
    if connection.exec_driver_sql(there, (name,)).scalar_one():
        return  # another process was quicker
    since, until = month.first_writer, month.next().first_writer
    connection.exec_driver_sql(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)")
    connection.exec_driver_sql(
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{since}') TO ('{until}')"
    )
    # The laws for rows come with ATTACH; the one for TRUNCATE, of a month alone, does not.
    connection.exec_driver_sql(
        f"CREATE TRIGGER {table}_are_never_emptied BEFORE TRUNCATE ON {name}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION forbidden('{table} are never emptied')"
    )


_MAKING_ROOM = 0x5E_15_10
"""Key of the advisory lock under which partitions are made."""
