"""Verifies a ledger wherever it lies: a file as verify.py does, all else through the lines of its export.

The verdict is verify.py's in both stores, in the same words. Whoever would rather not trust this program takes
an export (``sekisho audit export``) and verify.py to another machine. It writes nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from audit import export, tables, verify
from audit.address import Address
from audit.query import reading


def verdict(
    ledger: Address,
    public_key: Path | None,
    *,
    anchors: Sequence[Path] = (),
    from_note: Path | None = None,
    save: Path | None = None,
) -> verify.Report:
    """Raises as verify.verify does; what a server says, as RuntimeError."""
    if ledger.path is not None and (from_note is None or not verify.is_sqlite(ledger.path)):
        return verify.verify(ledger.path, public_key, anchors=anchors, from_note=from_note, save=save)
    trust = verify.trusted(public_key, anchors, from_note)
    since = trust.start.signed.decode() if trust.start else None
    try:
        with reading(ledger) as connection:
            twice = _asked_twice(connection) if since is None else None
            report = verify.verify_lines(
                export.lines(connection, texts=True, since=since),
                public_key,
                anchors=anchors,
                from_note=from_note,
                save=None if twice else save,
            )
    except export.NoteNotHeld as missing:
        code = "rolled_back" if missing.newest < missing.number else "anchor_differs"
        bad = verify.Fault(b"notes", missing.number, code).bad
        return verify.Report(False, 0, 0, 0, 0, False, bad, key=trust.keys.prints if trust.keys else ())
    except tables.SQLAlchemyError as trouble:
        raise RuntimeError(str(getattr(trouble, "orig", None) or trouble).splitlines()[0]) from None
    return replace(report, ok=False, first_bad=twice) if twice and report.ok else report


def _asked_twice(connection: tables.Connection) -> verify.Bad | None:
    """A question whose exchange was asked before, in another chain, and has ended: the lines cannot tell."""
    records, func = tables.records, tables.func
    asked = tables.select(records.c.exchange).where(records.c.turn == 1).group_by(records.c.exchange)
    twice = asked.having(func.count() > 1).limit(1)
    found = records.select().where(records.c.turn == 1, records.c.exchange.in_(twice))
    row = connection.execute(found.order_by(records.c.at.desc(), records.c.idx.desc()).limit(1)).first()
    return verify.Fault(row.writer.encode(), row.idx, "question_repeated").bad if row else None
