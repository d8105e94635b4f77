"""Postal codes: after 〒 or 郵便番号, or before a prefecture or city. A bare 3-4 number is not one."""

import re
from collections.abc import Iterable

from redaction import cues
from redaction.digits import EDGE_AFTER, EDGE_BEFORE
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_MARKED = re.compile(r"〒 ?(\d{3}[- ]?\d{4})(?![0-9A-Za-z])")
_BARE = re.compile(rf"{EDGE_BEFORE}\d{{3}}-?\d{{4}}{EDGE_AFTER}")
_CUE = re.compile(r"郵便番号|〒|郵便\(?番号")
_PLACE = re.compile(
    r"[ \n\t,、:)]{0,3}(?:(?:現)?住所[: ]{0,2})?"
    r"(?:[一-鿿]{2,3}[都道府県]|[一-鿿ぁ-んァ-ヶ]{1,6}[市区郡][一-鿿ぁ-んァ-ヶ])"
)


class PostalCodeRecognizer(Recognizer):
    """〒569-0067, 5690067 beside an address."""

    kind = "JP_POSTAL_CODE"
    ja = "郵便番号"

    def find(self, page: Page) -> Iterable[Hit]:
        for match in _MARKED.finditer(page.text):
            yield Hit(*match.span(1), 0.95, "cue")
        for match in _BARE.finditer(page.text):
            start, end = match.span()
            if cues.before(page.text, start, _CUE, 10) or cues.under(page, start, end, _CUE):
                yield Hit(start, end, 0.9, "cue")
            elif _PLACE.match(page.text, end):
                yield Hit(start, end, 0.7, "context")
