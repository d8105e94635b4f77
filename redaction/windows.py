"""Windows: a long text in pieces that are read one after the other. Pure functions, linear.

Between two pieces other threads and a cancelled request get their turn.
"""

import re
from collections.abc import Iterator

WINDOW = 800
"""Folded characters searched at a time."""

LOOKBACK = 100
"""Characters before a window that are read again with it, so that a label or a name that lies over
the edge is seen whole."""

_BREAK = re.compile(r"[\n。！？!?]|[、,\s]")


def windows(text: str) -> Iterator[tuple[int, int, int]]:
    """(read from, search from, search to) of each window; the last two lie end to end."""
    at = 0
    while at < len(text):
        end = cut(text, at, WINDOW)
        yield _line_before(text, at), at, end
        at = end


def cut(text: str, at: int, size: int) -> int:
    """Where a piece that begins at ``at`` ends: after the last line or sentence end within ``size``
    characters, else after the last comma or space, else at ``size``. Always moves on."""
    limit = at + size
    if limit >= len(text):
        return len(text)
    best, spare = 0, 0
    for match in _BREAK.finditer(text, at + size // 2, limit):
        if match.group() in "\n。！？!?":
            best = match.end()
        else:
            spare = match.end()
    return best or spare or limit


def _line_before(text: str, at: int) -> int:
    """A line's begin at most ``LOOKBACK`` before ``at``; else exactly that far."""
    earliest = max(0, at - LOOKBACK)
    line = text.find("\n", earliest, max(0, at - 1))
    return earliest if line < 0 or earliest == 0 else line + 1
