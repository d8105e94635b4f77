"""Real input end to end: a clerk's e-mail full of personal data, the official client, an upstream elsewhere."""

import json
from pathlib import Path
from typing import Any

import pytest

VALUES = {
    "PERSON": ["山田太郎", "鈴木花子", "佐藤健一"],
    "JP_ADDRESS": ["大阪府高槻市城東町9番8-703号"],
    "PHONE_NUMBER": ["072-661-0123", "090-1234-5678"],
    "EMAIL_ADDRESS": ["suzuki.hanako@example.jp"],
    "DATE_OF_BIRTH": ["昭和58年4月1日"],
}
EMAIL = """件名：道路の陥没についてのお問い合わせ（報告）

都市創造部道路課長　様

お疲れさまです。道路課の山田太郎です。
本日午前、市民の鈴木花子様（昭和58年4月1日生まれ）から、ご自宅前の市道に穴があいているとのお電話がありました。
ご住所は大阪府高槻市城東町9番8-703号、日中の連絡先は090-1234-5678、ご自宅は072-661-0123です。
メール（suzuki.hanako@example.jp）での回答をご希望です。

現地は先週、係の佐藤健一が点検した区間の近くで、応急の補修は今週中にできる見込みです。
鈴木花子様は、お子さんの通学路でもあるため早めの対応を望んでおられ、作業の日程が決まりましたら
前日までにお知らせすることをお約束しました。回答の文案を、丁寧で分かりやすい言葉で作ってください。
なお、回答は山田太郎の名前で送る予定です。専門用語は避け、三百字程度にまとめてください。
あわせて、近隣にお住まいの方々へ配る工事のお知らせの文案も、同じ調子で二案ほどお願いします。
"""
ALL = [value for values in VALUES.values() for value in values]


SHARED = True
"""These stories only ask: they share one checkpoint (conftest.py)."""


@pytest.mark.requirement("R21")
@pytest.mark.requirement("R72")
@pytest.mark.parametrize("stream", [False, True])
def test_no_value_arrives_upstream_and_every_value_is_back_in_the_reply(
    checkpoint: Any, upstream: Any, stream: bool
) -> None:
    assert len(EMAIL) >= 400
    messages = [{"role": "user", "content": EMAIL}]
    client = checkpoint.client()
    if stream:
        chunks = list(client.chat.completions.create(model="cut-3", messages=messages, stream=True))
        reply = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
        assert all(chunk.usage is None for chunk in chunks) and all(chunk.choices for chunk in chunks)
    else:
        reply = client.chat.completions.create(model="echo", messages=messages).choices[0].message.content
    assert reply == EMAIL
    received = upstream.received.decode()
    for value in ALL:
        assert value not in received
        assert json.dumps(value)[1:-1] not in received


@pytest.mark.requirement("R33")
def test_one_person_is_one_placeholder_over_all_messages_and_turns(checkpoint: Any, upstream: Any) -> None:
    client = checkpoint.client()
    first = [{"role": "user", "content": "山田太郎さんと鈴木花子さんの面談です。山田太郎さんが遅れます。"}]
    reply = client.chat.completions.create(model="echo", messages=first).choices[0].message.content
    then = [
        *first,
        {"role": "assistant", "content": reply},
        {"role": "user", "content": "鈴木花子さんは来ますか"},
    ]
    client.chat.completions.create(model="echo", messages=then)
    one, two = ([message["content"] for message in request["messages"]] for request in upstream.requests)
    assert two[:1] == one, "the same history masks to the same bytes"
    assert two[1] == two[0]
    yamada, suzuki = one[0].split("さん")[0], one[0].split("さん")[1].removeprefix("と")
    assert yamada != suzuki and one[0].count(yamada) == 2
    assert two[2] == f"{suzuki}さんは来ますか", "titles and honorifics stay outside"


