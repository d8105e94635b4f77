"""Illness: where the name of an illness, an injury or an impairment stands. Pure, linear.

A name is found by its ending (炎, 症候群, 骨折) and read leftwards to where the word begins. Endings that
are common outside medicine (障害, 損傷, 閉塞) need a part of the body or of the mind before them.
"""

import re
from collections.abc import Iterable

from redaction.wordlist import words

LONGEST = 18
"""Characters before an ending that may belong to the name."""

ENDINGS = words("""
    症候群 症 病 炎 癌 ガン 腫瘍 肉腫 白血病 リンパ腫 黒色腫 筋腫 血腫 嚢腫 腺腫 水腫 気腫 梗塞 こうそく 不全
    捻挫 ねんざ 脱臼 打撲 麻痺 依存症 結核 喘息 ぜんそく アレルギー てんかん 癲癇 難聴 失語 失明 全盲 弱視
    ポリープ 貧血 不整脈 高血圧 低血圧 ヘルニア 肝硬変 動脈瘤 動脈硬化 塞栓 血栓 緑内障 白内障 側弯 側彎 褥瘡
    潰瘍 せん妄 統合失調 抑うつ うつ状態 双極性障害 双極症 リウマチ 痛風 ヘルペス 梅毒 麻疹 水痘 帯状疱疹
    アナフィラキシーショック アナフィラキシー 筋ジストロフィー ジストロフィー パーキンソン パーキンソニズム アルツハイマー
    エリテマトーデス サルコイドーシス クローン エイズ 細動 停留精巣 口唇裂 口蓋裂 二分脊椎 脳性まひ 小児まひ 片まひ
    半身不随 骨粗しょう症 認知機能低下 低出生体重 言語遅滞 遅滞 後遺症 失禁 幻聴 幻覚 妄想 希死念慮 過呼吸 不眠
    熱傷 火傷 骨折 心房細動 頻脈 徐脈 くも膜下出血 脳出血 眼底出血 胃出血 下血 吐血 喀血 脳卒中 尿毒症
    ダウン症 自閉スペクトラム 自閉症スペクトラム 自閉症スペクトラム障害 注意欠如 学習障害 チック 吃音 場面緘黙 緘黙 腎結石 胆石 尿路結石 尿管結石 ノロウイルス感染
""")
WEAK = words("""
    障害 障がい 障碍 損傷 切断 欠損 欠如 狭窄 閉塞 出血 まひ 発作 結石 中毒 依存 拘縮 壊死 壊疽 奇形 形成不全 萎縮
    機能低下 全摘 切除 摘出 摘出術 移植 手術 腫れ 浮腫 裂傷 挫傷 変形 不随 遅れ 過多 嗜癖
""")
ACRONYMS = words("""
    ADHD ASD PTSD HIV AIDS COPD SLE ALS MRSA OCD BPD PSP MSA SCD IBS IBD SIDS DMD SMA
""")
WHOLE = words("""
    うつ病 産後うつ うつ もやもや病 りんご病 ぎっくり腰 アトピー アトピー性皮膚炎 知的障害 精神障害 発達障害 身体障害 てんかん発作
    ろうあ者 ろう者 聾者 盲ろう者 盲者 難聴者 中途失聴者 白杖 透析 人工透析 血液透析 腹膜透析 透析治療 透析中 人工肛門 人工膀胱 ストーマ ストマ ペースメーカー 胃ろう 胃瘻 経管栄養 気管切開
    人工呼吸器 在宅酸素 寝たきり 植物状態 要精密検査 要再検査 要治療 自殺未遂 自殺企図 自死 リストカット 自傷行為 過量服薬
    オーバードーズ 服毒 ひきつけ 全聾 ろうあ 聾唖 盲ろう 失聴 車いす利用 車椅子利用 車いす生活 車椅子生活 認知症 がん末期
    末期がん 心筋こうそく 脳こうそく ステージ4 末期腎不全 抗がん剤 抗がん剤治療 化学療法 放射線治療 インスリン注射 インスリン
    ホルモン療法 不妊治療 流産 死産 人工妊娠中絶 中絶 切迫早産 早産 妊娠中毒症 マタニティブルー 性同一性障害 性別違和
    同性愛 同性愛者 トランスジェンダー ワクチン後遺症 コロナ感染 コロナ陽性 新型コロナ陽性 陽性反応 指定難病 特定疾患
    自立支援医療 精神科通院 精神科に通院 精神科入院 精神科に入院 心療内科に通院 心療内科 措置入院 医療保護入院
    注意欠如・多動症 注意欠如・多動性障害 注意欠陥・多動性障害 注意欠陥多動性障害 幻視 徘徊 服薬中 内服中 通院治療中 抗うつ薬 睡眠薬 精神安定剤 抗精神病薬
""")
"""Found as they stand."""
ENGLISH = words("""
    cancer diabetes depression dementia schizophrenia autism epilepsy asthma hepatitis stroke tuberculosis leukemia
    lupus HIV AIDS Alzheimer Parkinson pregnant pregnancy miscarriage bipolar anxiety PTSD ADHD disabled disability
    wheelchair dialysis heart-attack Depression Diabetes Cancer Dementia Asthma Epilepsy Hepatitis arthritis bronchitis
    anemia glaucoma cataract pneumonia
""")
_ENGLISH = re.compile(
    r"(?<![A-Za-z])(?:"
    + "|".join(word.replace("-", " ") for word in ENGLISH)
    + r"|sclerosis|[Hh]eart failure|[Mm]ental illness|[A-Za-z]{3,12} disorder)(?:'s disease| disorder| disease)?(?![A-Za-z])"
)
_SORT = re.compile(
    r"(?<![A-Za-z])(?:[Mm]ultiple|[Cc]hronic|[Aa]cute|[Bb]reast|[Ll]ung|[Ll]iver|[Kk]idney|[Ss]tomach|[Pp]rostate|[Tt]ype [12]|[Mm]ajor"
    r"|[Ss]evere|[Tt]erminal) $"
)
_SPOKEN = re.compile(
    r"[右左両](?:[上下]肢|半身|手首|足首|手足|[手足脚腕肩肘膝股目耳眼]|大腿|下腿|胸|腰)の?(?:機能)?(?:を|が|に|は)?"
    r"(?:麻痺|まひ|切断|骨折|失明|欠損|しびれ|不自由|負傷|見えな|聞こえな|動かな)"
    r"|(?:手足|半身|顔面|言語|視力|聴力|上肢|下肢)(?:の|が|に)(?:麻痺|まひ|切断|不自由|障害|障がい)"
    r"|(?:人工呼吸器|在宅酸素|酸素(?:ボンベ|濃縮器)?|ペースメーカー|ストー?マ|胃ろう|義足|義手|補聴器|人工肛門|カテーテル)を?(?:使用|装着|造設|利用|留置)(?:中)?"
    r"|車[いイ椅][すス子]を?(?:利用|使用)|[ァ-ヶー]{3,12}(?:錠)?を?(?:服用|内服)(?:中|して)|(?:新型コロナ(?:ウイルス)?|コロナ|インフルエンザ|ノロウイルス|結核|HIV)に(?:感染|罹患|かか)|余命(?:[0-9一二三四五六七八九十半]{1,3}(?:年|か月|ヶ月|カ月|月)|宣告)"
    r"|(?:目|耳|足|手|体|言葉)が(?:不自由|見えな(?:い|く)|聞こえな(?:い|く))"
)
_WHY = re.compile(r"(?:交通事故|事故|労災|病気|転落|転倒)で$")
_NAMED_IN_BRACKETS = re.compile(
    r"(?:特定疾患|指定難病|難病|障害|障がい|車[いイ椅][すス子]?(?:利用|使用|生活)|基礎疾患|持病|既往症?|病気療養中?)\(([^()\n]{2,30})\)"
)
_WRITTEN_ENGLISH = re.compile(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}")

