"""The ledger: the only writer of records. It answers only when a record is durable.

    ledger = Ledger("var/ledger.sqlite", Path("var/signing.pem"))
    ledger.start()
    async with ledger.exchange(asked, masked_question) as entry:      # no record, no call
        entry.egress = "masked"
        entry.text = await ask(...)
    ledger.stop()

It never reads for people (query.py) and never changes or removes a record.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from audit import names
from audit.address import Address, address_of
from audit.draft import Prepared, prepare
from audit.entry import Exchange
from audit.model import CannotRecord, Draft, Record
from audit.notary import Notary
from audit.originals import Sealed
from audit.pen import Pen
from audit.scribe import Job, Rhythm, Scribe, Work
from audit.signing import KeyFile, Signer
from audit.store import Store
from audit.stores import place_of

_PATIENCE = 10.0
"""How long ``start`` waits for the first look into the ledger, in seconds."""

_LAST_PATIENCE = 60.0
"""How long ``stop`` waits for the last records and the last note, in seconds."""


class Watch(Protocol):
    """Sees what a ledger is handed; must not raise and must not wait."""

    def seen(self, draft: Draft) -> None:
        """It was handed in, from whichever thread; it is not durable yet."""

    def unrecorded(self) -> None:
        """A record of an exchange could not be written."""


class Ledger:
    """One writing process's door to the ledger, with its own chain, lease and thread.

    ledger          path, ``sqlite:///`` or ``postgresql://`` URL; made by the first transaction where there is none
    signer          who signs notes, or the path of an Ed25519 private key in PEM; None: no notes are written
    given           called with every note that was signed and entered, from the writing thread
    troubled        called when a note could not be signed or entered, once until one could again
    lease_seconds   how long this writer is believed to live without a sign; also how often it sweeps
    note_seconds    at rest, a note is signed so often
    settle_seconds  after the last new record, a note is signed so soon
    clock           the present moment, with its time zone
    create          False: only an existing ledger is opened
    sweeping        False: never close what other writers left open, unless asked to
    watch           sees what is handed in
    """

    def __init__(
        self,
        ledger: str | Path | Address,
        signer: Signer | Path | str | None = None,
        *,
        lease_seconds: float = 10.0,
        note_seconds: float = 60.0,
        settle_seconds: float = 1.0,
        clock: Callable[[], datetime] = names.now,
        create: bool = True,
        sweeping: bool = True,
        given: Callable[[str], None] | None = None,
        troubled: Callable[[Exception], None] | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.address = address_of(ledger)
        self._signer = signer
        self._rhythm = Rhythm(lease_seconds, note_seconds, settle_seconds)
        self._clock = clock
        self._given = given or (lambda signed: None)
        self._troubled = troubled or (lambda trouble: None)
        self._create = create
        self._sweeping = sweeping
        self._watch = watch
        self._pen: Pen | None = None
        self._scribe: Scribe | None = None

    def start(self) -> None:
        """Start writing. A ledger that cannot be opened is tried again at every append.

        Raises OSError or ValueError only for a signing key that cannot be used.
        """
        if self._scribe is not None:
            return
        signer = KeyFile.load(Path(self._signer)) if isinstance(self._signer, str | Path) else self._signer
        store = Store(place_of(self.address), create=self._create)
        pen = self._pen = Pen(store, self._clock, self._rhythm.lease)

        def notary_of(ring: Callable[[], None]) -> Notary:
            assert signer is not None
            return Notary(pen, signer, self._rhythm.note, self._clock, ring, self._given)

        self._scribe = Scribe(
            pen, notary_of if signer else None, self._rhythm, self._troubled, sweeping=self._sweeping
        )
        self._scribe.start(_PATIENCE)

    def stop(self) -> None:
        """Write what waits, close the chain, sign the last note. Blocks until that is done."""
        scribe, self._scribe = self._scribe, None
        if scribe is not None:
            scribe.stop(_LAST_PATIENCE)

    @property
    def writer(self) -> str | None:
        """The name of this process's chain; None before the ledger was first opened."""
        return self._pen.writer if self._pen else None

    @property
    def note_trouble(self) -> Exception | None:
        """Why the last note could not be signed; None while notes go well."""
        return self._scribe.note_trouble if self._scribe else None

    # ── recording ────────────────────────────────────────────────────────────────────────────────

    async def append(self, draft: Draft) -> Record:
        """Record; returns when it is durable. A cancelled wait leaves the record to land or not.

        Raises CannotRecord, AlreadyEnded for a second ending, and TypeError or ValueError for a draft
        that is not one.
        """
        record: Record = await self._promise(self._prepared(draft))
        return record

    def append_now(self, draft: Draft) -> Record:
        """``append`` for callers without an event loop."""
        record: Record = self._wait(self._prepared(draft))
        return record

    def exchange(
        self,
        asked: Mapping[str, Any],
        text: str | None = None,
        *,
        exchange: str | None = None,
        sealed: Sealed | None = None,
    ) -> Exchange:
        """One exchange: its ``asked`` on entering, exactly one ending on leaving (entry.py).

        asked     the body of the asked record
        text      the masked question
        exchange  its id; made here when None
        sealed    what the placeholders of the masked question stand for, where the policy keeps it
        """
        name = exchange or names.exchange_id(self._clock())
        return Exchange(self._submit_draft, Draft("asked", name, asked, text, sealed))

    async def probe(self) -> None:
        """Return when a durable transaction has just been possible; adds no record. Raises CannotRecord."""
        await self._promise(self._running_pen().renew)

    async def sweep(self) -> int:
        """Close as ``lost`` what writers that are gone left open; how many. Raises CannotRecord."""
        closed: int = await self._promise(self._running_pen().sweep)
        return closed

    def sweep_now(self) -> int:
        """``sweep`` for callers without an event loop."""
        closed: int = self._wait(self._running_pen().sweep)
        return closed

    # ── the way to the thread ────────────────────────────────────────────────────────────────────

    def _prepared(self, draft: Draft) -> Prepared:
        prepared = prepare(draft, self._clock())
        if self._watch is not None:
            self._watch.seen(draft)
        return prepared

    def _submit_draft(self, draft: Draft, owed: bool) -> "asyncio.Future[Any]":
        promised = self._promise(self._prepared(draft), owed=owed)
        if self._watch is not None:
            promised.add_done_callback(self._look_at)
        return promised

    def _look_at(self, promised: "asyncio.Future[Any]") -> None:
        if not promised.cancelled() and isinstance(promised.exception(), CannotRecord):
            assert self._watch is not None
            self._watch.unrecorded()

    def _promise(self, work: Work, *, owed: bool = False) -> "asyncio.Future[Any]":
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Any] = loop.create_future()
        self._running().submit(Job(work, waiter, loop, owed))
        return waiter

    def _wait(self, work: Work) -> Any:
        waiter: Future[Any] = Future()
        self._running().submit(Job(work, waiter, None))
        return waiter.result()

    def _running(self) -> Scribe:
        if self._scribe is None:
            raise CannotRecord("ledger_stopped")
        return self._scribe

    def _running_pen(self) -> Pen:
        self._running()
        assert self._pen is not None
        return self._pen
