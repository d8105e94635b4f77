"""A model's server that fails in every way there is: its own process, stdlib only.

    python faulty_upstream.py FOLDER [--port P]    prints its port; FOLDER/asked.txt holds a line for each request

It speaks the dialects of dialects.py. The model's name is the fault; `FAULTS` says what each does. A name that ends
in `-once` fails at the first request for it and answers the next; what stands before a slash only tells two apart.
"""

import asyncio
import contextlib
import gzip
import json
import re
from collections.abc import Awaitable, Callable

from dialects import DIALECTS
from listening import listen

SSE = "content-type: text/event-stream\r\n"
JSON = "content-type: application/json\r\n"
CHUNKED = "transfer-encoding: chunked\r\n"
ERROR = b'{"error":{"message":"boom"}}'
BOMB = gzip.compress(b"\0" * 10_000_000) * 100
"""A gigabyte of nothing in a megabyte: gzip lets members follow each other."""


class Reply:
    """What is sent back on one connection, in the dialect that was asked."""

    def __init__(self, writer: asyncio.StreamWriter, path: str, asked: dict) -> None:
        self.writer = writer
        self.stream = bool(asked.get("stream"))
        self.kind = SSE if self.stream else JSON
        if path == "/v1/embeddings":
            data = [{"object": "embedding", "index": 0, "embedding": [1.0, 2.0]}]
            self.whole = {"object": "list", "model": asked["model"], "data": data}
            return
        dialect = DIALECTS[path]
        self.whole = dialect.reply(asked)
        self.events = [
            (f"event: {event['type']}\n" if dialect.named else "").encode()
            + f"data: {json.dumps(event)}\n\n".encode()
            for event in (dialect.events(asked) if self.stream else ())
        ]
        if not dialect.named:
            self.events.append(b"data: [DONE]\n\n")

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, more: str, status: str = "200 OK") -> None:
        await self.raw(f"HTTP/1.1 {status}\r\n{more}\r\n".encode())

    async def body(self, data: bytes, more: str = JSON, status: str = "200 OK") -> None:
        await self.head(f"{more}content-length: {len(data)}\r\n", status)
        await self.raw(data)

    async def chunk(self, data: bytes) -> None:
        await self.raw(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def begun(self) -> None:
        """A good beginning: the head and half the events, or half the JSON."""
        if self.stream:
            await self.head(SSE + CHUNKED)
            for event in self.events[: len(self.events) // 2]:
                await self.chunk(event)
        else:
            data = json.dumps(self.whole).encode()
            await self.head(f"{JSON}content-length: {len(data)}\r\n")
            await self.raw(data[: len(data) // 2])

    async def well(self) -> None:
        if not self.stream:
            return await self.body(json.dumps(self.whole).encode())
        await self.head(SSE + CHUNKED)
        for event in [*self.events, b""]:
            await self.chunk(event)


async def for_ever(send: Callable[[bytes], Awaitable[None]], data: bytes, pause: float = 0) -> None:
    while True:
        await send(data)
        await asyncio.sleep(pause)


async def busy(r: Reply) -> None:
    await r.body(ERROR, JSON + "retry-after: 7\r\n", "429 Too Many Requests")


async def error(r: Reply) -> None:
    await r.body(ERROR, status="500 Oops")


async def away(r: Reply) -> None:
    await r.body(ERROR, JSON + "retry-after: 9\r\n", "503 Unavailable")


async def down(r: Reply) -> None:
    await r.body(ERROR, status="503 Unavailable")


async def picky(r: Reply) -> None:
    await r.body(ERROR, status="400 Bad Request")


async def error_200(r: Reply) -> None:
    """In a stream, as an event."""
    await r.body(b"data: " + ERROR + b"\n\n" if r.stream else ERROR, r.kind)


async def html(r: Reply) -> None:
    await r.body(b"<html><body>Welcome to the Wi-Fi</body></html>", "content-type: text/html\r\n")


async def moved(r: Reply) -> None:
    await r.body(b"", "location: /v1/elsewhere\r\n", "302 Found")


async def malformed(r: Reply) -> None:
    await r.body(b'data: {"choices":[{]\n\n' if r.stream else b'{"choices":[{]', r.kind)


async def malformed_later(r: Reply) -> None:
    await r.begun()
    await (r.chunk if r.stream else r.raw)(b'data: {"choices":[{]\n\n')


async def error_later(r: Reply) -> None:
    await r.begun()
    await r.chunk(
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"boom"}}\n\n'
    )


async def unfinished(r: Reply) -> None:
    """In good order, without the end mark."""
    await r.begun()
    await r.chunk(b"")


async def broken(r: Reply) -> None:
    await r.begun()
    r.writer.close()


async def silent(r: Reply) -> None:
    await asyncio.sleep(3600)


async def silent_later(r: Reply) -> None:
    await r.begun()
    await asyncio.sleep(3600)


async def dripping(r: Reply) -> None:
    """Never silent and never done."""
    await r.head(r.kind + CHUNKED)
    await for_ever(r.chunk, b": still here\n\n" if r.stream else b" ", 0.2)


async def huge(r: Reply) -> None:
    await r.head(f"{r.kind}content-length: 50000000\r\n")
    for _ in range(500):
        await r.raw(b": " + b"x" * 99_996 + b"\n\n" if r.stream else b" " * 100_000)


async def one_line(r: Reply) -> None:
    await r.head(r.kind + CHUNKED)
    await r.chunk(b'data: {"x":"' if r.stream else b'{"x":"')
    await for_ever(r.chunk, b"x" * 100_000)


async def bomb(r: Reply) -> None:
    await r.body(BOMB, f"{r.kind}content-encoding: gzip\r\n")


async def endless_head(r: Reply) -> None:
    await r.raw(b"HTTP/1.1 200 OK\r\n")
    await for_ever(r.raw, b"x-more: " + b"x" * 1000 + b"\r\n")


async def half_a_head(r: Reply) -> None:
    await r.raw(b"HTTP/1.1 200 OK\r\ncontent-ty")
    r.writer.close()


async def hung_up(r: Reply) -> None:
    r.writer.close()


async def too_short(r: Reply) -> None:
    """Less than it said."""
    await r.head(f"{r.kind}content-length: 1000\r\n")
    await r.raw(b": \n\n" if r.stream else b'{"choices":[')
    r.writer.close()


async def too_long(r: Reply) -> None:
    """More than it said, so that the JSON is cut."""
    data = json.dumps(r.whole).encode() if not r.stream else b"".join(r.events)
    await r.head(f"{r.kind}content-length: {len(data) // 2}\r\n")
    await r.raw(data)


async def goes_on(r: Reply) -> None:
    """A whole good reply, and then another one that nobody asked for."""
    await r.well()
    other = json.dumps({"id": "of-somebody-else"}).encode()
    await r.body(other)


async def goes_on_later(r: Reply) -> None:
    await r.well()
    await asyncio.sleep(0.3)
    await r.body(json.dumps({"id": "of-somebody-else"}).encode())


async def talkative(r: Reply) -> None:
    """Events after the last one."""
    if not r.stream:
        return await r.well()
    await r.head(SSE + CHUNKED)
    for event in r.events:
        await r.chunk(event)
    await for_ever(r.chunk, r.events[0], 0.01)


FAULTS: dict[str, Callable[[Reply], Awaitable[None]]] = {
    fault.__name__.replace("_", "-"): fault
    for fault in (
        busy, error, away, down, picky, error_200, html, moved, malformed, malformed_later, error_later,
        unfinished, broken, silent, silent_later, dripping, huge, one_line, bomb, endless_head, half_a_head,
        hung_up, too_short, too_long, goes_on, goes_on_later, talkative,
    )
}  # fmt: skip
SEEN: set[str] = set()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int((re.search(rb"(?i)content-length: (\d+)", head) or [0, 0])[1])
            asked = json.loads(await reader.readexactly(length) or b"{}")
            path = head.split(b" ", 2)[1].decode()
            log.write(f"{path} {asked.get('model')}\n")
            log.flush()
            if path == "/v1/elsewhere":
                break
            reply = Reply(writer, path, asked)
            await failing(asked["model"])(reply)
            if writer.is_closing():
                break
    writer.close()


def failing(model: str) -> Callable[[Reply], Awaitable[None]]:
    """What is done for this model, this time."""
    fault = model.rpartition("/")[2].removesuffix("-once")
    if model.endswith("-once") and model in SEEN:
        return Reply.well
    SEEN.add(model)
    return FAULTS.get(fault, Reply.well)


if __name__ == "__main__":
    listen(serve, "asked.txt", mode="a")
