"""Four processes write into one PostgreSQL at once: no gap, none lost, none twice, one series of notes, no queue.

Each process has its own chain, so no two ever want the same row: what makes the database wait is the disk, not
each other.
"""

import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from audit import notes
from audit.address import Address
from audit.signing import create_keys
from tests.audit.ledgers import rows, verified
from tests.stories.writing import Writers, begin

AT_A_TIME = 32


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """(private, public) key files."""
    return create_keys(tmp_path / "keys")


def at_work(stage: ExitStack, ledger: Address, key: Path, processes: int, each: int) -> list[Writers]:
    """So many processes, ready to write so many exchanges each."""
    return begin(stage, ledger, key, [f"p{number}" for number in range(processes)], each, AT_A_TIME)


def write(writers: list[Writers]) -> None:
    """All at once and to their end."""
    for each in writers:
        each.go()
    for each in writers:
        each.finish()


@pytest.mark.timeout(1800)
@pytest.mark.requirement("R43")
@pytest.mark.parametrize("count", [400, pytest.param(20_000, marks=pytest.mark.long)])
def test_four_processes_leave_no_gap_lose_nothing_and_double_nothing(
    stage: ExitStack, postgres_url: str, keys: tuple[Path, Path], count: int
) -> None:
    ledger = Address(url=postgres_url)
    writers = at_work(stage, ledger, keys[0], 4, count // 4)
    write(writers)
    done = [name for each in writers for name in each.heard("done")]
    assert len(done) == count == len(set(done))
    assert [each.heard("kept") + each.heard("owed") for each in writers] == [[]] * 4

    chains = rows(ledger, "SELECT writer, count(*), min(idx), max(idx) FROM records GROUP BY writer")
    assert len(chains) == 4
    assert all((first, last) == (1, size) for _, size, first, last in chains), "no gap"
    pairs = rows(ledger, "SELECT exchange, min(kind), max(kind), count(*) FROM records GROUP BY exchange")
    assert {pair[0] for pair in pairs} == set(done), "none lost"
    assert {pair[1:] for pair in pairs} == {("answered", "asked", 2)}, "none twice, none open"

    signed = [note for (note,) in rows(ledger, "SELECT note FROM notes ORDER BY number")]
    assert [notes.read(note).number for note in signed] == list(range(1, len(signed) + 1)), "one series"
    closed = {head.writer for note in signed for head in notes.read(note).heads if head.closed}
    assert closed == {writer for writer, *_ in chains}
    report = verified(ledger, keys[1])
    assert report.ok, report.first_bad
    assert (report.records, report.texts, report.unanchored) == (2 * count, 2 * count, 0)


@dataclass
class Watch:
    """Looks at what the writers' sessions wait for, again and again, until it is told to stop.

    looks   sessions that were seen at work, one for each session and look
    waits   those of them that were waiting for a lock, by its kind
    """

    url: str

    def __post_init__(self) -> None:
        self.looks = 0
        self.waits: Counter[str] = Counter()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        found = "SELECT wait_event_type, wait_event FROM pg_stat_activity WHERE datname = current_database()"
        found += " AND pid <> pg_backend_pid() AND state = 'active'"
        with psycopg.connect(self.url, autocommit=True) as line:
            while not self._over.is_set():
                for kind, event in line.execute(found.encode()).fetchall():
                    self.looks += 1
                    self.waits.update([event] if kind == "Lock" else [])
                time.sleep(0.002)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("each", "fleets"), [(100, (1, 4)), pytest.param(2_000, (1, 2, 4), marks=pytest.mark.long)]
)
def test_processes_do_not_wait_for_each_others_locks(
    stage: ExitStack, postgres: Any, keys: tuple[Path, Path], each: int, fleets: tuple[int, ...]
) -> None:
    """Hardly ever, with one process or with four: a queue at a lock would show in every second look.

    Counted, not timed: of all the times that a session was seen at work, how often it stood at a lock. What is
    left are two that enter a note at the same moment, one that makes a month's room, and, of the server's own,
    two that lengthen a table's file at once (``extend``), which none of our statements asks for.
    """
    for processes in fleets:
        name = postgres.database()
        ledger = Address(url=postgres.url(name))
        writers = at_work(stage, ledger, keys[0], processes, each)
        watch = Watch(postgres.url(name))
        write(writers)
        watch.stop()
        ours = watch.waits.total() - watch.waits["extend"]
        assert watch.looks >= 3, "the watch looked elsewhere"
        assert ours <= 1 + watch.looks // 20, f"{processes} processes: {watch.waits} of {watch.looks} looks"
        postgres.drop(name)
