"""Counts for somebody from outside: whoever adds, subtracts and asks again makes nobody out."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from audit.address import Address
from audit.catalogue import finding
from audit.catalogue.question import BadQuestion, Question
from audit.ledger import Ledger
from audit.model import Draft
from audit.months import Month
from audit.readers import NOBODY, reader_of
from audit.review import COUNTED_BY, FEWEST, Cell, Review, kept_back
from tests.benchmarks.city import exchanges, fill

SEED, FIRST, MONTHS, COUNT = 11, Month(2026, 4), 2, 600
NOW = datetime(2026, 6, 3, tzinfo=UTC)
MAY = Question(since=FIRST.next().first_moment(), until=FIRST.months_later(2).first_moment())
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
def test_no_cell_of_fewer_than_five_persons_is_there_and_none_is_missing_alone(
    city: Address, by: str
) -> None:
    with Review(city, BOARD) as review:
        known = {cell.name: cell for cell in review.counts(by, MAY, NOW)}
    cells = counted(city, by)
    assert all(cell == known[cell.name] and (cell.persons or 0) >= FEWEST for cell in cells)
    missing = known.keys() - {cell.name for cell in cells}
    assert len(missing) != 1 or len(known) == 1, "one that is missing alone is told by the sum"
    if by in ("section", "day", "tool"):
        assert cells, "and what tells of nobody is told"


@pytest.mark.requirement("R9")
def test_somebody_from_outside_sees_one_month_that_is_over_at_a_time(city: Address) -> None:
    middle = FIRST.next().first_moment() + timedelta(days=10)
    april = counted(city, "outcome", middle)
    assert april == counted(city, "outcome", since=FIRST.first_moment(), until=FIRST.next().first_moment())
    assert april == counted(city, "outcome", middle + timedelta(days=9)), "whoever asks again sees the same"
    assert april != counted(city, "outcome") == counted(city, "outcome", since=MAY.since, until=MAY.until)
    assert counted(city, "outcome", FIRST.first_moment() + timedelta(days=3)) == []
    for since, until in (
        (MAY.since, None), (None, MAY.until), (FIRST.first_moment(), MAY.until), (MAY.since, NOW),
        (FIRST.first_moment() + timedelta(seconds=1), FIRST.next().first_moment()),
        (MAY.until, MAY.until + timedelta(days=30)),
    ):  # fmt: skip
        with pytest.raises(BadQuestion, match="ひと月"):
            counted(city, "outcome", since=since, until=until)


@pytest.mark.requirement("R9")
@pytest.mark.parametrize(
    "finer",
    [{"section": "道路課"}, {"department": "総務部"}, {"person": "100001"}, {"exchange": "x"}, {"conversation": "x"},
     {"words": ("道路",)}, {"tokens": (1, None)}, {"yen": (None, 5)}, {"campaign": "x"}, {"incident": "INC-1"},
     {"use_case": "UC-1"}, {"disposition": "guidance"}, {"reviewed": True}, {"reason": "x"}, {"alarm": "x"}, {"tool": "議事録"},
     {"rule": "P-03"}, {"with_tests": False}],
)  # fmt: skip
def test_nothing_but_a_month_is_asked_from_outside(city: Address, finer: dict[str, Any]) -> None:
    for month in ({}, {"since": MAY.since, "until": MAY.until}):
        with pytest.raises(BadQuestion):
            counted(city, "section", **finer, **month)


@pytest.mark.requirement("R9", "R15")
@pytest.mark.parametrize(
    "naming",
    [{"person": "100001"}, {"exchange": "x"}, {"conversation": "x"}, {"words": ("道路",)}, {"campaign": "x"},
     {"incident": "INC-1"}, {"use_case": "UC-1"}, {"tokens": (1, None)}, {"yen": (None, 5)}],
)  # fmt: skip
def test_counts_are_not_asked_of_a_person_a_case_or_a_text(city: Address, naming: dict[str, Any]) -> None:
    head = reader_of("900003", "section_head", "都市創造部", "道路課")
    for reader in (BOARD, head):
        with Review(city, reader) as review, pytest.raises(BadQuestion, match="人・案件・文章"):
            review.counts("tool", Question(**naming), NOW)


@pytest.mark.requirement("R9")
def test_whoever_belongs_nowhere_reaches_nothing(city: Address) -> None:
    for role, place in (("section_head", ("", "")), ("section_head", ("", "道路課")), ("section_manager", ("都市創造部", "")),
                        ("dx_core_leader", ("", "道路課"))):  # fmt: skip
        with Review(city, reader_of("900004", role, *place)) as review:
            assert review.counts("tool", Question(), NOW) == [], (role, place)
    for nobody in (NOBODY, reader_of("", "staff_member", "", "")):
        with Review(city, nobody) as review:
            assert review.own(Question()).total == 0


def test_a_word_is_counted_where_it_stands_in_a_row(tmp_path: Path) -> None:
    place = Address(tmp_path / "ledger.sqlite")
    ledger = Ledger(place)
    ledger.start()
    for n, said in enumerate(("寄付金と給付の違い", "給付金のこと")):
        ledger.append_now(Draft("asked", f"x-{n}", {"caller": {"person": f"{n}", "tool": "窓"}}, said))
        ledger.append_now(Draft("answered", f"x-{n}", {"egress_state": "masked"}, "はい"))
    ledger.stop()
    with Review(place, reader_of("900005", "auditor", "", "")) as review:
        question = Question(words=("給付金",))
        (cell,) = review.counts("tool", question, NOW)
        assert cell.exchanges == review.exchanges(question).total == 1


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


@pytest.mark.requirement("R48")
def test_a_page_says_how_many_there_are_and_of_many_that_there_are_more(
    city: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = [one.id for one in exchanges(SEED, FIRST, MONTHS, COUNT)]
    with Review(city, reader_of("900006", "auditor", "", "")) as review:
        for question in (Question(), Question(words=("くだ",)), Question(words=("ください",))):
            whole = review.exchanges(question, 10)
            assert not whole.more and 100 < whole.total <= len(everything)
            exact = len(review.exchanges(question, 1_000).cards)
            assert whole.total == exact or (whole.at_most and whole.total >= exact)
            monkeypatch.setattr(finding, "COUNTED", 100)
            some = review.exchanges(question, 10)
            assert (some.total, some.more) == (100, True) and some.cards == whole.cards
            monkeypatch.undo()
