"""The list of models, and one of them: the names that tools may ask for. Holds nothing of a person."""

from collections.abc import Sequence
from typing import Any

_EPOCH = "1970-01-01T00:00:00Z"


def listed(names: Sequence[str]) -> dict[str, Any]:
    """The reply to `GET /v1/models`, in OpenAI's shape and Anthropic's at once: each client reads its own fields."""
    ends = {"first_id": names[0], "last_id": names[-1]} if names else {"first_id": None, "last_id": None}
    return {"object": "list", "data": [shown(name) for name in names], "has_more": False, **ends}


def shown(name: str) -> dict[str, Any]:
    """One model. When it was made and by whom is not told: clients want the fields, nobody relies on them."""
    openai = {"object": "model", "created": 0, "owned_by": "sekisho"}
    anthropic = {"type": "model", "display_name": name, "created_at": _EPOCH, "lifecycle": "active"}
    return {"id": name, **openai, **anthropic}
