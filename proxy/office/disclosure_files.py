"""The folder that answers a request for disclosure: a CSV for Excel, the same rows as JSONL, and a cover sheet to print.

    disclosure.csv     UTF-8 with BOM, Japanese headings, no cell that Excel would calculate
    disclosure.jsonl   the same rows, a line each, with the names and codes of docs/records.md
    cover.html         what was asked, what was removed and why, until when the rest is kept, SHA-256 of both

Under the folder's name there is the whole of it or nothing. Each file is for its owner alone (0600). No name of whoever
made it stands in any of them: who it was is in the ledger.
"""

import csv
import io
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import IO

from audit.certificate import plain
from audit.disclosed import TITLES, Kind, Removed, Row, columns_of, removed_of
from audit.months import JST
from audit.periods import Periods
from proxy.office.disclosed import in_words

CSV, JSONL, COVER = "disclosure.csv", "disclosure.jsonl", "cover.html"
LONGEST_CELL = 32_000
"""Characters of a cell: Excel takes 32,767, and spills the rest over the next rows."""
_CUT = "…(続きは disclosure.jsonl の同じ行にあります)"
_UNTIL = ("record_until", "text_until", "original_until")
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "'")


Span = tuple[str, str]
"""The first and the last of some days."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on the cover: ``asked`` are pairs of what was asked for; ``by``: at whose order, by office and not by name."""

    id: str
    kind: Kind
    number: str
    by: str | None
    at: datetime
    asked: tuple[tuple[str, str], ...]
    texts: bool
    periods: Periods


@dataclass(frozen=True, slots=True)
class Written:
    """How many rows there are, and the SHA-256 of each file."""

    rows: int
    files: Mapping[str, str]


def new_id(at: datetime) -> str:
    """``D20261128-1a2b3c``: stands in every row, so that a page that turns up somewhere tells where it is from."""
    return f"D{at.astimezone(JST):%Y%m%d}-{secrets.token_hex(3)}"


