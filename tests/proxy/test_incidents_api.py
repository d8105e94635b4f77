"""/audit/v1/incidents: an incident from its first alert to its end, over HTTP; who may do what, and what each step leaves."""

import json
import urllib.parse
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from audit.address import address_of
from audit.incidents.items import ITEM_WORDS, ITEMS
from audit.ledger import Ledger
from audit.model import Draft
from audit.readers import SIGHTS
from policies.vocabulary import ROLES
from proxy.settings import Settings
from tests.proxy.conftest import post
from tests.proxy.halls import OTHERS, Hall, furnished

TEXT = "道路の陥没について、山田太郎さんと鈴木花子さんへの回答を書いてください"
WHY = "申立ての確認"
NUMBER = "123456789018"


@pytest.fixture
def hall(serve: Callable[..., str], settings: Settings) -> Hall:
    """One exchange of a member of the staff, and one of another section."""
    hall = furnished(serve().removesuffix("/v1"), settings)
    hall.ready()
    text = {"model": "echo", "messages": [{"role": "user", "content": TEXT}]}
    for who in ("staff_member", "elsewhere"):
        assert post(f"{hall.root}/v1", text, key=hall.keys[who])[0] == 200
    return hall


def ask(hall: Hall, who: str, method: str, path: str = "", body: Any = None) -> tuple[int, Any]:
    query = "?reason=" + urllib.parse.quote(WHY) if method == "GET" and "reason=" not in path else ""
    query = query.replace("?", "&") if "?" in path else query
    return hall.ask(who, method, f"/audit/v1/incidents{path}{query}", body)


def done(answer: tuple[int, Any]) -> Any:
    assert answer[0] in (200, 201), answer
    return answer[1]


def refused(answer: tuple[int, Any], status: int, code: str) -> str:
    assert (answer[0], answer[1]["error"]["code"]) == (status, code), answer
    return str(answer[1]["error"]["message"])


def exchange_of(hall: Hall, who: str) -> str:
    told = hall.ask("csirt_reviewer", "GET", f"/audit/v1/exchanges?person={hall.id(who)}&reason=x")[1]
    return str(told["exchanges"][0]["exchange"])


def opened(hall: Hall, **more: Any) -> str:
    form = {"kind": "leak", "title": "誤送信のおそれ"} | more
    return str(done(ask(hall, "csirt_reviewer", "POST", "", form))["incident"])


def steps(id: str) -> dict[str, tuple[str, str, dict[str, Any]]]:
    return {
        "amend": ("POST", f"/{id}/amend", {"reason": WHY, "title": "誤送信"}),
        "link": ("POST", f"/{id}/link", {"reason": WHY, "exchange": "01X"}),
        "unlink": ("POST", f"/{id}/unlink", {"reason": WHY, "exchange": "01X"}),
        "remarks": ("POST", f"/{id}/remarks", {"text": "関係課に伝えた"}),
        "escalate": ("POST", f"/{id}/escalate", {"to": "board", "reason": WHY}),
        "items": ("PUT", f"/{id}/items/cause", {"text": "宛先を誤った"}),
        "answers": ("PUT", f"/{id}/answers/financial", {"value": "no", "reason": WHY}),
        "decision": ("POST", f"/{id}/decision", {"outcome": "reportable", "reason": WHY}),
        "reports": ("POST", f"/{id}/reports", {"report": "prompt"}),
        "contained": ("POST", f"/{id}/contained", {"reason": WHY}),
        "close": ("POST", f"/{id}/close", {"disposition": "resolved", "reason": WHY}),
        "reopen": ("POST", f"/{id}/reopen", {"reason": WHY}),
    }


