"""/audit/v1: every role, every operation, every row; what is hidden cannot be told from what is not there."""

import base64
import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any, get_args
from urllib.parse import quote, urlencode

import pytest

from audit.address import address_of
from audit.catalogue.card import campaign_of
from audit.catalogue.pages import cursor_at
from audit.ledger import Ledger
from audit.model import Draft
from audit.readers import SIGHTS, Sight
from audit.review import Review
from policies.vocabulary import ROLES
from proxy.api import (
    alerts,
    cases,
    disclosures,
    dispositions,
    exports,
    incidents,
    openings,
    review,
    searches,
)
from proxy.office.enrolment import today
from proxy.office.people import PeopleBook
from proxy.office.roster import Posting
from proxy.office.store import office_of
from proxy.settings import Settings
from tests.approving import approving
from tests.proxy.conftest import post
from tests.proxy.halls import OTHERS, SECTION, Hall, furnished

WHO = (*ROLES, *OTHERS)
TEXT = "道路の陥没について、山田太郎さんへの回答を書いてください"


@pytest.fixture(scope="module")
def text() -> dict[str, Any]:
    return {"model": "echo", "messages": [{"role": "user", "content": TEXT}]}


@pytest.fixture
def hall(serve: Callable[..., str], settings: Settings, text: dict[str, Any]) -> Hall:
    """One exchange of everybody, each in their section."""
    hall = furnished(serve().removesuffix("/v1"), settings)
    hall.ready()
    for who in WHO:
        assert post(f"{hall.root}/v1", text, key=hall.keys[who])[0] == 200
    return hall


def ask(
    hall: Hall, who: str, path: str, method: str = "GET", body: Any = None, **asked: Any
) -> tuple[int, Any]:
    """Whoever reads says why, but where it is left out on purpose: ``reason=None``."""
    if method == "GET" and not path.startswith("me/"):
        asked = {"reason": "点検"} | asked
    given = {name: value for name, value in asked.items() if value is not None}
    query = f"?{urlencode(given, doseq=True)}" if given else ""
    return hall.ask(who, method, f"/audit/v1/{path}{query}", body)


def exchange_of(hall: Hall, who: str) -> str:
    status, told = ask(hall, "csirt_reviewer", "exchanges", person=hall.id(who))
    assert status == 200
    return str(told["exchanges"][0]["exchange"])


