"""One question, one ending, however the exchange was left."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import pytest

from audit.address import Address
from audit.ledger import Ledger
from audit.model import AlreadyEnded, CannotRecord, Draft
from audit.query import show
from tests.audit.ledgers import asked, kinds, rows, verified


@pytest.fixture
def place(address: Address) -> Address:
    """Every promise here is kept in both stores."""
    return address


def ending(ledger: Ledger, exchange: str = "x-1") -> tuple[str, dict[str, Any], str | None]:
    """(kind, body, text) of an exchange's ending."""
    shown = show(ledger.address, exchange)
    assert shown and shown.ending
    return shown.ending.kind, json.loads(shown.ending.body), shown.answer_text


def test_an_answer_is_recorded_with_its_facts_and_masked_text(ledger: Ledger) -> None:
    async def see() -> None:
        async with ledger.exchange(asked(), "[PERSON_1]様", exchange="x-1") as entry:
            assert kinds(ledger.address) == {"asked": 1}
            entry.egress = "masked"
            entry.facts["tokens"] = {"input": 7, "output": 3, "estimated": False}
            entry.text = "はい、[PERSON_1]様"

    asyncio.run(see())
    facts = {"egress_state": "masked", "tokens": {"input": 7, "output": 3, "estimated": False}}
    assert ending(ledger) == ("answered", facts, "はい、[PERSON_1]様")


def test_nothing_left_the_building_unless_said_so(ledger: Ledger) -> None:
    async def see() -> None:
        async with ledger.exchange({}, exchange="x-1"):
            pass

    asyncio.run(see())
    assert ending(ledger)[1] == {"egress_state": "none"}


class Stopped(Exception):
    """Stands for the desk's own refusal."""


@pytest.mark.parametrize("say", ["refused", "failed"])
def test_what_was_said_before_the_error_is_the_ending(ledger: Ledger, say: str) -> None:
    async def see() -> None:
        async with ledger.exchange(asked(), exchange="x-1") as entry:
            getattr(entry, say)("policy_deny", rules=["r-1"])
            raise Stopped

    with pytest.raises(Stopped):
        asyncio.run(see())
    assert ending(ledger)[:2] == (say, {"egress_state": "none", "reason": "policy_deny", "rules": ["r-1"]})


@pytest.mark.requirement("R44")
def test_an_unexpected_error_is_kept_as_its_class_and_never_as_its_words(ledger: Ledger) -> None:
    async def see() -> None:
        async with ledger.exchange(asked(), exchange="x-1") as entry:
            entry.egress = "masked"
            raise KeyError("山田太郎")

    with pytest.raises(KeyError):
        asyncio.run(see())
    assert ending(ledger)[:2] == ("failed", {"egress_state": "masked", "error": "KeyError"})


def test_a_cancelled_exchange_is_abandoned(ledger: Ledger) -> None:
    async def see() -> None:
        async def carry() -> None:
            async with ledger.exchange(asked(), exchange="x-1") as entry:
                entry.egress = "masked"
                await asyncio.sleep(60)

        await cancelled(asyncio.create_task(carry()), after=0.05)

    asyncio.run(see())
    assert ending(ledger)[:2] == ("abandoned", {"egress_state": "masked"})


async def cancelled(task: asyncio.Task[None], *, after: float, times: int = 1) -> None:
    """Cancel a task, once or again and again, and see that it ends as cancelled."""
    await asyncio.sleep(after)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_closed_generator_is_abandoned(ledger: Ledger) -> None:
    async def carry() -> AsyncGenerator[str]:
        async with ledger.exchange(asked(), exchange="x-1"):
            yield "one"
            yield "two"

    async def see() -> None:
        async with aclosing(carry()) as chunks:
            assert await anext(chunks) == "one"

    asyncio.run(see())
    assert ending(ledger)[0] == "abandoned"


def test_a_hang_up_while_the_ending_is_written_does_not_stop_it(ledger: Ledger) -> None:
    """Also when the caller insists: each cancellation is kept until the record is there."""

    async def see() -> None:
        leaving = asyncio.Event()

        async def carry() -> None:
            async with ledger.exchange(asked(), exchange="x-1"):
                leaving.set()

        task = asyncio.create_task(carry())
        await leaving.wait()
        await cancelled(task, after=0, times=5)
        assert ending(ledger)[0] == "answered"

    asyncio.run(see())


