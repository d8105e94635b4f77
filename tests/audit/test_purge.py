"""A purge among others who write, with holds and notes that come in between; and what it leaves on the disk."""

import random
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audit import notes, verify
from audit.address import Address
from audit.holds import place as hold_of
from audit.ledger import Ledger
from audit.model import Draft
from audit.months import JST
from audit.purge import sound
from audit.query import reading
from audit.remover import CannotPurge
from audit.signing import CannotSign, Hook, KeyFile
from audit.stores import install, loading, place_of, shredder
from audit.tables import IntegrityError
from audit.verdict import verdict
from tests.audit.aged import (
    NOW,
    RECENT,
    TEXT_TOO_OLD,
    TOO_OLD,
    Keys,
    planned,
    purge,
    say,
    sealing,
    told,
    write,
    writers,
)
from tests.audit.ledgers import ROOT, Clock, attack, rows

# ── while others write ───────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R49")
def test_others_go_on_writing_all_the_while(address: Address, keys: Keys) -> None:
    for month in range(1, 7):
        write(address, keys[0], f"2021-{month:02}-10T03:00:00+00:00", [f"x-{month}"])
    living = Ledger(
        address,
        keys[0],
        clock=Clock(RECENT, timedelta(microseconds=1)),
        note_seconds=0.05,
        settle_seconds=0.01,
    )
    living.start()
    stop, written = threading.Event(), [0]

    def work() -> None:
        while not stop.is_set():
            living.append_now(Draft("noted", None, {"event": "tick", "by": "system"}))
            written[0] += 1

    busy = threading.Thread(target=work)
    busy.start()
    try:
        outcome = purge(address, keys)
    finally:
        stop.set()
        busy.join()
        living.stop()

    assert outcome.trouble is None
    assert sum(len(body["chains"]) for body in told(outcome, "records.purged")) == 6
    assert written[0] > 0
    report = sound(address, keys[1])
    assert (report.ok, report.purged_chains, report.first_bad) == (True, 6, None)


class Slow:
    """A second owner whose answer takes so long that something happens meanwhile."""

    def __init__(self, key: Path, meanwhile: Callable[[], None]) -> None:
        self._signer = KeyFile.load(key)
        self._meanwhile = meanwhile
        self.asked = 0

    def sign(self, note: notes.Note) -> str:
        self.asked += 1
        if any(head.state == "purged" for head in note.heads):
            self._meanwhile()
        return self._signer.sign(note)


def test_a_note_that_came_in_between_is_followed_by_ours(address: Address, keys: Keys) -> None:
    write(address, keys[0], TOO_OLD, ["x-1"])
    quicker = iter([["x-2"], ["x-3"]])

    def meanwhile() -> None:
        if (exchanges := next(quicker, None)) is not None:
            write(address, keys[0], RECENT, exchanges)

    outcome = purge(address, keys, signer=Slow(keys[0], meanwhile))

    assert outcome.trouble is None and len(told(outcome, "records.purged")) == 1
    report = sound(address, keys[1])
    assert (report.ok, report.purged_chains) == (True, 1)


@pytest.mark.requirement("R50")
def test_a_hold_that_is_placed_at_the_last_moment_stops_it(address: Address, keys: Keys) -> None:
    writer = write(address, keys[0], TOO_OLD, ["x-1"])
    body = hold_of("incident", "調査", persons=["demo"], by="suzuki", at=NOW)

    outcome = purge(address, keys, signer=Slow(keys[0], lambda: say(address, NOW, body)))

    assert "保全の指定が変わった" in str(outcome.trouble)
    assert not outcome.told and writer in writers(address)
    assert len(rows(address, "SELECT * FROM texts")) == 2
    assert sound(address, keys[1]).ok
    assert planned(address).stays_records == {writer: f"held {body['hold']}"}


@pytest.mark.requirement("R49")
def test_a_second_owner_signs_what_was_closed_as_purged_and_the_rest_goes_on(
    address: Address, keys: Keys, tmp_path: Path
) -> None:
    """The real countersign.py, which knows how every chain ended. Five years pass only here, not on its own clock."""
    command = [sys.executable, str(ROOT / "audit" / "countersign.py"), "--keep", "0", "--skew", "1000000"]
    owner = Hook([*command, "--key", str(keys[0]), "--last", str(tmp_path / "last.note")], keys[1], 30.0)
    gone = write(address, owner, TOO_OLD, ["x-1"])
    write(address, owner, TEXT_TOO_OLD, ["x-2"])

    assert purge(address, keys, signer=owner).trouble is None
    write(address, owner, "2026-11-27T04:00:00+00:00", ["x-3"])

    report = sound(address, keys[1])
    assert (report.ok, report.purged_chains, report.unanchored) == (True, 1, 0)
    assert f"{gone} 2 " in (tmp_path / "last.note").read_text("utf-8")


