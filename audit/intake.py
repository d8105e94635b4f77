"""Takes the lines of an export into an empty place: the one way in for a restore and for a move.

Everything happens in the transaction that ``beginning`` opens: the tables, their laws, the content, and the
record that says where it came from. Either all of that is there afterwards or the place is as empty as it was,
also when the process was killed in the middle. It never judges what it loads (verify.py does) and never
touches a ledger that holds anything.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from audit import leases, tables, verify
from audit.address import Address
from audit.draft import prepare
from audit.export import ASIDE, lines
from audit.model import Draft
from audit.months import Month, month_of_writer
from audit.names import moment, now
from audit.pen import SILENCE, Pen
from audit.store import Store
from audit.stores import Place, install, place_of
from audit.stores.loading import load, take_time, without_laws
from audit.tables import SCHEMA

_BATCH = 5_000
"""Lines that are in memory at a time."""

CONTENT = (b"n\t", b"r\t", b"t\t", b"x\t")
"""How the lines between the first and the last one begin."""


class NotEmpty(Exception):
    """Something is there already; its sentence says so, in English."""


class NotTaken(Exception):
    """What arrived is not what was sent; nothing was kept. Its sentence says so, in English."""


# ── an empty place ───────────────────────────────────────────────────────────────────────────────


@contextmanager
def beginning(address: Address) -> Iterator[tuple[Place, tables.Connection]]:
    """A new ledger, begun in one transaction; on any error the place is left as it was found.

    Raises NotEmpty, and OSError, RuntimeError or sqlalchemy's errors where there can be no ledger.
    """
    place, file = place_of(address), address.path
    absent, made = file is not None and not file.exists(), False
    try:
        with place.writer(create=True).connect() as connection, connection.begin():
            take_time(connection)
            _demand_empty(place, connection)
            made = absent  # from here on it is ours alone
            install(place, connection, create=True)
            yield place, connection
    except BaseException:
        if made:
            for name in (f"{file}", f"{file}-wal", f"{file}-shm"):
                Path(name).unlink(missing_ok=True)
        raise


def _demand_empty(place: Place, connection: tables.Connection) -> None:
    version = place.version(connection)
    if version == 0:
        return
    if version != SCHEMA:
        raise NotEmpty("there is something else than an empty ledger")
    for table in (tables.records, tables.texts, tables.notes, *ASIDE):
        if connection.execute(table.select().limit(1)).first() is not None:
            raise NotEmpty("there is a ledger already")


# ── lines in ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Tally:
    """What went by: how many lines of each mark, the head of every chain, and a digest of all lines' bytes.

    newest   number of the newest note
    skipped  lines that could not be read; only of a broken file
    """

    counts: dict[bytes, int] = field(default_factory=lambda: dict.fromkeys((b"n", b"r", b"t", b"x"), 0))
    heads: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict)
    newest: int = 0
    skipped: int = 0
    _digest: Any = field(default_factory=sha256)

    def see(self, line: bytes) -> None:
        """``line`` without its newline."""
        mark = line[:1]
        self.counts[mark] += 1
        self._digest.update(line + b"\n")
        if mark == b"r":
            _, _, writer, index, _ = line.split(b"\t", 4)
            self.heads[writer] = index, line[-64:]
        elif mark == b"n":
            self.newest = int(line.split(b"\t", 2)[1])

    @property
    def records(self) -> int:
        return self.counts[b"r"]

    def differs_from(self, other: "Tally", *, exactly: bool = True) -> str | None:
        """What is not the same in both, in English; None when every byte is, or, not exactly, every count and head."""
        words = {b"n": "notes", b"r": "records", b"t": "texts", b"x": "other rows"}
        for mark, word in words.items():
            if self.counts[mark] != other.counts[mark]:
                return f"{self.counts[mark]} {word} are there, {other.counts[mark]} were sent"
        for writer, head in other.heads.items():
            if self.heads.get(writer) != head:
                return f"the chain {writer.decode('utf-8', 'replace')} ends in another record"
        same = not exactly or self._digest.digest() == other._digest.digest()
        return None if same else "a line is not what was sent"


def take_in(
    place: Place, connection: tables.Connection, content: Iterable[bytes], *, broken: bool = False
) -> Tally:
    """Load all lines into the ledger that ``beginning`` began. ``broken``: leave out what cannot be read.

    Raises ValueError for a line that cannot be read, and for a chain whose name does not say when it began,
    where the store must know that.
    """
    intake = _Intake(place, connection)
    with without_laws(connection):
        for line in content:
            line = line.removesuffix(b"\n")
            if line[:2] not in intake.readers:
                continue
            try:
                intake.readers[line[:2]](line.decode())
            except (ValueError, TypeError, KeyError, RecursionError) as wrong:
                if not broken:
                    raise ValueError(f"a line of the export cannot be read: {line[:1].decode()}") from wrong
                intake.tally.skipped += 1
                continue
            intake.tally.see(line)
            intake.flush_when_full()
        intake.flush()
    return intake.tally


class _Intake:
    """Rows on their way from lines to tables."""

    def __init__(self, place: Place, connection: tables.Connection) -> None:
        self.tally = Tally()
        readers = (self._note, self._record, self._text, self._aside)
        self.readers: Mapping[bytes, Callable[[str], None]] = dict(zip(CONTENT, readers, strict=True))
        self._place = place
        self._connection = connection
        self._rows: dict[str, list[tuple[Any, ...]]] = {}
        self._waiting = 0
        self._last = ("", "")  # the record that a text may belong to
        self._months: set[Month] = set()
        self._writers: set[str] = set()

    def flush_when_full(self) -> None:
        if self._waiting >= _BATCH:
            self.flush()

    def flush(self) -> None:
        for table in (tables.notes, tables.records, tables.texts, *ASIDE):
            load(self._connection, table, self._rows.pop(table.name, ()))
        self._waiting = 0

    def _put(self, table: str, *row: Any) -> None:
        self._rows.setdefault(table, []).append(row)
        self._waiting += 1

    def _note(self, line: str) -> None:
        _, number, quoted = line.split("\t")
        signed: str = json.loads(quoted)
        self._put("notes", int(number), signed.split("\n", 3)[2], signed)

    def _record(self, line: str) -> None:
        _, prev, writer, idx, at, kind, exchange, commitment, body, digest = line.split("\t")
        if writer not in self._writers:
            self._make_room(writer)
        turn = None if exchange == "-" else 1 if kind == "asked" else 2
        self._put(
            *("records", writer, int(idx), at, kind, None if exchange == "-" else exchange, turn, body),
            *(None if commitment == "-" else commitment, prev, digest),
        )
        self._last = writer, idx

    def _make_room(self, writer: str) -> None:
        if not self._place.serial:
            month = month_of_writer(writer)
            if month not in self._months:
                self._place.make_month(self._connection, writer)
                self._months.add(month)
        self._writers.add(writer)

    def _text(self, line: str) -> None:
        _, writer, idx, salt, quoted = line.split("\t")
        text = json.loads(quoted)
        if (writer, idx) != self._last or not isinstance(text, str):
            raise ValueError("a text stands behind its record")
        self._put("texts", writer, int(idx), salt, text)

    def _aside(self, line: str) -> None:
        _, name, quoted = line.split("\t")
        row = json.loads(quoted)
        table = next((table for table in ASIDE if table.name == name), None)
        if table is None or not isinstance(row, dict) or set(row) != set(table.columns.keys()):
            raise ValueError("rows of a table that this program does not know")
        self._put(name, *(row[column] for column in table.columns.keys()))  # noqa: SIM118


# ── afterwards ───────────────────────────────────────────────────────────────────────────────────


def verified(
    connection: tables.Connection, sent: Tally, public_key: Path | None, *, exactly: bool = True
) -> verify.Report:
    """Read all of it again: the verdict on it. Raises NotTaken unless every byte is what was sent.

    Not exactly: of a broken file, whose lines may have stood in another order, the counts and heads must be.
    """
    arrived = Tally()
    report = verify.verify_lines(_seen(lines(connection, texts=True, everything=True), arrived), public_key)
    if difference := arrived.differs_from(sent, exactly=exactly):
        raise NotTaken(difference)
    return report


def _seen(content: Iterable[bytes], tally: Tally) -> Iterator[bytes]:
    for line in content:
        if line[:2] in CONTENT:
            tally.see(line.removesuffix(b"\n"))
        yield line


class Within(Store):
    """A store whose transactions are part of a greater one, so that a pen can write into it."""

    def __init__(self, place: Place, connection: tables.Connection) -> None:
        super().__init__(place, create=False)
        self._greater = connection

    @contextmanager
    def transaction(self) -> Iterator[tables.Connection]:
        yield self._greater


def close_all(place: Place, connection: tables.Connection, event: Mapping[str, Any] | None) -> int:
    """End every lease, its open exchanges as ``lost``; then note the event. How many exchanges were closed."""
    of = tables.leases
    long_ago = moment(now() - 2 * SILENCE)
    connection.execute(of.update().where(of.c.ended.is_(None), of.c.until > long_ago).values(until=long_ago))
    return sweep(place, connection, event)


def sweep(place: Place, connection: tables.Connection, event: Mapping[str, Any] | None) -> int:
    """Close what dead writers left open, and note the event, inside the caller's transaction."""
    pen = Pen(Within(place, connection), now, 10.0)
    closed = pen.sweep()
    if event is not None:
        pen.write([prepare(Draft("noted", None, dict(event)), now())])
    pen.retire()
    return closed


def still_writing(connection: tables.Connection) -> list[leases.Lease]:
    """The writers that may be alive: not dead for sure, and not silent for as long as a sweep wants (pen.SILENCE)."""
    since, here = moment(now() - SILENCE), leases.this_process()
    return [
        lease
        for lease in leases.living(connection)
        if lease.until >= since and not leases.provably_dead(lease.process, here)
    ]
