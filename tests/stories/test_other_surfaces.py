"""More than chat, with the official client as it comes: the list of models, and embeddings of masked text."""

import json
from pathlib import Path
from typing import Any

import pytest

TEXT = "担当は山田太郎さん、電話は090-1234-5678です。"


SHARED = True
"""These stories only ask: they share one checkpoint (conftest.py)."""


def test_the_models_of_the_upstream_are_listed_and_one_of_them_is_shown(checkpoint: Any) -> None:
    import openai

    client = checkpoint.client()
    assert [model.id for model in client.models.list()] == ["echo", "slow"]
    one = client.models.retrieve("slow")
    assert (one.id, one.object, one.owned_by) == ("slow", "model", "sekisho")
    with pytest.raises(openai.NotFoundError) as unknown:
        client.models.retrieve("org/gpt-x")
    assert unknown.value.body["code"] == "model_not_found"  # type: ignore[index]
    kinds = [record["kind"] for record in checkpoint.records()]
    assert kinds == ["asked", "answered"] * 2 + ["asked", "refused"]
    assert checkpoint.verify()["ok"]


@pytest.mark.requirement("R21")
@pytest.mark.requirement("R72")
@pytest.mark.parametrize("format", [None, "float", "base64"])
@pytest.mark.parametrize("model", ["echo", "floats"])
def test_texts_leave_masked_and_their_vectors_come_back(
    checkpoint: Any, upstream: Any, model: str, format: str | None
) -> None:
    create = checkpoint.client().embeddings.create
    wanted = {"encoding_format": format} if format else {}
    several = create(model=model, input=[TEXT, "山田太郎", "晴れ"], user="山田太郎", **wanted)
    one = create(model=model, input="山田太郎", **wanted)
    (first, sent) = upstream.bodies("/v1/embeddings")
    text, name, plain = first["input"]
    assert name.startswith("[PERSON_1_") and text.startswith(f"担当は{name}さん") and plain == "晴れ"
    assert first["user"] == name == sent["input"]
    assert "山田" not in upstream.received.decode() and b"090-1234" not in upstream.received
    assert json.dumps("山田太郎")[1:-1].encode() not in upstream.received
    assert [part.index for part in several.data] == [0, 1, 2] and one.usage.total_tokens == 11
    if format != "base64":  # else the client hands on the text as it came
        assert [part.embedding for part in several.data] == [[len(text), 0], [len(name), 1], [2, 2]]
        assert one.data[0].embedding == [len(name), 0]


def test_the_record_of_vectors_shows_who_what_and_the_masked_texts(checkpoint: Any, sekisho: Any) -> None:
    reply = checkpoint.client().embeddings.with_raw_response.create(model="echo", input=[TEXT, "晴れ"])
    done = sekisho("audit", "show", reply.headers["x-request-id"], "--ledger", checkpoint.ledger, "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["entities"] == {"PERSON": 1, "PHONE_NUMBER": 1}
    assert shown["egress_state"] == "masked" and shown["rules"]
    assert shown["tokens"] == {"input": 11, "output": 0, "tokens_estimated": False}
    assert shown["asked"]["body"]["dialect"] == "embeddings"
    assert shown["ending"]["kind"] == "answered" and shown["ending"]["body"]["vectors"] == 2
    assert "[PERSON_1_" in json.dumps(shown["text"]) and "山田" not in done.stdout
    assert checkpoint.verify()["ok"]


@pytest.mark.requirement("R22")
def test_no_vector_is_made_of_a_my_number(checkpoint: Any, upstream: Any) -> None:
    import openai

    with pytest.raises(openai.PermissionDeniedError) as refused:
        checkpoint.client().embeddings.create(model="echo", input=["晴れ", "マイナンバーは123456789018です"])
    assert refused.value.body["code"] == "policy_denied"  # type: ignore[index]
    assert upstream.received == b""
    assert [record["kind"] for record in checkpoint.records()] == ["asked", "refused"]
    kept = b"".join(path.read_bytes() for path in Path(checkpoint.dir).rglob("*") if path.is_file())
    assert b"123456789018" not in kept


def test_token_ids_are_refused_in_plain_japanese(checkpoint: Any, upstream: Any) -> None:
    import openai

    with pytest.raises(openai.BadRequestError) as refused:
        checkpoint.client().embeddings.create(model="echo", input=[[15339, 1917]])
    error = refused.value.body
    assert error["code"] == "token_ids" and "文章(文字列)で送ってください" in error["message"]  # type: ignore[index]
    assert upstream.received == b""


def test_a_failing_model_is_told_and_recorded_and_asked_once(checkpoint: Any, upstream: Any) -> None:
    import openai

    with pytest.raises(openai.InternalServerError) as failed:
        checkpoint.client().embeddings.create(model="error", input="こんにちは")
    assert failed.value.body["code"] == "upstream_status_500"  # type: ignore[index]
    assert [record["kind"] for record in checkpoint.records()] == ["asked", "failed"]
    assert len(upstream.bodies("/v1/embeddings")) == 1


def test_without_a_ledger_neither_a_vector_nor_the_list_is_given(
    start_checkpoint: Any, upstream: Any
) -> None:
    import openai

    checkpoint = start_checkpoint(upstream.url)
    client = checkpoint.client(max_retries=0)
    Path(checkpoint.ledger).chmod(0o444)
    for ask in (client.models.list, lambda: client.embeddings.create(model="echo", input="こんにちは")):
        with pytest.raises(openai.InternalServerError) as refused:
            ask()
        assert refused.value.status_code == 503
        assert refused.value.body["code"].startswith("ledger_")  # type: ignore[index]
    assert upstream.received == b""
    Path(checkpoint.ledger).chmod(0o600)