def test_a_second_owner_who_does_not_sign_keeps_the_records(address: Address, keys: Keys) -> None:
    class Refusing:
        def sign(self, note: notes.Note) -> str:
            raise CannotSign("the signing hook failed (exit status 1)")

    writer = write(address, keys[0], TOO_OLD, ["x-1"])
    outcome = purge(address, keys, signer=Refusing())
    assert isinstance(outcome.trouble, CannotSign) and writer in writers(address)
    assert sound(address, keys[1]).ok


def call_purged(address: Address, keys: Keys, writer: str) -> None:
    """Enter a signed note that calls a chain purged, and remove nothing."""
    number, signed = rows(address, "SELECT number, note FROM notes ORDER BY number DESC")[0]
    (chain,) = (chain for chain in planned(address).records if chain.writer == writer)
    at = "2026-11-27T03:00:00.000000Z"
    note = KeyFile.load(keys[0]).sign(notes.Note(number + 1, at, notes.digest(signed), (chain.purged,)))
    attack(address, f"INSERT INTO notes VALUES ({number + 1}, '{at}', '{note}')")


def test_a_purge_that_was_stopped_after_its_note_is_finished_by_the_next(
    address: Address, keys: Keys
) -> None:
    """As when a second owner had signed, we died, and the note was handed to the next who asked."""
    writer = write(address, keys[0], TOO_OLD, ["x-1"])
    call_purged(address, keys, writer)
    report = sound(address, keys[1])
    assert (report.ok, report.purged_still_here) == (True, 1)
    assert "sekisho audit purge" in verify.as_words(report)

    made = planned(address)
    assert ([one.writer for one in made.unfinished], made.records) == ([writer], ())
    outcome = purge(address, keys, made=made)

    assert outcome.trouble is None and told(outcome, "records.purged")[0]["note"] == 2
    assert writer not in writers(address)
    report = sound(address, keys[1])
    assert (report.ok, report.purged_chains, report.purged_still_here) == (True, 1, 0)
    assert report.newest_purge and report.newest_purge.writer == writer
    assert (report.newest_purge.closed or "")[:10] == "2021-11-26"


def test_a_purge_that_was_stopped_is_no_news_behind_a_later_note(
    address: Address, keys: Keys, tmp_path: Path
) -> None:
    """That its texts were erased stands before that note, too."""
    writer = write(address, keys[0], TOO_OLD, ["x-1"])
    purge(address, keys, datetime(2023, 1, 10, 3, tzinfo=UTC))
    kept = tmp_path / "kept.note"
    write(address, keys[0], RECENT, ["x-2"])
    kept.write_text(rows(address, "SELECT note FROM notes ORDER BY number DESC")[0][0], "utf-8")
    call_purged(address, keys, writer)
    report = verdict(address, keys[1], from_note=kept)
    assert (report.ok, report.records, report.purged_chains) == (True, 0, 1)
    assert sound(address, keys[1]).purged_still_here == 1


def test_what_is_wrong_beside_an_unfinished_purge_still_stops_it(address: Address, keys: Keys) -> None:
    stopped = write(address, keys[0], "2021-10-26T03:00:00+00:00", ["x-1"])
    other = write(address, keys[0], TOO_OLD, ["x-2"])
    call_purged(address, keys, stopped)
    made = planned(address)
    attack(address, f"UPDATE records SET body = '{{}}' WHERE writer = '{other}' AND idx = 1")

    with pytest.raises(CannotPurge, match="検証が通らない"):
        purge(address, keys, made=made)

    assert (stopped in writers(address), other in writers(address)) == (True, True)


@pytest.mark.requirement("R50")
def test_what_a_hold_kept_of_the_texts_is_told_and_missed_when_it_goes(address: Address, keys: Keys) -> None:
    """Nobody can put an erased text back from a backup and take the held one away instead."""
    writer = write(address, keys[0], TEXT_TOO_OLD, ["x-1", "x-2"])
    say(address, NOW, hold_of("incident", "調査", exchanges=["x-2"], by="suzuki", at=NOW))
    backup = rows(address, "SELECT salt, text FROM texts WHERE idx = 1")

    outcome = purge(address, keys)

    assert told(outcome, "texts.erased")[0]["kept"] == {writer: [3, 4]}
    assert sound(address, keys[1]).ok
    attack(
        address,
        f"INSERT INTO texts VALUES ('{writer}', 1, '{backup[0][0]}', '{backup[0][1]}')",
        f"DELETE FROM texts WHERE writer = '{writer}' AND idx = 3",
    )
    bad = sound(address, keys[1]).first_bad
    assert bad and (bad.writer, bad.index, bad.code) == (writer, 3, "text_missing")


