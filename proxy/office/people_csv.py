"""The book of people as CSV, as Excel makes and reads it: what a file would change, and what is wrong with it.

    職員番号,氏名,区分,役割,部,課,開始日,終了日,承認者,責任者,事前承諾
    012345,山田太郎,職員,職員,都市創造部,道路課,令和9年4月1日,,000100,,

    職員番号,研修,修了日,年度
    012345,情報セキュリティ研修,2027/5/12,令和9年度

UTF-8 with or without BOM, CP932 and Excel's "Unicode text" are read, with commas or tabs. A file counts whole or not
at all. Pure: bytes and the book in, a plan out. Never says what a cell holds, only where it is: it may be personal.
"""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import zip_longest
from typing import Any

from policies.model import Actor, Bilingual
from policies.names import folded
from policies.vocabulary import COURSE_WORDS, ROLE_WORDS, VALUE_WORDS
from proxy.office.objections import Objection, objections
from proxy.office.roster import Page, Person, Posting, Training, fiscal_year

MOST_ROWS = 20_000
MOST_BYTES = 20_000_000

PEOPLE: Mapping[str, str] = {
    "id": "職員番号",
    "name": "氏名",
    "kind": "区分",
    "role": "役割",
    "department": "部",
    "section": "課",
    "starts": "開始日",
    "ends": "終了日",
    "approved_by": "承認者",
    "owner": "責任者",
    "consented": "事前承諾",
}
"""Columns of the people's file, in the order in which they are exported. Their English names are read as well."""
PEOPLE_NEEDED = ("id", "kind", "department", "section", "starts")

TRAININGS: Mapping[str, str] = {
    "id": "職員番号",
    "course": "研修",
    "completed_on": "修了日",
    "fiscal_year": "年度",
}
TRAININGS_NEEDED = ("id", "course", "completed_on")

KINDS: Mapping[str, Actor] = {
    **dict.fromkeys(
        ("職員", "正規職員", "正職員", "再任用職員", "会計年度任用職員", "任期付職員", "staff"), "staff"
    ),
    **dict.fromkeys(("委託先", "委託", "委託業者", "contractor"), "contractor"),
    **dict.fromkeys(("機械", "機械(rpaなど)", "ロボット", "rpa", "robot"), "robot"),
}
_ROLES = {folded(word): code for code, word in ROLE_WORDS.items()} | {code: code for code in ROLE_WORDS}
_COURSES = {
    **{code: code for code in COURSE_WORDS},
    **{folded(word): code for code, word in COURSE_WORDS.items()},
    **{folded(word).removesuffix("研修"): code for code, word in COURSE_WORDS.items()},
}
_YES = frozenset({"はい", "あり", "有", "済", "○", "〇", "true", "yes", "1"})
_NO = frozenset({"", "いいえ", "なし", "無", "未", "×", "false", "no", "0"})

WHAT = ("new", "returned", "renewed", "transferred", "changed", "ended", "unchanged")
"""What becomes of a row. Of somebody who had ended and begins again after a while: ``returned``. Whose next term begins
on the day after the last one: ``renewed``, and the one enrolment goes on."""


Said = tuple[str, Bilingual, Bilingual]
"""The kind of a fault or a remark, which is stable; what it says; the remedy."""


@dataclass(frozen=True, slots=True)
class RowFault:
    """What is wrong, where, and the remedy. ``row`` is the one that Excel shows; None: the file as a whole."""

    row: int | None
    column: str | None
    kind: str
    says: Bilingual
    remedy: Bilingual


@dataclass(frozen=True, slots=True)
class Remark:
    """What is not taken over out of some rows, though nothing is wrong in them, and how it is changed all the same."""

    rows: tuple[int, ...]
    column: str
    kind: str
    says: Bilingual
    remedy: Bilingual


