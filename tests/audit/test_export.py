"""An export holds one whole moment of the ledger, in a form that verify.py alone can check."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from audit import export, verify
from audit.address import Address
from audit.export import NoteNotHeld
from audit.ledger import Ledger
from audit.model import Draft
from tests.audit.cargo import bodies, fill, lines, notes, refused, run, say
from tests.audit.ledgers import ROOT, Child, attack, named, rows


@pytest.fixture
def place(address: Address) -> Address:
    return address


@pytest.fixture
def filled(address: Address, keys: tuple[Path, Path]) -> Address:
    """Two writers, one after the other: three exchanges, and notes that cover them."""
    fill(address, keys[0], "x-1", "x-2")
    fill(address, keys[0], "x-3")
    return address


def marks(content: list[bytes]) -> str:
    return "".join(line[:1].decode() for line in content)


def test_the_lines_are_the_records_as_they_are_stored(filled: Address) -> None:
    content = lines(filled)
    records = [line[2:-1].decode().split("\t") for line in content if line.startswith(b"r\t")]
    stored = rows(
        filled,
        "SELECT prev, writer, CAST(idx AS TEXT), at, kind, coalesce(exchange, '-'), coalesce(text_commitment, '-'),"
        " body, hash FROM records ORDER BY writer, idx",
    )
    assert [tuple(fields) for fields in records] == stored
    assert content[0] == b'sekisho.export.v1\t{"texts":true,"from":0}\n'
    assert content[-1] == f"e\t{len(notes(filled))}\t6\t6\n".encode()
    assert marks(content) == "s" + "n" * len(notes(filled)) + "rt" * 6 + "e"


def test_each_line_is_one_line_whatever_the_text_holds(filled: Address) -> None:
    content = lines(filled)
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in content)
    texts = [json.loads(line.split(b"\t", 4)[4]) for line in content if line.startswith(b"t\t")]
    assert texts == ["[PERSON_1]様\n\t「お元気ですか」\u2028", "はい\\n 😀"] * 3


def test_texts_stay_in_the_house_unless_asked_for(filled: Address, keys: tuple[Path, Path]) -> None:
    content = lines(filled, texts=False)
    assert "t" not in marks(content[1:])
    assert "お元気ですか".encode() not in b"".join(content)
    report = verify.verify_lines(content, keys[1])
    assert (report.ok, report.records, report.texts, report.signatures) == (True, 6, 0, True)


def test_the_verifier_finds_an_export_sound_and_reads_it_to_the_end(
    filled: Address, keys: tuple[Path, Path]
) -> None:
    report = verify.verify_lines(lines(filled), keys[1])
    assert (report.ok, report.records, report.texts, report.writers) == (True, 6, 6, 2)
    assert (report.checkpoints, report.unanchored) == (len(notes(filled)), 0)


def test_both_stores_give_the_same_lines_for_the_same_ledger(
    tmp_path: Path, postgres_url: str, keys: tuple[Path, Path]
) -> None:
    first, second = Address(tmp_path / "ledger.sqlite"), Address(url=postgres_url)
    fill(first, keys[0], "x-1", "x-2")
    assert run("move", "--ledger", named(first), "--to", named(second)).exit_code == 0
    moved = [line for line in lines(second) if b"ledger.moved" not in line]
    assert moved[:-1] == lines(first)[:-1]


# ── one moment, and one that was tampered with ───────────────────────────────────────────────────


def test_it_shows_one_moment_while_writers_go_on(filled: Address, keys: tuple[Path, Path]) -> None:
    from audit.query import reading

    with reading(filled) as connection:
        content = export.lines(connection, texts=True)
        begin = [next(content) for _ in range(2)]
        fill(filled, keys[0], "x-later")
        rest = list(content)
    report = verify.verify_lines([*begin, *rest], keys[1])
    assert (report.ok, report.records) == (True, 6)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET body = body || '\n' WHERE exchange = 'x-2' AND turn = 1",
        "UPDATE records SET body = replace(body, ':', '\t:') WHERE exchange = 'x-2' AND turn = 1",
        "UPDATE records SET turn = 3 WHERE exchange = 'x-2' AND turn = 1",
        "UPDATE records SET kind = 'asked\nr' WHERE exchange = 'x-2' AND turn = 1",
        "UPDATE texts SET salt = 'a\tb' WHERE idx = 3",
        "UPDATE texts SET salt = 'a\nb' WHERE idx = 3",
        "UPDATE texts SET idx = 99 WHERE idx = 3",
    ],
)
def test_what_no_line_can_say_is_found_all_the_same(filled: Address, statement: str) -> None:
    attack(filled, statement)
    content = lines(filled)
    assert all(line.count(b"\n") == 1 for line in content)
    report = verify.verify_lines(content)
    assert not report.ok and report.first_bad and report.first_bad.writer.startswith("w2")


def test_a_column_that_is_in_no_line_cannot_lie(filled: Address) -> None:
    attack(filled, "UPDATE records SET turn = NULL WHERE exchange = 'x-2' AND turn = 2")
    report = verify.verify_lines(lines(filled))
    assert report.first_bad and (report.first_bad.index, report.first_bad.code) == (4, "record_unfit")


# ── only what is new ─────────────────────────────────────────────────────────────────────────────


def test_an_export_since_a_note_holds_what_the_note_does_not_cover(
    filled: Address, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    kept = tmp_path / "kept.note"
    kept.write_text(notes(filled)[-1], "utf-8")
    known = len(notes(filled))
    fill(filled, keys[0], "x-4", "x-5")
    content = lines(filled, since=kept.read_text("utf-8"))
    report = verify.verify_lines(content, keys[1], from_note=kept)
    assert (report.ok, report.records, report.from_note) == (True, 4, known)
    assert content[0] == f'sekisho.export.v1\t{{"texts":true,"from":{known}}}\n'.encode()


def test_since_each_note_it_goes_on_where_the_note_ended(
    address: Address, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    """Also in the middle of a chain, and also where an older one was closed on the way."""
    fill(address, keys[0], "x-1")
    ledger = Ledger(address, keys[0], settle_seconds=0.01)
    ledger.start()
    for number in range(3):
        before = len(notes(address))
        say(ledger, f"y-{number}")
        for _ in range(2000):
            if len(notes(address)) > before:
                break
            ledger.append_now(Draft("noted", None, {"event": "waiting", "by": "test"}))
    fill(address, keys[0], "x-2")
    ledger.stop()
    whole = [line for line in lines(address) if line[:2] in (b"r\t", b"t\t")]
    for signed in notes(address):
        kept = tmp_path / "kept.note"
        kept.write_text(signed, "utf-8")
        content = lines(address, since=signed)
        report = verify.verify_lines(content, keys[1], from_note=kept)
        assert report.ok, report
        covered = sum(head_sizes(notes(address), signed).values())
        assert report.records == sum(line.startswith(b"r\t") for line in whole) - covered


def head_sizes(every: list[str], last: str) -> dict[str, int]:
    """How far the notes up to one cover each chain."""
    sizes: dict[str, int] = {}
    for signed in every[: every.index(last) + 1]:
        for line in signed.split("\n\n")[0].split("\n")[4:]:
            if not line.startswith("clock "):
                name, size, _, _ = line.split(" ")
                sizes[name] = int(size)
    return sizes


def test_records_that_no_note_covers_yet_are_new(filled: Address) -> None:
    last = notes(filled)[-1]
    fill(filled, None, "x-unsigned")
    assert marks(lines(filled, since=last)) == "srtrte"


def test_a_note_that_the_ledger_does_not_hold_is_no_beginning(filled: Address) -> None:
    other = notes(filled)[0].replace("open", "shut")
    with pytest.raises(NoteNotHeld):
        lines(
            filled, since=other.replace("shut", "open").replace("sekisho/ledger\n1\n", "sekisho/ledger\n77\n")
        )


# ── the file ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["out.txt", "out.txt.gz"])
def test_a_file_is_for_its_owner_only_and_verify_alone_can_check_it(
    filled: Address, keys: tuple[Path, Path], tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    written = export.write(filled, file, texts=True)
    assert file.stat().st_mode & 0o777 == 0o600
    assert (written.records, written.texts, written.bytes) == (6, 6, file.stat().st_size)
    done = subprocess.run(
        [sys.executable, ROOT / "audit" / "verify.py", file, "--public-key", keys[1], "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"], report["records"], report["texts"]) == (0, True, 6, 6)


def test_a_name_that_ends_in_gz_is_compressed_to_the_same_lines(filled: Address, tmp_path: Path) -> None:
    export.write(filled, tmp_path / "a", texts=True)
    export.write(filled, tmp_path / "a.gz", texts=True)
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == (tmp_path / "a").read_bytes()


def test_a_file_is_not_overwritten_unless_asked(filled: Address, tmp_path: Path) -> None:
    file = tmp_path / "out.txt"
    file.write_text("mine")
    with pytest.raises(FileExistsError):
        export.write(filled, file, texts=False)
    assert file.read_text() == "mine"
    export.write(filled, file, texts=False, overwrite=True)
    assert verify.verify(file).ok


FULL_DISK = """
import resource, sys
from pathlib import Path
from audit import export
from audit.address import address_of
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
try:
    export.write(address_of(sys.argv[1]), Path(sys.argv[2]), texts=True)
