"""Names after a label, in the cells of a table, and on lines of their own. Pure functions."""

import re
from collections import Counter
from collections.abc import Iterator

from redaction.names.belief import given, single
from redaction.names.shape import is_katakana, value_at
from redaction.names.surnames import FREQUENT
from redaction.names.words import LABELS, LOOSE_LABELS, NOT_NAMES, NOT_SURNAMES
from redaction.page import Hit, Page
from redaction.tables import Cell

_LABEL = "|".join(map(re.escape, LABELS))
_LABELLED = re.compile(
    rf"(?P<label>{_LABEL})(?P<note>\([^()\n]{{1,8}}\))?"
    r"(?P<sign>[ \t]*[:=|/][ \t|]*|[】\])][ \t:]*|[ \t]{1,8}|[ \t]*\n[ \t]*)"
)
_STOP = re.compile(
    r"[\n\t,、。;:()\[\]【】「」『』<>|/0-9@〒]| {2,}|及び|並びに"
    r"|・(?=[一-鿿])|と(?=[一-鿿]{1,3} ?[一-鿿]{1,3}(?:[、。\n]|$))"
)
_NEXT = re.compile(r"[ ]?(?:[、,/・]|及び|並びに|と)[ ]?")
_NAME_HEADINGS = re.compile(
    r"^(?:お|ご|御)?(?:[ぁ-んァ-ヶ一-鿿]{0,6}(?:氏名(?:漢字|カナ|かな|ローマ字)?|漢字氏名|名前|児童名|生徒名|園児名|保護者名?|世帯主名?|申請者名?|届出人"
    r"|代理人|対象者名?|利用者名?|担当者?名?|出席者|参加者名?|講師|代表者名?|支援者名?|職員名|フリガナ|ふりがな"
    r"|カナ名?|患者名?|受診者|相談者|来庁者|通報者)|姓|名|苗字|Name|name)(?:\(.{1,6}\))?$"
)
_KANA_HEADING = re.compile(r"フリガナ|ふりがな|カナ|かな|読み|よみ")
_KANA = re.compile(r"[ぁ-ゖァ-ヺー]{2,10}(?:[ ・][ぁ-ゖァ-ヺー]{1,10}){0,3}")
_ALONE = re.compile(
    r"^[ \t]*(?P<surname>[㐀-鿿々ヶ]{1,4}) (?P<given>[㐀-鿿々ヶぁ-んァ-ヺー]{1,4})[ \t]*$", re.MULTILINE
)
_SPEAKER = re.compile(
    r"^[ \t>・○●◎◯■□→\-]*(?:\[[0-9: ]{4,10}\] *|[0-9]{1,2}:[0-9]{2} +)?"
    r"(?P<name>[㐀-鿿々ヶ]{1,4}|[ァ-ヺー]{2,10}|[ぁ-ゖ]{2,4}|[A-Za-z]{3,12}(?=>| {1,3}[0-9]))(?:[ \t]*[:「>]| {1,3}[0-9]{1,2}:[0-9]{2}[ \t]*$)",
    re.MULTILINE,
)
_ASKS_A_NAME = re.compile("氏名|名前|なまえ|姓名|フリガナ|ふりがな")
_NO_ANSWERS = frozenset(
    ["みてい", "ふめい", "ひみつ", "なし", "ひらがな", "カタカナ", "かいしゃ", "べつし", "おなじ", "ローマじ"]
)
_MOST = 30


def labelled(page: Page) -> Iterator[Hit]:
    """The value of every label that asks for a name, and more of them after commas."""
    for match in _LABELLED.finditer(page.text):
        if match["label"].isascii() and page.text[match.start() - 1 : match.start()].isalpha():
            continue  # not a lookbehind: it would cost the pattern its table of first letters
        if match["label"] in LOOSE_LABELS and not _strict(page, match):
            continue
        sure = _ASKS_A_NAME.search(match["label"]) is not None and match["sign"] != "\n"
        yield from _values(page, match.end(), 0.8 if ":" in match["sign"] else 0.65, sure)


