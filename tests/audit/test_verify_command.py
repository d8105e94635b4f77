"""The verifier as a command: it runs alone, says plainly what it found and what it cannot find, and exits 0, 1 or 2."""

import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from audit import verify
from audit.ledger import Ledger
from audit.model import Draft
from tests.audit.books import KEY, OTHER, A, B, Book, C
from tests.audit.ledgers import ROOT, attack
from tests.audit.tampered import backdated, purged
from tests.audit.tampered import book as whole_book


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A sound ledger of eleven records; its key lies beside it."""
    (tmp_path / "public.pem").write_text(KEY.pem)
    return whole_book().sqlite(tmp_path / "copy.sqlite")


def run_alone(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The file by itself, in a folder of its own, with an interpreter that sees no packages."""
    script = shutil.copy(ROOT / "audit" / "verify.py", folder / "verify_alone.py")
    command = [sys.executable, "-I", "-S", str(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def test_it_runs_alone(copy: Path, tmp_path: Path) -> None:
    """No package is installed there: signatures go through the openssl program."""
    done = run_alone(tmp_path, copy, "--public-key", copy.with_name("public.pem"), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "ok": True,
        "records": 11,
        "writers": 3,
        "checkpoints": 3,
        "unanchored": 1,
        "signatures": True,
        "first_bad": None,
        "texts": 8,
        "texts_erased": 0,
        "purged_chains": 0,
        "purged_still_here": 0,
        "newest_purge": None,
        "backdated": 0,
        "newest_note": {"number": 3, "at": "2026-11-23T05:21:13.000000Z"},
        "anchored": None,
        "after_anchor": None,
        "anchors_skipped": 0,
        "from_note": None,
        "key": ["fe812c12f3ab4ce6"],
    }


def test_it_runs_where_it_lies(copy: Path) -> None:
    """Its folder holds modules with names of Python's own (calendar); they are not in its way."""
    command = [sys.executable, str(ROOT / "audit" / "verify.py"), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=copy.parent, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_says_what_is_wrong_and_exits_1(copy: Path, tmp_path: Path) -> None:
    attack(copy, f"DELETE FROM records WHERE writer = '{A}' AND idx = 2")
    done = run_alone(tmp_path, copy, "--json")
    assert done.returncode == 1
    bad = {"writer": A, "index": 2, "code": "record_missing", "reason": "the record is missing"}
    assert json.loads(done.stdout)["first_bad"] == bad
    done = run_alone(tmp_path, copy)
    assert f"{A} の 2 番: 記録が抜けています" in done.stdout and "record_missing" in done.stdout


@pytest.mark.parametrize(
    "content", [None, b"", b"not a database at all" * 100, b"\x1f\x8b", b"SQLite format 3\0"]
)
def test_what_is_no_ledger_exits_2_with_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.sqlite"
    if content is not None:
        path.write_bytes(content)
    done = run_alone(tmp_path, path, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_ledger_of_another_schema_exits_2(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    attack(copy, "PRAGMA user_version = 99")
    assert verify.main([str(copy)]) == 2
    assert "schema 99" in capsys.readouterr().err


def test_without_any_means_to_check_a_signature_it_says_so(
    copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verify, "_with_cryptography", lambda raw: None)
    monkeypatch.setenv("PATH", "/nowhere")
    assert verify.main([str(copy)]) == 2
    assert "openssl" in capsys.readouterr().err


def test_the_words_say_how_wide_the_window_is(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main([str(copy)]) == 0
    words = capsys.readouterr().out
    assert (
        "最新の控えは 3 番（2026-11-23 14:21:13 JST）です。まだどの控えにも入っていない記録 1 件は、"
        "切り取られても、作られたものでも分かりません" in words
    )
    assert "外に保管した控えがなければ分かりません" in words and "only notes kept elsewhere" in words


def test_the_words_say_what_an_anchor_leaves_open(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    note = copy.with_name("note-2.txt")
    note.write_text(whole_book().notes[1], "utf-8")
    assert verify.main([str(copy), "--anchor", str(note)]) == 0
    words = capsys.readouterr().out
    assert "外に保管した控え 2 番までは、台帳にあります。その控えに入っていない記録 4 件" in words
    assert "--anchor" not in words


def test_the_words_say_that_only_a_part_was_read(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved, newer = copy.with_name("newest.note"), copy.with_name("newer.export")
    assert verify.main([str(copy), "--save", str(saved)]) == 0
    newer.write_text("".join(f"{line}\n" for line in whole_book().export(after=3, sizes={A: 5, B: 4, C: 1})))
    assert verify.main([str(newer), "--from", str(saved)]) == 0
    assert "控え 3 番より新しいものだけを調べました" in capsys.readouterr().out
    assert verify.main([str(copy), "--from", str(saved)]) == 2
    assert "sekisho audit export FILE --since-note NOTE" in capsys.readouterr().err


def test_without_a_note_the_words_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = Book()
    book.exchange(A, "x-1")
    assert verify.main([str(book.sqlite(tmp_path / "bare.sqlite"))]) == 0
    words = capsys.readouterr().out
    assert "署名付きの控えがありません" in words and "署名は確かめていません" in words
    assert "nothing here is signed" in words


# ── what somebody hands over ─────────────────────────────────────────────────────────────────────


def handed(folder: Path, lines: list[str], name: str = "handed.export") -> str:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return str(path)


def test_a_key_that_came_with_an_export_is_not_believed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = Book(key=OTHER)
    book.exchange(A, "x-1")
    book.note((A, "closed"))
    (tmp_path / "public.pem").write_text(OTHER.pem)
    assert verify.main([handed(tmp_path, book.export())]) == 0
    assert "署名は確かめていません" in capsys.readouterr().out


def test_signatures_are_checked_only_where_there_is_a_note(tmp_path: Path) -> None:
    (tmp_path / "public.pem").write_text(KEY.pem)
    book = Book()
    book.exchange(A, "x-1")
    report = verify.verify(Path(handed(tmp_path, book.export())), tmp_path / "public.pem")
    assert (report.ok, report.signatures, len(report.key)) == (True, False, 1)
    assert f"公開鍵 {report.key[0]} で署名を確かめられた控えはありません" in verify.as_words(report)


def test_the_words_name_the_newest_purge_and_what_was_dated_back(tmp_path: Path) -> None:
    words = verify.as_words(verify.verify(Path(handed(tmp_path, purged()))))
    assert (
        f"最後に消去された鎖は {A} です（閉じた控え 2026-11-23 14:21:09 JST、消去の控え 2027-11-23" in words
    )
    words = verify.as_words(verify.verify(Path(handed(tmp_path, backdated(sign=True)))))
    assert "控えの時刻より前の日付で後から入った記録が 1 件あります" in words


def test_a_name_in_a_forged_export_does_not_steer_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = whole_book().export()
    record = "\t".join(
        ["r", "0" * 64, "x\r\x1b[2K\x9b台帳は正しく", "2", "at", "viewed", "-", "-", "{}", "0"]
    )
    forged = handed(tmp_path, [*lines[:-1], record])
    assert verify.main([forged]) == 1
    words = capsys.readouterr().out
    assert "'x\\r\\x1b[2K\\x9b" in words and "".join(words.split("\n")).isprintable()
    assert verify.main([str(tmp_path / "no\x1b[2K")]) == 2
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59.000000Z", "0001-01-01T00:00:00.000000Z"])
def test_a_moment_at_the_end_of_the_calendar_is_shown_as_it_is(
    tmp_path: Path, at: str, capsys: pytest.CaptureFixture[str]
) -> None:
    book = Book()
    book.write(A, "viewed")
    head = f"{A} 1 {book.chain(A)[0].hash} open"
    book.notes.append(KEY.sign("\n".join(["sekisho/ledger", "1", at, "0" * 64, head]) + "\n"))
    assert verify.main([handed(tmp_path, book.export())]) == 0
    assert (at in capsys.readouterr().out) == at.startswith("9999")


@pytest.mark.parametrize("module", ["cryptography", "base64"])
def test_what_lies_beside_the_verifier_is_not_loaded(copy: Path, tmp_path: Path, module: str) -> None:
    script = shutil.copy(ROOT / "audit" / "verify.py", tmp_path / "verify_alone.py")
    (tmp_path / f"{module}.py").write_text("raise SystemExit('planted')")
    done = subprocess.run([sys.executable, script, copy], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("said", ["pkeyutl: Unknown option -rawin", "", "Error initializing context"])
def test_an_openssl_that_cannot_check_accuses_nobody(
    copy: Path, tmp_path: Path, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verify, "_with_cryptography", lambda raw: None)
    program = tmp_path / "bin" / "openssl"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{said}' >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    assert verify.main([str(copy)]) == 2
    assert "cannot check an Ed25519 signature" in capsys.readouterr().err


def test_an_openssl_that_lies_where_we_stand_is_not_run(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "_with_cryptography", lambda raw: None)
    (tmp_path / "openssl").write_text("#!/bin/sh\necho Signature Verified Successfully\n")
    (tmp_path / "openssl").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", ".")
    assert verify.main([str(copy)]) == 2


def test_a_line_without_an_end_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = whole_book().export()
    longest = max(len(line.encode()) for line in lines)
    monkeypatch.setattr(verify, "LONGEST", longest)
    assert verify.main([handed(tmp_path, lines)]) == 0
    monkeypatch.setattr(verify, "LONGEST", longest - 1)
    for name in ("plain.export", "packed.gz"):
        path = Path(handed(tmp_path, lines, name))
        if path.suffix == ".gz":
            path.write_bytes(gzip.compress(path.read_bytes()))
        assert verify.main([str(path)]) == 2
        assert "a line of more than" in capsys.readouterr().err


def test_too_little_memory_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def check() -> verify.Report:
        raise MemoryError

    assert verify.conclude(check, as_lines_of_json=True) == 2
    assert "MemoryError" in capsys.readouterr().err


# ── beside a writer ──────────────────────────────────────────────────────────────────────────────


def test_a_ledger_is_verified_while_it_is_written(open_ledger: Callable[..., Ledger], place: Path) -> None:
    ledger = open_ledger(place)
    sizes = []
    for number in range(30):
        ledger.append_now(Draft("asked", f"x-{number}", {}, "masked"))
        report = verify.verify(place)
        assert report.ok
        sizes.append(report.records)
    assert sizes == list(range(1, 31))


def test_a_ledger_that_awakes_while_it_is_verified_is_read_again(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At rest it is read as a file that never changes; what was read beside a writer may be torn."""
    read: list[verify.Walk] = []
    quietly = verify.verify_opened

    def awaken(*arguments: object) -> verify.Walk:
        walk = quietly(*arguments)  # type: ignore[arg-type]
        if not read:
            attack(copy, "DELETE FROM texts WHERE idx = 1", "DELETE FROM texts")
        read.append(walk)
        return walk

    monkeypatch.setattr(verify, "verify_opened", awaken)
    assert verify.verify(copy).texts == 0
    assert len(read) == 2
