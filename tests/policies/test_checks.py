"""Every finding fires on a bad file, at its line, and is silent on a good one."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from policies import checks, files
from policies.checks import Findings, Remark
from policies.complaints import PolicyError
from policies.vocabulary import RISKS

TODAY = date(2026, 11, 2)

GOOD = """\
name: try
version: "1"
title: {ja: 試し, en: try}
effective: 2026-04-01
review: 2027-03-31
author: 甲
approver: 乙
accountable: {officer: 副市長, deputy: 総務部長}
zones:
  - {zone: lgwan, networks: [10.0.0.0/8]}
models:
  - name: own
    title: {ja: 庁内, en: own}
    service: own
    destination: D1
    no_training: true
    recorded: true
    regions: [jp]
    contract: 契約書
  - name: gpt-5*
    title: {ja: 契約, en: contract}
    service: contract
    destination: D2
    no_training: true
    recorded: true
    regions: [jp]
    contract: 契約書
use_cases:
  - id: UC-1
    title: {ja: 案件, en: case}
    owner: 道路課
    audience: staff
    nature: clerical
    confidential: true
    human_judgement: true
    high_risk: false
    approval: {by: 課長, from: 2026-04-01, until: 2027-03-31}
words:
  - id: bid
    title: {ja: 入札, en: bids}
    owner: 契約検査課
    until: 2027-03-31
    terms: [予定価格, 最低制限価格]
    together: [{within: 20, groups: [[入札, 落札], [漏らす, 教えて]]}]
    unless: [予定価格制度の説明]
detected:
  - id: D-20
    title: {ja: 多人数, en: many}
    basis: 試験
    class: 3B
    when: {persons_at_least: 20}
tables:
  - id: T
    title: {ja: 表, en: table}
    basis: 試験
    risk_refs: [LLM02]
    rows: class
    columns: destination
    cells: {"1": allow, "2": {D1: allow, "*": confirm}, "*": {D1: confirm, "*": deny}}
    confirm: {ja: 確認, en: confirm}
    deny: {ja: 禁止, en: deny}
rules:
  - id: A
    title: {ja: 未登録, en: not enrolled}
    basis: 試験
    risk_refs: [LLM06]
    when: {enrolled: false}
    gate: deny
    remedy: {ja: 登録, en: enroll}
  - id: B
    title: {ja: 入札, en: bids}
    basis: 試験
    risk_refs: [LLM02]
    when: {words: [bid], not: {category: [training]}}
    gate: deny
    remedy: {ja: 消す, en: remove}
"""
TESTS = """\
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
  model: own
  destination: D1
  category: mail_draft
  class: "2"
cases:
  - {name: 未登録, ask: {enrolled: false}, expect: {decisive: [A]}}
  - {name: 入札, text: 予定価格を教えて, expect: {decisive: [B], words: [bid]}}
  - {name: 説明, text: 予定価格制度の説明を書いて, expect: {gate: allow, words: []}}
  - {name: 多人数, ask: {persons: 20}, expect: {detected_class: 3B}}
tables:
  - name: 表
    rows: class
    columns: destination
    ask: {model: own}
    expect:
      "1": {D1: allow, D2: allow, D3: allow, D4: allow}
      "2": {D1: allow, D2: confirm, D3: confirm, D4: confirm}
      3C: {D1: confirm, D2: deny, D3: deny, D4: deny}
      3B: {D1: confirm, D2: deny, D3: deny, D4: deny}
      3A: {D1: confirm, D2: deny, D3: deny, D4: deny}
"""
RULE = """\
  - id: Z
    title: {ja: 題, en: title}
    basis: 試験
    risk_refs: [LLM01]
    remedy: {ja: 次, en: next}
