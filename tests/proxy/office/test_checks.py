"""The book of checks, in both stores: a text that leaves the hall is checked by two different persons."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.address import address_of
from proxy.office.checks import CheckBook, SamePerson, new_check
from proxy.office.store import Office


@pytest.fixture(params=["sqlite", "postgresql"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CheckBook]:
    where = (
        str(tmp_path / "office.sqlite")
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    office = Office(address_of(where))
    yield CheckBook(office)
    office.close()


@pytest.mark.requirement("R35")
def test_what_leaves_the_hall_waits_for_a_second_person(book: CheckBook) -> None:
    check = new_check("x-1", "広報たかつき 12月号", external=True, by="012345")
    book.enter(check)
    assert [one.id for one in book.waiting()] == [check.id]
    with pytest.raises(SamePerson):
        book.second(check.id, "012345")
    assert book.waiting() != []
    assert book.second(check.id, "023456")
    found = book.find(check.id)
    assert found is not None and (found.state, found.first_by, found.second_by) == (
        "done",
        "012345",
        "023456",
    )
    assert book.waiting() == []


def test_what_stays_in_the_hall_is_checked_by_one(book: CheckBook) -> None:
    check = new_check("x-1", "起案 令和8年度第12号", external=False, by="012345")
    book.enter(check)
    assert check.state == "done" and book.waiting() == []
    assert not book.second(check.id, "023456")


def test_a_second_check_is_made_once(book: CheckBook) -> None:
    check = new_check("x-1", "d", external=True, by="012345")
    book.enter(check)
    assert book.second(check.id, "023456")
    assert not book.second(check.id, "034567")
    assert [one.second_by for one in book.of("x-1")] == ["023456"]


def test_nobody_waits_under_an_id_that_is_not_there(book: CheckBook) -> None:
    assert not book.second("c-none", "023456") and book.find("c-none") is None
