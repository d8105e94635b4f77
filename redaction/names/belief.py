"""How far a piece of text looks like a name, before anybody asks where it stands. Pure functions.

Levels: 0 no name, 1 could be one where only a name fits, 2 probably, 3 known as one.
"""

import re

from redaction.names.rare import GIVEN, RARE
from redaction.names.roles import DESKS, WORK
from redaction.names.romaji import spells_a_surname
from redaction.names.surnames import FREQUENT, SHORT_OR_COMMON
from redaction.names.words import LABELS, NOT_NAMES, NOT_SURNAMES, NOT_VALUES, RELATIVES, TITLES
from redaction.page import Page

KANJI = "㐀-鿿々〆ヶヵ豈-﫿\U00020000-\U0003134f"
WORDS_OF_FORMS = NOT_NAMES | RELATIVES | frozenset(LABELS) | frozenset(TITLES) | frozenset(WORK)
_ORDINARY = frozenset({"noun", "adjective", "verb", "prefix", "suffix", "pronoun", "number", "proper"})
_NAMES = frozenset({"surname", "given", "person"})
_PARTICLES = frozenset(
    ["まで", "から", "です", "より", "ほか", "など", "さん", "さま", "くん", "ちゃん", "あて", "のみ", "だけ", "あり", "なし", "なら", "への", "との", "では", "には", "とは", "さまざま", "または", "および", "ならびに", "もしくは", "とも", "かつ", "ほか", "など", "ため", "もの", "こと", "よう", "ところ", "うち", "ほう", "いる", "ある", "する", "した", "して", "され", "なる", "ない", "ます", "ました"]
)  # fmt: skip
_NEVER = frozenset(
    "長名者様印済未有無可否月日年時分円人男女父母夫妻子兄弟姉妹氏姓本同各元前後午右左新現全両諸該当何他正副総主"
)
_SIDES = frozenset("東西南北上中下左右")
_HIRAGANA = re.compile(r"[ぁ-ゖー]+")
_KATAKANA = re.compile(r"[ァ-ヺー]+")
_A_WOMAN = re.compile(r"[ぁ-ゖ]{1,3}子|[ァ-ヺー]{1,3}子")
_MIXED = re.compile(rf"(?P<kana>[ァ-ヺー]{{2,12}})[・=]?(?P<kanji>[{KANJI}]{{1,3}})")
_JOINT = re.compile(r"[・=]")


def is_no_part(text: str) -> bool:
    """A label, a title, a relative or an office is no part of a name."""
    if text in WORDS_OF_FORMS:
        return True
    return len(text) > 1 and text not in FREQUENT and text not in RARE and text.endswith(_ENDS)


_ENDS = tuple(
    ending for ending in (*NOT_VALUES, *DESKS) if ending not in ("市", "町", "村", "区", "部", "町")
)


def surname(page: Page, text: str) -> int:
    """The level of one word of kanji as a surname."""
    if len(text) == 1 and text not in FREQUENT:
        return _one(page, text)
    if is_no_part(text) and text not in FREQUENT:
        return 0
    if text in FREQUENT:
        return 2 if text in SHORT_OR_COMMON else 3
    found = page.readings(text)
    if text in RARE:
        return (2 if "surname" in found else 1) if found & {"noun"} else 3
    if "surname" in found:
        return 2 if found & (_ORDINARY | {"place"}) else 3
    if "given" in found or ("place" in found and text not in NOT_SURNAMES):
        return 1 if not text.endswith(("市", "町", "村", "区")) else 0
    return 0


def _one(page: Page, text: str) -> int:
    """One kanji: 神, 中 and 上 are ordinary words and still surnames of people."""
    found = page.readings(text)
    if "surname" not in found:
        return 1 if text in RARE else 0
    return 1 if text in NOT_NAMES else 2


