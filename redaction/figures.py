"""Figures: a page whose numbers are spelled in plain digits, with a map back. Pure functions.

A transcript says ゼロ七二の六七四の…, a scanner reads O72-674-7l11 or breaks a number over two lines.
Here all of these are 072-674-…, so that a recogniser needs one pattern. What is no number stays as it
is. Linear in the length.
"""

import re
from bisect import bisect_right
from functools import lru_cache
from typing import Final

from redaction.model import Evidence
from redaction.once import once
from redaction.page import Hit, Page

_KANJI: Final = dict(zip("〇零一二三四五六七八九", "00123456789", strict=True))
_SPOKEN: Final = {
    "ゼロ": "0", "ぜろ": "0", "れい": "0", "レイ": "0", "まる": "0", "マル": "0", "いち": "1", "イチ": "1",
    "さん": "3", "サン": "3", "よん": "4", "ヨン": "4", "ろく": "6", "ロク": "6", "なな": "7", "ナナ": "7",
    "しち": "7", "シチ": "7", "はち": "8", "ハチ": "8", "きゅう": "9", "キュウ": "9",
    "ゴー": "5", "ごー": "5", "ごお": "5", "ニー": "2", "にー": "2",
}  # fmt: skip
_SHORT: Final = {"に": "2", "ニ": "2", "ご": "5", "ゴ": "5", "し": "4", "シ": "4", "く": "9", "ク": "9"}
_LETTERS: Final = {"O": "0", "o": "0", "l": "1", "I": "1", "B": "8", "S": "5"}

_LONG = "|".join(_SPOKEN)
# に and ご are particles too: a digit only between spoken digits (いちにさん), or last before です.
_AFTER = f"(?:[のノ ・、])?(?:{_LONG}|[にごくしニゴクシ〇零一二三四五六七八九])|(?:です|でござ|[。、\\s]|$)"
_BETWEEN = f"(?<=[ロろいるちんくなうにごしのイルチンクナウニゴシ・、])[にごくしニゴクシ](?={_AFTER})"
_DIGIT = f"[0-9〇零一二三四五六七八九]|{_LONG}|{_BETWEEN}"
_JOINT = "の?[、 ]?(?:えーと|えっと|ええと|えー)[、 ]?| ?の ?|ノ|[ -]{1,2}|(?<=[^0-9])[、・]|ハイフン|はいふん|ダッシュ"
_SAID = re.compile(f"(?:{_DIGIT})(?:(?:{_JOINT})?(?:{_DIGIT})){{4,}}+")
_PIECE = re.compile(
    f"(?P<digit>{_LONG}|[にごくしニゴクシ0-9〇零一二三四五六七八九])|(?P<joint>(?:{_JOINT})+)"
)
_ONE_BY_ONE = re.compile(f"(?:(?:{_DIGIT})(?:{_JOINT})+)+(?:{_DIGIT})")
_LAST_GROUP = re.compile(f"(?:(?:{_JOINT})|^)(?:{_DIGIT})+$")
_PLAIN = re.compile(r"[0-9 ,\-]*")
_LAST_DIGITS = re.compile(r"(?<![0-9])[0-9]+$")
_NO_FIGURE_BEFORE = "十百千万億兆第"
_NO_FIGURE_AFTER = "十百千万億兆年月円人名件歳回時分"

_MISREAD = re.compile(
    r"(?<![0-9A-Za-z])(?=[0-9]*[OolI][0-9OolIBS]*(?![A-Za-z]))(?=[OolI]*[0-9])[0-9OolI][0-9OolIBS]+(?![0-9A-Za-z])"
    r"|(?<![0-9A-Za-z])[0-9]{2,}[BS][0-9OolIBS]*[0-9](?![0-9A-Za-z])"
)
_SPREAD = re.compile(r"(?<![0-9A-Za-z.,])[0-9OlI](?:(?: - |- | -|-| )[0-9OlI](?![0-9A-Za-z])){5,}+")
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2500\u30fc"
_BROKEN = re.compile(r"(?<=[0-9OlI])(?: - ?| ?- |-\n {0,8}|[\u2010-\u2015\u2212\u2500\u30fc])(?=[0-9OlI])")
_ANY = re.compile(f"{_MISREAD.pattern}|{_SPREAD.pattern}|{_BROKEN.pattern}|{_SAID.pattern}")


