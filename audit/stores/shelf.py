"""Where the catalogue lies: a file beside a ledger's file, a schema beside a ledger's schema. Made anew at will.

    cards         one row for each exchange, in the order in which they were entered (catalogue/card.py)
    tags          the rules, kinds of data and alarms of each
    events        one row for each record beside the exchanges: who looked at what, what was done and by whom
    strays        cards that were asked in another month than their chain's, as the month turned
    dispositions  what reviewers made of exchanges; the last by its moment stands on the card, too
    words         for each month of chains one table: the pairs of characters of every text (catalogue/grams.py), and beside
                  them what its exchange is (catalogue/marks.py)
    chains        how far each chain of the ledger is entered and its words are, and the hash that stood there
    catalogue     one row: the version, the last number of a card, and what is still to be done

A row of words is numbered 2 x card for what was asked, 2 x card + 1 for what was answered. One filler at a time.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from audit.address import Address
from audit.catalogue.grams import FEWEST
from audit.months import Month
from audit.stores.postgresql import engine_of
from audit.stores.rows import put

VERSION = 3
"""Of the tables below. Another version found is thrown away."""

COLUMNS = (
    "exchange", "at", "writer", "asked", "ended", "outcome", "person", "department", "section", "actor", "tool", "model",
    "category", "confidentiality", "verdict", "reason", "egress", "conversation", "use_case", "tokens", "yen", "severity",
    "campaign", "is_test",
)  # fmt: skip
"""As catalogue/card.py has them."""

_WHOLE = {"asked", "ended", "tokens", "yen", "severity", "is_test"}
_NEEDED = {"exchange", "at", "writer", "asked", "outcome", "severity", "is_test"}
_SORTED = (
    ("at",), ("person", "at"), ("department", "section", "at"), ("tool", "at"), ("model", "at"), ("category", "at"),
    ("outcome", "at"), ("conversation", "at"), ("campaign", "at"), ("incident", "at"), ("disposition", "severity", "at"),
    ("writer",),
)  # fmt: skip

_EVENTS_SORTED = (("at",), ("what", "at"), ("who", "at"), ("exchange", "at"), ("subject", "at"))


class Shelf(Protocol):
    """One catalogue. Raises OSError or SQLAlchemyError where it cannot be used.

    ``row``: how the number of a row of words is called in a condition.
    """

    row: str

    def writer(self) -> Engine:
        """Every transaction is alone; the tables are there, and of this version. Whoever asks for it disposes of it."""

    def reader(self) -> Engine:
        """Sees one moment per transaction, and cannot write."""

    def is_there(self) -> bool:
        """Whether a catalogue was ever made here."""

    def wipe(self, engine: Engine) -> bool:
        """Leave no copy of words that were dropped; False while somebody who reads keeps one."""

    def make_words(self, connection: Connection, month: Month) -> None:
        """Make the table of a month, where there is none."""

    def drop_words(self, connection: Connection, month: Month) -> None:
        """Forget every word of a month."""

    def settle(self, connection: Connection) -> bool:
        """Once the first cards are in: make them quick to find, an index at a time; whether all are there. Entry by entry
        it takes several times as long."""

    def is_steady(self, connection: Connection) -> bool:
        """Whether the words that a reader's moment knows are all there, and stay while the reader looks."""

    def months(self, connection: Connection) -> list[Month]:
        """The months that there are tables for, newest first."""

    def enter_words(
        self, connection: Connection, month: Month, rows: Sequence[tuple[int, Iterable[str]]]
    ) -> None:
        """Pairs of characters and marks, by the number of their row."""

    def having(self, month: Month, mark: str) -> str:
        """A query for the rows of a month that have all of them; ``:mark`` is what `asked` makes of them. A condition on
        ``row`` may follow."""

    def has(self, month: Month, mark: str, card: str) -> str:
        """A condition: that a card has one of them. For cards that are asked one after another."""

    def asked(self, grams: Iterable[str]) -> Any:
        """Pairs and marks as `having` takes them."""

    def day(self, column: str) -> str:
        """The day in Japan of a moment in a column, ``2026-11-23``."""


def shelf_of(ledger: Address) -> Shelf:
    """The catalogue of a ledger. Opens nothing."""
    if ledger.path is not None:
        return _File(ledger.path.with_name(f"{ledger.path.name}-catalogue"))
    assert ledger.url is not None
    return _Schema(ledger.url)


def _columns(whole: str, words: str) -> str:
    return ",\n    ".join(
        f"{name} {whole if name in _WHOLE else words}{' NOT NULL' if name in _NEEDED else ''}"
        for name in COLUMNS
    )


