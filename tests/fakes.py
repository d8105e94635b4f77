"""Fakes with the real signatures: rooms that do one simple thing, where a test is about another room."""

from collections.abc import Sequence

from redaction.model import Finding


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
