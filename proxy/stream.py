"""The reply that owns its generator: whatever happens to the connection, the generator is closed.

Starlette's StreamingResponse leaves a generator open when the caller hangs up, and uvicorn's ``send``
returns silently after a hang-up; so this one waits for the disconnect itself, cancels the work and
does not return before the work has written its ending.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers: the first part of every reply."""

    status: int
    headers: Mapping[str, str]


class EventStream(Response):
    """Sends the parts of one reply: a `Head`, then bytes. Each part goes out as it comes."""

    def __init__(self, parts: AsyncGenerator[Head | bytes]) -> None:
        super().__init__()
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        work = asyncio.create_task(self._send_parts(send))
        gone = asyncio.create_task(_hang_up(receive))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not work.done():
                work.cancel()
            await _finished(work)
        if not work.cancelled():
            work.result()

    async def _send_parts(self, send: Send) -> None:
        async with aclosing(self._parts) as parts:
            async for part in parts:
                if not await _sent(send, _message(part)):
                    return  # closing the generator records the hang-up
        await _sent(send, {"type": "http.response.body", "body": b"", "more_body": False})


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _finished(work: "asyncio.Task[None]") -> None:
    """Wait for the work to end, however often this task is cancelled meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


async def _sent(send: Send, message: Message) -> bool:
    """False when the connection is gone: uvicorn and its transports say so in several ways."""
    try:
        await send(message)
    except (OSError, RuntimeError):
        return False
    return True


def _message(part: Head | bytes) -> Message:
    if isinstance(part, bytes):
        return {"type": "http.response.body", "body": part, "more_body": True}
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in part.headers.items()
    ]
    return {"type": "http.response.start", "status": part.status, "headers": headers}
