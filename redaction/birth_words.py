"""What tells a date of birth from any other date: the words around it. Pure functions."""

import re

from redaction.once import once
from redaction.page import Page

CUE = re.compile(
    r"生 {0,3}年 {0,3}月 {0,3}日|誕生日|(?<![年月日])お?生まれ(?=[は がの:\n]|$)|生れ(?=[は がの:\n]|$)|うまれ(?=[は がの:\n]|$)|出生(?!届|率|数|時)|生年|(?:[Dd]ate of )?[Bb]irth(?:day|_?date|_ymd)?|DOB|dob"
    r"|[Bb]orn(?: on| in)?|seinengappi|バースデー"
)
OTHER_DATE = re.compile(
    r"年[^年\n]{0,6}日|届出|受付|申請|発行|交付|作成|転入|異動|死亡|記入|有効|以前|以後|以降|まで|確認|[0-9]\n|訪問"
)
BORN = re.compile(
    r"^[ )」』\]】]{0,2}(?:\([^)\n]{0,8}\))?[ 、,・/]?"
    r"(?:お?生まれ(?!まで|以|前)|生れ(?!まで|以|前)|うまれ|産まれ|に生|に誕生|の生まれ|付?生(?![一-鿿ま])|ご?誕生(?!会|祭)|に?出生|に?出産(?!予)"
    r"|[(・ 、/,]{0,3}(?:満|当時|現在|年齢)? ?[0-9一二三四五六七八九十]{1,3} ?(?:[歳才]|か月|ヶ月|カ月)(?!以|未|児|から|まで|に達|になる|[^。\n]{0,12}(?:他界|死去|亡く|没|逝去|永眠))"
    r"|[ ,、・/|\t]{0,3}[(]?[男女](?:性|児)?(?![一-鿿]))"
)
_EVENT = (
    "から|より|まで|以降|以後|以前|現在|付け?|時点|締|受付|受理|申請|届|提出|作成|発行|交付|転入|転出|転居|異動|訪問|来庁|来所|来館|電話(?![ :0-9])|面談"
    "|面接|開催|実施|施行|改正|決裁|起案|着任|就任|退任|採用|退職|入職|入社|死亡|没|逝去|撮影|確認|更新|終了|開始|返却|返納|貸出|予約|契約|締結|登録|記入"
    "|記録|報告|送付|到着|入所|入院|退院|認定|有効|満了|支払|納付|入金|振込|議決|可決|公布|告示|制定|竣工|頃|ごろ|に[^生]|は|の[^生]|を|も|、?[0-2]?[0-9]時|[ T(]?[0-2]?[0-9]:[0-5]"
)
AFTER = re.compile(
    rf"^(?:[ (]?\(?[月火水木金土日][)曜]| {{0,2}}(?:{_EVENT})|[ ]{{0,2}}[-~〜～―–][ ]{{0,2}}[0-9一-鿿MTSHR])"
)
"""What follows a date of something else: a weekday, an hour, a span of time, what happened then."""