def _tables(whole: str, words: str, flavour: str) -> list[str]:
    """The statements that make everything but the words. ``incident`` and ``disposition`` come from later records."""
    return [
        f"CREATE TABLE cards (\n    id {whole} PRIMARY KEY,\n    {_columns(whole, words)},\n"
        f"    disposition {words} NOT NULL DEFAULT '',\n    incident {words},\n    UNIQUE (exchange)\n)",
        f"CREATE TABLE tags (kind {words} NOT NULL, name {words} NOT NULL, id {whole} NOT NULL,"
        f" PRIMARY KEY (kind, name, id)){flavour}",
        f"CREATE TABLE events (writer {words} NOT NULL, idx {whole} NOT NULL, at {words} NOT NULL,"
        f" kind {words} NOT NULL, what {words} NOT NULL, who {words}, exchange {words}, subject {words},"
        f" PRIMARY KEY (writer, idx))",
        f"CREATE TABLE dispositions (writer {words} NOT NULL, idx {whole} NOT NULL, at {words} NOT NULL,"
        f" exchange {words}, disposition {words}, incident {words}, PRIMARY KEY (writer, idx))",
        f"CREATE TABLE strays (id {whole} PRIMARY KEY, asked {words} NOT NULL, said {words} NOT NULL)",
        "CREATE INDEX dispositions_by_exchange ON dispositions (exchange, at)",
        f"CREATE TABLE chains (writer {words} PRIMARY KEY, known {whole} NOT NULL, hash {words} NOT NULL,"
        f" said {whole} NOT NULL, texts {whole})",
        f"CREATE TABLE catalogue (version {whole} NOT NULL, last {whole} NOT NULL, undone {whole} NOT NULL,"
        f" unwiped {whole} NOT NULL)",
        f"INSERT INTO catalogue VALUES ({VERSION}, 0, 1, 1)",
    ]


_INDEXES = {
    "tags_by_id": "tags (id)",
    **{f"cards_by_{'_'.join(columns)}": f"cards ({', '.join(columns)})" for columns in _SORTED},
    **{f"events_by_{columns[0]}": f"events ({', '.join(columns)})" for columns in _EVENTS_SORTED},
}
"""What readers need, and filling does not: made once the first cards are in (`Shelf.settle`)."""


def _index(connection: Connection, name: str) -> None:
    connection.exec_driver_sql(f"CREATE INDEX {name} ON {_INDEXES[name]}")


_TABLES = ("cards", "tags", "strays", "events", "dispositions", "chains", "catalogue")


def _table_of(month: Month) -> str:
    return f"words_{month.year:04}_{month.month:02}"


def _month_of(table: str) -> Month:
    _, year, month = table.split("_")
    return Month(int(year), int(month))


class _File:
    """SQLite: FTS5 without content; every pair or mark is one plain token, for nothing but a space parts them."""

    row = "rowid"

    def __init__(self, path: Path) -> None:
        self._path = path

    def writer(self) -> Engine:
        engine = self._engine("BEGIN IMMEDIATE")
        with engine.begin() as connection:
            if not self._is_current(connection):
                self._start_anew(connection)
        return engine

    def reader(self) -> Engine:
        return self._engine("BEGIN", _MAPPED)

    def is_there(self) -> bool:
        return self._path.exists()

    def wipe(self, engine: Engine) -> bool:
        """``secure_delete`` has overwritten the pages in the file; the log may have the old ones."""
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA busy_timeout = 2000").close()
            busy, *_ = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy
        finally:
            raw.close()

    def make_words(self, connection: Connection, month: Month) -> None:
        connection.exec_driver_sql(
            f"CREATE VIRTUAL TABLE IF NOT EXISTS {_table_of(month)}"
            f" USING fts5(grams, content='', detail='none', columnsize=0, tokenize={_TOKENS})"
        )

    def drop_words(self, connection: Connection, month: Month) -> None:
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {_table_of(month)}")

    def settle(self, connection: Connection) -> bool:
        found = connection.exec_driver_sql("SELECT name FROM sqlite_schema WHERE type = 'index'")
        owed = sorted(_INDEXES.keys() - set(found.scalars()))
        if owed:
            _index(connection, owed[0])
        return len(owed) <= 1

    def is_steady(self, connection: Connection) -> bool:
        return True

    def months(self, connection: Connection) -> list[Month]:
        found = "SELECT name FROM sqlite_schema WHERE name GLOB 'words_[0-9]*_[0-9][0-9]' AND type = 'table'"
        return sorted((_month_of(row[0]) for row in connection.exec_driver_sql(found)), reverse=True)

    def enter_words(
        self, connection: Connection, month: Month, rows: Sequence[tuple[int, Iterable[str]]]
    ) -> None:
        entered = [(number, " ".join(grams)) for number, grams in rows]
        if entered:
            connection.exec_driver_sql(
                f"INSERT INTO {_table_of(month)} (rowid, grams) VALUES (?, ?)", entered
            )

    def having(self, month: Month, mark: str) -> str:
        table = _table_of(month)
        return f"SELECT rowid AS row FROM {table} WHERE {table} MATCH :{mark}"

    def has(self, month: Month, mark: str, card: str) -> str:
        """As a list: FTS5 gives all rows of a month sooner than it says of a few hundred whether each is one of them."""
        return f"{card} IN (SELECT row / 2 FROM ({self.having(month, mark)}) AS had)"

    def asked(self, grams: Iterable[str]) -> Any:
        return " AND ".join('"' + gram.replace('"', '""') + '"' for gram in sorted(grams))

    def day(self, column: str) -> str:
        return f"date({column}, '+9 hours')"

    def _engine(self, begin: str, *more: str) -> Engine:
        import sqlite3

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(
                self._path, timeout=30, isolation_level=None, check_same_thread=False
            )
            for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "secure_delete = ON", _CACHE, *more):
                connection.execute(f"PRAGMA {pragma}").close()
            return connection

        if not self._path.exists():  # as the ledger: for the owner and the group only
            self._path.touch(0o640)
        engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine

    def _is_current(self, connection: Connection) -> bool:
        found = "SELECT count(*) FROM sqlite_schema WHERE name = 'catalogue'"
        if not connection.exec_driver_sql(found).scalar_one():
            return False
        return connection.exec_driver_sql("SELECT version FROM catalogue").scalar() == VERSION

    def _start_anew(self, connection: Connection) -> None:
        for month in self.months(connection):
            self.drop_words(connection, month)
        for table in _TABLES:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
        for statement in _tables("INTEGER", "TEXT", " WITHOUT ROWID"):
            connection.exec_driver_sql(statement)


