"""National insurance numbers of the United Kingdom: two letters, six digits, A to D (HMRC NIM39110)."""

import re
from collections.abc import Iterable

from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_NUMBER = re.compile(
    r"(?<![0-9A-Za-z])(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?P<sign>[ \-]?)[0-9]{2}(?P=sign)[0-9]{2}(?P=sign)[0-9]{2}(?P=sign)[A-D]"
    r"(?![0-9A-Za-z])"
)


class UkNinoRecognizer(Recognizer):
    """AB 12 34 56 C, JG103759A."""

    kind = "UK_NINO"
    ja = "英国国民保険番号"

    def find(self, page: Page) -> Iterable[Hit]:
        for match in _NUMBER.finditer(page.text):
            yield Hit(*match.span(), 0.8, "pattern")
