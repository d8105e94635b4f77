"""Names whose letters stand apart, as scanned forms have them: 氏  名   山 之 内   キ ヌ. Pure functions."""

import re
from collections.abc import Iterator

from redaction.names.belief import KANJI, surname
from redaction.page import Hit, Page
from redaction.wordlist import words

_LABELS = words("""
    氏名 御氏名 お名前 名前 フリガナ ふりがな 主治医 世帯主 申請者 届出人 届出者 保護者 代理人 代表者 担当者 本人 配偶者
    被保険者 被保険者氏名 患者 患者名 児童名 園児名 生徒名 名義人 納税義務者 会長 副会長 会計 書記 班長 委員長 署名
""")
_LABEL = "|".join(" *".join(map(re.escape, label)) for label in _LABELS)
_LETTERS = rf"[{KANJI}ぁ-ゖァ-ヺー]"
_APART = re.compile(
    rf"(?:{_LABEL})[ :]{{1,12}}(?P<value>{_LETTERS}{{1,4}}(?: {{1,6}}{_LETTERS}{{1,4}}){{1,7}})(?!{_LETTERS})"
)
_LINE = re.compile(
    rf"^[ \t]*(?P<value>[{KANJI}]{{1,3}}(?: {{1,4}}[{KANJI}]){{2,3}})(?=[ \t]{{2}}|[ \t]*$)", re.MULTILINE
)
_TAIL = re.compile(r" +(?:様|殿|先生|印|\(?印\)?|さん|氏)$")
_KANA = re.compile(r"[ぁ-ゖァ-ヺー]+")
_FORM = (
    "住所",
    "電話",
    "生年",
    "性別",
    "続柄",
    "年齢",
    "職業",
    "番号",
    "明大",
    "昭和",
    "平成",
    "令和",
    "医療",
)
_LONGEST = 10


def apart(page: Page) -> Iterator[Hit]:
    """The value of a label, letter by letter, when put together it begins with a surname or is all kana."""
    for match in _APART.finditer(page.text):
        value = _TAIL.sub("", match["value"])
        parts = value.split()
        joined = "".join(parts)
        if len(parts) < 2 or len(joined) > _LONGEST or joined.startswith(_FORM):
            continue
        if _KANA.fullmatch(joined) or any(surname(page, joined[:length]) >= 2 for length in (3, 2)):
            yield Hit(match.start("value"), match.start("value") + len(value), 0.7, "context")
    for match in _LINE.finditer(page.text):
        joined = match["value"].replace(" ", "")
        if len(joined) <= 6 and any(surname(page, joined[:length]) == 3 for length in (3, 2)):
            yield Hit(*match.span("value"), 0.6, "context")
