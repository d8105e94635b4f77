"""One chain a month: when the month turns in Japan a new one begins, and no exchange is torn in two."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from audit import notes
from audit.address import Address
from audit.ledger import Ledger
from audit.model import CannotRecord, Draft
from tests.audit.ledgers import Clock, asked, kinds, rows, soon, verified

OpenLedger = Callable[..., Ledger]
VIEWED = Draft("viewed", None, {})
BEFORE = "2026-11-30T14:59:59.999999Z"
"""The last moment of November in Japan."""
AFTER = "2026-11-30T15:00:00Z"
MONTH = 40 * 24 * 3600.0
"""A lease that outlives every step of these clocks, in seconds."""


@pytest.fixture
def place(address: Address) -> Address:
    """Every promise here is kept in both stores."""
    return address


@pytest.fixture
def clock() -> Clock:
    return Clock(BEFORE)


def set_to(clock: Clock, moment: str) -> None:
    clock.at = Clock(moment).at


def chains(place: Address) -> list[str]:
    """When each chain began, in their order."""
    found = rows(place, "SELECT DISTINCT writer FROM records ORDER BY writer")
    return [writer.partition("-")[0] for (writer,) in found]


def chains_of(place: Address, exchange: str) -> list[str]:
    """In which chains the two records of an exchange lie."""
    found = rows(place, "SELECT writer FROM records WHERE exchange = ? ORDER BY turn", [exchange])
    return [writer.partition("-")[0] for (writer,) in found]


def living(place: Address) -> list[str]:
    found = rows(place, "SELECT writer FROM leases WHERE ended IS NULL ORDER BY writer")
    return [writer.partition("-")[0] for (writer,) in found]


def test_a_new_chain_begins_when_the_month_turns_in_japan(
    place: Address, open_ledger: OpenLedger, clock: Clock
) -> None:
    ledger = open_ledger(clock=clock, lease_seconds=MONTH)
    old = [ledger.append_now(VIEWED) for _ in range(2)]
    set_to(clock, AFTER)
    new = [ledger.append_now(VIEWED) for _ in range(2)]
    assert [(record.writer[:17], record.index) for record in old + new] == [
        ("w20261130T145959Z", 1),
        ("w20261130T145959Z", 2),
        ("w20261130T150000Z", 1),
        ("w20261130T150000Z", 2),
    ]
    assert ledger.writer == new[0].writer
    assert living(place) == ["w20261130T150000Z"]
    assert verified(place).ok


def test_within_a_month_there_is_one_chain(place: Address, open_ledger: OpenLedger, clock: Clock) -> None:
    set_to(clock, "2026-10-31T15:00:00Z")
    ledger = open_ledger(clock=clock, lease_seconds=MONTH)
    ledger.append_now(VIEWED)
    set_to(clock, BEFORE)
    assert ledger.append_now(VIEWED).index == 2


def test_a_clock_that_is_set_back_begins_no_chain_of_the_month_before(
    place: Address, open_ledger: OpenLedger, clock: Clock
) -> None:
    set_to(clock, AFTER)
    ledger = open_ledger(clock=clock, lease_seconds=MONTH)
    ledger.append_now(VIEWED)
    set_to(clock, BEFORE)
    assert ledger.append_now(VIEWED).index == 2
    assert verified(place).ok


def test_an_exchange_ends_in_the_chain_in_which_it_was_asked(
    place: Address, open_ledger: OpenLedger, clock: Clock
) -> None:
    ledger = open_ledger(clock=clock, lease_seconds=MONTH)

    async def see() -> None:
        async with ledger.exchange(asked(), "before", exchange="x-1") as first:
            set_to(clock, AFTER)
            async with ledger.exchange(asked(), "after", exchange="x-2"):
                assert living(place) == ["w20261130T145959Z", "w20261130T150000Z"]
            first.text = "an answer"
        assert living(place)[-1] == "w20261130T150000Z"
        await ledger.probe()

    asyncio.run(see())
    assert chains_of(place, "x-1") == ["w20261130T145959Z"] * 2
    assert chains_of(place, "x-2") == ["w20261130T150000Z"] * 2
    assert living(place) == ["w20261130T150000Z"]  # nothing is left to come in the old one
    assert verified(place).ok


def test_an_exchange_may_last_through_two_turns(
    place: Address, open_ledger: OpenLedger, clock: Clock
) -> None:
    ledger = open_ledger(clock=clock, lease_seconds=10 * MONTH)

    async def see() -> None:
        async with ledger.exchange(asked(), exchange="x-1"):
            for moment in (AFTER, "2026-12-31T15:00:00Z"):
                set_to(clock, moment)
                await ledger.append(VIEWED)
            assert living(place) == ["w20261130T145959Z", "w20261231T150000Z"]

    asyncio.run(see())
    assert chains_of(place, "x-1") == ["w20261130T145959Z"] * 2
    assert chains(place) == ["w20261130T145959Z", "w20261130T150000Z", "w20261231T150000Z"]
    assert verified(place).ok


def test_many_exchanges_at_the_turn_are_all_whole(
    place: Address, open_ledger: OpenLedger, clock: Clock
) -> None:
    ledger = open_ledger(clock=clock, lease_seconds=MONTH)

    async def carry(number: int) -> None:
        async with ledger.exchange(asked(), "masked", exchange=f"x-{number}") as entry:
            await asyncio.sleep(0.002 * (number % 7))
            entry.text = "answer"

    async def see() -> None:
        first = [asyncio.create_task(carry(number)) for number in range(60)]
        await asyncio.sleep(0.01)
        set_to(clock, AFTER)
        await asyncio.gather(*first, *(carry(number) for number in range(60, 120)))

    asyncio.run(see())
    assert kinds(place) == {"asked": 120, "answered": 120}
    torn = "SELECT exchange FROM records GROUP BY exchange HAVING count(DISTINCT writer) <> 1"
    assert rows(place, torn) == []
    assert verified(place).ok


def test_the_next_note_closes_the_old_chain_and_no_later_one_lists_it(
    place: Address, clock: Clock, keys: tuple[Path, Path]
) -> None:
    ledger = Ledger(place, keys[0], clock=clock, lease_seconds=MONTH, settle_seconds=0.01, note_seconds=0.05)
    ledger.start()
    old = ledger.append_now(VIEWED).writer
    assert soon(lambda: states(place, old)[-1:] == ["open"])
    set_to(clock, AFTER)
    new = ledger.append_now(VIEWED).writer
    assert soon(lambda: states(place, new)[-1:] == ["open"])
    ledger.stop()
    assert states(place, old)[-1] == "closed" and states(place, old).count("closed") == 1
    assert states(place, new)[-1] == "closed"
    assert rows(place, "SELECT * FROM leases") == []
    assert verified(place, keys[1]).ok


def states(place: Address, writer: str) -> list[str]:
    """What the notes, one after another, say of a chain."""
    found = rows(place, "SELECT note FROM notes ORDER BY number")
    heads = [head for (note,) in found for head in notes.read(note).heads]
    return [head.state for head in heads if head.writer == writer]


def test_of_a_writer_that_died_at_the_turn_both_chains_are_swept(
    place: Address, open_ledger: OpenLedger, clock: Clock
) -> None:
    gone = open_ledger(clock=clock, lease_seconds=60, sweeping=False)
    gone.append_now(Draft("asked", "x-1", {}))
    set_to(clock, AFTER)
    gone.append_now(Draft("asked", "x-2", {}))
    sweeper = open_ledger(clock=Clock("2026-11-30T15:08:00Z"), sweeping=False)
    assert sweeper.sweep_now() == 2
    assert chains_of(place, "x-1") == ["w20261130T145959Z"] * 2
    assert chains_of(place, "x-2") == ["w20261130T150000Z"] * 2
    assert verified(place).ok


def test_an_orderly_stop_closes_what_is_open_in_both_chains(place: Address, clock: Clock) -> None:
    ledger = Ledger(place, clock=clock, lease_seconds=MONTH)
    ledger.start()
    ledger.append_now(Draft("asked", "x-1", {}))
    set_to(clock, AFTER)
    ledger.append_now(Draft("asked", "x-2", {}))
    ledger.stop()
    assert kinds(place) == {"asked": 2, "lost": 2}
    assert chains_of(place, "x-1") == ["w20261130T145959Z"] * 2
    assert rows(place, "SELECT count(*) FROM leases WHERE ended IS NULL") == [(0,)]
    assert verified(place).ok


def test_an_exchange_is_not_asked_again_in_the_next_months_chain(
    place: Address, open_ledger: OpenLedger, clock: Clock
) -> None:
    ledger = open_ledger(clock=clock, lease_seconds=MONTH, sweeping=False)
    ledger.append_now(Draft("asked", "x-1", {}))
    ledger.append_now(Draft("abandoned", "x-1", {}))
    set_to(clock, AFTER)
    with pytest.raises(CannotRecord) as told:
        ledger.append_now(Draft("asked", "x-1", {}))
    assert told.value.reason == "unlawful_record"
    assert kinds(place) == {"asked": 1, "abandoned": 1}
    assert verified(place).ok
