"""Whoever counts for the alerts is killed at any moment: no alert is lost, and none is there twice that its id does not show."""

import json
import os
import random
import secrets
import time
from pathlib import Path

import pytest

from audit.address import Address
from audit.alerts.model import RAISED
from audit.following import news, questions
from audit.ledger import Ledger
from audit.model import ENDINGS, Draft
from proxy.alerting.counter import NAME
from proxy.office.cursors import CursorBook
from proxy.office.store import Office
from tests.audit.alerts.counts import Book, thresholds
from tests.audit.ledgers import asked, named, rows, soon, start_child

CHILD = """
import asyncio, sys
from audit.address import address_of
from audit.ledger import Ledger
from proxy.alerting.counter import NAME, Counter
from proxy.followers import Follower
from proxy.office import cursors
from proxy.office.store import Office
from proxy.office.tallies import TallyBook
from tests.audit.alerts.counts import thresholds

cursors.LEASE = 0.3
ledger = Ledger(address_of(sys.argv[1]), sweeping=False)
ledger.start()
office = Office(address_of(sys.argv[2]))
counter = Counter(thresholds(sys.argv[3]), ledger, TallyBook(office))
follower = Follower(
    NAME, ledger.address, cursors.CursorBook(office), counter, from_first=True, every=0.005, longest=0.1
)
print("following", flush=True)
asyncio.run(follower.keep())
"""
TERMS = "rules:\n  A-01: {window: 0m}\n  A-03: {threshold: 3, window: 0m}\n  A-09: {enabled: false}\n"
PEOPLE = 7
KILLS = 4


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    if request.param == "sqlite":
        return Address(tmp_path / "ledger.sqlite")
    return Address(url=request.getfixturevalue("postgres_url"))


def write(ledger: Ledger, first: int, number: int) -> None:
    for n in range(first, first + number):
        body = asked(f"10000{n % PEOPLE}") | {"verdict": "refuse", "entities": {"JP_MY_NUMBER": 1}}
        ledger.append_now(Draft("asked", f"x-{n}", body))
        ledger.append_now(Draft("refused", f"x-{n}", {"egress_state": "none", "reason": "verdict"}))


def expected(address: Address) -> list[str]:
    """The ids, as somebody would count who reads everything at once."""
    from audit.alerts.rules import Seen

    entries = [
        entry for entry in news(address, {}, 100_000).entries if entry.record.kind in {"asked", *ENDINGS}
    ]
    known = questions(address, [str(entry.record.exchange) for entry in entries])
    book = Book(thresholds(TERMS))
    return [
        alert.id
        for alert in book.look(
            Seen(one.record, one.text, json.loads(known[str(one.record.exchange)].body)) for one in entries
        )
    ]


def raised(address: Address) -> list[str]:
    found = rows(address, "SELECT body FROM records WHERE kind = 'noted' ORDER BY at, writer, idx")
    bodies = [json.loads(body) for (body,) in found]
    return [body["alert"] for body in bodies if body["event"] == RAISED]


@pytest.mark.timeout(600)
@pytest.mark.requirement("R52")
def test_who_counts_is_killed_at_any_moment(address: Address, tmp_path: Path) -> None:
    seed = int(os.environ.get("KILLING_SEED") or secrets.randbelow(2**32))
    dice = random.Random(seed)
    ledger = Ledger(address, sweeping=False)
    ledger.start()
    office = Office(Address(tmp_path / "office.sqlite"))
    written = 0
    try:
        for turn in range(KILLS + 1):
            with start_child(CHILD, named(address), tmp_path / "office.sqlite", TERMS) as child:
                try:
                    assert child.stdout and child.stdout.readline() == "following\n"
                    write(ledger, written, 20)
                    written += 20
                    if turn < KILLS:
                        before = len(raised(address))
                        assert soon(lambda: len(raised(address)) > before, 60), f"KILLING_SEED={seed}"  # noqa: B023
                        time.sleep(dice.random() * 0.1)
                    else:
                        assert soon(lambda: done(address, office), 60), f"KILLING_SEED={seed}"
                finally:
                    child.kill()
        told = raised(address)
        assert sorted(set(told)) == sorted(expected(address)), f"KILLING_SEED={seed}"
        first_two = 2 * PEOPLE  # of the refusals; the third attempt of each is A-02, and the model is new
        assert len(set(told)) == 2 * written - first_two + PEOPLE + 1
    finally:
        office.close()
        ledger.stop()


def done(address: Address, office: Office) -> bool:
    """Whether the follower stands behind everything that is there."""
    heads = dict(rows(address, "SELECT writer, max(idx) FROM records GROUP BY writer"))
    return any(one.name == NAME and one.position == heads for one in CursorBook(office).every())
