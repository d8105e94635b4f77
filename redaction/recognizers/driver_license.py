"""運転免許証の番号: twelve digits beside the word. No check digit is tried: none is official.

Without the word twelve digits may be anything, a My Number first of all.
"""

from collections.abc import Iterable

from redaction.cues import Labelled, spaced
from redaction.digits import EDGE_AFTER, EDGE_BEFORE, WITHIN
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_NUMBER = Labelled(
    spaced(("免許証", "運転免許", "運転経歴証明書", "免許番号")) + "|[Dd]river'?s? [Ll]icen[sc]e",
    rf"{EDGE_BEFORE}[0-9](?:{WITHIN}[0-9]){{11}}{EDGE_AFTER}",
)


class DriverLicenseRecognizer(Recognizer):
    """運転免許証番号 第618397600690号."""

    kind = "JP_DRIVER_LICENSE"
    ja = "運転免許証の番号"

    def find(self, page: Page) -> Iterable[Hit]:
        return _NUMBER.find(page)
