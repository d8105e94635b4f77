"""The counters of the limits: how much is used, how much is reserved by exchanges under way, and which process holds it.

    reserve  all that is wanted or nothing, decided by one conditional upsert over every counter that applies
    settle   what was reserved comes back, what was really spent is counted, whatever the limit says

Invariants: what is reserved of a counter is the sum of what the processes hold of it; used and reserved together never
exceed the limit by a reservation. Each verb is one transaction of its own; in PostgreSQL one statement, so that no lock
is kept while a question travels to the database and back. Counters are locked in the order of their names, and before
what is held: nobody waits in a circle.

A crash of a process loses nothing that it settled. A power cut of the database's machine may lose the last moment
(no wait for the disk: the ledger has every exchange, and nobody's personal data is at stake).
"""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from audit.leases import Process, provably_alive, provably_dead
from proxy.office.store import Office

SILENT = 30.0
"""Seconds without a heartbeat after which a process is taken for dead, where nobody can prove it sooner."""

_ANY = 2**62
"""A limit that nothing reaches."""

_KEPT = {16: 2 * 86_400.0, 10: 400 * 86_400.0}
"""How long the counters of minutes and of days are kept, in seconds, by the length of their period's name."""


class Place(NamedTuple):
    """One counter: ``Place("q-1f2e3d4c", "012345", "2026-11-23")``."""

    quota: str
    subject: str
    period: str


class Standing(NamedTuple):
    """What stands in a counter."""

    used: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Want:
    """So much of a counter, where it then holds no more than ``most``."""

    amount: int
    most: int


@dataclass(frozen=True, slots=True)
class Done:
    """``back``: comes back of what was reserved; ``spent``: was used."""

    back: int
    spent: int


