"""Closing what the dead left open, and nothing else."""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from audit.address import Address
from audit.ledger import Ledger
from audit.model import AlreadyEnded, Draft
from audit.names import now
from tests.audit.ledgers import Child, Clock, asked, kinds, named, rows, soon, verified


@pytest.fixture
def place(address: Address) -> Address:
    """Every promise here is kept in both stores."""
    return address


OpenLedger = Callable[..., Ledger]

WRITER = """
import asyncio, sys
from audit.ledger import Ledger

ledger = Ledger(sys.argv[1], lease_seconds=float(sys.argv[2]))
ledger.start()

async def carry(n):
    while True:
        async with ledger.exchange({"n": n}, "masked") as entry:
            print(entry.exchange, flush=True)      # this is where the upstream would see it
            entry.egress = "masked"
            await asyncio.sleep(0.01)

async def main():
    await asyncio.gather(*(carry(n) for n in range(16)))

asyncio.run(main())
"""


def killed_while_writing(child: Child, place: Address) -> set[str]:
    """Kill a writer in the middle of its work; the exchanges its upstream had seen."""
    process = child(WRITER, named(place), 3600)
    assert process.stdout
    seen = {process.stdout.readline().strip() for _ in range(200)}
    process.kill()
    rest, _ = process.communicate()
    return {line for line in {*seen, *rest.split("\n")} if len(line) == 26}


def open_exchanges(place: Address) -> list[str]:
    found = rows(
        place, "SELECT exchange FROM records WHERE turn IS NOT NULL GROUP BY exchange HAVING max(turn) = 1"
    )
    return [exchange for (exchange,) in found]


def swept(sweeper: Ledger, place: Address) -> bool:
    """Sweep until nothing is open: for a moment a dead writer's session may still hold its lease in the server."""
    return soon(lambda: sweeper.sweep_now() >= 0 and open_exchanges(place) == [])


def noted(place: Address) -> list[str]:
    """All signed notes, oldest first."""
    return [note for (note,) in rows(place, "SELECT note FROM notes ORDER BY number")]


def test_what_a_killed_writer_left_open_is_closed_as_lost(
    child: Child, place: Address, open_ledger: OpenLedger
) -> None:
    seen = killed_while_writing(child, place)
    left = open_exchanges(place)
    assert left
    assert swept(open_ledger(), place)  # the dead are known without waiting for their lease
    assert seen <= {exchange for (exchange,) in rows(place, "SELECT exchange FROM records WHERE turn = 1")}
    lost = rows(place, "SELECT exchange, body FROM records WHERE kind = 'lost'")
    assert {exchange for exchange, _ in lost} == set(left)
    assert all(json.loads(body) == {"egress_state": "unknown", "reason": "writer_gone"} for _, body in lost)
    assert verified(place).ok


def test_a_writer_killed_again_and_again_leaves_nothing_open(
    child: Child, place: Address, open_ledger: OpenLedger
) -> None:
    for _ in range(3):
        killed_while_writing(child, place)
    ledger = open_ledger()
    assert swept(ledger, place)
    assert ledger.sweep_now() == 0
    assert verified(place).ok


def test_lost_records_end_the_dead_writers_own_chain(
    child: Child, place: Address, open_ledger: OpenLedger
) -> None:
    """Both records of an exchange lie in one chain, which can be kept, checked and removed in one piece."""
    killed_while_writing(child, place)
    ((dead, size),) = rows(place, "SELECT writer, max(idx) FROM records GROUP BY writer")
    left = len(open_exchanges(place))
    assert swept(open_ledger(), place)
    lost = rows(place, "SELECT writer, idx FROM records WHERE kind = 'lost' ORDER BY idx")
    assert lost == [(dead, size + number) for number in range(1, left + 1)]
    assert rows(place, "SELECT count(*) FROM leases WHERE writer = ? AND ended IS NULL", [dead]) == [(0,)]


def test_a_chain_that_was_swept_is_closed_by_the_next_note_and_never_listed_again(
    place: Address, open_ledger: OpenLedger, keys: tuple[Path, Path]
) -> None:
    gone = open_ledger(lease_seconds=3600)
    chain = gone.append_now(Draft("asked", "x-1", {})).writer
    later = Clock(now() + timedelta(seconds=4000))
    sweeper = Ledger(place, keys[0], clock=later, settle_seconds=0.01, note_seconds=0.05)
    sweeper.start()
    sweeper.append_now(Draft("viewed", None, {}))
    assert soon(lambda: any(f"{chain} 2 " in note and " closed\n" in note for note in noted(place)))
    sweeper.stop()
    assert sum(chain in note for note in noted(place)) == 1
    assert rows(place, "SELECT count(*) FROM leases WHERE writer = ?", [chain]) == [(0,)]
    assert verified(place, keys[1]).ok


def test_two_sweepers_at_once_close_each_exchange_once(place: Address, open_ledger: OpenLedger) -> None:
    for name in ("a", "b", "c"):
        gone = open_ledger(lease_seconds=3600, sweeping=False)
        for number in range(5):
            gone.append_now(Draft("asked", f"{name}-{number}", {}))
    later = Clock(now() + timedelta(seconds=4000))
    sweepers = [open_ledger(clock=later, sweeping=False) for _ in range(4)]

    async def see() -> list[int]:
        return await asyncio.gather(*(sweeper.sweep() for sweeper in sweepers for _ in range(3)))

    assert sum(asyncio.run(see())) == 15
    assert kinds(place) == {"asked": 15, "lost": 15}
    assert verified(place).ok


