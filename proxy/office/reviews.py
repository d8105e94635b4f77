"""The access review (棚卸し, R18): each quarter a section's head says of everybody who may use AI: keep, or revoke.

    棚卸番号,職員番号,氏名,区分,部,課,キー,継続・取消,確認者
    r-4f1c09aa,012345,山田太郎,職員,都市創造部,道路課,1,継続,000100

A list of a section counts whole or not at all, every row is decided, and nobody decides about themselves: the row of
whoever decides is left for somebody else. Whose access is revoked, their enrolment ends on that day and their own keys at once. The upper half is pure.
"""

import secrets
from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Literal

from policies.days import day_of
from policies.model import Bilingual
from policies.names import any_name, folded
from policies.vocabulary import VALUE_WORDS
from proxy.office.desk import Desk, Fault
from proxy.office.people import moment
from proxy.office.people_csv import RowFault, read_table, write_table
from proxy.office.roster import Page, Unit
from proxy.office.store import Office
from proxy.staff_id import is_staff_id

Decision = Literal["keep", "revoke"]

MONTHS = 3
"""A quarter: what was reviewed longer ago is overdue."""

COLUMNS: Mapping[str, str] = {
    "review": "棚卸番号",
    "id": "職員番号",
    "name": "氏名",
    "kind": "区分",
    "department": "部",
    "section": "課",
    "keys": "キー",
    "decision": "継続・取消",
    "reviewer": "確認者",
}
_DECISIONS: Mapping[str, Decision] = {
    **dict.fromkeys(("継続", "keep", "○", "〇"), "keep"),
    **dict.fromkeys(("取消", "取消し", "取り消し", "revoke", "×"), "revoke"),
}


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One row of a review. ``department`` and ``section`` are those as it began; ``decision`` None: not decided yet."""

    review: str
    person: str
    department: str
    section: str
    decision: Decision | None = None
    decided_by: str | None = None
    decided_at: str | None = None

    @property
    def unit(self) -> Unit:
        return Unit(self.department, self.section)


@dataclass(frozen=True, slots=True)
class ReviewPlan:
    """What a list decides: rows with their decision. Where there are faults it decides nothing."""

    decisions: tuple[Reviewed, ...]
    faults: tuple[RowFault, ...]

    @property
    def counts(self) -> dict[str, int]:
        counted = Counter(one.decision for one in self.decisions)
        return {"keep": counted["keep"], "revoke": counted["revoke"]}


@dataclass(frozen=True, slots=True)
class SectionReview:
    """How a section stands: when it was reviewed, when it is due, and the review that is not decided yet."""

    department: str
    section: str
    persons: int
    last: date | None
    due: date
    overdue: bool
    open: str | None

    @property
    def unit(self) -> Unit:
        return Unit(self.department, self.section)


# ── pure ─────────────────────────────────────────────────────────────────────────────────────────


def members(
    pages: Iterable[Page], on: date, section: str | None = None, unit: Unit | None = None
) -> list[tuple[Page, Unit]]:
    """Whoever may use AI on a day or will later, with where they belong.

    ``section`` with * and ?, None: all; ``unit``: of this one alone.
    """
    named = any_name([section or "*"])
    found = []
    for page in pages:
        person, posting = page.person, page.posting(on)
        if person.approved_by is None or (person.ends is not None and person.ends < on):
            continue
        belongs = posting.unit if posting else Unit("", "")
        if named(belongs.section) and unit in (None, belongs):
            found.append((page, belongs))
    return found


def listed(rows: Iterable[Reviewed], book: Mapping[str, Page], keys: Mapping[str, int]) -> bytes:
    """The list to decide, as Excel opens it. ``keys``: how many of their own somebody has in force."""
    sheet = []
    for row in rows:
        page = book.get(row.person)
        name, kind = (page.person.name, VALUE_WORDS[page.person.kind]) if page else ("", "")
        number = str(keys.get(row.person, 0))
        sheet.append([row.review, row.person, name, kind, row.department, row.section, number, "", ""])
    return write_table(COLUMNS.values(), sheet)


def decided(raw: bytes, rows: Sequence[Reviewed], book: Mapping[str, Page], by: str) -> ReviewPlan:
    """What a list that came back decides of these rows; ``by`` signs where a row has no 確認者."""
    lines, faults = read_table(raw, COLUMNS, ("review", "id"))
    whole = _with_zeros(book)
    by = whole.get(by, by)
    known = {(row.review, row.person): row for row in rows}
    shorter = {(row.review, row.person.lstrip("0")): (row.review, row.person) for row in rows}
    decisions: list[Reviewed] = []
    seen: dict[tuple[str, str], int] = {}
    for line in lines:
        key = line.cells["review"], line.cells["id"]
        if not all(key):
            continue
        if key not in known:  # Excel took the leading zeros; the review's number says whose list it is
            key = shorter.get(key, key)
        row = known.get(key)
        if row is None:
            faults.append(_fault(line.row, "id", "unknown_row", *_UNKNOWN_ROW))
            continue
        if key in seen:
            faults.append(_fault(line.row, "id", "twice", *_twice(seen[key])))
            continue
        seen[key] = line.row
        if row.decision is not None:
            faults.append(_fault(line.row, "decision", "decided", *_DECIDED))
            continue
        said = line.cells.get("decision", "")
        if row.person == by and not said:
            continue
        decision = _DECISIONS.get(folded(said))
        reviewer = line.cells.get("reviewer") or by
        reviewer = whole.get(reviewer, reviewer)
        if decision is None:
            faults.append(
                _fault(line.row, "decision", "unknown_decision", *_NO_DECISION)
                if said
                else _fault(line.row, "decision", "undecided", *_UNDECIDED)
            )
        faults += [_fault(line.row, "reviewer", *wrong) for wrong in [_against(reviewer, row, book)] if wrong]
        decisions.append(Reviewed(row.review, row.person, *row.unit, decision, reviewer))
    faults += _left_out(rows, seen, by)
    return ReviewPlan(tuple(decisions), tuple(sorted(faults, key=lambda fault: fault.row or 0)))


def _with_zeros(book: Iterable[str]) -> dict[str, str]:
    """``100`` → ``000100``: ids as Excel leaves them, where they can be nobody else's."""
    known, found = frozenset(book), dict[str, str | None]()
    for id in known:
        short = id.lstrip("0")
        if id.isdecimal() and short not in known:
            found[short] = None if short in found else id
    return {short: id for short, id in found.items() if id is not None}


