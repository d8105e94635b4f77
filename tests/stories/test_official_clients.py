"""The official Python clients, unmodified, in every dialect: what they send leaves masked, what they get is whole.

Each story ends with `scene.passed`: not one value arrived upstream, everything was asked and answered once, and
the ledger is whole. The model says what was said to it, so that an answer shows what was put back.
"""

import json
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest
from pydantic import BaseModel

ADDRESS = '大阪府高槻市\n城東町9番8号 "メゾン桃園" 703号'
"""A value with quotation marks and a line break in it: inside JSON it must be escaped."""
TEXT = f'担当は山田太郎さん、電話は090-1234-5678、住所は{ADDRESS}です。"至急"と\nあります。'
VALUES = ("山田太郎", "山田", "090-1234-5678", "城東町9番8号", "メゾン桃園")
SYSTEM = "あなたは鈴木花子さんの助手です。"
MY_NUMBER = "マイナンバーは123456789018です"
PICTURE = "data:image/png;base64,iVBORw0KGgo="

Says = Callable[..., Any]


class Letter(BaseModel):
    """Who it goes to."""

    to: str


SCHEMA = Letter.model_json_schema() | {"additionalProperties": False}


@pytest.fixture(scope="module")
def house(open_house: Any) -> Any:
    return open_house(policy="mask-only", unknown_fields="refuse")


def user(content: Any = TEXT) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


def parts(kind: str = "text") -> list[dict[str, str]]:
    """The text in three parts, two of them cut in the middle of a value."""
    name, phone = TEXT.index("太郎"), TEXT.index("1234")
    return [{"type": kind, "text": text} for text in (TEXT[:name], TEXT[name:phone], TEXT[phone:])]


# ── openai: chat completions ──────────────────────────────────────────────────────────────────────


@pytest.fixture
def chat(scene: Any) -> Any:
    return scene.checkpoint.client().chat.completions


def test_chat_comes_back_whole_with_usage_and_the_reason_why_it_ended(scene: Any, chat: Any) -> None:
    reply = chat.create(model="echo", messages=[{"role": "system", "content": SYSTEM}, *user()])
    assert reply.choices[0].message.content == TEXT and reply.choices[0].finish_reason == "stop"
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (11, 7)
    assert chat.create(model="short", messages=user()).choices[0].finish_reason == "length"
    scene.passed(*VALUES, "鈴木花子", exchanges=2)


