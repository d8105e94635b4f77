"""Bank accounts: seven digits after 普通, 当座 or 口座番号; ゆうちょ 記号 and 番号.

There is no usable check digit, so a word that says so is always required.
"""

import re
from collections.abc import Iterable

from redaction import cues
from redaction.digits import EDGE_AFTER, EDGE_BEFORE
from redaction.figures import Figures, figures
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_NO_AMOUNT = "(?! ?[件円千万台人])"
_SEVEN = re.compile(
    rf"{EDGE_BEFORE}[0-9](?:(?:-?\n {{0,4}})?[0-9]){{6}}{EDGE_AFTER}{_NO_AMOUNT}"
    rf"|{EDGE_BEFORE}[0-9]{{3}}[ \-]?[0-9]{{4}}{EDGE_AFTER}{_NO_AMOUNT}|{EDGE_BEFORE}[0-9]{{6,8}}{EDGE_AFTER}{_NO_AMOUNT}"
)
_DIRECT = re.compile(
    r"(?:(?:普通|当座|貯蓄)(?:預金|貯金)?|総合口座|\((?:普|当)\)|[普当]|口座)(?:口座)?"
    r"[ :)・/のはが、]{0,3}(?:番号|No\.?|口座番号)?[ :.)]{0,3}$"
    r"|(?:口座番号|通帳(?:の?番号)?|口座No\.?|口座|振込先)[^0-9\n。]{0,8}\n?[^0-9\n。]{0,4}$"
)
# A number that closes a bank's and a branch's name, with nothing between: りそな 高槻富田 0276640.
_BRANCH = re.compile(
    r"(?:銀行|信用金庫|信金|信組|信用組合|農協|JA|労金|三井住友|三菱UFJ|三菱|みずほ|りそな|UFJ|住信SBI|楽天|PayPay|ソニー|イオン"
    r"|ネット|池田泉州|泉州|紀陽|京都|南都|関西みらい|滋賀|但馬|尼崎|北おおさか|京都中央|大阪シティ)"
    r"(?:銀行|信用金庫|信金)? ?[一-鿿ぁ-んァ-ヶA-Za-z]{1,10}(?:支店|出張所|営業部)? (?:[0-9]{3} )?$"
)
_KINDS = re.compile(r"(?:定期|定期積金|積立|納税準備|別段|外貨)(?:預金|貯金)?(?:口座)?[ :]{0,2}$")
_BANK = re.compile(
    r"銀行|信用金庫|信金|信用組合|信組|農協|農業協同組合|JA|労働金庫|労金|支店|本店|出張所|口座|ゆうちょ|振込|預金|口座|通帳"
)
_CELL = re.compile(r"口座番号|口座")
_POST = re.compile(
    rf"{EDGE_BEFORE}(?P<sign>1[0-9]{{4}})(?:-[0-9]-|[ \-,、/]{{1,3}}(?:番号)?[ :]{{0,2}}|番号[ :]{{0,2}})"
    rf"(?P<number>[0-9]{{2,8}}){EDGE_AFTER}"
)
_POST_CUE = re.compile(r"ゆうちょ|郵便局|郵便貯金|通常貯金|総合口座|記号|貯金")
_SIGN = re.compile(
    r"記 ?号[はが]?[ :.=]{0,3}(1[0-9]{4})(?![0-9])[^0-9\n]{0,6}\n?[^0-9\n]{0,6}番 ?号[はが]?[ :.=]{0,3}([0-9]{2,8})(?![0-9])"
)
_INSURANCE = re.compile(r"保険証|被保険者|保険者")


class BankAccountRecognizer(Recognizer):
    """普通 1234567, 口座番号：1234567, ゆうちょ 記号14080 番号12345671."""

    kind = "JP_BANK_ACCOUNT"
    ja = "口座番号"

    def find(self, page: Page) -> Iterable[Hit]:
        plain = figures(page)
        text = plain.text
        for match in _SEVEN.finditer(text):
            start, end = match.span()
            if _at_a_bank(text, start) or cues.under(page, *plain.span(start, end), _CELL):
                yield plain.hit(start, end, 0.9, "cue")
        yield from self._post(plain)

    def _post(self, plain: Figures) -> Iterable[Hit]:
        """記号 and 番号 are two numbers with words between: two findings, the words stay."""
        text = plain.text
        for match in _SIGN.finditer(text):
            if not _INSURANCE.search(text, max(0, match.start() - 30), match.start()):
                yield plain.hit(*match.span(1), 0.9, "cue")
                yield plain.hit(*match.span(2), 0.9, "cue")
        for match in _POST.finditer(text):
            if cues.before(text, match.start(), _POST_CUE):
                yield plain.hit(*match.span("sign"), 0.85, "cue")
                yield plain.hit(*match.span("number"), 0.85, "cue")


def _at_a_bank(text: str, start: int) -> bool:
    near = text[max(0, start - 40) : start]
    if _BRANCH.search(near):
        return True
    named = _DIRECT.search(near[-24:]) or _KINDS.search(near[-24:])
    return named is not None and _BANK.search(text[max(0, start - 60) : start]) is not None