def _against(reviewer: str, row: Reviewed, book: Mapping[str, Page]) -> tuple[Any, ...] | None:
    page = book.get(reviewer)
    if reviewer.lstrip("0") == row.person.lstrip("0"):
        return ("reviewer_is_reviewed", *_SELF)
    if not is_staff_id(reviewer):
        return ("reviewer", *_NO_REVIEWER)
    if page is not None and page.person.kind != "staff":
        return ("reviewer", *_NO_REVIEWER)
    return None


def _left_out(rows: Sequence[Reviewed], seen: Iterable[tuple[str, str]], by: str) -> list[RowFault]:
    """A section that a list speaks of at all must be decided whole, but for whoever decides."""
    there = set(seen)
    touched = {(row.review, row.unit) for row in rows if (row.review, row.person) in there}
    missing = [
        row.person
        for row in rows
        if row.decision is None
        and (row.review, row.unit) in touched
        and (row.review, row.person) not in there
        and row.person != by
    ]
    if not missing:
        return []
    some = "、".join(missing[:5]) + (" ほか" if len(missing) > 5 else "")
    return [
        RowFault(
            None,
            COLUMNS["id"],
            "row_missing",
            Bilingual(
                f"一覧から{len(missing)}人が抜けています: {some}", f"{len(missing)} are not on the list."
            ),
            Bilingual(
                "書き出した一覧の行を消さずに、全員を「継続」か「取消」にしてください。",
                "Leave every row in, and decide each.",
            ),
        )
    ]


