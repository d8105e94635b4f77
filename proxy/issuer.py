"""What the city's directory publishes: its addresses and its keys, fetched when first needed, and remembered.

    {issuer}/.well-known/openid-configuration  →  jwks_uri, authorization_endpoint, token_endpoint
    jwks_uri                                   →  the keys, by kid

Connects to the directory's own address, to those that the settings name beside it, and to nothing else: no proxy
variables, no redirects, no cookies. Says nothing about tokens (tokens.py) or persons (oidc.py).

A key that is not known yet is looked for at most every `PAUSE` seconds: a made-up ``kid`` costs the directory nothing. A
key that is published within `PAUSE` of the last look is known once that is over; directories publish keys before use.
While the directory is down, what is known counts for `STALE` seconds; then nobody can tell, and `Unavailable` says so.
"""

import asyncio
import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import structlog

from policies.model import Bilingual
from proxy.errors import Unavailable
from proxy.tokens import Keys, keys_of

log = structlog.get_logger()

FRESH = 600.0
"""Seconds after which the keys are fetched anew, so that one that was withdrawn stops counting."""
STALE = 3600.0
"""Seconds that they count although they cannot be fetched anew."""
PAUSE = 30.0
"""Seconds between two looks for a key that is not known."""
_AT_ONCE = 1.0
"""Seconds between two looks while nothing is known at all."""
_PATIENCE = 5.0
"""Seconds that one answer of the directory may take."""
_LARGEST = 1_000_000
_AS_IT_IS = (None, "", "identity")
_HEADERS = {"user-agent": "sekisho", "accept": "application/json", "accept-encoding": "identity"}

Origin = tuple[str, str, int]
"""Scheme, host and port."""


class Unreachable(Exception):
    """The directory did not answer, or not as a directory does. ``reason`` names no address."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Declined(Exception):
    """The directory answered, and said no, by this HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Published:
    """What was fetched, and at which tick. ``secret_by``: how a client shows its secret, by header or in the form."""

    at: float
    keys: Keys
    authorization_endpoint: str | None
    token_endpoint: str | None
    by_header: bool = True