@dataclass(frozen=True, slots=True)
class Change:
    """What one row does to somebody. ``what``: see `WHAT`; ``fields``: which of the person's change.

    ``before`` is None of somebody new; ``after`` is the person as they will be, ``posting`` a new one. ``start_kept``:
    what is said of a 開始日 that is not the book's and is not taken over.
    """

    row: int
    id: str
    what: tuple[str, ...]
    after: Person
    before: Person | None = None
    posting: Posting | None = None
    fields: tuple[str, ...] = ()
    start_kept: Said | None = None

    @property
    def anew(self) -> bool:
        """Whether a 所属長 approves this use now, be it the same one as before."""
        return bool({"new", "returned", "renewed"} & set(self.what))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file of people would do. Where there are faults it does nothing."""

    changes: tuple[Change, ...]
    faults: tuple[RowFault, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows do what; a row that does two things counts twice."""
        counted = Counter(what for change in self.changes for what in change.what)
        return {what: counted[what] for what in WHAT}

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """One of each kind, with its rows: a file may list a whole city with the same day."""
        rows: dict[Said, list[int]] = {}
        for change in self.changes:
            if change.start_kept:
                rows.setdefault(change.start_kept, []).append(change.row)
        return tuple(Remark(tuple(listed), PEOPLE["starts"], *said) for said, listed in rows.items())


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What a file of trainings would enter: ``new``, each with its person; ``known`` were there before."""

    new: tuple[tuple[str, Training], ...]
    known: int
    faults: tuple[RowFault, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One row: the cells by field, trimmed. A column that the file does not have is not among them."""

    row: int
    cells: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Zeros:
    """The ids that begin with zeros, by what Excel makes of them: ``{"12345": "012345"}``.

    ``known``: ids of pages of the book, from which nothing was lost. Never an int: an id may have any length.
    """

    known: frozenset[str]
    whole: Mapping[str, str]

    def lost(self, id: str) -> bool:
        """Whether an id seems to be one of them without its zeros."""
        return id not in self.known and _is_number(id) and len(id) < len(self.whole.get(id.lstrip("0"), ""))


# ── people ───────────────────────────────────────────────────────────────────────────────────────


def plan_of(raw: bytes, book: Mapping[str, Page], today: date) -> Plan:
    """What the file would do to this book; ``today`` (JST): no term that still runs is written over by a later one."""
    lines, faults = read_table(raw, PEOPLE, PEOPLE_NEEDED)
    changes: list[Change] = []
    zeros = _zeros(book, lines)
    for line in _once(lines, faults, "id"):
        wrong: list[RowFault] = []
        change = _change(line, book, zeros, today, wrong)
        faults += wrong
        if change is not None and not wrong:
            changes.append(change)
    known = {id: page.person for id, page in book.items()} | {one.id: one.after for one in changes}
    for change in changes:
        if change.what != ("unchanged",):
            faults += _objected(change, known, book)
    return Plan(tuple(changes), _in_order(faults))


def _change(
    line: Line, book: Mapping[str, Page], zeros: Zeros, today: date, wrong: list[RowFault]
) -> Change | None:
    """What one row would do; what cannot be read in it goes to ``wrong``."""
    cells, id = line.cells, _plain(line.cells["id"])
    page = book.get(id)
    wrong += _without_zeros(line, page, zeros)
    starts = _date(line, "starts", wrong)
    ends = _date(line, "ends", wrong)
    kind = _among(line, "kind", KINDS, wrong)
    role = _among(line, "role", _ROLES, wrong)
    consented = _answer(line, wrong)
    if starts is None or kind is None or wrong:
        return None
    posting = Posting(starts, cells["department"], cells["section"])
    said = {
        "name": cells.get("name"),
        "kind": kind,
        "role": role,
        "owner": _plain(cells["owner"]) or None if "owner" in cells else _UNSAID,
        "consented": consented,
        "ends": ends if "ends" in cells else _UNSAID,
        "approved_by": _plain(cells.get("approved_by", "")) or None,
    }
    if page is None:
        return _new(line.row, id, posting, said)
    return _changed(line.row, page, posting, said, today, wrong)


def _without_zeros(line: Line, page: Page | None, zeros: Zeros) -> Iterator[RowFault]:
    """The ids of a row that seem to have lost their zeros, but for those that the person's page has so."""
    for name in ("id", "approved_by", "owner"):
        said = _plain(line.cells.get(name, ""))
        if zeros.lost(said) and (page is None or said != getattr(page.person, name)):
            yield _fault(line.row, name, _zeros_lost(PEOPLE[name]))


def _new(row: int, id: str, posting: Posting, said: Mapping[str, Any]) -> Change:
    after = Person(
        id,
        said["kind"],
        posting.since,
        None if said["ends"] is _UNSAID else said["ends"],
        said["name"] or "",
        said["role"] or "staff_member",
        said["approved_by"],
        consented=bool(said["consented"]),
        owner=None if said["owner"] is _UNSAID else said["owner"],
    )
    return Change(row, id, ("new",), after, posting=posting)


