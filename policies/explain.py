"""Why an ask is decided as it is: every rule and every condition, true or false, for people to read.

Pure. Shows facts (section, class, counts of what was found), never text, because an ask holds none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policies.conditions import Condition
from policies.decide import Policy, Rule, decide, gate_of
from policies.model import CATEGORY_CODES, Ask, Refuse, Verdict
from policies.vocabulary import ENTITY_WORDS, FACT_WORDS

GATE_WORDS = {
    "allow": ("送信できます", "may be sent"),
    "confirm": ("確認すれば送信できます", "may be sent once confirmed"),
    "deny": ("送信しません", "is not sent"),
}
MARKS = {True: "○", False: "×", None: "?"}


@dataclass(frozen=True, slots=True)
class ConditionTruth:
    """One condition of one rule. ``holds`` is None where it could not be evaluated."""

    name: str
    wanted: Any
    fact: Any
    holds: bool | None
    parts: tuple["ConditionTruth", ...] = ()


@dataclass(frozen=True, slots=True)
class RuleTruth:
    """One rule: whether it matches, and each of its conditions."""

    rule: Rule
    matches: bool | None
    conditions: tuple[ConditionTruth, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A verdict and all the rules behind it, in the policy's order."""

    policy: Policy
    verdict: Verdict
    rules: tuple[RuleTruth, ...]


def explain(policy: Policy, ask: Ask) -> Explanation:
    """Decide, and say of every rule why it matched or did not. Never raises, like :func:`decide`."""
    return Explanation(policy, decide(policy, ask), tuple(_rule(rule, ask) for rule in policy.rules))


def _rule(rule: Rule, ask: Ask) -> RuleTruth:
    conditions = tuple(_condition(condition, ask) for condition in rule.conditions)
    truths = [condition.holds for condition in conditions]
    return RuleTruth(rule, None if None in truths else all(truths), conditions)


def _condition(condition: Condition, ask: Ask) -> ConditionTruth:
    parts = tuple(_condition(part, ask) for part in condition.parts)
    try:
        fact, holds = condition.fact(ask), condition.test(ask)
    except Exception:  # shown as unknown here; the verdict beside it is a refusal
        return ConditionTruth(condition.name, condition.wanted, None, None, parts)
    return ConditionTruth(condition.name, condition.wanted, fact, holds, parts)


def as_json(explanation: Explanation) -> dict[str, Any]:
    """The explanation as plain JSON."""
    verdict = explanation.verdict
    return {
        "policy": verdict.policy,
        "digest": verdict.digest,
        "gate": gate_of(verdict),
        "error": verdict.error if isinstance(verdict, Refuse) else None,
        "decisive": [hit.id for hit in verdict.decisive],
        "revealed": sorted(verdict.revealed),
        "notices": [hit.id for hit in verdict.notices],
        "rules": [
            {
                "id": truth.rule.id,
                "title": {"ja": truth.rule.title.ja, "en": truth.rule.title.en},
                "basis": truth.rule.basis,
                "matches": truth.matches,
                "conditions": [_condition_json(condition) for condition in truth.conditions],
            }
            for truth in explanation.rules
        ],
    }


def _condition_json(truth: ConditionTruth) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": truth.name,
        "wanted": truth.wanted,
        "fact": truth.fact,
        "holds": truth.holds,
    }
    return {**found, "parts": [_condition_json(part) for part in truth.parts]} if truth.parts else found


def as_lines(explanation: Explanation) -> Iterator[str]:
    """The explanation as lines of text, Japanese then English."""
    verdict = explanation.verdict
    gate = gate_of(verdict)
    ja, en = GATE_WORDS[gate]
    yield f"判定: {ja}({gate}) / Verdict: {en} ({gate})"
    yield f"決めた規則: {_reason(verdict, 'ja')} / Decided by: {_reason(verdict, 'en')}"
    revealed = ", ".join(sorted(verdict.revealed))
    yield f"伏せ字にしない種類: {revealed or 'なし'} / Not masked: {revealed or 'none'}"
    for truth in explanation.rules:
        yield ""
        yield f"{MARKS[truth.matches]} {truth.rule.id} {truth.rule.title.ja} / {truth.rule.title.en}"
        for condition in truth.conditions:
            yield from _condition_lines(condition, "    ")


def _reason(verdict: Verdict, language: str) -> str:
    if isinstance(verdict, Refuse) and verdict.error:
        return f"判定できませんでした({verdict.error})" if language == "ja" else f"an error ({verdict.error})"
    if verdict.decisive:
        return ", ".join(hit.id for hit in verdict.decisive)
    return "許可する規則がありません" if language == "ja" else "no rule allows it"


def _condition_lines(truth: ConditionTruth, indent: str) -> Iterator[str]:
    word = FACT_WORDS[truth.name]
    if truth.parts:
        yield f"{indent}{MARKS[truth.holds]} {word} / not:"
        for part in truth.parts:
            yield from _condition_lines(part, indent + "    ")
        return
    ja = f"{word}: 規則は {_ja(truth.wanted)}、この要求は {_ja(truth.fact)}"
    yield f"{indent}{MARKS[truth.holds]} {ja} / {truth.name}: rule {_en(truth.wanted)}, ask {_en(truth.fact)}"


def _ja(value: Any) -> str:
    return _shown(value, {**ENTITY_WORDS, **CATEGORY_CODES})


def _en(value: Any) -> str:
    return _shown(value, {})


def _shown(value: Any, words: Mapping[str, str]) -> str:
    """A wanted value or a fact in one line: ``any_of=氏名|住所; at_least=3``, ``氏名(context)×2``."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "; ".join(f"{key}={_shown(inner, words)}" for key, inner in value.items())
    if isinstance(value, list):
        return "|".join(_shown(item, words) for item in value) or "-"
    if isinstance(value, tuple):
        kind, evidence, count = value
        return f"{words.get(kind, kind)}({evidence})×{count}"
    return "-" if value is None else words.get(str(value), str(value))
