"""The desk on its own: a real server in this process, with one room replaced where a test breaks it."""

import asyncio
import json
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.house import House, build
from proxy.settings import Settings, read
from tests.approving import approving
from tests.quiet import quiet

ROOT = Path(__file__).parent.parent.parent
PLAIN = {"model": "echo", "messages": [{"role": "user", "content": "山田太郎さん、こんにちは"}]}


@pytest.fixture
def settings(tmp_path: Path, upstream_url: str) -> Settings:
    policy = str(approving(tmp_path, "*"))
    return read(
        home=tmp_path / "home",
        upstream=upstream_url,
        host="127.0.0.1",
        port=0,
        policy=policy,
        alerts=quiet(tmp_path),
    )


@pytest.fixture
def upstream_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "upstream"
    folder.mkdir()
    return folder


@pytest.fixture
def upstream_url(upstream_folder: Path) -> Iterator[str]:
    script = ROOT / "tests" / "stories" / "upstream.py"
    process = subprocess.Popen(
        [sys.executable, str(script), str(upstream_folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    process.terminate()
    process.wait()
    process.stdout.close()


@pytest.fixture
def serve(settings: Settings) -> Iterator[Callable[..., str]]:
    """Serve the application with a house that ``make`` built; gives the base URL once it answers."""
    import uvicorn

    from proxy.app import create_app
    from proxy.serving import enter_fixture

    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(make: Callable[[Settings], House] = build) -> str:
        enter_fixture(settings, "sk-desk")
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(create_app(settings, make), log_config=None, timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        running.append((server, thread))
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        return f"http://127.0.0.1:{listening.getsockname()[1]}/v1"

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def records(settings: Settings) -> Callable[[], list[tuple[str, dict[str, Any]]]]:
    """Kind and body of every record of an exchange so far, oldest first."""

    def read() -> list[tuple[str, dict[str, Any]]]:
        with sqlite3.connect(settings.ledger_location) as connection:
            rows = connection.execute("SELECT kind, body FROM records ORDER BY at, idx")
            return [(kind, json.loads(body)) for kind, body in rows if kind not in ("noted", "viewed")]

    return read


@pytest.fixture
def run() -> Callable[..., object]:
    return asyncio.run


def post(
    base_url: str, body: Any = None, key: str = "sk-desk", path: str = "/chat/completions", **headers: str
) -> tuple[int, dict[str, str], Any]:
    """POST as somebody with a key; status, headers and the JSON of the reply, whatever it was."""
    data = body if isinstance(body, bytes) else json.dumps(PLAIN if body is None else body).encode()
    sent = {"authorization": f"Bearer {key}"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    try:
        with urllib.request.urlopen(urllib.request.Request(base_url + path, data, sent), timeout=30) as reply:
            return reply.status, dict(reply.headers), json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), json.loads(error.read())
