"""Counts what comes in and raises alerts: the sink of the follower `alerts`.

An alert is a record of the ledger before the position moves; what was counted moves with the position, or neither does.
So a process that dies in between raises the same alert again, with the same id, and none is lost.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from audit.address import Address
from audit.alerts.counting import Counted, counted
from audit.alerts.model import Alert, Hit, Key, Tally
from audit.alerts.rules import Seen, hits
from audit.alerts.thresholds import Thresholds
from audit.catalogue.finding import looking
from audit.catalogue.question import Question, Reach
from audit.following import Entry, questions
from audit.ledger import Ledger
from audit.model import ENDINGS
from audit.query import CANNOT_READ
from proxy.office.tallies import TallyBook

log = structlog.get_logger()

NAME = "alerts"
_MODELS = "A-07"


class Herald:
    """Makes alerts records of the ledger. What it has recorded it does not record again before it was `settled`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._cried: set[str] = set()

    async def cry(self, alerts: Sequence[Alert]) -> None:
        """Each alert is a record before this returns. Raises `CannotRecord`."""
        for alert in alerts:
            if alert.id not in self._cried:
                await self._ledger.append(alert.draft())
                self._cried.add(alert.id)
                log.warning("alert", rule=alert.rule.id, severity=alert.rule.severity, alert=alert.id)

    def settled(self) -> None:
        """What was counted is kept: nothing of it is raised again."""
        self._cried.clear()


class Counter:
    """Takes records and counts them. For one event loop."""

    def __init__(self, thresholds: Thresholds, ledger: Ledger, book: TallyBook) -> None:
        self._thresholds = thresholds
        self._ledger = ledger
        self._book = book
        self._herald = Herald(ledger)
        self._pending: Counted | None = None

    async def take(self, entries: Sequence[Entry]) -> None:
        found = await asyncio.to_thread(self._count, entries)
        await self._herald.cry(found.alerts)
        self._pending = found

    def settle(self, connection: Any) -> None:
        if self._pending is not None:
            self._book.keep(connection, self._pending)
            self._pending = None
            self._herald.settled()

    def _count(self, entries: Sequence[Entry]) -> Counted:
        found = [hit for seen in _seen(self._ledger.address, entries) for hit in hits(self._thresholds, seen)]
        tallies, known = self._book.standing(found)
        old = self._models_of_old(found, tallies, entries)
        now = counted(self._thresholds, found, tallies, known | old)
        return replace(
            now, tallies={**{key: Tally(1) for key, _ in old}, **now.tallies}, items=now.items | old
        )

    def _models_of_old(
        self, found: Sequence[Hit], tallies: Mapping[Key, Tally], entries: Sequence[Entry]
    ) -> set[tuple[Key, str]]:
        """Models that were asked for before there were alerts are not new; each is looked for once."""
        fresh = {hit.key for hit in found if hit.key.rule == _MODELS and hit.key not in tallies}
        if not fresh:
            return set()
        before = datetime.fromisoformat(min(entry.record.at for entry in entries))
        try:
            with looking(self._ledger.address) as look:
                asked = {
                    name for name, *_ in look.counts(Question(until=before), Reach.everything(), "model")
                }
        except CANNOT_READ as error:
            log.warning("models of before are not known", error=type(error).__name__)
            return set()
        return {(key, key.subject) for key in fresh if key.subject in asked and not key.drill}


def _seen(ledger: Address, entries: Sequence[Entry]) -> list[Seen]:
    """Each record with the question that it belongs to, whichever chain that lies in."""
    here = {entry.record.exchange: entry.record for entry in entries if entry.record.kind == "asked"}
    away = {
        str(entry.record.exchange)
        for entry in entries
        if entry.record.kind in ENDINGS and entry.record.exchange not in here
    }
    asked = here | questions(ledger, sorted(away))
    return [
        Seen(
            entry.record,
            entry.text,
            json.loads(question.body) if (question := asked.get(entry.record.exchange)) else None,
        )
        for entry in entries
    ]
