"""Every condition of the vocabulary, once true and once false, through a policy as it is read from a file."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from policies.conditions import FACTS
from policies.decide import Policy
from policies.model import Ask, EntityFact, Permit
from policies.names import folded
from policies.schema import When
from policies.vocabulary import FACT_WORDS

PolicyOf = Callable[..., Policy]
ADDRESS = EntityFact("JP_ADDRESS", "pattern", 1)


def people(count: int, evidence: str = "context") -> EntityFact:
    return EntityFact("PERSON", evidence, count)


PAIR = {"ja": "題", "en": "title"}
APPROVED = {"by": "課長", "from": "2026-04-01", "until": "2027-03-31"}


def model(name: str, **facts: Any) -> dict[str, Any]:
    plain = {
        "service": "contract",
        "destination": "D2",
        "no_training": True,
        "recorded": True,
        "regions": ["jp"],
    }
    return {"name": name, "title": PAIR, "contract": "契約書", **plain, **facts}


def use_case(id: str, **answers: Any) -> dict[str, Any]:
    plain = {"audience": "staff", "nature": "clerical", "confidential": False, "human_judgement": True}
    return {"id": id, "title": PAIR, "owner": "道路課", "high_risk": False, **plain, **answers}


LISTS: dict[str, Any] = {
    "closed_days": ["12-29..01-03"],
    "zones": [
        {"zone": "lgwan", "networks": ["10.0.0.0/8", "2001:db8:1::/48"]},
        {"zone": "my_number", "networks": ["10.9.0.0/16"]},
    ],
    "models": [
        model("any-model", destination="D1"),
        model("own", service="own", destination="D1", recorded=False, tools=["search_*"]),
        model("abroad-?", destination="D3", regions=["jp", "us"], no_training=False),
        model("on-trial", sandbox=True, valid_until="2026-12-31"),
        model("over", valid_until="2026-10-31"),
        model("later", valid_from="2026-11-03"),
        model("terms", service="terms_only", destination="D4", no_training=False, recorded=False),
    ],
    "use_cases": [
        use_case("UC-1", approval=APPROVED, assessment="A-1", high_risk=True),
        use_case("UC-2", audience="public", nature="rights", confidential=True, human_judgement=False),
        use_case("UC-3", approval={**APPROVED, "until": "2026-11-01"}),
    ],
    "words": [
        {"id": "secret", "title": PAIR, "owner": "道路課", "terms": ["未公表"]},
        {"id": "bid", "title": PAIR, "owner": "契約検査課", "terms": ["予定価格"]},
    ],
    "detected": [
        {"id": "D-20", "title": PAIR, "basis": "試験", "class": "3B", "when": {"persons_at_least": 20}},
        {"id": "D-3", "title": PAIR, "basis": "試験", "class": "3C", "when": {"persons_at_least": 3}},
    ],
}
"""What the conditions on lists are tried with, on Monday 2026-11-02 at ten in Japan."""


def at(text: str) -> dict[str, datetime]:
    return {"at": datetime.fromisoformat(text)}


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
    ({"consented": True}, {"consented": True}, {}),
    ({"purpose": False}, {"purpose": False}, {}),
    ({"role": ["operator", "auditor"]}, {"role": "auditor"}, {}),
    ({"audience": "public"}, {"audience": "public"}, {}),
    ({"zone": ["lgwan"]}, {"address": "10.1.2.3"}, {"address": "10.9.2.3"}),
    ({"zone": ["lgwan"]}, {"address": "2001:db8:1::7"}, {"address": "2001:db8:2::7"}),
    ({"zone": ["lgwan"]}, {"address": "::ffff:10.1.2.3"}, {"address": None}),
    ({"zone": ["my_number"]}, {"address": "10.9.0.0"}, {"address": "10.10.0.0"}),
    ({"zone": ["unknown"]}, {"address": "not an address"}, {"address": "10.0.0.1"}),
    ({"model_stage": "approved"}, {}, {"model": "on-trial"}),
    ({"model_stage": ["sandbox", "expired"]}, {"model": "over"}, {"model": "nobody's"}),
    ({"model_stage": "expired"}, {"model": "later"}, {"model": "later", **at("2026-11-03T00:00:00+09:00")}),
    ({"model_stage": "unknown"}, {"model": "abroad-12"}, {"model": "abroad-1"}),
    ({"service": ["own", "terms_only"]}, {"model": "own"}, {"model": "nobody's"}),
    ({"no_training": True}, {}, {"model": "abroad-1"}),
    ({"no_training": False}, {"model": "nobody's"}, {}),
    ({"recorded": False}, {"model": "own"}, {}),
    ({"region": ["us"]}, {"model": "abroad-1"}, {}),
    ({"region": ["us", "jp"]}, {}, {"model": "nobody's"}),
    ({"destination": ["D3"]}, {"model": "abroad-1"}, {"model": "any-model"}),
    ({"destination": ["D4"]}, {"model": "abroad-1", "destination": "D4"}, {"model": "abroad-1"}),
    ({"use_case": {"declared": False}}, {}, {"use_case": "UC-1"}),
    ({"use_case": {"declared": False}}, {"use_case": "UC-9"}, {"use_case": "UC-2"}),
    ({"use_case": {"declared": True}}, {"use_case": "UC-1"}, {}),
    ({"use_case": {"id": ["UC-1", "UC-3"]}}, {"use_case": "UC-3"}, {"use_case": "UC-2"}),
    ({"use_case": {"approved": True}}, {"use_case": "UC-1"}, {"use_case": "UC-3"}),
    ({"use_case": {"approved": False}}, {"use_case": "UC-2"}, {}),
    ({"use_case": {"high_risk": True, "assessed": True}}, {"use_case": "UC-1"}, {"use_case": "UC-2"}),
    ({"use_case": {"audience": "public"}}, {"use_case": "UC-2"}, {"use_case": "UC-1"}),
    ({"use_case": {"nature": "rights", "confidential": True}}, {"use_case": "UC-2"}, {"use_case": "UC-1"}),
    ({"use_case": {"human_judgement": False}}, {"use_case": "UC-2"}, {"use_case": "UC-3"}),
    ({"class_declared": ["2"]}, {}, {"declared_class": None}),
    ({"class_detected": ["3C"]}, {"persons": 3}, {"persons": 20}),
    ({"class_detected": ["3B"]}, {"persons": 20}, {"persons": 19}),
    ({"class": ["3B"]}, {"persons": 20, "declared_class": "1"}, {"persons": 20, "declared_class": "3A"}),
    ({"persons_at_least": 20}, {"persons": 20}, {"persons": 19}),
    ({"pairs_at_least": 1}, {"pairs": 1}, {}),
    ({"words": ["secret", "bid"]}, {"words": ("bid",)}, {}),
    ({"words": "secret"}, {"words": ("bid", "secret")}, {"words": ("bid",)}),
    ({"attachments": ["image", "audio"]}, {"attachments": ("file", "audio")}, {"attachments": ("link",)}),
    ({"tools": {"any": True}}, {"tools": ("search_web",)}, {}),
    ({"tools": {"any": True}}, {"tools_unnamed": 1}, {}),
    ({"tools": {"any_of": ["send_*"]}}, {"tools": ("x", "SEND_mail")}, {"tools": ("search_web",)}),
    ({"tools": {"any_of": ["send_*"]}}, {"tools": ("send_mail",)}, {"tools_unnamed": 1}),
    (
        {"tools": {"not_approved": True}},
        {"model": "own", "tools": ("search_web", "send_mail")},
        {"model": "own", "tools": ("search_web",)},
    ),
    ({"tools": {"not_approved": True}}, {"model": "own", "tools_unnamed": 1}, {"model": "own"}),
    (
        {"tools": {"not_approved": True}},
        {"model": "nobody's", "tools": ("search_web",)},
        {"model": "nobody's"},
    ),
    ({"hours": {"from": "09:00", "until": "10:01"}}, {}, at("2026-11-02T10:01:00+09:00")),
    ({"hours": {"from": "10:00", "until": "11:00"}}, {}, at("2026-11-02T09:59:59+09:00")),
    (
        {"hours": {"from": "22:00", "until": "06:00"}},
        at("2026-11-02T22:00:00+09:00"),
        at("2026-11-02T21:59:59+09:00"),
    ),
    (
        {"hours": {"from": "22:00", "until": "06:00"}},
        at("2026-11-03T05:59:59+09:00"),
        at("2026-11-03T06:00:00+09:00"),
    ),
    ({"hours": {"from": "00:00", "until": "00:01"}}, at("2026-11-02T15:00:30+00:00"), {}),
    ({"holiday": True}, at("2026-11-03T10:00:00+09:00"), {}),
    ({"holiday": False}, {}, at("2026-12-29T10:00:00+09:00")),
    ({"quota": ["near", "over"]}, {"quota": "over"}, {}),
    ({"not": {"destination": "D2"}}, {"destination": "D1"}, {}),
    ({"not": {"destination": "D2", "trained": True}}, {"trained": False}, {}),
    ({"not": {"not": {"destination": "D2"}}}, {}, {"destination": "D1"}),
    ({"destination": "D2", "category": "hr"}, {"category": "hr"}, {"category": "hr", "destination": "D1"}),
]


@pytest.mark.parametrize(
    ("when", "holds", "fails"), CASES, ids=[f"{i}-{'-'.join(when)}" for i, (when, _, _) in enumerate(CASES)]
)
def test_a_condition_holds_where_it_should_and_nowhere_else(
    ordinary: Ask, policy_of: PolicyOf, when: dict[str, Any], holds: dict[str, Any], fails: dict[str, Any]
) -> None:
    policy = policy_of({"when": when, "gate": "allow"}, **LISTS)

    assert matched(policy, replace(ordinary, **holds))
    assert not matched(policy, replace(ordinary, **fails))


def matched(policy: Policy, ask: Ask) -> bool:
    """Whether the one rule did; the ask itself must be a sound one."""
    verdict = policy.decide(ask)
    assert verdict.derived is not None
    return "R-0" in [hit.id for hit in verdict.rules]


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
