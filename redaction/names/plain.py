"""Names in running text without label or title: 山田太郎, 谷口です, 長女の美咲. Pure functions."""

import re
from collections.abc import Iterator

from redaction.names.belief import WORDS_OF_FORMS
from redaction.names.free import stands_free
from redaction.names.rows import spaced_out
from redaction.names.shape import NAME_KINDS, back_from, is_kanji, is_katakana, is_letters, may_be_given
from redaction.names.surnames import FREQUENT, SHORT_OR_COMMON
from redaction.names.words import FACILITIES, INTRODUCERS, NOT_NAMES, NOT_SURNAMES, RELATIVES, TOWNS
from redaction.page import Hit, Page, Token

_IS_OTHER = re.compile(r"丸|ゆかりの")
_BRACKET = re.compile(r"\([ぁ-ゖァ-ヺー]{1,8}\)")
_NUMBERED = re.compile(r"[0-9]\($")
_MAY_END = frozenset({"given", "noun", "proper", "place", "adjective", "other", "person", "surname"})
_EDGES = frozenset({"particle", "auxiliary", "symbol", "space", "suffix"})
_OTHER_READINGS = frozenset({"place", "noun", "proper", "adjective", "verb"})
_SPOKEN_OF = re.compile(r"[はがもにとへ、,。)」\n]|より|から|です|$")
_ACTS = re.compile(
    r"です[。、\n]|でございます|と申し"
    r"|(?:が|は、?)(?:対応|訪問|説明|電話|連絡|受け|来庁|同席|欠席|出席|報告|作成|記入|発言|窓口|折り返)"
    r"|(?:から|より)の?(?:電話|連絡|報告|相談|申出|申し出|説明|メール|回答|依頼|聞)"
    r"|(?:に|へ)の?(?:電話|連絡|報告|相談|引き継|引継|依頼|伝え|交代|交替)|と(?:面談|協議|電話|交代)"
)
_INTRODUCES = re.compile(r"(?:です|と申し|でござい|といいます|と言います|と名乗|に代わ)")


def full(page: Page) -> Iterator[Hit]:
    """Surname and given name, together or with a space between."""
    words = page.words
    for index, token in enumerate(words):
        if index == 0 or token.kind not in _MAY_END:
            continue
        apart = words[index - 1].text == " "
        first = _apart(page, index) if apart else _together(page, index)
        if apart and first is not None and _lonely(page, first, index):
            continue
        if first is not None and not _a_facility(page, index):
            sure = token.kind == "given" and words[first].kind == "surname"
            yield Hit(words[first].begin, token.end, 0.9 if sure else 0.7, "dictionary")


def _lonely(page: Page, first: int, last: int) -> bool:
    """介 護 保 険: every letter of the line stands alone."""
    begin, end = page.words[first].begin, page.words[last].end
    word = page.text[begin] + page.text[end - 1]
    return end - begin == 3 and (word in NOT_NAMES or spaced_out(page.text, begin, end))


def _together(page: Page, index: int) -> int | None:
    """The surname that touches word ``index``, if that may be a given name: 山田太郎."""
    token, before = page.words[index], page.words[index - 1]
    if token.text in NOT_NAMES or not is_letters(token.text) or _IS_OTHER.match(page.text, token.begin):
        return None
    if token.kind == "given":
        known = before.kind == "surname" or (before.text in FREQUENT and before.kind != "noun")
        return index - 1 if known or _also_a_surname(page, before) else None
    nobody_knows = token.kind == "noun" and token.unknown and len(token.text) <= 3
    return index - 1 if before.kind == "surname" and nobody_knows else None


def _also_a_surname(page: Page, token: Token) -> bool:
    return token.kind == "place" and token.text not in NOT_SURNAMES and "surname" in page.readings(token.text)


def _apart(page: Page, index: int) -> int | None:
    """The surname one space before word ``index``, if that may be a given name: 小鳥遊 優."""
    token = page.words[index]
    if index < 2 or token.text in WORDS_OF_FORMS or not is_letters(token.text):
        return None
    surname = page.words[index - 2]
    if surname.text in NOT_NAMES or not is_letters(surname.text):
        return None
    if surname.kind == "surname" and may_be_given(page, token):
        return index - 2
    known = surname.text in FREQUENT or surname.kind == "surname"
    if not known or len(token.text) > 3 or not _edge(page, index):
        return None
    return index - 2 if is_kanji(token.text) or may_be_given(page, token) else None


