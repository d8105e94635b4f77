"""Searching and showing: what was recorded is found, page after page, while more is being recorded."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from audit import tables
from audit.address import Address
from audit.ledger import Ledger
from audit.model import Draft
from audit.query import CANNOT_READ, Filters, Page, reading, search, show
from tests.audit.ledgers import Clock, asked, attack, rows

START = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)


@pytest.fixture
def place(address: Address) -> Address:
    """Every promise here is kept in both stores."""
    return address


@pytest.fixture
def filled(open_ledger: Callable[..., Ledger]) -> Ledger:
    """Three persons, two sections, three endings, and one reading."""
    ledger = open_ledger(clock=Clock(START, timedelta(minutes=1)), lease_seconds=10**6, sweeping=False)
    ledger.append_now(Draft("asked", "x-1", asked("yamada", "道路課"), "question one"))
    ledger.append_now(Draft("answered", "x-1", {"egress_state": "masked"}, "answer one"))
    ledger.append_now(Draft("asked", "x-2", asked("sato", "道路課", model_requested="gpt"), "question two"))
    ledger.append_now(Draft("refused", "x-2", {"egress_state": "none", "reason": "policy_deny"}))
    ledger.append_now(Draft("asked", "x-3", asked("sato", "税務課")))
    ledger.append_now(Draft("viewed", None, {"what": "search"}))
    return ledger


def found(ledger: Ledger, **filters: object) -> list[tuple[str | None, str]]:
    page = search(ledger.address, Filters(**filters))  # type: ignore[arg-type]
    return [(record.exchange, record.kind) for record in page.records]


def test_the_newest_come_first_and_readings_only_when_asked_for(filled: Ledger) -> None:
    everything = [(None, "viewed"), ("x-3", "asked"), ("x-2", "refused"), ("x-2", "asked")]
    everything += [("x-1", "answered"), ("x-1", "asked")]
    assert found(filled, everything=True) == everything
    assert found(filled) == everything[1:]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"kind": "refused"}, ["x-2"]),
        ({"exchange": "x-1"}, ["x-1", "x-1"]),
        ({"person": "sato"}, ["x-3", "x-2", "x-2"]),
        ({"person": "sato", "kind": "refused"}, ["x-2"]),
        ({"person": "sato", "section": "税務課"}, ["x-3"]),
        ({"section": "道路課"}, ["x-2", "x-2", "x-1", "x-1"]),
        ({"tool": "mail-helper", "kind": "asked"}, ["x-3", "x-2", "x-1"]),
        ({"tool": "another"}, []),
        ({"model": "gpt"}, ["x-2", "x-2"]),
        ({"person": "sato", "everything": True}, ["x-3", "x-2", "x-2"]),
        ({"person": "' OR 1 --"}, []),
    ],
)
def test_filters_find_what_they_say(filled: Ledger, filters: dict[str, object], expected: list[str]) -> None:
    """Filters on who asked also find the endings of what was asked."""
    assert [exchange for exchange, _ in found(filled, **filters)] == expected


def test_a_period_begins_with_its_first_moment_and_ends_before_its_last(filled: Ledger) -> None:
    moments = [datetime.fromisoformat(record.at) for record in search(filled.address, Filters()).records]
    oldest, newest = moments[-1], moments[0]
    assert len(found(filled, since=oldest)) == 5
    assert len(found(filled, since=oldest + timedelta(seconds=1))) == 4
    assert len(found(filled, until=newest)) == 4
    japan = newest.astimezone(tz=None) + timedelta(seconds=1)
    assert len(found(filled, until=japan)) == 5


def pages(ledger: Address, limit: int, between: Callable[[], object] = lambda: None) -> list[Page]:
    read = [search(ledger, Filters(), limit)]
    while read[-1].cursor:
        between()
        read.append(search(ledger, Filters(), limit, read[-1].cursor))
    return read


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
def test_pages_hold_each_record_once(filled: Ledger, limit: int) -> None:
    read = pages(filled.address, limit)
    records = [record for page in read for record in page.records]
    assert records == list(search(filled.address, Filters()).records)
    assert all(len(page.records) == limit for page in read[:-1]) and read[-1].records


def test_pages_stand_still_while_others_write(filled: Ledger) -> None:
    before = search(filled.address, Filters()).records
    number = iter(range(100))
    read = pages(filled.address, 2, lambda: filled.append_now(Draft("asked", f"new-{next(number)}", {})))
    assert tuple(record for page in read for record in page.records) == before


def test_pages_are_cut_between_records_of_one_moment(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger(clock=lambda: START, lease_seconds=10**6)
    for number in range(5):
        ledger.append_now(Draft("asked", f"x-{number}", {}))
    records = [record.index for page in pages(ledger.address, 2) for record in page.records]
    assert records == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("cursor", ["nonsense", "AAAA", "e30", "WzFd"])
def test_a_cursor_that_no_search_gave_is_refused(filled: Ledger, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        search(filled.address, Filters(), cursor=cursor)


def test_an_exchange_is_shown_with_both_masked_texts(filled: Ledger) -> None:
    shown = show(filled.address, "x-1")
    assert shown and shown.ending
    assert (shown.asked_text, shown.answer_text) == ("question one", "answer one")
    assert json.loads(shown.asked.body)["caller"]["person"] == "yamada"
    assert json.loads(shown.ending.body) == {"egress_state": "masked"}


def test_an_open_exchange_has_no_ending_yet(filled: Ledger) -> None:
    shown = show(filled.address, "x-3")
    assert shown and (shown.ending, shown.asked_text, shown.answer_text) == (None, None, None)


def test_an_exchange_whose_texts_were_erased_is_still_shown(filled: Ledger) -> None:
    attack(filled.address, "DELETE FROM texts")
    shown = show(filled.address, "x-1")
    assert shown and shown.ending and shown.asked_text is None


def test_an_unknown_exchange_is_none(filled: Ledger) -> None:
    assert show(filled.address, "x-9") is None


def test_reading_does_not_make_a_ledger(place: Address) -> None:
    with pytest.raises(CANNOT_READ):
        search(place, Filters())
    if place.path:
        assert not place.path.exists()
    else:
        assert rows(place, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace") == []


def test_one_reading_sees_one_moment(filled: Ledger) -> None:
    """A long export or a report with many questions would else contradict itself."""
    count = tables.select(tables.func.count()).select_from(tables.records)
    with reading(filled.address) as connection:
        before = connection.execute(count).scalar_one()
        filled.append_now(Draft("asked", "x-4", {}))
        assert connection.execute(count).scalar_one() == before
    assert len(search(filled.address, Filters(everything=True)).records) == before + 1


def test_a_reading_cannot_write(filled: Ledger) -> None:
    attack(filled.address)
    with pytest.raises(tables.SQLAlchemyError), reading(filled.address) as connection:
        connection.execute(tables.records.delete())
    assert len(found(filled)) == 5