except OSError as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize("name", ["out.txt", "out.txt.gz"])
def test_a_full_disk_leaves_no_half_file(address: Address, tmp_path: Path, child: Child, name: str) -> None:
    fill(address, None, *(f"x-{number}" for number in range(250)))
    folder = tmp_path / "out"
    folder.mkdir()
    out, _ = child(FULL_DISK, named(address), folder / name).communicate(timeout=60)
    assert (out.strip(), list(folder.iterdir())) == ("OSError", [])


# ── the command ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R47")
def test_an_export_is_recorded_before_anything_is_written(filled: Address, tmp_path: Path) -> None:
    done = run("export", tmp_path / "out.txt", "--ledger", named(filled), "--text", "--reason", "検査")
    assert done.exit_code == 0, done.output
    (body,) = [json.loads(body) for body in bodies(filled, "viewed")]
    assert (body["what"], body["rows"], body["reason"]) == ("export", 6, "検査")
    assert body["filters"] == {"texts": True, "from": 0}
    assert "保有個人情報" in done.stdout and "personal data" in done.stdout
    assert f"python3 -I verify.py {tmp_path / 'out.txt'} --public-key public.pem" in done.stdout
    assert verify.verify(tmp_path / "out.txt").texts == 6


def test_the_command_leaves_texts_out_unless_asked(filled: Address, tmp_path: Path) -> None:
    done = run("export", tmp_path / "out.txt", "--ledger", named(filled))
    assert done.exit_code == 0 and "個人情報" not in done.stdout
    assert verify.verify(tmp_path / "out.txt").texts == 0