def _changed(
    row: int, page: Page, posting: Posting, said: Mapping[str, Any], today: date, wrong: list[RowFault]
) -> Change | None:
    """What becomes of somebody known."""
    before = page.person
    begins = _begins(before, posting.since)
    values = _values(said) | ({"starts": posting.since} if begins == "returned" else {})
    fields = tuple(name for name, value in values.items() if value != getattr(before, name))
    moves = _moves(page, posting)
    kept = None if moves or begins else _start_kept(page, posting.since)
    if not fields and not moves and begins != "renewed":
        return Change(row, before.id, ("unchanged",), before, before, start_kept=kept)
    if moves:
        wrong += _against_move(row, page, posting.since)
    if begins:
        wrong += _against_term(row, before, posting.since, said, today)
    if wrong:
        return None
    after = replace(before, **values)
    what = _what(before, after, begins, moves, fields)
    return Change(row, before.id, what, after, before, posting if moves else None, fields, kept)


def _values(said: Mapping[str, Any]) -> dict[str, Any]:
    """A cell that is empty leaves a name, a role and an approval as they are; an empty end is no end."""
    values = {"kind": said["kind"]}
    values |= {name: said[name] for name in ("name", "role", "approved_by") if said[name]}
    values |= {name: said[name] for name in ("owner", "ends") if said[name] is not _UNSAID}
    if said["consented"] is not None:
        values["consented"] = said["consented"]
    return values


def _what(
    before: Person, after: Person, begins: str | None, moves: bool, fields: Sequence[str]
) -> tuple[str, ...]:
    """See `WHAT`."""
    ended = after.ends is not None and (before.ends is None or after.ends < before.ends)
    told = {"starts", "ends"} if begins else {"ends"} if ended else set()
    others = {
        "transferred": moves,
        "changed": bool(set(fields) - told),
        "ended": ended and not begins,
    }
    return (*([begins] if begins else []), *(what for what, holds in others.items() if holds))


def _begins(person: Person, since: date) -> str | None:
    """``renewed`` or ``returned`` where a day lies after the end of what was approved, else None."""
    if person.ends is None or since <= person.ends:
        return None
    never = person.ends < person.starts
    return "renewed" if since == person.ends + timedelta(days=1) and not never else "returned"


def _against_term(
    row: int, before: Person, since: date, said: Mapping[str, Any], today: date
) -> Iterator[RowFault]:
    """Of a term that begins after the old one: the book has one start and one end of a person, not two terms."""
    old = before.ends or date.max
    ends = old if said["ends"] is _UNSAID else said["ends"]
    if _begins(before, since) == "renewed":
        if ends is not None and ends < since:
            yield _fault(row, "ends", _ENDS_FIRST)
    elif before.starts <= old and today <= old:
        yield _fault(row, "starts", _STILL_RUNS)
    if not said["approved_by"]:
        yield _fault(row, "approved_by", _NOT_APPROVED)


def _against_move(row: int, page: Page, since: date) -> Iterator[RowFault]:
    if since < page.person.starts:
        yield _fault(row, "starts", _BEFORE_ENROLMENT)
    elif any(one.since > since for one in page.postings):
        yield _fault(row, "starts", _LATER_POSTING)


def _moves(page: Page, posting: Posting) -> bool:
    """Whether the row says another 部・課 than the book has for that day."""
    there = page.posting(posting.since)
    if there is None:
        return True
    said = (there.department, posting.department), (there.section, posting.section)
    return any(folded(one.strip()) != folded(other.strip()) for one, other in said)


def _start_kept(page: Page, since: date) -> Said | None:
    """What is said of a day that is neither that of the enrolment nor that of the 部・課, where the row says no other."""
    there, enrolled = page.posting(since), page.person.starts
    if there is None or since in (there.since, enrolled):
        return None
    return _MOVE_KEPT if there.since > enrolled and there != page.postings[0] else _START_KEPT


def _objected(change: Change, known: Mapping[str, Person], book: Mapping[str, Page]) -> Iterator[RowFault]:
    """What speaks against what would be in the book. Of somebody new, an approval is needed besides."""
    for one in objections(change.after, change.posting, known):
        if _as_before(change, one):
            continue
        column = PEOPLE.get(one.field, one.field)
        yield RowFault(change.row, column, one.kind, one.says, one.remedy)
    if change.id not in book and change.after.approved_by is None:
        yield _fault(change.row, "approved_by", _NOT_APPROVED)


