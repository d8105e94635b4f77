"""Every condition of the vocabulary, once true and once false, through a policy as it is read from a file."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from policies.conditions import FACTS, folded
from policies.decide import Policy
from policies.model import Ask, EntityFact, Permit
from policies.schema import When
from policies.vocabulary import FACT_WORDS

PolicyOf = Callable[..., Policy]
ADDRESS = EntityFact("JP_ADDRESS", "pattern", 1)


def people(count: int, evidence: str = "context") -> EntityFact:
    return EntityFact("PERSON", evidence, count)


# condition, an ask for which it holds, an ask for which it does not (what differs from the ordinary one)
CASES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"enrolled": False}, {"enrolled": False}, {}),
    ({"trained": True}, {}, {"trained": False}),
    ({"acknowledged": False}, {"acknowledged": False}, {}),
    ({"actor": ["robot", "contractor"]}, {"actor": "contractor"}, {}),
    ({"identity": "asserted"}, {"identity": "asserted"}, {}),
    ({"person": ["demo"]}, {}, {"person": "demo2"}),
    ({"department": "都市創造部"}, {}, {"department": "都市創造"}),
    ({"section": ["IT推進課"]}, {"section": "ＩＴ推進課"}, {"section": "IT推進課分室"}),
    ({"section": ["*課"]}, {}, {"section": "道路課分室"}),
    ({"tool": ["rpa-?"]}, {"tool": "RPA-1"}, {"tool": "rpa-12"}),
    ({"model": ["gpt-5*", "gemma"]}, {"model": "gpt-5.2-mini"}, {"model": "openai/gpt-5"}),
    ({"model": ["a[bc]*"]}, {"model": "a[bc]1"}, {"model": "ab1"}),
    ({"model": ["a.c"]}, {"model": "a.c"}, {"model": "abc"}),
    ({"destination": ["D1", "D2"]}, {}, {"destination": "D3"}),
    ({"dialect": ["embeddings"]}, {"dialect": "embeddings"}, {}),
    ({"category": ["hr"]}, {"category": "hr"}, {}),
    ({"class": ["2"]}, {"declared_class": None}, {"declared_class": "1"}),
    ({"class": "3C"}, {"declared_class": "3C"}, {"declared_class": "3B"}),
    ({"class_at_least": "3C"}, {"declared_class": "3B"}, {"declared_class": "2"}),
    ({"class_at_least": "3C"}, {"declared_class": "3C"}, {"declared_class": None}),
    ({"characters_over": 400}, {"characters": 401}, {"characters": 400}),
    ({"entities": {"any": True}}, {"entities": (ADDRESS,)}, {}),
    ({"entities": {"any_of": ["PERSON"]}}, {"entities": (people(1),)}, {"entities": (ADDRESS,)}),
    ({"entities": {"any_of": ["PERSON"]}}, {"entities": (people(1),)}, {"entities": (people(0),)}),
    (
        {"entities": {"any_of": ["PERSON"], "evidence": ["cue", "both"]}},
        {"entities": (people(1, "both"),)},
        {"entities": (people(1, "checksum"),)},
    ),
    (
        {"entities": {"any_of": ["PERSON"], "at_least": 3}},
        {"entities": (people(2), people(1, "repeat"))},
        {"entities": (people(2), ADDRESS)},
    ),
    (
        {"entities": {"any": True, "at_least": 3}},
        {"entities": (people(2), ADDRESS)},
        {"entities": (people(2),)},
    ),
    ({"not": {"destination": "D2"}}, {"destination": "D1"}, {}),
    ({"not": {"destination": "D2", "trained": True}}, {"trained": False}, {}),
    ({"not": {"not": {"destination": "D2"}}}, {}, {"destination": "D1"}),
    ({"destination": "D2", "category": "hr"}, {"category": "hr"}, {"category": "hr", "destination": "D1"}),
]


@pytest.mark.parametrize(("when", "holds", "fails"), CASES, ids=[str(i) for i in range(len(CASES))])
def test_a_condition_holds_where_it_should_and_nowhere_else(
    ordinary: Ask, policy_of: PolicyOf, when: dict[str, Any], holds: dict[str, Any], fails: dict[str, Any]
) -> None:
    policy = policy_of({"when": when, "gate": "allow"})

    assert isinstance(policy.decide(replace(ordinary, **holds)), Permit)
    assert not isinstance(policy.decide(replace(ordinary, **fails)), Permit)


def test_always_always_holds(ordinary: Ask, policy_of: PolicyOf) -> None:
    assert isinstance(policy_of({"when": {"always": True}, "gate": "allow"}).decide(ordinary), Permit)


def test_schema_facts_and_words_know_the_same_conditions() -> None:
    keys = {field.alias or name for name, field in When.model_fields.items()}

    assert keys == set(FACT_WORDS)
    assert keys - {"not"} == set(FACTS)
    assert {key for when, _, _ in CASES for key in when} | {"always"} == keys


def test_names_that_differ_only_in_width_or_case_are_one() -> None:
    assert folded("ＩＴ推進課") == folded("it推進課")
    assert folded("道路課") != folded("下水道課")
