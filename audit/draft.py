"""A draft made ready for the pen: dated, in canonical form, with its turn. Pure; it has no place yet."""

from dataclasses import dataclass
from datetime import datetime

from audit import chain
from audit.model import ENDINGS, Draft, Kind
from audit.names import moment
from audit.originals import Sealed


@dataclass(frozen=True, slots=True)
class Prepared:
    """What will be stored, but for writer, index and hashes. ``turn``: 1 asked, 2 an ending, else None."""

    kind: Kind
    exchange: str | None
    turn: int | None
    at: str
    body: str
    text: str | None
    sealed: Sealed | None = None

    def __repr__(self) -> str:
        return f"Prepared({self.kind}, {self.exchange}, {self.at})"


def prepare(draft: Draft, at: datetime) -> Prepared:
    """Raises TypeError or ValueError for a body that is not JSON, or an exchange that does not fit."""
    turn = 1 if draft.kind == "asked" else 2 if draft.kind in ENDINGS else None
    if (turn is None) != (draft.exchange is None):
        raise ValueError(f"a record of kind {draft.kind} and an exchange do not fit together")
    if draft.exchange is not None and not _is_name(draft.exchange):
        raise ValueError("an exchange's id is 1 to 64 letters, digits, '.', '_' or '-'")
    text = None if draft.text is None else chain.storable(draft.text)
    return Prepared(
        draft.kind, draft.exchange, turn, moment(at), chain.canonical(draft.body), text, draft.sealed
    )


def _is_name(name: str) -> bool:
    plain = name.translate(str.maketrans("", "", "._-"))
    return name.isascii() and plain.isalnum() and len(name) <= 64