def write(out: Path, sheet: Sheet, rows: Iterable[Row], first: Callable[[Written], None]) -> Written:
    """Write the folder. ``first`` is called when all is written and nothing has its name yet: what cannot be recorded
    leaves nothing behind.

    Raises FileExistsError for a name that is taken, other OSErrors, and whatever ``rows`` and ``first`` raise.
    """
    os.mkdir(out, 0o700)  # nobody else gets this name
    draft = out.with_name(f".{out.name}.{secrets.token_hex(4)}.part")
    try:
        os.mkdir(draft, 0o700)
        written = _fill(draft, sheet, rows)
        first(written)
        _sync(draft)
        os.rename(draft, out)  # over the empty one
        _sync(out.absolute().parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        with suppress(OSError):
            os.rmdir(out)
        raise
    return written


def _fill(folder: Path, sheet: Sheet, rows: Iterable[Row]) -> Written:
    columns = columns_of(sheet.kind, texts=sheet.texts)
    count = 0
    spans: dict[str, Span] = {}
    with _File(folder / CSV) as table, _File(folder / JSONL) as lines:
        table.write("\ufeff" + as_csv_line([*columns.values(), "資料番号"]))
        for row in rows:
            count += 1
            cells = [_cell(in_words(name, row.get(name))) for name in columns]
            table.write(as_csv_line([*cells, sheet.id]))
            told = {name: row.get(name) for name in columns} | {"disclosure": sheet.id}
            lines.write(json.dumps(told, ensure_ascii=False).encode("utf-8", "replace").decode() + "\n")
            for name in _UNTIL:
                if isinstance(day := row.get(name), str):
                    first, last = spans.get(name, (day, day))
                    spans[name] = (min(first, day), max(last, day))
    files = {CSV: table.digest, JSONL: lines.digest}
    with _File(folder / COVER) as cover:
        cover.write(as_cover(sheet, count, files, spans))
    return Written(count, files | {COVER: cover.digest})


class _File:
    """A new file that only its owner reads; its digest is known once it is closed, on the disk."""

    digest = ""

    def __init__(self, path: Path) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file: IO[bytes] = os.fdopen(handle, "wb")
        self._hash = sha256()

    def __enter__(self) -> "_File":
        return self

    def write(self, text: str) -> None:
        raw = text.encode("utf-8", "replace")  # half a character of a broken text is shown as ?
        self._hash.update(raw)
        self._file.write(raw)

    def __exit__(self, *_: object) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self.digest = self._hash.hexdigest()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# ── CSV ──────────────────────────────────────────────────────────────────────────────────────────


def as_csv_line(cells: Iterable[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def _cell(text: str) -> str:
    """What Excel takes for text, of a length that it takes, without what steers a screen."""
    shown = "\n".join(map(plain, text.split("\n")))
    if len(shown) > LONGEST_CELL:
        shown = shown[: LONGEST_CELL - len(_CUT)] + _CUT
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown


# ── the cover ────────────────────────────────────────────────────────────────────────────────────

_STYLE = """
@page { size: A4; margin: 18mm 15mm }
body { font-family: "BIZ UDPGothic", "Noto Sans JP", "Yu Gothic", Meiryo, sans-serif; font-size: 10.5pt; color: #000;
       background: #fff; max-width: 180mm; margin: 0 auto; line-height: 1.6 }
h1 { font-size: 15pt; border-bottom: 2px solid #000 } h2 { font-size: 12pt; margin-top: 1.4em; break-after: avoid }
table { border-collapse: collapse; width: 100% } th, td { border: 1px solid #000; padding: 3px 6px; text-align: left;
       vertical-align: top; overflow-wrap: anywhere } th { background: #eee } tr { break-inside: avoid }
td.digest { font-family: monospace; font-size: 9pt }
"""


def as_cover(sheet: Sheet, rows: int, files: Mapping[str, str], spans: Mapping[str, Span]) -> str:
    """One page that needs nothing else: no script, no font, no picture from anywhere."""
    title = f"{TITLES[sheet.kind]} 資料の表紙 / Cover sheet"
    made = f"{sheet.at.astimezone(JST):%Y-%m-%d %H:%M:%S} (日本時間)"
    head = (
        ("請求番号 / Request", sheet.number),
        ("資料番号 / This export", sheet.id),
        ("だれの指示で / By order of", sheet.by or "(記入欄)"),
        ("作成日時 / Made at", made),
        *sheet.asked,
        ("行の数 / Rows", f"{rows:,}行"),
        ("質問と回答の文章 / Texts", "入っています(伏せ字)" if sheet.texts else "入っていません"),
    )
    columns = "、".join(columns_of(sheet.kind, texts=sheet.texts).values())
    parts = [
        "<!doctype html>",
        f'<html lang="ja"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>",
        _table((), head),
        "<h2>文章について / The texts</h2>",
        f"<p>{escape(_TEXTS[sheet.kind] if sheet.texts else _NO_TEXTS)}</p>",
        "<h2>入っている列 / Columns</h2>",
        f"<p>{escape(columns)}</p>",
        "<h2>取り除いた列と、その理由 / What was removed, and why</h2>",
        _table(("取り除いたもの / Removed", "理由 / Why"), map(_told, removed_of(sheet.kind, texts=sheet.texts))),
        "<p>理由は作成の手がかりです。どこまで開示するかは、開示決定の担当者が決めます。"
        " / The reasons are a help; whoever decides on the request decides how much is disclosed.</p>",
        "<h2>保存期間 / Retention</h2>",
        _table(("保存の区分 / Store", "期間 / Period", "いつまで / Until"), _retention(sheet, spans)),
        "<p>数え方は日本時間の暦です。記録は一か月までのまとまりごとに消えるので、期限の後に残ることがあります。"
        "保全(消去の停止)の間は、消えません。 / Counted by the calendar in Japan; what is held by law stays longer.</p>",
        "<h2>ファイル / Files</h2>",
        _table(("名前 / Name", "SHA-256"), files.items(), "digest"),
        "<p>この表紙の SHA-256 と、作成した職員・理由は、台帳の閲覧の記録(disclosure)に、書き出す前に残しました。"
        " / The digest of this sheet, who made it and why were recorded in the ledger before it was written.</p>",
        *(("<p>利用登録・研修・同意・キーの帳簿は、この資料に入っていません(sekisho people show)。</p>",)
          if sheet.kind == "personal" else ()),
        "</body></html>",
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


_TEXTS: Mapping[Kind, str] = {
    "personal": "文章は、送る前に伏せ字にして残したものです。作成のとき、いまの検出器でもう一度調べ、新しく見つかったものも伏せました"
    "(〔氏名〕など)。見つけられない個人情報が残っていることがあるので、渡す前に職員が読んでください。"
    " / The texts are masked as they were kept, and were searched again; somebody reads them before they are handed over.",
    "information": "文章は、送る前に伏せ字にして残したものです。作成のとき、いまの検出器でもう一度調べ、新しく見つかったものも伏せました。"
    "伏せ字は番号のない〔氏名〕などにしました。見つけられない個人情報が残っていることがあるので、渡す前に職員が読んでください。"
    " / The texts are masked as they were kept, and were searched again; somebody reads them before they are handed over.",
}
_NO_TEXTS = (
    "文章は入っていません。伏せ字にした文章も個人情報だからです。"
    " / There are no texts: masked text is personal information all the same."
)


def _told(one: Removed) -> tuple[str, str]:
    return f"{one.ja} / {one.en}", one.why


def _retention(sheet: Sheet, spans: Mapping[str, Span]) -> Iterable[tuple[str, str, str]]:
    """Each store with its period, and until when what is in these rows is kept at least."""
    record, text, original = (_span(spans.get(name)) for name in _UNTIL)
    yield "記録(だれが・いつ・何を・結果)と閲覧の記録", sheet.periods.records.japanese, record
    yield "本文(伏せ字にした質問と回答)", sheet.periods.texts.japanese, text
    yield "原文(伏せ字の中身。ふつうは残しません)", "方針の日数(90日まで)", original


def _span(days: Span | None) -> str:
    if days is None:
        return "—"
    return days[0] if days[0] == days[1] else f"{days[0]} 〜 {days[1]}(行ごとに列にあります)"


def _table(heads: Iterable[str], rows: Iterable[tuple[str, ...]], mark: str = "") -> str:
    listed = list(heads)
    top = f"<tr>{''.join(f'<th>{escape(head)}</th>' for head in listed)}</tr>" if listed else ""
    kind = f' class="{mark}"' if mark else ""
    body = "".join(
        f"<tr><th>{escape(plain(first))}</th>{''.join(f'<td{kind}>{escape(plain(cell))}</td>' for cell in rest)}</tr>"
        for first, *rest in rows
    )
    return f"<table>{top}{body}</table>"
