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
from tests.audit.aged import Keys, sealing, write
from tests.audit.ledgers import Clock, asked, named, rows


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
    assert machine["held"] == {"originals": 0, "texts": 2, "chains": 0, "records": 0}
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
    again, machine = run(aged, keys, "purge", "--yes"), run(aged, keys, "purge", "--yes", "--json")
    assert again.exit_code == 0 and "消すものはありません" in again.stdout
    assert machine.exit_code == 0 and json.loads(machine.stdout)["dry_run"] is False
    assert len(run(aged, keys, "certificate").stdout.splitlines()) == 1


def test_where_nothing_was_removed_yet_the_list_says_so(aged: Address, keys: Keys) -> None:
    assert run(aged, keys, "certificate").stdout == "廃棄証明書はありません。 / No certificate.\n"
    assert run(aged, keys, "certificate", "--json").stdout == ""


@pytest.mark.requirement("R49")
def test_whoever_looks_at_a_certificate_is_recorded(aged: Address, keys: Keys) -> None:
    run(aged, keys, "purge", "--yes")
    with reading(aged) as connection:
        (found,) = certificates(connection)
    run(aged, keys, "certificate")
    run(aged, keys, "certificate", found.id)
    viewed = [json.loads(body) for (body,) in rows(aged, "SELECT body FROM records WHERE kind = 'viewed'")]
    assert [(one["what"], one["rows"]) for one in viewed] == [("certificate", 1)] * 2
    assert {one["filters"]["certificate"] for one in viewed} == {None, found.id}


@pytest.mark.requirement("R49")
@pytest.mark.parametrize("due", [True, False])
def test_nothing_is_removed_without_a_public_key(
    aged: Address, keys: Keys, tmp_path: Path, due: bool
) -> None:
    before = state(aged)
    env = {"SEKISHO_SIGNING_KEY": str(keys[0]), "SEKISHO_HOME": str(tmp_path / "nowhere")}
    periods = () if due else ("--keep-records", "50y", "--keep-texts", "50y")
    result = CliRunner().invoke(app, ["purge", "--yes", *periods, "--ledger", named(aged)], env=env)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "公開鍵がないため消しません。--public-key" in result.stderr
    assert state(aged) == before


@pytest.mark.requirement("R49", "R50")
def test_what_holds_keep_is_counted_though_nothing_of_it_goes(aged: Address, keys: Keys) -> None:
    """A chain that is held whole, and the texts in it."""
    ledger = Ledger(aged, create=False, sweeping=False)
    ledger.start()
    at = datetime.now(UTC)
    ledger.append_now(Draft("noted", None, hold_of("other", "調査", persons=["demo"], by="a", at=at)))
    ledger.stop()
    sealing(aged, keys[0], (at - timedelta(days=200)).isoformat(), "x-1")
    sealing(aged, keys[0], (at - timedelta(days=199)).isoformat(), "x-2", person="kato")

    plain = run(aged, keys, "purge").stdout
    done = run(aged, keys, "purge", "--yes")
    with reading(aged) as connection:
        (found,) = certificates(connection)

    held = {"originals": 1, "texts": 8, "chains": 1, "records": 4}
    assert found.held() == found.as_json()["held"] == held
    assert "原文 originals      1 件(鍵 keys 1 個)、保全で残す held 1" in plain
    assert "0 件(0 本の鎖 chains)、保全で残す held 8" in plain
    assert "0 件(0 本の鎖 chains)、保全で残す held 4" in plain
    assert "保全で残す held    原文 originals 1、本文 texts 8、記録 records 4(鎖 chains 1)" in done.stdout
    assert done.exit_code == 0


# ── copies that a reader keeps ───────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R49")
def test_while_copies_are_left_a_purge_fails_and_the_next_one_wipes_them(
    tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    from audit import remover

    monkeypatch.setattr(remover, "_PAUSES", (0.0,))
    where = Address(tmp_path / "ledger.sqlite")
    two_years_ago = (datetime.now(UTC) - timedelta(days=2 * 366)).isoformat()
    write(where, keys[0], two_years_ago, ["OLDSECRET"])
    with reading(where) as connection:
        connection.exec_driver_sql("SELECT count(*) FROM texts").all()
        first, second = run(where, keys, "purge", "--yes"), run(where, keys, "purge", "--yes")
        dry = run(where, keys, "purge")
    third, fourth = run(where, keys, "purge", "--yes"), run(where, keys, "purge", "--yes")

    for left in (first, second):
        assert left.exit_code == 1 and "もう一度 `sekisho audit purge --yes`" in left.stderr
    assert "廃棄証明書" in first.stdout and "残っていました" in first.stdout
    assert "消すものはありません" in second.stdout
    assert [(one.exit_code, one.stderr) for one in (dry, third, fourth)] == [(0, "")] * 3
    found = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.sqlite*"))
    assert "質問 OLDSECRET".encode() not in found


def test_where_nothing_was_erased_no_copies_are_said_to_be_left(tmp_path: Path, keys: Keys) -> None:
    where = Address(tmp_path / "ledger.sqlite")
    write(where, keys[0], datetime.now(UTC).isoformat(), ["x-1"])
    (tmp_path / "ledger.sqlite").chmod(0o444)
    result = run(where, keys, "purge", "--yes")
    assert (result.exit_code, result.stderr) == (0, "") and "消すものはありません" in result.stdout


def test_there_is_no_certificate_of_a_number_nobody_gave(aged: Address, keys: Keys) -> None:
    result = run(aged, keys, "certificate", "P1")
    assert (result.exit_code, result.stdout) == (1, "") and "P1 はありません" in result.stderr


def test_days_in_a_certificate_are_days_in_japan(aged: Address, keys: Keys) -> None:
    out = run(aged, keys, "purge", "--yes").stdout
    assert f"{datetime.now(JST):%Y-%m-%d}" in out and "日本時間" in out
