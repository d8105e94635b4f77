"""The master key: it wraps the small keys that originals are sealed with (originals.py), and nothing else.

It is 32 bytes that the desk read from a file or the environment, or it lies elsewhere (a key service, an HSM)
and a command speaks for it, called as ``<command> wrap`` and ``<command> unwrap``: one line of base64 on stdin,
one line of base64 on stdout, status 0. A wrapped key says how it was wrapped::

    aes256gcm:9f86d081:bm9u…     by a key in hand: the first letters of its print, then base64 of nonce and key
    hook:dmF1bHQ6…               by the command: base64 of whatever it answered

Safe for ever: another kind of wrapping under another word. Never: another meaning of these two.

No key is ever shown, logged, or put into an error, and nothing that the command says is either.
"""

import base64
import binascii
import hmac
import os
import secrets
import shlex
import shutil
import subprocess
from typing import Protocol

KEY_BYTES = 32
NONCE_BYTES = 12
_LONGEST_ANSWER = 65_536


class MasterUnavailable(Exception):
    """The command that speaks for the master key did not do its work. Says why, quotes nothing it said."""


class CannotOpen(Exception):
    """An original does not open: another master key, something that was changed, or a key that is erased."""


class Master(Protocol):
    """Wraps and unwraps. ``bound`` is what a wrapped key belongs to: with anything else it does not come out."""

    def wrap(self, key: bytes, bound: bytes) -> str: ...

    def unwrap(self, wrapped: str, bound: bytes) -> bytes:
        """Raises CannotOpen, or MasterUnavailable."""
        ...


class KeyInHand:
    """A master key of 32 bytes: AES-256-GCM, the binding as associated data. Raises ValueError for another size."""

    _WORD = "aes256gcm"

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"マスター鍵は{KEY_BYTES}バイトです / a master key has {KEY_BYTES} bytes")
        self._key = key
        self._print = hmac.digest(key, b"sekisho.master.v1", "sha256").hex()[:8]

    def __repr__(self) -> str:
        return f"KeyInHand({self._print})"

    def wrap(self, key: bytes, bound: bytes) -> str:
        return f"{self._WORD}:{self._print}:{locked(self._key, key, bound)}"

    def unwrap(self, wrapped: str, bound: bytes) -> bytes:
        word, _, rest = wrapped.partition(":")
        print_, _, box = rest.partition(":")
        if word != self._WORD or print_ != self._print:
            raise _another_master()
        return unlocked(self._key, box, bound)


class Hook:
    """A command that speaks for the master key; ``timeout`` in seconds for each call.

    It learns neither what is sealed nor what the key belongs to: the binding is worked into the key itself
    before it is used (originals.py). It is started without a shell, and without this house's own settings.
    """

    _WORD = "hook"

    def __init__(self, command: str, timeout: float = 10.0) -> None:
        """Raises ValueError for a command line that cannot be read, or whose program is not there."""
        self._command = shlex.split(command)
        self._timeout = timeout
        if not self._command or shutil.which(self._command[0]) is None:
            raise ValueError("コマンドがありません / there is no such command")

    def __repr__(self) -> str:
        return "Hook()"

    def wrap(self, key: bytes, bound: bytes) -> str:
        return f"{self._WORD}:{_base64(self._asked('wrap', key))}"

    def unwrap(self, wrapped: str, bound: bytes) -> bytes:
        word, _, answer = wrapped.partition(":")
        if word != self._WORD:
            raise _another_master()
        try:
            box = base64.b64decode(answer, validate=True)
        except (binascii.Error, ValueError):
            raise _changed() from None
        return self._asked("unwrap", box)

    def _asked(self, verb: str, given: bytes) -> bytes:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SEKISHO_")}
        try:
            done = subprocess.run(
                [*self._command, verb],
                input=_base64(given).encode() + b"\n",
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # what it complains about may hold what it was given
                timeout=self._timeout,
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _no_work(
                verb,
                f"{self._timeout:g}秒で終わりません",
                f"did not end within {self._timeout:g} seconds",
            ) from None
        except OSError as error:
            raise _no_work(
                verb, f"起動できません({error.strerror})", f"cannot be started: {error.strerror}"
            ) from None
        if done.returncode != 0:
            raise _no_work(
                verb, f"状態{done.returncode}で終わりました", f"ended with status {done.returncode}"
            )
        return _answer(verb, done.stdout)


def _answer(verb: str, said: bytes) -> bytes:
    try:
        if len(said) > _LONGEST_ANSWER:
            raise ValueError
        answer = base64.b64decode(said.strip(), validate=True)
    except (binascii.Error, ValueError):
        answer = b""
    if not answer:
        raise _no_work(verb, "base64を1行で返しません", "does not answer with one line of base64")
    return answer


def locked(key: bytes, plain: bytes, bound: bytes) -> str:
    """AES-256-GCM: base64 of nonce, ciphertext and tag."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(NONCE_BYTES)
    return _base64(nonce + AESGCM(key).encrypt(nonce, plain, bound))


def unlocked(key: bytes, box: str, bound: bytes) -> bytes:
    """What was locked. Raises CannotOpen where key, box or binding is another."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        raw = base64.b64decode(box, validate=True)
        return AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bound)
    except (binascii.Error, ValueError, InvalidTag):
        raise _changed() from None


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _another_master() -> CannotOpen:
    return CannotOpen(
        "この原文の鍵は、別のマスター鍵で包まれています。作った時のマスター鍵で開いてください。"
        " / the key of this original was wrapped by another master key; open it with that one."
    )


def _changed() -> CannotOpen:
    return CannotOpen(
        "原文が開きません。原文・鍵・期限のどれかが、残した時と違います。"
        " / the original does not open: it, its key or its term is not what was kept."
    )


def _no_work(verb: str, ja: str, en: str) -> MasterUnavailable:
    return MasterUnavailable(
        f"SEKISHO_MASTER_HOOK のコマンド({verb})が{ja}。 / the command of SEKISHO_MASTER_HOOK ({verb}) {en}."
    )
