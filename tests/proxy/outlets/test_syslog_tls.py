"""Syslog over TLS: a batch counts as taken once its receiver has read it, and in no other case."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from audit.exports.rfc5424 import Sender
from audit.following import Entry
from proxy.followers import NotTaken
from proxy.outlets.syslog_tls import How, SyslogSink
from proxy.outlets.tls_line import Server, context_of
from tests.audit.exports.samples import ASKED, EVERY, record
from tests.audit.exports.syslog_reader import Frames, read
from tests.proxy.outlets import receivers
from tests.proxy.outlets.certificates import Papers, papers

pytestmark = pytest.mark.anyio
ENTRIES = [Entry(one, "[PERSON_1_k7q2]様") for one in EVERY]
HOW = How(Sender("sekisho.example.lg.jp"), timeout=2.0)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return papers(tmp_path_factory.mktemp("papers"))


class Side(asyncio.Protocol):
    """One side of a connection, that is dropped with its server."""

    transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport


class Receiver(Side):
    """Takes messages; ``after``: breaks off after so many bytes of a session, without a word."""

    def __init__(self, taken: list[bytes], sessions: list["Receiver"], after: int | None = None) -> None:
        self.taken, self.after, self.sessions = taken, after, sessions
        self.frames, self.count = Frames(), 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.sessions.append(self)

    def data_received(self, data: bytes) -> None:
        self.count += len(data)
        if self.after is not None and self.count > self.after:
            data = data[: len(data) - (self.count - self.after)]
        self.taken += self.frames.feed(data)
        if self.after is not None and self.count > self.after and self.transport:
            self.transport.abort()


@asynccontextmanager
async def receiving(own: Papers, make: Callable[[], Side], ca: Path | None = None) -> AsyncIterator[int]:
    context = receivers.context_of(str(own.server), str(own.server_key), str(ca) if ca else None)
    sides: list[Side] = []

    def made() -> Side:
        sides.append(make())
        return sides[-1]

    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for side in sides:
            if side.transport is not None:
                side.transport.abort()
        await asyncio.sleep(0.05)


def sink(own: Papers, port: int, how: How = HOW, name: str = "", *, client: bool = False) -> SyslogSink:
    mine = (own.client, own.client_key) if client else (None, None)
    return SyslogSink(Server("127.0.0.1", port, context_of(own.ca, *mine), name), how)


async def trouble(one: SyslogSink, entries: Sequence[Entry] = ENTRIES) -> str:
    with pytest.raises(NotTaken) as told:
        await one.take(entries)
    return told.value.trouble


@pytest.mark.requirement("R51")
@pytest.mark.parametrize("confirm", ["closed", "sent"])
@pytest.mark.parametrize("content", ["json", "cef"])
async def test_every_record_arrives_whole_and_once(own: Papers, confirm: str, content: str) -> None:
    taken: list[bytes] = []
    sessions: list[Receiver] = []
    async with receiving(own, lambda: Receiver(taken, sessions), own.ca) as port:
        one = sink(own, port, replace(HOW, confirm=confirm, content=content), client=True)  # type: ignore[arg-type]
        for _ in range(3):
            await one.take(ENTRIES)
        await one.close()
        async with asyncio.timeout(5):
            while len(taken) < 3 * len(ENTRIES):
                await asyncio.sleep(0.01)
    told = [read(raw).data["sekisho@32473"]["record"] for raw in taken]
    assert told == 3 * [entry.id for entry in ENTRIES]
    assert len(sessions) == (3 if confirm == "closed" else 1)
    assert b"k7q2" not in b"".join(taken), "no text unless it is asked for"


@pytest.mark.parametrize("confirm", ["closed", "sent"])
async def test_a_receiver_that_breaks_off_in_the_middle_gets_the_whole_batch_again(
    own: Papers, confirm: str
) -> None:
    taken: list[bytes] = []
    sessions: list[Receiver] = []
    half = 4_000
    async with receiving(
        own, lambda: Receiver(taken, sessions, half if len(sessions) == 1 else None)
    ) as port:
        one = sink(own, port, replace(HOW, confirm=confirm))  # type: ignore[arg-type]
        if confirm == "sent":
            await one.take(ENTRIES[:2])
            assert sessions[0].transport is not None
            sessions[0].transport.abort()
        else:
            sessions.append(Receiver([], []))
        troubles = []
        for _ in range(6):
            try:
                await one.take(ENTRIES)
                break
            except NotTaken as error:
                troubles.append(error.trouble)
        await one.close()
        await asyncio.sleep(0.2)
    assert troubles and set(troubles) == {"receiver_hung_up"}, troubles
    told = [read(raw).data["sekisho@32473"]["record"] for raw in taken]
    assert told[-len(ENTRIES) :] == [entry.id for entry in ENTRIES], "whole, and in order"
    assert set(told) == {entry.id for entry in ENTRIES}


async def test_a_receiver_that_hangs_up_after_it_was_given_everything_has_not_taken_it(own: Papers) -> None:
    """Its bytes lay in a buffer of a program that is gone: TCP would call that delivered."""
    size = sum(len(receivers_frame(entry)) for entry in ENTRIES)
    taken: list[bytes] = []
    async with receiving(own, lambda: Receiver(taken, [], size - 1)) as port:
        assert await trouble(sink(own, port)) == "receiver_hung_up"


def serve_once(own: Papers, most: int | None) -> tuple[int, list[bytes], threading.Thread]:
    """A receiver that never answers a close_notify: it reads to the end, or so many bytes, and hangs up."""
    listening = socket.create_server(("127.0.0.1", 0))
    context = receivers.context_of(str(own.server), str(own.server_key), None)
    taken: list[bytes] = []

    def run() -> None:
        raw, _ = listening.accept()
        listening.close()
        with context.wrap_socket(raw, server_side=True) as line:
            frames, count = Frames(), 0
            while came := line.recv(4_096 if most is None else min(4_096, most - count)):
                taken.extend(frames.feed(came))
                count += len(came)
                if most is not None and count >= most:
                    break

    thread = threading.Thread(target=run)
    thread.start()
    return listening.getsockname()[1], taken, thread


async def test_a_receiver_that_hangs_up_without_an_answer_is_for_the_other_way_of_confirming(
    own: Papers,
) -> None:
    """As rsyslog does with GnuTLS: it read everything, and so does one that refuses us or dies over what it has read."""
    port, taken, thread = serve_once(own, None)
    assert await trouble(sink(own, port)) == "receiver_hung_up"
    thread.join(5)
    assert len(taken) == len(ENTRIES)
    port, taken, thread = serve_once(own, None)
    one = sink(own, port, replace(HOW, confirm="sent"))
    await one.take(ENTRIES)
    await one.close()
    thread.join(5)
    assert len(taken) == len(ENTRIES)


async def test_a_receiver_that_hangs_up_over_unread_bytes_has_not_taken_them(own: Papers) -> None:
    port, taken, thread = serve_once(own, 5_000)
    assert await trouble(sink(own, port), ENTRIES * 20) == "receiver_hung_up"
    thread.join(5)
    assert 0 < len(taken) < len(ENTRIES)


def receivers_frame(entry: Entry) -> bytes:
    from audit.exports.rfc5424 import frame, message

    return frame(message(entry.record, HOW.sender))


class Deaf(Side):
    """Takes the connection and reads nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None
        self.transport.pause_reading()


