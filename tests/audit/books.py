"""Builds small ledgers to the byte, as lines of an export or as a SQLite file, without a running writer.

Keys, salts and moments are fixed, so that the same calls give the same bytes. It writes no ledger that is
used, and knows nothing of the verifier.
"""

import base64
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from audit import chain

BEGIN = datetime(2026, 11, 23, 5, 21, tzinfo=UTC)
A, B = "w20261123T052100Z-aaaaaa", "w20261123T060000Z-bbbbbb"
C, D = "w20261123T070000Z-cccccc", "w20261123T080000Z-dddddd"
ZEROS = "0" * 64


@dataclass(frozen=True, slots=True)
class Row:
    """A record as it is stored, and its text."""

    prev: str
    writer: str
    idx: int
    at: str
    kind: str
    exchange: str | None
    commitment: str | None
    body: str
    hash: str = ""
    salt: str | None = None
    text: str | None = None

    def sealed(self) -> "Row":
        """With the hash that fits."""
        fields = (self.prev, self.writer, self.idx, self.at, self.kind, self.exchange, self.commitment)
        return replace(self, hash=chain.seal(*fields, self.body))

    def lines(self, texts: bool = True) -> list[str]:
        cells = (self.prev, self.writer, self.idx, self.at, self.kind, self.exchange or "-")
        lines = ["\t".join(map(str, ("r", *cells, self.commitment or "-", self.body, self.hash)))]
        if texts and self.text is not None:
            quoted = json.dumps(self.text, ensure_ascii=False)
            lines.append("\t".join(("t", self.writer, str(self.idx), str(self.salt), quoted)))
        return lines


class Key:
    """A key pair that is the same every time."""

    def __init__(self, seed: int) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        public = self._key.public_key()
        self.pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        self._hash = sha256(b"sekisho/ledger\n\x01" + public.public_bytes_raw()).digest()[:4]

    def sign(self, text: str) -> str:
        """The signed note of a text."""
        signature = base64.b64encode(self._hash + self._key.sign(text.encode())).decode()
        return f"{text}\n— sekisho/ledger {signature}\n"


KEY, OTHER = Key(7), Key(8)
WITNESS = "— witness.example/csirt " + base64.b64encode(bytes(range(68))).decode() + "\n"


@dataclass(slots=True)
class Book:
    """A ledger that is being written."""

    key: Key = KEY
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: int = 0

    def moment(self) -> str:
        self.seconds += 1
        return self.now()

    def now(self) -> str:
        return (BEGIN + timedelta(seconds=self.seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def wait(self, days: int, seconds: int = 0) -> None:
        """Nothing happens for so long; negative: the clock is set back."""
        self.seconds += days * 86_400 + seconds

    def chain(self, writer: str) -> list[Row]:
        return [row for row in self.rows if row.writer == writer]

    def write(
        self, writer: str, kind: str, exchange: str | None = None, text: str | None = None, **body: Any
    ) -> Row:
        """Append a record to a chain."""
        before = self.chain(writer)
        index = len(before) + 1
        salt = sha256(f"{writer} {index}".encode()).hexdigest() if text is not None else None
        commitment = chain.commit(str(salt), text) if text is not None else None
        prev = before[-1].hash if before else ZEROS
        cells = (prev, writer, index, self.moment(), kind, exchange, commitment, chain.canonical(body))
        self.rows.append(replace(Row(*cells).sealed(), salt=salt, text=text))
        return self.rows[-1]

    def exchange(self, writer: str, exchange: str, ending: str = "answered") -> None:
        """A question and its ending, with texts."""
        self.write(writer, "asked", exchange, f"[PERSON_1]様、{exchange} の件です。", model_requested="demo")
        self.write(writer, ending, exchange, f"\t{exchange}:\n「はい」", egress_state="masked")

    def note(self, *states: tuple[str, str], clock: str = "", heads: Iterable[str] = ()) -> str:
        """Sign what the chains are now: (writer, state)."""
        lines = [
            f"{name} {len(self.chain(name))} {self.chain(name)[-1].hash} {state}" for name, state in states
        ]
        return self.sign_heads([*lines, *heads], clock)

    def sign_heads(self, heads: Iterable[str], clock: str = "") -> str:
        before = sha256(self.notes[-1].encode()).hexdigest() if self.notes else ZEROS
        first = ["sekisho/ledger", str(len(self.notes) + 1), self.moment(), before]
        lines = first + ([clock] if clock else []) + sorted(heads)
        self.notes.append(self.key.sign("\n".join(lines) + "\n"))
        return self.notes[-1]

    def export(self, texts: bool = True, after: int = 0, sizes: dict[str, int] | None = None) -> list[str]:
        """The lines; ``after`` and ``sizes``: only the notes behind this one, and the records behind these."""
        rows = [row for row in self.rows if row.idx > (sizes or {}).get(row.writer, 0)]
        notes = list(enumerate(self.notes, 1))[after:]
        lines = [f"n\t{number}\t{json.dumps(note, ensure_ascii=False)}" for number, note in notes]
        for row in sorted(rows, key=lambda row: (row.writer, row.idx)):
            lines += row.lines(texts)
        header = json.dumps({"texts": texts, "from": after}, separators=(",", ":"))
        return counted([f"sekisho.export.v1\t{header}", *lines])

    def sqlite(self, path: Path, schema: int = 2) -> Path:
        """The same as a SQLite ledger, with the tables that verifiers and exports read, and no laws."""
        connection = sqlite3.connect(path)
        for statement in TABLES.strip().split("\n"):
            connection.execute(statement)
        for row in self.rows:
            turn = {"asked": 1, "viewed": None, "noted": None}.get(row.kind, 2)
            cells = (row.writer, row.idx, row.at, row.kind, row.exchange, turn, row.body, row.commitment)
            connection.execute(f"INSERT INTO records VALUES ({'?, ' * 9}?)", (*cells, row.prev, row.hash))
            if row.text is not None:
                connection.execute("INSERT INTO texts VALUES (?, ?, ?, ?)", (*cells[:2], row.salt, row.text))
        for number, note in enumerate(self.notes, 1):
            connection.execute("INSERT INTO notes VALUES (?, ?, ?)", (number, note.split("\n")[2], note))
        connection.execute(f"PRAGMA user_version = {schema}")
        connection.commit()
        connection.close()
        return path


TABLES = """
CREATE TABLE records (writer TEXT NOT NULL, idx INTEGER NOT NULL, at TEXT NOT NULL, kind TEXT NOT NULL, exchange TEXT, turn INTEGER, body TEXT NOT NULL, text_commitment TEXT, prev TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (writer, idx), UNIQUE (exchange, turn)) STRICT
CREATE TABLE texts (writer TEXT NOT NULL, idx INTEGER NOT NULL, salt TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (writer, idx)) STRICT
CREATE TABLE leases (writer TEXT NOT NULL PRIMARY KEY, boot TEXT, namespace TEXT, pid INTEGER, born TEXT, started TEXT, until TEXT, open_from INTEGER, ended TEXT) STRICT
CREATE TABLE notes (number INTEGER NOT NULL PRIMARY KEY, at TEXT NOT NULL, note TEXT NOT NULL) STRICT
"""


def counted(lines: list[str]) -> list[str]:
    """With the last line that fits."""
    return [
        *lines,
        "\t".join(
            ["e", *(str(sum(line.startswith(mark) for line in lines)) for mark in ("n\t", "r\t", "t\t"))]
        ),
    ]
