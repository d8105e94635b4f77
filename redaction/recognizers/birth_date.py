"""Dates of birth: 和暦 in full and abbreviated, 西暦, 漢数字, as scanned and as spoken. Only with a word that
says so or right after a person; every other date is left alone, for dates are everywhere.
"""

import re
from collections.abc import Iterable, Iterator

from redaction import cues
from redaction.birth_words import AFTER, BORN, CUE, OTHER_DATE, after_a_person
from redaction.digits import kanji_number
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer
from redaction.tagger.tagger import weighed

_D = "[0-9OolI]"
_N = f"(?:{_D}(?: ?{_D})?|[元〇一二三四五六七八九十壱弐参拾]{{1,4}})"
_Y = "(?:(?:19|20|18)[0-9O]{2}|[一二][〇零一二三四五六七八九]{3})"
_ERA = "(?:明治|大正|昭和|平成|令和|[明大昭平令](?= ?\\.?[0-9元])|[MTSHR](?=[ .]?[0-9O元])|西暦)"
_DATE = re.compile(
    rf"(?=[0-9MTSHR明大昭平令西一二])(?<![0-9A-Za-z])(?:(?P<era>{_ERA}) {{0,4}}[.の]?(?P<ey>{_N})|(?<![0-9][-./])(?:西暦)?(?P<year>{_Y}))"
    rf"(?:(?:\([^)\n]{{1,8}}\))? ?年(?:\([^)\n]{{1,8}}\))? {{0,4}}の? ?(?P<m1>{_N}) ?月 {{0,4}}の? ?(?P<d1>{_N}) ?日"
    rf"| ?[-./・ ] ?(?P<m2>{_D}{{1,2}}) ?[-./・ ] ?(?P<d2>{_D}{{1,2}}))"
    r"(?:\((?:昭和|平成|令和|大正|西暦)?[0-9元]{1,4}年\))?(?: ?午[前後] ?[0-9]{1,2}時(?:[0-9]{1,2}分)?(?= ?生))?(?![0-9])"
)
_FILLER = r"[のは]?[、 ]?(?:えーっと|えーと|えっと|ええと|あの|その)?[、 ]?"
# As it is said, with whatever stands between: beside a word for birth only.
_SPOKEN = re.compile(
    rf"(?:明治|大正|昭和|平成|令和|しょうわ|へいせい|れいわ|西暦)の?{_N} ?年{_FILLER}(?P<m>{_N}) ?月{_FILLER}(?P<d>{_N}) ?日"
)
_RUN = re.compile(
    r"(?=[0-9MTSHR明大昭平令])(?<![0-9A-Za-z])(?:(?:18|19|20)[0-9]{2}|[MTSHR][0-9]{2}|(?:明治|大正|昭和|平成|令和|[明大昭平令])[0-9]{2}"
    r"|[1-5][0-9]{2}(?=[0-9]{4}(?![0-9])))(?P<m>[0-9]{2})(?P<d>[0-9]{2})(?![0-9A-Za-z])"
)
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_ENGLISH = re.compile(
    rf"(?=[0-9JFMASOND])(?<![0-9A-Za-z])(?:[0-3]?[0-9](?:st|nd|rd|th)? (?:of )?{_MONTH}\.?,? (?:19|20)[0-9]{{2}}"
    rf"|{_MONTH}\.? [0-3]?[0-9](?:st|nd|rd|th)?,? (?:19|20)[0-9]{{2}}|[0-3]?[0-9]/[0-3]?[0-9]/(?:19|20)[0-9]{{2}})(?![0-9A-Za-z])"
)
_SHORT = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9][-./])[0-9]{1,4}[-./・][0-9]{1,2}(?:[-./・][0-9]{1,2})?(?![0-9A-Za-z])(?![-./][0-9])"
    rf"|(?<![0-9A-Za-z年成和正治平昭大明令])(?:{_N} ?年)? ?(?P<m>{_N})月(?P<d>{_N})日"
)
_TO = re.compile(
    "[日0-9](?:から|より|[~〜～])[ ]?$|[~〜～][ ]?$"
)  # 4月2日から4月1日生まれ: whom a programme is for
_REACH = 36
_NEAR = 16
_SAID = re.compile(f"{CUE.pattern}|[0-9日] ?生")
_JUST_BORN = re.compile(r" ?(?:生(?![一-鿿])|生まれ(?!まで|以|前)|生れ)")
# 生年月日をお願いします。 and in the next line, or the next breath, the answer.
_ASKED = re.compile(
    r"^[はをのも]?[^0-9。\n]{0,16}(?:(?:お願い|教えて|ください|下さい|でしょうか|よろしい|ですか)[^0-9。\n]{0,8})?$"
)


class BirthDateRecognizer(Recognizer):
    """昭和58年4月1日生, S58.4.1, 1983/04/01 after 生年月日 or before 生まれ; 山田太郎(S58.4.1)."""

    kind = "DATE_OF_BIRTH"
    ja = "生年月日"

    def find(self, page: Page) -> Iterable[Hit]:
        for hit in self._found(page):
            yield weighed(page, hit) if hit.evidence == "context" else hit

    def _found(self, page: Page) -> Iterable[Hit]:
        for match in _DATE.finditer(page.text):
            if _a_day(match["m1"] or match["m2"], match["d1"] or match["d2"]):
                yield from _believed(page, *match.span())
        for match in _SPOKEN.finditer(page.text):
            begun = _TO.search(page.text[max(0, match.start() - 4) : match.start()])
            born = BORN.match(page.text[match.end() : match.end() + 20])
            real = begun is None and _a_day(match["m"], match["d"])
            if real and (born or _cued(page, *match.span())):
                yield Hit(*match.span(), 0.85, "cue")
        for match in _RUN.finditer(page.text):
            if _a_day(match["m"], match["d"]):
                yield from _told(page, *match.span())
        for match in _ENGLISH.finditer(page.text):
            yield from _told(page, *match.span())
        if _SAID.search(page.text):
            for match in _SHORT.finditer(page.text):
                if _JUST_BORN.match(page.text, match.end()):
                    yield Hit(*match.span(), 0.8, "cue")
                else:
                    yield from _told(page, *match.span())


def _believed(page: Page, start: int, end: int) -> Iterator[Hit]:
    if _TO.search(page.text[max(0, start - 4) : start]):
        return
    if BORN.match(page.text[end : end + 20]) or _cued(page, start, end):
        yield Hit(start, end, 0.9, "cue")
    elif not AFTER.match(page.text[end : end + 20]) and after_a_person(page, start, end):
        yield Hit(start, end, 0.7, "context")


def _told(page: Page, start: int, end: int) -> Iterator[Hit]:
    if _cued(page, start, end):
        yield Hit(start, end, 0.85, "cue")


def _cued(page: Page, start: int, end: int) -> bool:
    if cues.under(page, start, end, CUE):
        return True
    near = page.text[max(0, start - _REACH) : start]
    told = list(CUE.finditer(near))
    if not told:
        return False
    between = near[told[-1].end() :]
    said, stop, answer = between.partition("。")
    if stop and not (_ASKED.match(said) and answer.startswith("\n")):
        return False
    if len(between) > _NEAR and not _ASKED.match(said):
        return False
    late = len(between) > _NEAR or stop or "れ" in told[-1].group()
    return OTHER_DATE.search(between) is None and not (late and AFTER.match(page.text[end : end + 20]))


def _a_day(month: str, day: str) -> bool:
    m, d = kanji_number(month), kanji_number(day)
    return m is not None and d is not None and 1 <= m <= 12 and 1 <= d <= 31
