"""Numbers under a label that nobody listed, beside a person: 減免番号 25-417, 事案ID A-0318, № 25-77.

Whatever is numbered in a file about somebody is taken for theirs, unless the label says that it is a thing's
or an office's: 法人番号, 型番, 議案第3号. On a page about nobody nothing is found.
"""

import re
from collections.abc import Iterable

from redaction.cues import NUMBER
from redaction.facts.told import MAYBE
from redaction.figures import figures
from redaction.page import Hit, Page
from redaction.recognizers.base import BesideSomebody

_LABEL = re.compile(
    r"(?P<label>[一-鿿ァ-ヶーA-Za-z]{0,10})(?:番 ?号|[Nn][Oo]\.?|№|ID|コード)[ :はがを=「(]{1,3}(?:第 ?)?"
    rf"(?P<value>{NUMBER})"
)
_IMPERSONAL = re.compile(
    r"法人|企業|自治体|公費|負担者|記号|フレーム|記番号$|記$|事業[所者]|保険者|団体|金融|銀行|店|支店|郵便|型|品|製造|製品|機種|機器|部品|シリアル|メーター|計器|車台|棚|簿冊|文書|議案|請願|条例|告示|公告"
    r"|登録|指定|許可|認可|工事|路線|橋|区画|部屋|室|階|席|内線|電話|FAX|ページ|頁|図|表|様式|書式|版|項目|科目|款|節|予算|伝票|発注|注文|見積|請求|納品|契約|入札"
    r"|出席|背|年度|学|分類|国|地域|市町村|エラー|JAN|ISBN|QR|バー|ソース|商品|カタログ|型式|公用車|備品|資産|証明|医療機関|課|係|連絡|問|質問"
)
_BELIEVED = 0.5


class NumberedRecognizer(BesideSomebody):
    """減免番号 25-417 in a file about somebody."""

    kind = "JP_MUNICIPAL_ID"
    ja = "自治体の番号(宛名番号など)"
    beside = _BELIEVED

    def find(self, page: Page) -> Iterable[Hit]:
        plain = figures(page)
        for match in _LABEL.finditer(plain.text):
            before = plain.text[max(0, match.start() - 4) : match.start()].rpartition("\n")[2]
            if not _IMPERSONAL.search(before + match["label"]):
                yield plain.hit(*match.span("value"), MAYBE, "cue")
