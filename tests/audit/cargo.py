"""What the tests of export, backup, restore and move share: ledgers worth carrying, and what must arrive.

Works in both stores. Holds no fixtures and no tests.
"""

from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from audit import export
from audit.address import Address
from audit.commands import app
from audit.ledger import Ledger
from audit.model import Draft
from audit.originals import Sealed
from audit.query import reading
from tests.audit.ledgers import Where, asked, rows

EVIDENCE = (b"n\t", b"r\t", b"t\t")
SEALED = Sealed("k-1", "conversation-1", "wrapped", "2026-12-23T00:00:00.000000Z", "sealed blob")


def fill(where: Where, private: Path | None, *exchanges: str, end: bool = True) -> None:
    """Write exchanges under one writer that stops in good order; ``end``: each gets its answer."""
    ledger = Ledger(where, private)
    ledger.start()
    try:
        say(ledger, *exchanges, end=end)
    finally:
        ledger.stop()


def say(ledger: Ledger, *exchanges: str, end: bool = True) -> None:
    for exchange in exchanges:
        ledger.append_now(Draft("asked", exchange, asked(), "[PERSON_1]様\n\t「お元気ですか」\u2028", SEALED))
        if end:
            ledger.append_now(Draft("answered", exchange, {"egress_state": "masked"}, "はい\\n 😀"))


def lines(where: Address, **options: Any) -> list[bytes]:
    """All lines of the export, with texts unless said otherwise."""
    with reading(where) as connection:
        return list(export.lines(connection, **{"texts": True, **options}))


def evidence(where: Address) -> list[bytes]:
    """What must be the same wherever a ledger is carried."""
    return [line for line in lines(where) if line.startswith(EVIDENCE)]


def notes(where: Where) -> list[str]:
    """All notes as they were signed."""
    return [note for (note,) in rows(where, "SELECT note FROM notes ORDER BY number")]


def bodies(where: Where, kind: str) -> list[str]:
    return [body for (body,) in rows(where, f"SELECT body FROM records WHERE kind = '{kind}' ORDER BY at")]


def run(*arguments: object) -> Result:
    """``sekisho audit …``"""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(result: Result, status: int = 2) -> str:
    """The one sentence on stderr, and nothing on stdout."""
    assert (result.exit_code, result.stdout) == (status, ""), result.output
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    return result.stderr
