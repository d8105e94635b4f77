"""Postal codes: after 〒 or 郵便番号, or before a prefecture or city. A bare 3-4 number is not one."""

import re
from collections.abc import Iterable

from redaction import cues
from redaction.digits import EDGE_AFTER, EDGE_BEFORE
from redaction.figures import figures
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_MARKED = re.compile(r"〒[ :]{0,3}(\d{3} ?[- ]?\n? ?\d{4})(?![0-9A-Za-z])")
_BARE = re.compile(rf"{EDGE_BEFORE}\d{{3}}[- ]?\d{{4}}{EDGE_AFTER}")
_CUE = re.compile(r"郵 ?便 ?番 ?号|〒|郵便\(?番号|[Zz][Ii][Pp](?:[_ ]?[Cc]ode)?|[Pp]ost(?:al)?[_ ]?[Cc]ode")
_PLACE = re.compile(
    r"[ \n\t,、:)\"]{0,3}(?:(?:現)?住所[: ]{0,2})?"
    r"(?:[一-鿿]{2,3}[都道府県]|[一-鿿ぁ-んァ-ヶ]{1,6}[市区郡][一-鿿ぁ-んァ-ヶ])"
)


class PostalCodeRecognizer(Recognizer):
    """〒569-0067, 5690067 beside an address."""

    kind = "JP_POSTAL_CODE"
    ja = "郵便番号"

    def find(self, page: Page) -> Iterable[Hit]:
        plain = figures(page)
        text = plain.text
        for match in _MARKED.finditer(text):
            yield plain.hit(*match.span(1), 0.95, "cue")
        for match in _BARE.finditer(text):
            start, end = match.span()
            if cues.before(text, start, _CUE, 10) or cues.under(page, *plain.span(start, end), _CUE):
                yield plain.hit(start, end, 0.9, "cue")
            elif " " not in match.group() and _PLACE.match(text, end):
                yield plain.hit(start, end, 0.7, "context")
