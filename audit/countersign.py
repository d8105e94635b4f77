"""Signs the ledger's notes for a second owner. Runs alone: Python's standard library and ``cryptography``.

    python3 -I countersign.py --key signing.pem --last last.note < note.txt

It belongs to somebody who does not run the gateway (in a city hall: the CSIRT), with a copy of this file,
the private key and ``last.note`` where the gateway's administrators cannot write. The gateway calls it as
its signing hook, through ``sudo -n -u csirt`` or ``ssh``. Fix the arguments where the permission is given (the
whole command in sudoers, ``command="…",restrict`` in authorized_keys): whoever may choose --last signs
anything. Keys are made so::

    openssl genpkey -algorithm ed25519 -out signing.pem
    openssl pkey -in signing.pem -pubout -out public.pem       (give this one to everybody who verifies)

It reads the text of a note, and signs it only if it continues the last note it signed: the next number,
the digest of that very note; dated by a clock that agrees with our own (--skew hours, 24); no chain shorter,
or another at the same length; no open chain left out; no closed chain back, but once as purged, and that not
before --keep days (365) after we signed its end, by our own clock. Two different notes of one number are never signed: asked again
for the number of the last note, it prints that one, whatever the text. So a ledger that was rolled back or
rewritten gets no more signatures, whoever administers it. A first note has the number 1; to begin with a
ledger that is older than this key, name --adopt once: everything before it is then taken on trust.

``last.note`` is the last signed note, then (behind a line ``chains that ended``) what every closed chain was
and the day on which we signed its end.
It is on the disk before the signature is shown. A reader of notes takes it as it is.

Exit status: 0 the signed note is on standard output; 1 refused, with a sentence on standard error; 2 it could
not be done (also with a sentence). It imports no other part of Sekisho, opens no connection, and never
shows the key. The form of a note is that of notes.py, repeated here on purpose; a test holds them equal.
"""

import sys

if __name__ == "__main__" and not getattr(sys.flags, "safe_path", False):
    del sys.path[0]  # this folder: a module that was put beside us must not answer for Python's own

import argparse
import base64
import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ORIGIN = "sekisho/ledger"
FIRST = "0" * 64
ENDED = "chains that ended"
LONGEST = 16_000_000
"""Bytes of a note's text."""

SECONDS = r"(?:0|[1-9][0-9]{0,8})\.[0-9]{6}"
FORM = re.compile(
    rf"{ORIGIN}\n(?P<number>[1-9][0-9]{{0,17}})\n"
    r"(?P<at>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6})Z\n"
    r"(?P<previous>[0-9a-f]{64})\n"
    rf"(?:clock (?:synchronized (?!-0\.0{{6}} )-?{SECONDS} {SECONDS}|unsynchronized|unknown)\n)?"
    r"(?P<heads>(?:(?!clock )[!-~]+ [1-9][0-9]{0,17} [0-9a-f]{64} (?:open|closed|purged)\n)*)"
)


class Refused(Exception):
    """This is not signed; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Head:
    """One chain in a note. It may grow only while its state is ``open``."""

    size: int
    hash: str
    state: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The text of a note that is to be signed, and what it says."""

    text: str
    number: int
    at: datetime
    previous: str
    heads: dict[str, Head]


@dataclass(frozen=True, slots=True)
class Last:
    """What was signed last: the whole signed note, what it says, and how every closed chain ended, and when.

    since  number of the first note this key signed: chains closed before it are not known
    """

    signed: str
    note: Asked
    ended: dict[str, tuple[Head, date]]
    since: int


@dataclass(frozen=True, slots=True)
class Rules:
    """What the second owner may choose.

    keep   so long after its end, by our clock, a chain may not be purged
    skew   so far a note's time may be off our clock
    adopt  where nothing was signed yet, any number may be the first
    """

    keep: timedelta = timedelta(days=365)
    skew: timedelta = timedelta(hours=24)
    adopt: bool = False


