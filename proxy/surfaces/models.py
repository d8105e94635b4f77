"""OpenAI's list of models, and one of them: the names that tools may ask for. Holds nothing of a person."""

from collections.abc import Sequence
from typing import Any


def listed(names: Sequence[str]) -> dict[str, Any]:
    """The reply to `GET /v1/models`."""
    return {"object": "list", "data": [shown(name) for name in names]}


def shown(name: str) -> dict[str, Any]:
    """One model. When it was made and by whom is not told: clients want the fields, nobody relies on them."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "sekisho"}
