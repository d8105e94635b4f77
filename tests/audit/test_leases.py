"""Who may be taken for gone: only one whose time has run out, or who is provably dead here."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit import leases, tables
from audit.address import Address
from audit.leases import Process, provably_dead, this_process
from audit.ledger import Ledger
from audit.model import Draft
from audit.names import moment
from audit.store import Store
from audit.stores import place_of
from tests.audit.ledgers import rows

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


# ── the rows, in both stores ─────────────────────────────────────────────────────────────────────

WRITER = "w20261123T050000Z-aaaaaa"


@pytest.fixture
def place(address: Address) -> Address:
    return address


@pytest.fixture
def store(place: Address) -> Iterator[Store]:
    store = Store(place_of(place), create=True)
    with store.transaction() as connection:
        leases.take(connection, WRITER, this_process(), NOW, 10.0)
    yield store
    store.close()


def test_a_name_is_taken_once(store: Store) -> None:
    with pytest.raises(tables.IntegrityError), store.transaction() as connection:
        leases.take(connection, WRITER, this_process(), NOW, 10.0)
    with store.transaction() as connection:
        assert leases.is_known(connection, WRITER)
        assert not leases.is_known(connection, WRITER + "0")


def test_a_lease_lives_as_long_as_it_is_renewed(store: Store) -> None:
    with store.transaction() as connection:
        assert leases.renew(connection, WRITER, 7, NOW + timedelta(seconds=9), 10.0)
        (seen,) = leases.living(connection)
    assert (seen.open_from, seen.until) == (7, moment(NOW + timedelta(seconds=19)))


def test_a_writer_that_wrote_nothing_leaves_no_lease_behind(store: Store, place: Address) -> None:
    with store.transaction() as connection:
        leases.end(connection, WRITER, NOW)
    assert rows(place, "SELECT * FROM leases") == []


def test_a_lease_that_was_ended_is_neither_renewed_nor_seized(ledger: Ledger, place: Address) -> None:
    writer = ledger.append_now(Draft("viewed", None, {})).writer
    store = Store(place_of(place), create=False)
    with store.transaction() as connection:
        (seen,) = leases.living(connection)
        assert leases.seize(connection, seen) == seen
        leases.end(connection, writer, NOW)
    with store.transaction() as connection:
        assert not leases.renew(connection, writer, 1, NOW, 10.0)
        assert leases.seize(connection, seen) is None
        assert leases.living(connection) == []
    store.close()
    assert rows(place, "SELECT writer, ended FROM leases") == [(writer, moment(NOW))]
