"""個人番号 (My Number): twelve digits with a check digit. Irreversible; never put into a vault.

Check digit: 平成26年総務省令第85号第5条. With P1..P11 the first eleven digits counted from the right,
Q = n + 1 for n <= 6 and n - 5 for n >= 7: r = sum(P * Q) mod 11; the digit is 0 for r <= 1, else 11 - r.
One in ten random numbers passes, so that a bare run that passes is weak evidence ("checksum"), and
a number beside the word マイナンバー counts whatever its check digit: a mistyped one is still one.
"""

import re
from collections.abc import Iterable
from datetime import datetime

from redaction import cues
from redaction.digits import DIGIT, digits_of
from redaction.figures import Figures, figures
from redaction.model import Evidence
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_KANJI = "〇零一二三四五六七八九十百千万"
_TWELVE = re.compile(
    rf"(?={DIGIT})(?<![0-9A-Za-z])(?<![0-9][-.])(?<![{_KANJI}]){DIGIT}(?:(?:[ \-.]|-?\n {{0,4}})?{DIGIT}){{11}}"
    rf"(?![0-9A-Za-z{_KANJI}])(?![-.][0-9])"
)
# The twelve boxes of a form, right after their name; a table of months is no form.
_BOXES = re.compile(
    rf"(?:個 ?人 ?番 ?号|マイナンバー(?!カード))[ :]{{0,12}}\|? ?(?P<boxes>{DIGIT}(?: ?\| ?{DIGIT}){{11}})(?! ?\| ?[0-9])"
)
_GROUPED = re.compile(rf"{DIGIT}{{4}}([ \-]){DIGIT}{{4}}\1{DIGIT}{{4}}")
_RUN = re.compile(rf"{DIGIT}{{12}}")
_CUE = re.compile(
    cues.spaced(("マイナンバー", "個人番号", "特定個人情報", "マイナカード"))
    + "|[Mm][Yy][ _]?[Nn][Uu][Mm][Bb][Ee][Rr]|12桁の番号|検査用数字|kojin_?(?:no|bango)"
)
# Mistyped by a digit: right after the words only.
_ALMOST = cues.Labelled(
    cues.spaced(("マイナンバー", "個人番号")),
    rf"(?<![0-9A-Za-z]){DIGIT}(?:[ \-]?{DIGIT}){{10,12}}(?![0-9A-Za-z]|[-.][0-9])",
)
_LICENCE = re.compile(r"免 ?許|経歴証明書|[Ll]icen[sc]e")
_CARD_AFTER = re.compile(r"^[ \-][0-9]{2,4}(?![0-9年月日])")
_CARD_BEFORE = re.compile(r"[0-9]{4}[ \-]$")
_SCORES = {"checksum": 0.6, "context": 0.7}


class MyNumberRecognizer(Recognizer):
    """123456789018 (checksum), 1234-5678-9018 (both), 個人番号 123456789019 (cue)."""

    kind = "JP_MY_NUMBER"
    ja = "個人番号(マイナンバー)"

    def find(self, page: Page) -> Iterable[Hit]:
        plain = figures(page)
        spoken_of = _CUE.search(plain.text) is not None
        at = 0
        while match := _TWELVE.search(plain.text, at):
            believed = _evidence(page, plain, match, spoken_of)
            # 2026 1234 5678 9018: unless the check digit settles it, others may begin within these.
            at = match.end() if believed in ("both", "checksum") else match.start() + 1
            if believed is not None:
                yield plain.hit(*match.span(), _SCORES.get(believed, 0.98), believed)
        for match in _BOXES.finditer(plain.text):
            right = passes(digits_of(match["boxes"]))
            yield plain.hit(*match.span("boxes"), 0.98, "both" if right else "cue")
        yield from _ALMOST.find(page, 0.9)


def check_digit(eleven: str) -> int:
    """The check digit of the first eleven digits, as above."""
    weights = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    rest = sum(int(digit) * weight for digit, weight in zip(eleven, weights, strict=True)) % 11
    return 0 if rest <= 1 else 11 - rest


def passes(twelve: str) -> bool:
    """Whether the last of twelve Arabic digits is the check digit of the others."""
    return check_digit(twelve[:11]) == int(twelve[11])


def _evidence(page: Page, plain: Figures, match: "re.Match[str]", spoken_of: bool) -> Evidence | None:
    written, (start, end) = match.group(), match.span()
    twelve = digits_of(written)
    right = passes(twelve)
    if _cued(page, plain, start, end):
        return "both" if right else "cue"
    licence = cues.before(plain.text, start, _LICENCE, 16) or cues.under(
        page, *plain.span(start, end), _LICENCE
    )
    if len(set(twelve)) == 1 or licence:
        return None
    if _GROUPED.fullmatch(written):
        if _in_a_card(plain.text, start, end):
            return None
        return "both" if right else "context" if spoken_of else None
    return "checksum" if right and _RUN.fullmatch(written) and not _a_moment(twelve) else None


def _cued(page: Page, plain: Figures, start: int, end: int) -> bool:
    text = plain.text
    beside = cues.before(text, start, _CUE) or cues.after(text, end, _CUE, 10)
    return beside or cues.under(page, *plain.span(start, end), _CUE)


def _in_a_card(text: str, start: int, end: int) -> bool:
    """Three of the four groups of a card number."""
    before, after = text[max(0, start - 6) : start], text[end : end + 6]
    return bool(_CARD_AFTER.match(after) or _CARD_BEFORE.search(before))


def _a_moment(twelve: str) -> bool:
    """YYYYMMDDhhmm of this or the last century: the time stamp of a file, not a person."""
    try:
        return 1900 <= datetime.strptime(twelve, "%Y%m%d%H%M").year <= 2099
    except ValueError:
        return False