@pytest.mark.parametrize("confirm", ["closed", "sent"])
async def test_a_receiver_that_reads_nothing_is_waited_for_so_long_and_no_longer(
    own: Papers, confirm: str
) -> None:
    many = ENTRIES * 400
    async with receiving(own, Deaf) as port:
        began = time.monotonic()
        how = replace(HOW, confirm=confirm, timeout=0.5)  # type: ignore[arg-type]
        assert await trouble(sink(own, port, how), many) == "receiver_silent"
        assert time.monotonic() - began < 10


async def test_only_a_receiver_that_our_authority_vouches_for_under_its_name_is_given_anything(
    own: Papers, tmp_path: Path
) -> None:
    taken: list[bytes] = []
    others = papers(tmp_path / "others")
    async with receiving(own, lambda: Receiver(taken, [])) as port:
        assert await trouble(sink(replace(own, ca=others.ca), port)) == "receiver_not_trusted"
        assert await trouble(sink(own, port, name="other.example")) == "receiver_not_trusted"
        await sink(own, port, name="siem.example").take(ENTRIES[:1])
    assert len(taken) == 1


@pytest.mark.parametrize("confirm", ["closed", "sent"])
async def test_a_receiver_that_wants_our_certificate_and_gets_none_has_taken_nothing(
    own: Papers, confirm: str
) -> None:
    taken: list[bytes] = []
    async with receiving(own, lambda: Receiver(taken, []), own.ca) as port:
        one = sink(own, port, replace(HOW, confirm=confirm))  # type: ignore[arg-type]
        assert await trouble(one) in ("tls_failed", "receiver_hung_up")
        await one.close()
    assert taken == []


async def test_nobody_there_is_told_by_a_code(own: Papers) -> None:
    assert await trouble(sink(own, 9)) == "receiver_unreachable"


async def test_a_record_that_is_too_long_goes_without_its_text_or_its_body_and_is_named_all_the_same(
    own: Papers,
) -> None:
    taken: list[bytes] = []
    long = Entry(record("asked", ASKED | {"category": "x" * 5_000}), "長い文" * 3_000)
    async with receiving(own, lambda: Receiver(taken, [])) as port:
        for most in (100_000, 12_000, 3_000):
            await sink(own, port, replace(HOW, texts=True, longest=most)).take([long])
    assert [read(raw).data["sekisho@32473"]["record"] for raw in taken] == [long.id] * 3
    assert ["長い文" in read(raw).text for raw in taken] == [True, False, False]
    assert ["xxxx" in read(raw).text for raw in taken] == [True, True, False]


async def test_who_is_stopped_in_the_middle_stops_at_once(own: Papers) -> None:
    async with receiving(own, Deaf) as port:
        task = asyncio.create_task(sink(own, port, replace(HOW, timeout=60)).take(ENTRIES * 2_000))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 1
