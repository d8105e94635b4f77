"""/admin/v1 and /label over HTTP: who may do what, for whose section, and that every change and look is recorded."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from policies.days import day_of
from policies.vocabulary import ROLES
from proxy.office.rights import SCOPES
from proxy.settings import Settings
from tests.proxy.conftest import post
from tests.proxy.halls import OTHERS, SECTION, Hall, furnished


@pytest.fixture
def hall(serve: Callable[..., str], settings: Settings) -> Hall:
    return furnished(serve().removesuffix("/v1"), settings)


NEW = {"id": "200001", "kind": "staff", "department": "部", "section": SECTION, "starts": "2026-04-01"}

OPERATIONS: dict[str, tuple[str, str, Any, str]] = {
    "people:read": ("GET", "/admin/v1/people", None, "people"),
    "people:write": ("POST", "/admin/v1/people", NEW, ""),
    "people:review": ("GET", "/admin/v1/reviews", None, "reviews"),
    "keys:read": ("GET", "/admin/v1/keys", None, "keys"),
    "quota:read": ("GET", "/admin/v1/quotas", None, ""),
    "quota:write": (
        "POST", "/admin/v1/quotas",
        {"scope": "section", "name": SECTION, "measure": "requests", "period": "day", "amount": 9, "reason": "試験"}, "",
    ),
    "emergency:propose": (
        "POST", "/admin/v1/emergencies", {"reason": "地震", "until": "2999-01-01T00:00:00+09:00"}, "",
    ),
    "emergency:approve": ("POST", "/admin/v1/emergencies/e-none/approve", None, ""),
    "confirmations:read": ("GET", "/admin/v1/confirmations", None, "confirmations"),
    "confirmations:revoke": ("POST", "/admin/v1/confirmations/none/revoke", {"reason": "試験"}, ""),
    "checks:write": ("GET", "/admin/v1/checks", None, ""),
}  # fmt: skip
"""For each scope one operation, and what a look at it is called in the ledger."""


@pytest.mark.requirement("R15")
def test_every_role_may_do_what_its_scopes_say_and_nothing_else(hall: Hall) -> None:
    for role in ROLES:
        for scope, (method, path, body, what) in OPERATIONS.items():
            may = scope == "checks:write" or scope in SCOPES.get(role, ())
            before = len(hall.records("viewed"))
            status, told = hall.ask(role, method, path, body)
            assert (status != 403) is may, (role, scope, status, told)
            if not may:
                assert told["error"]["code"] == "not_your_right"
            if may and what:
                assert [one["what"] for one in hall.records("viewed")[before:]] == [what]
    refused = [body for body in hall.records("noted") if body.get("event") == "office.refused"]
    assert refused and all(body["person"] and body["scope"] for body in refused)


def test_a_section_head_sees_the_own_section_only_and_learns_of_nobody_elses(hall: Hall) -> None:
    status, told = hall.ask("section_head", "GET", "/admin/v1/people")
    assert status == 200 and len(told["people"]) == len(ROLES)
    assert hall.ask("section_head", "GET", "/admin/v1/people/999999")[0] == 404
    for elsewhere in OTHERS:
        id = hall.id(elsewhere)
        assert hall.ask("section_head", "GET", f"/admin/v1/people/{id}")[0] == 404, elsewhere
        assert hall.ask("section_head", "POST", f"/admin/v1/people/{id}/approve")[0] == 404
        assert hall.ask("operator", "GET", f"/admin/v1/people/{id}")[0] == 200
    keys = hall.ask("section_head", "GET", "/admin/v1/keys")[1]["keys"]
    assert {(key["department"], key["section"]) for key in keys} == {("部", SECTION)}


def test_somebody_whom_a_tool_only_names_or_without_a_key_has_no_rights(hall: Hall) -> None:
    assert hall.ask("tool", "GET", "/admin/v1/people")[0] == 401
    hall.keys["nobody"] = "sk-sekisho-none"
    status, told = hall.ask("nobody", "GET", "/admin/v1/people")
    assert (status, told["error"]["code"]) == (401, "invalid_api_key")


@pytest.mark.requirement("R12", "R16")
def test_an_application_counts_once_the_section_head_has_approved_it(hall: Hall) -> None:
    status, told = hall.ask("operator", "POST", "/admin/v1/people", NEW)
    assert (status, told["approved_by"]) == (201, None)
    status, told = hall.ask("section_head", "POST", "/admin/v1/people/200001/approve")
    assert status == 200 and told["approved_by"] is not None
    key = {
        "tool": "窓",
        "department": "部",
        "section": SECTION,
        "category": "mail_draft",
        "purpose": "試験",
        "person": "200001",
    }
    status, told = hall.ask("operator", "POST", "/admin/v1/keys", key)
    assert status == 201 and told["key"].startswith("sk-sekisho-")
    assert {"person.enrolled", "person.approved", "key.created"} <= set(hall.events())
    plain = told["key"]
    assert post(f"{hall.root}/v1", key=plain)[0] == 403  # enrolled, but not trained yet
    for course in ("dx", "security"):
        done = {"course": course, "on": day_of_today()}
        assert hall.ask("operator", "POST", "/admin/v1/people/200001/trainings", done)[0] == 200
    status, _, told = post(f"{hall.root}/v1", key=plain)
    assert told["error"]["rules"] == ["P-01c"], told  # the rules are accepted by the person alone


@pytest.mark.requirement("R18")
def test_a_section_head_reviews_the_own_section_and_signs_with_no_other_name(hall: Hall) -> None:
    status, begun = hall.ask("operator", "POST", "/admin/v1/reviews", {})
    assert status == 201 and (begun["sections"], begun["persons"]) == (4, len(ROLES) + 3), (
        "the demo's person, too"
    )
    listed = hall.ask("section_head", "GET", "/admin/v1/reviews")[1]["sections"]
    assert [(one["department"], one["section"], one["open"]) for one in listed] == [
        ("部", SECTION, begun["review"])
    ]
    sheet = hall.ask("section_head", "GET", f"/admin/v1/reviews/{begun['review']}.csv")[1]
    head, *rows = sheet.removeprefix("\ufeff").splitlines()
    assert len(rows) == len(ROLES) and not any(hall.id(one) in sheet for one in OTHERS)
    me, last = hall.id("section_head"), hall.id("auditor")

    def decided(reviewer: str = "", leave: str = "", own: str = "継続") -> bytes:
        lines = [head]
        for row in rows:
            cells = row.split(",")
            cells[-2:] = ["取消" if cells[1] == last else own if cells[1] == me else "継続", reviewer]
            lines += [",".join(cells)] if cells[1] != leave else []
        return "\r\n".join(lines).encode("cp932")

    path = "/admin/v1/reviews/decisions?dry_run=false"
    status, told = hall.ask("section_head", "POST", path, decided())
    assert (status, told["faults"][0]["kind"]) == (422, "reviewer_is_reviewed"), (
        "nobody decides about themselves"
    )
    status, told = hall.ask("section_head", "POST", path, decided(leave=last))
    assert "row_missing" in {one["kind"] for one in told["faults"]}, "a section is decided whole"
    status, told = hall.ask("section_head", "POST", path, decided(hall.id("operator")))
    assert (status, told["error"]["code"]) == (403, "another_reviewer")
    sheet = hall.ask("section_head", "GET", f"/admin/v1/reviews/{begun['review']}.csv")[1]
    assert len(sheet.splitlines()) == len(rows) + 1, "nothing was decided by any of these"

    status, told = hall.ask("section_head", "POST", path, decided(own=""))
    assert (status, told["done"], told["counts"]) == (200, True, {"keep": len(ROLES) - 2, "revoke": 1})
    sheet = hall.ask("operator", "GET", f"/admin/v1/reviews/{begun['review']}.csv?section={quote(SECTION)}")[
        1
    ]
    left = [row for row in sheet.splitlines()[1:] if f",部,{SECTION}," in row]
    assert [row.split(",")[1] for row in left] == [me], "the head's own row waits for somebody else"
    assert hall.ask("auditor", "GET", "/admin/v1/people")[0] == 401, "whose access is revoked has no key"
    assert {"access.review_begun", "access.reviewed"} <= set(hall.events())
    looks = [one for one in hall.records("viewed") if one["person"] == me and one["what"] == "review_export"]
    assert looks[0]["filters"] == {"department": "部", "section": SECTION, "review": begun["review"]}


def day_of_today() -> str:
    from datetime import UTC, datetime

    return day_of(datetime.now(UTC)).isoformat()


def test_a_file_with_one_fault_changes_nothing_and_says_where(hall: Hall) -> None:
    head = hall.id("section_head")
    rows = "職員番号,区分,部,課,開始日,承認者\n"
    rows += f"300001,職員,部,道路課,2026-04-01,{head}\n300002,しょくいん,部,道路課,2026-04-01,{head}\n"
    status, told = hall.ask("operator", "POST", "/admin/v1/people/import?dry_run=false", rows.encode("cp932"))
    assert (status, told["done"]) == (422, False)
    (fault,) = told["faults"]
    assert (fault["row"], fault["column"]) == (3, "区分") and fault["remedy_ja"]
    assert hall.ask("operator", "GET", "/admin/v1/people/300001")[0] == 404
    good = rows.replace("しょくいん", "職員")
    assert (
        hall.ask("operator", "POST", "/admin/v1/people/import", good.encode("utf-8-sig"))[1]["done"] is False
    )
    assert (
        hall.ask("operator", "POST", "/admin/v1/people/import?dry_run=false", good.encode())[1]["done"]
        is True
    )
    assert hall.ask("operator", "GET", "/admin/v1/people/300001")[0] == 200
    later = good.replace("2026-04-01", "2026-05-01").encode()
    (remark,) = hall.ask("operator", "POST", "/admin/v1/people/import", later)[1]["remarks"]
    assert (remark["rows"], remark["column"], remark["kind"]) == ([2, 3], "開始日", "start_kept")


def test_nobody_changes_their_own_entry_or_role_not_even_by_a_file(hall: Hall) -> None:
    me = hall.id("operator")
    assert hall.ask("operator", "POST", f"/admin/v1/people/{me}/role", {"role": "auditor"})[0] == 403
    file = f"職員番号,区分,役割,部,課,開始日,承認者\n{me},職員,所属長,部,道路課,2020-04-01,900000\n"
    status, told = hall.ask("operator", "POST", "/admin/v1/people/import?dry_run=false", file.encode())
    assert (status, told["error"]["code"]) == (403, "own_entry")


@pytest.mark.requirement("R67")
def test_two_persons_lift_the_limits(hall: Hall) -> None:
    from datetime import UTC, datetime, timedelta

    until = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    status, told = hall.ask(
        "governance_board", "POST", "/admin/v1/emergencies", {"reason": "地震", "until": until}
    )
    assert status == 201
    assert hall.ask("governance_board", "POST", f"/admin/v1/emergencies/{told['id']}/approve")[0] == 403
    status, told = hall.ask("csirt_reviewer", "POST", f"/admin/v1/emergencies/{told['id']}/approve")
    assert status == 200 and told["approved_by"]
    assert {"emergency.proposed", "emergency.approved"} <= set(hall.events())


def test_no_door_takes_a_limit_that_no_book_should_hold(hall: Hall) -> None:
    one = {
        "scope": "section",
        "name": SECTION,
        "measure": "yen",
        "period": "day",
        "amount": 9,
        "reason": "試験",
    }
    for wrong in (
        {"amount": 10**12 + 1},
        {"scope": "person", "name": "123456789018"},
        {"starts": "2027-04-02", "ends": "2027-04-01"},
        {"name": " "},
    ):
        status, told = hall.ask("operator", "POST", "/admin/v1/quotas", one | wrong)
        assert status == 400 and "123456789018" not in json.dumps(told), wrong
    assert "quota.set" not in hall.events() and hall.ask("operator", "GET", "/admin/v1/quotas")[1] == {
        "quotas": []
    }
    assert hall.ask("operator", "POST", "/admin/v1/quotas", one | {"amount": 10**12})[0] == 201


def test_a_section_head_sees_what_the_own_section_uses_and_no_namesakes(hall: Hall) -> None:
    limit = {
        "scope": "section",
        "name": "*",
        "measure": "requests",
        "period": "day",
        "amount": 9,
        "reason": "試験",
    }
    assert hall.ask("operator", "POST", "/admin/v1/quotas", limit)[0] == 201
    hall.ready()
    for who in ("staff_member", "namesake", "namesake"):
        assert post(f"{hall.root}/v1", key=hall.keys[who])[0] == 200
    (mine,) = hall.ask("section_head", "GET", "/admin/v1/quotas/usage")[1]["usage"]
    assert mine["subject"] == f"部 {SECTION}" and mine["used"] + mine["reserved"] == 1
    every = hall.ask("operator", "GET", "/admin/v1/quotas/usage")[1]["usage"]
    assert {row["subject"] for row in every} == {f"部 {SECTION}", f"別の部 {SECTION}"}


@pytest.mark.requirement("R35", "R36")
def test_a_reply_says_where_its_label_is_and_a_second_person_checks_what_leaves_the_hall(hall: Hall) -> None:
    status, headers, _ = post(f"{hall.root}/v1", key="sk-desk")
    assert status == 200
    place = headers["x-sekisho-label"]
    exchange = headers["x-request-id"]
    status, told = hall.ask("staff_member", "GET", place)
    assert status == 200 and exchange in told["label"]["ja"] and told["checks"] == []
    status, sentence = hall.ask("staff_member", "GET", place, accept="text/plain")
    assert sentence == told["label"]["ja"]
    assert [one["what"] for one in hall.records("viewed")] == ["label", "label"]
    body = {"exchange": exchange, "document": "広報たかつき 12月号", "external": True}
    status, check = hall.ask("staff_member", "POST", "/admin/v1/checks", body)
    assert (status, check["state"]) == (201, "waiting")
    assert hall.ask("staff_member", "POST", f"/admin/v1/checks/{check['id']}/second")[0] == 403
    status, check = hall.ask("elsewhere", "POST", f"/admin/v1/checks/{check['id']}/second")
    assert (status, check["state"]) == (200, "done")
    checked = [body for body in hall.records("noted") if body.get("event") == "output.checked"]
    assert [body["turn"] for body in checked] == [1, 2]
    assert hall.ask("staff_member", "GET", "/label/none")[0] == 404


def test_what_is_sent_wrong_is_told_and_nothing_of_it_is_echoed(hall: Hall) -> None:
    status, told = hall.ask("operator", "POST", "/admin/v1/people", NEW | {"secret": "山田太郎"})
    assert status in (400, 422) and "山田太郎" not in json.dumps(told, ensure_ascii=False)
