"""A policy that is stored as plain data comes back as the same policy, and decides every ask as it did."""

import json
from dataclasses import replace
from datetime import date
from functools import cache

import pytest
from hypothesis import given, settings

from policies import files
from policies.complaints import PolicyError
from policies.decide import Policy
from policies.model import Ask
from tests.policies.test_conditions import LISTS
from tests.policies.test_index import PAIR, asks


@cache
def stored_beside() -> list[tuple[Policy, Policy]]:
    """Every policy that ships, and the same made again from its stored data."""
    policies = [files.load(name) for name in files.city_names()]
    return [(one, files.parse(json.dumps(one.data, ensure_ascii=False), "stored")) for one in policies]


@pytest.mark.requirement("R2")
def test_a_policy_that_was_stored_and_read_again_has_the_same_digest() -> None:
    for policy, stored in stored_beside():
        assert stored.digest == policy.digest == files.digest_of(policy.data)
        assert stored.data == policy.data
        assert (stored.name, stored.version) == (policy.name, policy.version)


@pytest.mark.requirement("R2")
@settings(max_examples=25, deadline=None)
@given(asks)
def test_a_stored_request_is_decided_the_same_under_the_stored_version(ask: Ask) -> None:
    for policy, stored in stored_beside():
        assert stored.decide(ask) == policy.decide(ask)
        assert stored.strict(ask) == policy.strict(ask)


@pytest.mark.requirement("R2")
def test_what_a_policy_lists_comes_back_with_it() -> None:
    rule = {"id": "R", "title": PAIR, "basis": "試験", "when": {"always": True}, "gate": "allow"}
    data = {"name": "test", "version": "1", "title": PAIR, **LISTS, "rules": [rule]}
    policy = files.parse(json.dumps(data))
    stored = files.parse(json.dumps(policy.data, sort_keys=True))

    assert stored.digest == policy.digest
    assert stored.models.listed == policy.models.listed
    assert stored.use_cases == policy.use_cases
    assert stored.word_lists == policy.word_lists
    assert stored.zones.of("10.9.1.1") == policy.zones.of("10.9.1.1") == "my_number"
    assert stored == policy


@pytest.mark.requirement("R2")
def test_any_change_of_a_rule_is_another_version_and_a_comment_is_none() -> None:
    text = files.read(files.CITIES / "takatsuki.yaml").decode()
    policy = files.parse(text)

    assert files.parse("# 余白\n" + text).digest == policy.digest
    assert files.parse(text.replace("gate: deny", "gate: confirm", 1)).digest != policy.digest


@pytest.mark.requirement("R1")
def test_the_persons_and_dates_of_a_version_are_part_of_it() -> None:
    rule = {"id": "R", "title": PAIR, "basis": "試験", "when": {"always": True}, "gate": "allow"}
    head = {"effective": "2026-04-01", "review": "2027-03-31", "author": "甲", "approver": "乙"}
    accountable = {"officer": "副市長", "deputy": "総務部長"}
    data = {
        "name": "test",
        "version": "1",
        "title": PAIR,
        **head,
        "accountable": accountable,
        "rules": [rule],
    }

    policy = files.parse(json.dumps(data))

    assert (policy.author, policy.approver) == ("甲", "乙")
    assert (policy.effective, policy.review) == (date(2026, 4, 1), date(2027, 3, 31))
    assert (policy.officer, policy.deputy) == ("副市長", "総務部長")
    for change in ({"approver": "甲"}, {"review": "2026-04-01"}, {"accountable": {"officer": "副市長"}}):
        with pytest.raises(PolicyError):
            files.parse(json.dumps({**data, **change}))
    assert replace(policy, author="丙") != policy
