"""litellm's HTTP, led over the house's line: the same limits, the same accidents, and nothing on its own account.

litellm makes HTTP clients of its own for each provider. Here each of them gets a transport that hands every
request to the line of the exchange it belongs to. A request that belongs to none, or that goes to another
server than the one the model list names, does not leave.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import aiohttp
import httpx
from yarl import URL

from proxy.errors import UpstreamFailed
from proxy.providers import failures
from proxy.providers.line import CALL, Call

_HOP_BY_HOP = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})


class Transport(httpx.AsyncBaseTransport):
    """Hands a request to the line of the running exchange."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = CALL.get(None)
        if call is None or not call.may_go_to(str(request.url)):
            raise httpx.UnsupportedProtocol("not part of an exchange", request=request)
        call.failure = None
        url = URL(str(request.url), encoded=True)  # as it was signed
        headers = {k: v for k, v in request.headers.items() if k not in _HOP_BY_HOP}
        try:
            payload = await request.aread()
            reply = await call.opened.enter_async_context(
                call.line.asked(request.method, url, headers, payload or None, call.trying)
            )
        except UpstreamFailed as failure:
            raise _noted(call, failure, request) from None
        call.sent = True
        if reply.status != 200:
            call.failure = failures.of_status(reply.status, reply.headers.get("retry-after"))
        body = _Body(call, reply, request)
        return httpx.Response(reply.status, headers=_headers(reply), stream=body, request=request)


class _Body(httpx.AsyncByteStream):
    """A reply's body as it comes."""

    def __init__(self, call: Call, reply: aiohttp.ClientResponse, request: httpx.Request) -> None:
        self._call = call
        self._reply = reply
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async with aclosing(self._call.line.parts(self._reply)) as parts:
                async for part in parts:
                    yield part
        except UpstreamFailed as failure:
            raise _noted(self._call, failure, self._request) from None


def _noted(call: Call, failure: UpstreamFailed, request: httpx.Request) -> httpx.ReadError:
    """Kept for the exchange, and told to litellm in a way that it does not try again by itself."""
    call.failure = failure
    call.sent = call.sent or failure.sent
    return httpx.ReadError(failure.code, request=request)


def _headers(reply: aiohttp.ClientResponse) -> list[tuple[str, str]]:
    return [(k, v) for k, v in reply.headers.items() if k.lower() not in _HOP_BY_HOP]


def lead(litellm: Any) -> None:
    """Have every HTTP client that litellm makes from now on use the transport, and those it has made be forgotten."""
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler, HTTPHandler

    def client_of(self: Any, timeout: Any = None, event_hooks: Any = None, **_: Any) -> httpx.AsyncClient:
        return _client(timeout)

    AsyncHTTPHandler.create_client = client_of  # type: ignore[assignment,method-assign]
    HTTPHandler.create_client = lambda self: httpx.Client(transport=_Nowhere())  # type: ignore[method-assign]
    litellm.aclient_session = _client(None)
    litellm.client_session = httpx.Client(transport=_Nowhere())
    litellm.in_memory_llm_clients_cache.flush_cache()


def _client(timeout: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=Transport(),
        timeout=timeout,
        headers={"user-agent": "sekisho"},
        follow_redirects=False,
        trust_env=False,
    )


class _Nowhere(httpx.BaseTransport):
    """No request of ours is made in litellm's blocking way, which would hold up everybody."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.UnsupportedProtocol("only asynchronous requests leave", request=request)
