"""Providers that litellm speaks for: the same masking, the same records, the same refusals."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def through_litellm(start_checkpoint: Any, upstream: Any, tmp_path: Path) -> Any:
    """A house whose models all go through litellm, to the loopback upstream in OpenAI's shape."""
    models = tmp_path / "models.yaml"
    names = ("echo", "error", "cut-2")
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