OPERATIONS: dict[tuple[str, str], tuple[str | None, str | None]] = {
    ("GET", "exchanges"): ("exchanges", "search"),
    ("GET", "exchanges/{exchange}"): ("texts", "show"),
    ("GET", "triage"): ("exchanges", "triage"),
    ("GET", "people/{person}"): ("exchanges", "person"),
    ("GET", "campaigns"): ("exchanges", "campaigns"),
    ("GET", "events"): ("events", "events"),
    ("GET", "counts/{by}"): ("counts", "counts"),
    ("GET", "searches"): ("exchanges", "searches"),
    ("POST", "searches"): ("exchanges", None),
    ("GET", "searches/{id}/exchanges"): ("exchanges", "search"),
    ("DELETE", "searches/{id}"): ("exchanges", None),
    ("POST", "exchanges/{exchange}/dispositions"): ("dispose", None),
    ("POST", "openings"): ("seek_originals", None),
    ("GET", "openings"): (None, "openings"),
    ("POST", "openings/{id}/allow"): ("allow_originals", None),
    ("POST", "openings/{id}/refuse"): ("allow_originals", None),
    ("POST", "openings/{id}/close"): ("seek_originals", None),
    ("GET", "openings/{id}/original"): ("seek_originals", "original"),
    ("POST", "exchanges/{exchange}/cases"): ("dispose", None),
    ("GET", "alerts"): ("events", "alerts"),
    ("GET", "alerts/{id}"): ("events", "alert"),
    ("POST", "alerts/{id}/acknowledge"): ("dispose", None),
    ("GET", "disclosures"): ("disclose", "disclosure"),
    ("GET", "exports"): ("events", "export"),
    ("GET", "me/disclosure"): (None, "disclosure"),
    ("GET", "me/exchanges"): (None, "own"),
    ("GET", "me/exchanges/{exchange}"): (None, "own"),
    ("GET", "incidents"): ("incidents", "incidents"),
    ("POST", "incidents"): ("handle_incidents", None),
    ("GET", "incidents/{id}"): ("incidents", "incident"),
    ("GET", "incidents/{id}/export"): ("incidents", "incident_export"),
    ("POST", "incidents/{id}/amend"): ("handle_incidents", None),
    ("POST", "incidents/{id}/link"): ("handle_incidents", None),
    ("POST", "incidents/{id}/unlink"): ("handle_incidents", None),
    ("POST", "incidents/{id}/remarks"): ("handle_incidents", None),
    ("POST", "incidents/{id}/escalate"): ("handle_incidents", None),
    ("PUT", "incidents/{id}/items/{item}"): ("handle_incidents", None),
    ("PUT", "incidents/{id}/answers/{question}"): ("handle_incidents", None),
    ("POST", "incidents/{id}/decision"): ("decide_incidents", None),
    ("POST", "incidents/{id}/reports"): ("handle_incidents", None),
    ("POST", "incidents/{id}/contained"): ("handle_incidents", None),
    ("POST", "incidents/{id}/close"): ("handle_incidents", None),
    ("POST", "incidents/{id}/reopen"): ("handle_incidents", None),
}
"""Every operation: the sight that it needs (None: everybody has it, for what is their own), and what the record of the
look is called."""
FORMS: dict[str, dict[str, Any]] = {
    "searches": {"name": "点検", "filters": {}},
    "exchanges/{exchange}/dispositions": {"disposition": "guidance", "reason": "書き方を伝えた"},
    "openings": {"incident": "INC-2026-014", "reason": "申立ての確認"},
    "openings/{id}/refuse": {"reason": "要らない"},
    "alerts/{id}/acknowledge": {"reason": "見た"},
    "incidents": {"kind": "outage", "title": "応答の遅れ"},
    "exchanges/{exchange}/cases": {"placeholder": "[PERSON_1_aaaa]", "was": "駅前広場", "reason": "公の名前"},
}
ASKED: dict[str, dict[str, Any]] = {
    "disclosures": {"number": "開第1号", "person": "100001"},
    "exports": {"form": "csv"},
}


def test_every_operation_there_is_stands_in_the_table() -> None:
    routes = {
        (method, route.path.removeprefix("/audit/v1/"))  # type: ignore[attr-defined]
        for router in (
            review,
            searches,
            dispositions,
            openings,
            cases,
            disclosures,
            exports,
            incidents,
            alerts,
        )
        for route in router.router.routes
        for method in route.methods  # type: ignore[attr-defined]
    }
    assert routes == set(OPERATIONS)
    assert {sight for sight, _ in OPERATIONS.values()} - {None} | {"anonymous_counts"} == set(get_args(Sight))


@pytest.mark.requirement("R9", "R47")
def test_every_role_does_what_is_its_own_and_every_look_and_every_refusal_is_a_record(hall: Hall) -> None:
    theirs = exchange_of(hall, "staff_member")
    for role in ROLES:
        sights = SIGHTS.get(role, frozenset())
        for (method, path), (sight, what) in OPERATIONS.items():
            if "{id}" in path:
                continue  # each of its own: below
            place = path.format(
                exchange=theirs if "me/" not in path else own_of(hall, role), person="100001", by="section"
            )
            form = FORMS.get(path, {}) | ({"exchange": theirs} if path == "openings" else {})
            may = sight is None or sight in sights or (sight == "counts" and role == "dx_advisor")
            before = len(hall.records("viewed")), len(hall.records("noted"))
            given = ASKED.get(path, {})
            status, told = ask(hall, role, place, method, form if method == "POST" else None, **given)
            if path.endswith("cases") and may:
                assert told["error"]["code"] == "office_forbidden", (
                    "no false alarm: tests/proxy/test_cases_api.py"
                )
                continue
            assert (status in (200, 201)) is may, (role, path, status, told)
            looks, notes = hall.records("viewed")[before[0] :], hall.records("noted")[before[1] :]
            if not may:
                assert (status, told["error"]["code"]) == (403, "not_your_right") and not looks
                assert [one["event"] for one in notes] == ["office.refused"], (role, path)
            elif what is None:
                (note,) = notes
                assert (note["by"], note["role"], looks) == (hall.id(role), role, [])
            else:
                (look,) = looks
                assert (look["what"], look["person"], look["role"]) == (what, hall.id(role), role)
                assert (look["reason"] == "点検") is ("me/" not in path and path != "searches"), path
                if path == "exports":  # a file: tests/proxy/test_exports_api.py
                    assert look["rows"] == told.count("\r\n") - 1
                    continue
                listed = next((value for value in told.values() if isinstance(value, list)), None)
                assert look["rows"] == (2 if path == "exchanges/{exchange}" else len(listed or [])), (
                    role,
                    path,
                )


