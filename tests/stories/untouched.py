"""A ledger in either store before anybody touched it, and hands that may do anything to a copy of it.

Several chains, some closed, one open, one that no note knows; texts; notes that a folder outside has got up to a
moment that is known (the newest anchor), younger ones that stayed in the house, and records younger still.
Used by test_any_tampering_is_found. Nothing here decides what a tampering is, or whether it was found.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfile
from typing import Any, Protocol

from audit import export, notes, verify
from audit.address import Address
from audit.ledger import Ledger
from audit.model import Draft
from audit.notes import Note
from audit.signing import CannotSign, KeyFile, create_keys
from audit.stores import place_of
from tests.audit.ledgers import asked, attack, rows

COLUMNS = {
    "records": "writer, idx, at, kind, exchange, turn, body, text_commitment, prev, hash",
    "texts": "writer, idx, salt, text",
    "notes": "number, at, note",
}
EVERYTHING = {table: f"SELECT {names} FROM {table} ORDER BY 1, 2" for table, names in COLUMNS.items()}
Row = tuple[Any, ...]
Copy = dict[str, list[Row]]
"""Every row of the three tables that are evidence, in order."""


class Hand(Protocol):
    """Whoever owns the store can do this much."""

    def run(self, sql: str, *values: Any) -> list[Row]: ...


class Tampering(Hand, Protocol):
    """The hand has a copy of its own, which can be verified."""

    def verify(self) -> verify.Report: ...


@dataclass
class Untouched:
    """The ledger as its writers left it.

    sizes       chain → how many records the newest note counts, and the newest anchored one
    anchored    number of the newest note that lies outside; ``newest``: of the newest there is
    earlier     copies of the whole store at earlier moments, each with its newest note's number
    otherwise   a copy that was turned back and went on with the true key
    """

    address: Address
    keys: tuple[Path, Path]
    anchors: Path
    now: Copy
    earlier: list[tuple[int, Copy]]
    otherwise: Copy
    anchored: int
    newest: int = field(init=False)
    sizes: dict[str, tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        self.newest = len(self.now["notes"])
        noted, outside = self.heads_at(self.newest), self.heads_at(self.anchored)
        self.sizes = {
            writer: (noted.get(writer, 0), outside.get(writer, 0))
            for writer in {r[0] for r in self.now["records"]}
        }

    def note(self, number: int) -> Note:
        return notes.read(self.now["notes"][number - 1][2])

    def heads_at(self, number: int) -> dict[str, int]:
        """How many records of each chain the notes up to this one count."""
        counted: dict[str, int] = {}
        for each in range(1, number + 1):
            counted |= {head.writer: head.size for head in self.note(each).heads}
        return counted

    def chain(self, writer: str) -> list[Row]:
        return [row for row in self.now["records"] if row[0] == writer]

    def covered(self, copy: Copy) -> Copy:
        """What of a copy the newest anchored note speaks of: it, the notes before, its records, their texts."""
        inside = {writer: outside for writer, (_, outside) in self.sizes.items()}
        return {
            "records": [row for row in copy["records"] if row[1] <= inside.get(row[0], 0)],
            "texts": [row for row in copy["texts"] if row[1] <= inside.get(row[0], 0)],
            "notes": [row for row in copy["notes"] if row[0] <= self.anchored],
        }

    @contextmanager
    def copy(self, folder: Path) -> Iterator[Tampering]:
        """A fresh copy to tamper with; gone afterwards."""
        if self.address.url:
            with place_of(self.address).writer(create=False).connect() as line, line.begin() as changes:
                yield PostgreSQLHand(line, self)
                changes.rollback()
            return
        assert self.address.path
        path = folder / "copy.sqlite"
        copyfile(self.address.path, path)
        with closing(sqlite3.connect(path, isolation_level=None)) as line:
            line.execute("PRAGMA journal_mode = OFF").close()
            line.execute("PRAGMA synchronous = OFF")
            line.execute("PRAGMA ignore_check_constraints = ON")
            yield SQLiteHand(line, path, self)


@dataclass
class SQLiteHand:
    """A copy of the file; verified as an outsider verifies it."""

    line: sqlite3.Connection
    path: Path
    ledger: Untouched

    def run(self, sql: str, *values: Any) -> list[Row]:
        return self.line.execute(sql, values).fetchall()

    def verify(self) -> verify.Report:
        return verify.verify(self.path, self.ledger.keys[1], anchors=[self.ledger.anchors])


@dataclass
class StoreHand:
    """A transaction of the store's own."""

    line: Any

    def run(self, sql: str, *values: Any) -> list[Row]:
        sql = sql.replace("?", "%s") if self.line.dialect.name == "postgresql" else sql
        done = self.line.exec_driver_sql(sql, values)
        return [tuple(row) for row in done] if done.returns_rows else []


