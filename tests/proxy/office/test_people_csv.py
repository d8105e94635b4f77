"""People and trainings out of CSV files as Excel makes them: what is read, what is wrong, what would change. No store."""

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from policies.vocabulary import COURSE_WORDS, ROLES
from proxy.office import people_csv
from proxy.office.objections import objections
from proxy.office.people_csv import PEOPLE, TRAININGS, day_in, plan_of, trainings_of, written, year_in
from proxy.office.roster import Needed, Page, Person, Posting, Training, standing

TODAY = date(2027, 6, 1)
APRIL = date(2027, 4, 1)
COURSES = tuple(TRAININGS.values())
HEADS = ("職員番号", "氏名", "区分", "役割", "部", "課", "開始日", "終了日", "承認者", "責任者", "事前承諾")
YAMADA = ("012345", "山田太郎", "職員", "職員", "都市創造部", "道路課", "2027-04-01", "", "000100", "", "")
ROBOT = ("rpa-01", "", "機械", "", "総務部", "DX推進課", "2027-04-01", "2028-03-31", "000100", "012345", "")


def sheet(*rows: Sequence[str], heads: Sequence[str] = HEADS, separator: str = ",") -> bytes:
    return "\r\n".join(separator.join(row) for row in (heads, *rows)).encode()


def with_(row: Sequence[str], **cells: str) -> tuple[str, ...]:
    """The row with other cells, by the field's name."""
    names = list(PEOPLE)
    return tuple(cells.get(names[place], cell) for place, cell in enumerate(row))


def book(*pages: Page) -> dict[str, Page]:
    return {page.person.id: page for page in pages}


def yamada(**fields: Any) -> Page:
    person = Person("012345", "staff", APRIL, name="山田太郎", approved_by="000100")
    return Page(replace(person, **fields), (Posting(APRIL, "都市創造部", "道路課"),))


def kinds(raw: bytes, known: dict[str, Page] | None = None) -> list[tuple[int | None, str | None, str]]:
    plan = plan_of(raw, known or {}, TODAY)
    assert all(
        fault.says.ja and fault.says.en and fault.remedy.ja and fault.remedy.en for fault in plan.faults
    )
    return [(fault.row, fault.column, fault.kind) for fault in plan.faults]


# ── what is read ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R12")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t"])
@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
def test_a_file_is_read_as_excel_saves_it(encoding: str, separator: str, ending: str) -> None:
    text = sheet(YAMADA, separator=separator).decode().replace("\r\n", ending)
    plan = plan_of(text.encode(encoding), {}, TODAY)
    assert plan.faults == ()
    (change,) = plan.changes
    assert change.what == ("new",) and change.row == 2
    assert change.after == Person("012345", "staff", APRIL, name="山田太郎", approved_by="000100")
    assert change.posting == Posting(APRIL, "都市創造部", "道路課")


@pytest.mark.parametrize(
    "written",
    ["2027-04-01", "2027/4/1", "2027.4.1", "2027年4月1日", "20270401", "令和9年4月1日", "令和９年４月１日",
     "Ｒ９．４．１", "R9.4.1", "R09/04/01", "r9-4-1", "２０２７／０４／０１", "2027/4/1 0:00", "2027/04/01 00:00:00",
     "令和9年 4月 1日", "㋿9年4月1日"],
)  # fmt: skip
def test_a_day_is_read_as_people_write_it(written: str) -> None:
    assert day_in(written) == APRIL
    plan = plan_of(sheet(with_(YAMADA, starts=written)), {}, TODAY)
    assert plan.faults == () and plan.changes[0].after.starts == APRIL


@pytest.mark.parametrize(
    "written",
    ["", "4/1", "27/4/1", "2027-13-01", "2027-02-29", "2027/4/10:00", "令和9年", "令和0年4月1日", "平成31年5月1日",
     "令和元年4月30日", "R100.4.1", "昭和64年1月8日", "46478", "明日", "2207-04-01", "2027-4/1", "x2027-04-01"],
)  # fmt: skip
def test_what_is_no_day_is_none(written: str) -> None:
    assert day_in(written) is None


def test_the_first_and_last_days_of_an_era_are_days_of_it() -> None:
    assert day_in("令和元年5月1日") == date(2019, 5, 1) and day_in("H31.4.30") == date(2019, 4, 30)
    assert day_in("昭和64年1月7日") == date(1989, 1, 7) and day_in("平成元年1月8日") == date(1989, 1, 8)


@given(st.dates(date(2019, 5, 1), date(2099, 12, 31)))
def test_every_day_is_read_in_every_form(day: date) -> None:
    era = day.year - 2018
    for text in (
        day.isoformat(),
        f"{day.year}/{day.month}/{day.day}",
        f"令和{era}年{day.month}月{day.day}日",
        f"R{era}.{day.month}.{day.day}",
        f"{day:%Y%m%d}",
    ):
        assert day_in(text) == day


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("2027", 2027),
        ("2027年度", 2027),
        ("令和9年度", 2027),
        ("Ｒ９", 2027),
        ("令和元年度", 2019),
        ("9", None),
        ("", None),
    ],
)
def test_a_fiscal_year_is_read_as_people_write_it(text: str, year: int | None) -> None:
    assert year_in(text) == year


