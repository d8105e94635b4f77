"""Two hundred exchanges at once, half of them cut off by the caller: two hundred endings, unbroken chains."""

import asyncio
import json
import socket
import time
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import pytest

BODY = {
    "model": "slow",
    "stream": True,
    "messages": [{"role": "user", "content": "山田太郎さんと鈴木花子さんへ" * 4}],
}


SHARED = True
"""These stories only ask: they share one checkpoint (conftest.py)."""


async def exchange(checkpoint: Any, cut_after: float | None, body: dict[str, Any]) -> bytes:
    """Speak plain HTTP and, where wanted, drop the connection in the middle."""
    address = urlsplit(checkpoint.base_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    data = json.dumps(body).encode()
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
        + f"authorization: Bearer {checkpoint.key}\r\ncontent-length: {len(data)}\r\n\r\n".encode()
        + data
    )
    await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(), cut_after)
    except TimeoutError:
        return b""
    finally:
        writer.transport.abort()


@pytest.mark.requirement("R42")
@pytest.mark.parametrize("stream", [True, False])
def test_200_concurrent_exchanges_half_of_them_cut_off_have_200_endings(
    checkpoint: Any, stream: bool
) -> None:
    async def all_of_them() -> list[bytes]:
        cuts = [None if n % 2 else 0.2 + 0.02 * (n % 40) for n in range(200)]
        return await asyncio.gather(*(exchange(checkpoint, cut, BODY | {"stream": stream}) for cut in cuts))

    replies = asyncio.run(all_of_them())
    assert sum(b"200 OK" in reply for reply in replies) >= 100
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        kinds = Counter(record["kind"] for record in checkpoint.records())
        if kinds["asked"] and kinds["asked"] == kinds.total() - kinds["asked"]:
            break
        time.sleep(0.2)
    assert kinds["asked"] == kinds["answered"] + kinds["abandoned"] == 200
    assert kinds["answered"] >= 100 and kinds["abandoned"] >= 50
    assert checkpoint.verify()["ok"]


@pytest.mark.requirement("R56")
@pytest.mark.parametrize("moment", [0.0, 0.002, 0.1, 0.4])
def test_a_hang_up_at_any_moment_is_recorded_as_abandoned(
    checkpoint: Any, upstream: Any, moment: float
) -> None:
    asyncio.run(exchange(checkpoint, 0.02 + moment, BODY))
    deadline = time.monotonic() + 20
    while not checkpoint.records("abandoned") and time.monotonic() < deadline:
        time.sleep(0.1)
    (ending,) = checkpoint.records("abandoned")
    state = ending["body"]["egress_state"]
    assert state in ("none", "unknown", "masked")
    if upstream.requests:  # whether the house saw a reply begin before the hang-up, its record says
        assert state == ("masked" if ending["body"]["upstream_status"] else "unknown")
        (asked,) = checkpoint.records("asked")
        assert asked["body"]["egress_prepared"] == "masked"


@pytest.mark.requirement("R56")
def test_a_hang_up_while_the_model_says_nothing_leaves_what_left_unknown(
    checkpoint: Any, upstream: Any
) -> None:
    async def cut_once_it_was_sent() -> None:
        asking = asyncio.create_task(exchange(checkpoint, 30, BODY | {"model": "silent"}))
        while not upstream.requests:
            await asyncio.sleep(0.05)
        asking.cancel()
        await asyncio.wait({asking})

    asyncio.run(cut_once_it_was_sent())
    deadline = time.monotonic() + 20
    while not checkpoint.records("abandoned") and time.monotonic() < deadline:
        time.sleep(0.1)
    (ending,) = checkpoint.records("abandoned")
    assert (ending["body"]["egress_state"], ending["body"]["upstream_status"]) == ("unknown", None)
    assert ending["body"]["host"] == "127.0.0.1"


def test_stopping_the_house_ends_what_is_running(start_checkpoint: Any, upstream: Any) -> None:
    checkpoint = start_checkpoint(upstream.url)

    async def start_and_stop() -> None:
        running = [
            asyncio.create_task(exchange(checkpoint, None, BODY | {"model": "silent"})) for _ in range(5)
        ]
        await asyncio.sleep(1)
        checkpoint.process.terminate()
        await asyncio.gather(*running)

    asyncio.run(start_and_stop())
    checkpoint.process.wait(30)
    kinds = Counter(record["kind"] for record in checkpoint.records())
    assert kinds["asked"] == 5 == kinds["abandoned"]
    assert checkpoint.verify()["ok"]


@pytest.mark.parametrize("how", ["hang up", "stop the house"])
def test_a_request_that_never_came_whole_is_an_attempt_with_an_ending(
    checkpoint: Any, start_checkpoint: Any, upstream: Any, how: str
) -> None:
    if how == "stop the house":
        checkpoint = start_checkpoint(upstream.url)
    address = urlsplit(checkpoint.base_url)
    with socket.create_connection((address.hostname, address.port)) as half:
        half.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n"
            + f"authorization: Bearer {checkpoint.key}\r\n\r\n".encode()
            + b'{"model":'
        )
        time.sleep(0.5)
        if how == "stop the house":
            checkpoint.process.terminate()
            checkpoint.process.wait(40)
    deadline = time.monotonic() + 20
    while len(checkpoint.records()) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    asked, ending = [record["kind"] for record in checkpoint.records()]
    assert asked == "asked"
    assert ending in ("refused", "abandoned", "lost"), "whatever stopped it, it has its ending"


def test_pipelined_requests_and_a_hang_up_leave_one_ending_each(checkpoint: Any) -> None:
    address = urlsplit(checkpoint.base_url)
    data = json.dumps(BODY).encode()
    one = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
        + f"authorization: Bearer {checkpoint.key}\r\ncontent-length: {len(data)}\r\n\r\n".encode()
        + data
    )
    with socket.create_connection((address.hostname, address.port)) as both:
        both.sendall(one + one)
        time.sleep(0.7)
    time.sleep(2)
    kinds = Counter(record["kind"] for record in checkpoint.records())
    assert kinds["asked"] >= 1 and kinds["asked"] == kinds.total() - kinds["asked"]
    assert checkpoint.verify()["ok"]