class Issuer:
    """One directory, by its address exactly as its tokens have it. Made anywhere, used in one event loop, closed there."""

    def __init__(
        self, url: str, beside: frozenset[Origin] = frozenset(), ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self.url = url
        self._origins = beside | {origin_of(url)}
        self._ticks = ticks
        self._session: aiohttp.ClientSession | None = None
        self._known: Published | None = None
        self._looking: asyncio.Task[None] | None = None
        self._tried = float("-inf")
        self._failed = False

    async def keys(self, kid: str) -> Keys:
        """The keys in force; the one that is asked for is among them, or the directory has none of this name.

        Raises `Unavailable` where nobody can tell.
        """
        known = await self.published()
        if kid in known.keys:
            return known.keys
        if self._is_looking() or self._ticks() - self._tried >= PAUSE:
            await asyncio.shield(self._look())
            known = await self.published()
        if kid not in known.keys and self._failed:
            raise unreachable()
        return known.keys

    async def published(self) -> Published:
        """What the directory publishes, as far as it is known. Raises `Unavailable`."""
        now = self._ticks()
        if (known := self._in_force()) is not None:
            if now - known.at < FRESH or now - self._tried < PAUSE:
                return known
            looking = self._look()
            if now - known.at < 2 * FRESH:
                return known  # in a busy house nobody waits for it
            await asyncio.shield(looking)
            return self._in_force() or known
        if self._is_looking() or now - self._tried >= _AT_ONCE:
            await asyncio.shield(self._look())
        if (known := self._in_force()) is None:
            raise unreachable()
        return known

    async def redeem(self, form: Mapping[str, str], client_id: str, secret: str | None) -> dict[str, Any]:
        """What the directory gives to a client for a code. Raises `Declined`, `Unavailable`."""
        known = await self.published()
        if known.token_endpoint is None:
            raise unreachable()
        headers: dict[str, str] = {}
        if secret is None:
            form = {**form, "client_id": client_id}
        elif known.by_header:
            headers["authorization"] = _basic(client_id, secret)
        else:
            form = {**form, "client_id": client_id, "client_secret": secret}
        try:
            return await self._asked("POST", known.token_endpoint, form, headers)
        except Unreachable as error:
            log.warning("directory unreachable", reason=error.reason)
            raise unreachable() from None

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
        if self._session is not None:
            await self._session.close()

    def _in_force(self) -> Published | None:
        known = self._known
        return known if known is not None and self._ticks() - known.at < STALE else None

    def _is_looking(self) -> bool:
        return self._looking is not None and not self._looking.done()

    def _look(self) -> "asyncio.Task[None]":
        """One look for everybody who waits; who hangs up does not end it."""
        if self._looking is None or self._looking.done():
            self._tried = self._ticks()
            self._looking = asyncio.create_task(self._fetch())
        return self._looking

    async def _fetch(self) -> None:
        try:
            self._known = await self._fetched()
            self._failed = False
        except Unreachable as error:
            self._failed = True
            log.warning("directory unreachable", reason=error.reason)
        except Exception as error:
            self._failed = True
            log.error("directory not understood", exc_info=error)

    async def _fetched(self) -> Published:
        at = self._ticks()
        said = await self._asked("GET", f"{self.url.rstrip('/')}/.well-known/openid-configuration")
        if said.get("issuer") != self.url:
            raise Unreachable("another_issuer")
        keys = keys_of(await self._asked("GET", self._own(said, "jwks_uri")))
        if not keys:
            raise Unreachable("no_keys")
        methods = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return Published(
            at,
            keys,
            self._own(said, "authorization_endpoint") if "authorization_endpoint" in said else None,
            self._own(said, "token_endpoint") if "token_endpoint" in said else None,
            not isinstance(methods, list)
            or "client_secret_basic" in methods
            or "client_secret_post" not in methods,
        )

    def _own(self, said: Mapping[str, Any], name: str) -> str:
        """An address that the directory gives, where it is one of its own. Raises `Unreachable`."""
        url = said.get(name)
        try:
            if isinstance(url, str) and origin_of(url) in self._origins:
                return url
        except ValueError:
            pass
        log.error(
            "the directory names an address that is not its own; add it to SEKISHO_OIDC_ORIGINS", field=name
        )
        raise Unreachable("foreign_address")

    async def _asked(
        self,
        method: str,
        url: str,
        form: Mapping[str, str] | None = None,
        also: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """One JSON object from the directory. Raises `Unreachable`, and `Declined` where it says no to a form."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=_PATIENCE),
                connector=aiohttp.TCPConnector(force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
            )
        headers = {**_HEADERS, **(also or {})}
        try:
            async with self._session.request(
                method, url, data=form, headers=headers, allow_redirects=False
            ) as reply:
                if form is not None and 400 <= reply.status < 500:
                    raise Declined(reply.status)
                if reply.status != 200 or reply.headers.get("content-encoding") not in _AS_IT_IS:
                    raise Unreachable(f"status_{reply.status}")
                written = bytearray()
                async for part in reply.content.iter_any():
                    written += part
                    if len(written) > _LARGEST:
                        raise Unreachable("too_large")
            said = json.loads(written)
        except TimeoutError:
            raise Unreachable("silent") from None
        except (aiohttp.ClientError, OSError):
            raise Unreachable("no_connection") from None
        except (ValueError, RecursionError):
            raise Unreachable("not_json") from None
        if not isinstance(said, dict):
            raise Unreachable("not_json")
        return said


def origin_of(url: str) -> Origin:
    """``https://login.city.example/realm`` → ("https", "login.city.example", 443). Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc or parts.fragment:
        raise ValueError(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}[parts.scheme]


def _basic(client_id: str, secret: str) -> str:
    """RFC 6749, 2.3.1: either is form-encoded before they are joined."""
    return "Basic " + b64encode(f"{quote(client_id, safe='')}:{quote(secret, safe='')}".encode()).decode()


def unreachable() -> Unavailable:
    """Nobody can tell who it is, for now."""
    return Unavailable(
        "directory_unreachable",
        Bilingual(
            "市の認証サーバーにつながらず、本人の確認ができないため、いまは受け付けられません。数分待ってからもう一度お試しください。"
            "続くときは情報システム担当へ連絡してください。",
            "The city's directory cannot be reached, so nobody can tell who you are. Try again in some minutes; "
            "tell the system team if it goes on.",
        ),
    )