def _edge(page: Page, index: int) -> bool:
    """Nothing grows onto the word from the right."""
    return index + 1 == len(page.words) or page.words[index + 1].kind in _EDGES


def _a_facility(page: Page, last: int) -> bool:
    """What follows makes it a place or a company: 田中角栄記念館, 原大橋."""
    return page.text.startswith(FACILITIES, page.words[last].end)


def single(page: Page) -> Iterator[Hit]:
    """A surname or a given name alone."""
    for index, token in enumerate(page.words):
        if token.kind not in NAME_KINDS or token.text in NOT_NAMES or len(token.text) < 2:
            continue
        if not stands_free(page, index, index) or _a_facility(page, index):
            continue
        if _NUMBERED.search(page.text[max(0, token.begin - 2) : token.begin]):
            continue  # 第112(川久保): a place in a list of places
        score = _belief(page, token)
        if score:
            yield Hit(page.words[back_from(page, index)].begin, token.end, score, "dictionary")


def _belief(page: Page, token: Token) -> float:
    word, kind = token.text, token.kind
    if word in NOT_SURNAMES or word in SHORT_OR_COMMON:
        spoken_of = word in FREQUENT and word not in TOWNS and kind == "surname"
        return 0.4 if spoken_of and _SPOKEN_OF.match(page.text, token.end) else 0.3
    if word in FREQUENT:
        return 0.55
    others = page.readings(word) & _OTHER_READINGS
    if kind == "surname":
        return 0.25 if others else 0.45
    if is_kanji(word) or is_katakana(word):
        return 0.25 if others else 0.4
    return 0.0 if others or len(word) < 3 or word.isascii() else 0.36


def acting(page: Page) -> Iterator[Hit]:
    """A word that may be a place too, where only a person can be meant: 池田から電話, 富田です。"""
    for index, token in enumerate(page.words):
        if token.kind not in ("surname", "place") or token.text in NOT_NAMES or len(token.text) > 4:
            continue
        known = token.text in FREQUENT or (token.kind == "surname" and token.text not in NOT_SURNAMES)
        if known and _ACTS.match(page.text, token.end) and stands_free(page, index, index):
            yield Hit(token.begin, token.end, 0.5, "context")


def related(page: Page) -> Iterator[Hit]:
    """After 長女の, 妻の and the like a word that may be a name is one; so is 税制課の東です."""
    for index in range(2, len(page.words)):
        token = page.words[index]
        if page.words[index - 1].text != "の" or token.text in NOT_NAMES or not is_letters(token.text):
            continue
        before = page.words[index - 2].text
        if before in RELATIVES and _given_alone(page, token):
            yield Hit(token.begin, token.end, 0.6, "context")
        elif before in RELATIVES and stands_free(page, index, index):
            called = page.readings(token.text) & {"given", "surname"} or _BRACKET.match(page.text, token.end)
            if called and len(token.text) >= 2:
                yield Hit(token.begin, token.end, 0.7, "context")
        elif before.endswith(INTRODUCERS) and _introduced(page, index):
            yield Hit(token.begin, token.end, 0.7, "context")


def _given_alone(page: Page, token: Token) -> bool:
    """夫の恭は, 父の順が: one kanji that is a given name and no noun."""
    found = page.readings(token.text)
    alone = len(token.text) == 1 and "given" in found and "noun" not in found
    return alone and _SPOKEN_OF.match(page.text, token.end) is not None


def touching(page: Page) -> Iterator[Hit]:
    """長男悟から, 妹ジュリの: a given name that touches the relative."""
    for index in range(1, len(page.words)):
        token, before = page.words[index], page.words[index - 1]
        if before.text not in RELATIVES or before.end != token.begin or not is_letters(token.text):
            continue
        found = page.readings(token.text)
        known = found & {"given", "person"} and not found & {"noun", "suffix"} and token.text not in NOT_NAMES
        if known and _SPOKEN_OF.match(page.text, token.end):
            yield Hit(token.begin, token.end, 0.6, "context")


def _introduced(page: Page, index: int) -> bool:
    token = page.words[index]
    if _INTRODUCES.match(page.text, token.end) is None or token.text in NOT_SURNAMES:
        return False
    return token.text in FREQUENT or (token.kind == "surname" and "surname" in page.readings(token.text))
