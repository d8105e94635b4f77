"""The office's tables and the connection to them. One of the two doors to SQLAlchemy."""

from pathlib import Path

from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    Float,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    false,
    inspect,
    text,
)
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.schema import CreateColumn

__all__ = ["IntegrityError", "SQLAlchemyError", "connect", "keys", "stops"]

metadata = MetaData()

keys = Table(
    "keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("hash", String, nullable=False, unique=True),  # HMAC-SHA256 under the house's secret, hex
    Column("person", String, nullable=True),  # None: a tool's key, whose user is asserted by header
    Column("tool", String, nullable=False),
    Column("department", String, nullable=False),
    Column("section", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("may_assert_user", Boolean, nullable=False),
    Column("addresses", String, nullable=False),  # comma-separated networks that are believed
    Column("enrolled", Boolean, nullable=False),
    Column("trained", Boolean, nullable=False),
    Column("acknowledged", Boolean, nullable=False),
    Column("purpose", String, nullable=True),
    Column("category", String, nullable=False),
    Column("confidentiality_class", String, nullable=True),
    Column("unknown_fields", String, nullable=False, server_default="refuse"),
    Column("mask_reply_names", Boolean, nullable=False, server_default=false()),
    Column("role", String, nullable=False, server_default="staff_member"),
    Column("audience", String, nullable=False, server_default="staff"),  # whom the tool's answers reach
    Column("consented", Boolean, nullable=False, server_default=false()),  # a contractor's prior consent
    Column("append_notices", Boolean, nullable=False, server_default=false()),
    Column("created_at", String, nullable=False),
    Column("created_by", String, nullable=False),
    Column("revoked_at", String, nullable=True),
)

stops = Table(
    "stops",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),  # house, model, section, tool
    Column("name", String, nullable=False),  # with * and ?; empty for the house
    Column("reason", String, nullable=False),
    Column("by", String, nullable=False),
    Column("at", String, nullable=False),
    Column("resumed_at", String, nullable=True),
    Column("resumed_by", String, nullable=True),
    Column("noted_at", String, nullable=True),  # None: the ledger does not have it yet
    Column("claimed", Float, nullable=True),  # seconds since 1970: since when somebody is about to note it
)


def connect(path: Path) -> Engine:
    """Open (and on first use create) the office at ``path``. Raises OSError's kin when it cannot."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 5})

    @event.listens_for(engine, "connect")
    def _settle(connection, _record) -> None:  # type: ignore[no-untyped-def]
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    metadata.create_all(engine)
    _add_new_columns(engine)
    return engine


def _add_new_columns(engine: Engine) -> None:
    """A book that an earlier release made gets the columns it did not know, each with its default."""
    known = {column["name"] for column in inspect(engine).get_columns("keys")}
    with engine.begin() as connection:
        for column in keys.columns:
            if column.name not in known:
                connection.execute(
                    text(f"ALTER TABLE keys ADD COLUMN {CreateColumn(column).compile(engine)}")
                )
