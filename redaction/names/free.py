"""Words that stand free: 山田 in 山田は and 山田課長, not in 山田町, 旧山田 or 山田電機. Pure functions."""

from collections.abc import Iterator

from redaction.names.words import AFTER_A_NAME, BEFORE_A_NAME
from redaction.page import Page, Token

_PARTS = frozenset({"surname", "given", "person", "place", "proper", "noun", "prefix", "suffix"})
_NOMINAL = frozenset({"surname", "given", "person", "place", "proper", "noun"})


def free_words(page: Page) -> Iterator[tuple[int, int]]:
    """Where a word of one to three characters begins and ends that could be a name and stands free, or two
    words of one character: 希空 is 希 and 空 for the dictionary."""
    last = None
    for index, token in enumerate(page.words):
        size = token.end - token.begin
        if size > 3 or token.kind not in _PARTS:
            last = None
            continue
        if token.kind in _NOMINAL and stands_free(page, index, index):
            yield token.begin, token.end
        one = size == 1
        if one and last is not None and last.end == token.begin and stands_free(page, index - 1, index):
            yield last.begin, token.end
        last = token if one else None


def stands_free(page: Page, first: int, last: int) -> bool:
    """Whether words ``first`` to ``last`` are neither begun nor continued by their neighbours."""
    return not _joined_before(page, first) and not _joined_after(page, last)


def _joined_before(page: Page, index: int) -> bool:
    if index == 0:
        return False
    token = page.words[index - 1]
    if token.kind == "prefix":
        return True
    if not _solid(token):
        return False
    return token.kind in ("noun", "place", "proper", "number") and not token.text.endswith(BEFORE_A_NAME)


def _joined_after(page: Page, index: int) -> bool:
    if index + 1 >= len(page.words):
        return False
    token = page.words[index + 1]
    if not _solid(token) or token.kind in ("particle", "auxiliary", "symbol", "verb", "adjective", "pronoun"):
        return False
    return not page.text.startswith(AFTER_A_NAME, token.begin)


def _solid(token: Token) -> bool:
    """Begins or ends in kanji or katakana: such words grow together without a sign between them."""
    letter = token.text[:1]
    return "ァ" <= letter <= "ヺ" or "㐀" <= letter <= "鿿" or letter == "ー"
