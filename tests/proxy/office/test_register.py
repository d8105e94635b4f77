"""The running house's look into its books: what is read is believed for a second, and no longer."""

import asyncio
import os
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from audit.address import address_of
from proxy.office import register as module
from proxy.office.keys import Key, KeyBook
from proxy.office.people import PeopleBook
from proxy.office.register import FRESH, OfficeUnreadable, Register
from proxy.office.roster import Page, Person, Posting
from proxy.office.store import Office

SECRET = b"s" * 32
KEY = Key("k-1", "1", "t", "d", "s", "mail_draft")
PAGE = Page(
    Person("1", "staff", date(2027, 4, 1), approved_by="2", entered_at="x"),
    (Posting(date(2027, 4, 1), "d", "s"),),
)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the time pass for which something is believed."""
    passed = 0.0
    clock = module.time.monotonic
    monkeypatch.setattr(module.time, "monotonic", lambda: clock() + passed)

    def go_on() -> None:
        nonlocal passed
        passed += FRESH + 0.01

    return go_on


@pytest.mark.requirement("R12")
def test_a_key_that_is_revoked_and_an_enrolment_that_ends_are_seen_within_a_second(
    office: Office, later: Callable[[], None]
) -> None:
    keys, people, register = KeyBook(office, SECRET), PeopleBook(office), Register(office, SECRET)
    plain = keys.create(KEY)
    keys.create(Key("k-2", None, "t", "d", "s", "mail_draft", oidc_client="chat"))
    people.enter(PAGE)

    async def story() -> None:
        found, client, page = (
            await register.key(plain),
            await register.client("chat"),
            await register.page("1"),
        )
        assert found and found.id == "k-1" and client and client.id == "k-2" and page == PAGE
        keys.revoke("k-1")
        keys.revoke("k-2")
        people.change("1", ends=date(2027, 9, 30))
        later()
        page = await register.page("1")
        assert (await register.key(plain), await register.client("chat")) == (None, None)
        assert page is not None and page.person.ends == date(2027, 9, 30)

    asyncio.run(story())


def test_who_is_not_known_yet_is_known_as_soon_as_they_are_entered(
    office: Office, later: Callable[[], None]
) -> None:
    register = Register(office, SECRET)

    async def story() -> None:
        assert await register.page("1") is None
        PeopleBook(office).enter(PAGE)
        register.forget()
        assert await register.page("1") == PAGE

    asyncio.run(story())


def test_where_the_books_are_gone_nobody_is_known(tmp_path: Path, later: Callable[[], None]) -> None:
    file = tmp_path / "office.sqlite"
    with closing(Office(address_of(file))) as office:
        register = Register(office, SECRET)
        PeopleBook(office).enter(PAGE)

        async def story() -> None:
            assert await register.page("1") == PAGE
            os.rename(file, tmp_path / "elsewhere")
            later()
            for look in (register.page("1"), register.key("sk-x"), register.client("chat")):
                with pytest.raises(OfficeUnreadable):
                    await look
            os.rename(tmp_path / "elsewhere", file)
            assert await register.page("1") == PAGE

        asyncio.run(story())


def test_only_so_much_is_remembered(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 3)
    register = Register(office, SECRET)

    async def story() -> None:
        for number in range(10):
            assert await register.page(str(number)) is None
        assert len(register._people._seen) <= 3

    asyncio.run(story())