def given(page: Page, text: str) -> int:
    """The level, at most 2, of one word as a given name."""
    if text in _PARTICLES or text in _SIDES:
        return 0
    if text in GIVEN or _A_WOMAN.fullmatch(text):
        return 2
    found = page.readings(text)
    if text in WORDS_OF_FORMS or (is_no_part(text) and "given" not in found):
        return 0  # 隼人 ends as a word for people does, and is a name all the same
    if "given" in found or ("person" in found and _KATAKANA.fullmatch(text)):
        return 1 if found & {"noun", "place"} and len(text) > 1 else 2
    if _HIRAGANA.fullmatch(text):
        return 1 if 2 <= len(text) <= 4 and not found & {"particle", "auxiliary", "adjective", "other"} else 0
    if _KATAKANA.fullmatch(text):
        return 1 if len(text) >= 2 and not found else 0
    # 心愛, 翔空: no dictionary has them, and no other word looks so.
    return 1 if not found and len(text) <= 3 and not _worded(page, text) else 0


def _worded(page: Page, text: str) -> bool:
    """Made of two ordinary words: 補助 and 金."""
    return len(text) == 3 and bool(
        page.readings(text[:2]) & {"noun"} and page.readings(text[2]) & {"suffix", "noun"}
    )


def pair(page: Page, first: str, second: str) -> int:
    """The level of two words with a space between as surname and given name."""
    if len(first) > 1 and is_no_part(first) and first not in FREQUENT and first not in NOT_SURNAMES:
        return 0
    if _KATAKANA.fullmatch(first) or _MIXED.fullmatch(first):
        return foreign(page, first) if given(page, second) else 0
    front, back = surname(page, first), given(page, second)
    if back == 2:
        stranger = len(first) <= 3 and len(second) > 1 and not is_no_part(first)
        return (
            3
            if front >= 2
            else (2 if front or stranger or (first in NOT_SURNAMES and len(second) > 1) else 0)
        )
    if back == 1:
        unheard = not page.readings(second) and len(second) > 1
        return 2 if front == 3 or (front == 2 and unheard) else (1 if front else 0)
    return 1 if front == 3 and len(second) == 1 and second not in NOT_NAMES else 0


def single(page: Page, text: str) -> int:
    """The level of one piece without a space: a surname, a whole name, or a foreign one."""
    if text in _NEVER:
        return 0
    if _KATAKANA.match(text):
        return 0 if is_no_part(text) else foreign(page, text)
    level = surname(page, text)
    if level or is_no_part(text) or not 3 <= len(text) <= 6 or page.readings(text):
        return level
    return _whole(page, text)


def _whole(page: Page, text: str) -> int:
    """山田太郎: a surname of the list or the dictionary, and a given name after it."""
    for length in (2, 3, 1, 4):
        front, back = surname(page, text[:length]), given(page, text[length:])
        if text[length:] and front >= 2 and back == 2:
            return 2
    return 0


def foreign(page: Page, text: str) -> int:
    """The level of katakana words, joined or alone, and of katakana with kanji: アンダーソン健."""
    mixed = _MIXED.fullmatch(text)
    if mixed is not None:
        if given(page, mixed["kanji"]) or surname(page, mixed["kanji"]) > 1:
            return 2
        return int(bool(page.readings(mixed["kana"]) & _NAMES))
    parts = _JOINT.split(text)
    readings = [page.readings(part) for part in parts]
    if len(parts) == 1:
        if text in NOT_NAMES:
            return 0
        if len(text) > 4 and "noun" in readings[0]:
            return 0
        named = bool(readings[0] & _NAMES) or spells_a_surname(text)
        return 2 if named and not readings[0] & {"noun", "place"} else int(named)
    known = sum(bool(found & _NAMES) for found in readings)
    common = sum(bool(found & {"noun", "place"}) and not found & _NAMES and len(part) > 3
                 for found, part in zip(readings, parts, strict=True))  # fmt: skip
    if common:
        return 0
    return 2 if known else 1