@pytest.mark.requirement("R53", "R54", "R55")
def test_a_leak_is_taken_from_an_exchange_to_its_end_and_every_step_is_in_the_ledger(hall: Hall) -> None:
    exchange = exchange_of(hall, "staff_member")
    known = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    id = opened(hall, exchanges=[exchange], known_at=known)
    assert hall.records("noted")[-2]["event"] == "incident.opened"
    assert hall.records("noted")[-1]["exchange"] == exchange
    for name in ITEMS:
        done(
            ask(
                hall,
                "csirt_reviewer",
                "PUT",
                f"/{id}/items/{name}",
                {"text": f"{ITEM_WORDS[name]}を調べている"},
            )
        )
    done(ask(hall, "csirt_reviewer", "PUT", f"/{id}/items/cause", {"text": "宛先の取り違え"}))
    for question in ("special_care", "financial", "wrongful", "over_100", "ordinance"):
        told = done(
            ask(hall, "csirt_reviewer", "PUT", f"/{id}/answers/{question}", {"value": "no", "reason": WHY})
        )
        assert told["points_to"]["pointing"] == "unclear"
    answer = {"value": "yes", "reason": "番号が一つ入っていた"}
    assert (
        done(ask(hall, "csirt_reviewer", "PUT", f"/{id}/answers/my_number", answer))["points_to"]["pointing"]
        == "applies"
    )
    shut = ask(hall, "csirt_reviewer", "POST", f"/{id}/close", {"disposition": "resolved", "reason": WHY})
    said = refused(shut, 409, "incident_missing")
    assert "報告対象かどうかの決定" in said and "被害の広がりを止めた時刻" in said
    told = done(
        ask(hall, "cio_advisor", "POST", f"/{id}/decision", {"outcome": "reportable", "reason": "番号がある"})
    )
    assert told["missing"]["resolved"] == ["report:final", "contained"]
    done(
        ask(
            hall,
            "csirt_reviewer",
            "POST",
            f"/{id}/escalate",
            {"to": "headquarters", "reason": "本部に伝える"},
        )
    )
    done(ask(hall, "csirt_reviewer", "POST", f"/{id}/contained", {"reason": "ツールを止めた"}))
    for report in ("prompt", "final"):
        done(
            ask(
                hall, "csirt_reviewer", "POST", f"/{id}/reports", {"report": report, "reference": "令8第12号"}
            )
        )
    closed = done(
        ask(hall, "csirt_reviewer", "POST", f"/{id}/close", {"disposition": "resolved", "reason": "終えた"})
    )
    assert (closed["state"], closed["disposition"], closed["next"]) == ("closed", "resolved", None)
    whole = done(ask(hall, "csirt_reviewer", "GET", f"/{id}"))
    assert [one["state"] for one in whole["clock"]] == ["met"] * 3
    cause = next(one for one in whole["items"] if one["item"] == "cause")
    assert (cause["text"], len(cause["versions"])) == ("宛先の取り違え", 2)
    assert whole["judgement"]["decision"]["decided_by"] == hall.id("cio_advisor")
    assert whole["estimate"]["persons"] == 2 and whole["estimate"]["estimate"] is True
    assert whole["estimate"]["egress"] == {"masked": 1}
    events = [
        one["event"].removeprefix("incident.") for one in hall.records("noted") if one.get("incident") == id
    ]
    assert [one["event"] for one in whole["timeline"]] == events and len(events) == 24
    assert all(one["is_drill"] is False for one in hall.records("noted") if one.get("incident") == id)
    timeline = hall.ask("auditor", "GET", f"/audit/v1/exchanges/{exchange}?reason=x")[1]
    assert "incident.linked" in [one["body"].get("event") for one in timeline["events"]]
    assert "山田" not in json.dumps([*hall.records("noted"), *hall.records("viewed")], ensure_ascii=False)


@pytest.mark.requirement("R9", "R53")
def test_every_role_does_what_is_its_own_and_every_refusal_is_a_record(hall: Hall) -> None:
    id = opened(hall)
    for role in (*ROLES, *OTHERS):
        sights = SIGHTS.get(role, frozenset())
        for name, (method, path, form) in steps(id).items():
            sight = "decide_incidents" if name == "decision" else "handle_incidents"
            before = len(hall.records("noted"))
            status, told = ask(hall, role, method, path, form)
            if sight in sights and role != "governance_board":
                assert (
                    status in (200, 404, 409, 400) and told.get("error", {}).get("code") != "not_your_right"
                )
                continue
            notes = hall.records("noted")[before:]
            if role == "governance_board" and name == "decision":
                assert status == 200, "it was brought up by the reviewer before"
            else:
                assert (status, told["error"]["code"]) == (403, "not_your_right"), (role, name)
                assert [one["event"] for one in notes] == ["office.refused"], (role, name)
        for path in (f"/{id}", f"/{id}/export?form=md"):
            assert (ask(hall, role, "GET", path)[0] == 200) is ("incidents" in sights), (role, path)


@pytest.mark.requirement("R9")
def test_the_board_sees_what_was_brought_up_to_it_and_nobody_learns_of_the_rest(hall: Hall) -> None:
    id = opened(hall, exchanges=[exchange_of(hall, "staff_member")])
    assert done(ask(hall, "governance_board", "GET"))["incidents"] == []
    nowhere = refused(ask(hall, "governance_board", "GET", "/I-20260101-aaaa"), 404, "no_such_incident")
    hidden = refused(ask(hall, "governance_board", "GET", f"/{id}"), 404, "no_such_incident")
    assert nowhere.partition(" [")[0] == hidden.partition(" [")[0]
    decision = {"outcome": "reportable", "reason": WHY}
    refused(ask(hall, "governance_board", "POST", f"/{id}/decision", decision), 404, "no_such_incident")
    done(ask(hall, "csirt_reviewer", "POST", f"/{id}/escalate", {"to": "board", "reason": WHY}))
    assert [one["incident"] for one in done(ask(hall, "governance_board", "GET"))["incidents"]] == [id]
    done(ask(hall, "governance_board", "POST", f"/{id}/decision", decision))
    look = hall.records("viewed")[-1]
    assert (look["what"], look["role"], look["reason"]) == ("incidents", "governance_board", WHY)


