"""The book of confirmations: what was stopped until a person consents, who consented, and what it opened.

    pending ──granted──▶ granted ──used──▶ used        a given-back use is granted again
       │ └──refused         │ └──revoked     └──revoked
       └──expired           └──expired

A confirmation names what it covers by HMACs under a random key of its own. Key and HMACs are erased with the state that
they were for; what stays says who, when and why, and nothing of any text. Whoever uses one does so in a single
statement: of several who try at once, exactly one does. Everything here waits for the store.
"""

import hmac
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal

from proxy.office.roster import Unit
from proxy.office.store import Office

State = Literal["pending", "granted", "refused", "used", "revoked", "expired"]
As = Literal["self", "section_head", "csirt"]
"""As what somebody consents."""

PENDING: tuple[State, ...] = ("pending",)
LIVE: tuple[State, ...] = ("pending", "granted", "used")
_BOTH = "+"


@dataclass(frozen=True, slots=True)
class Given:
    """One person's consent. ``role``: as what it was given."""

    role: As
    by: str
    at: str
    reason: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One row. Moments are UTC, ``2026-11-23T05:21:00.000Z``; ``found`` is types and how many.

    ``consenter``: ``self``, ``section_head``, ``csirt``, or both of the last, joined by ``+``. ``secret`` and ``units``
    are None once they are erased. ``fresh_until``: until then a granted one opens the way; ``known_until``: until then
    what a used one covered is not asked about again.
    """

    id: str
    state: State
    person: str
    key_id: str
    tool: str
    department: str
    section: str
    exchange: str
    rules: Mapping[str, str]
    found: Mapping[str, int]
    category: str
    model: str
    consenter: str
    secret: bytes | None = field(repr=False)
    units: frozenset[str] | None = field(repr=False)
    asked_at: str
    deadline: str
    given: tuple[Given, ...] = ()
    fresh_until: str | None = None
    used_at: str | None = None
    used_by: str | None = None
    known_until: str | None = None
    ended_at: str | None = None
    ended_by: str | None = None

    @property
    def unit(self) -> Unit:
        """Where who asked belonged on that day."""
        return Unit(self.department, self.section)

    @property
    def needed(self) -> tuple[As, ...]:
        """As what somebody has to consent."""
        return tuple(self.consenter.split(_BOTH))  # type: ignore[arg-type]

    @property
    def missing(self) -> tuple[As, ...]:
        """Those of them that nobody has given yet."""
        return tuple(role for role in self.needed if role not in {one.role for one in self.given})

    def fresh(self, at: datetime) -> bool:
        """Whether it opens the way at this moment."""
        return self.state == "granted" and (self.fresh_until or "") > moment(at)

    def remembered(self, at: datetime) -> bool:
        """Whether it was used and what it covered is still known."""
        return self.state == "used" and (self.known_until or "") > moment(at)

    def pending(self, at: datetime) -> bool:
        """Whether it can be granted at this moment."""
        return self.state == "pending" and self.deadline > moment(at)

    def live(self, at: datetime) -> bool:
        """Whether it may still make a difference."""
        return self.pending(at) or self.fresh(at) or self.remembered(at)


def new_id() -> str:
    """128 bits, fit for an address."""
    return secrets.token_urlsafe(16)


def moment(at: datetime) -> str:
    """In UTC to the millisecond: the later one is the greater text."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class ConfirmationBook:
    """The confirmations of one office; the tables are imported here."""

    def __init__(self, office: Office) -> None:
        from proxy.office import tables

        self._office = office
        self._table = tables.confirmations

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def find(self, id: str) -> Confirmation | None:
        """The one of this id, whatever became of it."""
        return next(iter(self._read(self._table.c.id == id)), None)

    def of(self, person: str, key_id: str | None = None) -> list[Confirmation]:
        """Everything of this person that is not over, oldest first; ``key_id``: asked with this key."""
        c = self._table.c
        mine = (c.person == person) & c.state.in_(LIVE) & c.secret.is_not(None)
        return self._read(mine if key_id is None else mine & (c.key_id == key_id))

    def every(self, state: State | None = None) -> list[Confirmation]:
        """All of them, or those in one state, oldest first."""
        return self._read(None if state is None else self._table.c.state == state)

    def waiting_for_others(self, at: datetime) -> list[Confirmation]:
        """What waits for the consent of somebody else than who asked."""
        c = self._table.c
        return self._read((c.state == "pending") & (c.consenter != "self") & (c.deadline > moment(at)))

    # ── changing ─────────────────────────────────────────────────────────────────────────────────

    def file(self, new: Confirmation) -> None:
        """A new one, pending."""
        with self._office.changing() as connection:
            connection.execute(self._table.insert(), _row(new))

    def grant(self, id: str, consent: Given, at: datetime, fresh_until: datetime) -> Confirmation | None:
        """Add a person's consent. The row as it is now; None where it can no longer be granted, not so, or not by them.

        Once everybody who is asked has consented it is granted, and opens the way until ``fresh_until``.
        """
        c = self._table.c
        with self._office.changing() as connection:
            row = (
                connection.execute(self._table.select().where(c.id == id).with_for_update())
                .mappings()
                .first()
            )
            known = _confirmation(row) if row else None
            if known is None or not known.pending(at) or not may_give(known, consent):
                return None
            given = (*known.given, consent)
            made = replace(known, given=given)
            if not made.missing:
                made = replace(made, state="granted", fresh_until=moment(fresh_until))
            values = {"given": _written(given), "state": made.state, "fresh_until": made.fresh_until}
            done = connection.execute(
                self._table.update()
                .where(c.id == id, c.state == "pending", c.given == _written(known.given))
                .values(**values)
            )
            return made if done.rowcount else None

    def refuse(self, id: str, by: str, at: datetime) -> bool:
        """Somebody who was asked says no. False where it is not pending."""
        return self._end(id, PENDING, "refused", by, at)

    def revoke(self, id: str, by: str, at: datetime) -> bool:
        """Take back what was consented to. False where there is nothing to take back."""
        return self._end(id, LIVE, "revoked", by, at)

    def use(
        self,
        ids: Sequence[str],
        exchange: str,
        at: datetime,
        known_until: datetime,
        remembered: Sequence[str] = (),
    ) -> bool:
        """Use all of these at once, or none: False where one of them was used, revoked or is over.

        ``remembered`` were used before and must still be known at this moment.
        """
        c = self._table.c
        try:
            with self._office.changing() as connection:
                for id in sorted(
                    ids
                ):  # in one order, so that two who need the same ones do not wait for each other
                    done = connection.execute(
                        self._table.update()
                        .where(c.id == id, c.state == "granted", c.fresh_until > moment(at))
                        .values(
                            state="used",
                            used_at=moment(at),
                            used_by=exchange,
                            known_until=moment(known_until),
                        )
                    )
                    if done.rowcount != 1:
                        raise _Lost
                for id in remembered:
                    is_known = (c.id == id) & (c.state == "used") & (c.known_until > moment(at))
                    if connection.execute(self._table.select().where(is_known)).first() is None:
                        raise _Lost
        except _Lost:
            return False
        return True

    def give_back(self, ids: Sequence[str], exchange: str) -> None:
        """Nothing left with this exchange: what it used is as it was before."""
        c = self._table.c
        with self._office.changing() as connection:
            connection.execute(
                self._table.update()
                .where(c.id.in_(list(ids)), c.state == "used", c.used_by == exchange)
                .values(state="granted", used_at=None, used_by=None, known_until=None)
            )

    def sweep(self, at: datetime) -> int:
        """Erase the key and the HMACs of everything that is over; how many that were."""
        c, now = self._table.c, moment(at)
        over = {
            "pending": c.deadline <= now,
            "granted": c.fresh_until <= now,
        }
        swept = 0
        with self._office.changing() as connection:
            for state, is_over in over.items():
                done = connection.execute(
                    self._table.update()
                    .where(c.state == state, is_over)
                    .values(state="expired", ended_at=now, secret=None, units=None)
                )
                swept += done.rowcount
            done = connection.execute(
                self._table.update()
                .where(c.state == "used", c.known_until <= now, c.secret.is_not(None))
                .values(secret=None, units=None)
            )
            return swept + done.rowcount

    def _end(self, id: str, states: tuple[State, ...], state: State, by: str, at: datetime) -> bool:
        c = self._table.c
        with self._office.changing() as connection:
            done = connection.execute(
                self._table.update()
                .where(c.id == id, c.state.in_(list(states)), c.secret.is_not(None))
                .values(state=state, ended_at=moment(at), ended_by=by, secret=None, units=None)
            )
        return bool(done.rowcount)

    def _read(self, condition: Any) -> list[Confirmation]:
        found = self._table.select().order_by(self._table.c.asked_at, self._table.c.id)
        if condition is not None:
            found = found.where(condition)
        with self._office.reading() as connection:
            return [_confirmation(row) for row in connection.execute(found).mappings()]


