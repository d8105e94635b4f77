"""The shape of a reply, checked at the door: behind it, nobody has to ask whether a choice is an object.

Pure. Fills in what servers leave out (``index``), joins content that comes as a list of parts, and knows
which chunk of a stream is its last.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from proxy.laid_open import MOST
from proxy.surfaces import messages, responses, transcriptions
from proxy.surfaces.reply import MOST_RUNNING, Chunk
from proxy.surfaces.request import Dialect

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_INDEXES = ("index", "output_index", "content_index", "summary_index", "command_index")


def shaped(dialect: Dialect, chunk: Chunk, stream: bool) -> Chunk:
    """The chunk with all its parts whole. Raises ValueError for one that is no reply of the dialect."""
    if stream and dialect in _LAST:
        if not isinstance(chunk.get("type"), str):
            raise ValueError("type")
        return {**chunk, **{name: _index(chunk[name], 0) for name in _INDEXES if name in chunk}}
    return _WHOLE[dialect](chunk)


def is_last(dialect: Dialect, chunk: Chunk) -> bool:
    """Whether a stream of this dialect is over with this chunk. A chat's end is a mark of its own, no chunk."""
    return chunk.get("type") in _LAST.get(dialect, ())


def _chat(chunk: Chunk) -> Chunk:
    choices = _list(chunk.get("choices"))
    if len(choices) > MOST_RUNNING:
        raise ValueError("choices")
    return {**chunk, "choices": [_choice(_object(choice), place) for place, choice in enumerate(choices)]}


def _embeddings(chunk: Chunk) -> Chunk:
    return {**chunk, "data": [_vector(_object(v), i) for i, v in enumerate(_list(chunk.get("data")))]}


def _responses(chunk: Chunk) -> Chunk:
    return {**chunk, "output": [_object(item) for item in _list(chunk.get("output"))]}


def _messages(chunk: Chunk) -> Chunk:
    return {**chunk, "content": [_object(block) for block in _list(chunk.get("content"))]}


def _count(chunk: Chunk) -> Chunk:
    return {"input_tokens": _index(chunk.get("input_tokens"), -1, most=math.inf)}


def _transcript(chunk: Chunk) -> Chunk:
    if not isinstance(chunk.get("text"), str):
        raise ValueError("text")
    return chunk


def _choice(known: dict[str, Any], place: int) -> dict[str, Any]:
    shaped = {**known, "index": _index(known.get("index"), place)}
    for part in ("message", "delta"):
        if known.get(part) is not None:
            shaped[part] = _part(_object(known[part]))
    return shaped


def _vector(known: dict[str, Any], place: int) -> dict[str, Any]:
    vector = known.get("embedding")
    if not (_BASE64.fullmatch(vector) if isinstance(vector, str) else _are_numbers(vector)):
        raise ValueError("embedding")
    return {**known, "object": "embedding", "index": _index(known.get("index"), place)}


def _are_numbers(vector: Any) -> bool:
    """Whether it is a list of finite numbers. Read in C: a reply may hold a million."""
    if not isinstance(vector, list) or not vector or not set(map(type, vector)) <= {int, float}:
        return False
    try:
        return all(map(math.isfinite, vector))
    except OverflowError:
        return False


def _part(part: dict[str, Any]) -> dict[str, Any]:
    content, calls = part.get("content"), part.get("tool_calls")
    if isinstance(content, list):
        part = {**part, "content": "".join(_text(item) for item in content)}
    elif not isinstance(content, str | None):
        raise ValueError("content")
    if calls is not None:
        part = {
            **part,
            "tool_calls": [_call(_object(call), place) for place, call in enumerate(_list(calls))],
        }
    return part


def _call(call: dict[str, Any], place: int) -> dict[str, Any]:
    function = call.get("function")
    return {
        **call,
        "index": _index(call.get("index"), place),
        "function": {} if function is None else _object(function),
    }


def _text(item: Any) -> str:
    text = item if isinstance(item, str) else _object(item).get("text", "")
    if not isinstance(text, str):
        raise ValueError("content")
    return text


def _index(index: Any, place: int, most: float = MOST) -> int:
    if index is None and place >= 0:
        return place
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < most:
        raise ValueError("index")
    return index


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST:
        raise ValueError("not a list, or too long a one")
    return value


_WHOLE: Mapping[Dialect, Callable[[Chunk], Chunk]] = {
    "chat": _chat,
    "embeddings": _embeddings,
    "responses": _responses,
    "messages": _messages,
    "count_tokens": _count,
    "transcriptions": _transcript,
}
_LAST: Mapping[Dialect, frozenset[str]] = {
    "responses": responses.LAST,
    "messages": frozenset({messages.LAST}),
    "transcriptions": frozenset({transcriptions.LAST}),
}
"""The dialects whose streams are events with a ``type``, and the types that end them."""
