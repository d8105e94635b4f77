"""The certificate says what was removed, no more and no less, and the plan before it says so too."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from audit.address import Address
from audit.certificate import certificates
from audit.commands import app
from audit.holds import place as hold_of
from audit.ledger import Ledger
from audit.model import Draft
from audit.months import JST
from audit.query import reading
from tests.audit.ledgers import Clock, asked, named, rows

Keys = tuple[Path, Path]


@pytest.fixture
def aged(address: Address, keys: Keys) -> Address:
    """Two exchanges of six years ago, two of two years ago (one held), one of today; signed."""
    today = datetime.now(UTC)
    for days, names in ((6 * 366, ("old-1", "old-2")), (2 * 366, ("mid-1", "mid-held")), (0, ("new-1",))):
        ledger = Ledger(
            address, keys[0], clock=Clock(today - timedelta(days=days), timedelta(microseconds=1))
        )
        ledger.start()
        for name in names:
            ledger.append_now(Draft("asked", name, asked(), f"質問 {name} \x1b[2J"))
            ledger.append_now(Draft("answered", name, {"egress_state": "masked"}, f"回答 {name}"))
        if not days:
            hold = hold_of("incident", "調査", exchanges=["mid-held"], by="suzuki", at=today)
            ledger.append_now(Draft("noted", None, hold))
        ledger.stop()
    return address


def run(where: Address, keys: Keys, *arguments: str, **environment: str) -> Result:
    env = {"SEKISHO_SIGNING_KEY": str(keys[0]), "SEKISHO_HOME": str(keys[0].parent), **environment}
    if arguments[0] == "purge":
        arguments += ("--public-key", str(keys[1]))
    return CliRunner().invoke(app, [*arguments, "--ledger", named(where)], env=env)


def state(where: Address) -> list[list[tuple[Any, ...]]]:
    return [rows(where, f"SELECT * FROM {table} ORDER BY 1, 2") for table in ("records", "texts", "notes")]


@pytest.mark.requirement("R49")
def test_a_dry_run_is_the_default_and_says_what_would_go_and_what_stays(aged: Address, keys: Keys) -> None:
    before = state(aged)
    plain = run(aged, keys, "purge")
    machine = json.loads(run(aged, keys, "purge", "--json").stdout)

    assert (plain.exit_code, plain.stderr) == (0, "")
    assert "まだ何も消していません" in plain.stdout and "保全の対象" in plain.stdout
    assert [chain["records"] for chain in machine["records"].values()] == [4]
    assert [(chain["texts"], chain["held"]) for chain in machine["texts"].values()] == [(4, 2)]
    assert len(machine["holds"]) == 1 and machine["dry_run"]
    assert state(aged) == before


@pytest.mark.requirement("R49")
def test_the_certificate_says_what_was_removed_by_whom_and_that_the_rest_verifies(
    aged: Address, keys: Keys
) -> None:
    records = rows(aged, "SELECT writer, hash FROM records ORDER BY writer, idx")[:4]
    done = run(aged, keys, "purge", "--yes")
    assert (done.exit_code, done.stderr) == (0, "")
    with reading(aged) as connection:
        (found,) = certificates(connection)
    listed, printed = run(aged, keys, "certificate"), run(aged, keys, "certificate", found.id)
    machine = json.loads(run(aged, keys, "certificate", found.id, "--json").stdout)

    assert printed.stdout == done.stdout and listed.stdout.startswith(found.id)
    for word in ("廃棄証明書", found.id, records[0][0], records[0][1], records[3][1], "5年", "1年", "正しい"):
        assert word in printed.stdout
    ((writer, chain),) = machine["records"].items()
    assert (writer, chain["records"], chain["texts"]) == (records[0][0], 4, 4)
    assert (chain["first_hash"], chain["last_hash"]) == (records[0][1], records[3][1])
    ((_, texts),) = machine["texts"].items()
    assert (texts["erased"], texts["held"]) == (2, 2)
    assert machine["by"] and machine["holds"]
    assert machine["verified"]["before"]["ok"] and machine["verified"]["after"]["ok"]
    assert machine["verified"]["after"]["signatures"]
    assert {text for (text,) in rows(aged, "SELECT text FROM texts")} == {
        "質問 mid-held \x1b[2J", "回答 mid-held", "質問 new-1 \x1b[2J", "回答 new-1",
    }  # fmt: skip


def test_a_certificate_shows_nothing_of_what_was_removed(aged: Address, keys: Keys) -> None:
    out = run(aged, keys, "purge", "--yes").stdout
    assert "質問" not in out and "道路課" not in out and "\x1b" not in out


@pytest.mark.requirement("R49")
def test_the_periods_come_from_the_settings(aged: Address, keys: Keys) -> None:
    kept = run(aged, keys, "purge", "--json", SEKISHO_KEEP_RECORDS="10y", SEKISHO_KEEP_TEXTS="36m")
    machine = json.loads(kept.stdout)
    assert (machine["records"], list(machine["rules"]["texts"])) == ({}, ["period", "until"])
    assert [chain["texts"] for chain in machine["texts"].values()] == [4]  # of six years ago
    assert machine["rules"]["records"]["period"] == "10y"


@pytest.mark.requirement("R49")
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("SEKISHO_KEEP_RECORDS", "6m", "1年より短く"), ("SEKISHO_KEEP_TEXTS", "soon", "5y・18m・90d")],
)
def test_a_period_that_cannot_be_is_refused_with_a_sentence(
    aged: Address, keys: Keys, name: str, value: str, words: str
) -> None:
    result = run(aged, keys, "purge", "--yes", **{name: value})
    assert (result.exit_code, result.stdout) == (2, "") and words in result.stderr


def test_what_was_done_before_a_stop_is_shown_with_the_reason_for_it(aged: Address, keys: Keys) -> None:
    result = run(aged, keys, "purge", "--yes", SEKISHO_SIGNING_HOOK="false")
    assert result.exit_code == 2
    assert "途中で止まりました" in result.stderr and "exit status 1" in result.stderr
    assert "本文(伏せ字)" in result.stdout and "■ 記録" not in result.stdout
    assert rows(aged, "SELECT count(*) FROM records WHERE exchange LIKE 'old-%'") == [(4,)]


def test_a_key_that_is_none_removes_nothing(aged: Address, keys: Keys) -> None:
    before = state(aged)
    result = run(aged, keys, "purge", "--yes", SEKISHO_SIGNING_KEY=str(keys[1]))
    assert (result.exit_code, result.stdout) == (2, "") and "署名の鍵" in result.stderr
    assert state(aged) == before


def test_a_second_purge_has_nothing_to_do_and_gives_no_certificate(aged: Address, keys: Keys) -> None:
    run(aged, keys, "purge", "--yes")
    again = run(aged, keys, "purge", "--yes")
    assert again.exit_code == 0 and "消すものはありません" in again.stdout
    assert len(run(aged, keys, "certificate").stdout.splitlines()) == 1


def test_there_is_no_certificate_of_a_number_nobody_gave(aged: Address, keys: Keys) -> None:
    result = run(aged, keys, "certificate", "P1")
    assert (result.exit_code, result.stdout) == (1, "") and "P1 はありません" in result.stderr


def test_days_in_a_certificate_are_days_in_japan(aged: Address, keys: Keys) -> None:
    out = run(aged, keys, "purge", "--yes").stdout
    assert f"{datetime.now(JST):%Y-%m-%d}" in out and "日本時間" in out
