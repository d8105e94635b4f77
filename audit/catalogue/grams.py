"""Texts cut into pairs of neighbouring characters, so that a word of two characters finds them. Pure.

    高槻市のIT → 高槻 槻市 市の のi it        (NFKC, case folded: ＩＴ and it are one spelling)

Japanese is written without spaces, so that there are no words to index; any substring from two characters on is a row
of pairs. A text that holds every pair of a word most often holds the word; `holds` says so for sure.
"""

import json
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

FEWEST = 2
"""Characters of a word that can be looked for."""


def folded(text: str) -> str:
    """One spelling of what is only written differently; a run of spaces and line ends is one space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def grams(text: str) -> set[str]:
    """The pairs of a text that was folded; none reaches over a space."""
    return {one + other for one, other in pairwise(text) if one != " " and other != " "}


def holds(text: str, word: str) -> bool:
    """Whether a text, as it is kept, holds a folded word."""
    return word in folded(spoken(text))


def spoken(text: str) -> str:
    """Every string in a text as the ledger keeps it, which is JSON; its names and numbers are nobody's words."""
    try:
        return "\n".join(_strings(json.loads(text)))
    except (ValueError, RecursionError):
        return text


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _strings(item)
        case dict():
            for item in value.values():
                yield from _strings(item)
