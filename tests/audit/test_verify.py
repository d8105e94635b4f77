"""Verification of records: sound ledgers pass, and of every other one the writer and the index are named.

Each attack is made on a SQLite file; that the lines of an export are judged alike is held for each as well.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from audit import chain, verify
from tests.audit.books import KEY, Book
from tests.audit.ledgers import attack, rows

Place = tuple[str, int]
"""(writer, index): where a record stands."""

COLUMNS = "at, kind, exchange, turn, body, text_commitment, prev, hash"
WRITERS = ("w-a", "w-b", "w-c")
PLACES = [(writer, index) for writer in WRITERS for index in range(1, 8)]


def three_chains() -> Book:
    """Three closed chains of seven records with text, each signed as it was closed."""
    book = Book()
    for writer in WRITERS:
        for number in range(3):
            book.exchange(writer, f"{writer}-{number}")
        book.write(writer, "viewed", what="search")
        book.note((writer, "closed"))
    return book


class Scene:
    """A ledger that is copied afresh for each attack, and its public key."""

    def __init__(self, folder: Path, schema: int = 2) -> None:
        self.public = folder / "public.pem"
        self.public.write_text(KEY.pem)
        self.ledger = three_chains().sqlite(folder / "ledger.sqlite", schema)

    def copy(self, folder: Path) -> Path:
        return Path(shutil.copy(self.ledger, folder / "copy.sqlite"))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture
def copy(scene: Scene, tmp_path: Path) -> Path:
    return scene.copy(tmp_path)


def where(place: Place) -> str:
    return f"writer = '{place[0]}' AND idx = {place[1]}"


@contextmanager
def exported(ledger: Path) -> Iterator[Path]:
    """The lines that the verifier reads from a SQLite file, as an export."""
    connection = verify.open_ledger(ledger, "mode=ro")
    path = ledger.with_suffix(".export")
    path.write_bytes(b"".join(line + b"\n" for line in verify.sqlite_lines(connection)))
    connection.close()
    yield path
    path.unlink()


def bad(ledger: Path, scene: Scene) -> verify.Bad | None:
    """What verify finds with the key, without it, and in an export: the same."""
    found = verify.verify(ledger, scene.public).first_bad
    assert verify.verify(ledger).first_bad == found
    with exported(ledger) as path:
        assert verify.verify(path, scene.public).first_bad == found
    return found


def named(ledger: Path, scene: Scene) -> Place | None:
    found = bad(ledger, scene)
    return (found.writer, found.index) if found else None


def hashed_again(ledger: Path, place: Place, previous: str | None = None) -> str:
    """Give a record the hash that fits what it says now, as somebody who has read chain.py would."""
    columns = "prev, writer, idx, at, kind, exchange, text_commitment, body"
    (row,) = rows(ledger, f"SELECT {columns} FROM records WHERE {where(place)}")
    digest = chain.seal(previous or row[0], *row[1:])
    attack(
        ledger, f"UPDATE records SET prev = '{previous or row[0]}', hash = '{digest}' WHERE {where(place)}"
    )
    return digest


@pytest.mark.parametrize("schema", verify.SCHEMAS)
def test_an_untouched_ledger_is_sound(tmp_path: Path, schema: int) -> None:
    scene = Scene(tmp_path, schema)
    report = verify.verify(scene.ledger, scene.public)
    assert (report.ok, report.signatures, report.first_bad) == (True, True, None)
    assert (report.records, report.writers, report.checkpoints, report.unanchored) == (21, 3, 3, 0)
    assert (report.texts, report.texts_erased, report.purged_chains) == (18, 0, 0)
    assert not verify.verify(scene.ledger).signatures


def test_an_empty_ledger_is_sound(tmp_path: Path) -> None:
    report = verify.verify(Book().sqlite(tmp_path / "empty.sqlite"))
    assert report.ok and report.newest_note is None


def test_a_sqlite_ledger_is_read_as_the_lines_of_its_export(scene: Scene) -> None:
    with exported(scene.ledger) as path:
        assert path.read_text("utf-8").splitlines() == three_chains().export()


CHANGES = {
    "body": "body = replace(body, '{', '{\"x\":1,')",
    "one byte": "body = body || ' '",
    "at": "at = '2020' || substr(at, 5)",
    "kind": "kind = CASE kind WHEN 'answered' THEN 'failed' WHEN 'viewed' THEN 'noted' ELSE 'lost' END",
    "exchange": "exchange = coalesce(exchange, '') || 'x'",
    "commitment": "text_commitment = printf('%064d', 7)",
    "hash": "hash = printf('%064d', 7)",
    "short hash": "hash = '7'",
    "prev": "prev = printf('%064d', 7)",
    "turn": "turn = coalesce(turn, 0) + 2",
    "blank": "body = ''",
    "two fields": "body = body || char(9) || 'x'",
    "two lines": "at = at || char(10) || 'x'",
    "nul": "body = body || char(0)",
    "dash": "text_commitment = '-'",
}


@pytest.mark.requirement("R43")
@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_record_is_named(scene: Scene, tmp_path: Path, change: str) -> None:
    for place in PLACES:
        ledger = scene.copy(tmp_path)
        attack(ledger, f"UPDATE records SET {CHANGES[change]} WHERE {where(place)}")
        assert named(ledger, scene) == place


@pytest.mark.requirement("R43")
def test_a_deleted_record_is_named(scene: Scene, tmp_path: Path) -> None:
    for place in PLACES:
        ledger = scene.copy(tmp_path)
        attack(ledger, f"DELETE FROM records WHERE {where(place)}")
        assert named(ledger, scene) == place
        attack(ledger, f"DELETE FROM texts WHERE {where(place)} OR 1")
        assert named(ledger, scene) == place


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
        assert named(ledger, scene) == min(first, second)


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
        assert named(ledger, scene) == (writer, index)


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
        assert named(ledger, scene) == place


def test_a_chain_that_was_rewritten_to_its_end_contradicts_the_note(copy: Path, scene: Scene) -> None:
    """Every hash fits; only the signature over the old head tells."""
    attack(copy, f"UPDATE records SET {CHANGES['body']} WHERE writer = 'w-b' AND idx = 3")
    previous = None
    for index in range(3, 8):
        previous = hashed_again(copy, ("w-b", index), previous)
    found = verify.verify(copy, scene.public).first_bad
    assert found and (found.writer, found.index, found.code) == ("w-b", 7, "record_not_signed")


def test_an_earlier_note_convicts_as_well_as_the_last(tmp_path: Path) -> None:
    """A ledger that went on signing after the forgery does not make it true."""
    book, forged = Book(), Book()
    for each, body in ((book, "true"), (forged, "false")):
        for _ in range(3):
            each.write("w-x", "viewed", what=body)
    book.note(("w-x", "open"))
    forged.notes.append(book.notes[0])
    forged.write("w-x", "viewed")
    forged.note(("w-x", "closed"))
    found = verify.verify(forged.sqlite(tmp_path / "forged.sqlite")).first_bad
    assert found == verify.Bad(
        "w-x", 3, "record_not_signed", "the record is not the one that note 1 was signed over"
    )


@pytest.mark.parametrize("count", [1, 3, 7])
def test_a_tail_that_is_missing_is_named_by_its_first_record(copy: Path, scene: Scene, count: int) -> None:
    attack(copy, f"DELETE FROM records WHERE writer = 'w-b' AND idx > {7 - count}", "DELETE FROM texts")
    assert named(copy, scene) == ("w-b", 8 - count)


def test_a_record_that_is_there_twice_is_named(copy: Path, scene: Scene) -> None:
    attack(copy, *freed(), "INSERT INTO records SELECT * FROM records WHERE writer = 'w-b' AND idx = 2")
    assert named(copy, scene) == ("w-b", 3)


def freed(table: str = "records") -> list[str]:
    """Without keys, types and laws."""
    return [
        f"CREATE TABLE other AS SELECT * FROM {table}",
        f"DROP TABLE {table}",
        f"ALTER TABLE other RENAME TO {table}",
    ]


STRANGE = ("NULL", "x'ff00'", "CAST({column} AS BLOB)", "1.5", "''", "char(9)", "char(10)")


@pytest.mark.parametrize("column", ["idx", *COLUMNS.split(", ")])
def test_whatever_is_in_a_column_the_record_is_named_and_nothing_breaks(
    scene: Scene, tmp_path: Path, column: str
) -> None:
    """A blob of the same bytes says the same; then the type alone is no fault."""
    place = ("w-b", 4)
    for value in STRANGE:
        ledger = scene.copy(tmp_path)
        change = f"UPDATE records SET {column} = {value.format(column=column)} WHERE {where(place)}"
        attack(ledger, *freed(), change)
        found = bad(ledger, scene)
        assert found is None if "BLOB" in value and found is None else found and found.writer == "w-b"


@pytest.mark.parametrize("value", STRANGE)
def test_whatever_is_in_a_writer_s_name_it_is_found(copy: Path, scene: Scene, value: str) -> None:
    change = f"UPDATE records SET writer = {value.format(column='writer')} WHERE writer = 'w-b' AND idx > 3"
    attack(copy, *freed(), change)
    assert bad(copy, scene)


@pytest.mark.parametrize(
    "notes",
    [
        "CREATE VIEW notes AS WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)"
        " SELECT n AS number, '' AS at, '' AS note FROM c",
        "CREATE VIRTUAL TABLE notes USING fts5 (number, at, note)",
        "CREATE TABLE notes (number, at, note GENERATED ALWAYS AS (hex(zeroblob(9))) VIRTUAL)",
        "CREATE TABLE other (number, at, note)",
    ],
)
def test_what_only_looks_like_a_table_is_not_read(copy: Path, notes: str) -> None:
    attack(copy, "DROP TABLE notes", notes)
    with pytest.raises(ValueError, match="not three tables"):
        verify.verify(copy)


def test_a_question_of_a_writer_without_a_type_is_named(copy: Path) -> None:
    attack(copy, *freed(), *freed("texts"), *freed("notes"))
    attack(copy, "DELETE FROM records", "DELETE FROM texts", "DELETE FROM notes")
    previous = "0" * 64
    for index, kind in enumerate(("asked", "answered", "asked", "answered"), 1):
        digest = chain.seal(previous, "5", index, "at", kind, "e", None, "{}")
        turn = 1 + (kind != "asked")
        values = f"5, '{index}', 'at', '{kind}', 'e', {turn}, '{{}}', NULL, '{previous}', '{digest}'"
        attack(
            copy,
            "INSERT INTO records (writer, idx, at, kind, exchange, turn, body, text_commitment, prev, hash)"
            f" VALUES ({values})",
        )
        previous = digest
    found = verify.verify(copy).first_bad
    assert found and (found.writer, found.index, found.code) == ("5", 3, "question_repeated")


SPILL = """
import os, sqlite3, sys
line = sqlite3.connect(sys.argv[1], isolation_level=None)
line.execute("PRAGMA cache_size = 1")
line.execute("BEGIN")
line.execute("UPDATE records SET body = '{}' || hex(zeroblob(3000))")
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_writer_left_half_written_is_not_judged(copy: Path) -> None:
    """Its journal says how it was before; whoever may only read cannot put that back."""
    subprocess.run([sys.executable, "-c", SPILL, str(copy)], check=False)
    assert copy.with_name(copy.name + "-journal").stat().st_size
    with pytest.raises(sqlite3.OperationalError):
        verify.verify(copy)


def test_it_changes_nothing_and_leaves_no_file_behind(copy: Path) -> None:
    before = (copy.read_bytes(), sorted(path.name for path in copy.parent.iterdir()))
    os.chmod(copy, 0o444)
    assert verify.verify(copy).ok
    assert (copy.read_bytes(), sorted(path.name for path in copy.parent.iterdir())) == before
