"""The book of limits: whom a limit counts, in which minute, day, month or 年度, and the commands that set it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from policies.days import JST, day_of
from proxy.__main__ import app
from proxy.office.quotas import (
    PERIODS,
    Limit,
    Names,
    Period,
    QuotaBook,
    SameLimit,
    begins_anew,
    new_id,
    period_of,
    usual_actor,
)
from proxy.office.store import Office

DAY = date(2026, 11, 23)
CLERK = Names(
    person="012345",
    department="福祉部",
    section="福祉政策課",
    tool="chat-ui",
    model="gpt-5-mini",
    actor="staff",
)


def limit(**said: Any) -> Limit:
    usual: dict[str, Any] = {
        "id": new_id(), "scope": "person", "name": "*", "measure": "requests", "period": "day", "amount": 10,
        "reason": "目安", "set_by": "root", "actor": usual_actor(said.get("scope", "person")),
    }  # fmt: skip
    return Limit(**usual | said)


# ── whom it counts ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "subject"),
    [
        ({"scope": "house", "name": ""}, ""),
        ({"scope": "person", "name": "*"}, "012345"),
        ({"scope": "person", "name": "0123*"}, "012345"),
        ({"scope": "person", "name": "9*"}, None),
        ({"scope": "section", "name": "福祉*"}, "福祉部 福祉政策課"),
        ({"scope": "section", "name": "税務課"}, None),
        ({"scope": "tool", "name": "CHAT-UI"}, "chat-ui"),
        ({"scope": "model", "name": "ｇｐｔ-5-mini"}, "gpt-5-mini"),
        ({"actor": "robot"}, None),
        ({"actor": "staff"}, "012345"),
        ({"starts": date(2026, 11, 24)}, None),
        ({"starts": DAY, "ends": DAY}, "012345"),
        ({"ends": date(2026, 11, 22)}, None),
        ({"ended_at": "2026-11-22T00:00:00Z"}, None),
    ],
)
def test_a_limit_counts_whom_it_names_on_its_days(said: dict[str, Any], subject: str | None) -> None:
    assert limit(**said).subject(CLERK, DAY) == subject


def test_peoples_limits_count_no_robots_and_robots_have_their_own() -> None:
    robot = Names(
        person="robot-7", department="福祉部", section="福祉政策課", tool="rpa", model="m", actor="robot"
    )
    assert limit().subject(robot, DAY) is None
    assert limit(scope="section", name="*").subject(robot, DAY) is None
    assert limit(actor="robot").subject(robot, DAY) == "robot-7"
    assert limit(scope="house", name="").subject(robot, DAY) == "", "the city's budget counts everybody"
    assert limit(scope="model", name="*").subject(robot, DAY) == "m"


# ── periods ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("period", "before", "after"),
    [
        ("minute", "2026-11-23T14:21:59.999+09:00", "2026-11-23T14:22:00+09:00"),
        ("day", "2026-11-23T23:59:59.999+09:00", "2026-11-24T00:00:00+09:00"),
        ("month", "2026-11-30T23:59:59.999+09:00", "2026-12-01T00:00:00+09:00"),
        ("month", "2028-02-29T23:59:59.999+09:00", "2028-03-01T00:00:00+09:00"),
        ("year", "2027-03-31T23:59:59.999+09:00", "2027-04-01T00:00:00+09:00"),
    ],
)
def test_a_period_ends_at_its_boundary_in_japan(period: Period, before: str, after: str) -> None:
    last, first = (datetime.fromisoformat(text).astimezone(UTC) for text in (before, after))
    assert period_of(period, last) != period_of(period, first)
    assert begins_anew(period, last) == first
    assert begins_anew(period, first) > first


def test_the_fiscal_year_is_named_after_its_april() -> None:
    assert period_of("year", datetime(2027, 3, 31, 14, 59, tzinfo=UTC)) == "2026"
    assert period_of("year", datetime(2027, 3, 31, 15, 0, tzinfo=UTC)) == "2027"
    assert period_of("year", datetime(2026, 12, 31, 15, 0, tzinfo=UTC)) == "2026", "New Year is no boundary"
    assert period_of("month", datetime(2026, 12, 31, 15, 0, tzinfo=UTC)) == "2027-01"


@given(
    st.sampled_from(PERIODS),
    st.datetimes(datetime(2020, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC)),
)
def test_a_period_lasts_from_one_beginning_to_the_next(period: Period, at: datetime) -> None:
    anew = begins_anew(period, at)
    assert at < anew <= at + timedelta(days=366)
    assert period_of(period, anew - timedelta(microseconds=1)) == period_of(period, at)
    assert period_of(period, anew) != period_of(period, at)
    assert anew.astimezone(JST).second == 0
    assert period == "minute" or (day_of(anew) > day_of(at) and anew.astimezone(JST).hour == 0)


# ── the book ──────────────────────────────────────────────────────────────────────────────────────────


def test_of_two_who_set_the_same_limit_at_once_the_second_is_told(office: Office) -> None:
    book = QuotaBook(office)
    one = limit(name="0123*")
    book.set(one)
    with pytest.raises(SameLimit):
        book.set(replace(one, id=new_id(), amount=7))
    assert [each.id for each in book.standing()] == [one.id]
    book.end(one.id, "root")
    book.set(replace(one, id=new_id(), amount=7))


def test_what_is_set_is_read_and_what_is_ended_stands_no_more(office: Office) -> None:
    book = QuotaBook(office)
    one = limit(starts=DAY, ends=date(2027, 3, 31))
    two = limit(scope="house", name="", measure="yen", period="year", amount=None)
    book.set(one)
    book.set(two)
    found = {each.id: each for each in book.standing()}
    assert found[one.id].starts == DAY and found[one.id].ends == date(2027, 3, 31)
    assert found[two.id].amount is None and found[two.id].actor == "everyone"
    assert book.end(one.id, "root") and not book.end(one.id, "root")
    assert [each.id for each in book.standing()] == [two.id]
    assert next(each for each in book.every() if each.id == one.id).ended_by == "root"


def test_a_limit_that_is_set_again_is_the_same_limit(office: Office) -> None:
    book = QuotaBook(office)
    first = limit(scope="section", name="ＩＴ推進課")
    book.set(first)
    again = limit(scope="section", name="IT推進課", amount=20)
    same = book.same(again)
    assert same is not None and same.id == first.id, "another spelling is no second allowance"
    assert book.same(limit(scope="section", name="IT推進課", period="month")) is None
    assert book.same(limit(scope="section", name="IT推進課", actor="robot")) is None


# ── the commands ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def sekisho(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("SEKISHO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(app, list(words))


DAILY = ("--person", "*", "--measure", "requests", "--per", "day", "--reason", "目安")


def noted(sekisho: Callable[..., Result], event: str) -> list[dict[str, Any]]:
    """The facts of the noted records of an event, as the ledger's own command tells them."""
    import os
    import sqlite3

    with sqlite3.connect(Path(os.environ["SEKISHO_HOME"]) / "ledger.sqlite") as connection:
        rows = connection.execute("SELECT body FROM records WHERE kind = 'noted'")
        bodies = [json.loads(row[0]) for row in rows]
    return [body for body in bodies if body["event"] == event]


