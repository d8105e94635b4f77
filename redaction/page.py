"""A page: one text as the recognisers read it, folded, in words, with the cells of its tables.

Plain values; knows neither Presidio nor SudachiPy. The rules of ``names`` and ``addresses`` look at a
page and answer with hits.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Literal, NamedTuple

from redaction.folding import Folded
from redaction.model import Evidence
from redaction.tables import Cell

Kind = Literal[
    "surname", "given", "person", "place", "proper", "noun", "number", "suffix", "prefix", "pronoun",
    "verb", "adjective", "particle", "auxiliary", "symbol", "space", "other",
]  # fmt: skip
"""What a word is, as far as this room cares. "person" is a 人名 that is neither surname nor given."""

Readings = Callable[[str], frozenset[Kind]]


class Token(NamedTuple):
    """One word: characters ``begin`` to ``end`` of the folded text, ``text`` in its modern spelling.

    A NamedTuple because there are hundreds per thousand characters, and it is built three times as
    quickly as a dataclass.
    """

    text: str
    begin: int
    end: int
    kind: Kind
    unknown: bool


class Hit(NamedTuple):
    """Characters ``start`` to ``end`` of the folded text, a score of 0.0 to 1.0, and why."""

    start: int
    end: int
    score: float
    evidence: Evidence


class Page:
    """One text read. ``words`` cover it in order; ``cells`` are sorted by place."""

    def __init__(self, folded: Folded, words: Sequence[Token], cells: Sequence[Cell],
                 readings: Readings) -> None:  # fmt: skip
        self.folded = folded
        self.text = folded.text
        self.words = words
        self.cells = cells
        self._readings = readings
        self._read: dict[str, frozenset[Kind]] = {}  # as long as the page, no longer

    @cached_property
    def at_end(self) -> dict[int, int]:
        """Index of the word that ends at a character."""
        return {token.end: index for index, token in enumerate(self.words)}

    @cached_property
    def begins(self) -> list[int]:
        """Where each word begins."""
        return [token.begin for token in self.words]

    def words_between(self, begin: int, end: int) -> Sequence[Token]:
        """The words that lie wholly within characters ``begin`` to ``end``."""
        first, last = bisect_left(self.begins, begin), bisect_left(self.begins, end)
        return [token for token in self.words[first:last] if token.end <= end]

    def readings(self, word: str) -> frozenset[Kind]:
        """What a word may be by the dictionary, whatever it was read as here."""
        known = self._read.get(word)
        if known is None:
            known = self._read[word] = self._readings(word)
        return known
