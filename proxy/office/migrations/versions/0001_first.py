"""Schema 1: the book of keys, as 0.1.0 made it."""

from proxy.office.migrations import run

revision = "0001"
down_revision = None


def upgrade() -> None:
    run(revision)
