"""The test runner finds what is wrong, counts what was never tried, and points at the line."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from policies import files, testing
from policies.complaints import CannotRead, PolicyError
from policies.coverage import Coverage
from policies.junit import junit
from tests.policies.conftest import ORDINARY

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
        (
            "{gate: deny}",
            "判定(gate)は「送信しません(deny)」のはずが、「送信できます(allow)」でした、決めたのは A。"
            " / gate: expected deny, got allow, decided by A",
        ),
        ("{gate: allow, rules: []}", "当てはまる規則(rules)は なし のはずが、A でした。"),
        ("{gate: allow, rules: [A, B]}", "当てはまる規則(rules)は A, B のはずが、A でした。"),
        ("{decisive: [B]}", "決めた規則(decisive)は B のはずが、A でした。"),
        ("{notices: [B]}", "notices: expected B, got none"),
        ("{alarms: [A]}", "警報を出す規則(alarms)は A のはずが、なし でした。"),
        ("{revealed: [PERSON]}", "伏せ字にしない種類(revealed)は PERSON のはずが、なし でした。"),
        ("{strict: true}", "strict: expected true, got false"),
        ("{would: deny}", "would: expected deny, got none"),
        ("{detected_class: 3B}", "detected_class: expected 3B, got none"),
        ("{effective_class: '2'}", "判定に使う機密性(effective_class)は 2 のはずが、1 でした。"),
        ("{words: [bid]}", "words: expected bid, got none"),
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
        (case("{gate: deny}", '{at: "0001-01-01T00:00:00+09:00"}'), 18, "write the time as"),
        (case("{gate: deny}", '{at: "9999-12-31T23:00:00+00:00"}'), 18, "write the time as"),
        (
            "tables:\n  - {name: 表, rows: entity, ask: {entities: 3}, expect: {PERSON: allow}}\n",
            17,
            "write a list",
        ),
        (
            "tables:\n  - {name: 表, rows: evidence, ask: {entities: PERSON}, expect: {cue: allow}}\n",
            17,
            "write a list",
        ),
        ("cases:\n  - name: 試し\n", 17, "'expect' is missing"),
        ("cases:\n  - {name: 試し, expect: {gate: allow, rule: [A]}}\n", 17, "Did you mean 'rules'?"),
        ("cases:\n  - name: 試し\n    expect: {}\n", 18, "nothing is expected"),
        (case("{gate: allow}", "{zone: nowhere}"), 18, "unknown zone 'nowhere'; known: unknown."),
        (
            "tables:\n  - name: 表\n    rows: class\n    expect:\n      '1': alow\n",
            20,
            "Did you mean 'allow'?",
        ),
        (
            "tables:\n  - name: 表\n    rows: class\n    expect:\n      '1':\n        gate: allow\n        desicive: [A]\n",
            22,
            "Did you mean 'decisive'?",
        ),
        ("tables:\n  - {name: 表, rows: class, columns: tool, expect: {'1': deny}}\n", 17, "key: value"),
        ("tables:\n  - {name: 表, rows: class, expect: {'1': [deny]}}\n", 17, "one text"),
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


def test_a_name_that_is_too_long_for_a_file_is_complained_about_like_one_that_is_not_there() -> None:
    with pytest.raises(CannotRead):
        testing.run("x" * 300 + ".yaml")


# ── the words of a test file ──────────────────────────────────────────────────────────────────────

RICH = """\
name: try
version: "1"
title: {ja: 試し, en: try}
effective: 2027-01-01
closed_days: 12-29..01-03
zones:
  - {zone: lgwan, networks: [10.0.0.0/8]}
  - {zone: my_number, networks: [10.0.0.0/16]}
words:
  - {id: bid, title: {ja: 入札, en: bids}, owner: 契約検査課, until: 2027-01-31, terms: [予定価格]}
detected:
  - {id: D-20, title: {ja: 多人数, en: many}, basis: 試験, class: 3B, when: {persons_at_least: 20}}
