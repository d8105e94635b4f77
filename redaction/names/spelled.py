"""Names spelled in katakana, Latin letters or, in brackets, in kana. Pure functions."""

import re
from collections.abc import Iterator

from redaction.names.rare import GIVEN
from redaction.names.romaji import LETTER, known_word, roman_name, spells_a_surname
from redaction.names.shape import NAME_KINDS
from redaction.names.words import NOT_NAMES, RELATIVES
from redaction.page import Hit, Kind, Page

_KATAKANA = re.compile(r"(?<![ァ-ヺー・])[ァ-ヺー]{2,}(?:[ ・=][ァ-ヺー]+){1,5}(?![ァ-ヺー・])")
_CAPITAL = "A-ZÀ-ÖØ-Þ"
_ROMAN_WORD = rf"[{_CAPITAL}][{LETTER}'\-]*"
_ROMAN = re.compile(
    rf"[{_CAPITAL}](?<![{LETTER}0-9@._\-/'].)[{LETTER}'\-]+(?:,? {_ROMAN_WORD}\.?){{1,4}}(?![{LETTER}0-9@_/])"
)
_ROMAN_WORDS = rf"[{_CAPITAL}][{LETTER}'\-]+(?:,? [{_CAPITAL}][{LETTER}'\-]+){{0,4}}"
_ROMAN_AFTER = re.compile(rf"(?<![{LETTER}])(?:Mr|Ms|Mrs|Miss|Dr|Prof)\.? (?P<name>{_ROMAN_WORDS})")
_ROMAN_BEFORE = re.compile(rf"(?<![{LETTER}0-9.@/'\-])(?P<name>{_ROMAN_WORDS}) ?(?:さん|様|氏|くん|ちゃん)")
_ROMAN_RELATIVE = re.compile(
    rf"(?:(?<![{LETTER}])(?:[Mm]y name is|I am|I'm|husband|wife|son|daughter|mother|father|brother|sister|child),? "
    rf"|(?:{'|'.join(sorted(RELATIVES))})[ の:]{{1,2}}"
    rf"|(?:Regards|Sincerely|Thank you|Thanks|Best),?\n)(?P<name>{_ROMAN_WORDS})"
)
_FORM_WORDS = re.compile(r"(?: (?:IBAN|BIC|SWIFT|TEL|FAX|DOB|SSN|ID|No|NO|PIN|ZIP|Tel|Fax))+$")
_HANDLE = re.compile(r"(?<![A-Za-z0-9._\-])@(?P<name>[A-Za-z][A-Za-z._\-]{2,20})(?= ?[ぁ-ヺ㐀-鿿])")
_BRACKET = re.compile(r" ?[(「] ?(?P<kana>[ぁ-ゖァ-ヺー][ぁ-ゖァ-ヺー ・]{1,18})[)」]")
_CHILD = re.compile(r"(?P<name>[ぁ-ゖー]{2,4})(?P<tail>くん|ちゃん|さん|先輩)")
_I_AM = re.compile(r"(?:^|[、。:!?\s「])(?P<name>[ぁ-ゖ]{2,5})(?=です|と申|といいます|と言います)")
_SENDER = re.compile(
    r"(?:^|[\n;,:])[ \t\-*\"]*(?P<name>[^\s<>:;\"、。@0-9][^<>:;\"、。@\n0-9]{0,30}?)\"? ?<[^<>@\s]{1,64}@"
)
_OFFICE = re.compile(
    r"課|係|室|市|局|窓口|担当|センター|事務|委員|協会|会社|一同|各位|info|support|no.?reply|admin", re.I
)
_THINGS = (
    "グループ", "パートナーズ", "バンク", "ビーチ", "シアター", "ゴルフ", "キャピタル", "コネクションズ", "バンド", "シティ",
    "タワー", "センター", "ショー", "カップ", "クラブ", "パーク", "ホテル", "サービス", "システム", "システムズ", "ソリューションズ",
    "カンパニー", "コーポレーション", "ホールディングス", "ジャパン", "ストア", "カフェ", "スクール", "アカデミー", "プロジェクト",
    "プログラム", "ケア", "ホーム", "ハウス", "マンション", "コーポ", "ハイツ", "リーグ", "チーム", "ズ",
)  # fmt: skip
_PARTICLES = tuple("とやはがのもに、")
_IN_A_ROW = re.compile(
    r"(?:^|\n)[ \t]*(?:[①-⑳]|\(?[0-9]{1,3}[).、:]?|[・○●]|[0-9]{1,2}/[0-9]{1,2}|[^\s]{2}[①-⑳]) ?[ \t]*$"
)
_HOLDER = re.compile(r"(?:(?:普通|当座|貯蓄|番号|普) ?[0-9]{5,8}|名義[がは人]?)[ \t:]*$")
_COMMON = frozenset({"noun", "place", "proper", "adjective", "verb"})


def katakana_names(page: Page) -> Iterator[Hit]:
    """Katakana words joined by ・ or a space that are known as names, or begin as a row does."""
    for match in _KATAKANA.finditer(page.text):
        parts = re.split("[ ・=]", match.group())
        readings = [page.readings(part) for part in parts]
        japanese = all(found & {"surname", "given"} for found in readings)
        joined = " " not in match.group() or not any(found & _COMMON for found in readings)
        if japanese or (joined and _foreign(parts, readings)) or _japanese(parts, readings):
            yield Hit(*match.span(), 0.7, "dictionary")
            continue
        before = page.text[max(0, match.start() - 16) : match.start()]
        if _HOLDER.search(before) or (_IN_A_ROW.search(before) and _short(parts, readings)):
            yield Hit(*match.span(), 0.6, "context")


