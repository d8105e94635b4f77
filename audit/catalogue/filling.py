"""Brings the catalogue up to what the ledger holds: what came since the last look, and what is gone.

Chain by chain, some thousand records at a time, each portion in one transaction with how far it goes: whoever is
stopped in the middle goes on there. Where a chain is not the one that was entered (another ledger was put in this
one's place), everything is entered anew. A chain that was removed takes its cards with it; where texts were erased,
the words of their month are entered anew from what is left.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from audit import tables
from audit.address import Address
from audit.catalogue.card import Card, card_of
from audit.catalogue.grams import folded, grams, spoken
from audit.model import ENDINGS, Record
from audit.months import Month, month_of_writer
from audit.query import reading, record_of
from audit.stores.shelf import COLUMNS, Shelf, shelf_of, text

PORTION = 2_000
"""Records that are entered in one transaction."""
_AT_ONCE = 500

DISPOSED = "disposition.made"
"""The event of a record that says what a reviewer makes of an exchange (audit/dispositions.py)."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A record with its masked text, None where there is none (any more)."""

    record: Record
    text: str | None


def catch_up(ledger: Address) -> Shelf:
    """The catalogue of this ledger, with everything on it that is in the ledger now.

    Raises one of query.CANNOT_READ where either cannot be used.
    """
    shelf = shelf_of(ledger)
    with reading(ledger):  # where there is no ledger, no catalogue is made
        engine = shelf.writer()
    with engine.begin() as target:
        earlier = _known(target)  # before the ledger is looked at, which then has all of it
    with reading(ledger) as source:
        heads = _heads(source)
        silent = _silent(source)
        with engine.begin() as target:
            known = _known(target)
            if _is_another(source, earlier):
                _forget_everything(shelf, target)
                known = {}
            for writer in known.keys() - heads.keys():
                _forget_chain(target, writer)
            redo = _months_to_redo(target, known, heads.keys(), silent)
            for month in redo:
                shelf.drop_words(target, month)
            for writer in silent & known.keys():
                target.execute(
                    text("UPDATE chains SET silent = 1 WHERE writer = :writer"), {"writer": writer}
                )
        for month in sorted(redo):
            _enter_words_anew(shelf, engine, source, month, known)
        for writer, head in sorted(heads.items()):
            begun = known.get(writer, _Known(0, "", False)).index
            if head > begun:
                _enter_chain(shelf, engine, source, writer, begun, writer in silent)
        if redo:
            shelf.wipe(engine)
    engine.dispose()
    return shelf


def forget_what_is_gone(ledger: Address) -> None:
    """After a purge: the catalogue, where there is one, holds nothing that the ledger does not hold any more.

    Raises as `catch_up`.
    """
    if shelf_of(ledger).is_there():
        catch_up(ledger)


@dataclass(frozen=True, slots=True)
class _Known:
    """How far a chain is entered, the hash of that record, and whether its texts were erased by then."""

    index: int
    hash: str
    silent: bool


# ── what is there ────────────────────────────────────────────────────────────────────────────────


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


def _heads(source: Any) -> dict[str, int]:
    """The chains of the ledger, and how long they are."""
    return {row.writer: row.head for row in source.execute(text(_HEADS))}


def _silent(source: Any) -> set[str]:
    """The chains whose texts may be gone."""
    return set(source.execute(tables.select(tables.erasures.c.writer)).scalars())


def _known(target: Any) -> dict[str, _Known]:
    found = target.execute(text("SELECT writer, known, hash, silent FROM chains"))
    return {row.writer: _Known(row.known, row.hash, bool(row.silent)) for row in found}


def _is_another(source: Any, known: dict[str, _Known]) -> bool:
    """Whether a chain that is there holds another record where ours ended: this is not the ledger we know."""
    records = tables.records
    for writer, one in known.items():
        found = tables.select(records.c.hash).where(records.c.writer == writer, records.c.idx == one.index)
        hash = source.execute(found).scalar()
        longer = tables.select(tables.func.count()).where(records.c.writer == writer)
        if hash != one.hash and (hash is not None or source.execute(longer.limit(1)).scalar()):
            return True
    return False


def _months_to_redo(
    target: Any, known: dict[str, _Known], there: Iterable[str], silent: set[str]
) -> set[Month]:
    """The months whose words are not what the texts are any more."""
    gone = known.keys() - set(there)
    quiet = {writer for writer in silent & known.keys() if not known[writer].silent}
    return {month_of_writer(writer) for writer in gone | quiet}


