"""Schema 1: records, texts, notes, leases and their laws. SQLite only; released with 0.1.0."""

from audit.migrations import run

revision = "0001"
down_revision = None


def upgrade() -> None:
    run(revision, only="sqlite")
