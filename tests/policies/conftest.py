"""What all tests of the rules room start from: an ordinary ask, and a policy made of a few lines."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from policies import files
from policies.decide import Policy
from policies.model import Ask

ORDINARY = Ask(
    person="demo",
    department="都市創造部",
    section="道路課",
    actor="staff",
    identity="authenticated",
    tool="demo",
    enrolled=True,
    trained=True,
    acknowledged=True,
    dialect="chat",
    model="any-model",
    destination="D2",
    category="mail_draft",
    declared_class="2",
    entities=(),
    characters=400,
    at=datetime(2026, 11, 2, 1, 0, tzinfo=UTC),
)


@pytest.fixture(scope="session")
def ordinary() -> Ask:
    """The caller of ``sekisho demo`` with a plain text."""
    return ORDINARY


@pytest.fixture(scope="session")
def policy_of() -> Callable[..., Policy]:
    """``policy_of({"when": …, "gate": "allow"}, …)``: a policy of these rules, read as from a file."""

    def build(*rules: dict[str, Any], **head: Any) -> Policy:
        import json

        pair = {"ja": "題", "en": "title"}
        full = [
            {"id": f"R-{i}", "title": pair, "basis": "試験", "when": {"always": True}, "remedy": pair, **rule}
            for i, rule in enumerate(rules)
        ]
        policy = {"name": "test", "version": "1", "title": pair, **head, "rules": full}
        return files.parse(json.dumps(policy, ensure_ascii=False))

    return build
