"""International bank account numbers: ISO 13616, with check digits (ISO 7064 MOD 97-10) and the length each
country has. In groups of four or in one run.
"""

import re
from collections.abc import Iterable

from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_LENGTHS = dict(
    (code, length)
    for length, codes in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL", 19: "MK SI", 20: "AT BA EE KZ LT LU XK",
        21: "CH HR LI LV", 22: "BG BH DE GB GE IE ME RS", 23: "AE GI IL IQ", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT", 26: "IS TR", 27: "FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU", 31: "MT SC", 32: "LC",
    }.items()
    for code in codes.split()
)  # fmt: skip
"""Characters of an IBAN by country, from the SWIFT registry."""
_BEGIN = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{2}(?=[ \-]?[0-9A-Z]{4})")
_REST = re.compile(r"(?:[ \-]?[0-9A-Z]){11,30}")
_LONGEST = 68


class IbanCodeRecognizer(Recognizer):
    """DE89 3704 0044 0532 0130 00, GB29NWBK60161331926819."""

    kind = "IBAN_CODE"
    ja = "国際銀行口座番号（IBAN）"

    def find(self, page: Page) -> Iterable[Hit]:
        for match in _BEGIN.finditer(page.text):
            end = _end(page.text, match.start(), match.end(), _LENGTHS.get(match.group()[:2], 0))
            if end and _checks(page.text[match.start() : end]):
                yield Hit(match.start(), end, 0.95, "checksum")


def _end(text: str, start: int, at: int, length: int) -> int:
    """Where the number ends that has so many letters and digits; 0 where it goes on or stops short."""
    rest = _REST.match(text, at, min(len(text), start + _LONGEST))
    if not length or rest is None:
        return 0
    left = length - 4
    for place in range(at, rest.end()):
        left -= text[place].isalnum()
        if not left:
            goes_on = re.match(r"[0-9A-Za-z]", text[place + 1 : place + 2])
            return 0 if goes_on else place + 1
    return 0


def _checks(number: str) -> bool:
    plain = re.sub(r"[ \-]", "", number)
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1
