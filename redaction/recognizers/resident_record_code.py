"""住民票コード: eleven digits beside its name. Irreversible; its use is limited by 住民基本台帳法 30条の37.

The check digit is not public: none is tried. Without its name an eleven-digit number is a telephone; on a
page that has the name, eleven digits that cannot be one are enough.
"""

import re
from collections.abc import Iterable

from redaction import cues
from redaction.digits import DIGIT, WITHIN
from redaction.figures import figures
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_ELEVEN = re.compile(
    rf"(?<![0-9A-Za-z])(?<![0-9][-.]){DIGIT}(?:{WITHIN}{DIGIT}){{10}}(?![0-9A-Za-z])(?![-.][0-9])"
)
_FULL = re.compile(cues.spaced(("住民票コード", "住民票CD", "住基コード", "住記コード", "住民コード")))
"""Names that mean nothing else: on a page that has one, others need none beside them."""
_NAMES = tuple(
    f"{register}{number}"
    for register in ("住民票", "住基", "住記", "住基ネット", "住民基本台帳", "住民")
    for number in ("コード", "CD", "Cd", "cd", "code", "Code", "番号", "No", "NO", "ID")
    if (register, number) not in (("住民", "番号"), ("住民", "No"), ("住民", "NO"), ("住民", "ID"))
)
"""住民番号 and 住民ID are what a city itself calls its people by."""
_CUE = re.compile(
    rf"{cues.spaced(_NAMES)}|(?<!居)住 ?コ(?:ー ?ド)?(?![ァ-ヺー])|[Jj]uminhyo[ _-]?(?:[Cc]ode|[Cc]d|[Nn]o)|JUMINHYO_(?:CODE|CD|NO)"
    r"|[Rr]esident[ _-]?(?:[Rr]ecord|[Rr]egist(?:er|ry|ration))[ _-]?(?:[Cc]ode|[Nn]umber|[Nn]o)"
)
_OWN = re.compile(r"[1-9][0-9]{10}|[1-9][0-9]{3}-[0-9]{4}-[0-9]{3}")


class ResidentRecordCodeRecognizer(Recognizer):
    """住民票コード 12345678901, also in groups."""

    kind = "JP_RESIDENT_RECORD_CODE"
    ja = "住民票コード"

    def find(self, page: Page) -> Iterable[Hit]:
        plain = figures(page)
        text = plain.text
        on_the_page = _FULL.search(text) is not None
        for match in _ELEVEN.finditer(text):
            start, end = match.span()
            beside = cues.before(text, start, _CUE) or cues.after(text, end, _CUE, 10)
            if beside or cues.under(page, *plain.span(start, end), _CUE):
                yield plain.hit(start, end, 0.98, "cue")
            elif on_the_page and _OWN.fullmatch(match.group()):
                yield plain.hit(start, end, 0.7, "context")
