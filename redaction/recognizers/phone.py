"""Telephone and fax numbers: fixed, mobile, with brackets, hyphens or spaces, +81.

The numbering plan is python-phonenumbers' (region JP). A number in the usual form of groups is found
even where the plan does not know it: clerks mistype, and a mistyped number is still somebody's.
"""

import re
from collections.abc import Iterable

from redaction import cues
from redaction.digits import EDGE_AFTER, EDGE_BEFORE, digits_of
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_SEP = r"(?: ?- ?|[ .])"
_GROUPS = re.compile(
    rf"{EDGE_BEFORE}(?:\(0\d{{1,4}}\) ?\d{{1,4}}{_SEP}\d{{3,4}}|0\d{{1,4}} ?\(\d{{1,4}}\) ?\d{{3,4}}"
    rf"|0\d{{1,4}}{_SEP}\d{{1,4}}{_SEP}\d{{3,4}}){EDGE_AFTER}"
)
_BARE = re.compile(r"(?<![0-9A-Za-z\-])0\d{9,10}(?![0-9A-Za-z\-])")
_ABROAD = re.compile(
    rf"(?<![0-9A-Za-z+])\+81[ -]?(?:\(0\) ?)?\d{{1,4}}{_SEP}?\d{{1,4}}{_SEP}?\d{{3,4}}{EDGE_AFTER}"
)
_LOCAL = re.compile(rf"{EDGE_BEFORE}\d{{3,4}}-\d{{4}}{EDGE_AFTER}")
_CUE = re.compile(
    r"電話|TEL|Tel|tel|携帯|FAX|Fax|fax|ファックス|ファクス|連絡先|直通|Phone|phone|自宅|勤務先|代表"
)
_NO_CUE = re.compile(r"番号|コード|口座|記号|No\.?|ID|様式|品番|型番")
_PHONE_NUMBER = re.compile(r"(?:電話|携帯|FAX|TEL|連絡先)番号")


class PhoneRecognizer(Recognizer):
    """072-674-7111, (072)674-7111, 090 1234 5678, 09012345678, +81-72-674-7111."""

    kind = "PHONE_NUMBER"
    ja = "電話番号"

    def find(self, page: Page) -> Iterable[Hit]:
        text = page.text
        for match in _GROUPS.finditer(text):
            if len(digits_of(match.group())) in (10, 11):
                score = 0.85 if _in_plan(match.group()) else 0.5
                yield Hit(*match.span(), score, "pattern")
        for match in _ABROAD.finditer(text):
            yield Hit(*match.span(), 0.9 if _in_plan(match.group()) else 0.5, "pattern")
        yield from self._bare(page)
        for match in _LOCAL.finditer(text):
            postal = "〒" in text[max(0, match.start() - 2) : match.start()]
            if cues.before(text, match.start(), _CUE, 12) and not postal:
                yield Hit(*match.span(), 0.5, "cue")

    def _bare(self, page: Page) -> Iterable[Hit]:
        for match in _BARE.finditer(page.text):
            start, end = match.span()
            cued = cues.before(page.text, start, _CUE, 14) or cues.under(page, start, end, _CUE)
            if cued:
                yield Hit(start, end, 0.85, "cue")
            elif _in_plan(match.group()) and not _other_number(page.text, start):
                yield Hit(start, end, 0.6, "pattern")


def _other_number(text: str, start: int) -> bool:
    return cues.before(text, start, _NO_CUE, 12) and not cues.before(text, start, _PHONE_NUMBER, 12)


def _in_plan(number: str) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, "JP"))
    except phonenumbers.NumberParseException:
        return False
