"""The book of checks: who checked a text that AI helped to write, before it was used (R35).

One person checks every text; one that leaves the hall is checked by a second, who is another person. A check is
never taken back: a text that was changed is checked again, as another check.
"""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from proxy.office.people import moment
from proxy.office.store import Office

CheckState = Literal["done", "waiting"]


@dataclass(frozen=True, slots=True)
class Check:
    """One text's check. ``document`` says what it became; ``external``: it leaves the hall."""

    id: str
    exchange: str
    document: str
    external: bool
    first_by: str
    first_at: str
    second_by: str | None = None
    second_at: str | None = None

    @property
    def state(self) -> CheckState:
        """``waiting``: a second person has not checked it yet."""
        return "waiting" if self.external and self.second_by is None else "done"

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self) | {"state": self.state}


class SamePerson(Exception):
    """Whoever checked first cannot be the second."""


def new_check(exchange: str, document: str, external: bool, by: str) -> Check:
    """A first check, not yet in the book."""
    return Check(f"c-{secrets.token_hex(4)}", exchange, document, external, by, moment())


class CheckBook:
    """The checks of one office; the tables are imported here."""

    def __init__(self, office: Office) -> None:
        from proxy.office import tables

        self._office = office
        self._checks = tables.checks

    def enter(self, check: Check) -> None:
        """Somebody has checked a text."""
        with self._office.changing() as connection:
            connection.execute(self._checks.insert(), asdict(check))

    def find(self, id: str) -> Check | None:
        return next(iter(self._read(self._checks.c.id == id)), None)

    def of(self, exchange: str) -> list[Check]:
        """The checks of one exchange's text, oldest first."""
        return self._read(self._checks.c.exchange == exchange)

    def waiting(self) -> list[Check]:
        """Those that a second person has to check, oldest first."""
        return self._read(self._checks.c.external & self._checks.c.second_by.is_(None))

    def second(self, id: str, by: str) -> bool:
        """The second person has checked it, too. False where nobody waits for that. Raises `SamePerson`."""
        found = self.find(id)
        if found is not None and found.first_by == by:
            raise SamePerson
        checks = self._checks
        with self._office.changing() as connection:
            done = connection.execute(
                checks.update()
                .where(
                    checks.c.id == id,
                    checks.c.second_by.is_(None),
                    checks.c.first_by != by,
                    checks.c.external,
                )
                .values(second_by=by, second_at=moment())
            )
        return bool(done.rowcount)

    def _read(self, condition: Any) -> list[Check]:
        found = self._checks.select().where(condition).order_by(self._checks.c.first_at, self._checks.c.id)
        with self._office.reading() as connection:
            return [_check(dict(row)) for row in connection.execute(found).mappings()]


def _check(row: Mapping[str, Any]) -> Check:
    values = {one.name: row[one.name] for one in fields(Check)}
    return Check(**values | {"external": bool(row["external"])})
