"""How the ledger's tables come to be: one revision after another, each in SQL files of both dialects.

    versions/0002_retention.py    what the revision is for      versions/0002_sqlite.sql      its words in SQLite
                                                                versions/0002_postgresql.sql  and in PostgreSQL

A released revision is never edited, only followed by another. There is no way back: records are never
taken out of a newer ledger by an older program; restore a backup instead. In SQLite the version also
stands in the file itself (PRAGMA user_version), where verify.py and older programs look.
"""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

FOLDER = Path(__file__).parent

_MIGRATING = 0x5E_15_11
"""Key of PostgreSQL's advisory lock: of two processes that start at once, one migrates and one waits."""

_ALONE = threading.Lock()
"""Alembic's operations belong to the whole process: two threads would work on each other's connection."""


def upgrade(connection: "Connection", version: int, to: str = "head") -> None:
    """Bring the tables from a version (0: none) up to the newest, inside the caller's transaction."""
    # a file of 0.1.0 did not know alembic
    run_revisions(connection, FOLDER, _MIGRATING, to, unnumbered="0001" if version == 1 else None)


def run_revisions(
    connection: "Connection", folder: Path, lock: int, to: str = "head", unnumbered: str | None = None
) -> None:
    """Run what is still missing of a folder's revisions, inside the caller's transaction; the office's are run so, too.

    ``lock``: key of PostgreSQL's advisory lock. ``unnumbered``: the revision of tables that bear no number.
    """
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    with _ALONE:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (lock,))
            # The laws keep this path (0002_postgresql.sql); pg_temp, unless named last, would come first.
            connection.exec_driver_sql(
                "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
            )
        script = ScriptDirectory(str(folder))
        context = MigrationContext.configure(
            connection, opts={"fn": lambda heads, _: script._upgrade_revs(to, heads)}
        )
        if unnumbered is not None and not context.get_current_heads():
            context.stamp(script, unnumbered)
        with Operations.context(context):
            context.run_migrations()


def run(revision: str, *, only: str | None = None) -> None:
    """Run the SQL of a revision, in the dialect of the store that is being migrated."""
    from alembic import op

    connection = op.get_bind()
    dialect = connection.dialect.name
    if only not in (None, dialect):
        return
    text = (FOLDER / "versions" / f"{revision}_{dialect}.sql").read_text("utf-8")
    for statement in _statements(text) if dialect == "sqlite" else [text]:
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    if dialect == "sqlite":
        connection.exec_driver_sql(f"PRAGMA user_version = {int(revision)}")


def _statements(text: str) -> Iterator[str]:
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
