"""A follower gives every record on, whatever becomes of the receiver and of the process, and stands in nobody's way."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from audit.address import Address
from audit.following import Entry
from audit.ledger import Ledger
from audit.model import Draft
from proxy.followers import Follower, NotTaken
from proxy.office.cursors import CursorBook
from proxy.office.store import Office
from tests.audit.ledgers import asked, rows

pytestmark = pytest.mark.anyio


class Receiver:
    """Takes records while it lives; ``fails`` so often before. ``settled``: what was kept with a position."""

    def __init__(self, fails: int = 0) -> None:
        self.fails = fails
        self.taken: list[str] = []
        self.settled = 0

    async def take(self, entries: Sequence[Entry]) -> None:
        half = len(entries) // 2 if self.fails else len(entries)
        self.taken += [entry.id for entry in entries[:half]]
        if self.fails:
            self.fails -= 1
            raise NotTaken("receiver_unreachable")

    def settle(self, connection: Any) -> None:
        self.settled += 1


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.start()
    yield ledger
    ledger.stop()


@pytest.fixture
def book(tmp_path: Path) -> Iterator[CursorBook]:
    with closing(Office(Address(tmp_path / "office.sqlite"))) as office:
        yield CursorBook(office)


def write(ledger: Ledger, count: int) -> None:
    for _ in range(count):
        name = f"x-{len(rows(ledger.address, 'SELECT 1 FROM records'))}"
        ledger.append_now(Draft("asked", name, asked()))
        ledger.append_now(Draft("answered", name, {"egress_state": "masked"}))


def everything(ledger: Ledger) -> set[str]:
    return {f"{writer}/{idx}" for writer, idx in rows(ledger.address, "SELECT writer, idx FROM records")}


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not what():
            await asyncio.sleep(0.01)


def follower(ledger: Ledger, book: CursorBook, sink: Receiver, **more: Any) -> Follower:
    return Follower("siem", ledger.address, book, sink, every=0.02, longest=0.05, **more)


async def test_a_receiver_that_fails_half_way_gets_everything_in_the_end(
    ledger: Ledger, book: CursorBook
) -> None:
    sink = Receiver(fails=3)
    task = asyncio.create_task(follower(ledger, book, sink, from_first=True).keep())
    await asyncio.to_thread(write, ledger, 5)
    await until(lambda: set(sink.taken) == everything(ledger) and sink.settled > 0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(set(sink.taken)) == 10, "what came twice has the same id"
    assert [one.trouble for one in book.every()] == [None]


async def test_a_successor_goes_on_where_the_last_one_stopped(ledger: Ledger, book: CursorBook) -> None:
    first, second = Receiver(), Receiver()
    task = asyncio.create_task(follower(ledger, book, first, from_first=True).keep())
    await asyncio.to_thread(write, ledger, 3)
    await until(lambda: len(first.taken) == 6)
    await until(lambda: book.every()[0].position == {str(ledger.writer): 6})
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.to_thread(write, ledger, 2)
    task = asyncio.create_task(follower(ledger, book, second).keep())
    await until(lambda: len(second.taken) == 4)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert {*first.taken, *second.taken} == everything(ledger) and not {*first.taken} & {*second.taken}


async def test_of_two_processes_one_follows(ledger: Ledger, book: CursorBook) -> None:
    sinks = [Receiver(), Receiver()]
    tasks = [asyncio.create_task(follower(ledger, book, one, from_first=True).keep()) for one in sinks]
    await asyncio.to_thread(write, ledger, 4)
    await until(lambda: len(sinks[0].taken) + len(sinks[1].taken) == 8)
    await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert sorted(len(one.taken) for one in sinks) == [0, 8]


async def test_a_new_follower_begins_at_the_present_but_for_its_own_chain(
    tmp_path: Path, ledger: Ledger, book: CursorBook
) -> None:
    write(ledger, 2)
    other = Ledger(tmp_path / "ledger.sqlite", sweeping=False)
    other.start()
    write(other, 1)
    sink = Receiver()
    task = asyncio.create_task(follower(ledger, book, sink, own=lambda: other.writer).keep())
    await until(lambda: len(sink.taken) == 2)
    await asyncio.to_thread(write, ledger, 1)
    await until(lambda: len(sink.taken) == 4)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert {one.partition("/")[0] for one in sink.taken} == {other.writer, ledger.writer}
    assert f"{ledger.writer}/4" not in sink.taken and f"{ledger.writer}/5" in sink.taken
    other.stop()


async def test_what_is_not_wanted_is_passed_over(ledger: Ledger, book: CursorBook) -> None:
    sink = Receiver()
    wanted = follower(
        ledger, book, sink, from_first=True, wanted=lambda entry: entry.record.kind == "answered"
    )
    task = asyncio.create_task(wanted.keep())
    await asyncio.to_thread(write, ledger, 3)
    await until(lambda: book.every() != [] and book.every()[0].position == {str(ledger.writer): 6})
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert sink.taken == [f"{ledger.writer}/{index}" for index in (2, 4, 6)]
