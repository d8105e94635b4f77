"""A chat request read, masked and restored: whatever the model quotes comes back, at every cut."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.model import Permit
from proxy.callers import Declared
from proxy.errors import Problem
from proxy.found import counted
from proxy.surfaces import chat
from proxy.surfaces.reply import restoring, through
from proxy.surfaces.request import Masked
from redaction.model import Finding
from redaction.vault import Vault, caller_key

NAMES = ("山田太郎", "田中花子", 'O"Neil')
PERMIT = Permit((), (), frozenset(), (), "test", "digest")


def find(texts: Sequence[str]) -> list[tuple[Finding, ...]]:
    """A finder that knows three names and one My Number, and nothing else."""
    known = [("PERSON", name) for name in NAMES] + [("JP_MY_NUMBER", "123456789018")]
    return [
        tuple(
            Finding(label, at, at + len(value), 1.0, "test", "cue")
            for label, value in known
            for at in range(len(text))
            if text.startswith(value, at)
        )
        for text in texts
    ]


def request(body: dict[str, Any], purpose: str | None = None) -> chat.ChatRequest:
    raw = json.dumps({"model": "m", **body}).encode()
    return chat.ChatRequest.read("x1", raw, Declared(purpose, "mail_draft", "2"), lambda model: "D2")


def masked(body: dict[str, Any]) -> tuple[Masked, Vault]:
    vault = Vault(caller_key(b"s", "c"))
    asked = request(body)
    return asked.mask(find(asked.texts), PERMIT, vault), vault


def answered(chunks: list[dict[str, Any]], vault: Vault) -> list[dict[str, Any]]:
    async def source() -> AsyncGenerator[dict[str, Any]]:
        for chunk in chunks:
            yield chunk

    async def collect() -> list[dict[str, Any]]:
        shape = chat.ChatReply(stream=True)
        return [chunk async for chunk in through(shape, source(), restoring(vault))]

    return asyncio.run(collect())


def delta(index: int, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": index, "delta": fields, "finish_reason": finish}]}


def said(chunks: list[dict[str, Any]], index: int) -> str:
    return "".join(
        choice.get("delta", {}).get("content") or ""
        for chunk in chunks
        for choice in chunk["choices"]
        if choice["index"] == index
    )


def test_nothing_found_is_in_the_masked_body_nor_in_what_the_ledger_keeps() -> None:
    result, _ = masked(
        {
            "messages": [
                {"role": "user", "content": "山田太郎と田中花子、番号123456789018"},
                {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": json.dumps({"to": "山田太郎"})}}]},
                {"role": "tool", "tool_call_id": "1", "content": "田中花子"},
            ],
            "user": "山田太郎",
        }
    )  # fmt: skip
    sent = json.dumps(result.body, ensure_ascii=False)
    for value in ("山田太郎", "田中花子", "123456789018"):
        assert value not in sent and value not in result.text
    assert json.loads(result.body["messages"][1]["tool_calls"][0]["function"]["arguments"])["to"].startswith(
        "[PERSON_1_"
    )


def test_the_purpose_is_kept_masked_and_never_sent() -> None:
    asked = request({"messages": [{"role": "user", "content": "こんにちは"}]}, purpose="山田太郎の件")
    result = asked.mask(find(asked.texts), PERMIT, Vault(b"k"))
    assert json.loads(result.text)["purpose"].startswith("[PERSON_1_")
    assert "の件" not in json.dumps(result.body, ensure_ascii=False)


def test_counts_are_of_different_data() -> None:
    asked = request({"messages": [{"role": "user", "content": "山田太郎、山田太郎、田中花子"}]})
    assert counted(asked.texts, find(asked.texts)) == {"PERSON": 2}


def test_a_key_says_what_its_value_is_and_the_parts_of_a_message_are_read_as_one() -> None:
    asked = request(
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "電話は090-1234"}, {"type": "text", "text": "-5678"}]},
                {"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": json.dumps({"氏名": "一二三蓮", "番号": [1234567, "x"]})}}]},
            ],
        }
    )  # fmt: skip
    assert "電話は090-1234-5678" in asked.texts
    assert "氏名: 一二三蓮\n番号: 1234567\nx\n" in asked.texts


def test_a_finding_over_two_parts_is_masked_in_both() -> None:
    asked = request(
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "担当は山田"}, "太郎です"]}]}
    )
    result = asked.mask(find(asked.texts), PERMIT, Vault(b"k"))
    first, second = result.body["messages"][0]["content"]
    assert "山田" not in first["text"] and "太郎" not in second
    assert second.endswith("です")


def test_too_many_strings_are_refused_before_anything_is_searched() -> None:
    with pytest.raises(Problem) as refused:
        request({"messages": [{"role": "user", "content": "x"}], "metadata": {"a": [""] * 30_000}})
    assert refused.value.code == "too_many_strings"


def test_a_value_with_a_line_break_stays_json_where_json_was_asked_for() -> None:
    vault = Vault(b"k")
    placeholder = vault.mask(
        "高槻市\n城東町", [Finding("JP_ADDRESS", 0, 7, 1.0, "test", "cue")], lambda _: True
    )

    async def collect() -> list[dict[str, Any]]:
        async def source() -> AsyncGenerator[dict[str, Any]]:
            message = {"content": json.dumps({"v": placeholder})}
            yield {"choices": [{"index": 0, "message": message, "finish_reason": None}]}

        shape = chat.ChatReply(stream=False, as_json=True)
        return [chunk async for chunk in through(shape, source(), restoring(vault))]

    (reply,) = asyncio.run(collect())
    assert json.loads(reply["choices"][0]["message"]["content"]) == {"v": "高槻市\n城東町"}


def test_a_plain_reply_without_a_finish_reason_loses_nothing() -> None:
    _, vault = masked({"messages": [{"role": "user", "content": "山田太郎"}]})
    (reply,) = answered([{"choices": [{"message": {"content": "担当は[PERSON_1_"}}]}], vault)
    assert reply["choices"][0]["message"]["content"] == "担当は[PERSON_1_"


def test_found_data_in_a_field_that_cannot_be_masked_is_refused() -> None:
    asked = request({"messages": [{"role": "user", "content": "x"}], "metadata": {"n": 123456789018}})
    with pytest.raises(Problem) as refused:
        asked.mask(find(asked.texts), PERMIT, Vault(b"k"))
    assert refused.value.code == "personal_data_in_field"


@given(
    st.lists(st.sampled_from([*NAMES, "さん", "[PERSON_1_", "]", "[", "と"]), max_size=8).map("".join),
    st.lists(st.sampled_from([*NAMES, "です", "["]), max_size=6).map("".join),
    st.data(),
)
def test_two_choices_cut_anywhere_and_interleaved_come_back_whole(
    one: str, two: str, data: st.DataObject
) -> None:
    result, vault = masked({"messages": [{"role": "user", "content": one}, {"role": "user", "content": two}]})
    replies = [message["content"] for message in result.body["messages"]]
    pieces = []
    for index, reply in enumerate(replies):
        cuts = sorted(data.draw(st.lists(st.integers(0, len(reply)), max_size=6)))
        parts = [reply[a:b] for a, b in zip([0, *cuts], [*cuts, len(reply)], strict=True)]
        pieces.append([delta(index, content=part) for part in parts] + [delta(index, "stop")])
    chunks: list[dict[str, Any]] = []
    while any(pieces):
        chunks.append(data.draw(st.sampled_from([p for p in pieces if p])).pop(0))
    restored = answered(chunks, vault)
    assert [said(restored, 0), said(restored, 1)] == [one, two]


@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("、".join), st.data())
def test_tool_arguments_cut_anywhere_stay_json_and_come_back(text: str, data: st.DataObject) -> None:
    result, vault = masked({"messages": [{"role": "user", "content": text}]})
    arguments = json.dumps({"to": result.body["messages"][0]["content"]}, ensure_ascii=False)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arguments)), max_size=8)))
    parts = [arguments[a:b] for a, b in zip([0, *cuts], [*cuts, len(arguments)], strict=True)]
    chunks = [delta(0, tool_calls=[{"index": 3, "function": {"arguments": part}}]) for part in parts]
    restored = answered([*chunks, delta(0, "tool_calls")], vault)
    calls = [
        call for c in restored for choice in c["choices"] for call in choice["delta"].get("tool_calls", [])
    ]
    assert {call["index"] for call in calls} == {3}
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"to": text}


def test_a_stream_that_is_cut_short_still_gives_what_was_held_back() -> None:
    _, vault = masked({"messages": [{"role": "user", "content": "山田太郎"}]})
    restored = answered([delta(0, content="担当は[PERSON_1_")], vault)
    assert said(restored, 0) == "担当は[PERSON_1_"


def test_a_reply_field_that_is_not_listed_is_dropped() -> None:
    _, vault = masked({"messages": [{"role": "user", "content": "山田太郎"}]})
    (restored,) = answered(
        [delta(0, "stop", content="x", hidden_thoughts="y") | {"prompt_logprobs": []}], vault
    )
    assert "prompt_logprobs" not in restored and "hidden_thoughts" not in restored["choices"][0]["delta"]


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'{"model":NaN}', b"\xff", b'{"model":"m"}', b"[" * 100_000]
)
def test_an_unreadable_request_says_what_is_wrong(raw: bytes) -> None:
    with pytest.raises(Problem) as refused:
        chat.ChatRequest.read("x1", raw, Declared(None, "mail_draft", "2"), lambda model: "D2")
    assert refused.value.status == 400 and refused.value.code in ("invalid_json", "missing_field")


def test_half_a_surrogate_pair_is_carried_and_comes_back() -> None:
    raw = b'{"model":"m","messages":[{"role":"user","content":"\\ud83d x"}]}'
    asked = chat.ChatRequest.read("x1", raw, Declared(None, "mail_draft", "2"), lambda model: "D2")
    result = asked.mask(find(asked.texts), PERMIT, Vault(b"k"))
    result.text.encode()
    assert result.body["messages"][0]["content"] == "\ud83d x"
