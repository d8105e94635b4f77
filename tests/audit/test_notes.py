"""Signed notes: their form, when they come, and what they cover."""

import asyncio
import base64
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from audit import notes
from audit.clock import Clock
from audit.ledger import Ledger
from audit.model import Draft
from audit.names import now
from audit.signing import KeyFile
from tests.audit.ledgers import attack, rows, verified

OpenLedger = Callable[..., Ledger]
Keys = tuple[Path, Path]
VIEWED = Draft("viewed", None, {})

HEADS = (
    notes.ChainHead("w20261123T052100Z-4f9c2a", 41, "a" * 64, "open"),
    notes.ChainHead("w20261122T230000Z-11d0e3", 9, "b" * 64, "closed"),
    notes.ChainHead("w20211001T010203Z-aa00bb", 812, "d" * 64, "purged"),
)
NOTE = notes.Note(7, "2026-11-23T05:21:00.123456Z", "c" * 64, HEADS)
DATED = replace(NOTE, clock=Clock("synchronized", -0.000012, 0.0015))


def all_notes(place: Path) -> list[notes.Note]:
    return [notes.read(signed) for (signed,) in rows(place, "SELECT note FROM notes ORDER BY number")]


def wait_for_notes(place: Path, count: int, seconds: float = 10.0) -> list[notes.Note]:
    end = time.monotonic() + seconds
    while len(all_notes(place)) < count and time.monotonic() < end:
        time.sleep(0.02)
    return all_notes(place)


def test_the_form_is_the_one_that_is_documented() -> None:
    begin = f"sekisho/ledger\n7\n2026-11-23T05:21:00.123456Z\n{'c' * 64}\n"
    chains = (
        f"w20211001T010203Z-aa00bb 812 {'d' * 64} purged\n"
        f"w20261122T230000Z-11d0e3 9 {'b' * 64} closed\n"
        f"w20261123T052100Z-4f9c2a 41 {'a' * 64} open\n"
    )
    assert NOTE.text() == begin + chains
    assert DATED.text() == begin + "clock synchronized -0.000012 0.001500\n" + chains


def test_the_signature_is_that_of_signed_note(keys: Keys) -> None:
    """https://c2sp.org/signed-note: the key hash, then Ed25519 over the text, in base64."""
    private, public_pem = keys
    text, _, line = KeyFile.load(private).sign(DATED).partition("\n\n")
    mark, name, encoded = line.removesuffix("\n").split(" ")
    signature = base64.b64decode(encoded)
    public = load_pem_public_key(public_pem.read_bytes())
    raw = public.public_bytes_raw()  # type: ignore[union-attr]
    assert (mark, name) == ("—", "sekisho/ledger")
    assert signature[:4] == sha256(b"sekisho/ledger\n\x01" + raw).digest()[:4]
    public.verify(signature[4:], (text + "\n").encode())  # type: ignore[union-attr, call-arg]
    with pytest.raises(InvalidSignature):
        public.verify(signature[4:], text.encode())  # type: ignore[union-attr, call-arg]


@pytest.mark.parametrize(
    "clock",
    [
        None,
        Clock("unknown"),
        Clock("unsynchronized"),
        Clock("synchronized"),
        Clock("synchronized", 12.5, 0.000001),
        Clock("synchronized", -0.000012, 16.0),
    ],
)
def test_a_note_is_read_as_it_was_written(keys: Keys, clock: Clock | None) -> None:
    note = replace(NOTE, heads=HEADS[::-1], clock=clock)
    signed = KeyFile.load(keys[0]).sign(replace(NOTE, clock=clock))
    assert notes.read(signed) == notes.read_text(note.text()) == note
    assert notes.read(signed + "— witness.example/w Zm9v\n") == note


def test_a_note_of_the_first_release_is_still_read() -> None:
    """Written by 0.1.0: neither a clock nor a purged chain."""
    signed = (
        f"sekisho/ledger\n1\n2026-11-23T05:21:00.123456Z\n{'0' * 64}\n"
        f"w20261123T052100Z-4f9c2a 41 {'a' * 64} open\n\n— sekisho/ledger rZ7sAAAA\n"
    )
    assert notes.read(signed).heads == (HEADS[0],)
    assert notes.read(signed).clock is None
    assert notes.digest(signed) == sha256(signed.encode()).hexdigest()


def test_an_offset_of_nearly_nothing_has_no_sign() -> None:
    assert (
        "clock synchronized 0.000000 0.000000\n"
        in replace(NOTE, clock=Clock("synchronized", -0.0000001)).text()
    )


