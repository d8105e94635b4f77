"""What was masked comes back: whatever was found in a request, the caller gets it again when the model says it.

And not one letter that was found leaves; of what is irreversible only the constant comes back. A model that says
everything again answers here, in each dialect, with findings anywhere that something can be found.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import assume
from hypothesis import strategies as st

from proxy.kinds import KEY, TEXT, VALUE
from proxy.providers.shape import shaped
from proxy.surfaces.chat import ChatRequest
from proxy.surfaces.messages import MessagesRequest
from proxy.surfaces.request import Request
from proxy.surfaces.responses import ResponsesRequest
from redaction.model import IRREVERSIBLE, Finding
from redaction.vault import Vault
from tests.laws.drawing import BEGINS_LIKE_JSON, EASY, PERMIT, SECRET, filled, law, wide, written
from tests.laws.streams import Chunk, asked, given_back

LABELS = st.sampled_from(["PERSON", "JP_ADDRESS", "PHONE_NUMBER", "LITERAL", "X", "A_1_aaaa"])
HARD = [
    "[", "]", "_", "[PERSON_1_", "abcd]", "[PERSON_1_abcd]", "［ＰＥＲＳＯＮ＿１＿ａｂｃｄ］", "[JP_MY_NUMBER]", "[LITERAL_1_aaaa]",
    "山田", "さん", "\n", '"', "\\", "\\n", '\\"', "😀", "1", " ", "{", "}", '{"', '["', "\\u5c71", "\x00", "\u2028", "a",
]  # fmt: skip
TRICKY = st.lists(st.sampled_from(HARD), max_size=7).map("".join) | st.text(max_size=12)
PLAIN = TRICKY.filter(lambda text: not BEGINS_LIKE_JSON.match(text))


def objects(keys: st.SearchStrategy[str], texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.dictionaries(
        keys, texts | st.integers(-9, 9) | st.none() | st.booleans() | st.lists(texts, max_size=3), max_size=3
    )


NESTED = objects(PLAIN, PLAIN | written(objects(PLAIN, PLAIN | written(objects(PLAIN, PLAIN)))))
"""Objects whose strings may be JSON, whose strings may be JSON."""

Item = tuple[str, Any]
ITEMS = st.lists(
    st.tuples(st.just("text"), TRICKY) | st.tuples(st.just("tool"), NESTED), min_size=1, max_size=4
)


@dataclass(frozen=True, repr=False)
class Dialect:
    """A surface by its blocks: texts and calls of a tool, which a request holds and a reply may say again."""

    kind: type[Request]
    text: Callable[[str], Chunk]
    tool: Callable[[Any, str], Chunk]
    """A call, by its arguments and by how they are written."""
    value: Callable[[Chunk], Any]
    question: Callable[[list[Chunk]], Chunk]
    echo: Callable[[Chunk], Chunk]
    answered: Callable[[Chunk], list[Chunk]]

    def __repr__(self) -> str:
        return self.kind.__name__.removesuffix("Request")

    def block(self, item: Item, as_written: str) -> Chunk:
        kind, value = item
        return self.text(value) if kind == "text" else self.tool(value, as_written)

    def asked(self, blocks: list[Chunk]) -> Any:
        return asked(self.kind, self.question(blocks))


def _chat_tool(value: Any, as_written: str) -> Chunk:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": as_written}}
    return {"role": "assistant", "tool_calls": [call]}


def _chat_value(b: Chunk) -> Any:
    return json.loads(b["tool_calls"][0]["function"]["arguments"]) if b.get("tool_calls") else b["content"]


CHAT = Dialect(
    ChatRequest,
    text=lambda value: {"role": "assistant", "content": value},
    tool=_chat_tool,
    value=_chat_value,
    question=lambda blocks: {"model": "m", "messages": blocks},
    echo=lambda body: {"choices": [{"message": message} for message in body["messages"]]},
    answered=lambda reply: [choice["message"] for choice in reply["choices"]],
)
"""Every block is a message of the request, and a choice of the reply."""

RESPONSES = Dialect(
    ResponsesRequest,
    text=lambda value: {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": value}],
    },
    tool=lambda value, as_written: {
        "type": "function_call",
        "call_id": "1",
        "name": "f",
        "arguments": as_written,
    },
    value=lambda b: json.loads(b["arguments"]) if "arguments" in b else b["content"][0]["text"],
    question=lambda blocks: {"model": "m", "input": blocks},
    echo=lambda body: {"output": body["input"]},
    answered=lambda reply: list(reply["output"]),
)
"""Every block is an item of the input, and of the output."""

MESSAGES = Dialect(
    MessagesRequest,
    text=lambda value: {"type": "text", "text": value},
    tool=lambda value, as_written: {"type": "tool_use", "id": "1", "name": "f", "input": value},
    value=lambda b: b["input"] if "input" in b else b["text"],
    question=lambda blocks: {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "assistant", "content": blocks}],
    },
    echo=lambda body: {"content": body["messages"][0]["content"]},
    answered=lambda reply: list(reply["content"]),
)
"""Every block is one of a message, and of the reply's content."""

