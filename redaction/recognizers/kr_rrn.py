"""Resident registration numbers of Korea and of foreigners registered there: date of birth, a digit for sex
and century, six digits. With the old check digit, or with a word that says so: since October 2020 there is
none. Weights 2 to 9 and 2 to 5, modulo 11.
"""

import re
from collections.abc import Iterable

from redaction import cues
from redaction.digits import EDGE_AFTER, EDGE_BEFORE
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_NUMBER = re.compile(
    rf"{EDGE_BEFORE}[0-9]{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])-[1-8][0-9]{{6}}{EDGE_AFTER}"
)
_CUE = re.compile(r"住民登録番号|外国人登録番号|주민등록번호|韓国|[Rr]esident [Rr]egistration|RRN")
_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)


class KrRrnRecognizer(Recognizer):
    """900101-1234568."""

    kind = "KR_RRN"
    ja = "韓国住民登録番号"

    def find(self, page: Page) -> Iterable[Hit]:
        for match in _NUMBER.finditer(page.text):
            said = cues.before(page.text, match.start(), _CUE, 30) or cues.under(page, *match.span(), _CUE)
            right = _checks(match.group().replace("-", ""))
            if said or right:
                yield Hit(
                    *match.span(),
                    0.95 if said else 0.6,
                    "both" if said and right else "cue" if said else "checksum",
                )


def _checks(digits: str) -> bool:
    """The sum of Korean numbers; that of foreigners' numbers is two higher."""
    rest = sum(int(digit) * weight for digit, weight in zip(digits[:12], _WEIGHTS, strict=True)) % 11
    return int(digits[12]) in ((11 - rest) % 10, (13 - rest) % 10)
