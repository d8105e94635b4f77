"""How the office's tables come to be: as tables.py says, in both stores, and from the books of 0.1.0 with its people."""

import sqlite3
import threading
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from audit.address import Address, address_of
from proxy.office import migrations, tables
from proxy.office.keys import KeyBook, networks
from proxy.office.people import PeopleBook
from proxy.office.roster import Needed, Posting, Training, standing
from proxy.office.store import Office

SCHEMAS = Path(__file__).with_name("schemas")
SECRET = b"s" * 32
_FALSE = {"0": "false"}
"""SQLAlchemy writes it as a number in SQLite; both mean the same."""
NEEDED = Needed(("dx", "security"), 0, "2026-04")


def looked_at(connection: sqlalchemy.Connection, schema: str | None = None) -> dict[str, Any]:
    """Every table as the database itself tells it."""
    seen = sqlalchemy.inspect(connection)

    def told(name: str) -> dict[str, Any]:
        columns = [
            (one["name"], str(one["type"]), one["nullable"], _FALSE.get(one["default"], one["default"]))
            for one in seen.get_columns(name, schema)
        ]
        return {
            "columns": columns,
            "primary": seen.get_pk_constraint(name, schema)["constrained_columns"],
            "unique": sorted(one["column_names"] for one in seen.get_unique_constraints(name, schema)),
            "indexes": sorted(
                (str(one["name"]), one["column_names"])
                for one in seen.get_indexes(name, schema)
                if "duplicates_constraint" not in one
            ),
            "checks": sorted(one["sqltext"] for one in seen.get_check_constraints(name, schema)),
        }

    return {name: told(name) for name in seen.get_table_names(schema) if name != "alembic_version"}


def test_the_migrations_make_what_the_tables_say(
    request: pytest.FixtureRequest, place: Address, office: Office, tmp_path: Path
) -> None:
    if place.path is not None:
        other, schema = f"sqlite:///{tmp_path / 'plain.sqlite'}", None
    else:
        server = request.getfixturevalue("postgres")
        other, schema = server.url(server.database()).replace("postgresql:", "postgresql+psycopg:"), "office"
    with office.reading() as connection:
        made = looked_at(connection, schema)
    engine = sqlalchemy.create_engine(other)
    with closing(engine.connect()) as connection:
        tables.metadata.create_all(connection)
        said = looked_at(connection)
    engine.dispose()
    assert set(made) == set(tables.metadata.tables)
    assert made == said


def test_the_newest_revision_is_the_last_file() -> None:
    files = sorted((migrations.FOLDER / "versions").glob("*.sql"))
    assert files[-1].stem == migrations.NEWEST


# ── the books of 0.1.0 ────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The book of keys that release 0.1.0 made (schemas/0.1.0.sql)."""
    path = tmp_path / "office.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript((SCHEMAS / "0.1.0.sql").read_text("utf-8"))
    return path


@pytest.mark.requirement("R12")
def test_the_keys_of_0_1_0_are_in_force_as_they_were(old: Path) -> None:
    with closing(Office(address_of(old))) as office:
        book = KeyBook(office, SECRET)
        first, tool = book.find("sk-sekisho-first"), book.find("sk-sekisho-tool")
        assert book.find("sk-sekisho-revoked") is None
        assert len(book.list()) == 6
    assert first is not None and (first.id, first.person, first.purpose) == ("k-1", "012345", "回答の下書き")
    assert (first.audience, first.append_notices, first.unknown_fields) == ("staff", False, "refuse")
    assert (first.starts, first.ends, first.created_at) == (None, None, "2026-05-11T00:00:00Z")
    assert tool is not None and tool.may_assert_user and tool.person is None
    assert tool.addresses == networks("10.0.0.0/8,127.0.0.1/32")
    assert (tool.unknown_fields, tool.mask_reply_names, tool.confidentiality_class) == ("drop", True, "3B")


