"""Folding: one plain spelling of a text, with a map back to the characters as they were received.

Half-width kana, full-width digits, five sorts of hyphen and invisible characters are spelled in one
way, so that a recogniser needs one pattern and not twenty. Pure functions, no I/O. Never changes
the text that is masked or sent: only the copy that is searched.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

# Written by NFKC as themselves and never pulled into the character before them. Everything that a
# Japanese text is mostly made of is here, so that ordinary text is copied in runs, not by the letter.
_PLAIN = "\n\t\r -~\u3001-\u3020\u3041-\u3096\u309d\u309e\u30a1-\u30fe\u3400-\u4dbf\u4e00-\u9fff"
_MARKS = "\u0300-\u036f\u3099\u309a\uff9e\uff9f"
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef"
)
# A letter with its marks, also where something invisible was put between them. At most 30 marks:
# sorting an endless run of marks would not be linear.
_CLUSTER = re.compile(f"[\\s\\S](?:[{_INVISIBLE}]{{0,30}}[{_MARKS}]){{1,30}}|[^{_PLAIN}]")
_DROPPED = re.compile(f"[{_INVISIBLE}]+")

# Text that a program wrote: JSON escapes (also of JSON inside JSON), percent-encoding (also of what is encoded
# already), character references.
# A newline escape is one only in a text that has other escapes: elsewhere \\name is a folder.
_ESCAPE = (
    r"(?:\\+u[dD][89abAB][0-9a-fA-F]{2}\\+u[dD][c-fC-F][0-9a-fA-F]{2}|\\+u[0-9a-fA-F]{4}"
    r"|(?:%(?:25)*[0-9a-fA-F]{2})+|&\#(?:[0-9]{2,7}|[xX][0-9a-fA-F]{2,6});)"
)
_PROGRAM = re.compile(r'\\u[0-9a-fA-F]{4}|\\"')
_HEX = re.compile(r"u([0-9a-fA-F]{4})")
_BYTE = re.compile(r"%(?:25)*([0-9a-fA-F]{2})")
_FORM = re.compile(r"(?<=[?&])[\w.\[\]-]{1,40}=[^\W\d_]{1,24}(?:\+[^\W\d_]{1,24}){1,4}(?![^&#\s\"'<>)\]}])")
"""Words in the query of a URL, where + is a space."""
_UNESCAPED = re.compile(f"{_ESCAPE}|{_CLUSTER.pattern}")
_UNESCAPED_LINES = re.compile(rf'{_ESCAPE}|\\+[nrt"/]|{_CLUSTER.pattern}')

_UTF8_SIZES = ((0xF0, 4), (0xE0, 3), (0xC0, 2), (0, 1))
"""How many bytes a letter has whose first byte is at least so much."""

_DASHES = "\u2010-\u2015\u2043\u2212\u2500\u2501\u30fc\ufe63\uff0d\uff70"
_NUMERAL = "0-9\u3007\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341"
_DASH = re.compile(f"(?<=[{_NUMERAL}目番地号])[{_DASHES}](?=[{_NUMERAL}])")


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text. ``starts[i]`` and ``ends[i]`` say which code points of the original became
    character ``i``: folding "１２㍻" gives "12平成", whose two last characters both map to (2, 3).

    Both are non-decreasing, and ``starts[i] < ends[i]``. Invisible characters map to nothing, but
    lie inside the span of a substring that surrounds them.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original (start, end), in code points, of a non-empty folded substring.

        Raises ``ValueError`` for an empty one, which has no place of its own.
        """
        if not 0 <= start < end <= len(self.text):
            raise ValueError(f"no such folded substring: {start} to {end}")
        return self.starts[start], self.ends[end - 1]


def fold(text: str) -> Folded:
    """Fold a text: NFKC (Unicode TR15) by grapheme, invisible characters out, dashes between
    numerals as "-", + between the words of a URL's query as a space. Linear in the length; any string is
    accepted, lone surrogates too.
    """
    odd = _odd(text)
    if not odd.search(text):
        return Folded(_signs(text), range(len(text)), range(1, len(text) + 1))
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    for match in odd.finditer(text):
        begin, end = match.span()
        _copy(text, at, begin, pieces, starts, ends)
        for letters, first, last in _meant(match.group()):
            spelled = _spelled(letters)
            pieces.append(spelled)
            starts.extend([begin + first] * len(spelled))
            ends.extend([begin + last] * len(spelled))
        at = end
    _copy(text, at, len(text), pieces, starts, ends)
    return Folded(_signs("".join(pieces)), starts, ends)


def _odd(text: str) -> "re.Pattern[str]":
    """What has to be spelled anew in this text; the plain pattern where no program wrote it."""
    if "\\" in text and _PROGRAM.search(text):
        return _UNESCAPED_LINES
    if "%" in text or "&#" in text:
        return _UNESCAPED
    return _CLUSTER


def _meant(written: str) -> list[tuple[str, int, int]]:
    """What was written, as letters, each with its place in it: ("山", 0, 6) of \\u5c71."""
    whole = (0, len(written))
    if written[0] == "%" and len(written) > 2:
        return _percent(written)
    if written[0] == "&" and len(written) > 2:
        number = int(written[3:-1], 16) if written[2] in "xX" else int(written[2:-1])
        return [(chr(number) if number < 0x110000 else written, *whole)]
    if written[0] != "\\" or len(written) == 1:
        return [(written, *whole)]
    halves = [int(half, 16) for half in _HEX.findall(written)]
    if not halves:
        return [({"n": "\n", "r": "\r", "t": "\t"}.get(written[-1], written[-1]), *whole)]
    if len(halves) == 2:
        return [(chr(0x10000 + ((halves[0] - 0xD800) << 10) + halves[1] - 0xDC00), *whole)]
    return [(chr(halves[0]), *whole)]


def _percent(written: str) -> list[tuple[str, int, int]]:
    """Percent-encoded UTF-8, letter by letter; a byte that begins no letter stays as it was written."""
    marks = list(_BYTE.finditer(written))
    coded = bytes(int(mark[1], 16) for mark in marks)
    meant: list[tuple[str, int, int]] = []
    at = 0
    while at < len(coded):
        size = next(size for least, size in _UTF8_SIZES if coded[at] >= least)
        try:
            letter = coded[at : at + size].decode()
        except UnicodeDecodeError:
            size, letter = 1, marks[at].group()
        meant.append((letter, marks[at].start(), marks[at + size - 1].end()))
        at += size
    return meant


def _copy(text: str, begin: int, end: int, pieces: list[str], starts: list[int], ends: list[int]) -> None:
    if begin < end:
        pieces.append(text[begin:end])
        starts.extend(range(begin, end))
        ends.extend(range(begin + 1, end + 1))


def _spelled(cluster: str) -> str:
    if "\u2460" <= cluster[0] <= "\u249b":
        return cluster  # ①②: folded to a digit they would grow onto the number that follows
    return _DROPPED.sub("", unicodedata.normalize("NFKC", _DROPPED.sub("", cluster)))


def _signs(text: str) -> str:
    """Dashes between numerals and the spaces of a form, character for character."""
    if "+" in text and "=" in text:
        text = _FORM.sub(lambda query: query.group().replace("+", " "), text)
    return _DASH.sub("-", text)
