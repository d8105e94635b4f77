"""The book of stops: what was halted by `sekisho stop`, why and by whom, until `sekisho resume` lifts it.

    house            everything          model: gpt-*     every model of this name, also in place of another
    section: 福祉*   everybody of it     tool: agent-?    every key of this tool

It lies in the office, so that every process of the house sees it, also after a restart. A stop is entered before
it is noted in the ledger, for it must hold when the ledger is down; a row that is not noted yet is owed.
Names are compared folded, with ``*`` and ``?`` (policies/names.py).
"""

import secrets
import time
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from policies.names import any_name, folded
from proxy.office.store import Office

Kind = Literal["house", "model", "section", "tool"]

_CLAIM = 30.0
"""Seconds after which somebody who was about to note a stop is taken to have died over it."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop. ``at`` and ``resumed_at`` are UTC, ``noted_at`` is when the ledger got it; None: not yet."""

    id: str
    kind: Kind
    name: str
    reason: str
    by: str
    at: str
    resumed_at: str | None = None
    resumed_by: str | None = None
    noted_at: str | None = None

    @property
    def target(self) -> str:
        """``house``, or ``model:gpt-*``."""
        return f"{self.kind}:{self.name}" if self.name else self.kind

    def holds(self, section: str, tool: str, model: str | None) -> bool:
        """Whether it stops what somebody of this section asks with this tool of this model; None: of none."""
        if self.kind == "house":
            return True
        value = {"model": model, "section": section, "tool": tool}[self.kind]
        return value is not None and _named(self.name)(value)


@lru_cache(maxsize=256)
def _named(pattern: str) -> Any:
    return any_name([pattern])


def told(stop: Stop) -> dict[str, Any]:
    """What the `noted` record of a stop says: no number of anybody's. The book keeps the target as it is, to hold."""
    from proxy.office.stop_commands import masked

    return {
        "event": "house.stopped",
        "by": stop.by,
        "stop": stop.id,
        "target": masked(stop.target),
        "reason": stop.reason,
        "stopped_at": stop.at,
    }


def new_stop(kind: Kind, name: str, reason: str, by: str) -> Stop:
    """A stop that holds from this moment, once it is entered."""
    return Stop(f"s-{secrets.token_hex(4)}", kind, name, reason, by, _now())


class StopBook:
    """The stops of one office; the tables are imported here."""

    def __init__(self, office: Office) -> None:
        from proxy.office import tables

        self._office = office
        self._stops = tables.stops

    def standing(self) -> tuple[Stop, ...]:
        """Every stop that holds now. Raises OSError's kin or SQLAlchemyError where the book cannot be read."""
        return self._read(self._stops.c.resumed_at.is_(None))

    def every(self) -> tuple[Stop, ...]:
        """Every stop that ever was, oldest first."""
        return self._read(None)

    def enter(self, stop: Stop) -> None:
        """From now on it holds. Whoever enters it is about to note it."""
        row = {name: getattr(stop, name) for name in Stop.__slots__} | {"claimed": time.time()}
        with self._office.changing() as connection:
            connection.execute(self._stops.insert(), row)

    def lift(self, ids: list[str], by: str) -> None:
        """From now on they hold no more."""
        with self._office.changing() as connection:
            connection.execute(
                self._stops.update()
                .where(self._stops.c.id.in_(ids), self._stops.c.resumed_at.is_(None))
                .values(resumed_at=_now(), resumed_by=by)
            )

    def same(self, kind: Kind, name: str) -> list[Stop]:
        """The stops that hold now and name the same."""
        return [one for one in self.standing() if (one.kind, folded(one.name)) == (kind, folded(name))]

    # ── what the ledger does not have yet ────────────────────────────────────────────────────────

    def owed(self) -> tuple[Stop, ...]:
        """Stops that are not noted yet and that nobody is about to note."""
        return self._read(self._is_owed())

    def claim(self, id: str) -> bool:
        """Whether it falls to us to note this one: of several who ask, one is told so."""
        with self._office.changing() as connection:
            done = connection.execute(
                self._stops.update()
                .where(self._stops.c.id == id, self._is_owed())
                .values(claimed=time.time())
            )
        return bool(done.rowcount)

    def settle(self, id: str, noted: bool) -> None:
        """The noting of a claimed stop is over: it went well, or it is owed again."""
        done: dict[str, Any] = {"noted_at": _now()} if noted else {"claimed": None}
        with self._office.changing() as connection:
            connection.execute(self._stops.update().where(self._stops.c.id == id).values(**done))

    def _is_owed(self) -> Any:
        claimed = self._stops.c.claimed
        free = claimed.is_(None) | (claimed < time.time() - _CLAIM)
        return self._stops.c.noted_at.is_(None) & free

    def _read(self, condition: Any) -> tuple[Stop, ...]:
        found = self._stops.select().order_by(self._stops.c.at, self._stops.c.id)
        if condition is not None:
            found = found.where(condition)
        with self._office.reading() as connection:
            rows = connection.execute(found).mappings()
            return tuple(Stop(**{one.name: row[one.name] for one in fields(Stop)}) for row in rows)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
