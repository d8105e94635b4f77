"""Carries out what a plan says: removes, and records in the same transaction what was removed.

    originals   keys and sealed originals, some hundred keys at a time            noted originals.erased
    texts       in a file some thousand rows at a time, in PostgreSQL by month    noted texts.erased
                (in a file also those of a big chain that goes: it goes at once, and must not take long)
    records     chains, or a month of them                                        noted records.purged
                1. a note is proposed that is the next one in all, and calls these chains purged
                2. it is signed, with no transaction open: a second owner may take a while
                3. one transaction enters the note, removes the chains and records that
    the end     the whole ledger is verified again                                noted purge.verified

Others go on writing all the while. Whatever changed since the plan was made (a hold, a chain) stops it, before
anything of that portion is removed. Stopped between 2 and 3, a second owner hands the note to the next who
asks for its number: then the chains are called purged and still there (verify says so), and the next purge
finishes.

It decides nothing (retention.py, holds.py) and knows no SQL of its own for removing (stores/shredder.py).
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from audit import clock, export, heads, notes, tables, verify
from audit.address import Address
from audit.catalogue.filling import forget_what_is_gone
from audit.certificate import verdict
from audit.holds import Body
from audit.months import month_of_writer
from audit.names import moment, now
from audit.page import Page, last_of
from audit.periods import Period
from audit.query import reading
from audit.remover import CHANGED, CannotPurge, Remover, demand_ended
from audit.retention import Plan
from audit.signing import CannotSign, Signer
from audit.stores import Place, place_of, shredder
from audit.survey import Chain, keeps, writers_of

SOME_KEYS = 500
SOME_TEXTS = 5_000
SOME_RECORDS = 20_000
SOME_KEPT = 5_000
"""In a file: so much goes in one transaction, for nobody else writes meanwhile. A chain is never parted. Of the
texts that are kept for holds so many are named in one record."""

_TRIES = 20
"""How often another process may be quicker with its note."""

_IN_ANY_CASE = -1e9
"""``rest_seconds`` of a note that is wanted even if the last one says the same."""

Check = Callable[[], verify.Report]


TROUBLE = (CannotPurge, CannotSign, OSError, ValueError, RuntimeError, tables.SQLAlchemyError)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done under the number of one certificate.

    told         the bodies of the records that say so
    log_emptied  False: a reader kept the file's log from being emptied; what was erased is still in it
    trouble      why it was stopped; None: everything was carried out
    """

    certificate: str
    told: tuple[Body, ...]
    log_emptied: bool
    trouble: Exception | None


def sound(ledger: Address, public_key: Path | None) -> verify.Report:
    """The verdict on the whole ledger, from what an outsider would get.

    Not from the file itself: whoever opens and closes it beside a connection of the same process drops that
    connection's locks (fcntl(2)), and the house may be this process.
    """
    with reading(ledger) as connection:
        return verify.verify_lines(export.lines(connection, texts=True), public_key)


def carry_out(
    plan: Plan,
    ledger: Address,
    signer: Signer | None,
    *,
    by: str,
    check: Check,
    clock_now: Callable[[], datetime] = now,
) -> Outcome:
    """Do it. Raises CannotPurge before anything was removed; afterwards, the outcome tells of trouble.

    signer   who signs notes; None: no chain is removed
    by       who has it done
    check    verifies the ledger: before and after
    """
    before = check()
    _demand_sound(before)
    place = place_of(ledger)
    pen = Remover(place, clock_now, plan.holds)
    work = _Work(plan, place, pen, by, f"P{plan.today:%Y%m%d}-{secrets.token_hex(3)}")
    trouble, log_emptied = None, False
    try:
        try:
            if plan.unfinished:
                work.finish()
            work.originals()
            work.texts()
            work.records(signer)
        except TROUBLE as error:
            trouble = error
        log_emptied = pen.wipe()
        pen.close()  # whoever checks opens the ledger anew, as an outsider would
        forget_what_is_gone(ledger)
        if pen.told:
            work.tell_verdicts(before, check(), log_emptied)
        work.leave(signer)
    except TROUBLE as error:
        trouble = trouble or error
    finally:
        pen.close()
    return Outcome(work.certificate, tuple(pen.told), log_emptied, trouble)


