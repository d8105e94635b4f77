"""Near: whether a fact stands beside somebody, and who counts as somebody. Pure functions.

A disease in a notice is public, the same disease beside a resident is not. A clerk who is named as
the person to ask, a speaker or an author does not make a notice a file about somebody.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable
from typing import Protocol

from redaction.wordlist import words

SURE = 0.35
"""The least score a finding must have to count as somebody."""

FIRM = 0.6
"""The least score of somebody who is not in the same line: what is a name only perhaps does not make a
whole page speak of a person."""

LINE_REACH = 240
"""Characters between a person and a fact in one line. A spoken text is one long line."""

FAR_REACH = 1_200
"""Characters between the person a document is about and a fact told further down."""

HEAD_REACH = 160
"""Characters between a title that tells a fact and the person below it."""


class Result(Protocol):
    """What this file reads of a finding; Presidio's ``RecognizerResult`` is one."""

    entity_type: str
    start: int
    end: int
    score: float


_NOT_SOMEBODY = frozenset(
    words("""
    JP_ADDRESS JP_POSTAL_CODE JP_SENSITIVE JP_PROTECTED_PERSON JP_VULNERABLE_LIST JP_VEHICLE_NUMBER
""")
)
_ALSO_SOMEBODY = frozenset(words("PERSON DATE_OF_BIRTH US_SSN US_ITIN KR_RRN UK_NINO CREDIT_CARD"))
_MOBILE = re.compile(r"(?:0|\+81[- ]?)[ (]?[789]0")

_STAFF_BEFORE = re.compile(
    r"(?:担当(?:者|医|課|係|職員|ケアマネ(?:ジャー)?|教諭|ヘルパー)?|講師|司会|進行|発表者?|問い?合わ?せ先?"
    r"|申込先?|連絡先|記入者?|起案者?|決裁|作成者?|調査員|相談員|面接者|面談者|管理者|主催|著者?|監修|座長|委員"
    r"|事務局|受付|校長|園長|担任|主治医|医師|班長|隊長|責任者|取材|文責|撮影|査察指導|回答者|対応者?|確認者?"
    r"|[一-鿿](?:課|係|室|局|署|支所|センター|窓口|市役所|区役所|病院|法人)の?)[ :・/]{0,3}$"
)
_STAFF_AFTER = re.compile(
    r"[ )]{0,2}(?:課長|係長|主任|主査|副主幹|主幹|部長|室長|局長|次長|所長|館長|園長|校長|教頭|市長|町長|村長"
    r"|知事|副市長|議員|議長|委員|会長|理事|教授|准教授|講師|先生|医師|看護師|保健師|助産師|社会福祉士"
    r"|ケアマネ|相談員|職員|主事|技師|PT|OT|ST|巡査|警部|弁護士|司法書士|支援員|民生委員|署長|センター長|大臣|教諭|氏著"
    r"|病|症|式|法|賞|杯|記念|テスト|スケール|型|氏病)"
)
_SUBJECT = re.compile(
    r" ?(?:様|さま|さん|氏|君|くん|ちゃん|殿)?(?:ご本人|本人)?(?:\([^()。\n]{0,24}\))?(?:は|が|も|には|について)"
)
_SPEAKER = re.compile(r" ?[:「]")
_SPOKEN = re.compile(r"です|ます|でした|ました|ません|でしょう|ますか|[はがを].*。")
_HALF = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


class People:
    """Who is spoken of in one text, by place. ``text`` is the text as it was received."""

    def __init__(self, text: str, results: Iterable[Result]) -> None:
        self.text = text.translate(_HALF)
        somebody = [r for r in results if self._somebody(r)]
        self._starts = sorted({r.start for r in somebody})
        self._firm = sorted({r.start for r in somebody if r.score >= FIRM})
        self._names = sorted({(r.start, r.end) for r in somebody if r.entity_type == "PERSON"})

    def __bool__(self) -> bool:
        return bool(self._starts)

    def in_line(self, start: int, end: int) -> bool:
        """Somebody stands in the same line, at most ``LINE_REACH`` away."""
        begin, stop = self.line(start, end)
        return _any(self._starts, max(begin, start - LINE_REACH), min(stop, end + LINE_REACH))

    def before(self, start: int) -> bool:
        """Somebody stands in the lines before."""
        return _any(self._firm, start - FAR_REACH, start)

    def below(self, end: int) -> bool:
        """Somebody stands in the few lines below."""
        return _any(self._firm, end, end + HEAD_REACH)

    def around(self, start: int, end: int) -> bool:
        """Somebody stands before or after, in the same piece of text."""
        return _any(self._firm, start - FAR_REACH, end + FAR_REACH)

    def spoken_of(self, start: int) -> int | None:
        """Where the nearest person before a fact begins, if the sentence is about them: 山田様は、……"""
        index = bisect_left(self._names, (start,)) - 1
        if index < 0:
            return None
        begin, end = self._names[index]
        told = _SUBJECT.match(self.text, end, start)
        same = start - end <= LINE_REACH and not re.search(r"[。\n]", self.text[end:start])
        return begin if told and same else None

    def line(self, start: int, end: int) -> tuple[int, int]:
        """Where the line of a fact begins and ends; not farther than can matter."""
        begin = self.text.rfind("\n", max(0, start - FAR_REACH), start) + 1
        stop = self.text.find("\n", end, end + FAR_REACH)
        return begin or max(0, start - FAR_REACH), len(self.text) if stop < 0 else stop

    def count(self, begin: int, end: int) -> int:
        """How many stand between two places."""
        return bisect_left(self._firm, end) - bisect_left(self._firm, begin)

    def _somebody(self, result: Result) -> bool:
        if result.score < SURE:
            return False
        kind = result.entity_type
        if kind == "PERSON":
            return not self._at_work(result.start, result.end)
        if kind == "PHONE_NUMBER":
            return _MOBILE.match(self.text, result.start) is not None
        return kind in _ALSO_SOMEBODY or (kind.startswith("JP_") and kind not in _NOT_SOMEBODY)

    def _at_work(self, start: int, end: int) -> bool:
        """Named as an official, an expert, an author or a speaker."""
        near = self.text[max(0, start - 14) : start]
        before = near[near.rfind("\n") + 1 :]
        if _STAFF_BEFORE.search(before) or _STAFF_AFTER.match(self.text, end):
            return True
        if start and self.text[start - 1] != "\n":
            return False
        rest = self.text[end : end + 120].partition("\n")[0]
        return _SPEAKER.match(rest) is not None and _SPOKEN.search(rest) is not None


def _any(starts: list[int], begin: int, end: int) -> bool:
    index = bisect_left(starts, begin)
    return index < len(starts) and starts[index] < end