@pytest.mark.requirement("R50")
def test_what_was_held_goes_when_the_hold_is_over(address: Address, keys: Keys) -> None:
    writer = write(address, keys[0], TEXT_TOO_OLD, ["x-1", "x-2"])
    last_day = NOW.date() + timedelta(days=1)
    say(address, NOW, hold_of("incident", "調査", exchanges=["x-2"], by="suzuki", at=NOW, expires=last_day))
    purge(address, keys)
    later = purge(address, keys, NOW + timedelta(days=3))
    (body,) = told(later, "texts.erased")
    assert (body["chains"], body["kept"]) == ({writer: 2}, {})
    assert sound(address, keys[1]).ok


@pytest.mark.requirement("R49")
def test_a_chain_that_was_closed_late_stays_its_year(address: Address, keys: Keys) -> None:
    """A note may call it purged a year after the note that closed it, however old its records are."""
    silent = write(address, None, TOO_OLD, ["x-1"])
    write(address, keys[0], "2026-11-01T03:00:00+00:00", ["x-2"])
    made = planned(address)
    assert made.records == () and made.stays_records == {silent: "closed 2026-11-01"}
    late = datetime(2027, 11, 2, 3, tzinfo=UTC)
    assert purge(address, keys, late).trouble is None and silent not in writers(address)
    assert sound(address, keys[1]).ok


# ── originals ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R45", "R49")
def test_an_original_goes_when_its_time_has_come_and_the_chain_still_verifies(
    address: Address, keys: Keys
) -> None:
    gone = sealing(address, keys[0], "2026-08-29T03:00:00+00:00", "x-1")
    kept = sealing(address, keys[0], "2026-08-30T03:00:00+00:00", "x-2")
    end = datetime(2026, 11, 27, 0, 0, tzinfo=JST)

    assert planned(address, end - timedelta(microseconds=1)).originals.keys == ()
    outcome = purge(address, keys, end)

    assert (
        told(outcome, "originals.erased")[0] | {"keys": 1, "originals": 1, "held": 0}
        == told(outcome, "originals.erased")[0]
    )
    assert rows(address, "SELECT wrapped FROM original_keys") == [(kept,)] != [(gone,)]
    assert rows(address, "SELECT count(*) FROM originals") == [(1,)]
    assert len(rows(address, "SELECT * FROM texts")) == 4
    assert sound(address, keys[1]).ok


@pytest.mark.requirement("R45", "R50")
def test_an_original_that_is_held_outlives_its_time(address: Address, keys: Keys) -> None:
    sealing(address, keys[0], "2026-08-01T03:00:00+00:00", "x-1")
    sealing(address, keys[0], "2026-08-01T03:00:00+00:00", "x-2")
    say(address, NOW, hold_of("incident", "調査", exchanges=["x-2"], by="suzuki", at=NOW))
    outcome = purge(address, keys)
    assert (
        told(outcome, "originals.erased")[0]["originals"],
        told(outcome, "originals.erased")[0]["held"],
    ) == (1, 1)
    (kept,) = rows(
        address, "SELECT r.exchange FROM originals o JOIN records r ON r.writer = o.writer AND r.idx = o.idx"
    )
    assert kept == ("x-2",)


# ── what is erased is gone from the file ─────────────────────────────────────────────────────────


def crowded(where: Address, seed: int) -> None:
    """Rows of all sizes, of two writers and of two sorts of keys, mixed up on the same pages."""
    assert where.path
    chance = random.Random(seed)
    place = place_of(where)
    with place.writer(create=True).connect() as connection, connection.begin():
        install(place, connection, create=True)
    with closing(sqlite3.connect(where.path, isolation_level=None)) as sql:
        sql.execute("PRAGMA secure_delete = ON")
        for index in range(1, 1500):
            old = chance.random() < 0.5
            word = "OLDSECRET" if old else "NEWSECRET"
            text = f"{word}{'本文' * chance.choice([1, 3, 10, 30, 100, 200, 900])}{word}"
            sql.execute(
                "INSERT INTO texts VALUES (?, ?, ?, ?)",
                ("old" if old else "new", index, f"{index:064}", text),
            )
            key = (
                f"{word[0]}{index}",
                f"c-{index}",
                f"{word}{index:0{chance.choice([80, 120, 160])}}",
                word[:3],
            )
            sql.execute("INSERT INTO original_keys VALUES (?, ?, ?, ?)", key)


