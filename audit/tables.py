"""The ledger's tables as Python sees them; with stores/, the only door of this room to sqlalchemy.

    records        the evidence. Append-only; one chain per writer and month (chain.py)
    texts          masked text and its salt, apart from the records, so that it can be erased alone
    notes          signed heads of the chains (notes.py). Append-only
    leases         who is writing now (leases.py). The one table that changes; it is not evidence
    erasures       whose records or texts may be removed, because their retention is over (retention.py)
    originals      what placeholders stood for, sealed (originals.py)
    original_keys  the wrapped keys of originals; without its key a sealed original says nothing

How the tables come to be, and the laws that hold in them, is SQL: migrations/. These definitions only
serve to write queries; a test holds them equal to what the migrations make.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    column,
    delete,
    exists,
    func,
    select,
    tuple_,
    union_all,
    values,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

__all__ = [
    "SCHEMA",
    "Connection",
    "DBAPIError",
    "Engine",
    "IntegrityError",
    "SQLAlchemyError",
    "bindparam",
    "delete",
    "erasures",
    "exists",
    "field_of",
    "func",
    "leases",
    "notes",
    "original_keys",
    "originals",
    "places",
    "records",
    "select",
    "texts",
    "tuple_",
    "union_all",
]

SCHEMA = 2
"""Version of the tables: the newest revision in migrations/versions."""

metadata = MetaData()

records = Table(
    "records",
    metadata,
    Column("writer", Text, primary_key=True),
    Column("idx", Integer, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("exchange", Text),
    Column("turn", Integer),  # 1 asked, 2 any ending; unique with the exchange: one of each
    Column("body", Text, nullable=False),
    Column("text_commitment", Text),
    Column("prev", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

texts = Table(
    "texts",
    metadata,
    Column("writer", Text, primary_key=True),
    Column("idx", Integer, primary_key=True, autoincrement=False),
    Column("salt", Text, nullable=False),
    Column("text", Text, nullable=False),
)

notes = Table(
    "notes",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("note", Text, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("writer", Text, primary_key=True),
    Column("boot", Text, nullable=False),  # these four say which process of which machine
    Column("namespace", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("born", Text, nullable=False),
    Column("started", Text, nullable=False),
    Column("until", Text, nullable=False),
    Column("open_from", Integer, nullable=False),  # every exchange asked before this index has ended
    Column("ended", Text),  # set once: by the writer when it stops, or by the sweep that closed it
)

erasures = Table(
    "erasures",
    metadata,
    Column("writer", Text, primary_key=True),
    Column("what", Text, primary_key=True),  # 'records' or 'texts'
    Column("at", Text, nullable=False),
)

original_keys = Table(
    "original_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("conversation", Text, nullable=False),
    Column("wrapped", Text, nullable=False),
    Column("until", Text, nullable=False),
)

originals = Table(
    "originals",
    metadata,
    Column("writer", Text, primary_key=True),
    Column("idx", Integer, primary_key=True, autoincrement=False),
    Column("key_id", Text, nullable=False),
    Column("sealed", Text, nullable=False),
)


def places(wanted: Sequence[tuple[str, int]]) -> Any:
    """These places (writer, index) as a table to join to, so that each is looked up: for a list of pairs SQLite reads
    the whole table."""
    return values(column("writer", Text), column("idx", Integer), name="wanted").data([*wanted]).cte("places")


class field_of(FunctionElement[Any]):  # small, for it is used like a function of SQL
    """A field inside a stored body, for example ``field_of(records.c.body, "caller", "person")``.

    Text; NULL where there is none. Each store has its own words for it.
    """

    type = Text()
    inherit_cache = False

    def __init__(self, body: ColumnElement[str], *path: str) -> None:
        self.path: Sequence[str] = path
        super().__init__(body)


@compiles(field_of, "sqlite")
def _in_sqlite(field: field_of, compiler: Any, **options: Any) -> str:
    return f"json_extract({compiler.process(field.clauses, **options)}, '$.{'.'.join(field.path)}')"


@compiles(field_of, "postgresql")
def _in_postgresql(field: field_of, compiler: Any, **options: Any) -> str:
    """``json``, not ``jsonb``: it looks at the body only as far as this field asks."""
    return f"(CAST({compiler.process(field.clauses, **options)} AS json) #>> '{{{','.join(field.path)}}}')"
