"""The running house's look into its books: whose key this is, and what that person is. Never changes a book.

What was read is believed for `FRESH` seconds, so that a revoked key or an ended enrolment stops working within
this time, in every process. A book that cannot be read refuses: see `OfficeUnreadable`.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from proxy.office.keys import Key, KeyBook
from proxy.office.people import PeopleBook
from proxy.office.roster import Page
from proxy.office.store import Office

FRESH = 1.0
"""Seconds that what was read is believed."""
_MOST = 10_000
"""Entries that are remembered at once."""

Found = TypeVar("Found")


class OfficeUnreadable(Exception):
    """The books cannot be read, so nobody knows who may pass."""


class Register:
    """Keys and people of one office, as the event loop asks for them."""

    def __init__(self, office: Office, secret: bytes) -> None:
        keys, people = KeyBook(office, secret), PeopleBook(office)
        self._keys = _Remembered(keys.find)
        self._clients = _Remembered(keys.find_client)
        self._people = _Remembered(people.page)

    async def key(self, plain: str) -> Key | None:
        """The key of this plain form that was not revoked. Raises `OfficeUnreadable`."""
        return await self._keys.of(plain)

    async def client(self, oidc_client: str) -> Key | None:
        """The tool of this OIDC client that was not revoked. Raises `OfficeUnreadable`."""
        return await self._clients.of(oidc_client)

    async def page(self, person: str) -> Page | None:
        """What the book of people says of a person. Raises `OfficeUnreadable`."""
        return await self._people.of(person)

    def forget(self) -> None:
        """Read everything anew: a book was just changed by this process."""
        for remembered in (self._keys, self._clients, self._people):
            remembered.clear()


class _Remembered(Generic[Found]):
    """What a look gave, for `FRESH` seconds. A look waits for the store, so it happens in a thread."""

    def __init__(self, look: Callable[[str], Found]) -> None:
        self._look = look
        self._seen: dict[str, tuple[float, Found]] = {}

    async def of(self, name: str) -> Found:
        seen = self._seen.get(name)
        now = time.monotonic()
        if seen and now - seen[0] < FRESH:
            return seen[1]
        from proxy.office.tables import SQLAlchemyError

        try:
            found = await asyncio.to_thread(self._look, name)
        except (OSError, SQLAlchemyError) as error:
            raise OfficeUnreadable from error
        if len(self._seen) >= _MOST:
            self._seen.clear()
        self._seen[name] = (now, found)
        return found

    def clear(self) -> None:
        self._seen.clear()