def _foreign(parts: list[str], readings: list[frozenset[Kind]]) -> bool:
    """カール・クリングラー, グエン・ヴァン・アン: a part is a name, and no longer part is only a common word."""
    if any(found & _COMMON and not found & NAME_KINDS and len(part) > 3
           for part, found in zip(parts, readings, strict=True)):  # fmt: skip
        return False
    nouns = [part for part, found in zip(parts, readings, strict=True) if found & _COMMON and len(part) > 2]
    if len(nouns) == len(parts) or parts[-1].endswith(_THINGS):
        return False  # タイヤ・ホイール: somebody may be called so, but hardly anybody is
    known = sum(bool(found & NAME_KINDS) for found in readings)
    if known == len(parts):
        return True
    # クーリング・オフ: a short word at the end needs a short family name at the beginning, ベル・サラ.
    last = readings[-1] & _COMMON and not readings[-1] & NAME_KINDS
    if len(parts) > 2 and not readings[0] & NAME_KINDS:
        return False
    return known > 0 and (not last or len(parts) > 2 or len(parts[0]) <= 3)


def _japanese(parts: list[str], readings: list[frozenset[Kind]]) -> bool:
    """エビナ リユウノスケ: a surname's reading, and after it no ordinary word."""
    return len(parts) == 2 and spells_a_surname(parts[0]) and not readings[1] & _COMMON and len(parts[1]) > 1


def _short(parts: list[str], readings: list[frozenset[Kind]]) -> bool:
    """ブイ ティ ラン: short pieces, none of them a word."""
    return all(2 <= len(part) <= 4 and (not found & {"noun"} or len(part) <= 2 or found & NAME_KINDS)
               for part, found in zip(parts, readings, strict=True))  # fmt: skip


def roman_names(page: Page) -> Iterator[Hit]:
    """Two and more capitalised words that are names, any with Mr. or さん, and whoever is @called."""
    for match in _ROMAN.finditer(page.text):
        name = _FORM_WORDS.sub("", match.group())
        if roman_name(page, name):
            yield Hit(match.start(), match.start() + len(name), 0.7, "dictionary")
    for pattern in (_ROMAN_AFTER, _ROMAN_BEFORE):
        for match in pattern.finditer(page.text):
            yield Hit(*match.span("name"), 0.8, "context")
    for match in _ROMAN_RELATIVE.finditer(page.text):
        if any(known_word(page, word) for word in match["name"].replace(",", "").split(" ")):
            yield Hit(*match.span("name"), 0.7, "context")
    for match in _HANDLE.finditer(page.text):
        if known_word(page, re.split(r"[._\-]", match["name"])[0]):
            yield Hit(*match.span("name"), 0.5, "context")


def children(page: Page) -> Iterator[Hit]:
    """A child's name in hiragana, which no dictionary can tell from its neighbours: ゆうとくん."""
    text = page.text
    for match in _CHILD.finditer(text):
        for begin in range(match.start("name"), match.end("name") - 1):
            before = text[begin - 1 : begin]
            name = text[begin : match.end("name")]
            opens = not before or not ("ぁ" <= before <= "ゖ") or before in _PARTICLES
            ordinary = name not in GIVEN and _ordinary(page, name)
            if match["tail"] == "さん" and not ordinary:
                ordinary = name[-1] == "の" or not (
                    name in GIVEN or page.readings(name) & NAME_KINDS or _surname_in_kana(name)
                )
            if opens and name not in NOT_NAMES and not ordinary and name[0] not in "おをんっーのはがにと":
                yield Hit(begin, match.end("name"), 0.6, "context")
                break


def kana_introductions(page: Page) -> Iterator[Hit]:
    """はったです, うえしまと申します: a surname in hiragana where somebody says who he is."""
    for match in _I_AM.finditer(page.text):
        if _surname_in_kana(match["name"]) and not page.readings(match["name"]):
            yield Hit(*match.span("name"), 0.55, "context")


def _surname_in_kana(name: str) -> bool:
    return spells_a_surname("".join(chr(ord(letter) + 0x60) if letter != "ー" else letter for letter in name))


def senders(page: Page) -> Iterator[Hit]:
    """Whoever stands before an address of mail: van der Berg, Pieter <pieter@…>."""
    for match in _SENDER.finditer(page.text):
        name = match["name"]
        if not _OFFICE.search(name):
            yield Hit(*match.span("name"), 0.6, "context")


def _ordinary(page: Page, name: str) -> bool:
    """かえるくん of a picture book."""
    found = page.readings(name)
    return bool(found & {"noun", "verb"}) and not found & NAME_KINDS


def furigana(page: Page, hit: Hit) -> Iterator[Hit]:
    """The reading in brackets after a name: 山田太郎(やまだたろう)."""
    match = _BRACKET.match(page.text, hit.end)
    if match is not None:
        yield Hit(*match.span("kana"), hit.score, "context")
