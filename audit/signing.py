"""Who signs the ledger's notes: a key file of our own, or a second owner's program that we ask.

    KeyFile.load(Path("var/signing.pem"))                     the private key lies where the house can read it
    Hook("sudo -n -u csirt /opt/csirt/sign", public, 10.0)    the private key belongs to somebody else

A hook is any command that takes the text of a note on its standard input and prints the whole signed note
with exit status 0. audit/countersign.py is one, ready to use; it refuses to sign a ledger that was rolled
back, which a key file never can. The command starts without a shell and without the house's environment
(which may hold keys). A signed note that it gives back is read to the byte before anybody believes it.

It never shows a private key, never signs a text that could not be read again, and never enters a note
into the ledger (heads.py does).
"""

import base64
import os
import re
import selectors
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from audit import notes
from audit.notes import ORIGIN, Note

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

LONGEST = 16_000_000
"""Bytes a hook may print. A note of a hundred thousand chains has some ten millions."""

_PASSED_ON = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "SYSTEMROOT",
)
"""What a hook sees of our environment; settings and keys are not among it."""


class CannotSign(Exception):
    """There is no signature now; the sentence says why. Try again with the next note."""


class Signer(Protocol):
    """Able to sign a note. A signer that another owner keeps may take as long as its time-out."""

    def sign(self, note: Note) -> str:
        """The whole signed note. Raises CannotSign.

        The note that comes back has the same number and the same previous digest, but it may be another
        one: the signer had signed one for this number before, which was never entered (the machine
        stopped in between). That one must be entered then, for there will be no second of its number.
        """
        ...


class KeyFile:
    """A private key that we hold, able to sign and nothing else; it never shows itself."""

    def __init__(self, key: "Ed25519PrivateKey") -> None:
        self._key = key
        self._mark = _key_hash(key.public_key())

    @classmethod
    def load(cls, path: Path) -> "KeyFile":
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
        try:
            notes.read_text(text)
        except ValueError as fault:
            raise CannotSign(f"this could not be read as a note again: {fault}") from None
        signature = base64.b64encode(self._mark + self._key.sign(text.encode())).decode("ascii")
        return f"{text}\n— {ORIGIN} {signature}\n"


class Hook:
    """A second owner's program. Used by one thread at a time.

    command     its words, or one string of them as a POSIX shell would split it
    public_key  PEM of the keys it may sign with, in order of time: once a later one has signed, an earlier one
                is over. None: its signatures are not checked here
    timeout     seconds it may take; then its whole process group is killed

    Raises OSError where the public key cannot be read, ValueError where it is none or there is no command.
    """

    def __init__(self, command: str | Sequence[str], public_key: Path | None, timeout: float = 10.0) -> None:
        self._command = shlex.split(command) if isinstance(command, str) else list(command)
        if not self._command:
            raise ValueError("the signing hook has no command")
        self._keys = _load_public(public_key) if public_key else None
        self._timeout = timeout

    def sign(self, note: Note) -> str:
        """What the program signed for this number: this note, or the one it had signed before."""
        answer = self._ask(note.text())
        try:
            signed = answer.decode()
            found = notes.read(signed)
        except ValueError as fault:
            raise CannotSign(f"the signing hook printed something else than a signed note: {fault}") from None
        if found.number != note.number:
            raise CannotSign(f"the signing hook was asked for note {note.number} and signed {found.number}")
        if found.previous != note.previous:
            raise CannotSign(f"the signing hook signed a note {note.number} that follows another past")
        if self._keys is not None:
            ranks = [rank for rank, key in enumerate(self._keys) if _is_signed(signed, key)]
            if not ranks:
                raise CannotSign("the signing hook did not sign with the key of its public key file")
            del self._keys[: ranks[-1]]  # verify.py takes no earlier one any more
        return signed

    def _ask(self, text: str) -> bytes:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        with tempfile.TemporaryFile() as question:  # a file: who does not read it does not hold us up
            question.write(text.encode())
            question.seek(0)
            try:
                process = subprocess.Popen(
                    self._command,
                    stdin=question,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=environment,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or "its command cannot be used"
                raise CannotSign(f"the signing hook cannot be started: {why}") from None
        return self._hear(process)

    def _hear(self, process: "subprocess.Popen[bytes]") -> bytes:
        end = time.monotonic() + self._timeout
        try:
            said, complaint = _read_both(process, end)
            status = process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            _kill(process)
            raise CannotSign(f"the signing hook took longer than {self._timeout:g} seconds") from None
        except OverflowError:
            _kill(process)
            raise CannotSign("the signing hook did not stop printing") from None
        finally:
            for pipe in (process.stdout, process.stderr):
                if pipe:
                    pipe.close()
        if status:
            raise CannotSign(f"the signing hook failed (exit status {status}){_first_words(complaint)}")
        return said


def _read_both(process: "subprocess.Popen[bytes]", end: float) -> tuple[bytes, bytes]:
    """Standard output and error until both have ended. Raises TimeoutExpired, OverflowError."""
    heard: dict[int, bytearray] = {}
    with selectors.DefaultSelector() as ears:
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            heard[pipe.fileno()] = bytearray()
            ears.register(pipe, selectors.EVENT_READ)
        out, err = heard.values()
        while ears.get_map():
            left = end - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired("the hook", 0)
            for key, _ in ears.select(left):
                if piece := os.read(key.fd, 65536):
                    heard[key.fd] += piece
                else:
                    ears.unregister(key.fileobj)
                if len(heard[key.fd]) > LONGEST:
                    raise OverflowError
    return bytes(out), bytes(err)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End the whole group. A program under another user (sudo) cannot be killed: it is left behind."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(1.0)
    except (OSError, subprocess.TimeoutExpired):
        threading.Thread(target=process.wait, name="sekisho-hook-left", daemon=True).start()


def _first_words(complaint: bytes) -> str:
    """The first line a hook complained with, short and printable."""
    line = complaint.decode("utf-8", "replace").strip().partition("\n")[0]
    words = "".join(letter for letter in line if letter.isprintable())[:200]
    return f": {words}" if words else ""


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


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


_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)


def _load_public(path: Path) -> "list[Ed25519PublicKey]":
    """Every key of the file. Raises ValueError where there is none, or one of another kind."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    keys = []
    for block in _PEM.findall(path.read_bytes()) or [b""]:
        try:
            key = load_pem_public_key(block)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError(f"{path}: not an Ed25519 public key in PEM")
        keys.append(key)
    return keys


def _key_hash(key: "Ed25519PublicKey") -> bytes:
    return sha256(ORIGIN.encode() + b"\n\x01" + key.public_bytes_raw()).digest()[:4]


def _is_signed(signed: str, key: "Ed25519PublicKey") -> bool:
    """Whether one signature line of a note in its one form is this key's."""
    from cryptography.exceptions import InvalidSignature

    text, _, lines = signed.partition("\n\n")
    for line in lines.removesuffix("\n").split("\n"):
        _, name, encoded = line.split(" ")
        try:
            signature = base64.b64decode(encoded, validate=True)
            one_form = base64.b64encode(signature).decode("ascii") == encoded  # verify.py takes no other
            if name == ORIGIN and one_form and signature[:4] == _key_hash(key):
                key.verify(signature[4:], (text + "\n").encode())
                return True
        except (ValueError, InvalidSignature):
            continue
    return False
