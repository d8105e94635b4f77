"""A broken policy file is complained about at the right line, in words that say what to do."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from policies import files
from policies.complaints import CannotRead, Complaint, PolicyError
from policies.decide import Policy
from policies.model import Bilingual
from policies.vocabulary import ENTITY_TYPES

GOOD = """\
name: try
version: "1"
title: {ja: 試し, en: try}
effective: 2026-04-01
author: 企画課
rules:
  - id: A-1
    title: {ja: 許可, en: allow}
    basis: 試験
    owner: 企画課
    when:
      class: ["1", "2"]
      section: 道路課
      not:
        destination: [D4]
      entities:
        any_of: [PERSON]
        evidence: [cue]
        at_least: 1
    gate: confirm
    reveal:
      types: [PERSON]
      destinations: [D1]
    notice: {ja: 一言, en: a word}
    remedy: {ja: 確かめる, en: check}
  - id: A-2
    title: {ja: 許可, en: allow}
    basis: 試験
    when: {always: true}
    gate: allow
"""

# what is replaced, by what, the lines complained about, words that must stand in the complaint
BROKEN: list[tuple[str, str, list[int], str]] = [
    # the shape
    ("basis: 試験\n    owner", "owner", [7], "項目「basis」がありません"),
    ("owner: 企画課", "ower: 企画課", [10], "Did you mean 'owner'?"),
    ("gate: confirm", "gates: confirm", [20], "Did you mean 'gate'?"),
    ("section:", "課:", [13], "「section」のことですか"),
    ("author:", "writer:", [5], "unknown key 'writer'"),
    ("evidence:", "evidences:", [18], "Did you mean 'evidence'?"),
    (
        "      not:\n        destination:",
        "      not:\n        destinations:",
        [15],
        "Did you mean 'destination'?",
    ),
    ("{ja: 一言, en: a word}", "{ja: 一言}", [24], "'en' is missing"),
    ("{ja: 一言, en: a word}", "一言", [24], "項目: 値"),
    ("{ja: 一言, en: a word}", '{ja: " ", en: a word}', [24], "文字がありません"),
    ("    when: {always: true}", "    when: []", [29], "項目: 値"),
    ("    when: {always: true}\n", "", [26], "項目「when」がありません"),
    ("    when: {always: true}", "    when: {}", [29], "always: true"),
    ("{always: true}", "{always: false}", [29], "always"),
    ("    gate: allow", "    owner: 企画課", [26], "この規則には働きがありません"),
    ("    gate: allow", "    gate: deny", [26], "remedy"),
    ("any_of: [PERSON]", "any: true\n        any_of: [PERSON]", [16], "どちらか一方"),
    ("        any_of: [PERSON]\n", "", [16], "どちらか一方"),
    ("any_of: [PERSON]", "any: false", [17], "true"),
    ("rules:\n  - id: A-1", "rules: []\nrulez:\n  - id: A-1", [6, 7], "一覧が空です"),
    ("      types: [PERSON]\n", "", [21], "項目「types」がありません"),
    # the values
    ("gate: confirm", "gate: block", [20], "known: allow, confirm, deny"),
    ("gate: confirm", "gate: 確認", [20], "「confirm」のことですか"),
    ("gate: confirm", "gate: [confirm]", [20], "文字を一つ"),
    ("[D4]", "[D4, D9]", [15], "known: D1, D2, D3, D4"),
    ('["1", "2"]', '["1", "4"]', [12], "known: 1, 2, 3C, 3B, 3A"),
    ('["1", "2"]', "[]", [12], "一覧が空です"),
    ("[PERSON]\n        evidence", "[氏名]\n        evidence", [17], "「PERSON」のことですか"),
    ("[PERSON]\n        evidence", "[PERSN]\n        evidence", [17], "Did you mean 'PERSON'?"),
    (
        "[PERSON]\n        evidence",
        "\n          - PERSON\n          - person\n        evidence",
        [19],
        "PERSON",
    ),
    ("[cue]", "[hunch]", [18], "known: pattern, checksum"),
    ("types: [PERSON]", "types: [PERSON, JP_MY_NUMBER]", [22], "外せません"),
    ("types: [PERSON]", "types: [JP_RESIDENT_RECORD_CODE]", [22], "no rule can reveal"),
    ("[D1]", "[D5]", [23], "D5"),
    ("at_least: 1", "at_least: 0", [19], "整数"),
    ("at_least: 1", 'at_least: "1"', [19], "引用符なし"),
    ("2026-04-01", "2026-04-31", [4], "2026-04-01 の形"),
    ("2026-04-01", "令和8年4月1日", [4], "2026-04-01 の形"),
    ("id: A-2", "id: A-1", [26], "7 行目でも使われています"),
    ("id: A-2", "id: 規則二", [26], "半角"),
    ("name: try", "name: 高槻市", [1], "半角の小文字"),
    # what YAML reads otherwise than people do
    ('["1", "2"]', "[1, 2]", [12, 12], 'write it in quotes: "1"'),
    ('["1", "2"]', "1", [12], "引用符"),
    ('version: "1"', "version: 1", [2], 'write it in quotes: "1"'),
    ('version: "1"', "version: 1.0", [2], 'write "1.0"'),
    ('version: "1"', "version: 010", [2], 'write "010"'),
    ('version: "1"', "version: 1_000", [2], 'write "1_000"'),
    ('version: "1"', "version: 12:30", [2], 'write "12:30"'),
    ("section: 道路課", "section: no", [13], "真偽"),
    ("section: 道路課", "section: true", [13], "引用符"),
    ("{always: true}", "{always: yes}", [29], "true か false"),
    ("{always: true}", '{always: "true"}', [29], "引用符なし"),
    ("author: 企画課", "author:", [5], "値がありません"),
    ("author: 企画課", "author: ~", [5], "値がありません"),
    ("author: 企画課", "yes: 企画課", [5], "項目の名前「yes」"),
    ("author: 企画課", "? [a]\n: b", [5], "項目の名前"),
    # what has no place here
    ("author: 企画課", "name: again", [5], "二度あります(一度目は 1 行目)"),
    ("      types: [PERSON]", "      types: [PERSON]\n      types: [PERSON]", [23], "二度あります"),
    ("author: 企画課", "author: &a 企画課", [5], "anchors"),
    ("author: 企画課", "author: *a", [5], "aliases"),
    ("author: 企画課", "author: !!python/name:os.system x", [5], "tags"),
    ("author: 企画課", "author: !!str 1", [5], "tags"),
    ("author: 企画課", "<<: {author: x}", [5], "項目の名前「<<」"),
    ("author: 企画課", "author：企画課", [5], "全角の「：」"),
    ("author: 企画課", "\tauthor: 企画課", [5], "タブ"),
    ("author: 企画課", "author: '企画課", [5], "引用符"),
    ("author: 企画課", "author: 企画\x08課", [5], "制御文字"),
    ("author: 企画課", "author: 企画課\n---\nname: second", [6], "YAML"),
    ("author: 企画課", f"author: {'[' * 40}{']' * 40}", [5], "入れ子"),
]


def complaints_about(text: str | bytes) -> tuple[Complaint, ...]:
    with pytest.raises(PolicyError) as caught:
        files.parse(text, "try.yaml")
    return caught.value.complaints


def test_the_file_that_is_broken_below_is_good_as_it_stands() -> None:
    policy = files.parse(GOOD)

    assert [rule.id for rule in policy.rules] == ["A-1", "A-2"]
    assert policy.title == Bilingual("試し", "try")
    assert (policy.author, policy.approver) == ("企画課", None)
    assert (policy.rules[0].basis, policy.rules[0].owner) == ("試験", "企画課")


@pytest.mark.parametrize(("good", "bad", "lines", "words"), BROKEN, ids=[str(i) for i in range(len(BROKEN))])
def test_a_broken_file_is_complained_about_at_its_line(
    good: str, bad: str, lines: list[int], words: str
) -> None:
    assert GOOD.count(good) == 1, "the table must replace exactly one place"

    found = complaints_about(GOOD.replace(good, bad))

    assert [complaint.line for complaint in found] == lines
    assert words in str(found[0])
    assert str(found[0]).startswith(f"try.yaml:{lines[0]}: ")


def test_all_complaints_come_at_once_and_in_order_of_lines() -> None:
    text = GOOD.replace("gate: allow", "gate: block").replace("owner:", "ower:").replace("[D1]", "[D5]")

    assert [complaint.line for complaint in complaints_about(text)] == [10, 23, 30]


def test_every_complaint_speaks_japanese_and_english() -> None:
    for good, bad, _, _ in BROKEN:
        for complaint in complaints_about(GOOD.replace(good, bad)):
            assert re.search("[ぁ-ん]", complaint.ja)
            assert re.search("[a-z]{3}", complaint.en) and not re.search("[ぁ-ん]", complaint.en)


@pytest.mark.parametrize("text", ["", "# 見出しだけ\n", "- a\n", "言葉だけ"])
def test_what_is_no_mapping_is_complained_about_at_its_first_line(text: str) -> None:
    assert complaints_about(text)[0].line in (1, 2)


def test_a_file_in_another_encoding_is_complained_about_with_its_line() -> None:
    found = complaints_about(GOOD.encode("shift_jis"))

    assert [complaint.line for complaint in found] == [3]
    assert "UTF-8" in found[0].ja


def test_a_file_saved_by_windows_reads_the_same() -> None:
    saved = b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()

    assert files.parse(saved).digest == files.parse(GOOD).digest


def test_a_file_larger_than_people_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text(GOOD + "#" * files.LARGEST)

    with pytest.raises(PolicyError, match="1 MB"):
        files.load(path)


@given(st.text(max_size=200))
def test_any_text_is_a_policy_or_a_complaint_with_a_line(text: str) -> None:
    try:
        files.parse(text)
    except PolicyError as error:
        assert all(isinstance(complaint.line, int) for complaint in error.complaints)


@given(st.integers(0, len(GOOD)), st.sampled_from("[]{}:-\"'&*!|>#%@`\t\n ,?"), st.booleans())
def test_one_slip_of_the_finger_is_a_policy_or_a_complaint_with_a_line(
    at: int, key: str, replaces: bool
) -> None:
    try:
        files.parse(GOOD[:at] + key + GOOD[at + replaces :])
    except PolicyError as error:
        assert all(1 <= (complaint.line or 0) <= GOOD.count("\n") + 2 for complaint in error.complaints)


PLAIN = st.recursive(
    st.text()
    | st.integers()
    | st.booleans()
    | st.sampled_from(["yes", "010", "2026-04-01", "*", "~", "1.5", "=", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("on"), inner, max_size=3),
    max_leaves=12,
)


def demand_same_reading(text: str) -> bool:
    """Whether the quick reading is sure of a text; where it is, the careful one says the very same."""
    try:
        quick = files._quickly(text, "p.yaml").data
    except files._NotPlain:
        return False
    careful = files.read_yaml(text, "p.yaml").data
    assert files.canonical(quick) == files.canonical(careful)
    return True


@given(PLAIN, st.integers(0, 5), st.booleans())
def test_the_quick_reading_says_what_the_careful_one_says_or_nothing(
    data: Any, indent: int, as_json: bool
) -> None:
    text = (
        json.dumps(data, ensure_ascii=False)
        if as_json
        else yaml.safe_dump(data, allow_unicode=True, indent=indent)
    )
    demand_same_reading(text)


@given(st.text("-:{}[],#&*!|>'\"%@`\n abc01.ー１\ufeff\x85", max_size=40))
def test_of_any_text_the_quick_reading_says_the_same_or_nothing(text: str) -> None:
    demand_same_reading(text)


@pytest.mark.parametrize("city", files.city_names())
def test_what_ships_is_read_quickly(city: str) -> None:
    assert demand_same_reading(files.read(files.find(city)).decode())


def test_a_rule_may_only_name_the_types_that_are_passed_in() -> None:
    assert files.parse(GOOD, entity_types=("PERSON",)).entity_types == {"PERSON"}
    with pytest.raises(PolicyError, match="known: JP_ADDRESS"):
        files.parse(GOOD, entity_types=("JP_ADDRESS",))


def test_the_digest_follows_the_contents_and_not_comments_or_spelling() -> None:
    digest = files.parse(GOOD).digest

    assert len(digest) == 64
    assert files.parse("# a comment\n" + GOOD.replace("[D4]", '["D4"]')).digest == digest
    assert files.parse(GOOD.replace("[D4]", "[D3]")).digest != digest
    assert files.parse(GOOD.replace("ja: 一言", "ja: 二言")).digest != digest


def test_the_digest_is_the_sha256_of_the_canonical_json() -> None:
    # printf '{"a":1,"b":["語",true]}' | sha256sum
    assert (
        files.digest_of({"b": ["語", True], "a": 1})
        == "56f5be3d38d4e63ebfe785cc608fd349475148b97baefb848a9a9c2400caf322"
    )


def test_one_value_stands_for_a_list_of_one(policy_of: Callable[..., Policy]) -> None:
    one, several = ({"when": {"section": it}, "gate": "allow"} for it in ("道路課", ["道路課"]))

    assert policy_of(one).rules[0].conditions == policy_of(several).rules[0].conditions


def test_the_policies_that_ship_load_by_name() -> None:
    assert files.city_names() == ("class2-prohibited", "designated-ai", "mask-only", "takatsuki")
    for name in files.city_names():
        policy = files.load(name)
        assert policy.name == name
        assert policy.entity_types == set(ENTITY_TYPES)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        CannotRead, match=r"known: class2-prohibited, .*, takatsuki\. Did you mean 'takatsuki'\?"
    ):
        files.load("takatuki")


def test_a_name_is_never_taken_for_a_file_that_lies_about(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "takatsuki").write_text("name: other")
    monkeypatch.chdir(tmp_path)

    assert files.load("takatsuki").name == "takatsuki"


def test_a_policy_loads_by_path_and_complains_with_that_path(tmp_path: Path) -> None:
    path = tmp_path / "city.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert files.load(path) == files.load(str(path))

    path.write_text(GOOD.replace("gate: allow", "gate: block"), encoding="utf-8")
    with pytest.raises(PolicyError, match=f"{path}:30: "):
        files.load(str(path))


def test_a_file_that_is_not_there_or_not_a_file_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(CannotRead) as caught:
            files.load(path)
        assert caught.value.complaints[0].line is None


def test_json_is_read_as_yaml_with_the_same_digest() -> None:
    document = files.read_yaml(GOOD, "try.yaml")

    assert files.parse(json.dumps(document.data, ensure_ascii=False)).digest == files.parse(GOOD).digest