def test_the_record_shows_who_what_and_the_masked_text(checkpoint: Any, sekisho: Any) -> None:
    reply = checkpoint.client().chat.completions.with_raw_response.create(
        model="echo", messages=[{"role": "user", "content": EMAIL}]
    )
    exchange = reply.headers["x-request-id"]
    done = sekisho("audit", "show", exchange, "--ledger", checkpoint.ledger, "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["exchange"] == exchange
    assert shown["caller"] | {"key": ""} == {
        "person": "demo",
        "key": "",
        "tool": "demo",
        "department": "都市創造部",
        "section": "デモ課",
        "actor": "staff",
        "role": "staff_member",
        "audience": "staff",
        "consented": False,
        "identity": "authenticated",
        "enrolled": True,
        "trained": True,
        "acknowledged": True,
        "rules_accepted": "2026-04",
        "address": "127.0.0.1",
    }
    assert shown["entities"] == {label: len(values) for label, values in VALUES.items()}
    assert shown["egress_state"] == "masked"
    assert shown["tokens"] == {"input": 11, "output": 7, "tokens_estimated": False}
    assert shown["rules"] and shown["asked"]["body"]["model_requested"] == "echo"
    ending = shown["ending"]
    assert ending["kind"] == "answered" and ending["body"]["latency_ms"] >= 0
    assert not any(value in done.stdout for value in ALL)
    assert "[PERSON_1_" in json.dumps(shown["text"])


@pytest.mark.requirement("R44")
def test_no_value_is_in_any_file_of_the_house_nor_in_its_log(start_checkpoint: Any, upstream: Any) -> None:
    checkpoint = start_checkpoint(upstream.url)
    checkpoint.say(EMAIL)
    checkpoint.say("マイナンバーは123456789018です")
    checkpoint.post({"model": "echo", "messages": [{"role": "user", "content": EMAIL}], "山田太郎": 1})
    checkpoint.post({"model": "山田太郎", "messages": [{"role": "user", "content": EMAIL}]})
    checkpoint.stop()
    files = [path for path in Path(checkpoint.dir).rglob("*") if path.is_file()] + [checkpoint.log]
    assert len(files) >= 5
    for path in files:
        content = path.read_bytes()
        for value in [*ALL, "123456789018"]:
            assert value.encode() not in content, path.name
            assert json.dumps(value)[1:-1].encode() not in content, path.name


@pytest.mark.requirement("R22")
@pytest.mark.requirement("R23")
@pytest.mark.parametrize(
    ("word", "number"), [("マイナンバー", "1234-5678-9018"), ("住民票コード", "48270516934")]
)
def test_a_my_number_and_a_resident_record_code_are_refused_in_plain_japanese_and_leave_no_digit(
    checkpoint: Any, upstream: Any, word: str, number: str
) -> None:
    import openai

    with pytest.raises(openai.PermissionDeniedError) as refused:
        checkpoint.client().chat.completions.create(
            model="echo", messages=[{"role": "user", "content": f"{word}は{number}です"}]
        )
    error = refused.value.body
    assert error["code"] == "policy_denied" and error["rules"]
    assert word in error["message"] and error["request_id"] in error["message"]
    assert number[5:9] not in error["message"]
    assert upstream.received == b""
    assert [record["kind"] for record in checkpoint.records()] == ["asked", "refused"]
    kept = b"".join(path.read_bytes() for path in Path(checkpoint.dir).rglob("*") if path.is_file())
    assert number.encode() not in kept and number.replace("-", "").encode() not in kept


def test_a_bare_run_that_only_passes_the_check_digit_waits_for_confirmation(
    checkpoint: Any, upstream: Any
) -> None:
    status, headers, body = checkpoint.say("整理票 123456789018 の件")
    assert (status, body["error"]["code"]) == (403, "confirmation_required")
    assert headers["x-should-retry"] == "false"
    assert upstream.received == b""


def test_who_asks_for_usage_gets_it_and_who_does_not_never_sees_it(checkpoint: Any, upstream: Any) -> None:
    messages = [{"role": "user", "content": "こんにちは"}]
    create = checkpoint.client().chat.completions.create
    asked = list(create(model="echo", messages=messages, stream=True, stream_options={"include_usage": True}))
    assert asked[-1].usage.total_tokens == 18
    assert all(chunk.usage is None for chunk in create(model="echo", messages=messages, stream=True))
    assert all(request["stream_options"] == {"include_usage": True} for request in upstream.requests)


def test_tool_calls_come_back_with_real_names_and_left_without(checkpoint: Any, upstream: Any) -> None:
    tools = [
        {
            "type": "function",
            "function": {"name": "find_letters", "description": "山田太郎さんへの手紙を探す"},
        }
    ]
    reply = checkpoint.client().chat.completions.create(
        model="echo", messages=[{"role": "user", "content": "鈴木花子さんへ"}], tools=tools
    )
    call = reply.choices[0].message.tool_calls[0]
    assert json.loads(call.function.arguments) == {"to": "鈴木花子さんへ"}
    assert "山田" not in upstream.received.decode() and "鈴木" not in upstream.received.decode()


def test_the_list_of_models_is_the_upstreams(checkpoint: Any) -> None:
    assert [model.id for model in checkpoint.client().models.list()] == ["echo", "slow"]
