"""How quickly reviewers find exchanges among a million records, in both stores, and what the catalogue costs.

    make bench-search   or   .venv/bin/python tests/benchmarks/searching.py [--records N] [--store sqlite] [--keep DIR]

A city's twelve months (city.py, seeded) are written through the ledger's own pen; then the catalogue is made, and asked
what reviewers ask: three filters at once, a word of two characters, a longer word, both together, the triage queue, one
person's 30 days. Each question is asked of values that are drawn anew, with a page of 50 and how many there are in all;
median and 95th percentile are told in milliseconds, and how long it takes to enter what came in since. PostgreSQL is the
tests' own server with fsync on. Judges nothing; with a million records it takes about half an hour, on two cores.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from audit.address import Address  # noqa: E402
from audit.catalogue.filling import catch_up  # noqa: E402
from audit.catalogue.finding import Look, looking  # noqa: E402
from audit.catalogue.question import Question, Reach  # noqa: E402
from audit.months import Month  # noqa: E402
from tests.benchmarks.city import DEPARTMENTS, fill  # noqa: E402
from tests.postgres import Server  # noqa: E402

FIRST, MONTHS, SEED = Month(2026, 4), 12, 1
WORDS = ("陥没", "給付", "介護", "空き", "英訳", "議事", "公園", "点検", "減免", "見出", "窓口", "高齢")
LONGER = ("給付金の申請", "道路の陥没", "公園の遊具", "保育所の入所", "空き家の相談", "下水道の使用")
MODELS = ("gpt-5-mini", "gpt-5", "claude-sonnet-5", "local-japanese")
CATEGORIES = ("mail_draft", "minutes", "summary", "research", "program")
OUTCOMES = ("answered", "refused", "failed")
Ask = Callable[[random.Random], Question]


def sections() -> Iterator[tuple[str, str]]:
    for department, listed in DEPARTMENTS.items():
        for section in listed:
            yield department, section


def _when(chance: random.Random) -> datetime:
    return datetime(2026, 4, 1, tzinfo=UTC) + timedelta(days=chance.randrange(330))


def _unit(chance: random.Random) -> dict[str, str]:
    department, section = chance.choice(list(sections()))
    return {"department": department, "section": section}


QUESTIONS: dict[str, Ask] = {
    "three filters": lambda c: Question(
        **_unit(c), model=c.choice(MODELS), outcome=c.choice(OUTCOMES)
    ),
    "three filters, a month": lambda c: Question(
        since=(at := _when(c)), until=at + timedelta(days=30), category=c.choice(CATEGORIES), rule="P-04", model=c.choice(MODELS)
    ),
    "a word of two characters": lambda c: Question(words=(c.choice(WORDS),)),
    "a word, section, period": lambda c: Question(words=(c.choice(WORDS),), since=_when(c), **_unit(c)),
    "a longer word": lambda c: Question(words=(c.choice(LONGER),)),
    "one person's 30 days": lambda c: Question(
        person=f"{100_001 + c.randrange(2_400):06}", since=(at := _when(c)), until=at + timedelta(days=30)
    ),
    "a rule that few hit": lambda c: Question(rule="P-03", since=_when(c)),
}  # fmt: skip


def asked(look: Look, ask: Ask, times: int) -> list[float]:
    """Milliseconds of each of so many questions."""
    chance, took = random.Random(5), []
    for _ in range(times):
        question = ask(chance)
        began = time.perf_counter()
        look.search(question, Reach.everything(), 50)
        took.append((time.perf_counter() - began) * 1000)
    return took


def measured(place: Address, records: int, times: int) -> None:
    began = time.perf_counter()
    fill(place, SEED, FIRST, MONTHS, records // 2)
    print(f"  written through the pen in {time.perf_counter() - began:.0f} s", flush=True)
    began, cpu = time.perf_counter(), time.process_time()
    catch_up(place)
    print(
        f"  catalogue made in {time.perf_counter() - began:.0f} s ({time.process_time() - cpu:.0f} s of ours)",
        flush=True,
    )
    if place.path:
        size = Path(f"{place.path}-catalogue").stat().st_size
        print(f"  ledger {place.path.stat().st_size / 1e6:,.0f} MB, catalogue {size / 1e6:,.0f} MB")
    began = time.perf_counter()
    with looking(place) as look:
        print(f"  up to date again in {(time.perf_counter() - began) * 1000:.0f} ms")
        print(f"  {'question':<28} {'median ms':>10} {'95 % ms':>10}")
        for name, ask in QUESTIONS.items():
            took = sorted(asked(look, ask, times))
            print(
                f"  {name:<28} {statistics.median(took):>10.0f} {took[int(len(took) * 0.95) - 1]:>10.0f}",
                flush=True,
            )
        began = time.perf_counter()
        look.search(Question(reviewed=False, severity="medium"), Reach.everything(), 50, urgent_first=True)
        print(f"  {'triage queue':<28} {(time.perf_counter() - began) * 1000:>10.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--store", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--times", type=int, default=40)
    given: Any = parser.parse_args()
    print(
        f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, Python {sys.version.split()[0]}, {given.records:,} records"
    )
    if given.store != "postgresql":
        print("SQLite")
        with tempfile.TemporaryDirectory() as folder:
            measured(Address(Path(folder) / "ledger.sqlite"), given.records, given.times)
    if given.store != "sqlite":
        print("PostgreSQL")
        server = Server()
        try:
            server.start()
            measured(Address(url=server.url(server.database())), given.records, given.times)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
