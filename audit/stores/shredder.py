"""Takes rows out of a ledger for good, inside the caller's transaction: the only code that removes.

In a file what is erased is overwritten first. Deleting alone, even with secure_delete, leaves copies: SQLite moves
rows between pages as others go, and does not clean the place they stood in. In PostgreSQL a month's partition
is dropped as a whole, and what a hold keeps of its texts is carried over into a new one; there the old file
is unlinked, and what the disk still holds of it is the disk's (docs/retention.md).

It asks neither whether something is due nor whether it is held (retention.py), and records nothing (purge.py).
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Integer, MetaData, bindparam
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from audit import tables
from audit.months import month_of_writer
from audit.stores import Place
from audit.stores.postgresql import STATEMENT_SECONDS, partition

LOCK_MS = 1_000
"""How long everybody else may have to wait behind us for a table that somebody is reading, in milliseconds."""

_CACHE_KB = 65_536
"""So much of a file's indexes stays in memory while a big chain goes: that is quicker than reading pages twice."""

_PURGING = 0x5E_15_49
"""Key of the advisory lock under which one purge at a time removes."""

_BUSY = {"55P03", "40P01"}
"""PostgreSQL's lock_not_available and deadlock_detected."""


def is_busy(error: BaseException) -> bool:
    """Whether somebody was using what we wanted, so that it may be tried again."""
    if not isinstance(error, DBAPIError):
        return False
    return getattr(error.orig, "sqlstate", None) in _BUSY or "database is locked" in str(error.orig)


def take_turn(connection: Connection) -> None:
    """PostgreSQL: no other purge until this ends, and time to count a month, which nobody waits for.

    SQLite: nobody else writes in any case. Raises an error that `is_busy`.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_PURGING,))
        connection.exec_driver_sql("SET LOCAL statement_timeout TO 0")


def take_lock(connection: Connection) -> None:
    """PostgreSQL: nobody else reads or writes records and texts, or enters a note, until this ends; soon or never.

    SQLite: nobody else writes in any case. Raises an error that `is_busy`.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout TO '{LOCK_MS}ms'")
        connection.exec_driver_sql(f"SET LOCAL statement_timeout TO '{STATEMENT_SECONDS}s'")
        connection.exec_driver_sql("LOCK TABLE records, texts IN ACCESS EXCLUSIVE MODE")
        connection.exec_driver_sql("LOCK TABLE notes IN SHARE ROW EXCLUSIVE MODE")


def permit(connection: Connection, writers: Iterable[str], what: str, at: str) -> None:
    """Enter into ``erasures`` that these chains' records or texts may go, unless it stands there."""
    erasures = tables.erasures
    for writer in writers:
        there = tables.select(erasures.c.writer).where(erasures.c.writer == writer, erasures.c.what == what)
        if connection.execute(there).first() is None:
            connection.execute(erasures.insert(), {"writer": writer, "what": what, "at": at})


def erase_texts(connection: Connection, writer: str, indexes: Sequence[int]) -> None:
    """SQLite: these texts of one chain."""
    texts = tables.texts
    this = (texts.c.writer == bindparam("w")) & (texts.c.idx == bindparam("i"))
    rows = [{"w": writer, "i": index} for index in indexes]
    for position in range(0, len(rows), 500):
        some = rows[position : position + 500]
        connection.execute(texts.update().where(this).values(salt="0" * 64, text=_blank(texts.c.text)), some)
        connection.execute(texts.delete().where(this), some)


def drop_texts(connection: Connection, place: Place, writers: Sequence[str], held: Any) -> None:
    """PostgreSQL: all texts of the month of these writers, but for those under the condition ``held``."""
    table = partition("texts", month_of_writer(writers[0]))
    old = tables.texts.to_metadata(MetaData(), name=f"{table}_erased")
    connection.exec_driver_sql(f"ALTER TABLE texts DETACH PARTITION {table}")
    connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {old.name}")
    place.make_month(connection, writers[0])
    if held is not None:
        kept = tables.select(old).where(held(old))
        connection.execute(tables.texts.insert().from_select([c.name for c in old.c], kept))
    connection.exec_driver_sql(f"DROP TABLE {old.name}")


def remove_chains(connection: Connection, writers: Sequence[str]) -> None:
    """SQLite: these chains as a whole, and what is left of their texts."""
    texts, records = tables.texts, tables.records
    connection.exec_driver_sql(f"PRAGMA cache_size = -{_CACHE_KB}")
    for writer in writers:
        these = texts.c.writer == writer
        connection.execute(texts.update().where(these).values(salt="0" * 64, text=_blank(texts.c.text)))
        connection.execute(texts.delete().where(these))
        connection.execute(records.delete().where(records.c.writer == writer))


def drop_month(connection: Connection, writers: Sequence[str]) -> None:
    """PostgreSQL: everything of the month of these writers."""
    for name in ("texts", "records"):
        table = partition(name, month_of_writer(writers[0]))
        if connection.exec_driver_sql("SELECT to_regclass(%s)", (table,)).scalar_one() is not None:
            connection.exec_driver_sql(f"ALTER TABLE {name} DETACH PARTITION {table}")
            connection.exec_driver_sql(f"DROP TABLE {table}")


def erase_keys(connection: Connection, ids: Sequence[str]) -> None:
    """These wrapped keys. An original whose key is gone says nothing to anybody."""
    keys = tables.original_keys
    these = keys.c.id.in_(ids)
    if connection.dialect.name == "sqlite":
        connection.execute(keys.update().where(these).values(wrapped=_blank(keys.c.wrapped)))
    connection.execute(keys.delete().where(these))


def wipe_log(place: Place) -> bool:
    """SQLite: bring everything into the file and empty its log, which still holds what was erased.

    False where somebody else is in the middle of reading, or we may not write: then it is for the next purge.
    SQLite lets no writer in while it waits for readers here, so it waits for a moment only.
    """
    if not place.serial:
        return True
    try:
        line = place.writer(create=False).raw_connection()
        try:
            cursor = line.cursor()
            cursor.execute(f"PRAGMA busy_timeout = {LOCK_MS}")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (busy, *_), *_ = cursor.fetchall()
            return not busy
        finally:
            line.close()
    except (sqlite3.Error, SQLAlchemyError, OSError):
        return False


def _blank(column: Any) -> Any:
    """As many bytes, all of them spaces: SQLite writes a value of the same length over the old one."""
    two_digits_a_byte = tables.func.hex(column)
    return tables.func.printf("%*s", tables.func.length(two_digits_a_byte, type_=Integer) // 2, "")
