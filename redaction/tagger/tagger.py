"""The tagger: names that the trained model believes in, as spans with a probability.

Reads the model file at first use. Judges words; what is around a name the model has learned to see.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from redaction.page import Page
from redaction.tagger.network import Network, read

if TYPE_CHECKING:
    from redaction.tagger.network import Floats

MODEL = Path(__file__).parent / "model" / "names.npz"

_NEVER_ALONE = frozenset({"symbol", "space", "particle", "auxiliary", "number"})
"""What a name neither begins nor ends with, and is not made of alone."""


class Tagged(NamedTuple):
    """Characters ``start`` to ``end`` are a name with ``probability``, 0.0 to 1.0."""

    start: int
    end: int
    probability: float


def tagged(page: Page, network: Network, least: float) -> list[Tagged]:
    """Runs of words each of which is in a name with probability ``least`` or more; the surest word
    of a run speaks for it. A name that is surer elsewhere on the page is surer here too."""
    from redaction.tagger.features import features

    words = page.words
    if not words:
        return []
    probabilities = network.probabilities(features(page, network.common))
    inside = 1.0 - probabilities[:, 0]
    begins = probabilities[:, 1] > probabilities[:, 2]
    runs: list[list[int]] = []
    last = -2
    for index in (inside >= least).nonzero()[0].tolist():
        if index == last + 1 and not begins[index]:
            runs[-1].append(index)
        else:
            runs.append([index])
        last = index
    return _remembered(page, [name for run in runs for name in _name(page, run, inside)])


def _name(page: Page, run: list[int], inside: "Floats") -> Iterator[Tagged]:
    words = page.words
    while run and words[run[0]].kind in _NEVER_ALONE:
        run = run[1:]
    while run and words[run[-1]].kind in _NEVER_ALONE:
        run = run[:-1]
    if run:
        surest = max(float(inside[index]) for index in run)
        yield Tagged(words[run[0]].begin, words[run[-1]].end, surest)


def _remembered(page: Page, names: list[Tagged]) -> list[Tagged]:
    """Between what is believed of a name here and what is believed of it at its surest place."""
    best: dict[str, float] = {}
    for start, end, probability in names:
        text = page.text[start:end]
        best[text] = max(best.get(text, 0.0), probability)
    return [
        Tagged(start, end, (probability * best[page.text[start:end]]) ** 0.5)
        for start, end, probability in names
    ]


@cache
def network() -> Network:
    """The model that is shipped. Raises OSError or ValueError."""
    return read(MODEL)
