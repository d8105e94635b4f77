"""By the clock: notes that are not signed and a ledger that is not sound are found, once, by one process of all."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from audit.address import Address
from audit.alerts.model import RAISED
from audit.ledger import Ledger
from audit.model import Draft
from audit.signing import create_keys
from proxy.alerting.counter import Herald
from proxy.alerting.terms import parse
from proxy.alerting.verifying import Found, Verifier, read_report
from proxy.alerting.watch import NAME, Watch
from proxy.office.cursors import CursorBook
from proxy.office.store import Office
from proxy.office.tallies import TallyBook
from proxy.settings import Settings, read
from tests.audit.ledgers import asked, attack, rows, soon

pytestmark = pytest.mark.anyio


@pytest.fixture
def home(tmp_path: Path) -> Path:
    create_keys(tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def settings(home: Path) -> Settings:
    return read(home=home)


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    ledger = Ledger(home / "ledger.sqlite", home / "signing.pem", settle_seconds=0.05)
    ledger.start()
    yield ledger
    ledger.stop()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with closing(Office(Address(tmp_path / "office.sqlite"))) as office:
        yield office


class Clock:
    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **time: float) -> None:
        self.at += timedelta(**time)


class Checks:
    """Stands in the place of the verification: what it finds, and how it was asked."""

    def __init__(self) -> None:
        self.found = Found(True)
        self.asked: list[bool] = []
        self.held: asyncio.Event | None = None
        self.cancelled = 0

    async def __call__(self, whole: bool) -> Found:
        self.asked.append(whole)
        try:
            if self.held is not None:
                await self.held.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.found


def watching(ledger: Ledger, office: Office, clock: Clock, verify: Any, **more: Any) -> Watch:
    return Watch(
        parse(None).thresholds, ledger.address, CursorBook(office), TallyBook(office), Herald(ledger), verify,
        now=clock, settling=0, **more,
    )  # fmt: skip


async def step(watch: Watch, often: int = 2) -> None:
    """Some turns, with a moment in between for what was begun."""
    for _ in range(often):
        await watch.step()
        await asyncio.sleep(0.01)


def alerts(ledger: Ledger) -> list[tuple[str, int, str | None]]:
    found = rows(ledger.address, "SELECT body FROM records WHERE kind = 'noted' ORDER BY at, idx")
    bodies = [json.loads(body) for (body,) in found]
    return [(b["rule"], b["count"], b.get("detail")) for b in bodies if b["event"] == RAISED]


def write(ledger: Ledger, number: int = 1) -> None:
    for _ in range(number):
        name = f"x-{len(rows(ledger.address, 'SELECT 1 FROM records'))}"
        ledger.append_now(Draft("asked", name, asked(), "本文"))
        ledger.append_now(Draft("answered", name, {"egress_state": "masked"}))


def newest(ledger: Ledger) -> int:
    return int(rows(ledger.address, "SELECT coalesce(max(number), 0) FROM notes")[0][0])


@pytest.mark.requirement("R52")
async def test_notes_that_nobody_signs_are_told_and_those_that_are_signed_are_not(
    home: Path, office: Office
) -> None:
    clock, unsigned = Clock(), Ledger(home / "ledger.sqlite")
    unsigned.start()
    watch = watching(unsigned, office, clock, Checks())
    await step(watch)
    clock.pass_by(hours=3)
    await step(watch)
    assert alerts(unsigned) == [], "there is nothing to sign"
    await asyncio.to_thread(write, unsigned)
    CursorBook(office).leave(NAME, watch._holder)
    watch = watching(unsigned, office, clock, Checks())
    clock.pass_by(minutes=14, seconds=59)
    await step(watch)
    assert alerts(unsigned) == []
    clock.pass_by(minutes=1)
    await step(watch)
    clock.pass_by(minutes=5)
    await step(watch)
    assert alerts(unsigned) == [("A-14", 15, None)]
    unsigned.stop()


@pytest.mark.requirement("R52")
async def test_a_house_that_was_closed_signed_nothing_and_that_is_no_alert(
    ledger: Ledger, office: Office
) -> None:
    clock = Clock()
    await asyncio.to_thread(write, ledger)
    assert await asyncio.to_thread(soon, lambda: newest(ledger) > 0)
    clock.pass_by(days=3)
    watch = watching(ledger, office, clock, Checks())
    await step(watch)
    clock.pass_by(minutes=10)
    await step(watch)
    assert alerts(ledger) == []


async def test_a_house_that_signs_seldom_is_not_silent_before_its_time(home: Path, office: Office) -> None:
    clock, unsigned = Clock(), Ledger(home / "ledger.sqlite")
    unsigned.start()
    await asyncio.to_thread(write, unsigned)
    watch = watching(unsigned, office, clock, Checks(), note_every=3600)
    clock.pass_by(hours=2)
    await step(watch)
    assert alerts(unsigned) == []
    clock.pass_by(minutes=2)
    await step(watch)
    assert [rule for rule, _, _ in alerts(unsigned)] == ["A-14"]
    unsigned.stop()


@pytest.mark.requirement("R52")
async def test_what_verification_finds_is_told_once_and_what_is_sound_is_not(
    ledger: Ledger, office: Office
) -> None:
    def told() -> list[tuple[str, int, str | None]]:
        return [one for one in alerts(ledger) if one[0] != "A-14"]  # nobody signs by this clock

    clock, checks = Clock(), Checks()
    watch = watching(ledger, office, clock, checks)
    await step(watch)
    assert told() == []
    checks.found = Found(True, "record_changed")
    for _ in range(3):
        clock.pass_by(minutes=10)
        await step(watch, 3)
    assert told() == [("A-15", 1, "record_changed")]
    checks.found = Found(False)
    for _ in range(3):
        clock.pass_by(minutes=10)
        await step(watch, 3)
    assert told()[1:] == [("A-16", 3, None)]


@pytest.mark.requirement("R52")
async def test_the_whole_is_verified_once_a_day_and_what_is_newer_in_between(
    ledger: Ledger, office: Office
) -> None:
    clock, checks = Clock(), Checks()
    clock.at = datetime.fromisoformat("2026-11-24T01:00:00+09:00")
    watch = watching(ledger, office, clock, checks)
    for _ in range(12):
        await step(watch)
        clock.pass_by(minutes=10)
    assert checks.asked == [True] + 8 * [False] + [True] + 2 * [False], "at first, and at half past two"


async def test_a_start_has_enough_to_do(ledger: Ledger, office: Office) -> None:
    clock, checks = Clock(), Checks()
    watch = watching(ledger, office, clock, checks)
    watch._settling = 60
    await step(watch)
    assert checks.asked == []
    clock.pass_by(seconds=61)
    await step(watch)
    assert checks.asked == [True]


@pytest.mark.requirement("R52")
async def test_of_two_processes_one_looks_and_the_next_ends_what_the_last_had_begun(
    ledger: Ledger, office: Office
) -> None:
    clock, first, second = Clock(), Checks(), Checks()
    first.held = asyncio.Event()
    first.found = second.found = Found(True, "record_changed")
    one, two = watching(ledger, office, clock, first), watching(ledger, office, clock, second)
    await step(one)
    await step(two)
    assert (first.asked, second.asked) == ([True], [])
    CursorBook(office).leave(NAME, one._holder)
    await step(two, 3)
    await step(one)
    assert (len(second.asked), first.cancelled) == (1, 1)
    assert alerts(ledger) == [("A-15", 1, "record_changed")]


async def test_the_turn_goes_on_until_it_is_given_back(ledger: Ledger, office: Office) -> None:
    watch = watching(ledger, office, Clock(), Checks(), turn=0.01)
    task = asyncio.create_task(watch.keep())
    book = CursorBook(office)
    async with asyncio.timeout(20):
        while not any(one.name == NAME and one.position for one in book.every()):
            await asyncio.sleep(0.01)
    assert book.take(NAME, "other") is None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert book.take(NAME, "other") is not None and watch.trouble is None


# ── the verification itself ──────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R52", "R43")
async def test_the_ledger_is_verified_in_a_process_of_its_own_whole_and_in_part(
    ledger: Ledger, settings: Settings, home: Path
) -> None:
    verify = Verifier(settings)
    await asyncio.to_thread(write, ledger, 3)
    assert await asyncio.to_thread(soon, lambda: newest(ledger) > 0)
    assert await verify(True) == Found(True)
    note = (home / "verified.note").read_text()
    await asyncio.to_thread(write, ledger, 3)
    before = newest(ledger)
    assert await asyncio.to_thread(soon, lambda: newest(ledger) > before)
    assert "--from" in verify.command(False) and await verify(False) == Found(True)
    assert (home / "verified.note").read_text() != note
    attack(ledger.address, """UPDATE records SET body = '{"event":"nothing"}' WHERE idx = 9""")
    found = await verify(True)
    assert found.done and found.fault is not None


@pytest.mark.requirement("R52", "R43")
async def test_a_ledger_that_was_turned_back_is_found_out_by_the_note_that_we_keep(
    settings: Settings, home: Path
) -> None:
    verify = Verifier(settings)
    ledger = Ledger(home / "ledger.sqlite", home / "signing.pem", settle_seconds=0.05)
    ledger.start()
    await asyncio.to_thread(write, ledger, 2)
    await asyncio.to_thread(ledger.stop)
    early = (home / "ledger.sqlite").read_bytes()
    ledger = Ledger(home / "ledger.sqlite", home / "signing.pem", settle_seconds=0.05)
    ledger.start()
    await asyncio.to_thread(write, ledger, 2)
    await asyncio.to_thread(ledger.stop)
    assert await verify(True) == Found(True)
    for beside in home.glob("ledger.sqlite*"):
        if beside.is_file():
            beside.unlink()
    (home / "ledger.sqlite").write_bytes(early)
    assert await verify(False) == Found(True, "rolled_back")
    assert await verify(True) == Found(True, "rolled_back")


async def test_what_cannot_be_verified_is_said_to_be_so(settings: Settings, home: Path) -> None:
    assert await Verifier(settings)(True) == Found(False)
    assert await Verifier(settings, longest=0.01)(True) == Found(False)


async def test_who_stops_meanwhile_leaves_no_process_behind(
    ledger: Ledger, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[asyncio.subprocess.Process] = []
    real: Callable[..., Any] = asyncio.create_subprocess_exec

    async def seen(*command: str, **how: Any) -> Any:
        started.append(await real(*command, **how))
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", seen)
    task = asyncio.create_task(Verifier(settings)(True))
    async with asyncio.timeout(20):
        while not started:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert started[0].returncode is not None


@pytest.mark.parametrize(
    ("status", "out", "found"),
    [
        (0, b"{}", Found(True)),
        (1, b'{"first_bad": {"code": "record_changed"}}', Found(True, "record_changed")),
        (1, b'{"first_bad": null}', Found(False)),
        (1, b"Traceback", Found(False)),
        (2, b"", Found(False)),
        (-9, b"", Found(False)),
        (None, b"", Found(False)),
    ],
)
def test_what_the_command_says_is_understood(status: int | None, out: bytes, found: Found) -> None:
    assert read_report(status, out) == found
