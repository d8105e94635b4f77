"""The open ledger file of one writer: durable transactions, and proof that they reach that very file.

It knows nothing of records. It never creates a second ledger where the first one vanished.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from audit import tables

Identity = tuple[int, int]
"""Device and inode: which file it is, whatever it is called."""


class Store:
    """One connection, opened at the first transaction and again after every accident.

    Used by one thread. ``in_doubt`` is true after a commit that failed half way: the transaction may
    or may not be in the ledger, and only the ledger knows.
    """

    def __init__(self, path: Path, *, create: bool) -> None:
        self.path = path
        self.in_doubt = False
        self._create = create
        self._connection: tables.Connection | None = None
        self._identities: dict[Path, Identity] = {}

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    @contextmanager
    def transaction(self) -> Iterator[tables.Connection]:
        """BEGIN IMMEDIATE … COMMIT, durable on leaving; on any error nothing is kept and it is raised.

        Raises OSError when the ledger's file is gone, replaced or read-only, RuntimeError when it is
        no ledger, and sqlalchemy's errors for the rest.
        """
        self.in_doubt = False
        connection = self._opened()
        self._check()
        transaction = connection.begin()
        try:
            yield connection
        except BaseException:
            with suppress(Exception):
                transaction.rollback()
            raise
        self.in_doubt = True
        transaction.commit()
        self._check()  # a file that was replaced meanwhile took our commit with it
        self.in_doubt = False

    def close(self) -> None:
        """Close the file; the next transaction opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    def _opened(self) -> tables.Connection:
        if self._connection is None:
            self._open()
        assert self._connection is not None
        return self._connection

    def _open(self) -> None:
        create = self._create and not self._identities
        if create and not self.path.exists():
            self._make_file()
        _demand_writable(self.path)
        identity = _identity(self.path)
        connection = tables.writer(self.path, create=create).connect()
        try:
            with connection.begin():
                tables.install(connection, create=create)
            log = self.path.with_name(self.path.name + "-wal")
            self._identities = {self.path: identity, log: _identity(log)}
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _make_file(self) -> None:
        """Readable for the owner and the group only; SQLite gives its side files the same mode."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o640))

    def _check(self) -> None:
        _demand_writable(self.path)
        for path, identity in self._identities.items():
            if _identity(path) != identity:
                raise OSError(f"{path.name} is another file than the one that was opened")


def _identity(path: Path) -> Identity:
    facts = os.stat(path)
    return facts.st_dev, facts.st_ino


def _demand_writable(path: Path) -> None:
    """Somebody who marked the ledger read-only means us too, also when we run as root."""
    if not os.stat(path).st_mode & 0o222 or not os.access(path, os.W_OK):
        raise PermissionError(f"{path.name} is read-only")
