"""The shape of a name: does a run of words look like somebody's name? Pure functions.

Judges words only; what stands around them is judged by the rules in the files beside this one.
"""

import re
from typing import NamedTuple

from redaction.names.roles import WORK
from redaction.names.romaji import LETTER, roman_name
from redaction.names.surnames import FREQUENT
from redaction.names.words import HONORIFICS, LABELS, NOT_NAMES, NOT_SURNAMES, NOT_VALUES, RELATIVES, TITLES
from redaction.page import Page, Token

NAME_KINDS = frozenset({"surname", "given", "person"})
_KANJI = re.compile(r"[㐀-鿿々〆ヶヵノ豈-﫿\U00020000-\U0003134f]+")
_KANA = re.compile(r"[ぁ-ゖァ-ヺー・]+")
_KATAKANA = re.compile(r"[ァ-ヺー]+")
_LATIN = re.compile(rf"[{LETTER}][{LETTER}'\-.]*")
_LETTERS = re.compile(r"[㐀-鿿々〆ぁ-ゖァ-ヺー豈-﫿\U00020000-\U0003134f]+")
_NOT_PARTS = NOT_NAMES | RELATIVES | frozenset(LABELS) | frozenset(TITLES) | frozenset(WORK)
_NOT_IN_NAMES = frozenset({"verb", "particle", "auxiliary", "symbol", "number"})
_GLUE = re.compile(r"[ ・=]")
LONGEST = 24
"""Characters of the longest name that is believed (foreign residents' names are long)."""


class Span(NamedTuple):
    """Words ``first`` to ``last`` of a page, both included."""

    first: int
    last: int


def is_kanji(text: str) -> bool:
    return _KANJI.fullmatch(text) is not None


def is_katakana(text: str) -> bool:
    return _KATAKANA.fullmatch(text) is not None


def is_letters(text: str) -> bool:
    """Kanji and kana only."""
    return _LETTERS.fullmatch(text) is not None


def may_be_surname(page: Page, token: Token) -> bool:
    """Read as a surname, or a surname by another reading of the dictionary."""
    if token.kind == "surname":
        return True
    return token.text not in NOT_NAMES and ("surname" in page.readings(token.text) or token.text in FREQUENT)


def may_be_given(page: Page, token: Token) -> bool:
    """Read as a given name, or one by another reading, or a short word no dictionary knows."""
    if token.kind in ("given", "person"):
        return True
    if token.text in NOT_NAMES or not is_letters(token.text):
        return False
    return bool(page.readings(token.text) & {"given", "person"}) or (token.unknown and len(token.text) <= 4)


def is_honorific(token: Token) -> bool:
    return token.text in HONORIFICS


def ends_in_a_title(text: str) -> str:
    """The title a piece of text ends in, or "": 東係長 gives 係長."""
    if not text.endswith(TITLES):
        return ""
    return next(title for title in TITLES if text.endswith(title))


def back_from(page: Page, last: int) -> int:
    """The first word of the name that ends with word ``last``, which is known to be one.

    Goes left over a given name to its surname, over katakana joined by ・ and over one space between
    surname and given name.
    """
    words, first = page.words, last
    while first > 0 and (first == last or words[first].kind != "surname" or is_katakana(words[first].text)):
        step = _step(page, first)
        if step == first or words[last].end - words[step].begin > LONGEST:
            break
        first = step
    return first


def _step(page: Page, first: int) -> int:
    words = page.words
    here, before = words[first], words[first - 1]
    if _GLUE.fullmatch(before.text) and first >= 2:
        beyond = words[first - 2]
        if before.text != " " and _KANA.fullmatch(here.text) and is_katakana(beyond.text):
            return first - 2
        if before.text == " " and _pair(page, beyond, here):
            return first - 2
        return first
    if before.end == here.begin and before.kind == "surname" and here.kind != "surname":
        return first - 1
    if here.kind == "given" and before.text not in NOT_NAMES and may_be_surname(page, before):
        return first - 1
    return first


def _pair(page: Page, surname: Token, given: Token) -> bool:
    """Two words with a space between are surname and given name."""
    if surname.text in HONORIFICS or surname.text in NOT_NAMES or not is_letters(surname.text):
        return False
    if is_katakana(surname.text) != is_katakana(given.text) and is_katakana(surname.text):
        return False
    return may_be_surname(page, surname) or surname.kind in NAME_KINDS


def value_at(page: Page, begin: int, end: int) -> tuple[int, int] | None:
    """The name that fills characters ``begin`` to ``end`` of the text, titles and honorifics left
    outside, or ``None`` when it is not shaped as a name. For labels, cells and lines, where a name is
    expected and only its look has to be right."""
    text = page.text[begin:end]
    left = len(text) - len(text.lstrip())
    core = text.strip()
    while core:
        shorter = _without_tail(core)
        if shorter == core:
            break
        core = shorter
    begin += left
    if not core or len(core) > LONGEST or core in NOT_NAMES:
        return None
    return (begin, begin + len(core)) if _plausible(page, core, begin) else None


def _without_tail(core: str) -> str:
    for tail in HONORIFICS:
        if core.endswith(tail) and len(core) > len(tail):
            return core[: -len(tail)].rstrip()
    title = ends_in_a_title(core)
    return core[: -len(title)].rstrip() if title and len(core) > len(title) else core


def _plausible(page: Page, core: str, begin: int) -> bool:
    if _LATIN.match(core):
        return roman_name(page, core, expected=True)
    parts = _GLUE.split(core)
    if not all(is_letters(part) for part in parts) or len(parts) > 5 or core.endswith(NOT_VALUES):
        return False
    if all(_KANA.fullmatch(part) for part in parts):
        return _plausible_kana(page, parts)
    if len(core) > 8 or any(part in _NOT_PARTS and part not in FREQUENT for part in parts):
        return False
    return _plausible_kanji(page, core, parts, begin)


def _plausible_kana(page: Page, parts: list[str]) -> bool:
    readings = [page.readings(part) for part in parts]
    if any(found & NAME_KINDS for found in readings):
        return True
    return all(not found for found in readings) and 2 <= len("".join(parts)) <= LONGEST


def _plausible_kanji(page: Page, core: str, parts: list[str], begin: int) -> bool:
    if parts[0] in FREQUENT or "surname" in page.readings(parts[0]):
        return len(parts) <= 2
    words = [word for word in page.words_between(begin, begin + len(core)) if word.kind != "space"]
    if len(parts) == 1 and any(word.kind in _NOT_IN_NAMES and not word.unknown for word in words):
        return False
    if any(word.kind in NAME_KINDS for word in words):
        return True
    if len(parts) == 2 and len(parts[0]) <= 3 and len(parts[1]) <= 4 and any(word.unknown for word in words):
        return True
    return _splits(page, core) or any(word.unknown for word in words)


def _splits(page: Page, core: str) -> bool:
    """A surname of the dictionary and at most three more kanji: 東翔空."""
    for length in (3, 2, 1):
        head, rest = core[:length], core[length:]
        known = head in FREQUENT or "surname" in page.readings(head)
        if not known or not 1 <= len(rest) <= 3 or head in NOT_SURNAMES:
            continue
        meant = page.readings(rest)
        if not meant or "given" in meant or (len(core) <= 4 and not page.readings(core)):
            return True
    return False