# ── what goes ────────────────────────────────────────────────────────────────────────────────────


def _forget_everything(shelf: Shelf, target: Any) -> None:
    for month in shelf.months(target):
        shelf.drop_words(target, month)
    for table in ("cards", "tags", "events", "chains"):
        target.execute(text(f"DELETE FROM {table}"))


def _forget_chain(target: Any, writer: str) -> None:
    mine = {"writer": writer}
    target.execute(text("DELETE FROM tags WHERE id IN (SELECT id FROM cards WHERE writer = :writer)"), mine)
    target.execute(text("DELETE FROM cards WHERE writer = :writer"), mine)
    target.execute(text("DELETE FROM events WHERE writer = :writer"), mine)
    target.execute(text("DELETE FROM chains WHERE writer = :writer"), mine)


# ── what comes ───────────────────────────────────────────────────────────────────────────────────


def _enter_chain(shelf: Shelf, engine: Any, source: Any, writer: str, begun: int, silent: bool) -> None:
    month = month_of_writer(writer)
    rows = _rows(source, writer, begun)
    while portion := list(islice(rows, PORTION)):
        with engine.begin() as target:
            shelf.make_words(target, month)
            at = target.execute(
                text("SELECT known FROM chains WHERE writer = :writer"), {"writer": writer}
            ).scalar()
            fresh = [row for row in portion if row.record.index > (at or 0)]  # another may have been quicker
            _enter(shelf, target, source, month, fresh)
            if fresh:
                last = fresh[-1].record
                _note_head(target, writer, last.index, last.hash, silent)


def _note_head(target: Any, writer: str, index: int, hash: str, silent: bool) -> None:
    target.execute(
        text(
            "INSERT INTO chains (writer, known, hash, silent) VALUES (:writer, :known, :hash, :silent)"
            " ON CONFLICT (writer) DO UPDATE SET known = excluded.known, hash = excluded.hash"
        ),
        {"writer": writer, "known": index, "hash": hash, "silent": int(silent)},
    )


def _rows(source: Any, writer: str, begun: int) -> Iterator[_Row]:
    records, texts = tables.records, tables.texts
    beside = (texts.c.writer == records.c.writer) & (texts.c.idx == records.c.idx)
    found = tables.select(records, texts.c.text).join_from(records, texts, beside, isouter=True)
    while True:
        some = found.where(records.c.writer == writer, records.c.idx > begun)
        rows = source.execute(some.order_by(records.c.idx).limit(PORTION)).all()
        for row in rows:
            yield _Row(record_of(row), row.text)
        if len(rows) < PORTION:
            return
        begun = rows[-1].idx


def _enter(shelf: Shelf, target: Any, source: Any, month: Month, rows: Sequence[_Row]) -> None:
    """Cards, tags and words of a portion of one chain, and what its notes say of older exchanges."""
    asked = {row.record.exchange: row for row in rows if row.record.kind == "asked"}
    endings = {row.record.exchange: row for row in rows if row.record.kind in ENDINGS}
    earlier = {exchange: _asked(source, exchange) for exchange in endings.keys() - asked.keys()}
    ids = _ids(target, earlier, asked)
    cards = []
    for exchange, row in (asked | {name: row for name, row in earlier.items() if row}).items():
        assert exchange is not None
        ending = endings.get(exchange)
        cards.append((ids[exchange], card_of(row.record, row.text, ending.record if ending else None)))
    _enter_cards(target, cards)
    _enter_tags(target, [(id, card) for id, card in cards if card.exchange in asked])
    words = [(2 * ids[name], row.text) for name, row in asked.items() if name in ids]
    words += [(2 * ids[name] + 1, row.text) for name, row in endings.items() if name in ids]
    shelf.enter_words(target, month, [(n, _grams(said)) for n, said in words if said])
    _enter_events(target, [row.record for row in rows if row.record.exchange is None])


def _grams(said: str) -> set[str]:
    return grams(folded(spoken(said)))


def _asked(source: Any, exchange: str | None) -> _Row | None:
    records, texts = tables.records, tables.texts
    beside = (texts.c.writer == records.c.writer) & (texts.c.idx == records.c.idx)
    found = tables.select(records, texts.c.text).join_from(records, texts, beside, isouter=True)
    row = source.execute(found.where(records.c.exchange == exchange, records.c.turn == 1)).first()
    return _Row(record_of(row), row.text) if row else None


