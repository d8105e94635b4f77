"""Schema 2: erasures and sealed originals; an ending lies in the chain of its question. PostgreSQL begins here."""

from audit.migrations import run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run(revision)