_CACHE = "cache_size = -65536"
"""64 MB: with a million cards the two of SQLite's own accord are read and written again and again."""

_MAPPED = "mmap_size = 2147483648"
"""Who looks reads cards from all over the file: half the time, without a call for each page."""

_MARKS = "".join(letter for letter in map(chr, range(0x21, 0x7F)) if not letter.isalnum())
_TOKENS = """"ascii tokenchars '{}'\"""".format(_MARKS.replace("'", "''").replace('"', '""'))
"""FTS5's plainest way to part words: it takes every character beyond ASCII as it is, and these marks, too."""


class _Schema:
    """PostgreSQL: an array of pairs and marks with a GIN index; no extension is needed.

    Each is a number of four bytes: as texts the rows take twice the room, and who looks reads thousands of them.
    """

    row = "row"

    def __init__(self, url: str) -> None:
        self._url = url

    def writer(self) -> Engine:
        engine = self._engine(kept=True)
        with engine.begin() as connection:
            if not self._is_current(connection):
                self._start_anew(connection)

        @event.listens_for(engine, "begin")
        def alone(connection: Connection) -> None:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_FILLING,))

        return engine

    def reader(self) -> Engine:
        engine = self._engine("REPEATABLE READ")

        @event.listens_for(engine, "begin")
        def only_look(connection: Connection) -> None:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            connection.exec_driver_sql("SET LOCAL jit TO off")  # it takes longer than most of our questions

        return engine

    def is_there(self) -> bool:
        engine = self._engine("REPEATABLE READ")
        try:
            with engine.connect() as connection, connection.begin():
                return connection.exec_driver_sql("SELECT to_regclass('catalogue')").scalar_one() is not None
        finally:
            engine.dispose()

    def wipe(self, engine: Engine) -> bool:
        """A table that was dropped is gone."""
        return True

    def make_words(self, connection: Connection, month: Month) -> None:
        table = _table_of(month)
        connection.exec_driver_sql(
            f"CREATE TABLE IF NOT EXISTS {table} (row bigint PRIMARY KEY, grams integer[] NOT NULL)"
        )

    def settle(self, connection: Connection) -> bool:
        """The words of each month have an index of their own."""
        made = "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
        owed = sorted(_INDEXES.keys() - set(connection.exec_driver_sql(made).scalars()))
        bare = [table for table, is_indexed in self._words(connection) if not is_indexed]
        if owed or bare:
            connection.exec_driver_sql("SET LOCAL maintenance_work_mem TO '256MB'")
        if owed:
            _index(connection, owed[0])
        elif bare:
            connection.exec_driver_sql(f"CREATE INDEX {bare[0]}_grams ON {bare[0]} USING gin (grams)")
            connection.exec_driver_sql(f"ANALYZE {bare[0]}, cards, tags")
        return len(owed) + len(bare) <= 1

    def is_steady(self, connection: Connection) -> bool:
        """A table that was dropped since the moment would be missed, and its successor seems to be empty."""
        tables = [table for table, _ in self._words(connection)]
        if not tables:
            return True
        try:
            connection.exec_driver_sql(f"LOCK TABLE {', '.join(tables)} IN ACCESS SHARE MODE")
        except ProgrammingError:
            return False
        changed = f"SELECT count(*) FROM ({_WORDS}) AS words WHERE oid <> to_regclass(relname::text)"
        return not connection.exec_driver_sql(changed, execution_options=_PLAIN).scalar_one()

    def drop_words(self, connection: Connection, month: Month) -> None:
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {_table_of(month)}")

    def months(self, connection: Connection) -> list[Month]:
        return sorted((_month_of(table) for table, _ in self._words(connection)), reverse=True)

    def _words(self, connection: Connection) -> list[tuple[str, bool]]:
        """The tables of words, and whether each has its index."""
        return [(row[0], row[2]) for row in connection.exec_driver_sql(_WORDS, execution_options=_PLAIN)]

    def enter_words(
        self, connection: Connection, month: Month, rows: Sequence[tuple[int, Iterable[str]]]
    ) -> None:
        arrays = [(number, f"{{{','.join(map(_number_of, grams))}}}") for number, grams in rows]
        put(connection, _table_of(month), "row, grams", arrays)

    def having(self, month: Month, mark: str) -> str:
        return f"SELECT row FROM {_table_of(month)} WHERE grams @> CAST(:{mark} AS integer[])"

    def has(self, month: Month, mark: str, card: str) -> str:
        """OFFSET keeps the planner from asking the index of the pairs anew for each card."""
        mine = (
            f"SELECT grams FROM {_table_of(month)} WHERE row BETWEEN 2 * {card} AND 2 * {card} + 1 OFFSET 0"
        )
        return f"EXISTS (SELECT 1 FROM ({mine}) AS mine WHERE grams @> CAST(:{mark} AS integer[]) OFFSET 0)"

    def asked(self, grams: Iterable[str]) -> Any:
        return [int(_number_of(gram)) for gram in sorted(grams)]

    def day(self, column: str) -> str:
        return f"to_char(CAST({column} AS timestamptz) AT TIME ZONE 'Asia/Tokyo', 'YYYY-MM-DD')"

    def _engine(self, isolation: str = "READ COMMITTED", *, kept: bool = False) -> Engine:
        """Its search path is the catalogue's schema, which is named after the ledger's own."""
        engine = engine_of(self._url, isolation, kept=kept)

        @event.listens_for(engine, "begin")
        def here(connection: Connection) -> None:
            schema = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
            name = f"{schema}_catalogue"
            there = connection.exec_driver_sql("SELECT to_regnamespace(%s)", (name,)).scalar_one()
            quoted = connection.dialect.identifier_preparer.quote(name)
            if there is None and isolation == "READ COMMITTED":
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_FILLING,))
                connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {quoted}")
            connection.exec_driver_sql(f"SET LOCAL search_path TO {quoted}")

        return engine

    def _is_current(self, connection: Connection) -> bool:
        if connection.exec_driver_sql("SELECT to_regclass('catalogue')").scalar_one() is None:
            return False
        return connection.exec_driver_sql("SELECT version FROM catalogue").scalar() == VERSION

    def _start_anew(self, connection: Connection) -> None:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_FILLING,))
        if self._is_current(connection):
            return  # another process was quicker
        for month in self.months(connection):
            self.drop_words(connection, month)
        for table in _TABLES:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
        for statement in _tables("bigint", 'text COLLATE "C"', ""):
            connection.exec_driver_sql(statement)


