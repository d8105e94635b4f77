"""Followers: what goes on all the time behind the ledger, and never in an exchange's way.

    Follower("siem", ledger, book, sink)      a sink takes the records in order of their chains, each at least once

Of several processes one follows at a time (office/cursors.py). The position is kept once the sink has taken what was
read: who is killed, or whose receiver is dead, goes on where it stopped. Trouble is told once, waited out and tried
again, longer each time; the exchanges know nothing of it.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, Protocol

import structlog

from audit.address import Address
from audit.following import AT_ONCE, Entry, news, present
from proxy.office.cursors import CursorBook, Lost

log = structlog.get_logger()

EVERY = 1.0
"""Seconds between two looks, where there was nothing new."""
LONGEST = 60.0
"""Seconds between two tries, at most, while there is trouble."""


class Sink(Protocol):
    """What takes records. A record that was taken may come again: after a crash, or where another process went on."""

    async def take(self, entries: Sequence[Entry]) -> None:
        """Returns once all of them are where they belong; raises where not all are, and then all come again."""

    def settle(self, connection: Any) -> None:
        """Change in the office what belongs to the records taken last: in the transaction that keeps the position."""


class Duty(Protocol):
    """What one process of all does all the time."""

    name: str

    @property
    def trouble(self) -> str | None:
        """Why it does not come on in this process, a code; None while all is well."""

    async def keep(self) -> NoReturn:
        """Do it until cancelled."""


class NotTaken(Exception):
    """The sink could not take them. ``trouble``: a code for people who watch, ``receiver_unreachable``."""

    def __init__(self, trouble: str) -> None:
        super().__init__(trouble)
        self.trouble = trouble


class Follower:
    """One follower in one process.

    wanted      which records the sink takes; the others are passed over
    begin       where a follower that is new begins: at the present but for ``own``'s chain, or at the first record
    own         the name of this process's chain, as far as it is known
    """

    def __init__(
        self,
        name: str,
        ledger: Address,
        book: CursorBook,
        sink: Sink,
        *,
        wanted: Callable[[Entry], bool] = lambda entry: True,
        from_first: bool = False,
        own: Callable[[], str | None] = lambda: None,
        every: float = EVERY,
        longest: float = LONGEST,
    ) -> None:
        self.name = name
        self._ledger = ledger
        self._book = book
        self._sink = sink
        self._wanted = wanted
        self._from_first = from_first
        self._own = own
        self._every = every
        self._longest = longest
        self._holder = secrets.token_hex(8)
        self._told: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why it does not come on in this process, a code; None while all is well."""
        return self._told

    async def keep(self) -> NoReturn:
        """Follow until cancelled; then another process may at once."""
        wait = self._every
        try:
            while True:
                more = False
                try:
                    more = await self._step()
                    wait, self._told = self._every, None
                except Lost:
                    wait = self._every
                except Exception as error:
                    wait = min(self._longest, 2 * wait)
                    await self._stumbled(error)
                if not more:
                    await asyncio.sleep(wait)
        finally:
            await self._leave()

    async def _step(self) -> bool:
        """One look; whether there is more. Raises whatever stands in the way."""
        standing = await asyncio.to_thread(self._book.take, self.name, self._holder)
        if standing is None:
            return False
        position = standing.position
        if position is None:
            position = await asyncio.to_thread(self._first)
            await asyncio.to_thread(self._book.keep, self.name, self._holder, position)
        found = await asyncio.to_thread(news, self._ledger, position, AT_ONCE)
        if found.position == position:
            return False
        wanted = [entry for entry in found.entries if self._wanted(entry)]
        if wanted:
            await self._sink.take(wanted)
        await asyncio.to_thread(self._settle, found.position)
        return not found.whole

    def _settle(self, position: Mapping[str, int]) -> None:
        with self._book.keeping(self.name, self._holder, position) as connection:
            self._sink.settle(connection)

    def _first(self) -> dict[str, int]:
        if self._from_first:
            return {}
        own = self._own()
        return {writer: index for writer, index in present(self._ledger).items() if writer != own}

    async def _stumbled(self, error: Exception) -> None:
        trouble = error.trouble if isinstance(error, NotTaken) else type(error).__name__
        if trouble != self._told:
            self._told = trouble
            log.error("a follower does not come on", follower=self.name, trouble=trouble)
        try:
            await asyncio.to_thread(self._book.stumble, self.name, self._holder, trouble)
        except Exception:
            log.debug("trouble not kept", follower=self.name)

    async def _leave(self) -> None:
        try:
            await asyncio.shield(asyncio.to_thread(self._book.leave, self.name, self._holder))
        except Exception:
            log.warning("a follower was not given back", follower=self.name)
