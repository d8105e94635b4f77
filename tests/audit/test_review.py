"""Counts for somebody from outside: whoever adds, subtracts and asks again makes nobody out."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit.address import Address
from audit.catalogue.question import Question
from audit.months import Month
from audit.readers import reader_of
from audit.review import COUNTED_BY, FEWEST, Cell, Review, kept_back
from tests.benchmarks.city import exchanges, fill

SEED, FIRST, MONTHS, COUNT = 11, Month(2026, 4), 2, 600
NOW = datetime(2026, 6, 3, tzinfo=UTC)
ADVISOR = reader_of("900001", "dx_advisor", "", "")
BOARD = reader_of("900002", "governance_board", "", "")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Address:
    place = Address(tmp_path_factory.mktemp("city") / "ledger.sqlite")
    fill(place, SEED, FIRST, MONTHS, COUNT)
    return place


def counted(city: Address, by: str, now: datetime = NOW, **filters: Any) -> list[Cell]:
    with Review(city, ADVISOR) as review:
        return review.counts(by, Question(**filters), now)


@pytest.mark.requirement("R9")
@pytest.mark.parametrize("by", COUNTED_BY)
def test_no_cell_that_is_seen_has_fewer_than_five_persons_and_none_is_missing_alone(
    city: Address, by: str
) -> None:
    with Review(city, BOARD) as review:
        known = {cell.name: cell for cell in review.counts(by, Question(), NOW)}
    cells = counted(city, by)
    assert {cell.name for cell in cells} == set(known)
    hidden = [cell for cell in cells if cell.exchanges is None]
    for cell in cells:
        if cell.exchanges is None:
            assert cell.persons is None
        else:
            assert cell == known[cell.name] and (cell.persons or 0) >= FEWEST
    assert len(hidden) != 1 or len(cells) == 1, "one that is missing alone is told by the sum"


@pytest.mark.requirement("R9")
def test_the_month_that_runs_is_not_counted_for_somebody_from_outside(city: Address) -> None:
    middle = FIRST.next().first_moment() + timedelta(days=10)
    april = counted(city, "outcome", middle)
    assert april == counted(city, "outcome", NOW, until=FIRST.next().first_moment())
    assert april == counted(city, "outcome", middle + timedelta(days=9)), "whoever asks again sees the same"
    assert april != counted(city, "outcome")
    assert counted(city, "outcome", FIRST.first_moment() + timedelta(days=3)) == []


@pytest.mark.requirement("R9")
@pytest.mark.parametrize(
    "finer",
    [{"since": FIRST.first_moment() + timedelta(seconds=1)}, {"until": NOW}, {"person": "100001"}, {"exchange": "x"},
     {"conversation": "x"}, {"words": ("道路",)}, {"tokens": (1, None)}, {"yen": (None, 5)}, {"campaign": "x"},
     {"incident": "INC-1"}, {"use_case": "UC-1"}, {"disposition": "guidance"}, {"reviewed": True}, {"reason": "x"},
     {"alarm": "x"}],
)  # fmt: skip
def test_nothing_finer_than_a_month_and_a_section_is_asked(city: Address, finer: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="counts"):
        counted(city, "section", **finer)


def test_what_is_counted_is_what_is_there(city: Address) -> None:
    known: dict[str, tuple[set[str], list[str]]] = defaultdict(lambda: (set(), []))
    for one in exchanges(SEED, FIRST, MONTHS, COUNT):
        persons, ids = known[one.asked["caller"]["tool"]]
        persons.add(one.asked["caller"]["person"])
        ids.append(one.id)
    with Review(city, BOARD) as review:
        cells = review.counts("tool", Question(), NOW)
    assert {cell.name: (cell.exchanges, cell.persons) for cell in cells} == {
        tool: (len(ids), len(persons)) for tool, (persons, ids) in known.items()
    }


def test_one_small_cell_takes_the_next_with_it() -> None:
    cells = [Cell("a", 90, 40), Cell("b", 30, 9), Cell("c", 20, 7), Cell("d", 9, 4)]
    assert [cell.exchanges for cell in kept_back(cells)] == [90, 30, None, None]
    assert kept_back(cells[:3]) == cells[:3]
