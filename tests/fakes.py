"""Fakes with the real signatures: rooms that do one simple thing, where a test is about another room."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from proxy.office.keys import Key
from proxy.office.roster import Page
from redaction.model import Finding

Found = TypeVar("Found")


class Detector:
    """Finds nothing, at once; or does what `trouble` says."""

    ready = True

    def __init__(self, trouble: Exception | None = None) -> None:
        self.trouble = trouble
        self.strict: list[bool] = []

    def load(self) -> None: ...

    def close(self) -> None: ...

    async def find(self, texts: Sequence[str], strict: bool = False) -> list[tuple[Finding, ...]]:
        self.strict.append(strict)
        if self.trouble:
            raise self.trouble
        return [() for _ in texts]

    async def find_each(self, texts: Sequence[str]) -> list[tuple[Finding, ...]]:
        return [() for _ in texts]


class Register:
    """Knows these persons and no key; every other name is unknown. With `trouble`, the books cannot be read."""

    def __init__(self, *pages: Page, trouble: Exception | None = None) -> None:
        self.pages = {page.person.id: page for page in pages}
        self.trouble = trouble

    async def key(self, plain: str) -> Key | None:
        return self._look({}, plain)

    async def client(self, oidc_client: str) -> Key | None:
        return self._look({}, oidc_client)

    async def page(self, person: str) -> Page | None:
        return self._look(self.pages, person)

    def forget(self) -> None: ...

    def _look(self, book: Mapping[str, Found], name: str) -> Found | None:
        if self.trouble:
            raise self.trouble
        return book.get(name)
