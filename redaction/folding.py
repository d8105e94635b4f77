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
    numerals as "-". Linear in the length; any string is accepted, lone surrogates too.
    """
    if not _CLUSTER.search(text):
        return Folded(_dashes(text), range(len(text)), range(1, len(text) + 1))
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    for match in _CLUSTER.finditer(text):
        begin, end = match.span()
        _copy(text, at, begin, pieces, starts, ends)
        letters = _spelled(match.group())
        pieces.append(letters)
        starts.extend([begin] * len(letters))
        ends.extend([end] * len(letters))
        at = end
    _copy(text, at, len(text), pieces, starts, ends)
    return Folded(_dashes("".join(pieces)), starts, ends)


def _copy(text: str, begin: int, end: int, pieces: list[str], starts: list[int], ends: list[int]) -> None:
    if begin < end:
        pieces.append(text[begin:end])
        starts.extend(range(begin, end))
        ends.extend(range(begin + 1, end + 1))


def _spelled(cluster: str) -> str:
    if "\u2460" <= cluster[0] <= "\u249b":
        return cluster  # ①②: folded to a digit they would grow onto the number that follows
    return _DROPPED.sub("", unicodedata.normalize("NFKC", _DROPPED.sub("", cluster)))


def _dashes(text: str) -> str:
    return _DASH.sub("-", text)
