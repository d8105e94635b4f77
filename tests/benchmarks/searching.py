"""How quickly reviewers find exchanges among a million records, in both stores, and what the catalogue costs.

    make bench-search   or   .venv/bin/python tests/benchmarks/searching.py [--records N] [--store sqlite] [--keep DIR]

A city's twelve months (city.py, seeded) are written through the ledger's own pen; then the catalogue is made, and asked
what reviewers ask. Each question is asked of values that are drawn anew, with a page of 50 and how many there are in all;
median and 95th percentile are told in milliseconds, and how long it takes to enter what came in since. PostgreSQL is the
tests' own server with fsync on and shared_buffers of 1 GB. A ledger and a catalogue that lie in DIR already are used
again, else they are written there and kept; a hundred records come in at every run. Judges nothing.

On two cores that others share, under a load of 5, it took 4 to 10 minutes to write a million records and 12 to 14 to make
their catalogue, for each store; the questions take 3 minutes in a file and more in a database. Of 3 million records 13
minutes to write them; of 10 million nothing was measured. Figures: docs/review.md.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from audit.address import Address  # noqa: E402
from audit.catalogue.filling import catch_up  # noqa: E402
from audit.catalogue.finding import Look, looking  # noqa: E402
from audit.catalogue.question import Question, Reach  # noqa: E402
from audit.ledger import Ledger  # noqa: E402
from audit.model import Draft  # noqa: E402
from audit.months import Month  # noqa: E402
from audit.names import exchange_id, now  # noqa: E402
from tests.benchmarks.city import DEPARTMENTS, exchanges, fill  # noqa: E402
from tests.postgres import Server  # noqa: E402

FIRST, MONTHS, SEED = Month(2026, 4), 12, 1
WORDS = ("陥没", "給付", "介護", "空き", "英訳", "議事", "公園", "点検", "減免", "見出", "窓口", "高齢")
LONGER = ("給付金の申請", "道路の陥没", "公園の遊具", "保育所の入所", "空き家の相談", "下水道の使用")
COMMON = ("です", "さい", "して", "ます")
MODELS = ("gpt-5-mini", "gpt-5", "claude-sonnet-5", "local-japanese")
CATEGORIES = ("mail_draft", "minutes", "summary", "research", "program")
OUTCOMES = ("answered", "refused", "failed")
ALL = Reach.everything()
Ask = Callable[[random.Random, Look], object]


def sections() -> Iterator[tuple[str, str]]:
    for department, listed in DEPARTMENTS.items():
        for section in listed:
            yield department, section


def _when(chance: random.Random) -> datetime:
    return FIRST.first_moment().astimezone(UTC) + timedelta(days=chance.randrange(330))


def _unit(chance: random.Random) -> dict[str, str]:
    department, section = chance.choice(list(sections()))
    return {"department": department, "section": section}


def _a_month(chance: random.Random) -> dict[str, datetime]:
    return {"since": (at := _when(chance)), "until": at + timedelta(days=30)}


def _search(question: Callable[[random.Random], Question]) -> Ask:
    return lambda chance, look: look.search(question(chance), ALL, 50)


def _counts(by: str, question: Callable[[random.Random], Question] = lambda chance: Question()) -> Ask:
    return lambda chance, look: look.counts(question(chance), ALL, by)


QUESTIONS: dict[str, Ask] = {
    "three filters": _search(lambda c: Question(**_unit(c), model=c.choice(MODELS), outcome=c.choice(OUTCOMES))),
    "three filters, a month": _search(
        lambda c: Question(**_a_month(c), category=c.choice(CATEGORIES), rule="P-04", model=c.choice(MODELS))
    ),
    "a word of two characters": _search(lambda c: Question(words=(c.choice(WORDS),))),
    "a word, section, period": _search(lambda c: Question(words=(c.choice(WORDS),), since=_when(c), **_unit(c))),
    "a word, model, outcome": _search(
        lambda c: Question(words=(c.choice(WORDS),), model=c.choice(MODELS), outcome=c.choice(OUTCOMES))
    ),
    "two characters of most texts": _search(lambda c: Question(words=(c.choice(COMMON),))),
    "most texts' word, section": _search(lambda c: Question(words=(c.choice(COMMON),), **_unit(c))),
    "a word of most texts": _search(lambda c: Question(words=("ください",))),
    "a longer word": _search(lambda c: Question(words=(c.choice(LONGER),))),
    "a longer word, section": _search(lambda c: Question(words=(c.choice(LONGER),), **_unit(c))),
    "a word that nobody said": _search(lambda c: Question(words=(c.choice(("鯨肉", "徳政", "隕石", "銀山")),))),
    "one person's 30 days": _search(
        lambda c: Question(person=f"{100_001 + c.randrange(2_400):06}", **_a_month(c))
    ),
    "a rule that few hit": _search(lambda c: Question(rule="P-03", since=_when(c))),
    "everything, a first page": _search(lambda c: Question()),
    "triage queue": lambda chance, look: look.search(
        Question(reviewed=False, severity="medium", with_tests=False), ALL, 50, urgent_first=True
    ),
}  # fmt: skip
FEW = {
    "campaigns of 30 days": lambda chance, look: look.campaigns(ALL, _when(chance), 3),
    "counts by section": _counts("section"),
    "counts by rule": _counts("rule"),
    "counts by day, a month": _counts("day", lambda c: Question(**_a_month(c))),
    "counts by section, a word": _counts("section", lambda c: Question(words=(c.choice(WORDS),))),
}
"""Of everything there is: asked five times each."""


def measured(place: Address, records: int, times: int) -> None:
    if not _is_full(place, records):
        began = time.perf_counter()
        fill(place, SEED, FIRST, MONTHS, records // 2)
        print(f"  written through the pen in {time.perf_counter() - began:.0f} s", flush=True)
    began, cpu = time.perf_counter(), time.process_time()
    catch_up(place)
    took, own = time.perf_counter() - began, time.process_time() - cpu
    print(f"  catalogue made, or seen to be there, in {took:.0f} s ({own:.0f} s of ours)", flush=True)
    if place.path:
        size = Path(f"{place.path}-catalogue").stat().st_size
        print(f"  ledger {place.path.stat().st_size / 1e6:,.0f} MB, catalogue {size / 1e6:,.0f} MB")
    print(f"  {'':<30} {'median ms':>10} {'95 % ms':>10}   load {os.getloadavg()[0]:.1f}")
    _tell("a look, nothing new", _looks(place, 10))
    more(place, 50)
    _tell("a look, a hundred records new", _looks(place, 1))
    with looking(place) as look:
        for listed, often in ((QUESTIONS, times), (FEW, 5)):
            for name, ask in listed.items():
                _tell(name, asked(look, ask, often))


def asked(look: Look, ask: Ask, times: int) -> list[float]:
    """Milliseconds of each of so many questions."""
    chance, took = random.Random(5), []
    for _ in range(times):
        began = time.perf_counter()
        ask(chance, look)
        took.append((time.perf_counter() - began) * 1000)
    return took


def more(place: Address, exchanges_new: int) -> None:
    """So many exchanges come in now."""
    ledger = Ledger(place, create=False)
    ledger.start()
    for one in exchanges(2, FIRST, 1, exchanges_new):
        name = exchange_id(now())
        ledger.append_now(Draft("asked", name, one.asked, one.asked_text))
        ledger.append_now(Draft("answered", name, one.ending, one.answer_text or "はい"))
    ledger.stop()


def _looks(place: Address, times: int) -> list[float]:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        with looking(place):
            took.append((time.perf_counter() - began) * 1000)
    return took


def _tell(name: str, took: list[float]) -> None:
    took = sorted(took)
    late = took[max(0, int(len(took) * 0.95) - 1)] if len(took) > 5 else took[-1]
    print(f"  {name:<30} {statistics.median(took):>10.0f} {late:>10.0f}", flush=True)


def _is_full(place: Address, records: int) -> bool:
    from audit.query import CANNOT_READ, reading
    from audit.tables import func, select
    from audit.tables import records as rows

    try:
        with reading(place) as ledger:
            return bool(ledger.execute(select(func.count()).select_from(rows)).scalar_one() >= records)
    except CANNOT_READ:
        return False


@contextmanager
def _file(keep: Path | None, records: int) -> Iterator[Address]:
    with tempfile.TemporaryDirectory() as made:
        folder = keep / f"sqlite-{records}" if keep else Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        yield Address(folder / "ledger.sqlite")


@contextmanager
def _database(keep: Path | None, records: int) -> Iterator[Address]:
    server = Server(keep / f"postgresql-{records}" if keep else None)
    try:
        server.start("shared_buffers=1GB")
        found = server.run("SELECT datname FROM pg_database WHERE datname = 'test_1'")
        yield Address(url=server.url(found[0][0] if found else server.database()))
    finally:
        server.stop() if keep else server.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--store", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--times", type=int, default=40)
    parser.add_argument("--keep", type=Path)
    given: Any = parser.parse_args()
    print(
        f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, Python {sys.version.split()[0]}, {given.records:,} records"
    )
    for store, place in (("sqlite", _file), ("postgresql", _database)):
        if given.store in (store, "both"):
            print(store)
            with place(given.keep, given.records) as address:
                measured(address, given.records, given.times)


if __name__ == "__main__":
    main()