def standings(pages: Iterable[Page], rows: Iterable[Reviewed], on: date) -> list[SectionReview]:
    """How every section stands in which somebody may use AI, the most urgent first."""
    done: dict[tuple[Unit, str], date] = {}
    undecided: dict[Unit, str] = {}
    for row in rows:
        if row.decided_at is None:
            undecided[row.unit] = row.review
        else:
            day, at = day_of(datetime.fromisoformat(row.decided_at)), (row.unit, row.review)
            done[at] = max(done.get(at, day), day)
    last: dict[Unit, date] = {}
    for (unit, review), day in done.items():
        if undecided.get(unit) != review:  # one that somebody is left over of is not over
            last[unit] = max(last.get(unit, day), day)
    since: dict[Unit, date] = {}
    count: Counter[Unit] = Counter()
    for page, unit in members(pages, on):
        count[unit] += 1
        posting = page.posting(on)
        first = max(page.person.starts, posting.since) if posting else page.person.starts
        since[unit] = min(since.get(unit, first), first)
    found = []
    for unit, persons in count.items():
        due = months_after(last.get(unit, since[unit]), MONTHS)
        found.append(SectionReview(*unit, persons, last.get(unit), due, due < on, undecided.get(unit)))
    return sorted(found, key=lambda one: (one.due, one.department, one.section))