@pytest.mark.parametrize(
    "old, new",
    [
        ("open", "ajar"),
        ("7\n", "07\n"),
        ("7\n", "7\r\n"),
        ("7\n", "-7\n"),
        ("7\n", "７\n"),
        ("7\n", "0\n"),
        ("7\n", f"{'7' * 5000}\n"),
        ("sekisho/", "other/"),
        (" 41 ", "  41 "),
        (" 41 ", " 041 "),
        (" 41 ", " 0 "),
        ("a" * 64, "A" * 64),
        ("a" * 64, "a" * 63),
        ("c" * 64, "c" * 65),
        ("2026-11-23T", "2026-11-23 "),
        (".123456Z", "Z"),
        ("synchronized -0.000012", "synchronized -0.00012"),
        ("synchronized -0.000012", "synchronized -0.000000"),
        ("synchronized -0.000012", "synchronized nan"),
        ("synchronized -0.000012", "synchronized +0.000012"),
        ("synchronized -0.000012", "synchronized 00.000012"),
        ("synchronized -0.000012", "synchronized"),
        ("-0.000012 0.001500", "-0.000012 -0.001500"),
        ("clock synchronized -0.000012 0.001500", "clock unsure"),
        ("clock synchronized -0.000012 0.001500", "clock unknown 0.000000"),
        ("clock synchronized", "Clock synchronized"),
        ("clock synchronized -0.000012 0.001500\n", "clock unknown\n" * 2),
        ("w20261123T052100Z-4f9c2a", "w20261122T230000Z-11d0e3"),
        ("w20261123T052100Z-4f9c2a", "a20261123T052100Z-4f9c2a"),
        ("w20261123T052100Z-4f9c2a", "w2026\u00a0"),
        ("\n\n", "\n"),
        ("\n\n— sekisho", "\n\n\n— sekisho"),
        ("\n\n— sekisho", "\n\n- sekisho"),
        ("\n\n— sekisho/ledger ", "\n\n— sekisho/ledger"),
    ],
)
def test_a_note_has_one_form_only(keys: Keys, old: str, new: str) -> None:
    signed = KeyFile.load(keys[0]).sign(DATED)
    assert old in signed
    with pytest.raises(ValueError):
        notes.read(signed.replace(old, new, 1))


def test_a_note_that_was_cut_or_lengthened_is_none(keys: Keys) -> None:
    signed = KeyFile.load(keys[0]).sign(DATED)
    wrong = [signed[:at] for at in range(len(signed))] + [signed + more for more in ("\n", " ", "x\n")]
    for text in wrong:
        with pytest.raises(ValueError):
            notes.read(text)


def test_notes_are_found_inside_a_longer_text(keys: Keys) -> None:
    signer = KeyFile.load(keys[0])
    one, two = signer.sign(NOTE), signer.sign(DATED) + "— witness.example/w Zm9v\n"
    bare = signer.sign(notes.Note(1, NOTE.at, notes.FIRST, ()))
    assert notes.find(one + two + bare) == [one, two, bare]
    assert notes.find(f"控えです。\n\n{one}\n以上\n{two}— not behind it\n") == [
        one,
        two + "— not behind it\n",
    ]
    assert notes.find("\ufeff" + one.replace("\n", "\r\n") + "\r\n保管してください\r\n") == [one]
    assert notes.find(one.removesuffix("\n")) == [one]
    assert notes.find("sekisho/ledger: what is it?\n\nsee sekisho/ledger\n") == []


def test_a_note_that_was_cut_short_hides_no_other_and_is_none(keys: Keys) -> None:
    """A machine may stop in the middle of a line; the next note then begins on a new one."""
    one = KeyFile.load(keys[0]).sign(DATED)
    for at in range(len(one) - 1):
        assert notes.find(one[:at]) == []
        assert notes.find(one[:at] + "\n" + one) == [one]
        assert notes.find(one[:at] + "\n\n" + one) == [one]


def test_a_key_of_another_kind_stops_the_start(tmp_path: Path, place: Path, keys: Keys) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("not a key")
    for path in (wrong, keys[1]):
        with pytest.raises(ValueError, match="Ed25519"):
            Ledger(place, path).start()
    with pytest.raises(FileNotFoundError):
        Ledger(place, tmp_path / "none.pem").start()


def test_a_note_comes_shortly_after_the_last_record(open_ledger: OpenLedger, place: Path, keys: Keys) -> None:
    ledger = open_ledger(place, keys[0], settle_seconds=0.05)
    record = ledger.append_now(VIEWED)
    (note,) = wait_for_notes(place, 1)
    assert note.heads == (notes.ChainHead(record.writer, 1, record.hash, "open"),)
    assert note.previous == notes.FIRST
    assert verified(place, keys[1]).unanchored == 0


def test_under_unbroken_work_notes_come_all_the_same(
    open_ledger: OpenLedger, place: Path, keys: Keys
) -> None:
    ledger = open_ledger(place, keys[0], settle_seconds=60, note_seconds=0.2)

    async def see() -> None:
        end = time.monotonic() + 10
        while len(all_notes(place)) < 3 and time.monotonic() < end:
            await ledger.append(VIEWED)

    asyncio.run(see())
    assert len(all_notes(place)) >= 3


