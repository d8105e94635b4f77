"""A notice reaches whoever reads the answer: ids in a header, a line behind the text, and nothing in a program's way."""

import asyncio
import json
import re
import sqlite3
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from policies.files import city_names, load
from policies.model import Bilingual, Permit, RuleHit
from proxy.callers import Caller, Declared
from proxy.home import prepare
from proxy.kinds import PIECE
from proxy.office.keys import Key, KeyBook
from proxy.office.store import office_of
from proxy.providers.shape import shaped
from proxy.settings import Settings, read
from proxy.surfaces.chat import ChatRequest
from proxy.surfaces.embeddings import EmbeddingsRequest
from proxy.surfaces.messages import CountRequest, MessagesRequest
from proxy.surfaces.notices import MARK, MOST_IDS, MOST_SENTENCES, header, line, line_for
from proxy.surfaces.request import Request
from proxy.surfaces.responses import ResponsesRequest
from proxy.surfaces.transcriptions import TranscriptionsRequest
from proxy.walk import walk_reply
from redaction.detector import Detector
from redaction.vault import Vault
from tests.laws.drawing import NAMES, PLACEHOLDERS, VAULT, cut, law
from tests.proxy.conftest import post
from tests.stories.dialects import DIALECTS

Chunk = dict[str, Any]
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
KINDS: dict[str, type[Request]] = {
    "chat": ChatRequest,
    "responses": ResponsesRequest,
    "messages": MessagesRequest,
}
TEXT = f"担当は{PLACEHOLDERS[0]}さん、\n{PLACEHOLDERS[1]}"
"""A placeholder at the very end is held back until the text is over: the line comes after it."""
WHOLE = f"担当は{NAMES[0]}さん、\n{NAMES[1]}"
every_dialect = pytest.mark.parametrize("dialect", KINDS)
plain_and_streamed = pytest.mark.parametrize("stream", [False, True])


def hit(id: str, sentence: str) -> RuleHit:
    return RuleHit(id, ("notice",), Bilingual("題", "title"), notice=Bilingual(sentence, "sentence"))


LINE = line((hit("P-12", "回答は職員が必ず確かめてください。"),))


def test_the_line_is_a_paragraph_of_sentences_with_their_rules_each_once() -> None:
    assert LINE == "\n\n―――\n【関所】回答は職員が必ず確かめてください。(P-12)"
    said = line((hit("P-05", "伏せます。"), hit("T.3C.D2", "確かめます。"), hit("T.2.D3", "伏せます。")))
    assert said == "\n\n―――\n【関所】伏せます。(P-05、T.2.D3) 確かめます。(T.3C.D2)"
    assert line(()) == ""


def test_the_line_stays_short_and_on_one_line() -> None:
    said = line([hit(f"P-{n}", f"{n}番\n " + "長" * 500) for n in range(MOST_SENTENCES + 2)])
    assert said.endswith("長…(P-4) ほか2件") and said.count("\n") == MARK.count("\n") and len(said) < 800


def test_only_a_key_that_asks_for_it_gets_the_line() -> None:
    verdict = Permit((), (), frozenset(), (hit("P-12", "確かめてください。"),), "test", "digest")
    who = ("1", "k", "t", "d", "s", "staff", "authenticated", True, True, True)
    assert line_for(Caller(*who, append_notices=True), verdict) == line(verdict.notices) != ""  # type: ignore[arg-type]
    assert line_for(Caller(*who), verdict) == ""  # type: ignore[arg-type]


# ── the header ────────────────────────────────────────────────────────────────────────────────────


def test_the_header_names_twenty_rules_and_counts_the_rest() -> None:
    assert header(["P-05", "T.3C.D2", "P-05"]) == "P-05, T.3C.D2"
    assert header(f"E.JP_MY_NUMBER.{n}" for n in range(30)).split(", ")[-2:] == ["E.JP_MY_NUMBER.19", "+10"]
    assert header(["規則", "P-05", "a\r\nSet-Cookie: b"]) == "P-05, +2"


IDS = st.text(max_size=120) | st.from_regex(r"[A-Z][A-Za-z0-9.-]{0,60}", fullmatch=True)