DIALECTS = st.sampled_from([CHAT, RESPONSES, MESSAGES])


def anything_found(
    request: Request, data: st.DataObject, labels: st.SearchStrategy[str]
) -> list[tuple[Finding, ...]]:
    """Findings anywhere that can be masked: overlapping, side by side, over several strings of one sheet."""
    found: list[list[Finding]] = [[] for _ in request.texts]
    leaves = request.strings.leaves
    firm = [leaf for leaf in leaves if leaf.kind not in (TEXT, KEY, VALUE)]
    soft = [leaf for leaf in leaves if leaf.kind in (TEXT, KEY, VALUE) and leaf.start < leaf.end]
    for leaf in data.draw(st.lists(st.sampled_from(soft), max_size=6)) if soft else []:
        start = data.draw(st.integers(leaf.start, leaf.end - 1))
        end = data.draw(st.integers(start + 1, min(leaf.end + 3, len(request.texts[leaf.sheet]))))
        if not any(f.sheet == leaf.sheet and f.start < end and start < f.end for f in firm):
            found[leaf.sheet].append(Finding(data.draw(labels), start, end, 1.0, "test", "cue"))
    return [tuple(sorted(here, key=lambda f: (f.start, f.end))) for here in found]


def echoed(dialect: Dialect, request: Request, found: Any) -> list[Any]:
    """What comes back where the model says again what it was sent."""
    vault = Vault(SECRET)
    body = request.mask(found, PERMIT, vault).body
    reply = json.loads(json.dumps(dialect.echo(body)))
    (back,) = given_back(request, vault, [shaped(request.dialect, reply, stream=False)])
    return [dialect.value(block) for block in dialect.answered(back)]


