"""Names spelled in katakana, Latin letters or, in brackets, in kana. Pure functions."""

import re
from collections.abc import Iterator

from redaction.names.romaji import roman_name
from redaction.names.shape import NAME_KINDS
from redaction.names.words import NOT_NAMES
from redaction.page import Hit, Kind, Page

_KATAKANA = re.compile(r"(?<![ァ-ヺー・])[ァ-ヺー]{2,}(?:[ ・=][ァ-ヺー]+){1,5}(?![ァ-ヺー・])")
_ROMAN = re.compile(
    r"(?<![A-Za-z0-9@._\-/'])[A-Z][A-Za-z'\-]+(?:,? [A-Z][A-Za-z'\-]*\.?){1,4}(?![A-Za-z0-9@_/])"
)
_ROMAN_WORDS = r"[A-Z][A-Za-z'\-]+(?:,? [A-Z][A-Za-z'\-]+){0,4}"
_ROMAN_AFTER = re.compile(rf"(?<![A-Za-z])(?:Mr|Ms|Mrs|Miss|Dr|Prof)\.? (?P<name>{_ROMAN_WORDS})")
_ROMAN_BEFORE = re.compile(rf"(?<![A-Za-z0-9.@/'\-])(?P<name>{_ROMAN_WORDS}) ?(?:さん|様|氏|くん|ちゃん)")
_BRACKET = re.compile(r" ?[(「] ?(?P<kana>[ぁ-ゖァ-ヺー][ぁ-ゖァ-ヺー ・]{1,18})[)」]")
_CHILD = re.compile(r"(?P<name>[ぁ-ゖー]{2,4})(?:くん|ちゃん)")
_PARTICLES = tuple("とやはがのもに、")
_COMMON = frozenset({"noun", "place", "proper"})


def katakana_names(page: Page) -> Iterator[Hit]:
    """Katakana words joined by ・ or a space, one of which is known as a name."""
    for match in _KATAKANA.finditer(page.text):
        readings = [page.readings(part) for part in re.split("[ ・=]", match.group())]
        japanese = all(found & {"surname", "given"} for found in readings)
        if japanese or _foreign(readings):
            yield Hit(*match.span(), 0.7, "dictionary")


def _foreign(readings: list[frozenset[Kind]]) -> bool:
    """カール・クリングラー: some part is a name, none is only a common word, the last is none at all."""
    if any(found & _COMMON and not found & NAME_KINDS for found in readings) or readings[-1] & _COMMON:
        return False
    return any(found & NAME_KINDS for found in readings)


def roman_names(page: Page) -> Iterator[Hit]:
    """Two and more capitalised words that are names, or any with Mr. or さん."""
    for match in _ROMAN.finditer(page.text):
        if roman_name(page, match.group()):
            yield Hit(*match.span(), 0.7, "dictionary")
    for pattern in (_ROMAN_AFTER, _ROMAN_BEFORE):
        for match in pattern.finditer(page.text):
            yield Hit(*match.span("name"), 0.8, "context")


def children(page: Page) -> Iterator[Hit]:
    """A child's name in hiragana, which no dictionary can tell from its neighbours: ゆうとくん."""
    text = page.text
    for match in _CHILD.finditer(text):
        for begin in range(match.start("name"), match.end("name") - 1):
            before = text[begin - 1 : begin]
            name = text[begin : match.end("name")]
            opens = not before or not ("ぁ" <= before <= "ゖ") or before in _PARTICLES
            if opens and name not in NOT_NAMES and name[0] not in "おをんっー":
                yield Hit(begin, match.end("name"), 0.6, "context")
                break


def furigana(page: Page, hit: Hit) -> Iterator[Hit]:
    """The reading in brackets after a name: 山田太郎(やまだたろう)."""
    match = _BRACKET.match(page.text, hit.end)
    if match is not None:
        yield Hit(*match.span("kana"), hit.score, "context")