@law(30, 1_000, ids=st.lists(IDS, max_size=60))
def test_whatever_the_ids_are_the_header_is_ascii_on_one_line_and_bounded(ids: list[str]) -> None:
    written = header(ids)
    assert re.fullmatch(r"[ -~]*", written) and len(written) <= MOST_IDS * 82 + 10
    told = written.split(", ") if written else []
    left = sum(int(one[1:]) for one in told if one.startswith("+"))
    assert sum(not one.startswith("+") for one in told) + left == len(set(ids))


# ── the line behind an answer ─────────────────────────────────────────────────────────────────────


def body_of(dialect: str, said: str = TEXT, **more: Any) -> Chunk:
    body = {"model": "cut-100000", "stream": True, **more}
    if dialect == "responses":
        return {"input": [{"role": "user", "content": said}], **body}
    return {"messages": [{"role": "user", "content": said}], "max_tokens": 9, **body}


def read_as(dialect: str, body: Chunk) -> Any:
    raw = json.dumps(body).encode()
    return KINDS[dialect].read("x1", raw, Declared(None, "mail_draft", "2"), lambda model: "D2")


def given_back(
    request: Request, chunks: Iterable[Chunk], line: str = LINE, vault: Vault = VAULT
) -> list[Chunk]:
    """The reply as the caller gets it, by the way that every reply goes."""

    async def answer() -> AsyncGenerator[Chunk]:
        for chunk in chunks:
            yield shaped(request.dialect, json.loads(json.dumps(chunk)), request.stream)

    async def collect() -> list[Chunk]:
        async with aclosing(request.restored(answer(), vault, line)) as reply:
            return [chunk async for chunk in reply]

    return asyncio.run(collect())


def upstream_says(dialect: str, body: Chunk) -> list[Chunk]:
    """What the stories' model answers: the events of a stream, or one plain reply."""
    model = DIALECTS[PATHS[dialect]]
    return list(model.events(body)) if body["stream"] else [model.reply(body)]


def answered(dialect: str, body: Chunk, line: str = LINE) -> list[Chunk]:
    return given_back(read_as(dialect, body), upstream_says(dialect, body), line)


def heard(dialect: str, chunks: list[Chunk]) -> list[str]:
    """The texts of the answer as a client puts them together; whatever says a text again must say the same."""
    return {"chat": _chat, "responses": _responses, "messages": _messages}[dialect](chunks)


def _chat(chunks: list[Chunk]) -> list[str]:
    said: dict[int, str] = {}
    over: set[int] = set()
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        part = choice.get("delta") or choice.get("message") or {}
        if part.get("content"):
            assert choice["index"] not in over, "a text goes on after its choice is over"
            said[choice["index"]] = said.get(choice["index"], "") + part["content"]
        if choice["finish_reason"]:
            over.add(choice["index"])
    return [said[number] for number in sorted(said)]


def _responses(chunks: list[Chunk]) -> list[str]:
    if "output" in chunks[-1]:
        return _texts_of(chunks[-1]["output"])
    assert [chunk["sequence_number"] for chunk in chunks] == list(range(len(chunks)))
    said: dict[tuple[int, int], str] = {}
    ended: dict[str, dict[tuple[int, int], str]] = {"text": {}, "part": {}}
    items: dict[int, Chunk] = {}
    for chunk in chunks:
        at = chunk.get("output_index", -1), chunk.get("content_index", -1)
        match chunk["type"]:
            case "response.output_text.delta":
                assert at not in ended["text"] and at[0] not in items, "a text goes on after it is done"
                said[at] = said.get(at, "") + chunk["delta"]
            case "response.output_text.done":
                ended["text"][at] = chunk["text"]
            case "response.content_part.done":
                ended["part"][at] = chunk["part"]["text"]
            case "response.output_item.done":
                items[at[0]] = chunk["item"]
    assert said == ended["text"] == ended["part"]
    assert [items[n] for n in sorted(items)] == chunks[-1]["response"]["output"]
    assert _texts_of(chunks[-1]["response"]["output"]) == list(said.values())
    return list(said.values())


def _texts_of(items: list[Chunk]) -> list[str]:
    messages = [item for item in items if item["type"] == "message"]
    return [part["text"] for item in messages for part in item["content"] if part["type"] == "output_text"]