class Figures:
    """``text`` is the page's with plain numbers; ``hit`` leads from it back to the page."""

    def __init__(self, text: str, changes: "list[tuple[int, int, str]]") -> None:
        """``changes``: from, to, and what stands there now, character for character of its own place."""
        pieces: list[str] = []
        self._marks: list[int] = []  # where in ``text`` each unchanged or changed piece begins
        self._places: list[tuple[int, int, bool]] = []
        at = size = 0
        for begin, end, spelled in changes:
            for piece, start, stop, same in ((text[at:begin], at, begin, True), (spelled, begin, end, False)):
                if piece:
                    self._marks.append(size)
                    self._places.append((start, stop, same))
                    pieces.append(piece)
                    size += len(piece)
            at = end
        self.text = "".join([*pieces, text[at:]])
        self._marks.append(size)
        self._places.append((at, len(text), True))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Begin and end in the page of a non-empty stretch of ``text``."""
        return self._place(start)[0], self._place(end - 1)[1]

    def hit(self, start: int, end: int, score: float, evidence: Evidence) -> Hit:
        """A hit on the page for characters ``start`` to ``end`` of ``text``."""
        return Hit(*self.span(start, end), score, evidence)

    def _place(self, at: int) -> tuple[int, int]:
        index = bisect_right(self._marks, at) - 1
        start, stop, same = self._places[index]
        if same:
            start += at - self._marks[index]
            return start, start + 1
        return start, stop


@once
def figures(page: Page) -> Figures:
    """The figures of a page."""
    return Figures(page.text, changes(page.text))


def changes(text: str) -> list[tuple[int, int, str]]:
    """What is to be spelled otherwise: from, to, plain digits; in order, one character or digit each."""
    found: list[tuple[int, int, str]] = []
    for match in _ANY.finditer(text):
        written = match.group()
        if "-\n" in written or written.strip() in _DASHES:
            found.append((match.start(), match.end(), "-"))
        elif _PLAIN.fullmatch(written) and not _SPREAD.fullmatch(written):
            found.extend(_cut_off(text, match))
        elif written.isascii():
            found.extend(_corrected(written, match.start()))
        else:
            found.extend(_heard(text, match))
    return found


def _cut_off(text: str, match: "re.Match[str]") -> list[tuple[int, int, str]]:
    """The last group of a plain number that a misread letter cut off: the 9O18 of 1234 5678 9O18."""
    last = _LAST_DIGITS.search(match.group())
    misread = _MISREAD.match(text, match.start() + last.start()) if last else None
    return _corrected(misread.group(), misread.start()) if misread else []


def _corrected(written: str, at: int) -> list[tuple[int, int, str]]:
    """A number as a scanner sees it: letters for digits, spaces within."""
    real = sum(letter.isdecimal() for letter in written)
    if 3 * real < sum(letter.isalnum() for letter in written):
        return []
    spread = " " in written
    out = []
    for offset, letter in enumerate(written):
        if letter in _LETTERS:
            out.append((at + offset, at + offset + 1, _LETTERS[letter]))
        elif letter == " " and spread:
            out.append((at + offset, at + offset + 1, ""))
    return out


def _heard(text: str, match: "re.Match[str]") -> list[tuple[int, int, str]]:
    """A number as it is spoken or written in 漢数字."""
    start, end = match.span()
    written = match.group()
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    if after and after in _NO_FIGURE_AFTER:
        written = _LAST_GROUP.sub("", written)  # 三三〇一の七七二の三名: the last is a count
    if (before and before in _NO_FIGURE_BEFORE) or not _enough(written):
        return []
    out: list[tuple[int, int, str]] = []
    by_one = _ONE_BY_ONE.fullmatch(written)
    for piece in _PIECE.finditer(written):
        word = piece.group()
        joint = "" if by_one else "-" if word.strip() else " "
        spelled = joint if piece["joint"] else _digit(word)
        if spelled != word:
            out.append((start + piece.start(), start + piece.end(), spelled))
    return out


def _enough(written: str) -> bool:
    """At least five digits; seven, and none alone, where only の makes them speech: 12345の3 is no number."""
    groups = written.replace(" ", "").split("の")
    if "".join(groups).isascii():
        return sum(map(len, groups)) >= 7 and min(map(len, groups)) >= 2
    return _SAID.fullmatch(written) is not None


@lru_cache(64)
def _digit(word: str) -> str:
    return _KANJI.get(word) or _SPOKEN.get(word) or _SHORT.get(word) or word