def _as_before(change: Change, one: Objection) -> bool:
    """Whether it speaks against an approver or an owner whom the row leaves as they are.

    Who approved as a 所属長 may be none today, without any row being wrong.
    """
    of_another = one.field in ("approved_by", "owner") and one.kind != "no_owner"
    return of_another and not change.anew and one.field not in change.fields


def written(pages: Iterable[Page]) -> bytes:
    """The people as a file that Excel opens and `plan_of` reads back, changing nothing. The first row says what is what."""
    return write_table(PEOPLE.values(), map(_row, pages))


def _row(page: Page) -> list[str]:
    """With the posting that was the last, and the day from which it was theirs."""
    person = page.person
    posting = page.posting(max(person.starts, person.ends) if person.ends else date.max)
    since = max(person.starts, posting.since) if posting else person.starts
    return [
        person.id,
        person.name,
        VALUE_WORDS[person.kind],
        ROLE_WORDS.get(person.role, person.role),
        posting.department if posting else "",
        posting.section if posting else "",
        since.isoformat(),
        person.ends.isoformat() if person.ends else "",
        person.approved_by or "",
        person.owner or "",
        "あり" if person.consented else "",
    ]


# ── trainings ────────────────────────────────────────────────────────────────────────────────────


def trainings_of(raw: bytes, book: Mapping[str, Page], today: date) -> TrainingPlan:
    """What the file would enter; ``today`` (JST): nothing is completed after it."""
    lines, faults = read_table(raw, TRAININGS, TRAININGS_NEEDED)
    zeros = _zeros(book)
    new: list[tuple[str, Training]] = []
    seen: dict[tuple[str, str, int], int] = {}
    known = 0
    for line in lines:
        wrong: list[RowFault] = []
        training = _training(line, today, wrong)
        id = _plain(line.cells["id"])
        if id and id not in book:
            said = _zeros_lost(TRAININGS["id"]) if zeros.lost(id) else _NOBODY
            wrong.append(_fault(line.row, "id", said, TRAININGS))
        if training and id and not wrong:
            key = (id, training.course, training.fiscal_year)
            if key in seen:
                wrong.append(_twice(line.row, seen[key]))
            elif any((one.course, one.fiscal_year) == key[1:] for one in book[id].trainings):
                known += 1
            else:
                new.append((id, training))
            seen.setdefault(key, line.row)
        faults += wrong
    return TrainingPlan(tuple(new), known, _in_order(faults))


def _training(line: Line, today: date, wrong: list[RowFault]) -> Training | None:
    course = _among(line, "course", _COURSES, wrong, TRAININGS)
    completed_on = _date(line, "completed_on", wrong, TRAININGS)
    if course is None or completed_on is None:
        return None
    if completed_on > today:
        wrong.append(_fault(line.row, "completed_on", _FUTURE, TRAININGS))
    year = fiscal_year(completed_on)
    if said := line.cells.get("fiscal_year"):
        counts = year_in(said)
        if counts not in (year, year + 1):
            wrong.append(_fault(line.row, "fiscal_year", _YEAR if counts else _NO_YEAR, TRAININGS))
            return None
        year = counts
    return Training(course, year, completed_on)


# ── days ─────────────────────────────────────────────────────────────────────────────────────────

_ERAS = {
    "令和": (2018, date(2019, 5, 1), date.max),
    "平成": (1988, date(1989, 1, 8), date(2019, 4, 30)),
    "昭和": (1925, date(1926, 12, 25), date(1989, 1, 7)),
}
_ERA = {"r": "令和", "h": "平成", "s": "昭和"} | {name: name for name in _ERAS}
_DAY = re.compile(
    r"(?:(?P<era>令和|平成|昭和|[rhs])\.?(?P<of>元|[0-9]{1,2})|(?P<year>[0-9]{4}))"
    r"(?:年|(?P<sep>[-/.]))(?P<month>[0-9]{1,2})(?:月|(?P=sep))(?P<day>[0-9]{1,2})日?"
)
_COMPACT = re.compile(r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})")
_YEAR_OF = re.compile(r"(?:(令和|[r])\.?(元|[0-9]{1,2})|([0-9]{4}))年?度?")


