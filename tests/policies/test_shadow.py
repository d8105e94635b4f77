"""A rehearsed rule is recorded and not done; an alarm is raised by what asks for it and by whatever goes wrong."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.conditions import conditions_of, conjunction
from policies.decide import Policy, Reveal, Rule, decide, gate_of
from policies.model import Ask, Bilingual, EntityFact, Permit, Refuse
from policies.vocabulary import ENTITY_TYPES, GATES, TIERS
from tests.policies.test_decide import asks, whens

PolicyOf = Callable[..., Policy]
SENTENCE = Bilingual("文", "sentence")
PAIR = {"ja": "文", "en": "sentence"}


@st.composite
def rules(draw: st.DrawFn) -> list[Rule]:
    """Rules of all kinds, some of them rehearsed."""
    found = []
    for i in range(draw(st.integers(0, 6))):
        conditions = conditions_of(draw(whens))
        reveal = Reveal(frozenset(["PERSON"]), draw(st.frozensets(st.sampled_from(TIERS), min_size=1)))
        found.append(
            Rule(
                id=f"R-{i}",
                title=SENTENCE,
                basis="試験",
                owner=None,
                conditions=conditions,
                matches=conjunction(conditions),
                gate=draw(st.sampled_from([None, *GATES])),
                reveal=draw(st.sampled_from([None, reveal])),
                notice=draw(st.sampled_from([None, SENTENCE])),
                remedy=SENTENCE,
                strict=draw(st.booleans()),
                alarm=draw(st.booleans()),
                shadow=draw(st.booleans()),
            )
        )
    return found


def policy(several: list[Rule]) -> Policy:
    return Policy("test", "1", "0" * 64, SENTENCE, tuple(several), frozenset(ENTITY_TYPES))


@given(asks, rules())
def test_without_its_rehearsed_rules_a_policy_does_exactly_the_same(ask: Ask, several: list[Rule]) -> None:
    enforced = [rule for rule in several if not rule.shadow]
    whole, without = policy(several), policy(enforced)

    one, other = decide(whole, ask), decide(without, ask)

    assert type(one) is type(other)
    assert (one.revealed, one.notices, one.alarms, one.decisive) == (
        other.revealed,
        other.notices,
        other.alarms,
        other.decisive,
    )
    assert whole.strict(ask) == without.strict(ask)
    assert [hit for hit in one.rules if not _rehearsed(hit.effects)] == list(other.rules)


@given(asks, rules())
def test_would_is_the_gate_that_comes_out_once_the_rehearsal_is_over(ask: Ask, several: list[Rule]) -> None:
    verdict = decide(policy(several), ask)
    earnest = decide(policy([replace(rule, shadow=False) for rule in several]), ask)

    rehearsing = any(_rehearsed(hit.effects) for hit in verdict.rules)
    assert verdict.would == (gate_of(earnest) if rehearsing else None)


def _rehearsed(effects: tuple[str, ...]) -> bool:
    started = {effect.startswith("would_") for effect in effects}
    assert len(started) == 1  # a rule is rehearsed as a whole
    return started.pop()


def test_a_rehearsed_denial_is_recorded_as_would_deny_and_lets_pass(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    policy = policy_of({"gate": "allow"}, {"gate": "deny", "notice": PAIR, "alarm": True, "shadow": True})

    verdict = policy.decide(ordinary)

    assert isinstance(verdict, Permit)
    assert verdict.rules[1].effects == ("would_deny", "would_notice", "would_alarm")
    assert (verdict.would, verdict.notices, verdict.alarms) == ("deny", (), ())


def test_a_rehearsed_reveal_lifts_no_mask(ordinary: Ask, policy_of: PolicyOf) -> None:
    reveal = {"reveal": {"types": ["PERSON"], "destinations": ["D2"]}, "shadow": True}
    named = replace(ordinary, entities=(EntityFact("PERSON", "cue", 1),))

    verdict = policy_of({"gate": "allow"}, reveal).decide(named)

    assert verdict.hides("PERSON")
    assert verdict.rules[1].effects == ("would_reveal",)
    assert verdict.would == "allow"


def test_a_rehearsed_permit_lets_nothing_pass(ordinary: Ask, policy_of: PolicyOf) -> None:
    verdict = policy_of({"gate": "allow", "shadow": True}).decide(ordinary)

    assert isinstance(verdict, Refuse)
    assert (verdict.decisive, verdict.would) == ((), "allow")


def test_a_table_can_be_rehearsed_as_a_whole(ordinary: Ask, policy_of: PolicyOf) -> None:
    table = {
        "id": "T",
        "title": PAIR,
        "basis": "試験",
        "rows": "class",
        "cells": {"*": "deny+notice"},
        "shadow": True,
    }
    verdict = policy_of({"gate": "allow"}, tables=[{**table, "deny": PAIR, "notice": PAIR}]).decide(ordinary)

    assert isinstance(verdict, Permit)
    assert verdict.rules[1].effects == ("would_deny", "would_notice")
    assert (verdict.would, verdict.notices) == ("deny", ())


# ── alarms ────────────────────────────────────────────────────────────────────────────────────────


def test_a_rule_raises_its_alarm_beside_whatever_else_it_does(ordinary: Ask, policy_of: PolicyOf) -> None:
    policy = policy_of(
        {"gate": "allow"}, {"alarm": True, "when": {"category": "hr"}}, {"gate": "deny", "alarm": True}
    )

    assert policy.decide(replace(ordinary, category="hr")).alarms == ("R-1", "R-2")
    assert policy.decide(ordinary).alarms == ("R-2",)


@pytest.mark.requirement("R31")
@pytest.mark.parametrize(
    ("strange", "code"),
    [
        ({"category": "unheard_of"}, "unknown_category"),
        ({"role": "mayor"}, "unknown_role"),
        ({"audience": "everybody"}, "unknown_audience"),
        ({"quota": "plenty"}, "unknown_quota"),
        ({"attachments": ("hologram",)}, "unknown_attachment"),
        ({"persons": -1}, "wrong_count"),
        ({"pairs": True}, "wrong_count"),
        ({"tools_unnamed": None}, "wrong_count"),
        ({"consented": "yes"}, "wrong_fact"),
        ({"words": (1,)}, "wrong_fact"),
        ({"tools": (None,)}, "wrong_fact"),
        ({"address": 167772161}, "wrong_fact"),
        ({"use_case": 7}, "wrong_fact"),
        ({"words": None}, "evaluation_failed"),
    ],
)
def test_a_fact_nobody_knows_denies_and_raises_an_alarm(
    ordinary: Ask, policy_of: PolicyOf, strange: dict[str, Any], code: str
) -> None:
    verdict = policy_of({"gate": "allow"}).decide(replace(ordinary, **strange))

    assert isinstance(verdict, Refuse)
    assert (verdict.error, verdict.alarms) == (code, (f"error.{code}",))
    assert (verdict.would, verdict.derived) == (None, None)


@pytest.mark.requirement("R31")
@pytest.mark.parametrize("part", ["rules", "tables", "raises"])
def test_whatever_cannot_be_evaluated_denies_and_raises_an_alarm(
    ordinary: Ask, policy_of: PolicyOf, part: str
) -> None:
    """Rehearsed or not: what breaks while it is only rehearsed breaks just as well."""
    table = {"id": "T", "title": PAIR, "basis": "試験", "rows": "class", "cells": {"*": "allow"}}
    detected = {"id": "D", "title": PAIR, "basis": "試験", "class": "3A", "when": {"pairs_at_least": 1}}
    good = policy_of({"gate": "allow", "shadow": True}, tables=[table], detected=[detected])

    def breaks(facts: Any) -> bool:
        raise RuntimeError("山田太郎")

    broken = replace(good, **{part: tuple(replace(one, matches=breaks) for one in getattr(good, part))})
    verdict = broken.decide(ordinary)

    assert isinstance(good.decide(ordinary), Permit)
    assert isinstance(verdict, Refuse)
    assert verdict.alarms == ("error.evaluation_failed",)
    assert "山田" not in repr(verdict)


@settings(max_examples=50)
@given(asks, rules())
def test_an_alarm_changes_neither_the_gate_nor_what_is_revealed(ask: Ask, several: list[Rule]) -> None:
    loud = decide(policy([replace(rule, alarm=True) for rule in several]), ask)
    quiet = decide(policy([replace(rule, alarm=False) for rule in several]), ask)

    assert (type(loud), loud.revealed) == (type(quiet), quiet.revealed)
    assert [hit.id for hit in loud.notices] == [hit.id for hit in quiet.notices]
    assert quiet.alarms == ()