@pytest.mark.requirement("R45", "R49")
@pytest.mark.parametrize("seed", [1, 5, 17, 36])
def test_no_copy_of_an_erased_text_or_key_stays_in_the_file_or_its_log(tmp_path: Path, seed: int) -> None:
    """Deleting alone would leave some, though secure_delete is on: SQLite moves rows, and does not clean up after it."""
    where = Address(tmp_path / "ledger.sqlite")
    crowded(where, seed)
    indexes = [index for (index,) in rows(where, "SELECT idx FROM texts WHERE writer = 'old' ORDER BY idx")]
    ids = [id for (id,) in rows(where, "SELECT id FROM original_keys WHERE until = 'OLD'")]
    place = place_of(where)
    with place.writer(create=False).connect() as connection:
        with connection.begin():
            shredder.permit(connection, ["old"], "texts", "2026-11-27T03:00:00.000000Z")
            shredder.erase_texts(connection, "old", indexes)
            shredder.erase_keys(connection, ids)
        assert shredder.wipe_log(place)  # while the house has the ledger open
        found = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert len(indexes) > 600 and len(ids) > 600
    assert b"NEWSECRET" in found and b"OLDSECRET" not in found
    assert rows(where, "SELECT DISTINCT writer FROM texts") == [("new",)]


@pytest.mark.requirement("R49")
def test_a_purge_leaves_no_erased_text_in_the_file_while_the_house_runs(tmp_path: Path, keys: Keys) -> None:
    where = Address(tmp_path / "ledger.sqlite")
    write(where, keys[0], TEXT_TOO_OLD, ["OLDSECRET"])
    write(where, keys[0], RECENT, ["NEWSECRET"])
    house = Ledger(where)
    house.start()
    outcome = purge(where, keys)
    found = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.sqlite*"))
    house.stop()
    assert outcome.trouble is None and outcome.log_emptied
    assert "質問 NEWSECRET".encode() in found and "質問 OLDSECRET".encode() not in found


@pytest.mark.requirement("R49")
def test_texts_that_go_with_their_chain_leave_no_copy_either(tmp_path: Path, keys: Keys) -> None:
    where = Address(tmp_path / "ledger.sqlite")
    write(where, keys[0], TOO_OLD, [f"OLDSECRET-{number}" for number in range(60)])
    assert purge(where, keys).log_emptied
    found = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.sqlite*"))
    assert "質問 OLDSECRET".encode() not in found and "回答 OLDSECRET".encode() not in found


