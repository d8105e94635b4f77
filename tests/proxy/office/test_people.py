"""The book of people, in both stores: what was entered is there, history is kept, and all of it is made or nothing."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.address import address_of
from proxy.office.people import PeopleBook, PersonExists
from proxy.office.roster import Page, Person, Posting, Training
from proxy.office.store import Office

APRIL = date(2027, 4, 1)
ROADS = Posting(APRIL, "都市創造部", "道路課")
PARKS = Posting(date(2028, 4, 1), "都市創造部", "公園課")
YAMADA = Page(
    Person(
        "012345",
        "contractor",
        APRIL,
        date(2029, 3, 31),
        "山田太郎",
        "operator",
        "000100",
        "2027-03-20T01:02:03Z",
        True,
        "000200",
        "2027-03-19T01:02:03Z",
        "tanaka",
    ),
    (ROADS, PARKS),
    (Training("dx", 2027, date(2027, 5, 1)), Training("security", 2027, date(2027, 5, 2))),
    ("2027-04",),
)


@pytest.fixture
def book(office: Office) -> PeopleBook:
    return PeopleBook(office)


def same(one: Page | None, other: Page) -> bool:
    """Trainings and acknowledgements are sets."""
    return one is not None and (one.person, one.postings, set(one.trainings), set(one.acknowledged)) == (
        other.person, other.postings, set(other.trainings), set(other.acknowledged),
    )  # fmt: skip


@pytest.mark.requirement("R12")
def test_who_was_entered_is_there_with_everything(book: PeopleBook) -> None:
    assert book.page("012345") is None
    book.enter(YAMADA)
    assert same(book.page("012345"), YAMADA)
    with pytest.raises(PersonExists, match="012345"):
        book.enter(YAMADA)


def test_pages_are_in_the_order_of_their_ids_and_only_those_asked_for(book: PeopleBook) -> None:
    book.enter_all([Page(Person(id, "staff", APRIL), (ROADS,)) for id in ("3", "1", "2")])
    assert [page.person.id for page in book.pages()] == ["1", "2", "3"]
    assert [page.person.id for page in book.pages(["3", "1", "9"])] == ["1", "3"]
    assert list(book.pages([])) == []


def test_several_are_entered_or_none(book: PeopleBook) -> None:
    book.enter(YAMADA)
    new = Page(Person("1", "staff", APRIL), (ROADS,))
    for attempt in (
        lambda: book.enter_all([new, YAMADA]),
        lambda: book.bring_in([new, YAMADA], []),
        lambda: book.bring_in([YAMADA], [("012345", {"role": "auditor"}, None)]),
    ):
        with pytest.raises(PersonExists):
            attempt()
    assert book.page("1") is None and same(book.page("012345"), YAMADA)


@pytest.mark.requirement("R17")
def test_a_transfer_keeps_where_somebody_belonged(book: PeopleBook) -> None:
    book.enter(replace(YAMADA, postings=(ROADS,)))
    book.transfer("012345", PARKS)
    page = book.page("012345")
    assert page is not None and page.postings == (ROADS, PARKS)
    days = (date(2020, 1, 1), APRIL, date(2028, 3, 31), date(2028, 4, 1))
    assert [page.posting(day) for day in days] == [ROADS, ROADS, ROADS, PARKS]
    book.transfer("012345", replace(PARKS, section="河川課"))
    page = book.page("012345")
    assert page is not None and [one.section for one in page.postings] == ["道路課", "河川課"]


def test_an_approval_is_given_once(book: PeopleBook) -> None:
    book.enter(Page(Person("1", "staff", APRIL), (ROADS,)))
    assert book.approve("1", "000100") and not book.approve("1", "000200") and not book.approve("9", "000100")
    page = book.page("1")
    assert page and page.person.approved_by == "000100" and page.person.approved_at


def test_fields_change_and_nothing_else(book: PeopleBook) -> None:
    book.enter(YAMADA)
    assert book.change("012345", ends=date(2027, 9, 30), role="auditor", consented=False)
    assert not book.change("9", ends=APRIL)
    changed = replace(YAMADA.person, ends=date(2027, 9, 30), role="auditor", consented=False)
    assert same(book.page("012345"), replace(YAMADA, person=changed))


def test_what_a_file_brings_is_all_there(book: PeopleBook) -> None:
    book.enter(replace(YAMADA, postings=(ROADS,)))
    new = Page(Person("1", "staff", APRIL, name="x"), (ROADS,))
    book.bring_in([new], [("012345", {"role": "auditor", "ends": None}, PARKS), ("012345", {}, None)])
    changed = replace(YAMADA.person, role="auditor", ends=None)
    assert same(book.page("012345"), replace(YAMADA, person=changed, postings=(ROADS, PARKS)))
    first = book.page("1")
    assert first is not None and first.postings == (ROADS,)


@pytest.mark.requirement("R3", "R13")
def test_the_first_completion_and_the_first_acceptance_count(book: PeopleBook) -> None:
    book.enter(YAMADA)
    later = Training("dx", 2027, date(2027, 9, 1))
    book.train([("012345", later), ("012345", replace(later, fiscal_year=2028))])
    book.accept("012345", "2027-04")
    book.accept("012345", "2028-04")
    page = book.page("012345")
    assert page is not None and set(page.acknowledged) == {"2027-04", "2028-04"}
    assert {one for one in page.trainings if one.course == "dx"} == {
        Training("dx", 2027, date(2027, 5, 1)), Training("dx", 2028, date(2027, 9, 1)),
    }  # fmt: skip


def test_a_page_that_is_put_is_the_only_one(book: PeopleBook) -> None:
    book.enter(YAMADA)
    other = Page(Person("012345", "staff", APRIL, entered_at="x"), (PARKS,))
    book.put(other)
    assert same(book.page("012345"), other)


def test_a_repr_names_nobody() -> None:
    assert "山田" not in repr(YAMADA)


# ── in one file for all examples, for a law is tried a hundred times ──────────────────────────────

_days = st.dates(date(2019, 1, 1), date(2040, 1, 1))
_words = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=9)
_trainings = st.builds(Training, st.sampled_from(["dx", "security"]), st.integers(2019, 2040), _days)


@st.composite
def pages(draw: st.DrawFn) -> Page:
    postings = draw(st.dictionaries(_days, st.tuples(_words, _words), max_size=4))
    trainings = {(one.course, one.fiscal_year): one for one in draw(st.lists(_trainings, max_size=4))}
    person = Person(
        draw(_words), draw(st.sampled_from(["staff", "contractor", "robot"])), draw(_days), draw(st.none() | _days),
        draw(_words | st.just("")), draw(_words), draw(st.none() | _words), draw(st.none() | _words),
        draw(st.booleans()), draw(st.none() | _words), draw(_words), draw(_words),
    )  # fmt: skip
    return Page(
        person,
        tuple(Posting(day, *postings[day]) for day in sorted(postings)),
        tuple(trainings.values()),
        tuple(draw(st.sets(_words, max_size=3))),
    )


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeopleBook]:
    if request.param == "sqlite":
        where: Any = tmp_path_factory.mktemp("office") / "office.sqlite"
    else:
        server = request.getfixturevalue("postgres")
        where = server.url(server.database())
    with closing(Office(address_of(where))) as office:
        yield PeopleBook(office)


@given(page=pages())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_whatever_is_put_comes_back(shared: PeopleBook, page: Page) -> None:
    shared.put(page)
    assert same(shared.page(page.person.id), page)
    assert same(next(one for one in shared.pages() if one.person.id == page.person.id), page)


def test_as_many_as_the_city_has_are_looked_at_at_once(office: Office, tmp_path: Path) -> None:
    book = PeopleBook(office)
    many = [Page(Person(f"{n:06}", "staff", APRIL), (ROADS,)) for n in range(2_400)]
    book.enter_all(many)
    assert len(list(book.pages())) == 2_400
    assert len(list(book.pages(f"{n:06}" for n in range(2_400)))) == 2_400
