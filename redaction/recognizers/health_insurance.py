"""医療保険の記号・番号・枝番, 後期高齢者医療の被保険者番号. 記号 and 番号 are two findings; the words stay.

The insurer's own number (保険者番号) is not personal. A 記号 of ゆうちょ is a bank account: where the
page last spoke of a bank it is left to that file.
"""

import re
from collections.abc import Iterable

from redaction.cues import Labelled
from redaction.digits import EDGE_AFTER, EDGE_BEFORE
from redaction.figures import figures
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_INSURANCE = re.compile(
    r"保 ?険 ?証|保 ?険 ?者|健康保険|国保|社保|協会けんぽ|健保|共済|資格確認書|資格情報|後期高齢|枝番|被扶養者|組合員証|加入者証"
)
_BANK = re.compile(r"ゆうちょ|郵便貯金|貯金|口座|振込|銀行")
_CODE = r"[0-9A-Za-z一-鿿ぁ-んァ-ヶ・]"
_SIGN = r"(?:[一-鿿ァ-ヶA-Za-z]{1,4}[のー・ -]?(?:[0-9]{1,8}|[一二三四五六七八九十〇]{1,4})|[0-9]{1,8}(?:[-・ ][0-9]{1,4})?|[一-鿿ァ-ヶ]{1,5})"
_NUMBER = r"[0-9]{1,8}(?:-[0-9]{1,6})?"
_PAIR = re.compile(
    rf"記 ?号 ?(?:[は:=がも]|が、)? ?(?P<sign>{_SIGN})(?: ?で ?)?[ 、,・/\n\t-]{{0,6}}番 ?号 ?[は:=がも]? ?(?P<number>{_NUMBER})"
    rf"(?![0-9A-Za-z])(?:[^0-9\n]{{0,4}}枝 ?番(?:号)?[ はが:]{{0,2}}(?P<branch>[0-9]{{1,2}}))?"
)
_BRANCH = re.compile(r"枝 ?番(?:号)?[ は:=]{0,3}(?P<branch>[0-9]{2})(?![0-9])")
_JOINED = re.compile(
    rf"記 ?号 ?(?:[・･/及びと、]{{1,2}} ?)?番 ?号(?: ?[・、] ?枝番)?[ は:=\n]{{0,4}}(?P<sign>{_SIGN})[ ・-]{{1,3}}(?P<number>{_NUMBER})(?![0-9])"
)
_HOLDER = Labelled(
    r"被 ?保 ?険 ?者 ?番 ?号|後期高齢者?医療(?:被保険者)?(?:証)?番号|(?:保険証|国保|資格確認書|被保険者証)(?:の)?番号|被保険者証(?:の)?番号",
    rf"{EDGE_BEFORE}(?:[0-9]{{6,8}}|[0-9]{{4}}[ -][0-9]{{4}}){EDGE_AFTER}",
)


class HealthInsuranceRecognizer(Recognizer):
    """記号 高槻9 番号 2208174 枝番 02; 後期高齢者医療 被保険者番号 04418837."""

    kind = "JP_HEALTH_INSURANCE"
    ja = "健康保険の記号・番号"

    def find(self, page: Page) -> Iterable[Hit]:
        plain = figures(page)
        text = plain.text
        if _INSURANCE.search(text) or _JOINED.search(text):
            for pattern in (_PAIR, _JOINED):
                for match in pattern.finditer(text):
                    if not _of_a_bank(text, match):
                        for name in ("sign", "number", "branch"):
                            if match.groupdict().get(name):
                                yield plain.hit(*match.span(name), 0.9, "cue")
            for match in _BRANCH.finditer(text):
                yield plain.hit(*match.span("branch"), 0.8, "cue")
        yield from _HOLDER.find(page)


def _of_a_bank(text: str, match: "re.Match[str]") -> bool:
    """Whether ゆうちょ or another word of banks stands nearer before the pair than one of insurance."""
    near = text[max(0, match.start() - 50) : match.start()]
    bank = max((found.end() for found in _BANK.finditer(near)), default=-1)
    insurance = max((found.end() for found in _INSURANCE.finditer(near)), default=-1)
    return bank > insurance
