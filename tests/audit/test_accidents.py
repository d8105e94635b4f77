"""When the ledger cannot be written: everybody is told, nothing is pretended, and afterwards all is repaired.

Works as root too: a mode without a write bit is an order, not a hindrance.
"""

import asyncio
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from audit import chain
from audit.address import Address
from audit.draft import prepare
from audit.ledger import Ledger
from audit.model import CannotRecord, Draft
from audit.names import now
from audit.pen import Pen
from audit.query import show
from audit.store import Store
from audit.stores.sqlite import SQLite
from tests.audit.ledgers import Child, asked, attack, kinds, rows, soon, verified

VIEWED = Draft("viewed", None, {})


def refused(ledger: Ledger) -> str:
    """Why a record cannot be written now: the cause that the operators see."""
    with pytest.raises(CannotRecord) as told:
        ledger.append_now(VIEWED)
    assert told.value.reason == "ledger_unavailable"
    with pytest.raises(CannotRecord):
        asyncio.run(ledger.probe())
    return str(told.value.__cause__)


@pytest.mark.requirement("R31")
def test_a_ledger_made_read_only_records_nothing_until_it_is_writable_again(
    ledger: Ledger, place: Path
) -> None:
    ledger.append_now(VIEWED)
    place.chmod(0o444)
    assert "read-only" in refused(ledger)
    assert kinds(place) == {"viewed": 1}
    place.chmod(0o640)
    assert ledger.append_now(VIEWED).index == 2
    asyncio.run(ledger.probe())
    assert verified(place).ok


def test_a_ledger_that_was_read_only_before_the_start_is_taken_up_later(
    place: Path, open_ledger: Callable[..., Ledger]
) -> None:
    first = Ledger(place)
    first.start()
    first.append_now(VIEWED)
    first.stop()
    place.chmod(0o444)
    ledger = open_ledger()
    assert "read-only" in refused(ledger)
    assert ledger.writer is None
    place.chmod(0o640)
    assert ledger.append_now(VIEWED).index == 1
    assert verified(place).ok


def test_a_ledger_in_a_place_that_cannot_be_is_taken_up_when_it_can(
    tmp_path: Path, open_ledger: Callable[..., Ledger]
) -> None:
    (tmp_path / "var").write_text("a file where the folder should be")
    ledger = open_ledger(tmp_path / "var" / "ledger.sqlite")
    refused(ledger)
    (tmp_path / "var").unlink()
    assert ledger.append_now(VIEWED).index == 1


def test_a_vanished_ledger_is_not_begun_anew(ledger: Ledger, place: Path, tmp_path: Path) -> None:
    """A fresh empty ledger in the old one's place would hide that the records are gone."""
    ledger.append_now(VIEWED)
    away = tmp_path / "away.sqlite"
    place.rename(away)
    refused(ledger)
    assert not place.exists()
    away.rename(place)
    assert ledger.append_now(VIEWED).index == 2
    assert verified(place).ok


def test_another_ledger_in_its_place_is_not_written_to(ledger: Ledger, place: Path, tmp_path: Path) -> None:
    ledger.append_now(VIEWED)
    other = Ledger(tmp_path / "other.sqlite")
    other.start()
    other.append_now(VIEWED)
    other.stop()
    folder = tmp_path / "away"
    folder.mkdir()
    for path in tmp_path.glob("ledger.sqlite*"):
        path.rename(folder / path.name)
    shutil.copy(tmp_path / "other.sqlite", place)
    refused(ledger)
    assert "no longer holds" in refused(ledger)
    assert kinds(place) == {"viewed": 1}
    for path in [*tmp_path.glob("ledger.sqlite*")]:
        path.unlink()
    for path in folder.iterdir():
        path.rename(tmp_path / path.name)
    assert ledger.append_now(VIEWED).index == 2
    assert verified(place).ok


def test_a_ledger_whose_log_was_removed_is_not_written_to(ledger: Ledger, place: Path) -> None:
    """Commits would go into a file that no longer has a name, and be gone at the next start."""
    ledger.append_now(VIEWED)
    Path(f"{place}-wal").unlink()
    with pytest.raises(CannotRecord):
        ledger.append_now(VIEWED)


