"""What is told outside of an alert: which rule, how urgent, how often, and where more is to be read.

No text of anybody's; whom it is about only where a channel may carry it. The id is the alert's own: what comes twice
is known by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.alerts.model import PERSONAL, SEVERITY_WORDS, Severity
from audit.names import moment


@dataclass(frozen=True, slots=True)
class Letter:
    """An alert as it is told. ``subject`` None: nobody is to know it there, or it is about the whole house."""

    id: str
    rule: str
    title: str
    title_en: str
    severity: Severity
    at: str
    whose: str
    subject: str | None
    count: int
    threshold: int
    period: str | None
    is_drill: bool
    is_trial: bool
    link: str | None

    def plain(self) -> dict[str, Any]:
        """As JSON values. ``schema`` goes up when a name changes its meaning."""
        return {"schema": 1} | {name: getattr(self, name) for name in self.__slots__}

    @property
    def headline(self) -> str:
        """``【高】A-06 AIをだます言葉``"""
        mark = "【試験】" if self.is_trial else "【訓練】" if self.is_drill else ""
        return f"{mark}【{SEVERITY_WORDS[self.severity]}】{self.rule} {self.title}"


def letter_of(body: Mapping[str, Any], with_person: bool, public_url: str | None) -> Letter:
    """The letter about an alert, from the body of its record."""
    may_tell = with_person or body["whose"] not in PERSONAL
    return Letter(
        id=body["alert"],
        rule=body["rule"],
        title=body["title"],
        title_en=body["title_en"],
        severity=body["severity"],
        at=body["at"],
        whose=body["whose"],
        subject=body["subject"] if may_tell else None,
        count=body["count"],
        threshold=body["threshold"],
        period=body["period"],
        is_drill=body["is_drill"],
        is_trial=False,
        link=_link(public_url, f"/{body['alert']}"),
    )


def trial(at: datetime, public_url: str | None) -> Letter:
    """A letter that says nothing but that letters arrive."""
    return Letter(
        id=f"trial-{at:%Y%m%dT%H%M%S}",
        rule="A-00",
        title="届くかどうかの試験です(何も起きていません)",
        title_en="A trial of this channel (nothing has happened)",
        severity="low",
        at=moment(at),
        whose="house",
        subject=None,
        count=0,
        threshold=0,
        period=None,
        is_drill=False,
        is_trial=True,
        link=_link(public_url, ""),
    )


def _link(public_url: str | None, beside: str) -> str | None:
    return f"{public_url.rstrip('/')}/audit/v1/alerts{beside}" if public_url else None
