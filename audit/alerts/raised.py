"""The alerts there were, and who has taken them on: read from the ledger's records alone. Pure.

    alert.raised ──acknowledged by a reviewer, with an incident's number or a reason──▶ taken on

An alert that was recorded twice (the process died in between) is one, by its id; the first record counts. Of several
acknowledgements the first counts, too.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from audit import wording
from audit.alerts.model import ACKNOWLEDGED, RAISED, SEVERITIES, Severity
from audit.model import Draft, Record
from audit.names import moment
from audit.readers import Reader

EVENTS = "alert.*"
State = Literal["open", "acknowledged"]


class NotAcknowledged(ValueError):
    """`ja` and `en` say what is in the way."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(f"{ja} / {en}")
        self.ja, self.en = ja, en


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert as the ledger has it. ``body`` is that of its record; ``place`` where that lies."""

    id: str
    raised_at: datetime
    body: Mapping[str, Any]
    place: str
    acknowledged_by: str | None = None
    acknowledged_role: str | None = None
    acknowledged_at: datetime | None = None
    incident: str | None = None
    reason: str | None = None

    @property
    def state(self) -> State:
        return "open" if self.acknowledged_at is None else "acknowledged"

    @property
    def severity(self) -> int:
        """A place in `SEVERITIES`."""
        return SEVERITIES.index(self.body["severity"])

    @property
    def is_drill(self) -> bool:
        return bool(self.body.get("is_drill"))

    def fits(
        self, state: str, severity: Severity | None = None, rule: str | None = None, drills: bool = False
    ) -> bool:
        """Whether it is among those that are asked for: of a state or of ``all``, this urgent or more, of this rule.
        Drills are kept apart: either they are asked for, or the rest."""
        urgent = severity is None or self.severity >= SEVERITIES.index(severity)
        ruled = rule in (None, self.body["rule"])
        return self.is_drill is drills and state in ("all", self.state) and urgent and ruled

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        told = {name: value for name, value in self.body.items() if name not in ("event", "by")}
        at = self.acknowledged_at
        return told | {
            "raised_at": moment(self.raised_at),
            "state": self.state,
            "acknowledged_by": self.acknowledged_by,
            "acknowledged_role": self.acknowledged_role,
            "acknowledged_at": moment(at) if at else None,
            "incident": self.incident,
            "reason": self.reason,
        }


def alerts_of(records: Iterable[Record]) -> dict[str, Raised]:
    """Every alert there was, oldest first, from the records that speak of it, in any order."""
    alerts: dict[str, Raised] = {}
    taken: list[tuple[Record, dict[str, Any]]] = []
    for record in sorted(records, key=lambda one: (one.at, one.writer, one.index)):
        body = json.loads(record.body)
        if body.get("event") == RAISED and body["alert"] not in alerts:
            at = datetime.fromisoformat(record.at)
            alerts[body["alert"]] = Raised(body["alert"], at, body, f"{record.writer}/{record.index}")
        elif body.get("event") == ACKNOWLEDGED:
            taken.append((record, body))
    for record, body in taken:
        alert = alerts.get(body["alert"])
        if alert is not None and alert.acknowledged_at is None:
            alerts[alert.id] = replace(
                alert,
                acknowledged_by=body["by"],
                acknowledged_role=body["role"],
                acknowledged_at=datetime.fromisoformat(record.at),
                incident=body.get("incident"),
                reason=body.get("reason"),
            )
    return alerts


def urgent_first(alerts: Iterable[Raised]) -> list[Raised]:
    """What nobody has taken on first; of those the most urgent, and within it the newest first."""
    return sorted(
        alerts, key=lambda one: (one.state == "open", one.severity, one.raised_at, one.id), reverse=True
    )


def acknowledged(reader: Reader, alert: Raised, incident: str | None, reason: str | None) -> Draft:
    """The record that a reviewer takes an alert on: for an incident, or with the reason why none is opened.

    Raises `NotForThem`, `BadWording`, `NotAcknowledged`.
    """
    reader.demand("dispose")
    if alert.body.get("subject") == reader.person:
        raise NotAcknowledged(
            "自分についての警報は引き受けられません。別の審査者に頼んでください。",
            "Nobody takes on an alert about themselves: have another reviewer do it.",
        )
    if alert.state != "open":
        raise NotAcknowledged(
            "この警報は、もう引き受けられています。", "Somebody has taken this alert on already."
        )
    if incident is None and not (reason or "").strip():
        raise NotAcknowledged(
            "事案番号か理由のどちらかを書いてください。", "Give the number of an incident, or a reason."
        )
    body: dict[str, Any] = {
        "event": ACKNOWLEDGED,
        "by": reader.person,
        "role": reader.role,
        "alert": alert.id,
        "rule": alert.body["rule"],
        "incident": wording.incident(incident) if incident is not None else None,
        "reason": wording.reason(reason) if reason is not None else None,
        "is_drill": alert.is_drill,
    }
    return Draft("noted", None, body)
