"""Signed notes: what the ledger held at a moment, in a form that anybody can check with a public key.

The form is C2SP signed-note (https://c2sp.org/signed-note) with an Ed25519 key::

    sekisho/ledger
    7
    2026-11-23T05:21:00.123456Z
    4b7f…64 hex digits: SHA-256 of the whole note before, signature and all; 64 zeros in the first…
    w20261123T052100Z-4f9c2a 41 90ab…64 hex digits: hash of its record 41… open
    w20261122T230000Z-11d0e3 9 77c1…64 hex digits… closed

    — sekisho/ledger rZ7s…base64 of 4 bytes key hash and 64 bytes signature…

(the third line is the time; then one line for each chain, sorted by writer, then the blank line that
signed-note wants, and the signature over everything before that blank line). ``open``: a chain that may
grow. ``closed``: one that may not; it is listed once and never again. A chain is in every note from its
first to its closing one. The key hash is the first 4 bytes of SHA-256 of ``<name>\\n\\x01<public key>``.

Safe for ever: more signature lines (witnesses), another key under the same name. Never: another order
of lines. A change of form is a change of origin.

Pure but for reading and making key files; it never looks into the ledger (heads.py does).
"""

import base64
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ORIGIN = "sekisho/ledger"
"""First line of every note, and the name of the key."""

FIRST = "0" * 64
"""What the first note names as the note before it."""


@dataclass(frozen=True, slots=True)
class ChainHead:
    """One chain in a note: its writer, how many records, the hash of the last, and whether it ended."""

    writer: str
    size: int
    hash: str
    closed: bool

    def line(self) -> str:
        return f"{self.writer} {self.size} {self.hash} {'closed' if self.closed else 'open'}"


@dataclass(frozen=True, slots=True)
class Note:
    """A note before it is signed. ``at`` is a moment, ``previous`` the digest of the note before."""

    number: int
    at: str
    previous: str
    heads: tuple[ChainHead, ...]

    def text(self) -> str:
        """What is signed; it ends in a newline."""
        lines = [ORIGIN, str(self.number), self.at, self.previous]
        lines += [head.line() for head in sorted(self.heads, key=lambda head: head.writer)]
        return "\n".join(lines) + "\n"


def read(signed: str) -> Note:
    """A note as it was signed; the signature is not looked at. Raises ValueError for another form."""
    text, _, _ = signed.partition("\n\n")
    origin, number, at, previous, *lines = text.split("\n")
    heads = tuple(_read_head(line) for line in lines)
    note = Note(int(number), at, previous, heads)
    if origin != ORIGIN or note.text() != text + "\n":
        raise ValueError("this is not a note of the ledger")
    return note


def _read_head(line: str) -> ChainHead:
    writer, size, digest, state = line.split(" ")
    if state not in {"open", "closed"}:
        raise ValueError("a chain in a note is open or closed")
    return ChainHead(writer, int(size), digest, state == "closed")


def digest(signed: str) -> str:
    """How the next note names this one."""
    return sha256(signed.encode()).hexdigest()


class Signer:
    """The private key, able to sign and nothing else; it never shows itself."""

    def __init__(self, key: "Ed25519PrivateKey") -> None:
        self._key = key
        public = key.public_key().public_bytes_raw()
        self._hash = sha256(ORIGIN.encode() + b"\n\x01" + public).digest()[:4]

    @classmethod
    def load(cls, path: Path) -> "Signer":
        """Raises OSError where it cannot be read, ValueError where it is no Ed25519 private key in PEM."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{path}: not an Ed25519 private key in PEM without a password")
        return cls(key)

    def sign(self, note: Note) -> str:
        """The note with its signature line."""
        text = note.text()
        signature = base64.b64encode(self._hash + self._key.sign(text.encode())).decode("ascii")
        return f"{text}\n— {ORIGIN} {signature}\n"


def create_keys(directory: Path) -> tuple[Path, Path]:
    """Make ``signing.pem`` (mode 0600) and ``public.pem`` in a directory; their paths in this order.

    Raises FileExistsError rather than replace a key: the notes it signed could no longer be checked.
    """
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    directory.mkdir(parents=True, exist_ok=True)
    private_path, public_path = directory / "signing.pem", directory / "public.pem"
    _write_new(private_path, secret, 0o600)
    _write_new(public_path, public, 0o644)
    return private_path, public_path


def _write_new(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
        file.write(content)
