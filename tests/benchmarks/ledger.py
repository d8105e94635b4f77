"""How fast the ledger records, exports and verifies, in both stores, and how much memory that takes.

    make bench-ledger               or   .venv/bin/python tests/benchmarks/ledger.py [--out FILE]

Durable exchanges a second (two records of about 1.2 kB and two texts of the same size, through audit.ledger) with 1,
32 and 256 callers at a time, beside a bare group commit of the same records in the same run: one thread, one table,
no texts, no laws, no notes. Then a ledger of 50,000 and one of 500,000 records are exported and verified, each in a
process of its own whose peak memory is told. Nothing is mocked: SQLite flushes to the disk of the temporary folder,
PostgreSQL is a server of its own with fsync on. Judges nothing; takes about ten minutes.
Linux only (/proc).
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
ROOT = HERE.parent.parent.parent
sys.path.insert(0, str(ROOT))

from audit import chain, export, names  # noqa: E402
from audit.address import Address, address_of  # noqa: E402
from audit.draft import Prepared, prepare  # noqa: E402
from audit.ledger import Ledger  # noqa: E402
from audit.model import Draft  # noqa: E402
from audit.pen import Pen  # noqa: E402
from audit.signing import create_keys  # noqa: E402
from audit.store import Store  # noqa: E402
from audit.stores import place_of  # noqa: E402
from audit.verdict import verdict  # noqa: E402
from tests.audit.ledgers import asked, named  # noqa: E402
from tests.postgres import Server  # noqa: E402

CALLERS = (1, 32, 256)
PAGE = 256
TEXT = "[PERSON_1_k7q2]様、お世話になっております。" * 20  # about 1.2 kB in UTF-8
QUESTION = asked(reason="x" * 500)
ANSWER = {"egress_state": "masked", "tokens": {"input": 400, "output": 300}, "reason": "x" * 1100}

# ── recording ─────────────────────────────────────────────────────────────────────────────────────


async def _callers(many: int, seconds: float, one: Callable[[], Any]) -> float:
    """So many callers do ``one`` again and again; how many times a second."""
    done, end = 0, time.monotonic() + seconds

    async def caller() -> None:
        nonlocal done
        while time.monotonic() < end:
            await one()
            done += 1

    began = time.monotonic()
    await asyncio.gather(*(caller() for _ in range(many)))
    return done / (time.monotonic() - began)


def exchanges(ledger: Address, key: Path, many: int, seconds: float) -> float:
    """Durable exchanges a second."""
    house = Ledger(ledger, key)
    house.start()

    async def one() -> None:
        async with house.exchange(QUESTION, TEXT) as entry:
            entry.egress, entry.text, entry.facts = "masked", TEXT, dict(ANSWER)

    try:
        return _run(lambda: _callers(many, seconds, one))
    finally:
        house.stop()


def bare(ledger: Address, many: int, seconds: float) -> float:
    """Durable records a second of a group commit and nothing else."""
    waiting: deque[tuple[str, asyncio.Future[None]]] = deque()
    bell, over = threading.Event(), threading.Event()
    body = chain.canonical(QUESTION) + "x" * 500

    async def one() -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append((body, future))
        bell.set()
        await future

    def settle(batch: list[tuple[str, "asyncio.Future[None]"]]) -> None:
        for _, future in batch:
            future.set_result(None)

    def write() -> None:
        last, index = chain.GENESIS, 0
        with _bare_table(ledger) as put:
            while not over.is_set():
                bell.wait()
                bell.clear()
                while batch := [waiting.popleft() for _ in range(min(PAGE, len(waiting)))]:
                    rows = []
                    for content, _ in batch:
                        index += 1
                        previous, last = (
                            last,
                            chain.seal(last, "w", index, "now", "noted", None, None, content),
                        )
                        rows.append((index, content, previous, last))
                    put(rows)
                    batch[0][1].get_loop().call_soon_threadsafe(settle, batch)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        return _run(lambda: _callers(many, seconds, one))
    finally:
        over.set()
        bell.set()
        thread.join()


@contextmanager
def _bare_table(ledger: Address) -> Iterator[Callable[[list[Any]], None]]:
    """A table of its own, and how rows are put into it durably."""
    table = "CREATE TABLE bare (idx bigint PRIMARY KEY, body text, prev text, hash text)"
    if ledger.path:
        with closing(sqlite3.connect(ledger.path, isolation_level=None)) as line:
            line.execute("PRAGMA journal_mode = WAL").close()
            line.execute("PRAGMA synchronous = FULL")
            line.execute(table)

            def put(rows: list[Any]) -> None:
                line.execute("BEGIN IMMEDIATE")
                line.executemany("INSERT INTO bare VALUES (?, ?, ?, ?)", rows)
                line.execute("COMMIT")

            yield put
        return
    import psycopg

    with psycopg.connect(ledger.url or "") as server:
        server.execute(table)
        server.commit()

        def copy(rows: list[Any]) -> None:
            with server.cursor().copy("COPY bare FROM STDIN") as way:
                for row in rows:
                    way.write_row(row)
            server.commit()

        yield copy


def _run(work: Callable[[], Any]) -> float:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        told: float = runner.run(work())
        return told


# ── a large ledger ────────────────────────────────────────────────────────────────────────────────


def fill(ledger: Address, key: Path, records: int) -> str:
    """Make a ledger of so many records, all noted, and one hundredth more behind the note that is given back."""
    pen = Pen(Store(place_of(ledger), create=True), names.now, 3600.0)
    _write(pen, records)
    pen.retire()
    pen.close()
    signed = _note(ledger, key)
    pen = Pen(Store(place_of(ledger), create=False), names.now, 3600.0)
    _write(pen, records // 100)
    pen.retire()
    pen.close()
    _note(ledger, key)
    return signed


def _write(pen: Pen, records: int) -> None:
    for first in range(0, records // 2, PAGE):
        ids = [names.exchange_id(names.now()) for _ in range(min(PAGE, records // 2 - first))]
        pen.write([_prepared("asked", name, QUESTION) for name in ids])
        pen.write([_prepared("answered", name, ANSWER) for name in ids])


def _prepared(kind: Any, name: str, body: dict[str, Any]) -> Prepared:
    return prepare(Draft(kind, name, body, TEXT), names.now())


def _note(ledger: Address, key: Path) -> str:
    given: list[str] = []
    house = Ledger(ledger, key, given=given.append)
    house.start()
    house.stop()
    return given[-1]


# ── one job in a process of its own ───────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Told:
    """What a job did: records a second, peak memory in MB, seconds."""

    rate: float
    memory: float
    seconds: float


def job(what: str, *arguments: str) -> Told:
    command = [sys.executable, str(HERE), "--job", what, *arguments]
    return Told(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def do(what: str, place: str, *more: str) -> dict[str, float]:
    """``export`` a ledger to a file, or ``verify`` a file or ledger (public key, and a note to begin at)."""
    began = time.monotonic()
    if what == "idle":
        count = 0
    elif what == "export":
        path, texts = more
        count = export.write(address_of(place), Path(path), texts=texts == "texts").records
    else:
        public_key, *since = map(Path, more)
        from_note = since[0] if since else None
        report = verdict(address_of(place), public_key, from_note=from_note)
        if not report.ok:
            raise RuntimeError(f"not sound: {report.first_bad}")
        count = report.records
    seconds = time.monotonic() - began
    return {"rate": count / seconds, "memory": peak(), "seconds": seconds}


def peak() -> float:
    """The most memory this process ever had, in MB; getrusage would also count what its parent had at the fork."""
    found = re.search(r"^VmHWM:\s*([0-9]+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


# ── the document ──────────────────────────────────────────────────────────────────────────────────


def main() -> int:
    if sys.argv[1:2] == ["--job"]:
        print(json.dumps(do(*sys.argv[2:])))
        return 0
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--rounds", type=int, default=3, help="turns, of which the median is told (default 3)"
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement (default 3)")
    parser.add_argument("--records", type=int, default=500_000, help="of the large ledger (default 500000)")
    parser.add_argument("--out", type=Path, help="write the document here instead of printing it")
    given = parser.parse_args()
    sys.setswitchinterval(0.001)  # as `sekisho serve` does
    folder = Path(tempfile.mkdtemp(prefix="bench-ledger-"))
    server = Server()
    try:
        server.start()
        text = document(folder, server, given)
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)
    if given.out:
        given.out.write_text(text)
    else:
        print(text)
    return 0


def document(folder: Path, server: Server, given: argparse.Namespace) -> str:
    load, flush = os.getloadavg()[0], flushing(folder)
    keys = create_keys(folder / "keys")
    recorded = recording(folder, server, keys[0], given)
    rows = [
        row
        for size in (given.records // 10, given.records)
        for row in reading_rows(folder, server, keys, size)
    ]
    return TEMPLATE.format(
        date=date.today(),
        commit=_commit(),
        python=sys.version.split()[0],
        sqlite=sqlite3.sqlite_version,
        postgresql=server.run("SHOW server_version")[0][0],
        cores=len(os.sched_getaffinity(0)),
        load=f"{load:.1f}, at the end {os.getloadavg()[0]:.1f}",
        flush=f"{1000 * statistics.median(flush):.2f}",
        worst=f"{1000 * max(flush):.0f}",
        rounds=given.rounds,
        idle=f"{job('idle', '').memory:.0f}",
        recording=recorded,
        reading="\n".join(rows),
    )


def recording(folder: Path, server: Server, key: Path, given: argparse.Namespace) -> str:
    """Both stores and both ways in turn, so that whatever else the machine does falls on all of them."""
    rates: dict[tuple[str, str, int], list[float]] = {}
    for turn in range(given.rounds):
        for many in CALLERS:
            for store in ("SQLite", "PostgreSQL"):
                for way in ("exchanges", "bare"):
                    _say(f"recording {turn + 1}: {store}, {many} callers, {way}")
                    place = _fresh(folder, server, store)
                    rate = (
                        exchanges(place, key, many, given.seconds)
                        if way == "exchanges"
                        else bare(place, many, given.seconds)
                    )
                    rates.setdefault((store, way, many), []).append(rate)
                    _gone(place, server)
    lines = ["| store | callers | exchanges/s | records/s, with their texts | bare group commit, records/s |"]
    lines.append("|---" * 5 + "|")
    for store in ("SQLite", "PostgreSQL"):
        for many in CALLERS:
            ours, alone = (statistics.median(rates[store, way, many]) for way in ("exchanges", "bare"))
            lines.append(f"| {store} | {many} | {ours:,.0f} | {2 * ours:,.0f} | {alone:,.0f} |")
    return "\n".join(lines)


def reading_rows(folder: Path, server: Server, keys: tuple[Path, Path], records: int) -> Iterator[str]:
    """Export and verification of one size, in both stores."""
    private, public = keys
    for store in ("SQLite", "PostgreSQL"):
        _say(f"{store}: filling {records:,} records")
        place = _fresh(folder, server, store)
        note = folder / "since.note"
        note.write_text(fill(place, private, records), "utf-8")
        with_texts, without = folder / "texts.txt", folder / "records.txt"
        jobs = {
            "export with texts": ("export", named(place), str(with_texts), "texts"),
            "export without texts": ("export", named(place), str(without), "none"),
        }
        if store == "SQLite":
            jobs |= {
                "verify the export with texts": ("verify", str(with_texts), str(public)),
                "verify the export without texts": ("verify", str(without), str(public)),
                "verify the ledger's file": ("verify", named(place), str(public)),
                "verify only what is newer than a note": ("verify", named(place), str(public), str(note)),
            }
        else:
            jobs["verify the ledger itself"] = ("verify", named(place), str(public))
        for name, arguments in jobs.items():
            _say(f"{store}: {name}, {records:,} records")
            told = job(*arguments)
            yield (
                f"| {store} | {records:,} | {name} | {told.rate:,.0f} | {told.seconds:.2f} | {told.memory:.0f} |"
            )
        for path in (with_texts, without):
            path.unlink()
        _gone(place, server)


def _fresh(folder: Path, server: Server, store: str) -> Address:
    if store == "PostgreSQL":
        return Address(url=server.url(server.database()))
    return Address(folder / f"ledger-{time.monotonic_ns()}.sqlite")


def _gone(place: Address, server: Server) -> None:
    if place.url:
        server.drop(place.url.partition("@/")[2].partition("?")[0])
        return
    assert place.path
    for path in place.path.parent.glob(f"{place.path.name}*"):
        path.unlink()


def flushing(folder: Path) -> list[float]:
    """How long the disk takes to flush 4 kB, again and again: no ledger can be quicker with one caller."""
    took = []
    with (folder / "flush").open("wb") as file:
        for _ in range(200):
            file.seek(0)
            file.write(os.urandom(4096))
            file.flush()
            began = time.monotonic()
            os.fdatasync(file.fileno())
            took.append(time.monotonic() - began)
    return took


def _commit() -> str:
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True
    )
    return told.stdout.strip() or "a copy without history"


def _say(what: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {what}", file=sys.stderr)


TEMPLATE = """\
# How fast the ledger is