def test_a_ledger_that_another_program_keeps_locked_records_nothing(
    ledger: Ledger, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.append_now(VIEWED)
    ledger._wait(ledger._running_pen().close)  # it opens again, with less patience
    monkeypatch.setattr("audit.stores.sqlite.BUSY_MS", 50)
    other = sqlite3.connect(place, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CannotRecord):
        ledger.append_now(VIEWED)
    other.execute("ROLLBACK")
    other.close()
    assert ledger.append_now(VIEWED).index == 2


FULL_DISK = """
import asyncio, resource, sys
from audit.ledger import Ledger
from audit.model import CannotRecord, Draft

ledger = Ledger(sys.argv[1], lease_seconds=0.3)
ledger.start()

async def exchange(name, meanwhile=None):
    try:
        async with ledger.exchange({"x": "y" * 4000}, "z" * 4000, exchange=name) as entry:
            entry.egress = "masked"
            if meanwhile:
                meanwhile()
        return "recorded"
    except CannotRecord as error:
        return error.reason

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

async def main():
    print(await exchange("before"))
    print(await exchange("caught", meanwhile=lambda: limit(4096)))
    print(await exchange("during"))
    print(await asyncio.gather(*(exchange(f"crowd-{n}") for n in range(20))) == ["ledger_unavailable"] * 20)
    limit(resource.RLIM_INFINITY)
    print(await exchange("after"))
    await asyncio.sleep(1)

asyncio.run(main())
ledger.stop()
"""


@pytest.mark.requirement("R31")
def test_on_a_full_disk_nothing_is_recorded_and_afterwards_everything_is_closed(
    place: Path, child: Child
) -> None:
    process = child(FULL_DISK, place)
    out, trouble = process.communicate(timeout=60)
    assert (trouble, process.returncode) == ("", 0)
    assert out.split() == ["recorded", "ledger_unavailable", "ledger_unavailable", "True", "recorded"]
    ended = dict(rows(place, "SELECT exchange, kind FROM records WHERE turn = 2"))
    assert ended.pop("caught") == ended.pop("before") == ended.pop("after") == "answered"
    # Questions that were refused may have landed all the same; then they are closed, as never sent.
    assert set(ended.values()) <= {"failed"}
    assert rows(place, "SELECT exchange FROM records GROUP BY exchange HAVING count(*) <> 2") == []
    assert verified(place).ok


def test_an_ending_that_could_not_be_written_is_owed_and_lands_later(
    open_ledger: Callable[..., Ledger], place: Path
) -> None:
    ledger = open_ledger(lease_seconds=0.3)

    async def see() -> None:
        async with ledger.exchange(asked(), exchange="x-1") as entry:
            entry.egress, entry.text = "masked", "the answer"
            place.chmod(0o444)

    with pytest.raises(CannotRecord):
        asyncio.run(see())
    assert kinds(place) == {"asked": 1}
    place.chmod(0o640)
    assert soon(lambda: kinds(place) == {"asked": 1, "answered": 1})
    shown = show(Address(place), "x-1")
    assert shown and shown.answer_text == "the answer"


def test_a_hang_up_is_not_turned_into_another_error_when_its_ending_is_owed(
    open_ledger: Callable[..., Ledger], place: Path
) -> None:
    ledger = open_ledger(lease_seconds=0.3)

    async def see() -> None:
        async with ledger.exchange(asked(), exchange="x-1"):
            place.chmod(0o444)
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(see())
    place.chmod(0o640)
    assert soon(lambda: kinds(place) == {"asked": 1, "abandoned": 1})


def test_an_owed_ending_that_a_sweep_has_written_meanwhile_is_settled(
    open_ledger: Callable[..., Ledger], place: Path
) -> None:
    ledger = open_ledger(lease_seconds=0.3)

    async def see() -> None:
        async with ledger.exchange(asked(), exchange="x-1"):
            await ledger.append(Draft("lost", "x-1", {}))
            place.chmod(0o444)

    with pytest.raises(CannotRecord):
        asyncio.run(see())
    place.chmod(0o640)
    assert soon(lambda: not ledger._running_pen().owed)
    assert kinds(place) == {"asked": 1, "lost": 1}


class LyingDisk(SQLite):
    """A disk that reports a failure for commits that are there after all, while it ``lies``."""

    lies = False

    def check(self, *, first: bool = False) -> None:
        super().check(first=first)
        if self.lies and kinds(self.path):
            raise OSError("the disk says no")


def test_a_question_that_landed_though_its_commit_failed_is_closed_as_never_sent(place: Path) -> None:
    """Its waiter was told no, so nothing was sent."""
    disk = LyingDisk(place)
    pen = Pen(Store(disk, create=True), now, 10.0)
    pen.renew()
    disk.lies = True
    with pytest.raises(OSError, match="the disk says no"):
        pen.write([prepare(Draft("asked", "x-1", {}), now())])
    assert kinds(place) == {"asked": 1}
    disk.lies = False
    pen.renew()
    pen.pay()
    pen.close()
    ((body,),) = rows(place, "SELECT body FROM records WHERE kind = 'failed'")
    assert json.loads(body) == {"egress_state": "none", "reason": "ledger_unavailable"}
    assert rows(place, "SELECT count(DISTINCT writer) FROM records") == [(1,)]
    assert verified(place).ok


def test_a_writer_whose_chain_was_grown_by_another_hand_finds_its_place_again(
    ledger: Ledger, place: Path
) -> None:
    first = ledger.append_now(VIEWED)
    digest = chain.seal(first.hash, first.writer, 2, first.at, "viewed", None, None, "{}")
    attack(
        place,
        "INSERT INTO records (writer, idx, at, kind, body, prev, hash)"
        f" VALUES ('{first.writer}', 2, '{first.at}', 'viewed', '{{}}', '{first.hash}', '{digest}')",
    )
    with pytest.raises(CannotRecord):
        ledger.append_now(VIEWED)
    assert ledger.append_now(VIEWED).index == 3
    assert verified(place).ok


def test_when_too_much_waits_new_questions_are_refused_and_endings_are_not(
    ledger: Ledger, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def see() -> None:
        async with ledger.exchange(asked(), exchange="x-1"):
            monkeypatch.setattr("audit.scribe.ROOM", 0)
            with pytest.raises(CannotRecord) as told:
                await ledger.append(VIEWED)
            assert told.value.reason == "ledger_busy"

    asyncio.run(see())
    assert kinds(place) == {"asked": 1, "answered": 1}


def test_a_stop_while_the_ledger_is_unwritable_leaves_the_rest_to_the_next_sweep(
    place: Path, open_ledger: Callable[..., Ledger]
) -> None:
    ledger = Ledger(place, lease_seconds=0.2)
    ledger.start()
    ledger.append_now(Draft("asked", "x-1", {}))
    place.chmod(0o444)
    ledger.stop()
    os.chmod(place, 0o640)
    assert kinds(place) == {"asked": 1}
    open_ledger(lease_seconds=0.2)
    assert soon(lambda: kinds(place) == {"asked": 1, "lost": 1})
