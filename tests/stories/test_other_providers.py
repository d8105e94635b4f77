"""Providers that litellm speaks for: the same masking, the same records, the same refusals."""

import base64
import struct
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def through_litellm(start_checkpoint: Any, upstream: Any, tmp_path: Path) -> Any:
    """A house whose models all go through litellm, to the loopback upstream in OpenAI's shape."""
    models = tmp_path / "models.yaml"
    names = ("echo", "error", "cut-2", "no-usage")
    models.write_text(
        "models:\n"
        + "".join(
            f"  - {{name: {name}, via: litellm, target: openai/{name}, base_url: '{upstream.url}', "
            "key_env: LOOPBACK_KEY, destination: D2}\n"
            for name in names
        )
    )
    return start_checkpoint(upstream.url, SEKISHO_MODELS=str(models), LOOPBACK_KEY="sk-loopback")


@pytest.mark.parametrize("stream", [False, True])
def test_what_goes_through_litellm_is_masked_and_comes_back(
    through_litellm: Any, upstream: Any, stream: bool
) -> None:
    text = "担当は山田太郎さん、電話は090-1234-5678です。"
    client = through_litellm.client(timeout=90)
    messages = [{"role": "user", "content": text}]
    if stream:
        chunks = client.chat.completions.create(model="cut-2", messages=messages, stream=True)
        reply = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    else:
        reply = client.chat.completions.create(model="echo", messages=messages).choices[0].message.content
    assert reply == text
    assert "山田" not in upstream.received.decode() and b"090-1234" not in upstream.received
    assert b"sk-story-key" not in upstream.received
    ending = through_litellm.records("answered")[-1]["body"]
    assert ending["egress_state"] == "masked" and ending["tokens"]["input"] == 11


def test_a_fault_behind_litellm_is_a_failed_ending_and_is_tried_once(
    through_litellm: Any, upstream: Any
) -> None:
    status, _, body = through_litellm.say("こんにちは", "error")
    assert status == 502 and body["error"]["code"].startswith("upstream_")
    assert [record["kind"] for record in through_litellm.records()] == ["asked", "failed"]
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("format", [None, "float", "base64"])
def test_texts_that_litellm_embeds_are_masked_and_their_vectors_come_back(
    through_litellm: Any, upstream: Any, format: str | None
) -> None:
    client = through_litellm.client(timeout=90)
    wanted = {"encoding_format": format} if format else {}
    reply = client.embeddings.create(model="echo", input=["山田太郎", "晴れ"], user="山田太郎", **wanted)
    ((name, plain),) = [body["input"] for body in upstream.bodies("/v1/embeddings")]
    assert name.startswith("[PERSON_1_") and plain == "晴れ"
    assert "山田" not in upstream.received.decode() and b"sk-story-key" not in upstream.received
    vectors = [part.embedding for part in reply.data]
    if format == "base64":
        vectors = [list(struct.unpack("<2f", base64.b64decode(vector))) for vector in vectors]
    assert vectors == [[len(name), 0], [2, 1]] and [part.index for part in reply.data] == [0, 1]
    ending = through_litellm.records("answered")[-1]["body"]
    assert (ending["vectors"], ending["egress_state"], ending["tokens"]["input"]) == (2, "masked", 11)


@pytest.mark.parametrize(("model", "kind"), [("error", "failed"), ("no-usage", "answered")])
def test_vectors_behind_litellm_are_asked_for_once_and_counted_where_they_were(
    through_litellm: Any, upstream: Any, model: str, kind: str
) -> None:
    status, _, body = through_litellm.post({"model": model, "input": "こんにちは"}, "/embeddings")
    asked, ending = through_litellm.records()
    assert (asked["kind"], ending["kind"]) == ("asked", kind)
    assert len(upstream.bodies("/v1/embeddings")) == 1
    if kind == "failed":
        assert status == 502 and body["error"]["code"].startswith("upstream_")
    else:
        assert status == 200 and ending["body"]["tokens"]["tokens_estimated"] is True