class Counters:
    """The counters of one office, for one thread. Raises whatever the driver raises; then the next verb connects anew."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._line: _Line | None = None

    def close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            with suppress(Exception):
                line.close()

    def reserve(self, process: str, wanted: Mapping[Place, Want]) -> dict[Place, int] | None:
        """Reserve all of it, or nothing: None. Gives what each counter then holds, used and reserved."""
        taken: dict[Place, int] | None = self._with(
            lambda line: line.reserve(process, sorted(wanted.items()))
        )
        return taken

    def settle(self, process: str, done: Mapping[Place, Done]) -> None:
        """Give back, of what this process holds and no more, and count what was spent."""
        if done:
            self._with(lambda line: line.settle(process, sorted(done.items())))

    def take_up(self, process: str, amounts: Mapping[Place, int]) -> None:
        """Reserve again what is under way already, whatever the limit says."""
        if amounts:
            wanted = {place: Want(amount, _ANY) for place, amount in amounts.items()}
            self._with(lambda line: line.reserve(process, sorted(wanted.items())))

    def standing(self, places: Iterable[Place]) -> dict[Place, Standing]:
        """What stands in these counters; zero where there is none yet."""
        wanted = sorted(set(places))
        if not wanted:
            return {}
        found = self._with(lambda line: line.standing(wanted))
        return {place: found.get(place, Standing(0, 0)) for place in wanted}

    def held(self, process: str) -> dict[Place, int]:
        """What a process holds."""
        sql = "SELECT quota, subject, period, reserved FROM {o}held WHERE process = ? AND reserved > 0"
        return {Place(*row[:3]): row[3] for row in self._rows(sql, process)}

    def beat(self, process: str, here: Process) -> bool:
        """This process lives. False where nobody knew of it: it is new, or was taken for dead meanwhile."""
        known = self._rows("UPDATE {o}processes SET heartbeat = {now} WHERE id = ? RETURNING id", process)
        if not known:
            sql = "INSERT INTO {o}processes (id, heartbeat, boot, namespace, pid, born) VALUES (?, {now}, ?, ?, ?, ?)"
            self._rows(sql, process, here.boot, here.namespace, here.pid, here.born)
        self._rows("DELETE FROM {o}held WHERE process = ? AND reserved = 0", process)
        return bool(known)

    def peers(self, me: str) -> int:
        """How many other processes give signs of life."""
        sql = "SELECT count(*) FROM {o}processes WHERE id <> ? AND {now} - heartbeat <= ?"
        return int(self._rows(sql, me, SILENT)[0][0])

    def recover(self, me: str, here: Process) -> int:
        """Give back what dead processes hold, once, whoever does it; how many there were."""
        known = "SELECT id, boot, namespace, pid, born, {now} - heartbeat FROM {o}processes WHERE id <> ?"
        dead = [row[0] for row in self._rows(known, me) if _is_dead(Process(*row[1:5]), row[5], here)]
        stray = "SELECT DISTINCT process FROM {o}held WHERE process <> ? AND process NOT IN (SELECT id FROM {o}processes)"
        dead += [row[0] for row in self._rows(stray, me)]
        for process in dead:
            self.leave(process)
        return len(dead)

    def leave(self, process: str) -> None:
        """What this process holds comes back, and it is forgotten. Done twice, nothing comes back twice."""
        held = self.held(process)
        if held:
            self.settle(process, {place: Done(amount, 0) for place, amount in held.items()})
        self._rows("DELETE FROM {o}held WHERE process = ? AND reserved = 0", process)
        left = "SELECT 1 FROM {o}held WHERE process = ?"
        self._rows(f"DELETE FROM {{o}}processes WHERE id = ? AND NOT EXISTS ({left})", process, process)

    def tidy(self, at: float) -> None:
        """Forget minutes and days that are long over; months and years stay. ``at``: seconds since 1970."""
        for length, kept in _KEPT.items():
            before = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(at - kept))[:length]
            old = "DELETE FROM {o}counters WHERE length(period) = ? AND period < ? AND reserved = 0"
            self._rows(old, length, before)

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._with(lambda line: line.rows(sql, values))
        return rows

    def _with(self, verb: "Callable[[_Line], Any]") -> Any:
        if self._line is not None and self._line.is_astray():
            self.close()
        if self._line is None:
            self._line = _Sqlite(self._office) if self._office.address.path else _Postgresql(self._office)
        try:
            return verb(self._line)
        except Exception:
            self.close()
            raise


def _is_dead(process: Process, silent: float, here: Process) -> bool:
    """Whether it died, as can be proved, or as its silence says where nobody can prove anything."""
    return provably_dead(process, here) or (silent > SILENT and not provably_alive(process, here))


def usage_of(office: Office) -> dict[Place, Standing]:
    """What stands in every counter, as it is looked at now."""
    from proxy.office.tables import counters

    with office.reading() as connection:
        rows = connection.execute(counters.select().order_by(counters.c.quota, counters.c.subject)).mappings()
        return {
            Place(row["quota"], row["subject"], row["period"]): Standing(row["used"], row["reserved"])
            for row in rows
        }


class _Line(ABC):
    """A connection of the driver's own. ``{o}`` in a statement is the schema, ``{now}`` the database's clock."""

    schema = ""
    now = ""
    mark = "?"

    def __init__(self, office: Office) -> None:
        self._connection = office.counting()

    def close(self) -> None:
        self._connection.close()

    def is_astray(self) -> bool:
        """Whether the books lie elsewhere by now. Raises OSError where they are gone."""
        return False

    def rows(self, sql: str, values: Iterable[Any]) -> list[tuple[Any, ...]]:
        """One statement of our own, a transaction of its own."""
        cursor = self._connection.execute(self._written(sql), tuple(values))
        found: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
        return found

    @abstractmethod
    def reserve(self, process: str, wanted: list[tuple[Place, Want]]) -> dict[Place, int] | None: ...

    @abstractmethod
    def settle(self, process: str, done: list[tuple[Place, Done]]) -> None: ...

    @abstractmethod
    def standing(self, places: list[Place]) -> dict[Place, Standing]: ...

    def _written(self, sql: str) -> str:
        return sql.format(o=self.schema, now=self.now).replace("?", self.mark)


class _Postgresql(_Line):
    schema = "office."
    now = "extract(epoch FROM clock_timestamp())::float"
    mark = "%s"

    def reserve(self, process: str, wanted: list[tuple[Place, Want]]) -> dict[Place, int] | None:
        amounts, most = [want.amount for _, want in wanted], [want.most for _, want in wanted]
        try:
            rows = self.rows(_RESERVE, (*_columns(wanted), amounts, most, process))
        except Exception as error:
            if getattr(error, "sqlstate", None) == _NOT_WHOLE:
                return None
            raise
        return {Place(*row[:3]): row[3] for row in rows} or None

    def settle(self, process: str, done: list[tuple[Place, Done]]) -> None:
        back, spent = [one.back for _, one in done], [one.spent for _, one in done]
        self.rows(_SETTLE, (*_columns(done), back, spent, process))

    def standing(self, places: list[Place]) -> dict[Place, Standing]:
        rows = self.rows(_STANDING, tuple(map(list, zip(*places, strict=True))))
        return {Place(*row[:3]): Standing(row[3], row[4]) for row in rows}


def _columns(items: list[tuple[Place, Any]]) -> list[list[str]]:
    return [list(column) for column in zip(*(place for place, _ in items), strict=True)]


_NOT_WHOLE = "22012"
"""division_by_zero: what `_RESERVE` raises to undo a reservation that was granted in part only."""

_HURRIED = """
WITH hurried AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true), set_config('lock_timeout', '5s', true)
)"""
"""For this transaction only, also behind a pooler."""

_RESERVE = f"""{_HURRIED},
wanted AS MATERIALIZED (
    SELECT w.* FROM hurried, unnest(?::text[], ?::text[], ?::text[], ?::bigint[], ?::bigint[])
    WITH ORDINALITY AS w (quota, subject, period, amount, most, turn)
),
standing AS MATERIALIZED (
    SELECT c.used + c.reserved + w.amount <= w.most AS fits
    FROM wanted w JOIN {{o}}counters c USING (quota, subject, period) ORDER BY w.turn FOR UPDATE OF c
),
granted AS (
    INSERT INTO {{o}}counters AS counters (quota, subject, period, used, reserved, most)
    SELECT quota, subject, period, 0, amount, most FROM wanted
    WHERE NOT EXISTS (SELECT FROM standing WHERE NOT fits) AND NOT EXISTS (SELECT FROM wanted WHERE amount > most)
    ORDER BY turn
    ON CONFLICT (quota, subject, period) DO UPDATE SET reserved = counters.reserved + excluded.reserved, most = excluded.most
    WHERE counters.used + counters.reserved + excluded.reserved <= excluded.most
    RETURNING quota, subject, period, used + reserved AS taken
),
holding AS (
    INSERT INTO {{o}}held AS held (process, quota, subject, period, reserved)
    SELECT ?, g.quota, g.subject, g.period, w.amount FROM granted g JOIN wanted w USING (quota, subject, period)
    ON CONFLICT (process, quota, subject, period) DO UPDATE SET reserved = held.reserved + excluded.reserved
)
SELECT quota, subject, period, taken,
    1 / (CASE WHEN (SELECT count(*) FROM granted) = (SELECT count(*) FROM wanted) THEN 1 ELSE 0 END)
