"""Records as syslog over TLS: RFC 5425, a frame for each. A batch is taken once its receiver has read it.

    confirm: closed   each batch is a session of its own, ended by close_notify, and the receiver's answer to it says that it
                      has read the whole batch. None is lost, whatever is killed when. Receivers that hold to RFC 5425 answer
    confirm: sent     for receivers that do not: the session stays, a batch is taken once it lies in the receiver's machine, and
                      after a session that broke, what was sent last is sent again

What was begun and not finished is sent again, whole, in a new session. What comes twice has the same ``record``.
"""

import socket
import ssl
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import structlog

from audit.exports.rfc5424 import Content, Sender, frame, message
from audit.following import Entry
from audit.model import Record
from proxy.followers import NotTaken
from proxy.outlets.tls_line import Server, TlsLine

log = structlog.get_logger()

Confirm = Literal["closed", "sent"]
LONGEST = 262_144
"""Bytes of a message, at most: what is longer goes without its text, and without its body where that is not enough."""
_AGAIN = 1_000
"""Messages that are sent again after a session that broke, where nobody confirms."""


@dataclass(frozen=True, slots=True)
class How:
    """What is sent, and when it counts as taken."""

    sender: Sender
    content: Content = "json"
    texts: bool = False
    confirm: Confirm = "closed"
    timeout: float = 10.0
    longest: int = LONGEST


class SyslogSink:
    """One receiver."""

    def __init__(self, server: Server, how: How) -> None:
        self._server, self._how = server, how
        self._line: TlsLine | None = None
        self._recent: deque[bytes] = deque(maxlen=_AGAIN)
        self._broke = False

    async def take(self, entries: Sequence[Entry]) -> None:
        """Raises `NotTaken` unless the receiver has all of them."""
        frames = [frame(self._message(entry)) for entry in entries]
        try:
            if self._how.confirm == "closed":
                await self._session(frames)
            else:
                await self._on(frames)
        except (OSError, TimeoutError, EOFError) as error:
            self._drop()
            raise NotTaken(trouble_of(error)) from None
        except BaseException:
            self._drop()
            raise

    def settle(self, connection: Any) -> None:
        """There is nothing of it in the office."""

    async def greet(self) -> None:
        """Call and hang up, with nothing in between. Raises `NotTaken`."""
        try:
            line = await TlsLine.open(self._server, self._how.timeout)
            await (line.confirmed() if self._how.confirm == "closed" else line.arrived())
            line.close()
        except (OSError, TimeoutError) as error:
            raise NotTaken(trouble_of(error)) from None

    async def close(self) -> None:
        """End what is open."""
        if (line := self._line) is not None:
            with suppress(OSError, TimeoutError):
                await line.confirmed()
        self._drop()

    def _message(self, entry: Entry) -> bytes:
        how = self._how
        made = message(entry.record, how.sender, how.content, entry.text if how.texts else None)
        if len(made) > how.longest and how.texts:
            made = message(entry.record, how.sender, how.content)
        if len(made) > how.longest:
            log.warning("a record is too long for its outlet", record=entry.id, bytes=len(made))
            made = message(_without_body(entry.record), how.sender, how.content)
        return made

    async def _session(self, frames: Sequence[bytes]) -> None:
        self._line = await TlsLine.open(self._server, self._how.timeout)
        await self._line.send(b"".join(frames))
        line, self._line = self._line, None
        await line.confirmed()

    async def _on(self, frames: Sequence[bytes]) -> None:
        if self._line is None:
            self._line = await TlsLine.open(self._server, self._how.timeout)
            if self._broke:
                await self._line.send(b"".join(self._recent))
        await self._line.send(b"".join(frames))
        await self._line.arrived()
        self._broke = False
        self._recent.extend(frames)

    def _drop(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line, self._broke = None, True


def _without_body(record: Record) -> Record:
    """Its name, its exchange and its hash still say which it is: the ledger has the rest."""
    return Record(
        record.writer,
        record.index,
        record.at,
        record.kind,
        record.exchange,
        '{"event":"too_long"}' if record.kind == "noted" else "{}",
        record.text_commitment,
        record.hash,
    )


def trouble_of(error: BaseException) -> str:
    """A code for people who watch; never what the other side said."""
    match error:
        case TimeoutError():
            return "receiver_silent"
        case ssl.SSLCertVerificationError():
            return "receiver_not_trusted"
        case ssl.SSLEOFError() | ConnectionResetError() | BrokenPipeError() | EOFError():
            return "receiver_hung_up"
        case ssl.SSLError():
            return "tls_failed"
        case socket.gaierror():
            return "receiver_unknown"
        case _:
            return "receiver_unreachable"
