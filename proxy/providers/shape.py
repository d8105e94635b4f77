"""The shape of a reply, checked at the door: behind it, nobody has to ask whether a choice is an object.

Pure. Fills in what servers leave out (``index``) and joins content that comes as a list of parts.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from proxy.laid_open import MOST
from proxy.surfaces.request import Chunk, Dialect

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


def shaped(dialect: Dialect, chunk: Chunk) -> Chunk:
    """The chunk with all its parts whole. Raises ValueError for one that is no reply of the dialect."""
    name, part = _PARTS[dialect]
    parts = chunk.get(name)
    if not isinstance(parts, list):
        raise ValueError(name)
    return {**chunk, name: [part(_object(value), place) for place, value in enumerate(parts)]}


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
        if not isinstance(calls, list):
            raise ValueError("tool_calls")
        part = {**part, "tool_calls": [_call(_object(call), place) for place, call in enumerate(calls)]}
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


def _index(index: Any, place: int) -> int:
    if index is None:
        return place
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < MOST:
        raise ValueError("index")
    return index


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


_PARTS: Mapping[Dialect, tuple[str, Callable[[dict[str, Any], int], dict[str, Any]]]] = {
    "chat": ("choices", _choice),
    "embeddings": ("data", _vector),
}
