"""OpenAI responses: what a request must hold, where its reply's texts are and what ends them.

Nothing is stored at the model's server: a vault lives for one exchange, so that a stored conversation would
meet other people's placeholders. A caller sends its history instead, as with chat.
Knows the dialect and nothing of HTTP, providers or the ledger.
"""

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing
from typing import Any

from policies.model import Bilingual
from proxy.errors import Problem
from proxy.fields import RESPONSES_EVENTS, RESPONSES_REPLY, RESPONSES_REQUEST
from proxy.surfaces.notices import is_for_a_person
from proxy.surfaces.reply import Chunk, Counts, Place, ReplyShape, counts_of
from proxy.surfaces.request import Request, may_stream, require
from proxy.walk import Path
from proxy.wire import dumps
from redaction.vault import Vault

LAST = frozenset({"response.completed", "response.incomplete", "response.failed"})
"""The events after which nothing comes."""

_BROKEN = ("failed", "cancelled")

_TEXTS = frozenset({"text", "refusal", "arguments", "input", "name", "code", "command", "diff", "output"})
"""Where an item of the answer has its texts; the rest are ids and echoes of the request."""

_RUNNING = {
    "response.output_text": "content.{content_index}.text",
    "response.refusal": "content.{content_index}.refusal",
    "response.reasoning_text": "content.{content_index}.text",
    "response.reasoning_summary_text": "summary.{summary_index}.text",
    "response.function_call_arguments": "arguments",
    "response.mcp_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
    "response.code_interpreter_call_code": "code",
}
"""A running text by the beginning of its events' names: which field of its item it is."""


class ResponsesReply(ReplyShape):
    """A response, or its events: items with content, reasoning, tool calls; the whole once more at the end."""

    table = RESPONSES_REPLY
    events = RESPONSES_EVENTS

    def place(self, chunk: Chunk, path: Path) -> Place | None:
        name = _name(chunk)
        if path[0] == "delta":
            return _number(chunk, "output_index"), _field(chunk, name.removesuffix(".delta"), path)
        if path[:2] == ("response", "output") and name in LAST:
            number, inside = int(path[2]), path[3:]
        elif path[0] == "output" and not name.startswith("response."):
            number, inside = int(path[1]), path[2:]
        elif path[0] == "item" and name == "response.output_item.done":
            number, inside = _number(chunk, "output_index"), path[1:]
        else:
            return None
        return (number, ".".join(map(str, inside))) if inside and inside[-1] in _TEXTS else None

    def is_last(self, chunk: Chunk) -> bool:
        return _name(chunk) in LAST

    def ends(self, chunk: Chunk, place: Place) -> bool:
        name = _name(chunk)
        if name in LAST:
            return True
        if not name.endswith(".done") or _number(chunk, "output_index") != place[0]:
            return False
        field = _field(chunk, name.removesuffix(".done"), ("delta",))
        return name == "response.output_item.done" or f"{place[1]}.".startswith(f"{field}.")

    def closes(self, chunk: Chunk, place: Place) -> bool | None:
        name = _name(chunk)
        if name in ("response.output_item.added", "response.content_part.added"):
            return False
        if name not in LAST and "output" not in chunk:
            return None
        made = self.maker(chunk)
        return made.get("status") not in _BROKEN and _last_text(made.get("output")) in (place, None)

    def is_content(self, chunk: Chunk, path: Path) -> bool:
        if _name(chunk).startswith("response.output_text."):
            return path[-1] in ("delta", "text")
        holder: Any = chunk
        for part in path[:-1]:
            holder = holder[part]
        return path[-1] == "text" and holder.get("type") == "output_text"

    def reasons(self, chunk: Chunk) -> Iterable[Any]:
        made = self.maker(chunk)
        if made is chunk and "output" not in chunk:
            return ()
        return (made.get("status"), (made.get("incomplete_details") or {}).get("reason"))

    def calls(self, chunk: Chunk) -> Iterator[tuple[Place, Any]]:
        """An item that ends in _call; one without a name, as shell_call, is called as its tool's kind is."""
        items = list(enumerate(self.maker(chunk).get("output") or []))
        if isinstance(item := chunk.get("item"), dict):
            items.append((_number(chunk, "output_index"), item))
        for place, item in items:
            kind = item.get("type")
            if isinstance(kind, str) and kind.endswith("_call"):
                yield (place, "name"), item.get("name") or kind.removesuffix("_call")

    def counts(self, chunk: Chunk) -> Counts:
        return counts_of(self.maker(chunk).get("usage"), "input_tokens", "output_tokens")

    def maker(self, chunk: Chunk) -> Chunk:
        made = chunk.get("response")
        return made if isinstance(made, dict) else chunk


