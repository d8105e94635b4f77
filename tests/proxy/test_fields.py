"""Every field: masked, restored, refused or free; a field that nobody listed is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Problem
from proxy.fields import CHAT_REQUEST
from proxy.kinds import KEY, NUMBER, TEXT, VALUE, Kind
from proxy.walk import walk

SECRET = "山田太郎"


def shouted(body: Any) -> tuple[Any, list[tuple[Kind, str, str]]]:
    """The body with every string that may be masked marked, and what was visited."""
    seen: list[tuple[Kind, str, str]] = []

    def visit(kind: Kind, text: str, path: str) -> str:
        seen.append((kind, text, path))
        return text

    return walk(body, CHAT_REQUEST, visit), seen


def message(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", **fields}]}


@pytest.mark.parametrize(
    "body",
    [
        message(content=SECRET),
        message(content=[{"type": "text", "text": SECRET}]),
        message(content="x", name=SECRET),
        message(content=None, refusal=SECRET),
        message(content=None, reasoning_content=SECRET),
        message(content="x", tool_call_id=SECRET),
        message(
            tool_calls=[
                {
                    "id": "1",
                    "type": "function",
                    "function": {"name": "f", "arguments": json.dumps({"to": SECRET})},
                }
            ]
        ),
        message(tool_calls=[{"id": "1", "type": "function", "function": {"name": "f", "arguments": SECRET}}]),
        message(content="x") | {"stop": SECRET},
        message(content="x") | {"stop": ["a", SECRET]},
        message(content="x") | {"user": SECRET},
        message(content="x") | {"metadata": {"by": SECRET, SECRET: "x"}},
        message(content="x")
        | {"tools": [{"type": "function", "function": {"name": "f", "description": SECRET}}]},
        message(content="x")
        | {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"enum": [SECRET]}}}]},
        message(content="x") | {"response_format": {"type": "json_schema", "json_schema": {"title": SECRET}}},
        message(content="x") | {"prediction": {"type": "content", "content": SECRET}},
        message(content="x") | {"safety_identifier": SECRET},
    ],
    ids=lambda body: "-".join(sorted({*body, *body["messages"][0]} - {"model", "messages", "role"})),
)
def test_a_value_in_any_carried_field_is_shown_to_the_mask(body: dict[str, Any]) -> None:
    _, seen = shouted(body)
    assert SECRET in [text for kind, text, _ in seen if kind in (TEXT, KEY, VALUE)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (message(content=[{"type": "video", "video": {"url": "data:"}}]), "unsupported_content"),
        (message(content=[{"text": "no type"}]), "unsupported_content"),
        (message(content="x") | {"store": True}, "unsupported_field"),
        (message(content="x") | {"logprobs": True}, "unsupported_field"),
        (message(content="x") | {"never_heard_of": 1}, "unknown_field"),
        (message(content="x", never_heard_of=1), "unknown_field"),
        (message(content=5), "invalid_type"),
        (message(content="x") | {"temperature": "hot"}, "invalid_type"),
        ({"model": "山田太郎", "messages": []}, "invalid_type"),
        ({"model": "m", "messages": "hello"}, "invalid_type"),
    ],
)
def test_what_is_not_carried_is_refused_by_name(body: dict[str, Any], code: str) -> None:
    with pytest.raises(Problem) as refused:
        shouted(body)
    assert refused.value.code == code
    assert refused.value.status == 400


def test_an_unknown_field_with_a_name_of_its_own_is_not_echoed() -> None:
    with pytest.raises(Problem) as refused:
        shouted({"model": "m", SECRET: 1})
    assert SECRET not in json.dumps(refused.value.body("r"), ensure_ascii=False)


def test_false_and_null_pass_where_a_field_is_refused() -> None:
    body = message(content="x") | {"store": False, "logprobs": None, "audio": None}
    masked, _ = shouted(body)
    assert masked["store"] is False and masked["audio"] is None


def test_escapes_inside_tool_arguments_hide_nothing() -> None:
    arguments = json.dumps({"to": SECRET}, ensure_ascii=True)
    assert SECRET not in arguments
    _, seen = shouted(
        message(tool_calls=[{"type": "function", "function": {"name": "f", "arguments": arguments}}])
    )
    assert SECRET in [text for _, text, _ in seen]


@pytest.mark.parametrize(
    "content", [json.dumps({"to": SECRET}), json.dumps([json.dumps(SECRET)]), json.dumps(SECRET)]
)
def test_escaped_json_as_a_tools_result_is_laid_open(content: str) -> None:
    assert SECRET not in content
    masked, seen = shouted(message(content=content))
    assert any(SECRET in text or "\\u5c71" in text for _, text, _ in seen)
    assert json.loads(masked["messages"][0]["content"]) == json.loads(content)


def test_a_long_number_is_looked_at_where_it_cannot_be_masked() -> None:
    numbers = [123456789018, 123456789018.0, 1.23456789018e11, 0.123456789018, True, None, -5]
    _, seen = shouted(message(content="x") | {"metadata": {"n": numbers}, "seed": 983205673214})
    looked_at = [text for kind, text, _ in seen if kind is NUMBER]
    assert looked_at == [*["123456789018"] * 3, "0 123456789018", "-5", "983205673214"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_a_walk_that_changes_nothing_gives_the_same_body_and_the_same_order_twice(value: Any) -> None:
    body = message(content="x") | {"metadata": value}
    orders = []
    for _ in range(2):
        seen: list[str] = []
        assert (
            walk(body, CHAT_REQUEST, lambda kind, text, path, seen=seen: (seen.append(path), text)[1]) == body
        )
        orders.append(seen)
    assert orders[0] == orders[1]
