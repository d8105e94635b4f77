"""An embeddings request read and masked: each text by itself, no token ids, and nothing kept of a vector."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any, get_type_hints

import pytest

from policies.model import Permit
from proxy.callers import Declared
from proxy.errors import Problem
from proxy.fields import EMBEDDINGS_REQUEST
from proxy.surfaces.embeddings import EmbeddingsRequest
from redaction.model import Finding
from redaction.vault import Vault

NAME = "山田太郎"
PERMIT = Permit((), (), frozenset(), (), "test", "digest")


def find(texts: Sequence[str]) -> list[tuple[Finding, ...]]:
    """A finder that knows one name, and nothing else."""
    return [
        tuple(
            Finding("PERSON", at, at + len(NAME), 1.0, "test", "cue")
            for at in range(len(text))
            if text.startswith(NAME, at)
        )
        for text in texts
    ]


def request(input: Any, **fields: Any) -> EmbeddingsRequest:
    raw = json.dumps({"model": "m", "input": input, **fields}).encode()
    return EmbeddingsRequest.read("x1", raw, Declared(None, "research", "2"), lambda model: "D2")


def masked(asked: EmbeddingsRequest) -> dict[str, Any]:
    return asked.mask(find(asked.texts), PERMIT, Vault(b"k")).body


def test_one_text_and_several_and_the_user_are_masked() -> None:
    assert masked(request(f"{NAME}さん"))["input"].startswith("[PERSON_1_")
    body = masked(request([f"{NAME}さん", "晴れ", NAME], user=NAME))
    first, second, third = body["input"]
    assert first == f"{third}さん" and second == "晴れ" and body["user"] == third
    assert NAME not in json.dumps(body, ensure_ascii=False)


def test_each_text_is_searched_by_itself() -> None:
    asked = request(["担当は山田", "太郎です"])
    assert {"担当は山田", "太郎です"} <= set(asked.texts)
    assert masked(asked)["input"] == ["担当は山田", "太郎です"]


def test_escaped_json_is_masked_inside() -> None:
    written = json.dumps({"氏名": NAME})
    (text,) = masked(request([written]))["input"]
    assert json.loads(text)["氏名"].startswith("[PERSON_1_")


@pytest.mark.parametrize("input", [[1, 2, 3], [[1, 2], [3]], ["x", 1], [[]]])
def test_token_ids_are_refused_and_the_refusal_says_what_to_do(input: Any) -> None:
    with pytest.raises(Problem) as refused:
        request(input)
    assert (refused.value.status, refused.value.code, refused.value.param) == (400, "token_ids", "input")
    assert "check_embedding_ctx_length=False" in refused.value.says.ja


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"input": ""}, "missing_field"),
        ({"input": []}, "missing_field"),
        ({"input": None}, "missing_field"),
        ({"input": 5}, "invalid_type"),
        ({"input": {"text": NAME}}, "invalid_type"),
        ({"input": [{"type": "text", "text": NAME}]}, "invalid_type"),
        ({"input": ["x", None]}, "invalid_type"),
        ({"input": "x", "encoding_format": "int8"}, "invalid_value"),
        ({"input": "x", "dimensions": "many"}, "invalid_type"),
        ({"input": "x", "stream": True}, "unknown_field"),
        ({"input": "x", "messages": []}, "unknown_field"),
    ],
)
def test_what_is_no_embeddings_request_is_refused_by_name(body: dict[str, Any], code: str) -> None:
    with pytest.raises(Problem) as refused:
        request(**body)
    assert (refused.value.status, refused.value.code) == (400, code)
    assert NAME not in json.dumps(refused.value.body("r"), ensure_ascii=False)


def test_every_field_that_the_official_client_knows_is_in_the_table() -> None:
    from openai.types import EmbeddingCreateParams

    assert set(get_type_hints(EmbeddingCreateParams)) == set(EMBEDDINGS_REQUEST)


def test_a_reply_keeps_its_vectors_and_loses_what_is_not_listed() -> None:
    reply = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, -1], "text": NAME},
            {"object": "embedding", "index": 1, "embedding": "AAAAPw=="},
        ],
        "usage": {"prompt_tokens": 2, "total_tokens": 2},
        "echo": NAME,
    }

    async def collect() -> list[dict[str, Any]]:
        async def source() -> AsyncGenerator[dict[str, Any]]:
            yield reply

        return [chunk async for chunk in request("x").restored(source(), Vault(b"k"))]

    (restored,) = asyncio.run(collect())
    assert [part["embedding"] for part in restored["data"]] == [[0.5, -1], "AAAAPw=="]
    assert restored["usage"] == reply["usage"]
    assert NAME not in json.dumps(restored, ensure_ascii=False)


def test_of_a_vector_nothing_is_kept_but_that_it_came() -> None:
    witness = request("x").witness()
    witness.saw({"data": [{"embedding": [0.5]}, {"embedding": [0.25]}]})
    assert not witness.keeps and witness.facts["vectors"] == 2
