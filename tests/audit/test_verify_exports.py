"""Verification of exports: cut short anywhere, zipped, continued from a note, without texts, against anchors."""

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from audit import export, verify
from audit.address import Address
from audit.query import reading
from audit.verdict import verdict
from tests.audit.books import KEY, OTHER, A, B, Book, C
from tests.audit.ledgers import attack
from tests.audit.tampered import book as whole_book
from tests.audit.tampered import erased, forked

SIZES = {A: 5, B: 2}
"""What note 2 covers."""


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "public.pem"
    path.write_text(KEY.pem)
    return path


def file(folder: Path, content: str | bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def text_of(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


def named(report: verify.Report) -> tuple[str, int, str] | None:
    found = report.first_bad
    return (found.writer, found.index, found.code) if found else None


# ── the file ─────────────────────────────────────────────────────────────────────────────────────


def test_an_export_that_was_cut_anywhere_is_never_taken_for_sound(tmp_path: Path, key: Path) -> None:
    whole = text_of(whole_book().export()).encode()
    header = whole.index(b"\n") + 1
    for end in range(header, len(whole), 23):
        report = verify.verify(file(tmp_path, whole[:end]), key)
        assert named(report) == ("export", whole[:end].count(b"\n") + 1, "export_cut_short")


def test_a_zipped_export_is_read_alike_and_its_end_is_missed_as_well(tmp_path: Path, key: Path) -> None:
    whole = text_of(whole_book().export()).encode()
    plain = verify.verify(file(tmp_path, whole), key)
    packed = gzip.compress(whole)
    assert verify.verify(file(tmp_path, packed, "export.gz"), key) == plain
    report = verify.verify(file(tmp_path, packed[:-300], "export.gz"), key)
    assert report.first_bad and report.first_bad.code == "export_cut_short"


def test_a_zipped_export_that_was_damaged_could_not_be_checked(tmp_path: Path, key: Path) -> None:
    packed = bytearray(gzip.compress(text_of(whole_book().export()).encode()))
    packed[len(packed) // 2] ^= 255
    assert verify.main([str(file(tmp_path, bytes(packed))), "--public-key", str(key)]) == 2


def test_a_zipped_export_whose_last_bytes_are_missing_is_not_sound(tmp_path: Path, key: Path) -> None:
    packed = gzip.compress(text_of(whole_book().export()).encode())
    for cut in range(1, 40):
        report = verify.verify(file(tmp_path, packed[:-cut], "export.gz"), key)
        assert report.first_bad and report.first_bad.code == "export_cut_short", cut


def test_bytes_behind_the_last_newline_are_no_part_of_a_sound_export(tmp_path: Path, key: Path) -> None:
    lines = whole_book().export()
    report = verify.verify(file(tmp_path, text_of(lines) + "garbage"), key)
    assert named(report) == ("export", len(lines) + 1, "export_cut_short")


def test_lines_are_counted_whatever_is_wrong_with_them(tmp_path: Path, key: Path) -> None:
    lines = whole_book().export()
    sound = verify.verify(file(tmp_path, text_of(lines)), key)
    note = next(line for line in lines if line.startswith("n\t"))
    behind = verify.verify(file(tmp_path, text_of([*lines, note])), key)
    between = verify.verify(file(tmp_path, text_of([*lines[:-1], note, lines[-1]])), key)
    assert (behind.checkpoints, between.checkpoints) == (sound.checkpoints + 1,) * 2


def test_nothing_may_stand_behind_the_last_line(tmp_path: Path) -> None:
    lines = whole_book().export()
    report = verify.verify(file(tmp_path, text_of([*lines, lines[-2]])))
    assert named(report) == ("export", len(lines) + 1, "line_unknown")


def test_lines_may_come_with_their_newline_or_without() -> None:
    lines = [line.encode() for line in whole_book().export()]
    assert verify.verify_lines(lines) == verify.verify_lines(line + b"\n" for line in lines)
    assert verify.verify_lines(lines).ok


def test_a_newline_inside_a_line_does_not_pass_for_the_end_of_a_field() -> None:
    lines = [line.encode() for line in whole_book().export()]
    found = verify.verify_lines(line.replace(b"\tviewed\t", b"\tviewed\n") for line in lines).first_bad
    assert found and (found.writer, found.index) == (A, 5)


# ── texts ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("change", ["text = text || ' '", "salt = printf('%064d', 7)", "text = ''"])
def test_a_changed_text_is_named(tmp_path: Path, change: str) -> None:
    ledger = whole_book().sqlite(tmp_path / "ledger.sqlite")
    attack(ledger, f"UPDATE texts SET {change} WHERE writer = '{B}' AND idx = 3")
    assert named(verify.verify(ledger)) == (B, 3, "text_changed")


def test_a_text_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    lines = [line.replace('"\\tx-3', '"\\ud800x-3') for line in whole_book().export()]
    assert named(verify.verify(file(tmp_path, text_of(lines)))) == (B, 2, "text_unreadable")
    ledger = whole_book().sqlite(tmp_path / "ledger.sqlite")
    attack(ledger, f"UPDATE texts SET text = CAST(x'ff' AS TEXT) WHERE writer = '{B}' AND idx = 2")
    assert named(verify.verify(ledger)) == (B, 2, "text_unreadable")


def test_a_text_put_in_beside_a_record_is_named(tmp_path: Path) -> None:
    ledger = whole_book().sqlite(tmp_path / "ledger.sqlite")
    attack(ledger, f"INSERT INTO texts VALUES ('{A}', 5, printf('%064d', 7), 'never said')")
    assert named(verify.verify(ledger)) == (A, 5, "text_put_in")


def test_a_last_record_that_no_note_covers_is_missed_by_its_text(tmp_path: Path) -> None:
    """Without a note the end of a chain can be cut off; a text that stayed behind still tells."""
    book = Book()
    book.exchange(A, "x-1")
    ledger = book.sqlite(tmp_path / "ledger.sqlite")
    attack(ledger, "DELETE FROM records WHERE idx = 2")
    assert named(verify.verify(ledger)) == (A, 2, "text_alone")


def test_erased_texts_are_counted_and_no_fault_when_a_later_record_says_so() -> None:
    report = verify.verify_lines(line.encode() for line in erased(2))
    assert report.ok and (report.texts, report.texts_erased) == (6, 2)


def test_a_text_that_is_newer_than_the_erasure_is_missed() -> None:
    """Nobody can erase today and point at what was erased last year."""
    book = whole_book()
    book.write(C, "noted", event="texts.erased", by="retention", chains={C: 5})
    record = book.write(C, "asked", "x-9", "[PERSON_1]")
    lines = [line.encode() for line in book.export() if f"t\t{C}\t{record.idx}\t" not in line]
    lines[-1] = lines[-1].replace(b"\t9", b"\t8")
    assert named(verify.verify_lines(lines)) == (C, record.idx, "text_missing")


def test_where_no_texts_are_carried_none_is_missed() -> None:
    report = verify.verify_lines(line.encode() for line in whole_book().export(texts=False))
    assert report.ok and (report.texts, report.texts_erased) == (0, 0)


# ── anchors ──────────────────────────────────────────────────────────────────────────────────────


def test_the_newest_anchor_says_how_many_records_are_behind_it(tmp_path: Path, key: Path) -> None:
    book = whole_book()
    ledger = book.sqlite(tmp_path / "ledger.sqlite")
    kept = tmp_path / "kept"
    (kept / "2026").mkdir(parents=True)
    file(kept, book.notes[0] + book.notes[1])
    file(kept / "2026", "nothing in here", "README")
    report = verify.verify(ledger, key, anchors=[kept, file(tmp_path, book.notes[0])])
    assert report.ok and (report.anchored, report.after_anchor, report.unanchored) == (2, 4, 1)
    assert verify.verify(ledger, key).anchored is None


def test_a_ledger_that_was_put_back_is_found_by_an_anchor_only(tmp_path: Path, key: Path) -> None:
    book = whole_book()
    old = Book(rows=[*book.chain(A), *book.chain(B)[:2]], notes=book.notes[:2])
    ledger = old.sqlite(tmp_path / "old.sqlite")
    assert verify.verify(ledger, key).ok
    report = verify.verify(ledger, key, anchors=[file(tmp_path, book.notes[2])])
    assert named(report) == ("notes", 3, "rolled_back")


def test_two_histories_with_one_key_are_found_by_an_anchor(key: Path, tmp_path: Path) -> None:
    lines = [line.encode() for line in forked()]
    assert verify.verify_lines(lines, key).ok
    report = verify.verify_lines(lines, key, anchors=[file(tmp_path, whole_book().notes[1])])
    assert named(report) == ("notes", 2, "anchor_differs")


@pytest.mark.parametrize(
    "content", ["", "a letter", OTHER.sign(whole_book().notes[0].split("\n\n")[0] + "\n")]
)
def test_an_anchor_that_is_none_could_not_be_checked(tmp_path: Path, key: Path, content: str) -> None:
    with pytest.raises(ValueError):
        verify.verify_lines([], key, anchors=[file(tmp_path, content)])


def test_a_folder_in_which_somebody_tore_or_forged_a_note_is_still_an_anchor(
    tmp_path: Path, key: Path
) -> None:
    book, kept = whole_book(), tmp_path / "kept"
    kept.mkdir()
    forged = OTHER.sign(book.notes[2].split("\n\n")[0] + "\n")
    for cut in (3, 10, 60, 94, 200):
        file(
            kept,
            f"{book.notes[0]}\n{book.notes[1][:-cut]}\n{book.notes[1]}{forged}\nsekisho/ledger\n\n— x y\n",
        )
        report = verify.verify_lines((line.encode() for line in book.export()), key, anchors=[kept])
        assert (report.ok, report.anchored, report.anchors_skipped) == (True, 2, 1)
    assert "1 件は、この鍵の控えではないので" in verify.as_words(report)


# ── incremental ──────────────────────────────────────────────────────────────────────────────────


def after_note_2(ledger: Path, key: Path, tmp_path: Path, note: str | None = None) -> verify.Report:
    """What the house says; it exports what is newer, and verifies that."""
    return verdict(Address(ledger), key, from_note=file(tmp_path, note or whole_book().notes[1], "from"))


def test_only_what_is_newer_than_the_note_is_read(tmp_path: Path, key: Path) -> None:
    ledger = whole_book().sqlite(tmp_path / "ledger.sqlite")
    attack(ledger, f"UPDATE records SET at = '' WHERE writer = '{A}' OR writer = '{B}' AND idx < 3")
    attack(ledger, "UPDATE notes SET note = '' WHERE number = 1")
    report = after_note_2(ledger, key, tmp_path)
    assert report.ok and (report.from_note, report.anchored) == (2, 2)
    assert (report.records, report.writers, report.checkpoints, report.unanchored) == (4, 2, 1, 1)
    assert (report.texts, report.after_anchor) == (2, 4)


def test_a_ledger_and_its_incremental_export_are_judged_alike(tmp_path: Path, key: Path) -> None:
    ledger = whole_book().sqlite(tmp_path / "ledger.sqlite")
    lines = [line.encode() for line in whole_book().export(after=2, sizes=SIZES)]
    note = file(tmp_path, whole_book().notes[1])
    with reading(Address(ledger)) as connection:
        content = list(export.lines(connection, texts=True, since=whole_book().notes[1]))
    assert content == [line + b"\n" for line in lines]
    assert verify.verify_lines(lines, key, from_note=note) == after_note_2(ledger, key, tmp_path)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (f"UPDATE records SET at = '' WHERE writer = '{B}' AND idx = 3", (B, 3, "record_changed")),
        (f"DELETE FROM records WHERE writer = '{B}' AND idx = 3", (B, 3, "record_missing")),
        (f"DELETE FROM records WHERE writer = '{B}' AND idx > 2", (B, 3, "chain_cut")),
        (f"DELETE FROM records WHERE writer = '{C}'", (C, 1, "chain_missing")),
        (
            f"UPDATE records SET writer = '{A}', idx = 6 WHERE writer = '{C}' AND idx = 2",
            (A, 6, "record_changed"),
        ),
        ("DELETE FROM notes WHERE number = 3", None),
        ("DELETE FROM notes WHERE number > 1", ("notes", 2, "rolled_back")),
        ("DELETE FROM notes WHERE number = 2", ("notes", 2, "anchor_differs")),
        (
            "UPDATE notes SET note = replace(note, ' 5 ', ' 6 ') WHERE number = 2",
            ("notes", 2, "anchor_differs"),
        ),
        (
            "UPDATE notes SET note = replace(note, ' 4 ', ' 3 ') WHERE number = 3",
            ("notes", 3, "note_unsigned"),
        ),
    ],
)
def test_what_is_wrong_behind_the_note_is_named(
    tmp_path: Path, key: Path, change: str, place: tuple[str, int, str] | None
) -> None:
    ledger = whole_book().sqlite(tmp_path / "ledger.sqlite")
    attack(ledger, change)
    assert named(after_note_2(ledger, key, tmp_path)) == place


def test_a_chain_that_grew_after_the_note_had_closed_it_is_named(tmp_path: Path, key: Path) -> None:
    book = whole_book()
    book.write(A, "noted", event="forged")
    found = named(after_note_2(book.sqlite(tmp_path / "ledger.sqlite"), key, tmp_path))
    assert found == (A, 6, "chain_grew")


def test_a_clock_that_was_set_back_makes_no_old_chain_new(tmp_path: Path, key: Path) -> None:
    """What was erased and recorded long ago is not asked for again."""
    book = Book()
    book.exchange(A, "x-1")
    book.note((A, "closed"))
    book.wait(400)
    book.rows[:] = [replace(row, salt=None, text=None) for row in book.rows]
    book.write(B, "noted", event="texts.erased", by="retention", chains={A: 2})
    book.note((B, "open"))
    book.wait(-9000)
    note = book.note((B, "open"))
    book.wait(9000)
    book.write(B, "noted", event="tick")
    book.note((B, "open"))
    report = after_note_2(book.sqlite(tmp_path / "ledger.sqlite"), key, tmp_path, note)
    assert (report.ok, report.records) == (True, 1), report


def test_an_exchange_that_was_open_at_the_note_ends_once_behind_it(tmp_path: Path, key: Path) -> None:
    book = Book()
    book.write(A, "asked", "x-1")
    note = book.note((A, "open"))
    book.write(A, "answered", "x-1")
    assert after_note_2(book.sqlite(tmp_path / "one.sqlite"), key, tmp_path, note).ok
    book.write(A, "lost", "x-1")
    lines = [line.encode() for line in book.export(after=1, sizes={A: 1})]
    report = verify.verify_lines(lines, key, from_note=file(tmp_path, note))
    assert named(report) == (A, 3, "ending_without_question")


def test_what_was_verified_is_saved_and_the_next_time_begins_there(tmp_path: Path, key: Path) -> None:
    book, saved = whole_book(), tmp_path / "newest.note"
    ledger = book.sqlite(tmp_path / "ledger.sqlite")
    assert verify.verify(ledger, key, save=saved).ok
    assert saved.read_text("utf-8") == book.notes[2]
    report = verdict(Address(ledger), key, from_note=saved, save=saved)
    assert report.ok and (report.from_note, report.records) == (3, 1)
    attack(ledger, f"UPDATE records SET at = '' WHERE writer = '{C}' AND idx = 2")
    saved.unlink()
    assert not verify.verify(ledger, key, save=saved).ok
    assert not saved.exists()


def test_a_ledger_s_file_itself_is_not_begun_in_the_middle(tmp_path: Path, key: Path) -> None:
    ledger = whole_book().sqlite(tmp_path / "ledger.sqlite")
    with pytest.raises(ValueError, match="sekisho audit export FILE --since-note NOTE"):
        verify.verify(ledger, key, from_note=file(tmp_path, whole_book().notes[1]))
