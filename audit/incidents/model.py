"""An incident as its records tell it: what it is, how far it has come, what was written, answered, decided, reported.

Values only; pure. Nothing here is changed: what is written anew is another version, and the older ones stay.

    I-20261128-k7q2    the number: the day in Japan on which it was opened, and four letters and figures by chance, so
                       that no process has to ask another. It is what dispositions and openings take as an incident.
"""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from audit.incidents.deadlines import Report, day_in_japan
from audit.incidents.items import Item
from audit.incidents.judgement import Answer, Decision, Pointed, Question, Value, pointed

Kind = Literal["leak", "outage", "policy_violation", "misinformation_use"]
KINDS: tuple[Kind, ...] = get_args(Kind)
KIND_WORDS: Mapping[Kind, str] = {
    "leak": "個人情報の漏えい等", "outage": "停止・障害", "policy_violation": "利用ルール違反",
    "misinformation_use": "誤った情報の利用",
}  # fmt: skip

State = Literal["open", "contained", "closed"]
STATE_WORDS: Mapping[State, str] = {"open": "対応中", "contained": "被害の広がりは止まった", "closed": "終結"}

Level = Literal["csirt", "board", "headquarters"]
LEVELS: tuple[Level, ...] = get_args(Level)
LEVEL_WORDS: Mapping[Level, str] = {"csirt": "CSIRT", "board": "幹事会", "headquarters": "IT推進本部"}

Disposition = Literal["no_breach", "resolved", "handed_over", "mistaken"]
DISPOSITIONS: tuple[Disposition, ...] = get_args(Disposition)
DISPOSITION_WORDS: Mapping[Disposition, str] = {
    "no_breach": "漏えい等はなかった", "resolved": "解決した", "handed_over": "ほかの部署に引き継いだ",
    "mistaken": "事案ではなかった",
}  # fmt: skip

_LETTERS = "abcdefghjkmnpqrstuvwxyz"
"""Without i, l and o, which are read as figures."""
_SIGNS = _LETTERS + "23456789"

MOST_LINKED = 500
"""Exchanges and alerts of one incident."""


def incident_number(now: datetime, taken: Collection[str] = ()) -> str:
    """A new number; a letter comes first, so that the figures of the day stay alone."""
    while True:
        chance = secrets.choice(_LETTERS) + "".join(secrets.choice(_SIGNS) for _ in range(3))
        if (number := f"I-{day_in_japan(now):%Y%m%d}-{chance}") not in taken:
            return number


@dataclass(frozen=True, slots=True)
class Link:
    """An exchange, or an alert, that belongs to it. ``subject``: whose exchange it is. ``alert``: where it came with
    one. ``disposed``: a reviewer's disposition of the exchange names the incident, and nobody linked it."""

    exchange: str | None
    alert: str | None
    subject: str | None = None
    rule: str | None = None
    disposed: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return ("exchange", self.exchange) if self.exchange else ("alert", self.alert or "")

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Version:
    """What was written under an item, by whom and when."""

    text: str
    by: str
    role: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Made:
    """A report that was made. ``reported_at``: when; ``at``: when it was entered here."""

    report: Report
    reported_at: datetime
    reference: str | None
    by: str
    role: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of the timeline. ``facts`` are those of its record, but for who and what it is about."""

    event: str
    by: str
    role: str
    at: datetime
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident, and what became of it. Moments are UTC.

    known_at     知った時: from when the deadlines count
    is_drill     a drill: marked in every one of its records, and in no figure; ``drill`` is which
    level        how far up it was brought
    items        item → its versions, oldest first
    answers      question → its answers, oldest first; the last counts, as of ``decisions``
    """

    id: str
    kind: Kind
    title: str
    known_at: datetime
    opened_at: datetime
    opened_by: str
    opened_role: str
    is_drill: bool = False
    drill: str | None = None
    level: Level = "csirt"
    links: Mapping[tuple[str, str], Link] = field(default_factory=dict)
    items: Mapping[Item, tuple[Version, ...]] = field(default_factory=dict)
    answers: Mapping[Question, tuple[Answer, ...]] = field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()
    reports: tuple[Made, ...] = ()
    contained_at: datetime | None = None
    closed_at: datetime | None = None
    disposition: Disposition | None = None
    entries: tuple[Entry, ...] = ()

    @property
    def state(self) -> State:
        if self.closed_at is not None:
            return "closed"
        return "open" if self.contained_at is None else "contained"

    @property
    def decision(self) -> Decision | None:
        """The last one: what was known later counts."""
        return self.decisions[-1] if self.decisions else None

    @property
    def values(self) -> dict[Question, Value]:
        """The last answer to each question that somebody answered."""
        return {question: given[-1].value for question, given in self.answers.items()}

    @property
    def pointed(self) -> Pointed:
        """What the answers point to."""
        return pointed(self.values)

    @property
    def exchanges(self) -> tuple[str, ...]:
        """The exchanges that belong to it, in the order in which they were linked."""
        return tuple(link.exchange for link in self.links.values() if link.exchange)

    @property
    def alerts(self) -> tuple[str, ...]:
        return tuple(link.alert for link in self.links.values() if link.exchange is None and link.alert)

    @property
    def subjects(self) -> frozenset[str]:
        """Whose exchanges belong to it."""
        return frozenset(link.subject for link in self.links.values() if link.subject)

    def item(self, name: Item) -> Version | None:
        """What stands under an item now."""
        versions = self.items.get(name)
        return versions[-1] if versions else None

    def first_report(self, report: Report) -> Made | None:
        """The first of these reports, by when it was made; a 確報 is a 速報, too, where it comes first."""
        made = [one for one in self.reports if one.report == report or one.report == "final"]
        return min(made, key=lambda one: one.reported_at) if made else None
