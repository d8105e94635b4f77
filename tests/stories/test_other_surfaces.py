"""More than chat, with the official client as it comes: the list of models, and one of them."""

from typing import Any

import pytest


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
