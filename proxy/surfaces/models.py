"""The list of models, and one of them: the names that tools may ask for. Holds nothing of a person."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from policies.decide import Policy
from policies.names import is_pattern

_EPOCH = "1970-01-01T00:00:00Z"


def approved(names: Iterable[str] | None, policy: Policy, on: date) -> list[str]:
    """Those of the names that the policy's registry lists and whose approval or trial lasts on a day (JST).

    All of them where it has no registry. ``None``: any name goes; then those that it lists by their full name.
    """
    if names is None:
        names = sorted(model.name for model in policy.models.listed if not is_pattern(model.name))
    return [name for name in names if not policy.registered or _is_in_force(policy, name, on)]


def _is_in_force(policy: Policy, name: str, on: date) -> bool:
    model = policy.models.of(name)
    return model is not None and model.stage(on) != "expired"


def listed(names: Sequence[str]) -> dict[str, Any]:
    """The reply to `GET /v1/models`, in OpenAI's shape and Anthropic's at once: each client reads its own fields."""
    ends = {"first_id": names[0], "last_id": names[-1]} if names else {"first_id": None, "last_id": None}
    return {"object": "list", "data": [shown(name) for name in names], "has_more": False, **ends}


def shown(name: str) -> dict[str, Any]:
    """One model. When it was made and by whom is not told: clients want the fields, nobody relies on them."""
    openai = {"object": "model", "created": 0, "owned_by": "sekisho"}
    anthropic = {"type": "model", "display_name": name, "created_at": _EPOCH, "lifecycle": "active"}
    return {"id": name, **openai, **anthropic}
