"""Servers in other providers' shapes for the stories: their own process, stdlib only, every byte written down.

    python provider_shapes.py FOLDER [--port P]    prints its port; FOLDER/received.bin holds the bytes

One port speaks three shapes, told apart by path, each with what makes it another provider:

    Anthropic   POST /v1/messages and …/count_tokens, key in `x-api-key`, a version header, events by name
    Azure       POST /openai/deployments/NAME/…?api-version=…, key in `api-key`, else OpenAI's JSON
    Bedrock     POST /model/NAME/converse and converse-stream, signed (SigV4), the stream in binary frames

What is asked is answered as dialects.py says. The model's name says what goes wrong:

    error-N     status N, with a Retry-After where N is 429
    broken      the connection breaks in the middle of a stream
    unfinished  the stream ends in the middle, in good order
    bomb        a compressed reply; moved    a redirect; huge    a reply of a megabyte
"""

import asyncio
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

from dialects import DIALECTS, letter, pieces, read
from listening import listen

CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
COUNT = "/v1/messages/count_tokens"
AZURE = re.compile(r"/openai/(?:deployments/([^/]+)/(chat/completions|embeddings)|v1/responses)")
BEDROCK = re.compile(r"/model/([^/]+)/(converse|converse-stream)")
REASONS = {400: "Bad Request", 429: "Too Many Requests", 500: "Internal Server Error", 503: "Unavailable"}


class Refused(Exception):
    """A request that the provider of this shape would not take."""


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int((re.search(rb"(?i)content-length: (\d+)", head) or [0, 0])[1])
            body = await reader.readexactly(length)
            log.write(head + body + b"\n")
            log.flush()
            await answer(writer, *parsed(head), json.loads(body))
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def parsed(head: bytes) -> tuple[str, dict[str, str], dict[str, str]]:
    """Path, query and headers of one request."""
    first, *lines = head.decode().rstrip().split("\r\n")
    url = urlsplit(first.split(" ")[1])
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return unquote(url.path), {name: values[0] for name, values in parse_qs(url.query).items()}, headers


async def answer(writer, path: str, query: dict, headers: dict, asked: dict) -> None:
    try:
        model, whole, frames = shaped(path, query, headers, asked)
    except Refused as why:
        return await plain(writer, {"error": {"message": str(why)}}, 401)
    if fault := re.fullmatch(r"error-(\d+)", model):
        return await plain(writer, {"error": {"type": "e", "message": "boom"}}, int(fault[1]))
    if model == "moved":
        return await reply(writer, 302, b"", "location: http://127.0.0.1:9/elsewhere\r\n")
    if model == "bomb":
        return await reply(writer, 200, gzip.compress(b" " * 1_000_000), "content-encoding: gzip\r\n")
    if model == "huge":
        return await reply(writer, 200, b'{"x":"' + b"x" * 1_000_000 + b'"}')
    if frames is None:
        return await plain(writer, whole)
    kind, events = frames
    writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode())
    for event in list(events)[: -3 if model == "unfinished" else None]:
        writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        await writer.drain()
        if model == "broken":
            return writer.close()
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def shaped(path: str, query: dict, headers: dict, asked: dict):
    """The model, the whole reply, and for a stream its content type and events. Raises `Refused`."""
    if path in (MESSAGES, COUNT):
        return anthropic(path, headers, asked)
    if found := AZURE.fullmatch(path):
        return azure(found, query, headers, asked)
    if found := BEDROCK.fullmatch(path):
        return bedrock(found, headers, asked)
    raise Refused(path)


def anthropic(path: str, headers: dict, asked: dict):
    must(headers.get("x-api-key") == "sk-loopback" and "anthropic-version" in headers, "Anthropic's headers")
    must(path == COUNT or isinstance(asked.get("max_tokens"), int), "max_tokens")
    must("authorization" not in headers, "no other key")
    return by_name(path, asked)


def by_name(path: str, asked: dict):
    """A dialect whose events are sent by name."""
    dialect = DIALECTS[path]
    events = [
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in dialect.events(asked)
    ]
    return (
        asked["model"],
        dialect.reply(asked),
        ("text/event-stream", events) if asked.get("stream") else None,
    )


