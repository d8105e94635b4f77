"""What was said in an exchange, out of the text that the ledger keeps of it: the words and who said them. Pure.

    {"purpose": "回答案", "request": {"model": "m", "user": "100123", "messages": [{"role": "user", "content": "…"}]}}
    → 利用目的: 回答案    利用者: …

A field that is not listed here says nothing: names of users, of calls and of models are nobody's words.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

SPEAKERS = {
    "user": "利用者",
    "assistant": "AI",
    "system": "前提",
    "developer": "前提",
    "tool": "道具の結果",
    "function": "道具の結果",
}
_PURPOSE, _CALL = "利用目的", "道具の呼び出し"
_PREMISES = ("system", "instructions")
_TURNS = ("messages", "input", "prompt")
_WORDS = ("content", "text", "refusal", "thinking", "summary", "output", "stdout", "stderr")
_CALLS = ("tool_calls", "function", "arguments", "input", "action", "command", "operation", "diff")
"""Of a call what it was given, not what it is called."""
_DEEP = ("arguments", "input")


@dataclass(frozen=True, slots=True)
class Said:
    """Words of one speaker; ``by`` None where nobody can tell who it was."""

    by: str | None
    text: str = field(repr=False)


def said(kept: str) -> tuple[Said, ...]:
    """What was said in a text as the ledger keeps it: a question or an answer, oldest first."""
    try:
        value = json.loads(kept)
    except (ValueError, RecursionError):
        return (Said(None, kept),) if kept else ()
    match value:
        case {"request": dict(request)}:
            spoken = [*_purpose(value.get("purpose")), *_asked(request)]
        case list():
            spoken = [one for part in value for one in _answered(part)]
        case str():
            spoken = [Said(None, value)]
        case _:
            spoken = []
    return tuple(one for one in spoken if one.text.strip())


def _purpose(purpose: Any) -> Iterator[Said]:
    if isinstance(purpose, str):
        yield Said(_PURPOSE, purpose)


def _asked(request: dict[str, Any]) -> Iterator[Said]:
    for name in _PREMISES:
        yield Said("前提", _joined(_words(request.get(name))))
    for name in _TURNS:
        turns = request.get(name)
        for turn in turns if isinstance(turns, list) else [turns]:
            yield from _turn(turn)


def _turn(turn: Any) -> Iterator[Said]:
    if not isinstance(turn, dict):
        yield Said("利用者", _joined(_words(turn)))
        return
    role = turn.get("role")
    by = SPEAKERS.get(role) if isinstance(role, str) else None
    yield Said(by, _joined(_words(turn)))
    yield Said(_CALL, _joined(_calls(turn)))


def _answered(part: Any) -> Iterator[Said]:
    """``{"content": "…", "tool_calls.0.arguments": "…"}``: each value is words, and its name says of what kind."""
    if isinstance(part, dict):
        for name, text in part.items():
            if isinstance(text, str):
                yield Said(_CALL if name.startswith(("tool_calls", "input", "arguments")) else "AI", text)
    elif isinstance(part, str):
        yield Said("AI", part)


def _words(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _words(item)
        case dict():
            for name in _WORDS:
                yield from _words(value.get(name))


def _calls(value: Any) -> Iterator[str]:
    match value:
        case list():
            for item in value:
                yield from _calls(item)
        case dict():
            for name in _CALLS:
                inner = value.get(name)
                yield from _every(inner) if name in _DEEP else _command(inner)
            yield from _calls(value.get("content"))


def _command(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        yield from value
    else:
        yield from _calls(value)


def _every(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _every(item)
        case dict():
            for key, item in value.items():
                yield str(key)
                yield from _every(item)


def _joined(words: Iterator[str]) -> str:
    return "\n".join(word for word in words if word)
