"""`sekisho people …`: each change is noted before it is made, and whatever cannot be done says how it is done right."""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from proxy.__main__ import app
from proxy.office.enrolment import today
from proxy.office.people import PeopleBook
from proxy.office.roster import Page, Person, Posting, fiscal_year
from proxy.office.store import office_of
from proxy.settings import read

Sekisho = Callable[..., Result]
HEADS = "職員番号,氏名,区分,役割,部,課,開始日,終了日,承認者,責任者,事前承諾"
ADD = ("--kind", "staff", "--department", "都市創造部", "--section", "道路課", "--starts", "2026-04-01")
NUMBER = "123456789018"


@pytest.fixture(params=["sqlite", "postgresql"])
def sekisho(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sekisho:
    """A command on a new house, its books in either store."""
    monkeypatch.setenv("SEKISHO_HOME", str(tmp_path / "home"))
    if request.param == "postgresql":
        monkeypatch.setenv("SEKISHO_OFFICE", request.getfixturevalue("postgres_url"))

    def run(*words: object) -> Result:
        environment = {"COLUMNS": "300"}
        return CliRunner().invoke(app, ["people", *map(str, words)], env=environment, catch_exceptions=False)

    return run


def told(done: Result) -> Any:
    assert done.exit_code in (0, 1), done.stderr
    return json.loads(done.stdout)


def notes() -> list[dict[str, Any]]:
    """What the ledger noted of people, without who is at work at this machine."""
    with closing(sqlite3.connect(read().ledger_location)) as connection:
        rows = connection.execute("SELECT body FROM records WHERE kind = 'noted' ORDER BY at, idx").fetchall()
    bodies = [json.loads(body) for (body,) in rows]
    events = ("person.", "people.", "trainings.", "rules.", "access.")
    mine = [body for body in bodies if body["event"].startswith(events)]
    assert all(body["by"] for body in mine)
    return mine


def page(id: str) -> Page | None:
    with closing(office_of(read())) as office:
        return PeopleBook(office).page(id)


def write(folder: Path, *rows: str, heads: str = HEADS) -> Path:
    file = folder / "people.csv"
    file.write_text("\r\n".join((heads, *rows)), "cp932")
    return file


# ── one person ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R12", "R13", "R3")
def test_a_person_comes_to_use_ai_step_by_step(sekisho: Sekisho) -> None:
    day = today()
    assert sekisho("add", "012345", *ADD, "--name", "山田太郎").exit_code == 0
    shown = told(sekisho("show", "012345", "--json"))
    assert shown["may_use"] is False and len(shown["missing"]) == 4
    assert "承認待ち" in sekisho("list").stdout
    assert sekisho("approve", "012345", "--by", "000100").exit_code == 0
    for course in ("dx", "security"):
        assert sekisho("train", "012345", "--course", course, "--on", day).exit_code == 0
    shown = told(sekisho("show", "012345", "--json"))
    assert shown["may_use"] is False and len(shown["missing"]) == 1 and "同意" in shown["missing"][0]
    assert sekisho("acknowledge", "012345", "--rules", "2026-04").exit_code == 0
    shown = told(sekisho("show", "012345", "--json"))
    assert (shown["may_use"], shown["missing"]) == (True, [])
    assert "AIを使えます" in sekisho("show", "012345").stdout
    found = notes()
    assert [note["event"] for note in found] == [
        "person.enrolled", "person.approved", "person.trained", "person.trained", "rules.acknowledged",
    ]  # fmt: skip
    assert found[0] | {"by": ""} == {
        "event": "person.enrolled", "by": "", "person": "012345", "kind": "staff", "role": "staff_member",
        "starts": "2026-04-01", "ends": None, "approved_by": None, "owner": None, "consented": False,
        "department": "都市創造部", "section": "道路課", "since": "2026-04-01",
    }  # fmt: skip
    assert "山田" not in json.dumps(found, ensure_ascii=False)


@pytest.mark.requirement("R17")
def test_a_transfer_keeps_the_history_and_an_end_is_the_last_day(sekisho: Sekisho) -> None:
    sekisho("add", "012345", *ADD, "--approved-by", "000100")
    moved = sekisho(
        "transfer", "012345", "--department", "総務部", "--section", "人事課", "--since", "令和9年4月1日"
    )
    assert moved.exit_code == 0, moved.stderr
    assert sekisho("end", "012345", "--on", "2028-03-31").exit_code == 0
    assert sekisho("role", "012345", "所属長").exit_code == 0
    shown = told(sekisho("show", "012345", "--json"))
    assert [one["section"] for one in shown["postings"]] == ["道路課", "人事課"]
    assert (shown["ends"], shown["role"]) == ("2028-03-31", "section_head")

    def sections(on: str) -> list[str]:
        return [one["section"] for one in told(sekisho("list", "--on", on, "--json"))["people"]]

    assert [sections(on) for on in ("2027-03-31", "2027-04-01", "2028-03-31", "2028-04-01")] == [
        ["道路課"], ["人事課"], ["人事課"], [],
    ]  # fmt: skip
    assert [note["event"] for note in notes()][1:] == ["person.transferred", "person.ended", "person.role"]


def test_robots_are_counted_apart_and_need_no_training(sekisho: Sekisho) -> None:
    end = (today() + timedelta(days=30)).isoformat()
    robot = ("--kind", "robot", "--department", "総務部", "--section", "DX推進課", "--starts", "2026-04-01")
    assert sekisho("add", "012345", *ADD, "--approved-by", "000100").exit_code == 0
    assert sekisho("add", "000300", *ADD).exit_code == 0
    added = sekisho("add", "rpa-01", *robot, "--ends", end, "--owner", "012345", "--approved-by", "000100")
    assert added.exit_code == 0, added.stderr
    listed = told(sekisho("list", "--json"))
    assert listed["totals"] == {"users": 1, "robots": 1, "waiting": 1}
    assert told(sekisho("show", "rpa-01", "--json"))["may_use"] is True
    assert [one["id"] for one in told(sekisho("list", "--kind", "robot", "--json"))["people"]] == ["rpa-01"]
    assert [one["id"] for one in told(sekisho("list", "--section", "ＤＸ*", "--json"))["people"]] == [
        "rpa-01"
    ]
    assert "利用者 1人、機械 1台、承認待ち 1件" in sekisho("list").stdout


WRONG = [
    (("approve", "012345", "--by", "012345"), "本人"),
    (("approve", "099999", "--by", "000100"), "帳簿にありません"),
    (("approve", "012345", "--by", NUMBER), "マイナンバー"),
    (("add", "012345", *ADD), "もう帳簿に"),
    (("add", NUMBER, *ADD), "マイナンバー"),
    (("add", "1", *ADD, "--name", NUMBER), "マイナンバー"),
    (("add", "1", *ADD, "--role", "mayor"), "役割"),
    (("add", "1", *ADD, "--ends", "2026-03-31"), "終了日が開始日より前"),
    (("add", "1", *ADD, "--approved-by", "1"), "本人"),
    (("add", "1", *ADD, "--approved-by", "012345"), "所属長ではありません"),
    (("add", "1", "--kind", "robot", *ADD[2:]), "終了日が要ります"),
    (("add", "1", "--kind", "contractor", *ADD[2:], "--ends", "2028-03-31"), "責任者が要ります"),
    (("add", "1", "--kind", "cat", *ADD[2:]), "staff, contractor, robot"),
    (("add", "1", *ADD[:6], "--starts", "明日"), "2027-04-01"),
    (("add", "1", "--kind", "staff", "--department", " ", *ADD[4:]), "空です"),
    (("train", "012345", "--course", "english", "--on", "2026-05-01"), "dx, security"),
    (("train", "012345", "--course", "dx", "--on", "2099-05-01"), "今日より後"),
    (("train", "012345", "--course", "dx", "--on", "2026-05-01", "--fiscal-year", "2030"), "2026"),
    (("transfer", "012345", "--department", "d", "--section", "s", "--since", "2026-03-31"), "開始日"),
    (("transfer", "012345", "--department", "d", "--section", NUMBER, "--since", "2026-05-01"), "マイナンバー"),
    (("acknowledge", "012345", "--rules", NUMBER), "版"),
    (("role", "012345", "mayor"), "所属長"),
    (("end", "099999", "--on", "2027-03-31"), "帳簿にありません"),
    (("show", "099999"), "sekisho people add"),
    (("import", "/nowhere.csv"), "読めません"),
    (("review", "begin"), "--section"),
    (("review", "begin", "--section", "どこにもない課"), "sekisho people list"),
]  # fmt: skip


@pytest.mark.requirement("R12")
def test_what_cannot_be_done_is_one_sentence_and_changes_nothing(sekisho: Sekisho) -> None:
    sekisho("add", "012345", *ADD)
    before = page("012345")
    for words, says in WRONG:
        done = sekisho(*words)
        assert (done.exit_code, done.stdout) == (2, ""), words
        assert says in done.stderr and done.stderr.count("\n") == 1, (words, done.stderr)
        assert NUMBER not in done.stderr
    assert page("012345") == before and page("1") is None
    assert [note["event"] for note in notes()] == ["person.enrolled"]


def test_a_second_approval_is_none_and_a_robot_accepts_no_rules(sekisho: Sekisho) -> None:
    sekisho("add", "012345", *ADD, "--approved-by", "000100")
    assert "もう承認" in sekisho("approve", "012345", "--by", "000200").stderr
    robot = ("--kind", "robot", *ADD[2:], "--ends", "2030-03-31", "--owner", "012345")
    assert sekisho("add", "rpa-01", *robot).exit_code == 0
    assert "責任者" in sekisho("acknowledge", "rpa-01", "--rules", "2026-04").stderr
    assert "機械に役割" in sekisho("role", "rpa-01", "section_head").stderr
    person = page("012345")
    assert person is not None and person.person.approved_by == "000100"


def test_a_version_that_nobody_asks_for_is_remarked(sekisho: Sekisho) -> None:
    sekisho("add", "012345", *ADD)
    done = sekisho("acknowledge", "012345", "--rules", "2025-10")
    assert done.exit_code == 0 and "2026-04" in done.stderr


@pytest.mark.requirement("R12")
@pytest.mark.parametrize(
    "words",
    [
        ("add", "1", *ADD),
        ("approve", "012345", "--by", "000100"),
        ("end", "012345", "--on", "2027-03-31"),
        ("transfer", "012345", "--department", "d", "--section", "s", "--since", "2027-04-01"),
        ("train", "012345", "--course", "dx", "--on", "2026-05-01"),
        ("acknowledge", "012345", "--rules", "2026-04"),
        ("role", "012345", "auditor"),
        ("import", "FILE"),
        ("review", "begin", "--all"),
    ],
)
def test_what_cannot_be_noted_is_not_done(sekisho: Sekisho, tmp_path: Path, words: tuple[str, ...]) -> None:
    sekisho("add", "000001", *ADD, "--approved-by", "000100")
    sekisho("add", "012345", *ADD)
    before = page("012345")
    file = write(tmp_path, "2,,職員,,d,s,2027-04-01,,000100,,")
    Path(read().ledger_location).chmod(0o444)
    done = sekisho(*(str(file) if word == "FILE" else word for word in words))
    Path(read().ledger_location).chmod(0o600)
    assert done.exit_code == 2 and "台帳" in done.stderr
    assert page("012345") == before and page("1") is None and page("2") is None
    assert told(sekisho("review", "list", "--json"))["sections"][0]["open"] is None


# ── files ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R12", "R17")
def test_a_file_is_tried_and_then_brought_in_as_one_change(sekisho: Sekisho, tmp_path: Path) -> None:
    sekisho("add", "012345", *ADD, "--approved-by", "000100", "--name", "山田太郎")
    sekisho("add", "000300", *ADD, "--approved-by", "000100")
    file = write(
        tmp_path,
        "012345,山田太郎,職員,所属長,総務部,人事課,令和9年4月1日,,000100,,",
        "000300,,職員,,都市創造部,道路課,2026/4/1,R9.3.31,000100,,",
        "rpa-01,集計,機械,,総務部,DX推進課,2027-04-01,2028-03-31,000100,012345,",
    )
    tried = told(sekisho("import", file, "--dry-run", "--json"))
    counts = {
        "new": 1,
        "returned": 0,
        "renewed": 0,
        "transferred": 1,
        "changed": 1,
        "ended": 1,
        "unchanged": 0,
    }
    assert (tried["done"], tried["counts"], tried["faults"]) == (False, counts, [])
    assert [(one["row"], one["id"], one["what"]) for one in tried["changes"]] == [
        (2, "012345", ["transferred", "changed"]), (3, "000300", ["ended"]), (4, "rpa-01", ["new"]),
    ]  # fmt: skip
    assert page("rpa-01") is None
    assert "人事課(2027-04-01から)" in sekisho("import", file, "--dry-run").stdout
    done = sekisho("import", file)
    assert done.exit_code == 0 and "読み込みました" in done.stdout
    head, ended, robot = page("012345"), page("000300"), page("rpa-01")
    assert head and [one.section for one in head.postings] == ["道路課", "人事課"]
    assert head.person.role == "section_head" and head.person.name == "山田太郎"
    assert ended and ended.person.ends == date(2027, 3, 31)
    assert robot and robot.person.approved_by == "000100" and robot.person.approved_at
    (note,) = [note for note in notes() if note["event"] == "people.imported"]
    assert (note["counts"], note["sha256"]) == (counts, hashlib.sha256(file.read_bytes()).hexdigest())
    assert note["changes"]["000300"] == {"what": ["ended"], "ends": "2027-03-31"}
    assert note["changes"]["012345"] == {
        "what": ["transferred", "changed"], "role": "section_head", "department": "総務部", "section": "人事課",
        "since": "2027-04-01",
    }  # fmt: skip
    assert "集計" not in json.dumps(note, ensure_ascii=False)
    again = told(sekisho("import", file, "--json"))
    assert again["counts"]["unchanged"] == 3
    assert len([note for note in notes() if note["event"] == "people.imported"]) == 1, "nothing to note"


@pytest.mark.requirement("R12", "R17")
def test_a_renewal_by_a_file_is_approved_anew_and_goes_on_without_a_day_between(
    sekisho: Sekisho, tmp_path: Path
) -> None:
    ends = today() + timedelta(days=10)
    begins, until = ends + timedelta(days=1), ends + timedelta(days=365)
    sekisho("add", "012345", *ADD, "--ends", ends, "--approved-by", "000100")
    sekisho("add", "000300", *ADD, "--ends", ends, "--approved-by", "000100")
    file = write(
        tmp_path,
        f"012345,,会計年度任用職員,,都市創造部,公園課,{begins},{until},000100,,",
        f"000300,,会計年度任用職員,,都市創造部,道路課,{begins},{until},000200,,",
    )
    assert "更新・異動" in sekisho("import", file, "--dry-run").stdout
    before = page("012345")
    assert told(sekisho("import", file, "--json"))["counts"]["renewed"] == 2
    after = page("012345")
    assert before and after and (after.person.starts, after.person.ends) == (before.person.starts, until)
    assert [(one.section, one.since) for one in after.postings[1:]] == [("公園課", begins)]
    assert [one["enrolled"] for one in told(sekisho("list", "--json"))["people"]] == [True, True]
    (note,) = [note for note in notes() if note["event"] == "people.imported"]
    assert note["changes"]["012345"] == {
        "what": ["renewed", "transferred"], "ends": until.isoformat(), "approved_by": "000100",
        "department": "都市創造部", "section": "公園課", "since": begins.isoformat(),
    }  # fmt: skip
    assert note["changes"]["000300"] == {
        "what": ["renewed", "changed"], "ends": until.isoformat(), "approved_by": "000200",
    }  # fmt: skip


@pytest.mark.parametrize("right", ["2026-03-02", "2026-06-01"])
def test_a_start_day_that_is_kept_is_told_and_mended_as_it_is_told(
    sekisho: Sekisho, tmp_path: Path, right: str
) -> None:
    sekisho("add", "012345", *ADD, "--approved-by", "000100")
    file = write(tmp_path, f"012345,,職員,,都市創造部,道路課,{right},,000100,,")
    done = told(sekisho("import", file, "--json"))
    assert done["counts"]["unchanged"] == 1 and done["changes"] == []
    (remark,) = done["remarks"]
    assert (remark["rows"], remark["column"], remark["kind"]) == ([2], "開始日", "start_kept")
    assert "sekisho people end" in remark["remedy_ja"] and remark["ja"] in sekisho("import", file).stdout
    sekisho("end", "012345", "--on", "2026-03-01")
    assert told(sekisho("import", file, "--json"))["counts"]["returned"] == 1
    after = page("012345")
    assert after and (after.person.starts.isoformat(), after.person.ends) == (right, None)


def test_a_day_of_a_transfer_that_is_kept_is_told_and_mended_as_it_is_told(
    sekisho: Sekisho, tmp_path: Path
) -> None:
    sekisho("add", "012345", *ADD, "--approved-by", "000100")
    here, there = (
        ("--department", "都市創造部", "--section", "道路課"),
        ("--department", "総務部", "--section", "人事課"),
    )
    sekisho("transfer", "012345", *there, "--since", "2027-04-01")
    file = write(tmp_path, "012345,,職員,,総務部,人事課,2027-05-01,,000100,,")
    (remark,) = told(sekisho("import", file, "--json"))["remarks"]
    assert remark["kind"] == "move_kept" and "sekisho people transfer" in remark["remedy_ja"]
    sekisho("transfer", "012345", *here, "--since", "2027-04-01")
    sekisho("transfer", "012345", *there, "--since", "2027-05-01")
    after = page("012345")
    assert after and [after.posting(date(2027, month, 30)).section for month in (3, 4, 5)] == [
        "道路課",
        "道路課",
        "人事課",
    ]  # type: ignore[union-attr]
    assert told(sekisho("import", file, "--json"))["remarks"] == []


def test_many_rows_whose_start_day_is_kept_are_told_in_one_line(sekisho: Sekisho, tmp_path: Path) -> None:
    rows = [f"{n:06},,職員,,d,s,2026-04-01,,900000,," for n in range(1, 31)]
    sekisho("import", write(tmp_path, *rows))
    file = write(tmp_path, *[row.replace("2026-04-01", "2026-05-01") for row in rows])
    shown = sekisho("import", file).stdout
    assert (
        "2, 3, 4, 5, 6, 7, 8, 9, 10, 11 … (30行 / rows)" in shown and shown.count("sekisho people end") == 2
    )


@pytest.mark.requirement("R12")
def test_a_file_with_a_fault_changes_nothing_and_names_it(sekisho: Sekisho, tmp_path: Path) -> None:
    good, bad = "000001,佐藤,職員,,d,s,2027-04-01,,000100,,", "000002,鈴木,職員,,d,s,4月,,000002,,"
    file = write(tmp_path, good, bad)
    for words in (("import", file), ("import", file, "--dry-run")):
        done = sekisho(*words, "--json")
        faults = told(done)["faults"]
        assert done.exit_code == 1 and told(done)["done"] is False
        assert [(one["row"], one["column"], one["kind"]) for one in faults] == [(3, "開始日", "date")]
        assert faults[0]["ja"] and faults[0]["remedy_ja"] and faults[0]["remedy_en"]
        shown = sekisho(*words)
        assert shown.exit_code == 1 and "開始日" in shown.stdout and "令和9年4月1日" in shown.stdout
        assert "鈴木" not in shown.output
    assert page("000001") is None and not Path(read().ledger_location).exists(), "there was nothing to note"


@pytest.mark.requirement("R13")
def test_completions_are_brought_in_as_one_change(sekisho: Sekisho, tmp_path: Path) -> None:
    sekisho("add", "012345", *ADD, "--approved-by", "000100")
    day = today()
    heads = "職員番号,研修,修了日,年度"
    file = write(tmp_path, f"012345,ＤＸ人材育成研修,{day},", f"012345,security,{day:%Y/%m/%d},", heads=heads)
    assert told(sekisho("import-trainings", file, "--dry-run", "--json"))["counts"] == {"new": 2, "known": 0}
    assert sekisho("import-trainings", file).exit_code == 0
    found = page("012345")
    assert found and {(one.course, one.fiscal_year) for one in found.trainings} == {
        ("dx", fiscal_year(day)), ("security", fiscal_year(day)),
    }  # fmt: skip
    (note,) = [note for note in notes() if note["event"] == "trainings.imported"]
    assert note["counts"] == {"new": 2, "known": 0} and len(note["completed"]["012345"]) == 2
    assert told(sekisho("import-trainings", file, "--json"))["counts"] == {"new": 0, "known": 2}
    wrong = write(tmp_path, "099999,dx,2026-05-01,", heads=heads)
    refused = sekisho("import-trainings", wrong, "--json")
    assert refused.exit_code == 1 and told(refused)["faults"][0]["kind"] == "unknown_person"


def test_an_export_can_be_mended_and_brought_back(sekisho: Sekisho, tmp_path: Path) -> None:
    sekisho("add", "012345", *ADD, "--approved-by", "000100", "--name", "=1+1")
    sekisho("add", "000300", *ADD)
    file = tmp_path / "export.csv"
    done = sekisho("export", "--to", file)
    assert done.exit_code == 0 and file.stat().st_mode & 0o077 == 0, "it holds names"
    assert "'=1+1" in file.read_text("utf-8-sig")
    assert told(sekisho("import", file, "--json"))["counts"]["unchanged"] == 2
    assert sekisho("export").stdout.encode().startswith(b"\xef\xbb\xbf")
    assert [one["id"] for one in told(sekisho("export", "--json"))] == ["000300", "012345"]
    text = file.read_text("utf-8-sig").replace("道路課,2026-04-01", "公園課,2027-04-01")
    file.write_text(text, "utf-8")
    assert told(sekisho("import", file, "--json"))["counts"]["transferred"] == 2


@pytest.mark.requirement("R12")
def test_a_whole_city_is_brought_in_and_moves_in_april_in_one_change_each(
    sekisho: Sekisho, tmp_path: Path
) -> None:
    def city(section: str, since: str) -> Path:
        return write(
            tmp_path,
            *(f"{n:06},職員{n},職員,,都市創造部,{section},{since},,900000,," for n in range(1, 2_401)),
        )

    assert told(sekisho("import", city("道路課", "2026-04-01"), "--json"))["counts"]["new"] == 2_400
    assert told(sekisho("list", "--json"))["totals"]["users"] == 2_400
    moved = told(sekisho("import", city("公園課", "2027-04-01"), "--json"))
    assert moved["counts"]["transferred"] == 2_400
    first, second = [note for note in notes() if note["event"] == "people.imported"]
    assert len(first["changes"]) == len(second["changes"]) == 2_400
    found = page("002400")
    assert found and [one.section for one in found.postings] == ["道路課", "公園課"]


def test_who_is_in_the_book_before_the_first_release_of_it_can_be_shown(sekisho: Sekisho) -> None:
    """A person without any posting, as another hand may have entered them."""
    assert sekisho("list").exit_code == 0
    with closing(office_of(read())) as office:
        PeopleBook(office).enter(Page(Person("9", "staff", date(2026, 4, 1)), ()))
        PeopleBook(office).enter(
            Page(Person("8", "staff", date(2026, 4, 1)), (Posting(date(2026, 4, 1), "", ""),))
        )
    for words in (("show", "9"), ("list",), ("export",), ("review", "list")):
        assert sekisho(*words).exit_code == 0