def azure(found: re.Match, query: dict, headers: dict, asked: dict):
    must(headers.get("api-key") == "sk-loopback" and "authorization" not in headers, "the key in api-key")
    must(query.get("api-version") == ("2024-10-21" if found[1] else "preview"), "api-version")
    if not found[1]:
        return by_name(RESPONSES, asked)
    asked = asked | {"model": found[1]}
    if found[2] == "embeddings":
        texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        data = [{"object": "embedding", "index": i, "embedding": [len(t), i]} for i, t in enumerate(texts)]
        counted = {"prompt_tokens": 11, "total_tokens": 11}
        return found[1], {"object": "list", "model": found[1], "data": data, "usage": counted}, None
    dialect = DIALECTS[CHAT]
    events = [f"data: {json.dumps(event)}\n\n".encode() for event in dialect.events(asked)]
    events.append(b"data: [DONE]\n\n")
    return found[1], dialect.reply(asked), ("text/event-stream", events) if asked.get("stream") else None


def bedrock(found: re.Match, headers: dict, asked: dict):
    signed = re.match(r"AWS4-HMAC-SHA256 Credential=AKIALOOPBACK/\d{8}/ap-northeast-1/bedrock/aws4_request, "
                      r"SignedHeaders=[a-z0-9;-]*\bhost\b[a-z0-9;-]*, Signature=[0-9a-f]{64}$",
                      headers.get("authorization", ""))  # fmt: skip
    must(bool(signed) and "x-amz-date" in headers, "a signature")
    model = found[1].removeprefix("anthropic.")
    message, reason = converse(asked, model)
    counted = {"inputTokens": 11, "outputTokens": 7, "totalTokens": 18}
    whole = {
        "output": {"message": message},
        "stopReason": reason,
        "usage": counted,
        "metrics": {"latencyMs": 1},
    }
    if found[2] == "converse":
        return model, whole, None
    events = [frame(name, event) for name, event in converse_events(model, message, reason, counted)]
    return model, whole, ("application/vnd.amazon.eventstream", events)


def converse(asked: dict, model: str) -> tuple[dict, str]:
    """A message in Converse's shape, and why it stopped."""
    text = read([m for m in asked["messages"] if m["role"] == "user"][-1]["content"])
    tools = [tool["toolSpec"]["name"] for tool in asked.get("toolConfig", {}).get("tools", [])]
    if not tools:
        return {"role": "assistant", "content": [{"text": text}]}, "end_turn"
    calls = [
        {"toolUse": {"toolUseId": f"tooluse_{place}", "name": name, "input": {"to": text}}}
        for place, name in enumerate(tools, 1)
    ]
    return {"role": "assistant", "content": calls}, "tool_use"


def converse_events(model: str, message: dict, reason: str, counted: dict) -> Iterator[tuple[str, dict]]:
    yield "messageStart", {"role": "assistant"}
    for place, block in enumerate(message["content"]):
        if call := block.get("toolUse"):
            start = {"toolUse": {"toolUseId": call["toolUseId"], "name": call["name"]}}
            yield "contentBlockStart", {"start": start, "contentBlockIndex": place}
            deltas = [
                {"toolUse": {"input": p}} for p in pieces({"model": "cut-3"}, letter(call["input"]["to"]))
            ]
        else:
            deltas = [{"text": piece} for piece in pieces({"model": model}, block["text"])]
        for delta in deltas:
            yield "contentBlockDelta", {"delta": delta, "contentBlockIndex": place}
        yield "contentBlockStop", {"contentBlockIndex": place}
    yield "messageStop", {"stopReason": reason}
    yield "metadata", {"usage": counted, "metrics": {"latencyMs": 1}}


def frame(name: str, event: dict) -> bytes:
    """One message of AWS's event stream: lengths, their sum, headers, payload, the sum of all."""
    said = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + len(value).to_bytes(2, "big") + value.encode()
        for key, value in said.items()
    )
    payload = json.dumps(event).encode()
    prelude = (16 + len(headers) + len(payload)).to_bytes(4, "big") + len(headers).to_bytes(4, "big")
    prelude += zlib.crc32(prelude).to_bytes(4, "big")
    whole = prelude + headers + payload
    return whole + zlib.crc32(whole).to_bytes(4, "big")


def must(holds: bool, what: str) -> None:
    if not holds:
        raise Refused(f"{what} missing")


async def plain(writer: asyncio.StreamWriter, body: dict, status: int = 200) -> None:
    again = "retry-after: 7\r\n" if status == 429 else ""
    await reply(writer, status, json.dumps(body, ensure_ascii=False).encode(), again)


async def reply(writer: asyncio.StreamWriter, status: int, data: bytes, more: str = "") -> None:
    head = f"HTTP/1.1 {status} {REASONS.get(status, 'X')}\r\ncontent-type: application/json\r\n{more}"
    writer.write(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)
    await writer.drain()


if __name__ == "__main__":
    listen(serve, "received.bin")
