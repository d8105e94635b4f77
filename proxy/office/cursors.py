"""How far each follower of the ledger has come, which process follows for it, and what it has counted on its way.

    take   a follower is done by one process at a time: the first that asks, until it is silent for `LEASE` seconds
    keep   it has come so far; what it counted changes in the same transaction, or neither

A process that was silent too long and goes on all the same is told so (`Lost`) before it changes anything.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from proxy.office.store import Office

LEASE = 30.0
"""Seconds without a sign of a process, after which another follows on."""


class Lost(Exception):
    """Another process follows by now."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A follower as it stands in the book. ``position`` None: it has not begun. ``trouble``: a code; None while it goes well.

    ``silent``: seconds since its process gave a sign; None where no process follows.
    """

    name: str
    position: Mapping[str, int] | None
    trouble: str | None
    silent: float | None


class CursorBook:
    """The followers of one office. Raises OSError's kin or SQLAlchemyError where the book cannot be used."""

    def __init__(self, office: Office) -> None:
        from proxy.office import tables

        self._office = office
        self._cursors = tables.cursors

    def take(self, name: str, holder: str) -> Standing | None:
        """Follow for this name from now on, or go on following; None where another process does."""
        with self._office.reading() as connection:  # nobody waits for a lock to learn that all is as it was
            row = connection.execute(self._cursors.select().where(self._cursors.c.name == name)).first()
            now = self._now(connection) if row else 0.0
        if row and row.holder == holder and now - row.seen < LEASE / 3:
            return _standing(row, now)
        if row and row.holder not in (None, holder) and now - row.seen <= LEASE:
            return None
        with self._office.changing() as connection:
            self._office.alone(connection, "cursors")
            now = self._now(connection)
            row = connection.execute(self._cursors.select().where(self._cursors.c.name == name)).first()
            if row is None:
                fresh = {"name": name, "position": None, "holder": holder, "seen": now, "trouble": None}
                connection.execute(self._cursors.insert(), fresh)
                return Standing(name, None, None, 0.0)
            if row.holder not in (None, holder) and now - row.seen <= LEASE:
                return None
            self._change(connection, name, holder=holder, seen=now)
            return _standing(row, now)

    @contextmanager
    def keeping(self, name: str, holder: str, position: Mapping[str, int]) -> Iterator[Any]:
        """The follower has come so far, once this is left; what is changed by the connection meanwhile changes with it.

        Raises `Lost`, and then nothing changes.
        """
        with self._office.changing() as connection:
            seen = self._now(connection)
            mine = self._mine(name, holder)
            said = {"position": _told(position), "seen": seen, "trouble": None}
            if not connection.execute(self._cursors.update().where(mine).values(**said)).rowcount:
                raise Lost(name)
            yield connection

    def keep(self, name: str, holder: str, position: Mapping[str, int]) -> None:
        """The follower has come so far. Raises `Lost`."""
        with self.keeping(name, holder, position):
            pass

    def stumble(self, name: str, holder: str, trouble: str) -> None:
        """It does not come on, for this reason (a code); it is not given up."""
        with self._office.changing() as connection:
            now = self._now(connection)
            said = {"seen": now, "trouble": trouble}
            connection.execute(self._cursors.update().where(self._mine(name, holder)).values(**said))

    def leave(self, name: str, holder: str) -> None:
        """Another process may follow at once."""
        with self._office.changing() as connection:
            connection.execute(self._cursors.update().where(self._mine(name, holder)).values(holder=None))

    def every(self) -> list[Standing]:
        """All followers there ever were, by name."""
        with self._office.reading() as connection:
            now = self._now(connection)
            rows = connection.execute(self._cursors.select().order_by(self._cursors.c.name))
            return [_standing(row, now) for row in rows]

    def _mine(self, name: str, holder: str) -> Any:
        return (self._cursors.c.name == name) & (self._cursors.c.holder == holder)

    def _change(self, connection: Any, name: str, **values: Any) -> None:
        connection.execute(self._cursors.update().where(self._cursors.c.name == name).values(**values))

    def _now(self, connection: Any) -> float:
        """By the clock of the database: the processes' may differ."""
        if self._office.address.path is not None:
            return float(connection.exec_driver_sql("SELECT (julianday('now') - 2440587.5) * 86400").scalar())
        return float(connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar())


def _told(position: Mapping[str, int]) -> str:
    return json.dumps(dict(position), separators=(",", ":"), sort_keys=True)


def _standing(row: Any, now: float) -> Standing:
    position = None if row.position is None else json.loads(row.position)
    return Standing(row.name, position, row.trouble, None if row.holder is None else max(0.0, now - row.seen))
