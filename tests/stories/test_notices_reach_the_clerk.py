"""A rule has something to say: the clerk reads it under the answer, in every official client, and no program does.

Tools that show no headers get it as a line behind the text, where their key asks for it. The conversation goes on
with the line in it, and the model never sees it.
"""

import json
from typing import Any

import openai
import pytest
from pydantic import BaseModel

POLICY = """
name: noticing
version: "1"
title: {ja: 一言そえる方針, en: A policy with a word to say}
rules:
  - id: M-01
    title: {ja: 伏せ字にして送れます。, en: May be sent masked.}
    basis: 試験用の方針
    when: {always: true}
    gate: allow
  - id: P-12
    title: {ja: 職員が確かめます。, en: A person checks.}
    basis: 試験用の方針
    when: {always: true}
    notice: {ja: 回答は職員が必ず確かめてください。, en: A person must check the answer.}
  - id: P-05
    title: {ja: 伏せ字, en: Masked}
    basis: 試験用の方針
    when: {entities: {any_of: [PERSON]}}
    notice: {ja: 個人情報は伏せ字にしました。, en: Personal data was masked.}
"""
TEXT = "山田太郎さんへ、電話は090-1234-5678です。"
VALUES = ("山田太郎", "090-1234-5678")
LINE = "\n\n―――\n【関所】回答は職員が必ず確かめてください。(P-12) 個人情報は伏せ字にしました。(P-05)"
NOTICED = "P-12, P-05"
MODELS = pytest.mark.parametrize("model", ["cut-1", "cut-7", "short"])


class Letter(BaseModel):
    """Who it goes to."""

    to: str


