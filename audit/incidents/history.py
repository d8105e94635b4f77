"""The history of incidents, read from their records alone: the same for every process. Pure.

    incident.opened    incident.amended    incident.linked     incident.unlinked   incident.remarked
    incident.escalated incident.item       incident.answered   incident.decided    incident.reported
    incident.contained incident.closed     incident.reopened

A later release may add events and facts; one that this one does not know stands in the timeline and changes nothing.
Looks at an incident, and what was exported of it, are ``viewed`` records and no part of its history.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from audit.incidents.judgement import Answer, Decision
from audit.incidents.model import Entry, Incident, Link, Made, Version
from audit.model import Record

EVENTS = "incident.*"
_HEAD = frozenset({"event", "by", "role", "incident", "is_drill"})

Body = Mapping[str, Any]


def incidents_of(records: Iterable[Record]) -> dict[str, Incident]:
    """Every incident there is, from the records that speak of them, in any order."""
    known: dict[str, Incident] = {}
    for record in sorted(records, key=lambda one: (one.at, one.writer, one.index)):
        body = json.loads(record.body)
        id = body.get("incident")
        if not id or not str(body.get("event", "")).startswith("incident."):
            continue
        after = stepped(known.get(id), body, datetime.fromisoformat(record.at))
        if after is not None:
            known[id] = after
    return known


def stepped(incident: Incident | None, body: Body, at: datetime) -> Incident | None:
    """The incident after one more record. None for one of an incident that was never opened."""
    event = body["event"].removeprefix("incident.")
    if event == "opened" and incident is None:
        incident = _opened(body, at)
    elif incident is None:
        return None
    elif (step := _STEPS.get(event)) is not None:
        incident = step(incident, body, at)
    facts = {name: value for name, value in body.items() if name not in _HEAD}
    return replace(incident, entries=(*incident.entries, Entry(event, body["by"], body["role"], at, facts)))


def _opened(body: Body, at: datetime) -> Incident:
    return Incident(
        id=body["incident"],
        kind=body["kind"],
        title=body["title"],
        known_at=_moment(body["known_at"]),
        opened_at=at,
        opened_by=body["by"],
        opened_role=body["role"],
        is_drill=bool(body.get("is_drill")),
        drill=body.get("drill"),
    )


def _amended(incident: Incident, body: Body, at: datetime) -> Incident:
    known_at = _moment(body["known_at"]) if body.get("known_at") else incident.known_at
    return replace(
        incident,
        kind=body.get("kind") or incident.kind,
        title=body.get("title") or incident.title,
        known_at=known_at,
    )


def _linked(incident: Incident, body: Body, at: datetime) -> Incident:
    link = Link(body.get("exchange"), body.get("alert"), body.get("subject"), body.get("rule"))
    return replace(incident, links={**incident.links, link.key: link})


def _unlinked(incident: Incident, body: Body, at: datetime) -> Incident:
    gone = Link(body.get("exchange"), body.get("alert")).key
    return replace(incident, links={key: link for key, link in incident.links.items() if key != gone})


def _escalated(incident: Incident, body: Body, at: datetime) -> Incident:
    return replace(incident, level=body["to"])


def _item(incident: Incident, body: Body, at: datetime) -> Incident:
    name = body["item"]
    version = Version(body["text"], body["by"], body["role"], at)
    return replace(incident, items={**incident.items, name: (*incident.items.get(name, ()), version)})


def _answered(incident: Incident, body: Body, at: datetime) -> Incident:
    question = body["question"]
    answer = Answer(question, body["value"], body["reason"], body["by"], body["role"], at)
    answers = {**incident.answers, question: (*incident.answers.get(question, ()), answer)}
    return replace(incident, answers=answers)


def _decided(incident: Incident, body: Body, at: datetime) -> Incident:
    made = Decision(body["outcome"], body["decided_by"], body["role"], body["reason"], at, body["pointing"])
    return replace(incident, decisions=(*incident.decisions, made))


def _reported(incident: Incident, body: Body, at: datetime) -> Incident:
    reported_at = _moment(body["reported_at"])
    made = Made(body["report"], reported_at, body.get("reference"), body["by"], body["role"], at)
    return replace(incident, reports=(*incident.reports, made))


def _contained(incident: Incident, body: Body, at: datetime) -> Incident:
    return replace(incident, contained_at=_moment(body["contained_at"]))


def _closed(incident: Incident, body: Body, at: datetime) -> Incident:
    return replace(incident, closed_at=at, disposition=body["disposition"])


def _reopened(incident: Incident, body: Body, at: datetime) -> Incident:
    return replace(incident, closed_at=None, disposition=None)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


_STEPS: Mapping[str, Callable[[Incident, Body, datetime], Incident]] = {
    "amended": _amended,
    "linked": _linked,
    "unlinked": _unlinked,
    "escalated": _escalated,
    "item": _item,
    "answered": _answered,
    "decided": _decided,
    "reported": _reported,
    "contained": _contained,
    "closed": _closed,
    "reopened": _reopened,
}
