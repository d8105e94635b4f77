"""How the office's tables come to be: one revision after another, the same SQL in SQLite and PostgreSQL.

A released revision is never edited, only followed by another. The books of 0.1.0 bear no number: they are 0001,
perhaps with some of the columns that came after it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

FOLDER = Path(__file__).parent
NEWEST = "0002"

_MIGRATING = 0x5E_15_20
"""Key of PostgreSQL's advisory lock: of two processes that start at once, one migrates and one waits."""


def upgrade(connection: "Connection", unnumbered: bool) -> None:
    """Bring the tables up to the newest revision, inside the caller's transaction."""
    from audit.migrations import run_revisions

    run_revisions(connection, FOLDER, _MIGRATING, unnumbered="0001" if unnumbered else None)


def run(revision: str) -> None:
    """Run the SQL of a revision, statement by statement."""
    from alembic import op

    connection = op.get_bind()
    for statement in (FOLDER / "versions" / f"{revision}.sql").read_text("utf-8").split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)
