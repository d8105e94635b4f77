"""`sekisho stop` halts four checkpoints over one house within a second, also in the middle of their answers."""

import json
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from audit.address import Address
from tests.audit.ledgers import soon, verified
from tests.stories.conftest import Checkpoint, Upstream, begin_upstream
from tests.stories.served import serve

SAID = [{"role": "user", "content": "会議の流れを、順番に、短い文で、書いてください。よろしくお願いします。"}]
ASKED: dict[str, dict[str, Any]] = {
    "/chat/completions": {"messages": SAID},
    "/responses": {"input": SAID[0]["content"]},
    "/messages": {"messages": SAID, "max_tokens": 100},
}
PATHS = (*ASKED, "/chat/completions")
"""What runs in each of the four."""


@dataclass
class Reading:
    """Somebody who reads a streamed answer to its end: its lines, and when the last one came."""

    checkpoint: Checkpoint
    path: str
    lines: list[str] = field(default_factory=list)
    ended: float | None = None

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        body = json.dumps({"model": "endless", "stream": True, **ASKED[self.path]}).encode()
        headers = {"authorization": f"Bearer {self.checkpoint.key}", "content-type": "application/json"}
        request = urllib.request.Request(self.checkpoint.base_url + self.path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                for line in reply:
                    self.lines.append(line.decode())
        finally:
            self.ended = time.monotonic()

    @property
    def error(self) -> dict[str, Any]:
        """The error event at its end."""
        last = [line for line in self.lines if line.startswith("data: ")][-1]
        return dict(json.loads(last.removeprefix("data: "))["error"])


@pytest.mark.timeout(1800)
@pytest.mark.requirement("R75")
def test_a_stop_cuts_running_answers_in_every_process_within_a_second_and_lets_nothing_new_pass(
    stage: ExitStack, tmp_path: Path, sekisho: Any
) -> None:
    upstream: Upstream = begin_upstream(stage, tmp_path / "upstream")
    ledger = Address(tmp_path / "ledger.sqlite")
    first = serve(stage, tmp_path, upstream, ledger)
    with ThreadPoolExecutor(3) as starting:
        others = list(starting.map(lambda _: serve(stage, tmp_path, upstream, ledger), range(3)))
    houses = [first, *others]
    at_home = {"SEKISHO_HOME": first.dir, "SEKISHO_LEDGER": first.ledger}

    readings = [Reading(one, path) for one, path in zip(houses, PATHS, strict=True)]
    assert soon(lambda: all(len(one.lines) > 20 for one in readings), 60)
    assert {one.ended for one in readings} == {None}, "all four are in the middle of an answer"

    done = sekisho("stop", "--reason", "点検", "--by", "課長", **at_home)
    told = time.monotonic()
    assert done.returncode == 0, done.stderr
    assert soon(lambda: all(one.ended for one in readings), 30)
    assert max(one.ended or 0 for one in readings) - told < 1.0
    for one in readings:
        assert one.error["code"] == "stopped" and "止められています" in one.error["message"]

    sent = upstream.received
    for one in houses:
        for path, body in ASKED.items():
            status, headers, reply = one.post({"model": "echo", **body}, path)
            assert (status, reply["error"]["code"]) == (503, "stopped")
            assert headers["x-should-retry"] == "false"
        assert one.status("/readyz") == 503
    assert upstream.received == sent, "not one byte"
    broken_off = upstream.folder / "endless.txt"
    assert soon(lambda: broken_off.exists() and len(broken_off.read_text().split()) == 4, 10)

    endings = [record["body"] for record in first.records("failed")]
    assert [(one["reason"], one["egress_state"], one["http_status"]) for one in endings] == [
        ("stopped", "masked", 200)
    ] * 4
    refusals = [record["body"] for record in first.records("refused")]
    assert [(one["reason"], one["egress_state"]) for one in refusals] == [("stopped", "none")] * 12
    (stopped,) = [r["body"] for r in first.records("noted") if r["body"]["event"] == "house.stopped"]
    assert (stopped["target"], stopped["reason"], stopped["by"]) == ("house", "点検", "課長")

    done = sekisho("resume", "--reason", "済", "--by", "課長", **at_home)
    assert done.returncode == 0, done.stderr
    for one in houses:
        assert soon(lambda: one.say("こんにちは")[0] == 200, 5)  # noqa: B023
    report = verified(ledger, Path(first.public_key))
    assert report.ok, report.first_bad
