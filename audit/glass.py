"""Breaking the glass: an original is opened by two persons, for an incident, for a while. Pure; the ledger remembers.

    asked  ──allowed by a second person of another role──▶ open until its end ──▶ the 所属長 is told
       └───refused, withdrawn or nobody answered in time

A request names one exchange, an incident and a reason. What became of it is read from its records alone
(``glass.asked`` ``glass.allowed`` ``glass.refused`` ``glass.closed`` ``glass.told``), so that it is the same for every
process, and nobody can change it quietly. Every view is a record of its own.
"""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from audit import wording
from audit.model import Draft, Record
from audit.names import moment
from audit.readers import Reader

State = Literal["asked", "open", "refused", "closed", "over"]

LONGEST = timedelta(hours=8)
"""How long an original may stay open once it was allowed."""
ANSWERED_WITHIN = timedelta(hours=24)
"""A request that nobody answers is over after this."""
EVENTS = "glass.*"


class NotOpened(Exception):
    """``code`` is stable; `ja` and `en` say what is in the way."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.ja, self.en = _SAID[code]
        super().__init__(f"{self.ja} / {self.en}")


@dataclass(frozen=True, slots=True)
class Grant:
    """A request to open an original, and what became of it. Moments are UTC.

    ``hours`` are asked for; ``until`` is set once it is allowed. ``department`` and ``section`` are those of whoever asked
    the exchange: ``told_to`` is their 所属長 once it stood before them.
    """

    id: str
    exchange: str
    incident: str
    reason: str
    subject: str | None
    department: str | None
    section: str | None
    asked_by: str
    asked_role: str
    asked_at: datetime
    hours: int
    allowed_by: str | None = None
    allowed_role: str | None = None
    until: datetime | None = None
    ended: Literal["refused", "closed"] | None = None
    told_to: str | None = None
    told_at: datetime | None = None
    views: int = 0

    def state(self, at: datetime) -> State:
        """What it is at a moment."""
        if self.ended:
            return self.ended
        if self.until is None:
            return "asked" if at < self.asked_at + ANSWERED_WITHIN else "over"
        return "open" if at < self.until else "over"

    def plain(self, at: datetime) -> dict[str, Any]:
        """As JSON values."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        for name in ("asked_at", "until", "told_at"):
            plain[name] = moment(plain[name]) if plain[name] else None
        return plain | {"state": self.state(at)}


def asked(
    reader: Reader,
    card: Mapping[str, Any],
    incident: str | None,
    reason: str | None,
    hours: int,
    now: datetime,
) -> tuple[Grant, Draft]:
    """A new request. Raises `NotForThem`, `BadWording`, `NotOpened`."""
    reader.demand("seek_originals")
    if card["person"] == reader.person:
        raise NotOpened("own")
    if not 1 <= hours <= LONGEST // timedelta(hours=1):
        raise NotOpened("hours")
    grant = Grant(
        id=f"g-{secrets.token_hex(8)}",
        exchange=card["exchange"],
        incident=wording.incident(incident),
        reason=wording.reason(reason),
        subject=card["person"],
        department=card["department"],
        section=card["section"],
        asked_by=reader.person,
        asked_role=reader.role,
        asked_at=now,
        hours=hours,
    )
    facts = ("exchange", "incident", "reason", "subject", "department", "section", "hours")
    return grant, _draft("asked", grant, reader, {name: getattr(grant, name) for name in facts})


def allowed(reader: Reader, grant: Grant, now: datetime) -> tuple[Grant, Draft]:
    """The second person lets it be opened. Raises `NotForThem`, `NotOpened`."""
    _demand_second(reader, grant, now)
    until = now + timedelta(hours=grant.hours)
    given = replace(grant, allowed_by=reader.person, allowed_role=reader.role, until=until)
    return given, _draft("allowed", grant, reader, {"until": moment(until)})


def refused(reader: Reader, grant: Grant, reason: str | None, now: datetime) -> tuple[Grant, Draft]:
    """The second person says no. Raises `NotForThem`, `BadWording`, `NotOpened`."""
    _demand_second(reader, grant, now)
    said = {"reason": wording.reason(reason)}
    return replace(grant, ended="refused"), _draft("refused", grant, reader, said)


def closed(reader: Reader, grant: Grant, now: datetime) -> tuple[Grant, Draft]:
    """Either of the two ends it before its time. Raises `NotOpened`."""
    if reader.person not in (grant.asked_by, grant.allowed_by):
        raise NotOpened("not_yours")
    if grant.state(now) not in ("asked", "open"):
        raise NotOpened("over")
    return replace(grant, ended="closed"), _draft("closed", grant, reader, {})


def looked(reader: Reader, grants: Sequence[Grant], reason: str | None = None) -> list[Draft]:
    """The records of a look at a list of requests, made before it is shown: the look itself, and who is told by it."""
    body = {
        "what": "openings",
        "filters": {},
        "rows": len(grants),
        "person": reader.person,
        "role": reader.role,
    }
    heard = (told(reader, one) for one in grants)
    return [
        Draft("viewed", None, body | {"reason": reason}),
        *(draft for draft in heard if draft is not None),
    ]