# ── the judgement: pure ──────────────────────────────────────────────────────────────────────────


def read(text: str) -> Asked:
    """The one form of a note's text. Raises Refused for any other."""
    found = FORM.fullmatch(text)
    if found is None:
        raise Refused("this is not the text of a note")
    heads = _read_heads(found["heads"])
    if list(heads) != sorted(heads) or len(heads) != found["heads"].count("\n"):
        raise Refused("the chains of a note are sorted by writer, each once")
    try:
        at = datetime.fromisoformat(found["at"]).replace(tzinfo=UTC)
    except ValueError:
        raise Refused("the calendar does not have the time of this note") from None
    return Asked(text, int(found["number"]), at, found["previous"], heads)


def _read_heads(lines: str) -> dict[str, Head]:
    parts = (line.split(" ") for line in lines.splitlines())
    return {writer: Head(int(size), digest, state) for writer, size, digest, state in parts}


def judge(asked: Asked, last: Last | None, rules: Rules, now: datetime) -> None:
    """Raises Refused unless ``asked`` may be signed after ``last``."""
    if abs(asked.at - now) > rules.skew:
        raise Refused(
            f"this note is of {asked.at:%Y-%m-%d %H:%M} UTC, but here it is {now:%Y-%m-%d %H:%M} UTC"
        )
    if last is None:
        if asked.number != 1 and not rules.adopt:
            raise Refused(f"this is note {asked.number}, but nothing was signed yet: begin with --adopt")
        if (asked.number == 1) != (asked.previous == FIRST):
            raise Refused("the first note, and only it, names no note before it")
    else:
        if asked.number != last.note.number + 1:
            raise Refused(f"this is note {asked.number}, but the last one signed is {last.note.number}")
        if asked.previous != sha256(last.signed.encode()).hexdigest():
            raise Refused(f"this does not follow the note {last.note.number} that was signed")
        for writer, head in last.note.heads.items():
            if head.state == "open" and writer not in asked.heads:
                raise Refused(f"the open chain {writer} is left out")
    all_known = (last.since if last else asked.number) == 1
    for writer, head in asked.heads.items():
        _judge_head(writer, head, last, all_known)
        _, day = last.ended.get(writer, (head, date.min)) if last else (head, date.min)
        if head.state == "purged" and now.date() < day + rules.keep:
            raise Refused(f"the chain {writer} ended on {day} and may not be purged yet")


def _judge_head(writer: str, head: Head, last: Last | None, all_known: bool) -> None:
    ended, _ = last.ended.get(writer, (None, None)) if last else (None, None)
    before = last.note.heads.get(writer) if last else None
    if ended:
        if ended.state == "purged" or head.state != "purged":
            raise Refused(f"the chain {writer} had ended as {ended.state} and is back as {head.state}")
        if (head.size, head.hash) != (ended.size, ended.hash):
            raise Refused(f"the purged chain {writer} is not the one that was closed")
    elif head.state == "purged" and (before or all_known):
        raise Refused(f"the chain {writer} is purged, but it was never closed")
    elif before and (head.size < before.size or (head.size == before.size and head.hash != before.hash)):
        raise Refused(f"the chain {writer} became shorter, or another one of the same length")


def after(asked: Asked, signed: str, last: Last | None, today: date) -> Last:
    """What is known once ``asked`` has been signed."""
    ended = dict(last.ended) if last else {}
    ended |= {writer: (head, today) for writer, head in asked.heads.items() if head.state != "open"}
    return Last(signed, asked, ended, last.since if last else asked.number)


# ── the file ─────────────────────────────────────────────────────────────────────────────────────


