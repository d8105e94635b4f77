"""A ledger moves from one store to the other as it is, and at no moment there are two of it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from audit import verify
from audit.address import Address
from audit.intake import NotEmpty
from audit.ledger import Ledger
from audit.model import CannotRecord, Draft
from audit.move import StillWriting, Unsound, move
from audit.names import moment, now
from tests.audit.books import KEY, A, B, Book
from tests.audit.cargo import bodies, evidence, fill, lines, notes, refused, run
from tests.audit.ledgers import Child, Where, asked, attack, kinds, named, rows, verified
from tests.postgres import Server


@pytest.fixture(params=["to-postgresql", "to-sqlite"])
def way(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str) -> tuple[Address, Address]:
    """Where the ledger is, and the empty place where it is to go."""
    file, database = Address(tmp_path / "ledger.sqlite"), Address(url=postgres_url)
    return (file, database) if request.param == "to-postgresql" else (database, file)


@pytest.fixture
def filled(way: tuple[Address, Address], keys: tuple[Path, Path]) -> tuple[Address, Address]:
    """The same, with a ledger in it: two writers, notes, texts."""
    fill(way[0], keys[0], "x-1", "x-2")
    fill(way[0], keys[0], "x-3")
    return way


def empty(place: Address) -> bool:
    if place.path:
        return not place.path.exists()
    here = "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
    return rows(place, here) == [(0,)]


# ── all of it, as it was ─────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R74")
def test_what_arrives_is_what_was_there_to_the_byte(
    filled: tuple[Address, Address], keys: tuple[Path, Path]
) -> None:
    old, new = filled
    before = evidence(old)
    moved = move(old, new, keys[1], by="demo")
    assert [line for line in evidence(new) if b"ledger.moved" not in line] == before
    assert (moved.records, moved.texts, moved.notes) == (6, 6, len(notes(old)))
    for table in ("originals", "original_keys"):
        assert rows(new, f"SELECT * FROM {table} ORDER BY 1, 2") == rows(
            old, f"SELECT * FROM {table} ORDER BY 1, 2"
        )
    (body,) = [json.loads(body) for body in bodies(new, "noted")]
    assert body == {"event": "ledger.moved", "by": "demo", "from": str(old), "records": 6}


@pytest.mark.requirement("R74")
def test_the_moved_ledger_goes_on_and_old_anchors_still_fit(
    filled: tuple[Address, Address], keys: tuple[Path, Path], tmp_path: Path
) -> None:
    old, new = filled
    anchor = tmp_path / "anchor.note"
    anchor.write_text("\n".join(notes(old)), "utf-8")
    move(old, new, keys[1], by="demo")
    fill(new, keys[0], "x-4")
    report = verify.verify_lines(lines(new), keys[1], anchors=[anchor])
    assert (report.ok, report.records, report.unanchored) == (True, 6 + 1 + 2, 0)
    assert report.anchored == len(notes(old))


def test_there_and_back_again(
    filled: tuple[Address, Address], keys: tuple[Path, Path], tmp_path: Path
) -> None:
    old, new = filled
    move(old, new, keys[1], by="demo")
    fill(new, keys[0], "x-4")
    home = Address(tmp_path / "home.sqlite")
    move(new, home, keys[1], by="demo")
    report = verified(home, keys[1])
    assert (report.ok, report.records) == (True, 6 + 1 + 2 + 1)


@pytest.mark.requirement("R74")
def test_the_laws_of_the_new_store_hold(
    filled: tuple[Address, Address], keys: tuple[Path, Path], tmp_path: Path, postgres: Server
) -> None:
    old, new = filled
    move(old, new, keys[1], by="demo")
    if new.url:
        database = postgres.database()
        fresh = Address(url=postgres.url(database))
        names = (
            "SELECT c.relname || ' ' || pg_get_triggerdef(t.oid) || t.tgenabled::text FROM pg_trigger AS t"
            " JOIN pg_class AS c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal ORDER BY 1"
        )
    else:
        database, fresh = "", Address(tmp_path / "fresh.sqlite")
        names = "SELECT sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY 1"
    fill(fresh, None)
    assert rows(new, names) == rows(fresh, names) != []
    postgres.drop(database) if database else None


def test_a_ledger_that_began_with_the_first_version_moves(tmp_path: Path, postgres_url: str) -> None:
    """There a ``lost`` record may lie in another chain than its question, which no law allows any more."""
    first = Address(tmp_path / "ledger.sqlite")
    fill(first, None)
    book = Book()
    book.write(A, "asked", "x-old", "[PERSON_1]様", model_requested="demo")
    book.exchange(A, "x-1")
    book.note((A, "open"))
    book.write(B, "lost", "x-old", egress_state="unknown")
    book.note((A, "closed"), (B, "closed"))
    key = tmp_path / "public.pem"
    key.write_text(KEY.pem)
    book_into(book, first)
    moved = move(first, Address(url=postgres_url), key, by="demo")
    assert (moved.records, moved.notes, moved.texts) == (4, 2, 3)
    assert verified(Address(url=postgres_url), key).ok


def book_into(book: Book, place: Address) -> None:
    """Put a book's rows into a ledger, past its laws."""
    import sqlite3
    from contextlib import closing

    assert place.path
    attack(place)
    with closing(sqlite3.connect(place.path)) as connection, connection:
        for row in book.rows:
            turn = {"asked": 1}.get(row.kind, 2)
            cells = (row.writer, row.idx, row.at, row.kind, row.exchange, turn, row.body, row.commitment)
            connection.execute(
                "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*cells, row.prev, row.hash)
            )
            if row.text is not None:
                connection.execute(
                    "INSERT INTO texts VALUES (?, ?, ?, ?)", (row.writer, row.idx, row.salt, row.text)
                )
        for number, note in enumerate(book.notes, 1):
            connection.execute("INSERT INTO notes VALUES (?, ?, ?)", (number, note.split("\n")[2], note))


