"""Many processes hold one limit: never over it, nothing lost, and what a killed process held comes back.

First the desks of limits by themselves, as many and as quick as the store lets them be; then a whole checkpoint, with
the `sekisho quota` command beside it and the official client as a clerk's tool.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from audit.address import Address
from proxy.office.counters import Place, Standing, usage_of
from proxy.office.store import Office
from tests.audit.ledgers import ROOT, named
from tests.stories.conftest import Checkpoint, Upstream, sekisho
from tests.stories.reserving import REQUESTS, TOKENS
from tests.stories.test_many_processes_one_ledger import Watch
from tests.stories.writing import Writers

PROGRAM = Path(__file__).with_name("reserving.py")


def begin(stage: ExitStack, office: Address, names: list[str], *load: object) -> list[Writers]:
    """One process for each name; they wait for `go`. ``load``: see reserving.py."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    begun = []
    for name in names:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), named(office), name, *map(str, load)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        stage.callback(_close, process)
        begun.append(process)
    return [Writers(process) for process in begun]


def _close(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    if request.param == "sqlite":
        return Address(tmp_path / "office.sqlite")
    return Address(url=request.getfixturevalue("postgres_url"))


@pytest.fixture
def office(place: Address) -> Iterator[Office]:
    with closing(Office(place)) as office:
        yield office


class Onlooker:
    """Looks at two counters again and again: the most that was ever seen in them, used and reserved."""

    def __init__(self, office: Office) -> None:
        self.most: dict[Place, int] = {}
        self.looks = 0
        self._office = office
        self._broken: BaseException | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        if self._broken is not None:
            raise self._broken
        assert self.looks > 3, "it saw next to nothing"

    def _look(self) -> None:
        try:
            while not self._over.wait(0.01):
                for counter, standing in usage_of(self._office).items():
                    self.most[counter] = max(self.most.get(counter, 0), sum(standing))
                self.looks += 1
        except BaseException as error:
            self._broken = error


def load(many: int, postgresql: int, sqlite: int) -> list[Any]:
    """So many exchanges for each process, so many at a time, in each store: the small ones always."""
    return [
        pytest.param("postgresql", 3, 40, 20, id="postgresql"),
        pytest.param("sqlite", 3, 20, 10, id="sqlite"),
        pytest.param("postgresql", many, 2 * postgresql, postgresql, marks=pytest.mark.long, id="postgresql-long"),
        pytest.param("sqlite", many, 2 * sqlite, sqlite, marks=pytest.mark.long, id="sqlite-long"),
    ]  # fmt: skip


@pytest.mark.timeout(1800)
@pytest.mark.requirement("R67")
@pytest.mark.parametrize(("place", "many", "each", "at_a_time"), load(8, 500, 200), indirect=["place"])
def test_requests_never_exceed_the_limit_and_reach_it(
    stage: ExitStack, place: Address, office: Office, many: int, each: int, at_a_time: int
) -> None:
    most = many * each * 2 // 3
    onlooker = Onlooker(office)
    names = [f"p{number}" for number in range(many)]
    processes = begin(stage, place, names, each, at_a_time, most, 10**12, 100, 60)
    for process in processes:
        process.go()
    for process in processes:
        process.finish()
    onlooker.stop()
    granted = [name for process in processes for name in process.heard("granted")]
    refused = [name for process in processes for name in process.heard("refused")]
    assert [process.heard("unknown") for process in processes] == [[]] * many
    assert len(granted) == most and len(refused) == many * each - most
    assert onlooker.most[REQUESTS] <= most
    found = usage_of(office)
    assert found[REQUESTS] == Standing(most, 0)
    assert found[TOKENS] == Standing(60 * most, 0), "settled to the last one"
    sections = {one.subject: standing.used for one, standing in found.items() if one.quota == "q-section"}
    for name, process in zip(names, processes, strict=True):
        assert sections.get(name, 0) == len(process.heard("granted"))


@pytest.mark.timeout(1800)
@pytest.mark.requirement("R67")
@pytest.mark.parametrize(("place", "many", "each", "at_a_time"), load(8, 500, 200), indirect=["place"])
@pytest.mark.parametrize(("reserved", "spent"), [(100, 100), (100, 40), (100, 130)])
def test_tokens_exceed_the_limit_by_no_more_than_answers_under_way_cost_beyond_their_reservation(
    stage: ExitStack,
    place: Address,
    office: Office,
    many: int,
    each: int,
    at_a_time: int,
    reserved: int,
    spent: int,
) -> None:
    most = many * each * 100 // 3
    onlooker = Onlooker(office)
    processes = begin(
        stage, place, [f"p{n}" for n in range(many)], each, at_a_time, 10**9, most, reserved, spent
    )  # fmt: skip
    for process in processes:
        process.go()
    for process in processes:
        process.finish()
    onlooker.stop()
    slack = max(0, spent - reserved) * many * at_a_time
    assert onlooker.most[TOKENS] <= most + slack
    found = usage_of(office)
    granted = sum(len(process.heard("granted")) for process in processes)
    assert [process.heard("unknown") for process in processes] == [[]] * many
    assert granted >= (most - reserved) // max(reserved, spent), "the limit was reached"
    assert found[TOKENS] == Standing(spent * granted, 0) and found[TOKENS].used <= most + slack


@pytest.mark.timeout(1800)
def test_what_a_killed_process_held_comes_back(stage: ExitStack, place: Address, office: Office) -> None:
    (killed,) = begin(stage, place, ["k"], 20, 20, 30, 10**9, 100, "never")
    killed.go()
    deadline = time.monotonic() + 60
    while not killed.heard("holding"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert usage_of(office)[REQUESTS] == Standing(0, 20)
    killed.kill()
    assert usage_of(office)[REQUESTS] == Standing(0, 20)
    (other,) = begin(stage, place, ["o"], 30, 30, 30, 10**9, 100, 50)
    other.go()
    other.finish()
    assert len(other.heard("granted")) == 30, "the whole limit"
    found = usage_of(office)
    assert (found[REQUESTS], found[TOKENS]) == (Standing(30, 0), Standing(1500, 0))


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("many", [2, pytest.param(8, marks=pytest.mark.long)])
def test_at_most_one_session_of_each_process_waits_for_a_lock(
    stage: ExitStack, postgres_url: str, many: int
) -> None:
    """Though all want one row. Who waits, waits for one statement of each of the others, however many ask there."""
    with closing(Office(Address(url=postgres_url))):
        pass
    processes = begin(
        stage, Address(url=postgres_url), [f"p{n}" for n in range(many)], 400, 100, 10**9, 10**12, 1, 1
    )  # fmt: skip
    watch = Watch(postgres_url)
    for process in processes:
        process.go()
    for process in processes:
        process.finish()
    watch.stop()
    assert watch.looks >= 3, "the watch looked elsewhere"
    assert watch.waits.total() <= watch.looks * (many - 1) / many + 3, watch.waits


# ── a whole checkpoint ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def quota(checkpoint: Checkpoint) -> Callable[..., Any]:
    """`sekisho quota …` on the checkpoint's house, as an official types it."""

    def run(*words: str) -> Any:
        done = sekisho("quota", *words, "--json", SEKISHO_HOME=checkpoint.dir)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.requirement("R67")
def test_the_official_client_is_told_once_and_passes_again_when_the_limit_is_raised(
    checkpoint: Checkpoint, upstream: Upstream, quota: Callable[..., Any]
) -> None:
    import openai

    checkpoint.ready()
    said = ("--person", "*", "--measure", "requests", "--per", "year", "--reason", "目安")
    made = quota("set", *said, "--amount", "1")
    time.sleep(1.0)
    client = checkpoint.client(max_retries=2)

    def ask() -> Any:
        words = [{"role": "user", "content": "晴れですか"}]
        return client.chat.completions.create(model="echo", messages=words)

    ask()
    with pytest.raises(openai.RateLimitError) as refused:
        ask()
    assert refused.value.code == "insufficient_quota" and "年度の上限" in str(refused.value)
    assert len(checkpoint.records("asked")) == 2, "it is not asked again and again"
    quota("set", *said, "--amount", "2")
    time.sleep(1.0)
    ask()
    (row,) = quota("usage")
    assert (row["quota"], row["used"], row["reserved"], row["amount"]) == (made["id"], 2, 0, 2)
    assert len(upstream.requests) == 2
    assert [
        body["event"] for body in (r["body"] for r in checkpoint.records("noted")) if "quota" in body
    ] == [
        "quota.set",
        "quota.changed",
    ]
