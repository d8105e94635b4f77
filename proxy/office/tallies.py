"""What the alerts have counted so far, in the office's books: read before a look is counted, kept with its position."""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from audit.alerts.counting import Counted
from audit.alerts.model import Hit, Key, Tally
from audit.names import moment
from proxy.office.store import Office

_AT_ONCE = 400
"""Items in one question."""
KEPT = timedelta(days=400)
KEPT_ITEMS = timedelta(days=62)
"""So long after the beginning of their period they are of no use to anybody."""


class TallyBook:
    """The tallies of one office. Raises OSError's kin or SQLAlchemyError where the book cannot be used."""

    def __init__(self, office: Office) -> None:
        from proxy.office import tables

        self._office = office
        self._tallies = tables.tallies
        self._tallied = tables.tallied

    def standing(self, hits: Iterable[Hit]) -> tuple[dict[Key, Tally], set[tuple[Key, str]]]:
        """The tallies that these hits count towards, as far as there are any, and those of their items that are known."""
        wanted: dict[Key, set[str]] = {}
        for hit in hits:
            wanted.setdefault(hit.key, set()).update(hit.items)
        tallies: dict[Key, Tally] = {}
        known: set[tuple[Key, str]] = set()
        with self._office.reading() as connection:
            for key, items in wanted.items():
                row = connection.execute(self._tallies.select().where(*_of(self._tallies, key))).first()
                if row is None:
                    continue
                tallies[key] = _tally(row)
                known |= {(key, item) for item in self._known(connection, key, items)}
        return tallies, known

    def keep(self, connection: Any, counted: Counted) -> None:
        """Keep what was counted, in the caller's transaction."""
        for key, tally in counted.tallies.items():
            values = {
                "count": tally.count,
                "alert": tally.alert,
                "raised_at": moment(tally.raised_at) if tally.raised_at else None,
                "recent": json.dumps(tally.recent, separators=(",", ":")),
            }
            mine = self._tallies.update().where(*_of(self._tallies, key)).values(**values)
            if not connection.execute(mine).rowcount:
                connection.execute(self._tallies.insert(), {**_named(key), **values})
        if counted.items:
            rows = [{**_named(key), "item": item} for key, item in sorted(counted.items)]
            connection.execute(self._tallied.insert(), rows)

    def tidy(self, connection: Any, today: date) -> None:
        """Drop what belongs to periods long over; what is counted for ever stays."""
        for table, kept in ((self._tallies, KEPT), (self._tallied, KEPT_ITEMS)):
            old = (table.c.period != "") & (table.c.period < (today - kept).isoformat())
            connection.execute(table.delete().where(old & ~table.c.period.startswith(" ")))

    def _known(self, connection: Any, key: Key, items: Collection[str]) -> Iterable[str]:
        listed = sorted(items)
        for first in range(0, len(listed), _AT_ONCE):
            some = self._tallied.c.item.in_(listed[first : first + _AT_ONCE])
            found = self._tallied.select().where(*_of(self._tallied, key), some)
            yield from (row.item for row in connection.execute(found))


def _named(key: Key) -> Mapping[str, str]:
    return {"rule": key.rule, "subject": key.subject, "period": key.column}


def _of(table: Any, key: Key) -> list[Any]:
    return [table.c[name] == value for name, value in _named(key).items()]


def _tally(row: Any) -> Tally:
    at = datetime.fromisoformat(row.raised_at) if row.raised_at else None
    return Tally(row.count, row.alert, at, tuple(json.loads(row.recent)))