def test_a_hang_up_while_the_question_is_written_leaves_no_open_exchange(ledger: Ledger) -> None:
    async def see() -> None:
        entered = False

        async def carry() -> None:
            nonlocal entered
            async with ledger.exchange(asked(), exchange="x-1"):
                entered = True

        task = asyncio.create_task(carry())
        await asyncio.sleep(0)  # the question has been handed over, and nothing has come back
        await cancelled(task, after=0, times=2)
        assert not entered

    asyncio.run(see())
    assert ending(ledger)[0] == "abandoned"


def test_without_its_question_recorded_an_exchange_does_not_begin(place: Address) -> None:
    async def see() -> None:
        async with Ledger(place).exchange(asked()):
            raise AssertionError("the block was entered")

    with pytest.raises(CannotRecord):
        asyncio.run(see())


def test_an_ending_that_came_too_late_is_told(ledger: Ledger) -> None:
    async def see() -> None:
        async with ledger.exchange(asked(), exchange="x-1"):
            await ledger.append(Draft("lost", "x-1", {"egress_state": "unknown"}))

    with pytest.raises(AlreadyEnded):
        asyncio.run(see())
    assert kinds(ledger.address) == {"asked": 1, "lost": 1}


def test_an_error_of_the_exchange_is_not_hidden_by_a_late_ending(ledger: Ledger) -> None:
    async def see() -> None:
        async with ledger.exchange(asked(), exchange="x-1"):
            await ledger.append(Draft("lost", "x-1", {}))
            raise Stopped

    with pytest.raises(Stopped):
        asyncio.run(see())


def test_facts_that_are_no_json_do_not_cost_the_ending(ledger: Ledger) -> None:
    async def see() -> None:
        async with ledger.exchange(asked(), exchange="x-1") as entry:
            entry.facts["when"] = object()
            entry.egress = "masked"

    asyncio.run(see())
    assert ending(ledger)[:2] == ("answered", {"egress_state": "masked", "reason": "facts_not_recordable"})


def test_exchanges_are_named_in_order_of_time(ledger: Ledger) -> None:
    async def see() -> list[str]:
        names = []
        for _ in range(3):
            async with ledger.exchange({}) as entry:
                names.append(entry.exchange)
            await asyncio.sleep(0.002)
        return names

    names = asyncio.run(see())
    assert names == sorted(names)
    assert {len(name) for name in names} == {26}


@pytest.mark.requirement("R42")
def test_200_exchanges_half_of_them_cut_off_have_200_endings(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger()

    async def carry(number: int) -> None:
        async with ledger.exchange(asked(), "masked", exchange=f"x-{number}") as entry:
            entry.egress = "masked"
            await asyncio.sleep(60 if number % 2 else 0.001 * (number % 7))
            entry.text = "answer"

    async def see() -> None:
        tasks = [asyncio.create_task(carry(number)) for number in range(200)]
        for number in range(1, 200, 2):
            await asyncio.sleep(0.0005 * (number % 3))
            tasks[number].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert kinds(ledger.address) == {"asked": 200, "answered": 100, "abandoned": 100}

    asyncio.run(see())
    report = verified(ledger.address)
    assert (report.ok, report.records) == (True, 400)
    assert rows(ledger.address, "SELECT count(DISTINCT exchange) FROM records WHERE turn = 2") == [(200,)]


def test_a_ledger_that_does_not_answer_refuses_and_the_record_ends_all_the_same(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is frozen neither answers nor goes away: here the writing thread itself is held up."""
    monkeypatch.setattr("audit.entry.PATIENCE", 0.2)
    go_on = threading.Event()

    async def see() -> None:
        await ledger.probe()
        frozen = ledger._promise(lambda: go_on.wait(60))
        with pytest.raises(CannotRecord) as told:
            async with ledger.exchange({}, exchange="x-1"):
                raise AssertionError("nothing was recorded")
        assert told.value.reason == "ledger_silent"
        go_on.set()
        await frozen
        await ledger.probe()

    asyncio.run(see())
    kind, body, _ = ending(ledger)
    assert (kind, body["reason"], body["egress_state"]) == ("failed", "ledger_silent", "none")
