"""Verifies a ledger. Runs alone, on any machine: Python's standard library and a public key.

    python audit/verify.py ledger.sqlite --public-key public.pem --json

It imports no other part of Sekisho, so that whoever checks need not trust the program that wrote: the
formulas of chain.py and notes.py are repeated here on purpose, and a test holds them equal. It opens
the ledger read-only and streams: its memory does not grow with the number of records.

What it finds: a record that was changed, removed, moved or put in; a changed text; an ending without a
question, a second ending; a note that is changed, missing or not signed by this key; a chain that is not
what a note says; a chain that grew after a note had closed it.
What it cannot find alone: records and notes removed together from the end, back to an earlier state.
Keep the newest note elsewhere, and compare. ``unanchored`` counts the records that no note covers yet.

Signatures are checked with the ``cryptography`` package, else with the ``openssl`` program.
"""

import argparse
import base64
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

RECORD_TAG = b"sekisho.record.v1"
TEXT_TAG = b"sekisho.text.v1"
ORIGIN = "sekisho/ledger"
ZEROS = b"0" * 64
SCHEMA = 1

Check = Callable[[str, str], bool]
"""(signature line, signed text) → whether the line is our key's good signature."""

Verdict = Callable[[bytes, bytes], bool]
"""(64 bytes of signature, signed text) → whether it is good."""


@dataclass(frozen=True, slots=True)
class Bad:
    """The first thing that is wrong. ``writer`` is ``notes`` and ``index`` a note's number for a note."""

    writer: str
    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """records, writers, checkpoints: how many there are. unanchored: records that no note covers.

    signatures: whether the notes' signatures were checked.
    """

    ok: bool
    records: int
    writers: int
    checkpoints: int
    unanchored: int
    signatures: bool
    first_bad: Bad | None


@dataclass(slots=True)
class Noted:
    """What the notes say of one chain: the newest head, and the first one the ledger does not hold.

    note, wrong_note   numbers of the notes that say so; 0: none
    wrong              index of the record that is not the one that was signed
    """

    size: int = 0
    hash: bytes = ZEROS
    closed: bool = False
    note: int = 0
    wrong: int = 0
    wrong_note: int = 0


@dataclass(slots=True)
class Notes:
    """What all notes say. ``bad``: the first note that is wrong in itself. ``open``: in the last one."""

    count: int = 0
    bad: Bad | None = None
    open: set[str] = field(default_factory=set)
    chains: dict[str, Noted] = field(default_factory=dict)


# ── the whole ────────────────────────────────────────────────────────────────────────────────────


def verify(ledger: Path, public_key: Path | None) -> Report:
    """Check everything in one snapshot.

    Raises OSError or sqlite3.Error when the ledger cannot be read, ValueError when it is none or the
    key is not an Ed25519 public key, RuntimeError when signatures cannot be checked on this machine.
    """
    check = signature_check(public_key) if public_key else None
    if not ledger.is_file():
        raise FileNotFoundError(f"there is no ledger at {ledger}")
    before = state(ledger)
    if before is not None:
        try:
            report = _verify(open_ledger(ledger, "mode=ro&immutable=1"), check)
        except sqlite3.DatabaseError:
            if state(ledger) == before:
                raise
        else:
            if state(ledger) == before:
                return report
    return _verify(open_ledger(ledger, "mode=ro"), check)


def _verify(connection: sqlite3.Connection, check: Check | None) -> Report:
    try:
        connection.execute("BEGIN")
        notes = read_notes(connection, check)
        sizes: dict[str, int] = {}
        bad = walk_records(connection, notes, sizes) or stray_text(connection)
        bad = bad or broken_exchange(connection) or notes.bad
        (records,) = connection.execute("SELECT count(*) FROM records").fetchone()
        (writers,) = connection.execute("SELECT count(DISTINCT writer) FROM records").fetchone()
    finally:
        connection.close()
    covered = sum(min(chain.size, sizes.get(name, 0)) for name, chain in notes.chains.items())
    unanchored = max(0, records - covered)
    return Report(bad is None, records, writers, notes.count, unanchored, check is not None, bad)


def state(path: Path) -> tuple[int, int, int] | None:
    """What changes when a resting ledger is written; None while its log says that somebody writes.

    A resting one is read as a file that never changes: SQLite would else leave a log beside it, in a
    folder that may be read-only, and under an owner the ledger's own program may not be able to touch.
    """
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        return None
    facts = path.stat()
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def open_ledger(path: Path, mode: str) -> sqlite3.Connection:
    """Read-only."""
    connection = _open(f"file:{quote(str(path.absolute()))}?{mode}")
    connection.text_factory = bytes
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != SCHEMA:
        connection.close()
        raise ValueError(f"{path} is not a ledger that this program knows (schema {version})")
    return connection