class _Work:
    """One purge in progress."""

    def __init__(self, plan: Plan, place: Place, pen: Remover, by: str, certificate: str) -> None:
        self.certificate = certificate
        self._plan = plan
        self._place = place
        self._pen = pen
        self._by = by

    # ── originals ────────────────────────────────────────────────────────────────────────────────

    def originals(self) -> None:
        keys = self._plan.originals.keys
        for position in range(0, len(keys), SOME_KEYS):
            some = keys[position : position + SOME_KEYS]
            self._pen.patiently(self._erase_originals, some)

    def _erase_originals(self, ids: Sequence[str]) -> None:
        kept = tables.originals
        with self._pen.transaction() as page:
            gone = page.connection.execute(kept.delete().where(kept.c.key_id.in_(ids))).rowcount
            shredder.erase_keys(page.connection, ids)
            body = {"keys": len(ids), "originals": gone, "held": self._plan.originals.held}
            self._tell(page, "originals.erased", {**body, "until": moment(self._plan.at)})

    # ── texts ────────────────────────────────────────────────────────────────────────────────────

    def texts(self) -> None:
        if self._plan.months:
            for month in self._plan.portions(self._plan.texts):
                self._pen.patiently(self._drop_texts, month)
            return
        left: list[Chain] = list(self._plan.texts)
        while left:
            left = self._pen.patiently(self._erase_texts, left)

    def _erase_texts(self, chains: Sequence[Chain]) -> list[Chain]:
        """As many as go into one transaction; the chains that still have some."""
        left, gone, room = list(chains), dict[str, int](), SOME_TEXTS
        with self._pen.transaction() as page:
            while left and room:
                writer = left[0].writer
                some = self._some_texts(page.connection, writer, room)
                shredder.permit(page.connection, [writer], "texts", moment(self._pen.now))
                shredder.erase_texts(page.connection, writer, some)
                if some:
                    gone[writer] = len(some)
                if len(some) < room:
                    left.pop(0)
                room -= len(some)
            self._tell_texts(page, chains, gone, self._kept_texts(page.connection, gone))
        return left

    def _some_texts(self, connection: tables.Connection, writer: str, most: int) -> list[int]:
        texts = tables.texts
        found = tables.select(texts.c.idx).where(texts.c.writer == writer)
        if keep := keeps(self._plan.in_force, writer, writer):
            found = found.where(~keep(texts))
        return [row.idx for row in connection.execute(found.order_by(texts.c.idx).limit(most))]

    def _drop_texts(self, chains: Sequence[Chain]) -> None:
        texts, month = tables.texts, month_of_writer(chains[0].writer)
        first, last = month.first_writer, month.next().first_writer
        with self._pen.transaction() as page:
            demand_ended(page.connection, first, last)  # nobody adds to them, so they are counted in peace
            counted = tables.select(texts.c.writer, tables.func.count()).where(
                texts.c.writer.between(first, last)
            )
            if keep := keeps(self._plan.in_force, first, last):
                counted = counted.where(~keep(texts))
            rows = page.connection.execute(counted.group_by(texts.c.writer))
            gone = {writer: int(count) for writer, count in rows}
            kept = self._kept_texts(page.connection, gone)
            self._pen.lock(page)
            demand_ended(page.connection, first, last)
            shredder.permit(page.connection, gone, "texts", moment(self._pen.now))
            shredder.drop_texts(page.connection, self._place, [chain.writer for chain in chains], keep)
            self._tell_texts(page, chains, gone, kept)

    def _tell_texts(
        self, page: Page, chains: Sequence[Chain], gone: dict[str, int], kept: dict[str, list[int]]
    ) -> None:
        """How many of each chain, and which a hold kept: the verifier lets no more be missing, and none of these."""
        if not gone:
            return
        spans = {
            chain.writer: chain.stated() | {"held": chain.texts_held}
            for chain in chains
            if chain.writer in gone
        }
        held = sum(span["held"] for span in spans.values())
        rule = self._rule(self._plan.periods.texts)
        body = {**rule, "chains": gone, "held": held, "spans": spans, "kept": kept}
        self._tell(page, "texts.erased", body)

    def _kept_texts(self, connection: tables.Connection, gone: dict[str, int]) -> dict[str, list[int]]:
        """The held texts of these chains: SOME_KEPT at most, for they stand in one record."""
        kept, room, texts = dict[str, list[int]](), SOME_KEPT, tables.texts
        for writer in gone:
            if (keep := keeps(self._plan.in_force, writer, writer)) and room:
                found = tables.select(texts.c.idx).where(texts.c.writer == writer, keep(texts))
                rows = connection.execute(found.order_by(texts.c.idx).limit(room))
                if some := [row.idx for row in rows]:
                    kept[writer] = some
                    room -= len(some)
        return kept

    # ── records ──────────────────────────────────────────────────────────────────────────────────

    def finish(self) -> None:
        """What a note in the ledger calls purged already."""
        for portion in self._plan.portions(self._plan.unfinished):
            self._pen.patiently(self._remove, portion, None)

    def records(self, signer: Signer | None) -> None:
        if self._plan.records and signer is None:
            raise CannotPurge(
                "署名の鍵がないため、記録は消していません"
                " / The records were not removed: there is no key to sign their removal with"
            )
        for portion in self._portions():
            assert signer is not None
            self._purge(portion, signer)

    def _portions(self) -> Iterator[list[Chain]]:
        """In a file, small chains go together under one note."""
        portion: list[Chain] = []
        for group in self._plan.portions(self._plan.records):
            if portion and (
                self._plan.months or sum(chain.records for chain in (*portion, *group)) > SOME_RECORDS
            ):
                yield portion
                portion = []
            portion += group
        if portion:
            yield portion

    def _purge(self, chains: Sequence[Chain], signer: Signer) -> None:
        for _ in range(_TRIES):
            note = self._pen.patiently(self._propose, chains)
            signed = signer.sign(note)
            if not signed.startswith(note.text() + "\n"):
                self._pen.patiently(self._enter, signed)
                if any(head.state == "purged" for head in notes.read(signed).heads):
                    raise CannotPurge(CHANGED)  # of a purge that was stopped: the next plan finishes it
            elif self._pen.patiently(self._remove, chains, signed):
                return
        raise CannotPurge(
            "ほかの書き手の控えが先に入り続けたため、やめました / others were quicker with their notes each time"
        )

    def _propose(self, chains: Sequence[Chain]) -> notes.Note:
        """The next note, with these chains as purged. The lock is tried before anybody signs for it."""
        with self._pen.transaction(lock=True) as page:
            self._demand_intact(page.connection, chains)
            note = heads.propose(page.connection, self._pen.now, _IN_ANY_CASE, clock.state())
            assert note is not None  # a note has closed these chains, so there is one to follow
            return replace(note, heads=(*note.heads, *(chain.purged for chain in chains)))

    def _enter(self, signed: str) -> None:
        """A note that a second owner had signed before: there will be no other of its number."""
        with self._pen.transaction() as page:
            heads.enter(page.connection, signed)

    def _remove(self, chains: Sequence[Chain], signed: str | None) -> bool:
        """Enter the note and remove the chains; False when another note has taken its place.

        Without a note: one in the ledger has called them purged already.
        """
        writers = [chain.writer for chain in chains]
        with self._pen.transaction(lock=True) as page:
            connection = page.connection
            self._demand_intact(connection, chains)
            if signed and not (heads.enter(connection, signed) or _is_there(connection, signed)):
                return False
            for what in ("texts", "records"):
                shredder.permit(connection, writers, what, moment(self._pen.now))
            if self._plan.months:
                shredder.drop_month(connection, writers)
            else:
                shredder.remove_chains(connection, writers)
            body = self._rule(self._plan.periods.records)
            body["note"] = notes.read(signed).number if signed else max(chain.note for chain in chains)
            body["chains"] = {chain.writer: chain.stated() | {"texts": chain.texts} for chain in chains}
            self._tell(page, "records.purged", body)
        return True

    def _demand_intact(self, connection: tables.Connection, chains: Sequence[Chain]) -> None:
        """Raise CannotPurge unless the chains are what they were when the plan was made, and nobody writes them."""
        for chain in chains:
            head = last_of(connection, chain.writer)
            if (head.index, head.hash) != (chain.records, chain.last_hash):
                raise CannotPurge(CHANGED)
            demand_ended(connection, chain.writer, chain.writer)
        if self._plan.months:
            month = month_of_writer(chains[0].writer)
            demand_ended(connection, month.first_writer, month.next().first_writer)
            if writers_of(connection, month) != sorted(chain.writer for chain in chains):
                raise CannotPurge(CHANGED)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────

    def tell_verdicts(self, before: verify.Report, after: verify.Report, log_emptied: bool) -> None:
        said = {"before": verdict(before), "after": verdict(after), "log_emptied": log_emptied}
        with self._pen.transaction() as page:
            self._tell(page, "purge.verified", said)

    def leave(self, signer: Signer | None) -> None:
        """End our chain, and sign over what we told; where others are quicker each time, theirs covers it."""
        self._pen.retire()
        for _ in range(_TRIES if signer else 0):
            note = self._pen.propose_last(clock.state())
            try:
                if note is None or signer is None or self._pen.enter_last(signer.sign(note)):
                    return
            except tables.IntegrityError:
                continue  # in the same moment

    def _tell(self, page: Page, event: str, body: Body) -> None:
        head = {"event": event, "by": self._by, "certificate": self.certificate}
        holds = {"holds": [hold.id for hold in self._plan.in_force], "held_in_all": self._plan.held.stated()}
        self._pen.tell(page, {**head, **body, **holds})

    def _rule(self, period: Period) -> Body:
        return {"period": str(period), "until": period.newest_due(self._plan.today).isoformat()}


def _demand_sound(report: verify.Report) -> None:
    """Nothing is removed from a ledger in which something is wrong."""
    if not report.ok:
        raise CannotPurge(
            "台帳の検証が通らないため、消していません。sekisho audit verify で確かめてください"
            " / Nothing was removed, because the ledger is not sound: see sekisho audit verify"
        )


def _is_there(connection: tables.Connection, signed: str) -> bool:
    """Whether this very note is in the ledger: a second owner may have handed it to another process."""
    number = notes.read(signed).number
    found = tables.select(tables.notes.c.note).where(tables.notes.c.number == number)
    return connection.execute(found).scalar() == signed
