"""The stories' stage: an upstream that is another process, and the checkpoint as `sekisho demo` starts it."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
KEY = "sk-story-key"
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith(("SEKISHO_", "OPENAI_"))
}


def sekisho(
    *arguments: str, stdin: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the `sekisho` command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "proxy", *arguments],
        cwd=ROOT,
        env=ENVIRONMENT | environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
    )


@dataclass
class Upstream:
    """The model's server: what it got, byte by byte."""

    folder: Path
    port: int
    process: "subprocess.Popen[str]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def received(self) -> bytes:
        return (self.folder / "received.bin").read_bytes()

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The bodies of the chat completions it got."""
        return self.bodies("/v1/chat/completions")

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """The bodies of what was posted to ``path``."""
        posts = self.received.split(b"POST ")[1:]
        mine = [post for post in posts if post.startswith(f"{path} ".encode())]
        return [json.loads(post.split(b"\r\n\r\n", 1)[1].split(b"\nGET ", 1)[0]) for post in mine]


@dataclass
class Checkpoint:
    """A running `sekisho demo`: its address, its folder, its process."""

    base_url: str
    dir: str
    ledger: str
    public_key: str
    process: "subprocess.Popen[str]"
    key: str = KEY
    log: Path = field(default_factory=Path)
    clients: list[Any] = field(default_factory=list)

    @property
    def root(self) -> str:
        return self.base_url.removesuffix("/v1")

    def ready(self, patience: float = 60) -> None:
        deadline = time.monotonic() + patience
        while self.status("/readyz") != 200:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, "never ready"
            time.sleep(0.1)

    def status(self, path: str) -> int:
        try:
            with urllib.request.urlopen(self.root + path, timeout=30) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def post(
        self, body: Any, path: str = "/chat/completions", **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """POST JSON (or bytes as they are); status, headers, and the reply as JSON where it is JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.base_url + path, data, sent)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return reply.status, dict(reply.headers), _json_or_text(reply.read())
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), _json_or_text(error.read())

    def say(self, text: str, model: str = "echo", **headers: str) -> tuple[int, dict[str, str], Any]:
        return self.post({"model": model, "messages": [{"role": "user", "content": text}]}, **headers)

    def client(self, **options: Any) -> Any:
        """The official client, as a staff tool would make it."""
        import openai

        client = openai.OpenAI(base_url=self.base_url, api_key=self.key, **options)
        self.clients.append(client)
        return client

    def records(self, *kinds: str) -> list[dict[str, Any]]:
        """Records of the ledger, oldest first, read as an outsider reads a SQLite file."""
        import sqlite3

        with sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True) as connection:
            rows = connection.execute(
                "SELECT writer, idx, at, kind, exchange, body FROM records ORDER BY at, idx"
            )
            names = ("writer", "index", "at", "kind", "exchange", "body")
            all_records = [dict(zip(names, row, strict=True)) for row in rows]
        for record in all_records:
            record["body"] = json.loads(record["body"])
        return [record for record in all_records if not kinds or record["kind"] in kinds]

    def verify(self) -> dict[str, Any]:
        done = sekisho("audit", "verify", "--ledger", self.ledger, "--public-key", self.public_key, "--json")
        assert done.returncode in (0, 1), done.stderr
        return dict(json.loads(done.stdout))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def _json_or_text(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode()


@pytest.fixture
def stage() -> Iterator[ExitStack]:
    """Everything a story starts is stopped when it ends."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start_upstream(stage: ExitStack, tmp_path: Path) -> Callable[..., Upstream]:
    def start(name: str = "upstream", port: int = 0) -> Upstream:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        command = [sys.executable, str(HERE / "upstream.py"), str(folder), "--port", str(port)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        stage.callback(_end, process)
        assert process.stdout
        return Upstream(folder, int(process.stdout.readline()), process)

    return start


@pytest.fixture
def upstream(start_upstream: Callable[..., Upstream]) -> Upstream:
    return start_upstream()


@pytest.fixture
def start_checkpoint(stage: ExitStack, tmp_path: Path) -> Callable[..., Checkpoint]:
    """Start `sekisho demo`. ``wait=False``: do not wait until it is ready; ``wrap``: a command in front."""

    def start(
        upstream_url: str,
        dir: Path | None = None,
        policy: str = "takatsuki",
        wait: bool = True,
        wrap: tuple[str, ...] = (),
        **environment: str,
    ) -> Checkpoint:
        log = tmp_path / f"checkpoint-{time.monotonic_ns()}.log"
        command = [*wrap, sys.executable, "-m", "proxy", "demo", "--port", "0", "--upstream", upstream_url]
        command += ["--key", KEY, "--policy", policy, "--dir", str(dir or tmp_path / "home")]
        with log.open("w") as err:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=ENVIRONMENT | environment,
                stdout=subprocess.PIPE,
                stderr=err,
                text=True,
            )
        stage.callback(_end, process)
        assert process.stdout
        line = process.stdout.readline()
        assert line, log.read_text()
        checkpoint = Checkpoint(**json.loads(line), process=process, log=log)
        stage.callback(lambda: [client.close() for client in checkpoint.clients])
        if wait:
            checkpoint.ready()
        return checkpoint

    return start


@pytest.fixture
def checkpoint(start_checkpoint: Callable[..., Checkpoint], upstream: Upstream) -> Checkpoint:
    return start_checkpoint(upstream.url)


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


@pytest.fixture(name="sekisho")
def sekisho_command() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """The `sekisho` command, run to its end."""
    return sekisho
