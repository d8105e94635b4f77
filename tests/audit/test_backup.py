"""A backup brings the whole ledger back, in either store, and the chains are as valid as they were (R74)."""

import gzip
import json
from pathlib import Path

import pytest

from audit import backup, verify
from audit.address import Address
from audit.backup import Broken
from audit.intake import NotEmpty
from audit.ledger import Ledger
from audit.model import CannotRecord, Draft
from tests.audit.books import KEY, A, B, Book
from tests.audit.cargo import bodies, evidence, fill, lines, notes, refused, run
from tests.audit.ledgers import Child, asked, attack, kinds, named, rows, verified
from tests.postgres import Server

KIND_OF_PLACE = pytest.mark.parametrize("store", ["sqlite", "postgresql"])
FROM_A_FILE = pytest.mark.parametrize("address", ["sqlite"], indirect=True)
"""Where a backup is all that matters, and not where it came from: test_export.py holds them to be the same."""


@pytest.fixture
def place(address: Address) -> Address:
    return address


@pytest.fixture
def empty(request: pytest.FixtureRequest, tmp_path: Path, store: str) -> Address:
    """Where a ledger is to come back: nothing is there."""
    if store == "sqlite":
        (tmp_path / "new").mkdir()
        return Address(tmp_path / "new" / "ledger.sqlite")
    postgres: Server = request.getfixturevalue("postgres")
    name = postgres.database()
    request.addfinalizer(lambda: postgres.drop(name))
    return Address(url=postgres.url(name))


@pytest.fixture
def filled(address: Address, keys: tuple[Path, Path]) -> Address:
    fill(address, keys[0], "x-1", "x-2")
    fill(address, keys[0], "x-3")
    return address


@pytest.fixture
def file(filled: Address, tmp_path: Path) -> Path:
    """A backup of it."""
    backup.make(filled, tmp_path / "backup.gz", None)
    return tmp_path / "backup.gz"


# ── there and back ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R74")
@KIND_OF_PLACE
def test_what_comes_back_is_what_was_there_to_the_byte(
    filled: Address, file: Path, empty: Address, keys: tuple[Path, Path]
) -> None:
    before = evidence(filled)
    restored = backup.restore(file, empty, keys[1], by="demo")
    after = [line for line in evidence(empty) if b"ledger.restored" not in line]
    assert after == before
    assert (restored.report.ok, restored.records, restored.note) == (True, 6, len(notes(filled)))
    assert verified(empty, keys[1]).ok


