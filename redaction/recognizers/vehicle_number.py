"""ナンバープレート: 大阪 500 あ 12-34, and of small motorcycles 高槻市 か 4471 beside a word for them.

道路運送車両法施行規則 様式: the place of the office, a class of two or three signs, a kana, four digits in
which a dot stands for a leading nothing.
"""

import re
from collections.abc import Iterable

from redaction import cues
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer
from redaction.wordlist import words

PLACES = words("""
札幌 函館 室蘭 苫小牧 釧路 知床 帯広 北見 旭川 宮城 仙台 秋田 山形 庄内 青森 八戸 弘前 岩手 盛岡 平泉 福島
会津 郡山 白河 いわき 水戸 土浦 つくば 宇都宮 那須 とちぎ 日光 群馬 前橋 高崎 大宮 川口 所沢 川越 熊谷 春日部 越谷
千葉 成田 習志野 市川 船橋 袖ヶ浦 市原 野田 柏 松戸 品川 世田谷 練馬 杉並 板橋 足立 江東 葛飾 江戸川 八王子 多摩
横浜 川崎 湘南 相模 平塚 厚木 山梨 富士山 新潟 長岡 上越 長野 松本 安曇野 諏訪 南信州 富山 石川 金沢 福井 岐阜 飛騨
静岡 浜松 沼津 伊豆 名古屋 豊橋 三河 岡崎 豊田 尾張小牧 一宮 春日井 三重 鈴鹿 四日市 伊勢志摩 滋賀 京都 大阪
なにわ 和泉 堺 奈良 飛鳥 和歌山 神戸 姫路 鳥取 島根 出雲 岡山 倉敷 広島 福山 山口 下関 徳島 香川 高松 愛媛 高知
福岡 北九州 久留米 筑豊 佐賀 長崎 佐世保 熊本 大分 宮崎 鹿児島 奄美 沖縄
""")
"""What a plate may begin with."""

_KANA = "[あいうえかきくけこさすせそたちつてとなにぬねのはひふほまみむめもやゆよらりるれろわをA-Z]"
_FOUR = r"(?:[0-9]{1,2} ?- ?[0-9]{2}|[・.\-][0-9]{4}|[・.]{1,3} ?-?[ ・]?[0-9]{1,3}(?:-[0-9]{2})?|[0-9]{1,4})(?![0-9A-Za-z])"
_PLATE = re.compile(
    rf"(?:{'|'.join(PLACES)}) ?(?P<class>[0-9]{{1,2}}[0-9A-Z]) ?(?P<kana>{_KANA}) ?(?P<four>{_FOUR})"
)
_BARE = re.compile(rf"(?<![0-9A-Za-z])[0-9]{{2}}[0-9A-Z] ?{_KANA} ?[0-9]{{2}}-[0-9]{{2}}(?![0-9])")
_NO_CLASS = re.compile(rf"(?:{'|'.join(PLACES)}) {_KANA} [0-9]{{1,2}}-?[0-9]{{2}}(?![0-9A-Za-z])")
_SMALL = re.compile(
    rf"[一-鿿ヶケ]{{1,4}}[市区町村](?: [ぁ-んA-Z] | ?[あいうえきくけこさすせそたちつてなぬねひふほまみむめやゆよらりるれろわ] ?){_FOUR}"
)
_CUE = re.compile(
    r"ナンバー|車両|車輌|登録番号|自動車|軽四|原付|原動機付|バイク|単車|標識|プレート|車番|車検|所有者|使用者|軽貨物|通勤|車|軽トラ|トラック|違反"
)


class VehicleNumberRecognizer(Recognizer):
    """大阪 500 あ 12-34, なにわ301ひ・8-05."""

    kind = "JP_VEHICLE_NUMBER"
    ja = "自動車の登録番号"

    def find(self, page: Page) -> Iterable[Hit]:
        text = page.text
        for match in _PLATE.finditer(text):
            if not match["four"].isdecimal() or _cued(page, *match.span()):
                yield Hit(*match.span(), 0.9, "pattern")
        for pattern in (_BARE, _SMALL, _NO_CLASS):
            for match in pattern.finditer(text):
                if _cued(page, *match.span()):
                    yield Hit(*match.span(), 0.8, "cue")


def _cued(page: Page, start: int, end: int) -> bool:
    beside = cues.before(page.text, start, _CUE, 20) or cues.after(page.text, end, _CUE, 6)
    return beside or cues.under(page, start, end, _CUE)
