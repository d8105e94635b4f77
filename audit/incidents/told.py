"""What readers are told of an incident, as JSON values: the same at the terminal and over HTTP. Pure.

Who sees no exchanges is told of an incident without anybody's id: neither whose exchanges it is of, nor which they are,
nor who of the staff took which step, but in which role. Who decided is told to everybody who sees the incident.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from audit.incidents.clock import Hand
from audit.incidents.estimate import Estimate
from audit.incidents.items import ITEM_WORDS, ITEMS
from audit.incidents.judgement import ASKED, QUESTIONS
from audit.incidents.model import KIND_WORDS, LEVEL_WORDS, STATE_WORDS, Entry, Incident
from audit.names import moment

_IDS = frozenset({"exchange", "alert", "subject", "rule"})


def summary_told(incident: Incident, hands: tuple[Hand, ...]) -> dict[str, Any]:
    """One line of a list. ``next``: the deadline that comes first of those that are not met; ``late``: how many are late."""
    due = [one for one in hands if one.state in ("running", "late")]
    coming = min(due, key=lambda one: one.deadline.last) if due else None
    return {
        "incident": incident.id,
        "kind": incident.kind,
        "kind_name": KIND_WORDS[incident.kind],
        "title": incident.title,
        "state": incident.state,
        "state_name": STATE_WORDS[incident.state],
        "level": incident.level,
        "level_name": LEVEL_WORDS[incident.level],
        "is_drill": incident.is_drill,
        "drill": incident.drill,
        "known_at": moment(incident.known_at),
        "opened_at": moment(incident.opened_at),
        "contained_at": _moment(incident.contained_at),
        "closed_at": _moment(incident.closed_at),
        "disposition": incident.disposition,
        "exchanges": len(incident.exchanges),
        "next": coming.plain() if coming else None,
        "late": sum(one.state == "late" for one in hands),
    }


def incident_told(
    incident: Incident, hands: tuple[Hand, ...], estimate: Estimate, *, whole: bool
) -> dict[str, Any]:
    """All of it. ``whole``: with the ids of persons and exchanges."""
    decision = incident.decision
    told = summary_told(incident, hands) | {
        "opened_by": incident.opened_by if whole else None,
        "opened_role": incident.opened_role,
        "clock": [one.plain() for one in hands],
        "items": [_item_told(incident, name, whole) for name in ITEMS],
        "judgement": {
            "questions": [_question_told(incident, name, whole) for name in QUESTIONS],
            "points_to": incident.pointed.plain(),
            "decision": decision.plain() if decision else None,
            "decisions": [one.plain() for one in incident.decisions],
        },
        "reports": [
            {
                "report": one.report,
                "reported_at": moment(one.reported_at),
                "reference": one.reference,
                "by": one.by if whole else None,
                "role": one.role,
            }
            for one in sorted(incident.reports, key=lambda one: one.reported_at)
        ],
        "estimate": estimate.plain(),
        "timeline": [_entry_told(one, whole) for one in incident.entries],
    }
    return told | ({"links": [link.plain() for link in incident.links.values()]} if whole else {})


def _item_told(incident: Incident, name: Any, whole: bool) -> dict[str, Any]:
    versions = incident.items.get(name, ())
    told = [
        {"text": one.text, "by": one.by if whole else None, "role": one.role, "at": moment(one.at)}
        for one in versions
    ]
    return {
        "item": name,
        "name": ITEM_WORDS[name],
        "text": versions[-1].text if versions else None,
        "versions": told,
    }


def _question_told(incident: Incident, name: Any, whole: bool) -> dict[str, Any]:
    asked, given = ASKED[name], incident.answers.get(name, ())
    told = [answer.plain() | ({} if whole else {"by": None}) for answer in given]
    return {
        "question": name,
        "name": asked.short,
        "asks": asked.ja,
        "law": asked.law,
        "value": given[-1].value if given else "unknown",
        "reason": given[-1].reason if given else None,
        "answers": told,
    }


def _entry_told(entry: Entry, whole: bool) -> dict[str, Any]:
    facts: Mapping[str, Any] = entry.facts
    if not whole:
        facts = {name: value for name, value in facts.items() if name not in _IDS}
    by = entry.by if whole or entry.event == "decided" else None
    return {"at": moment(entry.at), "event": entry.event, "by": by, "role": entry.role, "facts": dict(facts)}


def _moment(at: datetime | None) -> str | None:
    return moment(at) if at else None
