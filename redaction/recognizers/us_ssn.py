"""Social security numbers of the United States: 3-2-4 digits, without what is never issued (SSA, POMS RM 10201).

With hyphens the shape is enough, unless words right beside it say that it is a thing's, or it may be a Japanese
telephone number that lacks a digit. With spaces, or 9 digits in a row, only after a word that says so.
Areas from 900 on are taxpayers', and are often said to be an SSN.
"""

import re
from collections.abc import Iterable

from redaction import cues
from redaction.digits import EDGE_AFTER, EDGE_BEFORE
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer
from redaction.things import of_a_thing

_NUMBER = re.compile(
    rf"{EDGE_BEFORE}(?P<area>[0-9]{{3}})(?P<sign>[\- ]?)(?P<group>[0-9]{{2}})(?P=sign)(?P<serial>[0-9]{{4}}){EDGE_AFTER}"
)
_CUE = re.compile(r"SSN|[Ss]ocial [Ss]ecurity|社会保障番号|ソーシャルセキュリティ")
_SAMPLES = frozenset({"123456789", "078051120", "219099999"})
_JAPANESE = re.compile("[ぁ-ヿ一-鿿]")
_NEAR = 24
"""Beside Japanese words a number that begins with 0 is a telephone's."""


class UsSsnRecognizer(Recognizer):
    """734-21-8842, 950-36-9596; 734218842 after SSN."""

    kind = "US_SSN"
    ja = "米国社会保障番号"

    def find(self, page: Page) -> Iterable[Hit]:
        for match in _NUMBER.finditer(page.text):
            if _never(match):
                continue
            said = cues.before(page.text, *_from(match), reach=40) or cues.under(page, *match.span(), _CUE)
            if said:
                yield Hit(*match.span(), 0.9, "cue")
            elif match["sign"] == "-" and (_CUE.search(page.text) or not _something_else(page.text, match)):
                yield Hit(*match.span(), 0.5, "pattern")


def _from(match: "re.Match[str]") -> tuple[int, "re.Pattern[str]"]:
    return match.start(), _CUE


def _something_else(text: str, match: "re.Match[str]") -> bool:
    if match["area"][0] == "0" and _JAPANESE.search(text, max(0, match.start() - _NEAR), match.end() + _NEAR):
        return True
    return of_a_thing(text, *match.span())


def _never(match: "re.Match[str]") -> bool:
    """Numbers that are never given out to anybody."""
    digits = match["area"] + match["group"] + match["serial"]
    unused = match["area"] in ("000", "666") or match["group"] == "00" or match["serial"] == "0000"
    return unused or digits in _SAMPLES
