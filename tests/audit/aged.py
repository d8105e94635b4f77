"""Ledgers with a past: chains that were written and closed years ago, and one day on which they are purged."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from audit.address import Address
from audit.ledger import Ledger
from audit.master import KeyInHand
from audit.model import Draft
from audit.originals import Sealer
from audit.periods import Periods
from audit.purge import Outcome, carry_out, sound
from audit.query import reading
from audit.retention import Plan, plan
from audit.signing import KeyFile, Signer
from audit.stores import place_of
from tests.audit.ledgers import Clock, asked, rows

Keys = tuple[Path, Path]

NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
"""Noon in Japan. Five years back are 2021-11-27, one year 2025-11-27: still kept; the day before is due."""

TOO_OLD = "2021-11-26T03:00:00+00:00"
LAST_DAY = "2021-11-27T03:00:00+00:00"
TEXT_TOO_OLD = "2025-11-26T03:00:00+00:00"
RECENT = "2026-11-20T03:00:00+00:00"


def write(
    where: Address,
    key: Path | Signer | None,
    at: str,
    exchanges: Sequence[str],
    person: str = "demo",
    **more: Any,
) -> str:
    """One writing process of that day: these exchanges, with texts; its chain is closed by a signed note."""
    ledger = Ledger(where, key, clock=Clock(at, timedelta(microseconds=1)))
    ledger.start()
    for name in exchanges:
        ledger.append_now(Draft("asked", name, asked(person, **more), f"質問 {name} [PERSON_1]"))
        ledger.append_now(Draft("answered", name, {"egress_state": "masked"}, f"回答 {name}"))
    writer = ledger.writer
    ledger.stop()
    assert writer
    return writer


def planned(where: Address, at: datetime = NOW, periods: Periods | None = None) -> Plan:
    with reading(where) as connection:
        return plan(connection, periods or Periods(), at, months=not place_of(where).serial)


def purge(
    where: Address, keys: Keys, at: datetime = NOW, *, signer: Signer | None = None, made: Plan | None = None
) -> Outcome:
    """Carried out on that day by one official."""
    return carry_out(
        made or planned(where, at),
        where,
        signer or KeyFile.load(keys[0]),
        by="tanaka",
        check=lambda: sound(where, keys[1]),
        clock_now=Clock(at, timedelta(microseconds=1)),
    )


def told(outcome: Outcome, event: str) -> list[dict[str, Any]]:
    return [body for body in outcome.told if body["event"] == event]


def writers(where: Address, table: str = "records") -> list[str]:
    return [writer for (writer,) in rows(where, f"SELECT DISTINCT writer FROM {table} ORDER BY writer")]


def say(where: Address, at: datetime, body: dict[str, Any]) -> None:
    """A ``noted`` record of that moment."""
    ledger = Ledger(where, create=False, sweeping=False, clock=Clock(at, timedelta(microseconds=1)))
    ledger.start()
    ledger.append_now(Draft("noted", None, body))
    ledger.stop()


def sealing(where: Address, key: Path, at: str, exchange: str, days: int = 90, person: str = "demo") -> str:
    """One exchange whose original is kept; the wrapped key."""
    ledger = Ledger(where, key, clock=Clock(at, timedelta(microseconds=1)))
    ledger.start()
    sealed = Sealer(KeyInHand(b"m" * 32), days).seal(
        {"[PERSON_1]": "山田太郎"}, exchange=exchange, at=datetime.fromisoformat(at)
    )
    ledger.append_now(Draft("asked", exchange, asked(person, original=sealed.account), "[PERSON_1]", sealed))
    ledger.append_now(Draft("answered", exchange, {"egress_state": "masked"}, "はい"))
    ledger.stop()
    return sealed.wrapped