# ── never two ────────────────────────────────────────────────────────────────────────────────────


def test_the_old_file_can_no_longer_be_written(
    tmp_path: Path, keys: tuple[Path, Path], postgres_url: str
) -> None:
    old = Address(tmp_path / "ledger.sqlite")
    fill(old, keys[0], "x-1")
    assert move(old, Address(url=postgres_url), keys[1], by="demo").read_only
    ledger = Ledger(old)
    ledger.start()
    with pytest.raises(CannotRecord):
        ledger.append_now(Draft("asked", "x-2", asked()))
    ledger.stop()
    assert verified(old, keys[1]).ok


def test_nothing_moves_while_somebody_may_be_writing(
    filled: tuple[Address, Address], keys: tuple[Path, Path], child: Child
) -> None:
    old, new = filled
    writer = child(WRITER, named(old))
    assert writer.stdout and writer.stdout.readline() == "writing\n"
    before = lines(old)
    with pytest.raises(StillWriting) as refusal:
        move(old, new, keys[1], by="demo")
    assert [lease.process.pid for lease in refusal.value.leases] == [writer.pid]
    assert str(writer.pid) in refused(run("move", "--ledger", named(old), "--to", named(new)))
    assert lines(old) == before and empty(new)


WRITER = """
import sys
from audit.ledger import Ledger
from audit.model import Draft
ledger = Ledger(sys.argv[1], lease_seconds=60)
ledger.start()
ledger.append_now(Draft("asked", "x-open", {}))
print("writing", flush=True)
sys.stdin.read()
"""


def test_what_a_dead_writer_left_open_is_lost_before_it_moves(
    filled: tuple[Address, Address], keys: tuple[Path, Path], child: Child
) -> None:
    old, new = filled
    writer = child(WRITER, named(old))
    assert writer.stdout and writer.stdout.readline() == "writing\n"
    writer.kill()
    writer.wait()
    assert move(old, new, keys[1], by="demo").closed == 1
    assert kinds(old)["lost"] == kinds(new)["lost"] == 1
    assert verified(new, keys[1]).ok


