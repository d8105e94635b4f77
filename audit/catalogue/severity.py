"""How urgent an exchange is for whoever looks through them: the first line that holds. Pure.

    critical  データが伏せずに出た、または出たか分からない。個人番号・住民票コードが書かれた
    high      警報が鳴った。AIが自分から個人情報を書き、伏せられずに返った
    medium    断られた。人の確認を求められた
    low       ほか

Only what the records say counts, so that the same exchange is as urgent at every look.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""In their order: a later one is more urgent."""

WORDS: Mapping[Severity, str] = {"critical": "緊急", "high": "高", "medium": "中", "low": "低"}

NEVER = frozenset({"JP_MY_NUMBER", "JP_RESIDENT_RECORD_CODE"})
"""What may be in no request at all."""


def severity_of(asked: Mapping[str, Any], ending: Mapping[str, Any] | None) -> Severity:
    """``asked`` and ``ending`` are the bodies of an exchange's records; None while it is open."""
    ending = ending or {}
    if ending.get("egress_state") in ("unmasked", "unknown") or NEVER & set(asked.get("entities", ())):
        return "critical"
    if asked.get("alarms") or _came_through(ending):
        return "high"
    if asked.get("verdict") in ("refuse", "confirm"):
        return "medium"
    return "low"


def _came_through(ending: Mapping[str, Any]) -> bool:
    """Whether the model uttered personal data of its own that was not masked on the way."""
    masked = ending.get("output_masked", {})
    return any(count > masked.get(kind, 0) for kind, count in ending.get("output_pii", {}).items())
