"""The book of confirmations in both stores: each step once, by whom it may be made, and what is erased with it."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from audit.address import Address
from proxy.office.confirmations import Confirmation, ConfirmationBook, Given, moment, same
from proxy.office.store import Office
from tests.audit.ledgers import named

NOW = datetime(2026, 11, 27, 5, 0, tzinfo=UTC)
SOON, LATER, MUCH_LATER = (NOW + timedelta(minutes=n) for n in (10, 60, 8 * 60))
ROOT = Path(__file__).parents[3]


@pytest.fixture
def book(office: Office) -> ConfirmationBook:
    return ConfirmationBook(office)


def asked(id: str = "c-1", **more: Any) -> Confirmation:
    values: dict[str, Any] = {
        "id": id, "state": "pending", "person": "012345", "key_id": "k-1", "tool": "チャット",
        "department": "都市創造部", "section": "道路課",
        "exchange": "01X", "rules": {"E.CREDIT_CARD": "f1"}, "found": {"CREDIT_CARD": 1}, "category": "mail_draft",
        "model": "m", "consenter": "self", "secret": b"k" * 32, "units": frozenset({"aa", "bb"}),
        "asked_at": moment(NOW), "deadline": moment(LATER),
    }  # fmt: skip
    return Confirmation(**values | more)


def given(role: Any = "self", by: str = "012345") -> Given:
    return Given(role, by, moment(NOW), "確認のため")


def granted(book: ConfirmationBook, id: str = "c-1", **more: Any) -> str:
    book.file(asked(id, **more))
    assert book.grant(id, given(), NOW, SOON)
    return id


def erased(book: ConfirmationBook, id: str) -> bool:
    one = book.find(id)
    assert one is not None
    return one.secret is None and one.units is None


def test_what_was_filed_is_found_as_it_was(book: ConfirmationBook) -> None:
    book.file(asked())
    assert book.find("c-1") == asked()
    assert book.of("012345", "k-1") == book.of("012345") == [asked()]
    assert book.of("012345", "k-2") == book.of("012346") == [] and book.find("c-2") is None


def test_it_is_granted_once_in_time_by_the_one_who_asked(book: ConfirmationBook) -> None:
    book.file(asked())
    assert book.grant("c-1", given(by="012346"), NOW, SOON) is None, "another person"
    assert book.grant("c-1", given("section_head", "000001"), NOW, SOON) is None, "nobody asked the head"
    assert book.grant("c-1", given(), LATER, SOON) is None, "too late"
    made = book.grant("c-1", given(), NOW, SOON)
    assert made is not None and made.state == "granted" and made == book.find("c-1")
    assert book.grant("c-1", given(), NOW, SOON) is None, "twice"


def test_where_two_are_asked_it_takes_two_persons_and_neither_is_who_asked(book: ConfirmationBook) -> None:
    book.file(asked(consenter="section_head+csirt"))
    assert book.grant("c-1", given("section_head", "012345"), NOW, SOON) is None, "oneself"
    first = book.grant("c-1", given("section_head", "000001"), NOW, SOON)
    assert first is not None and (first.state, first.missing) == ("pending", ("csirt",))
    assert not book.use(["c-1"], "01Y", NOW, LATER), "one of two is none"
    assert book.grant("c-1", given("csirt", "000001"), NOW, SOON) is None, "the same person twice"
    assert book.grant("c-1", given("section_head", "000002"), NOW, SOON) is None, "the same role twice"
    second = book.grant("c-1", given("csirt", "000002"), NOW, SOON)
    assert second is not None and second.state == "granted"
    assert [one.by for one in second.given] == ["000001", "000002"]


def test_it_is_used_once_and_in_time(book: ConfirmationBook) -> None:
    granted(book)
    assert not book.use(["c-1"], "01Y", SOON, LATER), "its minutes are over"
    assert book.use(["c-1"], "01Y", NOW, MUCH_LATER)
    assert not book.use(["c-1"], "01Z", NOW, MUCH_LATER), "a second use"
    one = book.find("c-1")
    assert one is not None and (one.state, one.used_by) == ("used", "01Y") and one.remembered(LATER)
    assert not one.remembered(MUCH_LATER)


def test_of_several_all_are_used_or_none(book: ConfirmationBook) -> None:
    granted(book, "c-1")
    granted(book, "c-2")
    book.file(asked("c-3"))
    assert not book.use(["c-1", "c-2", "c-3"], "01Y", NOW, LATER)
    assert [one.state for one in book.every()] == ["granted", "granted", "pending"]
    assert not book.use(["c-1"], "01Y", NOW, LATER, remembered=["c-2"]), "granted is not used before"
    assert book.use(["c-2"], "01Y", NOW, LATER)
    assert book.use(["c-1"], "01Z", NOW, LATER, remembered=["c-2"])
    book.revoke("c-2", "012345", NOW)
    granted(book, "c-4")
    assert not book.use(["c-4"], "01Z", NOW, LATER, remembered=["c-2"]), "what is revoked is not remembered"


def test_what_is_given_back_can_be_used_again_by_its_exchange_alone(book: ConfirmationBook) -> None:
    granted(book)
    assert book.use(["c-1"], "01Y", NOW, LATER)
    book.give_back(["c-1"], "01Z")
    assert not book.use(["c-1"], "01Z", NOW, LATER)
    book.give_back(["c-1"], "01Y")
    assert book.use(["c-1"], "01Z", NOW, LATER)


@pytest.mark.parametrize("state", ["pending", "granted", "used"])
def test_key_and_hmacs_are_erased_as_it_is_revoked(book: ConfirmationBook, state: str) -> None:
    book.file(asked())
    if state != "pending":
        book.grant("c-1", given(), NOW, SOON)
    if state == "used":
        book.use(["c-1"], "01Y", NOW, LATER)
    assert not erased(book, "c-1")
    assert book.revoke("c-1", "012345", NOW) and erased(book, "c-1")
    assert not book.revoke("c-1", "012345", NOW) and book.of("012345") == []
    assert not book.use(["c-1"], "01Y", NOW, LATER) and book.grant("c-1", given(), NOW, SOON) is None


def test_key_and_hmacs_are_erased_once_it_is_over_and_not_before(book: ConfirmationBook) -> None:
    book.file(asked("pending"))
    granted(book, "granted")
    granted(book, "used")
    assert book.use(["used"], "01Y", NOW, MUCH_LATER)
    book.file(asked("refused"))
    assert book.refuse("refused", "012345", NOW) and erased(book, "refused")
    assert book.sweep(NOW) == 0
    assert book.sweep(SOON) == 1 and erased(book, "granted") and not erased(book, "pending")
    assert book.sweep(LATER) == 1 and erased(book, "pending") and not erased(book, "used")
    assert book.sweep(MUCH_LATER) == 1 and erased(book, "used") and book.sweep(MUCH_LATER) == 0
    states = {one.id: one.state for one in book.every()}
    assert states == {"pending": "expired", "granted": "expired", "used": "used", "refused": "refused"}


def test_only_what_others_are_asked_for_waits_for_others(book: ConfirmationBook) -> None:
    book.file(asked("mine"))
    book.file(asked("theirs", consenter="csirt"))
    assert [one.id for one in book.waiting_for_others(NOW)] == ["theirs"]
    assert book.waiting_for_others(LATER) == []


def test_the_same_is_asked_where_units_rules_person_key_purpose_and_model_are_the_same() -> None:
    units = {"aa", "bb"}
    assert same(asked(), asked("c-2", secret=b"x" * 32), units)
    assert not same(asked(), asked("c-2"), {"aa"})
    for other in (
        {"person": "012346"}, {"key_id": "k-2"}, {"rules": {"E.CREDIT_CARD": "f2"}}, {"model": "n"},
        {"category": "hr"}, {"consenter": "csirt"},
    ):  # fmt: skip
        assert not same(asked(), asked(**other), units), other


_RACE = """
import json, sys
from datetime import datetime
from pathlib import Path
from audit.address import address_of
from proxy.office.confirmations import ConfirmationBook
from proxy.office.store import Office
office, go, known, ids = Office(address_of(sys.argv[1])), *map(datetime.fromisoformat, sys.argv[2:4]), json.loads(sys.argv[4])
book = ConfirmationBook(office)
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps([book.use([id], sys.argv[5], go, known) for id in ids]), flush=True)
office.close()
"""


def test_of_two_processes_that_race_for_one_exactly_one_wins(place: Address, book: ConfirmationBook) -> None:
    ids = [granted(book, f"c-{n}") for n in range(25)]
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                _RACE,
                named(place),
                NOW.isoformat(),
                LATER.isoformat(),
                json.dumps(ids),
                who,
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for who in ("first", "second")
    ]
    won: dict[str, list[bool]] = {}
    for process in processes:
        assert process.stdout and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    for who, process in zip(("first", "second"), processes, strict=True):
        with process:
            assert process.stdout
            won[who] = json.loads(process.stdout.read())
    assert [a + b for a, b in zip(won["first"], won["second"], strict=True)] == [1] * len(ids)
    for one, first in zip(sorted(book.every(), key=lambda one: int(one.id[2:])), won["first"], strict=True):
        assert one.used_by == ("first" if first else "second")


def test_nothing_that_is_printed_of_one_holds_its_key() -> None:
    assert "secret" not in repr(replace(asked(), secret=b"k" * 32)) and "6b6b" not in repr(asked())