def months_after(day: date, months: int) -> date:
    """The same day so many months later; the last of a shorter month."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


# ── the book ─────────────────────────────────────────────────────────────────────────────────────


class ReviewChanged(Exception):
    """A row was decided by somebody else meanwhile; nothing of this list was."""


class ReviewBook:
    """The reviews of one office; the tables are imported here."""

    def __init__(self, office: Office) -> None:
        from proxy.office import tables

        self._office = office
        self._tables = tables

    def begin(self, members: Iterable[tuple[str, Unit]], by: str) -> str:
        """A new review of these persons; what older ones have not decided about their sections is dropped."""
        t, id = self._tables, f"r-{secrets.token_hex(4)}"
        rows = [
            {"review": id, "person": person, "department": unit[0], "section": unit[1]}
            for person, unit in members
        ]
        units = {(row["department"], row["section"]) for row in rows}
        with self._office.changing() as connection:
            connection.execute(t.reviews.insert(), {"id": id, "begun_at": moment(), "begun_by": by})
            for department, section in units:
                connection.execute(
                    t.reviewed.delete().where(
                        t.reviewed.c.department == department,
                        t.reviewed.c.section == section,
                        t.reviewed.c.decision.is_(None),
                    )
                )
            connection.execute(t.reviewed.insert(), rows)
        return id

    def rows(self, review: str | None = None) -> list[Reviewed]:
        """The rows of one review, or of all, by section and person."""
        table = self._tables.reviewed
        found = self._tables.select(table).order_by(table.c.department, table.c.section, table.c.person)
        if review is not None:
            found = found.where(table.c.review == review)
        with self._office.reading() as connection:
            names = [one.name for one in fields(Reviewed)]
            return [
                Reviewed(**{name: row[name] for name in names})
                for row in connection.execute(found).mappings()
            ]

    def decide(self, decisions: Iterable[Reviewed], on: date) -> None:
        """Every decision, or none. Enrolments that are revoked end on this day, own keys at once.

        Raises `ReviewChanged`.
        """
        t, at = self._tables, moment()
        with self._office.changing() as connection:
            for one in decisions:
                done = connection.execute(
                    t.reviewed.update()
                    .where(
                        t.reviewed.c.review == one.review,
                        t.reviewed.c.person == one.person,
                        t.reviewed.c.decision.is_(None),
                    )
                    .values(decision=one.decision, decided_by=one.decided_by, decided_at=at)
                )
                if done.rowcount != 1:
                    raise ReviewChanged
                if one.decision == "revoke":
                    self._revoke(connection, one.person, on, at)

    def keys_in_force(self) -> dict[str, int]:
        """How many keys of their own persons have."""
        keys = self._tables.keys
        found = self._tables.select(keys.c.person).where(
            keys.c.person.is_not(None), keys.c.revoked_at.is_(None)
        )
        with self._office.reading() as connection:
            return dict(Counter(str(person) for (person,) in connection.execute(found)))

    def _revoke(self, connection: Any, person: str, on: date, at: str) -> None:
        people, keys, day = self._tables.people, self._tables.keys, on.isoformat()
        later = people.c.ends.is_(None) | (people.c.ends > day)
        connection.execute(people.update().where(people.c.id == person, later).values(ends=day))
        own = (keys.c.person == person) & keys.c.revoked_at.is_(None)
        connection.execute(keys.update().where(own).values(revoked_at=at))


# ── at the desk ──────────────────────────────────────────────────────────────────────────────────


def begin(desk: Desk, section: str | None, on: date, unit: Unit | None = None) -> tuple[str, list[Reviewed]]:
    """Begin the review of a section (with * and ?) or of all; its id and rows. ``unit``: of this one alone.

    Raises `Fault`.
    """
    if section is not None and not section.strip():
        raise Fault("課の名前が空です。", "the name of the section is empty.")
    found = members(desk.people.pages(), on, section, unit)
    chosen = [(page.person.id, belongs) for page, belongs in found]
    if not chosen:
        raise Fault(
            "その課には、AIを使える人がいません。課の名前を確かめてください(sekisho people list)。",
            "nobody of that section may use AI: check its name with sekisho people list.",
            "missing",
        )
    book = ReviewBook(desk.office)
    facts = {"sections": sorted({unit.section for _, unit in chosen}), "persons": len(chosen)}
    desk.note("access.review_begun", facts)
    id = book.begin(chosen, desk.by)
    return id, book.rows(id)


def apply(desk: Desk, plan: ReviewPlan, digest: str, on: date) -> None:
    """Do what a list decided; ``digest`` is its SHA-256, hex. Raises `Fault`."""
    assert not plan.faults, "a list counts whole or not at all"
    if not plan.decisions:
        raise Fault(
            "この一覧では、だれのことも決まりません。自分以外の行に「継続」か「取消」を入れてください。",
            "this list decides about nobody: enter keep or revoke in the rows of others.",
        )
    ids: dict[str, list[str]] = {"keep": [], "revoke": []}
    for one in plan.decisions:
        ids[str(one.decision)].append(one.person)
    facts = {
        "reviews": sorted({one.review for one in plan.decisions}),
        "sections": sorted({one.section for one in plan.decisions}),
        "reviewers": sorted({str(one.decided_by) for one in plan.decisions}),
        "counts": plan.counts,
        "kept": ids["keep"],
        "revoked": ids["revoke"],
        "sha256": digest,
    }
    desk.note("access.reviewed", facts)
    try:
        ReviewBook(desk.office).decide(plan.decisions, on)
    except ReviewChanged:
        raise Fault(
            "同じ一覧をほかの人が先に決めたため、何も変更しませんでした。sekisho people review list で確かめてください。",
            "somebody else decided this list meanwhile, so nothing was changed: see sekisho people review list.",
            "taken",
        ) from None


# ── what is said ─────────────────────────────────────────────────────────────────────────────────


def _fault(row: int, name: str, kind: str, says: Bilingual, remedy: Bilingual) -> RowFault:
    return RowFault(row, COLUMNS[name], kind, says, remedy)


def _twice(first: int) -> tuple[Bilingual, Bilingual]:
    return (
        Bilingual(f"{first}行目と同じです。", f"The same as in row {first}."),
        Bilingual("どちらか1行を消してください。", "Delete one of the two."),
    )


_UNKNOWN_ROW = (
    Bilingual("この棚卸しの一覧にいない人です。", "Not on the list of this review."),
    Bilingual(
        "sekisho people review export で書き出した一覧を使ってください。",
        "Use the list as it was exported.",
    ),
)
_DECIDED = (
    Bilingual("もう決まっています。", "It is decided already."),
    Bilingual(
        "やり直すときは、sekisho people review begin から始めてください。",
        "To decide anew, begin a new review.",
    ),
)
_UNDECIDED = (
    Bilingual("まだ決めていません。", "Not decided yet."),
    Bilingual("「継続」か「取消」を入れてください。", "Enter keep or revoke."),
)
_NO_DECISION = (
    Bilingual("「継続」でも「取消」でもありません。", "Neither keep nor revoke."),
    Bilingual("「継続」か「取消」を入れてください。", "Enter keep or revoke."),
)
_SELF = (
    Bilingual("確認者が本人です。", "The reviewer is the reviewed."),
    Bilingual(
        "自分の行は空のままにしてください。ほかの職員が決めて、確認者にその職員番号を入れます。",
        "Leave your own row empty: somebody else decides it and enters their staff id.",
    ),
)
_NO_REVIEWER = (
    Bilingual("確認者が職員番号でないか、職員ではありません。", "The reviewer is no member of staff."),
    Bilingual("確認した職員の職員番号を入れてください。", "Enter the staff id of whoever decided."),
)
