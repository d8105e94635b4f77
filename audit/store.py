"""The open ledger of one writer: durable transactions, and proof that they reach that very ledger.

It knows nothing of records, nor which of the two kinds of place it writes to.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from audit import tables
from audit.stores import Place, install


class Store:
    """One connection, opened at the first transaction and again after every accident.

    Used by one thread. ``in_doubt`` is true after a commit that failed half way: the transaction may
    or may not be in the ledger, and only the ledger knows.
    """

    def __init__(self, place: Place, *, create: bool) -> None:
        self.place = place
        self.in_doubt = False
        self._create = create  # until the first time: a ledger that vanishes is not begun anew
        self._connection: tables.Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[tables.Connection]:
        """Durable on leaving; on any error nothing is kept and it is raised.

        Raises OSError when the ledger is gone, replaced or read-only, RuntimeError when it is no ledger,
        and sqlalchemy's errors for the rest.
        """
        self.in_doubt = False
        connection = self._opened()
        self.place.check()
        transaction = connection.begin()
        try:
            yield connection
        except BaseException:
            with suppress(Exception):
                transaction.rollback()
            raise
        self.in_doubt = True
        transaction.commit()
        self.place.check()  # a file that was replaced meanwhile took our commit with it
        self.in_doubt = False

    def close(self) -> None:
        """Close the ledger; the next transaction opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.invalidate()  # PostgreSQL: drop the line, do not wait for a server that is silent
            with suppress(Exception):
                connection.close()

    def _opened(self) -> tables.Connection:
        if self._connection is None:
            self._open()
        assert self._connection is not None
        return self._connection

    def _open(self) -> None:
        connection = self.place.writer(create=self._create).connect()
        try:
            with connection.begin():
                install(self.place, connection, create=self._create)
            self.place.check(first=True)
        except BaseException:
            connection.close()
            raise
        self._create = False
        self._connection = connection
