"""The policies that ship do what they promise, and their own tests try every rule."""

from dataclasses import replace

import pytest

from policies import files, testing
from policies.decide import gate_of
from policies.model import Ask, EntityFact, Permit, Refuse
from policies.vocabulary import CATEGORIES, CLASSES, ENTITY_TYPES, EVIDENCE, TIERS

MASKED = ("PERSON", "JP_ADDRESS", "PHONE_NUMBER", "EMAIL_ADDRESS", "DATE_OF_BIRTH", "JP_POSTAL_CODE")


@pytest.mark.parametrize("name", files.city_names())
def test_a_policy_that_ships_passes_its_own_tests_and_they_try_every_rule(name: str) -> None:
    report = testing.run(name)

    assert [one.differences for one in report.results if not one.passed] == []
    assert report.never_hit == ()


@pytest.mark.parametrize("name", files.city_names())
def test_the_demo_caller_passes_with_plain_text_and_with_masked_personal_data(
    name: str, ordinary: Ask
) -> None:
    policy = files.load(name)
    found = tuple(EntityFact(label, "context", 3) for label in MASKED)

    for entities in ((), found):
        verdict = policy.decide(replace(ordinary, entities=entities))
        assert isinstance(verdict, Permit)
        assert all(verdict.hides(label) for label in ENTITY_TYPES)


@pytest.mark.requirement("R22")
@pytest.mark.requirement("R23")
@pytest.mark.parametrize("name", files.city_names())
def test_a_sure_my_number_or_resident_record_code_is_refused_whatever_else_is_true(
    name: str, ordinary: Ask
) -> None:
    policy = files.load(name)
    sure = [("JP_MY_NUMBER", "cue"), ("JP_MY_NUMBER", "both"), ("JP_RESIDENT_RECORD_CODE", "cue")]

    for label, evidence in sure:
        for declared in CLASSES:
            for destination in TIERS:
                ask = replace(
                    ordinary,
                    declared_class=declared,
                    destination=destination,
                    entities=(EntityFact(label, evidence, 1),),
                )
                verdict = policy.decide(ask)
                assert isinstance(verdict, Refuse)
                assert verdict.decisive
                assert verdict.hides(label)


@pytest.mark.requirement("R22")
def test_a_number_that_only_passes_the_check_digit_is_confirmed_in_takatsuki(ordinary: Ask) -> None:
    ask = replace(ordinary, entities=(EntityFact("JP_MY_NUMBER", "checksum", 1),))

    assert gate_of(files.load("takatsuki").decide(ask)) == "confirm"
    assert gate_of(files.load("mask-only").decide(ask)) == "allow"
    assert files.load("mask-only").decide(ask).hides("JP_MY_NUMBER")


@pytest.mark.requirement("R28")
@pytest.mark.parametrize("kind", ["CREDENTIAL", "NETWORK"])
@pytest.mark.parametrize("evidence", EVIDENCE)
def test_secrets_and_the_inner_network_never_pass_takatsuki_unasked(
    kind: str, evidence: str, ordinary: Ask
) -> None:
    ask = replace(ordinary, entities=(EntityFact(kind, evidence, 1),))

    unsure = evidence in ("context", "repeat")
    assert gate_of(files.load("takatsuki").decide(ask)) == ("confirm" if unsure else "deny")


@pytest.mark.parametrize("evidence", EVIDENCE)
def test_no_evidence_lets_a_my_number_through_takatsuki_unasked(evidence: str, ordinary: Ask) -> None:
    ask = replace(ordinary, entities=(EntityFact("JP_MY_NUMBER", evidence, 1),))

    assert gate_of(files.load("takatsuki").decide(ask)) in ("confirm", "deny")


def test_mask_only_refuses_nothing_but_my_number_and_resident_record_code(ordinary: Ask) -> None:
    policy = files.load("mask-only")
    refused = {
        label
        for label in ENTITY_TYPES
        if gate_of(policy.decide(replace(ordinary, entities=(EntityFact(label, "cue", 1),)))) != "allow"
    }

    assert refused == {"JP_MY_NUMBER", "JP_RESIDENT_RECORD_CODE"}


def test_no_city_reveals_anything() -> None:
    for name in files.city_names():
        assert all(rule.reveal is None for rule in files.load(name).rules)


def test_every_category_class_and_destination_is_decided_by_a_rule_in_takatsuki(ordinary: Ask) -> None:
    policy = files.load("takatsuki")

    for category in CATEGORIES:
        for declared in CLASSES:
            for destination in TIERS:
                ask = replace(ordinary, category=category, declared_class=declared, destination=destination)
                assert policy.decide(ask).decisive, (category, declared, destination)


def test_every_refusal_tells_the_clerk_what_to_do_in_two_languages() -> None:
    for name in files.city_names():
        for rule in files.load(name).rules:
            if rule.gate in ("confirm", "deny"):
                assert rule.remedy and rule.remedy.ja.endswith("。") and rule.remedy.en.endswith(".")
