"""The book of limits: whose, of what, and how much for each minute, day, month or 年度. What is used: counters.py.

    scope    house | person | section | tool | model      name: exact, or with * and ?; each name that it fits
                                                           has a counter of its own
    measure  requests | tokens (question and answer) | yen (tax included, by the policy's prices)
    period   minute | day | month | year (年度, from 1 April), in JST
    actor    people (staff and contractors, never robots) | staff | contractor | robot | everyone

One limit for one scope, name, measure, period and actor: set again it changes, and what was used stays used.
Names are compared folded (policies/names.py), so that another spelling is no second allowance.
"""

import secrets
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, get_args

from policies.days import JST, between, day_of
from policies.model import Actor
from policies.names import any_name, folded
from proxy.office.roster import Unit

if TYPE_CHECKING:
    from proxy.office.store import Office

Scope = Literal["house", "person", "section", "tool", "model"]
Measure = Literal["requests", "tokens", "yen"]
Period = Literal["minute", "day", "month", "year"]
Counted = Literal["people", "staff", "contractor", "robot", "everyone"]

SCOPES: tuple[Scope, ...] = get_args(Scope)
MEASURES: tuple[Measure, ...] = get_args(Measure)
PERIODS: tuple[Period, ...] = get_args(Period)
COUNTED: tuple[Counted, ...] = get_args(Counted)

MILLIONTHS = 1_000_000
"""Yen are counted in so many parts: an answer may cost 0.012 yen, and parts that are whole add up."""

LARGEST = 10**12
"""The largest limit, in any measure: what a counter then holds fits into 64 bits."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit. ``amount`` None: only counted. ``starts`` and ``ends`` are days (JST), both included."""

    id: str
    scope: Scope
    name: str
    measure: Measure
    period: Period
    amount: int | None
    reason: str
    set_by: str
    actor: Counted
    starts: date | None = None
    ends: date | None = None
    set_at: str = ""
    ended_at: str | None = None
    ended_by: str | None = None

    @property
    def target(self) -> str:
        """``house``, or ``section:福祉*``."""
        return f"{self.scope}:{self.name}" if self.name else self.scope

    @property
    def most(self) -> int | None:
        """The amount as its counter counts it."""
        if self.amount is None:
            return None
        return self.amount * MILLIONTHS if self.measure == "yen" else self.amount

    def subject(self, names: "Names", on: date) -> str | None:
        """Whose counter it is that counts for an exchange on a day; None where this limit does not count it."""
        if (
            self.ended_at is not None
            or not between(self.starts, on, self.ends)
            or not self._counts(names.actor)
        ):
            return None
        if self.scope == "house":
            return ""
        name: str = getattr(names, self.scope)
        if not _named(self.name)(name):
            return None
        return subject_of(Unit(names.department, name)) if self.scope == "section" else folded(name)

    def _counts(self, actor: Actor) -> bool:
        return self.actor in ("everyone", actor) or (self.actor == "people" and actor != "robot")


@dataclass(frozen=True, slots=True)
class Names:
    """Who asks, and of which model: all that limits are told apart by."""

    person: str
    department: str
    section: str
    tool: str
    model: str
    actor: Actor


def subject_of(unit: Unit) -> str:
    """What a section's counter is called: 課 of the same name in two 部 have one each."""
    return folded(f"{unit.department} {unit.section}")


@lru_cache(maxsize=256)
def _named(pattern: str) -> Any:
    return any_name([pattern])


def usual_actor(scope: Scope) -> Counted:
    """Whom a limit counts where it does not say: people's limits count no robots, all others count everybody."""
    return "people" if scope in ("person", "section") else "everyone"


def period_of(period: Period, at: datetime) -> str:
    """Which minute, day, month or 年度 (JST) a moment belongs to: ``2026-11-23T14:21``, ``2026-11-23``, ``2026-11``, ``2026``."""
    day = day_of(at)
    match period:
        case "minute":
            return at.astimezone(JST).strftime("%Y-%m-%dT%H:%M")
        case "day":
            return day.isoformat()
        case "month":
            return day.isoformat()[:7]
        case "year":
            return str(day.year - (day.month < 4))


def begins_anew(period: Period, at: datetime) -> datetime:
    """When the next minute, day, month or 年度 begins (JST)."""
    here = at.astimezone(JST).replace(second=0, microsecond=0)
    if period == "minute":
        return here + timedelta(minutes=1)
    midnight = here.replace(hour=0, minute=0)
    match period:
        case "day":
            return midnight + timedelta(days=1)
        case "month":
            return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
        case "year":
            return midnight.replace(year=here.year + (here.month >= 4), month=4, day=1)


def new_id() -> str:
    return "q-" + secrets.token_hex(4)


class SameLimit(Exception):
    """There is a standing limit for the same meanwhile; nothing was entered."""


class QuotaBook:
    """The limits of one office; the tables are imported here."""

    def __init__(self, office: "Office") -> None:
        from proxy.office import tables

        self._office = office
        self._quotas = tables.quotas

    def standing(self) -> tuple[Limit, ...]:
        """Every limit that nobody has ended. Raises OSError's kin or SQLAlchemyError where the book cannot be read."""
        return self._read(self._quotas.c.ended_at.is_(None))

    def every(self) -> tuple[Limit, ...]:
        """Every limit there ever was, oldest first."""
        return self._read(None)

    def same(self, limit: Limit) -> Limit | None:
        """The standing limit of the same scope, name, measure, period and actor; setting it again changes that one."""
        return _same(self.standing(), limit)

    def set(self, limit: Limit) -> None:
        """Enter a limit, or change the standing one of its id: what was used of it stays used.

        Raises `SameLimit` where somebody else has just entered one for the same.
        """
        row = {name: getattr(limit, name) for name in Limit.__slots__} | {
            "starts": limit.starts.isoformat() if limit.starts else None,
            "ends": limit.ends.isoformat() if limit.ends else None,
            "set_at": limit.set_at or _now(),
        }
        q = self._quotas
        with self._office.changing() as connection:
            self._office.alone(connection, q.name)
            changed = connection.execute(
                q.update().where(q.c.id == limit.id, q.c.ended_at.is_(None)).values(row)
            )
            if not changed.rowcount:
                if _same(self._read(q.c.ended_at.is_(None), connection), limit):
                    raise SameLimit
                connection.execute(q.insert(), row)

    def end(self, id: str, by: str) -> bool:
        """From now on it limits nothing. False where no standing limit has this id."""
        q = self._quotas
        with self._office.changing() as connection:
            done = connection.execute(
                q.update().where(q.c.id == id, q.c.ended_at.is_(None)).values(ended_at=_now(), ended_by=by)
            )
        return bool(done.rowcount)

    def _read(self, condition: Any, within: Any = None) -> tuple[Limit, ...]:
        found = self._quotas.select().order_by(self._quotas.c.set_at, self._quotas.c.id)
        if condition is not None:
            found = found.where(condition)
        with nullcontext(within) if within is not None else self._office.reading() as connection:
            return tuple(_limit(dict(row)) for row in connection.execute(found).mappings())


def _same(limits: Iterable[Limit], limit: Limit) -> Limit | None:
    return next((one for one in limits if _what(one) == _what(limit)), None)


def _what(limit: Limit) -> tuple[str, ...]:
    return limit.scope, folded(limit.name), limit.measure, limit.period, limit.actor


def _limit(row: dict[str, Any]) -> Limit:
    days = {name: date.fromisoformat(row[name]) if row[name] else None for name in ("starts", "ends")}
    return Limit(**{one.name: row[one.name] for one in fields(Limit)} | days)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