class _Lost(Exception):
    """Somebody else was quicker: the transaction is undone."""


def may_give(one: Confirmation, consent: Given) -> bool:
    """Whether this consent is one that is missing, and whose: one's own for oneself, another's for the rest.

    Two who are both asked are two persons.
    """
    if consent.role not in one.missing or consent.by in {other.by for other in one.given}:
        return False
    return (consent.by == one.person) == (consent.role == "self")


def same(one: Confirmation, other: Confirmation, signed: Iterable[str]) -> bool:
    """Whether both ask the same thing; ``signed`` is what ``other`` covers, by the key of ``one``."""
    alike = ("person", "key_id", "consenter", "category", "model")
    return (
        all(getattr(one, name) == getattr(other, name) for name in alike)
        and dict(one.rules) == dict(other.rules)
        and one.units is not None
        and hmac.compare_digest(_digest(one.units), _digest(signed))
    )


def _digest(units: Iterable[str]) -> str:
    return ",".join(sorted(units))


def _written(given: Sequence[Given]) -> str:
    said = [{name: getattr(one, name) for name in Given.__slots__} for one in given]
    return json.dumps(said, ensure_ascii=False)


def _row(one: Confirmation) -> dict[str, Any]:
    row = {name: getattr(one, name) for name in Confirmation.__slots__}
    return row | {
        "rules": json.dumps(dict(one.rules), ensure_ascii=False),
        "found": json.dumps(dict(one.found), ensure_ascii=False),
        "secret": one.secret.hex() if one.secret else None,
        "units": json.dumps(sorted(one.units)) if one.units is not None else None,
        "given": _written(one.given),
    }


def _confirmation(row: Mapping[Any, Any]) -> Confirmation:
    values = {one.name: row[one.name] for one in fields(Confirmation)}
    return Confirmation(
        **values
        | {
            "rules": json.loads(row["rules"]),
            "found": json.loads(row["found"]),
            "secret": bytes.fromhex(row["secret"]) if row["secret"] else None,
            "units": frozenset(json.loads(row["units"])) if row["units"] is not None else None,
            "given": tuple(Given(**one) for one in json.loads(row["given"])),
        }
    )
