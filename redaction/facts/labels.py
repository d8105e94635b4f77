"""Labels: what stands after 傷病名 or 既往歴, or in a table under them, whatever it says. Pure, linear."""

import re
from collections.abc import Iterable, Sequence

from redaction.tables import Cell
from redaction.wordlist import words

LABELS = words("""
    傷病名 病名 診断名 主病名 現病名 疾患名 疾病名 既往歴 既往症 既往 現病歴 持病 基礎疾患 障害名 障がい名 障害の種類 障がいの種類
    障害の内容 障害の状況 障害の部位 アレルギー アレルゲン 服薬 服薬状況 服薬内容 内服薬 処方薬 常用薬 使用薬 手術歴 病歴 治療中の病気 療養の原因 死因
    犯罪歴 罪名 罪状 前科前歴 信仰 宗教 信条 思想信条 主傷病 傷病 診療内容 医療的ケア 障害等級 障がい等級 手帳等級 等級 介護度 要介護度 認定区分
    要介護状態区分 要介護認定 手帳 感染症歴 精神状態 人種 民族
""")
# Cells of these hold other things as well: 等級 may be a road's. Only a fact's own shape counts there.
_VAGUE = frozenset(words("等級 認定区分 手帳 傷病 要介護認定 服薬 診療内容 既往 アレルギー 要介護度 介護度"))
_NOTHING = re.compile(
    r"(?:特に)?(?:な[しい]|無し?|有り?|あり|不明|未記入|未定|確認中|別紙|同上|該当な?し?|-+|ー+|―+|○|×|\(.*|[0-9 年月日/.]+|の.*|[はがをにも].*"
    r"|[:：].*|名|欄|記入.*|証明.*|意見.*|を.*|等.*|、.*)?"
)
_LABELLED = re.compile(
    r"(?:^|(?<=[\n 、。・|,\t)\]】(]))[●○◎■・\[【(]?(?:"
    + "|".join(map(re.escape, LABELS))
    + r")(?:\([^()\n]{1,8}\))?[\]】)]?(?:[ ]{0,3}[:→][ ]{0,3}|[ ]{1,4})([^\n。]{2,60})"
)
_PART = re.compile(r"[^、,;|/・\t ()]{2,30}(?:\([^()\n]{1,20}\))?")
_LONGEST_CELL = 40
_DEGREE = re.compile(
    r"^(?:(?:障害|障がい|手帳)?(?:の)?等級|手帳|(?:要)?介護度|(?:障害)?支援区分|障害程度|身障|療育|精神)$"
)
_DEGREE_CELL = re.compile(
    r"(?:[身療精]?[1-7一二三四五六七]級?|[AB][12]?|[12]種[1-7]級|(?:要介護|要支援|介|支)?[1-6](?:級|度)?|身障[1-7]級?|重度|中度|軽度)"
)


def labelled(text: str, cells: Sequence[Cell]) -> Iterable[tuple[int, int]]:
    """The values of such labels and the cells under such headings."""
    for match in _LABELLED.finditer(text):
        yield from _parts(text, *match.span(1))
    for cell in cells:
        if _DEGREE.search(cell.heading) and _DEGREE_CELL.fullmatch(text, cell.begin, cell.end):
            yield cell.begin, cell.end
        elif cell.heading in _CELLS and cell.end - cell.begin <= _LONGEST_CELL:
            yield from _parts(text, cell.begin, cell.end)


def _parts(text: str, begin: int, end: int) -> Iterable[tuple[int, int]]:
    """Each thing of a list. After the first one that is no name, what follows is another field."""
    at = begin
    for part in _PART.finditer(text, begin, end):
        if "  " in text[at : part.start()] or _OTHER_FIELD.match(text, part.start()):
            return
        if not _NOTHING.fullmatch(part.group()):
            yield part.span()
        if text[part.end() : part.end() + 1] == " ":
            return
        at = part.end()


_CELLS = frozenset(LABELS) - _VAGUE
_OTHER_FIELD = re.compile(
    r"[^:\n]{1,8}:|(?:氏名|住所|電話|生年月日|担当|連絡先|備考|令和|平成|昭和|R[0-9]|H[0-9]|S[0-9])"
)