tables:
  - id: E
    title: {ja: 種類, en: kinds}
    basis: 試験
    rows: entity
    columns: evidence
    cells: {CREDIT_CARD: {checksum: deny, "*": confirm}}
    confirm: {ja: 確認, en: confirm}
    deny: {ja: 禁止, en: deny}
rules:
  - id: A
    title: {ja: 許可, en: allow}
    basis: 試験
    when: {zone: [lgwan]}
    gate: allow
  - id: B
    title: {ja: 入札, en: bids}
    basis: 試験
    when: {words: [bid], class_at_least: "2", not: {trained: false, category: [hr]}}
    gate: deny
    remedy: {ja: 消す, en: remove}
    alarm: true
  - id: C
    title: {ja: 試行, en: rehearsed}
    basis: 試験
    when: {holiday: true}
    gate: deny
    remedy: {ja: 待つ, en: wait}
    shadow: true
"""


@pytest.fixture
def rich(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.policy.write_text(RICH, encoding="utf-8")
    return bench


def passed(report: testing.Report) -> list[tuple[str, ...]]:
    """The differences of all results: nothing, where everything passed."""
    return [one.differences for one in report.results if not one.passed]


ZONE = "  zone: lgwan\n"


@pytest.mark.requirement("R27")
def test_a_text_is_searched_for_the_word_lists_and_decided_with_them(rich: Bench) -> None:
    report = rich.run(
        "cases:\n"
        "  - {name: 一, text: 予 定 価 格を, ask: {class: '2', zone: lgwan},"
        " expect: {gate: deny, decisive: [B], alarms: [B], words: [bid]}}\n"
        "  - {name: 二, text: 価格の予定を, ask: {zone: lgwan}, expect: {gate: allow, alarms: [], words: []}}\n"
        "  - {name: 三, text: 予定価格を, ask: {class: '2', zone: lgwan, at: '2027-02-01T10:00:00+09:00'},"
        " expect: {gate: allow, words: []}}\n"
        "  - {name: 四, ask: {class: '2', zone: lgwan, words: [bid]}, expect: {gate: deny, words: [bid]}}\n"
    )

    assert passed(report) == []
    assert (report.coverage.words["bid"].true, report.coverage.words["bid"].false) == (1, 2)


def test_what_a_policy_concludes_can_be_expected(rich: Bench) -> None:
    report = rich.run(
        "cases:\n"
        "  - {name: 一, ask: {persons: 20, zone: lgwan}, expect: {detected_class: 3B, effective_class: 3B}}\n"
        "  - {name: 二, ask: {zone: lgwan}, expect: {detected_class: none, effective_class: '1', would: none}}\n"
        "  - {name: 三, ask: {zone: lgwan, at: '2027-01-09T10:00:00+09:00'},"
        " expect: {gate: allow, would: deny, rules: [A, C], strict: false}}\n"
    )

    assert passed(report) == []


def test_a_zone_is_an_address_in_it_and_none_of_a_narrower_one(rich: Bench) -> None:
    report = rich.run(
        "tables:\n"
        "  - name: 区域\n"
        "    rows: zone\n"
        "    expect: {lgwan: {gate: allow, decisive: [A]}, my_number: deny, unknown: deny}\n"
    )

    assert passed(report) == []
    assert [one.name for one in report.results] == ["区域: lgwan", "区域: my_number", "区域: unknown"]


def test_a_zone_of_the_base_is_an_address_in_it_until_a_case_says_otherwise(rich: Bench) -> None:
    report = rich.run(
        "cases:\n"
        "  - {name: 一, expect: {gate: allow, decisive: [A]}}\n"
        "  - {name: 二, ask: {zone: my_number}, expect: {gate: deny}}\n"
        "  - {name: 三, ask: {address: 192.0.2.1}, expect: {gate: deny}}\n"
        "  - {name: 四, ask: {zone: unknown}, expect: {gate: deny}}\n",
        BASE + ZONE,
    )

    assert passed(report) == []
    with pytest.raises(PolicyError, match=r"try\.tests\.yaml:16: .*unknown zone 'nowhere'"):
        rich.run(case("{gate: deny}"), BASE + "  zone: nowhere\n")


def test_a_zone_whose_ends_are_taken_is_asked_from_its_middle_and_one_that_is_covered_cannot_be_tried(
    rich: Bench,
) -> None:
    narrower = "  - {zone: my_number, networks: [10.0.0.0/16, 10.255.0.0/16]}\n"
    rich.policy.write_text(
        RICH.replace("  - {zone: my_number, networks: [10.0.0.0/16]}\n", narrower), encoding="utf-8"
    )
    assert passed(rich.run(case("{gate: allow, decisive: [A]}", "{zone: lgwan}"))) == []

    covered = narrower.replace("10.0.0.0/16, 10.255.0.0/16", "10.0.0.0/9, 10.128.0.0/9")
    rich.policy.write_text(
        RICH.replace("  - {zone: my_number, networks: [10.0.0.0/16]}\n", covered), encoding="utf-8"
    )
    with pytest.raises(PolicyError, match=r"try\.tests\.yaml:18: 区域 lgwan の番地は、もっと細かい"):
        rich.run(case("{gate: deny}", "{zone: lgwan}"))


def test_strict_is_whether_the_gateway_would_search_strictly_before_anything_is_found(rich: Bench) -> None:
    strict = (
        "  - {id: S-1, title: {ja: 厳, en: s}, basis: 試験, when: {class_at_least: 3B}, search: strict}\n"
    )
    rich.policy.write_text(RICH + strict, encoding="utf-8")

    report = rich.run(
        "cases:\n"
        "  - {name: 一, ask: {persons: 20}, expect: {strict: false, effective_class: 3B, excludes: [S-1]}}\n"
        "  - {name: 二, ask: {persons: 20, class: 3B}, expect: {strict: true, includes: [S-1]}}\n"
        "  - {name: 三, ask: {class: 3C}, expect: {strict: false}}\n"
    )

    assert passed(report) == []


def test_a_city_hall_that_is_never_open_has_no_day_to_test_on(rich: Bench) -> None:
    rich.policy.write_text(RICH.replace("12-29..01-03", "01-01..12-31"), encoding="utf-8")

    with pytest.raises(PolicyError, match=r"try\.tests\.yaml:1: 開庁日が一年を通して一日もない"):
        rich.run(case("{gate: deny}"))
    moment = '  at: "2027-01-04T10:00:00+09:00"\n'
    assert passed(rich.run(case("{gate: deny, would: deny}"), BASE + moment)) == []


def test_the_last_day_of_the_calendar_is_a_day_to_test_on(rich: Bench) -> None:
    rich.policy.write_text(
        RICH.replace("effective: 2027-01-01", "effective: 9999-12-31").replace(
            "12-29..01-03", "01-01..01-02"
        ),
        encoding="utf-8",
    )

    assert passed(rich.run(case("{gate: allow}", "{zone: lgwan}"))) == []


def test_coverage_makes_no_more_fuss_than_the_decision_of_what_cannot_be_decided(rich: Bench) -> None:
    coverage = Coverage(files.load(rich.policy))

    coverage.see(replace(ORDINARY, at=datetime.max.replace(tzinfo=UTC)))

    assert coverage.conditions == (0, 7)


def test_rows_and_columns_may_be_what_was_found_and_its_evidence(rich: Bench) -> None:
    report = rich.run(
        "tables:\n"
        "  - name: 種類\n"
        "    rows: entity\n"
        "    columns: evidence\n"
        "    ask: {zone: lgwan}\n"
        "    expect:\n"
        "      CREDIT_CARD: {checksum: {gate: deny, decisive: [E.CREDIT_CARD.checksum]}, cue: confirm}\n"
        "      PERSON: {cue: allow}\n"
        "  - name: 根拠\n"
        "    rows: evidence\n"
        "    ask: {zone: lgwan, entities: [{type: CREDIT_CARD, count: 2}]}\n"
        "    expect: {checksum: deny, context: confirm}\n"
        "  - name: 種類だけ\n"
        "    rows: entity\n"
        "    ask: {zone: lgwan, entities: [{type: PERSON}]}\n"
        "    expect: {CREDIT_CARD: confirm, JP_ADDRESS: allow}\n"
    )

    assert passed(report) == []
    assert report.coverage.cells["E"]["E.CREDIT_CARD.checksum"] == 2


def test_rows_of_true_and_false_numbers_and_lists_take_the_shape_of_the_ask(rich: Bench) -> None:
    report = rich.run(
        "tables:\n"
        "  - name: 研修\n"
        "    rows: trained\n"
        "    columns: category\n"
        "    ask: {class: '2', words: [bid]}\n"
        "    expect: {'true': {hr: {rules: [A, B]}}, 'false': {hr: {rules: [A]}, pr: {rules: [A, B]}}}\n"
        "  - {name: 人数, rows: persons, expect: {'19': {detected_class: none}, '20': {detected_class: 3B}}}\n"
        "  - {name: 言葉, rows: words, ask: {class: '2'}, expect: {bid: deny, other: allow}}\n",
        BASE + ZONE.replace("zone: lgwan", "address: 10.9.9.9"),
    )

    assert passed(report) == []


def test_a_test_without_a_moment_is_asked_on_an_open_day_and_as_if_the_policy_were_in_force(
    rich: Bench,
) -> None:
    """Else a test would pass on Friday and fail on Saturday, and a policy could not be tested before its day."""
    rich.tests.write_text(BASE + case("{gate: allow, would: none}", "{zone: lgwan}"), encoding="utf-8")

    for today in (date(2026, 11, 2), date(2027, 1, 3), date(2027, 5, 1)):
        report = testing.run(rich.policy, today=today)
        assert passed(report) == []


def test_examples_are_there_for_the_tests_alone(rich: Bench) -> None:
    examples = (
        "examples:\n"
        "  models:\n"
        "    - {name: m, title: {ja: 例, en: x}, service: own, destination: D1, no_training: true, recorded: true,"
        " regions: [jp], contract: 例}\n"
    )
    report = rich.run(case("{gate: allow}", "{zone: lgwan}"), examples + BASE)

    assert passed(report) == []
    derived = report.results[0].verdict.derived
    assert derived is not None and derived.model == "m"
    assert report.policy == files.load(rich.policy)
    assert not report.policy.registered


# ── coverage ──────────────────────────────────────────────────────────────────────────────────────


def test_coverage_counts_every_condition_true_and_false_and_every_cell(rich: Bench) -> None:
    report = rich.run(
        "cases:\n"
        "  - {name: 一, ask: {zone: lgwan, class: '2', words: [bid]}, expect: {gate: deny}}\n"
        "  - {name: 二, ask: {trained: false, category: hr}, expect: {gate: deny}}\n"
    )
    coverage = report.coverage
    plain = coverage.plain()

    counted = {one.name: (one.tried.true, one.tried.false) for one in coverage.rules["B"].conditions}
    assert counted == {
        "words": (1, 1),
        "class_at_least": (1, 1),
        "not.trained": (1, 1),
        "not.category": (1, 1),
    }
    assert list(coverage.rules["A"].gaps()) == []
    assert list(coverage.rules["C"].gaps()) == [(None, True)]
    assert (coverage.rules["B"].tried.true, coverage.rules["B"].tried.false) == (1, 1)
    assert plain["rules"][0] == {
        "id": "A",
        "true": 1,
        "false": 1,
        "conditions": [{"name": "zone", "true": 1, "false": 1}],
    }
    assert set(coverage.cells["E"].values()) == {0}
    assert coverage.conditions == (5, 7)


def test_the_summary_names_gaps_and_nothing_else(rich: Bench) -> None:
    report = rich.run(
        "cases:\n"
        "  - {name: 一, ask: {zone: lgwan, class: '2', words: [bid]}, expect: {gate: deny}}\n"
        "  - {name: 二, ask: {trained: false}, expect: {gate: deny}}\n"
    )
    told = list(report.coverage.summary("try"))

    assert told[0].startswith("try: 規則 2/3、条件 4/7、表のマス 0/7 を試しました")
    assert told[1].endswith("rules that no test has hit: C")
    assert told[2].strip().startswith("B: not.category が当てはまる試験がない")
    assert told[3].strip().startswith("D-20: 全体 が当てはまる試験がない")
    assert told[4].strip().startswith("表 E の試していないマス: CREDIT_CARD.pattern CREDIT_CARD.checksum")
    assert told[5].strip().endswith("word lists that no text was tried for: bid")
    assert len(told) == 6


def test_a_rule_that_is_over_was_never_seen_to_match(rich: Bench) -> None:
    over = RICH.replace(
        "    when: {zone: [lgwan]}\n", "    when: {zone: [lgwan]}\n    valid_until: 2026-10-31\n"
    )
    rich.policy.write_text(over, encoding="utf-8")
    coverage = rich.run(
        case("{gate: deny, rules: []}", "{zone: lgwan, at: '2026-11-02T10:00:00+09:00'}")
    ).coverage

    assert (coverage.rules["A"].tried.true, coverage.rules["A"].conditions[0].tried.true) == (0, 1)


def test_an_ask_that_is_refused_before_any_rule_is_looked_at_covers_nothing(rich: Bench) -> None:
    report = rich.run(case("{gate: deny, error: unknown_category}", "{category: unheard_of}"))

    assert passed(report) == []
    assert report.coverage.conditions == (0, 7)


def test_the_details_of_one_rule_or_table_are_its_counts(rich: Bench) -> None:
    coverage = rich.run(case("{gate: allow}", "{zone: lgwan}")).coverage

    assert [line.split(":")[0].strip() for line in coverage.details("B")] == [
        "B",
        "class_at_least",
        "words",
        "not.trained",
        "not.category",
    ]
    assert len(list(coverage.details("E"))) == 9
    assert (
        coverage.knows("A")
        and coverage.knows("E")
        and coverage.knows("E.CREDIT_CARD.cue")
        and coverage.knows("D-20")
    )
    assert not coverage.knows("Z")


# ── JUnit ─────────────────────────────────────────────────────────────────────────────────────────


def test_junit_has_a_case_for_every_result_with_its_place_and_differences(rich: Bench) -> None:
    report = rich.run(
        "cases:\n"
        "  - {name: 通る, ask: {zone: lgwan}, expect: {gate: allow}}\n"
        '  - {name: "だめ <&\\x07>", ask: {zone: lgwan}, expect: {gate: deny, decisive: [B]}}\n'
    )
    suites = ElementTree.fromstring(junit([(report, report.results)]))

    suite, cases = suites[0], suites[0].findall("testcase")
    assert (suites.attrib, suite.attrib) == (
        {"tests": "2", "failures": "1"},
        {"tests": "2", "failures": "1", "name": "try", "file": str(rich.tests)},
    )
    assert [(one.get("name"), one.get("file"), one.get("line")) for one in cases] == [
        ("通る", str(rich.tests), "17"),
        ("だめ <&\ufffd>", str(rich.tests), "18"),
    ]
    assert cases[0].find("failure") is None
    failure = cases[1].find("failure")
    assert failure is not None and failure.text == "\n".join(report.results[1].differences)
    assert failure.get("message") == report.results[1].differences[0]