@pytest.mark.requirement("R9", "R46")
def test_what_has_a_number_of_its_own_is_theirs_alone(hall: Hall) -> None:
    """Every role at every operation on an opening and on a search that are a reviewer's."""
    theirs = exchange_of(hall, "elsewhere")
    form = FORMS["openings"] | {"exchange": theirs}
    opening = ask(hall, "csirt_reviewer", "openings", "POST", form)[1]["id"]
    kept = ask(hall, "csirt_reviewer", "searches", "POST", FORMS["searches"])[1]["id"]
    for role in (*ROLES, *OTHERS):
        sights = SIGHTS.get(role, frozenset())
        for (method, path), (sight, _) in OPERATIONS.items():
            if "{id}" not in path or role == "csirt_reviewer" or path.startswith("incidents"):
                continue  # incidents: tests/proxy/test_incidents_api.py
            opens = path.startswith("openings")
            place = path.format(id=opening if opens else kept)
            nowhere = path.format(id="g-0000000000000000" if opens else "s-000000000000")
            if opens and role == "cio_advisor" and sight == "allow_originals":
                continue  # the second person: may
            given = FORMS.get(path) if method == "POST" else None
            status, told = ask(hall, role, place, method, given, incident="INC-2026-014")
            assert status in (403, 404), (role, path, status)
            concerned = opens and {"seek_originals", "allow_originals", "events"} & sights
            if not concerned:  # that it is there is not to be learned
                other = ask(hall, role, nowhere, method, given, incident="INC-2026-014")
                assert (status, told["error"]["code"]) == (other[0], other[1]["error"]["code"]), (role, path)
    assert ask(hall, "cio_advisor", f"openings/{opening}/allow", "POST")[0] == 200


def own_of(hall: Hall, who: str) -> str:
    return str(ask(hall, who, "me/exchanges")[1]["exchanges"][0]["exchange"])


@pytest.mark.requirement("R9", "R15")
def test_heads_and_leaders_count_their_own_and_nobody_else(hall: Hall) -> None:
    def sections(role: str, **asked: Any) -> dict[str, Any]:
        told = ask(hall, role, "counts/section", **asked)[1]
        return {cell["name"]: cell["exchanges"] for cell in told["cells"]}

    for role in ("section_head", "section_manager"):
        assert sections(role) == {f"部 {SECTION}": len(ROLES)}, role
        assert sections(role, section="福祉課") == {} and sections(role, department="別の部") == {}
    own = {f"部 {SECTION}": len(ROLES), "部 福祉課": 1}
    assert sections("dx_core_leader") == own
    assert sections("governance_board") == own | {f"別の部 {SECTION}": 1}, "of one name, and two sections"
    mark = campaign_of(TEXT)
    for asked in ({"person": "100001"}, {"word": "道路"}, {"conversation": "c"}, {"campaign": mark}, {"incident": "INC-1"},
                  {"exchange": "x"}, {"use_case": "UC-1"}, {"least_tokens": 5}, {"most_yen": 3}):  # fmt: skip
        for role in ("section_head", "governance_board", "policy_author", "cio_advisor"):
            assert ask(hall, role, "counts/tool", **asked)[0] == 400, (role, asked)


@pytest.mark.requirement("R9")
def test_who_comes_from_outside_sees_no_cell_in_which_somebody_can_be_made_out(hall: Hall) -> None:
    """What they see of a month that is over: tests/audit/test_review.py."""
    assert ask(hall, "dx_advisor", "counts/section")[1]["cells"] == [], (
        "a month that is not over changes as one looks"
    )
    for finer in (
        {"since": "2026-10-01T00:00:01+09:00"},
        {"days": 7},
        {"section": SECTION},
        {"rule": "P-03"},
        {"person": "1"},
    ):
        assert ask(hall, "dx_advisor", "counts/section", **finer)[0] == 400, finer
    october = {"since": "2026-10-01T00:00:00+09:00", "until": "2026-11-01T00:00:00+09:00"}
    assert ask(hall, "dx_advisor", "counts/section", **october)[0] == 200
    assert ask(hall, "dx_advisor", f"exchanges/{exchange_of(hall, 'staff_member')}")[0] == 403