@pytest.mark.requirement("R74")
@KIND_OF_PLACE
def test_the_restored_ledger_goes_on_and_old_anchors_still_fit(
    filled: Address, file: Path, empty: Address, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    anchor = tmp_path / "anchor.note"
    anchor.write_text("\n".join(notes(filled)), "utf-8")
    backup.restore(file, empty, keys[1], by="demo")
    fill(empty, keys[0], "x-4", "x-5")
    report = verify.verify_lines(lines(empty), keys[1], anchors=[anchor])
    assert (report.ok, report.records, report.unanchored) == (True, 6 + 1 + 4, 0)
    assert report.anchored == len(notes(filled))


@pytest.mark.requirement("R74")
def test_a_note_that_is_newer_than_the_backup_shows_what_was_lost(
    filled: Address, file: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    fill(filled, keys[0], "x-after-the-backup")
    anchor = tmp_path / "anchor.note"
    anchor.write_text(notes(filled)[-1], "utf-8")
    place = Address(tmp_path / "new.sqlite")
    backup.restore(file, place, keys[1], by="demo")
    report = verify.verify_lines(lines(place), keys[1], anchors=[anchor])
    assert report.first_bad and report.first_bad.code == "rolled_back"


@KIND_OF_PLACE
def test_what_is_no_evidence_comes_back_too(filled: Address, file: Path, empty: Address) -> None:
    attack(filled, "INSERT INTO erasures VALUES ('w20200101T000000Z-aaaaaa', 'texts', '2026-01-01')")
    backup.make(filled, file, None, overwrite=True)
    backup.restore(file, empty, None, by="demo")
    for table in ("originals", "original_keys", "erasures"):
        assert rows(empty, f"SELECT * FROM {table} ORDER BY 1, 2") == rows(
            filled, f"SELECT * FROM {table} ORDER BY 1, 2"
        )
        assert rows(empty, f"SELECT count(*) FROM {table}") != [(0,)]


@FROM_A_FILE
@KIND_OF_PLACE
def test_the_laws_hold_again_in_what_was_restored(file: Path, empty: Address) -> None:
    backup.restore(file, empty, None, by="demo")
    if empty.path:
        fresh = Address(file.with_name("fresh.sqlite"))
        fill(fresh, None)
        laws = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name"
        assert rows(empty, laws) == rows(fresh, laws)
    for statement in (
        "UPDATE records SET body = '{}'",
        "DELETE FROM records",
        "UPDATE texts SET text = ''",
        "DELETE FROM notes",
    ):
        with pytest.raises(Exception, match=r"never|not deleted"):
            rows(empty, statement)


@KIND_OF_PLACE
def test_what_was_open_when_the_backup_was_made_is_lost_in_what_comes_back(
    address: Address, empty: Address, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    ledger = Ledger(address, keys[0])
    ledger.start()
    ledger.append_now(Draft("asked", "x-open", asked()))
    _, report = backup.make(address, tmp_path / "backup", keys[1])
    ledger.append_now(Draft("answered", "x-open", {"egress_state": "masked"}))
    ledger.stop()
    restored = backup.restore(tmp_path / "backup", empty, keys[1], by="demo")
    assert (report.ok, restored.closed) == (True, 1)
    assert kinds(empty) == {"asked": 1, "lost": 1, "noted": 1}
    assert rows(empty, "SELECT count(*) FROM leases WHERE ended IS NULL") == [(0,)]
    assert verified(empty, keys[1]).ok and verified(address, keys[1]).ok


@pytest.mark.requirement("R74")
@KIND_OF_PLACE
def test_a_ledger_that_began_with_the_first_version_comes_back(tmp_path: Path, empty: Address) -> None:
    """There a ``lost`` record may lie in another chain than its question, which no law allows any more."""
    book = Book()
    book.write(A, "asked", "x-old", "[PERSON_1]様", model_requested="demo")
    book.exchange(A, "x-1")
    book.note((A, "open"))
    book.write(B, "lost", "x-old", egress_state="unknown")
    book.note((A, "closed"), (B, "closed"))
    file, key = tmp_path / "old.txt", tmp_path / "public.pem"
    header, *content = book.export()
    file.write_text("\n".join([header.replace("}", ',"everything":true}'), *content]) + "\n", "utf-8")
    key.write_text(KEY.pem)
    restored = backup.restore(file, empty, key, by="demo")
    assert (restored.report.ok, restored.records, restored.note) == (True, 4, 2)
    fill(empty, None, "x-new")
    assert verified(empty, key).ok


# ── what is not restored ─────────────────────────────────────────────────────────────────────────


def nothing_there(place: Address) -> bool:
    if place.path:
        return not place.path.exists()
    return rows(
        place, "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
    ) == [(0,)]


def broken_copy(file: Path, old: bytes, new: bytes) -> Path:
    content = gzip.decompress(file.read_bytes())
    assert old in content
    copy = file.with_name("broken.txt")
    copy.write_bytes(content.replace(old, new, 1))
    return copy


BREAKS = pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b'"masked"', b'"unmasked"', "record_changed"),
        ("お元気".encode(), "お天気".encode(), "text_changed"),
        (b"\ne\t", b"\nE\t", "line_unknown"),
        (b"closed\\n", b"open\\n\\n", "note_unreadable"),
    ],
)


@pytest.mark.requirement("R74")
@BREAKS
@FROM_A_FILE
@KIND_OF_PLACE
def test_a_broken_backup_is_refused_and_says_what_is_wrong(
    file: Path, empty: Address, old: bytes, new: bytes, code: str
) -> None:
    with pytest.raises(Broken) as refusal:
        backup.restore(broken_copy(file, old, new), empty, None, by="demo")
    bad = refusal.value.report.first_bad
    assert bad and bad.code == code
    assert nothing_there(empty)


@BREAKS
@FROM_A_FILE
@KIND_OF_PLACE
def test_a_broken_backup_comes_back_when_asked_for_and_stays_known_as_broken(
    file: Path, empty: Address, old: bytes, new: bytes, code: str
) -> None:
    restored = backup.restore(broken_copy(file, old, new), empty, None, by="demo", even_if_broken=True)
    assert restored.records == 6
    report = verified(empty)
    assert report.ok is (code == "line_unknown")  # there only the last line was damaged
    assert report.first_bad is None or report.first_bad.code == code