def test_at_rest_notes_go_on_and_say_when(open_ledger: OpenLedger, place: Path, keys: Keys) -> None:
    ledger = open_ledger(place, keys[0], settle_seconds=0.02, note_seconds=0.1)
    ledger.append_now(VIEWED)
    first, second, third = wait_for_notes(place, 3)[:3]
    assert first.heads == second.heads == third.heads
    assert first.at < second.at < third.at


def test_two_writers_at_rest_do_not_sign_the_same_twice(
    open_ledger: OpenLedger, place: Path, keys: Keys
) -> None:
    first = open_ledger(place, keys[0], settle_seconds=0.02, note_seconds=60)
    first.append_now(VIEWED)
    wait_for_notes(place, 1)
    open_ledger(place, keys[0], settle_seconds=0.02, note_seconds=60)
    time.sleep(0.3)
    assert len(all_notes(place)) == 1


def test_each_note_names_the_one_before_and_all_chains(
    open_ledger: OpenLedger, place: Path, keys: Keys
) -> None:
    one = open_ledger(place, keys[0], settle_seconds=0.02)
    two = open_ledger(place, settle_seconds=0.02)  # without a key: others sign for it
    two.append_now(VIEWED)
    one.append_now(VIEWED)
    wait_for_notes(place, 1)
    one.append_now(VIEWED)
    assert (
        wait_for_notes(place, 2)[1].previous
        == sha256(rows(place, "SELECT note FROM notes WHERE number = 1")[0][0].encode()).hexdigest()
    )
    assert {head.writer for head in all_notes(place)[1].heads} == {one.writer, two.writer}


def test_a_stopped_chain_is_called_closed_once(open_ledger: OpenLedger, place: Path, keys: Keys) -> None:
    ledger = Ledger(place, keys[0], settle_seconds=0.02)
    ledger.start()
    ledger.append_now(VIEWED)
    wait_for_notes(place, 1)
    ledger.stop()
    assert [head.state for note in all_notes(place) for head in note.heads] == ["open", "closed"]
    later = open_ledger(place, keys[0], settle_seconds=0.02)
    later.append_now(VIEWED)
    last = wait_for_notes(place, 3)[-1]
    assert [head.writer for head in last.heads] == [later.writer]
    assert rows(place, "SELECT writer FROM leases") == [(later.writer,)]
    assert verified(place, keys[1]).ok


def test_the_chain_of_a_writer_that_is_gone_is_called_closed(
    open_ledger: OpenLedger, place: Path, keys: Keys
) -> None:
    gone = open_ledger(place, lease_seconds=3600)
    gone.append_now(VIEWED)
    open_ledger(place, keys[0], settle_seconds=0.02, clock=lambda: now() + timedelta(seconds=4000))
    (note,) = wait_for_notes(place, 1)
    assert [(head.writer, head.state) for head in note.heads] == [(gone.writer, "closed")]
    gone.append_now(VIEWED)  # under a new name, see test_sweep.py
    assert verified(place, keys[1]).ok


def test_a_chain_without_a_lease_is_not_left_out(open_ledger: OpenLedger, place: Path, keys: Keys) -> None:
    """The leases are no evidence: emptying them must not make a chain disappear from the notes."""
    ledger = open_ledger(place, keys[0], settle_seconds=0.02)
    old = ledger.append_now(VIEWED).writer
    wait_for_notes(place, 1)
    attack(place, "DELETE FROM leases")
    ledger.append_now(VIEWED)
    wait_for_notes(place, 2)
    assert [(head.writer == old, head.closed) for head in all_notes(place)[1].heads] in (
        [(True, True), (False, False)],
        [(False, False), (True, True)],
    )
    assert verified(place, keys[1]).ok


def test_no_note_is_signed_over_a_chain_that_contradicts_the_last_one(
    open_ledger: OpenLedger, place: Path, keys: Keys
) -> None:
    ledger = open_ledger(place, keys[0], settle_seconds=0.02)
    writer = ledger.append_now(VIEWED).writer
    wait_for_notes(place, 1)
    attack(place, "UPDATE records SET hash = printf('%064d', 7)")
    other = open_ledger(place, keys[0], settle_seconds=0.02)
    other.append_now(VIEWED)
    end = time.monotonic() + 10
    while other.note_trouble is None and time.monotonic() < end:
        time.sleep(0.02)
    assert writer in str(other.note_trouble)
    assert len(all_notes(place)) == 1


def test_without_a_key_there_are_no_notes_and_nothing_is_anchored(
    open_ledger: OpenLedger, place: Path
) -> None:
    ledger = open_ledger(place, settle_seconds=0.02, note_seconds=0.05)
    ledger.append_now(VIEWED)
    time.sleep(0.2)
    report = verified(place)
    assert (report.ok, report.checkpoints, report.unanchored) == (True, 0, 1)