@pytest.mark.parametrize(("minutes", "gone"), [(1, False), (6, True)])
def test_a_writer_elsewhere_may_be_alive_until_it_was_silent_for_long(
    filled: tuple[Address, Address], keys: tuple[Path, Path], child: Child, minutes: int, gone: bool
) -> None:
    """It ran on a machine of which nobody here can tell whether it is still there."""
    old, new = filled
    writer = child(WRITER, named(old))
    assert writer.stdout and writer.stdout.readline() == "writing\n"
    writer.kill()
    writer.wait()
    until = moment(now() - timedelta(minutes=minutes))
    attack(old, f"UPDATE leases SET boot = 'elsewhere', until = '{until}' WHERE ended IS NULL")
    if gone:
        assert move(old, new, keys[1], by="demo").closed == 1
        assert kinds(new)["lost"] == 1
    else:
        with pytest.raises(StillWriting):
            move(old, new, keys[1], by="demo")


MOVE = """
import sys
from pathlib import Path
from audit import intake
from audit.address import address_of
from audit.move import move
step = sys.argv[3]
def held_up(*arguments, whole=getattr(intake, step), **options):
    if step != "sweep" or arguments[2]:  # not the sweep of the old ledger: the last step in the new one
        print("here", flush=True)
        sys.stdin.read()
    return whole(*arguments, **options)
setattr(intake, step, held_up)
move(address_of(sys.argv[1]), address_of(sys.argv[2]), None, by="demo")
"""
"""A move that stops, in the middle, where it is told to."""


@pytest.mark.requirement("R74")
@pytest.mark.parametrize("step", ["take_in", "verified", "sweep"])
def test_a_move_that_is_killed_leaves_the_old_ledger_as_it_was_and_the_new_place_empty(
    filled: tuple[Address, Address], keys: tuple[Path, Path], child: Child, step: str
) -> None:
    old, new = filled
    before = lines(old)
    mover = child(MOVE, named(old), named(new), step)
    assert mover.stdout and mover.stdout.readline() == "here\n"
    mover.kill()
    mover.wait()
    assert lines(old) == before
    fill(old, keys[0], "x-goes-on")
    assert new.path or empty(new)
    assert move(old, new, keys[1], by="demo").records == 8
    assert verified(new, keys[1]).ok


def test_while_it_moves_nobody_can_write_to_the_old_ledger_nor_see_the_new_one(
    filled: tuple[Address, Address], child: Child
) -> None:
    old, new = filled
    mover = child(MOVE, named(old), named(new), "verified")
    assert mover.stdout and mover.stdout.readline() == "here\n"
    ledger = Ledger(old)
    ledger.start()
    with pytest.raises(CannotRecord):
        ledger.append_now(Draft("asked", "x-late", asked()))
    assert not new.url or empty(new)
    mover.kill()
    mover.wait()
    ledger.stop()
    assert "x-late" not in {exchange for (exchange,) in rows(old, "SELECT exchange FROM records")}


# ── what does not move ───────────────────────────────────────────────────────────────────────────


def test_a_ledger_that_is_not_sound_stays(filled: tuple[Address, Address], keys: tuple[Path, Path]) -> None:
    old, new = filled
    attack(old, "UPDATE texts SET text = text || '。' WHERE idx = 2")
    with pytest.raises(Unsound) as refusal:
        move(old, new, keys[1], by="demo")
    bad = refusal.value.report.first_bad
    assert bad and (bad.index, bad.code) == (2, "text_changed")
    done = run("move", "--ledger", named(old), "--to", named(new))
    assert done.exit_code == 1 and "引っ越しません" in done.stderr
    assert empty(new)
    fill(old, keys[0], "x-goes-on")


