"""Verification of notes and exchanges: each rule that is broken is named by its number or its record."""

from collections.abc import Callable
from pathlib import Path

import pytest

from audit import notes, verify
from tests.audit.books import KEY, OTHER, WITNESS, A, B, Book
from tests.audit.ledgers import attack
from tests.audit.tampered import book as whole_book


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "public.pem"
    path.write_text(KEY.pem)
    return path


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return whole_book().sqlite(tmp_path / "ledger.sqlite")


def named(found: verify.Bad | None) -> tuple[str, int, str] | None:
    return (found.writer, found.index, found.code) if found else None


def of(book: Book, key: Path | None = None) -> tuple[str, int, str] | None:
    """What is wrong with a book."""
    return named(verify.verify_lines((line.encode() for line in book.export()), key).first_bad)


# ── notes ────────────────────────────────────────────────────────────────────────────────────────


def test_the_notes_of_these_tests_are_notes_of_the_house() -> None:
    for number, signed in enumerate(whole_book().notes, 1):
        assert notes.read(signed).number == number


@pytest.mark.parametrize(
    ("change", "number", "code"),
    [
        ("DELETE FROM notes WHERE number = 1", 1, "note_missing"),
        ("DELETE FROM notes WHERE number = 2", 2, "note_missing"),
        ("UPDATE notes SET note = replace(note, ' 5 ', ' 6 ') WHERE number = 2", 2, "note_unsigned"),
        ("UPDATE notes SET note = 'nonsense' WHERE number = 2", 2, "note_unreadable"),
        ("UPDATE notes SET note = '' WHERE number = 2", 2, "note_unreadable"),
        ("UPDATE notes SET at = '' WHERE number = 2", 2, "note_unreadable"),
        ("UPDATE notes SET at = replace(at, '2026', '2025') WHERE number = 2", 2, "note_unreadable"),
        ("UPDATE notes SET note = note || char(10) WHERE number = 2", 2, "note_unreadable"),
        ("UPDATE notes SET note = CAST(x'ff' AS TEXT) || note WHERE number = 2", 2, "note_unreadable"),
        ("UPDATE notes SET note = replace(note, 'clock', 'clack') WHERE number = 2", 2, "note_unreadable"),
        (
            "UPDATE notes SET (at, note) = (SELECT at, note FROM notes WHERE number = 1) WHERE number = 2",
            2,
            "note_misnumbered",
        ),
    ],
)
def test_a_note_that_was_touched_is_named(
    ledger: Path, key: Path, change: str, number: int, code: str
) -> None:
    attack(ledger, change)
    assert named(verify.verify(ledger, key).first_bad) == ("notes", number, code)


def test_notes_that_another_key_signed_are_not_believed(ledger: Path, key: Path) -> None:
    key.write_text(OTHER.pem)
    assert named(verify.verify(ledger, key).first_bad) == ("notes", 1, "note_unsigned")


def test_a_new_key_is_believed_beside_the_old_one(key: Path) -> None:
    book = whole_book()
    book.key = OTHER
    book.note(("w20261123T070000Z-cccccc", "open"))
    assert of(book, key) == ("notes", 4, "note_unsigned")
    key.write_text(KEY.pem + OTHER.pem)
    assert of(book, key) is None


def test_the_signature_of_a_witness_is_no_fault_and_no_proof(key: Path) -> None:
    book = whole_book()
    book.notes[-1] += WITNESS
    assert of(book, key) is None
    text = book.notes[-1].partition("\n\n")[0]
    book.notes[-1] = f"{text}\n\n{WITNESS}"
    assert of(book, key) == ("notes", 3, "note_unsigned")


def resigned(change: Callable[[list[str]], list[str]]) -> Book:
    """The last note is replaced by one that the true key signed and that says something else."""
    book = whole_book()
    lines = book.notes[-1].partition("\n\n")[0].split("\n")
    book.notes[-1] = KEY.sign("\n".join(change(lines)) + "\n")
    return book


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda lines: [*lines[:3], "0" * 64, *lines[4:]], "note_unlinked"),
        (lambda lines: [*lines, lines[-1]], "note_unreadable"),
        (lambda lines: [*lines[:5], *reversed(lines[5:])], "note_unreadable"),
        (
            lambda lines: [*lines[:5], f"{A} 5 {whole_book().chain(A)[-1].hash} open", *lines[5:]],
            "note_relists",
        ),
        (lambda lines: [*lines[:5], f"{A} 6 {'e' * 64} open", *lines[5:]], "note_relists"),
        (lambda lines: [line for line in lines if B not in line], "note_forgets"),
        (lambda lines: [line.replace(f"{B} 4", f"{B} 1") for line in lines], "note_contradicts"),
        (lambda lines: [line.replace("closed", "purged") for line in lines], "note_purges_open"),
        (lambda lines: [line.replace("unknown", "synchronized") for line in lines], "note_unreadable"),
    ],
)
def test_a_note_that_breaks_a_rule_is_named_although_the_true_key_signed_it(
    key: Path, change: Callable[[list[str]], list[str]], code: str
) -> None:
    assert of(resigned(change), key) == ("notes", 3, code)


