"""Whatever a client sends, well-formed or not: no accident, no hang, and nothing personal in what it is told.

The requests are made by schemathesis from our own OpenAPI description; personal data is put into many of their
strings and keys. The model's server answers every request well, so that every 5xx would be ours.
"""

from collections.abc import Callable
from typing import Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from proxy.app import DOORS

NAME, PHONE = "山田太郎", "090-1234-5678"
SECRET = f"{NAME}様の電話は{PHONE}"


def planted(value: Any) -> Any:
    """The same JSON with somebody's data in every third string and every fifth key."""
    if isinstance(value, str):
        return SECRET if crc32(value.encode("utf-8", "replace")) % 3 == 0 else value
    if isinstance(value, list):
        return [planted(item) for item in value]
    if isinstance(value, dict):
        return {SECRET if len(key) % 5 == 4 else key: planted(item) for key, item in value.items()}
    return value


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("policy", ["mask-only"])
@pytest.mark.parametrize("examples", [25, pytest.param(300, marks=pytest.mark.long)])
def test_no_request_makes_an_accident_or_is_echoed(
    start_checkpoint: Callable[..., Any], start_steady: Callable[..., str], policy: str, examples: int
) -> None:
    import schemathesis
    from schemathesis import GenerationMode

    checkpoint = start_checkpoint(start_steady(), policy=policy)
    api = schemathesis.openapi.from_url(f"{checkpoint.root}/openapi.json")
    seen: dict[str, set[int]] = {path: set() for path in DOORS}

    def fuzz(path: str, mode: GenerationMode) -> None:
        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=api[path]["POST"].as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            if case.media_type == "application/json":
                case.body = planted(case.body)
            reply = case.call(headers={"authorization": f"Bearer {checkpoint.key}"}, timeout=30)
            seen[path].add(reply.status_code)
            assert reply.status_code < 500, (path, reply.status_code, reply.text)
            assert NAME not in reply.text and PHONE not in reply.text, (path, reply.status_code, reply.text)
            assert reply.status_code == 200 or reply.json()["error"]["code"], (path, reply.text)

        send()

    for path in DOORS:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            fuzz(path, mode)
    assert all(400 in statuses for statuses in seen.values()), seen
    assert sum(200 in statuses for statuses in seen.values()) >= 2, seen  # else it fuzzes only our refusals
    log = checkpoint.log.read_text()
    assert NAME not in log and PHONE not in log
    assert checkpoint.verify()["ok"]
