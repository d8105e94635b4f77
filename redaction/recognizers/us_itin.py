"""Taxpayer numbers of the United States for those without a social security number: 9xx-xx-xxxx with the
fourth and fifth digit from 50 to 65, 70 to 88, 90 to 92 or 94 to 99 (IRS). With hyphens the shape is enough,
unless words right beside it say that it is a thing's.
"""

import re
from collections.abc import Iterable

from redaction import cues
from redaction.digits import EDGE_AFTER, EDGE_BEFORE
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer
from redaction.things import of_a_thing

_NUMBER = re.compile(
    rf"{EDGE_BEFORE}9[0-9]{{2}}(?P<sign>[\- ]?)(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])(?P=sign)[0-9]{{4}}{EDGE_AFTER}"
)
_CUE = re.compile(r"ITIN|[Tt]axpayer [Ii]dentification|納税者番号|納税者識別番号|米国納税者")


class UsItinRecognizer(Recognizer):
    """912-78-3456; 912783456 after ITIN."""

    kind = "US_ITIN"
    ja = "米国納税者番号（ITIN）"

    def find(self, page: Page) -> Iterable[Hit]:
        for match in _NUMBER.finditer(page.text):
            if cues.before(page.text, match.start(), _CUE, 40) or cues.under(page, *match.span(), _CUE):
                yield Hit(*match.span(), 0.9, "cue")
            elif match["sign"] == "-" and (
                _CUE.search(page.text) or not of_a_thing(page.text, *match.span())
            ):
                yield Hit(*match.span(), 0.6, "pattern")
