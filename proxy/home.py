"""The folder of one house: its secret, its signing key, its files. Made on first start, private to its owner.

var/secret        32 random bytes: API-key hashes and placeholder tags are keyed with it
var/signing.pem   Ed25519 private key under the ledger's notes    var/public.pem  its public half
var/master.key     32 random bytes over the keys of originals; only where a policy keeps them
var/ledger.sqlite var/office.sqlite
var/demo.key      the demo staff key that `sekisho serve` printed
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from audit.signing import create_keys

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Home:
    """A prepared folder. ``secret`` never appears in a repr."""

    path: Path

    @property
    def signing_key(self) -> Path:
        return self.path / "signing.pem"

    @property
    def public_key(self) -> Path:
        return self.path / "public.pem"

    @property
    def demo_key(self) -> Path:
        return self.path / "demo.key"

    def secret(self) -> bytes:
        """The house's secret. Raises OSError, or ValueError where the file does not hold one."""
        secret = (self.path / "secret").read_bytes()
        if len(secret) != SECRET_BYTES:
            raise ValueError(
                f"{self.path / 'secret'}: {SECRET_BYTES}バイトの秘密ではありません / is no secret of ours"
            )
        return secret


def prepare(path: Path, *, own_key: bool = True) -> Home:
    """Make the folder and what is missing in it. Raises OSError when that cannot be done.

    ``own_key``: the key under the ledger's notes is this house's own; else a second owner has it.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    home = Home(path)
    create_private(path / "secret", secrets.token_bytes(SECRET_BYTES))
    if own_key and not home.signing_key.exists():
        create_keys(path)
    return home


def create_private(path: Path, content: bytes) -> bool:
    """Write a file that only its owner can read, unless it exists. True when it was written.

    The file appears whole or not at all, so that two processes starting at once agree on one secret.
    """
    if path.exists():
        return False
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True
