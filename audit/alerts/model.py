"""What the alerts speak of: rules, what counts towards them, tallies, alerts. Values only.

Rule A-02    個人番号の入力の繰り返し   of a person, in a month, from the 3rd on, at most once in 24 hours
Hit          100123 did it once more, at this moment, in this exchange
Tally        100123 did it 3 times in 2026-11; the last alert of it is a-5f0c…
Alert        what the ledger is told, and through it everybody else
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal, get_args

from audit.model import Draft
from audit.months import JST
from audit.names import moment

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""As those of exchanges (audit/catalogue/severity.py), the least first."""
SEVERITY_WORDS: Mapping[Severity, str] = {"low": "低", "medium": "中", "high": "高", "critical": "緊急"}

Period = Literal["hour", "day", "month", "ever"]
PERIODS: tuple[Period, ...] = get_args(Period)

Whose = Literal["person", "reader", "house", "section", "model", "rule", "address"]
"""What a rule counts for: a person who asks, a person who reads, the whole house, …"""
PERSONAL: frozenset[Whose] = frozenset({"person", "reader", "address"})
"""These name somebody: they are delivered only where a channel may carry it."""

RAISED, ACKNOWLEDGED = "alert.raised", "alert.acknowledged"
RECENT = 20
"""Exchanges that an alert names, the newest."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it holds in this city. `ja` and `en` are its title.

    threshold  from this count on
    window     so long after an alert no other is raised of the same subject and period
    distinct   what is counted are different things (persons, models); the same once more counts nothing
    scale      so many parts of what is counted make one (yen are counted in millionths)
    """

    id: str
    ja: str
    en: str
    whose: Whose
    severity: Severity
    period: Period
    threshold: int
    window: timedelta
    enabled: bool = True
    distinct: bool = False
    scale: int = 1


def period_of(period: Period, at: datetime) -> str:
    """``2026-11-23T14``, ``2026-11-23``, ``2026-11`` in Japan; empty for ever. Text order is time order."""
    local = at.astimezone(JST)
    match period:
        case "hour":
            return f"{local:%Y-%m-%dT%H}"
        case "day":
            return f"{local:%Y-%m-%d}"
        case "month":
            return f"{local:%Y-%m}"
        case "ever":
            return ""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Which tally. ``drill``: a drill counts by itself."""

    rule: str
    subject: str
    period: str
    drill: str = ""

    @property
    def column(self) -> str:
        """The period as the book has it: ``2026-11-23``, ``2026-11-23 drill:D-01``."""
        return f"{self.period} drill:{self.drill}" if self.drill else self.period


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that counts towards a rule.

    amount  is added          items  are added where they are not among them yet
    level   is what the count is from now on (minutes without a note)
    detail  a code that the alert repeats: which fault it was
    """

    key: Key
    at: datetime
    amount: int = 1
    items: frozenset[str] = frozenset()
    level: int | None = None
    exchange: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted so far. ``alert`` is the last that was raised of it, at ``raised_at``."""

    count: int = 0
    alert: str | None = None
    raised_at: datetime | None = None
    recent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it is raised. ``count`` and ``threshold`` are whole units of what the rule counts."""

    id: str
    rule: Rule
    key: Key
    at: datetime
    count: int
    threshold: int
    exchanges: tuple[str, ...] = ()
    detail: str | None = None

    def draft(self) -> Draft:
        """The record of it: no text of anybody's, nobody's name."""
        body: dict[str, Any] = {
            "event": RAISED,
            "by": "system",
            "alert": self.id,
            "rule": self.rule.id,
            "title": self.rule.ja,
            "title_en": self.rule.en,
            "severity": self.rule.severity,
            "at": moment(self.at),
            "whose": self.rule.whose,
            "subject": self.key.subject or None,
            "count": self.count,
            "threshold": self.threshold,
            "period": self.key.period or None,
            "exchanges": list(self.exchanges),
            "is_drill": bool(self.key.drill),
            "window": int(self.rule.window.total_seconds()),
        }
        body |= {"drill": self.key.drill} if self.key.drill else {}
        body |= {"detail": self.detail} if self.detail else {}
        return Draft("noted", None, body)


def alert_id(key: Key, before: str | None) -> str:
    """The same for the alert that follows this one in this tally, whichever record raises it and however often."""
    told = json.dumps([key.rule, key.subject, key.column, before], ensure_ascii=False)
    return f"a-{sha256(told.encode()).hexdigest()[:20].translate(_LETTERS)}"


_LETTERS = str.maketrans("0123456789", "ghijklmnop")
"""No figures: an id must never look like somebody's number (audit/numbers.py)."""
