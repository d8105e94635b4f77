"""The rules: what each is called, and which records count towards it. Pure.

A rule is changed by its thresholds (default.yaml and the city's own file), never by its number: A-01 means the same in
every city and for ever. A new rule gets a new number; one that is given up leaves its number empty.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from audit.alerts.model import Hit, Key, Whose, period_of
from audit.alerts.thresholds import YEN, Thresholds
from audit.model import ENDINGS, Record


@dataclass(frozen=True, slots=True)
class Named:
    """What a rule is, whatever its thresholds are."""

    ja: str
    en: str
    whose: Whose
    distinct: bool = False
    scale: int = 1


RULES: Mapping[str, Named] = {
    "A-01": Named("個人番号・住民票コードの入力", "A My Number or resident code was entered", "person"),
    "A-02": Named(
        "個人番号・住民票コードの入力の繰り返し", "My Numbers or resident codes, again and again", "person"
    ),
    "A-03": Named("断られた要求の繰り返し", "Refused again and again", "person"),
    "A-04": Named("一人の職員が多数の人の情報を入力", "Data of many persons, by one person", "person", True),
    "A-05": Named("市全体で多数の人の情報を入力", "Data of many persons, by the whole house", "house", True),
    "A-06": Named("AIをだます言葉", "An attempt to deceive the AI (prompt attack)", "person"),
    "A-07": Named("初めて求められたモデル", "A model that nobody asked for before", "model", True),
    "A-08": Named(
        "モデルの中身の変更", "A model that answers under another name than before", "model", True
    ),
    "A-09": Named("夜間・閉庁日の利用", "Use by night or on a closed day", "person"),
    "A-10": Named("上限に近い利用", "Close to a limit of use", "section"),
    "A-11": Named("上限に達した利用", "A limit of use was reached", "section"),
    "A-12": Named(
        "月の予算に近い費用", "Cost is close to the month's budget", "house", scale=YEN
    ),
    "A-13": Named("月の予算を使い切った", "The month's budget is used up", "house", scale=YEN),
    "A-14": Named("署名つきの控えの途絶", "No signed note for too long", "house"),
    "A-15": Named("台帳の検証の失敗", "The ledger was not found sound", "house"),
    "A-16": Named("台帳を検証できない", "The ledger cannot be verified", "house"),
    "A-17": Named("検出器の不調", "The detector does not work", "house"),
    "A-18": Named("方針の警報", "A rule of the policy raised an alarm", "rule"),
    "A-19": Named("方針の異常", "The policy could not decide, or was rejected", "house"),
    "A-20": Named("関所の不調", "Something inside the checkpoint does not work", "house"),
    "A-21": Named("結末の分からない要求", "Exchanges whose ending nobody knows", "house"),
    "A-22": Named("台帳・時計の異変", "The ledger was restored or moved, or the clock set", "house"),
    "A-23": Named("停止・再開の操作", "The kill switch was used", "house"),
    "A-24": Named("原文の閲覧", "An original was opened", "reader"),
    "A-25": Named("多数の閲覧", "Many looks by one reader", "reader"),
    "A-26": Named("記録の持ち出し", "Records were carried out", "reader"),
    "A-27": Named("AIサーバーの障害", "The model's server fails", "model"),
    "A-28": Named("権限のない操作の試み", "Attempts at what one's role does not allow", "reader"),
    "A-29": Named("正しくないキーの繰り返し", "Wrong keys, again and again", "address"),
}  # fmt: skip

NEVER_STORED = frozenset({"JP_MY_NUMBER", "JP_RESIDENT_RECORD_CODE"})
ATTACK = "LLM01"
"""OWASP Top 10 for LLM applications: prompt injection."""
_PERSON = re.compile(r"\[PERSON_[0-9]+_([0-9a-z]+)\]")
"""The same person that the same caller writes of has the same letters in every text."""
_CARRIED = frozenset({"export", "backup", "disclosure"})
_NOBODY_ELSES = frozenset({"own", "label", "counts", "searches", "alerts", "alert"})
"""Looks at which nobody learns of others."""
_INSIDE = frozenset(
    {
        "internal_error",
        "office_unreadable",
        "originals_unavailable",
        "stops_unreadable",
        "policy_not_recorded",
    }
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A record that came in. ``asked`` is the body of the question that an ending ends, None where it is not there."""

    record: Record
    text: str | None
    asked: Mapping[str, Any] | None = None


def hits(thresholds: Thresholds, seen: Seen) -> Iterator[Hit]:
    """What a record counts towards, by the rules that are enabled. A test counts nothing, a drill by itself."""
    body = json.loads(seen.record.body)
    asked = body if seen.record.kind == "asked" else seen.asked or {}
    drill = body.get("drill") or asked.get("drill")
    if asked.get("is_test") and not drill:
        return
    at = datetime.fromisoformat(seen.record.at)
    for id, subject, facts in _found(thresholds, seen, body, asked, at):
        rule = thresholds.rules[id]
        if rule.enabled:
            key = Key(id, subject or "", period_of(rule.period, at), str(drill) if drill else "")
            yield Hit(key, at, exchange=seen.record.exchange, **facts)


_Found = tuple[str, str | None, Mapping[str, Any]]
"""Rule, whose, and what else the hit says."""


