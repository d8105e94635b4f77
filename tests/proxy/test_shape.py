"""The shape of a reply of vectors, checked at the door. (That of a chat: test_passage, over a real server.)"""

from typing import Any

import pytest

from proxy.providers.shape import shaped


def vectors(*parts: Any) -> dict[str, Any]:
    return {"object": "list", "data": list(parts)}


@pytest.mark.parametrize("vector", [[0.5, -1, 2], "AAAAPw=="])
def test_a_vector_is_numbers_or_base64_and_its_place_is_filled_in(vector: Any) -> None:
    reply = shaped(
        "embeddings", vectors({"embedding": vector}, {"embedding": vector, "index": None}), stream=False
    )
    assert [part["index"] for part in reply["data"]] == [0, 1]
    assert {part["object"] for part in reply["data"]} == {"embedding"}
    assert all(part["embedding"] == vector for part in reply["data"])


@pytest.mark.parametrize(
    "part",
    [
        None,
        {},
        {"embedding": None},
        {"embedding": []},
        {"embedding": ""},
        {"embedding": "山田太郎"},
        {"embedding": [True]},
        {"embedding": ["0.5"]},
        {"embedding": [float("nan")]},
        {"embedding": [10**400]},
        {"embedding": [0.5], "index": -1},
        {"embedding": [0.5], "index": "x"},
    ],
    ids=lambda part: str(part)[:30],
)
def test_what_is_no_vector_is_no_reply(part: Any) -> None:
    with pytest.raises(ValueError):
        shaped("embeddings", vectors(part), stream=False)


@pytest.mark.parametrize("reply", [{}, {"data": None}, {"data": {}}, {"choices": []}])
def test_a_reply_of_another_dialect_is_no_reply(reply: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        shaped("embeddings", reply, stream=False)