@pytest.mark.requirement("R9")
def test_who_sees_no_exchanges_learns_nobodys_id_and_no_text(hall: Hall) -> None:
    exchange = exchange_of(hall, "staff_member")
    id = opened(hall, exchanges=[exchange])
    done(ask(hall, "csirt_reviewer", "POST", f"/{id}/escalate", {"to": "board", "reason": WHY}))
    for role in ("cio_advisor", "governance_board"):
        for path in ("", f"/{id}", f"/{id}/export?form=md"):
            told = ask(hall, role, "GET", path)[1]
            said = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
            for secret in (exchange, hall.id("staff_member"), hall.id("csirt_reviewer"), "陥没", "PERSON"):
                assert secret not in said, (role, path, secret)
        assert ask(hall, role, "GET", f"/{id}")[1]["estimate"]["persons"] == 2
    for role in ("csirt_reviewer", "auditor"):
        whole = done(ask(hall, role, "GET", f"/{id}"))
        assert [link["subject"] for link in whole["links"]] == [hall.id("staff_member")]


@pytest.mark.requirement("R53")
def test_a_file_is_given_once_its_digest_is_in_the_ledger(hall: Hall) -> None:
    id = opened(hall)
    for form, begins in (("pdf", b"%PDF-"), ("md", "# インシデント記録".encode())):
        path = f"{hall.root}/audit/v1/incidents/{id}/export?form={form}&reason={urllib.parse.quote(WHY)}"
        request = urllib.request.Request(
            path, headers={"authorization": f"Bearer {hall.keys['csirt_reviewer']}"}
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            raw, headers = reply.read(), reply.headers
        assert raw.startswith(begins) and f'filename="{id}.{form}"' in headers["content-disposition"]
        look = hall.records("viewed")[-1]
        assert look["what"] == "incident_export" and look["reason"] == WHY
        assert look["filters"] == {
            "incident": id,
            "form": form,
            "sha256": sha256(raw).hexdigest(),
            "bytes": len(raw),
        }
        assert headers["x-sekisho-sha256"] == look["filters"]["sha256"]
    before = len(hall.records("viewed"))
    refused(ask(hall, "csirt_reviewer", "GET", f"/{id}/export?reason="), 400, "office_wrong")
    assert len(hall.records("viewed")) == before, "without a reason nothing is learned"
    assert ask(hall, "csirt_reviewer", "GET", f"/{id}/export?form=docx")[0] == 400


def test_what_is_written_wrong_is_told_and_nothing_of_it_is_kept(hall: Hall) -> None:
    id = opened(hall)
    before = len(hall.records("noted"))
    name = "山田太郎さんの件です"
    for method, path, form in (
        ("POST", "", {"kind": "leak", "title": name}),
        ("POST", "", {"kind": "leak", "title": f"番号{NUMBER}"}),
        ("POST", "", {"kind": "theft", "title": "盗難"}),
        ("POST", "", {"kind": "leak", "title": "時差なし", "known_at": "2026-11-01T00:00:00"}),
        ("POST", "", {"kind": "leak", "title": "未来", "known_at": "2099-01-01T00:00:00+09:00"}),
        ("POST", "", {"kind": "leak", "title": "番号", "exchanges": [NUMBER]}),
        ("POST", f"/{id}/remarks", {"text": name}),
        ("POST", f"/{id}/remarks", {"text": " "}),
        ("PUT", f"/{id}/items/cause", {"text": f"個人番号は{NUMBER}"}),
        ("PUT", f"/{id}/items/weather", {"text": "晴れ"}),
        ("PUT", f"/{id}/answers/financial", {"value": "perhaps", "reason": WHY}),
        ("PUT", f"/{id}/answers/financial", {"value": "no", "reason": ""}),
        ("POST", f"/{id}/link", {"reason": WHY}),
        ("POST", f"/{id}/link", {"reason": WHY, "exchange": "a", "alert": "b"}),
        ("POST", f"/{id}/amend", {"reason": WHY}),
        ("POST", f"/{id}/close", {"disposition": "resolved", "reason": name}),
        ("POST", f"/{id}/contained", {"reason": WHY, "more": 1}),
    ):
        status, told = ask(hall, "csirt_reviewer", method, path, form)
        assert status == 400 and told["error"]["message"], (path, form, told)
        assert NUMBER not in json.dumps(told) and "山田" not in json.dumps(told, ensure_ascii=False)
    for path in ("/link", "/unlink"):
        status, _ = ask(hall, "csirt_reviewer", "POST", f"/{id}{path}", {"reason": WHY, "exchange": "01NONE"})
        assert status in (404, 409)
    refused(
        ask(hall, "csirt_reviewer", "POST", "", {"kind": "leak", "title": "警報", "alerts": ["a-none"]}),
        404,
        "no_such_evidence",
    )
    refused(ask(hall, "csirt_reviewer", "GET", f"/{NUMBER}"), 404, "no_such_incident")
    assert len(hall.records("noted")) == before
    assert NUMBER not in json.dumps([*hall.records("noted"), *hall.records("viewed")])


@pytest.mark.requirement("R52", "R53")
def test_an_alert_brings_the_exchanges_that_it_names(hall: Hall) -> None:
    exchanges = [exchange_of(hall, who) for who in ("staff_member", "elsewhere")]
    ledger = Ledger(address_of(hall.settings.ledger_location), create=False)
    ledger.start()
    body = {
        "event": "alert.raised",
        "alert": "a-7f3a91",
        "rule": "blocks",
        "subject": hall.id("staff_member"),
    }
    ledger.append_now(Draft("noted", None, body | {"by": "sekisho", "exchanges": exchanges}))
    body |= {"alert": "a-7f3a92", "exchange": exchanges[0]}
    ledger.append_now(Draft("noted", None, body | {"by": "sekisho"}))
    ledger.stop()
    id = opened(hall, alerts=["a-7f3a91"])
    whole = done(ask(hall, "auditor", "GET", f"/{id}"))
    assert [one["exchange"] or one["alert"] for one in whole["links"]] == ["a-7f3a91", *exchanges]
    assert whole["links"][0]["rule"] == "blocks" and whole["estimate"]["persons"] == 4, (
        "two callers: two each"
    )
    done(ask(hall, "csirt_reviewer", "POST", f"/{id}/link", {"reason": WHY, "alert": "a-7f3a92"}))
    assert done(ask(hall, "auditor", "GET", f"/{id}"))["links"][-1]["alert"] == "a-7f3a92"
    refused(
        ask(hall, "csirt_reviewer", "POST", f"/{id}/link", {"reason": WHY, "alert": "a-7f3a92"}),
        409,
        "incident_linked",
    )


def test_a_disposition_that_names_the_incident_brings_its_exchange(hall: Hall) -> None:
    id, exchange = opened(hall), exchange_of(hall, "staff_member")
    form = {"disposition": "incident", "incident": id, "reason": WHY}
    assert hall.ask("csirt_reviewer", "POST", f"/audit/v1/exchanges/{exchange}/dispositions", form)[0] == 201
    whole = done(ask(hall, "csirt_reviewer", "GET", f"/{id}"))
    assert [(one["exchange"], one["disposed"]) for one in whole["links"]] == [(exchange, True)]
    taking = {"reason": WHY, "exchange": exchange}
    assert "扱い" in refused(
        ask(hall, "csirt_reviewer", "POST", f"/{id}/unlink", taking), 409, "incident_not_linked"
    )
    done(ask(hall, "csirt_reviewer", "POST", f"/{id}/link", taking))
    opening = {"exchange": exchange, "incident": id, "reason": WHY}
    assert hall.ask("csirt_reviewer", "POST", "/audit/v1/openings", opening)[0] == 201, (
        "openings take its number"
    )


def test_the_list_is_asked_by_kind_and_state_and_says_what_is_late(hall: Hall) -> None:
    long_ago = (datetime.now(UTC) - timedelta(days=10)).isoformat()
    late, outage = opened(hall, known_at=long_ago), opened(hall, kind="outage", title="応答の遅れ")
    both = done(ask(hall, "csirt_reviewer", "GET"))["incidents"]
    assert [one["incident"] for one in both] == [outage, late] and [one["late"] for one in both] == [0, 2]
    assert both[1]["next"]["late"] and both[0]["next"] is None
    assert [one["incident"] for one in done(ask(hall, "auditor", "GET", "?kind=leak"))["incidents"]] == [late]
    done(ask(hall, "csirt_reviewer", "POST", f"/{outage}/contained", {"reason": WHY}))
    found = done(ask(hall, "auditor", "GET", "?state=contained"))["incidents"]
    assert [one["incident"] for one in found] == [outage]
    assert hall.records("viewed")[-1]["filters"] == {"state": "contained"}
    assert ask(hall, "csirt_reviewer", "GET", "?kind=theft")[0] == 400
