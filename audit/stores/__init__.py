"""The two places where a ledger can lie, each behind the same five verbs.

writer    an engine whose every transaction is durable once it has been committed
reader    an engine that cannot write, and sees one moment per transaction
install   make or bring up to date the tables, or recognise them
check     raise OSError where the place is no longer the one that was opened
version   which schema it has; 0: none
"""

from typing import Protocol

from audit.address import Address
from audit.tables import SCHEMA, Connection, Engine


class Place(Protocol):
    """A SQLite file or a PostgreSQL database."""

    @property
    def serial(self) -> bool:
        """Whether one transaction at a time writes in the whole place."""

    def writer(self, *, create: bool) -> Engine:
        """Raises OSError where nothing can be written. ``create``: an empty place may become a ledger."""

    def reader(self) -> Engine:
        """Raises FileNotFoundError where there is no ledger."""

    def check(self, *, first: bool = False) -> None:
        """Raise OSError when this is not the place that was opened ``first``, or it cannot be written."""

    def version(self, connection: Connection) -> int:
        """The schema's version; 0 in an empty place, -1 in one that holds something else."""

    def make_month(self, connection: Connection, writer: str) -> None:
        """See to it that there is room for the chains of this writer's month and of the next."""


def place_of(address: Address) -> Place:
    """The store behind an address. Opens nothing."""
    if address.url is not None:
        from audit.stores.postgresql import PostgreSQL

        return PostgreSQL(address.url)
    from audit.stores.sqlite import SQLite

    assert address.path is not None
    return SQLite(address.path)


def install(place: Place, connection: Connection, *, create: bool) -> None:
    """Make the tables in an empty place, or bring older ones up to date, inside the caller's transaction.

    Raises RuntimeError, with a sentence, for what is not a ledger that this program may write.
    """
    version = place.version(connection)
    if version == SCHEMA:
        return
    if version > SCHEMA:
        demand_known(place, connection)
    if version < 0 or (version == 0 and not create):
        raise RuntimeError(NO_LEDGER)
    from audit.migrations import upgrade

    upgrade(connection, version)


def demand_known(place: Place, connection: Connection) -> None:
    """Raise RuntimeError, with a sentence, unless the place is a ledger of this schema."""
    version = place.version(connection)
    if version > SCHEMA:
        raise RuntimeError(
            f"this ledger has schema {version} and this program knows up to {SCHEMA}: use a newer Sekisho"
        )
    if 0 < version < SCHEMA:
        raise RuntimeError(
            f"this ledger has schema {version}: start `sekisho serve` once, which brings it to {SCHEMA}"
        )
    if version != SCHEMA:
        raise RuntimeError(NO_LEDGER)


NO_LEDGER = "this is not a Sekisho ledger: name another with --ledger"
