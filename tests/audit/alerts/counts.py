"""What the tests of alerts share: records as the desk writes them, and a book of tallies in memory."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from audit.alerts.counting import counted
from audit.alerts.model import Alert, Hit, Key, Tally
from audit.alerts.rules import Seen, hits
from audit.alerts.thresholds import Thresholds
from audit.model import Kind, Record
from audit.names import moment
from proxy.alerting.terms import parse
from tests.audit.ledgers import asked as asked_body

NOON = datetime.fromisoformat("2026-11-24T12:00:00+09:00")
"""A Tuesday, and no holiday."""


def thresholds(yaml: str | None = None) -> Thresholds:
    """What ships, or as a city's file changes it."""
    return parse(yaml, "city.yaml").thresholds


@dataclass
class Days:
    """Makes records, a second apart unless they are told otherwise."""

    at: datetime = NOON
    number: int = 0
    asked_of: dict[str, dict[str, Any]] = field(default_factory=dict)

    def asked(
        self, text: str | None = None, *, person: str = "100123", after: float = 1, **more: Any
    ) -> Seen:
        body = asked_body(person) | more
        caller = more.pop("caller", {})
        body["caller"] = asked_body(person)["caller"] | {"actor": "staff"} | caller
        seen = self._seen("asked", body, f"x-{self.number}", after, text)
        self.asked_of[str(seen.record.exchange)] = body
        return replace(seen, asked=body)

    def ended(
        self, kind: Kind, *, after: float = 1, asked: dict[str, Any] | None = None, **body: Any
    ) -> Seen:
        """The ending of an exchange; ``asked`` changes what is known of its question."""
        question = asked_body("100123") | (asked or {})
        return replace(
            self._seen(kind, {"egress_state": "masked"} | body, f"x-{self.number}", after), asked=question
        )

    def noted(self, event: str, *, after: float = 1, **body: Any) -> Seen:
        return self._seen("noted", {"event": event, "by": "900001"} | body, None, after)

    def viewed(self, what: str, *, person: str = "900002", after: float = 1, **body: Any) -> Seen:
        said = {"what": what, "filters": {}, "rows": 1, "person": person, "reason": "点検"}
        return self._seen("viewed", said | body, None, after)

    def _seen(
        self, kind: Kind, body: dict[str, Any], exchange: str | None, after: float, text: str | None = None
    ) -> Seen:
        self.at += timedelta(seconds=after)
        self.number += 1
        told = json.dumps(body, ensure_ascii=False)
        return Seen(
            Record("w1", self.number, moment(self.at), kind, exchange, told, None, "h" * 64), text, None
        )


@dataclass
class Book:
    """Tallies in memory, kept look by look."""

    thresholds: Thresholds
    tallies: dict[Key, Tally] = field(default_factory=dict)
    items: set[tuple[Key, str]] = field(default_factory=set)
    alerts: list[Alert] = field(default_factory=list)

    def look(self, seen: Iterable[Seen]) -> list[Alert]:
        """Count one look; the alerts of it."""
        return self.count(hit for one in seen for hit in hits(self.thresholds, one))

    def count(self, some: Iterable[Hit]) -> list[Alert]:
        found = counted(self.thresholds, some, self.tallies, self.items)
        self.tallies |= found.tallies
        self.items |= found.items
        self.alerts += found.alerts
        return list(found.alerts)


def raised(seen: Iterable[Seen], yaml: str | None = None) -> list[str]:
    """The rules of the alerts that these records raise, read at once."""
    return [alert.rule.id for alert in Book(thresholds(yaml)).look(seen)]


def parts(whole: list[Seen], cuts: Iterable[int]) -> Iterator[list[Seen]]:
    """The same records in several looks."""
    begin = 0
    for cut in [*sorted(min(cut, len(whole)) for cut in cuts), len(whole)]:
        yield whole[begin:cut]
        begin = cut
