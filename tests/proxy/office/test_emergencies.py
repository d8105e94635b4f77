"""災害モード: it takes two different persons, has an end, and may be ended early by one."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

import audit.commands.desk
from proxy.__main__ import app
from proxy.office.emergencies import (
    LONGEST,
    BadEnd,
    Emergency,
    EmergencyBook,
    NotOpen,
    SamePerson,
    proposal,
)
from proxy.office.store import Office
from proxy.office.tables import SQLAlchemyError

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
UNTIL = NOW + timedelta(hours=8)


def proposed(book: EmergencyBook, by: str = "sato") -> Emergency:
    one = proposal("地震のため", UNTIL, by, NOW)
    book.propose(one)
    return one


def test_what_is_only_proposed_lifts_nothing(office: Office) -> None:
    book = EmergencyBook(office)
    one = proposed(book)
    found = book.find(one.id)
    assert found == one and not found.holds(NOW)
    assert book.standing() == ()


def test_another_person_approves_it_and_it_holds_until_its_end(office: Office) -> None:
    book = EmergencyBook(office)
    one = proposed(book)
    approved = book.approve(one.id, "suzuki", NOW)
    assert (approved.approved_by, approved.proposed_by) == ("suzuki", "sato")
    assert book.standing() == (approved,)
    assert approved.holds(UNTIL - timedelta(seconds=1))
    assert not approved.holds(UNTIL)


@pytest.mark.parametrize("by", ["sato", "SATO", "ｓａｔｏ"])
def test_the_same_person_is_refused(office: Office, by: str) -> None:
    book = EmergencyBook(office)
    one = proposed(book)
    with pytest.raises(SamePerson):
        book.approve(one.id, by, NOW)
    assert book.standing() == ()


def test_the_store_itself_keeps_the_two_apart(office: Office) -> None:
    from proxy.office import tables

    book = EmergencyBook(office)
    one = proposed(book)
    with pytest.raises(SQLAlchemyError), office.changing() as connection:
        connection.execute(tables.emergencies.update().values(approved_by=one.proposed_by))


def test_it_is_approved_once_and_not_after_its_end_or_when_withdrawn(office: Office) -> None:
    book = EmergencyBook(office)
    first, late, withdrawn = (proposed(book) for _ in range(3))
    book.approve(first.id, "suzuki", NOW)
    with pytest.raises(NotOpen):
        book.approve(first.id, "tanaka", NOW)
    with pytest.raises(NotOpen):
        book.approve(late.id, "suzuki", UNTIL)
    assert book.end(withdrawn.id, "sato", NOW)
    with pytest.raises(NotOpen):
        book.approve(withdrawn.id, "suzuki", NOW)
    with pytest.raises(NotOpen):
        book.approve("e-none", "suzuki", NOW)


def test_one_person_ends_it_early(office: Office) -> None:
    book = EmergencyBook(office)
    one = proposed(book)
    book.approve(one.id, "suzuki", NOW)
    assert book.end(one.id, "tanaka", NOW + timedelta(hours=1))
    assert not book.end(one.id, "tanaka", NOW + timedelta(hours=1))
    found = book.find(one.id)
    assert found and not found.holds(NOW + timedelta(hours=1)) and found.ended_by == "tanaka"


@pytest.mark.parametrize("until", [NOW, NOW - timedelta(1), NOW + LONGEST + timedelta(seconds=1)])
def test_its_end_lies_within_seven_days(until: datetime) -> None:
    with pytest.raises(BadEnd):
        proposal("地震のため", until, "sato", NOW)
    assert proposal("地震のため", NOW + LONGEST, "sato", NOW)


# ── at the terminal ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def sekisho(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command as a user of the machine."""
    monkeypatch.setenv("SEKISHO_HOME", str(tmp_path / "home"))

    def run(user: str, *words: str) -> Result:
        monkeypatch.setattr(audit.commands.desk, "os_user", lambda: user)
        return CliRunner().invoke(app, ["quota", "emergency", *words])

    return run


def noted(home: Path) -> list[dict[str, Any]]:
    import sqlite3

    with sqlite3.connect(home / "ledger.sqlite") as connection:
        rows = connection.execute("SELECT body FROM records WHERE kind = 'noted' ORDER BY at, idx")
        bodies = [json.loads(row[0]) for row in rows]
    return [body for body in bodies if body["event"].startswith("emergency.")]


def test_two_users_switch_it_on_and_each_step_is_a_record(
    sekisho: Callable[..., Result], tmp_path: Path
) -> None:
    until = (datetime.now(UTC) + timedelta(days=2)).isoformat(timespec="minutes")
    made = json.loads(sekisho("sato", "propose", "--until", until, "--reason", "地震", "--json").stdout)
    same = sekisho("sato", "approve", made["id"])
    assert same.exit_code == 2 and "別の人" in same.stderr
    assert sekisho("suzuki", "approve", made["id"]).exit_code == 0
    (listed,) = json.loads(sekisho("tanaka", "list", "--json").stdout)
    assert listed["holds"] and (listed["proposed_by"], listed["approved_by"]) == ("sato", "suzuki")
    assert made["id"] in sekisho("tanaka", "list").stdout
    assert sekisho("tanaka", "end", made["id"]).exit_code == 0
    assert sekisho("tanaka", "end", made["id"]).exit_code == 2
    records = noted(tmp_path / "home")
    assert [(one["event"], one["by"]) for one in records] == [
        ("emergency.proposed", "sato"),
        ("emergency.approved", "suzuki"),
        ("emergency.ended", "tanaka"),
    ], "what was refused is no record"
    assert {one["emergency"] for one in records} == {made["id"]}
    assert (records[0]["reason"], records[1]["proposed_by"]) == ("地震", "sato")


@pytest.mark.parametrize(
    "words",
    [
        ("--until", "2020-01-01T00:00", "--reason", "地震"),
        ("--until", "2999-01-01T00:00", "--reason", "地震"),
        ("--until", "soon", "--reason", "地震"),
        ("--until", "2999-01-01T00:00"),
    ],
)
def test_a_proposal_without_reason_or_sensible_end_is_one_sentence(
    sekisho: Callable[..., Result], words: tuple[str, ...]
) -> None:
    done = sekisho("sato", "propose", *words)
    assert done.exit_code == 2 and done.stderr.startswith("sekisho: ")
    assert json.loads(sekisho("sato", "list", "--json").stdout) == []