def test_the_command_goes_on_from_a_note(filled: Address, keys: tuple[Path, Path], tmp_path: Path) -> None:
    kept = tmp_path / "notes.txt"
    kept.write_text("台帳の控え\n\n" + "\n".join(notes(filled)), "utf-8")
    fill(filled, keys[0], "x-4")
    done = run("export", tmp_path / "out.txt", "--ledger", named(filled), "--since-note", kept)
    assert done.exit_code == 0, done.output
    assert f"--from {kept}" in done.stdout
    report = verify.verify(tmp_path / "out.txt", keys[1], from_note=kept)
    assert (report.ok, report.records) == (True, 2)


def test_a_note_from_the_future_is_an_alarm(filled: Address, tmp_path: Path) -> None:
    kept = tmp_path / "kept.note"
    kept.write_text(notes(filled)[-1].replace(f"\n{len(notes(filled))}\n", "\n99\n", 1), "utf-8")
    said = refused(run("export", tmp_path / "out", "--ledger", named(filled), "--since-note", kept), 1)
    assert "CSIRT" in said and not (tmp_path / "out").exists()


@pytest.mark.requirement("R47")
@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
@pytest.mark.parametrize("command", ["export", "backup"])
def test_what_cannot_be_recorded_is_not_carried_away(filled: Address, tmp_path: Path, command: str) -> None:
    assert filled.path
    filled.path.chmod(0o444)
    folder = tmp_path / "out"
    folder.mkdir()
    assert "記録できない" in refused(run(command, folder / "file", "--ledger", filled.path))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("command", ["export", "backup"])
def test_mistakes_are_one_sentence(filled: Address, tmp_path: Path, command: str) -> None:
    here = ("--ledger", named(filled))
    (tmp_path / "there").write_text("")
    assert "もうあります" in refused(run(command, tmp_path / "there", *here))
    assert "フォルダがありません" in refused(run(command, tmp_path / "none" / "file", *here))
    assert "ありません" in refused(run(command, tmp_path / "a", "--ledger", tmp_path / "no.sqlite"))
    assert "使えません" in refused(run(command, tmp_path / "a", "--ledger", "mysql://root:secret@host/db"))
    assert bodies(filled, "viewed") == []


def test_a_password_is_never_repeated(postgres_url: str, tmp_path: Path) -> None:
    for url in (
        "postgresql://demo:hush-hush@127.0.0.1:1/sekisho",
        postgres_url.replace("postgres:@", "demo:hush-hush@").replace("postgres@", "demo:hush-hush@"),
        "postgresql://demo:hush-hush@[/sekisho",
    ):
        for command in (
            ("export", tmp_path / "out", "--ledger", url),
            ("backup", tmp_path / "out", "--ledger", url),
            ("move", "--ledger", url, "--to", tmp_path / "new.sqlite"),
            ("verify", "--ledger", url),
        ):
            said = refused(run(*command))
            assert "hush-hush" not in said
