"""Where the office's books lie: one change is whole or not at all, durable, and nobody reads a file that is gone."""

import os
import sqlite3
from contextlib import closing, suppress
from datetime import date
from pathlib import Path

import pytest

from audit.address import Address, address_of
from proxy.office.people import PeopleBook
from proxy.office.roster import Page, Person, Posting
from proxy.office.store import Office, office_of
from proxy.settings import read

DAY = date(2027, 4, 1)
YAMADA = Page(Person("012345", "staff", DAY, entered_at="x"), (Posting(DAY, "部", "課"),))


def test_a_change_that_breaks_off_is_not_made(office: Office) -> None:
    from proxy.office import tables

    with suppress(KeyError), office.changing() as connection:
        connection.execute(
            tables.stops.insert(),
            {"id": "s", "kind": "house", "name": "", "reason": "r", "by": "b", "at": "t"},
        )
        raise KeyError
    with office.reading() as connection:
        assert connection.execute(tables.select(tables.stops)).all() == []


def test_what_one_process_changed_another_sees_at_once(place: Address, office: Office) -> None:
    with closing(Office(place)) as other:
        assert PeopleBook(other).page("012345") is None
        PeopleBook(office).enter(YAMADA)
        assert PeopleBook(other).page("012345") == YAMADA
    with closing(Office(place)) as again:
        assert PeopleBook(again).page("012345") == YAMADA


def test_a_file_is_kept_durably(tmp_path: Path) -> None:
    with closing(Office(address_of(tmp_path / "office.sqlite"))) as office:
        for opening in (office.reading, office.changing):
            with opening() as connection:
                assert connection.exec_driver_sql("SELECT count(*) FROM people").scalar() == 0
                assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2, "FULL"
                assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
                assert connection.exec_driver_sql("PRAGMA secure_delete").scalar() == 1


def test_a_database_is_asked_in_its_own_schema_and_never_for_long(postgres_url: str) -> None:
    with closing(Office(address_of(postgres_url))) as office, office.reading() as connection:
        shown = [
            connection.exec_driver_sql(f"SHOW {name}").scalar() for name in ("search_path", "lock_timeout")
        ]
        assert shown == ["office, pg_temp", "5s"]
        schemas = connection.exec_driver_sql("SELECT schemaname FROM pg_tables WHERE tablename = 'people'")
        assert schemas.scalars().all() == ["office"]


@pytest.mark.parametrize("harm", ["gone", "exchanged"])
def test_a_file_that_is_taken_away_is_not_read_on(tmp_path: Path, harm: str) -> None:
    from proxy.office.tables import SQLAlchemyError

    file = tmp_path / "office.sqlite"
    with closing(Office(address_of(file))) as office:
        book = PeopleBook(office)
        book.enter(YAMADA)
        kept = {path: tmp_path / f"kept-{path.name}" for path in tmp_path.glob("office.sqlite*")}
        for path, elsewhere in kept.items():
            os.rename(path, elsewhere)
        if harm == "exchanged":
            sqlite3.connect(file).close()
            file.touch()
        with pytest.raises((OSError, SQLAlchemyError)):
            book.page("012345")
        for path in tmp_path.glob("office.sqlite*"):
            path.unlink()
        for path, elsewhere in kept.items():
            os.rename(elsewhere, path)
        assert book.page("012345") == YAMADA


def test_an_address_that_is_none_is_a_sentence_without_its_password(tmp_path: Path) -> None:
    for address in ("mysql://u:canary@h/d", "postgresql://u:canary@h:port/d"):
        with pytest.raises(ValueError) as wrong:
            office_of(read(home=tmp_path, office=address))
        assert "canary" not in str(wrong.value)


def test_a_setting_says_where_the_books_lie(tmp_path: Path) -> None:
    assert read(home=tmp_path).office_location == str(tmp_path / "office.sqlite")
    settings = read(home=tmp_path, office=str(tmp_path / "elsewhere.sqlite"))
    office_of(settings).close()
    assert (tmp_path / "elsewhere.sqlite").exists()