@pytest.mark.parametrize("model", ["cut-1", "cut-7"])
def test_chat_streams_whole_texts_and_thoughts_however_they_are_cut(
    scene: Any, chat: Any, model: str
) -> None:
    chunks = list(
        chat.create(
            model=model,
            messages=user(),
            reasoning_effort="low",
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == TEXT
    assert "".join(getattr(d, "reasoning_content", None) or "" for d in deltas) == f"「{TEXT}」と言われた。"
    assert chunks[-1].usage.total_tokens == 18 and chunks[-2].choices[0].finish_reason == "stop"
    scene.passed(*VALUES)


def test_chats_own_stream_helper_gathers_the_whole_answer(scene: Any, chat: Any) -> None:
    with chat.stream(model="cut-2", messages=user()) as stream:
        events = list(stream)
        reply = stream.get_final_completion().choices[0]
    assert reply.message.content == TEXT and reply.finish_reason == "stop"
    assert [event.content for event in events if event.type == "content.done"] == [TEXT]
    scene.passed(*VALUES)


@pytest.mark.parametrize("stream", [False, True])
def test_chat_calls_tools_with_escaped_values_and_takes_their_results(
    scene: Any, chat: Any, stream: bool
) -> None:
    tools = [
        openai.pydantic_function_tool(Letter, name=name, description=SYSTEM) for name in ("send", "note")
    ]
    if stream:
        with chat.stream(model="cut-2", messages=user(), tools=tools) as events:
            choice = events.get_final_completion().choices[0]
    else:
        choice = chat.parse(model="echo", messages=user(), tools=tools).choices[0]
    assert choice.finish_reason == "tool_calls"
    calls = choice.message.tool_calls
    assert [call.function.name for call in calls] == ["send", "note"]
    assert [json.loads(call.function.arguments) for call in calls] == [{"to": TEXT}] * 2
    assert [call.function.parsed_arguments for call in calls] == [Letter(to=TEXT)] * 2
    results = [{"role": "tool", "tool_call_id": call.id, "content": f"{TEXT}{call.id}"} for call in calls]
    then = chat.create(model="echo", messages=[*user(), choice.message, *results], tools=tools)
    assert then.choices[0].message.content == f"{TEXT}call_2"
    scene.passed(*VALUES, "鈴木花子", exchanges=2)


@pytest.mark.parametrize("stream", [False, True])
def test_chat_keeps_structured_output_valid(scene: Any, chat: Any, stream: bool) -> None:
    if stream:
        with chat.stream(model="cut-1", messages=user(), response_format=Letter) as events:
            message = events.get_final_completion().choices[0].message
    else:
        message = chat.parse(model="echo", messages=user(), response_format=Letter).choices[0].message
    assert message.parsed == Letter(to=TEXT) and json.loads(message.content) == {"to": TEXT}
    scene.passed(*VALUES)


@pytest.mark.parametrize("stream", [False, True])
def test_chat_gives_three_answers_to_one_question(scene: Any, chat: Any, stream: bool) -> None:
    said = dict.fromkeys(range(3), "")
    if stream:
        for chunk in chat.create(model="cut-1", messages=user(), n=3, stream=True):
            for choice in chunk.choices:
                said[choice.index] += choice.delta.content or ""
    else:
        reply = chat.create(model="echo", messages=user(), n=3)
        said = {choice.index: choice.message.content for choice in reply.choices}
    assert said == {0: TEXT, 1: f"案2: {TEXT}", 2: f"案3: {TEXT}"}
    scene.passed(*VALUES)


def test_chat_finds_a_value_that_is_cut_over_parts(scene: Any, chat: Any) -> None:
    reply = chat.create(model="echo", messages=user(parts()))
    assert reply.choices[0].message.content == TEXT
    assert len(scene.upstream.requests[-1]["messages"][0]["content"]) == 3
    scene.passed(*VALUES, "太郎", "-5678")


# ── openai: responses ─────────────────────────────────────────────────────────────────────────────

SEND = {"type": "function", "name": "send", "description": SYSTEM, "parameters": SCHEMA, "strict": True}


@pytest.fixture
def responses(scene: Any) -> Any:
    return scene.checkpoint.client().responses


def test_a_response_comes_back_whole_with_usage_and_the_reason_why_it_ended(
    scene: Any, responses: Any
) -> None:
    reply = responses.create(model="echo", input=TEXT, instructions=SYSTEM)
    assert reply.output_text == TEXT and reply.instructions == SYSTEM and reply.status == "completed"
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (11, 7)
    short = responses.create(model="short", input=user())
    assert (short.status, short.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert [body["store"] for body in scene.upstream.bodies("/v1/responses")[-2:]] == [False, False]
    scene.passed(*VALUES, "鈴木花子", exchanges=2)


@pytest.mark.parametrize("model", ["cut-1", "cut-7"])
def test_a_response_streams_texts_and_thoughts_and_repeats_them_at_the_end(
    scene: Any, responses: Any, model: str
) -> None:
    ask = {"model": model, "input": TEXT, "instructions": SYSTEM, "reasoning": {"summary": "auto"}}
    events = list(responses.create(**ask, stream=True))
    said = {event.type: "" for event in events}
    for event in events:
        said[event.type] += getattr(event, "delta", getattr(event, "text", ""))
    for name, whole in (("output_text", TEXT), ("reasoning_summary_text", f"「{TEXT}」と言われた。")):
        assert said[f"response.{name}.delta"] == said[f"response.{name}.done"] == whole
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[0].response.instructions == SYSTEM
    thought, message = events[-1].response.output
    assert thought.summary[0].text == f"「{TEXT}」と言われた。" and message.content[0].text == TEXT
    assert events[-1].response.usage.total_tokens == 18
    scene.passed(*VALUES, "鈴木花子")


def test_responses_own_stream_helper_gathers_the_whole_answer(scene: Any, responses: Any) -> None:
    with responses.stream(model="cut-2", input=TEXT, reasoning={"summary": "auto"}) as stream:
        snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        reply = stream.get_final_response()
    assert snapshots[-1] == reply.output_text == TEXT
    scene.passed(*VALUES)


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_calls_a_tool_with_escaped_values_and_takes_its_result(
    scene: Any, responses: Any, stream: bool
) -> None:
    ask = {"model": "cut-2", "tools": [SEND], "reasoning": {"effort": "low"}}
    ask["include"] = ["reasoning.encrypted_content"]
    if stream:
        with responses.stream(input=user(), **ask) as events:
            deltas = [e.delta for e in events if e.type == "response.function_call_arguments.delta"]
            first = events.get_final_response()
        assert json.loads("".join(deltas)) == {"to": TEXT}
    else:
        first = responses.create(input=user(), **ask)
    thought, call = first.output
    assert thought.summary[0].text == f"「{TEXT}」と言われた。"
    assert json.loads(call.arguments) == {"to": TEXT} and first.tools[0].description == SYSTEM
    result = {"type": "function_call_output", "call_id": call.call_id, "output": f"{TEXT}!"}
    then = responses.create(input=[*user(), *first.output, result], **ask)
    assert then.output_text == f"{TEXT}!"
    sealed = [item for item in scene.upstream.bodies("/v1/responses")[-1]["input"] if "summary" in item]
    assert sealed[0]["encrypted_content"] == thought.encrypted_content
    scene.passed(*VALUES, "鈴木花子", exchanges=2)


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_keeps_structured_output_valid(scene: Any, responses: Any, stream: bool) -> None:
    if stream:
        with responses.stream(model="cut-1", input=TEXT, text_format=Letter) as events:
            reply = events.get_final_response()
    else:
        reply = responses.parse(model="echo", input=TEXT, text_format=Letter)
    assert reply.output_parsed == Letter(to=TEXT) and json.loads(reply.output_text) == {"to": TEXT}
    scene.passed(*VALUES)


def test_a_response_finds_a_value_that_is_cut_over_parts(scene: Any, responses: Any) -> None:
    reply = responses.create(model="echo", input=user(parts("input_text")))
    assert reply.output_text == TEXT
    scene.passed(*VALUES, "太郎", "-5678")


# ── anthropic: messages ───────────────────────────────────────────────────────────────────────────

TOOLS = [{"name": name, "description": SYSTEM, "input_schema": SCHEMA} for name in ("send", "note")]
THINKING = {"type": "enabled", "budget_tokens": 1024}


@pytest.fixture
def messages(scene: Any) -> Any:
    return scene.checkpoint.anthropic().messages


def test_a_message_comes_back_whole_with_usage_and_the_reason_why_it_ended(scene: Any, messages: Any) -> None:
    reply = messages.create(model="echo", max_tokens=99, messages=user(), system=SYSTEM)
    assert [block.text for block in reply.content] == [TEXT] and reply.stop_reason == "end_turn"
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (11, 7)
    assert messages.create(model="short", max_tokens=99, messages=user()).stop_reason == "max_tokens"
    scene.passed(*VALUES, "鈴木花子", exchanges=2)


@pytest.mark.parametrize("model", ["cut-1", "cut-7"])
def test_a_message_streams_whole_texts_and_signed_thoughts(scene: Any, messages: Any, model: str) -> None:
    ask = {"model": model, "max_tokens": 2048, "messages": user(), "thinking": THINKING}
    events = list(messages.create(**ask, stream=True))
    deltas = [event.delta for event in events if event.type == "content_block_delta"]
    said = "".join(delta.text for delta in deltas if delta.type == "text_delta")
    thought = "".join(delta.thinking for delta in deltas if delta.type == "thinking_delta")
    assert (said, thought) == (TEXT, f"「{TEXT}」と言われた。")
    kinds = [delta.type for delta in deltas]
    signed = kinds.index("signature_delta")
    assert set(kinds[:signed]) == {"thinking_delta"} and set(kinds[signed + 1 :]) == {"text_delta"}
    assert events[-2].delta.stop_reason == "end_turn" and events[-2].usage.output_tokens == 7
    scene.passed(*VALUES)


def test_messages_own_stream_helper_gathers_the_whole_answer(scene: Any, messages: Any) -> None:
    with messages.stream(model="cut-2", max_tokens=2048, messages=user(), thinking=THINKING) as stream:
        assert "".join(stream.text_stream) == TEXT
        reply = stream.get_final_message()
    thought, text = reply.content
    assert thought.thinking == f"「{TEXT}」と言われた。" and thought.signature and text.text == TEXT
    assert reply.stop_reason == "end_turn" and reply.usage.output_tokens == 7
    scene.passed(*VALUES)


@pytest.mark.parametrize("stream", [False, True])
def test_a_message_calls_tools_with_whole_values_and_takes_their_results(
    scene: Any, messages: Any, stream: bool
) -> None:
    ask = {"model": "cut-2", "max_tokens": 2048, "tools": TOOLS, "thinking": THINKING}
    if stream:
        with messages.stream(messages=user(), **ask) as events:
            snapshots = [event.snapshot for event in events if event.type == "input_json"]
            first = events.get_final_message()
        assert snapshots[-1] == {"to": TEXT}
    else:
        first = messages.create(messages=user(), **ask)
    thought, *calls = first.content
    assert first.stop_reason == "tool_use" and thought.thinking == f"「{TEXT}」と言われた。"
    assert [(call.name, call.input) for call in calls] == [("send", {"to": TEXT}), ("note", {"to": TEXT})]
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": f"{TEXT}!"} for call in calls]
    turns = [*user(), {"role": "assistant", "content": first.content}, *user(results)]
    then = messages.create(messages=turns, **ask)
    assert then.content[-1].text == f"{TEXT}!" * 2
    sent = scene.upstream.bodies("/v1/messages")[-1]["messages"][1]["content"]
    assert sent[0]["signature"] == thought.signature
    scene.passed(*VALUES, "鈴木花子", exchanges=2)


@pytest.mark.parametrize("stream", [False, True])
def test_a_message_keeps_structured_output_valid(scene: Any, messages: Any, stream: bool) -> None:
    if stream:
        with messages.stream(model="cut-1", max_tokens=99, messages=user(), output_format=Letter) as events:
            reply = events.get_final_message()
    else:
        reply = messages.parse(model="echo", max_tokens=99, messages=user(), output_format=Letter)
    assert reply.parsed_output == Letter(to=TEXT) and json.loads(reply.content[0].text) == {"to": TEXT}
    assert scene.upstream.bodies("/v1/messages")[-1]["output_config"]["format"]["type"] == "json_schema"
    scene.passed(*VALUES)


def test_a_message_finds_a_value_that_is_cut_over_parts(scene: Any, messages: Any) -> None:
    system = [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}]
    reply = messages.create(model="echo", max_tokens=99, messages=user(parts()), system=system)
    assert reply.content[0].text == TEXT
    scene.passed(*VALUES, "太郎", "-5678", "鈴木花子")


def test_tokens_are_counted_of_the_masked_text(scene: Any, messages: Any) -> None:
    counted = messages.count_tokens(model="echo", messages=user(), system=SYSTEM, tools=TOOLS)
    assert counted.input_tokens == 11
    scene.passed(*VALUES, "鈴木花子")


# ── history: an answer goes back as the client's helpers gave it ──────────────────────────────────


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # the client's own, on what it parsed
@pytest.mark.parametrize("stream", [False, True])
def test_a_parsed_chat_answer_with_its_thought_goes_back_masked(scene: Any, chat: Any, stream: bool) -> None:
    ask = {"model": "cut-2", "messages": user(), "response_format": Letter, "reasoning_effort": "low"}
    if stream:
        with chat.stream(**ask) as events:
            message = events.get_final_completion().choices[0].message
    else:
        message = chat.parse(**ask).choices[0].message
    then = chat.create(model="echo", messages=[*user(), message, *user()])
    assert then.choices[0].message.content == TEXT
    sent = scene.upstream.requests[-1]["messages"][1]
    assert sent["parsed"]["to"].startswith("担当は[PERSON_1_") and sent["reasoning_content"]
    scene.passed(*VALUES, exchanges=2)


def test_a_parsed_response_goes_back_masked(scene: Any, responses: Any) -> None:
    first = responses.parse(model="echo", input=TEXT, text_format=Letter, reasoning={"effort": "low"})
    assert responses.create(model="echo", input=[*user(), *first.output, *user()]).output_text == TEXT
    scene.passed(*VALUES, exchanges=2)


def test_a_parsed_message_goes_back_masked(scene: Any, messages: Any) -> None:
    first = messages.parse(model="echo", max_tokens=99, messages=user(), output_format=Letter)
    turns = [*user(), {"role": "assistant", "content": first.content}, *user()]
    assert messages.create(model="echo", max_tokens=99, messages=turns).content[0].text == TEXT
    scene.passed(*VALUES, exchanges=2)


# ── refusals: asked once, told in the dialect's own words ─────────────────────────────────────────


def says_chat(checkpoint: Any, text: Any, **more: Any) -> Any:
    return checkpoint.client().chat.completions.create(model="echo", messages=user(text), **more)


def says_response(checkpoint: Any, text: Any, **more: Any) -> Any:
    return checkpoint.client().responses.create(
        model="echo", input=text if isinstance(text, str) else user(text), **more
    )


def says_message(checkpoint: Any, text: Any, **more: Any) -> Any:
    return checkpoint.anthropic().messages.create(model="echo", max_tokens=99, messages=user(text), **more)


def counts_tokens(checkpoint: Any, text: Any) -> Any:
    return checkpoint.anthropic().messages.count_tokens(model="echo", messages=user(text))


EVERY = pytest.mark.parametrize(
    ("says", "client"),
    [(says_chat, openai), (says_response, openai), (says_message, anthropic), (counts_tokens, anthropic)],
)
STREAMED = pytest.mark.parametrize(
    ("says", "client"), [(says_chat, openai), (says_response, openai), (says_message, anthropic)]
)


def error_in(raised: Any, client: Any) -> dict[str, Any]:
    """The error as the client hands it on: OpenAI's unwraps it, Anthropic's shows all that came."""
    body = raised.value.body
    if client is openai:
        return dict(body)
    assert body["type"] == "error" and body["request_id"]
    return dict(body["error"])


@EVERY
@pytest.mark.requirement("R22")
def test_a_refusal_is_asked_once(scene: Any, says: Says, client: Any) -> None:
    with pytest.raises(client.PermissionDeniedError) as raised:
        says(scene.checkpoint, MY_NUMBER)
    error = error_in(raised, client)
    assert (error["code"], error["rules"]) == ("policy_denied", ["M-02"])
    assert "マイナンバー" in error["message"] and "123456789018" not in raised.value.response.text
    assert error["type"] == "permission_error"
    scene.refused("verdict")


@STREAMED
def test_a_refused_stream_is_asked_once_and_never_begins(scene: Any, says: Says, client: Any) -> None:
    with pytest.raises(client.PermissionDeniedError) as raised:
        says(scene.checkpoint, MY_NUMBER, stream=True)
    assert error_in(raised, client)["code"] == "policy_denied"
    scene.refused("verdict")


@EVERY
def test_a_wrong_key_is_tried_once(scene: Any, says: Says, client: Any) -> None:
    scene.checkpoint.key, right = "sk-wrong", scene.checkpoint.key
    try:
        with pytest.raises(client.AuthenticationError) as raised:
            says(scene.checkpoint, TEXT)
    finally:
        scene.checkpoint.key = right
    assert error_in(raised, client)["code"] == "invalid_api_key"
    scene.refused("invalid_api_key")


@STREAMED
def test_a_picture_is_refused_and_it_is_said_why(scene: Any, says: Says, client: Any) -> None:
    picture: dict[str, Any] = {"type": "image_url", "image_url": {"url": PICTURE}}
    if says is says_response:
        picture = {"type": "input_image", "image_url": PICTURE, "detail": "auto"}
    if says is says_message:
        source = {"type": "base64", "media_type": "image/png", "data": PICTURE.partition(",")[2]}
        picture = {"type": "image", "source": source}
    kind = "input_text" if says is says_response else "text"
    with pytest.raises(client.BadRequestError) as raised:
        says(scene.checkpoint, [{"type": kind, "text": "これは何ですか"}, picture])
    error = error_in(raised, client)
    assert error["code"] == "unsupported_content" and "画像" in error["message"]
    scene.refused("unsupported_content")


@pytest.mark.parametrize(
    ("says", "stored"),
    [
        (says_chat, {"store": True}),
        (says_response, {"store": True}),
        (says_response, {"previous_response_id": "resp_1"}),
        (says_response, {"conversation": "conv_1"}),
        (says_response, {"background": True}),
        (says_response, {"prompt": {"id": "pmpt_1"}}),
    ],
)
def test_what_is_kept_elsewhere_is_refused(scene: Any, says: Says, stored: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        says(scene.checkpoint, TEXT, **stored)
    error = error_in(raised, openai)
    assert (error["code"], error["param"]) == ("unsupported_field", *stored)
    scene.refused("unsupported_field")


@STREAMED
def test_a_stream_that_breaks_off_raises_in_the_client_and_is_not_repeated(
    scene: Any, says: Says, client: Any
) -> None:
    with pytest.raises(client.APIError) as raised:
        list(says(scene.checkpoint, TEXT, stream=True, extra_body={"model": "broken"}))
    assert error_in(raised, client)["code"].startswith("upstream_")
    assert [record["kind"] for record in scene.records()] == ["asked", "failed"]
    assert scene.received.count(b"POST ") == 1