def day_in(text: str) -> date | None:
    """A day as people and Excel write it, from 1926 to 2100; None where it is none.

    2027-04-01   2027/4/1   20270401   2027年4月1日   令和9年4月1日   R9.4.1   令和元年5月1日
    """
    plain = re.sub(r"[ t]0?0:00(?::00)?$", "", _plain(text).casefold())
    plain = re.sub(r"\s", "", plain)
    match = _DAY.fullmatch(plain) or _COMPACT.fullmatch(plain)
    if match is None:
        return None
    said = match.groupdict()
    era = said.get("era")
    try:
        if era is None:
            day = date(int(said["year"]), int(said["month"]), int(said["day"]))
            return day if date(1926, 12, 25) <= day < date(2100, 1, 1) else None
        before, first, last = _ERAS[_ERA[era]]
        count = 1 if said["of"] == "元" else int(said["of"])
        day = date(before + count, int(said["month"]), int(said["day"]))
    except ValueError:
        return None
    return day if first <= day <= last else None


def year_in(text: str) -> int | None:
    """A 年度: 2027, 2027年度, 令和9年度, R9."""
    match = _YEAR_OF.fullmatch(re.sub(r"\s", "", _plain(text)).casefold())
    if match is None:
        return None
    if match[3]:
        return int(match[3])
    return 2018 + (1 if match[2] == "元" else int(match[2]))


# ── tables ───────────────────────────────────────────────────────────────────────────────────────


def read_table(
    raw: bytes, columns: Mapping[str, str], needed: Sequence[str]
) -> tuple[list[Line], list[RowFault]]:
    """The rows of a file with these columns; where the file as a whole is wrong, no rows."""
    if len(raw) > MOST_BYTES:
        return [], [RowFault(None, None, "too_big", *_TOO_BIG)]
    text = _decoded(raw)
    if text is None:
        return [], [RowFault(None, None, "encoding", *_ENCODING)]
    rows, broken = _split(text)
    if broken is not None:
        return [], [broken]
    if not rows:
        return [], [RowFault(None, None, "nothing", *_NOTHING)]
    (first, head), rest = rows[0], rows[1:]
    names, faults = _headings(first, head, columns, needed)
    if faults:
        return [], faults
    if len(rest) > MOST_ROWS:
        return [], [RowFault(None, None, "too_big", *_TOO_BIG)]
    if not rest:
        return [], [RowFault(None, None, "nothing", *_NOTHING)]
    lines = []
    for row, cells in rest:
        if any(cell.strip() for cell in cells[len(names) :]):
            faults.append(RowFault(row, _letter(len(names)), "too_many_cells", *_TOO_MANY))
            continue
        pairs = zip_longest(names, cells[: len(names)], fillvalue="")
        line = Line(row, {name: _cell(cell) for name, cell in pairs if name})
        faults += [RowFault(row, columns[name], "empty", *_EMPTY) for name in needed if not line.cells[name]]
        lines.append(line)
    return lines, faults


