"""The one line to the outside: a shared HTTP session, by which every model's server is asked.

Connects to the address it is given and to nothing else: no proxy variables, no redirects, no cookies. Every
request has a connection of its own: on a shared one, what a server says once too often would be taken for the
answer to the next person. Takes replies only as they are, not compressed, and only up to the largest size.
Whatever goes wrong on it is an `UpstreamFailed`, which knows whether a byte left.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from proxy.errors import UpstreamFailed
from proxy.providers import failures
from proxy.surfaces.tried import Try

_AS_IT_IS = (None, "", "identity")


class Line:
    """Open it in the running event loop, close it in the same."""

    def __init__(
        self, connect_timeout: float, silence_timeout: float, reply_timeout: float, max_reply: int
    ) -> None:
        self.max_reply = max_reply
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(
                total=reply_timeout, sock_connect=connect_timeout, sock_read=silence_timeout
            ),
            connector=aiohttp.TCPConnector(limit=0, force_close=True, ttl_dns_cache=300),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
        )

    async def close(self) -> None:
        await self._session.close()

    @asynccontextmanager
    async def asked(
        self,
        method: str,
        url: str | URL,
        headers: Mapping[str, str],
        payload: bytes | aiohttp.FormData | None = None,
        trying: Try | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request and the head of its reply, of whatever status. Raises `UpstreamFailed`.

        ``trying`` is told whom it goes to, and that a reply has begun.
        """
        if trying is not None:
            trying.asks(urlsplit(str(url)).hostname)
        with _told(before_reply=True, trying=trying):
            reply = await self._session.request(
                method,
                url,
                data=payload,
                headers={**headers, "accept-encoding": "identity"},
                allow_redirects=False,
            )
        if trying is not None:
            trying.status = reply.status
        async with reply:
            if reply.headers.get("content-encoding") not in _AS_IT_IS:
                raise failures.compressed()
            yield reply

    async def parts(self, reply: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
        """The reply's body as it comes. Raises `UpstreamFailed`."""
        left = self.max_reply
        with _told(before_reply=False):
            async for part in reply.content.iter_any():
                left -= len(part)
                if left < 0:
                    raise failures.too_large()
                yield part


@dataclass(slots=True)
class Call:
    """One exchange's use of the line by a library: whether a byte of it left, and what went wrong last.

    ``trying`` is the try that it is. ``opened`` are its replies, which whoever made the call closes.
    """

    line: Line
    base_url: str | None
    trying: Try | None = None
    sent: bool = False
    failure: UpstreamFailed | None = None
    opened: AsyncExitStack = field(default_factory=AsyncExitStack)

    def may_go_to(self, url: str) -> bool:
        """Without a base URL, the provider's own address is the library's to know."""
        return self.base_url is None or _server(self.base_url) == _server(url)


CALL: ContextVar[Call] = ContextVar("call")
"""The call that runs in this task."""


def _server(url: str) -> tuple[str | None, int | None]:
    parts = urlsplit(url)
    return parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


@contextmanager
def _told(before_reply: bool, trying: Try | None = None) -> Iterator[None]:
    """Every accident of the network as what it means for the exchange."""
    try:
        yield
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise failures.unreachable() from None
    except TimeoutError:
        raise failures.silent() from None
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
        raise failures.broken(before_reply) from None
    except aiohttp.ClientError:
        if trying is not None:
            trying.replied = True  # not as HTTP has it, but it did
        raise failures.malformed() from None
