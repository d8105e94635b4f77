"""Whoever is killed in the middle, and in whatever order chains come in: the catalogue says what the ledger holds."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from audit.address import Address
from audit.catalogue import filling, finding
from audit.catalogue.filling import catch_up
from audit.catalogue.question import Question, Reach
from audit.dispositions import disposition
from audit.draft import prepare
from audit.glass import EVENTS
from audit.ledger import Ledger
from audit.model import Draft
from audit.months import Month
from audit.names import now
from audit.pen import Pen
from audit.readers import at_the_terminal, reader_of
from audit.review import Review
from audit.store import Store
from audit.stores import place_of
from audit.stores.shelf import shelf_of
from tests.audit.catalogue.test_finding import ask, names, said
from tests.audit.ledgers import asked, attack
from tests.audit.searched import search

ALL = Reach.everything()
CSIRT = reader_of("100001", "csirt_reviewer", "総務部", "IT課")


class Killed(BaseException):
    """As a process that is no more: nothing is tidied up."""


@pytest.fixture
def place(address: Address) -> Address:
    return address


@pytest.fixture
def little_by_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """A portion is one record."""
    monkeypatch.setattr(filling, "SECONDS", 0.0)
    monkeypatch.setattr(filling, "AT_ONCE", 1)
    monkeypatch.setattr(filling, "_BREATH", 0.0)


@pytest.fixture
def two(open_ledger: Callable[..., Ledger]) -> tuple[Ledger, Ledger]:
    """Two processes, the one first whose chain is entered first."""
    one, other = sorted((open_ledger(), open_ledger()), key=lambda ledger: ledger.writer or "")
    return one, other


def seen(place: Address, *words: str) -> list[str]:
    return sorted(names(search(place, Question(words=words), ALL)))


def erase(ledger: Ledger, *exchanges: str) -> None:
    """As a purge does it, of these exchanges of a chain."""
    listed = ", ".join(f"'{one}'" for one in exchanges)
    mine = f"writer = '{ledger.writer}' AND idx IN (SELECT idx FROM records WHERE exchange IN ({listed}))"
    attack(
        ledger.address,
        f"INSERT INTO erasures (writer, what, at) VALUES ('{ledger.writer}', 'texts', '2026-11-28')"
        " ON CONFLICT (writer, what) DO UPDATE SET at = excluded.at",
        f"DELETE FROM texts WHERE {mine}",
    )


def killed_after(portions: int, place: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    done = itertools.count(1)

    def kill(seconds: float) -> None:
        if next(done) == portions:
            raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(filling, "sleep", kill)
        catch_up(place)


@pytest.mark.requirement("R49")
@pytest.mark.parametrize("portions", [1, 2, 4])
def test_who_is_killed_while_words_are_entered_anew_leaves_nothing_unfound(
    two: tuple[Ledger, Ledger],
    little_by_little: None,
    monkeypatch: pytest.MonkeyPatch,
    portions: int,
) -> None:
    first, second = two
    kept, gone = [ask(first, f"給付金の案内 {n}") for n in range(3)], ask(second, "消える給付金")
    place = first.address
    assert seen(place, "給付") == sorted([*kept, gone])
    erase(second, gone)
    killed_after(portions, place, monkeypatch)
    assert seen(place, "給付") == sorted(kept) and seen(place, "消え") == []
    assert len(seen(place)) == 4, "the card stays"


@pytest.mark.requirement("R49")
def test_texts_that_go_some_at_a_time_are_forgotten_each_time(two: tuple[Ledger, Ledger]) -> None:
    first, second = two
    kept, one, other = ask(first), ask(second), ask(second)
    assert seen(first.address, "給付") == sorted([kept, one, other])
    erase(second, one)
    assert seen(first.address, "給付") == sorted([kept, other])
    erase(second, other)
    assert seen(first.address, "給付") == [kept]


def test_two_that_enter_the_same_month_anew_enter_it_once(
    two: tuple[Ledger, Ledger], little_by_little: None
) -> None:
    first, second = two
    kept, gone = [ask(first) for _ in range(5)], ask(second)
    catch_up(first.address)
    erase(second, gone)
    with ThreadPoolExecutor(3) as processes:
        list(processes.map(catch_up, [first.address] * 3))
    assert seen(first.address, "給付") == sorted(kept)
    assert _rows_of_words(first.address) == 2 * len(kept), "each question and each answer once, and no others"


def test_a_search_that_another_process_overtakes_finds_no_less(
    two: tuple[Ledger, Ledger], little_by_little: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two
    kept, gone = [ask(first) for _ in range(3)], ask(second)
    catch_up(first.address)
    overtaken = iter([True])

    def real_but_overtaken(place: Address) -> Any:
        shelf = catch_up(place)
        if next(overtaken, False):
            erase(second, gone)
            killed_after(1, place, monkeypatch)
        return shelf

    monkeypatch.setattr(finding, "catch_up", real_but_overtaken)
    assert seen(first.address, "給付") == sorted(kept)


def test_a_month_that_was_dropped_while_somebody_began_to_look_is_not_taken_for_empty(
    ledger: Ledger,
) -> None:
    ask(ledger)
    shelf = catch_up(ledger.address)
    reader, writer = shelf.reader(), shelf.writer()
    with reader.connect() as looking, looking.begin():
        (month,) = shelf.months(looking)
        assert shelf.is_steady(looking)
    with reader.connect() as looking, looking.begin():
        assert shelf.months(looking) == [month]
        with writer.begin() as other:
            shelf.drop_words(other, month)
            shelf.make_words(other, month)
        held = shelf.is_steady(looking)
        rows = looking.execute(
            filling.text(shelf.having(month, "word")), {"word": shelf.asked({"給付"})}
        ).all()
        assert len(rows) == 1 or not held
    writer.dispose()


@pytest.mark.parametrize("first_entered", [False, True])
def test_the_last_disposition_by_its_moment_counts_whichever_chain_is_entered_first(
    two: tuple[Ledger, Ledger], first_entered: bool
) -> None:
    first, second = two
    one = ask(second)
    card = {"exchange": one, "person": "demo"}
    today = date(2026, 11, 28)
    second.append_now(disposition(CSIRT, card, "incident", "漏えいの疑い", incident="INC-7", today=today))
    if first_entered:
        catch_up(second.address)
    first.append_now(disposition(CSIRT, card, "false_alarm", "架空の人", today=today))
    (found,) = search(first.address, Question(reviewed=True), ALL).cards
    assert (found["disposition"], found["incident"]) == ("false_alarm", None)
    assert search(first.address, Question(incident="INC-7"), ALL).total == 0


def test_what_was_asked_as_the_month_turned_is_found_with_its_words(place: Address) -> None:
    """Its record waited, and lies in the chain of the next month."""
    turn = Month(2026, 11).first_moment()
    at = [turn - timedelta(days=1)]
    store = Store(place_of(place), create=True)
    with closing(Pen(store, lambda: at[0], 3600)) as pen:
        for name, moment, written in (
            ("x-1", at[0], at[0]),
            ("x-2", turn - timedelta(seconds=1), turn),
            ("x-3", turn, turn),
        ):
            at[0] = written
            pen.write([prepare(Draft("asked", name, asked(), said(f"給付金 {name}")), moment)])
            pen.write([prepare(Draft("answered", name, {"egress_state": "masked"}, '"はい"'), moment)])
        pen.retire()

    def of(since: datetime | None, until: datetime | None, *words: str) -> list[str]:
        return names(search(place, Question(since=since, until=until, words=words), ALL))

    for words in (("給付",), ("はい",), ("給付金",), ("給付", "はい")):
        assert of(None, None, *words) == ["x-3", "x-2", "x-1"]
        assert of(None, turn, *words) == ["x-2", "x-1"] and of(turn, None, *words) == ["x-3"]
    assert of(None, None, "-2") == ["x-2"]


@pytest.mark.parametrize("mark", ['"', "'", "*", "(", ":", "^", "\\", "{", "%", "-", "\x7f", "\0", "\ud800"])
def test_no_character_keeps_a_text_from_being_found(ledger: Ledger, mark: str) -> None:
    one = ask(ledger, f"あい{mark}{mark}うえ")
    ask(ledger, "ほかの話")
    assert names(search(ledger.address, Question(words=("あい", "うえ")), ALL)) == [one]
    if mark.isprintable():
        for word in (f"い{mark}", mark * 2, f"い{mark}{mark}う"):
            assert names(search(ledger.address, Question(words=(word,)), ALL)) == [one]


def test_every_opening_is_read_however_many_there_are(place: Address) -> None:
    """The list of openings is not the first thousand of them."""
    store, at = Store(place_of(place), create=True), now()
    many = 1_050
    with closing(Pen(store, lambda: at, 3600)) as pen:
        facts = {
            "incident": "INC-7",
            "reason": "確かめる",
            "subject": "1",
            "department": "部",
            "section": "課",
        }
        drafts = [
            Draft(
                "noted",
                None,
                facts
                | {"event": "glass.asked", "grant": f"g-{n}", "exchange": f"x-{n}", "hours": 1}
                | {"by": "100001", "role": "csirt_reviewer"},
            )
            for n in range(many)
        ]
        pen.write([prepare(draft, at + timedelta(microseconds=n)) for n, draft in enumerate(drafts)])
        pen.retire()
    with Review(place, at_the_terminal("root")) as review:
        assert len(review.grants()) == many
        assert len(review.events(what=EVENTS)) == 1_000, "what is only listed has an end"


def _rows_of_words(place: Address) -> int:
    """Of a word that is in every question and every answer."""
    shelf = shelf_of(place)
    word = {"word": shelf.asked({"内文"})}
    with shelf.reader().connect() as line, line.begin():
        months = shelf.months(line)
        return sum(
            len(line.execute(filling.text(shelf.having(month, "word")), word).all()) for month in months
        )
