"""Incidents for tests: steps taken one after another, and the records that they leave."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from audit.incidents import steps
from audit.incidents.history import incidents_of
from audit.incidents.items import ITEMS
from audit.incidents.model import Incident
from audit.incidents.steps import Evidence
from audit.model import Draft, Record
from audit.names import moment
from audit.readers import reader_of

NOW = datetime(2026, 11, 28, 1, 0, tzinfo=UTC)
CSIRT = reader_of("100001", "csirt_reviewer", "総務部", "IT課")
OTHER = reader_of("100004", "csirt_reviewer", "総務部", "IT課")
CIO = reader_of("100002", "cio_advisor", "", "")
BOARD = reader_of("100003", "governance_board", "", "")
WHY = "申立てがあった"


@dataclass
class Play:
    """An incident that is played: each step a minute after the one before, and its record kept."""

    now: datetime = NOW
    records: list[Record] = field(default_factory=list)

    def keep(self, drafts: Draft | Iterable[Draft]) -> None:
        for draft in [drafts] if isinstance(drafts, Draft) else drafts:
            place = len(self.records) + 1
            body = json.dumps(dict(draft.body))
            self.records.append(Record("w", place, moment(self.now), draft.kind, None, body, None, ""))
            self.now += timedelta(minutes=1)

    def opened(self, **more: Any) -> "Play":
        given: dict[str, Any] = {"kind": "leak", "title": "誤送信のおそれ", "now": self.now} | more
        self.keep(steps.opened(CSIRT, **given))
        return self

    def does(self, step: Callable[..., Draft], *given: Any, by: Any = CSIRT, **more: Any) -> "Play":
        self.keep(step(by, self.incident, *given, **more))
        return self

    def filled(self, *names: Any) -> "Play":
        for name in names or ITEMS:
            self.does(steps.item, name, f"{name} について書いた")
        return self

    @property
    def incident(self) -> Incident:
        (incident,) = incidents_of(self.records).values()
        return incident

    @property
    def last(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.records[-1].body)
        return body


def exchange(number: int, subject: str = "012345", drill: str | None = None) -> Evidence:
    return Evidence(f"01X{number:04}", None, subject, None, drill)
