"""Signed notes: their form, when they come, and what they cover."""

import asyncio
import base64
import time
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from audit import notes
from audit.ledger import Ledger
from audit.model import Draft
from audit.names import now
from tests.audit.ledgers import attack, rows, verified

OpenLedger = Callable[..., Ledger]
Keys = tuple[Path, Path]
VIEWED = Draft("viewed", None, {})

HEADS = (
    notes.ChainHead("w20261123T052100Z-4f9c2a", 41, "a" * 64, False),
    notes.ChainHead("w20261122T230000Z-11d0e3", 9, "b" * 64, True),
)
NOTE = notes.Note(7, "2026-11-23T05:21:00.123456Z", "c" * 64, HEADS)


def all_notes(place: Path) -> list[notes.Note]:
    return [notes.read(signed) for (signed,) in rows(place, "SELECT note FROM notes ORDER BY number")]


def wait_for_notes(place: Path, count: int, seconds: float = 10.0) -> list[notes.Note]:
    end = time.monotonic() + seconds
    while len(all_notes(place)) < count and time.monotonic() < end:
        time.sleep(0.02)
    return all_notes(place)


def test_the_form_is_the_one_that_is_documented() -> None:
    assert NOTE.text() == (
        "sekisho/ledger\n"
        "7\n"
        "2026-11-23T05:21:00.123456Z\n"
        f"{'c' * 64}\n"
        f"w20261122T230000Z-11d0e3 9 {'b' * 64} closed\n"
        f"w20261123T052100Z-4f9c2a 41 {'a' * 64} open\n"
    )


def test_the_signature_is_that_of_signed_note(keys: Keys) -> None:
    """https://c2sp.org/signed-note: the key hash, then Ed25519 over the text, in base64."""
    private, public_pem = keys
    text, _, line = notes.Signer.load(private).sign(NOTE).partition("\n\n")
    mark, name, encoded = line.removesuffix("\n").split(" ")
    signature = base64.b64decode(encoded)
    public = load_pem_public_key(public_pem.read_bytes())
    raw = public.public_bytes_raw()  # type: ignore[union-attr]
    assert (mark, name) == ("—", "sekisho/ledger")
    assert signature[:4] == sha256(b"sekisho/ledger\n\x01" + raw).digest()[:4]
    public.verify(signature[4:], (text + "\n").encode())  # type: ignore[union-attr, call-arg]
    with pytest.raises(InvalidSignature):
        public.verify(signature[4:], text.encode())  # type: ignore[union-attr, call-arg]


def test_a_note_is_read_as_it_was_written(keys: Keys) -> None:
    signed = notes.Signer.load(keys[0]).sign(NOTE)
    assert notes.read(signed) == notes.Note(7, NOTE.at, NOTE.previous, (HEADS[1], HEADS[0]))


@pytest.mark.parametrize(
    "old, new", [("open", "ajar"), ("7\n", "07\n"), ("sekisho/", "other/"), (" 41 ", "  41 ")]
)
def test_a_note_has_one_form_only(keys: Keys, old: str, new: str) -> None:
    signed = notes.Signer.load(keys[0]).sign(NOTE)
    with pytest.raises(ValueError):
        notes.read(signed.replace(old, new, 1))


def test_the_private_key_is_for_its_owner_only_and_never_replaced(tmp_path: Path) -> None:
    private, public = notes.create_keys(tmp_path)
    assert private.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        notes.create_keys(tmp_path)
    assert "PRIVATE" not in public.read_text()
    assert "PRIVATE" not in repr(notes.Signer.load(private))


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
    assert note.heads == (notes.ChainHead(record.writer, 1, record.hash, False),)
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
    assert [head.closed for note in all_notes(place) for head in note.heads] == [False, True]
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
    open_ledger(place, keys[0], settle_seconds=0.02, clock=lambda: now() + timedelta(seconds=3700))
    (note,) = wait_for_notes(place, 1)
    assert [(head.writer, head.closed) for head in note.heads] == [(gone.writer, True)]
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
