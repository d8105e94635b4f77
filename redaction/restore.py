"""Putting the values back: exact placeholders of this exchange only, at every possible cut.

Never guesses: a placeholder that is cut short, misspelt, or not in this exchange's vault stays as
it is. The one thing overlooked is width: ［ＰＥＲＳＯＮ＿１＿ｋ７ｑ２］ is [PERSON_1_k7q2], character for
character, and nothing else is (`narrow`). Holds back only text that may still become a placeholder,
never the reply. No I/O.
"""

import re
from bisect import bisect_left

from redaction.json_place import JsonPlace, escaped
from redaction.vault import Vault, narrow

_BEGIN = re.compile(r"\[(?=[A-Z]|\Z)")
"""Where a placeholder may begin. Reading on is left to C: a reply may be a million brackets."""


class Restorer:
    """One stream of text, restored: ``feed`` each piece, then ``flush`` once.

    For any way of cutting the text, ``"".join(feed(p) for p in pieces) + flush()`` is the same.
    ``in_json``: the text is JSON, and a value is written escaped where it stands.
    """

    __slots__ = ("_held", "_longest", "_place", "_sorted", "_values")

    def __init__(self, vault: Vault, in_json: bool = False) -> None:
        self._values = vault.values
        self._sorted = sorted(self._values)
        self._longest = max(map(len, self._sorted), default=0)
        self._held = ""
        must_escape = in_json and any(escaped(value) != value for value in self._values.values())
        self._place = JsonPlace() if must_escape else None

    def feed(self, piece: str) -> str:
        """The restored text that is certain so far. What is held is shorter than one placeholder."""
        if not self._values:
            return piece
        text = self._held + piece
        narrowed = narrow(text)
        self._held = ""
        out: list[str] = []
        done = 0
        while (mark := _BEGIN.search(narrowed, done)) is not None:
            at = mark.start()
            self._say(out, text[done:at])
            close = narrowed.find("]", at, at + self._longest)
            value = self._values.get(narrowed[at : close + 1]) if close >= 0 else None
            if value is not None:
                out.append(self._written(value))
                done = close + 1
            elif close < 0 and len(text) - at < self._longest and self._may_become(narrowed[at:]):
                self._held = text[at:]
                return "".join(out)
            else:
                self._say(out, text[at])
                done = at + 1
        self._say(out, text[done:])
        return "".join(out)

    def flush(self) -> str:
        """What was held back and never became a placeholder, as it came."""
        held, self._held = self._held, ""
        return held

    def _say(self, out: list[str], text: str) -> None:
        out.append(text)
        if self._place is not None:
            self._place.read(text)

    def _written(self, value: str) -> str:
        if self._place is None:
            return value
        depth = max(1, self._place.depth)
        self._place.read("x")  # something stands there; the quotation marks in it are none of the text's
        return escaped(value, depth)

    def _may_become(self, start: str) -> bool:
        at = bisect_left(self._sorted, start)
        return at < len(self._sorted) and self._sorted[at].startswith(start)


def restore(text: str, vault: Vault, in_json: bool = False) -> str:
    """A whole text at once: the stream of one piece."""
    restorer = Restorer(vault, in_json)
    return restorer.feed(text) + restorer.flush()
