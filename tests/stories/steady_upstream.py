"""A model's server that answers every request well, and always with the same words: its own process, stdlib only.

python steady_upstream.py [WORDS]    prints its port; streams WORDS one character at a time
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WORDS = sys.argv[1] if len(sys.argv) > 1 else "はい。"
PART = {"type": "output_text", "text": WORDS, "annotations": []}
ITEM = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [PART]}
RESPONSE = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed"}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
MESSAGE |= {"usage": {"input_tokens": 1, "output_tokens": 1}}
CHAT = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m"}
SAID = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": WORDS}}
VECTOR = {"object": "embedding", "index": 0, "embedding": [0.5]}
STEP = {"item_id": "msg_1", "output_index": 0, "content_index": 0}

WHOLE = {
    "/v1/chat/completions": CHAT | {"choices": [SAID]},
    "/v1/responses": RESPONSE | {"output": [ITEM]},
    "/v1/messages": MESSAGE | {"content": [{"type": "text", "text": WORDS}]},
    "/v1/messages/count_tokens": {"input_tokens": 3},
    "/v1/embeddings": {"object": "list", "model": "m", "data": [VECTOR]},
    "/v1/audio/transcriptions": {"text": WORDS},
    "/v1/models": {"object": "list", "data": [{"id": "m"}]},
}
EVENTS = {
    "/v1/chat/completions": [
        *(CHAT | {"choices": [{"index": 0, "delta": {"content": word}}]} for word in WORDS),
        CHAT | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        "[DONE]",
    ],
    "/v1/responses": [
        *({"type": "response.output_text.delta", "delta": word, **STEP} for word in WORDS),
        {"type": "response.output_text.done", "text": WORDS, **STEP},
        {"type": "response.output_item.done", "output_index": 0, "item": ITEM},
        {"type": "response.completed", "response": RESPONSE | {"output": [ITEM]}},
    ],
    "/v1/messages": [
        {"type": "message_start", "message": MESSAGE | {"content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
            for word in WORDS
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_stop"},
    ],
    "/v1/audio/transcriptions": [{"type": "transcript.text.done", "text": WORDS}],
}


class Steady(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer("application/json", json.dumps(WHOLE["/v1/models"]))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("content-type") == "application/json" and json.loads(body).get("stream"):
            events = EVENTS[self.path]
            lines = (event if isinstance(event, str) else json.dumps(event) for event in events)
            self._answer("text/event-stream", "".join(f"data: {line}\n\n" for line in lines))
        else:
            self._answer("application/json", json.dumps(WHOLE[self.path]))

    def _answer(self, kind: str, text: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Steady)
    print(server.server_port, flush=True)
    server.serve_forever()
