"""Records to an OpenTelemetry receiver: OTLP over HTTP, protobuf, packed. A batch is taken once every signal of it is.

    POST {url}/v1/logs      a log record for each record
    POST {url}/v1/traces    a span for each exchange that has ended

Straight there: no proxy of the environment, no redirect. A receiver that is away, busy, or does not know us, is asked again
later with the same batch; what comes twice has the same log.record.uid, and the same trace and span id. A batch that is too
large for it (413) is halved. What it says it has rejected of a batch it took is told to the operations log: OTLP forbids to
send that again.
"""

import asyncio
import gzip
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import structlog

from audit.address import Address
from audit.exports import otel
from audit.exports.otel import Exchange, Version
from audit.following import Entry
from audit.model import ENDINGS
from audit.query import asked_of
from proxy.followers import NotTaken
from proxy.outlets.syslog_tls import trouble_of

if TYPE_CHECKING:
    import aiohttp

log = structlog.get_logger()

Signal = Literal["logs", "traces"]
_TOO_LARGE = 413
_LONGEST_ANSWER = 1_000_000
_COMPRESSION = 4
_SENT = {"content-type": "application/x-protobuf", "content-encoding": "gzip", "user-agent": "sekisho"}


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where to. ``headers``: read anew for each batch, so that a token can be changed while the house runs."""

    url: str
    headers: Callable[[], Mapping[str, str]] = field(repr=False, default=dict)
    context: ssl.SSLContext | None = field(repr=False, default=None)
    signals: tuple[Signal, ...] = ("logs", "traces")
    version: Version = otel.NEWEST
    host: str = "sekisho"
    texts: bool = False
    timeout: float = 10.0


class OtlpSink:
    """One receiver. Opens its first connection with the first batch."""

    def __init__(self, receiver: Receiver, ledger: Address) -> None:
        self._receiver, self._ledger = receiver, ledger
        self._session: aiohttp.ClientSession | None = None

    async def take(self, entries: Sequence[Entry]) -> None:
        """Raises `NotTaken` unless the receiver has all of them."""
        if "logs" in self._receiver.signals:
            await self._give("logs", entries, self._logs)
        if "traces" in self._receiver.signals:
            ended = [entry for entry in entries if entry.record.kind in ENDINGS]
            known = await asyncio.to_thread(self._questions, ended)
            await self._give("traces", ended, lambda some: self._traces(some, known))

    def settle(self, connection: Any) -> None:
        """There is nothing of it in the office."""

    async def greet(self) -> None:
        """Give it nothing, for each signal. Raises `NotTaken`."""
        for signal in self._receiver.signals:
            status, _ = await self._posted(signal, gzip.compress(b"", mtime=0))
            if status != 200:
                raise NotTaken(f"receiver_answered_{status}")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    # ── what is sent ─────────────────────────────────────────────────────────────────────────────

    def _questions(self, ended: Sequence[Entry]) -> dict[str, Any]:
        names = sorted({entry.record.exchange for entry in ended if entry.record.exchange})
        return asked_of(self._ledger, names) if names else {}

    def _logs(self, entries: Sequence[Entry]) -> bytes:
        texts = self._receiver.texts
        told = [(entry.record, entry.text if texts else None) for entry in entries]
        return otel.logs(told, self._receiver.host, self._receiver.version).SerializeToString()

    def _traces(self, ended: Sequence[Entry], known: Mapping[str, Any]) -> bytes:
        texts = self._receiver.texts
        exchanges = []
        for entry in ended:
            asked, text = known.get(entry.record.exchange or "", (None, None))
            both = (text, entry.text) if texts else (None, None)
            exchanges.append(Exchange(asked, entry.record, *both))
        return otel.traces(exchanges, self._receiver.host, self._receiver.version).SerializeToString()

    # ── the way there ────────────────────────────────────────────────────────────────────────────

    async def _give(
        self, signal: Signal, entries: Sequence[Entry], made: Callable[[Sequence[Entry]], bytes]
    ) -> None:
        if not entries:
            return
        raw = await asyncio.to_thread(lambda: gzip.compress(made(entries), _COMPRESSION, mtime=0))
        status, answer = await self._posted(signal, raw)
        if status == _TOO_LARGE and len(entries) > 1:
            half = len(entries) // 2
            await self._give(signal, entries[:half], made)
            await self._give(signal, entries[half:], made)
            return
        if status != 200:
            raise NotTaken(f"receiver_answered_{status}")
        self._tell_rejected(signal, answer)

    async def _posted(self, signal: Signal, raw: bytes) -> tuple[int, bytes]:
        import aiohttp

        receiver = self._receiver
        try:
            headers = _SENT | dict(receiver.headers())
        except (OSError, ValueError):
            raise NotTaken("secret_unreadable") from None
        session = self._opened()
        try:
            async with session.post(
                f"{receiver.url}/v1/{signal}", data=raw, headers=headers, allow_redirects=False
            ) as answer:
                said = await answer.content.read(_LONGEST_ANSWER)
                return answer.status, said
        except aiohttp.ClientConnectorCertificateError:
            raise NotTaken("receiver_not_trusted") from None
        except aiohttp.ClientConnectorDNSError:
            raise NotTaken("receiver_unknown") from None
        except aiohttp.ServerDisconnectedError:
            raise NotTaken("receiver_hung_up") from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NotTaken(trouble_of(error)) from None

    def _opened(self) -> "aiohttp.ClientSession":
        import aiohttp

        if self._session is None or self._session.closed:
            seconds = self._receiver.timeout
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=6 * seconds, connect=seconds, sock_read=seconds),
                connector=aiohttp.TCPConnector(limit=1, ssl=self._receiver.context or True),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _tell_rejected(self, signal: Signal, answer: bytes) -> None:
        """How many it has rejected; not what it says of them, which may be anything."""
        from google.protobuf.message import DecodeError
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

        try:
            if signal == "logs":
                rejected = ExportLogsServiceResponse.FromString(answer).partial_success.rejected_log_records
            else:
                rejected = ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans
        except DecodeError:
            return
        if rejected:
            log.error("a receiver rejected records that it was given", signal=signal, count=rejected)
