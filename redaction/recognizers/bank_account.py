"""Bank accounts: seven digits after 普通, 当座 or 口座番号; ゆうちょ 記号 and 番号.

There is no usable check digit, so a word that says so is always required.
"""

import re
from collections.abc import Iterable

from redaction import cues
from redaction.digits import EDGE_AFTER, EDGE_BEFORE
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_SEVEN = re.compile(
    rf"{EDGE_BEFORE}[0-9]{{3}}[ \-]?[0-9]{{4}}{EDGE_AFTER}|{EDGE_BEFORE}[0-9]{{6,8}}{EDGE_AFTER}"
)
_DIRECT = re.compile(
    r"(?:(?:普通|当座|貯蓄)(?:預金|貯金)?|総合口座|\((?:普|当)\)|[普当])(?:口座)?"
    r"[ :)・/]{0,3}(?:番号|No\.?|口座番号)?[ :.)]{0,3}$"
    r"|(?:口座番号|口座No\.?|口座|振込先)[^0-9\n。]{0,8}\n?[^0-9\n。]{0,4}$"
)
_BANK = re.compile(
    r"銀行|信用金庫|信金|信用組合|信組|農協|農業協同組合|JA|労働金庫|労金|支店|本店|出張所|口座|ゆうちょ|振込|預金"
)
_CELL = re.compile(r"口座番号|口座")
_POST = re.compile(
    rf"{EDGE_BEFORE}(?P<sign>1[0-9]{{4}})(?:[ \-,、/]{{1,3}}(?:番号)?[ :]{{0,2}}|番号[ :]{{0,2}})"
    rf"(?P<number>[0-9]{{2,8}}){EDGE_AFTER}"
)
_POST_CUE = re.compile(r"ゆうちょ|郵便貯金|通常貯金|総合口座|記号|貯金")
_SIGN = re.compile(
    r"記号[ :.]{0,2}(1[0-9]{4})(?![0-9])[^0-9\n]{0,6}\n?[^0-9\n]{0,6}番号[ :.]{0,2}([0-9]{2,8})(?![0-9])"
)
_INSURANCE = re.compile(r"保険証|被保険者|保険者")


class BankAccountRecognizer(Recognizer):
    """普通 1234567, 口座番号：1234567, ゆうちょ 記号14080 番号12345671."""

    kind = "JP_BANK_ACCOUNT"
    ja = "口座番号"

    def find(self, page: Page) -> Iterable[Hit]:
        text = page.text
        for match in _SEVEN.finditer(text):
            start, end = match.span()
            named = _DIRECT.search(text[max(0, start - 24) : start])
            at_a_bank = named and _BANK.search(text[max(0, start - 60) : start])
            if at_a_bank or cues.under(page, start, end, _CELL):
                yield Hit(start, end, 0.9, "cue")
        yield from self._post(text)

    def _post(self, text: str) -> Iterable[Hit]:
        """記号 and 番号 are two numbers with words between: two findings, the words stay."""
        for match in _SIGN.finditer(text):
            if not _INSURANCE.search(text, max(0, match.start() - 30), match.start()):
                yield Hit(*match.span(1), 0.9, "cue")
                yield Hit(*match.span(2), 0.9, "cue")
        for match in _POST.finditer(text):
            if cues.before(text, match.start(), _POST_CUE):
                yield Hit(*match.span("sign"), 0.85, "cue")
                yield Hit(*match.span("number"), 0.85, "cue")
