"""No record, no call: when the ledger cannot be written, clients get 503 and the upstream not one byte."""

import os
import resource
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest


def refused(checkpoint: Any) -> bool:
    status, _, body = checkpoint.say("山田太郎さん、こんにちは")
    if status == 200:
        return False
    assert status == 503 and body["error"]["code"].startswith("ledger_"), body
    assert body["error"]["type"] == "api_error" and "AIを使えません" in body["error"]["message"]
    return True


@pytest.mark.requirement("R11", "R31")
def test_a_ledger_made_read_only_stops_every_call_and_its_return_lets_them_pass(
    checkpoint: Any, upstream: Any
) -> None:
    Path(checkpoint.ledger).chmod(0o444)
    assert refused(checkpoint) and checkpoint.status("/readyz") == 503
    assert upstream.received == b""
    Path(checkpoint.ledger).chmod(0o600)
    assert not refused(checkpoint) and checkpoint.status("/readyz") == 200
    assert checkpoint.verify()["ok"]


def test_a_house_that_starts_on_a_read_only_ledger_answers_503(
    start_checkpoint: Any, upstream: Any, tmp_path: Path
) -> None:
    first = start_checkpoint(upstream.url)
    first.say("こんにちは")
    first.stop()
    sent = upstream.received
    Path(first.ledger).chmod(0o444)
    second = start_checkpoint(upstream.url, wait=False)
    deadline = time.monotonic() + 60
    while second.say("こんにちは")[2]["error"]["code"] == "detector_loading" and time.monotonic() < deadline:
        time.sleep(0.2)
    assert refused(second)
    assert upstream.received == sent


def test_a_full_disk_stops_every_call_and_loses_nothing(checkpoint: Any, upstream: Any) -> None:
    assert not refused(checkpoint)
    checkpoint_size = sum(path.stat().st_size for path in Path(checkpoint.dir).glob("ledger.sqlite*"))
    resource.prlimit(checkpoint.process.pid, resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
    before = upstream.received
    assert checkpoint_size > 1024
    assert refused(checkpoint)
    assert upstream.received == before
    resource.prlimit(
        checkpoint.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    )
    assert not refused(checkpoint)
    assert checkpoint.verify()["ok"]


def test_a_ledger_that_was_moved_away_stops_every_call(checkpoint: Any, upstream: Any) -> None:
    assert not refused(checkpoint)
    before = upstream.received
    os.rename(checkpoint.ledger, checkpoint.ledger + ".gone")
    Path(checkpoint.ledger).mkdir()
    assert refused(checkpoint)
    assert upstream.received == before


@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=pytest.mark.long)])
def test_kill_minus_9_under_load_leaves_every_call_recorded_and_every_orphan_lost(
    start_checkpoint: Any, upstream: Any, rounds: int
) -> None:
    for _ in range(rounds):
        running = start_checkpoint(upstream.url)
        load = [threading.Thread(target=_ask_until_it_dies, args=(running, n), daemon=True) for n in range(8)]
        for thread in load:
            thread.start()
        deadline = time.monotonic() + 30
        while (
            not (upstream.received.count(b"POST ") >= 20 and _slow(running)) and time.monotonic() < deadline
        ):
            time.sleep(0.05)
        running.process.kill()
        running.process.wait()
        for thread in load:
            thread.join(30)
    after = start_checkpoint(upstream.url)
    deadline = time.monotonic() + 30
    while (open_ones := _open(after)) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert open_ones == set()
    asked = {record["exchange"] for record in after.records("asked")}
    assert len(upstream.requests) <= len(asked)
    assert after.records("lost"), "the load was running when it was killed"
    assert all(record["body"]["egress_state"] == "unknown" for record in after.records("lost"))
    marks = {request["user"] for request in upstream.requests}
    with sqlite3.connect(after.ledger) as connection:
        kept = "".join(text for (text,) in connection.execute("SELECT text FROM texts"))
    assert all(mark in kept for mark in marks), "every request the upstream saw has its asked record"
    assert after.verify()["ok"]


def _ask_until_it_dies(checkpoint: Any, number: int) -> None:
    for turn in range(1000):
        body = {"model": "slow" if turn % 2 else "echo", "user": f"mark-{number}-{turn}-{time.time_ns()}"}
        try:
            checkpoint.post(body | {"messages": [{"role": "user", "content": "山田太郎さんへ"}]})
        except OSError:
            return


def _slow(checkpoint: Any) -> set[str]:
    """What is being answered just now and will be for a while: a slow answer takes a second."""
    asked = checkpoint.records("asked")
    return _open(checkpoint) & {r["exchange"] for r in asked if r["body"]["model_requested"] == "slow"}


def _open(checkpoint: Any) -> set[str]:
    records = checkpoint.records()
    asked = {record["exchange"] for record in records if record["kind"] == "asked"}
    return asked - {
        r["exchange"] for r in records if r["kind"] in ("answered", "refused", "failed", "abandoned", "lost")
    }


def test_a_sweep_beside_a_loaded_house_closes_nothing_that_is_alive(
    checkpoint: Any, sekisho: Any, upstream: Any
) -> None:
    load = [threading.Thread(target=checkpoint.say, args=("山田太郎さんへ", "slow")) for _ in range(8)]
    for thread in load:
        thread.start()
    time.sleep(0.3)
    done = sekisho("audit", "sweep", "--ledger", checkpoint.ledger)
    assert done.returncode == 0, done.stderr
    for thread in load:
        thread.join()
    kinds = [record["kind"] for record in checkpoint.records()]
    assert kinds.count("answered") == 8 and "lost" not in kinds