def _messages(chunks: list[Chunk]) -> list[str]:
    if "content" in chunks[-1]:
        return [block["text"] for block in chunks[-1]["content"] if block["type"] == "text"]
    said: dict[int, str] = {}
    open: set[int] = set()
    for chunk in chunks:
        match chunk["type"]:
            case "content_block_start":
                open.add(chunk["index"])
            case "content_block_delta":
                assert open == {chunk["index"]}, "a piece of a block that is not open, or not the only one"
                said[chunk["index"]] = said.get(chunk["index"], "") + chunk["delta"].get("text", "")
            case "content_block_stop":
                open.remove(chunk["index"])
            case "message_delta":
                assert not open, "the message ends before its text"
    return [text for text in said.values() if text]


THOUGHT = {
    "chat": {"reasoning_effort": "low"},
    "responses": {"reasoning": {"summary": "auto"}},
    "messages": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
}


@every_dialect
@plain_and_streamed
@pytest.mark.parametrize("thinking", [False, True])
def test_the_line_stands_behind_the_text_that_was_put_back_and_behind_no_thought(
    dialect: str, stream: bool, thinking: bool
) -> None:
    body = body_of(dialect, stream=stream, **(THOUGHT[dialect] if thinking else {}))
    assert heard(dialect, answered(dialect, body)) == [WHOLE + LINE]
    assert heard(dialect, answered(dialect, body, line="")) == [WHOLE]


@every_dialect
def test_but_for_its_line_an_answer_goes_as_it_came(dialect: str) -> None:
    """Usage, ids, reasons, thoughts: taking the line out again gives the very same events."""
    body = body_of(dialect, **THOUGHT[dialect])
    without, with_line = (answered(dialect, body, line) for line in ("", LINE))
    added = [chunk for chunk in with_line if any(text == LINE for text in _strings(chunk))]
    assert len(added) == 1 and len(with_line) == len(without) + 1
    left = json.dumps([chunk for chunk in with_line if chunk not in added], ensure_ascii=False)
    left = left.replace(json.dumps(LINE, ensure_ascii=False)[1:-1], "")
    numbers = re.compile(r'"sequence_number": \d+')
    assert numbers.sub("", left) == numbers.sub("", json.dumps(without, ensure_ascii=False))


def _strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _strings(inner)


@every_dialect
@plain_and_streamed
def test_a_text_that_was_cut_short_carries_the_line_too(dialect: str, stream: bool) -> None:
    body = body_of(dialect, model="short", stream=stream)
    assert heard(dialect, answered(dialect, body)) == [WHOLE + LINE]


@plain_and_streamed
def test_every_choice_carries_the_line(stream: bool) -> None:
    chunks = answered("chat", body_of("chat", n=3, stream=stream))
    assert heard("chat", chunks) == [f"{name}{WHOLE}{LINE}" for name in ("", "案2: ", "案3: ")]


def in_pieces(dialect: str, chunks: list[Chunk], pieces: list[str]) -> list[Chunk]:
    """The stream whose texts came whole, with each of them in these pieces."""
    spec = read_as(dialect, body_of(dialect)).shape().spec

    def pieced(chunk: Chunk, piece: str) -> Any:
        return walk_reply(chunk, spec, lambda kind, old, _: piece if kind is PIECE and old else old)

    return [made for chunk in chunks for made in _each_once([pieced(chunk, piece) for piece in pieces])]


def _each_once(chunks: list[Chunk]) -> list[Chunk]:
    return chunks if any(chunk != chunks[0] for chunk in chunks) else chunks[:1]


@law(15, 500, dialect=st.sampled_from(list(KINDS)), data=st.data())
def test_however_the_answer_is_cut_the_line_comes_last_and_once(dialect: str, data: st.DataObject) -> None:
    half = data.draw(st.sampled_from(["", PLACEHOLDERS[2][:9], "\n\n", "―――", "```"]))
    body = body_of(dialect, TEXT + half)
    chunks = in_pieces(dialect, upstream_says(dialect, body), cut(TEXT + half, data))
    assert heard(dialect, given_back(read_as(dialect, body), chunks)) == [WHOLE + half + LINE]


