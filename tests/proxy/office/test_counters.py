"""The counters: all or nothing, never beyond the limit, and what a dead process held comes back, once."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from audit.address import Address
from audit.leases import Process, this_process
from proxy.office.counters import SILENT, Counters, Done, Place, Standing, Want, usage_of
from proxy.office.store import Office

A, B = Place("q-a", "012345", "2026-11-23"), Place("q-b", "", "2026")
HERE = this_process()
ELSEWHERE = Process("another-boot", "another-namespace", 1, "1")
"""A process of another machine: nobody here can say whether it lives."""


@pytest.fixture
def counters(office: Office) -> Iterator[Counters]:
    with closing(Counters(office)) as counters:
        yield counters


def test_all_that_is_wanted_is_reserved_or_nothing(counters: Counters) -> None:
    assert counters.reserve("p", {A: Want(1, 2), B: Want(40, 100)}) == {A: 1, B: 40}
    assert counters.reserve("p", {A: Want(1, 2), B: Want(61, 100)}) is None
    assert counters.reserve("p", {A: Want(2, 2), B: Want(1, 100)}) is None
    assert counters.standing([A, B]) == {A: Standing(0, 1), B: Standing(0, 40)}
    assert counters.reserve("p", {A: Want(1, 2), B: Want(60, 100)}) == {A: 2, B: 100}, "to the last one"
    assert counters.held("p") == {A: 2, B: 100}


def test_a_new_counter_too_takes_no_more_than_the_limit(counters: Counters) -> None:
    assert counters.reserve("p", {A: Want(3, 2)}) is None
    assert counters.reserve("p", {A: Want(1, 2), B: Want(3, 2)}) is None
    assert counters.standing([A, B]) == {A: Standing(0, 0), B: Standing(0, 0)}


def test_settling_gives_back_what_was_reserved_and_counts_what_was_spent(counters: Counters) -> None:
    counters.reserve("p", {A: Want(1, 9), B: Want(40, 100)})
    counters.settle("p", {A: Done(1, 1), B: Done(40, 130)})
    assert counters.standing([A, B]) == {A: Standing(1, 0), B: Standing(130, 0)}
    assert counters.held("p") == {}
    assert counters.reserve("p", {B: Want(1, 100)}) is None, "the answer was longer than anybody thought"


def test_what_was_not_reserved_is_counted_too(counters: Counters) -> None:
    counters.settle("p", {A: Done(0, 7)})
    counters.settle("p", {A: Done(0, 5)})
    assert counters.standing([A]) == {A: Standing(12, 0)}


def test_nobody_gives_back_what_another_holds(counters: Counters) -> None:
    counters.reserve("p", {A: Want(3, 9)})
    counters.settle("q", {A: Done(3, 0)})
    counters.settle("p", {A: Done(5, 0)})
    assert counters.standing([A]) == {A: Standing(0, 0)}


def test_a_limit_that_was_lowered_holds_at_once(counters: Counters) -> None:
    counters.reserve("p", {A: Want(5, 9)})
    counters.settle("p", {A: Done(5, 5)})
    assert counters.reserve("p", {A: Want(1, 5)}) is None
    assert counters.reserve("p", {A: Want(1, 6)}) == {A: 6}


# ── those who died ────────────────────────────────────────────────────────────────────────────────────


def later(counters: Counters, seconds: float) -> None:
    """As if so much time had passed since every sign of life."""
    counters._rows("UPDATE {o}processes SET heartbeat = heartbeat - ?", seconds)


def test_what_a_silent_process_held_comes_back_once(counters: Counters) -> None:
    counters.beat("gone", ELSEWHERE)
    counters.reserve("gone", {A: Want(3, 9), B: Want(4, 9)})
    later(counters, SILENT - 5)
    assert counters.recover("p", HERE) == 0, "it may be alive"
    later(counters, 10)
    assert counters.recover("p", HERE) == 1
    assert counters.standing([A, B]) == {A: Standing(0, 0), B: Standing(0, 0)}
    assert counters.recover("p", HERE) == 0


def test_a_process_that_gives_signs_of_life_keeps_what_it_holds(counters: Counters) -> None:
    counters.beat("busy", ELSEWHERE)
    counters.reserve("busy", {A: Want(3, 9)})
    later(counters, SILENT + 5)
    counters.beat("busy", ELSEWHERE)
    assert counters.recover("p", HERE) == 0
    assert counters.held("busy") == {A: 3}


def test_a_process_that_provably_died_is_not_waited_for(counters: Counters) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    born = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19]
    process = Process(HERE.boot, HERE.namespace, child.pid, born)
    counters.beat("child", process)
    counters.reserve("child", {A: Want(3, 9)})
    assert counters.recover("p", HERE) == 0
    child.kill()
    child.communicate()
    assert counters.recover("p", HERE) == 1
    assert counters.standing([A]) == {A: Standing(0, 0)}


def test_whoever_was_taken_for_dead_takes_nothing_twice(counters: Counters) -> None:
    """It slept too long, its reservation came back, and somebody else took its place before it woke."""
    counters.beat("sleeper", ELSEWHERE)
    counters.reserve("sleeper", {A: Want(3, 3)})
    later(counters, SILENT + 5)
    counters.recover("p", HERE)
    assert counters.reserve("p", {A: Want(3, 3)}) == {A: 3}
    counters.settle("sleeper", {A: Done(3, 2)})
    assert counters.standing([A]) == {A: Standing(2, 3)}, "what it spent counts; what p holds stays"
    assert counters.held("p") == {A: 3}


def test_a_process_that_can_be_seen_to_live_is_never_taken_for_dead(counters: Counters) -> None:
    """The machine's clock jumped, or the machine slept: no heartbeat is younger than SILENT."""
    counters.beat("awake", HERE)
    counters.reserve("awake", {A: Want(3, 3)})
    later(counters, 10 * SILENT)
    assert counters.recover("p", HERE) == 0
    assert counters.reserve("p", {A: Want(1, 3)}) is None


