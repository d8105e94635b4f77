"""Looks by the clock whether what should happen does: are notes signed, is the ledger sound.

    every 10 s     one process of all has the turn (proxy/office/cursors.py, `alerts.clock`)
    every minute   how old the newest signed note is
    verification   what is newer than the last note that was found sound, every 10 minutes; once a day everything

Verification runs in a process of its own, at the lowest priority: an exchange never waits for it. It is `sekisho audit
verify`, the same as anybody runs by hand, and remembers the last sound note in HOME/verified.note.
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import structlog

from audit import notes
from audit.address import Address
from audit.alerts import rules
from audit.alerts.counting import Counted, counted
from audit.alerts.model import Hit
from audit.alerts.thresholds import Thresholds
from audit.following import heads_of
from audit.heads import last_note
from audit.months import JST
from audit.query import reading
from proxy.alerting.counter import Herald
from proxy.alerting.verifying import Found
from proxy.office.cursors import CursorBook, Lost
from proxy.office.tallies import TallyBook

log = structlog.get_logger()

NAME = "alerts.clock"
TURN = 10.0
"""Seconds between two signs that this process has the turn; less than a third of a lease."""
EVERY = 60.0
"""Seconds between two looks at the notes."""
SETTLING = 60.0
"""Seconds that a process has had the turn before it verifies anything: a start has enough to do."""


Verify = Callable[[bool], Coroutine[Any, Any, Found]]
"""(whole) → what was found; may be cancelled."""


class Watch:
    """Looks by the clock, in one process of all.

    verify      how the ledger is verified: ``await verify(whole)``
    note_every  seconds between two notes where nothing happens: twice as long is no silence yet
    now         the present moment
    """

    name = NAME

    def __init__(
        self,
        thresholds: Thresholds,
        ledger: Address,
        cursors: CursorBook,
        tallies: TallyBook,
        herald: Herald,
        verify: Verify,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        note_every: float = 60.0,
        turn: float = TURN,
        settling: float = SETTLING,
    ) -> None:
        self._thresholds = thresholds
        self._ledger = ledger
        self._cursors = cursors
        self._tallies = tallies
        self._herald = herald
        self._verify = verify
        self._now = now
        self._rest = timedelta(seconds=2 * note_every)
        self._turn = turn
        self._settling = settling
        self._holder = secrets.token_hex(8)
        self._since = now()
        self._checking: asyncio.Task[Found] | None = None
        self._whole = False
        self.trouble: str | None = None

    async def keep(self) -> NoReturn:
        """Look until cancelled; then another process may at once."""
        try:
            while True:
                try:
                    await self.step()
                    self.trouble = None
                except Exception as error:
                    trouble = type(error).__name__
                    if trouble != self.trouble:
                        log.error("the clock of the alerts does not go on", trouble=trouble)
                    self.trouble = trouble
                    with suppress(Exception):
                        await asyncio.to_thread(self._cursors.stumble, NAME, self._holder, trouble)
                await asyncio.sleep(self._turn)
        finally:
            self._give_up()
            with suppress(Exception):
                await asyncio.shield(asyncio.to_thread(self._cursors.leave, NAME, self._holder))

    async def step(self) -> None:
        """One turn. Raises whatever stands in the way."""
        standing = await asyncio.to_thread(self._cursors.take, NAME, self._holder)
        if standing is None:
            self._give_up()
            self._since = self._now()
            return
        seen = dict(standing.position or {})  # seconds since 1970
        now = self._now()
        found: list[Hit] = []
        if now.timestamp() - seen.get("notes", 0) >= EVERY:
            seen["notes"] = int(now.timestamp())
            found += await asyncio.to_thread(self._unsigned, now)
        if self._checking is not None and self._checking.done():
            found += self._verified(now)
            seen["checked"] = int(now.timestamp())
            seen |= {"whole": int(now.timestamp())} if self._whole else {}
        elif self._checking is None:
            self._begin_where_due(seen, now)
        if seen != standing.position:
            await self._keep(seen, found, now)

    async def _keep(self, seen: dict[str, int], found: list[Hit], now: datetime) -> None:
        counts = await asyncio.to_thread(self._count, found)
        await self._herald.cry(counts.alerts)
        with suppress(Lost):
            await asyncio.to_thread(self._settle, seen, counts, now)

    def _count(self, found: Iterable[Hit]) -> Counted:
        hits = list(found)
        return counted(self._thresholds, hits, *self._tallies.standing(hits))

    def _settle(self, seen: dict[str, int], counts: Counted, now: datetime) -> None:
        today = now.astimezone(JST).date()
        tidied = seen.get("tidied")
        seen["tidied"] = today.toordinal()
        with self._cursors.keeping(NAME, self._holder, seen) as connection:
            self._tallies.keep(connection, counts)
            if tidied != seen["tidied"]:
                self._tallies.tidy(connection, today)
        self._herald.settled()

    # ── notes ────────────────────────────────────────────────────────────────────────────────────

    def _unsigned(self, now: datetime) -> list[Hit]:
        """How long no note was signed, where there is anything to sign. Nobody signs while the house is closed: what was
        before this process had the turn does not count."""
        with reading(self._ledger) as connection:
            signed = last_note(connection)
            chains = [] if signed else sorted(heads_of(connection))
        if signed is None and not chains:
            return []
        last = datetime.fromisoformat(notes.read(signed).at) if signed else self._since
        silent = now - max(last, self._since)
        if silent <= self._rest:
            return []
        return list(rules.unsigned(self._thresholds, int(silent / timedelta(minutes=1)), now))

    # ── verification ─────────────────────────────────────────────────────────────────────────────

    def _begin_where_due(self, seen: dict[str, int], now: datetime) -> None:
        if (now - self._since).total_seconds() < self._settling:
            return
        terms = self._thresholds.verification
        last = datetime.fromtimestamp(seen["whole"], UTC) if "whole" in seen else None
        self._whole = terms.whole_due(last, now)
        if self._whole or now.timestamp() - seen.get("checked", 0) >= terms.every.total_seconds():
            self._checking = asyncio.create_task(self._verify(self._whole))

    def _verified(self, now: datetime) -> list[Hit]:
        """What the verification that has ended found."""
        assert self._checking is not None
        checking, self._checking = self._checking, None
        error = None if checking.cancelled() else checking.exception()
        if error is not None:
            log.error("the ledger could not be verified", error=type(error).__name__)
        found = Found(False) if checking.cancelled() or error else checking.result()
        if not found.done:
            return list(rules.unverified(self._thresholds, now))
        return list(rules.unsound(self._thresholds, found.fault, now)) if found.fault else []

    def _give_up(self) -> None:
        if self._checking is not None:
            self._checking.cancel()
            self._checking = None
