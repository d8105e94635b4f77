"""Examples: marked texts as the network is taught them, rows of words and a label for each. Training only."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from redaction.names.past import HISTORY
from redaction.page import Page
from redaction.tagger.features import features
from redaction.tagger.training.names import Names
from redaction.tagger.training.swaps import PERSON, Facts, Marked, spaced, swapped
from redaction.wordlist import words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from redaction.nlp import SudachiEngine

KINDS = words("""
    JP_ADDRESS JP_POSTAL_CODE PHONE_NUMBER EMAIL_ADDRESS DATE_OF_BIRTH JP_MY_NUMBER JP_RESIDENT_RECORD_CODE
    JP_BASIC_PENSION_NUMBER JP_DRIVER_LICENSE JP_PASSPORT JP_RESIDENCE_CARD JP_HEALTH_INSURANCE
    JP_LONG_TERM_CARE_INSURANCE JP_BANK_ACCOUNT CREDIT_CARD JP_VEHICLE_NUMBER JP_MUNICIPAL_ID JP_WELFARE_ID
    IP_ADDRESS NETWORK CREDENTIAL COORDINATES JP_SENSITIVE JP_PROTECTED_PERSON IBAN_CODE US_SSN
""")
CLASSES = ("", PERSON, f"+{PERSON}", *KINDS)
"""Outside; begins a name; goes on with it; in a datum of another kind. Two data that touch are one."""
_CLASS = {name: number for number, name in enumerate(CLASSES)}

_PLAIN = re.compile(r"[㐀-鿿々ヶ]{1,6}|[ァ-ヺー]{2,8}")


class Example(NamedTuple):
    """``rows`` (words, columns); ``labels`` (words,): numbers of ``CLASSES``. ``weight`` says how much a
    word of it counts."""

    rows: "NDArray[np.int32]"
    labels: "NDArray[np.int64]"
    weight: float


def page_of(engine: "SudachiEngine", text: str) -> Page:
    return engine.process_text(text, "ja").page


def example(engine: "SudachiEngine", marked: Marked, weight: float) -> Example:
    page = page_of(engine, marked.text)
    return Example(features(page), labels(page, marked), weight)


def labels(page: Page, marked: Marked) -> "NDArray[np.int64]":
    """A word is in a datum when at least half of it is: Sudachi reads 東係長 as one word now and then."""
    import numpy as np

    data = sorted([*((begin, end, PERSON) for begin, end in marked.names), *marked.data])
    told = np.zeros(len(page.words), dtype=np.int64)
    at = 0
    began = -1
    for index, word in enumerate(page.words):
        start, end = page.folded.span(word.begin, word.end)
        while at < len(data) and data[at][1] <= start:
            at += 1
        if at == len(data):
            break
        begin, stop, kind = data[at]
        shared = min(end, stop) - max(start, begin)
        if 2 * shared >= end - start:
            told[index] = _CLASS.get(f"+{kind}" if began == at else kind, _CLASS.get(kind, 0))
            began = at
    return told


def with_others(engine: "SudachiEngine", marked: Marked) -> Marked:
    """The text with the words told that look like names or places and are no names."""
    page = page_of(engine, marked.text)
    told = labels(page, marked)
    data = [*marked.names, *((begin, end) for begin, end, _ in marked.data)]
    taken = {at for begin, end in data for at in range(begin, end)}
    others = []
    for word, label in zip(page.words, told.tolist(), strict=True):
        start, end = page.folded.span(word.begin, word.end)
        if label or not _PLAIN.fullmatch(word.text) or taken.intersection(range(start, end)):
            continue
        if word.kind in ("surname", "given", "person") and len(word.text) > 1:
            others.append((start, end, "name"))
        elif word.kind == "place" and len(word.text) > 1:
            others.append((start, end, "place"))
        elif word.kind == "noun" and not word.unknown and len(word.text) > 1:
            others.append((start, end, "katakana" if word.text[0] < "㐀" else "kanji"))
    return replace(marked, others=tuple(others))


def variants(engine: "SudachiEngine", texts: Sequence[Marked], names: Names, facts: Facts, random: Random,
             times: int, weights: tuple[float, float]) -> Iterator[Example]:  # fmt: skip
    """Each text as it is and ``times`` times swapped. ``weights``: of texts with data and without."""
    for marked in texts:
        weight = weights[0] if marked.names or marked.data else weights[1]
        yield example(engine, marked, weight)
        marked = with_others(engine, marked)
        if not marked.names and not marked.data and (not marked.others or HISTORY.search(marked.text)):
            continue
        for _ in range(times):
            told = swapped(marked, names, facts, random)
            yield example(engine, spaced(told, random) if random.random() < 0.06 else told, weight)
