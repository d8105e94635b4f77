"""Tables in plain text: which cells stand under or beside a heading such as 氏名 or 生年月日.

Pure functions over folded text; sees CSV, tab-separated and ruled (|) lines whose first line is a
heading. Says where the cells are, never what is in them.
"""

import re
from typing import NamedTuple

from redaction.wordlist import words

_SEPARATOR = re.compile(r"[\t,|│、]| {2,}")
_LINE = re.compile(r"[^\n]+")
_RULE = re.compile(r"[\s|+:=─━│┼\-]*")
_LONGEST_HEADING = 12
_MOST_CELLS = 60


class Cell(NamedTuple):
    """Characters ``begin`` to ``end`` stand under ``heading``; trimmed, never empty."""

    heading: str
    begin: int
    end: int


def cells_of(text: str) -> list[Cell]:
    """The cells of every table in a folded text, in order. Linear in the length.

    A heading line has at least two cells, each short and without a digit; the lines after it belong
    to the table while they have the same separator and as many cells, give or take one.
    """
    found: list[Cell] = []
    headings: list[str] = []
    separator = ""
    for match in _LINE.finditer(text):
        line = match.group()
        if headings and _RULE.fullmatch(line):
            continue
        used = _separator(line)
        parts = _parts(line, match.start(), used) if used else []
        names = [line_part for line_part, _, _ in parts]
        if _is_heading(names):
            headings, separator = [_bare(name) for name in names], used
        elif headings and used == separator and abs(len(parts) - len(headings)) <= 1:
            found.extend(
                Cell(heading, begin, end)
                for heading, (_, begin, end) in zip(headings, parts, strict=False)
                if heading and begin < end
            )
        else:
            headings = []
    return found


def _separator(line: str) -> str:
    match = _SEPARATOR.search(line.strip())
    return "" if match is None else match.group()[:1]


def _parts(line: str, offset: int, separator: str) -> list[tuple[str, int, int]]:
    """(text, begin, end) of each cell, trimmed; a ruled line's empty first and last are left out."""
    pattern = " {2,}" if separator == " " else re.escape(separator)
    spans: list[tuple[str, int, int]] = []
    at = 0
    for match in re.finditer(pattern, line):
        spans.append(_trimmed(line, at, match.start(), offset))
        at = match.end()
    spans.append(_trimmed(line, at, len(line), offset))
    if spans and not spans[0][0]:
        spans = spans[1:]
    if spans and not spans[-1][0] and separator == "|":
        spans = spans[:-1]
    return spans


def _trimmed(line: str, begin: int, end: int, offset: int) -> tuple[str, int, int]:
    piece = line[begin:end]
    left = begin + len(piece) - len(piece.lstrip(" \t\"'"))
    right = end - (len(piece) - len(piece.rstrip(" \t\"'")))
    if left >= right:
        return "", offset + end, offset + end
    return line[left:right], offset + left, offset + right


def _bare(name: str) -> str:
    return name.replace(" ", "").strip("*:【】[]()")


def _is_heading(names: list[str]) -> bool:
    if not 2 <= len(names) <= _MOST_CELLS:
        return False
    if any(len(name) > _LONGEST_HEADING or re.search(r"[0-9。@]", name) for name in names):
        return False
    return any(_bare(name) in HEADINGS for name in names)


HEADINGS: frozenset[str] = frozenset(
    words("""
    氏名 名前 お名前 児童名 生徒名 園児名 保護者 保護者名 保護者氏名 世帯主 世帯主名 申請者 申請者名
    申請者氏名 届出人 代理人 対象者 対象者氏名 利用者 利用者名 利用者氏名 担当 担当者 担当者名
    担当者氏名 出席者 参加者 参加者名 参加者氏名 講師 代表者 代表者名 本人氏名 被保険者氏名 続柄
    フリガナ ふりがな カナ 氏名カナ カナ氏名 カナ名 住所 現住所 自宅住所 居住地 所在地 電話 電話番号
    連絡先 携帯 携帯電話 TEL FAX 生年月日 誕生日 メール メールアドレス E-mail 個人番号 マイナンバー
    郵便番号 口座番号 支援者 支援者氏名 支援者名 避難支援者 職員名 職員氏名 姓 名 苗字 患者名 受診者
    相談者 来庁者 通報者 宛名番号 世帯番号 受給者番号 職員番号 児童生徒番号 被保険者番号 旅券番号 免許証番号
    パスワード 要介護度 避難先 傷病名 病名 障がい名 birth_ymd birthday atena_no shimei tel zip
""")
)
"""One of these makes a line of short cells a heading."""
