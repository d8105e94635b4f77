"""What comes into the ledger is counted once and raised once, whoever dies in between and however many processes there are."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from audit.address import Address
from audit.alerts.model import RAISED
from audit.alerts.thresholds import Thresholds
from audit.ledger import Ledger
from audit.model import Draft
from proxy.alerting.counter import NAME, Counter
from proxy.alerting.terms import parse
from proxy.followers import Follower
from proxy.office.cursors import CursorBook
from proxy.office.store import Office
from proxy.office.tallies import TallyBook
from tests.audit.ledgers import asked, rows

pytestmark = pytest.mark.anyio

MINE = {"JP_MY_NUMBER": 1}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.start()
    yield ledger
    ledger.stop()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with closing(Office(Address(tmp_path / "office.sqlite"))) as office:
        yield office


class House:
    """Followers of alerts in as many processes as are wanted; ``dies``: so often before a position is kept."""

    def __init__(self, ledger: Ledger, office: Office, rules: str = "") -> None:
        self.ledger = ledger
        self.office = office
        self.thresholds: Thresholds = parse(f"rules:\n  A-09: {{enabled: false}}\n{rules}").thresholds
        self.tasks: list[asyncio.Task[Any]] = []

    def follow(self, dies: int = 0) -> Counter:
        class Dying(Counter):
            """Loses its life, and all that it knew, between the record and the position."""

            def settle(self, connection: Any) -> None:
                nonlocal dies
                super().settle(connection)
                if dies:
                    dies -= 1
                    self._herald._cried.clear()
                    raise OSError("the machine lost its power")

        counter = Dying(self.thresholds, self.ledger, TallyBook(self.office))
        follower = Follower(
            NAME,
            self.ledger.address,
            CursorBook(self.office),
            counter,
            from_first=True,
            every=0.02,
            longest=0.05,
        )
        self.tasks.append(asyncio.create_task(follower.keep()))
        return counter

    async def ask(self, number: int = 1, text: str | None = None, **more: Any) -> None:
        for _ in range(number):
            name = f"x-{len(rows(self.ledger.address, 'SELECT 1 FROM records'))}"
            await self.ledger.append(Draft("asked", name, asked("100123") | more, text))
            await self.ledger.append(Draft("refused", name, {"egress_state": "none", "reason": "verdict"}))

    def alerts(self) -> list[dict[str, Any]]:
        found = rows(self.ledger.address, "SELECT body FROM records WHERE kind = 'noted' ORDER BY at, idx")
        bodies = [json.loads(body) for (body,) in found]
        return [body for body in bodies if body["event"] == RAISED]

    async def read_all(self) -> None:
        """Wait until the position stands behind everything that is there."""

        def done() -> bool:
            heads = dict(rows(self.ledger.address, "SELECT writer, max(idx) FROM records GROUP BY writer"))
            return any(one.name == NAME and one.position == heads for one in CursorBook(self.office).every())

        await until(done)

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not what():
            await asyncio.sleep(0.01)


@pytest.mark.requirement("R52")
async def test_the_third_my_number_of_a_person_is_more_urgent(ledger: Ledger, office: Office) -> None:
    house = House(ledger, office)
    house.follow()
    await house.ask(3, entities=MINE, verdict="refuse", model_requested=None)
    await house.read_all()
    await house.close()
    told = [(one["rule"], one["severity"], one["subject"], one["count"]) for one in house.alerts()]
    assert told == [("A-01", "high", "100123", 1), ("A-02", "critical", "100123", 3)]
    assert len(house.alerts()[1]["exchanges"]) == 3


@pytest.mark.requirement("R52")
async def test_who_dies_between_the_record_and_the_position_raises_nothing_that_its_id_does_not_show(
    ledger: Ledger, office: Office
) -> None:
    house = House(ledger, office)
    house.follow(dies=3)
    await house.ask(3, entities=MINE, verdict="refuse")
    await house.read_all()
    await house.ask(1, entities=MINE, verdict="refuse")
    await house.read_all()
    await house.close()
    rules = {one["alert"]: one["rule"] for one in house.alerts()}
    assert len(house.alerts()) > len(rules), "it did die"
    assert sorted(rules.values()) == ["A-01", "A-02", "A-07"]


@pytest.mark.requirement("R52")
async def test_whose_position_cannot_be_kept_raises_it_once_all_the_same(
    ledger: Ledger, office: Office
) -> None:
    """Where the process lives on it knows what it has recorded."""

    class Stuck(Counter):
        tries = 3

        def settle(self, connection: Any) -> None:
            if self.tries:
                self.tries -= 1
                raise OSError("the books are locked")
            super().settle(connection)

    house = House(ledger, office)
    counter = Stuck(house.thresholds, ledger, TallyBook(office))
    follower = Follower(
        NAME, ledger.address, CursorBook(office), counter, from_first=True, every=0.02, longest=0.05
    )
    house.tasks.append(asyncio.create_task(follower.keep()))
    await house.ask(1, entities=MINE, model_requested=None)
    await house.read_all()
    await house.close()
    assert [one["rule"] for one in house.alerts()] == ["A-01"]


@pytest.mark.requirement("R52")
async def test_of_two_processes_one_raises(ledger: Ledger, office: Office) -> None:
    house = House(ledger, office)
    house.follow()
    house.follow()
    for _ in range(6):
        await house.ask(2, entities=MINE, verdict="refuse")
        await asyncio.sleep(0.03)
    await house.read_all()
    house.tasks[0].cancel()
    await house.ask(2, entities=MINE, verdict="refuse")
    await house.read_all()
    await house.close()
    assert sorted(one["rule"] for one in house.alerts()) == ["A-01", "A-02", "A-03", "A-07"]


@pytest.mark.requirement("R52")
async def test_persons_are_counted_once_and_by_what_the_masked_text_says(
    ledger: Ledger, office: Office
) -> None:
    house = House(ledger, office, "  A-04: {threshold: 5}\n")
    house.follow()
    for _ in range(3):
        await house.ask(1, "[PERSON_1_aaaa]さんと[PERSON_2_bbbb]さん")
        await house.ask(1, "[PERSON_1_aaaa]さんと[PERSON_2_cccc]さん")
    await house.read_all()
    assert "A-04" not in [one["rule"] for one in house.alerts()]
    await house.ask(1, "[PERSON_1_dddd]さん、[PERSON_2_eeee]さん、[JP_ADDRESS_1_ffff]")
    await house.read_all()
    await house.close()
    (alert,) = [one for one in house.alerts() if one["rule"] == "A-04"]
    assert (alert["count"], alert["threshold"]) == (5, 5)


@pytest.mark.requirement("R52")
async def test_a_trial_is_told_by_its_question_also_where_it_ends(ledger: Ledger, office: Office) -> None:
    """Its question was read a look before."""
    house = House(ledger, office, "  A-27: {threshold: 1}\n")
    house.follow()
    for trial in (True, False):
        await ledger.append(
            Draft("asked", f"x-{trial}", asked("100123") | {"is_test": trial, "model_requested": None})
        )
        await house.read_all()
        await ledger.append(
            Draft(
                "failed",
                f"x-{trial}",
                {"egress_state": "unknown", "reason": "upstream_timeout", "model_asked": "m"},
            )
        )
        await house.read_all()
        assert len(house.alerts()) == (not trial)
    await house.close()


@pytest.mark.requirement("R52")
async def test_models_of_the_time_before_are_not_new(ledger: Ledger, office: Office) -> None:
    house = House(ledger, office)
    await house.ask(2, model_requested="old-model")
    book = CursorBook(office)
    book.take(NAME, "before")
    heads = dict(rows(ledger.address, "SELECT writer, max(idx) FROM records GROUP BY writer"))
    book.keep(NAME, "before", heads)
    book.leave(NAME, "before")
    house.follow()
    await house.ask(1, model_requested="old-model")
    await house.ask(1, model_requested="new-model")
    await house.read_all()
    await house.ask(1, model_requested="old-model")
    await house.ask(1, model_requested="new-model")
    await house.read_all()
    await house.close()
    assert [(one["rule"], one["subject"]) for one in house.alerts()] == [("A-07", "new-model")]