def test_a_ledger_never_moves_over_another(filled: tuple[Address, Address], keys: tuple[Path, Path]) -> None:
    old, new = filled
    fill(new, None, "x-mine")
    theirs, mine = lines(old), lines(new)
    with pytest.raises(NotEmpty):
        move(old, new, keys[1], by="demo")
    assert "空ではありません" in refused(run("move", "--ledger", named(old), "--to", named(new)))
    assert (lines(old), lines(new)) == (theirs, mine)


def test_a_chain_whose_name_says_no_month_cannot_go_where_months_matter(
    tmp_path: Path, postgres_url: str
) -> None:
    old, new = Address(tmp_path / "ledger.sqlite"), Address(url=postgres_url)
    fill(old, None)
    book = Book()
    book.exchange("by-hand", "x-1")
    book_into(book, old)
    assert "does not say when" in refused(run("move", "--ledger", named(old), "--to", named(new)))
    assert empty(new) and verified(old).ok
    fill(old, None, "x-2")


def test_the_log_of_another_ledger_is_never_deleted(filled: tuple[Address, Address], tmp_path: Path) -> None:
    new = tmp_path / "there" / "ledger.sqlite"
    assert "がありません" in refused(run("move", "--ledger", named(filled[0]), "--to", new))
    new.parent.mkdir()
    log = new.with_name("ledger.sqlite-wal")
    log.write_bytes(b"the newest records")
    assert f"{log} が残っています" in refused(run("move", "--ledger", named(filled[0]), "--to", new))
    assert log.read_bytes() == b"the newest records" and not new.exists()


def test_mistakes_are_one_sentence(tmp_path: Path, postgres_url: str) -> None:
    ledger = tmp_path / "ledger.sqlite"
    fill(ledger, None, "x-1")
    wrong = postgres_url.replace("postgres:@", "guarded:hush-hush@").replace(
        "postgres@", "guarded:hush-hush@"
    )

    def said(where: Where, to: str) -> str:
        return refused(run("move", "--ledger", named(where), "--to", to))

    assert "台帳" in said(tmp_path / "none.sqlite", postgres_url)
    assert "使えません" in said(ledger, "mysql://root:hush-hush@host/db")
    assert "where it is" in said(ledger, str(ledger))
    assert "hush-hush" not in said(ledger, wrong)
    assert "hush-hush" not in said(ledger, "postgresql://demo:hush-hush@127.0.0.1:1/sekisho")
    fill(ledger, None, "x-2")


# ── the command ──────────────────────────────────────────────────────────────────────────────────


def test_the_command_says_what_it_did_and_what_to_set(
    filled: tuple[Address, Address], keys: tuple[Path, Path]
) -> None:
    old, new = filled
    done = run("move", "--ledger", named(old), "--to", named(new), "--public-key", keys[1])
    assert done.exit_code == 0, done.output
    assert "記録 6 件" in done.stdout and f"SEKISHO_LEDGER={named(new)}" in done.stdout
    assert ("読み取り専用" if old.path else "もう書かないで") in done.stdout
    assert "purge では消せません" in done.stdout and "期限より前に廃棄" in done.stdout


def test_the_command_never_repeats_a_password(tmp_path: Path, postgres_url: str) -> None:
    old = tmp_path / "ledger.sqlite"
    fill(old, None, "x-1")
    url = postgres_url.replace("postgres@", "postgres:hush-hush@")
    done = run("move", "--ledger", old, "--to", url)
    assert done.exit_code == 0, done.output
    assert "SEKISHO_LEDGER=" in done.stdout and "hush-hush" not in done.output
    assert not any("hush-hush" in body for body in bodies(postgres_url, "noted"))


def test_the_same_file_by_another_name_is_not_another_place(tmp_path: Path) -> None:
    old = tmp_path / "ledger.sqlite"
    fill(old, None, "x-1")
    (tmp_path / "link.sqlite").symlink_to(old)
    for name in (str(old), str(tmp_path / "link.sqlite"), str(tmp_path / ".." / tmp_path.name / old.name)):
        assert "where it is" in refused(run("move", "--ledger", old, "--to", name))
    fill(old, None, "x-2")
