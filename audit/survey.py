"""Looks a ledger over for what is old enough to go: every chain's measure, who holds it, what hangs on it.

One reading of one moment. It decides nothing (retention.py) and writes nothing. A chain's texts and records are
counted, never read.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from audit import notes, tables
from audit.heads import last_note
from audit.holds import Body, Hold, events_of, matches_any
from audit.months import JST, Month, month_of_writer
from audit.names import moment
from audit.periods import Periods

_CLOCK_BACK = timedelta(days=31)
"""So far a clock may have been put back between a chain's first record and the note that closed it."""


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain that is old enough to be looked at.

    state       as the notes have it: open, closed, or purged (its removal was signed, and not finished)
    note        number of the note that says so; 0: none. closed_on: the day in Japan of the note that closed it
    texts       how many are there; texts_held: those of held exchanges
    held        the holds in force that keep something in it
    proves      the holds in force that it tells of
    ties        the chains, still here, that must go before it or with it, and why
    """

    writer: str
    records: int
    first_at: str
    last_at: str
    first_hash: str
    last_hash: str
    state: notes.State
    note: int = 0
    texts: int = 0
    texts_held: int = 0
    held: tuple[str, ...] = ()
    proves: tuple[str, ...] = ()
    ties: tuple[tuple[str, str], ...] = ()
    closed_on: date | None = None

    @property
    def last_day(self) -> date:
        """The day in Japan of its newest record: from it, all periods are counted."""
        return _day(self.last_at)

    @property
    def purged(self) -> notes.ChainHead:
        """The line of the note that signs its removal."""
        return notes.ChainHead(self.writer, self.records, self.last_hash, "purged")

    def stated(self) -> dict[str, Any]:
        """As a certificate has it: how many records, from when to when, from which hash to which."""
        return {
            "records": self.records,
            "first_at": self.first_at,
            "last_at": self.last_at,
            "first_hash": self.first_hash,
            "last_hash": self.last_hash,
        }


@dataclass(frozen=True, slots=True)
class Originals:
    """Sealed originals whose time is over: the keys that go, and how many stay because of a hold."""

    keys: tuple[str, ...] = ()
    originals: int = 0
    held: int = 0


@dataclass(slots=True)
class _Known:
    """What is asked of every chain: how notes ended them, who has a lease, what the ledger says of itself."""

    ends: dict[str, tuple[int, notes.ChainHead]]
    closed: dict[str, date]
    leased: set[str]
    told: dict[str, list[Body]] = field(default_factory=dict)
    placed: dict[str, str] = field(default_factory=dict)  # hold → the chain in which it was placed


def survey(
    connection: tables.Connection, periods: Periods, in_force: Sequence[Hold], today: date, *, months: bool
) -> list[Chain]:
    """The chains that may be due, for they began early enough; with ``months``, whole months of them.

    Raises ValueError where a chain is not what a note says: that is for verify to report, and nothing of it
    may be removed.
    """
    writers = _old_enough(connection, periods, today, months=months)
    known = _known(connection, writers)
    return [_chain(connection, writer, known, in_force) for writer in writers]


def originals_due(connection: tables.Connection, in_force: Sequence[Hold], at: datetime) -> Originals:
    """Sealed originals whose ``until`` has come. A key that opens a held one stays, with all that it opens."""
    keys, originals = tables.original_keys, tables.originals
    due = keys.c.until <= moment(at)
    over = {row.id for row in connection.execute(tables.select(keys.c.id).where(due))}
    lie = originals.c.key_id == keys.c.id
    counted = tables.select(keys.c.id, tables.func.count()).join_from(keys, originals, lie).where(due)
    counts = {id: count for id, count in connection.execute(counted.group_by(keys.c.id))}
    held: set[str] = set()
    if in_force:
        asked = tables.records
        here = (asked.c.writer == originals.c.writer) & (asked.c.idx == originals.c.idx)
        found = tables.select(originals.c.key_id).join_from(originals, asked, here)
        held = {row.key_id for row in connection.execute(found.where(matches_any(in_force, asked)))} & over
    kept = sum(counts.get(id, 0) for id in held)
    return Originals(tuple(sorted(over - held)), sum(counts.values()) - kept, kept)


def keeps(in_force: Sequence[Hold], first: str, last: str) -> Callable[[Any], Any] | None:
    """The condition on a row of texts under which a hold keeps it, for chains from ``first`` to ``last``.

    None where there is no hold. Both texts of an exchange are kept, by its question.
    """
    if not in_force:
        return None
    asked, beside = tables.records.alias("asked"), tables.records.alias("beside")
    same = (beside.c.writer == asked.c.writer) & (beside.c.exchange == asked.c.exchange)
    held = tables.select(beside.c.writer, beside.c.idx).join_from(asked, beside, same)
    held = held.where(asked.c.writer.between(first, last), asked.c.turn == 1, matches_any(in_force, asked))
    return lambda texts: tables.tuple_(texts.c.writer, texts.c.idx).in_(held)


def writers_of(connection: tables.Connection, month: Month) -> list[str]:
    """Every chain that began in this month and has records."""
    records = tables.records
    found = tables.select(records.c.writer).distinct()
    found = found.where(records.c.writer >= month.first_writer, records.c.writer < month.next().first_writer)
    return [row.writer for row in connection.execute(found.order_by(records.c.writer))]


# ── which chains ─────────────────────────────────────────────────────────────────────────────────


def _old_enough(connection: tables.Connection, periods: Periods, today: date, *, months: bool) -> list[str]:
    """By their names: no chain has a record from before it began."""
    writers: set[str] = set()
    for table, period in ((tables.texts, periods.texts), (tables.records, periods.records)):
        bound = _began_before(period.newest_due(today) + timedelta(days=1))
        found = tables.select(table.c.writer).distinct().where(table.c.writer < bound)
        writers |= {row.writer for row in connection.execute(found)}
    if months:
        for month in {month_of_writer(writer) for writer in writers}:
            writers.update(writers_of(connection, month))
    return sorted(writers)


def _began_before(day: date) -> str:
    """Sorts behind the name of every chain that began before midnight in Japan, and before all others."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=JST)
    return f"w{moment(midnight)[:19].replace('-', '').replace(':', '')}Z"


