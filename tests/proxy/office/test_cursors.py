"""The book of followers: one process at a time, a position that is kept with what was counted, or neither."""

from contextlib import suppress

import pytest

from proxy.office import cursors
from proxy.office.cursors import CursorBook, Lost
from proxy.office.store import Office
from proxy.office.tables import select, tallies


@pytest.fixture
def book(office: Office) -> CursorBook:
    return CursorBook(office)


def test_one_process_follows_and_the_next_goes_on_where_it_stopped(book: CursorBook) -> None:
    first = book.take("siem", "a")
    assert first is not None and first.position is None, "nobody has begun"
    assert book.take("siem", "b") is None
    book.keep("siem", "a", {"w1": 3})
    assert (mine := book.take("siem", "a")) is not None and mine.position == {"w1": 3}
    book.leave("siem", "a")
    assert (other := book.take("siem", "b")) is not None and other.position == {"w1": 3}


def test_a_silent_process_is_followed_by_another_and_learns_of_it(
    book: CursorBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.take("siem", "a")
    book.keep("siem", "a", {"w1": 3})
    monkeypatch.setattr(cursors, "LEASE", -1.0)
    assert (other := book.take("siem", "b")) is not None and other.position == {"w1": 3}
    with pytest.raises(Lost):
        book.keep("siem", "a", {"w1": 9})
    book.stumble("siem", "a", "late")
    (standing,) = book.every()
    assert standing.position == {"w1": 3} and standing.trouble is None


def test_what_was_counted_is_kept_with_the_position_or_neither(office: Office, book: CursorBook) -> None:
    book.take("alerts", "a")
    row = {"rule": "A-01", "subject": "012345", "period": "2026-11-23", "count": 1}
    with suppress(ZeroDivisionError), book.keeping("alerts", "a", {"w1": 1}) as connection:
        connection.execute(tallies.insert(), row)
        raise ZeroDivisionError
    assert book.every()[0].position is None and _counted(office) == 0
    with book.keeping("alerts", "a", {"w1": 1}) as connection:
        connection.execute(tallies.insert(), row)
    assert book.every()[0].position == {"w1": 1} and _counted(office) == 1
    with pytest.raises(Lost), book.keeping("alerts", "b", {"w1": 7}) as connection:
        connection.execute(tallies.insert(), row | {"period": "2026-11-24"})
    assert _counted(office) == 1


def test_trouble_stands_in_the_book_until_it_goes_on(book: CursorBook) -> None:
    book.take("siem", "a")
    book.stumble("siem", "a", "receiver_unreachable")
    assert [one.trouble for one in book.every()] == ["receiver_unreachable"]
    book.keep("siem", "a", {})
    assert [one.trouble for one in book.every()] == [None]


def test_whoever_follows_writes_no_more_than_need_be(
    office: Office, book: CursorBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.take("siem", "a")
    changed: list[object] = []
    monkeypatch.setattr(office, "alone", lambda *given: changed.append(given))
    for _ in range(5):
        assert book.take("siem", "a") is not None
        assert book.take("siem", "b") is None, "who only waits writes nothing at all"
    assert changed == []


def _counted(office: Office) -> int:
    with office.reading() as connection:
        return len(connection.execute(select(tallies.c.rule)).all())
