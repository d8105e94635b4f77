"""``sekisho outlets``: how far behind each outlet is, and whether somebody is there."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audit.address import Address
from audit.ledger import Ledger
from audit.model import Draft
from proxy.office.cursors import CursorBook
from proxy.office.store import Office
from proxy.outlets.commands import app
from tests.audit.exports.samples import ASKED
from tests.proxy.outlets.certificates import papers
from tests.proxy.outlets.receivers import Receiver
from tests.stories.served import free_port


@pytest.fixture
def siem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Receiver]]:
    own = papers(tmp_path / "papers")
    siem = {kind: Receiver(kind, free_port(), own, tmp_path / kind) for kind in ("syslog", "otlp")}
    ours = {"ca": str(own.ca), "certificate": str(own.client), "key": str(own.client_key), "timeout": 2}
    outlets = [
        {"name": "siem", "kind": "syslog", "host": "127.0.0.1", "port": siem["syslog"].port, **ours},
        {"name": "otel", "kind": "otlp", "url": f"https://127.0.0.1:{siem['otlp'].port}", **ours},
    ]
    (tmp_path / "outlets.yaml").write_text(json.dumps({"outlets": outlets}, indent=1))
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("SEKISHO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEKISHO_OUTLETS", str(tmp_path / "outlets.yaml"))
    yield siem
    for receiver in siem.values():
        receiver.kill()


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.stdout, done.stderr


def test_each_outlet_is_tried_without_giving_it_anything(siem: dict[str, Receiver]) -> None:
    assert run("try")[:2] == (1, "siem: receiver_unreachable\notel: receiver_unreachable\n")
    for receiver in siem.values():
        receiver.revive()
    deadline = time.monotonic() + 20
    while run("try")[0] != 0 and time.monotonic() < deadline:
        time.sleep(0.2)
    status, said, _ = run("try")
    assert status == 0 and said.count("ok") == 2 and run("try", "otel")[1].count("\n") == 1
    assert siem["syslog"].lines() == []
    assert run("try", "nobody")[0] == 2


def test_how_far_behind_each_is_is_shown(siem: dict[str, Receiver], tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "home" / "ledger.sqlite")
    ledger.start()
    for n in range(5):
        ledger.append_now(Draft("asked", f"x-{n}", ASKED))
    writer = str(ledger.writer)
    office = Office(Address(tmp_path / "home" / "office.sqlite"))
    book = CursorBook(office)
    assert book.take("outlet:siem", "me") is not None
    book.keep("outlet:siem", "me", {writer: 2})
    book.stumble("outlet:siem", "me", "receiver_silent")
    status, said, _ = run("list", "--json")
    first, second = json.loads(said)
    assert status == 0 and (first["name"], first["behind"], first["trouble"]) == (
        "siem",
        3,
        "receiver_silent",
    )
    assert (second["behind"], second["trouble"]) == (None, None)
    assert run("list")[0] == 0
    office.close()
    ledger.stop()


def test_without_outlets_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEKISHO_HOME", str(tmp_path))
    monkeypatch.delenv("SEKISHO_OUTLETS", raising=False)
    status, said, why = run("list")
    assert (status, said) == (2, "") and "SEKISHO_OUTLETS" in why


def test_the_command_is_there() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "proxy", "outlets", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0 and "try" in done.stdout