@pytest.mark.requirement("R9")
def test_nobody_opens_by_its_id_what_they_may_not_see(hall: Hall) -> None:
    theirs, none = exchange_of(hall, "elsewhere"), "01AAAAAAAAAAAAAAAAAAAAAAAA"
    for role in ROLES:
        own = [ask(hall, role, f"me/exchanges/{id}") for id in (theirs, none)]
        assert [status for status, _ in own] == [404, 404]
        told = {one["error"]["message"].partition(" [")[0] for _, one in own}
        assert len(told) == 1, "nobody learns that it is there"
        reads = "texts" in SIGHTS.get(role, ())
        assert ask(hall, role, f"exchanges/{theirs}")[0] == (200 if reads else 403)
        assert ask(hall, role, f"exchanges/{none}")[0] == (404 if reads else 403)
        for path in ("openings/g-0000000000000000/original", "openings/g-0000000000000000/allow"):
            method = "GET" if path.endswith("original") else "POST"
            assert ask(hall, role, path, method)[0] == 404
    assert ask(hall, "tool", "exchanges")[0] == 401
    hall.keys["nobody"] = "sk-none"
    assert ask(hall, "nobody", "exchanges")[0] == 401


@pytest.mark.requirement("R48")
def test_a_reviewer_finds_by_filters_and_by_two_characters_of_the_masked_text(hall: Hall) -> None:
    status, told = ask(hall, "csirt_reviewer", "exchanges", word=["陥没", "回答"], section=SECTION, limit=5)
    assert status == 200 and told["total"] == len(ROLES) + 1 and len(told["exchanges"]) == 5
    paged = [card["exchange"] for card in told["exchanges"]]
    while told["cursor"]:
        told = ask(
            hall,
            "csirt_reviewer",
            "exchanges",
            word=["陥没", "回答"],
            section=SECTION,
            limit=5,
            cursor=told["cursor"],
        )[1]
        paged += [card["exchange"] for card in told["exchanges"]]
    assert len(paged) == len(set(paged)) == len(ROLES) + 1
    assert ask(hall, "csirt_reviewer", "exchanges", word="山田")[1]["total"] == 0, "the name is masked"
    assert ask(hall, "csirt_reviewer", "exchanges", entity="PERSON", **{"class": "2"})[1]["total"] == len(WHO)
    look = hall.records("viewed")[-1]
    assert look["filters"]["entity"] == "PERSON" and look["rows"] == len(WHO)


def test_what_is_asked_wrong_is_told_and_no_number_gets_into_the_ledger(hall: Hall) -> None:
    before = len(hall.records("viewed"))
    deep = base64.urlsafe_b64encode(b"[" * 20_000).decode()
    for asked in (
        {"word": "陥"}, {"since": "昨日"}, {"severity": "worst"}, {"nobody_knows_this": "1"}, {"cursor": "x"}, {"limit": "0"},
        {"person": "123456789018"}, {"word": "1234-5678-9018"}, {"reason": "123456789018の件"}, {"days": 7, "since": "2026-11-01T00:00:00Z"},
        {"least_tokens": 10**30}, {"least_tokens": -1}, {"most_yen": "1e400000"}, {"most_yen": "nan"}, {"most_yen": "0.0000001"},
        {"since": "0001-01-01T00:00:00+09:00"}, {"until": "9999-12-31T23:59:59-09:00"}, {"tool": "a\0b"}, {"word": "道\0路"},
        {"cursor": deep}, {"cursor": cursor_at((10**30, "a"))}, {"cursor": cursor_at(("a\0", "b"))},
    ):  # fmt: skip
        began = time.monotonic()
        status, told = ask(hall, "csirt_reviewer", "exchanges", **asked)
        assert status == 400 and told["error"]["message"], asked
        assert "9018" not in json.dumps(told) and time.monotonic() - began < 5, asked
    assert ask(hall, "csirt_reviewer", "triage", cursor=cursor_at((10**30, "a", "b")))[0] == 400
    assert ask(hall, "csirt_reviewer", "events", since="0001-01-01T00:00:00+09:00")[0] == 400
    assert ask(hall, "staff_member", "me/disclosure", since="0001-01-01T00:00:00+09:00")[0] == 400
    assert ask(hall, "csirt_reviewer", "counts/person")[0] == 400, "nobody is ranked"
    assert len(hall.records("viewed")) == before