@lru_cache(1 << 16)
def _number_of(gram: str) -> str:
    """A pair is two times 16 bits. A character beyond the first 65,536 takes one of 2,048 numbers that no character has, so
    that some share theirs: of those the texts are looked at (`grams.is_sure`). A mark stands where a pair of a character
    that nobody reads would."""
    if len(gram) > FEWEST:
        return str(int(gram, 16))
    first, second = (code if code < 0x10000 else 0xD800 | code & 0x7FF for code in map(ord, gram))
    number = first << 16 | second
    return str(number if number < 1 << 31 else number - (1 << 32))


_WORDS = """
SELECT relname, oid, relhasindex AND EXISTS (
    SELECT 1 FROM pg_index JOIN pg_class AS made ON made.oid = indexrelid
    WHERE indrelid = words.oid AND made.relname = words.relname || '_grams'
) AS is_indexed
FROM pg_class AS words WHERE relkind = 'r' AND relname ~ '^words_[0-9]+_[0-9]{2}$'
AND relnamespace = current_schema()::regnamespace ORDER BY relname
"""
_PLAIN = {"no_parameters": True}

_FILLING = 0x5E_15_30
"""Key of the advisory lock under which the catalogue is filled."""

__all__ = ["COLUMNS", "Shelf", "shelf_of", "text"]
