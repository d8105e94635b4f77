"""Why an ask is decided as it is: every rule, cell and condition, true or false, for people to read.

Pure. Shows facts (section, class, counts of what was found), never text, because an ask holds none.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policies.conditions import Condition
from policies.decide import Policy, Raise, Rule, decide, gate_of
from policies.facts import Facts, facts_of
from policies.house_rules import HOUSE_RULES
from policies.model import CATEGORY_CODES, Ask, Refuse, RuleHit, Verdict
from policies.tables import Cell, Table
from policies.vocabulary import ENTITY_WORDS, FACT_WORDS, VALUE_WORDS

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
    """One rule: whether it matches, and each of its conditions. ``live``: whether its dates hold that day."""

    rule: Rule
    matches: bool | None
    live: bool
    conditions: tuple[ConditionTruth, ...]


@dataclass(frozen=True, slots=True)
class RaiseTruth:
    """One way in which what was found implies a class."""

    rule: Raise
    matches: bool | None
    conditions: tuple[ConditionTruth, ...]


@dataclass(frozen=True, slots=True)
class TableTruth:
    """One table: whether it counts, and the cells that the ask falls into."""

    table: Table
    matches: bool | None
    cells: tuple[Cell, ...]
    conditions: tuple[ConditionTruth, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A verdict and everything behind it, in the policy's order. ``house`` are rules that no city can lift."""

    policy: Policy
    ask: Ask
    verdict: Verdict
    house: tuple[RuleHit, ...]
    raises: tuple[RaiseTruth, ...]
    tables: tuple[TableTruth, ...]
    rules: tuple[RuleTruth, ...]


def explain(policy: Policy, ask: Ask) -> Explanation:
    """Decide, and say of every rule why it matched or did not. Never raises, like :func:`decide`."""
    verdict = decide(policy, ask)
    try:
        facts = facts_of(policy, ask)
    except Exception:  # the verdict is a refusal that says so; nothing can be said of single rules
        return Explanation(policy, ask, verdict, (), (), (), ())
    return Explanation(
        policy,
        ask,
        verdict,
        tuple(hit for hit in verdict.rules if hit in HOUSE_RULES),
        tuple(RaiseTruth(one, *_truth(one.conditions, facts)) for one in policy.raises),
        tuple(_table(table, facts) for table in policy.tables),
        tuple(_rule(rule, facts) for rule in policy.rules),
    )


def _rule(rule: Rule, facts: Facts) -> RuleTruth:
    matches, conditions = _truth(rule.conditions, facts)
    live = rule.live(facts.day)
    return RuleTruth(rule, matches if live or matches is None else False, live, conditions)


def _table(table: Table, facts: Facts) -> TableTruth:
    matches, conditions = _truth(table.conditions, facts)
    try:
        cells = tuple(table.at(facts))
    except Exception:
        return TableTruth(table, None, (), conditions)
    return TableTruth(table, bool(matches) and table.live(facts.day), cells, conditions)


def _truth(conditions: Sequence[Condition], facts: Facts) -> tuple[bool | None, tuple[ConditionTruth, ...]]:
    truths = tuple(_condition(condition, facts) for condition in conditions)
    held = [truth.holds for truth in truths]
    return None if None in held else all(held), truths


def _condition(condition: Condition, facts: Facts) -> ConditionTruth:
    parts = tuple(_condition(part, facts) for part in condition.parts)
    try:
        fact, holds = condition.fact(facts), condition.test(facts)
    except Exception:  # shown as unknown here; the verdict beside it is a refusal
        return ConditionTruth(condition.name, condition.wanted, None, None, parts)
    return ConditionTruth(condition.name, condition.wanted, fact, holds, parts)


def as_json(explanation: Explanation) -> dict[str, Any]:
    """The explanation as plain JSON."""
    verdict, derived = explanation.verdict, explanation.verdict.derived
    return {
        "policy": verdict.policy,
        "version": explanation.policy.version,
        "digest": verdict.digest,
        "gate": gate_of(verdict),
        "would": verdict.would,
        "error": verdict.error if isinstance(verdict, Refuse) else None,
        "decisive": [hit.id for hit in verdict.decisive],
        "revealed": sorted(verdict.revealed),
        "notices": [hit.id for hit in verdict.notices],
        "alarms": list(verdict.alarms),
        "derived": {name: getattr(derived, name) for name in derived.__slots__} if derived else None,
        "house": [hit.id for hit in explanation.house],
        "detected": [_ruled(truth) | {"class": truth.rule.to} for truth in explanation.raises],
        "tables": [_table_json(truth) for truth in explanation.tables],
        "rules": [
            _ruled(truth) | {"shadow": truth.rule.shadow, "in_force": truth.live}
            for truth in explanation.rules
        ],
    }


