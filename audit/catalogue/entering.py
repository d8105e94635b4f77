"""Enters some records of one chain: cards, tags, words, looks and notes, and what reviewers made of exchanges.

In whatever order chains are entered, the same stands on a card in the end: the question finds the ending that was
entered before it, and of the dispositions of an exchange the last by its moment counts. Inside the caller's
transaction; how far it goes is noted there (filling.py).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple

from audit import tables
from audit.catalogue.card import Card, card_of
from audit.catalogue.grams import folded, grams, spoken
from audit.catalogue.marks import MARKED, marks
from audit.model import ENDINGS, Record
from audit.months import Month, month_of
from audit.names import moment
from audit.query import record_of
from audit.stores.rows import put
from audit.stores.shelf import COLUMNS, Shelf, text

DISPOSED = "disposition.made"
"""The event of a record that says what a reviewer makes of an exchange (audit/dispositions.py)."""

_LISTED = 500
"""Names in one question."""


@dataclass(frozen=True, slots=True)
class Row:
    """A record with its masked text, None where there is none (any more)."""

    record: Record
    text: str | None


def enter(shelf: Shelf, target: Any, source: Any, month: Month, rows: Sequence[Row], known: int) -> None:
    """The words of all of these; of those behind the record ``known`` also all the rest."""
    fresh = [row for row in rows if row.record.index > known]
    known_cards = _known_cards(target, (row.record.exchange for row in rows))
    _enter_exchanges(target, source, month, fresh, known_cards)
    words = [
        (2 * card.id + (row.record.kind != "asked"), card.marks | grams(folded(spoken(row.text))))
        for row in rows
        if row.text and (card := known_cards.get(row.record.exchange))
    ]
    if words:
        shelf.make_words(target, month)
        shelf.enter_words(target, month, words)
    _enter_events(target, [row.record for row in fresh if row.record.exchange is None])


def forget(target: Any, writer: str) -> None:
    """A chain takes its cards with it, and what its notes said of others."""
    mine = {"writer": writer}
    said = target.execute(text("SELECT DISTINCT exchange FROM dispositions WHERE writer = :writer"), mine)
    exchanges = list(said.scalars())
    for table in ("tags", "strays"):
        of_mine = f"DELETE FROM {table} WHERE id IN (SELECT id FROM cards WHERE writer = :writer)"
        target.execute(text(of_mine), mine)
    for table in ("cards", "events", "dispositions"):
        target.execute(text(f"DELETE FROM {table} WHERE writer = :writer"), mine)
    _dispose(target, exchanges)


class _Entered(NamedTuple):
    """A card that is in the catalogue."""

    id: int
    marks: frozenset[str]


# ── exchanges ────────────────────────────────────────────────────────────────────────────────────


def _enter_exchanges(
    target: Any, source: Any, month: Month, rows: Sequence[Row], known: dict[str | None, _Entered]
) -> None:
    """Cards and tags; the new cards are added to the ``known``. An ending without a question has no card."""
    asked = {row.record.exchange: row for row in rows if row.record.kind == "asked"}
    endings = {row.record.exchange: row for row in rows if row.record.kind in ENDINGS}
    for row in _partners(source, asked.keys() ^ endings.keys()):
        (asked if row.record.kind == "asked" else endings).setdefault(row.record.exchange, row)
    cards = [
        card_of(row.record, row.text, ending.record if (ending := endings.get(exchange)) else None)
        for exchange, row in asked.items()
    ]
    _end_cards(target, [(known[card.exchange].id, card) for card in cards if card.exchange in known])
    last = target.execute(text("SELECT last FROM catalogue")).scalar_one()
    new = list(enumerate((card for card in cards if card.exchange not in known), last + 1))
    if not new:
        return
    put(target, "cards", _CARD, [(id, *_values(card)) for id, card in new])
    put(target, "tags", "kind, name, id", [(*tag, id) for id, card in new for tag in sorted(card.tags)])
    since, until = moment(month.first_moment()), moment(month.next().first_moment())
    late = ((id, card.at) for id, card in new if not since <= card.at < until)
    asked_in = ((id, str(month_of(datetime.fromisoformat(at)))) for id, at in late)
    put(target, "strays", "id, asked, said", [(id, then, str(month)) for id, then in asked_in])
    target.execute(text("UPDATE catalogue SET last = :last"), {"last": new[-1][0]})
    target.execute(text(_DISPOSED_BEFORE), {"first": new[0][0]})
    known |= {card.exchange: _Entered(id, frozenset(marks(partial(getattr, card)))) for id, card in new}


def _partners(source: Any, exchanges: Iterable[str | None]) -> list[Row]:
    """Every question and ending of these exchanges that the ledger has."""
    records, texts = tables.records, tables.texts
    beside = (texts.c.writer == records.c.writer) & (texts.c.idx == records.c.idx)
    found = tables.select(records, texts.c.text).join_from(records, texts, beside, isouter=True)
    wanted = [exchange for exchange in exchanges if exchange is not None]
    rows: list[Any] = []
    for first in range(0, len(wanted), _LISTED):
        rows += source.execute(found.where(records.c.exchange.in_(wanted[first : first + _LISTED]))).all()
    return [Row(record_of(row), row.text) for row in rows]


def _known_cards(target: Any, exchanges: Iterable[str | None]) -> dict[str | None, _Entered]:
    """The cards that are there."""
    wanted = list({exchange for exchange in exchanges if exchange is not None})
    known: dict[str | None, _Entered] = {}
    for first in range(0, len(wanted), _LISTED):
        for row in target.execute(_KNOWN, {"exchanges": wanted[first : first + _LISTED]}):
            known[row.exchange] = _Entered(row.id, frozenset(marks(partial(getattr, row))))
    return known


_KNOWN = text(f"SELECT exchange, id, {', '.join(MARKED)} FROM cards WHERE exchange IN :exchanges").bindparams(
    tables.bindparam("exchanges", expanding=True)
)
_CARD = f"id, {', '.join(COLUMNS)}"
_column = attrgetter(*COLUMNS[:-1])


def _values(card: Card) -> tuple[Any, ...]:
    return (*_column(card), int(card.is_test))


_ENDED = ("ended", "outcome", "reason", "egress", "tokens", "yen", "severity")
"""What an ending says of a card that is there."""


def _end_cards(target: Any, cards: Sequence[tuple[int, Card]]) -> None:
    rows = [{"id": id} | {name: getattr(card, name) for name in _ENDED} for id, card in cards]
    if rows:
        changed = ", ".join(f"{name} = :{name}" for name in _ENDED)
        target.execute(text(f"UPDATE cards SET {changed} WHERE id = :id"), rows)


# ── looks, notes, dispositions ───────────────────────────────────────────────────────────────────


def _enter_events(target: Any, records: Sequence[Record]) -> None:
    events, disposed = [], []
    for record in records:
        body = json.loads(record.body)
        events.append(_event(record, body))
        if body.get("event") == DISPOSED:
            made = (body.get("exchange"), body.get("disposition"), body.get("incident"))
            disposed.append((record.writer, record.index, record.at, *made))
    put(target, "events", "writer, idx, at, kind, what, who, exchange, subject", events)
    put(target, "dispositions", "writer, idx, at, exchange, disposition, incident", disposed)
    _dispose(target, [exchange for _, _, _, exchange, *_ in disposed])


def _event(record: Record, body: dict[str, Any]) -> tuple[Any, ...]:
    """``who`` did it, to which exchange and about which person, as far as the record says."""
    seen = body.get("filters") or {}
    return (
        record.writer,
        record.index,
        record.at,
        record.kind,
        body.get("event") or body.get("what") or "",
        body.get("by") or body.get("person") or body.get("os_user"),
        body.get("exchange") or seen.get("exchange"),
        body.get("subject") or seen.get("person"),
    )


_OF_THE_CARD = "FROM dispositions AS made WHERE made.exchange = cards.exchange"
_LAST = f"{_OF_THE_CARD} ORDER BY made.at DESC, made.writer DESC, made.idx DESC LIMIT 1"
_DISPOSE = (
    f"UPDATE cards SET disposition = coalesce((SELECT made.disposition {_LAST}), ''),"
    f" incident = (SELECT made.incident {_LAST})"
)
"""The last by its moment counts, whichever was entered last."""
_DISPOSED_BEFORE = f"{_DISPOSE} WHERE id >= :first AND EXISTS (SELECT 1 {_OF_THE_CARD})"
"""Cards of which something was said before they were entered: by another process, in another chain."""


def _dispose(target: Any, exchanges: Sequence[str | None]) -> None:
    rows = [{"exchange": exchange} for exchange in exchanges if exchange is not None]
    if rows:
        target.execute(text(f"{_DISPOSE} WHERE exchange = :exchange"), rows)