@pytest.mark.requirement("R47")
def test_what_is_not_there_was_looked_for_and_is_a_record_too(hall: Hall) -> None:
    none = "01AAAAAAAAAAAAAAAAAAAAAAAA"
    assert ask(hall, "csirt_reviewer", f"exchanges/{none}")[0] == 404
    look = hall.records("viewed")[-1]
    assert (look["what"], look["filters"], look["rows"], look["reason"]) == (
        "show",
        {"exchange": none},
        0,
        "点検",
    )
    before = len(hall.records("viewed"))
    for path in (none, exchange_of(hall, "staff_member")):
        told = ask(hall, "csirt_reviewer", f"exchanges/{path}", reason=None)
        assert (told[0], "理由" in told[1]["error"]["message"]) == (400, True), (
            "nothing is learned without a reason"
        )
    assert ask(hall, "csirt_reviewer", "exchanges/123456789018")[0] == 404
    assert len(hall.records("viewed")) == before + 1, "the search of exchange_of alone"
    few = {"number": "公開-34", "request": "information", "section": "福祉課"}
    assert ask(hall, "csirt_reviewer", "disclosures", **few)[0] == 400
    look = hall.records("viewed")[-1]
    assert (look["what"], look["rows"], look["filters"]["section"]) == ("disclosure", 0, "福祉課")


def test_nobody_hides_who_looked_by_looking_often(hall: Hall) -> None:
    id = exchange_of(hall, "staff_member")
    ask(hall, "auditor", f"exchanges/{id}", reason="年次監査")
    ledger = Ledger(address_of(hall.settings.ledger_location), create=False)
    ledger.start()
    for _ in range(1_005):
        body = {"what": "own", "filters": {"exchange": id, "person": hall.id("staff_member")}, "rows": 2}
        ledger.append_now(Draft("viewed", None, body | {"person": hall.id("staff_member"), "reason": None}))
    ledger.stop()
    told = ask(hall, "csirt_reviewer", f"exchanges/{id}")[1]
    assert told["events"][0]["body"]["reason"] == "年次監査" and len(told["events"]) == 1_006
    shows = ask(hall, "csirt_reviewer", "events", subject=hall.id("staff_member"), what="show")[1]["events"]
    assert [one["body"]["role"] for one in shows] == ["csirt_reviewer", "auditor"], (
        "whom a look was about is found"
    )


def test_a_timeline_has_the_masked_texts_and_everybody_who_looked(hall: Hall) -> None:
    id = exchange_of(hall, "staff_member")
    ask(hall, "auditor", f"exchanges/{id}", reason="年次監査")
    told = ask(hall, "csirt_reviewer", f"exchanges/{id}")[1]
    assert "[PERSON_1_" in told["text"]["asked"] and "山田" not in json.dumps(told, ensure_ascii=False)
    looks = [(one["body"]["what"], one["body"]["role"], one["body"]["reason"]) for one in told["events"]]
    assert looks == [("show", "auditor", "年次監査")]
    mine = ask(hall, "staff_member", f"me/exchanges/{id}")[1]["rows"]
    assert [one["by_role"] for one in mine[1:]] == ["auditor", "csirt_reviewer"]
    assert "[PERSON_1_" in mine[0]["question"] and hall.id("auditor") not in json.dumps(mine)


def test_triage_holds_what_nobody_has_spoken_of_the_most_urgent_first(hall: Hall) -> None:
    key = hall.keys["elsewhere"]
    number = {"model": "echo", "messages": [{"role": "user", "content": "個人番号は123456789018です"}]}
    assert post(f"{hall.root}/v1", number, key=key)[0] == 403
    assert post(f"{hall.root}/v1", key=key, x_sekisho_use_case="UC-none")[0] == 403
    queue = ask(hall, "csirt_reviewer", "triage")[1]["exchanges"]
    assert [card["severity"] for card in queue] == ["critical", "medium"]
    first = queue[0]["exchange"]
    path = f"exchanges/{first}/dispositions"
    form = {"disposition": "incident", "reason": "個人番号の記載", "incident": "INC-2026-001"}
    assert ask(hall, "auditor", path, "POST", form)[0] == 403
    assert ask(hall, "csirt_reviewer", path, "POST", form | {"incident": None})[0] == 400
    status, told = ask(hall, "csirt_reviewer", path, "POST", form)
    assert (status, told["disposition"]) == (201, "incident")
    assert [card["severity"] for card in ask(hall, "csirt_reviewer", "triage")[1]["exchanges"]] == ["medium"]
    (card,) = ask(hall, "csirt_reviewer", "exchanges", incident="INC-2026-001")[1]["exchanges"]
    assert card["exchange"] == first
    own = exchange_of(hall, "csirt_reviewer")
    assert (
        ask(
            hall,
            "csirt_reviewer",
            f"exchanges/{own}/dispositions",
            "POST",
            {"disposition": "guidance", "reason": "x"},
        )[0]
        == 400
    )