def _ruled(truth: RuleTruth | RaiseTruth) -> dict[str, Any]:
    return {
        "id": truth.rule.id,
        "title": {"ja": truth.rule.title.ja, "en": truth.rule.title.en},
        "basis": truth.rule.basis,
        "matches": truth.matches,
        "conditions": [_condition_json(condition) for condition in truth.conditions],
    }


def _table_json(truth: TableTruth) -> dict[str, Any]:
    table = truth.table
    return {
        "id": table.id,
        "title": {"ja": table.title.ja, "en": table.title.en},
        "basis": table.basis,
        "shadow": table.shadow,
        "matches": truth.matches,
        "cells": [
            {"id": cell.hit.id, "row": cell.row, "column": cell.column, "says": cell.word}
            for cell in truth.cells
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
    if verdict.would is not None and verdict.would != gate:
        yield f"試行中の規則も働けば: {GATE_WORDS[verdict.would][0]} / With rehearsed rules: {verdict.would}"
    revealed = ", ".join(sorted(verdict.revealed))
    yield f"伏せ字にしない種類: {revealed or 'なし'} / Not masked: {revealed or 'none'}"
    yield from _class_lines(explanation)
    for hit in explanation.house:
        yield ""
        yield f"○ {hit.id} {hit.title.ja} / {hit.title.en}"
    for detected in explanation.raises:
        yield ""
        yield _heading(detected.rule, detected.matches) + f" → 機密性{detected.rule.to}"
        yield from _conditions(detected.conditions)
    for table in explanation.tables:
        yield ""
        yield from _table_lines(table)
    for truth in sorted(explanation.rules, key=lambda one: one.matches is False):  # what applies comes first
        yield ""
        yield _heading(truth.rule, truth.matches) + _aside(truth)
        yield from _conditions(truth.conditions)


def _class_lines(explanation: Explanation) -> Iterator[str]:
    derived = explanation.verdict.derived
    if derived is None:
        return
    declared = explanation.ask.declared_class or "なし(2とみなす) / none (counts as 2)"
    found = derived.detected_class or "なし / none"
    yield f"機密性: {derived.effective_class}(申告 {declared}、見つかったものから {found})"
    yield f"送信先: {derived.destination} / destination　接続元: {derived.zone} / zone"


def _heading(rule: Rule | Raise, matches: bool | None) -> str:
    return f"{MARKS[matches]} {rule.id} {rule.title.ja} / {rule.title.en}"


def _aside(truth: RuleTruth) -> str:
    said = ["試行中 / rehearsed"] if truth.rule.shadow else []
    if not truth.live:
        said.append(f"期間外 / not in force ({truth.rule.valid_from or ''}..{truth.rule.valid_until or ''})")
    return f" [{'、'.join(said)}]" if said else ""


def _table_lines(truth: TableTruth) -> Iterator[str]:
    table = truth.table
    mark = MARKS[None if truth.matches is None else bool(truth.cells)]
    yield f"{mark} {table.id} {table.title.ja} / {table.title.en}" + (" [試行中]" if table.shadow else "")
    for cell in truth.cells:
        yield f"    ○ {cell.hit.id} = {cell.word}"
    if not truth.cells:
        yield "    当てはまるマスはありません / no cell applies"


def _reason(verdict: Verdict, language: str) -> str:
    if isinstance(verdict, Refuse) and verdict.error:
        return f"判定できませんでした({verdict.error})" if language == "ja" else f"an error ({verdict.error})"
    if verdict.decisive:
        return ", ".join(hit.id for hit in verdict.decisive)
    return "許可する規則がありません" if language == "ja" else "no rule allows it"


def _conditions(truths: Sequence[ConditionTruth]) -> Iterator[str]:
    for truth in truths:
        yield from _condition_lines(truth, "    ")


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
    return _shown(value, {**VALUE_WORDS, **ENTITY_WORDS, **CATEGORY_CODES})


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