@FROM_A_FILE
@KIND_OF_PLACE
def test_what_can_be_read_of_a_backup_that_was_cut_short_comes_back(file: Path, empty: Address) -> None:
    content = gzip.decompress(file.read_bytes())
    cut = file.with_name("cut.txt")
    cut.write_bytes(content[: content.rindex(b"\nr\t") + 40])
    with pytest.raises(Broken):
        backup.restore(cut, empty, None, by="demo")
    assert backup.restore(cut, empty, None, by="demo", even_if_broken=True).records == 5


@KIND_OF_PLACE
def test_a_ledger_is_never_written_over(filled: Address, file: Path, empty: Address) -> None:
    fill(empty, None, "x-mine")
    mine = lines(empty)
    for place in (empty, filled):
        with pytest.raises(NotEmpty):
            backup.restore(file, place, None, by="demo")
    assert lines(empty) == mine


def test_something_else_than_a_ledger_is_never_written_over(
    file: Path, tmp_path: Path, postgres_url: str, postgres: Server
) -> None:
    import sqlite3

    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE accounts (name TEXT)")
    postgres.run("CREATE TABLE accounts (name text)", postgres_url.partition("@/")[2].partition("?")[0])
    for place in (Address(other), Address(url=postgres_url)):
        with pytest.raises(NotEmpty):
            backup.restore(file, place, None, by="demo")


@FROM_A_FILE
@KIND_OF_PLACE
def test_an_empty_ledger_is_an_empty_place(file: Path, empty: Address) -> None:
    """A checkpoint that was started once, before anybody asked anything."""
    ledger = Ledger(empty)
    ledger.start()
    ledger.stop()
    assert backup.restore(file, empty, None, by="demo").report.ok


def test_a_part_of_a_ledger_is_no_backup(filled: Address, tmp_path: Path) -> None:
    for part in (lines(filled, texts=False), lines(filled, since=notes(filled)[0])):
        (tmp_path / "part").write_bytes(b"".join(part))
        with pytest.raises(ValueError, match="a backup holds everything"):
            backup.restore(tmp_path / "part", Address(tmp_path / "new.sqlite"), None, by="demo")


@pytest.mark.requirement("R74")
def test_an_export_with_texts_is_no_backup_for_it_has_no_keys_of_originals(
    filled: Address, tmp_path: Path
) -> None:
    run("export", tmp_path / "texts.gz", "--text", "--ledger", named(filled))
    new = tmp_path / "new.sqlite"
    for options in ((), ("--even-if-broken",)):
        said = refused(run("restore", tmp_path / "texts.gz", "--to", new, *options))
        assert "export --text のファイルです" in said
    assert not new.exists()


@pytest.mark.requirement("R74")
@pytest.mark.parametrize("left", ["nothing", "empty"])
@FROM_A_FILE
def test_the_log_of_the_ledger_before_is_never_deleted(file: Path, tmp_path: Path, left: str) -> None:
    """A ledger broke down and only its file was moved away: the newest records are in the log alone."""
    place, aside = tmp_path / "var" / "ledger.sqlite", tmp_path / "aside.sqlite"
    log = place.with_name("ledger.sqlite-wal")
    place.parent.mkdir()
    ledger = Ledger(place)
    ledger.start()
    ledger.append_now(Draft("asked", "x-newest", asked()))
    copies = {path: path.read_bytes() for path in place.parent.iterdir()}
    ledger.stop()
    for path, content in copies.items():
        path.write_bytes(content)
    place.rename(aside)
    if left == "empty":
        place.touch()
    said = refused(run("restore", file, "--to", place))
    assert f"{log} が残っています" in said and "消さずに" in said
    checkpoint = Ledger(place)
    checkpoint.start()
    with pytest.raises(CannotRecord):
        checkpoint.append_now(Draft("asked", "x-1", asked()))
    checkpoint.stop()
    log.rename(aside.with_name("aside.sqlite-wal"))
    place.unlink(missing_ok=True)
    assert rows(aside, "SELECT exchange FROM records") == [("x-newest",)]
    assert run("restore", file, "--to", place).exit_code == 0