Written by `make bench-ledger` (tests/benchmarks/ledger.py). {date}, Sekisho at {commit}, Python {python}, SQLite {sqlite},
PostgreSQL {postgresql} with its own defaults on the same machine, over a socket. {cores} cores, shared by callers, writer,
database and other people's work (load {load}). The disk takes {flush} ms to flush 4 kB (median of 200; worst {worst}).
So trust the proportions within one run more than the numbers.

## Recording, durable before it is answered

An exchange is two records of about 1.2 kB (asked, answered) and two texts of the same size; each caller waits until the
question is on the disk, then until the answer is. Median of {rounds} turns. Beside it a bare group commit in the same
run: records only, one table, no laws, no texts, no signed notes. It is what the disk and the driver allow.

{recording}

## Exporting and verifying

Each in a process of its own; MB is the most memory it ever had, of which {idle} are Python and the libraries. It grows
with the number of chains and open exchanges, not with records: compare the two sizes. "Only what is newer" reads one hundredth.

| store | records | what | records/s | seconds | MB |
|---|---|---|---|---|---|
{reading}

## Where the time goes, and what was tried

Processor time of one record with its text, writer and database apart (2026-11-27, pages of 64 records, least of several
runs on a busy machine, by the process's own clock):

- PostgreSQL: rows one by one in a pipeline (executemany): writer 83 µs, server 125 µs. COPY: writer 38 µs, server 64 µs.
  One INSERT of many rows lies between; arrays through unnest cost the writer twice as much as rows one by one.
- PostgreSQL's laws cost about half of what COPY leaves. Asking them once a statement (transition tables) would save
  some of that, but plans for whole tables get worse as the table grows, and nobody would ask in a partition: kept.
  All questions in one query: no clear gain. Seven years of partitions instead of two months: a third slower.
- SQLite: most of a page is the disk's flush; a larger log before it is copied back (wal_autocheckpoint), no overwriting
  of what was erased (secure_delete), and no laws each changed nothing that could be told from noise.
- All salts of a page in one call: each call lets go of the interpreter, and the event loop takes its time to give it back.

## Again

```
make bench-ledger ARGS="--out docs/ledger-speed.md"                            # about ten minutes, 4 GB of disk
make bench-ledger ARGS="--rounds 1 --seconds 1 --records 20000"                # about one minute
```
"""


if __name__ == "__main__":
    sys.exit(main())
