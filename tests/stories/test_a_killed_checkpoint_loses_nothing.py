"""The checkpoint is killed, its database restarted or cut off, its disk filled, at any moment under load: nothing is lost.

Afterwards every exchange that was acknowledged is there, the upstream has seen nothing that has no record, every
exchange has its one ending, and the ledger is sound. In between clients get an error, and the upstream not one byte.
"""

import os
import random
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from audit.address import Address
from audit.ledger import Ledger
from audit.signing import create_keys
from tests.audit.ledgers import rows, soon, verified
from tests.postgres import Server
from tests.stories.served import OPEN, Clerks, nothing_was_lost, serve
from tests.stories.writing import begin

REFUSALS = {"503 ledger_unavailable", "500 ledger_unavailable"}
"""Nothing was sent, for it could not be recorded; it was sent, and its ending will be recorded later."""

ROOM = 24 << 20
"""Bytes of the file system that runs full."""


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    """Where the ledger will lie: a file, then an empty database of a real server."""
    if request.param == "sqlite":
        return Address(tmp_path / "ledger.sqlite")
    return Address(url=request.getfixturevalue("postgres_url"))


# ── kill -9 ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.timeout(1800)
@pytest.mark.requirement("R31")
@pytest.mark.parametrize("times", [3, pytest.param(50, marks=pytest.mark.long)])
def test_kill_minus_9_at_any_moment_of_a_writing_process(
    stage: ExitStack, ledger: Address, tmp_path: Path, times: int
) -> None:
    """The random moment counts from the first word, so that it falls into the work however slow the machine is."""
    seed = int(os.environ.get("KILLING_SEED") or secrets.randbelow(2**32))
    dice = random.Random(seed)
    private, public = create_keys(tmp_path / "keys")
    sent, done, kept = [], [], []
    for turn in range(times):
        (writers,) = begin(stage, ledger, private, [f"k{turn}"], 100_000, 16)
        writers.go()
        assert soon(lambda: bool(writers.heard("sent")), 60), f"KILLING_SEED={seed}"  # noqa: B023
        time.sleep(dice.random() * 0.4)
        writers.kill()
        sent += writers.heard("sent")
        done += writers.heard("done")
        kept += writers.heard("kept") + writers.heard("owed")
    assert kept == []
    sweeper = Ledger(ledger, private, lease_seconds=1.0)
    sweeper.start()
    try:
        assert soon(lambda: rows(ledger, OPEN) == [], 60), f"KILLING_SEED={seed}"
    finally:
        sweeper.stop()
    asked = {name for (name,) in rows(ledger, "SELECT exchange FROM records WHERE turn = 1")}
    ended = dict(rows(ledger, "SELECT exchange, kind FROM records WHERE turn = 2"))
    assert set(sent) <= asked, f"what left has its record; KILLING_SEED={seed}"
    assert {ended[name] for name in done} == {"answered"}, "every acknowledged exchange is there"
    assert ended.keys() == asked and set(ended.values()) == {"answered", "lost"}, f"KILLING_SEED={seed}"
    report = verified(ledger, public)
    assert report.ok, (report.first_bad, f"KILLING_SEED={seed}")
    assert report.unanchored == 0, "the sweeper's last note speaks of all of them"


@pytest.mark.timeout(1800)
@pytest.mark.requirement("R31")
@pytest.mark.parametrize("times", [1, pytest.param(8, marks=pytest.mark.long)])
def test_kill_minus_9_at_any_moment_of_a_served_checkpoint(
    stage: ExitStack, ledger: Address, tmp_path: Path, upstream: Any, times: int
) -> None:
    dice, answered = random.Random(), []
    for turn in range(times + 1):
        checkpoint = serve(stage, tmp_path, upstream, ledger)
        clerks = Clerks(checkpoint, "k" * (turn + 1))
        assert clerks.wait_for(200)
        if turn < times:
            time.sleep(dice.random())
            assert soon(lambda: rows(ledger, OPEN) != []), "never at work"
            checkpoint.process.kill()
            checkpoint.process.wait()
        clerks.stop()
        assert not clerks.hung
        answered += clerks.answered
    nothing_was_lost(ledger, upstream, Path(checkpoint.public_key), answered)
    assert rows(ledger, "SELECT count(*) FROM records WHERE kind = 'lost'") != [(0,)], "it was killed at work"


