"""The quarterly access review: everybody is decided by somebody else, and whose access is revoked loses it that day."""

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from proxy.__main__ import app
from proxy.office.enrolment import today
from proxy.office.keys import Key, KeyBook
from proxy.office.people import PeopleBook
from proxy.office.reviews import (
    COLUMNS,
    ReviewBook,
    ReviewChanged,
    Reviewed,
    decided,
    listed,
    members,
    months_after,
    standings,
)
from proxy.office.roster import Page, Person, Posting
from proxy.office.store import Office

START = date(2026, 4, 1)
ROADS, PARKS = ("都市創造部", "道路課"), ("都市創造部", "公園課")


def person(id: str, unit: tuple[str, str] = ROADS, **fields: Any) -> Page:
    known: dict[str, Any] = {"approved_by": "000100", "name": f"名前{id}"}
    return Page(Person(id, fields.pop("kind", "staff"), START, **known | fields), (Posting(START, *unit),))


def book(*pages: Page) -> dict[str, Page]:
    return {page.person.id: page for page in pages}


PEOPLE = (person("000001"), person("000002"), person("000003", PARKS))
ROWS = [Reviewed("r-1", page.person.id, *unit) for page, unit in members(PEOPLE, START)]


def answered(*answers: str, rows: list[Reviewed] = ROWS, reviewers: dict[int, str] | None = None) -> bytes:
    """The exported list with this said in its rows, in their order; an answer that is empty stays so."""
    table = list(csv.reader(io.StringIO(listed(rows, book(*PEOPLE), {}).decode("utf-8-sig"))))
    place = list(COLUMNS).index("decision")
    for number, answer in enumerate(answers):
        table[number + 1][place] = answer
        table[number + 1][place + 1] = (reviewers or {}).get(number, "")
    out = io.StringIO()
    csv.writer(out).writerows(table[: len(answers) + 1])
    return out.getvalue().encode("cp932")


# ── pure ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R18")
def test_whoever_may_use_ai_or_will_is_reviewed_and_nobody_else() -> None:
    pages = [
        person("1"),
        person("2", approved_by=None),
        person("3", ends=date(2026, 9, 30)),
        person("4", kind="robot", ends=date(2028, 3, 31), owner="1"),
        replace(person("5"), postings=(Posting(START, *ROADS), Posting(date(2027, 1, 1), *PARKS))),
    ]
    assert [page.person.id for page, _ in members(pages, date(2026, 9, 30))] == ["1", "3", "4", "5"]
    assert [page.person.id for page, _ in members(pages, date(2026, 10, 1))] == ["1", "4", "5"]
    assert [page.person.id for page, _ in members(pages, date(2027, 1, 1), "公園*")] == ["5"]


@pytest.mark.requirement("R18")
def test_a_list_that_is_decided_whole_decides() -> None:
    plan = decided(answered("継続", "取消", "keep", reviewers={1: "000100"}), ROWS, book(*PEOPLE), "000200")
    assert plan.faults == () and plan.counts == {"keep": 2, "revoke": 1}
    assert [(one.person, one.decision, one.decided_by) for one in plan.decisions] == [
        ("000001", "keep", "000200"), ("000002", "revoke", "000100"), ("000003", "keep", "000200"),
    ]  # fmt: skip


def test_a_section_can_be_decided_without_the_others() -> None:
    plan = decided(answered("継続", rows=ROWS[2:]), ROWS, book(*PEOPLE), "000200")
    assert plan.faults == () and [one.person for one in plan.decisions] == ["000003"]


