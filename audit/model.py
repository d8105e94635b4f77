"""What the ledger room speaks of: records, their kinds, and what left the building.

Values only; pure. A record is never changed: an ending is a new record.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from audit.originals import Sealed

Kind = Literal["asked", "answered", "refused", "failed", "abandoned", "lost", "viewed", "noted"]
Ending = Literal["answered", "refused", "failed", "abandoned", "lost"]
ENDINGS: frozenset[str] = frozenset({"answered", "refused", "failed", "abandoned", "lost"})

EgressState = Literal["none", "masked", "partly_unmasked", "unmasked", "unknown"]
"""What left the building. ``unknown`` counts as unmasked wherever a breach is judged (R56)."""


def counts_as_unmasked(state: str | None) -> bool:
    """Whether a breach is judged as if plain data had left: also where it is unknown, or a later word than ours."""
    return state not in ("none", "masked")


@dataclass(frozen=True, slots=True)
class Record:
    """One line of one writer's chain. The stored form and the hash are defined in chain.py.

    writer           id of the writing process, for example ``w20261123T052100Z-4f9c2a``
    index            1, 2, 3 … within the writer, without gaps
    at               UTC, ``2026-11-23T05:21:00.123456Z``
    kind             ``asked`` first, then exactly one ending of the same exchange
    exchange         id of the exchange, or None for ``viewed`` and ``noted``
    body             canonical JSON, no personal text
    text_commitment  salted commitment to the masked text in the text table, or None
    hash             over all of the above and the hash of the record before
    """

    writer: str
    index: int
    at: str
    kind: Kind
    exchange: str | None
    body: str
    text_commitment: str | None
    hash: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A record before it has a place in a chain.

    ``text`` is masked text, ``sealed`` what its placeholders stood for; both are kept apart from the body.
    """

    kind: Kind
    exchange: str | None
    body: Mapping[str, Any]
    text: str | None = None
    sealed: "Sealed | None" = None


class CannotRecord(Exception):
    """The ledger cannot be written durably. Nothing may be sent: answered 503.

    ``reason`` is a stable code such as ``ledger_unavailable``; the cause is chained, never shown to callers.
    """

    def __init__(self, reason: str = "ledger_unavailable") -> None:
        super().__init__(reason)
        self.reason = reason


class AlreadyEnded(Exception):
    """The exchange already has its one ending (for example ``lost``, written by a sweep)."""
