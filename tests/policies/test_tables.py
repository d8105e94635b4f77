"""Tables decide by row and column, restrict alone where they speak of what was found, and say who decided."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from policies import files
from policies.complaints import PolicyError
from policies.decide import Policy, gate_of
from policies.model import Ask, EntityFact, Permit, Refuse, Verdict
from policies.vocabulary import CATEGORIES, CLASSES, ENTITY_TYPES, EVIDENCE, GATES, TIERS

PolicyOf = Callable[..., Policy]
PAIR = {"ja": "題", "en": "title"}
SAID = {"notice": {"ja": "一言", "en": "a word"}, "confirm": PAIR, "deny": PAIR}
NOTHING = {"when": {"category": "training"}, "notice": PAIR}


def table(cells: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A table of class by destination, unless told otherwise."""
    plain = {
        "id": "T",
        "title": {"ja": "表", "en": "table"},
        "basis": "試験",
        "rows": "class",
        "columns": "destination",
    }
    return {**plain, **SAID, "cells": cells, **more}


def ids(verdict: Verdict, part: str = "rules") -> list[str]:
    return [hit.id for hit in getattr(verdict, part)]


@pytest.mark.requirement("R26")
@pytest.mark.parametrize("seed", range(4))
def test_every_class_at_every_destination_is_decided_by_its_own_cell(
    seed: int, ordinary: Ask, policy_of: PolicyOf
) -> None:
    chance = random.Random(seed)
    cells = {row: {column: chance.choice(["none", *GATES]) for column in TIERS} for row in CLASSES}
    policy = policy_of(NOTHING, tables=[table(cells)])

    for row in CLASSES:
        for column in TIERS:
            verdict = policy.decide(replace(ordinary, declared_class=row, destination=column))
            word = cells[row][column]
            assert gate_of(verdict) == ("deny" if word == "none" else word)
            assert ids(verdict, "decisive") == ([] if word == "none" else [f"T.{row}.{column}"])