def _known(connection: tables.Connection, writers: Sequence[str]) -> _Known:
    ends: dict[str, tuple[int, notes.ChainHead]] = {}
    closed: dict[str, date] = {}
    for note in _ending_notes(connection, writers):
        ends |= {head.writer: (note.number, head) for head in note.heads if head.closed}
        closed |= {head.writer: _day(note.at) for head in note.heads if head.state == "closed"}
    last = last_note(connection)
    growing = {head.writer for head in notes.read(last).heads if head.state == "open"} if last else set()
    leased = {row.writer for row in connection.execute(tables.select(tables.leases.c.writer))}
    known = _Known(ends, closed, leased | growing)
    for writer, _, body in events_of(connection, "hold.", "texts.erased"):
        known.told.setdefault(writer, []).append(body)
        if body["event"] == "hold.placed":
            known.placed[body["hold"]] = writer
    return known


def _ending_notes(connection: tables.Connection, writers: Sequence[str]) -> Iterator[notes.Note]:
    """The notes, in order, that close or purge chains, as far as they may speak of these.

    There is a note a minute. They are searched once, where they lie (a second or two for five years of them),
    and only from some time before the oldest of these chains.
    """
    stored = tables.notes.c
    saying = stored.note.contains(" closed\n") | stored.note.contains(" purged\n")
    since = moment(month_of_writer(min(writers)).first_moment() - _CLOCK_BACK) if writers else "9"
    found = tables.select(stored.note).where(stored.at >= since, saying).order_by(stored.number)
    return (notes.read(row.note) for row in connection.execute(found))


# ── one chain ────────────────────────────────────────────────────────────────────────────────────


def _chain(connection: tables.Connection, writer: str, known: _Known, in_force: Sequence[Hold]) -> Chain:
    records, texts, count = tables.records, tables.texts, tables.func.count()
    mine = records.c.writer == writer
    measured = tables.select(count, tables.func.min(records.c.at), tables.func.max(records.c.at)).where(mine)
    number, first_at, last_at = connection.execute(measured).one()
    ends = tables.select(records.c.hash).where(mine, records.c.idx.in_((1, number))).order_by(records.c.idx)
    hashes = [row.hash for row in connection.execute(ends)]
    if not hashes:
        raise ValueError(f"the chain {writer} has no first record")
    note, head = known.ends.get(writer, (0, None))
    if head and (head.size, head.hash) != (number, hashes[-1]):
        raise ValueError(f"the chain {writer} is not what note {note} says")
    state = head.state if head and writer not in known.leased else "open"
    here = tables.select(count).where(texts.c.writer == writer)
    keep = keeps(in_force, writer, writer)
    return Chain(
        writer, number, first_at, last_at, hashes[0], hashes[-1], state, note,
        texts=connection.execute(here).scalar_one(),
        texts_held=connection.execute(here.where(keep(texts))).scalar_one() if keep else 0,
        held=tuple(hold.id for hold in in_force if _holds(connection, hold, writer)),
        proves=_proves(known.told.get(writer, ()), in_force),
        ties=_ties(connection, writer, known, in_force),
        closed_on=known.closed.get(writer),
    )  # fmt: skip


def _day(at: str) -> date:
    return datetime.fromisoformat(at).astimezone(JST).date()


def _holds(connection: tables.Connection, hold: Hold, writer: str) -> bool:
    records = tables.records
    found = tables.select(records.c.idx).where(records.c.writer == writer, matches_any([hold], records))
    return connection.execute(found.limit(1)).first() is not None


def _proves(told: Sequence[Body], in_force: Sequence[Hold]) -> tuple[str, ...]:
    of = {body["hold"] for body in told if "hold" in body}
    return tuple(hold.id for hold in in_force if hold.id in of)


def _ties(
    connection: tables.Connection, writer: str, known: _Known, in_force: Sequence[Hold]
) -> tuple[tuple[str, str], ...]:
    """What must not stay when this chain goes.

    The chains whose texts it says were erased; the placing of a hold that it says is over, for without it
    the hold would come back to life; where its own questions were ended in another chain, that chain.
    """
    records, ending = tables.records, tables.records.alias("ending")
    proof: set[str] = set()
    for body in known.told.get(writer, ()):
        if body["event"] == "texts.erased":
            proof.update(body["chains"])
        elif body["event"] != "hold.placed" and body["hold"] in known.placed:
            proof.add(known.placed[body["hold"]])
    first = tables.select(records.c.writer).where(records.c.writer.in_(sorted(proof)), records.c.idx == 1)
    ties = {row.writer: "proof" for row in connection.execute(first)}
    same = (ending.c.exchange == records.c.exchange) & (ending.c.turn == 2)
    elsewhere = tables.select(ending.c.writer).distinct().join_from(records, ending, same)
    elsewhere = elsewhere.where(records.c.writer == writer, records.c.turn == 1, ending.c.writer != writer)
    ties |= {row.writer: "lost" for row in connection.execute(elsewhere)}
    ties.pop(writer, None)
    return tuple(sorted(ties.items()))
