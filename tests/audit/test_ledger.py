"""Appending: durable when it returns, in one unbroken chain, whatever else happens at the same time."""

import asyncio
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from audit.address import Address
from audit.ledger import Ledger
from audit.model import AlreadyEnded, CannotRecord, Draft, Record
from tests.audit.ledgers import Clock, asked, kinds, rows, verified


@pytest.fixture
def place(address: Address) -> Address:
    """Every promise here is kept in both stores."""
    return address


def test_a_record_can_be_read_by_others_as_soon_as_append_returns(ledger: Ledger) -> None:
    async def see() -> Record:
        record = await ledger.append(Draft("asked", "x-1", asked(), "[PERSON_1]様"))
        assert rows(ledger.address, "SELECT hash FROM records") == [(record.hash,)]
        return record

    record = asyncio.run(see())
    assert (record.writer, record.index, record.kind) == (ledger.writer, 1, "asked")
    assert json.loads(record.body) == asked()
    assert rows(ledger.address, "SELECT text FROM texts") == [("[PERSON_1]様",)]
    assert "[PERSON_1]" not in record.body


def test_the_same_text_twice_has_two_commitments(ledger: Ledger) -> None:
    """Without a salt, whoever guesses a text could prove it from the record."""
    one, two = (ledger.append_now(Draft("asked", name, {}, "same")) for name in ("x-1", "x-2"))
    assert one.text_commitment and one.text_commitment != two.text_commitment


def test_a_record_without_text_commits_to_none(ledger: Ledger) -> None:
    record = ledger.append_now(Draft("asked", "x-1", {}))
    assert record.text_commitment is None
    assert rows(ledger.address, "SELECT * FROM texts") == []


