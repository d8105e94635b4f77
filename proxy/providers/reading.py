"""A reply's bytes read as the dialect's chunks: JSON or server-sent events, checked, and whole to its end."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from proxy.providers import failures
from proxy.providers.shape import is_last, shaped
from proxy.providers.sse import Events
from proxy.surfaces.reply import Chunk
from proxy.surfaces.request import Dialect
from proxy.wire import loads

_ERRORS = ("error", "response.failed")


def parsed(raw: bytes | str) -> Any:
    """JSON, or `UpstreamFailed`."""
    try:
        return loads(raw)
    except ValueError:
        raise failures.malformed() from None


def checked(chunk: Any, dialect: Dialect, stream: bool = False) -> Chunk:
    """A reply that is an object of the dialect and no error. Servers report faults with status 200 too."""
    if not isinstance(chunk, dict):
        raise failures.malformed()
    if chunk.get("error") or chunk.get("type") in _ERRORS:
        raise failures.reported()
    try:
        return shaped(dialect, chunk, stream)
    except ValueError:
        raise failures.malformed() from None


async def streamed(parts: AsyncGenerator[bytes], dialect: Dialect, most: int) -> AsyncGenerator[Chunk]:
    """The chunks of a stream up to its end mark. Raises `UpstreamFailed`, also where that never comes."""
    async with aclosing(_events(parts, most)) as events:
        async for data in events:
            if data == "[DONE]" and dialect == "chat":
                return
            if data == "[DONE]":
                break
            chunk = checked(parsed(data), dialect, stream=True)
            yield chunk
            if is_last(dialect, chunk):
                return
    raise failures.incomplete()


async def _events(parts: AsyncGenerator[bytes], most: int) -> AsyncGenerator[str]:
    events = Events(most)
    try:
        async with aclosing(parts):
            async for part in parts:
                for data in events.feed(part):
                    yield data
    except OverflowError:
        raise failures.too_large() from None
    for data in events.flush():
        yield data