_PIECE = r"[一-鿿々ァ-ヺー0-9A-Za-zα-ω]|しょう|こうそく|そしょう|もやもや|けい(?!た)|じん|ひざ|のう|うつ|がん|ぜん|かく|い(?=そ)"
_LEFT = re.compile(f"(?:{_PIECE})+$")
_LABEL = re.compile(
    r"^(?:(?:既往歴?|主訴|診断名?|傷病名?|病名|現病歴|現在|本人|患者|持病|基礎疾患|病歴|主病名|死因|長男|長女|次男|次女|三男|三女|祖父|祖母"
    r"|父親?|母親?|夫|妻|兄|姉|弟|妹|息子|娘|義父|義母|昨年|先月|今年|去年|以前|最近|年前|月前|日前|[0-9]+(?:年前?|月|日|歳時?|才)|以来|R[0-9]+))+"
)
_SUFFIX = re.compile("|".join(map(re.escape, (*words(" ".join((*ENDINGS, *WEAK))), "がん"))))
_WHOLE = re.compile("|".join(map(re.escape, WHOLE)))
_ACRONYM = re.compile("(?:" + "|".join(ACRONYMS) + ")(?![A-Za-z])")
_WEAK = frozenset(WEAK)
_GOES_ON = re.compile(
    r"者|児(?!相)|福祉|支援(?!級)|年金|物|対応|手当|基礎|区分|等級|程度|特性|部会|計画|院|棟|室|床|気(?!腫|分)|状(?!態)|弱|名|欠|変(?!形)"
    r"|原|因|休|例|上|天|体|害|後$|院|巣|歴|苦|み|ば[っりるれろ]|ぼ|こ|じ|ぐ|も|ら|センター|ウイルス|診療|医|薬|科|メーカー|検診|健診|性"
)
_MEDICAL = re.compile(
    r"[脳心肺肝腎胃腸膵胆脾膀胱尿血骨筋腱靭髄椎腰頸頚首肩腕肘手指足脚膝股腿肢眼目視網膜耳聴鼻咽喉唇顎歯皮膚乳卵巣宮腺神]"
    r"|精神|認知|知的|発達|身体|内部|機能|言語|音声|学習|情緒|適応|不安|強迫|摂食|睡眠|パニック|双極|人格|パーソナリティ|嚥下|咀嚼"
    r"|気分|行為|解離|解離性|人工|アルコール|薬物|ギャンブル|ゲーム|関節|大動脈|静脈|代謝|免疫|運動|歩行|高次|平衡|性機能|愛着|妊娠|臓器|軽度|重度|重複|性障害|調節"
)
_TECHNICAL = re.compile(
    r"システム|通信|電波|機器|回線|交通|サーバ|ネットワーク|データ|アプリ|設備|端末|ソフト|ハード|電源|接続|サービス|道路|車両|タイヤ"
    r"|管路|側溝|河道|幅員|車線|災害|施設|建物|家屋|樹木|植物|動物|作物|家畜|鳥|豚|果樹|松|ナラ|イネ"
)
_EMPTY = frozenset(
    words("""
    病 症 炎 疾病 発病 看病 闘病 持病 伝染病 重症 軽症 中等症 発症 炎症 感染症 火炎 難病 症候群 不全 障害 障がい 障碍 急病 疫病 万病
    大病 仮病 奇病 成人病 生活習慣病 生活習慣病 性病 合併症 アレルギー 食物アレルギー 後遺症 失禁 既往症 重病 傷病 公害病 職業病  余病
    対症 身体障害 精神障害 知的障害 機能障害 重度障害 軽度障害 手術 移植 クローン 健康障害 発作 出血 身体機能低下 疾患 症 クローン病等 妄想 熱中症警戒
""")
) - {"身体障害", "精神障害", "知的障害", "発達障害", "後遺症", "失禁", "アレルギー", "食物アレルギー", "妄想"}


