"""在留カードと特別永住者証明書の番号: two letters, eight digits, two letters. Nothing else looks like it."""

import re
from collections.abc import Iterable

from redaction.cues import Labelled, spaced
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_OWN = re.compile(r"(?<![0-9A-Za-z_-])[A-Z]{2} ?[0-9]{4} ?[0-9]{4} ?[A-Z]{2}(?![0-9A-Za-z_-])")
# Mistyped or read badly: a letter or a digit too many, but beside the word.
_NUMBER = Labelled(
    spaced(("在留カード", "在留番号", "特別永住者証明書", "外国人登録証")) + "|[Rr]esidence [Cc]ard",
    r"(?<![0-9A-Za-z])[A-Za-z]{2}[ -]?[0-9]{7,9}[ -]?[A-Za-z]{1,2}(?![0-9A-Za-z])",
)


class ResidenceCardRecognizer(Recognizer):
    """AB82047715CD."""

    kind = "JP_RESIDENCE_CARD"
    ja = "在留カードの番号"

    def find(self, page: Page) -> Iterable[Hit]:
        for match in _OWN.finditer(page.text):
            yield Hit(*match.span(), 0.9, "pattern")
        yield from _NUMBER.find(page)