@pytest.mark.parametrize("dialect", KINDS)
def test_letter_by_letter_the_line_still_comes_in_one_piece(dialect: str) -> None:
    body = body_of(dialect, model="cut-1")
    chunks = answered(dialect, body)
    assert heard(dialect, chunks) == [WHOLE + LINE]
    pieces = [text for chunk in chunks for text in _strings(chunk) if "関所" in text and text == LINE]
    assert pieces == [LINE]


def test_a_last_piece_that_comes_with_the_reason_carries_the_line_itself() -> None:
    """Some servers send the last words and the finish_reason in one event, or no words at all beside it."""
    for last, whole in (("です。", "はいです。"), ("", "はい"), (None, "はい")):
        body = body_of("chat")
        chunks = [_choice({"content": "はい"}), _choice({"content": last}, "stop")]
        assert heard("chat", given_back(read_as("chat", body), chunks)) == [whole + LINE]


def test_a_chat_that_ends_without_a_reason_carries_the_line() -> None:
    assert heard("chat", given_back(read_as("chat", body_of("chat")), [_choice({"content": "はい"})])) == [
        "はい" + LINE
    ]


def test_an_answer_that_breaks_off_is_told_as_broken_and_gets_no_line() -> None:
    request = read_as("messages", body_of("messages"))
    events = upstream_says("messages", body_of("messages"))[:-2]  # the text has ended, the message has not
    closed: list[bool] = []

    async def answer() -> AsyncGenerator[Chunk]:
        try:
            for event in events:
                yield event
            raise ConnectionError
        finally:
            closed.append(True)

    async def collect() -> list[Chunk]:
        said = []
        async with aclosing(request.restored(answer(), VAULT, LINE)) as reply:
            with pytest.raises(ConnectionError):
                async for chunk in reply:
                    said.append(chunk)
        return said

    assert MARK not in json.dumps(asyncio.run(collect()), ensure_ascii=False) and closed


# ── where there is none ───────────────────────────────────────────────────────────────────────────

SCHEMA = {"type": "object", "properties": {"to": {"type": "string"}}}
NEVER: list[tuple[str, Chunk]] = [
    ("chat", {"tools": [{"type": "function", "function": {"name": "send", "parameters": SCHEMA}}]}),
    ("chat", {"functions": [{"name": "send", "parameters": SCHEMA}]}),
    ("chat", {"response_format": {"type": "json_object"}}),
    ("chat", {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}}),
    ("chat", {"stop": ["\n\n"]}),
    ("chat", {"messages": [{"role": "user", "content": TEXT}, {"role": "assistant", "content": "次の"}]}),
    ("responses", {"tools": [{"type": "function", "name": "send", "parameters": SCHEMA}]}),
    ("responses", {"text": {"format": {"type": "json_object"}}}),
    ("responses", {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}}),
    ("messages", {"tools": [{"name": "send", "input_schema": SCHEMA}]}),
    ("messages", {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}),
    ("messages", {"stop_sequences": ["以上"]}),
    ("messages", {"messages": [{"role": "user", "content": TEXT}, {"role": "assistant", "content": "{"}]}),
]


@plain_and_streamed
@pytest.mark.parametrize(("dialect", "wanted"), NEVER)
def test_a_request_that_a_program_reads_the_answer_of_gets_no_line(
    dialect: str, wanted: Chunk, stream: bool
) -> None:
    body = body_of(dialect, stream=stream) | wanted
    plainly = body_of(dialect, stream=stream)  # the model answers with text all the same
    said = upstream_says(dialect, plainly)
    assert heard(dialect, given_back(read_as(dialect, plainly), said)) == [WHOLE + LINE]
    as_it_came = given_back(read_as(dialect, body), said, line="")
    assert given_back(read_as(dialect, body), said) == as_it_came


@pytest.mark.parametrize(
    ("dialect", "wanted"),
    [
        ("chat", {"tools": [], "response_format": {"type": "text"}, "stop": None}),
        ("responses", {"tools": [], "text": {"format": {"type": "text"}, "verbosity": "low"}}),
        ("messages", {"tools": [], "stop_sequences": [], "output_config": {"effort": "low"}}),
    ],
)
def test_a_request_that_says_so_much_as_text_gets_the_line(dialect: str, wanted: Chunk) -> None:
    said = upstream_says(dialect, body_of(dialect))
    assert heard(dialect, given_back(read_as(dialect, body_of(dialect) | wanted), said)) == [WHOLE + LINE]