def test_the_same_masked_text_of_several_persons_is_a_campaign(hall: Hall) -> None:
    (one,) = ask(hall, "csirt_reviewer", "campaigns")[1]["campaigns"]
    assert (one["persons"], one["exchanges"]) == (len(WHO), len(WHO))
    assert ask(hall, "csirt_reviewer", "exchanges", campaign=one["campaign"])[1]["total"] == len(WHO)


def test_nothing_is_shown_where_the_look_cannot_be_recorded(hall: Hall) -> None:
    path = hall.settings.home / "ledger.sqlite"
    path.chmod(0o444)
    try:
        status, told = ask(hall, "csirt_reviewer", "exchanges")
        assert status == 503 and "exchanges" not in told
    finally:
        path.chmod(0o640)


# ── why, and again ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R47")
def test_whoever_sees_others_says_why_and_names_nobody_in_it(hall: Hall) -> None:
    theirs = exchange_of(hall, "staff_member")
    kept = ask(hall, "csirt_reviewer", "searches", "POST", {"name": "点検", "filters": {}})[1]["id"]
    before = len(hall.records("viewed"))
    for path in (
        "exchanges", f"exchanges/{theirs}", "triage", "people/100001", "campaigns", "events", f"searches/{kept}/exchanges",
    ):  # fmt: skip
        for reason in (None, "", "山田太郎さんの件", "あ" * 501):
            status, told = ask(hall, "csirt_reviewer", path, reason=reason)
            assert (status, set(told)) == (400, {"error"}), (path, reason)
            assert "山田" not in json.dumps(told, ensure_ascii=False)
    assert [one["what"] for one in hall.records("viewed")[before:]] == [], "nothing was shown"
    assert ask(hall, "governance_board", "counts/section", reason=None)[0] == 200, "numbers name nobody"


@pytest.mark.requirement("R9", "R48")
def test_searches_are_kept_shared_and_dropped_by_whoever_keeps_them(hall: Hall) -> None:
    form = {
        "name": "道路課の今週",
        "filters": {"section": SECTION, "days": 7, "word": ["陥没"], "class": "2"},
    }
    status, kept = ask(hall, "csirt_reviewer", "searches", "POST", form)
    assert status == 201
    found = ask(hall, "csirt_reviewer", f"searches/{kept['id']}/exchanges", limit=3)[1]
    assert found["total"] == len(ROLES) + 1 and len(found["exchanges"]) == 3
    rest = ask(hall, "csirt_reviewer", f"searches/{kept['id']}/exchanges", limit=50, cursor=found["cursor"])[
        1
    ]
    assert len(rest["exchanges"]) == len(ROLES) - 2
    look = hall.records("viewed")[-1]
    assert look["filters"]["search"] == kept["id"] and look["filters"]["section"] == SECTION
    assert look["filters"]["since"], "the days as they were counted"
    assert ask(hall, "csirt_reviewer", "searches", "POST", form)[0] == 409
    for role in ROLES:  # of another's search nobody learns that it is there
        reads = "exchanges" in SIGHTS.get(role, ())
        for path, method in (
            (f"searches/{kept['id']}/exchanges", "GET"), (f"searches/{kept['id']}", "DELETE"),
            ("searches/s-000000000000/exchanges", "GET"), ("searches/s-000000000000", "DELETE"),
        ):  # fmt: skip
            if role != "csirt_reviewer":
                assert ask(hall, role, path, method)[0] == (404 if reads else 403), (role, path)
        assert ask(hall, role, "searches")[0] == (200 if reads else 403)
        if not reads:
            assert ask(hall, role, "searches", "POST", form)[0] == 403
    assert ask(hall, "auditor", "searches")[1]["searches"] == []
    shared = ask(hall, "csirt_reviewer", "searches", "POST", form | {"name": "共有", "shared": True})[1]["id"]
    assert [one["id"] for one in ask(hall, "auditor", "searches")[1]["searches"]] == [shared]
    assert ask(hall, "auditor", f"searches/{shared}/exchanges")[1]["total"] == len(ROLES) + 1
    assert ask(hall, "auditor", f"searches/{shared}", "DELETE")[0] == 403, "not theirs to drop"
    assert ask(hall, "csirt_reviewer", f"searches/{shared}", "DELETE")[0] == 200
    assert ask(hall, "auditor", f"searches/{shared}/exchanges")[0] == 404
    events = [one["event"] for one in hall.records("noted") if one["event"].startswith("search.")]
    assert events == ["search.saved", "search.saved", "search.dropped"]
    for wrong in (
        {"name": ""}, {"name": "山田太郎の件"}, {"name": "123456789018"}, {"filters": {"word": ["123456789018"]}},
        {"filters": {"nobody": "1"}}, {"filters": {"days": 0}}, {"shared": "maybe"},
    ):  # fmt: skip
        assert ask(hall, "csirt_reviewer", "searches", "POST", form | {"name": "別"} | wrong)[0] == 400, wrong


