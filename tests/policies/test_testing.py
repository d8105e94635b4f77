"""The test runner finds what is wrong, counts what was never tried, and points at the line."""

from pathlib import Path

import pytest

from policies import testing
from policies.complaints import CannotRead, PolicyError

POLICY = """\
name: try
version: "1"
title: {ja: 試し, en: try}
rules:
  - id: A
    title: {ja: 許可, en: allow}
    basis: 試験
    when: {class: ["1"]}
    gate: allow
  - id: B
    title: {ja: 一言, en: a word}
    basis: 試験
    when: {category: hr}
    notice: {ja: 一言, en: a word}
  - id: C
    title: {ja: 見せる, en: reveal}
    basis: 試験
    when: {category: pr}
    reveal: {types: [PERSON], destinations: [D2]}
"""
BASE = """\
base:
  person: demo
  department: 都市創造部
  section: 道路課
  actor: staff
  identity: authenticated
  tool: demo
  enrolled: true
  trained: true
  acknowledged: true
  dialect: chat
  model: m
  destination: D2
  category: mail_draft
  class: "1"
"""


@pytest.fixture
def tested(tmp_path: Path) -> "Bench":
    return Bench(tmp_path)


class Bench:
    """A policy in a folder, and its tests as text."""

    def __init__(self, folder: Path) -> None:
        self.policy, self.tests = folder / "try.yaml", folder / "try.tests.yaml"
        self.policy.write_text(POLICY, encoding="utf-8")

    def run(self, cases: str, base: str = BASE) -> testing.Report:
        self.tests.write_text(base + cases, encoding="utf-8")
        return testing.run(self.policy)


def case(expect: str, ask: str = "{}") -> str:
    return f"cases:\n  - name: 試し\n    ask: {ask}\n    expect: {expect}\n"


def test_what_comes_out_as_expected_passes(tested: Bench) -> None:
    report = tested.run(
        "cases:\n"
        "  - {name: 一, expect: {gate: allow, rules: [A], decisive: [A], notices: [], revealed: []}}\n"
        "  - {name: 二, ask: {category: hr, class: '2'}, expect: {gate: deny, rules: [B], notices: [B]}}\n"
        "  - {name: 三, ask: {category: pr}, expect: {gate: allow, rules: [C, A], revealed: [PERSON]}}\n"
    )

    assert (report.passed, report.failed) == (3, 0)
    assert report.hits == {"A": 2, "B": 1, "C": 1}
    assert report.never_hit == ()


@pytest.mark.parametrize(
    ("expect", "told"),
    [
        ("{gate: deny}", "gate: 期待は deny、実際は allow / expected deny, got allow"),
        ("{gate: allow, rules: []}", "rules: 期待は -、実際は A"),
        ("{gate: allow, rules: [A, B]}", "rules: 期待は A, B、実際は A"),
        ("{gate: allow, decisive: [B]}", "decisive"),
        ("{gate: allow, notices: [B]}", "notices"),
        ("{gate: allow, revealed: [PERSON]}", "revealed: 期待は PERSON、実際は -"),
        ("{gate: allow, error: unknown_category}", "error"),
    ],
)
def test_each_part_that_differs_fails_and_is_told(tested: Bench, expect: str, told: str) -> None:
    report = tested.run(case(expect))

    assert (report.passed, report.failed) == (0, 1)
    assert len(report.results[0].differences) == 1
    assert told in report.results[0].differences[0]
    assert report.results[0].line == 17


def test_a_mistyped_fact_does_not_pass_for_the_denial_that_was_expected(tested: Bench) -> None:
    report = tested.run(case("{gate: deny}", "{category: mail_drat}"))

    assert report.failed == 1
    assert "unknown_category" in report.results[0].differences[0]


def test_rules_that_no_test_has_hit_are_named(tested: Bench) -> None:
    assert tested.run(case("{gate: allow}")).never_hit == ("B", "C")


def test_a_table_is_one_case_a_cell_and_points_at_the_cell(tested: Bench) -> None:
    report = tested.run(
        "tables:\n"
        "  - name: 表\n"
        "    rows: class\n"
        "    columns: destination\n"
        "    ask: {category: hr}\n"
        "    expect:\n"
        '      "1": {D1: allow, D4: deny}\n'
        "      3A: {D1: deny}\n"
    )

    assert [(one.name, one.line, one.passed) for one in report.results] == [
        ("表: 1 × D1", 22, True),
        ("表: 1 × D4", 22, False),
        ("表: 3A × D1", 23, True),
    ]
    assert report.hits["B"] == 3


@pytest.mark.parametrize(
    ("cases", "line", "words"),
    [
        (case("{gate: perhaps}"), 19, "known: allow, confirm, deny"),
        (case("{gate: allow}", "{katgory: hr}"), 18, "Did you mean 'category'?"),
        (case("{gate: allow}", "{trained: 3}"), 18, "true"),
        ("cases:\n  - name: 試し\n", 17, "'expect' is missing"),
        ("cases:\n  - {name: 試し, expect: {gate: allow, rule: [A]}}\n", 17, "Did you mean 'rules'?"),
        ("cases: []\n", 1, "試験が一つもありません"),
        ("tables:\n  - {name: 表, rows: color, columns: class, expect: {red: {'1': deny}}}\n", 17, "color"),
        ("tables:\n  - {name: 表, rows: tool, columns: trained, expect: {a: {b: deny}}}\n", 17, "true"),
    ],
)
def test_a_broken_test_file_is_complained_about_at_its_line(
    tested: Bench, cases: str, line: int, words: str
) -> None:
    with pytest.raises(PolicyError) as caught:
        tested.run(cases)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{tested.tests}:{line}: ")


def test_a_mistake_in_the_base_is_complained_about_where_the_base_is_written(tested: Bench) -> None:
    with pytest.raises(PolicyError, match=r"try\.tests\.yaml:8: "):
        tested.run(case("{gate: allow}"), BASE.replace("enrolled: true", "enrolled: 3"))


def test_the_tests_may_be_named_instead_of_the_policy(tested: Bench) -> None:
    tested.run(case("{gate: allow}"))

    assert testing.run(tested.tests).passed == 1


def test_a_policy_without_tests_cannot_be_tested(tested: Bench) -> None:
    with pytest.raises(CannotRead, match=r"write try\.tests\.yaml beside try\.yaml"):
        testing.run(tested.policy)
