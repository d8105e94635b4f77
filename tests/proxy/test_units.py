"""A request cut into units: which they are in each dialect, which are the newest turn, and by what they are known."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.files import load
from proxy.callers import Declared
from proxy.surfaces.chat import ChatRequest
from proxy.surfaces.embeddings import EmbeddingsRequest
from proxy.surfaces.messages import CountRequest, MessagesRequest
from proxy.surfaces.request import Request
from proxy.surfaces.responses import ResponsesRequest
from proxy.units import Unit, canonical, cut, echoes, without_echoes
from redaction.model import Finding

DAY = date(2026, 11, 27)
POLICY = load("mask-only")
KEY = b"k" * 32
TOOL = {"type": "function", "function": {"name": "find_letters", "parameters": {"type": "object"}}}


def read(kind: type[Request], body: dict[str, Any], purpose: str | None = None) -> Request:
    raw = json.dumps({"model": "m", **body}).encode()
    return kind.read("x", raw, Declared(purpose, "mail_draft", "2"), lambda model: "D2")


def found(texts: Sequence[str]) -> list[tuple[Finding, ...]]:
    """Every run of four figures is a bank account."""
    return [tuple(_accounts(text)) for text in texts]


def _accounts(text: str) -> Iterator[Finding]:
    for match in re.finditer(r"[0-9]{4}", text):
        yield Finding("JP_BANK_ACCOUNT", *match.span(), 0.9, "test", "pattern")


def units(request: Request) -> dict[str, Unit]:
    return {unit.name: unit for unit in cut(request, found(request.texts), POLICY, DAY)}


def newest(request: Request) -> list[str]:
    return [name for name, unit in units(request).items() if unit.newest]


def turn(role: str, content: Any = "あ", **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


# ── which they are ────────────────────────────────────────────────────────────────────────────────


def test_each_turn_each_other_field_and_the_purpose_is_a_unit() -> None:
    body = {
        "messages": [turn("user", [{"type": "text", "text": "口座"}, {"type": "text", "text": "1234"}])],
        "tools": [TOOL],
        "temperature": 0.5,
        "user": "u",
    }
    cuts = units(read(ChatRequest, body, purpose="確認 5678"))
    assert set(cuts) == {"purpose", "model", "messages[0]", "tools", "temperature", "user"}
    assert [name for name, unit in cuts.items() if unit.triggering] == ["purpose", "messages[0]", "tools"]
    assert cuts["messages[0]"].value == body["messages"][0] and cuts["purpose"].value == "確認 5678"
    assert set(cuts["messages[0]"].data) == {("JP_BANK_ACCOUNT", "1234")}


def test_the_system_of_anthropic_and_the_instructions_of_responses_are_units_of_their_own() -> None:
    body = {"system": "番号は1234", "messages": [turn("user")], "max_tokens": 9}
    cuts = units(read(MessagesRequest, body))
    assert [name for name, unit in cuts.items() if unit.triggering] == ["system", "messages[0]"]
    cuts = units(read(ResponsesRequest, {"instructions": "番号は1234", "input": "やあ"}))
    assert [name for name, unit in cuts.items() if unit.triggering] == ["instructions", "input"]


@pytest.mark.parametrize(
    ("turns", "new"),
    [
        (["user"], [0]),
        (["user", "assistant", "user"], [2]),
        (["user", "assistant", "user", "user"], [2, 3]),
        (["user", "assistant", "tool"], [2]),
        (["system", "user"], [1]),
        (["user", "assistant", "developer", "user"], [3]),
        (["system"], [0]),
        (["user", "assistant"], [0, 1]),  # an answer begun for the model is no answer
        (["user", "assistant", "user", "assistant"], [2, 3]),
        (["assistant"], [0]),
    ],
)
def test_the_newest_turn_is_what_came_after_the_models_last_answer(turns: list[str], new: list[int]) -> None:
    messages = [turn(role, tool_call_id="call_1") if role == "tool" else turn(role) for role in turns]
    assert newest(read(ChatRequest, {"messages": messages})) == [f"messages[{n}]" for n in new]


def test_what_the_model_called_and_thought_is_no_newest_turn() -> None:
    call = {"type": "function_call", "call_id": "call_1", "name": "find", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "call_1", "output": "1234"}
    assert newest(read(ResponsesRequest, {"input": [turn("user"), call, output]})) == ["input[2]"]
    assert newest(read(ResponsesRequest, {"input": "1234"})) == ["input"]


def test_where_there_are_no_turns_the_newest_is_what_it_is_about() -> None:
    assert newest(read(EmbeddingsRequest, {"input": ["a", "b"]}, purpose="p")) == ["input"]
    assert newest(read(CountRequest, {"messages": [turn("user")]})) == ["messages"]


def test_every_text_belongs_to_one_unit() -> None:
    parts = [{"type": "text", "text": "1234"}, {"type": "text", "text": "5678"}]
    request = read(ChatRequest, {"messages": [turn("user", parts), turn("user", "9012")], "tools": [TOOL]})
    assert len(request.strings.places) == len(request.texts)
    cuts = units(request)
    assert {datum for unit in cuts.values() for datum in unit.data} >= {
        ("JP_BANK_ACCOUNT", value) for value in ("1234", "5678", "9012")
    }
    assert set(cuts["messages[1]"].data) == {("JP_BANK_ACCOUNT", "9012")}


# ── by what they are known ────────────────────────────────────────────────────────────────────────

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON, st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_a_unit_is_known_by_its_value_and_key_alone(
    value: Any, other: Any, key: bytes, second: bytes
) -> None:
    unit, again = (
        Unit("messages[1]", "turn", value),
        Unit("messages[7]", "turn", json.loads(json.dumps(value))),
    )
    assert unit.signed(key) == again.signed(key), "wherever it stands"
    assert (Unit("x", "turn", other).signed(key) == unit.signed(key)) == (_spelled(value) == _spelled(other))
    assert Unit("x", "system", value).signed(key) != unit.signed(key), "a turn is no field"
    assert (unit.signed(second) == unit.signed(key)) == (second == key)


def _spelled(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@given(JSON)
def test_the_order_of_keys_and_half_a_surrogate_do_not_matter(value: Any) -> None:
    turned = {"b": value, "a": 1}
    assert canonical("turn", turned) == canonical("turn", {"a": 1, "b": value})
    assert canonical("turn", "\ud800")


def test_a_mark_that_clients_move_about_says_nothing_and_hides_nothing() -> None:
    plain = [{"type": "text", "text": "あ"}]
    marked = [{"type": "text", "text": "あ", "cache_control": {"type": "ephemeral"}}]
    assert canonical("turn", plain) == canonical("turn", marked)
    assert canonical("turn", {"cache_control": "口座 1234"}) != canonical("turn", {})


# ── the rest of a request ─────────────────────────────────────────────────────────────────────────


@given(st.sets(st.sampled_from(["purpose", "system", "messages[0]", "messages[1]", "messages[2]"])))
def test_the_rest_holds_every_unit_that_is_not_gone_as_it_was(gone: set[str]) -> None:
    body = {
        "system": "番号は1234",
        "messages": [turn("user", "2345"), turn("assistant", "3456"), turn("user", "4567")],
        "max_tokens": 9,
    }
    request = read(MessagesRequest, body, purpose="確認 5678")
    before = {name: unit for name, unit in units(request).items() if name not in gone}
    rest = request.rest(gone)
    after = units(rest)
    kept = [unit.signed(KEY) for name, unit in before.items() if name != "purpose"]
    assert [unit.signed(KEY) for name, unit in after.items() if name != "purpose"] == kept
    assert (
        rest.model == request.model
        and type(rest) is type(request)
        and request.body["messages"] == body["messages"]
    )
    assert ("5678" in "".join(rest.texts)) == ("purpose" not in gone)


def test_only_what_the_model_said_in_an_answer_is_an_echo() -> None:
    said = [turn("user", "1234"), turn("assistant", "1234と9999"), turn("user", "1234")]
    request = read(ChatRequest, {"messages": said})
    cuts = tuple(units(request).values())
    repeated = echoes(cuts, {("JP_BANK_ACCOUNT", "1234")})
    assert repeated == {"messages[1]": {("JP_BANK_ACCOUNT", "1234")}}
    left = without_echoes(request, found(request.texts), repeated)
    values = [text[f.start : f.end] for text, here in zip(request.texts, left, strict=True) for f in here]
    assert values == ["1234", "9999", "1234"]


def test_a_unit_prints_no_text() -> None:
    request = read(ChatRequest, {"messages": [turn("user", "山田太郎 1234")]})
    assert "山田" not in repr(units(request)) and "1234" not in repr(units(request))