def write_table(headings: Iterable[str], rows: Iterable[Sequence[str]]) -> bytes:
    """CSV that Excel opens rightly: UTF-8 with BOM, CRLF, and no cell that it would take for a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(list(headings))
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_RISKY) else cell


_RISKY = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "'")
"""What Excel calculates, and the mark that says it must not. `_cell` takes the mark away again."""


def _cell(text: str) -> str:
    text = text.strip()
    return text[1:] if text[:1] == "'" and text[1:].startswith(_RISKY) else text


def _decoded(raw: bytes) -> str | None:
    encodings = ["utf-8-sig", "cp932"]
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        strange = _NO_LETTER if encoding == "cp932" else "\0"
        return None if any(letter in strange for letter in text) else text
    return None


_NO_LETTER = frozenset("\0\x80\xa0\uf8f0\uf8f1\uf8f2\uf8f3")
"""What CP932 makes of bytes that are no letters, and what no text file holds."""


def _split(text: str) -> tuple[list[tuple[int, list[str]]], RowFault | None]:
    """The rows that hold something, with the number that Excel shows."""
    first = text.split("\n", 1)[0]
    separator = "\t" if "\t" in first else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[tuple[int, list[str]]] = []
    number = line = 0
    try:
        for number, cells in enumerate(reader, start=1):
            line = reader.line_num
            if any(cell.strip() for cell in cells):
                rows.append((number, cells))
    except csv.Error as error:
        return [], _broken(number + 1, str(error), reader.line_num - line)
    return rows, None


def _broken(row: int, error: str, lines: int) -> RowFault:
    """Why a row cannot be read; ``lines`` of the file had been read of it.

    The csv module takes no more than 131,072 characters for a cell. Over several lines they are no cell, for Excel
    holds 32,767: a quotation mark was not closed.
    """
    if "field limit" in error and lines == 1:
        return RowFault(row, None, "cell_too_long", *_CELL_TOO_LONG)
    return RowFault(row, None, "quotes", *_QUOTES)


def _headings(
    row: int, head: Sequence[str], columns: Mapping[str, str], needed: Sequence[str]
) -> tuple[list[str], list[RowFault]]:
    """The field of each column; empty for one that has neither heading nor, with luck, cells."""
    known = {folded(word): name for name, word in columns.items()} | {name: name for name in columns}
    said = [re.sub(r"\s", "", folded(cell)) for cell in head]
    while said and not said[-1]:
        said.pop()
    names = [known.get(one.replace("-", "_"), "") for one in said]
    if not any(names):
        return [], [RowFault(row, None, "no_headings", *_no_headings(columns))]
    faults = []
    for place, name in enumerate(names):
        if not name:
            faults.append(RowFault(row, _letter(place), "unknown_column", *_unknown_column(columns)))
        elif name in names[:place]:
            faults.append(RowFault(row, columns[name], "column_twice", *_COLUMN_TWICE))
    faults += [
        RowFault(row, columns[name], "missing_column", *_MISSING_COLUMN)
        for name in needed
        if name not in names
    ]
    return names, faults


def _letter(place: int) -> str:
    """``A列`` for 0, ``AB列`` for 27, as Excel names them."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{letters}列"


# ── cells ────────────────────────────────────────────────────────────────────────────────────────

_UNSAID: Any = object()
"""The file has no such column: whatever the book says stays."""


def _plain(text: str) -> str:
    """Full-width letters and digits as ASCII."""
    return unicodedata.normalize("NFKC", text).strip()


def _date(line: Line, name: str, wrong: list[RowFault], columns: Mapping[str, str] = PEOPLE) -> date | None:
    text = line.cells.get(name, "")
    day = day_in(text) if text else None
    if text and day is None:
        wrong.append(_fault(line.row, name, _NO_DATE, columns))
    return day


def _among(
    line: Line,
    name: str,
    words: Mapping[str, Any],
    wrong: list[RowFault],
    columns: Mapping[str, str] = PEOPLE,
) -> Any:
    """The code of a word; None of an empty cell, and of a word that is none."""
    text = line.cells.get(name, "")
    code = words.get(folded(_plain(text)))
    if text and code is None:
        wrong.append(RowFault(line.row, columns[name], f"unknown_{name}", *_unknown(name)))
    return code


def _answer(line: Line, wrong: list[RowFault]) -> bool | None:
    """Yes or no; None where the file has no such column."""
    if "consented" not in line.cells:
        return None
    said = folded(_plain(line.cells["consented"]))
    if said not in _YES | _NO:
        wrong.append(_fault(line.row, "consented", _NO_ANSWER))
    return said in _YES


def _once(lines: Iterable[Line], faults: list[RowFault], name: str) -> Iterator[Line]:
    """Each row whose id was not there before; an empty one has its fault already."""
    seen: dict[str, int] = {}
    for line in lines:
        id = _plain(line.cells[name])
        if not id:
            continue
        if id in seen:
            faults.append(_twice(line.row, seen[id]))
            continue
        seen[id] = line.row
        yield line


def _zeros(book: Mapping[str, Page], lines: Iterable[Line] = ()) -> Zeros:
    """Of everybody whom the book names, whether it has a page of them or not, and of the rows of a file."""
    people = [page.person for page in book.values()]
    ids = {id for one in people for id in (one.id, one.approved_by, one.owner) if id}
    ids |= {_plain(line.cells["id"]) for line in lines}
    zeros = sorted((id for id in ids if id.startswith("0") and _is_number(id)), key=len)
    return Zeros(frozenset(book), {id.lstrip("0"): id for id in zeros})


def _is_number(id: str) -> bool:
    return id.isdecimal() and id.isascii()


def _in_order(faults: Iterable[RowFault]) -> tuple[RowFault, ...]:
    return tuple(sorted(dict.fromkeys(faults), key=lambda fault: fault.row or 0))