# ── the commands ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R74")
@KIND_OF_PLACE
def test_backup_and_restore_from_the_command_line(
    filled: Address, empty: Address, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    file = tmp_path / "backup.gz"
    done = run("backup", file, "--ledger", named(filled), "--public-key", keys[1], "--reason", "毎晩")
    assert done.exit_code == 0, done.output
    assert file.stat().st_mode & 0o777 == 0o600
    (body,) = [json.loads(body) for body in bodies(filled, "viewed")]
    assert (body["what"], body["rows"], body["reason"]) == ("backup", 6, "毎晩")
    done = run("restore", file, "--to", named(empty), "--public-key", keys[1])
    assert done.exit_code == 0, done.output
    assert done.stdout.index("台帳は正しくつながっています") < done.stdout.index("The ledger is sound")
    (body,) = [json.loads(body) for body in bodies(empty, "noted")]
    newest = len(notes(filled))
    assert body.pop("by")
    assert body == {"event": "ledger.restored", "records": 6, "note": newest}
    assert f"{newest} 番より後の記録が失われている" in done.stdout
    assert "purge では消せません" in done.stdout


def test_a_key_that_is_none_is_said_before_a_backup_is_written(
    filled: Address, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    for key in (keys[0], tmp_path / "none.pem"):
        said = refused(run("backup", tmp_path / "b.gz", "--ledger", named(filled), "--public-key", key))
        assert f"公開鍵 {key} を読めません" in said
    assert not (tmp_path / "b.gz").exists() and bodies(filled, "viewed") == []


def test_the_help_says_that_keys_of_originals_are_in_a_backup() -> None:
    words = "".join(run("backup", "--help").stdout.replace("│", "").split())
    assert "マスター鍵は入りません" in words and "包まれた原文の鍵と封をした原文は入ります" in words


def test_a_backup_of_a_ledger_that_is_not_sound_says_so(filled: Address, tmp_path: Path) -> None:
    attack(filled, "UPDATE records SET at = '2026-01-01T00:00:00.000000Z' WHERE exchange = 'x-2'")
    done = run("backup", tmp_path / "backup", "--ledger", named(filled))
    assert done.exit_code == 1 and "前のバックアップを消さないで" in done.stderr
    assert verify.verify(tmp_path / "backup").first_bad == verified(filled).first_bad


def test_mistakes_at_restoring_are_one_sentence(
    filled: Address, file: Path, tmp_path: Path, postgres_url: str
) -> None:
    new = tmp_path / "new.sqlite"
    wrong = postgres_url.replace("postgres:@", "guarded:hush-hush@").replace(
        "postgres@", "guarded:hush-hush@"
    )
    (tmp_path / "letter.txt").write_text("拝啓")
    assert "空ではありません" in refused(run("restore", file, "--to", named(filled)))
    assert "no backup" in refused(run("restore", tmp_path / "letter.txt", "--to", new))
    assert f"{tmp_path / 'none.gz'} がありません" in refused(
        run("restore", tmp_path / "none.gz", "--to", new)
    )
    away = tmp_path / "mistyped" / "ledger.sqlite"
    assert f"フォルダー {away.parent} がありません" in refused(run("restore", file, "--to", away))
    assert not away.parent.exists()
    assert "使えません" in refused(run("restore", file, "--to", "mysql://root:hush-hush@host/db"))
    assert "hush-hush" not in refused(run("restore", file, "--to", wrong))
    assert not new.exists()


RESTORE = """
import sys
from pathlib import Path
from audit import backup, intake
from audit.address import address_of
whole = intake.verified
def verified(*arguments, **options):
    print("loaded", flush=True)
    sys.stdin.read()
    return whole(*arguments, **options)
intake.verified = verified
backup.restore(Path(sys.argv[1]), address_of(sys.argv[2]), None, by="demo")
"""


@pytest.mark.requirement("R74")
@FROM_A_FILE
@KIND_OF_PLACE
def test_a_restore_that_is_killed_leaves_an_empty_place(file: Path, empty: Address, child: Child) -> None:
    process = child(RESTORE, file, named(empty))
    assert process.stdout and process.stdout.readline() == "loaded\n"
    process.kill()
    process.wait()
    assert empty.path or nothing_there(empty)
    assert backup.restore(file, empty, None, by="demo").report.ok
