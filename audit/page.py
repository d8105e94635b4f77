"""One transaction in progress: the heads of the chains move as drafts are added, and count only once committed.

It gives each draft its place, its hash and its salt, and puts a whole page into the store in one go. It never
begins or ends a chain (pen.py).
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from audit import chain, tables
from audit.draft import Prepared
from audit.model import Record
from audit.stores.rows import put

_SALT = 32
"""Bytes of chance beside each text."""

_RECORDS = ("records", "writer, idx, at, kind, exchange, turn, body, text_commitment, prev, hash")
_TEXTS = ("texts", "writer, idx, salt, text")


@dataclass(frozen=True, slots=True)
class Head:
    """The last record of a chain; index 0 and 64 zeros before the first."""

    writer: str
    index: int = 0
    hash: str = chain.GENESIS


class Page:
    """``heads``: of every chain that may be written to, the one for new questions last."""

    def __init__(self, connection: tables.Connection, heads: dict[str, Head]) -> None:
        self.connection = connection
        self.heads = heads

    def add(self, drafts: Sequence[Prepared], chain_of: Callable[[Prepared], str | None]) -> list[Record]:
        """Put drafts at the end of the chains that ``chain_of`` names; None or unknown: the newest.

        Raises IntegrityError when one breaks a law; then the heads have not moved.
        """
        newest = next(reversed(self.heads))
        chance = secrets.token_hex(_SALT * len(drafts))
        moved: dict[str, Head] = {}
        records, rows, texts, sealed = [], [], [], []
        for number, draft in enumerate(drafts):
            writer = chain_of(draft)
            writer = writer if writer in self.heads else newest
            head = moved.get(writer) or self.heads[writer]
            salt = chance[2 * _SALT * number : 2 * _SALT * (number + 1)]
            record = _record(head, draft, salt)
            records.append(record)
            rows.append(_row(record, draft.turn, head.hash))
            if draft.text is not None:
                texts.append((writer, record.index, salt, draft.text))
            if draft.sealed:
                sealed.append((record, draft.sealed))
            moved[writer] = Head(writer, record.index, record.hash)
        put(self.connection, *_RECORDS, rows)
        put(self.connection, *_TEXTS, texts)
        for record, original in sealed:
            self._keep(record, original)
        self.heads.update(moved)
        return records

    def _keep(self, record: Record, original: Any) -> None:
        keys = tables.original_keys
        known = tables.select(keys.c.id).where(keys.c.id == original.key_id)
        if self.connection.execute(known).first() is None:
            key = {"id": original.key_id, "conversation": original.conversation}
            self.connection.execute(
                keys.insert(), {**key, "wrapped": original.wrapped, "until": original.until}
            )
        row = {"writer": record.writer, "idx": record.index, "key_id": original.key_id}
        self.connection.execute(tables.originals.insert(), {**row, "sealed": original.blob})


def last_of(connection: tables.Connection, writer: str) -> Head:
    """The head of a chain as the ledger has it."""
    records = tables.records
    found = records.select().where(records.c.writer == writer).order_by(records.c.idx.desc()).limit(1)
    row = connection.execute(found).first()
    return Head(writer, row.idx, row.hash) if row else Head(writer)


def _record(head: Head, draft: Prepared, salt: str) -> Record:
    """The draft as the next record of the chain. ``salt``: for its text, where it has one."""
    commitment = None if draft.text is None else chain.commit(salt, draft.text)
    index = head.index + 1
    sealed = chain.seal(
        head.hash, head.writer, index, draft.at, draft.kind, draft.exchange, commitment, draft.body
    )
    return Record(head.writer, index, draft.at, draft.kind, draft.exchange, draft.body, commitment, sealed)


def _row(record: Record, turn: int | None, previous: str) -> tuple[Any, ...]:
    """In the order of _RECORDS."""
    return (
        record.writer,
        record.index,
        record.at,
        record.kind,
        record.exchange,
        turn,
        record.body,
        record.text_commitment,
        previous,
        record.hash,
    )
