"""Where a piece of text stands in running JSON: in how many strings, one inside the other. Pure.

Tool-call arguments are JSON, and a value in them may be JSON again, written as a string::

    {"to": "山田", "body": "{\\"name\\": \\"HERE\\"}"}

At HERE a value stands in two strings and must be escaped twice, or the inner JSON breaks.
"""

import json
import re

_PART = re.compile(r'(?:[^"\\]+|\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt]))*')
"""As much of a string's inside as is whole: no closing quote, no escape cut short."""

_LONGEST_ESCAPE = 6
_SIGNS = 2
_BEGINNINGS = frozenset({'{"', *("[" + sign for sign in '"{[-0123456789tfn')})
_BETWEEN = frozenset(" \t\r\n0123456789[]{},:.+-eEtrufalsn")
"""What stands between the strings of JSON: brackets, signs, numbers, true, false and null."""


class JsonPlace:
    """Reads JSON text piece by piece, in order; ``depth`` is the number of strings that are open.

    Text that is no JSON is no error: ``depth`` is then whatever its quotation marks say.
    """

    __slots__ = ("_begun", "_broken", "_inner", "_inside", "_open", "_pending")

    def __init__(self) -> None:
        self._pending = ""
        self._inside = False
        self._begun = ""
        self._inner: JsonPlace | None = None
        self._open = 0  # brackets
        self._broken = False  # something came that stands in no JSON

    @property
    def depth(self) -> int:
        """0 between values, 1 in a string, 2 in a string of JSON that is itself a string."""
        if not self._inside:
            return 0
        return 1 + (self._inner.depth if self._inner else 0)

    @property
    def quote(self) -> str:
        """The quotation mark around a string that stands here between values; nothing inside a string of text."""
        place: JsonPlace | None = self
        times = 0
        while place is not None and place._inside:
            place, times = place._inner, times + 1
        return "" if place is None else escaped('"', times)

    def read(self, text: str) -> None:
        text, self._pending = self._pending + text, ""
        at = 0
        while at < len(text):
            if not self._inside:
                quote = text.find('"', at)
                self._pass(text[at:quote] if quote >= 0 else text[at:])
                if quote < 0:
                    return
                self._broken = self._broken or not self._open
                self._inside, self._begun, self._inner = True, "", None
                at = quote + 1
                continue
            part = _PART.match(text, at)
            assert part is not None
            self._say(part.group())
            at = part.end()
            if at == len(text):
                return
            if text[at] == '"':
                self._inside = False
            elif len(text) - at < _LONGEST_ESCAPE:
                self._pending = text[at:]
                return
            at += 1

    def _pass(self, between: str) -> None:
        """What stands before, between and behind the strings."""
        for sign in between if not self._broken else "":
            if sign in "[{":
                self._open += 1
            elif sign not in _BETWEEN or not (self._open or sign.isspace()):
                self._broken = True
                return
            elif sign in "]}":
                self._open -= 1

    def _say(self, written: str) -> None:
        """Some of the inside of the open string. JSON inside begins with two signs of it, such as ``{"``.

        It is inside for as long as it is JSON: ``[1] 山田`` is a text.
        """
        said: str = json.loads(f'"{written}"', strict=False)
        if self._inner is None and len(self._begun) < _SIGNS:
            said = self._begun + said
            self._begun = "".join(said.split())[:_SIGNS]
            self._inner = JsonPlace() if self._begun in _BEGINNINGS else None
        if self._inner is not None:
            self._inner.read(said)
            if self._inner._broken:
                self._inner = None


def escaped(value: str, times: int = 1) -> str:
    """The value as it stands inside a JSON string, without the quotes; ``times`` over for nested strings."""
    for _ in range(times):
        value = json.dumps(value, ensure_ascii=False)[1:-1]
    return value
