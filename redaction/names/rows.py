"""Surname and given name with a space between, standing by themselves in a row or a list. Pure functions.

③ 中村 凪 令4.1.29 / 長曽我部 玲議員 / 桔梗 千代様. The dictionary reads the surname as a place or a flower; the given
name, the space and the edges on both sides say otherwise.
"""

import re
from collections.abc import Iterator

from redaction.names.belief import KANJI, pair
from redaction.names.slots import bare, ends
from redaction.names.words import NOT_NAMES
from redaction.page import Hit, Page

_GAP = re.compile(rf"(?<=[{KANJI}]) {{1,3}}(?=[{KANJI}ぁ-ゖァ-ヺ])")
_FIRST = re.compile(rf"(?:^|[^{KANJI}ァ-ヺーA-Za-z])(?P<first>[{KANJI}]{{1,5}})\Z")
_SECOND = re.compile(rf"[{KANJI}]{{1,7}}|[ぁ-ゖー]{{2,5}}子?|[ァ-ヺー]{{2,8}}子?|[{KANJI}][ぁ-ゖ]{{1,2}}")
_LONELY = re.compile(rf"(?:^|[ \n])[{KANJI}](?= |$|\n)")
_BEGINS = re.compile(
    r"(?:^|\n)[ \t]*(?:[①-⑳]|\(?[0-9]{1,3}[).、:]?|[・○●◎\-*]|[0-9]{1,2}/[0-9]{1,2})?[ \t]*$"
)
_DATUM = re.compile(
    r"[ (\t,|]+(?:[0-9]|[明大昭平令MTSHR][0-9]|昭和|平成|令和|大正|[男女][ \n(]|〒|[ぁ-ゖァ-ヺ])|様|さん"
)


def rowed(page: Page) -> Iterator[Hit]:
    """Two words that are a name by their looks, with an edge on both sides."""
    for gap in _GAP.finditer(page.text):
        before = _FIRST.search(page.text[max(0, gap.start() - 6) : gap.start()])
        after = _SECOND.match(page.text, gap.end())
        if before is None or after is None:
            continue
        first, second = before["first"], bare(after.group())
        begin, end = gap.start() - len(first), gap.end() + len(second)
        level = 0 if _letters(page, begin, end, first + second) else pair(page, first, second)
        closed = second != after.group() or ends(page, end, level, True)
        if level and closed and level >= _least(page, begin, end, len(gap.group())):
            yield Hit(begin, end, 0.6 if level < 3 else 0.8, "dictionary")


def _least(page: Page, begin: int, end: int, gap: int) -> int:
    """The level a pair must have here: 1 in a row of persons, 3 after kana or over a wide gap."""
    before = page.text[begin - 1 : begin] if begin else ""
    if gap > 1 or "ぁ" <= before <= "ゖ":
        return 3
    line = page.text[max(0, begin - 12) : begin]
    return 1 if _BEGINS.search(line) and _DATUM.match(page.text, end) else 2


def _letters(page: Page, begin: int, end: int, joined: str) -> bool:
    """Two letters of a word that is written with spaces: 昭 和."""
    return len(joined) == 2 and (joined in NOT_NAMES or spaced_out(page.text, begin, end))


def spaced_out(text: str, begin: int, end: int) -> bool:
    """介 護 保 険: every letter of the line stands alone."""
    return _LONELY.search(text[max(0, begin - 4) : begin]) is not None or _LONELY.match(text, end) is not None