@dataclass
class PostgreSQLHand(StoreHand):
    """One that will not be committed; verified on the lines that an export of it would have."""

    ledger: Untouched

    def verify(self) -> verify.Report:
        lines = export.lines(self.line, texts=True)
        return verify.verify_lines(lines, self.ledger.keys[1], anchors=[self.ledger.anchors])


# ── how it came to be ─────────────────────────────────────────────────────────────────────────────


class Tired:
    """Signs with a key file until it has had enough."""

    def __init__(self, key: Path) -> None:
        self._key = KeyFile.load(key)
        self.signs = True

    def sign(self, note: Note) -> str:
        if not self.signs:
            raise CannotSign("enough for today")
        return self._key.sign(note)


def build(address: Address, elsewhere: Address, folder: Path) -> Untouched:
    """Let several writers work at once. ``elsewhere``: an empty place, for the copy that went on."""
    keys = create_keys(folder / "keys")
    anchors = folder / "anchors"
    anchors.mkdir()
    given: list[str] = []
    outside = True

    def take(signed: str) -> None:
        given.append(signed)
        if outside:
            (anchors / f"{notes.read(signed).number:04}.note").write_text(signed, "utf-8")

    signer = Tired(keys[0])
    with ExitStack() as stage:

        def start() -> Ledger:
            ledger = Ledger(address, signer, settle_seconds=0.01, given=take)
            ledger.start()
            stage.callback(ledger.stop)
            return ledger

        def go_on(*ledgers: Ledger) -> None:
            before = len(given)
            for number, ledger in enumerate(ledgers * 3):
                exchange(ledger, number)
            _wait(lambda: len(given) > before and _covers(given[-1], address))

        first, second = start(), start()
        go_on(first)
        earlier = [everything(address)]
        go_on(first, second)
        first.stop()
        third = start()
        earlier.append(everything(address))
        go_on(second, third)
        second.stop()
        go_on(third)
        anchored = notes.read(given[-1]).number
        outside = False
        go_on(third)
        earlier.append(everything(address))
        go_on(third)
        signer.signs = False
        fourth = start()  # no note will ever know its chain
        for number in range(4):
            exchange(third, number)
            exchange(fourth, number)
        now = everything(address)
    assert everything(address) == now, "at rest, a writer adds nothing when it stops"
    signer.signs, outside = True, False
    _go_on_from(elsewhere, earlier[1], signer)
    attack(address)  # the owner takes the laws away, once for all tamperings
    copies = [(len(copy["notes"]), copy) for copy in earlier]
    return Untouched(address, keys, anchors, now, copies, everything(elsewhere), anchored)


def _go_on_from(address: Address, copy: Copy, signer: Tired) -> None:
    """Another present: the earlier copy, with the house's own program and key at work on it."""
    for fill in (False, True):
        ledger = Ledger(address, signer if fill else None, settle_seconds=0.01)
        ledger.start()
        if fill:
            for number in range(6):
                exchange(ledger, number)
                time.sleep(0.05)
        ledger.stop()
        if not fill:
            attack(address)
            with place_of(address).writer(create=False).connect() as line, line.begin():
                replace(StoreHand(line), copy)


def exchange(ledger: Ledger, number: int) -> None:
    """A question and its ending; some without a text."""
    text = None if number % 3 == 2 else f"{number}番の[PERSON_1_k7q2]様へ\n\tよろしくお願いします。"
    name = f"x-{time.monotonic_ns()}"
    ledger.append_now(Draft("asked", name, asked(request_id=name), text))
    ending = "refused" if text is None else "answered"
    ledger.append_now(Draft(ending, name, {"egress_state": "masked"}, text))


def everything(address: Address) -> Copy:
    """All rows of the evidence."""
    return {table: rows(address, sql) for table, sql in EVERYTHING.items()}


def seen_by(hand: Hand) -> Copy:
    """All rows of the evidence, as the hand has left them."""
    return {table: hand.run(sql) for table, sql in EVERYTHING.items()}


def replace(hand: Hand, copy: Copy) -> None:
    """Put a whole copy in the place of what is there."""
    for table in ("texts", "records", "notes"):
        hand.run(f"DELETE FROM {table}")
    for table in ("records", "texts", "notes"):
        add(hand, table, copy[table])


def add(hand: Hand, table: str, added: Sequence[Row]) -> None:
    for row in added:
        places = ", ".join("?" * len(row))
        hand.run(f"INSERT INTO {table} ({COLUMNS[table]}) VALUES ({places})", *row)


def _wait(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not true():
        assert time.monotonic() < until, "no note came"
        time.sleep(0.01)


def _covers(signed: str, address: Address) -> bool:
    """Whether a note speaks of every record there is."""
    heads = {head.writer: head.size for head in notes.read(signed).heads if head.state == "open"}
    living = {writer for (writer,) in rows(address, "SELECT writer FROM leases WHERE ended IS NULL")}
    sizes = dict(rows(address, "SELECT writer, max(idx) FROM records GROUP BY writer"))
    return all(heads.get(writer, 0) == sizes.get(writer, 0) for writer in living if writer in sizes)
