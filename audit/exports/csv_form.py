"""Columns as CSV: UTF-8 with a BOM for Excel, CRLF, quoted as RFC 4180 says, and no cell that a spreadsheet would run. Pure.

    =cmd|' /C calc'!A0      is written      '=cmd|' /C calc'!A0
    'ditto                  is written      ''ditto
    山田                     is written      山田

A cell that begins with = + - @, their full-width forms, a TAB, a CR or a LF (behind spaces, too: some programs take those
away) gets one apostrophe in front, and so does one that begins with an apostrophe. So each cell can be told and turned
back: what begins with an apostrophe had one character less. An empty cell is one without a value.

Safe: more characters that are neutralised. Never: another mark than the apostrophe.
"""

import csv
import io
from collections.abc import Iterable, Mapping

from audit.exports.flat import COLUMNS, Cell
from audit.exports.watermark import Watermark

BOM = b"\xef\xbb\xbf"
MARK = "'"
RUN = frozenset("=+-@\t\r\n＝＋－＠﹢﹣﹦﹫−")
"""What a spreadsheet may take for the beginning of a formula, or throws away before one."""
_SPACES = " \u3000\u00a0\ufeff"

OF_THE_EXPORT = ("export_id", "exported_by", "exported_at", "export_reason")
"""The columns of the watermark, behind all others."""
HEAD = (*COLUMNS, *OF_THE_EXPORT)


def neutral(cell: str) -> str:
    """The cell as text that no spreadsheet runs."""
    first = cell.lstrip(_SPACES)[:1]
    runs = bool(first) and first in RUN
    return MARK + cell if runs or cell.startswith(MARK) else cell


def turned_back(cell: str) -> str:
    """What `neutral` was given."""
    return cell[1:] if cell.startswith(MARK) else cell


def head() -> bytes:
    """The BOM and the line of names."""
    return BOM + _line(HEAD)


def line(cells: Mapping[str, Cell], mark: Watermark | None = None) -> bytes:
    """One record: every column of `HEAD` in its order."""
    export = (mark.id, mark.by, mark.at, mark.reason) if mark else ("",) * len(OF_THE_EXPORT)
    return _line((*(neutral(written(cells[name])) for name in COLUMNS), *map(neutral, export)))


def written(cell: Cell) -> str:
    """A cell in letters: ``true``, ``0.5``, nothing."""
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case _:
            return str(cell)


def _line(cells: Iterable[str]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().encode("utf-8", "backslashreplace")