FROM granted
"""
"""The upsert decides. ``standing`` locks what is there and asks beforehand, so that nothing has to be undone but where
two processes make a counter at the same moment."""

_SETTLE = f"""{_HURRIED},
done AS MATERIALIZED (
    SELECT d.* FROM hurried, unnest(?::text[], ?::text[], ?::text[], ?::bigint[], ?::bigint[])
    WITH ORDINALITY AS d (quota, subject, period, back, spent, turn)
),
standing AS MATERIALIZED (
    SELECT 1 FROM done d JOIN {{o}}counters c USING (quota, subject, period) ORDER BY d.turn FOR UPDATE OF c
),
mine AS MATERIALIZED (
    SELECT h.process, quota, subject, period, LEAST(h.reserved, d.back) AS back
    FROM done d JOIN {{o}}held h USING (quota, subject, period)
    WHERE h.process = ? AND (SELECT count(*) FROM standing) >= 0 FOR UPDATE OF h
),
handed AS (
    UPDATE {{o}}held h SET reserved = h.reserved - m.back FROM mine m
    WHERE (h.process, h.quota, h.subject, h.period) = (m.process, m.quota, m.subject, m.period)
)
INSERT INTO {{o}}counters AS counters (quota, subject, period, used, reserved, most)
SELECT quota, subject, period, d.spent, COALESCE(m.back, 0), NULL
FROM done d LEFT JOIN mine m USING (quota, subject, period) ORDER BY d.turn
ON CONFLICT (quota, subject, period) DO UPDATE
SET used = counters.used + excluded.used, reserved = counters.reserved - excluded.reserved
"""

_STANDING = """
SELECT quota, subject, period, c.used, c.reserved FROM unnest(?::text[], ?::text[], ?::text[])
AS w (quota, subject, period) JOIN {o}counters c USING (quota, subject, period)
"""


class _Sqlite(_Line):
    """Of all who write into the file one at a time: what the statements of a transaction see, nobody changes."""

    def __init__(self, office: Office) -> None:
        super().__init__(office)
        self._office = office
        self._file = office.identity()

    def is_astray(self) -> bool:
        return self._office.identity() != self._file

    @property
    def _clock(self) -> str:
        return repr(time.time())

    def _written(self, sql: str) -> str:
        return sql.format(o="", now=self._clock)

    def reserve(self, process: str, wanted: list[tuple[Place, Want]]) -> dict[Place, int] | None:
        listed = json.dumps([[*place, want.amount, want.most] for place, want in wanted])
        with self._changing() as change:
            rows = self.rows(_SQLITE_RESERVE, [listed])
            if len(rows) < len(wanted):
                change.undo = True
                return None
            self.rows(_SQLITE_HOLD, [process, listed])
        return {Place(*row[:3]): row[3] for row in rows}

    def settle(self, process: str, done: list[tuple[Place, Done]]) -> None:
        with self._changing():
            for place, one in done:
                sql = (
                    "SELECT min(reserved, ?) FROM held WHERE (process, quota, subject, period) = (?, ?, ?, ?)"
                )
                back = sum(row[0] for row in self.rows(sql, (one.back, process, *place)))
                if back:
                    self.rows(_SQLITE_HAND, (back, process, *place))
                self.rows(_SQLITE_SETTLE, (*place, one.spent, back))

    def standing(self, places: list[Place]) -> dict[Place, Standing]:
        rows = self.rows(_SQLITE_STANDING, [json.dumps(places)])
        return {Place(*row[:3]): Standing(row[3], row[4]) for row in rows}

    def _changing(self) -> "_Change":
        return _Change(self._connection)


class _Change:
    """BEGIN IMMEDIATE … COMMIT; ROLLBACK where ``undo`` was set, or something went wrong."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.undo = False

    def __enter__(self) -> "_Change":
        self._connection.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._connection.execute("ROLLBACK" if kind or self.undo else "COMMIT")


