"""Verification: sound ledgers pass, and of every other one the writer and the index are named."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from audit import chain, notes, verify
from audit.ledger import Ledger
from audit.model import Draft
from tests.audit.ledgers import ROOT, asked, attack, rows, verified

Place = tuple[str, int]
"""(writer, index): where a record stands."""

COLUMNS = "at, kind, exchange, turn, body, text_commitment, prev, hash"


class Scene:
    """A ledger of three closed chains, some with text, all signed; copied afresh for each attack."""

    def __init__(self, folder: Path) -> None:
        self.ledger = folder / "ledger.sqlite"
        private, self.public = notes.create_keys(folder)
        for name in ("w-a", "w-b", "w-c"):
            ledger = Ledger(self.ledger, private, writer=name, settle_seconds=3600)
            ledger.start()
            for number in range(3):
                ledger.append_now(Draft("asked", f"{name}-{number}", asked(), "[PERSON_1]様"))
                ledger.append_now(Draft("answered", f"{name}-{number}", {"egress_state": "masked"}, "はい"))
            ledger.append_now(Draft("viewed", None, {"what": "search"}))
            ledger.stop()

    def copy(self, folder: Path) -> Path:
        return Path(shutil.copy(self.ledger, folder / "copy.sqlite"))


PLACES = [(writer, index) for writer in ("w-a", "w-b", "w-c") for index in range(1, 8)]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture
def copy(scene: Scene, tmp_path: Path) -> Path:
    return scene.copy(tmp_path)


def where(place: Place) -> str:
    return f"writer = '{place[0]}' AND idx = {place[1]}"


def first_bad(ledger: Path, scene: Scene) -> Place | None:
    """What verify names, with the key and without it: the same."""
    bad = verified(ledger, scene.public).first_bad
    assert verified(ledger).first_bad == bad
    return (bad.writer, bad.index) if bad else None


def hashed_again(ledger: Path, place: Place, previous: str | None = None) -> str:
    """Give a record the hash that fits what it says now, as somebody who has read chain.py would."""
    columns = "prev, writer, idx, at, kind, exchange, text_commitment, body"
    (row,) = rows(ledger, f"SELECT {columns} FROM records WHERE {where(place)}")
    digest = chain.seal(previous or row[0], *row[1:])
    attack(
        ledger, f"UPDATE records SET prev = '{previous or row[0]}', hash = '{digest}' WHERE {where(place)}"
    )
    return digest


def test_an_untouched_ledger_is_sound(copy: Path, scene: Scene) -> None:
    assert verified(copy, scene.public) == verify.Report(True, 21, 3, 3, 0, True, None)
    assert verified(copy) == verify.Report(True, 21, 3, 3, 0, False, None)


def test_an_empty_ledger_is_sound(ledger: Ledger) -> None:
    assert verified(ledger.path).ok


CHANGES = {
    "body": "body = replace(body, '{', '{\"x\":1,')",
    "one byte": "body = body || ' '",
    "at": "at = '2020' || substr(at, 5)",
    "kind": "kind = CASE kind WHEN 'answered' THEN 'failed' WHEN 'viewed' THEN 'noted' ELSE 'lost' END",
    "exchange": "exchange = coalesce(exchange, '') || 'x'",
    "commitment": "text_commitment = printf('%064d', 7)",
    "hash": "hash = printf('%064d', 7)",
    "prev": "prev = printf('%064d', 7)",
    "turn": "turn = coalesce(turn, 0) + 2",
    "blob": "body = ''",
}


@pytest.mark.requirement("R43")
@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_record_is_named(scene: Scene, tmp_path: Path, change: str) -> None:
    for place in PLACES:
        ledger = scene.copy(tmp_path)
        attack(ledger, f"UPDATE records SET {CHANGES[change]} WHERE {where(place)}")
        assert first_bad(ledger, scene) == place


@pytest.mark.requirement("R43")
def test_a_deleted_record_is_named(scene: Scene, tmp_path: Path) -> None:
    for place in PLACES:
        ledger = scene.copy(tmp_path)
        attack(ledger, f"DELETE FROM records WHERE {where(place)}")
        assert first_bad(ledger, scene) == place
        attack(ledger, f"DELETE FROM texts WHERE {where(place)} OR 1")
        assert first_bad(ledger, scene) == place


@pytest.mark.requirement("R43")
def test_of_two_swapped_records_the_first_is_named(scene: Scene, tmp_path: Path) -> None:
    for first, second in zip(PLACES, [*PLACES[1:], PLACES[0]], strict=True):
        ledger = scene.copy(tmp_path)
        (one,) = rows(ledger, f"SELECT rowid FROM records WHERE {where(first)}")[0]
        (two,) = rows(ledger, f"SELECT rowid FROM records WHERE {where(second)}")[0]
        attack(
            ledger,
            f"UPDATE records SET writer = 'elsewhere' WHERE rowid = {one}",
            f"UPDATE records SET writer = '{first[0]}', idx = {first[1]} WHERE rowid = {two}",
            f"UPDATE records SET writer = '{second[0]}', idx = {second[1]} WHERE rowid = {one}",
        )
        assert first_bad(ledger, scene) == min(first, second)


@pytest.mark.requirement("R43")
def test_an_inserted_record_is_named(scene: Scene, tmp_path: Path) -> None:
    """Put in before, between and after; the ones behind are moved up so that no number is missing."""
    for writer, index in [*PLACES, ("w-a", 8), ("w-c", 8)]:
        ledger = scene.copy(tmp_path)
        digest = chain.seal("0" * 64, writer, index, "2026", "viewed", None, None, "{}")
        insert = (
            f"INSERT INTO records (writer, idx, {COLUMNS}) VALUES ('{writer}', {index}, '2026', 'viewed',"
            f" NULL, NULL, '{{}}', NULL, printf('%064d', 0), '{digest}')"
        )
        attack(ledger, *([] if index == 8 else moved_up(writer, index)), insert)
        assert first_bad(ledger, scene) == (writer, index)


def moved_up(writer: str, index: int) -> list[str]:
    behind = f"WHERE writer = '{writer}' AND idx >= {index}"
    return [
        f"UPDATE {table} SET {change}"
        for table in (["records", "texts"] if index < 7 else ["records"])
        for change in (f"idx = -idx {behind}", f"idx = 1 - idx WHERE writer = '{writer}' AND idx < 0")
    ]


def test_a_record_that_was_changed_and_hashed_again_is_named(scene: Scene, tmp_path: Path) -> None:
    for place in PLACES:
        ledger = scene.copy(tmp_path)
        attack(ledger, f"UPDATE records SET {CHANGES['body']} WHERE {where(place)}")
        hashed_again(ledger, place)
        assert first_bad(ledger, scene) == place


def test_a_chain_that_was_rewritten_to_its_end_contradicts_the_note(copy: Path, scene: Scene) -> None:
    """Every hash fits; only the signature over the old head tells."""
    attack(copy, f"UPDATE records SET {CHANGES['body']} WHERE writer = 'w-b' AND idx = 3")
    previous = None
    for index in range(3, 8):
        previous = hashed_again(copy, ("w-b", index), previous)
    bad = verified(copy, scene.public).first_bad
    assert bad and (bad.writer, bad.index) == ("w-b", 7)
    assert "signed over" in bad.reason


def test_an_earlier_note_convicts_as_well_as_the_last(
    open_ledger: Callable[..., Ledger], place: Path, keys: tuple[Path, Path]
) -> None:
    """A ledger that went on signing after the forgery does not make it true."""
    ledger = open_ledger(place, keys[0], settle_seconds=0.01, writer="w-x")
    for number in range(3):
        ledger.append_now(Draft("viewed", None, {"n": number}))
        _wait_for_note(place, number + 1)
    ledger.stop()
    rewritten = rows(place, "SELECT note FROM notes WHERE number = 2")[0][0]
    attack(place, "UPDATE records SET body = '{}' WHERE idx = 1")
    previous = None
    for index in (1, 2, 3):
        previous = hashed_again(place, ("w-x", index), previous)
    signer = notes.Signer.load(keys[0])
    last = notes.read(rows(place, "SELECT note FROM notes WHERE number = 4")[0][0])
    forged = notes.Note(
        3, last.at, notes.digest(rewritten), (notes.ChainHead("w-x", 3, str(previous), True),)
    )
    attack(place, "DELETE FROM notes WHERE number > 2")
    _put_note(place, 3, signer.sign(forged))
    bad = verified(place, keys[1]).first_bad
    assert bad and (bad.writer, bad.index) == ("w-x", 1)


def _wait_for_note(place: Path, number: int) -> None:
    end = time.monotonic() + 10
    while not rows(place, f"SELECT 1 FROM notes WHERE number = {number}") and time.monotonic() < end:
        time.sleep(0.01)


def _put_note(place: Path, number: int, signed: str) -> None:
    connection = sqlite3.connect(place)
    connection.execute("INSERT INTO notes VALUES (?, 'now', ?)", (number, signed))
    connection.commit()
    connection.close()


@pytest.mark.parametrize("count", [1, 3, 7])
def test_a_tail_that_is_missing_is_named_by_its_first_record(copy: Path, scene: Scene, count: int) -> None:
    attack(copy, f"DELETE FROM records WHERE writer = 'w-b' AND idx > {7 - count}", "DELETE FROM texts")
    assert first_bad(copy, scene) == ("w-b", 8 - count)


def test_a_changed_text_is_named(scene: Scene, tmp_path: Path) -> None:
    for writer, index in PLACES:
        if index == 7:
            continue  # a viewed record has no text
        for change in ("text = text || ' '", "salt = printf('%064d', 7)"):
            ledger = scene.copy(tmp_path)
            attack(ledger, f"UPDATE texts SET {change} WHERE writer = '{writer}' AND idx = {index}")
            assert first_bad(ledger, scene) == (writer, index)


def test_a_text_put_in_beside_a_record_is_named(copy: Path, scene: Scene) -> None:
    attack(copy, "INSERT INTO texts VALUES ('w-b', 7, printf('%064d', 7), 'never said')")
    assert first_bad(copy, scene) == ("w-b", 7)


def test_an_erased_text_leaves_the_ledger_sound(copy: Path, scene: Scene) -> None:
    """When its time is over a text goes, with its salt; the record stays and verifies."""
    attack(copy, "DELETE FROM texts WHERE idx < 4")
    assert first_bad(copy, scene) is None


def test_a_record_that_is_there_twice_is_named(copy: Path, scene: Scene) -> None:
    attack(
        copy,
        "CREATE TABLE other AS SELECT * FROM records",
        "DROP TABLE records",
        "ALTER TABLE other RENAME TO records",
        "INSERT INTO records SELECT * FROM records WHERE writer = 'w-b' AND idx = 2",
    )
    assert first_bad(copy, scene) == ("w-b", 3)


def test_a_last_record_that_no_note_covers_is_missed_by_its_text(ledger: Ledger) -> None:
    """Without a note the end of a chain can be cut off; a text that stayed behind still tells."""
    for number in range(3):
        ledger.append_now(Draft("asked", f"x-{number}", {}, "masked"))
    attack(ledger.path, "DELETE FROM records WHERE idx = 3")
    bad = verified(ledger.path).first_bad
    assert bad and (bad.writer, bad.index) == (ledger.writer, 3)


# ── exchanges ────────────────────────────────────────────────────────────────────────────────────


def forged(ledger: Path, kind: str, exchange: str, turn: int) -> Place:
    """Append a record that fits the open chain to the byte, as somebody who can write the file could."""
    (last,) = rows(ledger, "SELECT writer, idx, at, hash FROM records ORDER BY idx DESC LIMIT 1")
    writer, index, at, previous = last
    digest = chain.seal(previous, writer, index + 1, at, kind, exchange, None, "{}")
    attack(
        ledger,
        "CREATE TABLE other AS SELECT * FROM records",
        "DROP TABLE records",
        "ALTER TABLE other RENAME TO records",
        f"INSERT INTO records (writer, idx, {COLUMNS}) VALUES ('{writer}', {index + 1}, '{at}', '{kind}',"
        f" '{exchange}', {turn}, '{{}}', NULL, '{previous}', '{digest}')",
    )
    return writer, index + 1


@pytest.fixture
def open_chain(ledger: Ledger) -> Path:
    ledger.append_now(Draft("asked", "x-1", {}))
    ledger.append_now(Draft("answered", "x-1", {}))
    ledger.append_now(Draft("asked", "x-2", {}))
    return ledger.path


def test_an_open_exchange_is_no_fault(open_chain: Path) -> None:
    assert verified(open_chain).ok


@pytest.mark.parametrize(
    ("kind", "exchange", "turn"),
    [("failed", "x-1", 2), ("answered", "never-asked", 2), ("asked", "x-1", 1)],
)
def test_an_exchange_with_two_endings_or_without_its_question_is_named(
    open_chain: Path, kind: str, exchange: str, turn: int
) -> None:
    place = forged(open_chain, kind, exchange, turn)
    bad = verified(open_chain).first_bad
    assert bad and (bad.writer, bad.index) == place


def test_a_chain_that_grew_after_it_was_closed_is_named(copy: Path, scene: Scene) -> None:
    forged(copy, "asked", "x-new", 1)
    bad = verified(copy, scene.public).first_bad
    assert bad and bad.index == 8 and "closed" in bad.reason


# ── notes ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("attack_on_notes", "number", "reason"),
    [
        ("DELETE FROM notes WHERE number = 1", 1, "the note is missing"),
        ("DELETE FROM notes WHERE number = 2", 2, "the note is missing"),
        ("UPDATE notes SET note = replace(note, ' 7 ', ' 6 ') WHERE number = 2", 2, "not signed by this key"),
        ("UPDATE notes SET note = 'nonsense' WHERE number = 2", 2, "cannot be read"),
        ("UPDATE notes SET note = NULL WHERE number = 2", 2, "cannot be read"),
        ("UPDATE notes SET note = note || char(10) WHERE number = 2", 2, "cannot be read"),
        (
            "UPDATE notes SET note = (SELECT note FROM notes WHERE number = 1) WHERE number = 2",
            2,
            "this number",
        ),
    ],
)
def test_a_note_that_was_touched_is_named(
    copy: Path, scene: Scene, attack_on_notes: str, number: int, reason: str
) -> None:
    if "NULL" in attack_on_notes:
        attack_on_notes = attack_on_notes.replace("NULL", "''")
    attack(copy, attack_on_notes)
    bad = verified(copy, scene.public).first_bad
    assert bad and (bad.writer, bad.index) == ("notes", number)
    assert reason in bad.reason


def test_notes_that_another_key_signed_are_not_believed(copy: Path, tmp_path: Path) -> None:
    _, public = notes.create_keys(tmp_path / "other")
    bad = verified(copy, public).first_bad
    assert bad == verify.Bad("notes", 1, "the note is not signed by this key")


def resigned(copy: Path, scene: Scene, change: Callable[[notes.Note], notes.Note]) -> verify.Bad | None:
    """Replace the last note by one that the true key signed and that says something else."""
    ((signed,),) = rows(copy, "SELECT note FROM notes WHERE number = 3")
    attack(copy, "DELETE FROM notes WHERE number = 3")
    signer = notes.Signer.load(scene.public.with_name("signing.pem"))
    _put_note(copy, 3, signer.sign(change(notes.read(signed))))
    return verified(copy, scene.public).first_bad


def test_a_note_that_does_not_follow_the_one_before_is_named(copy: Path, scene: Scene) -> None:
    def turn(note: notes.Note) -> notes.Note:
        return notes.Note(3, note.at, "0" * 64, note.heads)

    assert resigned(copy, scene, turn) == verify.Bad("notes", 3, "the note before was changed")


def test_a_closed_chain_that_is_listed_again_is_named(copy: Path, scene: Scene) -> None:
    (before,) = notes.read(rows(copy, "SELECT note FROM notes WHERE number = 2")[0][0]).heads

    def turn(note: notes.Note) -> notes.Note:
        return notes.Note(3, note.at, note.previous, (*note.heads, before))

    bad = resigned(copy, scene, turn)
    assert bad and (bad.writer, bad.index) == ("notes", 3)


def test_a_closed_chain_that_a_note_lets_grow_is_named(copy: Path, scene: Scene) -> None:
    def turn(note: notes.Note) -> notes.Note:
        return notes.Note(
            3, note.at, note.previous, (*note.heads, notes.ChainHead("w-b", 8, "e" * 64, False))
        )

    bad = resigned(copy, scene, turn)
    assert bad and (bad.writer, bad.index) == ("notes", 3)


def test_an_open_chain_that_a_note_leaves_out_is_named(
    open_ledger: Callable[..., Ledger], place: Path, keys: tuple[Path, Path]
) -> None:
    ledger = open_ledger(place, keys[0], settle_seconds=0.01)
    ledger.append_now(Draft("viewed", None, {}))
    _wait_for_note(place, 1)
    ((signed,),) = rows(place, "SELECT note FROM notes")
    silent = notes.Note(2, "2026-11-23T05:21:00.123456Z", notes.digest(signed), ())
    _put_note(place, 2, notes.Signer.load(keys[0]).sign(silent))
    bad = verified(place, keys[1]).first_bad
    assert bad and (bad.writer, bad.index) == ("notes", 2)
    assert "leaves out" in bad.reason


def test_the_openssl_program_checks_as_cryptography_does(
    copy: Path, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "_with_cryptography", lambda raw: None)
    assert verified(copy, scene.public).ok
    attack(copy, "UPDATE notes SET note = replace(note, ' 7 ', ' 6 ') WHERE number = 2")
    bad = verified(copy, scene.public).first_bad
    assert bad and "not signed" in bad.reason


def test_without_any_means_to_check_a_signature_it_says_so(
    copy: Path, scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verify, "_with_cryptography", lambda raw: None)
    monkeypatch.setenv("PATH", "/nowhere")
    assert verify.main([str(copy), "--public-key", str(scene.public)]) == 2
    assert "openssl" in capsys.readouterr().err


# ── the command ──────────────────────────────────────────────────────────────────────────────────


def run_alone(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The file by itself, in a folder of its own, with an interpreter that sees no packages."""
    script = shutil.copy(ROOT / "audit" / "verify.py", folder / "verify_alone.py")
    command = [sys.executable, "-I", "-S", str(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def test_it_runs_alone(copy: Path, scene: Scene, tmp_path: Path) -> None:
    """No package is installed there: signatures go through the openssl program."""
    done = run_alone(tmp_path, copy, "--public-key", scene.public, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "ok": True,
        "records": 21,
        "writers": 3,
        "checkpoints": 3,
        "unanchored": 0,
        "signatures": True,
        "first_bad": None,
    }


def test_it_says_what_is_wrong_and_exits_1(copy: Path, tmp_path: Path) -> None:
    attack(copy, "DELETE FROM records WHERE writer = 'w-b' AND idx = 2")
    done = run_alone(tmp_path, copy, "--json")
    assert done.returncode == 1
    bad = {"writer": "w-b", "index": 2, "reason": "the record is missing"}
    assert json.loads(done.stdout)["first_bad"] == bad
    done = run_alone(tmp_path, copy)
    assert "w-b" in done.stdout and "署名は確かめていません" in done.stdout


@pytest.mark.parametrize("content", [None, b"", b"not a database at all" * 100])
def test_what_is_no_ledger_exits_2_with_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.sqlite"
    if content is not None:
        path.write_bytes(content)
    done = run_alone(tmp_path, path, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_key_beside_the_ledger_is_used(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main([str(scene.ledger), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["signatures"] is True


def test_it_changes_nothing_and_leaves_no_file_behind(copy: Path) -> None:
    before = (copy.read_bytes(), sorted(path.name for path in copy.parent.iterdir()))
    os.chmod(copy, 0o444)
    assert verified(copy).ok
    assert (copy.read_bytes(), sorted(path.name for path in copy.parent.iterdir())) == before


def test_a_ledger_is_verified_while_it_is_written(open_ledger: Callable[..., Ledger], place: Path) -> None:
    ledger = open_ledger(place)
    sizes = []
    for number in range(30):
        ledger.append_now(Draft("asked", f"x-{number}", {}, "masked"))
        report = verified(place)
        assert report.ok
        sizes.append(report.records)
    assert sizes == list(range(1, 31))


def test_a_ledger_that_awakes_while_it_is_verified_is_read_again(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At rest it is read as a file that never changes; what was read beside a writer may be torn."""
    read: list[verify.Report] = []
    quietly = verify._verify

    def awaken(connection: sqlite3.Connection, check: verify.Check | None) -> verify.Report:
        report = quietly(connection, check)
        if not read:
            ledger = Ledger(copy)
            ledger.start()
            ledger.append_now(Draft("viewed", None, {}))
            ledger.stop()
        read.append(report)
        return report

    monkeypatch.setattr(verify, "_verify", awaken)
    assert verified(copy).records == 22
    assert len(read) == 2
