"""Notes: what the ledger held at a moment, in a form that anybody can check with a public key.

The form is C2SP signed-note (https://c2sp.org/signed-note) with an Ed25519 key::

    sekisho/ledger
    7
    2026-11-23T05:21:00.123456Z
    4b7f…64 hex digits: SHA-256 of the whole note before, signature and all; 64 zeros in the first…
    clock synchronized -0.000012 0.001500
    w20211001T010203Z-aa00bb 812 31fe…64 hex digits… purged
    w20261122T230000Z-11d0e3 9 77c1…64 hex digits… closed
    w20261123T052100Z-4f9c2a 41 90ab…64 hex digits: hash of its record 41… open

    — sekisho/ledger rZ7s…base64 of 4 bytes key hash and 64 bytes signature…

The third line is the time. The clock line may be missing (notes of version 0.1 have none); it says how
far that time can be trusted: ``clock synchronized <offset> <largest error>`` in seconds, ``clock
unsynchronized`` or ``clock unknown``. Then one line for each chain, sorted by writer; then the blank line
that signed-note wants; then the signature over everything before that blank line.

``open``: a chain that may grow; it is in every note from its first to its closing one. ``closed``: one
that may not; it is listed once. ``purged``: a closed one whose retention is over and whose records were
removed; it is listed once more, with the same size and hash, at least 365 days after the note that closed
it, and never again.

The key hash is the first 4 bytes of SHA-256 of ``<name>\\n\\x01<public key>``. A reader finds notes inside
a longer text (a day's file, a mail) by the line ``sekisho/ledger``: see `find`.

Safe for ever: more signature lines (witnesses), another key under the same name. Never: another order
of lines. A change of form is a change of origin.

Pure: it signs nothing (signing.py), opens nothing, and never looks into the ledger (heads.py does).
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal, get_args

from audit.clock import Clock

ORIGIN = "sekisho/ledger"
"""First line of every note, and the name of the key."""

FIRST = "0" * 64
"""What the first note names as the note before it."""

KEEP = timedelta(days=365)
"""So long after the note that closed a chain no note may call it purged."""

State = Literal["open", "closed", "purged"]

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_HEAD = re.compile(r"(?!clock )([!-~]+) ([1-9][0-9]{0,17}) ([0-9a-f]{64}) ([a-z]+)")
_CLOCK = re.compile(r"clock (?:synchronized (-?[0-9]{1,9}\.[0-9]{6}) ([0-9]{1,9}\.[0-9]{6})|(un[a-z]+))")
_SIGNATURE = re.compile(r"— [^ \t-\r+]+ [A-Za-z0-9+/]+={0,2}")
_OURS = re.compile(rf"— {ORIGIN} [A-Za-z0-9+/]{{91}}=")
"""A whole signature of a key of the ledger: 68 bytes."""


@dataclass(frozen=True, slots=True)
class ChainHead:
    """One chain in a note: its writer, how many records, the hash of the last, and whether it ended."""

    writer: str
    size: int
    hash: str
    state: State

    @property
    def closed(self) -> bool:
        """Whether the chain may grow no more."""
        return self.state != "open"

    def line(self) -> str:
        return f"{self.writer} {self.size} {self.hash} {self.state}"


@dataclass(frozen=True, slots=True)
class Note:
    """A note before it is signed. ``at`` is a moment, ``previous`` the digest of the note before."""

    number: int
    at: str
    previous: str
    heads: tuple[ChainHead, ...]
    clock: Clock | None = None

    def text(self) -> str:
        """What is signed; it ends in a newline."""
        lines = [ORIGIN, str(self.number), self.at, self.previous]
        lines += [_clock_line(self.clock)] if self.clock else []
        lines += [head.line() for head in sorted(self.heads, key=lambda head: head.writer)]
        return "\n".join(lines) + "\n"


def _clock_line(clock: Clock) -> str:
    if clock.word != "synchronized":
        return f"clock {clock.word}"
    offset = round(clock.offset_seconds, 6) + 0.0  # there is no minus zero
    return f"clock synchronized {offset:.6f} {clock.max_error_seconds:.6f}"


def digest(signed: str) -> str:
    """How the next note names this one."""
    return sha256(signed.encode()).hexdigest()


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


class NoNote(ValueError):
    """This is not a note of the ledger; the sentence says what is wrong with it."""


def read(signed: str) -> Note:
    """A note as it was signed; whether the signature is good is not looked at.

    Raises NoNote for anything but the one form, to the byte.
    """
    text, blank, signatures = signed.partition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise NoNote("the note has no signature")
    if not all(_SIGNATURE.fullmatch(line) for line in signatures[:-1].split("\n")):
        raise NoNote("the note's signature is none")
    return read_text(text + "\n")


def read_text(text: str) -> Note:
    """A note's text before it is signed: the same, without the blank line and what follows it."""
    origin, *lines = text.split("\n")
    if origin != ORIGIN or len(lines) < 4:
        raise NoNote("this is not a note of the ledger")
    number, at, previous = lines[:3]
    if not (_NUMBER.fullmatch(number) and _MOMENT.fullmatch(at) and _DIGEST.fullmatch(previous)):
        raise NoNote("a note begins with its number, its time and the digest of the one before")
    try:
        datetime.fromisoformat(at)
    except ValueError:
        raise NoNote("a note's time is one that the calendar has") from None
    clock = _read_clock(lines[3])
    heads = tuple(_read_head(line) for line in lines[4 if clock else 3 : -1])
    if len({head.writer for head in heads}) < len(heads):
        raise NoNote("a note lists each chain once")
    note = Note(int(number), at, previous, heads, clock)
    if note.text() != text:
        raise NoNote("the chains of a note are sorted by writer, and each line ends in one newline")
    return note


def _read_clock(line: str) -> Clock | None:
    if not line.startswith("clock "):
        return None
    found = _CLOCK.fullmatch(line)
    if found and found[3] == "unsynchronized":
        return Clock("unsynchronized")
    if found and found[3] == "unknown":
        return Clock("unknown")
    if found and not found[3]:
        return Clock("synchronized", float(found[1]), float(found[2]))
    raise NoNote("the clock of a note is synchronized, unsynchronized or unknown")


def _read_head(line: str) -> ChainHead:
    found = _HEAD.fullmatch(line)
    if found is None:
        raise NoNote("a chain in a note is its writer, its size, its hash and its state")
    for state in get_args(State):
        if found[4] == state:
            return ChainHead(found[1], int(found[2]), found[3], state)
    raise NoNote("a chain in a note is open, closed or purged")


def find(text: str) -> list[str]:
    """The signed notes inside a longer text, in its order: a day's file, a saved mail, a letter.

    A note begins at a line ``sekisho/ledger`` and ends with the last of the signature lines that follow its
    first blank line; the first of these is whole and of a key of the ledger. One that was cut short (by
    another ``sekisho/ledger``, by the end, or inside its signature) is left out: a machine may stop while it
    writes. Line ends of Windows are allowed. Nothing found is checked further: `read` does that.
    """
    notes: list[str] = []
    part: list[str] = []
    signatures = 0  # line of ``part`` at which they begin; 0: not reached yet
    for line in [*text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"), ""]:
        if signatures and not line.startswith("— "):
            if len(part) > signatures and _OURS.fullmatch(part[signatures]):
                notes.append("\n".join([*part, ""]))
            part, signatures = [], 0
        if line == ORIGIN:
            part, signatures = [line], 0
        elif part:
            part.append(line)
            if not line:
                signatures = len(part)
    return notes