@plain_and_streamed
@every_dialect
def test_an_answer_that_calls_a_tool_gets_no_line_though_none_was_offered(dialect: str, stream: bool) -> None:
    tool = {"name": "send", "function": {"name": "send"}}
    calls = upstream_says(dialect, body_of(dialect, stream=stream, tools=[tool]))
    request = read_as(dialect, body_of(dialect, stream=stream))
    assert given_back(request, calls) == given_back(request, calls, line="")


def _choice(delta: Chunk, finish: str | None = None) -> Chunk:
    return {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "send", "arguments": "{}"}}


def _block(index: int, block: Chunk, *deltas: Chunk) -> list[Chunk]:
    pieces = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    start = {"type": "content_block_start", "index": index, "content_block": block}
    return [start, *pieces, {"type": "content_block_stop", "index": index}]


def _message(*blocks: Chunk, reason: str = "end_turn") -> list[Chunk]:
    start = {"type": "message_start", "message": {"role": "assistant", "content": []}}
    stopped = {"type": "message_delta", "delta": {"stop_reason": reason}}
    return [start, *blocks, stopped, {"type": "message_stop"}]


def _text_block(index: int, text: str) -> list[Chunk]:
    return _block(index, {"type": "text", "text": ""}, {"type": "text_delta", "text": text})


TOOL_BLOCK = {"type": "tool_use", "id": "toolu_1", "name": "send", "input": {}}


def _item(index: int, *texts: str) -> list[Chunk]:
    """A message of the responses' dialect, with a part for each text."""
    events: list[Chunk] = [
        {"type": "response.output_item.added", "output_index": index, "item": _done(index)}
    ]
    for number, text in enumerate(texts):
        at = {"item_id": f"msg_{index}", "output_index": index, "content_index": number}
        part = {"type": "output_text", "text": text}
        events += [
            {"type": "response.content_part.added", "part": part | {"text": ""}, **at},
            {"type": "response.output_text.delta", "delta": text, **at},
            {"type": "response.output_text.done", "text": text, **at},
            {"type": "response.content_part.done", "part": part, **at},
        ]
    return [
        *events,
        {"type": "response.output_item.done", "output_index": index, "item": _done(index, *texts)},
    ]


def _done(index: int, *texts: str) -> Chunk:
    parts = [{"type": "output_text", "text": text} for text in texts]
    return {"type": "message", "id": f"msg_{index}", "role": "assistant", "content": parts}


CALL_ITEM = {"type": "function_call", "call_id": "c", "name": "send", "arguments": "{}"}


def _response(items: list[Chunk], *events: Chunk, status: str = "completed") -> list[Chunk]:
    return [*events, {"type": f"response.{status}", "response": {"status": status, "output": items}}]


@pytest.mark.parametrize(
    ("dialect", "chunks"),
    [
        ("chat", [_choice({"content": "送ります"}), _choice({"tool_calls": [CALL]}), _choice({}, "stop")]),
        ("chat", [_choice({"content": "送ります"}), _choice({}, "tool_calls")]),
        ("messages", _message(*_text_block(0, "送ります"), *_block(1, TOOL_BLOCK), reason="tool_use")),
        ("messages", _message(*_block(0, TOOL_BLOCK), *_text_block(1, "送りました"))),
        ("messages", _message(*_text_block(0, "調べます"), reason="pause_turn")),
        (
            "responses",
            _response(
                [_done(0, "送ります"), CALL_ITEM],
                *_item(0, "送ります"),
                {"type": "response.output_item.added", "output_index": 1, "item": CALL_ITEM},
                {"type": "response.output_item.done", "output_index": 1, "item": CALL_ITEM},
            ),
        ),
        ("responses", _response([_done(0, "送ります"), CALL_ITEM], *_item(0, "送ります"))),
    ],
)
def test_a_text_beside_the_call_of_a_tool_goes_as_it_came(dialect: str, chunks: list[Chunk]) -> None:
    request = read_as(dialect, body_of(dialect))
    assert given_back(request, chunks) == given_back(request, chunks, line="")


