"""`sekisho serve` on an empty folder: everything is made, the demo model answers, the record can be seen."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A running `sekisho serve` on defaults: what it printed, and its folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEKISHO_")}
    home = tmp_path / "var"
    process = subprocess.Popen(
        [sys.executable, "-m", "proxy", "serve", "--port", "0"],
        cwd=ROOT,
        env=environment | {"SEKISHO_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    lines: list[str] = []
    while "audit verify" not in "".join(lines):
        lines.append(process.stdout.readline())
        assert lines[-1], "".join(lines)
    text = "".join(lines)
    _until_ready(re.search(r"http://[\d.:]+/v1", text)[0])  # type: ignore[index]
    yield text, home
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0, "being told to stop is no error"
    process.stdout.close()


def _until_ready(base_url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(base_url.removesuffix("/v1") + "/readyz", timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("never ready")


def test_a_newcomer_finds_key_request_and_record_in_what_is_printed(serving: Any) -> None:
    text, home = serving
    assert re.search("関所が動いています.*Sekisho is running", text)
    curl = next(line.strip() for line in text.splitlines() if line.strip().startswith("curl "))
    command = shlex.split(curl)
    url, body = next(a for a in command if a.startswith("http")), command[command.index("-d") + 1]
    key = next(a for a in command if a.startswith("Authorization")).split("Bearer ")[1]
    request = urllib.request.Request(url, body.encode(), {"authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=90) as reply:
        exchange = reply.headers["x-request-id"]
        answer = json.loads(reply.read())["choices"][0]["message"]["content"]
    sent = json.loads(body)["messages"][0]["content"]
    assert "これは言語モデルではありません" in answer
    assert sent in answer, "restored in the quotation"
    masked = answer.split("■")[1]
    assert "⟦PERSON_1_" in masked and "山田太郎" not in masked and "090-1234-5678" not in masked
    for name in ("search", "verify"):
        line = next(line.strip() for line in text.splitlines() if f"audit {name}" in line)
        done = subprocess.run(
            [sys.executable, "-m", "proxy", *shlex.split(line)[1:], "--json"],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        if name == "search":
            assert exchange in done.stdout
    assert oct((home / "secret").stat().st_mode)[-3:] == "600"
    assert oct((home / "signing.pem").stat().st_mode)[-3:] == "600"
    assert oct(home.stat().st_mode)[-3:] == "700"


def test_the_demo_model_streams_through_litellm_and_its_answer_is_restored(serving: Any, stage: Any) -> None:
    import openai

    text, home = serving
    client = stage.enter_context(
        openai.OpenAI(
            base_url=re.search(r"http://[\d.:]+/v1", text)[0],  # type: ignore[index]
            api_key=(home / "demo.key").read_text(),
            timeout=90,
        )
    )
    assert [model.id for model in client.models.list()] == ["sekisho-demo"]
    chunks = list(
        client.chat.completions.create(
            model="sekisho-demo",
            messages=[{"role": "user", "content": "担当は山田太郎です。"}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    said = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert said.count("担当は山田太郎です。") == 1 and len(chunks) > 10
    assert chunks[-1].usage and chunks[-1].usage.total_tokens > 0
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="gpt-x", messages=[{"role": "user", "content": "x"}])
    assert unknown.value.body["code"] == "model_not_found"  # type: ignore[index]


def test_a_port_in_use_and_a_broken_policy_end_with_one_sentence_and_status_2(
    sekisho: Any, tmp_path: Path, serving: Any
) -> None:
    port = re.search(r"127\.0\.0\.1:(\d+)/v1", serving[0])[1]  # type: ignore[index]
    taken = sekisho("serve", "--port", port, SEKISHO_HOME=str(tmp_path / "a"))
    assert taken.returncode == 2 and taken.stderr.count("\n") == 1 and port in taken.stderr
    broken = tmp_path / "city.yaml"
    broken.write_text("name: x\nrulez: []\n")
    bad = sekisho("serve", "--port", "0", SEKISHO_HOME=str(tmp_path / "b"), SEKISHO_POLICY=str(broken))
    assert bad.returncode == 2 and "city.yaml:2" in bad.stderr
    typo = sekisho("serve", SEKISHO_UPSTREEM="x")
    assert typo.returncode == 2 and "SEKISHO_UPSTREEM" in typo.stderr and "sekisho settings" in typo.stderr
