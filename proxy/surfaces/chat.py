"""OpenAI chat completions: what a request must hold, where its reply's texts are and what ends them.

Knows the dialect and nothing of HTTP, providers or the ledger.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.fields import CHAT_EVENTS, CHAT_REPLY, CHAT_REQUEST
from proxy.surfaces.notices import is_for_a_person
from proxy.surfaces.reply import Chunk, Place, ReplyShape
from proxy.surfaces.request import Request, may_stream, require
from proxy.walk import Path, place_of

_CALLING = ("tool_calls", "function_call")
"""Why a choice ends that goes on with a tool."""


class ChatReply(ReplyShape):
    """A chat completion, or its chunks: several choices, each with content, refusal and tool calls."""

    table = CHAT_REPLY
    events = CHAT_EVENTS

    def place(self, chunk: Chunk, path: Path) -> Place | None:
        if path[0] != "choices" or len(path) < 4:
            return None
        return int(path[1]), ".".join(str(part) for part in path[3:] if part != "function")

    def ends(self, chunk: Chunk, place: Place) -> bool:
        choices = chunk.get("choices") or []
        return any(place_of(c, i) == place[0] and bool(c.get("finish_reason")) for i, c in enumerate(choices))

    def closes(self, chunk: Chunk, place: Place) -> bool | None:
        for number, choice in enumerate(chunk.get("choices") or []):
            reason = choice.get("finish_reason")
            if place_of(choice, number) == place[0] and (reason or "message" in choice):
                return reason not in _CALLING
        return None

    def answer_of(self, place: Place) -> int:
        return place[0]

    def more(self, chunk: Chunk, path: Path, text: str) -> Chunk:
        """Only this piece of this choice: a name or a role that came with it before must not come again."""
        head = {name: value for name, value in chunk.items() if name not in ("choices", "usage")}
        delta: Any = text
        for part in reversed(path[3:]):
            delta = [{"index": part, **delta}] if isinstance(part, int) else {part: delta}
        return {**head, "choices": [{"index": path[1], "delta": delta, "finish_reason": None}]}

    def is_content(self, chunk: Chunk, path: Path) -> bool:
        return path[-1] == "content"

    def reasons(self, chunk: Chunk) -> list[Any]:
        return [choice.get("finish_reason") for choice in chunk.get("choices") or []]

    def calls(self, chunk: Chunk) -> Iterator[tuple[Place, Any]]:
        for number, choice in enumerate(chunk.get("choices") or []):
            said = choice.get("message") or choice.get("delta") or {}
            for place, call in enumerate(said.get("tool_calls") or []):
                made = call.get("function") or call.get("custom") or {}
                yield (place_of(choice, number), f"tool_calls.{place_of(call, place)}"), made.get("name")
            made = said.get("function_call") or {}
            yield (place_of(choice, number), "function_call"), made.get("name")


class ChatRequest(Request):
    """One request for a chat completion, plain or streamed."""

    __slots__ = ()
    dialect = "chat"
    table = CHAT_REQUEST
    required = ("model", "messages")
    turns = "messages"

    @classmethod
    def check(cls, body: Mapping[str, Any]) -> None:
        require(body, "messages", list)
        may_stream(body)

    @property
    def stream(self) -> bool:
        return self.body.get("stream") is True

    @property
    def takes_line(self) -> bool:
        return is_for_a_person(self.body, self.turns, stops="stop")

    @property
    def wants_usage(self) -> bool:
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    def shape(self) -> ChatReply:
        wanted = self.body.get("response_format")
        as_json = isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema")
        return ChatReply(self.stream, as_json)

    def sent(self, body: dict[str, Any]) -> dict[str, Any]:
        """Usage is always asked for: the ledger counts what was spent."""
        if not self.stream:
            return body
        return {**body, "stream_options": {**(body.get("stream_options") or {}), "include_usage": True}}

    def shown(self, chunk: Chunk) -> Chunk | None:
        """Usage, which we always ask for, only where they asked for it too."""
        if self.wants_usage or not self.stream:
            return chunk
        if not chunk.get("choices"):
            return None
        return {name: value for name, value in chunk.items() if name != "usage"}
