"""How urgent one record is, alone: what syslog and CEF want a number for. Pure.

asked, endings   as the exchange would be, by what this record says (audit.catalogue.severity)
viewed           low         noted   low, but for what somebody should look at
"""

from collections.abc import Mapping
from typing import Any

from audit.catalogue.severity import Severity, severity_of
from audit.model import Record

URGENT = frozenset({"clock.stepped", "house.stopped", "ledger.restored", "office.refused", "glass.allowed"})
"""Notes that are high; so is every alert."""


def urgency_of(record: Record, body: Mapping[str, Any]) -> Severity:
    """``body`` is the record's own, read."""
    match record.kind:
        case "viewed":
            return "low"
        case "noted":
            event = str(body.get("event"))
            return "high" if event in URGENT or event.startswith("alert.") else "low"
        case "asked":
            return severity_of(body, None)
        case _:
            return severity_of({}, body)
