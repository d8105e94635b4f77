"""Dates of birth: 和暦 in full and abbreviated, 西暦, 漢数字. Only with a word that says so; every other
date is left alone, for dates are everywhere.
"""

import re
from collections.abc import Iterable

from redaction import cues
from redaction.digits import kanji_number
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_N = "(?:[0-9]{1,2}|[元〇一二三四五六七八九十]{1,3})"
_Y = "(?:(?:19|20|18)[0-9]{2}|[一二][〇零一二三四五六七八九]{3})"
_ERA = "(?:明治|大正|昭和|平成|令和|[MTSHR](?=[ .]?[0-9元]))"
_DATE = re.compile(
    rf"(?<![0-9A-Za-z])(?:(?P<era>{_ERA}) ?\.?(?P<ey>{_N})|(?P<year>{_Y}))"
    rf"(?:(?:\([^)\n]{{1,8}}\))? ?年 ?(?P<m1>{_N}) ?月 ?(?P<d1>{_N}) ?日"
    r"| ?[-./ ] ?(?P<m2>[0-9]{1,2}) ?[-./ ] ?(?P<d2>[0-9]{1,2}))"
    r"(?:\((?:昭和|平成|令和|大正|西暦)?[0-9元]{1,4}年\))?(?![0-9])"
)
_RUN = re.compile(r"(?<![0-9A-Za-z])(?:19|20)[0-9]{2}(?P<m>[0-9]{2})(?P<d>[0-9]{2})(?![0-9A-Za-z])")
_CUE = re.compile(r"生年月日|誕生日|生まれ|出生(?!届)|生年|[Dd]ate of [Bb]irth|DOB|[Bb]irthday|[Bb]irth")
_OTHER_DATE = re.compile(r"年[^年\n]{0,6}日|届出|受付|申請日|発行|交付|作成|転入|異動|死亡")
_BORN = re.compile(
    r"^[ )」』\]】]{0,2}(?:\([^)\n]{0,8}\))?[ 、,]?"
    r"(?:生まれ|生れ|うまれ|に生|に誕生|の生まれ|付?生(?![一-鿿])|ご?誕生"
    r"|\(?(?:満|当時)? ?[0-9一二三四五六七八九十]{1,3} ?[歳才])"
)


class BirthDateRecognizer(Recognizer):
    """昭和58年4月1日生, S58.4.1, 1983/04/01 after 生年月日 or before 生まれ."""

    kind = "DATE_OF_BIRTH"
    ja = "生年月日"

    def find(self, page: Page) -> Iterable[Hit]:
        for match in _DATE.finditer(page.text):
            if _a_day(match["m1"] or match["m2"], match["d1"] or match["d2"]):
                yield from _believed(page, *match.span())
        for match in _RUN.finditer(page.text):
            if _a_day(match["m"], match["d"]) and _cued(page, *match.span()):
                yield Hit(*match.span(), 0.85, "cue")


def _believed(page: Page, start: int, end: int) -> Iterable[Hit]:
    if _BORN.match(page.text[end : end + 16]) or _cued(page, start, end):
        yield Hit(start, end, 0.9, "cue")


def _cued(page: Page, start: int, end: int) -> bool:
    if cues.under(page, start, end, _CUE):
        return True
    near = page.text[max(0, start - 16) : start]
    cues_near = list(_CUE.finditer(near))
    if not cues_near:
        return False
    between = near[cues_near[-1].end() :]
    return _OTHER_DATE.search(between) is None and "。" not in between


def _a_day(month: str, day: str) -> bool:
    m, d = kanji_number(month), kanji_number(day)
    return m is not None and d is not None and 1 <= m <= 12 and 1 <= d <= 31
