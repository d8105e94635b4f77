"""One writing process's pen: puts prepared drafts at the end of its own chain, and closes what the dead left open.

It knows the heads of its chains, holds their leases, and does everything in durable transactions. It writes
one chain a month: when the month turns in Japan, new questions go into a new chain, and the old one stays
until the last exchange in it has ended, so that both records of an exchange always lie in one chain. It has
no thread and no queue (scribe.py) and never changes what it is given to write.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from audit import heads, leases, tables
from audit.clock import Clock, elapsed
from audit.draft import Prepared, prepare
from audit.model import AlreadyEnded, CannotRecord, Draft, Record
from audit.months import month_of, month_of_writer
from audit.names import moment, writer_name
from audit.notes import Note
from audit.page import Head, Page, last_of
from audit.store import Store

Outcome = Record | AlreadyEnded | CannotRecord

SILENCE = timedelta(minutes=5)
"""So long behind its time a lease is over, whoever has only just come to look."""


class Pen:
    """Used by one thread. After any accident the store is closed, and nothing is taken as written."""

    def __init__(self, store: Store, clock: Callable[[], datetime], lease_seconds: float) -> None:
        self.owed: list[Prepared] = []
        """Endings that must still be written: the next ``pay`` tries again."""
        self._store = store
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._here = leases.this_process()
        self._heads: dict[str, Head] = {}  # our chains; the last one takes new questions
        self._open: dict[str, tuple[str, int]] = {}  # exchanges without an ending → where they were asked
        self._watched: dict[
            str, tuple[str, float]
        ] = {}  # leases of others: until when, and since when we saw that
        self._renewed: dict[str, datetime] = {}  # our leases, since when
        self._doubtful: list[str] = []  # exchanges whose asked record may have landed unnoticed
        self._unsure = False  # an accident happened since the heads were known

    @property
    def writer(self) -> str | None:
        """The name of the chain this pen writes, None before the first transaction."""
        return next(reversed(self._heads), None)

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
            records = page.add(drafts, self._chain_of)
        self._written(records)
        return list(records)

    def _write_apart(self, drafts: Sequence[Prepared]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        with self._page(drafts) as page:
            for draft in drafts:
                try:
                    with page.connection.begin_nested():
                        outcomes += page.add([draft], self._chain_of)
                except tables.IntegrityError:
                    outcomes.append(self._why_not(page.connection, draft))
        self._written([outcome for outcome in outcomes if isinstance(outcome, Record)])
        return outcomes

    def _chain_of(self, draft: Prepared) -> str | None:
        """An ending goes where its question is; everything else, and what we know nothing of, to the newest."""
        place = self._open.get(draft.exchange or "") if draft.turn == 2 else None
        return place[0] if place else None

    def _why_not(self, connection: tables.Connection, draft: Prepared) -> AlreadyEnded | CannotRecord:
        records = tables.records
        ended = records.select().where(records.c.exchange == draft.exchange, records.c.turn == 2)
        if draft.turn == 2 and connection.execute(ended).first():
            self._open.pop(draft.exchange or "", None)
            return AlreadyEnded(draft.exchange)
        asked = records.select().where(records.c.exchange == draft.exchange, records.c.turn == 1)
        if draft.turn == 1 and connection.execute(asked).first():
            return CannotRecord("unlawful_record")  # asked before: a hang-up is told twice now and then
        self._unsure = True  # if it was not the draft but the head of the chain, the next page finds out
        return CannotRecord("unlawful_record")

    def renew(self) -> None:
        """Prolong the leases: a durable transaction that adds no record. Raises when there can be none."""
        self._renewed.clear()
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
        """Close as ``lost`` every open exchange of writers that are gone, at the end of their own chains; how many."""
        now, closed = self._clock(), 0
        with self._page() as page:
            living = leases.living(page.connection)
            self._watched = {seen.writer: self._watched.get(seen.writer, ("", 0.0)) for seen in living}
            for seen in living:
                if seen.writer in page.heads or not self._is_gone(seen, now):
                    continue
                lease = leases.seize(page.connection, seen)
                if lease and self._is_gone(lease, now):
                    closed += self._finish(page, lease.writer, lease.open_from, now)
        return closed

    def _is_gone(self, lease: leases.Lease, now: datetime) -> bool:
        """Dead for sure; or its time has run out, and it has stood still for a lease while we watched.

        Two clocks alone are not believed: one may have been set, and after a stall of the ledger the first to
        get through would declare all others gone. A silence as long as SILENCE needs no watching.
        """
        if leases.provably_dead(lease.process, self._here):
            return True
        until, since = self._watched.get(lease.writer, ("", 0.0))
        if until != lease.until:
            since = elapsed()
            self._watched[lease.writer] = lease.until, since
        stood_still = elapsed() - since >= self._lease_seconds
        return lease.until < moment(now if stood_still else now - SILENCE)

    def retire(self) -> None:
        """End our chains: what they left open becomes ``lost``, their leases end. The next note closes them."""
        if not (self._heads or self._unsure):
            return
        self.renew()  # after an accident this finds out what landed and was never sent: that is owed, not lost
        self.pay()
        now = self._clock()
        with self._page() as page:
            for writer, head in list(page.heads.items()):
                self._finish(page, writer, self._open_from(head), now)

    def _finish(self, page: Page, writer: str, open_from: int, now: datetime) -> int:
        left = _still_open(page.connection, writer, open_from)
        if left:
            page.heads.setdefault(writer, last_of(page.connection, writer))
            page.add(_lost(left, now), lambda _: writer)
        page.heads.pop(writer, None)
        leases.end(page.connection, writer, now)
        return len(left)

    # ── notes ────────────────────────────────────────────────────────────────────────────────────

    def propose(self, rest_seconds: float, clock: Clock | None = None) -> Note | None:
        """What the next note says of all chains, unless the last one says the same and is not yet old."""
        with self._page() as page:
            return heads.propose(page.connection, self._clock(), rest_seconds, clock)

    def enter(self, signed: str) -> bool:
        """Put a signed note into the ledger; False when another process was quicker."""
        try:
            with self._page() as page:
                return heads.enter(page.connection, signed)
        except tables.IntegrityError:
            return False  # quicker by so little that we had not seen it yet

    def propose_last(self, clock: Clock | None = None) -> Note | None:
        """As ``propose``, by a pen that has retired and holds no lease any more."""
        with self._store.transaction() as connection:
            return heads.propose(connection, self._clock(), 0.0, clock)

    def enter_last(self, signed: str) -> bool:
        """As ``enter``, by a pen that has retired."""
        try:
            with self._store.transaction() as connection:
                return heads.enter(connection, signed)
        except tables.IntegrityError:
            return False

    def close(self) -> None:
        """Close the ledger."""
        self._store.close()

    # ── the transaction ──────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _page(self, drafts: Sequence[Prepared] = ()) -> Iterator[Page]:
        """One durable transaction under valid leases, at the true ends of the chains."""
        try:
            with self._store.transaction() as connection:
                page = Page(connection, self._hold(connection))
                yield page
        except tables.IntegrityError:
            self._renewed.clear()
            raise  # a law was broken by a draft; the ledger is in order
        except BaseException:
            if self._store.in_doubt:
                self._doubtful += [draft.exchange for draft in drafts if draft.turn == 1 and draft.exchange]
            self._store.close()
            self._renewed.clear()
            self._unsure = True
            raise
        self._heads = page.heads

    def _hold(self, connection: tables.Connection) -> dict[str, Head]:
        """Renew the leases and find the heads; begin a new chain where there is none for this month."""
        now = self._clock()
        if self._unsure:
            self._settle(connection, now)
        held: dict[str, Head] = {}
        for writer, head in self._heads.items():
            if self._keep(connection, head, now):
                held[writer] = head
            else:
                self._forget(writer)  # we were declared gone, and what we had open was closed as lost
        newest = next(reversed(held), None)
        if newest is None or month_of_writer(newest) < month_of(now):
            head = self._begin(connection, now)
            held[head.writer] = head
        for writer in list(held)[:-1]:
            if not any(chain == writer for chain, _ in self._open.values()):
                leases.end(connection, writer, now)
                del held[writer]
        return held

    def _keep(self, connection: tables.Connection, head: Head, now: datetime) -> bool:
        """Hold a lease through this transaction, prolonging it when a third of it is over; False when it is lost."""
        renewed = self._renewed.get(head.writer)
        if renewed and renewed <= now < renewed + timedelta(seconds=self._lease_seconds / 3):
            return leases.is_held(connection, head.writer)
        self._renewed[head.writer] = now
        return leases.renew(connection, head.writer, self._open_from(head), now, self._lease_seconds)

    def _begin(self, connection: tables.Connection, now: datetime) -> Head:
        while leases.is_known(connection, name := writer_name(now)):
            pass
        self._store.place.make_month(connection, name)
        leases.take(connection, name, self._here, now, self._lease_seconds)
        return Head(name)

    def _forget(self, writer: str) -> None:
        self._open = {name: place for name, place in self._open.items() if place[0] != writer}

    def _settle(self, connection: tables.Connection, now: datetime) -> None:
        """After an accident: is this still our ledger, and did the last transaction land after all?

        Raises OSError when the ledger does not hold what this pen has written: some other one was put
        in its place, and going on there would hide the loss.
        """
        leases.lock(connection, self._heads)
        for writer, head in self._heads.items():
            if head.index and _hash_at(connection, head) != head.hash:
                raise OSError("the ledger no longer holds what was written to it")
            self._heads[writer] = last_of(connection, writer)
        for exchange, writer, index in _asked(connection, self._doubtful):
            self._heads.setdefault(writer, last_of(connection, writer))
            self._open[exchange] = (writer, index)
            self.owed.append(_never_sent(exchange, now))
        self._doubtful.clear()
        self._unsure = False

    def _open_from(self, head: Head) -> int:
        return next((idx for writer, idx in self._open.values() if writer == head.writer), head.index + 1)

    def _written(self, records: Sequence[Record]) -> None:
        for record in records:
            if record.exchange and record.kind == "asked":
                self._open[record.exchange] = (record.writer, record.index)
            elif record.exchange:
                self._open.pop(record.exchange, None)


def _hash_at(connection: tables.Connection, head: Head) -> str | None:
    records = tables.records
    found = records.select().where(records.c.writer == head.writer, records.c.idx == head.index)
    row = connection.execute(found).first()
    return row.hash if row else None


def _still_open(connection: tables.Connection, writer: str, open_from: int) -> list[str]:
    """The exchanges a writer asked, from an index on, that nobody has ended."""
    asked, ending = tables.records.alias("asked"), tables.records.alias("ending")
    ended = tables.exists().where(ending.c.exchange == asked.c.exchange, ending.c.turn == 2)
    found = tables.select(asked.c.exchange).where(
        asked.c.writer == writer, asked.c.idx >= open_from, asked.c.turn == 1, ~ended
    )
    return [str(row.exchange) for row in connection.execute(found.order_by(asked.c.idx))]


def _asked(connection: tables.Connection, exchanges: Sequence[str]) -> list[tuple[str, str, int]]:
    if not exchanges:
        return []
    records = tables.records
    found = records.select().where(records.c.exchange.in_(exchanges), records.c.turn == 1)
    rows = connection.execute(found.order_by(records.c.writer, records.c.idx))
    return [(row.exchange, row.writer, row.idx) for row in rows]


def _never_sent(exchange: str, at: datetime) -> Prepared:
    """The ending of an asked record whose waiter was told that it could not be written."""
    body = {"egress_state": "none", "reason": "ledger_unavailable"}
    return prepare(Draft("failed", exchange, body), at)


def _lost(exchanges: Sequence[str], at: datetime) -> list[Prepared]:
    """What left the building before the writer went, nobody can say."""
    body = {"egress_state": "unknown", "reason": "writer_gone"}
    return [prepare(Draft("lost", exchange, body), at) for exchange in exchanges]
