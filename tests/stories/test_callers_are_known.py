"""Who is asking: personal keys, tools that name their user, and what the record says of each."""

import json
from typing import Any

import pytest

from tests.stories.conftest import enrolled

SHARED = True
"""These stories only ask: they share one checkpoint (conftest.py)."""


@pytest.fixture
def issue(checkpoint: Any, sekisho: Any) -> Any:
    def issue(*options: str) -> tuple[str, str]:
        done = sekisho(
            "keys", "create", "--tool", "文書作成", "--department", "都市創造部", "--section", "道路課",
            "--category", "mail_draft", "--purpose", "回答の下書き", "--json", *options, SEKISHO_HOME=checkpoint.dir,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        made = json.loads(done.stdout)
        return made["id"], made["key"]

    return issue


def caller_of_last(checkpoint: Any) -> dict[str, Any]:
    return dict(checkpoint.records("asked")[-1]["body"]["caller"])


@pytest.mark.requirement("R16")
def test_a_personal_key_speaks_for_its_person(checkpoint: Any, issue: Any) -> None:
    enrolled("012345", checkpoint.dir)
    id, checkpoint.key = issue("--person", "012345")
    assert checkpoint.say("こんにちは")[0] == 200
    caller = caller_of_last(checkpoint)
    assert (caller["person"], caller["identity"], caller["key"]) == ("012345", "authenticated", id)
    assert (caller["tool"], caller["department"], caller["section"]) == ("文書作成", "都市創造部", "道路課")
    status, _, body = checkpoint.say("こんにちは", X_Sekisho_User="099999")
    assert (status, body["error"]["code"]) == (403, "user_header_not_allowed")


def test_a_tools_key_says_who_it_speaks_for_and_the_record_says_asserted(checkpoint: Any, issue: Any) -> None:
    enrolled("012346", checkpoint.dir, section="公園課")
    _, checkpoint.key = issue("--may-assert-user", "--addresses", "127.0.0.0/8")
    assert checkpoint.say("こんにちは", X_Sekisho_User="012346")[0] == 200
    assert caller_of_last(checkpoint)["identity"] == "asserted"
    assert caller_of_last(checkpoint)["person"] == "012346"
    assert caller_of_last(checkpoint)["section"] == "公園課", "the person's, not the tool's"
    assert checkpoint.say("こんにちは")[2]["error"]["code"] == "user_required"
    assert checkpoint.say("こんにちは", X_Sekisho_User="a b")[2]["error"]["code"] == "user_header_malformed"


def test_the_user_header_is_believed_from_listed_addresses_only(checkpoint: Any, issue: Any) -> None:
    _, checkpoint.key = issue("--may-assert-user", "--addresses", "10.1.0.0/16")
    status, _, body = checkpoint.say("こんにちは", X_Sekisho_User="012345", X_Forwarded_For="10.1.2.3")
    assert (status, body["error"]["code"]) == (403, "user_header_not_trusted")


def test_two_callers_never_share_a_placeholder(checkpoint: Any, upstream: Any, issue: Any) -> None:
    checkpoint.say("山田太郎さんへ")
    enrolled("012347", checkpoint.dir)
    _, checkpoint.key = issue("--person", "012347")
    checkpoint.say("山田太郎さんへ")
    first, second = (request["messages"][0]["content"] for request in upstream.requests)
    assert first != second and first.startswith("[PERSON_1_") and second.startswith("[PERSON_1_")


def test_purpose_category_and_class_come_by_header_and_the_purpose_is_masked(
    checkpoint: Any, upstream: Any, sekisho: Any
) -> None:
    from urllib.parse import quote

    headers = {
        "X_Sekisho_Purpose": quote("山田太郎さんへの回答"),
        "X_Sekisho_Category": "research",
        "X_Sekisho_Class": "1",
    }
    _, sent, _ = checkpoint.say("こんにちは", **headers)
    asked = checkpoint.records("asked")[-1]["body"]
    assert (asked["category"], asked["class_declared"]) == ("research", "1")
    shown = sekisho("audit", "show", sent["x-request-id"], "--ledger", checkpoint.ledger, "--json").stdout
    assert "さんへの回答" in shown and "山田" not in shown
    assert "回答" not in upstream.received.decode()


def test_a_revoked_key_stops_within_a_second_and_both_changes_are_noted(
    checkpoint: Any, issue: Any, sekisho: Any
) -> None:
    import time

    enrolled("012348", checkpoint.dir)
    id, checkpoint.key = issue("--person", "012348")
    assert checkpoint.say("こんにちは")[0] == 200
    assert sekisho("keys", "revoke", id, SEKISHO_HOME=checkpoint.dir).returncode == 0
    time.sleep(1.1)
    assert checkpoint.say("こんにちは")[0] == 401
    assert sekisho("keys", "revoke", id, SEKISHO_HOME=checkpoint.dir).returncode == 2
    bodies = [record["body"] for record in checkpoint.records("noted")]
    noted = [body for body in bodies if body["event"].startswith("key.")]
    assert [(note["event"], note["key"]) for note in noted] == [("key.created", id), ("key.revoked", id)]
    assert all(note["by"] for note in noted)
    listed = sekisho("keys", "list", "--json", SEKISHO_HOME=checkpoint.dir).stdout
    assert id in listed and checkpoint.key not in listed
    assert checkpoint.verify()["ok"]


@pytest.mark.requirement("R12")
def test_somebody_whom_the_book_does_not_know_is_refused_by_whatever_tool_they_come(
    checkpoint: Any, issue: Any, upstream: Any
) -> None:
    _, checkpoint.key = issue("--may-assert-user", "--addresses", "127.0.0.0/8")
    status, _, body = checkpoint.say("こんにちは", X_Sekisho_User="099999")
    assert (status, body["error"]["code"]) == (403, "policy_denied")
    assert "P-01a" in body["error"]["rules"] and "利用登録" in body["error"]["message"]
    assert checkpoint.records("asked")[-1]["body"]["caller"]["person"] == "099999"
    assert upstream.received == b""


@pytest.mark.requirement("R13")
def test_an_untrained_person_is_told_what_to_do(checkpoint: Any, issue: Any, upstream: Any) -> None:
    enrolled("012349", checkpoint.dir, "security")
    _, checkpoint.key = issue("--person", "012349")
    status, _, body = checkpoint.say("こんにちは")
    assert (status, body["error"]["code"]) == (403, "policy_denied")
    assert body["error"]["rules"] == ["P-01b"] and "研修" in body["error"]["message"]
    assert upstream.received == b""


@pytest.mark.parametrize(
    "options",
    [
        ("--person", "1", "--may-assert-user"),
        (),
        ("--may-assert-user",),
        ("--may-assert-user", "--addresses", "nowhere"),
        ("--person", "nobody-is-called-so"),
        ("--person", "1", "--may-assert-user", "--oidc-client", "chat"),
        ("--person", "1", "--class", "9"),
        ("--person", "1", "--category", "gossip"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_issued(
    sekisho: Any, tmp_path: Any, options: tuple[str, ...]
) -> None:
    base = ("--tool", "t", "--department", "d", "--section", "s", "--category", "research", "--purpose", "p")
    done = sekisho("keys", "create", *base, *options, SEKISHO_HOME=str(tmp_path))
    assert done.returncode == 2 and done.stderr.count("\n") == 1