def test_full_width_digits_and_spaces_headings_in_english_and_any_order_are_read() -> None:
    heads = ("Section", "department", "ＩＤ", "kind", "starts", "approved-by")
    row = ("　道路課 ", " 都市創造部", "０１２３４５", "Staff", "2027/4/1", "０００１００")
    (change,) = plan_of(sheet(row, heads=heads), {}, TODAY).changes
    assert change.after == Person("012345", "staff", APRIL, approved_by="000100")
    assert change.posting == Posting(APRIL, "都市創造部", "道路課")


def test_empty_lines_count_as_rows_as_excel_shows_them_and_are_passed_over() -> None:
    lines = sheet(YAMADA, YAMADA).decode().split("\r\n")
    raw = "\r\n".join([lines[0], "", ",,,,,,,,,,", lines[1], "", lines[2], ""]).encode()
    assert kinds(raw) == [(6, "職員番号", "twice")]


def test_a_cell_of_two_lines_is_one_row() -> None:
    first = sheet(with_(YAMADA, name='"山田\n太郎"'), with_(YAMADA, id="999999", starts="x"))
    assert kinds(first) == [(2, "氏名", "unprintable"), (3, "開始日", "date")]


# ── what is wrong ─────────────────────────────────────────────────────────────────────────────────

FAULTS = [
    (with_(YAMADA, id=""), "職員番号", "empty"),
    (with_(YAMADA, department=" 　"), "部", "empty"),
    (with_(YAMADA, section=""), "課", "empty"),
    (with_(YAMADA, kind=""), "区分", "empty"),
    (with_(YAMADA, starts=""), "開始日", "empty"),
    (with_(YAMADA, starts="4月1日"), "開始日", "date"),
    (with_(YAMADA, ends="2028-02-30"), "終了日", "date"),
    (with_(YAMADA, ends="2027-03-31"), "終了日", "ends_before_start"),
    (with_(YAMADA, kind="嘱託"), "区分", "unknown_kind"),
    (with_(YAMADA, role="市長"), "役割", "unknown_role"),
    (with_(YAMADA, id="123456789018"), "職員番号", "number"),
    (with_(YAMADA, id="1234-5678-9018"), "職員番号", "number"),
    (with_(YAMADA, name="山田 123456789018"), "氏名", "number"),
    (with_(YAMADA, id="山田"), "職員番号", "id"),
    (with_(YAMADA, approved_by=""), "承認者", "approver_missing"),
    (with_(YAMADA, approved_by="012345"), "承認者", "approver_is_applicant"),
    (with_(YAMADA, approved_by="課長"), "承認者", "id"),
    (with_(YAMADA, name="あ" * 101), "氏名", "too_long"),
    (with_(YAMADA, section="あ" * 61), "課", "too_long"),
    (with_(YAMADA, consented="たぶん"), "事前承諾", "answer"),
    (with_(ROBOT, ends=""), "終了日", "no_end"),
    (with_(ROBOT, owner=""), "責任者", "no_owner"),
    (with_(ROBOT, owner="rpa-01"), "責任者", "wrong_owner"),
    (with_(ROBOT, role="所属長"), "役割", "robot_role"),
    (with_(ROBOT, kind="委託先", ends=""), "終了日", "no_end"),
    (with_(ROBOT, kind="委託先", owner=""), "責任者", "no_owner"),
    (with_(ROBOT, kind="委託先", role="所属長"), "役割", "contractor_role"),
    ((*YAMADA, "余り"), "L列", "too_many_cells"),
]


@pytest.mark.requirement("R12")
@pytest.mark.parametrize(("row", "column", "kind"), FAULTS)
def test_a_fault_is_named_with_row_and_column_and_nothing_is_changed(
    row: tuple[str, ...], column: str, kind: str
) -> None:
    good = with_(YAMADA, id="000001")
    assert kinds(sheet(good, row)) == [(3, column, kind)]


@pytest.mark.parametrize(("row", "column", "kind"), FAULTS)
def test_a_fault_never_says_what_the_cell_holds(row: tuple[str, ...], column: str, kind: str) -> None:
    said = "".join(map(repr, plan_of(sheet(row), {}, TODAY).faults))
    examples = ("委託先", "2027-04-01", "4月1日")
    assert not [cell for cell in row if len(cell) > 3 and cell in said and cell not in examples]