@pytest.mark.requirement("R12", "R13")
def test_the_holders_of_0_1_0_come_over_as_people_and_accept_the_rules_anew(old: Path) -> None:
    with closing(Office(address_of(old))) as office:
        pages = {page.person.id: page for page in PeopleBook(office).pages()}
    assert set(pages) == {"012345", "023456", "034567"}, "each once, and nobody whose key was revoked"
    page = pages["012345"]
    day = date(2026, 6, 11)
    assert page.postings == (Posting(day, "都市創造部", "道路課"),)
    assert set(page.trainings) == {Training(course, 2026, day) for course in ("dx", "security")}
    now = {id: standing(page, date(2027, 3, 1), NEEDED) for id, page in pages.items()}
    assert (now["012345"].enrolled, now["012345"].trained, now["012345"].acknowledged) == (True, True, False)
    assert (now["023456"].kind, now["023456"].enrolled, now["023456"].trained) == ("contractor", True, False)
    assert now["034567"].enrolled is False


def test_a_book_of_before_the_first_release_lacks_columns_and_comes_over_too(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        for column in ("unknown_fields", "mask_reply_names"):
            connection.execute(f"ALTER TABLE keys DROP COLUMN {column}")
    with closing(Office(address_of(old))) as office:
        found = KeyBook(office, SECRET).find("sk-sekisho-tool")
    assert found is not None and (found.unknown_fields, found.mask_reply_names) == ("refuse", False)


def test_a_book_with_columns_and_stops_of_later_days_comes_over_with_them(old: Path) -> None:
    """Between 0.1.0 and the next release: keys said more of their holder, and there was a table of stops."""
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript(
            """
            ALTER TABLE keys ADD COLUMN role VARCHAR DEFAULT 'staff_member' NOT NULL;
            ALTER TABLE keys ADD COLUMN audience VARCHAR DEFAULT 'staff' NOT NULL;
            ALTER TABLE keys ADD COLUMN consented BOOLEAN DEFAULT 0 NOT NULL;
            ALTER TABLE keys ADD COLUMN append_notices BOOLEAN DEFAULT 0 NOT NULL;
            UPDATE keys SET role = 'section_head', audience = 'public', append_notices = 1 WHERE person = '012345';
            UPDATE keys SET consented = 1 WHERE person = '023456';
            CREATE TABLE stops (
                id VARCHAR NOT NULL PRIMARY KEY, kind VARCHAR NOT NULL, name VARCHAR NOT NULL, reason VARCHAR NOT NULL,
                by VARCHAR NOT NULL, at VARCHAR NOT NULL, resumed_at VARCHAR, resumed_by VARCHAR, noted_at VARCHAR,
                claimed FLOAT
            );
            INSERT INTO stops VALUES ('s-1', 'house', '', 'r', 'b', '2026-11-01T00:00:00Z', NULL, NULL, NULL, NULL);
            """
        )
    from proxy.office.stops import StopBook

    with closing(Office(address_of(old))) as office:
        found = KeyBook(office, SECRET).find("sk-sekisho-first")
        pages = {page.person.id: page.person for page in PeopleBook(office).pages()}
        assert [stop.id for stop in StopBook(office).standing()] == ["s-1"]
    assert found is not None and (found.audience, found.append_notices) == ("public", True)
    assert pages["012345"].role == "section_head" and pages["023456"].consented is True


def test_a_migration_that_breaks_off_leaves_the_old_book(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(connection: Any, unnumbered: bool) -> None:
        upgrade(connection, unnumbered)
        raise OSError("power cut")

    upgrade = migrations.upgrade
    monkeypatch.setattr(migrations, "upgrade", broken)
    with pytest.raises(OSError, match="power cut"):
        Office(address_of(old))
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("SELECT count(*) FROM keys WHERE actor = 'staff'").fetchone() == (5,)
    monkeypatch.undo()
    Office(address_of(old)).close()


# ── opening ───────────────────────────────────────────────────────────────────────────────────────


def test_several_that_open_it_at_once_make_it_once(place: Address) -> None:
    opened: list[Office | Exception] = []

    def open_it() -> None:
        try:
            opened.append(Office(place))
        except Exception as error:
            opened.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for office in opened:
        assert isinstance(office, Office), office
        with office.reading() as connection:
            assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "0002"
        office.close()


def test_a_book_of_a_newer_release_is_not_touched(place: Address, office: Office) -> None:
    with office.changing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0099'")
    with pytest.raises(RuntimeError, match="新しい版"):
        Office(place)
    with office.changing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
    Office(place).close()
