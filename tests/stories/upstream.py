"""The model's server of the stories: its own process, stdlib only, writes down every byte it gets.

    python upstream.py FOLDER [--port P]    prints its port; FOLDER/received.bin holds the bytes

It answers with what the last user message said, in every dialect of dialects.py. The model's name says how:

    echo        as it came      slow    20 pieces, 50 ms apart      silent   never answers
    no-usage    without usage   broken  half a stream, then gone    error    status 500
    error-200   status 200 with an error body     cut-N  pieces of N characters
    raw         the user message itself is the reply's body
    short       the whole text, and the word that it was cut short
    endless     one of its pieces again and again, 50 ms apart; endless.txt says when nobody reads on
It embeds a text as two numbers, its length and its place; the same names fail, and `floats` knows no base64.
"""

import asyncio
import base64
import json
import re
import struct
import sys
from email import message_from_bytes
from pathlib import Path

from dialects import DIALECTS, Dialect
from listening import listen


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int((re.search(rb"(?i)content-length: (\d+)", head) or [0, 0])[1])
            body = await reader.readexactly(length)
            log.write(head + body + b"\n")
            log.flush()
            path = head.split(b" ", 2)[1].decode()
            if path == "/v1/models":
                await plain(writer, {"object": "list", "data": [{"id": "echo"}, {"id": "slow"}]})
            elif path == "/v1/embeddings":
                await embed(writer, json.loads(body))
            elif path == "/v1/audio/transcriptions":
                await answer(writer, DIALECTS[path], form(head, body))
            elif path in DIALECTS:
                await answer(writer, DIALECTS[path], json.loads(body))
            else:
                await plain(writer, {"error": {"message": path}}, "404 Not Found")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def answer(writer: asyncio.StreamWriter, dialect: Dialect, asked: dict) -> None:
    model = asked["model"]
    if model == "silent":
        await asyncio.sleep(3600)
    if model == "error":
        return await plain(writer, {"error": {"message": "boom"}}, "500 Oops")
    if model == "error-200":
        return await plain(writer, {"error": {"message": "boom"}})
    if model == "raw":
        return await raw(writer, dialect.said(asked).encode(), asked.get("stream"))
    if asked.get("stream"):
        return await stream(writer, dialect, asked)
    if model == "slow":
        await asyncio.sleep(1)
    if asked.get("response_format") in ("text", "srt", "vtt"):
        return await raw(writer, dialect.said(asked).encode(), None)
    await plain(writer, dialect.reply(asked))


async def embed(writer: asyncio.StreamWriter, asked: dict) -> None:
    model, given = asked["model"], asked["input"]
    texts = given if isinstance(given, list) else [given]
    if model == "silent":
        await asyncio.sleep(3600)
    if model.startswith("error"):
        status = "200 OK" if model == "error-200" else "500 Oops"
        return await plain(writer, {"error": {"message": "boom"}}, status)
    if model == "raw":
        return await raw(writer, texts[0].encode(), None)
    vectors = [[float(len(text)), float(place)] for place, text in enumerate(texts)]
    if asked.get("encoding_format") == "base64" and model != "floats":
        vectors = [base64.b64encode(struct.pack("<2f", *vector)).decode() for vector in vectors]
    data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
    reply = {"object": "list", "model": model, "data": data}
    counted = {"usage": {"prompt_tokens": 11, "total_tokens": 11}}
    await plain(writer, reply if model == "no-usage" else reply | counted)


def form(head: bytes, body: bytes) -> dict:
    """A form's parts by name, as text."""
    kind = re.search(rb"(?i)content-type: [^\r]+", head)[0]
    parts = message_from_bytes(kind + b"\r\n\r\n" + body).get_payload()
    said = {part.get_param("name", header="content-disposition"): part for part in parts}
    read = {name: part.get_payload(decode=True).decode() for name, part in said.items()}
    return read | {"stream": read.get("stream") == "true"}


async def plain(writer: asyncio.StreamWriter, body: dict, status: str = "200 OK") -> None:
    data = json.dumps(body, ensure_ascii=False).encode()
    writer.write(
        f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n".encode()
        + data
    )
    await writer.drain()


async def raw(writer: asyncio.StreamWriter, data: bytes, stream: bool | None) -> None:
    kind = "text/event-stream" if stream else "application/json"
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data)
    await writer.drain()


async def stream(writer: asyncio.StreamWriter, dialect: Dialect, asked: dict) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    events = list(dialect.events(asked))
    if asked["model"].startswith("endless"):
        return await endless(writer, dialect, events)
    for number, event in enumerate(events):
        if asked["model"] == "broken" and number >= len(events) // 2:
            return writer.close()
        name = f"event: {event['type']}\n" if dialect.named else ""
        await chunk(writer, f"{name}data: {json.dumps(event, ensure_ascii=False)}\n\n".encode())
        if asked["model"] == "slow":
            await asyncio.sleep(0.05)
    if not dialect.named:
        await chunk(writer, b"data: [DONE]\n\n")
    await chunk(writer, b"")


async def endless(writer: asyncio.StreamWriter, dialect: Dialect, events: list) -> None:
    """The first half of the events, then its last one for a minute."""
    half = events[: len(events) // 2]
    told = 0
    try:
        for event in [*half, *half[-1:] * 1200]:
            name = f"event: {event['type']}\n" if dialect.named else ""
            await chunk(writer, f"{name}data: {json.dumps(event, ensure_ascii=False)}\n\n".encode())
            told += 1
            await asyncio.sleep(0.05)
    finally:
        with (FOLDER / "endless.txt").open("a") as file:
            file.write(f"{told}\n")


async def chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    await writer.drain()


FOLDER = Path(sys.argv[1])

if __name__ == "__main__":
    listen(serve, "received.bin")
