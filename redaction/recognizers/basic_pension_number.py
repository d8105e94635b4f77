"""基礎年金番号: four digits and six. The check digit is not public: none is tried.

Bare it is a number like any other; on a page about pensions the hyphen between the fourth and the fifth
digit says enough.
"""

from collections.abc import Iterable

from redaction.cues import Labelled, spaced
from redaction.digits import EDGE_AFTER, EDGE_BEFORE
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_CUES = ("基礎年金番号", "年金番号", "年金手帳", "国民年金", "厚生年金", "老齢年金", "年金証書", "年金")
_NO_AMOUNT = "(?! ?[円件人])"
_NUMBER = Labelled(
    spaced(_CUES) + "|[Bb]asic [Pp]ension",
    rf"{EDGE_BEFORE}[0-9]{{4}}[ -]?[0-9]{{6}}(?:-[0-9]{{4}})?{EDGE_AFTER}{_NO_AMOUNT}",
    own=rf"{EDGE_BEFORE}(?:[1-9][0-9]{{3}}[ -][0-9]{{6}}|(?<=[\n\t ,|])[1-9][0-9]{{9}}(?=[\n\t ,|])){EDGE_AFTER}{_NO_AMOUNT}",
)


class BasicPensionNumberRecognizer(Recognizer):
    """基礎年金番号 1024-558317; in a list about pensions also without the words."""

    kind = "JP_BASIC_PENSION_NUMBER"
    ja = "基礎年金番号"

    def find(self, page: Page) -> Iterable[Hit]:
        return _NUMBER.find(page)
