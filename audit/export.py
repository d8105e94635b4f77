"""A ledger as lines of text (sekisho.export.v1), from either store: what is given to whoever checks, and kept as a backup.

    sekisho.export.v1   {"texts":true,"from":0}
    n   1   "sekisho/ledger\\n1\\n2026-11-23T05:21:00.123456Z\\n…"
    r   0000…   w20261123T052100Z-4f9c2a   1   2026-11-23T05:21:00.123456Z   asked   01KC…   5f0c…   {"caller":…}   90ab…
    t   w20261123T052100Z-4f9c2a   1   9d0e…   "[PERSON_1_k7q2]様、…"
    x   leases   {"writer":"w20261123T052100Z-4f9c2a",…}
    e   1   1   1

with one TAB between fields (docs/ledger-format.md). It shows one moment, in constant memory, and is always the
whole ledger or everything behind one note: a part cut out by person or period could not be verified. What it
reads it never judges: a row that no line can say gets one field too many, and the verifier finds it.
"""

import gzip
import io
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from audit import notes, tables
from audit.address import Address
from audit.query import reading

TAG = "sekisho.export.v1"

ASIDE = (tables.leases, tables.erasures, tables.original_keys, tables.originals)
"""What is no evidence, and would be lost all the same: only in backups, as ``x`` lines."""

_FETCH = 2_000
"""Rows that are in memory at a time."""

_TURNS = {"asked": 1, "viewed": None, "noted": None}
_DASH = "-"
_COMPRESSION = 3
"""Of gzip: half as large again would cost three times as long."""


class NoteNotHeld(ValueError):
    """The ledger does not hold the note it should be continued from. ``newest``: number of the last it holds."""

    def __init__(self, number: int, newest: int) -> None:
        super().__init__(f"the ledger does not hold this note {number}; its newest one is {newest}")
        self.number = number
        self.newest = newest


@dataclass(frozen=True, slots=True)
class Written:
    """What a finished file holds."""

    notes: int
    records: int
    texts: int
    bytes: int


# ── lines ────────────────────────────────────────────────────────────────────────────────────────


def lines(
    connection: tables.Connection, *, texts: bool, since: str | None = None, everything: bool = False
) -> Iterator[bytes]:
    """The lines of the export, each with its newline.

    texts        also the masked texts: they are personal information of the city (保有個人情報)
    since        a signed note: only what is newer
    everything   also what is no evidence; with texts, a backup

    Raises NoteNotHeld, and NoNote for a ``since`` that is none.
    """
    start = _start(connection, since)
    counts = {"n": 0, "r": 0, "t": 0, "x": 0}
    header = {"texts": texts, "from": start.number if start else 0}
    yield _line(TAG, _json(header | {"everything": True} if everything else header))
    for line in _content(connection, start, texts, everything):
        counts[line[0]] += 1
        yield line.encode()
    yield _line("e", counts["n"], counts["r"], counts["t"])


def count(connection: tables.Connection, since: str | None = None) -> int:
    """How many records ``lines`` would say. Raises as it does."""
    start = _start(connection, since)
    records = tables.records
    if start is None:
        return int(connection.execute(tables.select(tables.func.count()).select_from(records)).scalar_one())
    news = 0
    for writer, base in _chains_since(connection, start):
        found = tables.select(tables.func.count()).where(records.c.writer == writer, records.c.idx > base)
        news += connection.execute(found).scalar_one()
    return news


def _content(
    connection: tables.Connection, start: notes.Note | None, texts: bool, everything: bool
) -> Iterator[str]:
    stored = tables.notes
    found = stored.select().order_by(stored.c.number)
    for row in _rows(connection, found.where(stored.c.number > start.number) if start else found):
        fits = row.note.split("\n", 3)[2:3] == [row.at]
        yield f"n\t{row.number}\t{_json(row.note)}{'' if fits else _DASH}\n"
    rows = tables.records.c
    if start is None:
        yield from _records(connection, texts, ())
        yield from _texts_alone(connection) if texts else ()
    else:
        for writer, base in _chains_since(connection, start):
            yield from _records(connection, texts, (rows.writer == writer, rows.idx > base))
    for table in ASIDE if everything else ():
        for row in _rows(connection, table.select().order_by(*table.primary_key)):
            yield f"x\t{table.name}\t{_json(row._asdict())}\n"


def _records(connection: tables.Connection, texts: bool, where: Sequence[Any]) -> Iterator[str]:
    records, beside = tables.records, tables.texts
    if texts:
        same = (beside.c.writer == records.c.writer) & (beside.c.idx == records.c.idx)
        found = tables.select(records, beside.c.salt, beside.c.text)
        found = found.join_from(records, beside, same, isouter=True)
    else:
        found = tables.select(records)
    for row in _rows(connection, found.where(*where).order_by(records.c.writer, records.c.idx)):
        writer, idx, at, kind, exchange, turn, body, commitment, prev, digest, *text = row
        fits = turn == _TURNS.get(kind, 2) and exchange != _DASH and commitment != _DASH
        line = (
            f"r\t{prev}\t{writer}\t{idx}\t{at}\t{kind}\t{_DASH if exchange is None else exchange}\t"
            f"{_DASH if commitment is None else commitment}\t{body}\t{digest}"
        )
        yield f"{line}\n" if fits and "\n" not in line else _unsayable(line)
        if text and text[1] is not None:
            yield _text_line(writer, idx, *text)