# ── what is said ─────────────────────────────────────────────────────────────────────────────────


def _fault(row: int, name: str, said: Said, columns: Mapping[str, str] = PEOPLE) -> RowFault:
    return RowFault(row, columns[name], *said)


def _twice(row: int, first: int) -> RowFault:
    return RowFault(
        row,
        "職員番号",
        "twice",
        Bilingual(f"{first}行目と同じです。", f"The same as in row {first}."),
        Bilingual("どちらか1行を消してください。", "Delete one of the two."),
    )


def _zeros_lost(column: str) -> Said:
    return (
        "zeros_lost",
        Bilingual("先頭の0が消えているようです。", "The leading zeros seem to be lost."),
        Bilingual(
            f"Excelで{column}の列の表示形式を「文字列」にして、0から打ち直してください。",
            f"Format the column {column} as text in Excel and type the zeros again.",
        ),
    )


def _unknown(name: str) -> tuple[Bilingual, Bilingual]:
    words = {
        "kind": "、".join((VALUE_WORDS["staff"], VALUE_WORDS["contractor"], VALUE_WORDS["robot"])),
        "role": "、".join(ROLE_WORDS.values()),
        "course": "、".join(COURSE_WORDS.values()),
    }[name]
    codes = {
        "kind": "staff, contractor, robot",
        "role": ", ".join(ROLE_WORDS),
        "course": ", ".join(COURSE_WORDS),
    }[name]
    return (
        Bilingual("一覧にない言葉です。", "Not on the list."),
        Bilingual(f"次のどれかにしてください: {words}", f"One of: {codes}"),
    )


def _no_headings(columns: Mapping[str, str]) -> tuple[Bilingual, Bilingual]:
    return (
        Bilingual("見出しの行がありません。", "There is no row of headings."),
        Bilingual(
            f"1行目に見出しを入れてください: {'、'.join(columns.values())}",
            f"Begin with the headings: {', '.join(columns)}",
        ),
    )


def _unknown_column(columns: Mapping[str, str]) -> tuple[Bilingual, Bilingual]:
    return (
        Bilingual("見出しが一覧にありません。", "An unknown heading."),
        Bilingual(
            f"列を消すか、見出しを直してください。使えるのは: {'、'.join(columns.values())}",
            f"Delete the column, or use one of: {', '.join(columns)}",
        ),
    )


