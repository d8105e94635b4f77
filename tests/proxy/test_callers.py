"""Who is asking and what for: what a key says of its holder, and which use case a request belongs to."""

import asyncio
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.vocabulary import AUDIENCES, CODE
from proxy.callers import Caller, Credential, caller_of, declared_by
from proxy.errors import Problem
from proxy.office.keys import Key, networks
from proxy.office.register import OfficeUnreadable
from proxy.office.roster import Needed, Page, Person, Posting, Training
from tests.fakes import Register

KEY = Key("k", "p", "t", "d", "s", "mail_draft")
DAY = date(2027, 5, 10)
NEEDED = Needed(("dx", "security"), 0, "2027-04")


def identify(
    key: Key, *pages: Page, on: date = DAY, trouble: Exception | None = None, **headers: str
) -> Caller:
    """Who that is on a day, by a book of people with these pages."""
    books: Any = Register(*pages, trouble=trouble)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return asyncio.run(caller_of(Credential(key), sent, "10.1.1.1", books, on, NEEDED))


def head(id: str) -> Page:
    """A 所属長 whose use was approved, trained in April 2027, of another section than any key here."""
    return Page(
        Person(
            id,
            "contractor",
            date(2027, 4, 1),
            date(2028, 3, 31),
            role="section_head",
            approved_by="x",
            consented=True,
        ),
        (Posting(date(2027, 4, 1), "都市創造部", "道路課"),),
        tuple(Training(course, 2027, date(2027, 4, 20)) for course in NEEDED.courses),
        (NEEDED.rules,),
    )


@pytest.mark.requirement("R12", "R40")
@pytest.mark.parametrize("audience", AUDIENCES)
def test_a_caller_is_what_the_books_say_whoever_the_tool_names(audience: Any) -> None:
    own = replace(KEY, audience=audience, append_notices=True)
    tools = replace(own, person=None, may_assert_user=True, addresses=networks("10.0.0.0/8"))
    for caller in (
        identify(own, head("p")),
        identify(tools, head("012345"), x_sekisho_user="012345", x_sekisho_audience="staff"),
    ):
        assert (caller.audience, caller.append_notices) == (audience, True)
        assert (caller.actor, caller.role, caller.consented) == ("contractor", "section_head", True)
        assert (caller.department, caller.section) == ("都市創造部", "道路課"), "the person's, not the tool's"
        assert (caller.enrolled, caller.trained, caller.acknowledged) == (True, True, True)


@pytest.mark.requirement("R12", "R13")
def test_somebody_whom_the_book_does_not_know_is_not_enrolled_and_belongs_to_the_tool() -> None:
    caller = identify(KEY, head("somebody else"))
    assert (caller.enrolled, caller.trained, caller.acknowledged, caller.consented) == (False,) * 4
    assert (caller.actor, caller.role, caller.audience) == ("staff", "staff_member", "staff")
    assert (caller.department, caller.section) == ("d", "s")


@pytest.mark.requirement("R12", "R13")
def test_what_somebody_is_changes_with_the_day() -> None:
    before, first, lapsed, after = (
        identify(KEY, head("p"), on=day)
        for day in (date(2027, 3, 31), date(2027, 4, 1), date(2028, 3, 31), date(2028, 4, 1))
    )
    assert [one.enrolled for one in (before, first, lapsed, after)] == [False, True, True, False]
    assert [one.trained for one in (before, first, lapsed, after)] == [False, False, True, False]


def test_where_the_book_of_people_cannot_be_read_nobody_is_anybody() -> None:
    with pytest.raises(Problem) as refused:
        identify(KEY, head("p"), trouble=OfficeUnreadable())
    assert (refused.value.status, refused.value.code) == (503, "office_unreadable")


@pytest.mark.parametrize("id", ["UC-01", "2026.chat_2", "a" * 40, "R8-0123", "2026-01-15-0001"])
def test_a_use_case_is_declared_by_header(id: str) -> None:
    assert declared_by(KEY, {"x-sekisho-use-case": id}).use_case == id
    assert declared_by(KEY, {}).use_case is None


@pytest.mark.requirement("R44")
@pytest.mark.parametrize(
    "id",
    ["", " ", "a" * 41, "-UC", "山田太郎", "UC 01", "UC/01", "123456789018", "UC-123456789018", "1234-5678-9018",
     "090-1234-5678", "tel.090-1234-5678", "4111-1111-1111-1111"],
)  # fmt: skip
def test_a_use_case_that_is_no_id_or_looks_like_somebodys_number_is_refused_in_two_languages(id: str) -> None:
    with pytest.raises(Problem) as refused:
        declared_by(KEY, {"x-sekisho-use-case": id})
    assert (refused.value.status, refused.value.code) == (400, "use_case_header_malformed")
    assert "利用案件の番号" in refused.value.says.ja and "UC-01" in refused.value.says.en
    assert len(id) < 3 or id not in str(refused.value.body("x"))


@given(st.from_regex(CODE, fullmatch=True))
def test_an_id_that_a_policy_can_list_can_be_declared_unless_it_has_as_many_digits_as_a_number(
    id: str,
) -> None:
    if sum(letter.isdigit() for letter in id) < 10:
        assert declared_by(KEY, {"x-sekisho-use-case": id}).use_case == id


def test_a_use_case_that_is_named_twice_is_none() -> None:
    from starlette.requests import Request as Knock

    from proxy.app import _said_twice

    named = [(b"x-sekisho-use-case", b"UC-01"), (b"x-sekisho-use-case", b"UC-02")]
    said = [_said_twice(Knock({"type": "http", "headers": headers})) for headers in (named, named[:1])]
    assert said[0] is not None and said[0].code == "duplicate_header" and said[1] is None
