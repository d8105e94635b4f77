"""What is called impossible never happens, and what is said to be covered always is."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from policies import files
from policies.conditions import conditions_of, conjunction
from policies.facts import facts_of
from policies.model import Ask
from policies.names import any_name
from policies.proofs import World, nameable
from tests.policies.test_conditions import APPROVED, LISTS, model, use_case
from tests.policies.test_index import LISTING, asks, whens

TODAY = date(2026, 10, 31)
OWN, LISTED = World(TODAY), World(TODAY, LISTING)

When = dict[str, Any]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(whens(), asks)  # one in six of them fits
def test_what_some_ask_fulfils_is_never_called_impossible(when: When, ask: Ask) -> None:
    conditions = conditions_of(when)
    assume(conjunction(conditions)(facts_of(LISTING, ask)))

    assert OWN.possible((conditions, True))
    assert LISTED.possible((conditions, True))


@settings(max_examples=50, deadline=None)
@given(whens(), whens(), asks)
def test_an_ask_that_fulfils_what_is_covered_fulfils_what_covers_it(one: When, other: When, ask: Ask) -> None:
    facts = facts_of(LISTING, ask)
    both = {**one, **{key: value for key, value in other.items() if key not in one}}
    for wide, narrow in ((one, other), (one, both), (other, both)):
        wanted, given_ = conditions_of(wide), conditions_of(narrow)
        if OWN.covers(wanted, given_) or LISTED.covers(wanted, given_):
            assert conjunction(wanted)(facts) or not conjunction(given_)(facts)


@settings(max_examples=40, deadline=None)
@given(whens(0), whens(0))
def test_whatever_says_more_is_covered_by_what_says_less(less: When, more: When) -> None:
    both = {**more, **less}

    assert OWN.covers(conditions_of(less), conditions_of(both))
    assert OWN.covers(conditions_of({"always": True}), conditions_of(both))
    assert not OWN.possible((conditions_of(both), True), (conditions_of(less), False))


IMPOSSIBLE: list[When] = [
    {"class": ["1", "2"], "class_at_least": "3C"},
    {"class": ["1"], "class_declared": ["3A"]},
    {"class": ["2"], "class_detected": ["3B"]},
    {"destination": ["D1"], "not": {"destination": ["D1", "D2"]}},
    {"trained": True, "not": {"trained": True}},
    {"not": {"always": True}},
    {"not": {"destination": ["D1", "D2", "D3", "D4"]}},
    {"section": ["*課"], "not": {"section": ["*"]}},
    {"section": ["ＩＴ推進課"], "not": {"section": ["it*"]}},
    {"section": ["道?課", "下水道課"], "not": {"section": ["*道*"]}},
    {"persons_at_least": 5, "not": {"persons_at_least": 5}},
    {"hours": {"from": "09:00", "until": "10:00"}, "not": {"hours": {"from": "08:00", "until": "11:00"}}},
    {"hours": {"from": "22:00", "until": "06:00"}, "not": {"hours": {"from": "21:00", "until": "07:00"}}},
    {"entities": {"any_of": ["PERSON"], "at_least": 3}, "not": {"entities": {"any": True, "at_least": 3}}},
    {"words": ["a"], "not": {"words": ["a", "b"]}},
    {"attachments": ["image"], "not": {"attachments": ["image", "file"]}},
    {"tools": {"any_of": ["send_*"]}, "not": {"tools": {"any": True}}},
    {"use_case": {"approved": True}, "not": {"use_case": {"approved": True}}},
    {"holiday": True, "not": {"holiday": True}},
    {"zone": ["lgwan"], "not": {"zone": ["lgwan", "unknown"]}},
    {"category": ["hr"], "not": {"not": {"category": ["pr"]}}},
]
POSSIBLE: list[When] = [
    {"class": ["3C"], "class_at_least": "3C"},
    {"class": ["3B"], "class_declared": ["1"]},
    {"class": ["2"], "not": {"class_declared": ["1", "2", "3C", "3B", "3A"]}},
    {"destination": ["D1", "D3"], "not": {"destination": ["D1", "D2"]}},
    {"section": ["a*"], "not": {"section": ["*b"]}},
    {"section": ["??"], "not": {"section": ["?"]}},
    {"persons_at_least": 5, "not": {"persons_at_least": 6}},
    {"hours": {"from": "09:00", "until": "11:01"}, "not": {"hours": {"from": "08:00", "until": "11:00"}}},
    {"entities": {"any_of": ["PERSON"], "at_least": 3}, "not": {"entities": {"any": True, "at_least": 4}}},
    {"entities": {"any": True}, "not": {"entities": {"any_of": ["PERSON"]}}},
    {"words": ["a", "c"], "not": {"words": ["a", "b"]}},
    {"not": {"destination": ["D1"], "trained": True}},
    {"service": ["own"], "not": {"service": ["contract", "terms_only"]}},
    {"not": {"zone": ["lgwan", "unknown"]}},
]


@pytest.mark.parametrize("when", IMPOSSIBLE, ids=str)
def test_conditions_that_contradict_each_other_are_proved_impossible(when: When) -> None:
    assert not OWN.possible((conditions_of(when), True))


@pytest.mark.parametrize("when", POSSIBLE, ids=str)
def test_conditions_that_can_hold_together_are_not(when: When) -> None:
    assert OWN.possible((conditions_of(when), True))


AWAITING: list[tuple[When, bool]] = [
    ({"class_detected": ["3A"]}, False),
    ({"class_detected": ["3B"]}, True),
    ({"model": ["own"], "destination": ["D1"]}, True),
    ({"model": ["abroad-*"], "no_training": True}, False),
    ({"model": ["on-trial"], "model_stage": ["approved"]}, False),
    ({"model": ["on-trial"], "model_stage": ["expired"]}, True),
    ({"model": ["later"], "model_stage": ["approved"]}, True),
    ({"model": ["over"], "model_stage": ["approved"]}, True),
    ({"service": ["terms_only"], "no_training": True}, False),
    ({"region": ["us"], "not": {"destination": ["D3", "D4"]}}, False),
    ({"use_case": {"high_risk": True, "assessed": False}}, False),
    ({"use_case": {"id": ["UC-3"], "approved": True}}, True),
    ({"use_case": {"id": ["UC-2"], "approved": True}}, False),
]


@pytest.mark.parametrize(("when", "possible"), AWAITING, ids=str)
def test_a_policy_that_lists_its_models_and_use_cases_makes_more_impossible(
    when: When, possible: bool
) -> None:
    assert LISTED.possible((conditions_of(when), True)) == possible
    assert OWN.possible((conditions_of(when), True))


def test_what_is_over_by_the_day_of_the_check_can_happen_no_more() -> None:
    when = conditions_of({"use_case": {"id": ["UC-3"], "approved": True}})
    expired = conditions_of({"model": ["over"], "model_stage": ["approved"]})

    assert World(date(2026, 11, 1), LISTING).possible((when, True))
    assert not World(date(2026, 11, 2), LISTING).possible((when, True))
    assert not World(date(2026, 11, 1), LISTING).possible((expired, True))


def test_a_zone_that_nobody_named_is_thought_of() -> None:
    assert not OWN.covers(
        conditions_of({"zone": ["lgwan", "unknown"]}), conditions_of({"not": {"zone": ["edu"]}})
    )


def test_the_last_day_of_the_calendar_is_followed_by_none() -> None:
    lists = {**LISTS, "use_cases": [use_case("UC-1", approval={**APPROVED, "until": "9999-12-31"})]}
    lists["models"] = [model("for-good", valid_until="9999-12-31")]
    policy = files.parse(json.dumps({**LISTING.data, **lists}))
    world = World(TODAY, policy)

    assert world.possible((conditions_of({"use_case": {"id": ["UC-1"], "approved": True}}), True))
    assert not world.possible((conditions_of({"use_case": {"id": ["UC-1"], "approved": False}}), True))
    assert not world.possible((conditions_of({"model": ["for-good"], "model_stage": ["expired"]}), True))
    assert World(date.max, policy).possible((conditions_of({"holiday": True}), True))


def test_only_registered_models_is_less_than_any_model() -> None:
    when = conditions_of({"model": ["gpt-5*"]})

    assert LISTED.possible((when, True))
    assert not World(TODAY, LISTING, registered=True).possible((when, True))


patterns = st.lists(st.text(alphabet="ab*?", min_size=1, max_size=4), min_size=1, max_size=2)


@settings(deadline=None)
@given(st.lists(patterns, max_size=2), st.lists(patterns, max_size=2), st.text(alphabet="abc", max_size=5))
def test_a_name_that_fits_is_never_called_impossible(
    fits: list[list[str]], misses: list[list[str]], name: str
) -> None:
    if all(any_name(one)(name) for one in fits) and not any(any_name(one)(name) for one in misses):
        assert nameable(fits, misses)


def test_conditions_of_many_cases_are_believed_rather_than_unfolded() -> None:
    """Sixteen alternatives of four each are four billion cases: no proof, and no waiting either."""
    either = {"not": {"trained": True, "actor": ["staff"], "category": ["hr"], "quota": ["over"]}}
    several = [(conditions_of(either), True)] * 16

    assert OWN.possible(*several)
