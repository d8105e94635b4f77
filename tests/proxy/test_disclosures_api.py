"""/audit/v1/disclosures and /me/disclosure: what is held, for whoever asks by law, without other people's columns."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from audit.disclosed import COLUMNS
from audit.readers import SIGHTS
from policies.vocabulary import ROLES
from proxy.settings import Settings
from tests.proxy.conftest import post
from tests.proxy.halls import OTHERS, SECTION, Hall, furnished
from tests.proxy.test_review_api import ask, exchange_of

WHO = (*ROLES, *OTHERS)
TEXT = "道路の陥没について、山田太郎さんへの回答を書いてください"
ASKED = {"number": "令8-12", "reason": "開示請求への回答"}

pytestmark = pytest.mark.requirement("R58")


@pytest.fixture
def hall(serve: Callable[..., str], settings: Settings) -> Hall:
    """One exchange of everybody, each in their section."""
    hall = furnished(serve().removesuffix("/v1"), settings)
    hall.ready()
    text = {"model": "echo", "user": hall.id("auditor"), "messages": [{"role": "user", "content": TEXT}]}
    for who in WHO:
        assert post(f"{hall.root}/v1", text, key=hall.keys[who])[0] == 200
    return hall


def written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def keys_of(hall: Hall) -> set[str]:
    return {one["caller"]["key"] for one in hall.records("asked") if one["caller"].get("key")}


@pytest.mark.requirement("R9")
def test_everybody_is_given_their_own_and_only_reviewers_and_auditors_anybodys(hall: Hall) -> None:
    person = hall.id("staff_member")
    for role in ROLES:
        may = "disclose" in SIGHTS.get(role, ())
        before = len(hall.records("viewed")), len(hall.records("noted"))
        status, told = ask(hall, role, "disclosures", person=person, **ASKED)
        assert (status == 200) is may, (role, told)
        looks, notes = hall.records("viewed")[before[0] :], hall.records("noted")[before[1] :]
        if may:
            (look,) = looks
            assert (look["what"], look["person"], look["reason"]) == (
                "disclosure",
                hall.id(role),
                ASKED["reason"],
            )
            assert look["filters"]["person"] == person and look["rows"] == len(told["rows"])
        else:
            assert (status, told["error"]["code"]) == (403, "not_your_right") and not looks
            assert [one["event"] for one in notes] == ["office.refused"]
        status, own = ask(hall, role, "me/disclosure")
        assert status == 200 and {row["person"] for row in own["rows"]} == {hall.id(role)}
        assert hall.records("viewed")[-1]["filters"]["person"] == hall.id(role)
    assert ask(hall, "tool", "me/disclosure")[0] == 401


def test_nobody_else_is_in_what_a_person_is_given(hall: Hall) -> None:
    id = exchange_of(hall, "staff_member")
    ask(hall, "csirt_reviewer", f"exchanges/{id}", reason=f"{hall.id('auditor')}の依頼")
    form = {"disposition": "guidance", "reason": "道具の使い方"}
    assert ask(hall, "csirt_reviewer", f"exchanges/{id}/dispositions", "POST", form)[0] == 201
    status, told = ask(hall, "staff_member", "me/disclosure")
    assert status == 200 and set(told["columns"]) == set(COLUMNS["personal"])
    assert all(set(row) == set(told["columns"]) for row in told["rows"])
    mine = [row for row in told["rows"] if row["what"] == "やり取り"]
    assert [row["exchange"] for row in mine] == [id] and "[PERSON_1_" in mine[0]["question"]
    events = {
        (row["event"], row["by_role"], row["reason"]) for row in told["rows"] if row["what"] != "やり取り"
    }
    assert ("一件を見た", "csirt_reviewer", "〔職員など〕の依頼") in events
    assert ("扱いを決めた: 指導", "csirt_reviewer", "道具の使い方") in events
    assert told["retention"] == {"records": "5y", "texts": "1y"} and told["removed"][0]["why"]
    everything = written(told)
    others = {hall.id(who) for who in WHO} - {hall.id("staff_member")}
    own_key = next(
        one["caller"]["key"]
        for one in hall.records("asked")
        if one["caller"]["person"] == hall.id("staff_member")
    )
    for gone in (others | keys_of(hall) | {"127.0.0.1", "山田", "鈴木"}) - {own_key}:
        assert gone not in everything, gone
    assert mine[0]["key"] == own_key


def test_the_public_is_given_nobody_and_texts_only_where_asked_for(hall: Hall) -> None:
    status, told = ask(hall, "auditor", "disclosures", request="information", **ASKED)
    assert status == 200 and told["total"] == len(WHO) and "question" not in told["columns"]
    full = ask(hall, "auditor", "disclosures", request="information", texts="true", section=SECTION, **ASKED)[
        1
    ]
    assert {row["question"] for row in full["rows"]} == {
        f"【利用目的】試験\n【利用者】{TEXT.replace('山田太郎', '〔氏名〕')}"
    }
    exchanges = {exchange_of(hall, who) for who in ("staff_member", "namesake")}
    for gone in (
        {hall.id(who) for who in WHO} | keys_of(hall) | exchanges | {"127.0.0.1", "福祉課", "staff_member"}
    ):
        assert gone not in written((told["rows"], full["rows"])), gone
    few = ask(hall, "auditor", "disclosures", request="information", section="福祉課", **ASKED)
    assert few[0] == 400 and "5人" in few[1]["error"]["message"]


def test_pages_follow_each_other_and_general_looks_come_with_the_last(hall: Hall) -> None:
    key = hall.keys["staff_member"]
    for number in range(3):
        assert post(f"{hall.root}/v1", {"model": "echo", "messages": [{"role": "user", "content": f"予算{number}"}]}, key=key)[0] == 200  # fmt: skip
    ask(hall, "csirt_reviewer", f"people/{hall.id('staff_member')}", reason="点検")
    seen, cursor = [], {}
    while True:
        told = ask(hall, "staff_member", "me/disclosure", limit=3, **cursor)[1]
        seen.append([row["what"] for row in told["rows"]])
        if not told["cursor"]:
            break
        cursor = {"cursor": told["cursor"]}
    assert seen[0] == ["やり取り"] * 3 and seen[1][0] == "やり取り" and "閲覧" in seen[1]


WRONG: list[dict[str, str]] = [
    {"reason": "x"},
    {"number": "1"},
    {"number": "1", "reason": " "},
    {"number": "1", "reason": "123456789018の件", "person": "100001"},
    {"number": "123456789018", "reason": "x", "person": "100001"},
    {"number": "1", "reason": "x"},
    {"number": "1", "reason": "x", "person": "100001", "section": SECTION},
    {"number": "1", "reason": "x", "person": "100001", "request": "information"},
    {"number": "1", "reason": "x", "person": "100001", "request": "public"},
    {"number": "1", "reason": "x", "request": "information", "word": "100001"},
    {"number": "1", "reason": "x", "request": "information", "nobody_knows": "1"},
    {"number": "1", "reason": "x", "request": "information", "cursor": "x"},
]


def test_what_cannot_be_answered_so_is_said(hall: Hall) -> None:
    before = len(hall.records("viewed"))
    for asked in WRONG:
        status, told = ask(hall, "csirt_reviewer", "disclosures", **asked)
        assert status == 400 and told["error"]["message"] and "9018" not in written(told), asked
    looks = hall.records("viewed")[before:]
    assert all((look["what"], look["rows"]) == ("disclosure", 0) for look in looks), (
        "what was tried, and nothing shown"
    )
    assert "9018" not in written(looks)


def test_nothing_is_shown_that_cannot_be_recorded(hall: Hall) -> None:
    path = hall.settings.home / "ledger.sqlite"
    path.chmod(0o444)
    try:
        status, told = ask(hall, "staff_member", "me/disclosure")
        assert status == 503 and "rows" not in told
    finally:
        path.chmod(0o640)
