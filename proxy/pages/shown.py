"""What the pages show of a confirmation and of a person: plain words and numbers, Japanese first. No text, no value."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from audit.glass import Grant
from audit.names import moment
from policies.days import JST
from policies.decide import Policy
from policies.model import CATEGORY_CODES, Bilingual
from policies.vocabulary import ENTITY_WORDS
from proxy.office.confirmations import Confirmation

CONSENTERS = {"self": "本人", "section_head": "所属長", "csirt": "CSIRT"}
_PERIOD = re.compile(r"([0-9]+)([ymd])")
_UNITS = {"y": "年", "m": "か月", "d": "日"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A rule that asks, as a person reads it."""

    id: str
    title: Bilingual
    remedy: Bilingual


@dataclass(frozen=True, slots=True)
class Shown:
    """A confirmation on a page."""

    id: str
    state: str
    person: str
    tool: str
    section: str
    found: list[tuple[str, int]]
    rules: list[Asked]
    category: str
    model: str
    asked_at: str
    deadline: str
    needed: str
    missing: str
    given: list[str]
    fresh_until: str
    known_until: str


@dataclass(frozen=True, slots=True)
class Opening:
    """An original that was opened, on the page of the 所属長."""

    incident: str
    reason: str
    opened_by: str
    allowed_by: str
    until: str
    views: int


def opening(one: Grant) -> Opening:
    """An opening that was allowed, in words."""
    until = in_japan(moment(one.until)) if one.until else ""
    return Opening(one.incident, one.reason, one.asked_by, one.allowed_by or "", until, one.views)


def shown(one: Confirmation, policy: Policy) -> Shown:
    """A confirmation in words."""
    return Shown(
        id=one.id,
        state=one.state,
        person=one.person,
        tool=one.tool,
        section=" ".join(one.unit).strip(),
        found=[(ENTITY_WORDS.get(label, label), count) for label, count in one.found.items()],
        rules=list(_rules(one, policy)),
        category=CATEGORY_CODES.get(one.category, one.category),
        model=one.model,
        asked_at=in_japan(one.asked_at),
        deadline=in_japan(one.deadline),
        needed="と".join(CONSENTERS[role] for role in one.needed),
        missing="と".join(CONSENTERS[role] for role in one.missing),
        given=[f"{CONSENTERS[given.role]} {given.by} {in_japan(given.at)}" for given in one.given],
        fresh_until=in_japan(one.fresh_until),
        known_until=in_japan(one.known_until),
    )


def in_japan(moment: str | None) -> str:
    """``11月27日 14:31``; empty for None."""
    return f"{datetime.fromisoformat(moment).astimezone(JST):%m月%d日 %H:%M}" if moment else ""


def period(written: str) -> str:
    """``5y`` as 5年."""
    match = _PERIOD.fullmatch(written)
    return f"{match[1]}{_UNITS[match[2]]}" if match else written


def _rules(one: Confirmation, policy: Policy) -> Iterator[Asked]:
    """The rules as they read now; `Confirmation.rules` says whether that is as they read then."""
    hits = {rule.id: (rule.title, rule.remedy) for rule in policy.rules}
    for table in policy.tables:
        hits |= {cell.hit.id: (cell.hit.title, cell.hit.remedy) for cell in table.cells.values() if cell}
    for id in one.rules:
        title, remedy = hits.get(id, (_NO_MORE, None))
        yield Asked(id, title, remedy or Bilingual("", ""))


_NO_MORE = Bilingual("この規則は、いまはありません。", "This rule is no more.")