def _open(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, isolation_level=None)
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


# ── records ──────────────────────────────────────────────────────────────────────────────────────

_WALK = """
    SELECT r.writer, r.idx, r.at, r.kind, r.exchange, r.turn, r.body, r.text_commitment, r.prev, r.hash,
           t.salt, t.text,
           CASE WHEN r.kind = 'asked' THEN r.turn = 1 AND r.exchange IS NOT NULL
                WHEN r.kind IN ('answered', 'refused', 'failed', 'abandoned', 'lost')
                THEN r.turn = 2 AND r.exchange IS NOT NULL
                WHEN r.kind IN ('viewed', 'noted') THEN r.turn IS NULL AND r.exchange IS NULL
                ELSE 0 END
           AND coalesce(r.exchange <> '-', 1) AND coalesce(length(r.text_commitment) = 64, 1)
           AND substr(r.body, 1, 1) = '{' AND instr(r.body, char(10)) = 0 AND json_valid(r.body) AS lawful
    FROM records AS r LEFT JOIN texts AS t ON t.writer = r.writer AND t.idx = r.idx
    ORDER BY r.writer, r.idx
"""
"""A record, its text, and whether it is one: a fitting turn, and a body of one line with one JSON object."""


def walk_records(connection: sqlite3.Connection, notes: Notes, sizes: dict[str, int]) -> Bad | None:
    """Follow every chain from its first record to its end; ``sizes`` is filled with their lengths."""
    writer, index, last, name, noted = None, 0, ZEROS, "", Noted()
    rows = connection.execute(_WALK)
    for row in rows:
        if row[0] != writer:
            if bad := ended_early(name, index, noted):
                return bad
            writer, index, last, name = row[0], 0, ZEROS, _text(row[0])
            noted = notes.chains.get(name, Noted())
        index += 1
        if reason := record_fault(row, index, last):
            if reason == PREV_DIFFERS and index > 1 and is_vouched_for(row, next(rows, None), noted):
                return Bad(name, index - 1, "the record was changed and hashed again")
            if index == 2 and row[8] == ZEROS and sealed(row, 1) == row[9]:
                return Bad(name, 1, "the record was put in before the first")
            return Bad(name, index, reason)
        if noted.note and (reason := note_fault(noted, index)):
            return Bad(name, index, reason)
        last = row[9]
        sizes[name] = index
    return ended_early(name, index, noted) or vanished(notes, sizes)


def record_fault(row: Any, index: int, last: bytes) -> str | None:
    """Why this is not the record that belongs at ``index`` behind the hash ``last``; None when it is."""
    _, idx, _, _, _, _, _, commitment, prev, digest, salt, text, lawful = row
    if idx != index:
        return "the record is missing" if isinstance(idx, int) and idx > index else "the record was put in"
    try:
        if sealed(row, index) != digest:
            return "the record was changed"
    except TypeError:
        return "the record cannot be read"
    if prev != last:
        return PREV_DIFFERS
    if not lawful:
        return "the record's kind, turn, exchange and body do not fit together"
    return text_fault(commitment, salt, text) if text is not None else None


def sealed(row: Any, index: int) -> bytes:
    """The hash of a record, as chain.py has it, at this index. Raises TypeError where a field is no text."""
    writer, _, at, kind, exchange, _, body, commitment, prev, _, _, _, _ = row
    exchange = b"-" if exchange is None else exchange
    commitment = b"-" if commitment is None else commitment
    fields = (RECORD_TAG, prev, writer, b"%d" % index, at, kind, exchange, commitment, body)
    return sha256(b"\n".join(fields)).hexdigest().encode()


PREV_DIFFERS = "the record does not stand on the one before it"


def is_vouched_for(row: Any, after: Any, noted: Noted) -> bool:
    """Whether the next record, or the note over the chain's end, stands on this very record.

    Then this one is true, and the one before is not what it once was.
    """
    if after is not None and after[0] == row[0]:
        return bool(after[8] == row[9])
    return bool(noted.size == row[1] and noted.hash == row[9])


def text_fault(commitment: Any, salt: Any, text: Any) -> str | None:
    """Why a text is not the one its record commits to."""
    if commitment is None:
        return "a text was put in beside the record"
    try:
        expected = sha256(b"\n".join((TEXT_TAG, salt, text))).hexdigest().encode()
    except TypeError:
        return "the record's text cannot be read"
    return None if expected == commitment else "the record's text was changed"


def note_fault(noted: Noted, index: int) -> str | None:
    if index == noted.wrong:
        return f"the record is not the one that note {noted.wrong_note} was signed over"
    if index > noted.size and noted.closed:
        return f"the chain grew after note {noted.note} had closed it"
    return None


