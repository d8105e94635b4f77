"""Signing takes its time beside the records: it never holds one up, and the notes stay one series."""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit import notes
from audit.address import Address
from audit.ledger import Ledger
from audit.model import Draft
from audit.notes import Note
from audit.signing import CannotSign, KeyFile, Signer
from tests.audit.ledgers import rows, soon, verified

OpenLedger = Callable[..., Ledger]
VIEWED = Draft("viewed", None, {})
BUSY = {"settle_seconds": 0.01, "note_seconds": 0.05}
"""A rhythm in which a note is always due."""


@pytest.fixture
def place(address: Address) -> Address:
    """Every promise here is kept in both stores."""
    return address


@pytest.fixture
def key(keys: tuple[Path, Path]) -> KeyFile:
    return KeyFile.load(keys[0])


class Slow:
    """A second owner who takes the note, and gives it back when the test says so."""

    def __init__(self, key: Signer) -> None:
        self.taken, self.may_go_on = threading.Event(), threading.Event()
        self._key = key

    def sign(self, note: Note) -> str:
        self.taken.set()
        assert self.may_go_on.wait(60)
        return self._key.sign(note)


@pytest.fixture
def slow(key: KeyFile) -> Iterator[Slow]:
    signer = Slow(key)
    yield signer
    signer.may_go_on.set()


def signed_notes(place: Address) -> list[str]:
    return [note for (note,) in rows(place, "SELECT note FROM notes ORDER BY number")]


def covered(place: Address, writer: str) -> int:
    """How many records of a chain the newest note speaks of."""
    newest = [head.size for head in notes.read(signed_notes(place)[-1]).heads if head.writer == writer]
    return newest[0] if newest else 0


def test_a_signer_who_takes_his_time_holds_up_no_record(
    place: Address, keys: tuple[Path, Path], slow: Slow
) -> None:
    ledger = Ledger(place, slow, **BUSY)
    ledger.start()
    writer = ledger.append_now(VIEWED).writer
    assert slow.taken.wait(20)
    indexes = [ledger.append_now(VIEWED).index for _ in range(20)]  # would never come back if they waited
    asyncio.run(ledger.probe())
    assert indexes == list(range(2, 22))
    assert signed_notes(place) == []
    slow.may_go_on.set()
    assert soon(lambda: signed_notes(place) != [] and covered(place, writer) == 21)
    first = notes.read(signed_notes(place)[0])
    assert [head.size for head in first.heads] == [1]  # what was true when it was proposed
    ledger.stop()
    assert verified(place, keys[1]).unanchored == 0


def test_a_stop_waits_for_the_signature_over_everything(
    place: Address, keys: tuple[Path, Path], slow: Slow
) -> None:
    ledger = Ledger(place, slow, **BUSY)
    ledger.start()
    ledger.append_now(VIEWED)
    assert slow.taken.wait(20)
    ledger.append_now(VIEWED)
    threading.Timer(0.2, slow.may_go_on.set).start()
    ledger.stop()
    report = verified(place, keys[1])
    assert (report.ok, report.unanchored) == (True, 0)


class Moody:
    """A signer who refuses as long as he is in the mood."""

    def __init__(self, key: Signer, refusal: Exception | str) -> None:
        self.refusal: Exception | str | None = refusal
        self._key = key

    def sign(self, note: Note) -> str:
        if isinstance(self.refusal, Exception):
            raise self.refusal
        return self.refusal or self._key.sign(note)


@pytest.mark.parametrize("refusal", [CannotSign("not today"), OSError("no such program"), "this is no note"])
def test_while_there_is_no_signature_records_go_on_and_later_notes_make_up_for_it(
    place: Address, keys: tuple[Path, Path], key: KeyFile, open_ledger: OpenLedger, refusal: Exception | str
) -> None:
    signer = Moody(key, refusal)
    ledger = open_ledger(place, signer, **BUSY)
    writer = ledger.append_now(VIEWED).writer
    assert soon(lambda: ledger.note_trouble is not None)
    assert ledger.append_now(VIEWED).index == 2
    assert signed_notes(place) == []
    signer.refusal = None
    assert soon(lambda: ledger.note_trouble is None and signed_notes(place) != [])
    assert soon(lambda: covered(place, writer) == 2)
    assert verified(place, keys[1]).ok


def test_a_signer_who_cannot_is_asked_less_and_less_often(place: Address, open_ledger: OpenLedger) -> None:
    """Each question may start a program of somebody else's. Only the least time between two is looked at."""
    asked: list[float] = []

    class Cannot:
        def sign(self, note: Note) -> str:
            asked.append(time.monotonic())
            raise CannotSign("not now")

    ledger = open_ledger(place, Cannot(), settle_seconds=0.02, note_seconds=60)
    ledger.append_now(VIEWED)
    assert soon(lambda: len(asked) >= 5)
    assert asked[4] - asked[3] >= 0.25


