"""How things in the ledger are named and dated: writers, exchanges, moments.

Pure but for the random part of a name. It never looks anything up.

    moment     2026-11-23T05:21:00.123456Z           UTC, always six decimals: text order is time order
    writer     w20261123T052100Z-4f9c2a              when the chain began, and chance
    exchange   01KCQ2Z5XBQ6M1V0J9R8T7C4WD            a ULID (github.com/ulid/spec): text order is time order
"""

import secrets
from datetime import UTC, datetime

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def now() -> datetime:
    """The default clock: the present moment in UTC."""
    return datetime.now(UTC)


def moment(at: datetime) -> str:
    """``at`` as the ledger writes it. Raises ValueError for a time without a zone."""
    if at.tzinfo is None:
        raise ValueError("the ledger's clock must know its time zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def writer_name(at: datetime) -> str:
    """A new name for a chain; 24 random bits keep two that begin in one second apart."""
    return f"w{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def exchange_id(at: datetime) -> str:
    """A new ULID: 48 bits of milliseconds since 1970, then 80 random bits, 26 characters."""
    number = (int(at.timestamp() * 1000) << 80) | secrets.randbits(80)
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))
