"""Programme text: whether words speak of everybody a rule applies to and not of one person. Pure functions.

統合失調症の方は申請できます speaks of everybody; 統合失調症で通院中 beside a name does not.
"""

import re

_EVERYBODY = r"(?:方(?![向法針面言角])|かた(?:は|が|も|に)|人(?![工間口]|格)|患者|児童|世帯|高齢者|子ども|お子|保護者|皆|職員|社員|従業員|生徒|学生|利用者|家族|市民|住民|入居者|対象者|相談者|受給者|者(?:数|等|は|が|に|も|を|へ|の|、))"
_AFTER = re.compile(
    r"[」』)\"]?(?:等|など|といった)?の?"
    r"(?:(?:の|が|を|で|に|と)?(?:症状|疑い|既往|障がい|障害|診断|認定|治療|治療中|通院|療養中?|手帳|機能|状態|等級|区分)?"
    r"(?:が|の|を|で|に|と|、)?"
    r"(?:ある|あり|受けた|受けている|受けておられる|受給している|受給中の|お持ちの|持つ|有する|かかった|かかっている|診断された"
    r"|認定された|通院中|通院している|療養中|該当する|利用している|利用する|お使いの|必要な|暮らす|悩む|罹患した|なった|なられた)?の?)"
    + _EVERYBODY
)
_AFTER_TOPIC = re.compile(
    r"[」』)\"]?(?:等|など)?の?(?:とか|講演|講座|教室|研修|予防|検診|健診|検査(?!で|の結果|入院|値)|制度|案内|基準|調査|対策|啓発|週間|月間"
    r"|家族会|患者会|理解|特集|パンフ|リーフ|図書|本(?:を|の|は|棚)|バリアフリー|サポーター|カフェ|について(?:の|知|学|考|は|、)"
    r"|とは|にな(?:って|ったら|らない)|に備え|にやさしい|と(?:共|とも)に|患者数|件数|率|支援センター|相談(?:室|窓口|会|センター|ナビ|ダイヤル|員|対応)|防止|ワクチン|定期接種|学級|協会|学会"
    r"|専門|外来|法(?:第|に|の|律)|条例|プログラム|プロジェクト|ガイド|マニュアル|ケア(?!マネ)|型の|に関する|を知る|を学ぶ|発生動向|流行"
    r"|センター|病棟|施設(?!に|入)|事業|会議|協議会|計画(?!書)|ゼロ|撲滅|注意報|警報|予報|の(?:特徴|原因|種類|早期発見|症状(?:や|は|と(?!し)|に)))"
)
_AFTER_GRADE = re.compile(
    r" ?(?:以上|以下|未満|相当|程度|レベル|から(?!の)|又は|または|及び|もしくは|若しくは|[~\-・〜、,/]? ?[0-9](?![0-9.月年/])(?!\))(?:級|まで|以|・|の方|でも|$|[^0-9]))"
)
_COUNT = re.compile(
    r"(?:\([0-9A-Za-z]{1,6}\))?(?:[ :|,、\t)=]|の|は|が|者|件数|数|割合|世帯){0,6}[0-9][0-9,.]*(?:人|件|名|%|世帯|パーセント|円|千円|歳以上)"
    r"|[ :|\t]{1,3}[0-9]{1,3}\.[0-9]{1,2}(?![0-9./年月])"
)
_EVENT = re.compile(
    r"講演|講師|セミナー|講座|研修|開催|定員|募集|主催|著|相談会|教室|イベント|展示|学会|シンポジウム|参加費|お知らせ|ご案内|制度の|パンフレット"
)
_SENTENCE = re.compile(
    r"(?:[のたるいな中])(?:方|人|かた)(?![法向針面言角工格間口])|対象(?:です|とな|に?な[りる]|とし|者は|者が|者に|は|とする|外)"
    r"|場合(?:は|が|も|に|、)|でき(?:ます|る。)|受けられ|いただけ|ください|下さい|ましょう|ませんか|とは|一般に|統計|割合|推計"
    r"|件数|人数|[0-9,]+(?:人|件|世帯|%|名)|制度|条例|法第|第[0-9]+条|基準|以上|以下|助成|無料|講演|研修|予防|啓発|型である|型があ"
    r"|など(?:の|が|を|、)|(?:方|人|件|相談|数)[がもは]?(?:年々)?(?:増え|増加)|めざ|目指|推進|取組|重要|大切|議案|予算|事業費|千円|委員会"
)
_PERSONAL = re.compile(
    r"私(?:は|が|も|の|、)|わたし|本人|主人|(?:祖|義|実)?(?:父|母)|夫|妻|息子|娘|長男|長女|次男|次女|三男|三女|兄|姉|弟|妹"
    r"|孫|同居|世帯主|(?<![A-Za-z])(?:I|[Mm]y)(?![A-Za-z])"
)


def of_everybody(text: str, start: int, end: int, since: int | None = None) -> bool:
    """What follows (or a number, or an event named beside it) says that no one person is meant.

    ``since``: where the person begins whom the sentence speaks of. An event named before that person, or in
    the next sentence, says nothing then: 講座に申し込まれた山田様は、身体障害者手帳2級をお持ちです。講座は……
    """
    after = text[end : end + 48].partition("\n")[0]
    if _AFTER.match(after) or _AFTER_TOPIC.match(after) or _COUNT.match(after):
        return True
    if text[end - 1 : end] in "0123456789級A" and _AFTER_GRADE.match(after):
        return True
    before = text[max(0, start - 32, since or 0) : start]
    line = before[before.rfind("\n") + 1 :]
    following = after[:24] if since is None else after[:24].partition("。")[0]
    return _EVENT.search(line + following) is not None or _titled(line, after)


def in_general(text: str, start: int, end: int) -> bool:
    """The sentence gives a rule, a figure or advice."""
    begin, stop = sentence(text, start, end)
    return _SENTENCE.search(text, begin, start) is not None or _SENTENCE.search(text, end, stop) is not None


def personal(text: str, start: int, end: int) -> bool:
    """The sentence speaks of oneself or of a member of the family."""
    begin, stop = sentence(text, start, end)
    return _PERSONAL.search(text, begin, stop) is not None


def sentence(text: str, start: int, end: int) -> tuple[int, int]:
    """Where the sentence (or line) of a fact begins and ends, at most 120 characters to each side."""
    near = text[max(0, start - 120) : start]
    cut = max(near.rfind("。"), near.rfind("\n"))
    after = re.search(r"[。\n]", text[end : end + 120])
    return start - len(near) + cut + 1, end + (after.start() if after else min(120, len(text) - end))


def _titled(before: str, after: str) -> bool:
    """A book, a talk or a leaflet of that name: 「うつ病を知る本」, 『がんと生きる』."""
    return before.rfind("『") > before.rfind("』") and "』" in after
