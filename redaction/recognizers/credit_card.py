"""Credit cards: 14 to 16 digits that begin as a known card does and pass Luhn (ISO/IEC 7812-1).

Beside a word for a card also those that do not pass: a mistyped number is still nearly somebody's.
"""

import re
from collections.abc import Iterable

from redaction import cues
from redaction.figures import figures
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_CARD = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9][-.])[2-6][0-9](?:[ \-]?[0-9]){12,14}(?![0-9A-Za-z])(?![-.][0-9])"
)
# Visa 4; Mastercard 51-55, 2221-2720; JCB 3528-3589; American Express 34, 37; Diners 30, 36, 38, 39;
# Discover 6011, 65; UnionPay 62.
_ISSUER = re.compile(
    r"4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|35(?:2[89]|[3-8])|3[47]|3[0689]|6011|65|62"
)
_CUE = re.compile(
    r"カードの?番号|カードNo|クレジット|デビット|クレカ|VISA|Visa|MasterCard|Mastercard|マスターカード|JCB|AMEX|アメックス|[Cc]redit"
)


class CreditCardRecognizer(Recognizer):
    """4111 1111 1111 1111, 4111-1111-1111-1111, 4111111111111111."""

    kind = "CREDIT_CARD"
    ja = "カード番号"

    def find(self, page: Page) -> Iterable[Hit]:
        plain = figures(page)
        for match in _CARD.finditer(plain.text):
            digits = re.sub("[ -]", "", match.group())
            if not _ISSUER.match(digits) or len(set(digits)) == 1:
                continue
            if luhn(digits):
                yield plain.hit(*match.span(), 0.95, "checksum")
            elif cues.before(plain.text, match.start(), _CUE, 20):
                yield plain.hit(*match.span(), 0.8, "cue")


def luhn(digits: str) -> bool:
    """Every second digit from the right doubled, digits of the products added: a multiple of ten."""
    doubled = (int(d) * (2 if place % 2 else 1) for place, d in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