def test_whoever_was_taken_for_dead_learns_of_it_and_takes_up_what_is_under_way(counters: Counters) -> None:
    assert counters.beat("sleeper", ELSEWHERE) is False, "it is new"
    assert counters.beat("sleeper", ELSEWHERE) is True
    counters.reserve("sleeper", {A: Want(3, 3)})
    later(counters, SILENT + 5)
    counters.recover("p", HERE)
    assert counters.reserve("p", {A: Want(2, 3)}) == {A: 2}
    assert counters.beat("sleeper", ELSEWHERE) is False
    counters.take_up("sleeper", {A: 3, B: 1})
    assert counters.standing([A, B]) == {A: Standing(0, 5), B: Standing(0, 1)}
    assert counters.held("sleeper") == {A: 3, B: 1}
    assert counters.reserve("p", {A: Want(1, 3)}) is None, "the limit holds for all that comes"
    counters.settle("sleeper", {A: Done(3, 3), B: Done(1, 0)})
    assert counters.standing([A, B]) == {A: Standing(3, 2), B: Standing(0, 0)}


def test_what_is_held_by_nobody_that_is_known_comes_back(counters: Counters) -> None:
    counters.reserve("stray", {A: Want(3, 9)})
    assert counters.recover("p", HERE) == 1
    assert counters.standing([A]) == {A: Standing(0, 0)}


def test_whoever_leaves_in_good_order_leaves_nothing_behind(counters: Counters) -> None:
    counters.beat("p", HERE)
    counters.reserve("p", {A: Want(3, 9)})
    counters.leave("p")
    assert counters.standing([A]) == {A: Standing(0, 0)}
    assert counters._rows("SELECT * FROM {o}processes") == []
    assert counters._rows("SELECT * FROM {o}held") == []


def test_minutes_and_days_that_are_long_over_are_forgotten_and_months_are_not(counters: Counters) -> None:
    now = 1_795_000_000.0  # 2026-11-18
    kept = [Place("q", "", "2026-11-18"), Place("q", "", "2020-01"), Place("q", "", "2019")]
    old = [Place("q", "", "2026-11-01T00:00"), Place("q", "", "2025-01-01")]
    counters.settle("p", {place: Done(0, 1) for place in kept + old})
    counters.reserve("p", {Place("r", "", "2025-01-01"): Want(1, 9)})
    counters.tidy(now)
    left = {Place(*row) for row in counters._rows("SELECT quota, subject, period FROM {o}counters")}
    assert left == {*kept, Place("r", "", "2025-01-01")}, "what is held stays"


def test_a_connection_that_breaks_is_made_anew(office: Office, counters: Counters) -> None:
    counters.reserve("p", {A: Want(1, 9)})
    assert counters._line is not None
    counters._line.close()
    with pytest.raises(Exception):  # noqa: B017  # the driver's own
        counters.reserve("p", {A: Want(1, 9)})
    assert counters.reserve("p", {A: Want(1, 9)}) == {A: 2}
    assert usage_of(office) == {A: Standing(0, 2)}


