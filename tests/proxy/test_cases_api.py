"""POST /audit/v1/exchanges/{id}/cases: a reviewer takes a false alarm over; nobody else does."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from audit.readers import SIGHTS
from policies.vocabulary import ROLES
from proxy.settings import Settings
from redaction.cases import read
from redaction.vault import PLACEHOLDER
from tests.proxy.conftest import post
from tests.proxy.halls import Hall, furnished
from tests.proxy.test_review_api import ask, exchange_of


@pytest.fixture
def hall(serve: Callable[..., str], settings: Settings) -> Hall:
    hall = furnished(serve().removesuffix("/v1"), settings)
    hall.ready()
    text = {
        "model": "echo",
        "messages": [{"role": "user", "content": "山田太郎さんと鈴木花子さんの件です。次"}],
    }
    assert post(f"{hall.root}/v1", text, key=hall.keys["staff_member"])[0] == 200
    return hall


def placeholders(hall: Hall, id: str) -> list[str]:
    told = ask(hall, "auditor", f"exchanges/{id}")[1]["text"]["asked"]
    return [match.group() for match in PLACEHOLDER.finditer(told)]


def test_only_a_reviewer_takes_a_false_alarm_over_and_it_is_recorded_first(hall: Hall) -> None:
    id = exchange_of(hall, "staff_member")
    first, second = placeholders(hall, id)
    path = f"exchanges/{id}/cases"
    form: dict[str, Any] = {"placeholder": first, "was": "駅前広場", "reason": "誤検出"}
    for role in ROLES:
        if "dispose" not in SIGHTS.get(role, ()):
            status, told = ask(hall, role, path, "POST", form)
            assert (status, told["error"]["code"]) == (403, "not_your_right"), role
    status, told = ask(hall, "csirt_reviewer", path, "POST", form)
    assert (status, told["error"]["code"]) == (403, "office_forbidden"), "not disposed as a false alarm"
    made = {"disposition": "false_alarm", "reason": "地名"}
    assert ask(hall, "csirt_reviewer", f"exchanges/{id}/dispositions", "POST", made)[0] == 201
    status, told = ask(hall, "csirt_reviewer", path, "POST", form)
    assert (status, told["added"], told["kind"]) == (201, True, "PERSON")
    assert told["text"] == f"駅前広場さんと{second}さんの件です。" and told["still_found"] is False
    assert [case.text for case in read(hall.settings.home / "cases.yaml").free] == [told["text"]]
    note = hall.records("noted")[-1]
    assert (note["event"], note["exchange"], note["sha256"]) == ("case.taken", id, told["sha256"])
    assert (note["by"], note["role"]) == (hall.id("csirt_reviewer"), "csirt_reviewer")
    look = hall.records("viewed")[-1]
    assert (look["what"], look["filters"], look["reason"]) == ("show", {"exchange": id}, "誤検出")
    status, again = ask(hall, "csirt_reviewer", path, "POST", form)
    assert (status, again["added"]) == (200, False)
    assert len(read(hall.settings.home / "cases.yaml").free) == 1


def test_what_cannot_be_a_case_is_said_over_http_too(hall: Hall) -> None:
    id = exchange_of(hall, "staff_member")
    first, _ = placeholders(hall, id)
    made = {"disposition": "false_alarm", "reason": "地名"}
    assert ask(hall, "csirt_reviewer", f"exchanges/{id}/dispositions", "POST", made)[0] == 201
    form: dict[str, Any] = {"placeholder": first, "was": "駅前広場", "reason": "誤検出"}
    for wrong in (
        {"was": "123456789018"}, {"was": "あ" * 51}, {"was": ""}, {"reason": " "}, {"placeholder": "[PERSON_9_zzzz]"},
        {"kind": "person"}, {"text": "x"}, {"placeholder": "123456789018"}, {"was": "090-1234-5678"},
    ):  # fmt: skip
        status, told = ask(hall, "csirt_reviewer", f"exchanges/{id}/cases", "POST", form | wrong)
        assert status == 400 and told["error"]["message"], wrong
        assert "9018" not in json.dumps(told, ensure_ascii=False)
    assert ask(hall, "csirt_reviewer", "exchanges/01AAAAAAAAAAAAAAAAAAAAAAAA/cases", "POST", form)[0] == 404
    assert not (hall.settings.home / "cases.yaml").exists()
    path = hall.settings.home / "ledger.sqlite"
    path.chmod(0o444)
    try:
        assert ask(hall, "csirt_reviewer", f"exchanges/{id}/cases", "POST", form)[0] == 503
    finally:
        path.chmod(0o640)
    assert not (hall.settings.home / "cases.yaml").exists()