def test_a_stop_without_a_signature_keeps_the_records(place: Address, key: KeyFile) -> None:
    ledger = Ledger(place, Moody(key, CannotSign("not today")), **BUSY)
    ledger.start()
    ledger.append_now(VIEWED)
    ledger.stop()
    report = verified(place)
    assert (report.ok, report.unanchored, report.checkpoints) == (True, 1, 0)


def test_a_signature_over_what_the_ledger_does_not_hold_is_not_entered(
    place: Address, key: KeyFile, open_ledger: OpenLedger
) -> None:
    class Liar:
        def sign(self, note: Note) -> str:
            heads = tuple(
                notes.ChainHead(head.writer, head.size, "e" * 64, head.state) for head in note.heads
            )
            return key.sign(Note(note.number, note.at, note.previous, heads, note.clock))

    ledger = open_ledger(place, Liar(), **BUSY)
    ledger.append_now(VIEWED)
    assert soon(lambda: isinstance(ledger.note_trouble, ValueError))
    assert signed_notes(place) == []


def test_a_note_that_was_signed_before_an_accident_is_entered_and_followed_by_a_newer_one(
    place: Address, keys: tuple[Path, Path], key: KeyFile, open_ledger: OpenLedger
) -> None:
    """A signer who watches for a rollback signs each number once, and gives the same note again."""

    class Faithful:
        def __init__(self) -> None:
            self.given: dict[int, str] = {}
            self.lost = True

        def sign(self, note: Note) -> str:
            signed = self.given.setdefault(note.number, key.sign(note))
            if self.lost:
                raise CannotSign("the answer was lost on the way")
            return signed

    signer = Faithful()
    ledger = open_ledger(place, signer, **BUSY)
    writer = ledger.append_now(VIEWED).writer
    assert soon(lambda: 1 in signer.given)
    ledger.append_now(VIEWED)
    signer.lost = False
    assert soon(lambda: len(signed_notes(place)) >= 2 and covered(place, writer) == 2)
    assert signed_notes(place)[0] == signer.given[1]
    assert verified(place, keys[1]).ok


def test_when_several_sign_at_once_the_notes_stay_one_series_and_each_is_given_once(
    place: Address, keys: tuple[Path, Path], key: KeyFile
) -> None:
    given: list[str] = []
    ledgers = [Ledger(place, key, given=given.append, **BUSY) for _ in range(3)]
    for ledger in ledgers:
        ledger.start()

    async def see() -> None:
        for _ in range(15):
            await asyncio.gather(*(ledger.append(VIEWED) for ledger in ledgers))
            await asyncio.sleep(0.02)

    asyncio.run(see())
    for ledger in ledgers:
        ledger.stop()
    entered = signed_notes(place)
    assert [notes.read(note).number for note in entered] == list(range(1, len(entered) + 1))
    assert sorted(given) == sorted(entered)
    report = verified(place, keys[1])
    assert (report.ok, report.unanchored, report.writers) == (True, 0, 3)


def test_a_note_that_came_back_after_anothers_of_its_number_is_dropped_and_made_up_for(
    place: Address, keys: tuple[Path, Path], key: KeyFile, slow: Slow, open_ledger: OpenLedger
) -> None:
    given: list[str] = []
    late = open_ledger(place, slow, given=given.append, **BUSY)
    chain = late.append_now(VIEWED).writer
    assert slow.taken.wait(20)
    quick = Ledger(place, key, settle_seconds=0.01, note_seconds=3600)
    quick.start()
    late.append_now(VIEWED)
    quick.append_now(VIEWED)
    quick.stop()
    before = signed_notes(place)
    assert before and given == []
    slow.may_go_on.set()
    late.append_now(VIEWED)
    assert soon(lambda: covered(place, chain) == 3)
    assert signed_notes(place)[: len(before)] == before
    assert verified(place, keys[1]).ok


def test_what_happens_to_a_note_afterwards_cannot_stop_the_notes(
    place: Address, keys: tuple[Path, Path], open_ledger: OpenLedger
) -> None:
    """Whoever carries notes elsewhere may stumble; the note is in the ledger all the same."""
    count = itertools.count()

    def stumble(signed: str) -> None:
        if next(count) == 0:
            raise OSError("the mail server is away")

    ledger = open_ledger(place, keys[0], given=stumble, **BUSY)
    ledger.append_now(VIEWED)
    assert soon(lambda: len(signed_notes(place)) == 1)
    writer = ledger.append_now(VIEWED).writer
    assert soon(lambda: covered(place, writer) == 2 and ledger.note_trouble is None)
    assert verified(place, keys[1]).ok
