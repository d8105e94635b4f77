"""Columns: cells under headings such as 旅券番号 or birth_ymd, in lines that ``tables`` takes for text.

``tables`` asks for a heading it knows by heart; here any short heading that names a number or a date will
do, and fields may stand between slashes. Pure functions over one page.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence

from redaction.once import once
from redaction.page import Page
from redaction.tables import Cell

_LINE = re.compile(r"[^\n]+")
_RULE = re.compile(r"[\s|+:=─━│┼\-]*")
_SEPARATORS = (("|", r"[|│]"), ("\t", r"\t"), (" / ", r" ?/ "), (",", r","), ("  ", r" {2,}"))
_NAMES_A_NUMBER = re.compile(
    r"番号|コード|年月日|生年|氏名|名前|住所|電話|口座|記号|免許|ナンバー|ID|No\.?$|TEL|[Tt]el|[Bb]irth|[Mm]ail|[Zz]ip|_no|_id|_ymd|shimei|[Nn]ame"
)
_QUOTED = re.compile(r'"[^"\n]*"')
_LONGEST = 16


@once
def columns(page: Page) -> Sequence[Cell]:
    """The cells of the page's tables, those that ``tables`` saw among them; sorted by place, theirs last."""
    return tuple(
        sorted(dict.fromkeys((*_cells(page.text), *page.cells)), key=lambda cell: (cell.begin, cell.end))
    )


def heading_of(page: Page, start: int, end: int) -> str:
    """What stands over the characters, when they lie in one cell; else nothing."""
    cells = columns(page)
    index = bisect_right(cells, (start, len(page.text)), key=lambda cell: (cell.begin, cell.end)) - 1
    while index >= 0 and cells[index].begin <= start:
        if end <= cells[index].end:
            return cells[index].heading
        index -= 1
        if index >= 0 and cells[index].end <= start:
            break
    return ""


def _cells(text: str) -> list[Cell]:
    found: list[Cell] = []
    headings: list[str] = []
    split = re.compile("")
    for match in _LINE.finditer(text):
        line = match.group()
        if _RULE.fullmatch(line):
            continue
        named = _heading(line)
        if named is not None:
            split, headings = named
        elif headings:
            fields = _fields(line, match.start(), split)
            if len(fields) != len(headings):
                headings = []
                continue
            found.extend(Cell(heading, begin, end)
                         for heading, (begin, end) in zip(headings, fields, strict=True) if heading and begin < end)  # fmt: skip
    return found


def _heading(line: str) -> "tuple[re.Pattern[str], list[str]] | None":
    """How a heading line is cut, and its fields; ``None`` for any other line."""
    if len(line) > 400 or _NAMES_A_NUMBER.search(line) is None:
        return None
    for mark, pattern in _SEPARATORS:
        if mark not in line:
            continue
        split = re.compile(pattern)
        names = [line[begin:end].replace(" ", "") for begin, end in _fields(line, 0, split)]
        if len(names) >= 2 and all(
            len(name) <= _LONGEST and not re.search("[0-9。::]", name) for name in names
        ):
            return split, names
        return None
    return None


def _fields(line: str, offset: int, split: "re.Pattern[str]") -> list[tuple[int, int]]:
    """Begin and end of each field, trimmed of spaces and quotes."""
    if split.pattern == ",":
        line = _QUOTED.sub(lambda quoted: quoted.group().replace(",", ";"), line)
    edges = [0, *(place for match in split.finditer(line) for place in match.span()), len(line)]
    fields = []
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        piece = line[begin:end]
        left = begin + len(piece) - len(piece.lstrip(" \t\"'"))
        right = end - (len(piece) - len(piece.rstrip(" \t\"'")))
        fields.append((offset + min(left, right), offset + right))
    return fields