def _unsayable(line: str) -> str:
    """A row that no honest hand has written: with one field too many, and still one line."""
    return line.replace("\n", "\t") + "\t\n"


def _text_line(writer: str, idx: int, salt: str, text: str) -> str:
    line = f"t\t{writer}\t{idx}\t{salt}\t{_json(text)}"
    return f"{line}\n" if "\n" not in line else _unsayable(line)


def _texts_alone(connection: tables.Connection) -> Iterator[str]:
    """Texts whose record is gone, at the end, where no text may stand."""
    records, beside = tables.records, tables.texts
    same = tables.exists().where(records.c.writer == beside.c.writer, records.c.idx == beside.c.idx)
    for row in _rows(connection, beside.select().where(~same).order_by(beside.c.writer, beside.c.idx)):
        yield _text_line(*row)


def _rows(connection: tables.Connection, found: Any) -> Iterator[Any]:
    """Row by row; PostgreSQL would else send the whole ledger at once."""
    with connection.execute(found, execution_options={"yield_per": _FETCH}) as rows:
        yield from rows


def _line(*fields: object) -> bytes:
    return ("\t".join(map(str, fields)) + "\n").encode()


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _json(value: object) -> str:
    return _encode(value)


# ── what is newer than a note ────────────────────────────────────────────────────────────────────


def _start(connection: tables.Connection, since: str | None) -> notes.Note | None:
    if since is None:
        return None
    start, stored = notes.read(since), tables.notes
    held = connection.execute(tables.select(stored.c.note).where(stored.c.number == start.number)).scalar()
    if held != since:
        newest = connection.execute(tables.select(tables.func.max(stored.c.number))).scalar()
        raise NoteNotHeld(start.number, newest or 0)
    return start


def _chains_since(connection: tables.Connection, start: notes.Note) -> list[tuple[str, int]]:
    """(writer, index) of every chain that may hold records the note does not cover: those behind the index.

    A chain that the note does not list was closed before it, unless a later note lists it (but as purged) or it
    is still to be closed (it has a lease). No clock is asked: it may have been set. Behind a closed one nothing may come, so
    that is shown if it does.
    """
    newer = tables.select(tables.notes.c.note).where(tables.notes.c.number > start.number)
    young = {writer for (writer,) in connection.execute(tables.select(tables.leases.c.writer))}
    for (note,) in _rows(connection, newer):
        with suppress(notes.NoNote):  # one that is none is for the verifier to find
            young |= {head.writer for head in notes.read(note).heads if head.state != "purged"}
    chains = {head.writer: head.size for head in start.heads if head.state != "purged"}
    chains |= {writer: 0 for writer in young - {head.writer for head in start.heads}}
    return sorted(chains.items())


# ── a file ───────────────────────────────────────────────────────────────────────────────────────


def write(
    ledger: Address,
    path: Path,
    *,
    texts: bool,
    since: str | None = None,
    everything: bool = False,
    overwrite: bool = False,
    first: Callable[[int], None] = lambda records: None,
) -> Written:
    """Write the lines to a new file that only its owner can read; gzip where the name ends in ``.gz``.

    Under this name there is the whole file or none. ``first`` is called with the number of records before
    any is written: what cannot be recorded as taken is not taken. Raises FileExistsError, other OSErrors
    (a full disk), NoteNotHeld, and what a ledger that cannot be read raises (query.CANNOT_READ).
    """
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} is there already")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with reading(ledger) as connection:
        amount = count(connection, since)
        file = os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        try:
            with file:
                first(amount)
                last = _fill(file, lines(connection, texts=texts, since=since, everything=everything), path)
                file.flush()
                os.fsync(file.fileno())
                size = os.fstat(file.fileno()).st_size
            os.replace(draft, path)
            _sync_folder(path.absolute().parent)
        except BaseException:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise
    _, stored, records, beside = last.split()
    return Written(int(stored), int(records), int(beside), size)


def _fill(file: IO[bytes], content: Iterator[bytes], path: Path) -> bytes:
    """Write all lines; the last one is given back."""
    line = b""
    if path.suffix != ".gz":
        for line in content:
            file.write(line)
        return line
    packed = gzip.GzipFile("", "wb", _COMPRESSION, file, mtime=0)
    with io.BufferedWriter(packed, 1 << 18) as buffer:
        for line in content:
            buffer.write(line)
    return line


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
