"""Telephone and fax numbers: fixed, mobile, with brackets, hyphens or spaces, +81, those of North America and
of other countries.

A number in the usual form of groups is found even where the numbering plan does not know it: clerks
mistype, and a mistyped number is still somebody's. A run of digits without groups and without a word for
it must be one of the plan (python-phonenumbers, region JP). A number of North America is 3-3-4 digits, the first
from 2 on, where no Japanese one begins; with spaces or dots it stands alone, which the figures of a table do not.
"""

import re
from collections.abc import Iterable
from itertools import chain
from typing import Any

from redaction import cues
from redaction.digits import EDGE_AFTER, digits_of
from redaction.facts.near import People
from redaction.facts.told import MAYBE, TOLD
from redaction.figures import Figures, figures
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer
from redaction.service_lines import nobodys
from redaction.things import of_a_thing

# TEL072-…: the label may touch the number. Most letters begin no number: looking ahead first is quick.
_EDGE = "(?=[(0-9])(?:(?<![0-9A-Za-z])(?<![0-9][-.])|(?<=TEL)|(?<=Tel)|(?<=tel)|(?<=FAX)|(?<=Fax)|(?<=fax))"
_SEP = r"(?: ?- ?|[ ./])"
_GROUPS = re.compile(
    rf"{_EDGE}(?:\(0\d{{1,4}}\) ?\d{{1,4}}{_SEP}\d{{3,4}}|0\d{{1,4}} ?\(\d{{1,4}}\) ?\d{{3,4}}"
    rf"|0\d{{1,4}}{_SEP}\d{{1,4}}{_SEP}\d{{3,4}}){EDGE_AFTER}"
)
_BARE = re.compile(
    r"(?=0)(?:(?<![0-9A-Za-z\-])|(?<=TEL)|(?<=Tel)|(?<=tel)|(?<=FAX)|(?<=Fax)|(?<=fax))0\d{9,10}(?![0-9A-Za-z\-])"
)
_ABROAD = re.compile(
    rf"(?=[+0])(?<![0-9A-Za-z+])(?:\+|00|010-?)81[ -]?(?:\(0\) ?)?\d{{1,4}}{_SEP}?\d{{1,4}}{_SEP}?\d{{3,4}}{EDGE_AFTER}"
)
_OTHER_COUNTRY = re.compile(
    r"(?<![0-9A-Za-z+])\+[1-9][0-9]{0,2}(?:[ \-.]\(?[0-9]{1,5}\)?|\([0-9]{1,5}\)){2,6}(?![0-9A-Za-z]|[ ]?[円人件%])"
)
_AMERICAN = re.compile(
    r"(?=[+(1-9])(?<![0-9A-Za-z+])(?<![0-9][\-.])(?:\+?1(?:[ \-.]|(?=\()))?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}-)"
    rf"[0-9]{{3}}-[0-9]{{4}}{EDGE_AFTER}"
)
_AMERICAN_ALONE = re.compile(
    r"(?=[+(1-9])(?<![0-9A-Za-z+])(?<![0-9][ \-.,])(?:\+?1(?:[ .]|(?=\()))?"
    r"(?:\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[ .]|[2-9](?!00[ .](?!555))[0-9]{2}(?P<sign>[ .])[2-9][0-9]{2}(?P=sign))[0-9]{4}"
    rf"{EDGE_AFTER}(?![ .,][0-9])"
)
_UNBROKEN = re.compile(r"(?<![0-9A-Za-z+])\+[1-9][0-9]{7,14}(?![0-9A-Za-z]|[ ]?[円人件%])")
# As a scanner sees it, letters among the digits and spaces within: O72 - 674 - 9 l3O.
_SCANNED = re.compile(
    r"(?<![0-9A-Za-z])(?:\( ?)?[0OoD](?: ?[0-9OolI|]){1,4}(?: ?[-\u2010-\u2015\u2212\u30fc)(] ?)[0-9OolI|](?: ?[0-9OolI|]){0,3}"
    r" ?[-\u2010-\u2015\u2212\u30fc)] ?"
    r"[0-9OolI|](?: ?[0-9OolI|]){3}(?![0-9A-Za-z])"
)
_MISREAD = re.compile("[OoDlI|]|[0-9] [0-9]")
_LOCAL = re.compile(rf"{_EDGE}\d{{3,4}}-\d{{4}}{EDGE_AFTER}")
_USUAL = re.compile(r"0[1-9][0-9]{8}$|0[5-9]0[0-9]{8}$")
_CUE = re.compile(
    r"電話|TEL|Tel|tel|携帯|FAX|Fax|fax|ファックス|ファクス|連絡先|直通|[Pp]hone|自宅|勤務先|代表"
    r"|折り?返し|電 話|携 帯|かけ直|架電|着信|番号は|℡|☎|[Mm]obile|[Cc]ell"
)
# As spoken, or with the hyphens in unusual places; beside a word for it only.
_LOOSE = re.compile(rf"{_EDGE}\(?0[0-9]{{1,6}}\)?(?:[ \-.,/・\n]{{1,2}}[0-9]{{1,8}}){{1,4}}{EDGE_AFTER}")
_NO_CUE = re.compile(r"番号|コード|口座|記号|No\.?|ID|様式|品番|型番")
_PHONE_NUMBER = re.compile(r"(?:電話|携帯|FAX|TEL|連絡先)番号")


