"""What a limit costs an exchange: processor time of a reservation with its settlement, and who waits for whose lock.

    make bench-quotas   or   .venv/bin/python tests/benchmarks/quotas.py [--exchanges N] [--out FILE]

First one process alone: so many exchanges at a time reserve three counters (a person's, a section's, the house's) and
settle them; processor time of this process, all of its threads, for one exchange, in milliseconds, and how long an
exchange waited in the middle. The database's own processor time is not in it. Then 1, 2, 4 and 8 processes that all
want one row: of all the times that one of their sessions was seen at work in PostgreSQL, how often it waited for a lock,
how long the longest wait of one statement can be is the number of the others times one statement; beside it what the
reservation waited. The real PostgreSQL of the tests, real files for SQLite. Judges nothing; takes about a minute.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from audit.address import Address  # noqa: E402
from proxy.office.counters import Counters, Done, Place, Want  # noqa: E402
from proxy.office.store import Office  # noqa: E402
from proxy.quotas import Teller  # noqa: E402
from tests.postgres import Server  # noqa: E402
from tests.stories.test_many_processes_one_ledger import Watch  # noqa: E402
from tests.stories.test_quotas_hold import begin  # noqa: E402

AT_A_TIME = (1, 8, 64, 500)
FLEETS = (1, 2, 4, 8)
PEOPLE = 200


async def exchanges(teller: Teller, count: int, at_a_time: int) -> list[float]:
    """How long each of them waited for its reservation, in milliseconds."""
    waited: list[float] = []

    async def client(number: int) -> None:
        for turn in range(number, count, at_a_time):
            wanted = {
                Place("q-person", f"{turn % PEOPLE:06}", "2026-11-23"): Want(1, 10**9),
                Place("q-section", f"section {turn % 20}", "2026-11"): Want(1_500, 10**12),
                Place("q-house", "", "2026"): Want(90_000, 10**15),
            }
            began = time.perf_counter()
            answer = await teller.reserve(wanted)
            waited.append((time.perf_counter() - began) * 1000)
            assert answer.granted
            teller.settle({place: Done(want.amount, want.amount // 2) for place, want in wanted.items()})

    await asyncio.gather(*(client(number) for number in range(at_a_time)))
    return waited


def alone(place: Address, count: int, at_a_time: int) -> dict[str, Any]:
    with closing(Office(place)) as office:
        teller = Teller(Counters(office))
        asyncio.run(exchanges(teller, max(20, at_a_time), at_a_time))  # warm
        began, clock = time.process_time(), time.perf_counter()
        waited = asyncio.run(exchanges(teller, count, at_a_time))
        teller.stop()
        used, wall = time.process_time() - began, time.perf_counter() - clock
    return {
        "at_a_time": at_a_time,
        "cpu_ms": round(used / count * 1000, 3),
        "waited_ms": round(statistics.median(waited), 2),
        "waited_p95_ms": round(sorted(waited)[int(len(waited) * 0.95)], 2),
        "per_second": round(count / wall),
    }


def together(url: str, count: int, fleet: int) -> dict[str, Any]:
    """``fleet`` processes with so many exchanges each, a hundred at a time, on one row."""
    place = Address(url=url)
    Office(place).close()
    with ExitStack() as stage:
        load = (count, 100, 10**9, 10**12, 1, 1)
        processes = begin(stage, place, [f"p{number}" for number in range(fleet)], *load)
        watch, clock = Watch(url), time.perf_counter()
        for process in processes:
            process.go()
        for process in processes:
            process.finish()
        wall = time.perf_counter() - clock
        watch.stop()
        cpu = [float(process.heard("cpu")[0]) for process in processes]
    waits = watch.waits.total()
    return {
        "processes": fleet,
        "cpu_ms": round(sum(cpu) / (fleet * count) * 1000, 3),
        "per_second": round(fleet * count / wall),
        "looks": watch.looks,
        "waiting": waits,
        "waiting_sessions": round(waits / max(1, watch.looks) * fleet, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--exchanges", type=int, default=3000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    threading.excepthook = lambda *_: os._exit(1)
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    found: dict[str, Any] = {"sqlite": [], "postgresql": [], "fleets": []}
    server = Server()
    try:
        server.start()
        print("\nstore       at a time   CPU ms   waited ms (median, 95 %)   exchanges a second")
        for at_a_time in AT_A_TIME:
            count = options.exchanges if at_a_time > 1 else options.exchanges // 5
            with tempfile.TemporaryDirectory() as folder:
                places = {"sqlite": Address(Path(folder) / "office.sqlite")}
                places["postgresql"] = Address(url=server.url(server.database()))
                for store, place in places.items():
                    row = alone(place, count, at_a_time)
                    found[store].append(row)
                    print(
                        f"{store:<10} {at_a_time:>10} {row['cpu_ms']:>8} {row['waited_ms']:>12} {row['waited_p95_ms']:>12}"
                        f" {row['per_second']:>20}"
                    )
        print(
            "\nprocesses   CPU ms   exchanges a second   looks   waiting for a lock   of it: sessions at once"
        )
        for fleet in FLEETS:
            row = together(server.url(server.database()), options.exchanges, fleet)
            found["fleets"].append(row)
            print(
                f"{fleet:>9} {row['cpu_ms']:>8} {row['per_second']:>20} {row['looks']:>7} {row['waiting']:>20}"
                f" {row['waiting_sessions']:>24}"
            )
    finally:
        server.close()
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
