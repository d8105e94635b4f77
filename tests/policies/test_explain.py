"""An explanation says of every rule and condition whether it holds, and agrees with the decision."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from policies import files
from policies.decide import Policy
from policies.explain import as_json, as_lines, explain
from policies.model import Ask, EntityFact

PolicyOf = Callable[..., Policy]


def test_every_rule_is_explained_and_the_true_ones_are_those_that_were_recorded(ordinary: Ask) -> None:
    policy = files.load("takatsuki")
    ask = replace(ordinary, entities=(EntityFact("PERSON", "context", 2),), destination="D3")

    explanation = explain(policy, ask)

    assert [truth.rule.id for truth in explanation.rules] == [rule.id for rule in policy.rules]
    recorded = [hit.id for hit in explanation.verdict.rules]
    rules = [truth.rule.id for truth in explanation.rules if truth.matches]
    cells = [cell.hit.id for truth in explanation.tables for cell in truth.cells if cell.hit.effects]
    assert [*[hit.id for hit in explanation.house], *rules, *cells] == recorded
    assert "P-05" in rules and "T.2.D3" in cells


def test_what_only_looks_like_a_rule_of_the_house_is_none(ordinary: Ask, policy_of: PolicyOf) -> None:
    pair = {"ja": "表", "en": "table"}
    table = {"id": "S", "title": pair, "basis": "試験", "rows": "class", "cells": {"*": "allow"}}
    policy = policy_of({"id": "S.2", "gate": "allow"}, {"id": "S.sandbox", "gate": "allow"}, tables=[table])

    assert explain(policy, ordinary).house == ()
    unlisted = explain(policy, replace(ordinary, use_case="UC-9"))
    assert [hit.id for hit in unlisted.house] == ["S.unknown-use-case"]


def test_the_condition_that_failed_is_shown_with_what_was_wanted_and_what_was_there(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    policy = policy_of({"when": {"category": ["hr"], "not": {"destination": ["D2"]}}, "gate": "allow"})

    lines = list(as_lines(explain(policy, ordinary)))

    assert lines[0] == "判定: 送信しません(deny) / Verdict: is not sent (deny)"
    assert lines[1] == "決めた規則: 許可する規則がありません / Decided by: no rule allows it"
    assert lines[6:] == [
        "× R-0 題 / title",
        "    × 業務区分: 規則は 人事・給与、この要求は メール・通知文案 / category: rule hr, ask mail_draft",
        "    × 次に当てはまらない / not:",
        "        ○ 送信先区分: 規則は D2、この要求は D2 / destination: rule D2, ask D2",
    ]


def test_what_was_found_is_shown_in_the_words_of_the_staff(ordinary: Ask, policy_of: PolicyOf) -> None:
    policy = policy_of({"when": {"entities": {"any_of": ["PERSON"], "at_least": 2}}, "gate": "deny"})
    ask = replace(ordinary, entities=(EntityFact("PERSON", "cue", 2), EntityFact("JP_ADDRESS", "pattern", 1)))

    lines = list(as_lines(explain(policy, ask)))

    assert lines[1] == "決めた規則: R-0 / Decided by: R-0"
    assert lines[-1] == (
        "    ○ 見つかった個人情報: 規則は any_of=氏名; at_least=2、この要求は 氏名(cue)×2|住所(pattern)×1"
        " / entities: rule any_of=PERSON; at_least=2, ask PERSON(cue)×2|JP_ADDRESS(pattern)×1"
    )


@pytest.mark.parametrize("change", [{"category": "unheard_of"}, {"entities": None}, {"section": None}])
def test_an_ask_that_cannot_be_decided_is_still_explained(
    ordinary: Ask, policy_of: PolicyOf, change: dict[str, Any]
) -> None:
    policy = policy_of(
        {"when": {"section": "道路課", "entities": {"any": True}}, "gate": "allow"}, {"gate": "allow"}
    )

    explanation = explain(policy, replace(ordinary, **change))

    assert as_json(explanation)["error"]
    assert "判定できませんでした" in "\n".join(as_lines(explanation))


def test_a_condition_that_cannot_be_evaluated_is_neither_true_nor_false(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    policy = policy_of({"when": {"entities": {"any": True}}, "gate": "allow"})

    truth = explain(policy, replace(ordinary, entities=None)).rules[0]  # type: ignore[arg-type]

    assert (truth.matches, truth.conditions[0].holds) == (None, None)


def test_the_json_is_plain_and_complete(ordinary: Ask) -> None:
    policy = files.load("takatsuki")
    own = policy.models.listed[0].name
    ask = replace(ordinary, entities=(EntityFact("PERSON", "context", 2),), model=own, destination="D1")

    verdict, told = policy.decide(ask), json.loads(json.dumps(as_json(explain(policy, ask))))

    assert (told["gate"], told["error"], told["revealed"]) == ("allow", None, [])
    assert told["decisive"] == [hit.id for hit in verdict.decisive]
    assert told["notices"] == [hit.id for hit in verdict.notices]
    assert told["derived"]["model"] == own
    rule = next(rule for rule in told["rules"] if rule["id"] == "C-03")
    assert [(one["name"], one["holds"]) for one in rule["conditions"]] == [
        ("category", False),
        ("entities", True),
    ]
    assert rule["conditions"][1]["fact"] == [["PERSON", "context", 2]]
