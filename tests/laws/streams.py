"""Requests, and the streams that answer them: in each dialect a text in its events, and what the client hears."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

from proxy.callers import Declared
from proxy.surfaces.chat import ChatRequest
from proxy.surfaces.messages import MessagesRequest
from proxy.surfaces.request import Request
from proxy.surfaces.responses import ResponsesRequest
from redaction.vault import Vault

Chunk = dict[str, Any]
Placed = dict[tuple[Any, ...], str]


def asked(kind: type[Request], body: Chunk) -> Any:
    """The request as the checkpoint reads it."""
    raw = json.dumps(body).encode()
    return kind.read("x1", raw, Declared(None, "mail_draft", "2"), lambda model: "D2")


def given_back(request: Request, vault: Vault, chunks: Iterable[Chunk]) -> list[Chunk]:
    """The reply as the caller gets it, by the way that every reply goes."""

    async def answer() -> AsyncGenerator[Chunk]:
        for chunk in chunks:
            yield chunk

    async def collect() -> list[Chunk]:
        async with aclosing(request.restored(answer(), vault)) as reply:
            return [chunk async for chunk in reply]

    return asyncio.run(collect())


class Track:
    """One running text of an answer: the events before its pieces, one for a piece, the events after them."""

    def __init__(
        self,
        key: tuple[Any, ...],
        piece: Callable[[str], Chunk],
        opens: Sequence[Chunk] = (),
        closes: Callable[[str], Sequence[Chunk]] = lambda text: (),
        is_json: bool = False,
    ) -> None:
        self.key, self.piece, self.opens, self.closes, self.is_json = key, piece, opens, closes, is_json

    def events(self, pieces: Sequence[str]) -> list[Chunk]:
        return [*self.opens, *map(self.piece, pieces), *self.closes("".join(pieces))]


class ChatStream:
    """Two choices that think, speak and call two tools."""

    request = asked(
        ChatRequest, {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}
    )

    @staticmethod
    def tracks() -> list[Track]:
        return [track for choice in (0, 1) for track in ChatStream._choice(choice)]

    @staticmethod
    def _choice(choice: int) -> Iterator[Track]:
        for name in ("reasoning_content", "content"):
            yield Track((choice, name), lambda text, name=name: ChatStream.chunk(choice, {name: text}))
        for number in (0, 3):
            start = {"index": number, "id": f"c{number}", "type": "function", "function": {"name": "f"}}
            yield Track(
                (choice, number),
                lambda text, n=number: ChatStream.chunk(
                    choice, {"tool_calls": [{"index": n, "function": {"arguments": text}}]}
                ),
                opens=[ChatStream.chunk(choice, {"tool_calls": [start]})],
                is_json=True,
            )

    @staticmethod
    def chunk(choice: int, delta: Chunk, finish: str | None = None) -> Chunk:
        return {"id": "c", "choices": [{"index": choice, "delta": delta, "finish_reason": finish}]}

    @staticmethod
    def around(events: list[Chunk], texts: Placed) -> list[Chunk]:
        starts = [ChatStream.chunk(choice, {"role": "assistant", "content": ""}) for choice in (0, 1)]
        ends = [ChatStream.chunk(choice, {}, "stop") for choice in (0, 1)]
        return [*starts, *events, *ends, {"id": "c", "choices": [], "usage": {"prompt_tokens": 1}}]

    @staticmethod
    def heard(chunks: list[Chunk]) -> Placed:
        said: Placed = {}
        over: set[int] = set()
        for choice in (choice for chunk in chunks for choice in chunk["choices"]):
            delta = choice["delta"]
            for key, text in ChatStream._pieces(choice["index"], delta):
                assert choice["index"] not in over or not text, "a text goes on after its choice is over"
                said[key] = said.get(key, "") + text
            if choice["finish_reason"]:
                over.add(choice["index"])
        return said

    @staticmethod
    def _pieces(choice: int, delta: Chunk) -> Iterator[tuple[tuple[Any, ...], str]]:
        for name in ("reasoning_content", "content"):
            yield (choice, name), delta.get(name) or ""
        for call in delta.get("tool_calls") or []:
            yield (choice, call["index"]), call["function"].get("arguments") or ""


class ResponsesStream:
    """A thought, a message of two parts, a call of a function and one of a custom tool."""

    request = asked(ResponsesRequest, {"model": "m", "input": "x", "stream": True})
    keys = ((0, 0), (1, 0), (1, 1), (1, 10), (2, 0), (3, 0), (4, 0))

    @staticmethod
    def tracks() -> list[Track]:
        return [
            ResponsesStream._part(0, "reasoning_summary_text", "summary_index", 0, "reasoning_summary_part"),
            ResponsesStream._part(1, "output_text", "content_index", 0, "content_part"),
            ResponsesStream._part(1, "output_text", "content_index", 1, "content_part"),
            ResponsesStream._part(1, "refusal", "content_index", 10, "content_part", field="refusal"),
            ResponsesStream._call(2, "function_call_arguments", "arguments", is_json=True),
            ResponsesStream._call(3, "custom_tool_call_input", "input"),
            ResponsesStream._call(4, "function_call_arguments", "arguments", is_json=True),
        ]

    @staticmethod
    def _part(item: int, name: str, index: str, number: int, part: str, field: str = "text") -> Track:
        here = {"item_id": f"i{item}", "output_index": item, index: number}
        kind = name if name in ("output_text", "refusal") else "summary_text"
        return Track(
            (item, number),
            lambda text: {"type": f"response.{name}.delta", **here, "delta": text},
            [{"type": f"response.{part}.added", **here, "part": {"type": kind, field: ""}}],
            lambda text: [
                {"type": f"response.{name}.done", **here, field: text},
                {"type": f"response.{part}.done", **here, "part": {"type": kind, field: text}},
            ],
        )

    @staticmethod
    def _call(item: int, name: str, field: str, is_json: bool = False) -> Track:
        here = {"item_id": f"i{item}", "output_index": item}
        return Track(
            (item, 0),
            lambda text: {"type": f"response.{name}.delta", **here, "delta": text},
            closes=lambda text: [{"type": f"response.{name}.done", **here, field: text}],
            is_json=is_json,
        )

    @staticmethod
    def _items(texts: Placed) -> list[Chunk]:
        parts = [{"type": "output_text", "text": texts[1, n]} for n in (0, 1)]
        call = {"type": "function_call", "call_id": "c", "name": "f"}
        return [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": texts[0, 0]}]},
            {"type": "message", "content": [*parts, {"type": "refusal", "refusal": texts[1, 10]}]},
            {**call, "arguments": texts[2, 0]},
            {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": texts[3, 0]},
            {**call, "arguments": texts[4, 0]},
        ]

    @staticmethod
    def around(events: list[Chunk], texts: Placed) -> list[Chunk]:
        items = ResponsesStream._items(texts)
        done = [
            {"type": "response.output_item.done", "output_index": i, "item": v} for i, v in enumerate(items)
        ]
        added = [{"type": "response.output_item.added", "output_index": i, "item": {"type": v["type"]}} for i, v in enumerate(items)]  # fmt: skip
        whole = {"type": "response.completed", "response": {"status": "completed", "output": items}}
        return [{"type": "response.created", "response": {"output": []}}, *added, *events, *done, whole]

    @staticmethod
    def heard(chunks: list[Chunk]) -> Placed:
        assert [chunk["sequence_number"] for chunk in chunks] == list(range(len(chunks)))
        said: Placed = {}
        over: set[tuple[Any, ...]] = set()
        for chunk in chunks:
            key = chunk.get("output_index"), chunk.get("content_index", chunk.get("summary_index", 0))
            if chunk["type"].endswith(".delta"):
                assert key not in over, "a text goes on after it is done"
                said[key] = said.get(key, "") + chunk["delta"]
            elif chunk["type"].endswith(("text.done", "refusal.done", "arguments.done", "input.done")):
                over.add(key)
                (whole,) = {"text", "refusal", "arguments", "input"} & chunk.keys()
                assert chunk[whole] == said.get(key, ""), "what is done is not what came"
            elif chunk["type"].endswith("part.done"):
                assert chunk["part"].get("text", chunk["part"].get("refusal")) == said.get(key, "")
        items = [chunk["item"] for chunk in chunks if chunk["type"] == "response.output_item.done"]
        assert (
            items
            == chunks[-1]["response"]["output"]
            == ResponsesStream._items({**dict.fromkeys(ResponsesStream.keys, ""), **said})
        )
        return said


class MessagesStream:
    """A thought with its signature, a text, and calls of two tools."""

    request = asked(
        MessagesRequest,
        {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], "stream": True},
    )

    @staticmethod
    def tracks() -> list[Track]:
        signature = {"type": "signature_delta", "signature": "c2ln"}
        tool = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
        return [
            MessagesStream._block(0, "thinking", {"type": "thinking", "thinking": ""}, ends=[signature]),
            MessagesStream._block(1, "text", {"type": "text", "text": ""}),
            MessagesStream._block(2, "input_json", tool, "partial_json"),
            MessagesStream._block(10, "input_json", tool, "partial_json"),
        ]

    @staticmethod
    def _block(index: int, name: str, block: Chunk, field: str = "", ends: Sequence[Chunk] = ()) -> Track:
        def delta(inside: Chunk) -> Chunk:
            return {"type": "content_block_delta", "index": index, "delta": inside}

        return Track(
            (index,),
            lambda text: delta({"type": f"{name}_delta", field or name: text}),
            [{"type": "content_block_start", "index": index, "content_block": block}],
            lambda text: [*map(delta, ends), {"type": "content_block_stop", "index": index}],
            is_json=name == "input_json",
        )

    @staticmethod
    def around(events: list[Chunk], texts: Placed) -> list[Chunk]:
        start = {"type": "message_start", "message": {"role": "assistant", "content": []}}
        stop = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
        return [start, {"type": "ping"}, *events, stop, {"type": "message_stop"}]

    @staticmethod
    def heard(chunks: list[Chunk]) -> Placed:
        said: Placed = {}
        over: set[Any] = set()
        for chunk in chunks:
            delta = chunk.get("delta") or {}
            if chunk["type"] == "content_block_stop" or delta.get("type") == "signature_delta":
                over.add(chunk["index"])
            elif chunk["type"] == "content_block_delta":
                assert chunk["index"] not in over, "a text goes on after its block is over"
                (text,) = (delta[field] for field in ("text", "thinking", "partial_json") if field in delta)
                said[chunk["index"],] = said.get((chunk["index"],), "") + text
        return said
