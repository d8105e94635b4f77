"""Personal data that the model says of its own accord: numbers, mail addresses and keys never reach the tool.

Names are let through and counted: a model that drafts and explains must be able to name people.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WORDS = (
    "担当は鈴木一郎です。電話は090-1234-5678、メールはsuzuki.ichiro@example.jp、カードは4111 1111 1111 1111、"
    "個人番号は123456789018、鍵は sk-abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz です。"
)
HEARD = (
    "担当は鈴木一郎です。電話は[PHONE_NUMBER]、メールは[EMAIL_ADDRESS]、カードは[CREDIT_CARD]、"
    "個人番号は[JP_MY_NUMBER]、鍵は [CREDENTIAL] です。"
)
UTTERED = ("090-1234-5678", "suzuki.ichiro", "4111 1111", "123456789018", "abcdefghijkl")
"""Long enough that no hash in the ledger holds one by chance."""
COUNTED = {"CREDENTIAL": 1, "CREDIT_CARD": 1, "EMAIL_ADDRESS": 1, "JP_MY_NUMBER": 1, "PHONE_NUMBER": 1}
QUESTION = "窓口の連絡先を教えてください。"


@pytest.fixture
def told(start_checkpoint: Callable[..., Any], start_steady: Callable[..., str]) -> Any:
    return start_checkpoint(start_steady(WORDS), policy="mask-only")


def chat(checkpoint: Any, stream: bool) -> str:
    asked = {"model": "m", "messages": [{"role": "user", "content": QUESTION}]}
    create = checkpoint.client().chat.completions.create
    if not stream:
        return str(create(**asked).choices[0].message.content)
    return "".join(chunk.choices[0].delta.content or "" for chunk in create(**asked, stream=True))


def responses(checkpoint: Any, stream: bool) -> str:
    create = checkpoint.client().responses.create
    if not stream:
        return str(create(model="m", input=QUESTION).output_text)
    events = list(create(model="m", input=QUESTION, stream=True))
    pieces = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert {event.text for event in events if event.type == "response.output_text.done"} == {pieces}
    assert events[-1].response.output_text == pieces
    assert [event.sequence_number for event in events] == list(range(len(events)))
    return pieces


def messages(checkpoint: Any, stream: bool) -> str:
    import anthropic

    client = anthropic.Anthropic(base_url=checkpoint.root, api_key=checkpoint.key)
    checkpoint.clients.append(client)
    asked = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": QUESTION}]}
    if not stream:
        return str(client.messages.create(**asked).content[0].text)
    with client.messages.stream(**asked) as pieces:
        return "".join(pieces.text_stream)


@pytest.mark.requirement("R39")
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("ask", [chat, responses, messages])
def test_what_identifies_somebody_is_masked_in_the_reply(told: Any, ask: Any, stream: bool) -> None:
    assert ask(told, stream) == HEARD
    (ending,) = [record["body"] for record in told.records("answered")]
    assert ending["output_masked"] == COUNTED
    assert ending["output_pii"] == COUNTED | {"PERSON": 1} and ending["output_searched"]
    kept = b"".join(path.read_bytes() for path in Path(told.dir).rglob("*") if path.is_file())
    assert not any(value.encode() in kept for value in (*UTTERED, "鈴木一郎"))
    assert not any(value in told.log.read_text() for value in (*UTTERED, "鈴木一郎"))


@pytest.mark.requirement("R39")
def test_what_stood_in_the_question_as_it_was_sent_may_be_repeated(
    start_checkpoint: Callable[..., Any], start_steady: Callable[..., str]
) -> None:
    """The city's own number is public, is not masked in the question, and is not masked in the answer."""
    words = "高槻市役所の代表は０７２－６７４－７１１１です。"
    told = start_checkpoint(start_steady(words), policy="mask-only")
    status, _, body = told.say("代表番号 072-674-7111 を案内文に入れてください。", model="m")
    assert (status, body["choices"][0]["message"]["content"]) == (200, words)
    assert json.dumps(told.records("answered")[0]["body"]["output_masked"]) == "{}"