_LISTED = """
SELECT value->>0 AS quota, value->>1 AS subject, value->>2 AS period, value->>3 AS amount, value->>4 AS most
FROM json_each(?)"""

_SQLITE_RESERVE = f"""
INSERT INTO counters (quota, subject, period, used, reserved, most)
SELECT quota, subject, period, 0, amount, most FROM ({_LISTED}) WHERE amount <= most
ON CONFLICT (quota, subject, period) DO UPDATE SET reserved = counters.reserved + excluded.reserved, most = excluded.most
WHERE counters.used + counters.reserved + excluded.reserved <= excluded.most
RETURNING quota, subject, period, used + reserved
"""
_SQLITE_HOLD = f"""
INSERT INTO held (process, quota, subject, period, reserved)
SELECT ?, quota, subject, period, amount FROM ({_LISTED}) WHERE true
ON CONFLICT (process, quota, subject, period) DO UPDATE SET reserved = held.reserved + excluded.reserved
"""
_SQLITE_HAND = (
    "UPDATE held SET reserved = reserved - ? WHERE (process, quota, subject, period) = (?, ?, ?, ?)"
)
_SQLITE_SETTLE = """
INSERT INTO counters (quota, subject, period, used, reserved, most) VALUES (?, ?, ?, ?, ?, NULL)
ON CONFLICT (quota, subject, period) DO UPDATE
SET used = counters.used + excluded.used, reserved = counters.reserved - excluded.reserved
"""
_SQLITE_STANDING = f"""
SELECT w.quota, w.subject, w.period, c.used, c.reserved FROM ({_LISTED}) w JOIN counters c USING (quota, subject, period)
"""
