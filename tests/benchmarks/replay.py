"""How long `sekisho policy diff --replay` takes over a month, and how much memory.

    .venv/bin/python tests/benchmarks/replay.py [RECORDS …]        default: 2000 200000

A ledger of so many `asked` records of one month, in SQLite, each a decided request with all facts; then the command,
in a process of its own whose peak memory is told. Judges nothing; takes some minutes. Linux only.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from audit.ledger import Ledger  # noqa: E402
from audit.model import Draft  # noqa: E402
from policies.vocabulary import CATEGORIES  # noqa: E402
from tests.audit.ledgers import Clock  # noqa: E402
from tests.proxy.two_policies import OLD, an_ask, found, new_data, policy, record, written  # noqa: E402

BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
AT_ONCE = 256


async def fill(ledger: Path, many: int) -> None:
    clock, old = Clock(BEGIN, timedelta(seconds=2_000_000 / many)), policy(OLD)
    writer = Ledger(ledger, clock=clock)
    writer.start()
    try:
        for first in range(0, many, AT_ONCE):
            drafts = []
            for n in range(first, min(first + AT_ONCE, many)):
                types = {"PERSON": n % 3, "PHONE_NUMBER": n % 5 == 0}
                ask = an_ask(
                    section=f"第{n % 120}課",
                    category=CATEGORIES[n % len(CATEGORIES)],
                    destination=("D1", "D2", "D3")[n % 3],
                    entities=found(**{label: int(count) for label, count in types.items() if count}),
                )
                drafts.append(Draft("asked", f"x-{n}", record(ask, old.decide(ask))))
            await asyncio.gather(*map(writer.append, drafts))
    finally:
        writer.stop()


def measured(folder: Path, many: int) -> None:
    home = folder / str(many)
    home.mkdir()
    started = time.monotonic()
    asyncio.run(fill(home / "ledger.sqlite", many))
    print(f"{many} records written in {time.monotonic() - started:.0f} s", flush=True)
    old, new = written(home, OLD), written(home, new_data())
    command = [sys.executable, "-m", "proxy", "policy", "diff", str(old), str(new), "--replay", "2026-10"]
    started = time.monotonic()
    environment = {**os.environ, "SEKISHO_HOME": str(home)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        said = child.stdout.read()
        _, _, used = os.wait4(child.pid, 0)
        child.returncode = 0
    seconds = time.monotonic() - started
    print(said.splitlines()[-1])
    print(f"{many} records: {seconds:.1f} s, {used.ru_maxrss / 1024:.0f} MB at most", flush=True)


def main() -> None:
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}")
    with tempfile.TemporaryDirectory() as folder:
        for many in map(int, sys.argv[1:] or ("2000", "200000")):
            measured(Path(folder), many)


if __name__ == "__main__":
    main()
