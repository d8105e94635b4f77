"""Leases: who is writing to the ledger now, and who has provably stopped.

A writer holds its lease in every transaction and renews it when a third of it is over. Which leases are
over, the pen judges (pen.py): at once where the process provably died on this very machine, and else only
after watching. It never closes an exchange; that is the pen's work too.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from audit import tables
from audit.names import moment


@dataclass(frozen=True, slots=True)
class Process:
    """Which process of which machine. Fields are empty where the system does not tell.

    boot       /proc/sys/kernel/random/boot_id: another one, another run of the machine
    namespace  /proc/self/ns/pid: process numbers mean something only inside one
    pid, born  the number and, from /proc/<pid>/stat field 22 (proc(5)), when it started in clock ticks:
               numbers are used again, the pair is not
    """

    boot: str
    namespace: str
    pid: int
    born: str


@dataclass(frozen=True, slots=True)
class Lease:
    """A row of the leases table: ``until`` is a moment; no exchange asked before ``open_from`` is open."""

    writer: str
    process: Process
    until: str
    open_from: int


def this_process() -> Process:
    """The process that runs this."""
    pid = os.getpid()
    return Process(_boot(), _namespace(), pid, _born(pid))


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _born(pid: int) -> str:
    """Empty where no such process is seen, or only its corpse (a zombie without threads)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()  # from field 3 on; the name in field 2 may hold anything
    state, threads, born = fields[0], int(fields[17]), fields[19]
    return "" if state in "ZX" and threads <= 1 else born


def provably_alive(process: Process, here: Process) -> bool:
    """True only when ``process`` runs on this boot, in this namespace, at this moment."""
    return _is_within_sight(process, here) and _born(process.pid) == process.born


def provably_dead(process: Process, here: Process) -> bool:
    """True only when ``process`` ran on this boot, in this namespace, and is no more."""
    if not _is_within_sight(process, here):
        return False
    born = _born(process.pid)
    return born != process.born if born else not _hidden(process.pid)


def _is_within_sight(process: Process, here: Process) -> bool:
    if not (here.boot and here.namespace and here.born and process.born):
        return False
    return (process.boot, process.namespace) == (here.boot, here.namespace)


def _hidden(pid: int) -> bool:
    """Whether it lives but /proc does not show it to us (mount option hidepid). Signal 0 only asks."""
    if Path(f"/proc/{pid}").exists():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def take(connection: tables.Connection, writer: str, here: Process, at: datetime, seconds: float) -> None:
    """Enter a new writer. Raises IntegrityError when the name is taken."""
    row = {
        "writer": writer,
        "boot": here.boot,
        "namespace": here.namespace,
        "pid": here.pid,
        "born": here.born,
        "started": moment(at),
        "until": moment(at + timedelta(seconds=seconds)),
        "open_from": 1,
        "ended": None,
    }
    connection.execute(tables.leases.insert(), row)


_MINE = (tables.leases.c.writer == tables.bindparam("mine"), tables.leases.c.ended.is_(None))
_RENEWAL = (
    tables.leases.update()
    .where(*_MINE)
    .values(until=tables.bindparam("until"), open_from=tables.bindparam("open_from"))
)
_HELD = tables.select(tables.leases.c.writer).where(*_MINE).with_for_update(key_share=True)
"""Made once: one of the two is part of every transaction."""


def renew(connection: tables.Connection, writer: str, open_from: int, at: datetime, seconds: float) -> bool:
    """Prolong a lease; False when it is no longer there: the writer was declared gone."""
    values = {"mine": writer, "until": moment(at + timedelta(seconds=seconds)), "open_from": open_from}
    return connection.execute(_RENEWAL, values).rowcount == 1


def lock(connection: tables.Connection, writers: Iterable[str]) -> None:
    """Wait until no other transaction writes under these leases: not even one of ours that seemed lost."""
    leases = tables.leases
    mine = tables.select(leases.c.writer).where(leases.c.writer.in_(sorted(writers)))
    connection.execute(mine.order_by(leases.c.writer).with_for_update()).all()


def seize(connection: tables.Connection, lease: Lease) -> Lease | None:
    """The lease as it stands now, held until the end of this transaction; None when somebody else is at it."""
    leases = tables.leases
    found = leases.select().where(leases.c.writer == lease.writer, leases.c.ended.is_(None))
    row = connection.execute(found.with_for_update(skip_locked=True)).first()
    return _lease(row) if row else None


def is_held(connection: tables.Connection, writer: str) -> bool:
    """Whether the lease is still there; no other transaction ends it before this one is over."""
    return connection.execute(_HELD, {"mine": writer}).first() is not None


def end(connection: tables.Connection, writer: str, at: datetime) -> None:
    """The writer writes no more, ever. Its row stays until a note has called its chain closed."""
    leases, records = tables.leases, tables.records
    mine = leases.c.writer == writer
    connection.execute(leases.update().where(mine).values(ended=moment(at)))
    if connection.execute(records.select().where(records.c.writer == writer).limit(1)).first() is None:
        connection.execute(leases.delete().where(mine))  # it wrote nothing, so there is no chain to close


def is_known(connection: tables.Connection, writer: str) -> bool:
    """Whether somebody writes or wrote under this name."""
    for table in (tables.leases, tables.records):
        if connection.execute(table.select().where(table.c.writer == writer).limit(1)).first():
            return True
    return False


def living(connection: tables.Connection) -> list[Lease]:
    """The leases that nobody has ended, run out or not."""
    leases = tables.leases
    rows = connection.execute(leases.select().where(leases.c.ended.is_(None)))
    return [_lease(row) for row in rows]


def _lease(row: Any) -> Lease:
    return Lease(row.writer, Process(row.boot, row.namespace, row.pid, row.born), row.until, row.open_from)
