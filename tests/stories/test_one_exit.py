"""One exit: from start to stop nothing but the configured upstream is ever contacted.

Where the settings name the city's directory, that is the second one, and no third: also stated here.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import directory, node

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ALONE = ["unshare", "--user", "--map-root-user", "--net"]
KNOCKS = {("tcp", "203.0.113.1", 53), ("udp", "203.0.113.2", 53), ("tcp", "2001:db8:1::1", 53)}


def may_have_a_network_of_its_own() -> bool:
    try:
        return subprocess.run([*ALONE, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.requirement("R69")
@pytest.mark.skipif(
    not may_have_a_network_of_its_own(), reason="this kernel gives an ordinary user no network namespace"
)
def test_from_start_to_stop_only_the_upstream_and_a_named_directory_are_contacted(tmp_path: Path) -> None:
    node.installed(directory.SOURCE, directory.NEEDED)  # where there is a network for it
    seen_file, told_file = tmp_path / "seen.json", tmp_path / "told.json"
    command = [
        *ALONE,
        sys.executable,
        HERE / "quiet_network.py",
        seen_file,
        sys.executable,
        __file__,
        tmp_path,
        told_file,
    ]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    seen = {(kind, address, port) for kind, address, port in json.loads(seen_file.read_text())}
    assert seen >= KNOCKS, "the watch itself sees connections, datagrams and IPv6"
    ours = {("tcp", "127.0.0.1", port) for port in json.loads(told_file.read_text())}
    assert len(ours) == 4
    assert seen - KNOCKS == ours


def one_day(folder: Path) -> list[int]:
    """Run inside the quiet network: a demo with its upstream and the directory, and `serve` with litellm's demo model."""
    with directory.city_directory() as city:
        return [city.port, *_one_day(folder, city)]


def _one_day(folder: Path, city: directory.City) -> list[int]:
    from tests.approving import approving
    from tests.stories.conftest import Checkpoint
    from tests.stories.test_tokens_of_the_city import SETTINGS, enrol, register

    upstream = subprocess.Popen(
        [sys.executable, HERE / "upstream.py", folder], stdout=subprocess.PIPE, text=True
    )
    upstream_port = int(line_of(upstream))
    demo = start("demo", "--port", "0", "--upstream", f"http://127.0.0.1:{upstream_port}/v1", "--key", "sk-k",
                 "--dir", str(folder / "demo"), "--policy", str(approving(folder, "echo")),
                 SEKISHO_OIDC_ISSUER=city.issuer, **SETTINGS)  # fmt: skip
    told = json.loads(line_of(demo))
    demo_url = told["base_url"]
    serve_port = free_port()
    serve = start("serve", "--port", str(serve_port), SEKISHO_HOME=str(folder / "serve"))
    serve_url = f"http://127.0.0.1:{serve_port}/v1"
    for base_url in (demo_url, serve_url):
        until_ready(base_url)
    text = "山田太郎さん(taro@example.jp、090-1234-5678)へ"
    checkpoint = Checkpoint(**told, process=demo)
    enrol(checkpoint)
    register(checkpoint, directory.TOOL)
    for key in ("sk-k", city.token()):
        ask(demo_url, key, "echo", text)
    ask(serve_url, (folder / "serve" / "demo.key").read_text(), "sekisho-demo", text)
    for process in (demo, serve, upstream):
        process.terminate()
        process.wait(30)
    return [upstream_port, int(demo_url.split(":")[2].split("/")[0]), serve_port]


def start(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    import os

    return subprocess.Popen(
        [sys.executable, "-m", "proxy", *arguments],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_ready(base_url: str) -> None:
    import time
    import urllib.request

    for _ in range(300):
        try:
            urllib.request.urlopen(base_url.removesuffix("/v1") + "/readyz", timeout=5)
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("never ready")


def ask(base_url: str, key: str, model: str, text: str) -> None:
    import urllib.request

    for stream in (False, True):
        body: dict[str, Any] = {
            "model": model,
            "stream": stream,
            "messages": [{"role": "user", "content": text}],
        }
        request = urllib.request.Request(
            base_url + "/chat/completions", json.dumps(body).encode(), {"authorization": f"Bearer {key}"}
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            assert "山田" in reply.read().decode()


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(one_day(Path(sys.argv[1]))))
