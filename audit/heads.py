"""Collects the heads of all chains and enters the next signed note, inside the caller's transaction.

It never signs what it has not read in that same transaction, never signs over a chain that contradicts
the last note, and never lists a closed chain again.
"""

from datetime import datetime, timedelta

from audit import notes, tables
from audit.names import moment


def write_note(
    connection: tables.Connection, signer: notes.Signer, at: datetime, rest_seconds: float
) -> bool:
    """Enter a note; False when the last one, younger than ``rest_seconds``, already says the same.

    Raises ValueError when the ledger does not hold what the last note says: that is for verify to
    report, and no signature of ours may cover it up.
    """
    signed = _last_note(connection)
    last = notes.read(signed) if signed else None
    heads = _heads(connection, last)
    _demand_kept(connection, last)
    if not heads and last is None:
        return False
    if last and _says_the_same(last, heads) and last.at > moment(at - timedelta(seconds=rest_seconds)):
        return False
    number = last.number + 1 if last else 1
    note = notes.Note(number, moment(at), notes.digest(signed) if signed else notes.FIRST, heads)
    row = {"number": number, "at": note.at, "note": signer.sign(note)}
    connection.execute(tables.notes.insert(), row)
    _forget_closed(connection, heads)
    return True


def _says_the_same(last: notes.Note, heads: tuple[notes.ChainHead, ...]) -> bool:
    return tuple(head for head in last.heads if not head.closed) == heads


def _last_note(connection: tables.Connection) -> str | None:
    found = tables.notes.select().order_by(tables.notes.c.number.desc()).limit(1)
    row = connection.execute(found).first()
    return row.note if row else None


def _heads(connection: tables.Connection, last: notes.Note | None) -> tuple[notes.ChainHead, ...]:
    """Every chain that no note has closed yet: those with a lease, and those the last note left open.

    A chain that is open in the last note and has no lease any more cannot grow (laws.sql): closed.
    """
    states = {row.writer: row.ended is not None for row in connection.execute(tables.leases.select())}
    for head in last.heads if last else ():
        if not head.closed:
            states.setdefault(head.writer, True)
    heads = (_head(connection, writer, closed) for writer, closed in sorted(states.items()))
    return tuple(head for head in heads if head)


def _demand_kept(connection: tables.Connection, last: notes.Note | None) -> None:
    records = tables.records
    for head in last.heads if last else ():
        found = tables.select(records.c.hash)
        found = found.where(records.c.writer == head.writer, records.c.idx == head.size)
        if connection.execute(found).scalar() != head.hash:
            raise ValueError(f"the chain {head.writer} is not what the last note says")


def _head(connection: tables.Connection, writer: str, closed: bool) -> notes.ChainHead | None:
    records = tables.records
    found = tables.select(records.c.idx, records.c.hash).where(records.c.writer == writer)
    row = connection.execute(found.order_by(records.c.idx.desc()).limit(1)).first()
    return notes.ChainHead(writer, row.idx, row.hash, closed) if row else None


def _forget_closed(connection: tables.Connection, heads: tuple[notes.ChainHead, ...]) -> None:
    for head in heads:
        if head.closed:
            connection.execute(tables.leases.delete().where(tables.leases.c.writer == head.writer))
