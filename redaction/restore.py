"""Putting the values back: exact placeholders of this exchange only, at every possible cut.

Never guesses: a placeholder that is cut short, misspelt, or not in this exchange's vault stays as
it is. Holds back only text that may still become a placeholder, never the reply. No I/O.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Callable

from redaction.vault import Vault

_BEGIN = re.compile(r"\[(?=[A-Z]|\Z)")
"""Where a placeholder may begin. Reading on is left to C: a reply may be a million brackets."""


def as_is(value: str) -> str:
    return value


def json_escaped(value: str) -> str:
    """The value as it stands inside a JSON string, without the quotes."""
    return json.dumps(value, ensure_ascii=False)[1:-1]


class Restorer:
    """One stream of text, restored: ``feed`` each piece, then ``flush`` once.

    For any way of cutting the text, ``"".join(feed(p) for p in pieces) + flush()`` is the same.
    ``encode`` says how a value is written where it stands (`json_escaped` inside JSON).
    """

    __slots__ = ("_encode", "_held", "_longest", "_sorted", "_values")

    def __init__(self, vault: Vault, encode: Callable[[str], str] = as_is) -> None:
        self._values = vault.values
        self._sorted = sorted(self._values)
        self._longest = max(map(len, self._sorted), default=0)
        self._encode = encode
        self._held = ""

    def feed(self, piece: str) -> str:
        """The restored text that is certain so far. What is held is shorter than one placeholder."""
        if not self._values:
            return piece
        text = self._held + piece
        self._held = ""
        out: list[str] = []
        done = 0
        while (mark := _BEGIN.search(text, done)) is not None:
            at = mark.start()
            out.append(text[done:at])
            close = text.find("]", at, at + self._longest)
            value = self._values.get(text[at : close + 1]) if close >= 0 else None
            if value is not None:
                out.append(self._encode(value))
                done = close + 1
            elif close < 0 and len(text) - at < self._longest and self._may_become(text[at:]):
                self._held = text[at:]
                return "".join(out)
            else:
                out.append("[")
                done = at + 1
        out.append(text[done:])
        return "".join(out)

    def flush(self) -> str:
        """What was held back and never became a placeholder, as it came."""
        held, self._held = self._held, ""
        return held

    def _may_become(self, start: str) -> bool:
        at = bisect_left(self._sorted, start)
        return at < len(self._sorted) and self._sorted[at].startswith(start)


def restore(text: str, vault: Vault, encode: Callable[[str], str] = as_is) -> str:
    """A whole text at once: the stream of one piece."""
    restorer = Restorer(vault, encode)
    return restorer.feed(text) + restorer.flush()
