"""Servers that speak the dialect themselves, asked directly.

Measured about twenty times cheaper than the litellm SDK.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

import aiohttp

from proxy.providers import failures
from proxy.providers.line import Line
from proxy.providers.reading import checked, parsed, streamed
from proxy.providers.routes import Route
from proxy.surfaces.reply import Chunk
from proxy.surfaces.request import Dialect, Masked
from proxy.surfaces.transcriptions import PLAIN, Sound
from proxy.surfaces.tried import Try
from proxy.walk import word_or_none
from proxy.wire import dumps

_PATHS: Mapping[Dialect, str] = {
    "chat": "chat/completions",
    "responses": "responses",
    "messages": "messages",
    "count_tokens": "messages/count_tokens",
    "embeddings": "embeddings",
    "transcriptions": "audio/transcriptions",
}
_ANTHROPIC = ("messages", "count_tokens")
_ANTHROPIC_VERSION = "2023-06-01"


class Direct:
    """Asks by the house's line, in the dialect's own JSON."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def ask(self, route: Route, masked: Masked) -> AsyncGenerator[Chunk]:
        """Send one masked request; yield the reply's chunks. Raises `UpstreamFailed`."""
        url = f"{route.base_url}/{_PATHS[masked.dialect]}"
        body = {**masked.body, "model": route.target or masked.asked or masked.model}
        written = _written(masked.dialect, body, route)
        async with self._answered("POST", url, *written, trying=masked.trying) as reply:
            if masked.stream:
                parts = self._line.parts(reply)
                async with aclosing(streamed(parts, masked.dialect, self._line.max_reply)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            elif masked.dialect == "transcriptions" and masked.body.get("response_format") in PLAIN:
                yield {"text": (await self._whole(reply)).decode("utf-8", "replace")}
            else:
                yield checked(parsed(await self._whole(reply)), masked.dialect)

    async def models(self, route: Route) -> list[str]:
        """The names of the models the route's server has. Raises `UpstreamFailed`."""
        async with self._answered("GET", f"{route.base_url}/models", _headers(route)) as reply:
            listed = parsed(await self._whole(reply))
        data = listed.get("data") if isinstance(listed, dict) else None
        if not isinstance(data, list):
            raise failures.malformed()
        names = [word_or_none(model.get("id")) for model in data if isinstance(model, dict)]
        return [name for name in names if name is not None]  # no other name can be asked for

    @asynccontextmanager
    async def _answered(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        payload: bytes | aiohttp.FormData | None = None,
        trying: Try | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        async with self._line.asked(method, url, headers, payload, trying) as reply:
            if reply.status != 200:
                raise failures.of_status(reply.status, reply.headers.get("retry-after"))
            yield reply

    async def _whole(self, reply: aiohttp.ClientResponse) -> bytes:
        return b"".join([part async for part in self._line.parts(reply)])


def _headers(route: Route) -> dict[str, str]:
    """All that is sent beside the body. No header of the caller's is passed on."""
    headers = {"user-agent": "sekisho", "accept": "application/json, text/event-stream"}
    return headers | ({"authorization": f"Bearer {route.key}"} if route.key and route.bearer else {})


def _written(
    dialect: Dialect, body: dict[str, Any], route: Route
) -> tuple[Mapping[str, str], bytes | aiohttp.FormData]:
    """Headers and payload of one request: JSON, or a form where there is sound in it."""
    headers = _headers(route)
    if dialect in _ANTHROPIC:
        key = {"x-api-key": route.key} if route.key else {}
        headers = headers | key | {"anthropic-version": _ANTHROPIC_VERSION}
    if dialect == "transcriptions":
        return headers, _form(body)
    return headers | {"content-type": "application/json"}, dumps(body).encode()


def _form(body: dict[str, Any]) -> aiohttp.FormData:
    """A form as OpenAI's servers read it. The sound's own file name stays in the house."""
    form = aiohttp.FormData()
    for name, value in body.items():
        if isinstance(value, Sound):
            form.add_field(name, value.encode("latin-1"), filename=f"audio.{value.ending}")
        elif isinstance(value, list):
            for item in value:
                form.add_field(f"{name}[]", item if isinstance(item, str) else dumps(item))
        elif value is not None:
            form.add_field(name, value if isinstance(value, str) else dumps(value))
    return form