class PhoneRecognizer(Recognizer):
    """072-674-7111, (072)674-7111, 090 1234 5678, 09012345678, +81-72-674-7111, 415-555-0123."""

    kind = "PHONE_NUMBER"
    ja = "電話番号"

    def find(self, page: Page) -> Iterable[Hit]:
        for hit in self._found(page):
            nobody = nobodys(page.text[hit.start : hit.end])
            yield hit._replace(score=MAYBE, evidence="context") if nobody else hit

    def enhance_using_context(self, text: str, raw_recognizer_results: list[Any], other_raw_recognizer_results: list[Any],
                              nlp_artifacts: Any, context: list[str] | None = None) -> list[Any]:  # fmt: skip
        """A service line in a file about somebody tells whom they deal with; elsewhere it is public."""
        lines = [result for result in raw_recognizer_results if result.score == MAYBE]
        people = People(text, other_raw_recognizer_results) if lines else None
        for line in lines:
            if people and people.around(line.start, line.end):
                line.score = TOLD
        return raw_recognizer_results

    def _found(self, page: Page) -> Iterable[Hit]:
        plain = figures(page)
        text = plain.text
        for match in _GROUPS.finditer(text):
            if len(digits_of(match.group())) in (10, 11):
                usual = _USUAL.match(digits_of(match.group()))
                yield plain.hit(*match.span(), 0.85 if usual else 0.5, "pattern")
        for match in _ABROAD.finditer(text):
            yield plain.hit(*match.span(), 0.9 if _in_plan(match.group()) else 0.5, "pattern")
        for match in _OTHER_COUNTRY.finditer(text):
            if _may_be_abroad(match.group()):
                yield plain.hit(*match.span(), 0.7, "pattern")
        for match in chain(_AMERICAN.finditer(text), _AMERICAN_ALONE.finditer(text)):
            if not of_a_thing(text, *match.span()):
                yield plain.hit(*match.span(), 0.6, "pattern")
        for match in _UNBROKEN.finditer(text):
            if _in_plan(match.group()):
                yield plain.hit(*match.span(), 0.7, "pattern")
        for match in _SCANNED.finditer(page.text):
            letters = sum(letter.isalnum() or letter == "|" for letter in match.group())
            real = sum(letter.isdecimal() for letter in match.group())
            if letters in (10, 11) and real >= 5 and _MISREAD.search(match.group()):
                yield Hit(*match.span(), 0.6, "pattern")
        yield from self._bare(page, plain)
        for match in _LOOSE.finditer(text):
            if len(digits_of(match.group())) in (10, 11) and cues.before(text, match.start(), _CUE, 16):
                yield plain.hit(*match.span(), 0.6, "cue")
        for match in _LOCAL.finditer(text):
            postal = "〒" in text[max(0, match.start() - 2) : match.start()]
            if cues.before(text, match.start(), _CUE, 12) and not postal:
                yield plain.hit(*match.span(), 0.5, "cue")

    def _bare(self, page: Page, plain: Figures) -> Iterable[Hit]:
        for match in _BARE.finditer(plain.text):
            start, end = match.span()
            cued = cues.before(plain.text, start, _CUE, 14) or cues.under(page, *plain.span(start, end), _CUE)
            if cued:
                yield plain.hit(start, end, 0.85, "cue")
            elif _in_plan(match.group()) and not _other_number(plain.text, start):
                yield plain.hit(start, end, 0.6, "pattern")


def _other_number(text: str, start: int) -> bool:
    return cues.before(text, start, _NO_CUE, 12) and not cues.before(text, start, _PHONE_NUMBER, 12)


def _may_be_abroad(number: str) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def _in_plan(number: str) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, "JP"))
    except phonenumbers.NumberParseException:
        return False
