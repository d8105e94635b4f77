"""Reads the ledger for people: the only reader. It cannot write, and past answers never change.

``search`` pages with a cursor: newest first by time, writer, index. Records that come in meanwhile never
move the ones already paged over.
"""

import base64
import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from audit import tables
from audit.address import Address
from audit.model import Kind, Record
from audit.names import moment
from audit.stores import demand_known, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

CANNOT_READ = (OSError, ValueError, RuntimeError, tables.SQLAlchemyError)
"""What ``search`` and ``show`` raise when there is no ledger, or not one that can be read."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What to look for; None: anything. All that are given must hold.

    person, section, tool, model   as the exchange's asked record has them (``caller.person``,
                                   ``caller.section``, ``caller.tool``, ``model_requested``)
    since, until                   from this moment on; before this moment
    everything                     also ``viewed`` and ``noted`` records, which belong to no exchange
    """

    kind: Kind | None = None
    exchange: str | None = None
    person: str | None = None
    section: str | None = None
    tool: str | None = None
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    everything: bool = False

    def stated(self) -> dict[str, Any]:
        """The filters that were given, as JSON: what a ``viewed`` record keeps."""
        given: dict[str, Any] = {}
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, datetime):
                given[name] = moment(value)
            elif value not in (None, False):
                given[name] = value
        return given


@dataclass(frozen=True, slots=True)
class Page:
    """Records, newest first, and where the next page begins; None on the last one."""

    records: tuple[Record, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """One exchange with its masked texts; ``ending`` is None while it is open, a text once it was erased."""

    asked: Record
    ending: Record | None
    asked_text: str | None
    answer_text: str | None


def search(ledger: Address, filters: Filters, limit: int = 50, cursor: str | None = None) -> Page:
    """Raises FileNotFoundError without a ledger, ValueError for a cursor that is none."""
    records = tables.records
    found = _matching(filters)
    if cursor:
        place = tables.tuple_(records.c.at, records.c.writer, records.c.idx)
        found = found.where(place < tables.tuple_(*_read_cursor(cursor)))
    newest = (records.c.at.desc(), records.c.writer.desc(), records.c.idx.desc())
    with reading(ledger) as connection:
        rows = connection.execute(found.order_by(*newest).limit(limit + 1)).all()
    page = tuple(_record(row) for row in rows[:limit])
    return Page(page, _cursor(page[-1]) if len(rows) > limit and page else None)


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
        _record(asked), _record(ending) if ending else None, asked.text, ending.text if ending else None
    )


def _matching(filters: Filters) -> Any:
    records, asked = tables.records, tables.records.alias("asked")
    found = tables.select(records)
    wanted = _of_the_question(filters)
    if wanted:
        same = (asked.c.exchange == records.c.exchange) & (asked.c.turn == 1)
        found = found.join_from(records, asked, same)
        for path, value in wanted:
            found = found.where(tables.field_of(asked.c.body, *path) == value)
    if not filters.everything:
        found = found.where(records.c.exchange.is_not(None))
    if filters.kind:
        found = found.where(records.c.kind == filters.kind)
    if filters.exchange:
        found = found.where(records.c.exchange == filters.exchange)
    if filters.since:
        found = found.where(records.c.at >= moment(filters.since))
    if filters.until:
        found = found.where(records.c.at < moment(filters.until))
    return found


def _of_the_question(filters: Filters) -> list[tuple[tuple[str, ...], str]]:
    wanted = (
        (("caller", "person"), filters.person),
        (("caller", "section"), filters.section),
        (("caller", "tool"), filters.tool),
        (("model_requested",), filters.model),
    )
    return [(path, value) for path, value in wanted if value is not None]


@contextmanager
def reading(ledger: Address) -> "Iterator[tables.Connection]":
    """One moment of the ledger, to look at only. Raises one of CANNOT_READ."""
    place = place_of(ledger)
    with place.reader().connect() as connection, connection.begin():
        demand_known(place, connection)
        yield connection


def _record(row: Any) -> Record:
    return Record(
        row.writer, row.idx, row.at, row.kind, row.exchange, row.body, row.text_commitment, row.hash
    )


def _cursor(record: Record) -> str:
    place = json.dumps([record.at, record.writer, record.index], separators=(",", ":"))
    return base64.urlsafe_b64encode(place.encode()).decode("ascii").rstrip("=")


def _read_cursor(cursor: str) -> tuple[str, str, int]:
    try:
        at, writer, index = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return str(at), str(writer), int(index)
    except (ValueError, TypeError) as fault:
        raise ValueError("this is not a cursor that a search has given") from fault
