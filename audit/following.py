"""Follows the ledger: what came in behind a position, once and again, without a gap. Reads; keeps nothing itself.

    found = news(ledger, position)          position: {"w20261123T052100Z-4f9c2a": 312, …}, how far each chain was read
    for entry in found.entries: …
    position = found.position               where the next look goes on

The records of a chain become visible in their order, so that nothing behind a position is ever missed; between chains
there is no order but the moments that the records bear. Who keeps the position only once it has done its work sees
every record at least once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit import tables
from audit.address import Address
from audit.model import Record
from audit.query import reading, record_of

AT_ONCE = 500
"""Records of one look."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record with its masked text, None where there is none (any more)."""

    record: Record
    text: str | None

    @property
    def id(self) -> str:
        """The same whenever the record is read: by this, what is given on twice is known."""
        return f"{self.record.writer}/{self.record.index}"


@dataclass(frozen=True, slots=True)
class News:
    """What came in, oldest first. ``whole``: there was no more."""

    entries: tuple[Entry, ...]
    position: Mapping[str, int]
    whole: bool


def news(ledger: Address, position: Mapping[str, int], most: int = AT_ONCE) -> News:
    """The next records behind a position. Chains that were purged are forgotten. Raises one of query.CANNOT_READ."""
    with reading(ledger) as connection:
        heads = heads_of(connection)
        reached = {writer: position[writer] for writer in position if writer in heads}
        entries: list[Entry] = []
        whole = True
        for writer in sorted(writer for writer, head in heads.items() if head > reached.get(writer, 0)):
            if not (room := most - len(entries)):
                whole = False
                break
            found = _behind(connection, writer, reached.get(writer, 0), room)
            entries += found
            reached[writer] = found[-1].record.index if found else heads[writer]
            whole = whole and reached[writer] == heads[writer]
    entries.sort(key=lambda entry: (entry.record.at, entry.record.writer, entry.record.index))
    return News(tuple(entries), reached, whole)


def present(ledger: Address) -> dict[str, int]:
    """The position behind everything that is there now. Raises one of query.CANNOT_READ."""
    with reading(ledger) as connection:
        return heads_of(connection)


def heads_of(connection: Any) -> dict[str, int]:
    """The chains of the ledger, and how long they are."""
    return {row.writer: row.head for row in connection.exec_driver_sql(_HEADS)}


_HEADS = """
WITH RECURSIVE chains (writer) AS (
    SELECT min(writer) FROM records
    UNION ALL
    SELECT (SELECT min(writer) FROM records WHERE writer > chains.writer) FROM chains WHERE writer IS NOT NULL
)
SELECT writer, (SELECT max(idx) FROM records WHERE records.writer = chains.writer) AS head
FROM chains WHERE writer IS NOT NULL
"""
"""From chain to chain, one look each: there are millions of records and hundreds of chains."""


def _behind(connection: Any, writer: str, index: int, most: int) -> list[Entry]:
    records, texts = tables.records, tables.texts
    beside = (texts.c.writer == records.c.writer) & (texts.c.idx == records.c.idx)
    found = tables.select(records, texts.c.text).join_from(records, texts, beside, isouter=True)
    found = found.where(records.c.writer == writer, records.c.idx > index)
    rows = connection.execute(found.order_by(records.c.idx).limit(most))
    return [Entry(record_of(row), row.text) for row in rows]


def questions(ledger: Address, exchanges: Sequence[str]) -> dict[str, Record]:
    """The asked records of these exchanges, whichever chain they lie in. Raises one of query.CANNOT_READ."""
    records = tables.records
    found: dict[str, Record] = {}
    with reading(ledger) as connection:
        for first in range(0, len(exchanges), AT_ONCE):
            some = exchanges[first : first + AT_ONCE]
            wanted = records.select().where(records.c.turn == 1, records.c.exchange.in_(some))
            found |= {row.exchange: record_of(row) for row in connection.execute(wanted)}
    return found
