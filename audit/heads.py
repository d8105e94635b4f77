"""Collects the heads of all chains into the next note, and enters that note once it is signed.

Between the two lies the signing, which may take its time with a second owner, so neither holds up a record.
What a note says was true as it was proposed; it never says more than was read, never goes over a chain that
contradicts the last note, and never lists a closed chain again (but once, as purged: retention.py).
"""

from datetime import datetime, timedelta

from audit import notes, tables
from audit.clock import Clock
from audit.names import moment


def propose(
    connection: tables.Connection, at: datetime, rest_seconds: float, clock: Clock | None
) -> notes.Note | None:
    """The next note; None when the last one, younger than ``rest_seconds``, already says the same.

    Raises ValueError when the ledger does not hold what the last note says: that is for verify to
    report, and no signature of ours may cover it up.
    """
    signed = last_note(connection)
    last = notes.read(signed) if signed else None
    heads = _heads(connection, last)
    _demand_kept(connection, last)
    if not heads and last is None:
        return None
    if last and _says_the_same(last, heads) and last.at > moment(at - timedelta(seconds=rest_seconds)):
        return None
    return following(signed, heads, at, clock)


def following(
    signed: str | None, heads: tuple[notes.ChainHead, ...], at: datetime, clock: Clock | None
) -> notes.Note:
    """The note that extends the signed one before it."""
    number = notes.read(signed).number + 1 if signed else 1
    return notes.Note(number, moment(at), notes.digest(signed) if signed else notes.FIRST, heads, clock)


def enter(connection: tables.Connection, signed: str) -> bool:
    """Put a signed note at the end; False when another process entered one meanwhile.

    Raises ValueError when it does not extend the last one, or says what the ledger does not hold.
    """
    note, before = notes.read(signed), last_note(connection)
    last = notes.read(before) if before else None
    if last and last.number >= note.number:
        return False
    if note.previous != (notes.digest(before) if before else notes.FIRST):
        raise ValueError("the signed note does not extend the last one")
    _demand_kept(connection, note)
    connection.execute(tables.notes.insert(), {"number": note.number, "at": note.at, "note": signed})
    _forget_closed(connection, note.heads)
    return True


def last_note(connection: tables.Connection) -> str | None:
    """The newest note as it was signed."""
    found = tables.notes.select().order_by(tables.notes.c.number.desc()).limit(1)
    row = connection.execute(found).first()
    return row.note if row else None


def notes_after(connection: tables.Connection, number: int) -> list[str]:
    """The notes behind one number, in order, as they were signed: what an anchor has missed."""
    found = tables.notes.select().where(tables.notes.c.number > number).order_by(tables.notes.c.number)
    return [row.note for row in connection.execute(found)]


def _says_the_same(last: notes.Note, heads: tuple[notes.ChainHead, ...]) -> bool:
    return tuple(head for head in last.heads if head.state == "open") == heads


def _heads(connection: tables.Connection, last: notes.Note | None) -> tuple[notes.ChainHead, ...]:
    """Every chain that no note has closed yet: those with a lease, and those the last note left open.

    A chain that is open in the last note and has no lease any more cannot grow (migrations/): closed.
    """
    ended = {row.writer: row.ended is not None for row in connection.execute(tables.leases.select())}
    for head in last.heads if last else ():
        if head.state == "open":
            ended.setdefault(head.writer, True)
    heads = (_head(connection, writer, over) for writer, over in sorted(ended.items()))
    return tuple(head for head in heads if head)


def _demand_kept(connection: tables.Connection, note: notes.Note | None) -> None:
    records = tables.records
    for head in note.heads if note else ():
        if head.state == "purged":
            continue
        found = tables.select(records.c.hash)
        found = found.where(records.c.writer == head.writer, records.c.idx == head.size)
        if connection.execute(found).scalar() != head.hash:
            raise ValueError(f"the chain {head.writer} is not what note {note.number if note else 0} says")


def _head(connection: tables.Connection, writer: str, over: bool) -> notes.ChainHead | None:
    records = tables.records
    found = tables.select(records.c.idx, records.c.hash).where(records.c.writer == writer)
    row = connection.execute(found.order_by(records.c.idx.desc()).limit(1)).first()
    return notes.ChainHead(writer, row.idx, row.hash, "closed" if over else "open") if row else None


def _forget_closed(connection: tables.Connection, heads: tuple[notes.ChainHead, ...]) -> None:
    for head in heads:
        if head.state == "closed":
            connection.execute(tables.leases.delete().where(tables.leases.c.writer == head.writer))