def _strict(page: Page, match: "re.Match[str]") -> bool:
    """A word like 父 is a label with a colon after it, at the beginning of a line or cell."""
    before = page.text[match.start() - 1 : match.start()]
    return ":" in match["sign"] and (not before or not before.isalnum())


def _in_kana(page: Page, begin: int, end: int) -> tuple[int, int] | None:
    """Whatever stands in kana where a form asks for a name: ごんどう, もえぎ."""
    match = _KANA.fullmatch(page.text, begin, end)
    return match.span() if match and match.group() not in NOT_NAMES | _NO_ANSWERS else None


def _values(page: Page, begin: int, score: float, sure: bool = False) -> Iterator[Hit]:
    for _ in range(_MOST):
        stop = _STOP.search(page.text, begin, begin + 40)
        end = stop.start() if stop else min(len(page.text), begin + 40)
        found = _longest(page, begin, end) or (_in_kana(page, begin, end) if sure else None)
        if found is None:
            return
        yield Hit(*found, score, "context")
        more = _NEXT.match(page.text, end)
        if more is None:
            return
        begin = more.end()


def _longest(page: Page, begin: int, end: int) -> tuple[int, int] | None:
    """The name at ``begin``: all up to ``end``, or up to where a particle or a verb begins."""
    whole = value_at(page, begin, end)
    if whole is not None:
        return whole
    stop = begin
    for word in page.words_between(begin, end):
        if word.kind in ("particle", "auxiliary") and word.begin > begin:
            break
        stop = word.end
    # 世帯主 王 建国 続柄 本人: the name is the first two of the words, or the first.
    pieces = page.text[begin:stop].split(" ")
    for count in range(min(3, len(pieces)), 0, -1):
        found = value_at(page, begin, begin + len(" ".join(pieces[:count])))
        if found is not None:
            return found
    return None


def tabled(page: Page) -> Iterator[Hit]:
    """Cells under a heading that asks for a name."""
    for cell in page.cells:
        if _NAME_HEADINGS.match(cell.heading):
            found = value_at(page, cell.begin, cell.end) or _kana_cell(page, cell)
            if found is not None:
                yield Hit(*found, 0.85, "context")


def _kana_cell(page: Page, cell: Cell) -> tuple[int, int] | None:
    """Under フリガナ any kana is a name, 畑 (ハタ) too."""
    if _KANA_HEADING.search(cell.heading) and _KANA.fullmatch(page.text, cell.begin, cell.end):
        return cell.begin, cell.end
    return None


def alone(page: Page) -> Iterator[Hit]:
    """A line that is nothing but surname, space and given name: a signature, a list."""
    for match in _ALONE.finditer(page.text):
        surname, given = match["surname"], match["given"]
        if surname in NOT_NAMES or given in NOT_NAMES or surname in NOT_SURNAMES:
            continue
        known = surname in FREQUENT or "surname" in page.readings(surname)
        meant = page.readings(given)
        if known and (not meant or "given" in meant or surname in FREQUENT or len(surname) == 1):
            yield Hit(match.start("surname"), match.end("given"), 0.75, "context")


def speaking(page: Page) -> Iterator[Hit]:
    """The speaker at the beginning of a line of minutes: 山田:"""
    times = Counter(match["name"] for match in _SPEAKER.finditer(page.text))
    for match in _SPEAKER.finditer(page.text):
        name = match["name"]
        if name in NOT_NAMES or name in LABELS or name in NOT_SURNAMES:
            continue
        if name.isascii():
            yield Hit(*match.span("name"), 0.5, "context")
            continue
        level = max(single(page, name), given(page, name) if times[name] > 1 else 0)
        if level == 3 or (level == 2 and (name in FREQUENT or times[name] > 1 or is_katakana(name))):
            yield Hit(*match.span("name"), 0.6, "context")
