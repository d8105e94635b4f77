"""Fills an empty ledger with what another one held, past the laws, as only a restore or a move may.

The laws speak of records that are written today, by a writer who holds a lease, and some are younger than the
records: in a ledger that began with version 0.1.0 a ``lost`` record may lie in another chain than its question.
So they are taken away and the very same are put back, inside one transaction: whoever looks sees an empty
ledger without content or a full one with laws, whatever breaks off. It never changes or removes a row.

Taken away, not disabled: ALTER TABLE … DISABLE TRIGGER does not reach every partition in every version of
PostgreSQL, and SQLite has no such thing. A trigger's own text says all of it, in both.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Table

_LAWS = {
    "sqlite": "SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name",
    "postgresql": """
        SELECT t.tgname, c.relname, pg_get_triggerdef(t.oid) FROM pg_trigger AS t
        JOIN pg_class AS c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND c.relkind IN ('r', 'p')
        AND c.relnamespace = current_schema()::regnamespace ORDER BY t.tgname
    """,
}


@contextmanager
def without_laws(connection: Connection) -> Iterator[None]:
    """Inside a transaction of the tables' owner, which must be rolled back when this raises."""
    laws = _laws(connection)
    for name, table, _ in laws:
        on = f" ON {table}" if connection.dialect.name == "postgresql" else ""
        connection.exec_driver_sql(f"DROP TRIGGER {name}{on}")
    yield
    for _, _, law in laws:
        connection.exec_driver_sql(law, execution_options={"no_parameters": True})
    if not set(laws) <= set(_laws(connection)):  # a month's part that was made meanwhile has laws of its own
        raise RuntimeError("the ledger's laws could not be put back")


def _laws(connection: Connection) -> Sequence[Any]:
    return connection.exec_driver_sql(_LAWS[connection.dialect.name]).all()


def load(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Put rows in, each with a value for every column of the table, in its order."""
    if not rows:
        return
    columns = ", ".join(column.name for column in table.columns)
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" * len(table.columns))
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({columns}) VALUES ({places})", list(rows))
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def take_time(connection: Connection) -> None:
    """Let this transaction take as long as a whole ledger needs, and wait for what is read elsewhere meanwhile."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout TO 0")
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout TO 0")


def hold_still(connection: Connection) -> None:
    """Until this transaction ends nobody else writes here. SQLite's writers are alone anyway."""
    if connection.dialect.name == "postgresql":
        tables = "leases, records, texts, notes, erasures, original_keys, originals"
        connection.exec_driver_sql(f"LOCK TABLE {tables} IN SHARE MODE")
