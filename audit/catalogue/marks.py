"""What an exchange is, told in the way of its words: both are then found in one look. Pure.

    section 道路課 → 25dcb        (the column, and 16 bits of a sum of the value)

A word is most often asked within a section or of a person, and each of the two alone has too many rows. A mark stands
beside the pairs of a text (catalogue/grams.py) and only narrows: two values may have the same, and the card is asked
what it says. Only of what a question never changes once it was entered.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any
from zlib import crc32

MARKED = ("person", "department", "section", "tool", "model", "category")
"""The columns of a card that have marks."""


def marks(value_of: Callable[[str], Any]) -> Iterator[str]:
    """The marks of what has these values in its columns; none where it has none."""
    for place, name in enumerate(MARKED):
        if (value := value_of(name)) is not None:
            yield _mark(place, value)


@lru_cache(4_096)
def _mark(place: int, value: str) -> str:
    """Five hexadecimal digits: no pair of characters is so long."""
    return f"{place}{crc32(value.encode('utf-8', 'surrogatepass')) & 0xFFFF:04x}"