def told(reader: Reader, grant: Grant) -> Draft | None:
    """The record that the 所属長 of the section is told of an opening, made before it is shown to them.

    None where nothing was opened, somebody of them was told already, or this reader is not one of them.
    """
    unit = (reader.reach.department, reader.reach.section)
    is_theirs = reader.role == "section_head" and unit == (grant.department, grant.section)
    if not is_theirs or grant.until is None or grant.told_to is not None:
        return None
    return _draft("told", grant, reader, {})


def demand_view(reader: Reader, grant: Grant, exchange: str, incident: str | None, now: datetime) -> None:
    """Whether this reader may look now: who asked, at this exchange, for this incident, and is a reviewer still.

    Raises `NotForThem`, `NotOpened`.
    """
    reader.demand("seek_originals")
    if reader.person != grant.asked_by:
        raise NotOpened("not_yours")
    if exchange != grant.exchange or incident != grant.incident:
        raise NotOpened("another")
    state = grant.state(now)
    if state != "open":
        raise NotOpened("waiting" if state == "asked" else "over")


def viewed(reader: Reader, grant: Grant) -> Draft:
    """The record of a view, made before anything is shown."""
    filters = {
        "grant": grant.id,
        "exchange": grant.exchange,
        "incident": grant.incident,
        "person": grant.subject,
    }
    body = {"what": "original", "filters": filters, "rows": 1, "person": reader.person, "role": reader.role}
    return Draft("viewed", None, body | {"reason": grant.reason})


def grants_of(records: Iterable[Record]) -> dict[str, Grant]:
    """Every request there was, from the records that speak of it, in any order."""
    grants: dict[str, Grant] = {}
    views: dict[str, int] = {}
    for record in sorted(records, key=lambda one: (one.at, one.writer, one.index)):
        body = json.loads(record.body)
        event, id = body.get("event"), body.get("grant") or (body.get("filters") or {}).get("grant")
        if id is None:
            continue
        if event == "glass.asked":
            grants[id] = _grant(body, record)
        elif id in grants and event == "glass.allowed" and grants[id].until is None:
            until = datetime.fromisoformat(body["until"])
            grants[id] = replace(grants[id], allowed_by=body["by"], allowed_role=body["role"], until=until)
        elif id in grants and event in ("glass.refused", "glass.closed"):
            grants[id] = replace(grants[id], ended=event.removeprefix("glass."))
        elif id in grants and event == "glass.told" and grants[id].told_to is None:
            at = datetime.fromisoformat(record.at)
            grants[id] = replace(grants[id], told_to=body["by"], told_at=at)
        elif record.kind == "viewed" and body.get("what") == "original":
            views[id] = views.get(id, 0) + 1
    return {id: replace(grant, views=views.get(id, 0)) for id, grant in grants.items()}


def _grant(body: Mapping[str, Any], record: Record) -> Grant:
    return Grant(
        id=body["grant"],
        exchange=body["exchange"],
        incident=body["incident"],
        reason=body["reason"],
        subject=body["subject"],
        department=body["department"],
        section=body["section"],
        asked_by=body["by"],
        asked_role=body["role"],
        asked_at=datetime.fromisoformat(record.at),
        hours=body["hours"],
    )


def _demand_second(reader: Reader, grant: Grant, now: datetime) -> None:
    """Another person, of another role, who is not the one that it is about."""
    reader.demand("allow_originals")
    if reader.person in (grant.asked_by, grant.subject):
        raise NotOpened("same_person")
    if reader.role == grant.asked_role:
        raise NotOpened("same_role")
    if grant.state(now) != "asked":
        raise NotOpened("answered" if grant.allowed_by or grant.ended else "over")


def _draft(what: str, grant: Grant, reader: Reader, facts: Mapping[str, Any]) -> Draft:
    body = {"event": f"glass.{what}", "by": reader.person, "role": reader.role, "grant": grant.id}
    return Draft("noted", None, body | {"exchange": grant.exchange, "subject": grant.subject, **facts})


_SAID = {
    "own": (
        "自分の利用の原文は申し込めません。別の審査者に頼んでください。",
        "Nobody asks for the original of their own use: have another reviewer do it.",
    ),
    "hours": ("開いておく時間は1時間から8時間です。", "It stays open for 1 to 8 hours."),
    "same_person": (
        "申し込んだ本人と、その記録の本人は、二人目になれません。",
        "Neither who asked for it nor whom it is about can be the second person.",
    ),
    "same_role": (
        "二人目は、申し込んだ人と別の役割の人です。",
        "The second person has another role than the first.",
    ),
    "answered": ("この申し込みには、もう返事があります。", "This request is answered already."),
    "waiting": (
        "まだ二人目が認めていません。認められると開けます。",
        "The second person has not allowed it yet.",
    ),
    "over": (
        "この申し込みは終わっています。要るときは、あらためて申し込んでください。",
        "This request is over: make a new one if you need it.",
    ),
    "another": (
        "この申し込みは、別の記録か別の事案のものです。",
        "This request is for another exchange or another incident.",
    ),
    "not_yours": (
        "この申し込みは、あなたのものではありません。",
        "This request is not yours.",
    ),
}