def _ids(target: Any, earlier: Iterable[str | None], new: Iterable[str | None]) -> dict[str, int]:
    """The number of each card: what it has already, or the next ones. What is new in the ledger has none."""
    ids = _known_ids(target, earlier)
    last = target.execute(text("SELECT max(id) FROM cards")).scalar() or 0
    for exchange in (*earlier, *new):
        if exchange is not None and exchange not in ids:
            last += 1
            ids[exchange] = last
    return ids


def _known_ids(target: Any, exchanges: Iterable[str | None]) -> dict[str, int]:
    wanted = [exchange for exchange in exchanges if exchange is not None]
    ids: dict[str, int] = {}
    for first in range(0, len(wanted), _AT_ONCE):
        some = {f"x{n}": exchange for n, exchange in enumerate(wanted[first : first + _AT_ONCE])}
        listed = ", ".join(f":{name}" for name in some)
        found = target.execute(text(f"SELECT exchange, id FROM cards WHERE exchange IN ({listed})"), some)
        ids |= {row.exchange: row.id for row in found}
    return ids


_ENTER_CARD = (
    f"INSERT INTO cards (id, {', '.join(COLUMNS)}) VALUES (:id, {', '.join(f':{name}' for name in COLUMNS)})"
    " ON CONFLICT (exchange) DO UPDATE SET ended = excluded.ended, outcome = excluded.outcome,"
    " reason = excluded.reason, egress = excluded.egress, tokens = excluded.tokens, yen = excluded.yen,"
    " severity = excluded.severity"
)


def _enter_cards(target: Any, cards: Sequence[tuple[int, Card]]) -> None:
    rows = []
    for id, card in cards:
        values = {name: getattr(card, name) for name in COLUMNS}
        rows.append(values | {"id": id, "is_test": int(card.is_test)})
    if rows:
        target.execute(text(_ENTER_CARD), rows)


def _enter_tags(target: Any, cards: Sequence[tuple[int, Card]]) -> None:
    rows = [{"kind": kind, "name": name, "id": id} for id, card in cards for kind, name in sorted(card.tags)]
    if rows:
        sql = "INSERT INTO tags (kind, name, id) VALUES (:kind, :name, :id) ON CONFLICT DO NOTHING"
        target.execute(text(sql), rows)


_ENTER_EVENT = (
    "INSERT INTO events (writer, idx, at, kind, what, who, exchange, subject)"
    " VALUES (:writer, :idx, :at, :kind, :what, :who, :exchange, :subject)"
)
_DISPOSE = "UPDATE cards SET disposition = :disposition, incident = :incident WHERE exchange = :exchange"


def _enter_events(target: Any, records: Sequence[Record]) -> None:
    """What is known of looks and notes; of what reviewers made of an exchange the last word counts."""
    rows, disposed = [], []
    for record in records:
        body = json.loads(record.body)
        rows.append(_event(record, body))
        if body.get("event") == DISPOSED:
            disposed.append({name: body.get(name) for name in ("disposition", "incident", "exchange")})
    if rows:
        target.execute(text(_ENTER_EVENT), rows)
    if disposed:
        target.execute(text(_DISPOSE), disposed)


def _event(record: Record, body: dict[str, Any]) -> dict[str, Any]:
    """``who`` did it, to which exchange and about which person, as far as the record says."""
    seen = body.get("filters") or {}
    return {
        "writer": record.writer,
        "idx": record.index,
        "at": record.at,
        "kind": record.kind,
        "what": body.get("event") or body.get("what") or "",
        "who": body.get("by") or body.get("person") or body.get("os_user"),
        "exchange": body.get("exchange") or seen.get("exchange"),
        "subject": body.get("subject") or seen.get("person"),
    }


def _enter_words_anew(shelf: Shelf, engine: Any, source: Any, month: Month, known: dict[str, _Known]) -> None:
    """The words of a month, out of the texts that are left of it, as far as its chains are entered."""
    for writer, one in known.items():
        if month_of_writer(writer) != month:
            continue
        rows = (row for row in _rows(source, writer, 0) if row.record.index <= one.index and row.text)
        while portion := list(islice(rows, PORTION)):
            with engine.begin() as target:
                shelf.make_words(target, month)
                ids = _known_ids(target, (row.record.exchange for row in portion))
                words = [
                    (
                        2 * ids[row.record.exchange or ""] + (row.record.kind != "asked"),
                        _grams(row.text or ""),
                    )
                    for row in portion
                    if row.record.exchange in ids
                ]
                shelf.enter_words(target, month, words)
