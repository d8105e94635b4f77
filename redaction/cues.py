"""Cue words: whether what stands near a number says what the number is. Pure functions.

Most identifiers have no shape of their own: 宛名番号 0055182930 is one because the words say so. The
grammar of that, "a cue, then a number of this shape", is here once: on the same line, on the next, in a
list of numbers, or in a table under the cue.
"""

import re
from collections.abc import Iterable, Iterator

from redaction.columns import columns, heading_of
from redaction.figures import figures
from redaction.page import Hit, Page

# One lazy stretch and at most one new line: bounded, whatever stands between.
_GAP = (
    r"[^0-9A-Za-z。\n]{0,24}?(?:(?:\n|。\n[^\n:]{1,10}:) {0,8}[^0-9A-Za-z。、\n]{0,4}?)?"
    r"(?:[Nn][Oo]\.? ?|is )?"
)
_OWN_LABEL = re.compile(r"^[ の証書カード]*(?:番号|コード|記号)?")
_AGAIN = re.compile(r" ?(?:[、,・/&→]|と|及び|および|から|又は|または) ?(?:新|旧)? ?")
_OTHER_LABEL = re.compile(
    r"番号|コード|電話|TEL|携帯|FAX|住所|年月日|金額|年度|期限|とは|欄|件数|例えば|人数|件|制度|記入|不明|なし|する|札"
)
_ARABIC = re.compile(r"[0-9A-Za-z]")

NUMBER = (
    r"(?:[一-鿿ぁ-んァ-ヺ]{1,2}-|[一-鿿]{1,4}第|(?<=[ :])[一-鿿]{2}(?=[0-9]))?(?=[0-9A-Z-]*[0-9][A-Z-]*[0-9])[0-9A-Z]+"
    r"(?:-(?:[一-鿿ァ-ヺ]{1,3}-?)?[0-9A-Z]+| [0-9]{3,5}(?![0-9]))*"
    r"(?![0-9A-Za-z]|-[0-9]|[%,.@][0-9A-Za-z]|[年月日円件人名個回時分歳才桁級割位])"
)
"""A number as cities give them: at least two digits, perhaps with letters in front and hyphens and letters
within: 児-2025-0317, R07-大雨-0236, 軽減25-417. What follows is no unit."""


def before(text: str, start: int, cue: "re.Pattern[str]", reach: int = 24) -> bool:
    """Whether a cue stands at most ``reach`` characters before ``start``, and no sentence between."""
    near = text[max(0, start - reach) : start]
    return cue.search(near[near.rfind("。") + 1 :]) is not None


def after(text: str, end: int, cue: "re.Pattern[str]", reach: int = 12) -> bool:
    """Whether a cue stands at most ``reach`` characters after ``end`` in the same line."""
    return cue.search(text[end : end + reach].partition("\n")[0]) is not None


def under(page: Page, start: int, end: int, heading: "re.Pattern[str]") -> bool:
    """Whether the characters stand in a table under a heading that holds the cue."""
    return heading.search(heading_of(page, start, end)) is not None


def spaced(words: Iterable[str]) -> str:
    """A pattern for any of the words, longest first; a scanner may have put spaces between the letters."""
    return "|".join(" {0,2}".join(re.escape(letter) for letter in word)
                    for word in sorted(words, key=lambda word: (-len(word), word)))  # fmt: skip


class Labelled:
    """A cue, then a number of this shape.

    ``cue`` and ``value`` are patterns; ``value`` must end by itself where the number does. ``own`` is a
    shape that so seldom means anything else that on a page which has the cue anywhere it needs none
    beside it: lists say 旅券 once, in their title.
    """

    def __init__(self, cue: str, value: str, own: str | None = None) -> None:
        self.cue = re.compile(cue)
        self._value = re.compile(value)
        self._said = re.compile(f"(?:{cue})(?P<gap>{_GAP})(?P<value>{value})")
        self._own = None if own is None else re.compile(own)

    def find(self, page: Page, score: float = 0.9) -> Iterator[Hit]:
        """Where the numbers stand in ``page.text``."""
        plain = figures(page)
        text = plain.text
        for match in self._said.finditer(text):
            if _OTHER_LABEL.search(_OWN_LABEL.sub("", match["gap"])):
                continue
            if not self._of_another_column(page, plain.span(*match.span("value"))):
                for start, end in self._and_more(text, *match.span("value")):
                    yield plain.hit(start, end, score, "cue")
        if self._own is not None and self.cue.search(text):
            for match in self._own.finditer(text):
                yield plain.hit(*match.span(), 0.7, "context")
        yield from self._cells(page, score)

    def _of_another_column(self, page: Page, span: tuple[int, int]) -> bool:
        """The cue may be the last heading of a table, and the number the first cell of the next line."""
        heading = heading_of(page, *span)
        line = page.text[max(0, span[0] - 40) : span[0]].rpartition("\n")[2]
        return heading != "" and not self.cue.search(heading) and not self.cue.search(line)

    def _and_more(self, text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The number, and those that follow it in a list: 2022-1-0461、2022-1-0470."""
        yield start, end
        size = end - start
        while (joint := _AGAIN.match(text, end)) and (more := self._value.match(text, joint.end())):
            start, end = more.span()
            if end - start != size:
                return
            yield start, end

    def _cells(self, page: Page, score: float) -> Iterator[Hit]:
        for cell in columns(page):
            if self.cue.search(cell.heading):
                written = page.text[cell.begin : cell.end]
                if self._value.fullmatch(written) and _ARABIC.search(written):
                    yield Hit(cell.begin, cell.end, score, "cue")
