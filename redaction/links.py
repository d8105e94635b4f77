"""Web addresses that a model made up: no value is put back into one.

A text that a model read may tell it to write ``![](https://elsewhere/?d=[PERSON_1_k7q2])``. Were the name put back,
whoever shows the reply would send it elsewhere. In an address that did not stand in the question, a placeholder
becomes its type alone: ``[PERSON]``, which nothing restores. An address is what a link or a picture leads to,
however it is written, and anything with ``//``; mail and telephone links send nothing by themselves.
Pure; holds back less than one placeholder.
"""

import re

from redaction.vault import PLACEHOLDER, narrow

_BEGIN = re.compile(r"\[(?=[A-Z]|\Z)")
_PART = re.compile(r"\[(?:[A-Z][A-Z0-9_]{0,40}(?:_[0-9]{0,6}(?:_[a-z2-7]{0,4})?)?)?\Z")
"""Text that may still become a placeholder."""

_BARE = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.\-]{1,15}:)?(?:\\?[/\\]){2}")
_LEADS_TO = re.compile(
    r"(?:\]\(\s{0,9}<?|\]:\s{0,9}<?|\burl\(\s{0,3}\\?[\"']?"
    r"|(?i:<[a-z][^<>\n]{0,500}[\s\"'](?:src|srcset|href|action|poster|background|data)\s{0,3}=\s{0,3}\\?[\"']?))"
    r"(?P<to>[^\n\"'>]*)\Z"
)
"""What a link or a picture leads to, as far as it is written, in Markdown, HTML and CSS."""

_LEADING = ("](", "]:", "=", "url(")

_HARMLESS = re.compile(r"(?i)\s*(?:mailto|tel|sms):")
_ENDS = "\t\r \u3000<>\"'`、。「」『』（）"
_REACH = 1_000


class Unlinked:
    """One text on its way: ``feed`` each piece, then ``flush`` once. ``asked`` is the question as it was sent."""

    __slots__ = ("_asked", "_held", "_line")

    def __init__(self, asked: str) -> None:
        self._asked = asked
        self._held = ""
        self._line = ""  # what was given out since the last line break, or the end of it

    def feed(self, piece: str) -> str:
        text, self._held = self._held + piece, ""
        narrowed = narrow(text)
        out: list[str] = []
        done = said = 0
        while (mark := _BEGIN.search(narrowed, done)) is not None:
            at = mark.start()
            whole = PLACEHOLDER.match(narrowed, at)
            if whole is None and not _PART.match(narrowed, at):
                done = at + 1
                continue
            self._say(out, text[said:at])
            address = self._address()
            if whole is None:
                if address:
                    self._held = text[at:]
                else:
                    self._say(out, text[at:])
                return "".join(out)
            made_up = address and address + whole.group() not in self._asked
            self._say(out, f"[{whole['label']}]" if made_up else text[at : whole.end()])
            done = said = whole.end()
        self._say(out, text[said:])
        return "".join(out)

    def flush(self) -> str:
        held, self._held = self._held, ""
        return held

    def _say(self, out: list[str], text: str) -> None:
        out.append(text)
        self._line = (self._line + text).rpartition("\n")[2]
        if len(self._line) > 2 * _REACH:
            begun = self._address()[:_REACH]  # its beginning says what it is
            self._line = begun + self._line[-_REACH:]

    def _address(self) -> str:
        """The address that was begun on this line and is not over, or nothing."""
        line = self._line
        if any(sign in line for sign in _LEADING) and (leads := _LEADS_TO.search(line)):
            over = ")" in leads["to"] and line[leads.start() :].startswith("](")
            if not over and not _HARMLESS.match(leads["to"]):
                return leads["to"]
        if "//" not in line and "\\" not in line:
            return ""
        word = line[1 + max(map(line.rfind, _ENDS)) :]
        for bare in _BARE.finditer(word):
            address = word[bare.start() :]
            if ")" not in address or not word[: bare.start()].endswith(("](", "](<")):
                return address
        return ""


_WRITTEN = re.compile(
    rf"(?:[A-Za-z][A-Za-z0-9+.\-]{{1,15}}:)?//[^\s<>\"'`\u3000、。「」『』（）]{{1,{_REACH}}}"
)


def new_addresses(text: str, asked: str) -> set[str]:
    """The addresses in a reply that did not stand in the question."""
    return {found.group() for found in _WRITTEN.finditer(text) if found.group() not in asked}
