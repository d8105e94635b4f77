"""Features: what the tagger sees of each word of a page, as row numbers of one embedding table.

Pure functions. Nothing is remembered between pages: what was looked up may be somebody's name.

Editing this file makes every trained model wrong; raise ``VERSION``, train again.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from typing import TYPE_CHECKING
from zlib import crc32

from redaction.names.surnames import FREQUENT
from redaction.page import Page, Token

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VERSION = 4
"""Written into a model and compared when it is read."""

SURFACES, LETTERS, HEADINGS = 8192, 4096, 256
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
    HEADINGS,  # the heading of its table cell, hashed; 0: none
    12,  # whether its cell begins or ends with it; whether the page tells of history
)
OFFSETS = tuple(sum(_COLUMNS[:index]) for index in range(len(_COLUMNS)))
ROWS = sum(_COLUMNS)
"""Rows of the embedding table."""

_DIGITS = re.compile("[0-9]")
HISTORY = re.compile(
    "戦国|江戸|室町|鎌倉|平安時代|奈良時代|安土桃山|南北朝|武将|大名|[藩城]主|藩士|将軍|幕府|朝臣|天皇|親王|皇[子女后]"
    "|公家|幕末|旗本|家老|古墳時代|飛鳥時代|紀元前|世紀|(?<![0-9])1[0-8][0-9]{2}年|(?<![0-9])[3-9][0-9]{2}年"
)
"""Words of a text about the past: its persons are nobody's personal data."""
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
        table[:, :-2] = rows
    history = min(len(set(HISTORY.findall(page.text))), 2)
    table[:, -2] = OFFSETS[-2]
    table[:, -1] = OFFSETS[-1] + 4 * history
    _cells(page, table)
    return table


def _word(page: Page, token: Token) -> Row:
    text = token.text
    plain = _DIGITS.sub("0", text) if text[0].isdigit() else text
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


def _cells(page: Page, table: NDArray[np.int32]) -> None:
    begins = page.begins
    for cell in page.cells:
        first = bisect_right(begins, cell.begin) - 1
        last = bisect_right(begins, cell.end - 1)
        if 0 <= first < last:
            heading = crc32(cell.heading.encode("utf-8", "replace")) % (HEADINGS - 1)
            table[first:last, -2] = OFFSETS[-2] + 1 + heading
            table[first, -1] += 1
            table[last - 1, -1] += 2