def load(path: Path) -> Last | None:
    """What was signed last; None where nothing was. Raises Refused for a file that is not whole."""
    try:
        content = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise Refused(f"{path} is damaged") from None
    signed, mark, rest = content.partition(f"\n{ENDED}, signed since ")
    since, _, lines = rest.partition("\n")
    try:
        note = read(signed.partition("\n\n")[0] + "\n")
        parts = [line.rpartition(" ") for line in lines.splitlines()]
        days = [date.fromisoformat(day) for _, _, day in parts]
        heads = _read_heads("\n".join(head for head, _, _ in parts))
        ended = {writer: (head, day) for (writer, head), day in zip(heads.items(), days, strict=True)}
        return Last(signed, note, ended, int(since))
    except (Refused, ValueError):
        raise Refused(f"{path} is damaged{'' if mark else ': its end is missing'}") from None


def save(path: Path, last: Last) -> None:
    """Replace the file at once and for good: it is on the disk, whole, when this returns."""
    ended = last.ended.items()
    lines = [f"{writer} {head.size} {head.hash} {head.state} {day}\n" for writer, (head, day) in ended]
    content = f"{last.signed}\n{ENDED}, signed since {last.since}\n{''.join(lines)}"
    draft = path.with_name(path.name + ".new")
    with open(draft, "w", encoding="utf-8", newline="\n") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def alone(path: Path, patience: float = 5.0) -> Iterator[None]:
    """Only one process at a time judges and signs. Raises Refused when another does not finish."""
    end = time.monotonic() + patience
    with open(path.with_name(path.name + ".lock"), "w", encoding="ascii") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise Refused("another signature is being made and does not finish") from None
                time.sleep(0.02)
        yield


# ── signing ──────────────────────────────────────────────────────────────────────────────────────


def countersign(
    text: str, key: "Ed25519PrivateKey", place: Path, rules: Rules, now: datetime | None = None
) -> str:
    """The signed note, once it is on the disk as the last one. Raises Refused, OSError. ``now``: else our clock."""
    asked, now = read(text), now or datetime.now(UTC)
    with alone(place):
        last = load(place)
        if last and asked.number == last.note.number and asked.previous == last.note.previous:
            return last.signed
        judge(asked, last, rules, now)
        signed = sign(text, key)
        save(place, after(asked, signed, last, now.date()))
    return signed


def sign(text: str, key: "Ed25519PrivateKey") -> str:
    """A signed note (https://c2sp.org/signed-note)."""
    mark = sha256(ORIGIN.encode() + b"\n\x01" + key.public_key().public_bytes_raw()).digest()[:4]
    return f"{text}\n— {ORIGIN} {base64.b64encode(mark + key.sign(text.encode())).decode('ascii')}\n"


def load_key(path: Path) -> "Ed25519PrivateKey":
    """Raises OSError, or ValueError where it is no Ed25519 private key in PEM without a password."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path}: not an Ed25519 private key in PEM without a password")
    return key


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Sign a note of a Sekisho ledger, if it continues the last.")
    add = parser.add_argument
    add("--key", type=Path, required=True, help="PEM file of the Ed25519 private key")
    add("--last", type=Path, required=True, help="file of the last note that was signed")
    add("--keep", type=int, default=365, metavar="DAYS", help="a closed chain may not be purged before (365)")
    add(
        "--skew", type=int, default=24, metavar="HOURS", help="so far a note's time may be off our clock (24)"
    )
    add("--adopt", action="store_true", help="where nothing was signed yet: begin with any number")
    given = parser.parse_args(arguments)
    try:
        text = sys.stdin.buffer.read(LONGEST + 1).decode()
        rules = Rules(timedelta(days=given.keep), timedelta(hours=given.skew), given.adopt)
        signed = countersign(text, load_key(given.key), given.last, rules)
    except Refused as refusal:
        print(f"署名しません / not signed: {refusal}", file=sys.stderr)
        return 1
    except (OSError, ValueError, OverflowError, ImportError) as trouble:
        print(f"署名できません / could not sign: {trouble}", file=sys.stderr)
        return 2
    sys.stdout.buffer.write(signed.encode())
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
