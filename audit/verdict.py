"""Verifies a ledger wherever it lies. In PostgreSQL, which verify.py does not open, through the lines of its export.

The verdict is verify.py's in both stores, in the same words. Whoever would rather not trust this program takes
an export (``sekisho audit export``) and verify.py to another machine. It writes nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
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
    if ledger.path is not None:
        return verify.verify(ledger.path, public_key, anchors=anchors, from_note=from_note, save=save)
    trust = verify.trusted(public_key, anchors, from_note)
    try:
        with reading(ledger) as connection:
            if bad := _bad_anchor(connection, trust):
                return _nothing_but(bad, trust)
            twice = _asked_twice(connection) if trust.start is None else None
            since = trust.start.signed.decode() if trust.start else None
            report = verify.verify_lines(
                export.lines(connection, texts=True, since=since),
                public_key,
                anchors=anchors,
                from_note=from_note,
                save=None if twice else save,
            )
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


def _bad_anchor(connection: tables.Connection, trust: verify.Trust) -> verify.Bad | None:
    """The first note kept elsewhere, up to the one that we begin at, that is not in the ledger."""
    stored = tables.notes
    newest = connection.execute(tables.select(tables.func.max(stored.c.number))).scalar() or 0
    for number in sorted(trust.anchors):
        if trust.start is None or number > trust.start.number:
            return None
        note = connection.execute(tables.select(stored.c.note).where(stored.c.number == number)).scalar()
        if note is None:
            code = "note_missing" if newest > number else "rolled_back"
            return verify.Fault(b"notes", number, code).bad
        if trust.anchors[number] != {sha256(note.encode()).hexdigest().encode()}:
            return verify.Fault(b"notes", number, "anchor_differs").bad
    return None


def _nothing_but(bad: verify.Bad, trust: verify.Trust) -> verify.Report:
    """Nothing can be read from a note that is not there."""
    start = trust.start.number if trust.start else None
    return verify.Report(False, 0, 0, 0, 0, trust.check is not None, bad, from_note=start)
