"""A stored request decided again: the ask out of an `asked` record, and where a verdict differs from the recorded one.

Pure. The law of R2: what was recorded under a policy is decided the same by the policy with that digest. Reads no
ledger and no text; a record holds facts only. Which facts: docs/records.md.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from policies.decide import gate_of
from policies.model import Ask, EntityFact, Gate, Verdict

SINCE_ALL_FACTS = 3
"""From this version on a record holds every fact that a policy may look at. In older ones the newer facts are
missing, and count as none: what was decided then had no rule that asked for them."""

Why = Literal["never_decided", "facts_missing"]

_WORDS: Mapping[Gate, str] = {"allow": "permit", "confirm": "confirm", "deny": "refuse"}
"""How a record calls a gate."""
_CONCLUDED = {
    "class_detected": "detected_class",
    "class_raised_by": "raised_by",
    "class_effective": "effective_class",
    "zone": "zone",
    "destination_effective": "destination",
    "model_registered": "model",
    "model_stage": "stage",
    "high_risk": "high_risk",
}
"""What a record says that the policy concluded, and what `Derived` calls it."""
_SPOKEN = {"count_tokens": "messages"}
"""Dialects that a rule knows by another name (`Request.spoken`)."""


class NotReplayable(ValueError):
    """This record cannot be decided again.

    ``never_decided``: the attempt ended before any rule was looked at (unknown key, unreadable request, a list
    of models). ``facts_missing``: it says that it was decided, but a fact is missing or is none.
    """

    def __init__(self, why: Why, missing: str = "") -> None:
        self.why: Why = why
        super().__init__(
            "判定の前に終わった要求です / this attempt ended before it was decided"
            if why == "never_decided"
            else f"判定に使った事実が記録にありません: {missing} / a fact is missing in the record: {missing}"
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a verdict says otherwise than the record: ``Difference("verdict", "permit", "refuse")``."""

    name: str
    recorded: Any
    now: Any


def ask_of(body: Mapping[str, Any], at: str) -> Ask:
    """What the policy was asked, out of the body of an `asked` record. Raises `NotReplayable`.

    ``at``: the moment of the record, ``2026-10-05T01:02:03.000004Z``, for records that do not say when they
    were decided.
    """
    if "verdict" not in body:
        raise NotReplayable("never_decided")
    newer = has_every_fact(body)
    try:
        who = body["caller"]
        return Ask(
            person=who["person"],
            department=who["department"],
            section=who["section"],
            actor=who["actor"],
            identity=who["identity"],
            tool=who["tool"],
            enrolled=who["enrolled"],
            trained=who["trained"],
            acknowledged=who["acknowledged"],
            dialect=_SPOKEN.get(body["dialect"], body["dialect"]),
            model=body["model_requested"],
            destination=body["destination"],
            category=body["category"],
            declared_class=body["class_declared"],
            entities=tuple(
                EntityFact(one["type"], one["evidence"], one["count"]) for one in body["evidence"]
            ),
            characters=body["characters"],
            at=datetime.fromisoformat(body["decided_at"] if newer else at),
            address=who.get("address"),
            tools=tuple(body.get("tools", ())),
            tools_unnamed=body.get("tools_unnamed", 0),
            **(_newer_facts(body) if newer else {}),
        )
    except KeyError as missing:
        raise NotReplayable("facts_missing", str(missing)) from None
    except (TypeError, ValueError, AttributeError):
        raise NotReplayable("facts_missing", "?") from None


def _newer_facts(body: Mapping[str, Any]) -> dict[str, Any]:
    who = body["caller"]
    return {
        "role": who["role"],
        "consented": who["consented"],
        "audience": who["audience"],
        "use_case": body["use_case"],
        "persons": body["persons_found"],
        "pairs": body["pairs_found"],
        "words": tuple(body["words"]),
        "attachments": tuple(body["attachments"]),
        "quota": body["quota"],
        "purpose": body.get("purpose_stated", True),
    }


def has_every_fact(body: Mapping[str, Any]) -> bool:
    """Whether the record was written by a version that kept every fact. The very first ones name no version."""
    version = body.get("schema")
    return isinstance(version, int) and version >= SINCE_ALL_FACTS


def differences(body: Mapping[str, Any], verdict: Verdict) -> tuple[Difference, ...]:
    """Where a verdict says otherwise than the record of a decided request; empty where R2 holds.

    Looks at what both can say: the gate, the rules with their effects, what decided, what was revealed and shown,
    and since version 3 the alarms, the rehearsed gate and what the policy concluded from the facts.
    """
    return tuple(
        Difference(name, body[name], now)
        for name, now in _said(verdict, has_every_fact(body))
        if name in body and _comparable(name, body[name]) != _comparable(name, now)
    )


def _said(verdict: Verdict, newer: bool) -> Iterator[tuple[str, Any]]:
    yield "verdict", _WORDS[gate_of(verdict)]
    yield "rules", [{"id": rule.id, "effects": list(rule.effects)} for rule in verdict.rules]
    yield "decisive", [rule.id for rule in verdict.decisive]
    yield "revealed", sorted(verdict.revealed)
    yield "notices", [rule.id for rule in verdict.notices]
    if not newer:
        return
    yield "alarms", list(verdict.alarms)
    yield "would", verdict.would
    if verdict.derived is not None:
        for name, attribute in _CONCLUDED.items():
            value = getattr(verdict.derived, attribute)
            yield name, list(value) if isinstance(value, tuple) else value


def _comparable(name: str, value: Any) -> Any:
    """Of a rule its id and effects: what else a record says of it, the rule's file says, too."""
    if name != "rules":
        return value
    return [{"id": rule.get("id"), "effects": rule.get("effects")} for rule in value]
