"""JSON stays JSON: any value may come back into a tool's arguments, however deep they are and however cut."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

from proxy.kinds import SCRIPT
from proxy.surfaces.reply import restoring
from tests.laws.drawing import EASY, cut, filled, law, written

ANY_VALUE = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\\\n\t\r/{}[]:,😀'), min_size=1
)
_MOLDS: list[Callable[[Any], Any]] = [
    lambda inner: {"body": inner},
    lambda inner: [inner],
    lambda inner: [1, {"a": "[1] x", "b": inner}],
    lambda inner: [[], [True, None, -1.5e3], "{}", inner],
    lambda inner: {"a": {"b": {"c": ["終", inner], "d": {}}}},
]
"""What a text is put into: always as the last string."""


def put(text: str, depth: int, data: st.DataObject) -> str:
    """JSON that holds the text, inside as many strings of JSON."""
    for _ in range(depth):
        text = data.draw(written(st.just(data.draw(st.sampled_from(_MOLDS))(text))))
    return text


def innermost(text: str, depth: int) -> str:
    """The text that `put` put there."""
    for _ in range(depth):
        *_, text = strings_of(json.loads(text))
    return text


def strings_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings_of(inner)
    elif isinstance(value, str):
        yield value


@law(80, 5_000, value=ANY_VALUE, around=st.tuples(EASY, EASY), depth=st.integers(1, 3), data=st.data())
def test_any_value_in_tool_arguments_leaves_valid_json_however_deep_and_however_cut(
    value: str, around: tuple[str, str], depth: int, data: st.DataObject
) -> None:
    vault, (placeholder,) = filled([value])
    before, after = around
    arguments = put(before + placeholder + after, depth, data)
    sieve = restoring(vault)(SCRIPT)

    async def passed() -> str:
        return "".join([await sieve.feed(piece) for piece in cut(arguments, data)]) + await sieve.flush()

    assert innermost(asyncio.run(passed()), depth) == before + value + after
