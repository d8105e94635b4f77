"""The tools that a request offers, and the calls of them in its answer: names and numbers. Pure.

A tool's name is written by whoever made the tool, a call's by the model. A name is kept where it is a name with
nothing found in it, so that it leaves as it came; of a call, only where the request offered that very name. The rest is counted.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST = 128
"""Names that are kept of one request."""

_NAME = re.compile(r"(?=[^A-Za-z]*[A-Za-z])(?!(?:[^0-9]*[0-9]){9})[A-Za-z0-9_.-]{1,64}")
"""With a letter, and with fewer digits in all than a number of somebody has."""


@dataclass(frozen=True, slots=True)
class Offered:
    """``names`` in order, each once; ``unnamed`` are the tools whose name is not kept."""

    names: tuple[str, ...] = ()
    unnamed: int = 0


NO_TOOLS = Offered()


def named(body: Mapping[str, Any]) -> tuple[str, ...]:
    """What the tools of a request are called, in order, whatever is written there. Not to be kept: see `offered`."""
    return tuple(_named(body))


def offered(every: Sequence[str], found_in: Collection[str]) -> Offered:
    """The tools by the names that may be kept. ``found_in`` are the strings in which anything was found."""
    kept = [name for name in every if _NAME.fullmatch(name) and name not in found_in]
    names = tuple(dict.fromkeys(kept))[:MOST]
    return Offered(names, sum(name not in names for name in every))


def called(names: Iterable[str], tools: Offered) -> dict[str, Any]:
    """What the ending says of the calls: how often each tool, and calls of what was not offered."""
    calls = Counter(names)
    known = {name: number for name, number in sorted(calls.items()) if name in tools.names}
    return {"tool_calls": known, "tool_calls_unknown": calls.total() - sum(known.values())}


def _named(body: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(one.get("name") or "") for one in _objects(body.get("functions")))
    yield from _names(body.get("tools"))
    for item in _objects(body.get("input")):
        yield from _names(item.get("tools"))


def _names(tools: Any) -> Iterator[str]:
    """Of a tool its name, of a namespace those of the tools in it, of one without a name its kind."""
    for tool in _objects(tools):
        if isinstance(tool.get("tools"), list):
            yield from _names(tool["tools"])
            continue
        made = tool.get("function") or tool.get("custom") or tool
        name = made.get("name") if isinstance(made, dict) else None
        yield str(name or tool.get("type") or "")


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    yield from (one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()