def test_setting_changing_and_ending_a_limit_is_noted_with_who_did_it(sekisho: Callable[..., Result]) -> None:
    from audit.commands.desk import os_user

    made = json.loads(sekisho("quota", "set", *DAILY, "--amount", "200", "--json").stdout)
    changed = json.loads(sekisho("quota", "set", *DAILY, "--amount", "300", "--json").stdout)
    assert changed["id"] == made["id"] and changed["amount"] == 300
    (listed,) = json.loads(sekisho("quota", "list", "--json").stdout)
    assert (listed["id"], listed["amount"], listed["actor"]) == (made["id"], 300, "people")
    assert "300回" in sekisho("quota", "list").stdout and made["id"] in sekisho("quota", "list").stdout
    assert sekisho("quota", "end", made["id"], "--reason", "不要").exit_code == 0
    assert json.loads(sekisho("quota", "list", "--json").stdout) == []
    (first,), (second,), (last,) = (noted(sekisho, f"quota.{what}") for what in ("set", "changed", "ended"))
    assert {first["by"], second["by"], last["by"]} == {os_user()}
    assert (first["amount"], second["amount_before"], second["amount"]) == (200, 200, 300)
    assert first["quota"] == second["quota"] == last["quota"] == made["id"]


@pytest.mark.parametrize(
    "words",
    [
        (*DAILY,),  # neither an amount nor --count-only
        (*DAILY, "--amount", "3", "--count-only"),
        (*DAILY, "--amount", "3", "--house"),
        ("--measure", "requests", "--per", "day", "--reason", "x", "--amount", "3"),
        ("--house", "--measure", "words", "--per", "day", "--reason", "x", "--amount", "3"),
        ("--house", "--measure", "yen", "--per", "week", "--reason", "x", "--amount", "3"),
        ("--house", "--measure", "yen", "--per", "day", "--amount", "3"),  # no reason
        ("--house", "--measure", "yen", "--per", "day", "--reason", "123456789018", "--amount", "3"),
        ("--person", "123456789018", "--measure", "yen", "--per", "day", "--reason", "x", "--amount", "3"),
        (*DAILY, "--amount", "3", "--actor", "cats"),
        (*DAILY, "--amount", "3", "--starts", "2027-04-01", "--ends", "2027-03-31"),
        (*DAILY, "--amount", "3", "--starts", "tomorrow"),
    ],
)
def test_a_limit_that_makes_no_sense_is_one_sentence_and_changes_nothing(
    sekisho: Callable[..., Result], words: tuple[str, ...]
) -> None:
    done = sekisho("quota", "set", *words)
    assert done.exit_code == 2
    assert done.stderr.startswith("sekisho: ") and "123456789018" not in done.stderr
    assert json.loads(sekisho("quota", "list", "--json").stdout) == []


def test_a_limit_that_cannot_be_noted_is_not_set(
    sekisho: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SEKISHO_LEDGER", str(tmp_path))  # a folder is no ledger
    assert sekisho("quota", "set", *DAILY, "--amount", "200").exit_code == 2
    monkeypatch.delenv("SEKISHO_LEDGER")
    assert json.loads(sekisho("quota", "list", "--json").stdout) == []


def test_ending_a_limit_that_is_not_there_says_so(sekisho: Callable[..., Result]) -> None:
    done = sekisho("quota", "end", "q-none", "--reason", "不要")
    assert done.exit_code == 2 and "sekisho quota list" in done.stderr
