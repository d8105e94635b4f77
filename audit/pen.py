"""One writer's pen: puts prepared drafts at the end of its own chain, and closes what the dead left open.

It knows the head of its chain, holds its lease, and does everything in durable transactions. It has
no thread and no queue (scribe.py) and never changes what it is given to write.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit import chain, leases, tables
from audit.draft import Prepared, prepare
from audit.heads import write_note
from audit.model import AlreadyEnded, CannotRecord, Draft, Record
from audit.names import writer_name
from audit.notes import Signer
from audit.store import Store

Outcome = Record | AlreadyEnded | CannotRecord

_INSERT_RECORDS = tables.records.insert()
_INSERT_TEXTS = tables.texts.insert()


@dataclass(frozen=True, slots=True)
class Head:
    """The last record of a chain; index 0 and 64 zeros before the first."""

    writer: str
    index: int
    hash: str


class Pen:
    """Used by one thread. After any accident the store is closed, and nothing is taken as written."""

    def __init__(
        self, store: Store, clock: Callable[[], datetime], lease_seconds: float, writer: str | None
    ) -> None:
        self.owed: list[Prepared] = []
        """Endings that must still be written: the next ``pay`` tries again."""
        self._store = store
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._wanted = writer
        self._here = leases.this_process()
        self._head: Head | None = None
        self._open: dict[str, int] = {}  # exchanges of this chain without an ending → their index, rising
        self._doubtful: list[str] = []  # exchanges whose asked record may have landed unnoticed
        self._unsure = False  # an accident happened since the head was known

    @property
    def writer(self) -> str | None:
        """The name of the chain this pen writes, None before the first transaction."""
        return self._head.writer if self._head else None

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def write(self, drafts: Sequence[Prepared]) -> list[Outcome]:
        """Put all drafts into one durable transaction; one outcome each, in their order.

        A draft that the laws forbid gets its own error and does not sink the others. Raises whatever
        kept the transaction from being durable; then nothing was written.
        """
        try:
            return self._write_together(drafts)
        except tables.IntegrityError:
            return self._write_apart(drafts)

    def _write_together(self, drafts: Sequence[Prepared]) -> list[Outcome]:
        with self._page(drafts) as page:
            records = page.add(drafts)
        self._written(records)
        return list(records)

    def _write_apart(self, drafts: Sequence[Prepared]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        with self._page(drafts) as page:
            for draft in drafts:
                try:
                    with page.connection.begin_nested():
                        outcomes += page.add([draft])
                except tables.IntegrityError:
                    outcomes.append(self._why_not(page.connection, draft))
        self._written([outcome for outcome in outcomes if isinstance(outcome, Record)])
        return outcomes

    def _why_not(self, connection: tables.Connection, draft: Prepared) -> AlreadyEnded | CannotRecord:
        records = tables.records
        ended = records.select().where(records.c.exchange == draft.exchange, records.c.turn == 2)
        if draft.turn == 2 and connection.execute(ended).first():
            self._open.pop(draft.exchange or "", None)
            return AlreadyEnded(draft.exchange)
        self._unsure = True  # if it was not the draft but the head of the chain, the next page finds out
        return CannotRecord("unlawful_record")

    def renew(self) -> None:
        """Prolong the lease: a durable transaction that adds no record. Raises when there can be none."""
        with self._page():
            pass

    def pay(self) -> None:
        """Write the endings that are owed. One that has an ending, or was never asked, is settled."""
        due = list(self.owed)
        if due:
            self.write(due)
            self.owed = self.owed[len(due) :]

    # ── closing what others left ─────────────────────────────────────────────────────────────────

    def sweep(self) -> int:
        """Close as ``lost`` every open exchange of writers that are gone; how many that were."""
        now, closed = self._clock(), 0
        with self._page() as page:
            for lease in leases.living(page.connection):
                if leases.is_over(lease, now, self._here):  # never our own: it has just been renewed
                    left = _still_open(page.connection, lease.writer, lease.open_from)
                    closed += len(page.add(_lost(left, now)))
                    leases.end(page.connection, lease.writer, now)
        return closed

    def note(self, signer: Signer, rest_seconds: float) -> None:
        """Sign the heads of all chains, unless the last note says the same and is not yet old."""
        with self._page() as page:
            write_note(page.connection, signer, self._clock(), rest_seconds)

    def retire(self, signer: Signer | None) -> None:
        """End this chain: what it left open becomes ``lost``, its lease ends, the last note says so."""
        if self._head is None:
            return
        now = self._clock()
        with self._page() as page:
            left = _still_open(page.connection, page.head.writer, self._open_from(page.head))
            page.add(_lost(left, now))
            leases.end(page.connection, page.head.writer, now)
            if signer:
                write_note(page.connection, signer, now, 0.0)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    # ── the transaction ──────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _page(self, drafts: Sequence[Prepared] = ()) -> Iterator["Page"]:
        """One durable transaction under a valid lease, at the true end of the chain."""
        try:
            with self._store.transaction() as connection:
                page = Page(connection, self._hold(connection))
                yield page
        except tables.IntegrityError:
            raise  # a law was broken by a draft; the file is in order
        except BaseException:
            if self._store.in_doubt:
                self._doubtful += [draft.exchange for draft in drafts if draft.turn == 1 and draft.exchange]
            self._store.close()
            self._unsure = True
            raise
        self._head = page.head

    def _hold(self, connection: tables.Connection) -> Head:
        """Renew the lease and find the head; a pen that was declared gone begins a new chain."""
        now = self._clock()
        if self._unsure:
            self._settle(connection, now)
        head = self._head
        if head and leases.renew(connection, head.writer, self._open_from(head), now, self._lease_seconds):
            return head
        return self._begin(connection, now)

    def _begin(self, connection: tables.Connection, now: datetime) -> Head:
        name, self._wanted = self._wanted or writer_name(now), None
        if leases.is_known(connection, name):
            name = writer_name(now)
        leases.take(connection, name, self._here, now, self._lease_seconds)
        self._open.clear()
        return Head(name, 0, chain.GENESIS)

    def _settle(self, connection: tables.Connection, now: datetime) -> None:
        """After an accident: is this still our ledger, and did the last transaction land after all?

        Raises OSError when the file does not hold what this pen has written: some other ledger was put
        in its place, and going on there would hide the loss.
        """
        if self._head:
            if self._head.index and _hash_at(connection, self._head) != self._head.hash:
                raise OSError("the ledger no longer holds what was written to it")
            self._head = _last(connection, self._head.writer)
        for exchange, index in _asked(connection, self._doubtful):
            self._open[exchange] = index
            self.owed.append(_never_sent(exchange, now))
        self._doubtful.clear()
        self._unsure = False

    def _open_from(self, head: Head) -> int:
        return next(iter(self._open.values()), head.index + 1)

    def _written(self, records: Sequence[Record]) -> None:
        for record in records:
            if record.exchange and record.kind == "asked":
                self._open[record.exchange] = record.index
            elif record.exchange:
                self._open.pop(record.exchange, None)


class Page:
    """One transaction in progress: the head moves as drafts are added, and counts only once committed."""

    def __init__(self, connection: tables.Connection, head: Head) -> None:
        self.connection = connection
        self.head = head

    def add(self, drafts: Sequence[Prepared]) -> list[Record]:
        """Put drafts at the end of the chain. Raises IntegrityError when one breaks a law."""
        head, records, rows, texts = self.head, [], [], []
        for draft in drafts:
            record, salt = _record(head, draft)
            records.append(record)
            rows.append(_row(record, draft.turn, head.hash))
            if salt:
                texts.append({"writer": head.writer, "idx": record.index, "salt": salt, "text": draft.text})
            head = Head(head.writer, record.index, record.hash)
        if rows:
            self.connection.execute(_INSERT_RECORDS, rows)
        if texts:
            self.connection.execute(_INSERT_TEXTS, texts)
        self.head = head
        return records


def _record(head: Head, draft: Prepared) -> tuple[Record, str | None]:
    """The draft as the next record of the chain, and the salt of its text."""
    salt = None if draft.text is None else secrets.token_hex(32)
    commitment = None if draft.text is None or salt is None else chain.commit(salt, draft.text)
    index = head.index + 1
    sealed = chain.seal(
        head.hash, head.writer, index, draft.at, draft.kind, draft.exchange, commitment, draft.body
    )
    record = Record(head.writer, index, draft.at, draft.kind, draft.exchange, draft.body, commitment, sealed)
    return record, salt


def _row(record: Record, turn: int | None, previous: str) -> dict[str, Any]:
    return {
        "writer": record.writer,
        "idx": record.index,
        "at": record.at,
        "kind": record.kind,
        "exchange": record.exchange,
        "turn": turn,
        "body": record.body,
        "text_commitment": record.text_commitment,
        "prev": previous,
        "hash": record.hash,
    }


def _hash_at(connection: tables.Connection, head: Head) -> str | None:
    records = tables.records
    found = records.select().where(records.c.writer == head.writer, records.c.idx == head.index)
    row = connection.execute(found).first()
    return row.hash if row else None


def _last(connection: tables.Connection, writer: str) -> Head:
    records = tables.records
    found = records.select().where(records.c.writer == writer).order_by(records.c.idx.desc()).limit(1)
    row = connection.execute(found).first()
    return Head(writer, row.idx, row.hash) if row else Head(writer, 0, chain.GENESIS)


def _still_open(connection: tables.Connection, writer: str, open_from: int) -> list[str]:
    """The exchanges a writer asked, from an index on, that nobody has ended."""
    asked, ending = tables.records.alias("asked"), tables.records.alias("ending")
    ended = tables.exists().where(ending.c.exchange == asked.c.exchange, ending.c.turn == 2)
    found = tables.select(asked.c.exchange).where(
        asked.c.writer == writer, asked.c.idx >= open_from, asked.c.turn == 1, ~ended
    )
    return [str(row.exchange) for row in connection.execute(found.order_by(asked.c.idx))]


def _asked(connection: tables.Connection, exchanges: Sequence[str]) -> list[tuple[str, int]]:
    records = tables.records
    found = records.select().where(records.c.exchange.in_(exchanges), records.c.turn == 1)
    return [(row.exchange, row.idx) for row in connection.execute(found.order_by(records.c.idx))]


def _never_sent(exchange: str, at: datetime) -> Prepared:
    """The ending of an asked record whose waiter was told that it could not be written."""
    body = {"egress_state": "none", "reason": "ledger_unavailable"}
    return prepare(Draft("failed", exchange, body), at)


def _lost(exchanges: Sequence[str], at: datetime) -> list[Prepared]:
    """What left the building before the writer went, nobody can say."""
    body = {"egress_state": "unknown", "reason": "writer_gone"}
    return [prepare(Draft("lost", exchange, body), at) for exchange in exchanges]
