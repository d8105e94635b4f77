"""What an outside judge says: pii-leak-benchmark plays the client and the model's server on both sides of us.

Its first profile looks at what leaves and whether the reply comes back whole; its second plants values in the
reply too, cut at every place, and values in a field that nobody knows. Values are drawn anew on every run.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stories.conftest import KEY

MASK_ONLY = "mask-only"


@pytest.mark.requirement("R29")
@pytest.mark.requirement("R39")
def test_nothing_leaves_and_everything_comes_back(start_checkpoint: Callable[..., Any]) -> None:
    from pii_leak_benchmark import capture_session, run_http_conformance
    from pii_leak_benchmark.selfcheck import verdict_for

    with capture_session(capture_port=0) as capture:
        checkpoint = start_checkpoint(capture.advertised_base_url, policy=MASK_ONLY, wait=False)
        report = run_http_conformance(
            checkpoint.base_url, api_key=KEY, session=capture, include_credentials=True
        )
    verdict, *why = verdict_for(report)
    assert verdict == "CLEAN", why
    assert checkpoint.verify()["ok"]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "cuts",
    [
        ["--exhaustive-splits"],
        pytest.param(["--oracle", "union-worst-case", "--partial-emission"], marks=pytest.mark.long),
    ],
    ids=["every cut in two", "every cut in two and three, and what came before the mask"],
)
def test_no_cut_of_a_stream_lets_a_value_through(
    start_checkpoint: Callable[..., Any], tmp_path: Path, cuts: list[str]
) -> None:
    port = _free_port()  # the judge's server listens there later, after ours and anew for every case
    checkpoint = start_checkpoint(f"http://127.0.0.1:{port}/v1", policy=MASK_ONLY)
    said = tmp_path / "report.json"
    judge = [sys.executable, "-m", "pii_leak_benchmark.v2_emitter", "--only", "sekisho", *cuts, "--validate"]
    judge += ["--gateway-url", f"{checkpoint.base_url}/chat/completions", "--upstream-port", str(port)]
    judge += ["--out", str(tmp_path / "judged"), "--json-out", str(said)]
    environment = os.environ | {"CONFORMANCE_TARGET_API_KEY": KEY}
    done = subprocess.run(judge, env=environment, capture_output=True, text=True, timeout=1700)
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = json.loads(said.read_text())["rows"]
    assert row["outcome"] == "pass", row
    assert (row["fidelity_rate"], row["cases_applicable"], row["inconclusive"]) == (1.0, 32, 0)
    assert row["leak_single_chunk"] == row["leak_adversarial"] == 0.0, row
    assert row["request_path_leak"] == []
    assert checkpoint.verify()["ok"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
