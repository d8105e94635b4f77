"""takatsuki with these models approved: the policy of a test whose models the shipped one does not list.

    approving(tmp_path, "echo", "slow")                  both under contract, no training, any tool
    approving(tmp_path, "*")                             whatever the test's server is asked for
    approving(tmp_path, "cheap", prices=[{"from": "2026-04-01", "input": 60, "output": 240}])
    approving(tmp_path, "echo", instead={"zones": [{"zone": "my_number", "networks": ["127.0.0.0/8"]}]})

Everything else is as it ships, so that a test of the desk is also one of the city's rules.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from policies.files import digest_of, find, read, read_yaml


def approving(
    folder: Path,
    *models: str,
    policy: str | Path = "takatsuki",
    instead: Mapping[str, Any] | None = None,
    **facts: Any,
) -> Path:
    """A policy file in ``folder``: the shipped one with these models besides. ``facts``: of all of them, see `ModelForm`.

    Their destination is D1, so that the one of the route counts where nothing else is said. ``instead``: parts of the
    file that are others, by their key.
    """
    data = {**deepcopy(_said_by(find(policy))), **(instead or {})}
    data["models"] = [*data.get("models", []), *({**_MODEL, "name": name, **facts} for name in models)]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{data['name']}-{digest_of(data)[:8]}.yaml"
    file.write_text(json.dumps(data, ensure_ascii=False, indent=1), "utf-8")
    return file


@lru_cache
def _said_by(source: Path) -> dict[str, Any]:
    """Read once: YAML takes its time."""
    said: dict[str, Any] = read_yaml(read(source), str(source)).data
    return said


_MODEL: dict[str, Any] = {
    "title": {"ja": "試験のモデル", "en": "A model of the tests"},
    "service": "contract",
    "destination": "D1",
    "no_training": True,
    "recorded": True,
    "regions": ["jp"],
    "contract": "試験",
    "tools": ["*"],
}
