"""Features: what the tagger sees of each word of a page, as row numbers of one embedding table.

Pure functions. Nothing is remembered between pages: what was looked up may be somebody's name.

Editing this file makes every trained model wrong; raise ``VERSION``, train again.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING
from zlib import crc32

from redaction.columns import columns
from redaction.names.past import HISTORY
from redaction.names.surnames import FREQUENT
from redaction.page import Page, Token

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VERSION = 5
"""Written into a model and compared when it is read."""

SURFACES, LETTERS, HEADINGS, OPENINGS = 8192, 4096, 512, 512
_KINDS = (
    "surname", "given", "person", "place", "proper", "noun", "number", "suffix", "prefix", "pronoun",
    "verb", "adjective", "particle", "auxiliary", "symbol", "space", "other",
)  # fmt: skip
_KIND = {kind: index for index, kind in enumerate(_KINDS)}
_LOOKED_UP = frozenset(_KINDS) - {"number", "particle", "auxiliary", "symbol", "space"}
_LONGEST_LOOKED_UP = 6
_BITS = {"surname": 1, "given": 2, "person": 4, "place": 8}
_OTHER_BIT, _NONE_BIT, _FREQUENT_BIT = 16, 32, 64
_SHAPES, _SIZES = 10, 6

_COLUMNS = (
    SURFACES,  # the word, hashed
    LETTERS,  # its first character
    LETTERS,  # its last character
    2 * len(_KINDS),  # what it is here, and whether the dictionary knows it
    _SHAPES * _SIZES,  # scripts and length
    128,  # what else it may be
    OPENINGS,  # the first word of its line, hashed: a form says there what follows
    HEADINGS,  # the heading of its table cell, hashed; 0: none
    12,  # whether its cell begins (1) or ends (2) with it; whether the page tells of history
)
_OPENING, _HEADING, _EDGE = len(_COLUMNS) - 3, len(_COLUMNS) - 2, len(_COLUMNS) - 1
_OF_A_WORD = _OPENING
"""The columns before this one depend on the word alone; those from it on, on where it stands."""
OFFSETS = tuple(sum(_COLUMNS[:index]) for index in range(len(_COLUMNS)))
ROWS = sum(_COLUMNS)
"""Rows of the embedding table."""

_DIGITS = re.compile("[0-9]")
_KANJI = re.compile(r"[㐀-鿿々〆豈-﫿\U00020000-\U0003134f]+")
_SCRIPTS = (
    (1, _KANJI),
    (2, re.compile(r"[ァ-ヺー]+")),
    (3, re.compile(r"[ぁ-ゖー]+")),
    (4, re.compile(r"[0-9]+")),
    (5, re.compile(r"[A-Z][A-Z]+")),
    (6, re.compile(r"[A-Z][a-zÀ-ɏ]*")),
    (7, re.compile(r"[a-zÀ-ɏ]+")),
    (8, re.compile(r"[㐀-鿿々ぁ-ゖァ-ヺー]+")),
)


Row = tuple[int, ...]
Common = dict[tuple[str, str], Row | None]


def features(page: Page, common: Common | None = None) -> NDArray[np.int32]:
    """Row numbers of the embedding table, shape (words, columns).

    ``common`` are usual words; their rows are filled in once and kept. No other word is kept.
    """
    import numpy as np

    common = {} if common is None else common
    seen: dict[tuple[str, str], Row] = {}
    rows: list[Row] = []
    for token in page.words:
        # A word nobody knows is always of the same kind: text and kind say everything.
        known = token[0], token[3]
        row = common.get(known)
        if row is None:
            row = seen.get(known)
            if row is None:
                row = _word(page, token)
                (common if known in common else seen)[known] = row
        rows.append(row)
    table = np.zeros((len(rows), len(_COLUMNS)), dtype=np.int32)
    if rows:
        table[:, :_OF_A_WORD] = rows
    history = min(len(set(HISTORY.findall(page.text))), 2)
    table[:, _OPENING] = _openings(page.words)
    table[:, _HEADING] = OFFSETS[_HEADING]
    _cells(page, table)
    table[:, _EDGE] += OFFSETS[_EDGE] + 4 * history
    return table


def _word(page: Page, token: Token) -> Row:
    text = token.text
    plain = _DIGITS.sub("0", text)  # a number is known by its length
    first, last = ord(text[0]) % LETTERS, ord(text[-1]) % LETTERS
    return (
        OFFSETS[0] + crc32(plain.encode("utf-8", "replace")) % SURFACES,
        OFFSETS[1] + first,
        OFFSETS[2] + last,
        OFFSETS[3] + 2 * _KIND[token.kind] + token.unknown,
        OFFSETS[4] + _SIZES * _shape(text) + min(len(text), _SIZES) - 1,
        OFFSETS[5] + _readings(page, token),
    )


def _shape(text: str) -> int:
    for number, script in _SCRIPTS:
        if script.fullmatch(text):
            return number
    # A letter of another alphabet is letters too; signs and spaces are shape 0.
    return 9 if unicodedata.category(text[0])[0] == "L" else 0


def _readings(page: Page, token: Token) -> int:
    if token.kind not in _LOOKED_UP or len(token.text) > _LONGEST_LOOKED_UP:
        return 0
    bits = 0
    for kind in page.readings(token.text):
        bits |= _BITS.get(kind, _OTHER_BIT)
    return (bits or _NONE_BIT) | (_FREQUENT_BIT if token.text in FREQUENT else 0)


def _openings(words: Sequence[Token]) -> list[int]:
    openings: list[int] = []
    opening = 0
    for token in words:
        if "\n" in token.text:
            opening = 0
        elif not opening and token.kind not in ("symbol", "space", "number"):
            opening = 1 + crc32(_DIGITS.sub("0", token.text).encode("utf-8", "replace")) % (OPENINGS - 1)
        openings.append(OFFSETS[_OPENING] + opening)
    return openings


def _cells(page: Page, table: NDArray[np.int32]) -> None:
    begins = page.begins
    for cell in columns(page):
        first = bisect_right(begins, cell.begin) - 1
        last = bisect_right(begins, cell.end - 1)
        if 0 <= first < last:
            heading = crc32(cell.heading.encode("utf-8", "replace")) % (HEADINGS - 1)
            table[first:last, _HEADING] = OFFSETS[_HEADING] + 1 + heading
            table[first, _EDGE] |= 1
            table[last - 1, _EDGE] |= 2
