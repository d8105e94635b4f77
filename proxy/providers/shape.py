"""The shape of a chat reply, checked at the door: behind it, nobody has to ask whether a choice is an object.

Pure. Fills in what servers leave out (``index``) and joins content that comes as a list of parts.
"""

from typing import Any

Chunk = dict[str, Any]


def shaped(chunk: Chunk) -> Chunk:
    """The chunk with whole choices. Raises ValueError for one that is no chat reply."""
    choices = chunk.get("choices")
    if not isinstance(choices, list):
        raise ValueError("choices")
    return {**chunk, "choices": [_choice(choice, place) for place, choice in enumerate(choices)]}


def _choice(choice: Any, place: int) -> dict[str, Any]:
    known = _object(choice)
    shaped = {**known, "index": _index(known.get("index"), place)}
    for part in ("message", "delta"):
        if known.get(part) is not None:
            shaped[part] = _part(_object(known[part]))
    return shaped


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
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < 10_000:
        raise ValueError("index")
    return index


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value
