"""What the ledger is told of a question: who asked, what for, what was found, with which parameters and tools."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from policies.files import load
from policies.model import Permit, Refuse, RuleHit, Verdict
from proxy.accounts import asked
from proxy.callers import Caller, Credential, Declared, Trace, caller_of, declared_by, trace_of
from proxy.errors import Problem
from proxy.office.keys import Key, networks
from proxy.office.roster import Needed
from proxy.surfaces.chat import ChatReply, ChatRequest
from proxy.surfaces.messages import MessagesReply, MessagesRequest
from proxy.surfaces.parameters import parameters
from proxy.surfaces.reply import Chunk
from proxy.surfaces.request import Request
from proxy.surfaces.responses import ResponsesReply, ResponsesRequest
from proxy.surfaces.tools import Offered, named, offered
from proxy.surfaces.transcript import Transcript
from redaction.model import Finding
from redaction.vault import Vault
from tests.fakes import Register

CALLER = Caller("p", "k", "t", "d", "s", "staff", "authenticated", True, True, True, address="10.1.2.3")
KEY = Key("k", "p", "t", "d", "s", "mail_draft")


def identify(key: Key, headers: dict[str, str], peer: str | None) -> Caller:
    """The caller of whom the book of people knows nothing."""
    books: Any = Register()
    needed = Needed((), 0, "1")
    return asyncio.run(caller_of(Credential(key), headers, peer, books, date(2027, 5, 1), needed))


# ── who and what for ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name",
    ["c-7f3a", "550e8400-e29b-41d4-a716-446655440000", "thread_0a1b2c3d4e5f60718293a4b5c6d7e8f9", "1764000000",
     "conv_689667905b048191b4740501625afd940c7533ace33a2dab", "2026-01-15-0001", "2026-01-15-123456", "a" * 64],
)  # fmt: skip
def test_a_conversation_that_a_tool_names_is_recorded_as_it_is(name: str) -> None:
    assert declared_by(KEY, {"x-sekisho-conversation": name}).conversation == name


@pytest.mark.requirement("R44")
@pytest.mark.parametrize(
    "name",
    ["", "a" * 65, "山田太郎", "a b", "a/b", "123456789018", "1234-5678-9018", "1234.5678.9018", "12345678901",
     "conv-123456789018", "x123456789018y", "conv-1234-5678-9018", "090-1234-5678", "tel-090-1234-5678",
     "0726747111", "072-674-7111", "4111-1111-1111-1111", "4111111111111111", "123-456-789-018", "123456789-018",
     "123456-789018", "12-34-56-78-90-18", "c12345678.9018", "1_2_3_4_5_6_7_8_9_0_1_8", "c-123-4567-8901"],
)  # fmt: skip
def test_a_conversation_that_looks_like_somebodys_number_is_refused_in_two_languages(name: str) -> None:
    with pytest.raises(Problem) as refused:
        declared_by(KEY, {"x-sekisho-conversation": name})
    assert (refused.value.status, refused.value.code) == (400, "conversation_header_malformed")
    assert "会話の番号" in refused.value.says.ja and "UUID" in refused.value.says.en
    assert not name or name not in str(refused.value.body("x"))


@pytest.mark.requirement("R44")
@pytest.mark.parametrize(
    "user",
    ["123456789018", "1234-5678-9018", "123456-789018", "1234.5678.9018", "u123456789018", "123456789018@city",
     "12345678901", "0123456789012345"],
)  # fmt: skip
def test_a_user_that_looks_like_somebodys_number_is_refused(user: str) -> None:
    tool = replace(KEY, person=None, may_assert_user=True, addresses=networks("10.0.0.0/8"))
    assert identify(tool, {"x-sekisho-user": "taro.yamada-2026@city"}, "10.1.1.1").person
    with pytest.raises(Problem) as refused:
        identify(tool, {"x-sekisho-user": user}, "10.1.1.1")
    assert (refused.value.status, refused.value.code) == (400, "user_header_malformed")
    assert user not in str(refused.value.body("x"))


@pytest.mark.requirement("R44")
@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("lookup_20260115", True),
        ("lookup_123456789", False),
        ("lookup_12345678_9018", False),
        ("l1o2o3k4u5p6_7_8_9", False),
    ],
)
def test_a_tool_whose_name_has_as_many_digits_as_somebodys_number_is_not_named(name: str, kept: bool) -> None:
    found = offered(named({"tools": [{"type": "function", "function": {"name": name}}]}), ())
    assert (found.names, found.unnamed) == (((name,), 0) if kept else ((), 1))


def test_a_conversation_that_is_named_twice_is_none() -> None:
    from starlette.requests import Request as Knock

    from proxy.app import _said_twice

    named = [(b"x-sekisho-conversation", b"a"), (b"x-sekisho-conversation", b"b")]
    said = [_said_twice(Knock({"type": "http", "headers": headers})) for headers in (named, named[:1])]
    assert said[0] is not None and said[0].code == "duplicate_header" and said[1] is None


TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("header", "known"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"cc-{TRACE}-{SPAN}-01-what-comes-later", True),
        (f"00-{TRACE}-{SPAN}-01-more", False),
        (f"ff-{TRACE}-{SPAN}-01", False),
        (f"00-{TRACE.upper()}-{SPAN}-01", False),
        (f"00-{'0' * 32}-{SPAN}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{'123456789018':0>32}-{SPAN}-01", False),
        (f"00-{TRACE}-{'123456789018':0>16}-01", False),
        ("山田太郎", False),
        ("", False),
    ],
)
def test_a_valid_trace_is_kept_and_any_other_ignored(header: str, known: bool) -> None:
    assert trace_of({"traceparent": header}) == (Trace(TRACE, SPAN) if known else None)
    assert trace_of({}) is None


@pytest.mark.parametrize(
    ("peer", "address"), [("10.1.2.3", "10.1.2.3"), ("::1", "::1"), ("testclient", None), (None, None)]
)
def test_the_address_is_one_or_none(peer: str | None, address: str | None) -> None:
    assert identify(KEY, {}, peer).address == address


def test_the_class_that_counts_is_the_one_that_the_policy_decides_on() -> None:
    for given in (None, "1", "3A"):
        declared = Declared(None, "mail_draft", given)  # type: ignore[arg-type]
        request = read(ChatRequest, declared)
        ask = request.ask(CALLER, [()] * len(request.texts), NOW, POLICY)
        derived = POLICY.decide(ask).derived
        assert derived is not None and declared.effective_class == derived.effective_class


# ── what was asked ────────────────────────────────────────────────────────────────────────────────

NOW = datetime(2026, 4, 1, 1, 2, 3, 456, tzinfo=UTC)
POLICY = load("mask-only")
LETTER = {"name": "find_letters", "parameters": {"type": "object"}}


def read(kind: type[Request], declared: Declared | None = None, **body: Any) -> Request:
    raw = json.dumps({"model": "m"} | ({"messages": [{}]} if kind is ChatRequest else {}) | body).encode()
    return kind.read("x", raw, declared or Declared(None, "mail_draft", "2"), lambda model: "D2")


def verdict(kind: type[Verdict] = Permit, *revealed: str) -> Verdict:
    rule = RuleHit("T-01", ("allow",), title=None)  # type: ignore[arg-type]
    return kind((rule,), (rule,), frozenset(revealed), (), "t", "digest")


def account(request: Request, decided: Verdict, **values: str) -> dict[str, Any]:
    """The body of `asked` where each of these values is found, by its label."""
    findings = [tuple(_found(text, values)) for text in request.texts]
    request.mask(findings, decided, Vault(b"k"))
    return asked(CALLER, request, request.ask(CALLER, findings, NOW, POLICY), findings, decided, "1")


def _found(text: str, values: dict[str, str]) -> Iterator[Finding]:
    for label, value in values.items():
        at = -1
        while (at := text.find(value, at + 1)) >= 0:
            yield Finding(label, at, at + len(value), 0.87, "test", "context")


def test_data_are_told_by_type_recogniser_and_what_became_of_them() -> None:
    words = [{"role": "user", "content": "山田太郎と山田太郎と090-1234-5678"}]
    found = {"PERSON": "山田太郎", "PHONE_NUMBER": "090-1234-5678"}
    told = account(read(ChatRequest, messages=words), verdict(Permit, "PHONE_NUMBER"), **found)
    assert told["actions"] == {"PERSON": "masked", "PHONE_NUMBER": "revealed"}
    assert told["detections"] == [
        {"type": label, "source": "test", "score_band": 0.8, "action": action, "count": 1}
        for label, action in (("PERSON", "masked"), ("PHONE_NUMBER", "revealed"))
    ]
    assert (told["persons_estimated"], told["egress_prepared"]) == (1, "partly_unmasked")
    assert told["masked_characters"] > told["characters"] and told["masked_bytes"] > told["masked_characters"]
    refused = account(read(ChatRequest, messages=words), verdict(Refuse), **found)
    assert set(refused["actions"].values()) == {"refused"}


def test_persons_that_a_rule_reveals_are_counted_all_the_same() -> None:
    words = [{"role": "user", "content": "山田太郎"}]
    told = account(read(ChatRequest, messages=words), verdict(Permit, "PERSON"), PERSON="山田太郎")
    assert told["persons_estimated"] == 1


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"temperature": 0.123456, "top_p": 1, "max_completion_tokens": 9}, {"temperature": 0.1235, "top_p": 1, "max_tokens": 9}),
        ({"max_output_tokens": 9, "text": {"format": {"type": "json_schema", "name": "山田"}}}, {"max_tokens": 9, "response_format": "json_schema"}),
        ({"output_config": {"format": {"type": "json_schema"}}}, {"response_format": "json_schema"}),
        ({"response_format": {"type": "山田太郎"}}, {"response_format": "other"}),
        ({"response_format": "srt"}, {"response_format": "srt"}),
        ({"encoding_format": "base64", "dimensions": 3}, {"dimensions": 3, "response_format": "base64"}),
        ({"seed": 42, "n": 2, "top_k": 5}, {"seed": 42, "n": 2, "top_k": 5}),
        ({"seed": 9012345678, "temperature": float("nan"), "top_p": float("inf"), "n": True}, {}),
        ({"seed": 10**400, "temperature": "熱い", "text": "x", "output_config": None}, {}),
    ],
)  # fmt: skip
def test_parameters_are_numbers_and_closed_words_under_one_name(
    body: dict[str, Any], kept: dict[str, Any]
) -> None:
    assert parameters(body) == kept


@pytest.mark.requirement("R44")
def test_tools_are_named_where_their_name_is_one_and_counted_otherwise() -> None:
    names = ["find_letters", "山田太郎を探す", "n090-1234-5678", "123456789", "call_tanaka", "find_letters"]
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    request = read(ChatRequest, tools=tools, messages=[{"role": "user", "content": "x"}])
    told = account(request, verdict(Permit, "PERSON"), PERSON="tanaka", PHONE_NUMBER="090-1234-5678")
    assert (told["tools"], told["tools_unnamed"]) == (["find_letters"], 4)


@pytest.mark.parametrize(
    ("kind", "body", "names"),
    [
        (ChatRequest, {"tools": [{"type": "function", "function": LETTER}], "functions": [{"name": "old"}]}, ["old", "find_letters"]),
        (ChatRequest, {"tools": [{"type": "custom", "custom": {"name": "free"}}]}, ["free"]),
        (MessagesRequest, {"max_tokens": 1, "messages": [{"role": "user", "content": "x"}],
                           "tools": [{"name": "a", "input_schema": {}}, {"type": "bash_20250124", "name": "bash"}]}, ["a", "bash"]),
        (ResponsesRequest, {"input": [{"type": "additional_tools", "role": "user", "tools": [{"type": "apply_patch"}]}],
                            "tools": [{"type": "function", **LETTER}, {"type": "local_shell"},
                                      {"type": "namespace", "name": "ns", "tools": [{"type": "function", "name": "in"}]}]},
         ["find_letters", "local_shell", "in", "apply_patch"]),
    ],
)  # fmt: skip
def test_tools_are_found_in_every_dialect(
    kind: type[Request], body: dict[str, Any], names: list[str]
) -> None:
    assert account(read(kind, **body), verdict())["tools"] == names


CALLS = [
    (ChatReply(False), [{"choices": [{"message": {"tool_calls": [
        {"function": {"name": "a"}}, {"function": {"name": "a"}}, {"custom": {"name": "山田太郎"}}]}}]}]),
    (ChatReply(True), [
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"name": "a", "arguments": ""}}]}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}}]},
        {"choices": [{"index": 1, "delta": {"tool_calls": [{"index": 0, "function": {"name": "a"}}]}}]},
        {"choices": [{"index": 1, "delta": {"function_call": {"name": "b"}}}]}]),
    (MessagesReply(False), [{"content": [
        {"type": "tool_use", "name": "a", "input": {}}, {"type": "text", "text": "x"},
        {"type": "tool_use", "name": "a", "input": {}}, {"type": "server_tool_use", "name": "b"}]}]),
    (MessagesReply(True), [{"type": "content_block_start", "index": n, "content_block": {"type": "tool_use", "name": name}}
                           for n, name in enumerate(["a", "a", "b"])]),
    (ResponsesReply(False), [{"output": [{"type": "function_call", "name": "a"}, {"type": "custom_tool_call", "name": "a"},
                                         {"type": "shell_call"}, {"type": "function_call_output"}]}]),
    (ResponsesReply(True), [
        {"type": "response.output_item.added", "output_index": 0, "item": {"type": "function_call", "name": "a"}},
        {"type": "response.output_item.done", "output_index": 1, "item": {"type": "function_call", "name": "a"}},
        {"type": "response.completed", "response": {"output": [
            {"type": "function_call", "name": "a"}, {"type": "function_call", "name": "a"}, {"type": "shell_call"}]}}]),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "chunks"), CALLS, ids=lambda value: type(value).__name__)
def test_calls_are_counted_once_by_the_name_that_was_offered(shape: Any, chunks: list[Chunk]) -> None:
    witness = Transcript(shape, Offered(("a",)))
    for chunk in chunks:
        witness.saw(chunk)
    assert (witness.facts["tool_calls"], witness.facts["tool_calls_unknown"]) == ({"a": 2}, 1)