class ResponsesRequest(Request):
    """One request for a response, plain or streamed, without anything stored."""

    __slots__ = ()
    dialect = "responses"
    table = RESPONSES_REQUEST
    required = ("model", "input")
    turns = "input"

    @classmethod
    def check(cls, body: Mapping[str, Any]) -> None:
        require(body, "input", str | list)
        may_stream(body)
        if any("logprobs" in str(wanted) for wanted in body.get("include") or []):
            raise Problem(
                400,
                "unsupported_field",
                Bilingual(
                    "include の logprobs はこの関所では使えません。外してからもう一度送信してください。",
                    "logprobs in include is not carried by this checkpoint. Remove it and send again.",
                ),
                param="include",
            )

    @property
    def stream(self) -> bool:
        return self.body.get("stream") is True

    @property
    def takes_line(self) -> bool:
        return is_for_a_person(self.body, self.turns)

    def shape(self) -> ResponsesReply:
        wanted = (self.body.get("text") or {}).get("format") or {}
        return ResponsesReply(self.stream, as_json=wanted.get("type") in ("json_object", "json_schema"))

    def sent(self, body: dict[str, Any]) -> dict[str, Any]:
        """Said aloud, for a server that is not told keeps the conversation."""
        return {**body, "store": False}

    async def restored(
        self, answer: AsyncGenerator[Chunk], vault: Vault, line: str = ""
    ) -> AsyncGenerator[Chunk]:
        """Numbered anew: what was held back comes as an event of its own."""
        number = 0
        async with aclosing(super().restored(answer, vault, line)) as chunks:
            async for chunk in chunks:
                yield {**chunk, "sequence_number": number} if self.stream else chunk
                number += 1

    def event(self, chunk: Chunk) -> bytes:
        return f"event: {chunk['type']}\ndata: {dumps(chunk)}\n\n".encode()

    def end(self) -> bytes:
        return b""

    @classmethod
    def told_in_stream(cls, problem: Problem, id: str) -> bytes:
        """OpenAI's error event, with the error object inside: on this the official clients raise."""
        error = cls.told(problem, id)["error"]
        said = {name: error[name] for name in ("code", "message", "param")}
        return f"event: error\ndata: {dumps({'type': 'error', **said, 'error': error})}\n\n".encode()


def _name(chunk: Chunk) -> str:
    return str(chunk.get("type") or "")


def _last_text(output: Any) -> Place | None:
    """The place of the text that these items end with, if it is one; None where a reply does not repeat its items."""
    if not output:
        return None
    content = output[-1].get("content") or ()
    return len(output) - 1, f"content.{len(content) - 1}.text"


def _number(chunk: Chunk, name: str) -> int:
    number = chunk.get(name)
    return number if isinstance(number, int) else 0


def _field(chunk: Chunk, begins: str, path: Path) -> str:
    """The field of its item that a running text is: known by its events' names, else named after them."""
    numbers = {name: _number(chunk, name) for name in ("content_index", "summary_index", "command_index")}
    known = _RUNNING.get(begins, begins.removeprefix("response.") + ".{command_index}")
    return known.format(**numbers) + "".join(f".{part}" for part in path[1:])
