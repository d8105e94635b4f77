"""The book of 災害モード: while one is in force the limits are lifted, and nothing else is. What is used is counted on.

One person proposes it, with a reason and an end; another person approves it, and from then on it is in force. It is
over at its end, or when one person ends it. ``by`` is whoever the door knows them to be: at the terminal the user of
the machine, elsewhere a staff id.
"""

import secrets
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from policies.names import folded

if TYPE_CHECKING:
    from proxy.office.store import Office

LONGEST = timedelta(days=7)
"""An emergency that goes on is proposed anew, so that somebody looks at it."""


@dataclass(frozen=True, slots=True)
class Emergency:
    """One proposal and what became of it. Moments are UTC, ``2026-11-23T05:21:00Z``."""

    id: str
    reason: str
    until: str
    proposed_by: str
    proposed_at: str
    approved_by: str | None = None
    approved_at: str | None = None
    ended_by: str | None = None
    ended_at: str | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it is in force at a moment."""
        return (
            self.approved_by is not None and self.ended_at is None and at < datetime.fromisoformat(self.until)
        )

    def is_open(self, at: datetime) -> bool:
        """Whether it still can be approved, or ended."""
        return self.ended_at is None and at < datetime.fromisoformat(self.until)


class SamePerson(Exception):
    """Whoever proposed it cannot approve it: it takes two persons."""


class NotOpen(Exception):
    """There is no such proposal, or it is over or approved already."""


class BadEnd(ValueError):
    """The end lies in the past, or further away than `LONGEST`."""


def proposal(reason: str, until: datetime, by: str, at: datetime) -> Emergency:
    """A proposal as it will be entered. Raises `BadEnd`."""
    if not at < until <= at + LONGEST:
        raise BadEnd
    return Emergency(f"e-{secrets.token_hex(4)}", reason, _text(until), by, _text(at))


class EmergencyBook:
    """The emergencies of one office; the tables are imported here."""

    def __init__(self, office: "Office") -> None:
        from proxy.office import tables

        self._office = office
        self._emergencies = tables.emergencies

    def every(self) -> tuple[Emergency, ...]:
        """Every proposal there ever was, oldest first."""
        return self._read(None)

    def standing(self) -> tuple[Emergency, ...]:
        """Those that are approved and that nobody ended; whether they hold, `Emergency.holds` says."""
        e = self._emergencies
        return self._read(e.c.approved_by.is_not(None) & e.c.ended_at.is_(None))

    def find(self, id: str) -> Emergency | None:
        return next(iter(self._read(self._emergencies.c.id == id)), None)

    def propose(self, proposed: Emergency) -> None:
        """Enter a proposal; it lifts nothing yet."""
        row = {name: getattr(proposed, name) for name in Emergency.__slots__}
        with self._office.changing() as connection:
            connection.execute(self._emergencies.insert(), row)

    def demand_second(self, id: str, by: str, at: datetime) -> Emergency:
        """The proposal that this person may approve. Raises `SamePerson` or `NotOpen`."""
        found = self.find(id)
        if found is None or not found.is_open(at) or found.approved_by is not None:
            raise NotOpen(id)
        if folded(found.proposed_by) == folded(by):
            raise SamePerson(id)
        return found

    def approve(self, id: str, by: str, at: datetime) -> Emergency:
        """From now on it is in force, in every process within a second. Raises `SamePerson` or `NotOpen`."""
        self.demand_second(id, by, at)
        e = self._emergencies
        with self._office.changing() as connection:
            done = connection.execute(
                e.update()
                .where(e.c.id == id, e.c.approved_by.is_(None), e.c.ended_at.is_(None), e.c.proposed_by != by)
                .values(approved_by=by, approved_at=_text(at))
            )
        found = self.find(id)
        if not done.rowcount or found is None:  # somebody was quicker
            raise NotOpen(id)
        return found

    def end(self, id: str, by: str, at: datetime) -> bool:
        """From now on the limits hold again; one person is enough. False where there is nothing to end."""
        e = self._emergencies
        with self._office.changing() as connection:
            done = connection.execute(
                e.update()
                .where(e.c.id == id, e.c.ended_at.is_(None), e.c.until > _text(at))
                .values(ended_by=by, ended_at=_text(at))
            )
        return bool(done.rowcount)

    def _read(self, condition: Any) -> tuple[Emergency, ...]:
        e = self._emergencies
        found = e.select().order_by(e.c.proposed_at, e.c.id)
        if condition is not None:
            found = found.where(condition)
        with self._office.reading() as connection:
            rows = connection.execute(found).mappings()
            return tuple(Emergency(**{one.name: row[one.name] for one in fields(Emergency)}) for row in rows)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
