"""The book of tallies: what was counted is read back as it was kept, in both stores."""

from datetime import UTC, date, datetime

import pytest

from audit.alerts.counting import Counted
from audit.alerts.model import Hit, Key, Tally
from proxy.office.cursors import CursorBook
from proxy.office.store import Office
from proxy.office.tallies import TallyBook

AT = datetime(2026, 11, 24, 3, 0, 0, 123456, tzinfo=UTC)
DAY, EVER = Key("A-04", "100123", "2026-11-24"), Key("A-07", "m", "")
DRILL = Key("A-04", "100123", "2026-11-24", "D-1")


@pytest.fixture
def book(office: Office) -> TallyBook:
    return TallyBook(office)


def keep(office: Office, book: TallyBook, counted: Counted) -> None:
    with office.changing() as connection:
        book.keep(connection, counted)


def hit(key: Key, *items: str) -> Hit:
    return Hit(key, AT, items=frozenset(items))


def test_what_was_kept_is_read_back_and_a_drill_is_another_tally(office: Office, book: TallyBook) -> None:
    tally, drill = Tally(3, "a-x", AT, ("x-2", "x-1")), Tally(1)
    keep(office, book, Counted({DAY: tally, DRILL: drill}, frozenset({(DAY, "k7q2"), (DAY, "b9z4")}), ()))
    found = book.standing([hit(DAY, "k7q2", "none"), hit(DRILL, "k7q2"), hit(EVER, "m")])
    assert found == ({DAY: tally, DRILL: drill}, {(DAY, "k7q2")})
    keep(office, book, Counted({DAY: Tally(4, "a-y", AT)}, frozenset({(DAY, "c")}), ()))
    assert book.standing([hit(DAY, "c", "b9z4")]) == (
        {DAY: Tally(4, "a-y", AT)},
        {(DAY, "c"), (DAY, "b9z4")},
    )


def test_many_items_are_looked_for_in_parts(office: Office, book: TallyBook) -> None:
    many = frozenset((DAY, f"i{n}") for n in range(1_500))
    keep(office, book, Counted({DAY: Tally(1_500)}, many, ()))
    assert book.standing([hit(DAY, *(item for _, item in many), "new")])[1] == set(many)


def test_what_belongs_to_periods_long_over_is_dropped_and_what_is_for_ever_stays(
    office: Office, book: TallyBook
) -> None:
    old, older = Key("A-01", "p", "2026-09"), Key("A-01", "p", "2025-08-01T09")
    ever = Key("A-07", "m", "", "D-1")
    keys = {DAY, EVER, old, older, ever}
    keep(office, book, Counted({key: Tally(1) for key in keys}, frozenset((key, "i") for key in keys), ()))
    with office.changing() as connection:
        book.tidy(connection, date(2026, 11, 24))
    tallies, items = book.standing(hit(key, "i") for key in keys)
    assert set(tallies) == keys - {older}
    assert {key for key, _ in items} == {DAY, EVER, ever}


def test_it_changes_with_the_position_or_not_at_all(office: Office, book: TallyBook) -> None:
    cursors = CursorBook(office)
    cursors.take("alerts", "a")
    with pytest.raises(ZeroDivisionError), cursors.keeping("alerts", "a", {"w1": 1}) as connection:
        book.keep(connection, Counted({DAY: Tally(1)}, frozenset({(DAY, "i")}), ()))
        raise ZeroDivisionError
    assert book.standing([hit(DAY, "i")]) == ({}, set())
