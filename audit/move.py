"""Moves a ledger from one store to the other: SQLite to PostgreSQL when the city outgrows one machine, or back.

While it runs nobody can write to the old ledger, and the new one is invisible until it is whole: killed at any
moment, it leaves the old one as it was and the new place empty. Only one of the two may be written afterwards;
an old file is marked read-only, which every writer obeys. It never changes what is evidence.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from audit import export, intake, verify
from audit.address import Address
from audit.leases import Lease
from audit.stores import install, place_of
from audit.stores.loading import hold_still, take_time


class StillWriting(Exception):
    """Somebody may be writing: stop them first. ``leases`` says who."""

    def __init__(self, leases: list[Lease]) -> None:
        super().__init__(", ".join(lease.writer for lease in leases))
        self.leases = leases


class Unsound(Exception):
    """The ledger is not in order, and was not moved. ``report`` says what is wrong."""

    def __init__(self, report: verify.Report) -> None:
        super().__init__(report.first_bad.code if report.first_bad else "")
        self.report = report


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved.

    closed       exchanges that dead writers had left open, now ``lost``
    read_only    whether the old ledger can no longer be written
    """

    notes: int
    records: int
    texts: int
    closed: int
    read_only: bool
    report: verify.Report


def move(source: Address, target: Address, public_key: Path | None, *, by: str) -> Moved:
    """Raises StillWriting, Unsound, NotEmpty, NotTaken, ValueError, OSError, RuntimeError and sqlalchemy's errors.

    The old ledger is locked for the whole time, and marked before the lock is given back. The new one is
    committed first: if the machine stops between the two, both hold everything and the new one says that it
    was moved.
    """
    if _same(source, target):
        raise ValueError("a ledger cannot be moved to where it is")
    origin = place_of(source)
    with origin.writer(create=False).connect() as held, held.begin():
        install(origin, held, create=False)
        take_time(held)
        hold_still(held)
        if alive := intake.still_writing(held):
            raise StillWriting(alive)
        closed = intake.sweep(origin, held, None)
        report = verify.verify_lines(export.lines(held, texts=True), public_key)
        if not report.ok:
            raise Unsound(report)
        with intake.beginning(target) as (place, there):
            taken = intake.take_in(place, there, export.lines(held, texts=True, everything=True))
            after = intake.verified(there, taken, public_key)
            if not after.ok:
                raise intake.NotTaken("the moved ledger is not sound, though the old one is")
            event = {"event": "ledger.moved", "by": by, "from": str(source), "records": taken.records}
            intake.sweep(place, there, event)
        read_only = _mark_read_only(source)
    return Moved(taken.counts[b"n"], taken.records, taken.counts[b"t"], closed, read_only, after)


def _same(source: Address, target: Address) -> bool:
    if source.path and target.path:
        return source.path.resolve() == target.path.resolve()
    return source == target


def _mark_read_only(ledger: Address) -> bool:
    """Whoever may write the file may take its mark away again; no program of the house does."""
    if ledger.path is None:
        return False
    with suppress(OSError):
        os.chmod(ledger.path, 0o444)
        return True
    return False
