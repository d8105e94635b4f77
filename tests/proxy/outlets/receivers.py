"""Receivers as a SIEM has them, each a process that can be killed: syslog over TLS, and OTLP over HTTPS.

    python receivers.py syslog PORT CERTIFICATE KEY CA FILE      a client certificate of CA's is demanded
    python receivers.py otlp PORT CERTIFICATE KEY CA FILE

What was received whole is appended to FILE before it is answered, a line each: base64 of a message, or ``logs`` or
``traces`` and base64 of what was posted.
"""

import asyncio
import base64
import gzip
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.audit.exports.syslog_reader import Frames
from tests.proxy.outlets.certificates import Papers

ROOT = Path(__file__).parents[3]


def context_of(certificate: str, key: str, ca: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if ca is not None:
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class Syslog(asyncio.Protocol):
    """Reads at once: what came before a close_notify is in the file before that is answered."""

    def __init__(self, file: Any) -> None:
        self._file, self._frames = file, Frames()

    def data_received(self, data: bytes) -> None:
        for message in self._frames.feed(data):
            self._file.write(base64.b64encode(message) + b"\n")
        self._file.flush()


async def syslog(port: int, context: ssl.SSLContext, file: Any) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: Syslog(file), "127.0.0.1", port, ssl=context
    )
    async with server:
        await server.serve_forever()


def otlp(port: int, context: ssl.SSLContext, file: Any) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            if self.headers["content-encoding"] == "gzip":
                raw = gzip.decompress(raw)
            signal = self.path.removeprefix("/v1/").encode()
            file.write(signal + b" " + base64.b64encode(raw) + b"\n")
            file.flush()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


@dataclass
class Receiver:
    """A receiver in a process of its own, on a port that stays the same, whoever is killed."""

    kind: str
    port: int
    papers: Papers
    file: Path
    process: "subprocess.Popen[bytes] | None" = None

    def revive(self) -> None:
        command = [sys.executable, "-m", "tests.proxy.outlets.receivers", self.kind, str(self.port)]
        command += map(str, (self.papers.server, self.papers.server_key, self.papers.ca, self.file))
        self.process = subprocess.Popen(command, cwd=ROOT)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def lines(self) -> list[bytes]:
        """What was received so far; a line that was cut by a kill is none."""
        if not self.file.exists():
            return []
        return [line for line in self.file.read_bytes().split(b"\n")[:-1] if line]


def main() -> None:
    kind, port, certificate, key, ca, path = sys.argv[1:]
    context = context_of(certificate, key, ca if kind == "syslog" else None)
    with open(path, "ab") as file:
        _end_line(path, file)
        for _ in range(100):
            try:
                if kind == "syslog":
                    asyncio.run(syslog(int(port), context, file))
                else:
                    otlp(int(port), context, file)
            except OSError:  # the one before has not let go of the port yet
                time.sleep(0.05)


def _end_line(path: str, file: Any) -> None:
    """A kill may have cut the last line."""
    raw = Path(path).read_bytes()
    if raw and not raw.endswith(b"\n"):
        file.write(b"!\n")
        file.flush()


if __name__ == "__main__":
    main()
