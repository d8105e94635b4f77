"""Social security numbers of the United States: 3-2-4 digits, in ranges that are issued (SSA, POMS RM 10201),
with 9 digits in a row only after a word that says so. In a text without such a word 734-21-8842 is
somebody's order number.
"""

import re
from collections.abc import Iterable

from redaction import cues
from redaction.digits import EDGE_AFTER, EDGE_BEFORE
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_NUMBER = re.compile(
    rf"{EDGE_BEFORE}(?P<area>[0-9]{{3}})(?P<sign>[\- ]?)(?P<group>[0-9]{{2}})(?P=sign)(?P<serial>[0-9]{{4}}){EDGE_AFTER}"
)
_CUE = re.compile(r"SSN|[Ss]ocial [Ss]ecurity|社会保障番号|ソーシャルセキュリティ")
_SAMPLES = frozenset({"123456789", "078051120", "219099999"})


class UsSsnRecognizer(Recognizer):
    """734-21-8842; 734218842 after SSN."""

    kind = "US_SSN"
    ja = "米国社会保障番号"

    def find(self, page: Page) -> Iterable[Hit]:
        for match in _NUMBER.finditer(page.text):
            if _never(match):
                continue
            said = cues.before(page.text, *_from(match), reach=40) or cues.under(page, *match.span(), _CUE)
            if said:
                yield Hit(*match.span(), 0.9, "cue")
            elif match["sign"] == "-" and match["area"] < "900" and _CUE.search(page.text):
                yield Hit(*match.span(), 0.5, "pattern")


def _from(match: "re.Match[str]") -> tuple[int, "re.Pattern[str]"]:
    return match.start(), _CUE


def _never(match: "re.Match[str]") -> bool:
    """Numbers that are never given out to anybody. Those from 900 on are taxpayers', and said to be an SSN often."""
    digits = match["area"] + match["group"] + match["serial"]
    unused = match["area"] in ("000", "666") or match["group"] == "00" or match["serial"] == "0000"
    return unused or digits in _SAMPLES
