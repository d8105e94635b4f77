"""Who may be taken for gone: only one whose time has run out, or who is provably dead here."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit.leases import Lease, Process, is_over, provably_dead, this_process
from audit.names import moment

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """Another process on this machine, alive."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def seen(process: subprocess.Popen[bytes]) -> Process:
    """What that process would say of itself."""
    with open(f"/proc/{process.pid}/stat") as stat:
        born = stat.read().rpartition(")")[2].split()[19]
    return replace(this_process(), pid=process.pid, born=born)


def lease(process: Process, seconds: float) -> Lease:
    return Lease("w-1", process, moment(NOW + timedelta(seconds=seconds)), 1)


def test_a_living_process_is_not_dead(other: subprocess.Popen[bytes]) -> None:
    assert not provably_dead(seen(other), this_process())
    assert not provably_dead(this_process(), this_process())


def test_a_killed_process_is_dead_even_before_it_was_buried(other: subprocess.Popen[bytes]) -> None:
    was = seen(other)
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
    assert provably_dead(was, this_process())
    other.wait()
    assert provably_dead(was, this_process())


def test_a_number_that_was_used_again_is_another_process(other: subprocess.Popen[bytes]) -> None:
    assert provably_dead(replace(seen(other), born="1"), this_process())


@pytest.mark.parametrize(
    "unsure", [{"boot": "another"}, {"namespace": "pid:[1]"}, {"boot": ""}, {"born": ""}]
)
def test_of_another_machine_or_container_nothing_is_proven(unsure: dict[str, Any]) -> None:
    gone = replace(this_process(), pid=2**22 + 1, born="1")
    assert provably_dead(gone, this_process())
    assert not provably_dead(replace(gone, **unsure), this_process())


def test_where_the_system_tells_nothing_nobody_is_dead() -> None:
    gone = Process("", "", 2**22 + 1, "")
    assert not provably_dead(gone, Process("", "", 1, ""))


def test_a_lease_is_over_when_its_time_has_run_out() -> None:
    alive = this_process()
    assert not is_over(lease(alive, +1), NOW, alive)
    assert is_over(lease(alive, -1), NOW, alive)


def test_a_lease_of_the_dead_is_over_at_once() -> None:
    gone = replace(this_process(), pid=2**22 + 1, born="1")
    assert is_over(lease(gone, +1000), NOW, this_process())
