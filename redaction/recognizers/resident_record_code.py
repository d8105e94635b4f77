"""住民票コード: eleven digits beside its name. Irreversible; its use is limited by 住民基本台帳法 30条の37.

The check digit is not public: none is tried. Without its name an eleven-digit number is a telephone; on a
page that has the name, eleven digits that cannot be one are enough.
"""

import re
from collections.abc import Iterable

from redaction import cues
from redaction.digits import DIGIT
from redaction.figures import figures
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_ELEVEN = re.compile(
    rf"(?<![0-9A-Za-z])(?<![0-9][-.]){DIGIT}(?:[ \-]?{DIGIT}){{10}}(?![0-9A-Za-z])(?![-.][0-9])"
)
_CUE = re.compile(cues.spaced(("住民票コード", "住民票CD", "住基コード", "住記コード", "住民コード")))
_OWN = re.compile(r"[1-9][0-9]{10}|[1-9][0-9]{3}-[0-9]{4}-[0-9]{3}")


class ResidentRecordCodeRecognizer(Recognizer):
    """住民票コード 12345678901, also in groups."""

    kind = "JP_RESIDENT_RECORD_CODE"
    ja = "住民票コード"

    def find(self, page: Page) -> Iterable[Hit]:
        plain = figures(page)
        text = plain.text
        on_the_page = _CUE.search(text) is not None
        for match in _ELEVEN.finditer(text):
            start, end = match.span()
            beside = cues.before(text, start, _CUE) or cues.after(text, end, _CUE, 10)
            if beside or cues.under(page, *plain.span(start, end), _CUE):
                yield plain.hit(start, end, 0.98, "cue")
            elif on_the_page and _OWN.fullmatch(match.group()):
                yield plain.hit(start, end, 0.7, "context")
