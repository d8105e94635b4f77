"""The aid 「報告対象か」: every combination of answers, and that it never decides."""

import dataclasses
import inspect
import itertools
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from audit.incidents import judgement
from audit.incidents.judgement import (
    ASKED,
    POINTING_WORDS,
    QUESTIONS,
    VALUES,
    Decision,
    Pointed,
    Question,
    Value,
    pointed,
)

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
EVERY: list[Mapping[Question, Value]] = [
    dict(zip(QUESTIONS, values, strict=True)) for values in itertools.product(VALUES, repeat=6)
]


@pytest.mark.requirement("R55")
def test_every_combination_of_answers_points_as_the_table_says() -> None:
    assert len(EVERY) == 3**6
    seen = []
    for values in EVERY:
        given = list(values.values())
        found = pointed(values)
        expected = "applies" if "yes" in given else "unclear" if "unknown" in given else "none"
        assert found.pointing == expected, values
        assert found.applying == tuple(one for one in QUESTIONS if values[one] == "yes")
        assert found.unclear == tuple(one for one in QUESTIONS if values[one] == "unknown")
        seen.append(found.pointing)
    counted = {name: seen.count(name) for name in POINTING_WORDS}
    assert counted == {"applies": 3**6 - 2**6, "unclear": 2**6 - 1, "none": 1}


@pytest.mark.requirement("R55")
def test_a_question_that_nobody_answered_is_unknown() -> None:
    for values in EVERY:
        told = {one: value for one, value in values.items() if value != "unknown"}
        assert pointed(told) == pointed(values)
    assert pointed({}).unclear == QUESTIONS


@pytest.mark.requirement("R55")
def test_the_aid_never_decides() -> None:
    """Nothing that it gives says whether a report is due; a decision is made of a person alone."""
    names = {field.name for field in dataclasses.fields(Pointed)} | set(pointed({}).plain())
    assert not [name for name in names if "report" in name or "decid" in name or "outcome" in name]
    makers = [
        name for name, one in inspect.getmembers(judgement, inspect.isfunction)
        if one.__module__ == judgement.__name__ and "Decision" in str(inspect.signature(one).return_annotation)
    ]  # fmt: skip
    assert makers == []
    with pytest.raises(ValueError, match="somebody"):
        Decision("reportable", "", "cio_advisor", "該当する", NOW, "applies")
    with pytest.raises(TypeError):
        Decision("reportable", role="cio_advisor", reason="該当する", at=NOW, pointing="applies")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("outcome", "pointing", "differs"),
    [("reportable", "applies", False), ("not_reportable", "applies", True), ("reportable", "unclear", False),
     ("not_reportable", "unclear", True), ("reportable", "none", True), ("not_reportable", "none", False)],
)  # fmt: skip
def test_a_decision_that_the_answers_do_not_point_to_is_told(
    outcome: judgement.Outcome, pointing: judgement.Pointing, differs: bool
) -> None:
    made = Decision(outcome, "100001", "cio_advisor", "確かめた", NOW, pointing)
    assert made.differs is differs and made.plain()["differs"] is differs


def test_every_question_is_put_in_japanese_first_and_names_the_law() -> None:
    assert set(ASKED) == set(QUESTIONS)
    for asked in ASKED.values():
        assert asked.ja.endswith("。") and asked.en.isascii() and asked.en.endswith("?") and "条" in asked.law
