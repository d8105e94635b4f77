"""A pen in whose transactions something is removed, too: what is told of it and what is done land together.

It waits for its turn where others use what is to go, and stops where the holds are no longer those that were
asked. What is removed it does not know (purge.py).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import ParamSpec, TypeVar

from audit import tables
from audit.draft import prepare
from audit.holds import Body, Hold, holds_of
from audit.model import Draft
from audit.page import Page
from audit.pen import Pen
from audit.store import Store
from audit.stores import Place, shredder

_LEASE_SECONDS = 60.0
_PAUSES = (0.1, 0.3, 1.0, 3.0, 5.0, 5.0)
"""Seconds between tries when somebody uses what is to go."""

P = ParamSpec("P")
T = TypeVar("T")

CHANGED = (
    "計画を立てたあとで台帳か保全の指定が変わったため、やめました。もう一度実行してください"
    " / The ledger or its holds have changed since the plan was made; run it again"
)


class CannotPurge(Exception):
    """It was stopped; the sentence says why. What was removed before it was recorded."""


class Remover(Pen):
    """Used by one thread. ``told``: the bodies of the records that are durable."""

    def __init__(self, place: Place, clock: Callable[[], datetime], holds: Sequence[Hold]) -> None:
        super().__init__(Store(place, create=False), clock, _LEASE_SECONDS)
        self.told: list[Body] = []
        self._holds = tuple(holds)
        self._telling: list[Body] = []

    @property
    def now(self) -> datetime:
        return self._clock()

    @contextmanager
    def transaction(self, *, lock: bool = False) -> Iterator[Page]:
        """Durable on leaving, or nothing was done; no other purge meanwhile. ``lock``: see there.

        Raises CannotPurge when a hold was placed, changed or lifted since the plan was made.
        """
        self._telling = []
        with self._page() as page:
            shredder.take_turn(page.connection)
            if lock:
                self.lock(page)
            else:
                self._demand_same_holds(page)
            yield page
        self.told += self._telling

    def lock(self, page: Page) -> None:
        """From here to the end of the transaction nobody else reads or writes. Raises CannotPurge as above."""
        shredder.take_lock(page.connection)
        self._demand_same_holds(page)

    def _demand_same_holds(self, page: Page) -> None:
        if holds_of(page.connection) != self._holds:
            raise CannotPurge(CHANGED)

    def tell(self, page: Page, body: Body) -> None:
        """A ``noted`` record in this transaction."""
        page.add([prepare(Draft("noted", None, body), self._clock())], lambda _: None)
        self._telling.append(body)

    def wipe(self) -> bool:
        """Empty the file's log, again and again for a while; False where it is still in use."""
        for pause in _PAUSES:
            if shredder.wipe_log(self._store.place):
                return True
            time.sleep(pause)
        return shredder.wipe_log(self._store.place)

    def patiently(self, deed: Callable[P, T], *arguments: P.args, **more: P.kwargs) -> T:
        """Do it, again and again for a while where somebody else uses what it needs. Raises CannotPurge."""
        for pause in _PAUSES:
            try:
                return deed(*arguments, **more)
            except tables.SQLAlchemyError as error:
                if not shredder.is_busy(error):
                    raise
            time.sleep(pause)
        raise CannotPurge(
            "台帳が長い読み出しなどで使われているため、やめました。あとでもう一度実行してください"
            " / The ledger is being read or written; try again later"
        )


def demand_ended(connection: tables.Connection, first: str, last: str) -> None:
    """Raise CannotPurge when somebody may still write one of these chains."""
    leases = tables.leases
    living = tables.select(leases.c.writer).where(leases.c.writer.between(first, last))
    if connection.execute(living).first() is not None:
        raise CannotPurge(CHANGED)
