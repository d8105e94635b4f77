"""手帳番号, ケース番号, 児童生徒番号: numbers that say by themselves what somebody receives or where a
child goes to school. Only beside their names.
"""

import re
from collections.abc import Iterable

from redaction.cues import NUMBER, Labelled, spaced
from redaction.figures import figures
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_CUES = (
    "手帳番号", "身体障害者手帳番号", "療育手帳番号", "手帳の番号", "手帳No", "ケース番号", "ケースNo", "児童生徒番号",
    "生徒番号", "児童番号", "学籍番号", "学生番号", "個票番号", "児童票番号", "被保護者証交付番号", "被保護者番号",
    "保護決定番号", "被保護者証番号", "保護番号", "医療券番号", "受給証番号", "世帯ケース番号", "相談票番号", "交付番号", "支援措置番号",
    "母子手帳番号", "母子健康手帳番号",
)  # fmt: skip
_NUMBER = Labelled(spaced(_CUES), NUMBER)
_PUPIL = re.compile(r"(?<=[(])20[0-9]{2}-[1-9]-[0-9]{4}(?=\))")
_SCHOOL = re.compile("生徒|児童|学校|学級")
_BOOK = re.compile(
    r"手帳(?:[^。\n0-9]{0,12}[0-9AB][0-9]?(?![0-9])(?:級|度)?)?[^。\n0-9]{0,10}?(?:(?P<value>(?:[一-鿿]{1,3}[都道府県市] ?)?第 ?(?=[A-Z0-9-]{3})[A-Z]?[0-9]?-?[0-9]{1,10}(?:-[0-9]{1,8})? ?号)"
    r"|(?:番号|No\.?)[ :]{0,2}(?P<plain>[A-Z]?-?[0-9]{3,10}(?:-[0-9]{1,8})?)(?![0-9A-Za-z])"
    r"|(?P<bare>(?<![0-9A-Za-z-])[0-9]{5,8})(?![0-9A-Za-z年月日円件人冊,.-]))"
)


class WelfareIdRecognizer(Recognizer):
    """ケース番号 12-0834, 療育手帳B1（第B-55281号）, 児童生徒番号 2022-1-0458."""

    kind = "JP_WELFARE_ID"
    ja = "福祉・学校の番号(手帳番号など)"

    def find(self, page: Page) -> Iterable[Hit]:
        plain = figures(page)
        for match in _BOOK.finditer(plain.text):
            yield plain.hit(
                *match.span(next(name for name in ("value", "plain", "bare") if match[name])), 0.9, "cue"
            )
        if _SCHOOL.search(plain.text):
            for match in _PUPIL.finditer(plain.text):
                yield plain.hit(*match.span(), 0.6, "context")
        yield from _NUMBER.find(page)
