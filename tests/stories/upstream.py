"""An OpenAI-shaped server for the stories: its own process, stdlib only, writes down every byte it gets.

    python upstream.py FOLDER [--port P]    prints its port; FOLDER/received.bin holds the bytes

It answers with what the last user message said. The model's name says how:

    echo        as it came      slow    20 pieces, 50 ms apart      silent   never answers
    no-usage    without usage   broken  half a stream, then gone    error    status 500
    error-200   status 200 with an error body     cut-N  pieces of N characters
    raw         the user message itself is the reply's body
It embeds a text as two numbers, its length and its place; the same names fail, and `floats` knows no base64.
"""

import argparse
import asyncio
import base64
import json
import re
import struct
import sys
from pathlib import Path


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int((re.search(rb"(?i)content-length: (\d+)", head) or [0, 0])[1])
            body = await reader.readexactly(length)
            log.write(head + body + b"\n")
            log.flush()
            if b"GET /v1/models " in head:
                await plain(writer, {"object": "list", "data": [{"id": "echo"}, {"id": "slow"}]})
            elif b"POST /v1/embeddings " in head:
                await embed(writer, json.loads(body))
            else:
                await answer(writer, json.loads(body))
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def answer(writer: asyncio.StreamWriter, asked: dict) -> None:
    model, text = asked["model"], said(asked)
    if model == "silent":
        await asyncio.sleep(3600)
    if model == "error":
        return await plain(writer, {"error": {"message": "boom"}}, "500 Oops")
    if model == "error-200":
        return await plain(writer, {"error": {"message": "boom"}})
    if model == "raw":
        return await raw(writer, text.encode(), asked.get("stream"))
    if asked.get("stream"):
        return await stream(writer, asked, text)
    message = {"role": "assistant", "content": text}
    if asked.get("tools"):
        message |= {"content": None, "tool_calls": [tool_call(asked, text)]}
    if model == "slow":
        await asyncio.sleep(1)
    reply = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model} | {
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}]
    }
    await plain(writer, reply if model == "no-usage" else reply | usage())


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


def said(asked: dict) -> str:
    content = [m["content"] for m in asked["messages"] if m["role"] == "user"][-1]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def tool_call(asked: dict, text: str) -> dict:
    name = asked["tools"][0]["function"]["name"]
    arguments = json.dumps({"to": text}, ensure_ascii=False)
    return {
        "id": "call_1",
        "index": 0,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def usage() -> dict:
    return {"usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}}


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


async def stream(writer: asyncio.StreamWriter, asked: dict, text: str) -> None:
    model = asked["model"]
    size = int(model[4:]) if model.startswith("cut-") else max(1, len(text) // 20) if model == "slow" else 5
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    envelope = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    for number, piece in enumerate(pieces):
        if model == "broken" and number >= len(pieces) // 2:
            return writer.close()
        await event(
            writer, envelope | {"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}
        )
        if model == "slow":
            await asyncio.sleep(0.05)
    await event(writer, envelope | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if (asked.get("stream_options") or {}).get("include_usage") and model != "no-usage":
        await event(writer, envelope | {"choices": []} | usage())
    await chunk(writer, b"data: [DONE]\n\n")
    await chunk(writer, b"")


async def event(writer: asyncio.StreamWriter, body: dict) -> None:
    await chunk(writer, b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n")


async def chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    await writer.drain()


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    with (given.folder / "received.bin").open("ab") as log:
        server = await asyncio.start_server(
            lambda r, w: serve(r, w, log), "127.0.0.1", given.port, limit=2**26
        )
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
