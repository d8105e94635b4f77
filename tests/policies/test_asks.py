"""An ask written down as JSON is read strictly, and a strange value travels on to be refused."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

import pytest

from policies.asks import ask_from_json
from policies.complaints import PolicyError
from policies.model import Ask, EntityFact


def written(ask: Ask, **changes: Any) -> str:
    return json.dumps({**asdict(ask), "at": ask.at.isoformat(), **changes})


def test_an_ask_comes_back_from_json_as_it_was(ordinary: Ask) -> None:
    assert ask_from_json(written(ordinary), "ask.json") == ordinary


def test_class_and_declared_class_are_one(ordinary: Ask) -> None:
    data = json.loads(written(ordinary))
    data["class"] = data.pop("declared_class")

    assert ask_from_json(json.dumps(data), "ask.json") == ordinary


def test_evidence_count_class_and_time_may_be_left_out(ordinary: Ask) -> None:
    data = json.loads(written(ordinary, entities=[{"type": "PERSON"}]))
    del data["declared_class"], data["at"], data["characters"]

    ask = ask_from_json(json.dumps(data), "ask.json")

    assert ask.entities == (EntityFact("PERSON", "pattern", 1),)
    assert (ask.declared_class, ask.characters) == (None, 0)
    assert isinstance(ask.at, datetime) and ask.at.tzinfo is not None


def test_a_strange_value_is_left_for_the_decision_to_refuse(ordinary: Ask) -> None:
    assert str(ask_from_json(written(ordinary, destination="D9"), "ask.json").destination) == "D9"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "ask.json:1: "),
        ("[]", "ask.json: "),
        ("[" * 100_000, "JSON"),
        ("{}", "'person' is missing"),
    ],
)
def test_what_is_no_ask_is_complained_about(text: str, words: str) -> None:
    with pytest.raises(PolicyError) as caught:
        ask_from_json(text, "ask.json")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sektion": "x"}, "Did you mean 'section'?"),
        ({"enrolled": "yes"}, "true"),
        ({"characters": "4"}, "whole number"),
        ({"at": "yesterday"}, "2026-04-01T09:00:00+09:00"),
        ({"at": 5}, "2026-04-01T09:00:00+09:00"),
        ({"entities": {"PERSON": 1}}, "list"),
        ({"entities": [{"kind": "PERSON"}]}, "'type' is missing"),
        ({"person": None}, "text"),
    ],
)
def test_a_wrong_shape_is_complained_about(ordinary: Ask, change: dict[str, Any], words: str) -> None:
    with pytest.raises(PolicyError, match=words.replace("?", r"\?").replace("+", r"\+")):
        ask_from_json(written(ordinary, **change), "ask.json")