@pytest.mark.requirement("R49")
def test_the_many_texts_of_a_big_chain_go_before_it_and_are_counted_once(
    tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a file all of a chain's records go at once, and everybody waits."""
    from audit import purge as purging
    from audit import retention

    monkeypatch.setattr(retention, "MANY_TEXTS", 3)
    monkeypatch.setattr(purging, "SOME_TEXTS", 3)
    where = Address(tmp_path / "ledger.sqlite")
    big = write(where, keys[0], TOO_OLD, ["x-1", "x-2"])
    small = write(where, keys[0], "2021-11-25T03:00:00+00:00", ["x-3"])

    outcome = purge(where, keys)

    assert outcome.trouble is None
    assert [body["chains"] for body in told(outcome, "texts.erased")] == [{big: 3}, {big: 1}]
    (body,) = told(outcome, "records.purged")
    assert {writer: chain["texts"] for writer, chain in body["chains"].items()} == {small: 2, big: 0}
    assert sound(where, keys[1]).ok


@pytest.mark.requirement("R49")
def test_a_log_that_somebody_reads_is_not_called_empty(
    tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    from audit import remover

    monkeypatch.setattr(remover, "_PAUSES", (0.0,))
    where = Address(tmp_path / "ledger.sqlite")
    write(where, keys[0], TEXT_TOO_OLD, ["OLDSECRET"])
    with reading(where) as connection:
        connection.exec_driver_sql("SELECT count(*) FROM texts").all()
        outcome = purge(where, keys)
    assert (outcome.trouble, outcome.log_emptied) == (None, False)
    assert told(outcome, "purge.verified")[0]["log_emptied"] is False
    assert shredder.wipe_log(place_of(where))
    found = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.sqlite*"))
    assert "質問 OLDSECRET".encode() not in found


def test_a_log_that_cannot_be_emptied_is_no_accident(tmp_path: Path) -> None:
    broken = tmp_path / "ledger.sqlite"
    broken.write_bytes(b"no ledger at all, whatever its name says" * 100)
    assert not shredder.wipe_log(place_of(Address(broken)))
    assert not shredder.wipe_log(place_of(Address(tmp_path / "nowhere.sqlite")))


def test_one_purge_at_a_time_removes_in_a_database(
    postgres_url: str, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So what one has counted before it takes the lock is what it removes."""
    from audit import remover

    monkeypatch.setattr(remover, "_PAUSES", (0.0,))
    where = Address(url=postgres_url)
    write(where, keys[0], TEXT_TOO_OLD, ["x-1"])
    with place_of(where).writer(create=False).connect() as other, other.begin():
        shredder.take_turn(other)
        outcome = purge(where, keys)
    assert "使われている" in str(outcome.trouble) and not outcome.told
    assert told(purge(where, keys), "texts.erased")


def test_a_restore_may_stand_still_for_as_long_as_it_reads(postgres_url: str, keys: Keys) -> None:
    where = Address(url=postgres_url)
    write(where, keys[0], RECENT, ["x-1"])
    with place_of(where).writer(create=False).connect() as connection, connection.begin():
        loading.take_time(connection)
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
            assert connection.exec_driver_sql(f"SHOW {setting}").scalar_one() == "0"


@pytest.mark.requirement("R43")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE texts SET text = 'another'",
        "UPDATE texts SET text = '', salt = 'x'",
        "UPDATE texts SET text = ' ' WHERE writer = 'new'",
        "UPDATE texts SET idx = idx + 5000, text = ''",
        "UPDATE original_keys SET until = '9999'",
        "UPDATE original_keys SET wrapped = 'another'",
    ],
)
def test_what_may_be_blanked_may_not_be_changed(tmp_path: Path, statement: str) -> None:
    where = Address(tmp_path / "ledger.sqlite")
    crowded(where, 1)
    place = place_of(where)
    with (
        place.writer(create=False).connect() as connection,
        pytest.raises(IntegrityError),
        connection.begin(),
    ):
        shredder.permit(connection, ["old"], "texts", "2026-11-27T03:00:00.000000Z")
        connection.exec_driver_sql(statement)


def test_much_goes_in_portions_and_each_says_how_much(
    tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    from audit import purge as purging

    monkeypatch.setattr(purging, "SOME_TEXTS", 3)
    monkeypatch.setattr(purging, "SOME_RECORDS", 5)
    monkeypatch.setattr(purging, "SOME_KEYS", 1)
    where = Address(tmp_path / "ledger.sqlite")
    for day in (1, 2, 3):
        write(where, keys[0], f"2021-11-{day:02}T03:00:00+00:00", [f"a-{day}", f"b-{day}"])
        write(where, keys[0], f"2025-11-{day:02}T03:00:00+00:00", [f"c-{day}", f"d-{day}"])
        sealing(where, keys[0], f"2026-08-{day:02}T03:00:00+00:00", f"e-{day}")

    outcome = purge(where, keys)

    assert outcome.trouble is None
    assert [sum(body["chains"].values()) for body in told(outcome, "texts.erased")] == [3, 3, 3, 3]
    assert [len(body["chains"]) for body in told(outcome, "records.purged")] == [1, 1, 1]
    assert [body["keys"] for body in told(outcome, "originals.erased")] == [1, 1, 1]
    assert sound(where, keys[1]).ok


def test_what_somebody_reads_for_long_waits_and_is_told(
    postgres_url: str, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    from audit import remover

    monkeypatch.setattr(remover, "_PAUSES", (0.0, 0.0))
    where = Address(url=postgres_url)
    writer = write(where, keys[0], TOO_OLD, ["x-1"])
    made = planned(where)
    with reading(where) as connection:
        connection.exec_driver_sql("SELECT count(*) FROM records")
        outcome = purge(where, keys, made=made)
    assert "使われている" in str(outcome.trouble) and writer in writers(where)
    assert purge(where, keys).trouble is None and writer not in writers(where)


def test_a_dropped_month_leaves_no_table_behind(postgres_url: str, keys: Keys) -> None:
    where = Address(url=postgres_url)
    write(where, keys[0], TOO_OLD, ["x-1"])
    write(where, keys[0], TEXT_TOO_OLD, ["x-2"])
    say(where, NOW, hold_of("incident", "調査", exchanges=["x-2"], by="suzuki", at=NOW))
    purge(where, keys)
    tables = {name for (name,) in rows(where, "SELECT relname::text FROM pg_class WHERE relkind = 'r'")}
    assert not tables & {"records_2021_11", "texts_2021_11"}
    assert {"records_2025_11", "texts_2025_11"} <= tables
    assert not [name for name in tables if "erased" in name]
