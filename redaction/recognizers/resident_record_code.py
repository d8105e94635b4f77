"""住民票コード: eleven digits beside its name. Irreversible; its use is limited by 住民基本台帳法 30条の37.

The check digit is not public: none is tried. Without its name an eleven-digit number is a telephone.
"""

import re
from collections.abc import Iterable

from redaction import cues
from redaction.digits import DIGIT
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_ELEVEN = re.compile(
    rf"(?<![0-9A-Za-z])(?<![0-9][-.]){DIGIT}(?:[ \-]?{DIGIT}){{10}}(?![0-9A-Za-z])(?![-.][0-9])"
)
_CUE = re.compile(r"住民票コード|住民票CD|住基コード|住記コード|住民コード")


class ResidentRecordCodeRecognizer(Recognizer):
    """住民票コード 12345678901, also in groups."""

    kind = "JP_RESIDENT_RECORD_CODE"
    ja = "住民票コード"

    def find(self, page: Page) -> Iterable[Hit]:
        for match in _ELEVEN.finditer(page.text):
            start, end = match.span()
            beside = cues.before(page.text, start, _CUE) or cues.after(page.text, end, _CUE, 10)
            if beside or cues.under(page, start, end, _CUE):
                yield Hit(start, end, 0.98, "cue")