# ── the database goes away ────────────────────────────────────────────────────────────────────────


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of this story's own: it will not live long."""
    server = Server()
    server.start()
    yield server
    server.close()


@pytest.mark.timeout(1800)
@pytest.mark.requirement("R31")
def test_a_database_that_is_restarted_or_cut_off_stops_every_call_and_loses_nothing(
    stage: ExitStack, server: Server, tmp_path: Path, upstream: Any
) -> None:
    ledger = Address(url=server.url(server.database()))
    checkpoint = serve(stage, tmp_path, upstream, ledger)
    clerks = Clerks(checkpoint, "db")
    assert clerks.wait_for(200)

    server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sekisho'")
    assert clerks.wait_for(200), "cut off once, it connects again"

    server.stop(signal.SIGQUIT)  # as in a power cut
    server.start()
    assert clerks.wait_for(200), "restarted"

    server.stop()
    assert clerks.wait_for(503), "while there is no database, nobody is served"
    assert checkpoint.status("/readyz") == 503
    assert soon(lambda: not _grows(upstream)), "and the upstream gets nothing"
    assert clerks.wait_for(503)
    server.start()
    assert clerks.wait_for(200), "and when it is there again, everybody"
    assert checkpoint.status("/readyz") == 200

    clerks.stop()
    assert not clerks.hung
    assert clerks.reasons.keys() <= REFUSALS, clerks.reasons
    nothing_was_lost(ledger, upstream, Path(checkpoint.public_key), clerks.answered)


def _grows(upstream: Any) -> bool:
    before = len(upstream.received)
    time.sleep(0.5)
    return len(upstream.received) > before


# ── the disk is full ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def small_disk(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of its own, of ``request.param`` bytes. Only root can mount one."""
    folder = Path(tempfile.mkdtemp(prefix="disk-"))
    folder.chmod(0o755)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={request.param},mode=1777", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


def fill(disk: Path) -> Path:
    """Take all the room there is."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        size = 1 << 20
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2
    return filler


@pytest.mark.timeout(1800)
@pytest.mark.requirement("R31")
@pytest.mark.parametrize("small_disk", [ROOM], indirect=True)
def test_a_disk_that_runs_full_under_a_file_stops_every_call_and_loses_nothing(
    stage: ExitStack, small_disk: Path, tmp_path: Path, upstream: Any
) -> None:
    ledger = Address(small_disk / "ledger.sqlite")
    checkpoint = serve(stage, tmp_path, upstream, ledger)
    clerks = Clerks(checkpoint, "full")
    assert clerks.wait_for(200)
    filler = fill(small_disk)
    assert clerks.wait_for(503), "full: nobody is served"
    assert soon(lambda: not _grows(upstream)), "and the upstream gets nothing"
    filler.unlink()
    assert clerks.wait_for(200), "there is room again"
    clerks.stop()
    assert not clerks.hung
    assert clerks.reasons.keys() <= REFUSALS, clerks.reasons
    nothing_was_lost(ledger, upstream, Path(checkpoint.public_key), clerks.answered)


@pytest.mark.timeout(1800)
@pytest.mark.requirement("R31")
@pytest.mark.parametrize("small_disk", [ROOM * 10], indirect=True)
def test_a_disk_that_runs_full_under_a_database_stops_every_call_and_loses_nothing(
    stage: ExitStack, small_disk: Path, tmp_path: Path, upstream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL stops itself when it cannot write its log any more; whoever makes room starts it again."""
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    server = Server()
    stage.callback(server.close)
    server.start()
    monkeypatch.undo()
    ledger = Address(url=server.url(server.database()))
    checkpoint = serve(stage, tmp_path, upstream, ledger)
    clerks = Clerks(checkpoint, "full")
    assert clerks.wait_for(200)
    filler = fill(small_disk)
    assert clerks.wait_for(503), "full: nobody is served"
    assert soon(lambda: not _grows(upstream)), "and the upstream gets nothing"
    filler.unlink()
    server.stop()
    server.start()
    assert clerks.wait_for(200), "there is room again"
    clerks.stop()
    assert not clerks.hung
    assert clerks.reasons.keys() <= REFUSALS, clerks.reasons
    nothing_was_lost(ledger, upstream, Path(checkpoint.public_key), clerks.answered)
