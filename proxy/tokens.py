"""A signed token of the city's directory, opened: with the right signature, from it, for us, in its time.

    eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIn0 . eyJpc3MiOiJodHRwcy… . c2lnbmF0dXJl
    header {alg, kid, typ}                claims {iss, aud, exp, iat, …}

Pure: asks no network and no clock. The only door to joserfc. Believes nothing that a token says of how to check it:
the algorithms are listed here, the keys are those that the directory publishes. What is said of a token that is
refused (`NotValid`) holds nothing of the token.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from joserfc.jwk import Key
    from joserfc.jws import JWSRegistry

ALGORITHMS: Mapping[str, str] = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
"""Every algorithm that is accepted, with the type of its keys. Adding one is safe; ``none`` and ``HS…`` never are."""

LEEWAY = 60
"""Seconds by which the directory's clock and ours may differ."""
LONGEST = 16_384
"""Characters of a token. One with hundreds of groups in it has about half as many."""

ACCESS: frozenset[str | None] = frozenset({"at+jwt", "application/at+jwt", "jwt"})
"""``typ`` of a token that is shown to us: RFC 9068, and what older directories write. Nothing else may stand there."""
SIGN_IN: frozenset[str | None] = frozenset({"jwt", None})
"""``typ`` of a token that says who has signed in."""

Reason = Literal["malformed", "type", "unknown_key", "signature", "audience", "expired", "claims"]

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_FEWEST_BITS = 2048
_MOST_KEYS = 100
_PUBLIC = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
"""What makes a public key, by its type. A directory that publishes more than that is not believed more."""
_CURVES = {"RSA": None, "EC": "P-256", "OKP": "Ed25519"}


class NotValid(Exception):
    """The token does not count. ``reason`` says why, and nothing of what stands in it."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Header:
    """What a token says of itself before it is checked: which key, which algorithm, what kind of token."""

    algorithm: str
    kid: str
    type: str | None


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One key that the directory publishes for signatures. ``algorithm`` None: any that fits its type."""

    key: "Key"
    type: str
    algorithm: str | None


Keys = Mapping[str, PublicKey]
"""The directory's keys by ``kid``."""


def header_of(token: str) -> Header:
    """The header of a token, before anything is checked. Raises `NotValid`."""
    if len(token) > LONGEST or not _COMPACT.fullmatch(token):
        raise NotValid("malformed")
    written = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(written + "=" * (-len(written) % 4)))
    except (ValueError, RecursionError):
        raise NotValid("malformed") from None
    if not isinstance(header, dict):
        raise NotValid("malformed")
    algorithm, kid, typ = (header.get(name) for name in ("alg", "kid", "typ"))
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise NotValid("signature")
    if not isinstance(kid, str) or not kid:
        raise NotValid("unknown_key")
    if header.keys() & {"crit", "b64"}:  # both change what the signature is under
        raise NotValid("malformed")
    if typ is not None and not isinstance(typ, str):
        raise NotValid("type")
    return Header(algorithm, kid, None if typ is None else typ.lower())


def keys_of(published: object) -> Keys:
    """The keys of a published set that may sign tokens. Anything else in it is passed over; of two with one ``kid`` neither counts."""
    listed = published.get("keys") if isinstance(published, dict) else None
    found: dict[str, PublicKey | None] = {}
    for entry in listed[:_MOST_KEYS] if isinstance(listed, list) else ():
        if isinstance(entry, dict) and isinstance(kid := entry.get("kid"), str) and (key := _key(entry)):
            found[kid] = None if kid in found else key
    return {kid: key for kid, key in found.items() if key is not None}


def _key(entry: Mapping[str, Any]) -> PublicKey | None:
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key

    kind, use, operations = entry.get("kty"), entry.get("use", "sig"), entry.get("key_ops", ["verify"])
    if kind not in _PUBLIC or use != "sig" or "verify" not in operations:
        return None
    if entry.get("crv") != _CURVES[kind] or (kind == "RSA" and _is_short(entry.get("n"))):
        return None
    try:
        key = import_key({"kty": kind} | {name: entry[name] for name in _PUBLIC[kind]})
    except (JoseError, KeyError, TypeError, ValueError):
        return None
    algorithm = entry.get("alg")
    return PublicKey(key, kind, algorithm if isinstance(algorithm, str) else None)


def _is_short(modulus: object) -> bool:
    """Whether an RSA key is too short, or none. joserfc would only warn of it."""
    if not isinstance(modulus, str):
        return True
    try:
        number = int.from_bytes(base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4)))
    except ValueError:
        return True
    return number.bit_length() < _FEWEST_BITS


def opened(
    token: str, keys: Keys, *, issuer: str, audience: str, types: frozenset[str | None], now: float
) -> dict[str, Any]:
    """The claims of a token that counts at this moment. Raises `NotValid`."""
    from joserfc import jws
    from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
    from joserfc.jwt import JWTClaimsRegistry

    header = header_of(token)
    if header.type not in types:
        raise NotValid("type")
    key = keys.get(header.kid)
    if (
        key is None
        or key.type != ALGORITHMS[header.algorithm]
        or key.algorithm not in (None, header.algorithm)
    ):
        raise NotValid("unknown_key")
    try:
        signed = jws.deserialize_compact(token, key.key, registry=_registry())
    except (JoseError, ValueError):
        raise NotValid("signature") from None
    try:
        claims = json.loads(signed.payload or b"")
    except (ValueError, RecursionError):
        raise NotValid("malformed") from None
    if not isinstance(claims, dict):
        raise NotValid("malformed")
    asked = JWTClaimsRegistry(
        int(now),
        LEEWAY,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        asked.validate(claims)
    except ExpiredTokenError:
        raise NotValid("expired") from None
    except ClaimError as error:
        raise NotValid("audience" if error.claim == "aud" else "claims") from None
    return claims


@cache
def _registry() -> "JWSRegistry":
    """joserfc's own, but for `ALGORITHMS`, and for tokens as large as we take them."""
    from joserfc.errors import UnsupportedAlgorithmError
    from joserfc.jws import JWSRegistry

    class Ours(JWSRegistry):
        max_header_length = max_payload_length = LONGEST

        def get_alg(self, name: str) -> Any:
            if name not in ALGORITHMS:
                raise UnsupportedAlgorithmError
            # joserfc has EdDSA under its newer name, too, which stands for the one curve that we take.
            return self.algorithms["Ed25519" if name == "EdDSA" else name]

    return Ours(
        strict_check_header=False
    )  # what else stands there is not looked at; ``crit`` is refused above