def ended_early(name: str, index: int, noted: Noted) -> Bad | None:
    if index < noted.size:
        return Bad(name, index + 1, f"the record is missing; note {noted.note} counts {noted.size}")
    return None


def vanished(notes: Notes, sizes: dict[str, int]) -> Bad | None:
    """A chain that the notes know and the ledger does not."""
    for name, noted in sorted(notes.chains.items()):
        if name not in sizes:
            return ended_early(name, 0, noted)
    return None


def stray_text(connection: sqlite3.Connection) -> Bad | None:
    """A text whose record is gone."""
    found = connection.execute(
        "SELECT writer, idx FROM texts AS t WHERE NOT EXISTS"
        " (SELECT 1 FROM records AS r WHERE r.writer = t.writer AND r.idx = t.idx) LIMIT 1"
    ).fetchone()
    if found is None:
        return None
    return Bad(_text(found[0]), int(found[1]), "the record is missing; its text is still here")


def broken_exchange(connection: sqlite3.Connection) -> Bad | None:
    """An exchange that is not one question and at most one ending."""
    found = connection.execute(
        "SELECT exchange, sum(turn = 1) FROM records WHERE exchange IS NOT NULL"
        " GROUP BY exchange HAVING sum(turn = 1) <> 1 OR sum(turn = 2) > 1 LIMIT 1"
    ).fetchone()
    if found is None:
        return None
    exchange, asked = found
    writer, index = connection.execute(
        "SELECT writer, idx FROM records WHERE exchange = CAST(? AS TEXT) ORDER BY at DESC, idx DESC LIMIT 1",
        (exchange,),
    ).fetchone()
    reason = "an exchange was ended twice" if asked == 1 else "an exchange has no question, or two"
    return Bad(_text(writer), int(index), reason)


# ── notes ────────────────────────────────────────────────────────────────────────────────────────


def read_notes(connection: sqlite3.Connection, check: Check | None) -> Notes:
    """Read all notes in order, up to the first that is wrong."""
    notes, before = Notes(), ZEROS.decode()
    (notes.count,) = connection.execute("SELECT count(*) FROM notes").fetchone()
    rows = connection.execute("SELECT number, note FROM notes ORDER BY number")
    for number, (stored, signed) in enumerate(rows, start=1):
        try:
            if stored != number:
                raise ValueError("the note is missing")
            take_note(connection, notes, number, signed, before, check)
        except (ValueError, TypeError, AttributeError) as fault:
            wrong = fault.args[0] if type(fault) is ValueError else "the note cannot be read"
            notes.bad = Bad("notes", number, str(wrong))
            break
        before = sha256(signed).hexdigest()
    return notes


def take_note(
    connection: sqlite3.Connection, notes: Notes, number: int, signed: bytes, before: str, check: Check | None
) -> None:
    """Add one note to what is known. Raises ValueError with the reason when it is wrong."""
    origin, stated, _, previous, *chains = open_note(signed, check).split("\n")
    if origin != ORIGIN or stated != str(number):
        raise ValueError("the note is not the one of this number")
    if previous != before:
        raise ValueError("the note before was changed" if number > 1 else "the note does not start a chain")
    heads = dict(read_head(line, number) for line in chains)
    if forgotten := notes.open - heads.keys():
        raise ValueError(f"the note leaves out the open chain {min(forgotten)}")
    for name, head in heads.items():
        take_head(connection, notes, number, name, head)
    notes.open = {name for name, head in heads.items() if not head.closed}


def read_head(line: str, number: int) -> tuple[str, Noted]:
    name, size, digest, state = line.split(" ")
    return name, Noted(int(size), digest.encode(), state == "closed", number)


def take_head(connection: sqlite3.Connection, notes: Notes, number: int, name: str, head: Noted) -> None:
    """One chain of a note must be the earlier one, grown or not; is it what the ledger holds?"""
    known = notes.chains.get(name)
    if known is None or head.size > known.size:
        found = connection.execute(
            "SELECT hash FROM records WHERE writer = ? AND idx = ?", (name, head.size)
        ).fetchone()
        if found and found[0] != head.hash:
            head.wrong, head.wrong_note = head.size, number
    elif known.closed or head.size < known.size or head.hash != known.hash:
        raise ValueError(f"the note contradicts note {known.note} about {name}")
    if known and known.closed:
        raise ValueError(f"the note lists {name}, which note {known.note} had closed")
    if known and known.wrong:
        head.wrong, head.wrong_note = known.wrong, known.wrong_note
    notes.chains[name] = head


