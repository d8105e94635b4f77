"""The verifier as a command: it runs alone, says plainly what it found and what it cannot find, and exits 0, 1 or 2."""

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
from tests.audit.books import KEY, A, Book
from tests.audit.ledgers import ROOT, attack
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
        "newest_note": {"number": 3, "at": "2026-11-23T05:21:13.000000Z"},
        "anchored": None,
        "after_anchor": None,
        "from_note": None,
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
        "最新の控えは 3 番（2026-11-23 14:21:13 JST）です。それより新しい記録 1 件は、切り取られても分かりません"
        in words
    )
    assert "外に保管した控えがなければ分かりません" in words and "only notes kept elsewhere" in words


def test_the_words_say_what_an_anchor_leaves_open(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    note = copy.with_name("note-2.txt")
    note.write_text(whole_book().notes[1], "utf-8")
    assert verify.main([str(copy), "--anchor", str(note)]) == 0
    words = capsys.readouterr().out
    assert "外に保管した控え 2 番までは、台帳にあります。それより新しい記録 4 件" in words
    assert "--anchor" not in words


def test_the_words_say_that_only_a_part_was_read(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = copy.with_name("newest.note")
    assert verify.main([str(copy), "--save", str(saved)]) == 0
    assert verify.main([str(copy), "--from", str(saved)]) == 0
    assert "控え 3 番より新しいものだけを調べました" in capsys.readouterr().out


def test_without_a_note_the_words_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = Book()
    book.exchange(A, "x-1")
    assert verify.main([str(book.sqlite(tmp_path / "bare.sqlite"))]) == 0
    words = capsys.readouterr().out
    assert "署名付きの控えがありません" in words and "署名は確かめていません" in words


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