def test_of_several_texts_the_last_one_carries_the_line_also_where_they_are_alike() -> None:
    """What is held of an ending is given out again where another text begins."""
    blocks = _message(*_text_block(0, "同じ文"), *_text_block(1, "同じ文"))
    assert heard("messages", given_back(read_as("messages", body_of("messages")), blocks)) == [
        "同じ文",
        "同じ文" + LINE,
    ]
    items = _response(
        [_done(0, "同じ文"), _done(1, "同じ文", "同じ文")], *_item(0, "同じ文"), *_item(1, "同じ文", "同じ文")
    )
    said = heard("responses", given_back(read_as("responses", body_of("responses")), items))
    assert said == ["同じ文", "同じ文", "同じ文" + LINE]


def test_a_text_that_begins_unannounced_is_the_last_one_all_the_same() -> None:
    """Some servers leave out the events that say where an item or a part begins."""
    events = [
        event for event in (*_item(0, "一つ目"), *_item(1, "二つ目")) if not event["type"].endswith(".added")
    ]
    chunks = _response([_done(0, "一つ目"), _done(1, "二つ目")], *events)
    said = heard("responses", given_back(read_as("responses", body_of("responses")), chunks))
    assert said == ["一つ目", "二つ目" + LINE]


THOUGHT_BLOCK = {"type": "redacted_thinking", "data": "c2ln"}
THOUGHT_ITEM = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "考え"}]}
THINKING_ON = [
    {"type": "response.output_item.added", "output_index": 1, "item": THOUGHT_ITEM},
    {"type": "response.output_item.done", "output_index": 1, "item": THOUGHT_ITEM},
]


@pytest.mark.parametrize(
    ("dialect", "chunks"),
    [
        ("messages", _message(*_text_block(0, "はい"), *_block(1, THOUGHT_BLOCK))),
        (
            "messages",
            [{"content": [{"type": "text", "text": "はい"}, THOUGHT_BLOCK], "stop_reason": "end_turn"}],
        ),
        ("responses", _response([_done(0, "はい"), THOUGHT_ITEM], *_item(0, "はい"), *THINKING_ON)),
        ("responses", _response([_done(0, "はい"), THOUGHT_ITEM], *_item(0, "はい"))),
        ("responses", _response([], *_item(0, "はい"), *THINKING_ON)),
        ("responses", [{"status": "completed", "output": [_done(0, "はい"), THOUGHT_ITEM]}]),
    ],
)
def test_a_text_with_a_thought_behind_it_is_not_the_end_of_the_answer(
    dialect: str, chunks: list[Chunk]
) -> None:
    request = read_as(dialect, body_of(dialect, stream=len(chunks) > 1))
    assert given_back(request, chunks) == given_back(request, chunks, line="")


def test_a_response_that_is_broken_gets_no_line_and_one_that_repeats_nothing_gets_it() -> None:
    request = read_as("responses", body_of("responses"))
    failed = _response([_done(0, "はい")], *_item(0, "はい"), status="failed")
    assert given_back(request, failed) == given_back(request, failed, line="")
    short = _response([_done(0, "はい")], *_item(0, "はい"), status="incomplete")
    assert heard("responses", given_back(request, short)) == ["はい" + LINE]
    events = given_back(request, _response([], *_item(0, "はい")))
    assert "".join(event["delta"] for event in events if event["type"].endswith(".delta")) == "はい" + LINE


def test_an_ending_that_is_held_is_given_out_in_order() -> None:
    ping = {"type": "ping"}
    events = _message(*_text_block(0, "はい"), ping, *_text_block(1, "次"), ping)
    request = read_as("messages", body_of("messages"))
    kinds = [chunk["type"] for chunk in given_back(request, events, line="")]
    assert kinds == [event["type"] for event in events]
    with_line = [chunk["type"] for chunk in given_back(request, events)]
    assert sorted(with_line) == sorted([*kinds, "content_block_delta"])