@pytest.mark.requirement("R18")
@pytest.mark.parametrize(
    ("answers", "by", "reviewers", "faults"),
    [
        (("継続", "", "取消"), "000200", {}, [(3, "継続・取消", "undecided")]),
        (("継続", "たぶん", "取消"), "000200", {}, [(3, "継続・取消", "unknown_decision")]),
        (("継続", "継続", "継続"), "000002", {}, [(3, "確認者", "reviewer_is_reviewed")]),
        (("継続", "継続", "継続"), "000200", {0: "000001"}, [(2, "確認者", "reviewer_is_reviewed")]),
        (("継続", "継続", "継続"), "課長", {}, [(n, "確認者", "reviewer") for n in (2, 3, 4)]),
        (("継続", "継続", "継続"), "rpa-01", {}, [(n, "確認者", "reviewer") for n in (2, 3, 4)]),
        (("継続",), "000200", {}, [(None, "職員番号", "row_missing")]),
    ],
)  # fmt: skip
def test_a_list_that_is_not_decided_whole_by_somebody_else_decides_nothing(
    answers: tuple[str, ...], by: str, reviewers: dict[int, str], faults: list[Any]
) -> None:
    robot = person("rpa-01", kind="robot")
    plan = decided(answered(*answers, reviewers=reviewers), ROWS, book(*PEOPLE, robot), by)
    assert [(one.row, one.column, one.kind) for one in plan.faults] == faults
    assert all(one.says.ja and one.remedy.ja and one.says.en and one.remedy.en for one in plan.faults)


def test_a_row_that_is_not_on_the_list_or_there_twice_or_decided_before_is_a_fault() -> None:
    raw = answered("継続", "継続", "継続")
    strange = raw.replace(b"000003", b"4")
    assert [(one.row, one.kind) for one in decided(strange, ROWS, {}, "000200").faults] == [
        (4, "unknown_row")
    ]
    twice = raw.replace(b"000002", b"000001")
    found = [(one.row, one.kind) for one in decided(twice, ROWS, {}, "000200").faults]
    assert found == [(None, "row_missing"), (3, "twice")]
    done = [replace(row, decision="keep", decided_by="x", decided_at="2026-07-01T00:00:00Z") for row in ROWS]
    assert {one.kind for one in decided(raw, done, {}, "000200").faults} == {"decided"}


def test_zeros_that_excel_took_from_a_list_are_no_fault() -> None:
    plan = decided(answered("継続", "取消", "継続").replace(b"00000", b""), ROWS, book(*PEOPLE), "000200")
    assert plan.faults == () and [one.person for one in plan.decisions] == ["000001", "000002", "000003"]


@pytest.mark.requirement("R18")
def test_nobody_decides_about_themselves_by_leaving_zeros_away() -> None:
    staff = book(*PEOPLE, person("000100", PARKS))
    kinds = [one.kind for one in decided(answered("継続", "継続", "継続"), ROWS, staff, "2").faults]
    assert kinds == ["reviewer_is_reviewed"]
    own = answered("継続", "継続", "継続", reviewers={0: "1"})
    assert [one.kind for one in decided(own, ROWS, staff, "000100").faults] == ["reviewer_is_reviewed"]
    assert [one.kind for one in decided(own, ROWS, {}, "000100").faults] == ["reviewer_is_reviewed"]
    plan = decided(answered("継続", "継続", "継続"), ROWS, staff, "100")
    assert plan.faults == () and {one.decided_by for one in plan.decisions} == {"000100"}
    outside = book(*PEOPLE, person("000777", kind="contractor"))
    assert {one.kind for one in decided(answered("継続", rows=ROWS[2:]), ROWS, outside, "777").faults} == {
        "reviewer"
    }


@pytest.mark.requirement("R18")
def test_the_row_of_whoever_decides_waits_for_somebody_else_and_so_does_the_section() -> None:
    plan = decided(answered("継続", ""), ROWS, book(*PEOPLE), "000002")
    assert plan.faults == () and [one.person for one in plan.decisions] == ["000001"]
    at = "2026-07-01T00:00:00Z"
    rows = [replace(ROWS[0], decision="keep", decided_by="000002", decided_at=at), *ROWS[1:]]
    (roads,) = [one for one in standings(PEOPLE, rows, date(2026, 7, 2)) if one.unit == ROADS]
    assert (roads.last, roads.overdue, roads.open) == (None, True, "r-1")
    rows[1] = replace(ROWS[1], decision="keep", decided_by="000001", decided_at=at)
    (roads,) = [one for one in standings(PEOPLE, rows, date(2026, 7, 2)) if one.unit == ROADS]
    assert (roads.last, roads.overdue, roads.open) == (date(2026, 7, 1), False, None)


