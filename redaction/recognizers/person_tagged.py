"""Names of persons once more, by the trained tagger of ``redaction/tagger``: names that no rule foresaw,
known by the words around them. One opinion beside the rules of ``person.py``.
"""

import re
from collections.abc import Iterable

from redaction.names.words import HISTORIC, NOT_NAMES, TOWNS
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer
from redaction.tagger.tagger import network, tagged

BELIEVED = 0.8
"""Probability that is believed by default: it gets the score 0.35, which is the detector's threshold.
Chosen on held-out documents; the table is in the README of the tagger."""

_SURE = 0.9
_LATIN = re.compile("[A-Za-z_]")
_FULL_LATIN = re.compile(
    r"(?:[A-Z][a-zÀ-ɏ'\-]+|[A-Z][A-Z'\-]+)(?: (?:[A-Z][a-zÀ-ɏ'\-]+|[A-Z][A-Z'\-]+)){1,3}"
)
"""Names in Latin letters are believed in full only: a program is full of single words."""

_COUNTS = 0.35
_WORTH_TELLING = 0.1


class TaggedPersonRecognizer(Recognizer):
    """加古 in 「参加:加古、大」, 檜垣 in 「決裁:檜垣→所長」."""

    kind = "PERSON"
    ja = "氏名"

    def load(self) -> None:
        """Read the model (about 1 MB, some milliseconds)."""
        network()

    def find(self, page: Page) -> Iterable[Hit]:
        for start, end, probability in tagged(page, network(), _WORTH_TELLING):
            if may_be_a_name(page.text[start:end], probability):
                yield Hit(start, end, score(probability), "context")


def may_be_a_name(text: str, probability: float) -> bool:
    """Whether a text with this probability is believed as far as its own look goes: what is a program's
    word, a town of the city or a person of history as a rule has to be surer, or is left to the rules."""
    if _LATIN.match(text):
        return probability >= _SURE and _FULL_LATIN.fullmatch(text) is not None
    if text in TOWNS and probability < _SURE:
        return False
    return text not in NOT_NAMES and not any(text[:size] in HISTORIC for size in (len(text), 5, 4, 3))


def score(probability: float) -> float:
    """0.35 for what is just believed, 0.95 at most: rules that see a title are surer still."""
    if probability < BELIEVED:
        return _COUNTS * probability / BELIEVED
    return _COUNTS + (0.95 - _COUNTS) * (probability - BELIEVED) / (1.0 - BELIEVED)
