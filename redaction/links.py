"""Web addresses that a model made up: no value is put back into one.

A text that a model read may tell it to write ``![](https://elsewhere/?d=[PERSON_1_k7q2])``. Were the name put back,
whoever shows the reply would send it elsewhere. In an address that did not stand in the question, a placeholder
becomes its type alone: ``[PERSON]``, which nothing restores. Pure; holds back less than one placeholder.
"""

import re

from redaction.vault import PLACEHOLDER, narrow

_IN_ADDRESS = "[^\\s<>\"'`\u3000、。「」『』（）]"
_ADDRESS = re.compile(f"[A-Za-z][A-Za-z0-9+.\\-]{{1,15}}://{_IN_ADDRESS}{{0,2000}}|//{_IN_ADDRESS}{{1,2000}}")
_ENDS = "\n\t\r \u3000<>\"'`、。「」『』（）"
_REACH = 2_000
_LONGEST = 60


class Unlinked:
    """One text on its way: ``feed`` each piece, then ``flush`` once. ``asked`` is the question as it was sent."""

    __slots__ = ("_asked", "_held", "_word")

    def __init__(self, asked: str) -> None:
        self._asked = asked
        self._held = ""
        self._word = ""  # what was given out since the last character that cannot be in an address

    def feed(self, piece: str) -> str:
        text, self._held = self._held + piece, ""
        narrowed = narrow(text)
        out: list[str] = []
        done = 0
        while (at := narrowed.find("[", done)) >= 0:
            self._say(out, text[done:at])
            done = at
            address = self._address()
            found = PLACEHOLDER.match(narrowed, at) if address else None
            if found and address + found.group() not in self._asked:
                self._say(out, f"[{found['label']}]")
                done = found.end()
            elif address and found is None and "]" not in narrowed[at:] and len(text) - at < _LONGEST:
                self._held = text[at:]
                return "".join(out)
            else:
                self._say(out, text[at])
                done = at + 1
        self._say(out, text[done:])
        return "".join(out)

    def flush(self) -> str:
        held, self._held = self._held, ""
        return held

    def _say(self, out: list[str], text: str) -> None:
        out.append(text)
        word = self._word + text
        self._word = word[1 + max(map(word.rfind, _ENDS)) :][-_REACH:]

    def _address(self) -> str:
        """The address that was begun and is not over, or nothing."""
        begun = _ADDRESS.search(self._word)
        return begun.group() if begun and begun.end() == len(self._word) else ""


def new_addresses(text: str, asked: str) -> set[str]:
    """The addresses in a reply that did not stand in the question."""
    return {found.group() for found in _ADDRESS.finditer(text) if found.group() not in asked}
