"""Reading the ledger itself: what was recorded is found, some at a time, while more is being recorded."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from audit import query, tables
from audit.address import Address
from audit.catalogue.question import Question, Reach
from audit.ledger import Ledger
from audit.model import Draft, Kind
from audit.query import CANNOT_READ, of_kind, reading, show
from tests.audit.ledgers import Clock, asked, attack, rows
from tests.audit.searched import search

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


def of(ledger: Ledger, *kinds: Kind, **when: datetime) -> list[str | None]:
    return [record.exchange for kind in kinds for record in of_kind(ledger.address, kind, **when)]


def test_records_of_a_kind_come_newest_first(filled: Ledger) -> None:
    assert of(filled, "asked") == ["x-3", "x-2", "x-1"]
    assert of(filled, "refused") == ["x-2"] and of(filled, "viewed") == [None] and of(filled, "lost") == []


def test_a_period_begins_with_its_first_moment_and_ends_before_its_last(filled: Ledger) -> None:
    newest, _, oldest = (datetime.fromisoformat(one.at) for one in of_kind(filled.address, "asked"))
    assert len(of(filled, "asked", since=oldest)) == 3
    assert len(of(filled, "asked", since=oldest + timedelta(seconds=1))) == 2
    assert len(of(filled, "asked", until=newest)) == 2
    assert len(of(filled, "asked", until=newest.astimezone(tz=None) + timedelta(seconds=1))) == 3


@pytest.mark.parametrize("at_once", [1, 2, 3, 4])
def test_each_comes_once_while_others_write(
    filled: Ledger, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(query, "_AT_ONCE", at_once)
    read = []
    for record in of_kind(filled.address, "asked"):
        filled.append_now(Draft("asked", f"new-{len(read)}", {}))
        read.append(record.exchange)
    assert read == ["x-3", "x-2", "x-1"]


def test_reading_goes_on_between_records_of_one_moment(
    open_ledger: Callable[..., Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "_AT_ONCE", 2)
    ledger = open_ledger(clock=lambda: START, lease_seconds=10**6)
    for number in range(5):
        ledger.append_now(Draft("asked", f"x-{number}", {}))
    assert [record.index for record in of_kind(ledger.address, "asked")] == [5, 4, 3, 2, 1]


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
        list(of_kind(place, "asked"))
    with pytest.raises(CANNOT_READ):
        search(place, Question(), Reach.everything())
    if place.path:
        assert list(place.path.parent.glob("*.sqlite*")) == []
    else:
        assert rows(place, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace") == []


def test_one_reading_sees_one_moment(filled: Ledger) -> None:
    """A long export or a report with many questions would else contradict itself."""
    count = tables.select(tables.func.count()).select_from(tables.records)
    with reading(filled.address) as connection:
        before = connection.execute(count).scalar_one()
        filled.append_now(Draft("asked", "x-4", {}))
        assert connection.execute(count).scalar_one() == before
    assert rows(filled.address, "SELECT count(*) FROM records") == [(before + 1,)]


def test_a_reading_cannot_write(filled: Ledger) -> None:
    attack(filled.address)
    with pytest.raises(tables.SQLAlchemyError), reading(filled.address) as connection:
        connection.execute(tables.records.delete())
    assert len(of(filled, "asked")) == 3