def test_a_star_stands_for_every_row_and_column_that_is_not_written_out(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    cells = {"1": "allow", "2": {"D1": "allow", "*": "confirm"}, "*": "deny"}
    policy = policy_of(NOTHING, tables=[table(cells)])

    def gate(declared: Any, destination: Any) -> str:
        return gate_of(policy.decide(replace(ordinary, declared_class=declared, destination=destination)))

    assert [gate("1", tier) for tier in TIERS] == ["allow"] * 4
    assert [gate("2", tier) for tier in TIERS] == ["allow", "confirm", "confirm", "confirm"]
    assert [gate(high, tier) for high in ("3C", "3B", "3A") for tier in TIERS] == ["deny"] * 12


def test_a_table_with_one_axis_decides_by_it_alone(ordinary: Ask, policy_of: PolicyOf) -> None:
    one = table({"hr": "confirm", "*": "allow"}, rows="category")
    del one["columns"]
    policy = policy_of(NOTHING, tables=[one])

    assert ids(policy.decide(replace(ordinary, category="hr")), "decisive") == ["T.hr"]
    for category in CATEGORIES:
        gate = "confirm" if category == "hr" else "allow"
        assert gate_of(policy.decide(replace(ordinary, category=category))) == gate


@pytest.mark.requirement("R26")
def test_tables_and_rules_are_one_union_and_the_strictest_counts(ordinary: Ask, policy_of: PolicyOf) -> None:
    by_class, by_category = (
        table({"*": "allow"}),
        table({"hr": "confirm", "*": "none"}, id="C", rows="category"),
    )
    del by_category["columns"]
    policy = policy_of({"when": {"trained": False}, "gate": "deny"}, tables=[by_class, by_category])

    plain, personnel = policy.decide(ordinary), policy.decide(replace(ordinary, category="hr"))
    untrained = policy.decide(replace(ordinary, category="hr", trained=False))

    assert (gate_of(plain), ids(plain)) == ("allow", ["T.2.D2"])
    assert (gate_of(personnel), ids(personnel)) == ("confirm", ["T.2.D2", "C.hr"])
    assert ids(personnel, "decisive") == ["C.hr"]
    assert (gate_of(untrained), ids(untrained, "decisive")) == ("deny", ["R-0"])


@pytest.mark.requirement("R25")
def test_a_table_looks_at_the_higher_of_declared_and_detected_class(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    """All five declared with all five detected classes, and none of either: the higher one counts, else 2."""
    detected = [
        {"id": f"D-{n}", "title": PAIR, "basis": "試験", "class": each, "when": {"category": CATEGORIES[n]}}
        for n, each in enumerate(CLASSES)
    ]
    policy = policy_of(NOTHING, tables=[table({"*": "confirm"})], detected=detected)

    for declared in (None, *CLASSES):
        for n, found in enumerate((*CLASSES, None)):
            ask = replace(ordinary, declared_class=declared, category=CATEGORIES[n])
            higher = max((declared or "2", found or "1"), key=CLASSES.index)
            verdict = policy.decide(ask)
            assert ids(verdict, "decisive") == [f"T.{higher}.D2"]
            assert verdict.derived is not None
            assert verdict.derived.detected_class == found
            assert verdict.derived.effective_class == higher


def test_a_table_of_what_was_found_only_restricts(ordinary: Ask, policy_of: PolicyOf) -> None:
    one = table({"PERSON": "mask", "CREDIT_CARD": "deny", "*": "allow"}, rows="entity")
    del one["columns"]
    policy = policy_of(NOTHING, tables=[one])

    for kind in ENTITY_TYPES:
        verdict = policy.decide(replace(ordinary, entities=(EntityFact(kind, "cue", 1),)))
        assert isinstance(verdict, Refuse)
        assert ids(verdict, "decisive") == (["T.CREDIT_CARD"] if kind == "CREDIT_CARD" else [])


def test_each_kind_of_finding_is_one_cell_however_often_it_was_found(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    one = table({"PERSON": {"cue": "notice", "context": "confirm"}}, rows="entity", columns="evidence")
    policy = policy_of({"gate": "allow"}, tables=[one])
    found = (
        EntityFact("PERSON", "cue", 3),
        EntityFact("PERSON", "cue", 1),
        EntityFact("PERSON", "context", 0),
        EntityFact("JP_ADDRESS", "cue", 1),
    )

    verdict = policy.decide(replace(ordinary, entities=found))

    assert isinstance(verdict, Permit)
    assert ids(verdict) == ["R-0", "T.PERSON.cue"]
    assert ids(verdict, "notices") == ["T.PERSON.cue"]
    asked = policy.decide(replace(ordinary, entities=(*found, EntityFact("PERSON", "context", 1))))
    assert (gate_of(asked), ids(asked, "decisive")) == ("confirm", ["T.PERSON.context"])


def test_a_finding_may_mean_something_else_at_another_destination(ordinary: Ask, policy_of: PolicyOf) -> None:
    one = table({"PERSON": {"D3": "deny", "*": "none"}}, rows="entity")
    policy = policy_of({"gate": "allow"}, tables=[one])
    named = replace(ordinary, entities=(EntityFact("PERSON", "cue", 1),))

    assert gate_of(policy.decide(named)) == "allow"
    assert ids(policy.decide(replace(named, destination="D3")), "decisive") == ["T.PERSON.D3"]
    assert gate_of(policy.decide(replace(ordinary, destination="D3"))) == "allow"


def test_a_cell_of_several_words_does_all_of_them_and_says_so(ordinary: Ask, policy_of: PolicyOf) -> None:
    say = {
        "2": {
            "notice": {"ja": "行の一言", "en": "the row's word"},
            "confirm": {"ja": "行の確認", "en": "row"},
        }
    }
    policy = policy_of(NOTHING, tables=[table({"2": "mask+notice+confirm", "*": "notice+deny"}, say=say)])

    hit = policy.decide(ordinary).decisive[0]
    other = policy.decide(replace(ordinary, declared_class="1")).decisive[0]

    assert hit.effects == ("confirm", "notice")
    assert hit.notice is not None and hit.notice.ja == "行の一言"
    assert hit.remedy is not None and hit.remedy.ja == "行の確認"
    assert other.notice is not None and other.notice.ja == "一言"
    assert hit.title.ja == "表: 機密性2・D2 は確認が要ります。"
    assert hit.title.en == "table: 2 at D2 needs confirmation."


def test_a_table_counts_only_where_its_condition_holds(ordinary: Ask, policy_of: PolicyOf) -> None:
    policy = policy_of(NOTHING, tables=[table({"*": "allow"}, when={"audience": "staff"})])

    assert isinstance(policy.decide(ordinary), Permit)
    assert isinstance(policy.decide(replace(ordinary, audience="public")), Refuse)


def test_nothing_in_a_table_lifts_a_mask(ordinary: Ask, policy_of: PolicyOf) -> None:
    policy = policy_of(NOTHING, tables=[table({"*": "allow"})])
    found = tuple(EntityFact(kind, evidence, 1) for kind in ENTITY_TYPES for evidence in EVIDENCE)

    verdict = policy.decide(replace(ordinary, entities=found))

    assert all(verdict.hides(kind) for kind in ENTITY_TYPES)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cells": {"4": "allow"}}, "unknown row '4'"),
        ({"cells": {"2": {"D9": "allow"}}}, "unknown column 'D9'"),
        ({"cells": {"2": "alow"}}, "Did you mean 'allow'?"),
        ({"cells": {"2": "mask+perhaps"}}, "unknown cell 'perhaps'"),
        ({"columns": "class"}, "columns must differ from rows"),
        ({"columns": "evidence"}, "evidence can only be the columns"),
        ({"rows": "colour"}, "unknown value 'colour'"),
        ({"deny": None, "cells": {"2": "deny"}}, "no sentence for it"),
        ({"say": {"4": {}}}, "unknown row '4'"),
        ({"say": {"*": {}}}, "say names single rows"),
    ],
)
def test_a_broken_table_is_complained_about(policy_of: PolicyOf, change: dict[str, Any], words: str) -> None:
    whole = {**table({"*": "allow"}), **change}
    broken = {key: value for key, value in whole.items() if value is not None}

    with pytest.raises(PolicyError) as caught:
        policy_of(NOTHING, tables=[broken])
    assert words in str(caught.value)


CELLS = """\
name: try
version: "1"
title: {ja: 試し, en: try}
tables:
  - id: T
    title: {ja: 表, en: table}
    basis: 試験
    rows: class
    columns: destination
    cells:
      "1":
        D1: allow
        D2: mask
      "2": allow
rules:
  - {id: A, title: {ja: 題, en: title}, basis: 試験, when: {always: true}, gate: allow}
"""


@pytest.mark.parametrize(
    ("good", "bad", "line", "words"),
    [
        ("D2: mask", "D2: alow", 13, "Did you mean 'allow'?"),
        ("D2: mask", "D2: 3", 13, 'write it in quotes: "3"'),
        ('"2": allow', '"2": alow', 14, "Did you mean 'allow'?"),
        ('"2": allow', '"2": 3', 14, 'write it in quotes: "3"'),
        ('"2": allow', '"2": [allow]', 14, "write one text here"),
    ],
)
def test_a_mistyped_cell_is_complained_about_once_at_its_line(
    good: str, bad: str, line: int, words: str
) -> None:
    with pytest.raises(PolicyError) as caught:
        files.parse(CELLS.replace(good, bad))

    (complaint,) = caught.value.complaints
    assert complaint.line == line and words in complaint.en


def test_a_sentence_for_every_row_is_sent_to_where_it_belongs(policy_of: PolicyOf) -> None:
    with pytest.raises(PolicyError) as caught:
        policy_of(NOTHING, tables=[table({"*": "deny"}, say={"*": {"deny": PAIR}})])

    assert "Did you mean" not in str(caught.value) and "のことですか" not in str(caught.value)
