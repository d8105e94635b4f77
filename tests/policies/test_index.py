"""The index makes decisions faster and never different: whatever it leaves out could not have matched."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from policies import files
from policies.conditions import conditions_of, conjunction
from policies.decide import Policy
from policies.facts import facts_of
from policies.model import Ask, EntityFact
from policies.vocabulary import (
    ACTORS,
    ATTACHMENTS,
    AUDIENCES,
    CATEGORIES,
    CLASSES,
    DIALECTS,
    EVIDENCE,
    IDENTITIES,
    QUOTAS,
    ROLES,
    SERVICES,
    STAGES,
    TIERS,
)
from tests.policies.conftest import ORDINARY
from tests.policies.test_conditions import LISTS

PolicyOf = Callable[..., Policy]
PAIR = {"ja": "題", "en": "title"}
TYPES = ("PERSON", "JP_ADDRESS", "CREDIT_CARD")
NAMES = ("道路課", "下水道課", "ＩＴ推進課", "*課", "道路?", "[道]路課", "it推進課")
MODELS = ("any-model", "own", "abroad-1", "on-trial", "over", "terms", "ANY-model")


def some(values: Any, most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(tuple(values)), min_size=1, max_size=most)


hours = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 30, 59]))
plain = {
    **{name: st.booleans() for name in ("enrolled", "trained", "consented", "no_training", "recorded", "holiday")},
    "actor": some(ACTORS),
    "role": some(ROLES),
    "identity": some(IDENTITIES),
    "audience": some(AUDIENCES),
    "section": some(NAMES),
    "zone": some(("lgwan", "my_number", "unknown")),
    "model": some((*MODELS, "abroad-*", "*")),
    "model_stage": some(STAGES),
    "service": some(SERVICES),
    "region": some(("jp", "us")),
    "destination": some(TIERS),
    "dialect": some(DIALECTS),
    "category": some(CATEGORIES[:4]),
    "class": some(CLASSES),
    "class_at_least": st.sampled_from(CLASSES),
    "class_declared": some(CLASSES),
    "class_detected": some(CLASSES),
    "persons_at_least": st.integers(1, 21),
    "pairs_at_least": st.integers(1, 2),
    "words": some(("secret", "bid"), 2),
    "characters_over": st.integers(0, 500),
    "attachments": some(ATTACHMENTS),
    "quota": some(QUOTAS),
    "hours": st.tuples(hours, hours).filter(lambda span: span[0] != span[1]).map(
        lambda span: {"from": span[0], "until": span[1]}
    ),
    "tools": st.sampled_from([{"any": True}, {"not_approved": True}, {"any_of": ["search_*"]}]),
    "use_case": st.sampled_from(
        [{"declared": False}, {"declared": True}, {"approved": True}, {"high_risk": False}, {"id": ["UC-1"]}]
    ),
    "entities": st.one_of(
        st.fixed_dictionaries({"any": st.just(True)}, optional={"evidence": some(EVIDENCE)}),
        st.fixed_dictionaries(
            {"any_of": some(TYPES)}, optional={"evidence": some(EVIDENCE), "at_least": st.integers(1, 3)}
        ),
    ),
}  # fmt: skip


@st.composite
def whens(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    """One to three conditions of any kind, also turned round, also twice."""
    names = draw(st.lists(st.sampled_from(sorted(plain)), min_size=1, max_size=3, unique=True))
    found: dict[str, Any] = {name: draw(plain[name]) for name in names}
    if depth and draw(st.booleans()):
        found["not"] = draw(whens(depth - 1))
    return found


asks = st.builds(
    replace,
    st.just(ORDINARY),
    section=st.sampled_from(["道路課", "下水道課", "IT推進課", ""]),
    actor=st.sampled_from(ACTORS),
    role=st.sampled_from(ROLES),
    identity=st.sampled_from(IDENTITIES),
    audience=st.sampled_from(AUDIENCES),
    enrolled=st.booleans(),
    trained=st.booleans(),
    consented=st.booleans(),
    model=st.sampled_from([*MODELS, "nobody's"]),
    destination=st.sampled_from(TIERS),
    dialect=st.sampled_from(DIALECTS),
    category=st.sampled_from(CATEGORIES[:4]),
    declared_class=st.sampled_from([None, *CLASSES]),
    address=st.sampled_from([None, "10.1.1.1", "10.9.1.1", "192.0.2.1"]),
    use_case=st.sampled_from([None, "UC-1", "UC-2", "UC-3", "UC-9"]),
    characters=st.integers(0, 600),
    persons=st.integers(0, 21),
    pairs=st.integers(0, 2),
    words=st.sampled_from([(), ("secret",), ("bid", "secret"), ("gone",)]),
    attachments=st.sampled_from([(), ("image",), ("link", "file")]),
    tools=st.sampled_from([(), ("search_web",), ("send_mail",)]),
    tools_unnamed=st.integers(0, 1),
    quota=st.sampled_from(QUOTAS),
    entities=st.lists(
        st.builds(EntityFact, st.sampled_from(TYPES), st.sampled_from(EVIDENCE), st.integers(0, 3)),
        max_size=3,
    ).map(tuple),
    at=st.builds(
        lambda minutes: datetime(2026, 10, 31, tzinfo=UTC) + timedelta(minutes=minutes), st.integers(0, 6000)
    ),
)


def ruled(policy: Policy, several: list[dict[str, Any]]) -> Policy:
    """The policy with one rule for each ``when``; reading them from YAML each time would take most of a minute."""
    model = policy.rules[0]
    rules = []
    for i, when in enumerate(several):
        conditions = conditions_of(when)
        rules.append(replace(model, id=f"R-{i}", conditions=conditions, matches=conjunction(conditions)))
    return replace(policy, rules=tuple(rules))


@settings(max_examples=40, deadline=None)
@given(rules=st.lists(whens(), min_size=1, max_size=8), several=st.lists(asks, min_size=1, max_size=12))
def test_whoever_asks_the_index_finds_the_rules_that_asking_every_rule_finds(
    rules: list[dict[str, Any]], several: list[Ask]
) -> None:
    policy = ruled(LISTING, rules)

    for ask in several:  # the same index for all: what it remembers of one ask must be true of the next
        facts = facts_of(policy, ask)
        everyone = [rule.id for rule in policy.rules if rule.matches(facts)]
        assert [rule.id for rule in policy.index.may_match(facts) if rule.matches(facts)] == everyone
        assert [hit.id for hit in policy.decide(ask).rules if hit.id.startswith("R-")] == everyone


@cache
def shipped() -> list[Policy]:
    return [files.load(name) for name in files.city_names()]


def test_a_rule_that_cannot_match_is_not_even_asked(ordinary: Ask, policy_of: PolicyOf) -> None:
    policy = policy_of(
        *({"when": {"category": name}, "gate": "deny"} for name in CATEGORIES), {"gate": "allow"}
    )
    mine = CATEGORIES.index(ordinary.category)

    asked = policy.index.may_match(facts_of(policy, ordinary))

    assert [rule.id for rule in asked] == [f"R-{mine}", f"R-{len(CATEGORIES)}"]


@settings(max_examples=25, deadline=None)
@given(asks)
def test_the_shipped_rules_decide_the_same_with_and_without_the_index(ask: Ask) -> None:
    for policy in shipped():
        facts = facts_of(policy, ask)
        assert [rule for rule in policy.index.may_match(facts) if rule.matches(facts)] == [
            rule for rule in policy.rules if rule.matches(facts)
        ]


LISTING = files.parse(json.dumps({
    "name": "test", "version": "1", "title": PAIR, **LISTS,
    "rules": [{"id": "R", "title": PAIR, "basis": "試験", "when": {"always": True}, "gate": "deny", "remedy": PAIR}],
}))  # fmt: skip