def open_note(signed: bytes, check: Check | None) -> str:
    """The signed text. Raises ValueError unless it has the one form, signed by the key of ``check``."""
    text, blank, signatures = signed.decode().partition("\n\n")
    lines = signatures.split("\n")
    if not blank or lines.pop() or not all(line.startswith("\u2014 ") for line in lines):
        raise ValueError("the note cannot be read")
    if check and not any(check(line, text + "\n") for line in lines):
        raise ValueError("the note is not signed by this key")
    return text


# ── signatures ───────────────────────────────────────────────────────────────────────────────────

_ED25519 = bytes.fromhex("302a300506032b6570032100")
"""How the DER form of an Ed25519 public key begins (RFC 8410); 32 bytes follow."""


def signature_check(public_key: Path) -> Check:
    """A check for signature lines under this key. Raises ValueError for another kind of key."""
    pem = public_key.read_text("ascii", "replace")
    try:
        der = base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-----")))
    except ValueError:
        der = b""
    if not der.startswith(_ED25519) or len(der) != len(_ED25519) + 32:
        raise ValueError(f"{public_key} is not an Ed25519 public key in PEM")
    raw = der[len(_ED25519) :]
    verdict = _with_cryptography(raw) or _with_openssl(pem)
    key_hash = sha256(ORIGIN.encode() + b"\n\x01" + raw).digest()[:4]

    def check(line: str, text: str) -> bool:
        _, name, encoded = line.split(" ")
        signature = base64.b64decode(encoded, validate=True)
        mine = name == ORIGIN and signature[:4] == key_hash and len(signature) == 68
        return mine and verdict(signature[4:], text.encode())

    return check


def _with_cryptography(raw: bytes) -> Verdict | None:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return None
    key = Ed25519PublicKey.from_public_bytes(raw)

    def verdict(signature: bytes, text: bytes) -> bool:
        try:
            key.verify(signature, text)
        except InvalidSignature:
            return False
        return True

    return verdict


def _with_openssl(pem: str) -> Verdict:
    program = shutil.which("openssl")
    if program is None:
        raise RuntimeError("signatures need the Python package cryptography or the program openssl")

    def verdict(signature: bytes, text: bytes) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            key, sig, message = (Path(folder, name) for name in ("key", "signature", "message"))
            key.write_text(pem, "ascii")
            sig.write_bytes(signature)
            message.write_bytes(text)
            command = [program, "pkeyutl", "-verify", "-pubin", "-inkey", str(key), "-rawin"]
            command += ["-in", str(message), "-sigfile", str(sig)]
            return subprocess.run(command, capture_output=True, check=False).returncode == 0

    return verdict


def _text(name: Any) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


# ── the command ──────────────────────────────────────────────────────────────────────────────────


def as_json(report: Report) -> str:
    """The report as one line of JSON."""
    return json.dumps(asdict(report), ensure_ascii=False)


def as_words(report: Report) -> str:
    """The report for people: Japanese first, English second."""
    lines = []
    if report.first_bad is None:
        lines.append(f"台帳は正しくつながっています（記録 {report.records} 件）。")
        lines.append(f"The ledger is sound ({report.records} records).")
    else:
        bad = report.first_bad
        lines.append(f"台帳に異常があります: {bad.writer} の {bad.index} 番。CSIRT に知らせてください。")
        lines.append(f"The ledger is NOT sound: {bad.writer}, index {bad.index}: {bad.reason}.")
    lines.append(
        f"書き手 writers {report.writers} / 署名付き控え notes {report.checkpoints}"
        f" / 控えにまだ入っていない記録 unanchored {report.unanchored}"
    )
    if not report.signatures:
        lines.append("署名は確かめていません（--public-key で公開鍵を指定してください）。")
        lines.append("Signatures were not checked: name the public key with --public-key.")
    return "\n".join(lines)


def run(ledger: Path, public_key: Path | None, *, as_lines_of_json: bool) -> int:
    """Verify and print. 0: sound, 1: something is wrong, 2: it could not be checked."""
    try:
        report = verify(ledger, public_key)
    except (OSError, sqlite3.Error, ValueError, RuntimeError) as trouble:
        print(f"台帳を検証できません / The ledger could not be verified: {trouble}", file=sys.stderr)
        return 2
    print(as_json(report) if as_lines_of_json else as_words(report))
    return 0 if report.ok else 1


def key_beside(ledger: Path) -> Path | None:
    """``public.pem`` in the ledger's folder, where there is one."""
    key = ledger.absolute().with_name("public.pem")
    return key if key.is_file() else None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify a Sekisho ledger, read-only.")
    parser.add_argument("ledger", type=Path, help="the SQLite file")
    parser.add_argument("--public-key", type=Path, help="PEM file; default: public.pem beside the ledger")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args(arguments)
    return run(asked.ledger, asked.public_key or key_beside(asked.ledger), as_lines_of_json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
