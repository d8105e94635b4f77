"""Originals: what the placeholders of one question stood for, sealed, and opened again while its key is there.

What is sealed is one JSON object in UTF-8, padded with spaces at its end so that its length says little::

    {"[PERSON_1_k7q2]":"…","[JP_ADDRESS_1_m3xd]":"…"}      with the masked text it gives back the question

It is locked with AES-256-GCM under the key of its conversation, bound to its exchange, its conversation and its
key. A key serves one conversation of one caller on one day in Japan, so that one moment, ``until``, is the end of
everything under it; it is kept only as the master key wraps it (master.py), bound to that moment. The ``asked``
record holds the sealed bytes' digest, not the bytes and no key: whoever erases the key at its end makes the
original unreadable wherever a copy of it lies (so long as no copy of the key does: a backup's must go in time,
too), and not one hash of the chain changes.

It never decides what may be sealed (the desk does, and leaves out My Number and 住民票コード), never writes to
the ledger (pen.py) and keeps no value. This module is imported by model.py and imports nothing of the ledger's own.
"""

import hmac
import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from hashlib import sha256

from audit.master import KEY_BYTES, CannotOpen, Master, locked, unlocked
from audit.months import JST
from audit.names import moment

MOST_DAYS = 90
"""No policy keeps an original longer."""

_PADDED_TO = 256


@dataclass(frozen=True, slots=True)
class Sealed:
    """One original as it is stored: ``key_id``, ``conversation``, ``wrapped`` and ``until`` are a row of
    ``original_keys``, ``blob`` (base64 of nonce, ciphertext and tag) is in ``originals``.

    ``until`` is a moment, ``2026-12-22T15:00:00.000000Z``: midnight in Japan, from which on the key is to be
    gone. ``wrapped`` is empty where it is. Holds no plain text: safe to print.
    """

    key_id: str
    conversation: str
    wrapped: str = field(repr=False)
    until: str
    blob: str = field(repr=False)

    @property
    def account(self) -> dict[str, str]:
        """What the body of the ``asked`` record says of it under ``original``; ``sha256`` is that of the blob
        as it is stored, base64 and all, so that the chain commits to it."""
        return {
            "conversation": self.conversation,
            "key": self.key_id,
            "sha256": sha256(self.blob.encode("ascii", "replace")).hexdigest(),
            "until": self.until,
        }


@dataclass(frozen=True, slots=True)
class _Key:
    """The key of one conversation on one day, in memory."""

    id: str
    conversation: str
    wrapped: str = field(repr=False)
    until: str
    secret: bytes = field(repr=False)


class Sealer:
    """Seals originals; may be used by several threads. ``keep_days`` is 1 to 90.

    A question of day 1 is kept to the end of day ``keep_days``: never longer than so many times 24 hours.
    ``remember`` keys at most are held in memory, none longer than its day (and the next question after it).
    """

    def __init__(self, master: Master, keep_days: int, remember: int = 1_000) -> None:
        if not 1 <= keep_days <= MOST_DAYS:
            raise ValueError(f"an original is kept 1 to {MOST_DAYS} days")
        self._master = master
        self._keep = timedelta(days=keep_days)
        self._remember = remember
        self._lock = threading.Lock()
        self._day: date | None = None
        self._keys: OrderedDict[tuple[str, str], _Key] = OrderedDict()

    def __repr__(self) -> str:
        return f"Sealer({self._keep.days} days)"

    def seal(
        self,
        values: Mapping[str, str],
        *,
        exchange: str,
        at: datetime,
        conversation: str | None = None,
        whose: str = "",
    ) -> Sealed:
        """Seal the values of one exchange. May wait for the master key: not for the event loop.

        conversation  its id, None for an exchange that is one by itself
        whose         the caller: two who call their conversations the same share no key
        Raises MasterUnavailable.
        """
        key = self._key(conversation, whose, exchange, at)
        blob = locked(key.secret, _laid_down(values), _bound(exchange, key.conversation, key.id))
        return Sealed(key.id, key.conversation, key.wrapped, key.until, blob)

    def try_out(self, at: datetime) -> None:
        """Wrap a key for real and throw it away. Raises MasterUnavailable."""
        self._new("", at.astimezone(JST).date())

    def _key(self, conversation: str | None, whose: str, exchange: str, at: datetime) -> _Key:
        day = at.astimezone(JST).date()
        if conversation is None:
            return self._new(exchange, day)
        name = (whose, conversation)
        with self._lock:
            if day != self._day:  # yesterday's keys are nobody's business any more
                self._keys.clear()
                self._day = day
            if name in self._keys:
                self._keys.move_to_end(name)
                return self._keys[name]
        made = self._new(conversation, day)  # without the lock: the master key may be slow
        with self._lock:
            if day == self._day:
                self._keys[name] = made
                while len(self._keys) > self._remember:
                    self._keys.popitem(last=False)
        return made

    def _new(self, conversation: str, day: date) -> _Key:
        end = datetime.combine(day, time(), JST) + self._keep
        id, until = f"k{day:%Y%m%d}-{secrets.token_hex(8)}", moment(end)
        seed, bound = secrets.token_bytes(KEY_BYTES), _key_bound(id, conversation, until)
        return _Key(id, conversation, self._master.wrap(seed, bound), until, _grown(seed, bound))


def opened(
    sealed: Sealed, exchange: str, master: Master, said: Mapping[str, str] | None = None
) -> dict[str, str]:
    """What the placeholders of an exchange stood for.

    ``said`` is what the exchange's ``asked`` record says under ``original``: what is stored must be that.
    Raises CannotOpen where the key is erased, the master key is another, or anything was changed or belongs
    to another exchange; MasterUnavailable. Who may ask for this is not decided here.
    """
    if not sealed.wrapped:
        raise CannotOpen(
            "この原文の鍵は消去されています。だれにも開けません。"
            " / the key of this original was erased; nobody can open it."
        )
    if said is not None and dict(said) != sealed.account:
        raise CannotOpen(
            "しまってある原文は、記録が示すものと違います。"
            " / what is stored is not the original that the record speaks of."
        )
    bound = _key_bound(sealed.key_id, sealed.conversation, sealed.until)
    secret = _grown(master.unwrap(sealed.wrapped, bound), bound)
    plain = unlocked(secret, sealed.blob, _bound(exchange, sealed.conversation, sealed.key_id))
    values: dict[str, str] = json.loads(plain.decode("utf-8", "surrogatepass"))
    return values


def _laid_down(values: Mapping[str, str]) -> bytes:
    plain = json.dumps(dict(values), ensure_ascii=False, separators=(",", ":"))
    raw = plain.encode("utf-8", "surrogatepass")  # half a surrogate pair is a string to JSON
    return raw + b" " * (-len(raw) % _PADDED_TO)


def _bound(exchange: str, conversation: str, key_id: str) -> bytes:
    """What a sealed original belongs to."""
    return json.dumps(["sekisho.original.v1", exchange, conversation, key_id]).encode()


def _key_bound(key_id: str, conversation: str, until: str) -> bytes:
    """What a wrapped key belongs to."""
    return json.dumps(["sekisho.original-key.v1", key_id, conversation, until]).encode()


def _grown(seed: bytes, bound: bytes) -> bytes:
    """The key that is used: what is wrapped and what it belongs to, in one. A hook knows no associated data,
    and a key whose end was put off must not open anything, whoever wrapped it."""
    return hmac.digest(seed, bound, "sha256")