@plain_and_streamed
@every_dialect
@pytest.mark.parametrize("said", ["", " \n", '{"to": "市長"}', "\n[1, 2]\n", '```json\n{"to": 1}\n```'])
def test_an_answer_that_says_nothing_or_only_json_goes_as_it_came(
    dialect: str, said: str, stream: bool
) -> None:
    body = body_of(dialect, stream=stream)
    chunks = upstream_says(dialect, body | body_of(dialect, said, stream=stream))
    assert given_back(read_as(dialect, body), chunks) == given_back(read_as(dialect, body), chunks, line="")


@every_dialect
@pytest.mark.parametrize("said", ["[注意] 本日は休みです。", "{山田}", "例: `{}`", "```sql\nSELECT 1\n```"])
def test_an_answer_that_only_looks_like_json_carries_the_line(dialect: str, said: str) -> None:
    assert heard(dialect, answered(dialect, body_of(dialect, said))) == [said + LINE]


def test_vectors_transcripts_and_counts_never_carry_a_line() -> None:
    sound = b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n--b\r\n'
    sound += b'content-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--b--\r\n'
    form = {"content_type": "multipart/form-data; boundary=b"}
    vector = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}
    count = json.dumps({"model": "m", "messages": [{"role": "user", "content": TEXT}]}).encode()
    asked: list[tuple[type[Request], bytes, dict[str, str], Chunk]] = [
        (EmbeddingsRequest, json.dumps({"model": "m", "input": TEXT}).encode(), {}, vector),
        (CountRequest, count, {}, {"input_tokens": 7}),
        (TranscriptionsRequest, sound, form, {"text": "会議を始めます。"}),
    ]
    for kind, raw, options, reply in asked:
        request = kind.read("x1", raw, Declared(None, "minutes", "2"), lambda model: "D1", **options)
        assert given_back(request, [reply]) == [reply]


# ── the line that comes back ──────────────────────────────────────────────────────────────────────


def sent(request: Request) -> Chunk:
    """What goes to the model, where nothing personal was found."""
    nothing = [()] * len(request.texts)
    return request.mask(nothing, Permit((), (), frozenset(), (), "test", "digest"), VAULT).body


@every_dialect
def test_a_conversation_that_is_sent_back_is_as_the_model_wrote_it(dialect: str) -> None:
    """The model would learn to write the line itself, and a rule would match on what a rule has said."""
    kind = {"chat": "text", "responses": "output_text", "messages": "text"}[dialect]
    turns = [
        {"role": "user", "content": f"一つ目{LINE}\n\nこの文を直してください。"},
        {"role": "assistant", "content": "はい。" + LINE},
        {"role": "user", "content": "履歴\r\n" + f"AI: はい。{LINE}\n\n私: では".replace("\n", "\r\n")},
        {"role": "assistant", "content": [{"type": kind, "text": "はい。" + LINE + LINE}]},
        {"role": "user", "content": "二つ目"},
    ]
    name = "input" if dialect == "responses" else "messages"
    request = read_as(dialect, body_of(dialect) | {name: turns})
    assert [turn["content"] for turn in sent(request)[name]] == [
        "一つ目\n\nこの文を直してください。",
        "はい。",
        "履歴\r\nAI: はい。\r\n\r\n私: では",
        [{"type": kind, "text": "はい。"}],
        "二つ目",
    ]
    assert not any("関所" in text for text in request.texts)


def test_only_the_line_itself_is_taken_out_and_a_text_is_never_left_empty() -> None:
    texts = [
        f"はい。{MARK}ご注意ください。",
        f"はい。{LINE}です。",
        LINE,
        "【関所】確かめます。(P-12)",
        "―――\n【関所】(P-1)",
    ]
    turns = [{"role": "user", "content": text} for text in texts]
    assert sent(read_as("chat", body_of("chat") | {"messages": turns}))["messages"] == turns


HITS = st.lists(
    st.builds(
        hit,
        st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
        st.text(min_size=1, max_size=200).filter(lambda text: text.strip() != ""),
    ),
    min_size=1,
    max_size=30,
)


@law(30, 1_000, said=st.text(alphabet="あ。\n―【関所】(P-1)", min_size=1, max_size=30), hits=HITS)
def test_every_line_that_is_put_on_comes_off_again(said: str, hits: list[RuleHit]) -> None:
    turns = [{"role": "assistant", "content": said + line(hits)}]
    request = read_as("chat", body_of("chat") | {"messages": turns})
    assert request.body["messages"][0]["content"] == said


