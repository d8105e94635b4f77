"""Real receivers in processes of their own, which die and come back: an HTTP server and an SMTP server.

Started as a program: ``python receivers.py http PORT FILE`` or ``smtp PORT FILE``; each thing taken is a line of JSON in
the file, durable before it is answered. ``FILE.answer`` says what to answer instead.
"""

import email
import email.policy
import json
import os
import socket
import socketserver
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any


class Receiver:
    """A receiver as a test sees it."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.file = folder / f"{kind}.jsonl"
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, __file__, self.kind, str(self.port), str(self.file)]
        self._process = subprocess.Popen(command)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with socket.socket() as line:
                if line.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("the receiver does not listen")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def answer(self, said: str | None) -> None:
        """What it answers from now on: ``500``, ``451 not now``; None: that it has taken it."""
        file = Path(f"{self.file}.answer")
        file.write_text(said) if said else file.unlink(missing_ok=True)

    @property
    def got(self) -> list[dict[str, Any]]:
        if not self.file.exists():
            return []
        return [json.loads(line) for line in self.file.read_text(encoding="utf-8").splitlines()]


def _free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


def keep(file: str, thing: dict[str, Any]) -> None:
    with open(file, "a", encoding="utf-8") as kept:
        kept.write(json.dumps(thing, ensure_ascii=False) + "\n")
        kept.flush()
        os.fsync(kept.fileno())


def answer_of(file: str) -> str:
    try:
        return Path(f"{file}.answer").read_text()
    except FileNotFoundError:
        return ""


def serve_http(port: int, file: str) -> None:
    class Posted(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            answer = answer_of(file)
            if not answer:
                keep(file, {"path": self.path, "headers": dict(self.headers), "body": body})
            self.send_response(int(answer or 204))
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    HTTPServer(("127.0.0.1", port), Posted).serve_forever()


def serve_smtp(port: int, file: str) -> None:
    class Taken(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            self.say("220 ready")
            to: list[str] = []
            for line in self.rfile:
                verb = line[:4].upper()
                if verb == b"RCPT":
                    to.append(line.decode().split(":", 1)[1].strip())
                    self.say("550 nobody" if b"nobody@" in line else "250 ok")
                elif verb == b"DATA":
                    self.say("354 go on")
                    raw = b"".join(iter(self.rfile.readline, b".\r\n"))
                    if answer := answer_of(file):
                        self.say(answer)
                        continue
                    mail = email.message_from_bytes(raw, policy=email.policy.default)
                    text = mail.get_body(("plain",))
                    told = text.get_content() if text else ""
                    keep(file, {"to": to, "headers": dict(mail.items()), "body": told})
                    self.say("250 taken")
                elif verb == b"QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

    class Post(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    Post(("127.0.0.1", port), Taken).serve_forever()


if __name__ == "__main__":
    {"http": serve_http, "smtp": serve_smtp}[sys.argv[1]](int(sys.argv[2]), sys.argv[3])