def test_a_file_that_was_exchanged_is_not_counted_in_any_more(tmp_path: Path) -> None:
    path = tmp_path / "office.sqlite"
    with closing(Office(Address(path))) as office, closing(Counters(office)) as counters:
        counters.reserve("p", {A: Want(1, 9)})
        with closing(Office(Address(tmp_path / "other.sqlite"))):
            pass
        for file in tmp_path.glob("office.sqlite-*"):
            file.unlink()
        os.replace(tmp_path / "other.sqlite", path)
        assert counters.standing([A]) == {A: Standing(0, 0)}
        path.unlink()
        with pytest.raises(OSError):
            counters.standing([A])


# ── the laws, under any interleaving ──────────────────────────────────────────────────────────────────

PLACES = (A, B, Place("q-a", "067890", "2026-11-23"))
MOST = {A: 5, B: 50, PLACES[2]: 7}
PEERS = ("p", "q", "r")


@dataclass
class World:
    """What should stand in the books: what each process has under way, and what was spent by whom it was permitted."""

    held: dict[str, list[dict[Place, int]]] = field(default_factory=lambda: {peer: [] for peer in PEERS})
    used: Counter[Place] = field(default_factory=Counter)

    def reserved(self, place: Place) -> int:
        return sum(one.get(place, 0) for each in self.held.values() for one in each)


def laws(office: Office) -> type[RuleBasedStateMachine]:
    class Laws(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.world = World()
            self.counters = {peer: Counters(office) for peer in PEERS}
            for table in ("counters", "held", "processes"):
                self.counters["p"]._rows(f"DELETE FROM {{o}}{table}")
            for peer in PEERS:
                self.counters[peer].beat(peer, ELSEWHERE)

        def teardown(self) -> None:
            for each in self.counters.values():
                each.close()

        @rule(
            peer=st.sampled_from(PEERS),
            amounts=st.dictionaries(st.sampled_from(PLACES), st.integers(0, 4), min_size=1),
        )
        def reserve(self, peer: str, amounts: dict[Place, int]) -> None:
            fits = all(
                self.world.used[place] + self.world.reserved(place) + amount <= MOST[place]
                for place, amount in amounts.items()
            )
            got = self.counters[peer].reserve(peer, {p: Want(n, MOST[p]) for p, n in amounts.items()})
            assert (got is not None) == fits, "granted exactly where it fits"
            if got is not None:
                self.world.held[peer].append(amounts)
                assert got == {p: self.world.used[p] + self.world.reserved(p) for p in amounts}

        @rule(peer=st.sampled_from(PEERS), which=st.integers(0, 9), part=st.sampled_from([0.0, 0.5, 1.0]))
        def settle(self, peer: str, which: int, part: float) -> None:
            if not (under_way := self.world.held[peer]):
                return
            amounts = under_way.pop(which % len(under_way))
            spent = {place: int(amount * part) for place, amount in amounts.items()}
            self.counters[peer].settle(peer, {p: Done(n, spent[p]) for p, n in amounts.items()})
            self.world.used.update(spent)

        @rule(peer=st.sampled_from(PEERS), by=st.sampled_from(PEERS))
        def crash(self, peer: str, by: str) -> None:
            if peer == by:
                return
            self.counters[peer].close()
            late = "UPDATE {o}processes SET heartbeat = heartbeat - 60 WHERE id = ?"
            self.counters[by]._rows(late, peer)
            assert self.counters[by].recover(by, HERE) == 1
            assert self.counters[by].recover(by, HERE) == 0
            self.world.held[peer].clear()
            self.counters[peer].beat(peer, ELSEWHERE)  # it starts anew

        @invariant()
        def what_is_reserved_is_what_is_held_and_nothing_is_beyond_the_limit(self) -> None:
            for place, standing in self.counters["p"].standing(PLACES).items():
                assert standing == (self.world.used[place], self.world.reserved(place))
                assert sum(standing) <= MOST[place]

    return Laws


@pytest.mark.requirement("R67")
@pytest.mark.parametrize("examples", [15, pytest.param(300, marks=pytest.mark.long)])
def test_no_interleaving_of_reserving_settling_and_dying_breaks_a_limit(
    office: Office, examples: int
) -> None:
    run_state_machine_as_test(
        laws(office),
        settings=settings(
            max_examples=examples, stateful_step_count=25, deadline=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 8)), max_size=8))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_spent_adds_up_whatever_was_reserved(
    office: Office, exchanges: list[tuple[int, int]]
) -> None:
    with closing(Counters(office)) as counters:
        counters._rows("DELETE FROM {o}counters")
        for reserved, spent in exchanges:
            counters.reserve("p", {A: Want(reserved, 10**6)})
            counters.settle("p", {A: Done(reserved, spent)})
        assert sum(counters.standing([A])[A]) == sum(spent for _, spent in exchanges)
