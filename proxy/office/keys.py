"""API keys: who they belong to, kept as keyed hashes. A key itself is shown once and never stored.

A key looks like ``sk-sekisho-7Vb…`` (32 random bytes, URL-safe base64). Its hash is HMAC-SHA256
under the house's secret: the book alone, without the secret, cannot be searched for a key.
"""

import hmac
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal

from policies.model import Actor, Audience, ConfidentialityClass

Network = IPv4Network | IPv6Network
FRESH = 1.0
"""Seconds a looked-up key is believed. A revoked key stops working within this time, in every process."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key as the book knows it. ``person`` is None on a tool's key.

    ``addresses`` are the networks from which ``X-Sekisho-User`` is believed on a key that
    ``may_assert_user``. ``purpose``, ``category`` and ``confidentiality_class`` are what counts
    where the request does not say. ``unknown_fields`` says what becomes of a request's field that nobody
    listed. With ``mask_reply_names`` names and addresses that the model gives of its own accord are masked.
    ``role`` is what its holder is in the city hall (policies.vocabulary.ROLES); ``audience`` whom the tool's
    answers reach; ``consented``: the city consented beforehand to this contractor's use. With ``append_notices``
    notices are written under the reply, in Japanese, for tools that show no headers.
    """

    id: str
    person: str | None
    tool: str
    department: str
    section: str
    category: str
    actor: Actor = "staff"
    role: str = "staff_member"
    audience: Audience = "staff"
    consented: bool = False
    may_assert_user: bool = False
    addresses: tuple[Network, ...] = ()
    enrolled: bool = True
    trained: bool = True
    acknowledged: bool = True
    purpose: str | None = None
    confidentiality_class: ConfidentialityClass | None = None
    unknown_fields: Literal["refuse", "drop"] = "refuse"
    mask_reply_names: bool = False
    append_notices: bool = False
    created_at: str = ""
    created_by: str = ""
    revoked_at: str | None = None


class KeyExists(Exception):
    """This key is in the book already."""


class KeyBook:
    """The book of keys. Opening it reads and creates the office's file; SQLAlchemy is imported here."""

    def __init__(self, path: Path, secret: bytes) -> None:
        from proxy.office import tables

        self._keys = tables.keys
        self._engine = tables.connect(path)
        self._secret = secret
        self._seen: dict[str, tuple[float, Key | None]] = {}

    def close(self) -> None:
        self._engine.dispose()

    def create(self, key: Key, plain: str | None = None) -> str:
        """Enter a key and return its plain form, for showing once. Raises `KeyExists`."""
        from proxy.office.tables import IntegrityError

        plain = plain or new_plain()
        row = _row_of(key) | {"hash": self._hash(plain)}
        try:
            with self._engine.begin() as connection:
                connection.execute(self._keys.insert(), row)
        except IntegrityError:
            raise KeyExists(key.id) from None
        return plain

    def find(self, plain: str) -> Key | None:
        """The key that is in force, or None. Believes what it read for `FRESH` seconds."""
        digest = self._hash(plain)
        now = time.monotonic()
        seen = self._seen.get(digest)
        if seen and now - seen[0] < FRESH:
            return seen[1]
        with self._engine.connect() as connection:
            row = (
                connection.execute(self._keys.select().where(self._keys.c.hash == digest)).mappings().first()
            )
        key = _key_of(dict(row)) if row and row["revoked_at"] is None else None
        if len(self._seen) >= 10_000:
            self._seen.clear()
        self._seen[digest] = (now, key)
        return key

    def keep_only(self, key: Key, plain: str) -> None:
        """Make this the only key there is, as a demo wants it. Every other one is forgotten."""
        with self._engine.begin() as connection:
            connection.execute(self._keys.delete())
            connection.execute(self._keys.insert(), _row_of(key) | {"hash": self._hash(plain)})
        self._seen.clear()

    def list(self) -> list[Key]:
        """Every key ever entered, oldest first, revoked ones too."""
        with self._engine.connect() as connection:
            rows = connection.execute(self._keys.select().order_by(self._keys.c.created_at, self._keys.c.id))
            return [_key_of(dict(row)) for row in rows.mappings()]

    def revoke(self, id: str) -> bool:
        """End a key. False when no key in force has this id."""
        with self._engine.begin() as connection:
            done = connection.execute(
                self._keys.update()
                .where(self._keys.c.id == id, self._keys.c.revoked_at.is_(None))
                .values(revoked_at=_now())
            )
        self._seen.clear()
        return done.rowcount == 1

    def _hash(self, plain: str) -> str:
        return hmac.digest(
            self._secret, b"sekisho.key.v1\0" + plain.encode("utf-8", "surrogatepass"), "sha256"
        ).hex()


def new_plain() -> str:
    return "sk-sekisho-" + secrets.token_urlsafe(32)


def new_id() -> str:
    return "k-" + secrets.token_hex(4)


def networks(listed: str) -> tuple[Network, ...]:
    """``"10.1.0.0/16, 127.0.0.1"`` as networks. Raises ValueError naming the bad one."""
    return tuple(ip_network(part.strip()) for part in listed.split(",") if part.strip())


def _row_of(key: Key) -> dict[str, Any]:
    row = {name: getattr(key, name) for name in Key.__slots__}
    return row | {
        "addresses": ",".join(map(str, key.addresses)),
        "created_at": key.created_at or _now(),
    }


def _key_of(row: dict[str, Any]) -> Key:
    del row["hash"]
    return Key(**row | {"addresses": networks(row["addresses"])})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
