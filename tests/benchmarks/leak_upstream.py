"""The upstream of the leak probes: keeps every byte it receives and answers what a probe tells it to say.

Used by leaks.py, in its own process, so that what was sent here and what the caller saw share one clock.
Speaks the four dialects of the probes: chat, responses, messages, embeddings; plain and as a stream.
"""

import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]
USAGE = {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came over the wire."""

    path: str
    raw: bytes
    at: float

    @property
    def body(self) -> Json:
        read: Json = json.loads(self.raw)
        return read


@dataclass(frozen=True, slots=True)
class Saying:
    """What to answer: the pieces of each choice, one event a piece, ``pause`` seconds after each.

    ``arguments``: the first choice calls a tool instead, with these pieces as its arguments.
    """

    choices: tuple[tuple[str, ...], ...] = (("ok",),)
    arguments: tuple[str, ...] = ()
    finish: str = "stop"
    pause: float = 0.0


def say(*pieces: str, finish: str = "stop", pause: float = 0.0) -> Saying:
    return Saying((pieces,), finish=finish, pause=pause)


@dataclass
class Upstream:
    """Listens on ``port`` while entered. ``answer`` is put in place by each probe."""

    port: int
    answer: Callable[[Received], Saying] = lambda received: say("ok")
    received: list[Received] = field(default_factory=list)
    last_sent: float = 0.0

    def __enter__(self) -> "Upstream":
        self._server = _server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def relay(port: int, to: int) -> Iterator[None]:
    """Hands everything on to another port, and ends a stream as OpenAI's servers do: with a finish_reason.

    The judge's own upstream leaves it out, and there are proxies that take such a stream for a broken one.
    """
    end = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            behind = HTTPConnection("127.0.0.1", to, timeout=30)
            behind.request("POST", self.path, body, dict(self.headers))
            answer = behind.getresponse()
            self.send_response(answer.status)
            self.send_header("content-type", answer.headers.get("content-type", "application/json"))
            self.send_header("connection", "close")
            self.end_headers()
            while line := answer.readline():
                self.wfile.write(end + line if line.strip() == b"data: [DONE]" else line)
                self.wfile.flush()
            behind.close()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Service)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _server(upstream: Upstream) -> ThreadingHTTPServer:
    class Service(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._whole({"object": "list", "data": [{"id": "probe", "object": "model"}]})

        def do_POST(self) -> None:
            path = self.path.partition("?")[0]
            received = Received(path, self._read(), time.monotonic())
            upstream.received.append(received)
            saying = upstream.answer(received)
            dialect = _DIALECTS[path.removeprefix("/v1")]
            if received.body.get("stream"):
                self._stream(dialect(saying, received.body).events(), saying.pause)
            else:
                self._whole(dialect(saying, received.body).whole())

        def _read(self) -> bytes:
            if self.headers.get("transfer-encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("content-length") or 0))
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _whole(self, value: Json) -> None:
            body = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, events: Iterator[tuple[str, bool]], pause: float) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for event, is_text in events:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(event.encode()), event.encode()))
                self.wfile.flush()
                if is_text:
                    upstream.last_sent = time.monotonic()
                    time.sleep(pause)
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", upstream.port), Service)


@dataclass(frozen=True, slots=True)
class _Dialect(ABC):
    saying: Saying
    asked: Json

    @property
    def text(self) -> str:
        return "".join(self.saying.choices[0])

    @property
    def model(self) -> str:
        return str(self.asked.get("model"))

    @abstractmethod
    def whole(self) -> Json:
        """The plain reply."""

    @abstractmethod
    def events(self) -> Iterator[tuple[str, bool]]:
        """Each event, and whether it is a piece of text."""


class _Chat(_Dialect):
    def _head(self, kind: str) -> Json:
        return {"id": "chatcmpl-1", "object": kind, "created": 1_700_000_000, "model": self.model}

    def _call(self, arguments: str, first: bool) -> list[Json]:
        head = {"id": "call_1", "type": "function"} if first else {}
        function = {"name": "send_mail"} if first else {}
        return [{"index": 0, **head, "function": {**function, "arguments": arguments}}]

    def whole(self) -> Json:
        if self.saying.arguments:
            calls = self._call("".join(self.saying.arguments), True)
            calls[0].pop("index")
            message = {"role": "assistant", "content": None, "tool_calls": calls}
            choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
        else:
            choices = [
                {"index": i, "message": {"role": "assistant", "content": "".join(pieces)},
                 "finish_reason": self.saying.finish}
                for i, pieces in enumerate(self.saying.choices)
            ]  # fmt: skip
        return {**self._head("chat.completion"), "choices": choices, "usage": USAGE}

    def events(self) -> Iterator[tuple[str, bool]]:
        def event(index: int, delta: Json, finish: str | None = None) -> str:
            choice = {"index": index, "delta": delta, "finish_reason": finish}
            return _data({**self._head("chat.completion.chunk"), "choices": [choice]})

        if self.saying.arguments:
            for i, piece in enumerate(self.saying.arguments):
                yield event(0, {"tool_calls": self._call(piece, not i)}), True
            yield event(0, {}, "tool_calls"), False
        else:
            choices = self.saying.choices
            for i in range(len(choices)):
                yield event(i, {"role": "assistant", "content": ""}), False
            for at in range(max(map(len, choices))):
                for i, pieces in enumerate(choices):
                    if at < len(pieces):
                        yield event(i, {"content": pieces[at]}), True
            for i in range(len(choices)):
                yield event(i, {}, self.saying.finish), False
        yield "data: [DONE]\n\n", False


class _Responses(_Dialect):
    def whole(self) -> Json:
        return self._response("completed", [self._item("completed", self.text)])

    def _part(self, text: str) -> Json:
        return {"type": "output_text", "text": text, "annotations": []}

    def _item(self, status: str, text: str | None) -> Json:
        content = [] if text is None else [self._part(text)]
        return {"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": content}

    def _response(self, status: str, output: list[Json]) -> Json:
        return {
            "id": "resp_1", "object": "response", "created_at": 1_700_000_000, "status": status,
            "model": self.model, "output": output, "parallel_tool_calls": True, "tool_choice": "auto",
            "tools": [], "error": None, "incomplete_details": None, "instructions": None, "metadata": {},
            "temperature": 1.0, "top_p": 1.0,
            "usage": {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 5,
                      "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 10},
        }  # fmt: skip

    def events(self) -> Iterator[tuple[str, bool]]:
        at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        item = {"output_index": 0}
        events: list[Json] = [
            {"type": "response.created", "response": self._response("in_progress", [])},
            {"type": "response.output_item.added", **item, "item": self._item("in_progress", None)},
            {"type": "response.content_part.added", **at, "part": self._part("")},
            *(
                {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}
                for piece in self.saying.choices[0]
            ),
            {"type": "response.output_text.done", **at, "text": self.text, "logprobs": []},
            {"type": "response.content_part.done", **at, "part": self._part(self.text)},
            {"type": "response.output_item.done", **item, "item": self._item("completed", self.text)},
            {"type": "response.completed", "response": self.whole()},
        ]
        for number, event in enumerate(events):
            text = f"event: {event['type']}\n" + _data({**event, "sequence_number": number})
            yield text, event["type"] == "response.output_text.delta"


class _Messages(_Dialect):
    def _message(self, content: list[Json], stop: str | None) -> Json:
        return {
            "id": "msg_1", "type": "message", "role": "assistant", "model": self.model, "content": content,
            "stop_reason": stop, "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 5},
        }  # fmt: skip

    @property
    def _stop(self) -> str:
        return {"length": "max_tokens"}.get(self.saying.finish, "end_turn")

    def whole(self) -> Json:
        return self._message([{"type": "text", "text": self.text}], self._stop)

    def events(self) -> Iterator[tuple[str, bool]]:
        delta = {"type": "content_block_delta", "index": 0}
        events: list[Json] = [
            {"type": "message_start", "message": self._message([], None)},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *(
                {**delta, "delta": {"type": "text_delta", "text": piece}}
                for piece in self.saying.choices[0]
            ),
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": self._stop, "stop_sequence": None},
             "usage": {"output_tokens": 5}},
            {"type": "message_stop"},
        ]  # fmt: skip
        for event in events:
            yield f"event: {event['type']}\n" + _data(event), event["type"] == "content_block_delta"


class _Embeddings(_Dialect):
    def whole(self) -> Json:
        given = self.asked.get("input")
        many = len(given) if isinstance(given, list) else 1
        data = [{"object": "embedding", "index": i, "embedding": [0.25, 0.5, -0.5]} for i in range(many)]
        return {"object": "list", "data": data, "model": self.model, "usage": USAGE}


_DIALECTS: dict[str, type[_Dialect]] = {
    "/chat/completions": _Chat,
    "/responses": _Responses,
    "/messages": _Messages,
    "/embeddings": _Embeddings,
}


def _data(value: Json) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"