def test_an_accident_is_told_in_our_own_format_and_quotes_nothing(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise KeyError("山田太郎")

    monkeypatch.setattr(Review, "campaigns", broken)
    status, told = ask(hall, "csirt_reviewer", "campaigns")
    assert (status, told["error"]["code"]) == (503, "internal_error")
    assert "山田" not in json.dumps(told, ensure_ascii=False)


# ── originals ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def sealed(serve: Callable[..., str], settings: Settings, tmp_path: Any, text: dict[str, Any]) -> Hall:
    """A hall whose policy keeps originals for three days."""
    policy = str(approving(tmp_path, "*", instead={"originals": {"keep_days": 3}}))
    kept = settings.model_copy(update={"policy": policy})
    from proxy.house import build

    hall = furnished(serve(lambda _: build(kept)).removesuffix("/v1"), settings)
    hall.ready()
    for who in ("staff_member", "elsewhere"):
        assert post(f"{hall.root}/v1", text, key=hall.keys[who])[0] == 200
    return hall


def request(hall: Hall, exchange: str, who: str = "csirt_reviewer", **more: Any) -> tuple[int, Any]:
    form = {"exchange": exchange, "incident": "INC-2026-014", "reason": "申立ての確認", "hours": 1}
    return ask(hall, who, "openings", "POST", form | more)


@pytest.mark.requirement("R46")
def test_two_persons_open_an_original_and_every_view_is_a_record(sealed: Hall) -> None:
    id = exchange_of(sealed, "staff_member")
    assert request(sealed, id, "auditor")[0] == 403 and request(sealed, id, "operator")[0] == 403
    status, grant = request(sealed, id)
    assert (status, grant["state"]) == (201, "asked")
    path = f"openings/{grant['id']}"
    look = {"incident": "INC-2026-014"}
    assert ask(sealed, "csirt_reviewer", f"{path}/original", **look)[1]["error"]["code"] == "glass_waiting"
    assert ask(sealed, "csirt_reviewer", f"{path}/allow", "POST")[0] == 403, "the same person"
    status, given = ask(sealed, "cio_advisor", f"{path}/allow", "POST")
    assert (status, given["state"]) == (200, "open")
    for _ in range(3):
        status, told = ask(sealed, "csirt_reviewer", f"{path}/original", **look)
        assert status == 200 and "山田太郎" in told["values"].values()
    assert ask(sealed, "csirt_reviewer", f"{path}/original", incident="INC-2026-015")[0] == 403
    assert ask(sealed, "cio_advisor", f"{path}/original", **look)[0] == 403, "the second person opens nothing"
    views = [one for one in sealed.records("viewed") if one["what"] == "original"]
    assert len(views) == 3 and all(
        view["reason"] and view["filters"]["grant"] == grant["id"] for view in views
    )
    assert ask(sealed, "csirt_reviewer", "openings")[1]["openings"][0]["told_to"] is None
    (told_of,) = ask(sealed, "section_head", "openings")[1]["openings"]
    ask(sealed, "section_head", "openings")
    assert sealed.events().count("glass.told") == 1
    heard = ask(sealed, "csirt_reviewer", "openings")[1]["openings"][0]
    assert heard["told_to"] == sealed.id("section_head") and heard["told_at"]
    assert (told_of["id"], told_of["views"], told_of["incident"]) == (grant["id"], 3, "INC-2026-014")
    (own,) = ask(sealed, "staff_member", "openings")[1]["openings"]
    assert own["id"] == grant["id"]
    assert ask(sealed, "namesake", "openings")[1]["openings"] == []
    assert ask(sealed, "csirt_reviewer", f"{path}/close", "POST")[0] == 200
    assert ask(sealed, "csirt_reviewer", f"{path}/original", **look)[1]["error"]["code"] == "glass_over"
    assert "山田太郎" not in json.dumps(
        sealed.records("viewed") + sealed.records("noted"), ensure_ascii=False
    )


@pytest.mark.requirement("R46")
def test_who_closes_an_opening_while_the_key_is_fetched_is_heard(
    sealed: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = exchange_of(sealed, "staff_member")
    grant = request(sealed, id)[1]["id"]
    ask(sealed, "cio_advisor", f"openings/{grant}/allow", "POST")
    real = openings.master_of

    def slow(*given: Any) -> Any:
        assert ask(sealed, "cio_advisor", f"openings/{grant}/close", "POST")[0] == 200
        return real(*given)

    monkeypatch.setattr(openings, "master_of", slow)
    status, told = ask(sealed, "csirt_reviewer", f"openings/{grant}/original", incident="INC-2026-014")
    assert (status, told["error"]["code"]) == (403, "glass_over")
    assert "山田" not in json.dumps(told, ensure_ascii=False)


@pytest.mark.requirement("R46")
def test_nobody_is_warned_of_an_opening_that_is_not_allowed_yet(sealed: Hall) -> None:
    id = exchange_of(sealed, "staff_member")
    grant = request(sealed, id)[1]["id"]

    def heard() -> str:
        told = [
            ask(sealed, "staff_member", path)[1]
            for path in (f"me/exchanges/{id}", "me/disclosure", "openings")
        ]
        return json.dumps(told, ensure_ascii=False)

    assert (
        "原文" not in heard().replace("原文の期限", "").replace("原文(伏せ字の中身)", "")
        and "INC-2026-014" not in heard()
    )
    assert ask(sealed, "cio_advisor", f"openings/{grant}/allow", "POST")[0] == 200
    assert "原文を開く申し込み" in heard() and "INC-2026-014" in heard()
    assert sealed.id("csirt_reviewer") not in heard().partition('"openings"')[0], "by role, and nobody's id"


@pytest.mark.requirement("R46")
def test_a_head_who_has_moved_hears_of_their_own_original(sealed: Hall) -> None:
    key = sealed.keys["section_head"]
    body = {"model": "echo", "messages": [{"role": "user", "content": TEXT}]}
    assert post(f"{sealed.root}/v1", body, key=key)[0] == 200
    grant = request(sealed, exchange_of(sealed, "section_head"))[1]["id"]
    ask(sealed, "cio_advisor", f"openings/{grant}/allow", "POST")
    with closing(office_of(sealed.settings)) as office:
        book = PeopleBook(office)
        page = book.page(sealed.id("section_head"))
        assert page is not None
        moved = Posting(today(), "別の部", "福祉課")
        book.put(replace(page, postings=(*page.postings, moved)))
    time.sleep(1.2)  # the books are read again after a second
    assert [one["id"] for one in ask(sealed, "section_head", "openings")[1]["openings"]] == [grant]


def test_an_original_that_is_not_kept_is_said_to_be_so(hall: Hall) -> None:
    id = exchange_of(hall, "staff_member")
    grant = request(hall, id)[1]
    ask(hall, "cio_advisor", f"openings/{grant['id']}/allow", "POST")
    status, told = ask(hall, "csirt_reviewer", f"openings/{grant['id']}/original", incident="INC-2026-014")
    assert (status, told["error"]["code"]) == (404, "no_original")


def test_a_name_in_an_address_may_be_japanese(hall: Hall) -> None:
    assert (
        hall.ask("csirt_reviewer", "GET", f"/audit/v1/exchanges?section={quote(SECTION)}&reason=x")[0] == 200
    )
