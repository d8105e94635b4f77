"""Who is asking and what for: what a key says of its holder, and which use case a request belongs to."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.vocabulary import AUDIENCES, CODE, ROLES
from proxy.callers import caller_of, declared_by
from proxy.errors import Problem
from proxy.office.keys import Key, networks

KEY = Key("k", "p", "t", "d", "s", "mail_draft")


@pytest.mark.requirement("R40")
@pytest.mark.parametrize("audience", AUDIENCES)
def test_a_caller_is_what_the_book_of_keys_says_whoever_the_tool_names(audience: str) -> None:
    said = {"role": "section_head", "audience": audience, "consented": True, "append_notices": True}
    own = replace(KEY, **said)
    tools = replace(own, person=None, may_assert_user=True, addresses=networks("10.0.0.0/8"))
    for caller in (
        caller_of(own, {}, "10.1.1.1"),
        caller_of(tools, {"x-sekisho-user": "012345", "x-sekisho-audience": "staff"}, "10.1.1.1"),
    ):
        assert {name: getattr(caller, name) for name in said} == said


def test_a_key_that_says_nothing_is_a_staff_members_for_staff_without_consent() -> None:
    caller = caller_of(KEY, {}, None)
    assert (caller.role, caller.audience, caller.consented, caller.append_notices) == (
        "staff_member", "staff", False, False,
    )  # fmt: skip
    assert caller.role in ROLES


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
