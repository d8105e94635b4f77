"""What differs between two policies is told as people mean it, and secret words are counted only."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from policies import files
from policies.decide import Policy
from policies.differences import CHANGE_WORDS, PART_WORDS, Detail, Difference, differences, shown
from policies.schema import PolicyForm

SAID = {"ja": "題", "en": "Title"}
RULE = {"id": "R-1", "title": SAID, "basis": "試験", "when": {"category": ["pr", "hr"]}, "gate": "allow"}


def near(groups: list[list[str]], **more: Any) -> dict[str, Any]:
    return {"within": 20, "groups": groups, **more}


NEAR, CHAIN = near([["予定価格"], ["教え", "言え"]]), near([["予算"], ["案", "額"]], in_order=True)
CITY: dict[str, Any] = {
    "name": "city",
    "version": "1",
    "title": SAID,
    "zones": [{"zone": "hall", "networks": ["10.0.0.0/8"]}],
    "words": [{"id": "W-1", "title": SAID, "owner": "企画課", "terms": ["駅前再開発", "新庁舎"], "together": [NEAR, CHAIN]}],
    "tables": [
        {
            "id": "T", "title": SAID, "basis": "試験", "rows": "class", "columns": "destination",
            "cells": {"1": "allow", "2": {"D1": "mask", "*": "deny"}}, "deny": SAID,
        }
    ],
    "models": [
        {
            "name": name, "title": SAID, "service": "contract", "destination": "D2", "no_training": True,
            "recorded": True, "regions": ["jp"], "contract": "試験",
        }
        for name in ("gpt-*", "gpt-5*", "own")
    ],
    "rules": [RULE],
}  # fmt: skip


def policy(data: Mapping[str, Any]) -> Policy:
    return files.remade(json.loads(json.dumps(data)))


def told(change: Mapping[str, Any]) -> tuple[Difference, ...]:
    """What differs once these keys of the city are replaced."""
    return differences(policy(CITY), policy({**CITY, **change}))


def test_a_policy_does_not_differ_from_itself_and_every_shipped_one_differs_from_the_others() -> None:
    cities = [files.load(name) for name in files.city_names()]
    for one in cities:
        for other in cities:
            assert bool(differences(one, other)) is (one is not other)


@pytest.mark.parametrize(
    "change",
    [
        {"rules": [{**RULE, "when": {"category": ["hr", "pr"]}}]},
        {"rules": [dict(reversed(RULE.items()))]},
        {"zones": [{"zone": "hall", "networks": "10.0.0.0/8"}]},
        {"words": [{**CITY["words"][0], "terms": ["新庁舎", "駅前再開発"]}]},
        {"models": [CITY["models"][2], *CITY["models"][:2]]},
        {"models": [{**one, "sandbox": False} for one in CITY["models"]]},
        {
            "words": [
                {
                    **CITY["words"][0],
                    "together": [near([["言え", "教え"], ["予定価格"]], in_order=False), CHAIN],
                }
            ]
        },
        {"words": [{**CITY["words"][0], "together": [{**CHAIN, "groups": [["予算"], ["額", "案"]]}, NEAR]}]},
    ],
    ids=[
        "order of values",
        "order of keys",
        "one for a list of one",
        "order of terms",
        "order of plain names",
        "what holds anyway",
        "order of groups",
        "order in a group",
    ],
)
def test_another_way_of_writing_the_same_is_no_difference(change: dict[str, Any]) -> None:
    assert told(change) == ()


def test_rules_are_told_as_added_removed_and_changed() -> None:
    other = {**RULE, "id": "R-2"}
    assert [(one.part, one.id, one.change) for one in told({"rules": [RULE, other]})] == [
        ("rules", "R-2", "added")
    ]
    assert [(one.id, one.change) for one in told({"rules": [other]})] == [
        ("R-1", "removed"),
        ("R-2", "added"),
    ]

    (changed,) = told({"rules": [{**RULE, "gate": "deny", "remedy": SAID, "when": {"category": "pr"}}]})
    assert (changed.part, changed.id, changed.change) == ("rules", "R-1", "changed")
    assert [(one.path, one.old, one.new) for one in changed.details] == [
        (("when", "category"), ["pr", "hr"], ["pr"]),
        (("gate",), "allow", "deny"),
        (("remedy",), None, SAID),
    ]
    assert [one.place for one in changed.details] == ["条件・業務区分", "判定", "次にすること"]


def test_a_cell_of_a_table_is_told_by_row_and_column() -> None:
    table = json.loads(json.dumps(CITY["tables"][0]))
    table["cells"]["2"]["D1"] = "mask+confirm"
    table["confirm"] = SAID

    (changed,) = told({"tables": [table]})

    assert changed.details[0] == Detail(("cells", "2", "D1"), "mask", "mask+confirm")


def test_terms_of_a_word_list_are_counted_and_never_quoted() -> None:
    (changed,) = told({"words": [{**CITY["words"][0], "terms": ["駅前再開発", "市民会館", "図書館"]}]})

    assert changed.details == (Detail(("terms",), "2語", "3語(2語増え、1語減る)"),)
    assert "市民会館" not in repr(changed) and "駅前再開発" not in repr(changed)


def test_the_order_of_groups_that_follow_each_other_is_told_and_so_is_another_width() -> None:
    for changed in ({**CHAIN, "groups": CHAIN["groups"][::-1]}, {**CHAIN, "within": 9}):
        (one,) = told({"words": [{**CITY["words"][0], "together": [NEAR, changed]}]})
        assert one.details == (Detail(("together",), "2語", "2語(1語増え、1語減る)"),)


def test_the_order_of_patterns_is_told_because_the_earlier_one_counts() -> None:
    gpt, gpt5, own = CITY["models"]

    (moved,) = told({"models": [gpt5, gpt, own]})

    assert moved.details == (Detail((), ["gpt-*", "gpt-5*"], ["gpt-5*", "gpt-*"]),)


def test_the_head_is_compared_as_well() -> None:
    (head,) = told({"version": "2", "effective": "2026-12-01", "originals": {"keep_days": 30}})

    assert (head.part, head.id) == ("head", "")
    assert {one.path for one in head.details} == {("version",), ("effective",), ("originals",)}


def test_a_second_network_of_a_zone_is_told_wherever_it_is_written() -> None:
    hall = CITY["zones"][0]

    apart = told({"zones": [hall, {"zone": "hall", "networks": ["192.0.2.0/24"]}]})

    assert apart == told({"zones": [{"zone": "hall", "networks": ["10.0.0.0/8", "192.0.2.0/24"]}]})
    assert [one.change for one in apart] == ["changed"]


def test_every_part_of_a_policy_file_is_compared_and_named_in_two_languages() -> None:
    lists = {name for name, field in PolicyForm.model_fields.items() if "list[" in str(field.annotation)}
    assert lists - set(PART_WORDS) == {"closed_days"}, "of the head: a list of plain days"
    for words in (*PART_WORDS.values(), *CHANGE_WORDS.values()):
        assert words.ja and words.en.isascii()


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (None, "なし"), ([], "なし"), (True, "はい"), ("deny", "禁止"), (["PERSON", "x"], "氏名(PERSON)、x"),
        ({"any_of": ["hr"]}, "どれか=人事・給与(hr)"), (20, "20"), ("mask", "伏せ字にして許可"),
    ],
)  # fmt: skip
def test_a_value_is_shown_in_japanese_where_there_is_a_word(value: Any, line: str) -> None:
    assert shown(value) == line