"""


class Desk:
    """A good policy in a folder, to be spoilt."""

    def __init__(self, folder: Path) -> None:
        self.policy, self.tests = folder / "try.yaml", folder / "try.tests.yaml"

    def check(self, text: str = GOOD, tests: str | None = TESTS, today: date = TODAY) -> Findings:
        self.policy.write_text(text, encoding="utf-8")
        if tests is not None:
            self.tests.write_text(tests, encoding="utf-8")
        return checks.check(self.policy, today)

    def changed(self, good: str, bad: str) -> tuple[list[Remark], int]:
        """What is found once one place is spoilt, and the line of that place."""
        assert GOOD.count(good) == 1, good
        return list(self.check(GOOD.replace(good, bad)).remarks), GOOD[: GOOD.index(good)].count("\n") + 1

    def with_rule(self, *lines: str, head: str = RULE) -> tuple[list[Remark], int]:
        """What is found with one rule more, and the line on which it begins."""
        rule = head + "".join(f"    {line}\n" for line in lines)
        found = self.check(GOOD + rule).remarks
        return [one for one in found if one.code != "untested"], GOOD.count("\n") + 1


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def codes(remarks: list[Remark] | tuple[Remark, ...], *severities: str) -> list[str]:
    return [one.code for one in remarks if one.severity in (severities or ("error", "warning"))]


def only(remarks: list[Remark] | tuple[Remark, ...], code: str) -> Remark:
    found = [one for one in remarks if one.code == code]
    assert len(found) == 1, [str(one) for one in remarks]
    return found[0]


def test_nothing_is_said_of_a_good_file_but_which_risks_are_open(desk: Desk) -> None:
    remarks = desk.check().remarks

    assert codes(remarks, "error", "warning", "note") == ["risk-open"]


SPOILT: list[tuple[str, str, str, str, str, int]] = [
    # good, bad, severity, code, a word of the sentence, lines further down
    ("{words: [bid], not: {category: [training]}}", "{words: [bid], not: {words: [bid]}}", "error", "never-holds", "矛盾", 0),
    ("{persons_at_least: 20}", "{persons_at_least: 20, not: {persons_at_least: 9}}", "error", "never-holds", "D-20", 0),
    ("until: 2027-03-31\n    terms", "until: 2026-11-01\n    terms", "warning", "over", "bid の期限(2026-11-01)は過ぎました", 0),
    ("until: 2027-03-31}", "until: 2026-11-01}", "warning", "over", "UC-1 の承認", 0),
    ("until: 2027-03-31}", "until: 2026-03-31}", "error", "dates", "承認の日より前", 0),
    ("review: 2027-03-31", "review: 2026-11-02", "warning", "review-due", "見直しの日", 0),
    ("accountable: {officer: 副市長, deputy: 総務部長}\n", "", "warning", "no-officer", "AI統括責任者", -7),
    ("review: 2027-03-31\n", "", "warning", "no-review", "見直しの日", -4),
    ("approver: 乙\n", "", "note", "proposal", "approver がないので、これは案です", -6),
    ("    contract: 契約書\nuse_cases", "    contract: 契約書\n    valid_until: 2026-10-31\nuse_cases", "warning", "over", "gpt-5* の承認の期限", 1),
    ("    contract: 契約書\nuse_cases", "    contract: 契約書\n    sandbox: true\n    valid_until: 2026-10-31\nuse_cases", "warning", "over", "gpt-5* の試行の期限", 2),
    ("    contract: 契約書\nuse_cases", "    contract: 契約書\n    prices: [{from: 2026-04-01, input: 1, output: 1}, {from: 2026-04-01, input: 2, output: 2}]\nuse_cases", "error", "price-twice", "価格が二つ", 1),
    ("    title: {ja: 未登録, en: not enrolled}", "    valid_until: 2026-10-31\n    title: {ja: 未登録, en: not enrolled}", "warning", "over", "A の期限", 0),
    ("    title: {ja: 未登録, en: not enrolled}", "    valid_until: 2026-03-31\n    title: {ja: 未登録, en: not enrolled}", "warning", "over", "A の期限", 0),
    ("[予定価格, 最低制限価格]", "[予定価格, 価]", "warning", "short-word", "「価」は一文字", 0),
    ("[予定価格, 最低制限価格]", '[予定価格, "\\u200b"]', "error", "empty-word", "見えない文字", 0),
    ("[予定価格, 最低制限価格]", "[予定価格, 予 定価格]", "warning", "word-twice", "「予 定価格」", 0),
    ("[予定価格, 最低制限価格]", "[予定価格, 予定価格制度の説明会]", "warning", "excused-word", "見つかることがありません", 0),
    ("[[入札, 落札], [漏らす, 教えて]]", "[[入札, 落札], [漏らす, 入 札]]", "warning", "same-word", "両方の組に当てはまります: 入札", 0),
    ("[[入札, 落札], [漏らす, 教えて]]", "[[入札, 落], [漏らす, 教えて]]", "warning", "none", "", 0),
    ("[[入札, 落札], [漏らす, 教えて]]}", "[[入札, 落札], [漏らす, 入 札]], in_order: true}", "warning", "none", "", 0),
    ("[[入札, 落札], [漏らす, 教えて]]", "[[入札, 落札], [漏らす, 入札], [誰か]]", "note", "same-word", "入札", 0),
    ("within: 20", "within: 2", "warning", "too-near", "入りきらず", 0),
    ("{words: [bid], not: {category: [training]}}", "{persons_at_least: 99, not: {category: [training]}}", "warning", "unused-words", "bid を使う規則がありません", -35),
    ("name: gpt-5*", "name: own*", "warning", "none", "", 0),
    ("    contract: 契約書\nuse_cases", "    contract: 契約書\n    valid_until: 9999-12-31\nuse_cases", "warning", "none", "", 0),
    ("until: 2027-03-31}", "until: 9999-12-31}", "warning", "none", "", 0),
    ("id: B\n", "id: T.1.D1\n", "warning", "taken-id", "表のマスの番号と紛らわしく", 0),
    ("id: B\n", "id: S.mine\n", "warning", "taken-id", "S.mine は、どの市の規則でも外せない決まり", 0),
    ("id: T\n", "id: S\n", "warning", "taken-id", "番号 S は", 0),
    ("id: D-20\n", "id: T.3A.D4\n", "warning", "taken-id", "T.3A.D4", 0),
    ("[10.0.0.0/8]}", "[10.0.0.0/8]}\n  - {zone: other, networks: [10.0.0.0/8]}", "error", "network-twice", "10.0.0.0/8", 1),
    ("human_judgement: true\n    high_risk: false", "human_judgement: false\n    high_risk: false", "warning", "none", "", 0),
    ("nature: clerical\n    confidential: true\n    human_judgement: true", "nature: rights\n    confidential: true\n    human_judgement: false", "warning", "high-risk", "「権利や義務に関わる」「要機密情報・個人情報を扱う」「職員が判断しない」", 3),
    ("high_risk: false", "high_risk: true", "warning", "not-assessed", "評価の番号", -7),
    ('"*": {D1: confirm, "*": deny}}', "3C: {D1: confirm}, 3B: deny, 3A: deny}", "warning", "missing-cells", "T.3C.D2、T.3C.D3、T.3C.D4", 0),
    ("    deny: {ja: 禁止, en: deny}\n", '    deny: {ja: 禁止, en: deny}\n    say: {"1": {deny: {ja: 文, en: words}}}\n', "warning", "unused-sentence", "行 1 に deny のマスがない", 1),
    ("    deny: {ja: 禁止, en: deny}\n", '    deny: {ja: 禁止, en: deny}\n    say: {3A: {deny: {ja: 文, en: words}}}\n', "warning", "none", "", 0),
    ("    risk_refs: [LLM06]\n", "", "note", "no-risk", "規則: A", -65),
    ("    until: 2027-03-31\n    terms", "    terms", "note", "no-expiry", "期限(until)のない言葉の一覧があります: bid", -4),
]  # fmt: skip


@pytest.mark.parametrize(
    ("good", "bad", "severity", "code", "words", "further"), SPOILT, ids=[f"{i}-{it[3]}" for i, it in enumerate(SPOILT)]
)  # fmt: skip
def test_what_is_wrong_is_found_at_its_line_and_what_is_right_is_not(
    desk: Desk, good: str, bad: str, severity: str, code: str, words: str, further: int
) -> None:
    remarks, line = desk.changed(good, bad)
    found = [
        one
        for one in remarks
        if one.code not in ("risk-open", "untested", "cells-untested", "words-untested")
    ]
    found = [one for one in found if one.severity != "note" or severity == "note"]

    if code == "none":
        assert found == []
        return
    remark = only(found, code)
    assert (remark.severity, remark.file) == (severity, str(desk.policy))
    assert words in remark.ja
    assert remark.line == line + further
    assert remark.remedy_ja.endswith("。") and remark.remedy_en.endswith(".")


RULES: list[tuple[tuple[str, ...], str, str, int]] = [
    (("when: {class: ['1'], class_at_least: 3C}", "gate: deny"), "error", "never-holds", 5),
    (
        ("when: {trained: true, not: {trained: true}}", "notice: {ja: 一言, en: word}"),
        "error",
        "never-holds",
        5,
    ),
    (("when: {class_detected: [3A]}", "gate: deny"), "warning", "unreachable", 5),
    (("when: {class_detected: [3B]}", "gate: deny"), "", "", 0),
    (("when: {zone: [unknown], not: {zone: [unknown]}}", "gate: deny"), "error", "never-holds", 5),
    (("when: {service: [terms_only], class: ['2']}", "gate: deny"), "note", "awaits", 5),
    (("when: {use_case: {high_risk: true}}", "gate: deny"), "note", "awaits", 5),
    (("when: {use_case: {approved: false}, trained: false}", "gate: deny"), "", "", 0),
    (("when: {not: {zone: [lgwan, unknown]}}", "gate: deny"), "warning", "unreachable", 5),
    (("when: {not: {zone: [unknown]}}", "gate: deny"), "", "", 0),
    (("when: {class_at_least: 3B}", "search: strict"), "warning", "late-search", 6),
    (("when: {class: [3B, 3A], category: [hr]}", "search: strict"), "warning", "late-search", 6),
    (
        ("when: {not: {class: ['1', '2', 3C]}}", "search: strict", "notice: {ja: 一言, en: word}"),
        "warning",
        "late-search",
        6,
    ),
    (("when: {class_at_least: '2'}", "search: strict"), "warning", "late-search", 6),
    (("when: {class: [3A]}", "search: strict"), "", "", 0),
    (("when: {class: ['1']}", "search: strict"), "", "", 0),
    (("when: {class_declared: [3B]}", "search: strict"), "", "", 0),
    (("when: {category: [hr]}", "search: strict"), "", "", 0),
    (("when: {model: [claude-*]}", "gate: deny"), "warning", "no-model", 5),
    (("when: {model: [gpt-5.2, claude-5]}", "gate: deny"), "warning", "no-model", 5),
    (("when: {model: [gpt-5.2, own]}", "gate: deny"), "", "", 0),
    (("when: {model: [own], destination: [D1]}", "gate: deny"), "", "", 0),
    (("when: {model_stage: [unknown, expired]}", "gate: deny"), "", "", 0),
    (("when: {enrolled: false}", "gate: allow"), "error", "opposite", 0),
    (("when: {enrolled: false}", "gate: deny"), "warning", "same-rule", 0),
    (("when: {enrolled: false}", "gate: allow", "shadow: true"), "", "", 0),
    (("when: {enrolled: false}", "notice: {ja: 一言, en: word}"), "", "", 0),
    (("when: {enrolled: false}", "gate: allow", "valid_until: 2026-10-31"), "warning", "over", 7),
    (("when: {enrolled: false, trained: true}", "gate: allow"), "warning", "never-decides", 6),
    (("when: {enrolled: false, trained: true}", "gate: confirm"), "warning", "never-decides", 6),
    (("when: {enrolled: false, trained: true}", "gate: deny"), "", "", 0),
    (("when: {class: [3C], destination: [D3, D4]}", "gate: confirm"), "warning", "never-decides", 6),
    (("when: {class_at_least: 3C, destination: [D1, D4]}", "gate: allow"), "warning", "never-decides", 6),
    (("when: {class: ['2'], destination: [D1, D4]}", "gate: allow"), "", "", 0),
    (("when: {class: ['1', 3C], destination: [D4]}", "gate: confirm"), "", "", 0),
    (("when: {category: [pr]}", "reveal: {types: [PERSON], destinations: [D3]}"), "", "", 0),
    (("when: {model: [own]}", "reveal: {types: [PERSON], destinations: [D1]}"), "", "", 0),
    (("when: {always: true}", "gate: allow"), "note", "allows-everything", 0),
]


@pytest.mark.parametrize(
    ("lines", "severity", "code", "further"), RULES, ids=[str(i) for i in range(len(RULES))]
)
def test_a_rule_that_does_nothing_or_the_opposite_of_another_is_found(
    desk: Desk, lines: tuple[str, ...], severity: str, code: str, further: int
) -> None:
    remarks, line = desk.with_rule(*lines)
    found = [one for one in remarks if one.code != "risk-open"]

    if not code:
        assert [str(one) for one in found] == []
        return
    remark = only(found, code)
    assert (remark.severity, remark.line) == (severity, line + further)
    assert "Z" in remark.ja or code == "no-model"


@pytest.mark.parametrize(
    ("gate", "dates", "told"),
    [
        ("deny", {}, ["opposite"]),
        ("deny", {"valid_from": "2026-12-28", "valid_until": "2027-01-04"}, []),
        ("deny", {"valid_until": "2027-01-04"}, []),
        ("deny", {"valid_from": "2026-11-01"}, ["opposite"]),
        ("allow", {"valid_from": "2026-12-28", "valid_until": "2027-01-04"}, ["opposite"]),
    ],
)
def test_a_rule_that_tightens_another_for_a_time_is_no_opposite(
    desk: Desk, gate: str, dates: dict[str, str], told: list[str]
) -> None:
    lasting = RULE.replace("id: Z", "id: Y") + "    when: {section: 道路課}\n    gate: confirm\n"
    other = RULE + f"    when: {{section: 道路課}}\n    gate: {gate}\n"
    other += "".join(f"    {name}: {day}\n" for name, day in dates.items())

    found = codes(desk.check(GOOD + lasting + other).remarks)

    assert [code for code in found if code in ("opposite", "never-decides")] == told


def test_a_reveal_that_no_contract_allows_is_found(desk: Desk) -> None:
    learning = GOOD.replace("no_training: true", "no_training: false")
    reveal = RULE + "    when: {category: [pr]}\n    reveal: {types: [PERSON], destinations: [D1]}\n"

    remark = only(desk.check(learning + reveal).remarks, "never-reveals")

    assert remark.line == GOOD.count("\n") + 7


def test_an_expired_word_list_takes_its_rules_with_it(desk: Desk) -> None:
    later = desk.check(today=date(2027, 4, 1)).remarks

    assert only(later, "unreachable").ja.startswith("B は、いまの一覧と期限では")
    assert {"over", "review-due", "unreachable"} <= set(codes(later))


@pytest.mark.requirement("R27")
def test_the_day_decides_what_is_over(desk: Desk) -> None:
    assert "over" not in codes(desk.check(today=date(2027, 3, 31)).remarks)
    assert "over" in codes(desk.check(today=date(2027, 4, 1)).remarks)


def test_a_rule_that_ends_before_its_policy_begins_is_an_error(desk: Desk) -> None:
    bad = GOOD.replace("    title: {ja: 未登録", "    valid_until: 2026-03-31\n    title: {ja: 未登録")

    assert only(desk.check(bad, today=date(2026, 3, 1)).remarks, "never-in-force").severity == "error"


def test_a_later_pattern_that_an_earlier_one_hides_is_found(desk: Desk) -> None:
    hidden = GOOD.replace("name: own\n", "name: gpt-*\n", 1)

    remark = only(desk.check(hidden, None).remarks, "hidden-model")

    assert remark.line == GOOD[: GOOD.index("name: gpt-5*")].count("\n") + 1


def test_a_pattern_hides_no_other_spelling_because_models_are_named_to_the_letter(desk: Desk) -> None:
    both = GOOD.replace("name: own\n", "name: GPT-5*\n", 1)

    assert "hidden-model" not in codes(desk.check(both, None).remarks)


def test_tables_that_decide_the_same_cells_twice_are_found(desk: Desk) -> None:
    second = """\
  - id: U
    title: {ja: 表, en: table}
    basis: 試験
    risk_refs: [LLM02]
    rows: destination
    columns: class
    cells: {D1: allow, "*": none}
    when: {audience: staff}
