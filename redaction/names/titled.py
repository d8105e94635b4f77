"""Names before an honorific or a title: 東係長, 髙﨑さん, グエン・ヴァン・アンさん. Pure functions."""

import re
from collections.abc import Iterator

from redaction.names.shape import (
    NAME_KINDS,
    back_from,
    is_honorific,
    is_kanji,
    is_katakana,
    is_letters,
    may_be_given,
    may_be_surname,
)
from redaction.names.surnames import FREQUENT
from redaction.names.words import BEFORE_A_NAME, FACILITIES, NOT_NAMES, NOT_SURNAMES, PLACE_TITLES, TITLES
from redaction.page import Hit, Page, Token

_TITLE = re.compile("|".join(map(re.escape, TITLES)))
_KANJI = re.compile(r"[㐀-鿿]")
_TAILS = re.compile(r"^(?:様|殿|さん|氏|ら|達|兼|補佐|代理|級|職|候補)")
_UNLIKELY = frozenset(
    {"place", "noun", "proper", "adjective", "pronoun", "verb", "other", "suffix", "prefix", "number"}
)
_SHOP = re.compile(r".*[屋店]$")


def titled(page: Page) -> Iterator[Hit]:
    """Every name that ends where an honorific or a title begins."""
    for index, token in enumerate(page.words):
        if is_honorific(token) and index:
            yield from _before_honorific(page, index)
    for match in _TITLE.finditer(page.text):
        yield from _before_title(page, match.start(), match.end(), match.group())


def _before_honorific(page: Page, index: int) -> Iterator[Hit]:
    last = index - 1
    token = page.words[last]
    if token.text == " " and last:
        last -= 1  # OCR and forms: 山田太郎 様
        token = page.words[last]
    first = _name_ending(page, last)
    if first is not None:
        score = 0.95 if token.kind in NAME_KINDS or token.text in FREQUENT else 0.85
        yield Hit(page.words[first].begin, token.end, score, "context")


def _name_ending(page: Page, last: int) -> int | None:
    """First word of the name that ends with word ``last``; ``None`` when it ends no name."""
    token = page.words[last]
    if not is_letters(token.text) or token.text in NOT_NAMES:
        return None
    if is_katakana(token.text):
        return _katakana_ending(page, last)
    if token.kind in NAME_KINDS:
        return None if _a_shop(token) else _checked(page, back_from(page, last))
    return _uncommon_ending(page, last) if token.kind in _UNLIKELY else None


def _a_shop(token: Token) -> bool:
    return _SHOP.match(token.text) is not None and token.text not in FREQUENT


def _checked(page: Page, first: int) -> int | None:
    """お父さん: what a prefix o- begins is no name."""
    before = page.words[first - 1] if first else None
    if before is not None and before.kind == "prefix" and before.text in ("お", "ご", "御"):
        return None
    return first


def _katakana_ending(page: Page, last: int) -> int | None:
    first = back_from(page, last)
    words = page.words[first : last + 1]
    if any(word.kind in NAME_KINDS or word.unknown for word in words) and words[0].text not in NOT_NAMES:
        return first
    return first if page.readings(words[-1].text) & NAME_KINDS and len(words[-1].text) > 1 else None


def _uncommon_ending(page: Page, last: int) -> int | None:
    """A word that was not read as a name: 東, 林, a surname with a given name nobody foresaw."""
    token = page.words[last]
    for length in (2, 3, 1):
        joined = _joined(page, last, length)
        if joined is not None and page.readings(joined) & NAME_KINDS and joined not in NOT_NAMES:
            first = last - length + 1
            if length == 1 and _a_shop(token):
                continue
            opens = _opens(page, first)
            return _checked(page, back_from(page, first)) if opens else _surname_left(page, last)
    left = _surname_left(page, last)
    if left is not None:
        return left
    return last if token.unknown and is_kanji(token.text) and len(token.text) <= 5 else None


def _joined(page: Page, last: int, length: int) -> str | None:
    """The text of ``length`` words that end with word ``last``, when they are short and touch."""
    first = last - length + 1
    if first < 0:
        return None
    words = page.words[first : last + 1]
    text = "".join(word.text for word in words)
    return text if len(text) <= 4 and is_letters(text) else None


def _opens(page: Page, first: int) -> bool:
    """A word that is also an ordinary one begins a name only where nothing touches it from the left."""
    if first == 0:
        return True
    before = page.words[first - 1]
    if before.kind in ("particle", "auxiliary", "symbol", "space", "surname", "given", "verb", "other"):
        return True
    return before.text.endswith(BEFORE_A_NAME)


def _surname_left(page: Page, last: int) -> int | None:
    """The surname some short words to the left, when word ``last`` may end a given name: 田中翔空."""
    for back in range(1, 5):
        at = last - back
        if at < 0:
            return None
        word = page.words[at]
        given = page.text[page.words[at + 1].begin : page.words[last].end].strip()
        if not 1 <= len(given) <= 4 or given.startswith(FACILITIES):
            return None
        if word.kind == "surname" or (word.text in FREQUENT and word.kind != "noun"):
            return at
        apart = back == 2 and page.words[at + 1].text == " "
        if apart and word.kind == "place" and may_be_surname(page, word):
            return at  # 髙﨑 凜
        if word.kind in ("particle", "auxiliary", "symbol") and not word.unknown:
            return None
    return None


def _before_title(page: Page, begin: int, end: int, title: str) -> Iterator[Hit]:
    if begin == 0 or begin not in page.at_end:
        return
    after = page.text[end : end + 3]
    if _KANJI.match(after) and not _TAILS.match(after):
        return  # 部長会議, 会長選挙
    last = page.at_end[begin]
    if page.words[last].text == " " and last:
        last -= 1
    token = page.words[last]
    if token.text in NOT_NAMES or not is_letters(token.text) or is_honorific(token):
        return
    if title in PLACE_TITLES and not _sure_before_place_title(page, last):
        return
    first = _holder(page, last)
    if first is not None:
        yield Hit(page.words[first].begin, token.end, 0.9 if token.kind in NAME_KINDS else 0.75, "context")


def _sure_before_place_title(page: Page, last: int) -> bool:
    token = page.words[last]
    if token.text in NOT_SURNAMES:
        return False
    if "place" in page.readings(token.text) and token.text not in FREQUENT:
        return False
    return token.kind in ("surname", "given")


def _holder(page: Page, last: int) -> int | None:
    """First word of the name of the holder of a title; surnames, alone or with a given name."""
    token = page.words[last]
    if token.kind in NAME_KINDS:
        first = back_from(page, last)
        return first if _opens(page, first) or token.text in FREQUENT else None
    if is_katakana(token.text):
        return None
    for length in (1, 2, 3):
        joined = _joined(page, last, length)
        first = last - length + 1
        if joined and joined not in NOT_NAMES and ("surname" in page.readings(joined) or joined in FREQUENT):
            if _opens(page, first):
                return back_from(page, first)
            break
    if may_be_given(page, token) or token.unknown:
        return _surname_left(page, last)
    return _surname_left(page, last) if may_be_surname(page, page.words[max(0, last - 1)]) else None
