"""How long originals are kept stands in the policy: not at all unless it says so, and never beyond 90 days."""

from collections.abc import Callable

import pytest

from policies import files
from policies.complaints import PolicyError
from policies.decide import Policy

HEAD = """\
name: try
version: "1"
title: {ja: 試し, en: try}
"""
RULES = """\
rules:
  - id: A-1
    title: {ja: 許可, en: allow}
    basis: 試験
    when: {always: true}
    gate: allow
"""


def policy(key: str = "") -> Policy:
    return files.parse(f"{HEAD}{key}{RULES}", "try.yaml")


@pytest.mark.requirement("R45")
def test_originals_are_off_unless_the_policy_says_otherwise() -> None:
    assert policy().originals_days == 0
    assert policy("originals: {keep_days: 0}\n").originals_days == 0
    assert {files.load(name).originals_days for name in files.city_names()} == {0}


@pytest.mark.parametrize("days", [1, 30, 90])
def test_a_policy_may_keep_them_up_to_ninety_days(days: int) -> None:
    assert policy(f"originals:\n  keep_days: {days}\n").originals_days == days


@pytest.mark.requirement("R45")
@pytest.mark.parametrize(
    ("key", "line", "words"),
    [
        ("originals:\n  keep_days: 91\n", 5, "0 から 90 まで"),
        ("originals:\n  keep_days: -1\n", 5, "from 0 to 90"),
        ("originals:\n  keep_days: true\n", 5, "0 から 90 まで"),
        ('originals:\n  keep_days: "30"\n', 5, "引用符なし"),
        ("originals:\n  keep_days: [30]\n", 5, "0 から 90 まで"),
        ("originals:\n  keep_days: 30.5\n", 5, "YAML"),
        ("originals:\n  keep_days:\n", 5, "値がありません"),
        ("originals: 30\n", 4, "項目: 値"),
        ("originals: {}\n", 4, "「keep_days」がありません"),
        ("originals: {keep_days: 30, days: 30}\n", 4, "known: keep_days"),
        ("original: {keep_days: 30}\n", 4, "Did you mean 'originals'?"),
    ],
)
def test_a_wrong_value_is_complained_about_at_its_line(key: str, line: int, words: str) -> None:
    with pytest.raises(PolicyError) as caught:
        policy(key)

    assert caught.value.complaints[0].line == line
    assert words in str(caught.value.complaints[0])


def test_the_days_are_in_the_digest(policy_of: Callable[..., Policy]) -> None:
    none, thirty, ninety = (
        policy(),
        policy("originals: {keep_days: 30}\n"),
        policy("originals: {keep_days: 90}\n"),
    )

    assert len({none.digest, thirty.digest, ninety.digest}) == 3
    assert policy_of({"gate": "allow"}, originals={"keep_days": 30}).originals_days == 30


def test_the_example_for_people_is_a_policy() -> None:
    page = (files.CITIES.parent.parent / "docs" / "originals.md").read_text("utf-8")
    example = next(line for line in page.splitlines() if line.startswith("originals:"))

    assert policy(f"{example}\n").originals_days == 30
