"""Numbers that the ledger must not keep where people write freely: names, reasons, what was looked for.

    123456789018, 1234-5678-9018, c12345678.9018, 1234（5678）9018      a My Number: the check digit is right
    12345678901, 1234-5678-901                                           as long as a 住民票コード
    2026-11-23-123456, 20261123001, 090-1234-5678                        a date, a telephone: neither
    01KCQ2Z5XBQ6M1V0J9R8T7C4WD                                           an exchange of ours: made by chance

What is written once stays for years and cannot be taken back, so that in doubt a number is one. Pure: it finds
no names, masks nothing, and never says what it saw.
"""

import re
import unicodedata
from collections.abc import Iterator

REFUSAL = (
    "個人番号・住民票コードに見える数字は、台帳に残せません。消してからもう一度実行してください"
    " / A number that looks like a My Number or a resident code is not kept in the ledger: leave it out"
)

_FIGURES = str.maketrans("〇零一壱壹二弐貳三参參四五六七八九", "00111222333456789")
_ROW = re.compile(r"[0-9]+(?:(?:\W|_){1,5}[0-9]+)*")
_EXCHANGE = re.compile(r"(?<![0-9A-Za-z])(?=[0-9]*[A-Z])[0-7][0-9A-HJKMNP-TV-Z]{25}(?![0-9A-Za-z])")
_DAY = re.compile(
    r"(?<![0-9])(?<![0-9][._/-])(?:19|20)[0-9]{2}([._/-])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12][0-9]|3[01])(?![0-9])"
)
_DATED = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
"""The first digits of a reference number such as 20261123001, too."""


def may_be_somebodys(text: str) -> bool:
    """Whether digits that stand together are as many as a My Number or a 住民票コード has, and may be one."""
    plain = unicodedata.normalize("NFKC", text).translate(_FIGURES)
    plain = "".join(str(unicodedata.decimal(letter, letter)) for letter in plain)
    plain = _DAY.sub("/day", _EXCHANGE.sub("/exchange/", plain))
    return any(_is_one(row) for match in _ROW.finditer(plain) for row in _rows(match.group()))


def _rows(written: str) -> Iterator[str]:
    """Every row of neighbouring groups that is no longer than a My Number."""
    groups = re.findall("[0-9]+", written)
    for first in range(len(groups)):
        row = ""
        for group in groups[first : first + 12]:
            row += group
            if len(row) > 12:
                break
            yield row


def _is_one(digits: str) -> bool:
    if _DATED.match(digits):
        return False
    return (len(digits) == 12 and _passes(digits)) or (len(digits) == 11 and digits[0] != "0")


def _passes(twelve: str) -> bool:
    """Check digit: 平成26年総務省令第85号第5条."""
    weights = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    rest = sum(int(digit) * weight for digit, weight in zip(twelve, weights, strict=False)) % 11
    return int(twelve[11]) == (0 if rest <= 1 else 11 - rest)
