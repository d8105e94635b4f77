"""Brings the catalogue up to what the ledger holds: what came since the last look, and what is gone.

Portion by portion, each in one transaction that says how far it goes: whoever is stopped in the middle, or killed, is
followed by somebody who goes on there. Within a portion the catalogue's lock comes first and the moment of the ledger
second, so that nobody ever enters what is older than what stands here, and no two enter the same.

Where a chain is not the one that was entered (another ledger was put in this one's place), everything is entered anew.
A chain that was removed takes its cards with it. Where texts were erased, the words of their month are dropped at once
and entered anew from what is left; until that is done the catalogue says of itself that it is not whole.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

from audit import tables
from audit.address import Address
from audit.catalogue.entering import Row, enter, forget
from audit.following import heads_of
from audit.model import Record
from audit.months import month_of_writer
from audit.query import moments
from audit.stores.shelf import Shelf, shelf_of, text

SECONDS = 2.0
"""After so long a portion ends: others wait for it."""
AT_ONCE = 1_000
"""Records that are read together."""
_BREATH = 0.12
"""Between two portions: who waits for a file looks again every 0.1 s, and gets it now."""


def catch_up(ledger: Address) -> Shelf:
    """The catalogue of this ledger, with everything on it that is in the ledger now.

    Raises one of query.CANNOT_READ where either cannot be used.
    """
    shelf = shelf_of(ledger)
    with moments(ledger) as moment:
        with moment():  # where there is no ledger, no catalogue is made
            engine = shelf.writer()
        _fill(shelf, engine, moment)
    return shelf


def _fill(shelf: Shelf, engine: Any, moment: Callable[[], AbstractContextManager[Any]]) -> None:
    try:
        while not (done := _portion(shelf, engine, moment)).whole:
            sleep(_BREATH)
        if done.unwiped and shelf.wipe(engine):
            with engine.begin() as target:
                target.execute(text("UPDATE catalogue SET unwiped = 0"))
    finally:
        engine.dispose()


def forget_what_is_gone(ledger: Address) -> None:
    """After a purge: the catalogue, where there is one, holds nothing that the ledger does not hold any more.

    Raises as `catch_up`.
    """
    if shelf_of(ledger).is_there():
        catch_up(ledger)


def is_whole(catalogue: Any) -> bool:
    """Whether at this moment of the catalogue nothing of what was begun is left to be done."""
    return bool(catalogue.execute(text("SELECT undone FROM catalogue")).scalar_one() == 0)


@dataclass(frozen=True, slots=True)
class _Done:
    """``whole``: nothing is left to be entered. ``unwiped``: words were dropped, and copies of them may be left."""

    whole: bool
    unwiped: bool


@dataclass(frozen=True, slots=True)
class _Chain:
    """How far a chain is entered, and what hash stands there.

    said  how far its words are; less than ``index`` where they are being entered anew
    left  of a chain whose texts may be erased: how many were left as its words were entered. None for others
    """

    index: int
    hash: str
    said: int
    left: int | None


_NEW = _Chain(0, "", 0, None)


def _portion(shelf: Shelf, engine: Any, moment: Callable[[], AbstractContextManager[Any]]) -> _Done:
    until = monotonic() + SECONDS
    with engine.begin() as target, moment() as source:
        chains, heads, left = _chains(target), heads_of(source), _left(source)
        if _is_another(source, heads, chains):
            _forget_everything(shelf, target)
            chains = {}
        if _forget_what_went(shelf, target, chains, heads, left):
            chains = _chains(target)
        whole = True
        for writer, head in sorted(heads.items()):
            known = chains.get(writer, _NEW)
            if whole and known.said < head:
                whole = _enter_chain(shelf, target, source, writer, known, left.get(writer), until)
                whole = whole and monotonic() < until
        while whole and not shelf.settle(target):
            whole = monotonic() < until
        found = target.execute(text("SELECT undone, unwiped FROM catalogue")).one()
        if bool(found.undone) is whole:
            target.execute(text("UPDATE catalogue SET undone = :undone"), {"undone": int(not whole)})
    return _Done(whole, bool(found.unwiped))


# ── what is there ────────────────────────────────────────────────────────────────────────────────


_LEFT = """
SELECT writer, (SELECT count(*) FROM texts WHERE texts.writer = quiet.writer) AS texts
FROM (SELECT DISTINCT writer FROM erasures) AS quiet
"""


def _left(source: Any) -> dict[str, int]:
    """The chains whose texts may be erased, and how many each has still: a purge takes some at a time."""
    return {row.writer: row.texts for row in source.execute(text(_LEFT))}


def _chains(target: Any) -> dict[str, _Chain]:
    found = target.execute(text("SELECT writer, known, hash, said, texts FROM chains"))
    return {row.writer: _Chain(row.known, row.hash, row.said, row.texts) for row in found}


def _is_another(source: Any, heads: Mapping[str, int], chains: Mapping[str, _Chain]) -> bool:
    """Whether a chain that is there holds another record where ours ended: this is not the ledger we know."""
    records = tables.records
    ours = [(writer, one.index) for writer, one in chains.items() if writer in heads]
    hashes: dict[str, str] = {}
    for first in range(0, len(ours), AT_ONCE):
        wanted = tables.places(ours[first : first + AT_ONCE])
        beside = (records.c.writer == wanted.c.writer) & (records.c.idx == wanted.c.idx)
        found = source.execute(
            tables.select(records.c.writer, records.c.hash).join_from(wanted, records, beside)
        )
        hashes |= {row.writer: row.hash for row in found}
    return any(hashes.get(writer) != chains[writer].hash for writer, _ in ours)


# ── what goes ────────────────────────────────────────────────────────────────────────────────────


def _forget_everything(shelf: Shelf, target: Any) -> None:
    for month in shelf.months(target):
        shelf.drop_words(target, month)
    for table in ("cards", "tags", "strays", "events", "dispositions", "chains"):
        target.execute(text(f"DELETE FROM {table}"))
    target.execute(text("UPDATE catalogue SET unwiped = 1"))


def _forget_what_went(
    shelf: Shelf,
    target: Any,
    chains: Mapping[str, _Chain],
    heads: Mapping[str, int],
    left: Mapping[str, int],
) -> bool:
    """Drop the words of every month in which texts went; that they are to be entered anew is noted with it."""
    gone = chains.keys() - heads.keys()
    fewer = {writer for writer in chains.keys() & left.keys() if chains[writer].left != left[writer]}
    redo = {month_of_writer(writer) for writer in gone | fewer}
    for writer in gone:
        forget(target, writer)
        target.execute(text("DELETE FROM chains WHERE writer = :writer"), {"writer": writer})
    for month in redo:
        shelf.drop_words(target, month)
    again = [
        {"writer": writer, "texts": left.get(writer)}
        for writer in chains.keys() - gone
        if month_of_writer(writer) in redo
    ]
    if again:
        target.execute(text("UPDATE chains SET said = 0, texts = :texts WHERE writer = :writer"), again)
    if redo:
        target.execute(text("UPDATE catalogue SET unwiped = 1"))
    return bool(redo)


# ── what comes ───────────────────────────────────────────────────────────────────────────────────


def _enter_chain(
    shelf: Shelf, target: Any, source: Any, writer: str, known: _Chain, left: int | None, until: float
) -> bool:
    """Enter what is new in a chain, and the words that are to be entered anew; whether that was all before the time."""
    month, index, hash, said = month_of_writer(writer), known.index, known.hash, known.said
    whole = False
    for rows in _read(source, writer, said):
        whole = len(rows) < AT_ONCE
        if rows:
            enter(shelf, target, source, month, rows, index)
            last = rows[-1].record
            said = last.index
            if said > index:
                index, hash = said, last.hash
        if monotonic() > until:
            break
    _note(target, writer, _Chain(index, hash, said, left))
    return whole


def _note(target: Any, writer: str, chain: _Chain) -> None:
    target.execute(
        text(
            "INSERT INTO chains (writer, known, hash, said, texts) VALUES (:writer, :known, :hash, :said, :texts)"
            " ON CONFLICT (writer) DO UPDATE SET known = excluded.known, hash = excluded.hash, said = excluded.said"
        ),
        {
            "writer": writer,
            "known": chain.index,
            "hash": chain.hash,
            "said": chain.said,
            "texts": chain.left,
        },
    )


def _read(source: Any, writer: str, begun: int) -> Iterator[list[Row]]:
    """The records of a chain behind this one with their texts, some at a time; the last time fewer."""
    records, texts = tables.records, tables.texts
    found = tables.select(*(records.c[name] for name in _RECORD), texts.c.text)
    beside = (texts.c.writer == records.c.writer) & (texts.c.idx == records.c.idx)
    found = found.join_from(records, texts, beside, isouter=True).where(records.c.writer == writer)
    while True:
        some = found.where(records.c.idx > begun).order_by(records.c.idx).limit(AT_ONCE)
        rows = [Row(Record(*record), said) for *record, said in source.execute(some)]
        yield rows
        if len(rows) < AT_ONCE:
            return
        begun = rows[-1].record.index


_RECORD = ("writer", "idx", "at", "kind", "exchange", "body", "text_commitment", "hash")
"""As audit.model.Record has them."""