"""
    both = GOOD.replace("rules:\n", second + "rules:\n")

    remark = only(desk.check(both).remarks, "tables-overlap")

    assert "U.D1.3C、U.D1.3B、U.D1.3A は判定も違います" in remark.ja
    apart = both.replace("    when: {audience: staff}\n", "    when: {audience: public}\n").replace(
        "    rows: class\n", "    when: {audience: staff}\n    rows: class\n"
    )
    assert "tables-overlap" not in codes(desk.check(apart).remarks)
    handed_over = both.replace(
        "    when: {audience: staff}\n", "    when: {audience: staff}\n    valid_from: 2027-04-01\n"
    ).replace("    rows: class\n", "    valid_until: 2027-03-31\n    rows: class\n")
    assert "tables-overlap" not in codes(desk.check(handed_over).remarks)
    one_day = handed_over.replace("2027-03-31\n    rows", "2027-04-01\n    rows")
    assert "tables-overlap" in codes(desk.check(one_day).remarks)


def test_a_policy_that_allows_nothing_is_found(desk: Desk) -> None:
    closed = GOOD.replace("allow", "deny").replace("confirm, ", "deny, ").replace('"*": confirm', '"*": deny')

    assert "allows-nothing" in codes(desk.check(closed).remarks)


def test_a_policy_without_a_registry_is_warned_of(desk: Desk) -> None:
    bare = GOOD[: GOOD.index("models:")] + GOOD[GOOD.index("use_cases:") :]

    assert only(desk.check(bare).remarks, "no-registry").severity == "warning"


# ── tests ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_policy_without_tests_is_warned_of(desk: Desk) -> None:
    assert "try.tests.yaml" in only(desk.check(tests=None).remarks, "no-tests").ja


def test_what_no_test_tries_is_found_at_the_line_of_the_rule(desk: Desk) -> None:
    fewer = TESTS.replace("  - {name: 未登録, ask: {enrolled: false}, expect: {decisive: [A]}}\n", "")
    remark = only(desk.check(tests=fewer).remarks, "untested")

    assert (remark.line, remark.ja) == (
        GOOD[: GOOD.index("- id: A")].count("\n") + 1,
        "A が当てはまる試験がありません。",
    )


def test_a_rule_that_every_test_matches_is_found(desk: Desk) -> None:
    remarks = desk.check(GOOD.replace("when: {enrolled: false}", "when: {trained: true}")).remarks

    assert only(remarks, "untested").ja == "A が当てはまらない試験がありません。"


def test_cells_and_words_that_no_test_tries_are_found(desk: Desk) -> None:
    fewer = TESTS.replace(", D4: confirm}", "}").replace(", text: 予定価格を教えて", ", ask: {words: [bid]}")

    remarks = desk.check(tests=fewer).remarks

    assert only(remarks, "cells-untested").ja == "どの試験も通らないマスがあります: T.2.D4。"
    assert only(remarks, "words-untested").ja.startswith("言葉の一覧 bid が見つかる文")


def test_tests_that_cannot_be_read_are_an_error_in_their_own_file(desk: Desk) -> None:
    remark = only(desk.check(tests=TESTS.replace("decisive: [A]", "desicive: [A]")).remarks, "broken-tests")

    assert (remark.severity, remark.file, remark.line) == ("error", str(desk.tests), 17)


def test_a_file_that_cannot_be_loaded_is_complained_about_as_ever(desk: Desk) -> None:
    with pytest.raises(PolicyError, match="Did you mean 'gate'"):
        desk.check(GOOD.replace("gate: deny", "gaet: deny", 1))


# ── risks ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R10")
def test_the_risks_that_no_rule_answers_are_listed_and_the_others_name_their_rules(desk: Desk) -> None:
    found = desk.check()

    assert tuple(found.risks) == RISKS
    assert found.risks["LLM02"] == ["S.terms-only", "S.sandbox", "B", "T"]
    assert found.risks["LLM06"] == ["A"]
    remark = only(found.remarks, "risk-open")
    assert "LLM01(プロンプトインジェクション)" in remark.ja
    assert "LLM02" not in remark.ja and "LLM02" not in remark.en
    assert all((risk in remark.en) == (not by) for risk, by in found.risks.items())


@pytest.mark.requirement("R10")
def test_a_rehearsed_rule_answers_no_risk(desk: Desk) -> None:
    shadow = GOOD.replace("    risk_refs: [LLM06]\n", "    risk_refs: [LLM06]\n    shadow: true\n")

    assert desk.check(shadow).risks["LLM06"] == []


@pytest.mark.requirement("R10")
def test_every_rule_that_ships_for_takatsuki_names_the_risks_it_answers() -> None:
    findings = checks.check("takatsuki", TODAY)

    assert "no-risk" not in codes(findings.remarks, "note")
    answered = {risk for risk, by in findings.risks.items() if by}
    assert {"LLM01", "LLM02", "LLM05", "LLM06", "LLM07", "LLM09", "LLM10"} <= answered


@pytest.mark.parametrize("name", files.city_names())
def test_nothing_is_wrong_with_the_policies_that_ship(name: str) -> None:
    remarks = checks.check(name, TODAY).remarks

    expected = ["no-registry"] if name == "mask-only" else []
    assert codes(remarks, "error", "warning") == expected


def test_a_remark_is_one_line_of_words_and_the_same_as_json(desk: Desk) -> None:
    remarks, _ = desk.changed("within: 20", "within: 2")
    remark: Any = only(remarks, "too-near")

    assert str(remark).startswith(f"{desk.policy}:{remark.line}: 注意: within: 2 では")
    assert " / warning: within: 2 is shorter" in str(remark)
    assert "\n" not in str(remark)
    assert remark.plain()["remedy"]["en"] == remark.remedy_en