@pytest.mark.requirement("R18")
def test_a_section_is_overdue_a_quarter_after_its_last_review_or_its_beginning() -> None:
    at = "2026-06-30T15:30:00Z"  # 1 July in Japan
    rows = [Reviewed("r-1", "000003", *PARKS, "keep", "000100", at), Reviewed("r-2", "000003", *PARKS)]

    def found(on: date) -> dict[str, Any]:
        return {one.section: one for one in standings(PEOPLE, rows, on)}

    parks, roads = found(date(2026, 7, 1))["公園課"], found(date(2026, 7, 1))["道路課"]
    assert (parks.last, parks.due, parks.overdue) == (date(2026, 7, 1), date(2026, 10, 1), False)
    assert (parks.persons, parks.open) == (1, "r-2")
    assert (roads.last, roads.due, roads.overdue, roads.persons) == (None, date(2026, 7, 1), False, 2)
    assert found(date(2026, 7, 2))["道路課"].overdue is True
    assert found(date(2026, 10, 1))["公園課"].overdue is False
    assert found(date(2026, 10, 2))["公園課"].overdue is True
    assert [one.section for one in standings(PEOPLE, rows, date(2026, 7, 1))] == ["道路課", "公園課"]


@given(st.dates(date(1900, 1, 1), date(2900, 1, 1)), st.integers(0, 30))
def test_months_later_is_the_same_day_or_the_last_of_a_shorter_month(day: date, months: int) -> None:
    later = months_after(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day == day.day or (later.day < day.day and (later + timedelta(days=1)).day == 1)


# ── the book ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R18")
def test_whose_access_is_revoked_ends_that_day_and_loses_their_own_keys(office: Office) -> None:
    people, keys, reviews = PeopleBook(office), KeyBook(office, b"s" * 32), ReviewBook(office)
    people.enter_all([*PEOPLE, person("000004", ends=date(2026, 6, 1))])
    for id, owner in (("k-1", "000001"), ("k-2", "000002"), ("k-3", "000002"), ("k-t", None)):
        keys.create(Key(id, owner, "t", "d", "s", "mail_draft", may_assert_user=owner is None))
    assert reviews.keys_in_force() == {"000001": 1, "000002": 2}
    id = reviews.begin([("000001", ROADS), ("000002", ROADS), ("000004", ROADS)], "os")
    rows = reviews.rows(id)
    day = date(2026, 7, 1)
    decisions = [
        replace(row, decision="revoke" if row.person != "000001" else "keep", decided_by="000100")
        for row in rows
    ]
    reviews.decide(decisions, day)
    ends = {page.person.id: page.person.ends for page in people.pages()}
    assert ends == {"000001": None, "000002": day, "000003": None, "000004": date(2026, 6, 1)}
    assert {key.id for key in keys.list() if key.revoked_at is None} == {"k-1", "k-t"}
    assert {row.decision for row in reviews.rows(id)} == {"keep", "revoke"}
    assert all(row.decided_by == "000100" and row.decided_at for row in reviews.rows())
    with pytest.raises(ReviewChanged):
        reviews.decide(decisions[:1], day)


def test_a_list_is_decided_whole_or_not_at_all(office: Office) -> None:
    PeopleBook(office).enter_all(PEOPLE)
    reviews = ReviewBook(office)
    id = reviews.begin([("000001", ROADS), ("000002", ROADS)], "os")
    first, second = (replace(row, decision="revoke", decided_by="000100") for row in reviews.rows(id))
    with pytest.raises(ReviewChanged):
        reviews.decide([first, second, second], date(2026, 7, 1))
    assert [row.decision for row in reviews.rows()] == [None, None]
    assert [page.person.ends for page in PeopleBook(office).pages()] == [None] * 3


def test_nobody_decides_about_themselves_even_in_the_table(office: Office) -> None:
    from proxy.office.tables import IntegrityError

    reviews = ReviewBook(office)
    reviews.begin([("000001", ROADS)], "os")
    (row,) = reviews.rows()
    with pytest.raises(IntegrityError):
        reviews.decide([replace(row, decision="keep", decided_by="000001")], START)


def test_a_review_that_begins_anew_takes_the_place_of_what_was_not_decided(office: Office) -> None:
    reviews = ReviewBook(office)
    old = reviews.begin([("000001", ROADS), ("000003", PARKS)], "os")
    new = reviews.begin([("000001", ROADS)], "os")
    assert [(row.review, row.person) for row in reviews.rows()] == [(old, "000003"), (new, "000001")]


# ── the commands ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def sekisho(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("SEKISHO_HOME", str(tmp_path / "home"))

    def run(*words: object) -> Result:
        environment = {"COLUMNS": "300"}
        return CliRunner().invoke(app, [*map(str, words)], env=environment, catch_exceptions=False)

    return run


@pytest.mark.requirement("R18")
def test_a_quarter_from_its_beginning_to_its_record(sekisho: Any, tmp_path: Path) -> None:
    for id, section in (("000001", "道路課"), ("000002", "道路課"), ("000003", "公園課")):
        added = sekisho(
            "people", "add", id, "--kind", "staff", "--department", "都市創造部", "--section", section,
            "--starts", "2026-04-01", "--approved-by", "000100", "--name", "山田",
        )  # fmt: skip
        assert added.exit_code == 0
    key = ("--tool", "t", "--department", "d", "--section", "s", "--category", "research", "--purpose", "p")
    issued = json.loads(sekisho("keys", "create", *key, "--person", "000002", "--json").stdout)
    assert json.loads(sekisho("people", "review", "list", "--json").stdout)["overdue"] == 2

    begun = json.loads(sekisho("people", "review", "begin", "--all", "--json").stdout)
    assert (begun["sections"], begun["persons"]) == (2, 3)
    file = tmp_path / "list.csv"
    done = sekisho("people", "review", "export", begun["review"], "--section", "道路課", "--to", file)
    assert done.exit_code == 0, done.stderr
    undecided = sekisho("people", "review", "apply", file, "--by", "000100", "--json")
    assert undecided.exit_code == 1
    assert {one["kind"] for one in json.loads(undecided.stdout)["faults"]} == {"undecided"}

    table = list(csv.reader(io.StringIO(file.read_text("utf-8-sig"))))
    assert [row[6] for row in table[1:]] == ["0", "1"], "how many keys they have"
    for row, answer in zip(table[1:], ("継続", "取消"), strict=True):
        row[7] = answer
    out = io.StringIO()
    csv.writer(out).writerows(table)
    file.write_text(out.getvalue(), "cp932")
    tried = sekisho("people", "review", "apply", file, "--by", "000100", "--dry-run", "--json")
    assert json.loads(tried.stdout) == {"done": False, "counts": {"keep": 1, "revoke": 1}, "faults": []}
    applied = sekisho("people", "review", "apply", file, "--by", "000100")
    assert applied.exit_code == 0 and "継続 1人、取消 1人" in applied.stdout

    shown = json.loads(sekisho("people", "show", "000002", "--json").stdout)
    assert shown["ends"] == today().isoformat()
    (kept,) = json.loads(sekisho("keys", "list", "--json").stdout)
    assert kept["id"] == issued["id"] and kept["revoked_at"]
    listed = json.loads(sekisho("people", "review", "list", "--json").stdout)
    sections = {one["section"]: one for one in listed["sections"]}
    assert listed["overdue"] == 1 and sections["道路課"]["last"] == today().isoformat()
    assert (
        sections["公園課"]["open"] == begun["review"]
        and "期限切れ" in sekisho("people", "review", "list").stdout
    )
    with closing(sqlite3.connect(tmp_path / "home" / "ledger.sqlite")) as connection:
        bodies = [json.loads(body) for (body,) in connection.execute("SELECT body FROM records")]
    (note,) = [body for body in bodies if body.get("event") == "access.reviewed"]
    assert note["counts"] == {"keep": 1, "revoke": 1} and note["by"]
    assert (note["kept"], note["revoked"], note["reviewers"]) == (["000001"], ["000002"], ["000100"])
    assert "山田" not in json.dumps(bodies, ensure_ascii=False)
    assert sekisho("people", "review", "apply", file, "--by", "000100").exit_code == 1, "once"
    nothing = sekisho("people", "review", "export", begun["review"], "--section", "道路課")
    assert nothing.exit_code == 1 and "決めていない人はいません" in nothing.stderr
