"""A line to a server over TLS that knows whether what was sent was read.

    line = await TlsLine.open(Server("siem.example.lg.jp", 6514, context), timeout)
    await line.send(b"…")
    await line.confirmed()        # our close_notify was answered: the other side has read everything before it

TCP alone tells that bytes lie in the other machine's buffer, which are lost when its program is killed. The answer to a
close_notify (RFC 5425 4.4, RFC 8446 6.1) comes from its TLS after it has given out all that came before. Cancelling closes
the line at once. Every wait has a limit; a slow reader has it anew with each piece that it takes.
"""

import array
import asyncio
import fcntl
import ssl
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

Done = TypeVar("Done")
_PIECE = 1 << 16
_LOOK = 0.02
"""Seconds between two looks at how much the other machine has taken."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where to, and as whom it must show itself: ``name`` stands in its certificate."""

    host: str
    port: int
    context: ssl.SSLContext = field(repr=False)
    name: str = ""


class TlsLine:
    """One connection. Raises OSError (ssl.SSLError is one) or TimeoutError where it breaks."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server: Server,
        timeout: float,
    ) -> None:
        self._reader, self._writer, self._timeout = reader, writer, timeout
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = server.context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server.name or server.host
        )

    @classmethod
    async def open(cls, server: Server, timeout: float) -> "TlsLine":
        """A line on which both sides know each other."""
        async with asyncio.timeout(timeout):
            line = cls(*await asyncio.open_connection(server.host, server.port), server, timeout)
            try:
                await line._do(line._tls.do_handshake)
            except BaseException:
                line.close()
                raise
        return line

    async def send(self, raw: bytes) -> None:
        """Give it to the other machine, as fast as that takes it."""
        for start in range(0, len(raw), _PIECE):
            piece = raw[start : start + _PIECE]
            async with asyncio.timeout(self._timeout):
                await self._do(lambda piece=piece: self._tls.write(piece))  # type: ignore[misc]

    async def confirmed(self) -> None:
        """End it; returns once the other side has read everything. Raises where that is not certain."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._do(self._tls.unwrap)
        finally:
            self.close()

    async def arrived(self) -> None:
        """Returns once all of it lies in the other machine, and the line still stands. Raises TimeoutError."""
        async with asyncio.timeout(self._timeout):
            while _unacknowledged(self._writer):
                await asyncio.sleep(_LOOK)
        await self._hear()

    async def _hear(self) -> None:
        """What the other side has to say, if anything: that it hung up, or why it wants none of this."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK):
                if not (came := await self._reader.read(_PIECE)):
                    raise ConnectionResetError("the line was closed")
                self._incoming.write(came)
        with suppress(ssl.SSLWantReadError):
            if not self._tls.read(1):
                raise ConnectionResetError("the line was closed")

    def close(self) -> None:
        """Drop it."""
        with suppress(Exception):
            self._writer.transport.abort()

    async def _do(self, step: Callable[[], Done]) -> Done:
        """One step of TLS, with all the reading and writing that it wants."""
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                await self._flush()
                if came := await self._reader.read(_PIECE):
                    self._incoming.write(came)
                else:
                    self._incoming.write_eof()
                continue
            await self._flush()
            return done

    async def _flush(self) -> None:
        if self._outgoing.pending:
            self._writer.write(self._outgoing.read())
            await self._writer.drain()


def _unacknowledged(writer: asyncio.StreamWriter) -> int:
    """Bytes that the other machine has not taken yet. 0 where the system does not tell. Raises ConnectionResetError."""
    if writer.is_closing():
        raise ConnectionResetError("the line was closed")
    waiting: int = writer.transport.get_write_buffer_size()
    if waiting or not sys.platform.startswith("linux"):
        return waiting
    count = array.array("i", [0])
    number = writer.get_extra_info("socket").fileno()
    if number < 0:
        raise ConnectionResetError("the line was closed")
    with suppress(OSError):
        fcntl.ioctl(number, termios.TIOCOUTQ, count)
    return count[0]


def context_of(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """What a server must show, and what we show it. ``ca`` None: the certificates that the machine trusts.

    Raises OSError for files that cannot be read, ssl.SSLError for what is no certificate or no key.
    """
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        context.load_cert_chain(certificate, key, password=_no_password)
    return context


def _no_password() -> str:
    raise ValueError("the key has a password: an outlet that starts by itself cannot ask for it")