_ROLE = re.compile(
    r"担当|記録|作成|受付|報告|確認|記入|起案|決裁|発行|撮影|議長|市長|町長|知事|相談員|調査員|訪問者|処理|入力|更新|著|編|作"
    r"|講師|発言|委員|司会|提出者|執筆|文責|演者|登壇|監督|理事長|会長|館長|主査|係長|課長|部長"
)
_OTHER_COLUMN = re.compile(
    "(?:満了|有効|満期|購入|注文|貸出|返却|受付|申請|交付|発行|届出|認定|支払|納付|完了|実施|利用|予約|採用|異動|購買|納品|発注|作業|訪問"
    "|検査|点検|更新|登録|最終|開始|終了|取得)(?:年月)?日|期限|日付|日時|納期"
)
_HONORIFIC = "様|さん|さま|氏|君|くん|ちゃん|殿"
_OPEN = re.compile(
    rf"(?P<who>[^(),、。:;/|「」\[\]\n]{{0,14}}?)(?P<honorific>{_HONORIFIC})? ?(?:\([^()\n]{{1,12}}\) ?)?[(\[〔] ?(?:生年月日)?[: ]?$"
)
_TWO_WORDS = re.compile(r"(?:^|[ 　:(])[一-鿿々ヶ]{1,4} [一-鿿ぁ-んァ-ヶー々]{1,5}$")
_KANJI_KANA = re.compile(r"(?:^|[ :)])[一-鿿々ヶ]{1,4} (?:[ぁ-ん]{2,5}|[ァ-ヶー]{2,6})[ 、,|\t]{1,4}$")
_JOINED = re.compile(
    rf"(?:{_HONORIFIC})?(?:\([^()\n]{{1,12}}\))?[ 、,・/|\t]{{1,4}}$|(?:\([^()\n]{{1,12}}\))$"
)
_CLOSE = re.compile(
    r" ?(?:[)\]〕]|生|[、, ]{1,2}(?:[0-9]{1,3}[歳才]|[男女]|〒|[一-鿿]{2,4}[市区町県府都])|[0-9]{1,3}歳)"
)
_OF_A_PAPER = re.compile(r"[0-9](?:号|条|回|版)[ )]{0,2}$")
_RELATIVE = re.compile(
    "(?:本人|世帯主|配偶者|[妻夫父母子孫兄姉弟妹児]|[長次二三四五][男女]|養[子女]|同居人|被扶養者)$"
)
_AGED = re.compile(r"(?:^|[^0-9])[0-9]{1,3}[歳才] ?[ 、(] ?$")
_AGE = re.compile(r" ?\([0-9]{1,3}\)")
_NAMES = ("surname", "given", "person")
_KANA = re.compile(r"[ァ-ヶー・]{2,}|[ぁ-ん]{2,6}|[A-Z][a-z]{2,}|[A-Z]{3,}")
_SENTENCE = ("particle", "verb", "auxiliary")
_LINE = 60
_FEW = 14


def after_a_person(page: Page, start: int, end: int) -> bool:
    """Whether the date stands in brackets right after a name, or as a field of its own in a line of
    fields in which a person is named before it."""
    text = page.text
    begin = max(text.rfind("\n", 0, start) + 1, start - _LINE)
    line = text[begin:start]
    if _ROLE.search(line[-_FEW:]) or _OF_A_PAPER.search(line):
        return False
    if _AGED.search(line) and not _OTHER_COLUMN.search(line):
        return True
    opened = _OPEN.search(line[-40:])
    if opened:
        if not _CLOSE.match(text, end):
            return False
        known = opened["honorific"] or _TWO_WORDS.search(opened["who"]) or _RELATIVE.search(opened["who"])
        return bool(known) or _named(page, begin, start)
    if not _JOINED.search(line):
        return False
    if _of_other_dates(page):
        return False
    field = text[end : end + 1]
    if _AGE.match(text, end):
        field = ""
    own = not field or field in "\n \t,、|/)。です"
    return own and (_KANJI_KANA.search(line) is not None or _named(page, begin, start))


@once
def _of_other_dates(page: Page) -> bool:
    """Whether the page has columns of other dates, 満了日 or 納期, and none of birth."""
    return _OTHER_COLUMN.search(page.text) is not None and CUE.search(page.text) is None


def _named(page: Page, begin: int, start: int) -> bool:
    """A name among the words of the line before, and no sentence after it."""
    named = bracket = False
    for word in page.words_between(begin, start):
        if word.text in ("(", ")"):
            bracket = word.text == "("
        elif bracket:
            continue
        elif word.kind in _NAMES or (word.unknown and _KANA.fullmatch(word.text)):
            named = True
        elif word.kind in _SENTENCE and word.text != "の" and word.end - word.begin < 3:
            named = False
    return named
