"""Texts cut into pairs of neighbouring characters, so that a word of two characters finds them. Pure.

    高槻市のIT → 高槻 槻市 市の のi it        (NFKC, case folded: ＩＴ and it are one spelling)

Japanese is written without spaces, so that there are no words to index; any substring from two characters on is a row
of pairs. A text that holds every pair of a word most often holds the word; `holds` says so for sure.
"""

import json
import re
import unicodedata
from operator import add
from typing import Any

FEWEST = 2
"""Characters of a word that can be looked for."""

_UNSEEN = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
"""Nobody reads them, and no store keeps all of them in a text; as a space they part what stands beside them."""


def folded(text: str) -> str:
    """One spelling of what is only written differently; a run of spaces and line ends is one space."""
    return " ".join(_UNSEEN.sub(" ", unicodedata.normalize("NFKC", text).casefold()).split())


def grams(text: str) -> set[str]:
    """The pairs of a text that was folded; none reaches over a space."""
    pairs: set[str] = set()
    for part in text.split(" "):
        pairs.update(map(add, part, part[1:]))
    return pairs


def is_sure(word: str) -> bool:
    """Whether a text that has every pair of a folded word holds the word: of a single pair, where no store folds its
    characters into fewer bits."""
    return len(word) == FEWEST and max(word) < "\U00010000"


def holds(text: str, word: str) -> bool:
    """Whether a text, as it is kept, holds a folded word."""
    return word in folded(spoken(text))


def spoken(text: str) -> str:
    """Every string in a text as the ledger keeps it, which is JSON; its names and numbers are nobody's words."""
    try:
        return said_in(json.loads(text))
    except (ValueError, RecursionError):
        return text


def said_in(value: Any) -> str:
    """Every string in a value of JSON, a line each."""
    said: list[str] = []
    _gather(value, said)
    return "\n".join(said)


def _gather(value: Any, said: list[str]) -> None:
    if isinstance(value, str):
        said.append(value)
    elif isinstance(value, list):
        for item in value:
            _gather(item, said)
    elif isinstance(value, dict):
        for item in value.values():
            _gather(item, said)