@pytest.fixture(scope="module")
def house(open_house: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    policy = tmp_path_factory.mktemp("policy") / "noticing.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    return open_house(policy=str(policy), unknown_fields="refuse")


@pytest.fixture(scope="module")
def noticed_key(house: Any) -> str:
    from tests.stories.conftest import enrolled, sekisho

    enrolled("012345", house[0].dir)
    done = sekisho(
        "keys", "create", "--tool", "文書作成", "--department", "都市創造部", "--section", "道路課",
        "--category", "minutes", "--purpose", "会議録", "--person", "012345", "--append-notices", "--json", SEKISHO_HOME=house[0].dir,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["key"])


@pytest.fixture
def clerk(scene: Any, noticed_key: str) -> Any:
    """The official clients of somebody whose key asks for the line."""

    class Clerk:
        openai = scene.checkpoint.client().with_options(api_key=noticed_key)
        anthropic = scene.checkpoint.anthropic().with_options(api_key=noticed_key)

    return Clerk


def user(text: str = TEXT) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def test_the_header_names_the_rules_and_the_line_says_what_they_say(scene: Any, clerk: Any) -> None:
    raw = clerk.openai.chat.completions.with_raw_response.create(model="echo", messages=user())
    assert raw.headers["x-sekisho-notices"] == NOTICED
    reply = raw.parse()
    assert reply.choices[0].message.content == TEXT + LINE and reply.choices[0].finish_reason == "stop"
    assert reply.usage.completion_tokens == 7
    response = clerk.openai.responses.create(model="echo", input=TEXT)
    assert response.output_text == TEXT + LINE and response.status == "completed"
    message = clerk.anthropic.messages.create(model="echo", max_tokens=99, messages=user())
    assert [block.text for block in message.content] == [TEXT + LINE] and message.stop_reason == "end_turn"
    scene.passed(*VALUES, "関所", exchanges=3)


def test_a_key_that_does_not_ask_for_the_line_gets_the_header_alone(scene: Any) -> None:
    raw = scene.checkpoint.client().chat.completions.with_raw_response.create(model="echo", messages=user())
    assert raw.headers["x-sekisho-notices"] == NOTICED
    assert raw.parse().choices[0].message.content == TEXT
    scene.passed(*VALUES)


@pytest.mark.parametrize("model", ["cut-1", "cut-7"])
def test_chats_stream_helper_gathers_the_text_and_the_line(scene: Any, clerk: Any, model: str) -> None:
    chat = clerk.openai.chat.completions
    with chat.stream(model=model, messages=user(), reasoning_effort="low", n=2) as stream:
        events = list(stream)
        choices = stream.get_final_completion().choices
    assert [choice.message.content for choice in choices] == [TEXT + LINE, f"案2: {TEXT}{LINE}"]
    assert {choice.finish_reason for choice in choices} == {"stop"}
    done = [event.content for event in events if event.type == "content.done"]
    assert sorted(done) == sorted(choice.message.content for choice in choices)
    scene.passed(*VALUES)


def test_a_chat_that_is_cut_short_still_tells_the_clerk(scene: Any, clerk: Any) -> None:
    """The client's own helper raises on such an answer, so this is its plain stream."""
    chunks = list(clerk.openai.chat.completions.create(model="short", messages=user(), stream=True))
    choices = [chunk.choices[0] for chunk in chunks]
    assert "".join(choice.delta.content or "" for choice in choices) == TEXT + LINE
    assert choices[-1].finish_reason == "length"
    scene.passed(*VALUES)


@MODELS
def test_responses_stream_helper_gathers_the_text_and_the_line(scene: Any, clerk: Any, model: str) -> None:
    ask = {"model": model, "input": TEXT, "reasoning": {"summary": "auto"}}
    with clerk.openai.responses.stream(**ask) as stream:
        events = list(stream)
    done = [event for event in events if event.type == "response.output_text.done"]
    snapshots = [event.snapshot for event in events if event.type == "response.output_text.delta"]
    (part,) = [event.part for event in events if event.type == "response.content_part.done"]
    *_, item = [event.item for event in events if event.type == "response.output_item.done"]
    assert snapshots[-1] == done[-1].text == part.text == item.content[0].text == TEXT + LINE
    assert events[-1].response.output_text == TEXT + LINE
    assert [event.sequence_number for event in events] == list(range(len(events)))
    scene.passed(*VALUES)


@MODELS
def test_messages_stream_helper_gathers_the_text_and_the_line(scene: Any, clerk: Any, model: str) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    ask = {"model": model, "max_tokens": 2048, "messages": user(), "thinking": thinking}
    with clerk.anthropic.messages.stream(**ask) as stream:
        assert "".join(stream.text_stream) == TEXT + LINE
        thought, text = stream.get_final_message().content
    assert (thought.thinking, text.text) == (f"「{TEXT}」と言われた。", TEXT + LINE)
    scene.passed(*VALUES)


def test_programs_get_what_they_asked_for_and_the_header(scene: Any, clerk: Any) -> None:
    chat = clerk.openai.chat.completions
    raw = chat.with_raw_response.parse(model="echo", messages=user(), response_format=Letter)
    assert raw.headers["x-sekisho-notices"] == NOTICED
    assert json.loads(raw.parse().choices[0].message.content) == {"to": TEXT}
    with chat.stream(model="cut-1", messages=user(), tools=[openai.pydantic_function_tool(Letter)]) as stream:
        call = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert call.function.parsed_arguments == Letter(to=TEXT)
    assert chat.create(model="echo", messages=user(), stop=["\n\n"]).choices[0].message.content == TEXT
    parsed = clerk.openai.responses.parse(model="echo", input=TEXT, text_format=Letter)
    assert parsed.output_parsed == Letter(to=TEXT)
    message = clerk.anthropic.messages.parse(
        model="echo", max_tokens=99, messages=user(), output_format=Letter
    )
    assert message.parsed_output == Letter(to=TEXT)
    vectors = clerk.openai.embeddings.with_raw_response.create(model="echo", input=TEXT)
    assert vectors.headers["x-sekisho-notices"] == NOTICED and len(vectors.parse().data) == 1
    counted = clerk.anthropic.messages.count_tokens(model="echo", messages=user())
    assert counted.input_tokens == 11
    scene.passed(*VALUES, "関所", exchanges=7)


def test_a_conversation_goes_on_and_the_model_never_reads_the_line(scene: Any, clerk: Any) -> None:
    first = clerk.openai.chat.completions.create(model="echo", messages=user())
    turns = [*user(), first.choices[0].message, *user("短くしてください。")]
    then = clerk.openai.chat.completions.create(model="echo", messages=turns)
    assert then.choices[0].message.content == "短くしてください。" + LINE
    response = clerk.openai.responses.create(model="echo", input=user())
    assert response.output_text == TEXT + LINE
    clerk.openai.responses.create(
        model="echo", input=[*user(), *response.output, *user("短くしてください。")]
    )
    message = clerk.anthropic.messages.create(model="echo", max_tokens=99, messages=user())
    said = [*user(), {"role": "assistant", "content": message.content}, *user("短くしてください。")]
    clerk.anthropic.messages.create(model="echo", max_tokens=99, messages=said)
    scene.passed(*VALUES, "関所", "P-12", exchanges=6)
    entities = [record["body"]["entities"] for record in scene.records("asked")]
    assert entities == [{"PERSON": 1, "PHONE_NUMBER": 1}] * 6


def test_the_ledger_holds_the_models_answer_and_which_rules_spoke(
    scene: Any, clerk: Any, sekisho: Any
) -> None:
    raw = clerk.openai.chat.completions.with_raw_response.create(model="cut-3", messages=user())
    id = raw.headers["x-request-id"]
    ledger = scene.checkpoint.ledger
    shown = sekisho("audit", "show", id, "--ledger", ledger, "--json").stdout
    assert "さんへ、電話は" in shown and "【関所】" not in shown and "―――" not in shown
    assert [record["body"]["notices"] for record in scene.records("asked")] == [["P-12", "P-05"]]
    answered = scene.records("answered")[-1]["body"]
    assert (answered["tokens"]["input"], answered["tokens"]["output"]) == (11, 7)
    scene.passed(*VALUES)