def test_a_purged_chain_must_be_the_one_that_was_closed(key: Path) -> None:
    book = whole_book()
    book.note(heads=[f"{A} 4 {book.chain(A)[3].hash} purged"])
    assert of(book, key) == ("notes", 4, "note_forgets")
    book.notes.pop()
    book.note(("w20261123T070000Z-cccccc", "open"), heads=[f"{A} 4 {book.chain(A)[3].hash} purged"])
    assert of(book, key) == ("notes", 4, "note_contradicts")


def test_a_fault_of_a_record_is_named_before_a_fault_of_a_note(ledger: Path, key: Path) -> None:
    attack(ledger, "DELETE FROM notes WHERE number = 1", f"UPDATE records SET at = '' WHERE writer = '{B}'")
    assert named(verify.verify(ledger, key).first_bad) == (B, 1, "record_changed")


def test_the_openssl_program_checks_as_cryptography_does(
    ledger: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "_with_cryptography", lambda raw: None)
    assert verify.verify(ledger, key).ok
    attack(ledger, "UPDATE notes SET note = replace(note, ' 5 ', ' 6 ') WHERE number = 2")
    assert named(verify.verify(ledger, key).first_bad) == ("notes", 2, "note_unsigned")


def test_notes_are_found_in_a_longer_text_as_the_house_finds_them() -> None:
    first, second = whole_book().notes[:2]
    second += WITNESS
    for text in (
        first + second,
        f"\ufeff{first}\n\n拝啓\nsekisho/ledger\n\n{second}{first[:90]}",
        f"a letter\n{first}".replace("\n", "\r\n"),
        f"{first[:-1]}",
        "nothing",
        f"> {first}",
    ):
        found = [note.decode() for note in verify.find_notes(text.encode())]
        assert found == notes.find(text)


# ── exchanges ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def open_chain() -> Book:
    """x-1 is over, x-2 is open."""
    book = Book()
    book.exchange(A, "x-1")
    book.write(A, "asked", "x-2")
    return book


def test_an_open_exchange_is_no_fault(open_chain: Book) -> None:
    assert of(open_chain) is None


@pytest.mark.parametrize(
    ("kind", "exchange", "code"),
    [
        ("failed", "x-1", "ending_without_question"),
        ("lost", "x-1", "ending_without_question"),
        ("answered", "never-asked", "ending_without_question"),
        ("asked", "x-2", "question_repeated"),
        ("asked", None, "record_unfit"),
        ("viewed", "x-2", "record_unfit"),
        ("unheard", "x-2", "record_unfit"),
    ],
)
def test_an_exchange_with_two_endings_or_without_its_question_is_named(
    open_chain: Book, kind: str, exchange: str | None, code: str
) -> None:
    open_chain.write(A, kind, exchange)
    assert of(open_chain) == (A, 4, code)


def test_a_question_that_was_answered_long_ago_is_named_when_it_is_asked_again(tmp_path: Path) -> None:
    """From lines alone, with bounded memory, nobody can know; the table itself still does."""
    book = whole_book()
    book.write(B, "asked", "x-1")
    book.notes.clear()
    assert of(book) is None
    ledger = whole_book().sqlite(tmp_path / "ledger.sqlite")
    attack(ledger, "CREATE TABLE other AS SELECT * FROM records", "DROP TABLE records")
    attack(ledger, "ALTER TABLE other RENAME TO records", "DELETE FROM notes", "DELETE FROM records")
    columns = "writer, idx, at, kind, exchange, turn, body, text_commitment, prev, hash"
    for row in book.rows:
        turn = {"asked": "1", "viewed": "NULL", "noted": "NULL"}.get(row.kind, "2")
        values = [row.writer, str(row.idx), row.at, row.kind, row.exchange, "@", row.body, row.commitment]
        cells = ["NULL" if cell is None else f"'{cell}'" for cell in [*values, row.prev, row.hash]]
        cells[1], cells[5] = str(row.idx), turn
        attack(ledger, f"INSERT INTO records ({columns}) VALUES ({', '.join(cells)})")
    assert named(verify.verify(ledger).first_bad) == (B, 5, "question_repeated")


@pytest.mark.parametrize("ending", ["lost", "answered"])
def test_only_lost_may_lie_in_another_chain_than_its_question(open_chain: Book, ending: str) -> None:
    open_chain.write(B, ending, "x-2")
    assert of(open_chain) == (None if ending == "lost" else (B, 1, "ending_without_question"))


def test_an_exchange_is_lost_only_once(open_chain: Book) -> None:
    open_chain.write(B, "lost", "x-2")
    open_chain.write(B, "lost", "x-2")
    assert of(open_chain) == (B, 2, "ending_without_question")


def test_two_chains_cannot_leave_the_same_exchange_open(open_chain: Book) -> None:
    open_chain.write(B, "asked", "x-2")
    assert of(open_chain) == (B, 1, "question_repeated")
