"""Reads the ledger itself: one exchange, one sealed original. It cannot write. Among many, the catalogue finds them."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from audit import tables
from audit.address import Address
from audit.model import Kind, Record
from audit.names import moment
from audit.originals import Sealed
from audit.stores import demand_known, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

CANNOT_READ = (OSError, ValueError, RuntimeError, tables.SQLAlchemyError)
"""What readers raise when there is no ledger, or not one that can be read."""


_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Shown:
    """One exchange with its masked texts; ``ending`` is None while it is open, a text once it was erased."""

    asked: Record
    ending: Record | None
    asked_text: str | None
    answer_text: str | None


def show(ledger: Address, exchange: str) -> Shown | None:
    """One exchange, None where there is no such one. Raises FileNotFoundError without a ledger."""
    records, texts = tables.records, tables.texts
    beside = (texts.c.writer == records.c.writer) & (texts.c.idx == records.c.idx)
    found = tables.select(records, texts.c.text).join_from(records, texts, beside, isouter=True)
    with reading(ledger) as connection:
        rows = connection.execute(found.where(records.c.exchange == exchange)).all()
    by_turn = {row.turn: row for row in rows}
    if 1 not in by_turn:
        return None
    asked, ending = by_turn[1], by_turn.get(2)
    return Shown(
        record_of(asked), record_of(ending) if ending else None, asked.text, ending.text if ending else None
    )


def asked_of(ledger: Address, exchanges: Sequence[str]) -> dict[str, tuple[Record, str | None]]:
    """The questions of these exchanges with their masked texts, as far as they are there.

    Raises FileNotFoundError without a ledger.
    """
    records, texts = tables.records, tables.texts
    beside = (texts.c.writer == records.c.writer) & (texts.c.idx == records.c.idx)
    found = tables.select(records, texts.c.text).join_from(records, texts, beside, isouter=True)
    known: dict[str, tuple[Record, str | None]] = {}
    with reading(ledger) as connection:
        for first in range(0, len(exchanges), _AT_ONCE):
            some = records.c.exchange.in_(exchanges[first : first + _AT_ONCE])
            for row in connection.execute(found.where(some, records.c.turn == 1)):
                known[row.exchange] = (record_of(row), row.text)
    return known


def of_kind(
    ledger: Address, kind: Kind, since: datetime | None = None, until: datetime | None = None
) -> "Iterator[Record]":
    """Every record of a kind, newest first; what comes in meanwhile is left out. Some at a time: no moment is held long.

    since, until  from this moment on; before this moment. Raises FileNotFoundError without a ledger.
    """
    records = tables.records
    place = tables.tuple_(records.c.at, records.c.writer, records.c.idx)
    found = tables.select(records).where(records.c.kind == kind)
    if since:
        found = found.where(records.c.at >= moment(since))
    if until:
        found = found.where(records.c.at < moment(until))
    newest = found.order_by(records.c.at.desc(), records.c.writer.desc(), records.c.idx.desc()).limit(
        _AT_ONCE
    )
    rows: list[Any] = []
    while True:
        last = rows[-1] if rows else None
        some = newest.where(place < tables.tuple_(last.at, last.writer, last.idx)) if last else newest
        with reading(ledger) as connection:
            rows = list(connection.execute(some).all())
        yield from map(record_of, rows)
        if len(rows) < _AT_ONCE:
            return


def sealed(ledger: Address, exchange: str) -> tuple[Sealed, Mapping[str, str]] | None:
    """The sealed original of an exchange, and what its asked record says of it; None where none is kept (any more).

    ``wrapped`` is empty where its key was erased. Raises FileNotFoundError without a ledger.
    """
    records, originals, keys = tables.records, tables.originals, tables.original_keys
    beside = (originals.c.writer == records.c.writer) & (originals.c.idx == records.c.idx)
    found = tables.select(records.c.body, originals.c.sealed, originals.c.key_id, keys.c.wrapped)
    found = found.join_from(records, originals, beside).outerjoin(keys, keys.c.id == originals.c.key_id)
    with reading(ledger) as connection:
        row = connection.execute(found.where(records.c.exchange == exchange, records.c.turn == 1)).first()
    if row is None:
        return None
    said = json.loads(row.body)["original"]
    return Sealed(row.key_id, said["conversation"], row.wrapped or "", said["until"], row.sealed), said


@contextmanager
def reading(ledger: Address) -> "Iterator[tables.Connection]":
    """One moment of the ledger, to look at only. Raises one of CANNOT_READ."""
    with moments(ledger) as moment, moment() as connection:
        yield connection


@contextmanager
def moments(ledger: Address) -> "Iterator[Callable[[], AbstractContextManager[tables.Connection]]]":
    """Several moments of the ledger, one after another, by one connection. Raises one of CANNOT_READ, also at a moment."""
    place = place_of(ledger)
    with place.reader().connect() as connection:

        @contextmanager
        def moment() -> "Iterator[tables.Connection]":
            with connection.begin():
                demand_known(place, connection)
                yield connection

        yield moment


def record_of(row: Any) -> Record:
    """A row of the records as a value."""
    return Record(
        row.writer, row.idx, row.at, row.kind, row.exchange, row.body, row.text_commitment, row.hash
    )