_ENCODING = (
    Bilingual("文字コードを読めません。", "The encoding cannot be read."),
    Bilingual(
        "Excelで「CSV UTF-8(コンマ区切り)」として保存し直してください。", "Save it in Excel as 'CSV UTF-8'."
    ),
)
_TOO_BIG = (
    Bilingual(f"ファイルが大きすぎます({MOST_ROWS}行まで)。", f"Too big: {MOST_ROWS} rows at most."),
    Bilingual("いくつかのファイルに分けてください。", "Split it into several files."),
)
_NOTHING = (
    Bilingual("中身がありません。", "There is nothing in it."),
    Bilingual("見出しの下に1行以上書いてください。", "Write at least one row below the headings."),
)
_QUOTES = (
    Bilingual('引用符 " が閉じていないか、余分にあります。', "A quotation mark is open, or one too many."),
    Bilingual(
        'その行の " を消すか、Excelで開いて保存し直してください。',
        "Delete it, or open and save the file in Excel.",
    ),
)
_CELL_TOO_LONG = (
    Bilingual("とても長いセルがあります(13万字以上)。", "A cell holds more than 130,000 characters."),
    Bilingual("その行の長いセルを縮めるか、消してください。", "Shorten the cell, or delete it."),
)
_TOO_MANY = (
    Bilingual("見出しのない列に値があります。", "There is a value without a heading."),
    Bilingual("コンマが余っていないか確かめ、その値を消してください。", "Look for a comma too many."),
)
_COLUMN_TWICE = (
    Bilingual("同じ見出しの列が二つあります。", "Two columns have this heading."),
    Bilingual("片方の列を消してください。", "Delete one of them."),
)
_MISSING_COLUMN = (
    Bilingual("この列がありません。", "This column is missing."),
    Bilingual("見出しを付けて列を足してください。", "Add it, with this heading."),
)
_EMPTY = (Bilingual("空です。", "It is empty."), Bilingual("書き入れてください。", "Fill it in."))
_NO_DATE: Said = (
    "date",
    Bilingual("日付として読めません。", "This is no date."),
    Bilingual(
        "2027-04-01、2027/4/1、令和9年4月1日、R9.4.1 のどれかの形にしてください。", "Write 2027-04-01."
    ),
)
_NO_ANSWER: Said = (
    "answer",
    Bilingual("「あり」か「なし」ではありません。", "Neither yes nor no."),
    Bilingual("事前承諾は「あり」か「なし」にしてください。", "Write yes or no."),
)
_BEFORE_ENROLMENT: Said = (
    "before_enrolment",
    Bilingual("異動の日が、利用登録の開始日より前です。", "A transfer before the enrolment."),
    Bilingual("異動した日を確かめてください。", "Check the day of the transfer."),
)
_STILL_RUNS: Said = (
    "still_runs",
    Bilingual(
        "いまの利用期間がまだ終わらないうちに、間のあく次の期間は登録できません。",
        "The term in the book still runs, and the next one begins after a gap.",
    ),
    Bilingual(
        "いまの終了日を過ぎてから読み込んでください。続けて使う人なら、開始日をいまの終了日の翌日にしてください。",
        "Import the row when the old term has ended. Where there is no gap, begin on the day after its end.",
    ),
)
_ENDS_FIRST: Said = (
    "ends_before_start",
    Bilingual(
        "終了日が新しい開始日より前か、ファイルにありません。", "The end is before the new start, or missing."
    ),
    Bilingual(
        "終了日の列に、次の期間の最後の日を書いてください。",
        "Enter the last day of the next term as its end.",
    ),
)
_LATER_POSTING: Said = (
    "later_posting",
    Bilingual(
        "この日より後の異動が、もう帳簿にあります。古いファイルではありませんか。",
        "The book has a later transfer already: is this an old file?",
    ),
    Bilingual(
        "sekisho people export で今の帳簿を書き出し、そこから直してください。",
        "Begin from a fresh 'sekisho people export'.",
    ),
)
_START_KEPT: Said = (
    "start_kept",
    Bilingual(
        "部・課が帳簿と同じなので、利用登録の開始日は帳簿のままです。",
        "The section is the book's, so that the day of the enrolment stays as the book has it.",
    ),
    Bilingual(
        "開始日を直すときは、古い開始日と正しい開始日のどちらよりも前の日で sekisho people end を行い、"
        "正しい開始日と承認者を書いて、もう一度読み込みます。",
        "To mend it, use 'sekisho people end' with a day before both the old and the right one, then import the row"
        " with the right day and the approver.",
    ),
)
_MOVE_KEPT: Said = (
    "move_kept",
    Bilingual(
        "部・課が帳簿と同じなので、異動の日は帳簿のままです。",
        "The section is the book's, so that the day of the transfer stays as the book has it.",
    ),
    Bilingual(
        "異動の日を直すときは、sekisho people transfer を2回行います。帳簿の異動の日から前の部・課に戻し、"
        "次に、正しい日から今の部・課にします。",
        "To mend it, use 'sekisho people transfer' twice: to the former section from the book's day on, then to this one"
        " from the right day on.",
    ),
)
_NOT_APPROVED: Said = (
    "approver_missing",
    Bilingual("承認者がありません。", "The approver is missing."),
    Bilingual(
        "承認した所属長の職員番号を入れてください。", "Enter the staff id of the 所属長 who approved it."
    ),
)
_NOBODY: Said = (
    "unknown_person",
    Bilingual("利用者の帳簿にない職員番号です。", "Nobody in the book has this id."),
    Bilingual("番号を確かめるか、先に利用登録をしてください。", "Check it, or enrol them first."),
)
_FUTURE: Said = (
    "future",
    Bilingual("修了日が今日より後です。", "Completed in the future."),
    Bilingual("修了した日を確かめてください。", "Check the day."),
)
_NO_YEAR: Said = (
    "year",
    Bilingual("年度として読めません。", "This is no fiscal year."),
    Bilingual("2027 か 令和9年度 の形にしてください。", "Write 2027."),
)
_YEAR: Said = (
    "wrong_year",
    Bilingual("修了日の年度と合いません。", "It does not fit the day of completion."),
    Bilingual(
        "修了した年度か、その次の年度だけを書けます。空なら修了日の年度になります。",
        "Only the year of completion or the one after it; leave it empty for the former.",
    ),
)