def _found(
    thresholds: Thresholds, seen: Seen, body: Mapping[str, Any], asked: Mapping[str, Any], at: datetime
) -> Iterator[_Found]:
    kind = seen.record.kind
    if kind == "asked":
        yield from _asked(thresholds, seen, body, at)
    elif kind in ENDINGS:
        yield from _ended(kind, body, asked)
    elif kind == "viewed":
        yield from _viewed(body)
    elif kind == "noted":
        yield from _noted(body)


def _asked(thresholds: Thresholds, seen: Seen, asked: Mapping[str, Any], at: datetime) -> Iterator[_Found]:
    if "verdict" not in asked:
        return  # nobody looked inside: its ending tells why
    caller = asked.get("caller") or {}
    who = caller.get("person") or caller.get("key")
    if NEVER_STORED & (asked.get("entities") or {}).keys():
        yield "A-01", who, {}
        yield "A-02", who, {}
    quota = asked.get("quota")
    if asked["verdict"] == "refuse" and quota != "over":
        yield "A-03", who, {}
    if persons := frozenset(_PERSON.findall(seen.text or "")):
        yield "A-04", who, {"items": persons}
        yield "A-05", None, {"items": frozenset(f"{who}/{one}" for one in persons)}
    rules = [rule for rule in asked.get("rules") or () if isinstance(rule, dict)]
    attacks = {rule["id"] for rule in rules if _is_attack(rule)}
    if attacks:
        yield "A-06", who, {}
    if model := asked.get("model_requested"):
        yield "A-07", model, {"items": frozenset({model})}
    if caller.get("actor") != "robot" and thresholds.hours.unusual(at):
        yield "A-09", who, {}
    if quota in ("near", "over"):
        unit = " ".join(filter(None, (caller.get("department"), caller.get("section"))))
        yield "A-10" if quota == "near" else "A-11", unit, {}
    for alarm in asked.get("alarms") or ():
        if alarm.startswith("error."):
            yield "A-19", None, {"detail": alarm}
        elif alarm not in attacks:
            yield "A-18", alarm, {}


def _is_attack(rule: Mapping[str, Any]) -> bool:
    """A rule that answers to prompt attacks and raises an alarm, and is not only rehearsed."""
    return ATTACK in (rule.get("risks") or ()) and "alarm" in (rule.get("effects") or ())


def _ended(kind: str, body: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[_Found]:
    reason = str(body.get("reason") or "")
    model = body.get("model_asked")
    if (cost := body.get("cost_yen")) is not None:
        yen = int(Decimal(cost) * YEN)
        yield "A-12", None, {"amount": yen}
        yield "A-13", None, {"amount": yen}
    if model and (served := body.get("model_served")):
        yield "A-08", model, {"items": frozenset({served})}
    if reason.startswith("detector_") and reason != "detector_loading":
        yield "A-17", None, {"detail": reason}
    elif reason in _INSIDE or body.get("error"):
        yield "A-20", None, {"detail": reason or None}
    elif kind == "failed" and reason.startswith("upstream_") and reason != "upstream_rate_limited":
        yield "A-27", model or asked.get("model_requested"), {"detail": reason}
    if kind == "lost":
        yield "A-21", None, {"detail": reason or None}
    if body.get("http_status") == 401:
        yield "A-29", (asked.get("caller") or {}).get("address"), {"detail": reason or None}


def _viewed(body: Mapping[str, Any]) -> Iterator[_Found]:
    what = body.get("what")
    who = body.get("person") or body.get("os_user")
    if what == "original":
        yield "A-24", who, {}
    if what in _CARRIED and (body.get("filters") or {}).get("person") != who:
        yield "A-26", who, {"detail": what}
    if what not in _NOBODY_ELSES:
        yield "A-25", who, {}


def _noted(body: Mapping[str, Any]) -> Iterator[_Found]:
    match body.get("event"):
        case "policy.rejected":
            yield "A-19", None, {"detail": "policy.rejected"}
        case "clock.stepped" | "ledger.restored" | "ledger.moved" as event:
            yield "A-22", None, {"detail": event}
        case "house.stopped" | "house.resumed" as event:
            yield "A-23", None, {"detail": event}
        case "office.refused":
            yield "A-28", body.get("person") or body.get("by"), {}


# ── what a clock looks at ────────────────────────────────────────────────────────────────────────


def unsigned(thresholds: Thresholds, minutes: int, at: datetime) -> Iterator[Hit]:
    """The newest signed note is so many minutes old, though there are records."""
    yield from _by_the_clock(thresholds, "A-14", at, level=minutes)


def unsound(thresholds: Thresholds, code: str, at: datetime) -> Iterator[Hit]:
    """Verification found this fault."""
    yield from _by_the_clock(thresholds, "A-15", at, detail=code)


def unverified(thresholds: Thresholds, at: datetime) -> Iterator[Hit]:
    """Verification could not be done."""
    yield from _by_the_clock(thresholds, "A-16", at)


def _by_the_clock(thresholds: Thresholds, id: str, at: datetime, **facts: Any) -> Iterator[Hit]:
    rule = thresholds.rules[id]
    if rule.enabled:
        yield Hit(Key(id, "", period_of(rule.period, at)), at, **facts)
