"""OpenAI chat completions: what a request must hold, how the reply is restored, what of it is kept.

Knows the dialect and nothing of HTTP, providers or the ledger.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from policies.model import Bilingual
from proxy.errors import Problem
from proxy.fields import CHAT_REPLY, CHAT_REQUEST, JSON, Kind, Path, place_of, walk_reply, word_or_none
from proxy.surfaces.request import Chunk, Request, require
from proxy.wire import dumps
from redaction.restore import Restorer, as_is, json_escaped
from redaction.vault import Vault

_TEXT_FIELDS = ("content", "reasoning_content", "reasoning", "refusal")


class ChatRequest(Request):
    """One request for a chat completion, plain or streamed."""

    __slots__ = ()
    dialect = "chat"
    table = CHAT_REQUEST

    @classmethod
    def check(cls, body: Mapping[str, Any]) -> None:
        require(body, "messages", list)
        if not isinstance(body.get("stream", False), bool | None):
            raise Problem(
                400,
                "invalid_type",
                Bilingual("stream は true か false にしてください。", "stream must be true or false."),
                param="stream",
            )

    @property
    def stream(self) -> bool:
        return self.body.get("stream") is True

    @property
    def wants_usage(self) -> bool:
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    @property
    def wants_json(self) -> bool:
        """Whether the reply's content is to be JSON, in which a value must be written escaped."""
        wanted = self.body.get("response_format")
        return isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema")

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

    def restored(self, answer: AsyncGenerator[Chunk], vault: Vault) -> AsyncGenerator[Chunk]:
        return restored(answer, vault, self.wants_json)

    def witness(self) -> "Transcript":
        return Transcript()


class Transcript:
    """The masked answer of a chat, put together choice by choice."""

    def __init__(self) -> None:
        self._pieces: dict[tuple[int, str], list[str]] = {}
        self._finishes: set[str] = set()

    def saw(self, chunk: Chunk) -> None:
        for choice in chunk["choices"]:
            self._add(choice)

    def text(self) -> str:
        """One object a choice: {"content": …, "tool_calls.0.arguments": …}."""
        choices: dict[int, dict[str, str]] = {}
        for (place, name), pieces in self._pieces.items():
            choices.setdefault(place, {})[name] = "".join(pieces)
        return dumps([choices[place] for place in sorted(choices)])

    def facts(self) -> dict[str, Any]:
        return {"finish_reasons": sorted(self._finishes)}

    def _add(self, choice: dict[str, Any]) -> None:
        part = choice.get("message") or choice.get("delta") or {}
        for name in _TEXT_FIELDS:
            self._keep(choice["index"], name, part.get(name))
        for call in part.get("tool_calls") or []:
            for name in ("name", "arguments"):
                self._keep(choice["index"], f"tool_calls.{call['index']}.{name}", call["function"].get(name))
        if choice.get("finish_reason"):
            self._finishes.add(word_or_none(choice["finish_reason"]) or "?")

    def _keep(self, place: int, name: str, piece: Any) -> None:
        if isinstance(piece, str) and piece:
            self._pieces.setdefault((place, name), []).append(piece)


async def restored(
    answer: AsyncGenerator[Chunk], vault: Vault, as_json: bool = False
) -> AsyncGenerator[Chunk]:
    """The reply with the values put back, chunk by chunk; only a possible placeholder's start waits.

    ``as_json``: the content itself is JSON, so that a value is written escaped in it.
    """
    restorers: dict[Path, Restorer] = {}

    def put_back(kind: Kind, text: str, path: Path) -> str:
        restorer = restorers.get(path)
        if restorer is None:
            escaped = kind is JSON or (as_json and path[-1] == "content")
            restorer = restorers[path] = Restorer(vault, json_escaped if escaped else as_is)
        return restorer.feed(text)

    last: Chunk = {}
    async with aclosing(answer):
        async for chunk in answer:
            last = walk_reply(chunk, CHAT_REPLY, put_back)
            for position, choice in enumerate(last.get("choices") or []):
                if choice.get("finish_reason") or "message" in choice:
                    _finish(choice, place_of(choice, position), restorers)
            yield last
    cut_short = [_held_back(place, restorers) for place in sorted({int(path[1]) for path in restorers})]
    if any("delta" in choice for choice in cut_short):
        yield {**last, "choices": [choice for choice in cut_short if "delta" in choice]}


def _held_back(place: int, restorers: dict[Path, Restorer]) -> dict[str, Any]:
    """What is left of a choice that the model never finished, as one more piece of it."""
    choice: dict[str, Any] = {"index": place, "finish_reason": None}
    _finish(choice, place, restorers)
    return choice


def _finish(choice: dict[str, Any], place: int, restorers: dict[Path, Restorer]) -> None:
    """Append what was held back for this choice: it can become nothing any more."""
    for path in [path for path in restorers if path[1] == place]:
        text = restorers.pop(path).flush()
        if text:
            part, *inside = path[2:]
            choice[str(part)] = _append(choice.get(str(part)), inside, text)


def _append(value: Any, path: Sequence[str | int], text: str) -> Any:
    """``value`` with ``text`` added at ``path``; parts of lists are found by their ``index``."""
    if not path:
        return (value or "") + text
    head, *rest = path
    if isinstance(head, str):
        return {**(value or {}), head: _append((value or {}).get(head), rest, text)}
    parts = list(value or [])
    for i, part in enumerate(parts):
        if part.get("index", i) == head:
            parts[i] = _append(part, rest, text)
            return parts
    return [*parts, _append({"index": head}, rest, text)]
