"""The stored form of a record and its hash. Pure functions, no I/O; never decides what is recorded.

A record's hash covers eight fields and the hash of the record before it in the same writer's chain:
SHA-256 over these nine lines, joined by one newline (U+000A), in UTF-8, without a newline at the end::

    sekisho.record.v1
    0000000000000000000000000000000000000000000000000000000000000000      hash of the record before
    w20261123T052100Z-4f9c2a                                              writer
    1                                                                     index, counted from 1
    2026-11-23T05:21:00.123456Z                                           at, UTC
    asked                                                                 kind
    01KCQ2Z5XBQ6M1V0J9R8T7C4WD                                            exchange, or "-"
    5f0c…64 hex digits…a1                                                 text commitment, or "-"
    {"caller":{"person":"demo"},"model_requested":"demo"}                 body, canonical JSON

(without the explanations on the right). The first record of a chain names 64 zeros. Masked text is
not in the record; the record commits to it with SHA-256 over::

    sekisho.text.v1
    9d0e…64 hex digits: 32 random bytes, kept only beside the text…
    [PERSON_1_k7q2]様、…                                                   the text, to its last character

With the text its salt is erased, and after that the commitment tells nothing about the text.

Safe for ever: adding keys to a body, leaving keys out, adding kinds, new writers' names without spaces.
Never: changing one of the tags ``sekisho.record.v1`` / ``sekisho.text.v1``, the order or number of the
lines, the way a body is written, or a stored record. Another form gets another tag, and verify.py
learns both. verify.py repeats these formulas on purpose; a test holds the two equal.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

GENESIS = "0" * 64
"""What the first record of a chain names as the hash before it."""

RECORD_TAG = "sekisho.record.v1"
TEXT_TAG = "sekisho.text.v1"


def canonical(body: Mapping[str, Any]) -> str:
    """The body as one line of JSON: keys sorted, no spaces, characters as they are.

    Raises TypeError or ValueError for what JSON cannot say (NaN, infinity, objects).
    """
    line = _encoder.encode(body if isinstance(body, dict) else dict(body))
    if "\\u0000" in line:
        line = _encoder.encode(_without_nul(json.loads(line)))
    return line if line.isascii() else storable(line)


def _without_nul(value: Any) -> Any:
    """NUL becomes U+2400, as in `storable`: written \\u0000 it would lie in PostgreSQL and never be read again."""
    if isinstance(value, str):
        return value.replace("\0", "\u2400")
    if isinstance(value, list):
        return [_without_nul(part) for part in value]
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(part) for name, part in value.items()}
    return value


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"a record's body cannot hold {type(value).__name__}")


_encoder = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain
)


def storable(text: str) -> str:
    """``text`` as every database can keep it: half surrogates become U+FFFD, NUL becomes U+2400.

    A client may send either in JSON; refusing to record would let it pass unseen.
    """
    text = text.replace("\0", "\u2400")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    return text


def seal(
    previous: str,
    writer: str,
    index: int,
    at: str,
    kind: str,
    exchange: str | None,
    text_commitment: str | None,
    body: str,
) -> str:
    """The record's hash, 64 hex digits. Raises ValueError where a field could be read as two."""
    head = (RECORD_TAG, previous, writer, str(index), at, kind, exchange or "-", text_commitment or "-")
    preimage = "\n".join((*head, body))
    if preimage.count("\n") != len(head) or exchange == "-":
        raise ValueError("a record's fields are single lines, and no exchange is called '-'")
    return sha256(preimage.encode()).hexdigest()


def commit(salt: str, text: str) -> str:
    """The commitment to a masked text, 64 hex digits. ``salt``: 32 random bytes as 64 hex digits."""
    return sha256(f"{TEXT_TAG}\n{salt}\n{text}".encode()).hexdigest()
