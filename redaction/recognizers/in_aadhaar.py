"""Aadhaar numbers of India: twelve digits, the first from 2 to 9, the last a Verhoeff check digit. Only after
a word that says so: Japan's My Number has twelve digits too.
"""

import re
from collections.abc import Iterable

from redaction import cues
from redaction.digits import EDGE_AFTER, EDGE_BEFORE
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_NUMBER = re.compile(rf"{EDGE_BEFORE}[2-9][0-9]{{3}}([ \-]?)[0-9]{{4}}\1[0-9]{{4}}{EDGE_AFTER}")
_CUE = re.compile(r"[Aa]adhaar|AADHAAR|アーダール|アドハー|アーダール番号|UIDAI")
_TIMES = tuple(
    tuple(
        (a + b) % 5 if a < 5 and b < 5 else
        5 + (a + b) % 5 if a < 5 else
        5 + (a - b) % 5 if b < 5 else
        (a - b) % 5
        for b in range(10)
    )
    for a in range(10)
)  # fmt: skip
"""Multiplication in the dihedral group of order ten."""
_TURN = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


class InAadhaarRecognizer(Recognizer):
    """2341 2341 2346 after Aadhaar."""

    kind = "IN_AADHAAR"
    ja = "インド国民識別番号（Aadhaar）"

    def find(self, page: Page) -> Iterable[Hit]:
        for match in _NUMBER.finditer(page.text):
            if cues.before(page.text, match.start(), _CUE, 30) or cues.under(page, *match.span(), _CUE):
                right = checks(re.sub("[ -]", "", match.group()))
                yield Hit(*match.span(), 0.95 if right else 0.7, "both" if right else "cue")


def checks(digits: str) -> bool:
    """Whether Verhoeff's check digit is right."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit)
        for _ in range(place % 8):
            number = _TURN[number]
        total = _TIMES[total][number]
    return total == 0
