"""What is due, and what stays although it is: decided by pure rules, on what survey.py has seen.

The unit is a chain (one writer, one month in Japan at most). It is due when its newest record is older than
the period, and only as a whole. In PostgreSQL, where months are dropped and never DELETEd, a month is due when
every chain in it is. What stays, stays for a reason that can be read:

    open      no signed note has closed the chain yet
    closed    a note has closed it, but less than a year ago: a verifier would call its removal a fault
    held      a hold in force keeps something in it (records: the whole chain; texts: those exchanges)
    texts     its texts are to be kept longer than its records
    proof     it says what is still needed: a hold, or that the texts of a chain still here were erased
    lost      how an exchange ended stands in it or in another chain, which stays (ledgers of version 0.1)
    month     another chain of its month stays

A plan is only a plan: purge.py carries it out, and looks again before it does. Nothing is written here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from audit import notes, tables
from audit.holds import Hold, holds_of
from audit.months import JST, Month, month_of_writer
from audit.periods import Periods
from audit.survey import Chain, Originals, originals_due, survey

Why = dict[str, str]
"""Writer → why it stays, and what for: ``held H20261123-4f9c2a``."""


MANY_TEXTS = 5_000
"""In a file, where a chain goes at once and everybody waits, its texts go before it when they are more."""


@dataclass(frozen=True, slots=True)
class Held:
    """What stays for holds in force although its time is over: originals, texts, and chains with their records."""

    originals: int = 0
    texts: int = 0
    chains: int = 0
    records: int = 0

    def stated(self) -> dict[str, int]:
        """As the records of a purge have it."""
        return {
            "originals": self.originals,
            "texts": self.texts,
            "chains": self.chains,
            "records": self.records,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """What would go, and what stays although its time is over.

    texts, records      chains, in the order in which they go; one with MANY_TEXTS in a file is in both
    unfinished          chains that a signed note calls purged, and whose records are still there
    stays_texts, …      writer → why
    holds               every hold the ledger tells of, in force or not
    months              whole months go, not chains
    held                how much of what is due stays for holds
    """

    at: datetime
    periods: Periods
    months: bool
    originals: Originals
    texts: tuple[Chain, ...]
    records: tuple[Chain, ...]
    unfinished: tuple[Chain, ...]
    stays_texts: Why
    stays_records: Why
    holds: tuple[Hold, ...]
    held: Held = Held()

    @property
    def today(self) -> date:
        return self.at.astimezone(JST).date()

    @property
    def in_force(self) -> tuple[Hold, ...]:
        return tuple(hold for hold in self.holds if hold.in_force(self.today))

    @property
    def is_empty(self) -> bool:
        return not (self.originals.keys or self.texts or self.records or self.unfinished)

    def portions(self, chains: Sequence[Chain]) -> list[list[Chain]]:
        """What goes together: each chain by itself, or the chains of a month; in the order of ``chains``."""
        together: dict[object, list[Chain]] = {}
        for chain in chains:
            together.setdefault(_group(chain.writer, self.months), []).append(chain)
        return list(together.values())


def plan(connection: tables.Connection, periods: Periods, at: datetime, *, months: bool) -> Plan:
    """What is due at this moment. ``months``: the store removes whole months.

    Raises ValueError where the ledger contradicts its notes, or a hold cannot be read.
    """
    holds = holds_of(connection)
    today = at.astimezone(JST).date()
    in_force = tuple(hold for hold in holds if hold.in_force(today))
    chains = survey(connection, periods, in_force, today, months=months)
    texts, stays_texts = texts_due(chains, periods, today, months=months)
    records, stays_records = records_due(chains, periods, today, months=months)
    unfinished = _unfinished(chains, stays_records, months)
    originals = originals_due(connection, in_force, at)
    before = {chain.writer for chain in records if chain.texts > MANY_TEXTS and not months}
    gone = {chain.writer for chain in records} - before
    texts = tuple(chain for chain in texts if chain.writer not in gone)  # they go with their records
    records = tuple(replace(chain, texts=0) if chain.writer in before else chain for chain in records)
    held = held_of(chains, originals, periods, today)
    return Plan(
        at, periods, months, originals, texts, records, unfinished, stays_texts, stays_records, holds, held
    )


# ── the rules: pure ──────────────────────────────────────────────────────────────────────────────


def texts_due(
    chains: Iterable[Chain], periods: Periods, today: date, *, months: bool
) -> tuple[tuple[Chain, ...], Why]:
    """The chains whose texts go, and why others of their age keep theirs."""
    stays: Why = {}
    late: set[object] = set()  # months in which something may still be written, or is not due
    due: list[Chain] = []
    for chain in chains:
        over = periods.texts.is_over(chain.last_day, today)
        if not over or chain.state == "open":
            late.add(_group(chain.writer, months))
        if over and chain.state == "open" and chain.texts:
            stays[chain.writer] = "open"
        elif over and chain.state == "closed" and chain.texts:
            due.append(chain)
            if chain.texts_held:
                stays[chain.writer] = f"held {' '.join(chain.held)}"
    going = []
    for chain in sorted(due, key=lambda chain: chain.writer):
        if chain.texts == chain.texts_held:
            continue
        if months and _group(chain.writer, months) in late:
            stays[chain.writer] = "month"
        else:
            going.append(chain)
    return tuple(going), stays


def records_due(
    chains: Iterable[Chain], periods: Periods, today: date, *, months: bool
) -> tuple[tuple[Chain, ...], Why]:
    """The chains that go as a whole, in their order, and why others of their age stay.

    One that stays may make others stay, so the rules are asked again until nothing changes.
    """
    known = {chain.writer: chain for chain in chains}
    late = {
        _group(chain.writer, months)
        for chain in known.values()
        if not periods.records.is_over(chain.last_day, today)
    }
    over = {name: chain for name, chain in known.items() if periods.records.is_over(chain.last_day, today)}
    stays = {name: why for name, chain in over.items() if (why := _stays(chain, periods, today))}
    going = {name: chain for name, chain in over.items() if name not in stays and chain.state == "closed"}
    while True:
        held_up = late | {_group(name, months) for name in stays}
        more: Why = {}
        for name, chain in going.items():
            ties = [
                (other, why) for other, why in chain.ties if other not in going and not _ends(known, other)
            ]
            if ties:
                more[name] = f"{ties[0][1]} {ties[0][0]}"
            elif months and _group(name, months) in held_up:
                more[name] = "month"
        if not more:
            return tuple(_in_order(going, months)), stays
        stays |= more
        going = {name: chain for name, chain in going.items() if name not in more}


def held_of(chains: Iterable[Chain], originals: Originals, periods: Periods, today: date) -> Held:
    """How much of what is due stays for a hold, whatever else would keep it, too."""
    held = [chain for chain in chains if chain.held]
    whole = [chain for chain in held if periods.records.is_over(chain.last_day, today)]
    texts = [chain.texts_held for chain in held if periods.texts.is_over(chain.last_day, today)]
    return Held(originals.held, sum(texts), len(whole), sum(chain.records for chain in whole))


def _unfinished(chains: Sequence[Chain], stays: Why, months: bool) -> tuple[Chain, ...]:
    """What a note already calls purged goes at once, but for a hold that was placed in that very moment."""
    held_up = {_group(name, months) for name in stays}
    return tuple(c for c in chains if c.state == "purged" and _group(c.writer, months) not in held_up)


def _stays(chain: Chain, periods: Periods, today: date) -> str | None:
    if chain.state == "open":
        return "open"
    if chain.state == "closed" and chain.closed_on and today <= chain.closed_on + notes.KEEP:
        return f"closed {chain.closed_on}"
    if chain.held:
        return f"held {' '.join(chain.held)}"
    if chain.proves:
        return f"proof {' '.join(chain.proves)}"
    return None if chain.state == "purged" or periods.texts.is_over(chain.last_day, today) else "texts"


def _ends(known: Mapping[str, Chain], writer: str) -> bool:
    """Whether a chain goes in any case: its removal was signed."""
    return writer in known and known[writer].state == "purged"


def _in_order(going: Mapping[str, Chain], months: bool) -> list[Chain]:
    """By time, but whatever must go before another does."""
    groups: dict[object, list[Chain]] = {}
    for name in sorted(going):
        groups.setdefault(_group(name, months), []).append(going[name])
    order: list[Chain] = []
    seen: set[object] = set()

    def visit(group: object) -> None:
        if group in seen or group not in groups:
            return
        seen.add(group)
        for chain in groups[group]:
            for other, _ in chain.ties:
                visit(_group(other, months))
        order.extend(groups[group])

    for group in list(groups):
        visit(group)
    return order


def _group(writer: str, months: bool) -> "str | Month":
    return month_of_writer(writer) if months else writer