def meant(value: Any) -> Any:
    """A value in which strings of JSON count as what they hold: how it is spelled is no matter."""
    if isinstance(value, dict):
        return {key: meant(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [meant(inner) for inner in value]
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return ("json", meant(json.loads(value)))
        except ValueError:
            return value
    return value


def same(items: list[Item], back: list[Any]) -> bool:
    """Texts letter by letter, JSON by what it means."""
    return all(
        value == came if kind == "text" else meant(value) == meant(came)
        for (kind, value), came in zip(items, back, strict=True)
    )


def is_escaped_json(value: Any) -> bool:
    return isinstance(value, str) and "\\u" in value and value.lstrip()[:1] in ("{", "[", '"')


@law(60, 3_000, dialect=DIALECTS, items=ITEMS, data=st.data())
def test_whatever_was_found_in_a_request_comes_back_when_the_model_says_it_again(
    dialect: Dialect, items: list[Item], data: st.DataObject
) -> None:
    assume(not any(is_escaped_json(value) for _, value in items))
    spelled = [data.draw(written(st.just(value))) for _, value in items]
    blocks = [dialect.block(item, text) for item, text in zip(items, spelled, strict=True)]
    request = dialect.asked(blocks)
    assert same(items, echoed(dialect, request, anything_found(request, data, LABELS)))


FIND_ME = "鈴木一郎"


@law(30, 1_000, dialect=DIALECTS, data=st.data())
def test_a_placeholder_that_the_user_typed_comes_back_as_typed_and_names_nobody(
    dialect: Dialect, data: st.DataObject
) -> None:
    """The very placeholder of a person in the same request, in any width."""
    (mine,) = filled([FIND_ME])[1]
    text = "".join(
        data.draw(st.lists(st.sampled_from([FIND_ME, mine, wide(mine), "[", "]", "と"]), max_size=6))
    )
    request = dialect.asked([dialect.block(("text", text), "")])
    found = [
        [Finding("PERSON", m.start(), m.end(), 1.0, "test", "cue") for m in re.finditer(FIND_ME, sheet)]
        for sheet in request.texts
    ]
    assert echoed(dialect, request, found) == [text]


@law(40, 1_000, data=st.data())
def test_not_one_letter_that_was_found_leaves(data: st.DataObject) -> None:
    text = "".join(map(chr, range(0x4E00, 0x4E00 + data.draw(st.integers(1, 12)))))
    request = CHAT.asked([CHAT.block(("text", text), "")])
    found = anything_found(request, data, LABELS | st.sampled_from(sorted(IRREVERSIBLE)))
    sent = request.mask(found, PERMIT, Vault(SECRET)).body["messages"][0]["content"]
    (sheet,) = (number for number, here in enumerate(request.texts) if here == text)
    hidden = {text[at] for f in found[sheet] for at in range(f.start, f.end)}
    assert {letter for letter in text if letter in sent} == set(text) - hidden


@law(30, 1_000, dialect=DIALECTS, value=objects(EASY, EASY), data=st.data())
def test_a_text_that_is_json_with_escapes_is_masked_inside_and_means_the_same_when_it_comes_back(
    dialect: Dialect, value: Any, data: st.DataObject
) -> None:
    """Values that need no escape only: that a text of the answer is JSON is not known when it comes back."""
    text = json.dumps(value, indent=data.draw(st.sampled_from([None, 2])))
    request = dialect.asked([dialect.block(("text", text), "")])
    (back,) = echoed(dialect, request, anything_found(request, data, LABELS))
    assert json.loads(back) == value


PARTS = st.tuples(
    st.text("ab山田😀 。", min_size=1, max_size=4), LABELS | st.sampled_from(sorted(IRREVERSIBLE))
)


@law(40, 2_000, dialect=DIALECTS, parts=st.lists(PARTS | st.tuples(st.text("ab山田", max_size=4), st.none())))
def test_of_what_is_irreversible_only_its_constant_comes_back_and_all_else_as_it_was(
    dialect: Dialect, parts: list[tuple[str, str | None]]
) -> None:
    text = "文:" + "".join(part for part, _ in parts)
    blocks = [
        dialect.block(("text", text), ""),
        dialect.block(("tool", {"a": text}), json.dumps({"a": text})),
    ]
    request = dialect.asked(blocks)
    back = echoed(dialect, request, [found_in(sheet, text, parts) for sheet in request.texts])
    expected = "文:" + "".join(f"[{label}]" if label in IRREVERSIBLE else part for part, label in parts)
    assert back == [expected, {"a": expected}]


def found_in(sheet: str, text: str, parts: list[tuple[str, str | None]]) -> list[Finding]:
    """The labelled parts, side by side, on the sheets that hold the text."""
    found: list[Finding] = []
    at = sheet.find(text) + len("文:")
    for part, label in parts if text in sheet else []:
        if label is not None:
            found.append(Finding(label, at, at + len(part), 1.0, "test", "cue"))
        at += len(part)
    return found


@pytest.mark.parametrize("dialect", [CHAT, RESPONSES, MESSAGES], ids=repr)
def test_two_my_numbers_that_are_keys_lose_neither_of_their_values(dialect: Dialect) -> None:
    numbers = {"123456789018": "一", "983205673214": "二"}
    request = dialect.asked([dialect.block(("tool", numbers), json.dumps(numbers, ensure_ascii=False))])
    found = [
        [
            Finding("JP_MY_NUMBER", m.start(), m.end(), 1.0, "test", "checksum")
            for m in re.finditer(r"\d{12}", sheet)
        ]
        for sheet in request.texts
    ]
    sent = json.dumps(request.mask(found, PERMIT, Vault(SECRET)).body, ensure_ascii=False)
    assert "一" in sent and "二" in sent and "123456789018" not in sent and "983205673214" not in sent


@pytest.mark.parametrize(
    "text", ['{"a": 1.0, "b": [12345678901234567890.5], "c": "\\u5c71"}', '{ "\\u5c71":"" ,"\\u5c71":1e2 }']
)
def test_json_in_which_nothing_is_found_is_sent_byte_for_byte(text: str) -> None:
    """Also its spaces, its numbers and keys that come twice: a model that edits a file must see the file."""
    request = CHAT.asked([CHAT.block(("text", text), ""), CHAT.block(("tool", ""), text)])
    sent = request.mask([()] * len(request.texts), PERMIT, Vault(SECRET)).body["messages"]
    assert sent[0]["content"] == sent[1]["tool_calls"][0]["function"]["arguments"] == text
