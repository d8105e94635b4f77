"""API keys and OIDC clients: which person's or which tool's. A key itself is shown once and never stored.

A key looks like ``sk-sekisho-7Vb…`` (32 random bytes, URL-safe base64). Its hash is HMAC-SHA256
under the house's secret: the book alone, without the secret, cannot be searched for a key. A tool whose users sign
in with the city's own directory has a client id instead (oidc.py).
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Literal

from policies.days import between
from policies.model import Audience, ConfidentialityClass
from proxy.office.store import Office

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Key:
    """One key as the book knows it. ``person`` is None on a tool's key; what that person is, the book of people says.

    ``tool``, ``department`` and ``section`` are the tool's own. ``addresses`` are the networks from which
    ``X-Sekisho-User`` is believed on a key that ``may_assert_user``. ``oidc_client``: the tool's users come with tokens
    of the city's directory, issued for this client. ``purpose``, ``category`` and ``confidentiality_class`` are what
    counts where the request does not say. ``unknown_fields`` says what becomes of a request's field that nobody
    listed. With ``mask_reply_names`` names and addresses that the model gives of its own accord are masked.
    ``audience``: whom the tool's answers reach. With ``append_notices`` notices are written under the reply, in
    Japanese, for tools that show no headers. ``starts`` and ``ends`` are days (JST), both included. ``drill``: the drill
    that it takes part in, until that moment (UTC) at the latest.
    """

    id: str
    person: str | None
    tool: str
    department: str
    section: str
    category: str
    audience: Audience = "staff"
    may_assert_user: bool = False
    addresses: tuple[Network, ...] = ()
    oidc_client: str | None = None
    purpose: str | None = None
    confidentiality_class: ConfidentialityClass | None = None
    unknown_fields: Literal["refuse", "drop"] = "refuse"
    mask_reply_names: bool = False
    append_notices: bool = False
    starts: date | None = None
    ends: date | None = None
    approved_by: str | None = None
    created_at: str = ""
    created_by: str = ""
    revoked_at: str | None = None
    drill: str | None = None
    drill_until: str | None = None

    def drilling(self, at: datetime) -> str | None:
        """The drill that it takes part in at a moment."""
        until = datetime.fromisoformat(self.drill_until) if self.drill_until else None
        return self.drill if until is not None and at < until else None

    def counts(self, on: date) -> bool:
        """Whether it is in force on a day."""
        return self.revoked_at is None and between(self.starts, on, self.ends)


class KeyExists(Exception):
    """This key, or this client id, is in the book already."""


class KeyBook:
    """The book of keys of one office; the tables are imported here."""

    def __init__(self, office: Office, secret: bytes) -> None:
        from proxy.office import tables

        self._office = office
        self._keys = tables.keys
        self._secret = secret

    def create(self, key: Key, plain: str | None = None) -> str:
        """Enter a key and return its plain form, for showing once; empty for an OIDC client. Raises `KeyExists`."""
        from proxy.office.tables import IntegrityError

        plain = "" if key.oidc_client else plain or new_plain()
        row = _row_of(key) | {"hash": self._hash(plain) if plain else None}
        try:
            with self._office.changing() as connection:
                connection.execute(self._keys.insert(), row)
        except IntegrityError:
            raise KeyExists(key.id) from None
        return plain

    def find(self, plain: str) -> Key | None:
        """The key of this plain form, or None; one that was revoked is none."""
        return self._find(self._keys.c.hash == self._hash(plain))

    def find_client(self, oidc_client: str) -> Key | None:
        """The tool whose tokens are issued for this client, or None; one that was revoked is none."""
        return self._find(self._keys.c.oidc_client == oidc_client)

    def keep_only(self, key: Key, plain: str) -> None:
        """Make this the only key there is, as a demo wants it. Every other one is forgotten."""
        with self._office.changing() as connection:
            connection.execute(self._keys.delete())
            connection.execute(self._keys.insert(), _row_of(key) | {"hash": self._hash(plain)})

    def list(self) -> list[Key]:
        """Every key ever entered, oldest first, revoked ones too."""
        with self._office.reading() as connection:
            rows = connection.execute(self._keys.select().order_by(self._keys.c.created_at, self._keys.c.id))
            return [_key_of(dict(row)) for row in rows.mappings()]

    def revoke(self, id: str) -> bool:
        """End a key. False when no key in force has this id."""
        with self._office.changing() as connection:
            done = connection.execute(
                self._keys.update()
                .where(self._keys.c.id == id, self._keys.c.revoked_at.is_(None))
                .values(revoked_at=_now())
            )
        return done.rowcount == 1

    def take_part(self, ids: Sequence[str], drill: str, until: datetime) -> None:
        """From now on what these keys ask is of a drill, until it ends or this moment comes."""
        values = {"drill": drill, "drill_until": until.astimezone(UTC).isoformat()}
        with self._office.changing() as connection:
            connection.execute(self._keys.update().where(self._keys.c.id.in_(ids)).values(**values))

    def leave(self, drill: str) -> None:
        """No key takes part in this drill any more."""
        with self._office.changing() as connection:
            connection.execute(
                self._keys.update().where(self._keys.c.drill == drill).values(drill=None, drill_until=None)
            )

    def _find(self, condition: Any) -> Key | None:
        with self._office.reading() as connection:
            row = connection.execute(self._keys.select().where(condition)).mappings().first()
        return _key_of(dict(row)) if row and row["revoked_at"] is None else None

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
        "starts": key.starts.isoformat() if key.starts else None,
        "ends": key.ends.isoformat() if key.ends else None,
        "created_at": key.created_at or _now(),
    }


def _key_of(row: dict[str, Any]) -> Key:
    del row["hash"]
    days = {name: date.fromisoformat(row[name]) if row[name] else None for name in ("starts", "ends")}
    return Key(**row | days | {"addresses": networks(row["addresses"])})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