def test_every_fault_of_a_file_is_named_at_once() -> None:
    rows = [
        with_(row, id=row[0] and f"{place:06}")
        for place, (row, _, kind) in enumerate(FAULTS)
        if kind == "date"
    ]
    found = kinds(sheet(*rows, with_(YAMADA, starts="x", kind="y", role="z")))
    assert found == [
        (2, "開始日", "date"), (3, "終了日", "date"),
        (4, "開始日", "date"), (4, "区分", "unknown_kind"), (4, "役割", "unknown_role"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "row", "column", "kind"),
    [
        (b"\x80\xff\xfe\x00" * 9, None, None, "encoding"),
        (sheet(YAMADA).decode().encode("euc_jp"), None, None, "encoding"),
        (b"", None, None, "nothing"),
        (b"\xef\xbb\xbf\r\n,,\r\n", None, None, "nothing"),
        (sheet(), None, None, "nothing"),
        (sheet(YAMADA[:3], heads=YAMADA[:3]), 1, None, "no_headings"),
        (sheet(YAMADA[:-1], heads=HEADS[:6] + HEADS[7:]), 1, "開始日", "missing_column"),
        (sheet((*YAMADA, "x"), heads=(*HEADS, "備考")), 1, "L列", "unknown_column"),
        (sheet((*YAMADA, "x"), heads=(*HEADS, "ID")), 1, "職員番号", "column_twice"),
        (sheet(YAMADA, with_(YAMADA, id="2", name='"山田')), 3, None, "quotes"),
        (sheet(YAMADA, with_(YAMADA, id="2", name="あ" * 131_073)), 3, None, "cell_too_long"),
        (sheet(YAMADA, with_(YAMADA, id="2", name='"' + "あ" * 131_073 + '"')), 3, None, "cell_too_long"),
        (sheet(with_(YAMADA, name='"山田'), *[with_(YAMADA, id=f"{n:06}") for n in range(4_000)]), 2, None, "quotes"),
        (b"x" * (people_csv.MOST_BYTES + 1), None, None, "too_big"),
        (sheet(*[("1",)] * (people_csv.MOST_ROWS + 1)), None, None, "too_big"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_file_that_is_wrong_as_a_whole_is_one_fault(
    raw: bytes, row: int | None, column: str | None, kind: str
) -> None:
    assert kinds(raw) == [(row, column, kind)]


def test_two_rows_of_one_person_name_each_other() -> None:
    plan = plan_of(sheet(YAMADA, with_(YAMADA, id="1"), with_(YAMADA, id="０１２３４５")), {}, TODAY)
    (fault,) = plan.faults
    assert (fault.row, fault.kind) == (4, "twice") and "2行目" in fault.says.ja


def test_zeros_that_excel_took_away_are_noticed() -> None:
    known = book(yamada())
    assert kinds(sheet(with_(YAMADA, id="12345")), known) == [(2, "職員番号", "zeros_lost")]
    assert kinds(sheet(with_(YAMADA, id="54321")), known) == []
    raw = sheet(("12345", "dx", "2027-05-01"), heads=("id", "course", "completed_on"))
    assert [fault.kind for fault in trainings_of(raw, known, TODAY).faults] == ["zeros_lost"]


@pytest.mark.parametrize(
    "known",
    [book(yamada(id="000100", role="section_head")), book(yamada(approved_by="000100", owner="000100"))],
)
@pytest.mark.parametrize(("name", "column"), [("approved_by", "承認者"), ("owner", "責任者")])
def test_zeros_of_whoever_approves_or_answers_are_missed_too(
    known: dict[str, Page], name: str, column: str
) -> None:
    """Also of those whom the book names but has no page of: a head need not use AI."""
    for id in ("012345", "000007"):
        row = with_(YAMADA, id=id, **{name: "100"})
        (fault,) = plan_of(sheet(row), known, TODAY).faults
        assert (fault.row, fault.column, fault.kind) == (2, column, "zeros_lost")
        assert f"{column}の列" in fault.remedy.ja and column in fault.remedy.en
        assert plan_of(sheet(with_(row, **{name: "000100"})), known, TODAY).faults == ()


def test_zeros_are_missed_where_only_the_rows_of_the_file_have_them() -> None:
    head = with_(YAMADA, id="000100", role="所属長", approved_by="000200")
    assert kinds(sheet(with_(YAMADA, approved_by="100"), head)) == [(2, "承認者", "zeros_lost")]


def test_an_id_without_zeros_that_the_page_or_the_book_has_is_right() -> None:
    head = yamada(id="000100", role="section_head")
    known = book(yamada(approved_by="100"), head)
    row = with_(YAMADA, approved_by="100")
    assert kinds(sheet(row), known) == []
    assert kinds(sheet(with_(row, id="000007")), known) == [(2, "承認者", "zeros_lost")], "it is another's"
    known["100"] = replace(head, person=replace(head.person, id="100"))
    assert kinds(sheet(with_(row, id="000007")), known) == []


@pytest.mark.parametrize("digits", ["9" * 4_301, "0" * 4_301, "1" * 100_000])
def test_a_number_of_any_length_is_a_fault_of_its_cell(digits: str) -> None:
    """Python turns no more than 4,300 digits into a number."""
    known = book(yamada())
    for name, column in (("id", "職員番号"), ("approved_by", "承認者"), ("owner", "責任者")):
        assert kinds(sheet(with_(ROBOT, **{name: digits})), known) == [(2, column, "number")]
    raw = sheet((digits, "dx", "2027-05-01"), heads=("id", "course", "completed_on"))
    assert [fault.kind for fault in trainings_of(raw, known, TODAY).faults] == ["unknown_person"]


def test_whoever_is_known_as_no_head_approves_nobody_and_no_robot_answers_for_anybody() -> None:
    clerk = with_(YAMADA, id="000100", approved_by="000200")
    assert kinds(sheet(YAMADA, clerk)) == [(2, "承認者", "approver_is_no_head")]
    head = with_(YAMADA, id="000100", role="所属長", approved_by="000200")
    assert kinds(sheet(YAMADA, head)) == []
    robot_of_a_robot = with_(ROBOT, id="rpa-02", owner="rpa-01")
    assert kinds(sheet(YAMADA, head, ROBOT, robot_of_a_robot)) == [(5, "責任者", "wrong_owner")]


def test_a_head_steps_down_in_the_file_that_moves_whom_she_once_approved() -> None:
    """Of a row that leaves the approver and the owner as they are, nothing was approved anew."""
    head = yamada(id="000100", role="section_head", approved_by="000200")
    robot = Page(Person("rpa-01", "robot", APRIL, date(2028, 3, 31), approved_by="000100", owner="000100"))
    known = book(yamada(), yamada(id="000007", ends=date(2027, 5, 31)), head, robot)
    steps_down = with_(YAMADA, id="000100", role="職員", approved_by="000200")
    moved = with_(YAMADA, section="公園課", starts="2028-04-01")
    shorter = with_(ROBOT, ends="2027-12-31", owner="000100")
    plan = plan_of(sheet(moved, steps_down, shorter), known, TODAY)
    assert plan.faults == () and plan.counts["transferred"] == 2 and plan.counts["ended"] == 1
    new = with_(YAMADA, id="000008")
    again = with_(YAMADA, id="000007", starts="2027-07-01")
    leaves = with_(
        YAMADA, id="000100", kind="委託先", ends="2028-03-31", owner="000009", approved_by="000200"
    )
    assert kinds(sheet(new, again, steps_down), known) == [
        (2, "承認者", "approver_is_no_head"), (3, "承認者", "approver_is_no_head"),
    ]  # fmt: skip
    assert kinds(sheet(with_(moved, owner="000100"), leaves), known) == [(2, "責任者", "wrong_owner")]
    assert kinds(sheet(with_(moved, approved_by="000007")), known) == [(2, "承認者", "approver_is_no_head")]
    assert kinds(sheet(with_(shorter, owner="")), known) == [(2, "責任者", "no_owner")]


# ── what would change ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R17")
def test_a_row_of_somebody_known_is_a_change() -> None:
    known = book(yamada())
    for cells, what, fields in (
        ({}, ("unchanged",), ()),
        ({"starts": "2028-04-01"}, ("unchanged",), ()),
        ({"name": "", "role": "", "approved_by": ""}, ("unchanged",), ()),
        ({"section": "　道路課"}, ("unchanged",), ()),
        ({"starts": "2028-04-01", "section": "公園課"}, ("transferred",), ()),
        ({"role": "所属長"}, ("changed",), ("role",)),
        ({"name": "鈴木太郎"}, ("changed",), ("name",)),
        ({"ends": "2028-03-31"}, ("ended",), ("ends",)),
        ({"starts": "2028-04-01", "section": "公園課", "role": "所属長", "ends": "2029-03-31"},
         ("transferred", "changed", "ended"), ("role", "ends")),
    ):  # fmt: skip
        plan = plan_of(sheet(with_(YAMADA, **cells)), known, TODAY)
        (change,) = plan.changes
        assert plan.faults == () and (change.what, set(change.fields)) == (what, set(fields)), cells
    assert plan.counts == {
        "new": 0,
        "returned": 0,
        "renewed": 0,
        "transferred": 1,
        "changed": 1,
        "ended": 1,
        "unchanged": 0,
    }
    assert change.posting == Posting(date(2028, 4, 1), "都市創造部", "公園課")


def test_a_column_that_is_not_there_changes_nothing_and_an_empty_end_is_none() -> None:
    known = book(yamada(ends=date(2028, 3, 31), consented=True, owner="000001"))
    needed = ("id", "kind", "department", "section", "starts")
    row = ("012345", "staff", "都市創造部", "道路課", "2027-04-01")
    assert plan_of(sheet(row, heads=needed), known, TODAY).changes[0].what == ("unchanged",)
    (change,) = plan_of(sheet(YAMADA), known, TODAY).changes
    assert change.after.ends is None and set(change.fields) == {"ends", "consented", "owner"}


def test_who_had_ended_begins_again_on_a_later_day_and_is_approved_anew() -> None:
    known = book(yamada(ends=date(2027, 5, 31)))
    again = with_(YAMADA, starts="2028-04-01")
    (change,) = plan_of(sheet(again), known, TODAY).changes
    assert (
        change.what == ("returned",) and change.after.starts == date(2028, 4, 1) and change.after.ends is None
    )
    assert kinds(sheet(with_(again, approved_by="")), known) == [(2, "承認者", "approver_missing")]


MARCH = date(2028, 3, 10)
YEARLY = yamada(ends=date(2028, 3, 31))
"""A 会計年度任用職員 whose term runs until the end of March."""
NEXT = with_(YAMADA, starts="2028-04-01", ends="2029-03-31")


@pytest.mark.requirement("R12", "R17")
def test_a_renewal_brought_in_in_march_takes_no_day_away() -> None:
    """Enrolled on each day from now to the end of the next term, in the new section from its first day."""
    needed = Needed((), 0, "2026-04")
    (change,) = plan_of(sheet(with_(NEXT, section="公園課")), book(YEARLY), MARCH).changes
    assert change.what == ("renewed", "transferred") and change.fields == ("ends",) and change.anew
    assert change.posting == Posting(date(2028, 4, 1), "都市創造部", "公園課")
    after = Page(change.after, (*YEARLY.postings, change.posting))
    for day, section in (
        (MARCH, "道路課"), (date(2028, 3, 31), "道路課"), (date(2028, 4, 1), "公園課"), (date(2029, 3, 31), "公園課"),
    ):  # fmt: skip
        now = standing(after, day, needed)
        assert now.enrolled and now.section == section, day
    assert not standing(after, date(2029, 4, 1), needed).enrolled
    assert plan_of(sheet(with_(NEXT, section="公園課")), book(after), MARCH).counts["unchanged"] == 1, "once"


def test_a_renewal_brought_in_late_in_the_same_section_or_without_an_end_goes_on() -> None:
    for raw, ends in ((sheet(NEXT), date(2029, 3, 31)), (sheet(with_(NEXT, ends="")), None)):
        (change,) = plan_of(raw, book(YEARLY), date(2028, 4, 20)).changes
        assert change.what == ("renewed",) and change.posting is None
        assert (change.after.starts, change.after.ends) == (APRIL, ends)


def test_a_renewal_is_approved_anew_by_a_head_of_today_and_has_an_end_after_its_start() -> None:
    known = book(YEARLY, yamada(id="000100"))
    assert kinds(sheet(with_(NEXT, approved_by="")), known) == [(2, "承認者", "approver_missing")]
    assert kinds(sheet(NEXT), known) == [(2, "承認者", "approver_is_no_head")]
    known = book(YEARLY)
    assert kinds(sheet(with_(NEXT, ends="2028-03-31")), known) == [(2, "終了日", "ends_before_start")]
    needed = ("id", "kind", "department", "section", "starts", "approved_by")
    row = ("012345", "staff", "都市創造部", "道路課", "2028-04-01", "000100")
    assert kinds(sheet(row, heads=needed), known) == [(2, "終了日", "ends_before_start")]


def test_a_term_after_a_gap_waits_for_the_end_of_the_one_that_runs() -> None:
    later = sheet(with_(NEXT, starts="2028-04-02"))
    for day in (MARCH, date(2028, 3, 31)):
        (fault,) = plan_of(later, book(YEARLY), day).faults
        assert (fault.row, fault.column, fault.kind) == (2, "開始日", "still_runs")
        assert "終了日を過ぎてから" in fault.remedy.ja
    (change,) = plan_of(later, book(YEARLY), date(2028, 4, 1)).changes
    assert change.what == ("returned",) and change.after.starts == date(2028, 4, 2)


def test_what_was_ended_before_it_began_is_no_term_that_runs() -> None:
    never = yamada(ends=date(2027, 3, 31))
    for starts in ("2027-04-01", "2028-07-01"):
        (change,) = plan_of(sheet(with_(NEXT, starts=starts)), book(never), date(2027, 3, 1)).changes
        assert change.what == ("returned",) and change.after.starts.isoformat() == starts


_spans = st.integers(-40, 500).map(timedelta)


@given(
    _spans,
    st.sampled_from([-30, 0, 1, 2, 60]).map(timedelta),
    st.none() | _spans,
    st.sampled_from(["道路課", "公園課"]),
)
def test_no_row_but_an_earlier_end_takes_a_day_of_a_term_away(
    left: timedelta, gap: timedelta, length: timedelta | None, section: str
) -> None:
    """``left`` of the old term, then a ``gap``, then a new term of some ``length``."""
    old = TODAY + left
    ends = "" if length is None else (old + gap + length).isoformat()
    row = with_(YAMADA, starts=(old + gap).isoformat(), ends=ends, section=section)
    for starts in (APRIL, TODAY + timedelta(days=20)):
        first = max(TODAY, starts)
        plan = plan_of(sheet(row), book(yamada(starts=starts, ends=old)), TODAY)
        for change in () if plan.faults else plan.changes:
            event(" ".join(change.what))
            if first <= old and "ended" not in change.what:
                assert change.after.starts <= first and old <= (change.after.ends or date.max)


def test_a_transfer_before_the_enrolment_or_from_an_old_file_is_a_fault() -> None:
    moved = replace(
        yamada(), postings=(*yamada().postings, Posting(date(2028, 4, 1), "都市創造部", "公園課"))
    )
    assert kinds(sheet(with_(YAMADA, section="下水道課", starts="2027-03-31")), book(yamada())) == [
        (2, "開始日", "before_enrolment")
    ]
    assert kinds(sheet(with_(YAMADA, section="下水道課", starts="2027-10-01")), book(moved)) == [
        (2, "開始日", "later_posting")
    ]
    assert kinds(sheet(YAMADA), book(moved)) == [], "it says what the book says"


def test_a_start_day_that_is_not_taken_over_is_told_once_with_its_rows() -> None:
    moved = replace(
        yamada(id="000007"), postings=(*yamada().postings, Posting(date(2028, 4, 1), "都市創造部", "公園課"))
    )
    rows = [
        with_(YAMADA, id="000008"),
        with_(YAMADA, starts="2027-05-01"),
        with_(YAMADA, id="000009", starts="2027-03-01", name="鈴木太郎"),
        with_(YAMADA, id="000007", starts="2028-05-01", section="公園課"),
    ]
    plan = plan_of(sheet(*rows), book(yamada(), yamada(id="000009"), moved), TODAY)
    assert plan.faults == () and plan.counts["unchanged"] == 2 and plan.counts["changed"] == 1
    assert [(one.rows, one.column, one.kind) for one in plan.remarks] == [
        ((3, 4), "開始日", "start_kept"), ((5,), "開始日", "move_kept"),
    ]  # fmt: skip
    assert all(one.says.ja and one.says.en and one.remedy.ja and one.remedy.en for one in plan.remarks)


def test_a_start_day_that_is_taken_over_or_is_the_books_needs_no_remark() -> None:
    again = replace(
        yamada(ends=date(2027, 5, 31)), postings=(Posting(date(2020, 4, 1), "都市創造部", "道路課"),)
    )
    for page, cells in (
        (yamada(), {}),
        (yamada(), {"starts": "2028-04-01", "section": "公園課"}),
        (again, {}),
        (again, {"starts": "2020-04-01"}),
        (again, {"starts": "2027-06-01"}),
        (again, {"starts": "2027-07-01"}),
    ):
        plan = plan_of(sheet(with_(YAMADA, **cells)), book(page), TODAY)
        assert (plan.faults, plan.remarks) == ((), ()), cells


def test_what_the_book_says_already_is_no_fault() -> None:
    """Books of an earlier release know contractors without an end; an export of them can be imported."""
    odd = Page(Person("rpa-01", "contractor", APRIL), (Posting(APRIL, "部", "課"),))
    assert plan_of(written([odd]), book(odd), TODAY).counts["unchanged"] == 1


# ── export ────────────────────────────────────────────────────────────────────────────────────────

_words = (
    st.text(
        st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp", "Co", "Cn")), min_size=1, max_size=12
    )
    .map(str.strip)
    .filter(bool)
)
_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,9}", fullmatch=True)
_days = st.dates(date(1990, 1, 1), date(2080, 12, 31))


@st.composite
def pages(draw: st.DrawFn) -> Page:
    """Whatever the book can hold: also what no rule for entries would let in today."""
    days = sorted(draw(st.sets(_days, min_size=1, max_size=3)))
    person = Person(
        draw(_ids),
        draw(st.sampled_from(["staff", "contractor", "robot"])),
        draw(st.sampled_from([days[0], days[0] + timedelta(days=draw(st.integers(0, 4000)))])),
        draw(st.none() | _days),
        draw(_words | st.just("")),
        draw(st.sampled_from(ROLES)),
        draw(st.none() | _ids),
        consented=draw(st.booleans()),
        owner=draw(st.none() | _ids),
    )
    return Page(person, tuple(Posting(day, draw(_words), draw(_words)) for day in days))


@given(st.lists(pages(), min_size=1, max_size=4, unique_by=lambda page: page.person.id))
def test_an_exported_book_that_is_imported_changes_nothing(listed: list[Page]) -> None:
    plan = plan_of(written(listed), book(*listed), TODAY)
    assert plan.faults == () and plan.remarks == ()
    assert {change.what for change in plan.changes} <= {("unchanged",)}
    assert len(plan.changes) == len(listed)


@pytest.mark.parametrize("risky", ["=1+1", "+81", "-1", "@SUM(A1)", "＝1", "'=1", "'"])
def test_no_cell_of_an_export_is_a_formula_and_it_comes_back_as_it_was(risky: str) -> None:
    page = yamada(name=risky)
    raw = written([page])
    assert raw.startswith(b"\xef\xbb\xbf") and raw.endswith(b"\r\n")
    cell = raw.decode("utf-8-sig").split("\r\n")[1].split(",")[1]
    assert cell == f"'{risky}"
    assert plan_of(raw, book(page), TODAY).counts["unchanged"] == 1


def test_an_apostrophe_that_excel_users_type_stays() -> None:
    assert plan_of(sheet(with_(YAMADA, name="'山田")), {}, TODAY).changes[0].after.name == "'山田"


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_whatever_is_in_a_file_without_headings_is_faults(raw: bytes) -> None:
    assert plan_of(raw, {}, TODAY).faults
    assert trainings_of(raw, {}, TODAY).faults


SOUND: dict[str, list[str]] = {
    "id": ["012345", "000007", "c-0001", "０００００８", "taro.y@city"],
    "name": ["", "山田 太郎", "髙﨑\U000e0100花子", "'=1+1"],
    "kind": ["職員", "会計年度任用職員", "委託先", "機械", "ｒｐａ"],
    "role": ["", "職員", "staff_member"],
    "department": ["都市創造部", "総務部"],
    "section": ["道路課", "　人事課 "],
    "starts": ["2027-04-01", "R9.10.1", "20280401"],
    "ends": ["2029-03-31", "令和１１年４月３０日"],
    "approved_by": ["000100", "０００２００", "999"],
    "owner": ["000300", "012399"],
    "consented": ["", "あり", "×"],
}
"""Cells that may stand beside each other in any row, by column."""

Cell = str | tuple[str, int]
"""A long one is drawn as its letter and its length, which a failure can show."""
_odd: st.SearchStrategy[Cell] = st.one_of(
    st.sampled_from([
        "", " ", "'", '"', "=1+1", "a\nb", "\t", "123456789018", "明日", "2027-02-30", "所属長", "100",
        "\0", "\r", "\x1b[2J", "\ud800", "\u202e", "\u2028", "\ufdfa",
    ]),
    st.tuples(st.sampled_from("7７あ"), st.sampled_from([11, 65, 101, 4_301, 131_072, 131_073])),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)  # fmt: skip


def files_of(columns: Mapping[str, Sequence[str]], odd: int) -> st.SearchStrategy[list[tuple[Cell, ...]]]:
    """Rows of sound cells, each id once; in half of the files a cell is an odd one, with a chance of ``odd`` in ten."""

    def cell(cells: Sequence[str]) -> st.SearchStrategy[Cell]:
        return st.integers(1, 10).flatmap(lambda chance: _odd if chance <= odd else st.sampled_from(cells))

    sound = st.tuples(*map(st.sampled_from, columns.values()))
    mixed = st.tuples(*map(cell, columns.values()))
    some = st.one_of(st.lists(row, min_size=1, max_size=3) for row in (sound, mixed))
    return some.map(lambda rows: list({row[0]: row for row in rows}.values()))


def saved(
    heads: Sequence[str], rows: Sequence[Sequence[Cell]], encoding: str = "utf-8", quoted: bool = True
) -> bytes:
    """A file of such cells as Excel saves it, or as somebody writes it who knows no quotation marks."""
    spelled = [
        [cell if isinstance(cell, str) else cell[0] * cell[1] for cell in row] for row in (heads, *rows)
    ]
    out = io.StringIO(newline="")
    if quoted:
        csv.writer(out).writerows(spelled)
    else:
        out.writelines(",".join(row) + "\r\n" for row in spelled)
    return out.getvalue().encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")


def test_a_plan_without_faults_holds_what_may_be_entered() -> None:
    """At least one file in ten has no faults, so that this is tried."""
    told: Counter[str] = Counter()
    known = book(*(yamada(id=id, ends=date(2027, 9, 30)) for id in ("012345", "000007", "taro.y@city")))

    @settings(max_examples=200, deadline=None)
    @given(files_of(SOUND, odd=1))
    def holds(rows: list[tuple[Cell, ...]]) -> None:
        plan = plan_of(saved(HEADS, rows), known, TODAY)
        told["drawn"] += 1
        told["faultless"] += not plan.faults
        for change in () if plan.faults else plan.changes:
            told.update(change.what)
            if change.what != ("unchanged",):
                assert objections(change.after, change.posting, {}) == []
                assert change.after.approved_by

    holds()
    assert told["drawn"] / 10 <= told["faultless"] < told["drawn"], told
    assert {"new", "changed", "transferred", "renewed"} <= set(told), told


COMPLETED: dict[str, list[str]] = {
    "id": ["012345", "０００１００"],
    "course": list(COURSE_WORDS.values()),
    "completed_on": ["2027-05-01", "R9.4.30"],
    "fiscal_year": ["", "2027", "令和9年度"],
}


@given(
    files_of(SOUND, odd=3),
    files_of(COMPLETED, odd=3),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp932"]),
    st.booleans(),
)
@settings(deadline=None)
def test_whatever_stands_under_right_headings_is_a_plan_or_faults(
    people: list[tuple[Cell, ...]], completed: list[tuple[Cell, ...]], encoding: str, quoted: bool
) -> None:
    """Long numbers and cells, control characters, halves of characters: none is an accident, and none is repeated."""
    known = book(yamada(), yamada(id="000100", role="section_head"))
    plan = plan_of(saved(HEADS, people, encoding, quoted), known, TODAY)
    done = trainings_of(saved(COURSES, completed, encoding, quoted), known, TODAY)
    event("faults" if plan.faults else "a plan")
    event("faults of trainings" if done.faults else "a plan of trainings")
    assert plan.changes or plan.faults
    assert done.new or done.known or done.faults
    for fault in (*plan.faults, *done.faults):
        event(fault.kind)
        assert fault.says.ja and fault.says.en and fault.remedy.ja and fault.remedy.en
    said = repr((plan.faults, done.faults))
    assert not re.search("7{11}|７{11}|あ{11}|123456789018", said)


# ── trainings ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R13")
def test_completions_are_read_with_the_year_they_count_for() -> None:
    known = book(yamada(), Page(replace(yamada().person, id="2"), trainings=(Training("dx", 2027, APRIL),)))
    raw = sheet(
        ("０１２３４５", "情報セキュリティ研修", "令和9年5月12日", ""),
        ("012345", "ＤＸ人材育成", "2027/3/20", "令和9年度"),
        ("2", "dx", "2027-05-01", "2027"),
        heads=COURSES,
    )
    plan = trainings_of(raw, known, TODAY)
    assert plan.faults == () and plan.known == 1
    assert plan.new == (
        ("012345", Training("security", 2027, date(2027, 5, 12))),
        ("012345", Training("dx", 2027, date(2027, 3, 20))),
    )


@pytest.mark.requirement("R13")
@pytest.mark.parametrize(
    ("row", "column", "kind"),
    [
        (("099999", "dx", "2027-05-01", ""), "職員番号", "unknown_person"),
        (("012345", "英会話", "2027-05-01", ""), "研修", "unknown_course"),
        (("012345", "dx", "2027-06-02", ""), "修了日", "future"),
        (("012345", "dx", "五月", ""), "修了日", "date"),
        (("012345", "dx", "", ""), "修了日", "empty"),
        (("", "dx", "2027-05-01", ""), "職員番号", "empty"),
        (("012345", "dx", "2027-05-01", "昨年"), "年度", "year"),
        (("012345", "dx", "2027-05-01", "2029"), "年度", "wrong_year"),
        (("012345", "dx", "2027-05-01", "2026"), "年度", "wrong_year"),
        (("012345", "security", "2027-05-02", ""), "職員番号", "twice"),
    ],
)
def test_a_fault_of_a_completion_is_named(row: tuple[str, ...], column: str, kind: str) -> None:
    good = ("012345", "security", "2027-05-01", "")
    plan = trainings_of(sheet(good, row, heads=COURSES), book(yamada()), TODAY)
    assert [(one.row, one.column, one.kind) for one in plan.faults] == [(3, column, kind)]


def test_every_course_is_known_by_its_words() -> None:
    for code, word in COURSE_WORDS.items():
        plan = trainings_of(sheet(("012345", word, "2027-05-01", ""), heads=COURSES), book(yamada()), TODAY)
        assert plan.new[0][1].course == code


# ── as large as the city ──────────────────────────────────────────────────────────────────────────


def test_a_file_of_a_whole_city_with_ten_kinds_of_faults_names_each() -> None:
    rows = [with_(YAMADA, id=f"{number:06}") for number in range(2_400)]
    wanted = []
    chosen = [one for one in FAULTS if one[2] != "empty"][:20]
    for place, (row, column, kind) in enumerate(chosen):
        at = 100 * place + 50
        rows[at] = with_(row, id=f"{at:06}") if kind not in ("number", "id") or column != "職員番号" else row
        wanted.append((at + 2, column, kind))
    rows = [with_(row, approved_by="999999") if row[8] == "000100" else row for row in rows]
    found = kinds(sheet(*rows))
    assert {one for one in wanted if one[2] not in ("wrong_owner", "approver_is_applicant")} <= set(found)
    assert len({kind for _, _, kind in found}) >= 10


@pytest.mark.requirement("R12", "R13")
def test_the_samples_of_the_manual_are_read() -> None:
    """docs/people.md shows each file between fences; the first line says which columns."""
    manual = Path(people_csv.__file__).parents[2] / "docs" / "people.md"
    blocks = manual.read_text("utf-8").split("```\n")
    people, trainings = (
        next(block for block in blocks if block.startswith(f"職員番号,{second},"))
        for second in ("氏名", "研修")
    )
    plan = plan_of(people.encode("cp932"), {}, TODAY)
    assert plan.faults == () and plan.counts["new"] == 4
    known = book(*(Page(one.after) for one in plan.changes))
    done = trainings_of(trainings.encode("cp932"), known, TODAY)
    assert done.faults == () and {one.course for _, one in done.new} == set(COURSE_WORDS)