def test_what_looks_like_the_line_a_hundred_thousand_times_is_read_at_once() -> None:
    """It comes from outside: nothing in it may take time that grows with its square."""
    texts = ["x" + LINE * 20_000 + "\n" * 100_000 + "x", "x" + MARK + "(a" * 200_000, "x" + MARK * 50_000]
    turns = [{"role": "assistant", "content": text} for text in texts]
    read = [
        turn["content"] for turn in read_as("chat", body_of("chat") | {"messages": turns}).body["messages"]
    ]
    assert read == ["x" + "\n" * 100_000 + "x", *texts[1:]]


@pytest.fixture(scope="module")
def detector() -> Detector:
    loaded = Detector()
    loaded.load()
    return loaded


@pytest.mark.parametrize("city", city_names())
def test_a_conversation_with_the_lines_of_the_citys_own_rules_holds_no_more_than_without(
    city: str, detector: Detector
) -> None:
    policy = load(city)
    hits = [rule.hits[False] for rule in policy.rules if rule.notice]
    hits += [cell.hit for table in policy.tables for cell in table.cells.values() if cell.hit.notice]
    answer = "山田太郎さんへの回答です。"

    def found(lines: list[str]) -> Any:
        turns = [{"role": "assistant", "content": answer + line} for line in lines]
        turns.append({"role": "user", "content": "短くしてください。"})
        request = read_as("chat", body_of("chat") | {"messages": turns})
        return asyncio.run(detector.find(request.texts))

    every = {one.notice: one for one in hits}.values()
    lines = [*(line([one]) for one in every), line(tuple(every))]
    assert found(lines) == found([""] * len(lines))


# ── at the door ───────────────────────────────────────────────────────────────────────────────────

POLICY = """
name: noticing
version: "1"
title: {ja: 試験, en: test}
rules:
  - id: A-1
    title: {ja: 送れます。, en: May be sent.}
    basis: 試験
    when: {always: true}
    gate: allow
  - id: N-1
    title: {ja: 一言, en: A word}
    basis: 試験
    when: {always: true}
    notice: {ja: 回答は職員が必ず確かめてください。, en: A person checks the answer.}
"""
ANSWER = "山田太郎さん、こんにちは"
NOTICED = "\n\n―――\n【関所】回答は職員が必ず確かめてください。(N-1)"


@pytest.fixture
def settings(tmp_path: Path, upstream_url: str) -> Settings:
    (tmp_path / "noticing.yaml").write_text(POLICY, encoding="utf-8")
    policy = str(tmp_path / "noticing.yaml")
    return read(home=tmp_path / "home", upstream=upstream_url, host="127.0.0.1", port=0, policy=policy)


def test_what_the_ledger_keeps_and_counts_is_the_models_answer_alone(
    settings: Settings, serve: Callable[..., str], records: Callable[[], Any]
) -> None:
    base_url = serve()
    with closing(office_of(settings)) as office:
        book = KeyBook(office, prepare(settings.home, own_key=False).secret())
        book.create(Key("k-1", "1", "t", "d", "s", "mail_draft", append_notices=True), "sk-noticed")
    for key, added in (("sk-noticed", NOTICED), ("sk-desk", "")):
        status, headers, reply = post(base_url, key=key)
        assert (status, headers["x-sekisho-notices"]) == (200, "N-1")
        assert reply["choices"][0]["message"]["content"] == ANSWER + added
        assert reply["usage"]["completion_tokens"] == 7
    asked, answered = ([body for kind, body in records() if kind == name] for name in ("asked", "answered"))
    assert [body["notices"] for body in asked] == [["N-1"]] * 2
    noticed, plain = answered
    assert noticed["answer_characters"] == plain["answer_characters"] and noticed["tokens"] == plain["tokens"]
    with sqlite3.connect(settings.ledger_location) as connection:
        texts = [text for (text,) in connection.execute("SELECT text FROM texts")]
    assert len(texts) == 4 and not any("関所" in text for text in texts)