def test_a_sweep_beside_a_living_writer_closes_nothing(place: Address, open_ledger: OpenLedger) -> None:
    """The writer holds exchanges open and is otherwise idle: only its heartbeat speaks for it."""
    living = open_ledger(lease_seconds=0.6, sweeping=False)
    sweeper = open_ledger(lease_seconds=0.6)

    async def see() -> None:
        async with living.exchange(asked(), exchange="x-1"), living.exchange(asked(), exchange="x-2"):
            end = time.monotonic() + 2
            while time.monotonic() < end:
                assert await sweeper.sweep() == 0
                await asyncio.sleep(0.05)

    asyncio.run(see())
    assert kinds(place) == {"asked": 2, "answered": 2}


def test_a_sweep_beside_a_loaded_writer_process_closes_nothing(
    child: Child, place: Address, open_ledger: OpenLedger
) -> None:
    process = child(WRITER, named(place), 5)
    sweeper = open_ledger(lease_seconds=5)
    assert process.stdout
    for _ in range(300):
        assert process.stdout.readline()
        if _ % 30 == 0:
            assert sweeper.sweep_now() == 0
    assert kinds(place).get("lost", 0) == 0
    process.kill()
    process.communicate()
    assert swept(sweeper, place)


def test_a_lease_that_has_run_out_is_enough(place: Address, open_ledger: OpenLedger) -> None:
    """The writer may live on another machine: then nothing but the clock tells."""
    away = open_ledger(lease_seconds=3600)
    away.append_now(Draft("asked", "x-1", {}))
    began = now()
    later = open_ledger(clock=Clock(began + timedelta(seconds=3500)), sweeping=False)
    assert later.sweep_now() == 0
    much_later = open_ledger(clock=Clock(began + timedelta(seconds=4000)), sweeping=False)
    assert much_later.sweep_now() == 1
    assert kinds(place) == {"asked": 1, "lost": 1}


def test_a_lease_that_has_just_run_out_is_watched_before_it_counts(
    place: Address, open_ledger: OpenLedger
) -> None:
    """After a stall, or when a clock was set, everybody's lease looks run out to the first who gets through."""
    held_up = open_ledger(lease_seconds=1, sweeping=False)
    held_up.append_now(Draft("asked", "x-1", {}))
    go_on = threading.Event()
    standstill = threading.Thread(target=lambda: held_up._wait(lambda: go_on.wait(60)))
    standstill.start()
    time.sleep(1.5)
    newcomer = open_ledger(lease_seconds=1, sweeping=False)
    assert newcomer.sweep_now() == 0
    go_on.set()
    standstill.join()
    held_up.append_now(Draft("answered", "x-1", {}))
    assert kinds(place) == {"asked": 1, "answered": 1}


def test_what_stands_still_for_a_lease_while_somebody_watches_is_gone(
    place: Address, open_ledger: OpenLedger
) -> None:
    held_up = open_ledger(lease_seconds=1, sweeping=False)
    held_up.append_now(Draft("asked", "x-1", {}))
    go_on = threading.Event()
    standstill = threading.Thread(target=lambda: held_up._wait(lambda: go_on.wait(60)))
    standstill.start()
    watcher = open_ledger(lease_seconds=1, sweeping=False)
    assert watcher.sweep_now() == 0
    time.sleep(2.5)
    assert watcher.sweep_now() == 1
    go_on.set()
    standstill.join()
    assert kinds(place) == {"asked": 1, "lost": 1}


def test_a_writer_that_was_declared_gone_goes_on_under_a_new_name(
    place: Address, open_ledger: OpenLedger
) -> None:
    """Paused for too long, not dead: its chain is closed, its records are not lost."""
    paused = open_ledger(lease_seconds=3600)
    old = paused.append_now(Draft("asked", "x-1", {})).writer
    open_ledger(clock=Clock(now() + timedelta(seconds=4000)))
    assert rows(place, "SELECT writer, idx FROM records WHERE kind = 'lost'") == [(old, 2)]
    with pytest.raises(AlreadyEnded):
        paused.append_now(Draft("answered", "x-1", {}))
    record = paused.append_now(Draft("asked", "x-2", {}))
    assert (record.writer != old, record.index) == (True, 1)
    assert verified(place).ok


def test_an_orderly_stop_closes_what_is_still_open(place: Address) -> None:
    ledger = Ledger(place)
    ledger.start()
    ledger.append_now(Draft("asked", "x-1", {}))
    ledger.append_now(Draft("asked", "x-2", {}))
    ledger.append_now(Draft("answered", "x-1", {}))
    ledger.stop()
    assert kinds(place) == {"asked": 2, "answered": 1, "lost": 1}


def test_an_old_open_exchange_is_found_behind_many_ended_ones(
    place: Address, open_ledger: OpenLedger
) -> None:
    """The lease says from where on exchanges may be open; a wrong place would leave this one open."""
    ledger = open_ledger(lease_seconds=3600)
    for number in range(30):
        ledger.append_now(Draft("asked", f"x-{number}", {}))
    for number in range(30):
        if number != 7:
            ledger.append_now(Draft("answered", f"x-{number}", {}))
    asyncio.run(ledger.probe())
    assert rows(place, "SELECT open_from FROM leases") == [(8,)]
    sweeper = open_ledger(clock=Clock(now() + timedelta(seconds=4000)))
    assert open_exchanges(place) == []
    assert sweeper.writer


def test_two_processes_write_one_ledger_at_the_same_time(
    child: Child, place: Address, open_ledger: OpenLedger
) -> None:
    processes = [child(WRITER, named(place), 10) for _ in range(2)]
    for process in processes:
        assert process.stdout
        for _ in range(150):
            assert process.stdout.readline()
    for process in processes:
        process.kill()
        process.communicate()
    open_ledger()
    report = verified(place)
    assert (report.ok, report.writers) == (True, 2)
    assert open_exchanges(place) == []
