"""Anthropic messages and the counting of their tokens: what a request must hold, where its reply's texts are.

Knows the dialect and nothing of HTTP, providers or the ledger.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from policies.model import Bilingual
from proxy.errors import Problem
from proxy.fields import COUNT_REPLY, COUNT_REQUEST, MESSAGES_EVENTS, MESSAGES_REPLY, MESSAGES_REQUEST
from proxy.surfaces.notices import is_for_a_person
from proxy.surfaces.reply import Chunk, Counts, Place, ReplyShape, counts_of
from proxy.surfaces.request import Request, may_stream, require
from proxy.walk import Path, place_of
from proxy.wire import dumps

LAST = "message_stop"
"""The event after which nothing comes."""

_PIECES = {"text": "text", "thinking": "thinking", "partial_json": "input"}
_TEXTS = frozenset({"text", "thinking", "name", "input"})
_CALLS = ("tool_use", "server_tool_use")
_GOING_ON = ("tool_use", "pause_turn")
_CACHED = ("cache_creation_input_tokens", "cache_read_input_tokens")
_ERRORS = {413: "request_too_large"}


class MessagesReply(ReplyShape):
    """A message, or its events: blocks of text, thinking and tool use, one after the other."""

    table = MESSAGES_REPLY
    events = MESSAGES_EVENTS

    def place(self, chunk: Chunk, path: Path) -> Place | None:
        match path:
            case ("delta", str(piece)) if piece in _PIECES:
                return place_of(chunk, 0), _PIECES[piece]
            case ("content_block", ("text" | "thinking" | "name") as name):
                return place_of(chunk, 0), name
            case ("content", int(number), str(name)) | ("message", "content", int(number), str(name)):
                return (number, name) if name in _TEXTS else None
            case _:
                return None

    def is_last(self, chunk: Chunk) -> bool:
        return chunk.get("type") == LAST

    def ends(self, chunk: Chunk, place: Place) -> bool:
        match chunk.get("type"):
            case "content_block_stop":
                return place_of(chunk, 0) == place[0]
            case "content_block_delta":  # the signature is the end of a thought
                signed = (chunk.get("delta") or {}).get("type") == "signature_delta"
                return signed and place == (place_of(chunk, 0), "thinking")
            case kind:
                return kind in ("message_delta", LAST)

    def closes(self, chunk: Chunk, place: Place) -> bool | None:
        if chunk.get("type") == "content_block_start":
            return False
        blocks = chunk.get("content")
        if blocks is None and chunk.get("type") not in ("message_delta", LAST):
            return None
        is_last = blocks is None or place[0] == len(blocks) - 1
        return is_last and not any(reason in _GOING_ON for reason in self.reasons(chunk))

    def is_content(self, chunk: Chunk, path: Path) -> bool:
        return path[-1] == "text"

    def reasons(self, chunk: Chunk) -> Iterable[Any]:
        return ((chunk.get("delta") or chunk).get("stop_reason"),)

    def calls(self, chunk: Chunk) -> Iterator[tuple[Place, Any]]:
        blocks = enumerate(self.maker(chunk).get("content") or [])
        begun = chunk.get("content_block")
        for place, block in [*blocks, *([(place_of(chunk, 0), begun)] if begun else [])]:
            if block.get("type") in _CALLS:
                yield (place, "name"), block.get("name")

    def counts(self, chunk: Chunk) -> Counts:
        """What was read from a cache was sent all the same: Anthropic counts it apart, the ledger does not."""
        usage = self.maker(chunk).get("usage")
        given, made = counts_of(usage, "input_tokens", "output_tokens")
        if given is not None:
            given += sum(counts_of(usage, name, name)[0] or 0 for name in _CACHED)
        return given, made

    def maker(self, chunk: Chunk) -> Chunk:
        made = chunk.get("message")
        return made if isinstance(made, dict) else chunk


class CountReply(ReplyShape):
    """A number of tokens: no text in it."""

    table = events = COUNT_REPLY

    def place(self, chunk: Chunk, path: Path) -> Place | None:
        return None

    def ends(self, chunk: Chunk, place: Place) -> bool:
        return False

    def counts(self, chunk: Chunk) -> Counts:
        """Counting tokens costs none."""
        return None, 0


class _AnthropicRequest(Request):
    """How Anthropic's clients are told of a problem."""

    __slots__ = ()

    @classmethod
    def told(cls, problem: Problem, id: str) -> dict[str, Any]:
        """Anthropic's error object, with code, rules and the field beside the usual two."""
        error = problem.body(id)["error"]
        error["type"] = _ERRORS.get(problem.status, error["type"])
        return {"type": "error", "error": error, "request_id": id}

    @classmethod
    def told_in_stream(cls, problem: Problem, id: str) -> bytes:
        return f"event: error\ndata: {dumps(cls.told(problem, id))}\n\n".encode()


class CountRequest(_AnthropicRequest):
    """One question of how many tokens a message would be. The text leaves the house for it, so it is masked."""

    __slots__ = ()
    dialect = "count_tokens"
    table = COUNT_REQUEST
    required = ("model", "messages")

    @classmethod
    def check(cls, body: Mapping[str, Any]) -> None:
        require(body, "messages", list)

    def shape(self) -> ReplyShape:
        return CountReply(stream=False)

    @property
    def spoken(self) -> str:
        """The same text leaves as with a message: a rule for the one is a rule for the other."""
        return "messages"


class MessagesRequest(_AnthropicRequest):
    """One request for a message, plain or streamed."""

    __slots__ = ()
    dialect = "messages"
    table = MESSAGES_REQUEST
    required = ("model", "messages", "max_tokens")
    turns = "messages"

    @classmethod
    def check(cls, body: Mapping[str, Any]) -> None:
        require(body, "messages", list)
        most = body.get("max_tokens")
        if isinstance(most, bool) or not isinstance(most, int) or most < 1:
            raise Problem(
                400,
                "missing_field",
                Bilingual("max_tokens が必要です(1以上の整数)。", "max_tokens is required, 1 or more."),
                param="max_tokens",
            )
        may_stream(body)

    @property
    def stream(self) -> bool:
        return self.body.get("stream") is True

    @property
    def takes_line(self) -> bool:
        return is_for_a_person(self.body, self.turns, stops="stop_sequences")

    def shape(self) -> MessagesReply:
        wanted = (self.body.get("output_config") or {}).get("format") or {}
        return MessagesReply(self.stream, as_json=wanted.get("type") == "json_schema")

    def event(self, chunk: Chunk) -> bytes:
        return f"event: {chunk['type']}\ndata: {dumps(chunk)}\n\n".encode()

    def end(self) -> bytes:
        return b""