def illnesses(text: str) -> Iterable[tuple[int, int]]:
    """Where illnesses are named in a folded text. Spans may overlap."""
    for match in _SUFFIX.finditer(text):
        yield from _named(text, match)
    for match in _WHOLE.finditer(text):
        if not _GOES_ON.match(text, match.end()) or match.group() == "認知症":
            yield match.span()
    for match in _SPOKEN.finditer(text):
        why = _WHY.search(text, max(0, match.start() - 5), match.start())
        yield why.start() if why else match.start(), match.end()
    for match in _NAMED_IN_BRACKETS.finditer(text):
        if not re.search("[0-9]{3}|[年月]", match.group(1)):
            yield match.span()
    for match in _ACRONYM.finditer(text):
        if (
            not text[max(0, match.start() - 1) : match.start()].isascii()
            or text[match.start() - 1] in " \n(,:\t"
        ):
            yield match.span()
    if _WRITTEN_ENGLISH.search(text):
        for match in _ENGLISH.finditer(text):
            sort = _SORT.search(text, max(0, match.start() - 12), match.start())
            yield sort.start() if sort else match.start(), match.end()


def _named(text: str, match: "re.Match[str]") -> Iterable[tuple[int, int]]:
    ending, end = match.group(), match.end()
    if _GOES_ON.match(text, end):
        return
    left = _LEFT.search(text, max(0, match.start() - LONGEST), match.start())
    begin = left.start() if left else match.start()
    label = _LABEL.match(text[begin:end])
    if label and label.end() < end - begin:
        begin += label.end()
    name = text[begin:end]
    if name in _EMPTY or _TECHNICAL.search(name):
        return
    if ending in _WEAK and not _MEDICAL.search(name):
        return
    if ending == "ガン" and "ァ" <= text[match.start() - 1 : match.start()] <= "ー":
        return
    # 父のがん, 夫はがんで; not くがん.
    before = text[begin - 1 : begin]
    if (
        ending == "がん"
        and begin == match.start()
        and "ぁ" <= before <= "ん"
        and before not in "のはがもとやでにを"
    ):
        return
    yield begin, end