def test_the_clock_dates_the_records(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger(clock=lambda: datetime(2026, 11, 23, 5, 21, 0, 123456, UTC))
    assert ledger.append_now(Draft("viewed", None, {})).at == "2026-11-23T05:21:00.123456Z"


def test_a_clock_without_a_zone_is_a_mistake(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger(clock=lambda: datetime(2026, 11, 23))
    with pytest.raises(ValueError):
        ledger.append_now(Draft("viewed", None, {}))


def test_many_at_once_become_one_chain(ledger: Ledger) -> None:
    async def see() -> list[Record]:
        return await asyncio.gather(*(ledger.append(Draft("asked", f"x-{n}", {})) for n in range(1000)))

    records = asyncio.run(see())
    assert sorted(record.index for record in records) == list(range(1, 1001))
    assert verified(ledger.address).ok


def test_a_second_ending_is_refused_and_sinks_no_other(ledger: Ledger) -> None:
    async def see() -> list[Record | BaseException]:
        await ledger.append(Draft("asked", "x-1", {}))
        drafts = [Draft("asked", f"y-{n}", {}) for n in range(20)]
        drafts[10:10] = [Draft("answered", "x-1", {}), Draft("failed", "x-1", {})]
        return await asyncio.gather(*(ledger.append(draft) for draft in drafts), return_exceptions=True)

    outcomes = asyncio.run(see())
    assert [type(outcome) for outcome in outcomes].count(AlreadyEnded) == 1
    assert isinstance(outcomes[11], AlreadyEnded)
    assert kinds(ledger.address) == {"asked": 21, "answered": 1}
    assert verified(ledger.address).ok


@pytest.mark.parametrize("draft", [Draft("answered", "never-asked", {}), Draft("asked", "x-1", {})])
def test_what_the_laws_forbid_is_not_recorded(ledger: Ledger, draft: Draft) -> None:
    ledger.append_now(Draft("asked", "x-1", {}))
    with pytest.raises(CannotRecord) as refused:
        ledger.append_now(draft)
    assert refused.value.reason == "unlawful_record"
    assert kinds(ledger.address) == {"asked": 1}


@pytest.mark.parametrize(
    "draft",
    [
        Draft("asked", None, {}),
        Draft("viewed", "x-1", {}),
        Draft("asked", "two\nlines", {}),
        Draft("asked", "-", {}),
        Draft("asked", "x" * 65, {}),
        Draft("asked", "x-1", {"when": object()}),
    ],
)
def test_a_draft_that_is_none_is_a_mistake_of_the_caller(ledger: Ledger, draft: Draft) -> None:
    with pytest.raises((TypeError, ValueError)):
        ledger.append_now(draft)
    assert kinds(ledger.address) == {}


def test_half_characters_and_nul_are_recorded_all_the_same(ledger: Ledger) -> None:
    ledger.append_now(Draft("asked", "x-1", {"said": "a\ud800b\0"}, "c\udfffd\0"))
    assert rows(ledger.address, "SELECT text FROM texts") == [("c\ufffdd\u2400",)]
    assert verified(ledger.address).ok


def test_threads_and_two_event_loops_share_one_ledger(ledger: Ledger) -> None:
    def several(name: str) -> None:
        async def see() -> None:
            await asyncio.gather(*(ledger.append(Draft("asked", f"{name}-{n}", {})) for n in range(50)))

        asyncio.run(see())
        ledger.append_now(Draft("viewed", None, {}))

    threads = [threading.Thread(target=several, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kinds(ledger.address) == {"asked": 150, "viewed": 3}
    assert verified(ledger.address).ok


def test_a_waiter_that_was_cancelled_does_not_disturb_the_others(ledger: Ledger) -> None:
    async def see() -> None:
        tasks = [asyncio.create_task(ledger.append(Draft("asked", f"x-{n}", {}))) for n in range(10)]
        await asyncio.sleep(0)
        tasks[3].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(outcome, Record) for outcome in outcomes] == [n != 3 for n in range(10)]

    asyncio.run(see())


def test_what_waits_at_stop_is_written(place: Address) -> None:
    ledger = Ledger(place)
    ledger.start()

    async def see() -> None:
        waiting = [asyncio.create_task(ledger.append(Draft("viewed", None, {"n": n}))) for n in range(600)]
        await asyncio.sleep(0)
        await asyncio.to_thread(ledger.stop)
        await asyncio.gather(*waiting)

    asyncio.run(see())
    assert kinds(place) == {"viewed": 600}


def test_a_ledger_that_does_not_run_records_nothing(place: Address) -> None:
    ledger = Ledger(place)
    with pytest.raises(CannotRecord):
        ledger.append_now(Draft("viewed", None, {}))
    ledger.start()
    ledger.stop()
    ledger.stop()
    with pytest.raises(CannotRecord) as refused:
        ledger.append_now(Draft("viewed", None, {}))
    assert refused.value.reason == "ledger_stopped"


def test_each_start_is_a_chain_of_its_own(place: Address) -> None:
    ledger = Ledger(place)
    for _ in range(3):
        ledger.start()
        assert ledger.append_now(Draft("viewed", None, {})).index == 1
        ledger.stop()
    assert verified(place).writers == 3


def test_a_used_name_is_not_given_to_a_second_chain(
    place: Address, open_ledger: Callable[..., Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two writers that begin in one second may draw the same number; the second one draws again."""
    names = iter(["w20261123T052100Z-aaaaaa", "w20261123T052100Z-aaaaaa", "w20261123T052100Z-bbbbbb"])
    monkeypatch.setattr("audit.pen.writer_name", lambda at: next(names))
    clock = Clock("2026-11-23T05:21:00Z")
    one, two = (open_ledger(clock=clock, sweeping=False, lease_seconds=3600) for _ in range(2))
    one.append_now(Draft("viewed", None, {}))
    two.append_now(Draft("viewed", None, {}))
    assert [one.writer, two.writer] == ["w20261123T052100Z-aaaaaa", "w20261123T052100Z-bbbbbb"]
    assert verified(place).ok


def test_the_probe_adds_no_record(ledger: Ledger) -> None:
    asyncio.run(ledger.probe())
    assert kinds(ledger.address) == {}


@pytest.mark.requirement("R44")
def test_errors_and_reprs_hold_no_text(ledger: Ledger) -> None:
    from audit.draft import prepare

    draft = Draft("asked", "x-1", {"secret": "山田太郎"}, "山田太郎")
    assert "山田" not in repr(prepare(draft, datetime.now(UTC)))
    ledger.append_now(draft)
    with pytest.raises(CannotRecord) as refused:
        ledger.append_now(draft)
    assert "山田" not in f"{refused.value!r} {refused.value.__cause__}"
