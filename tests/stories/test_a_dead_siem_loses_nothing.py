"""The receivers of a SIEM are killed, deaf and revived while clerks ask; so is the checkpoint. Nobody waits, nothing is lost.

Afterwards each receiver has every record that the ledger has, by its id, and what came twice has the same id.
"""

import base64
import json
import random
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from audit.address import Address
from tests.audit.exports.syslog_reader import read
from tests.audit.exports.test_otel import told
from tests.audit.ledgers import rows, soon
from tests.proxy.outlets.certificates import papers
from tests.proxy.outlets.receivers import Receiver
from tests.stories.served import OPEN, Clerks, free_port, nothing_was_lost, serve

PATIENCE = 10
"""Seconds that an outlet waits for its receiver."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    if request.param == "sqlite":
        return Address(tmp_path / "ledger.sqlite")
    return Address(url=request.getfixturevalue("postgres_url"))


@pytest.fixture
def siem(tmp_path: Path) -> Iterator[dict[str, Receiver]]:
    """A syslog server and a collector, and the file of outlets that names them."""
    own = papers(tmp_path / "papers")
    siem = {
        kind: Receiver(kind, free_port(), own, tmp_path / f"{kind}.received") for kind in ("syslog", "otlp")
    }
    ours = {
        "ca": str(own.ca),
        "certificate": str(own.client),
        "key": str(own.client_key),
        "timeout": PATIENCE,
    }
    outlets = [
        {"name": "siem", "kind": "syslog", "host": "127.0.0.1", "port": siem["syslog"].port, **ours},
        {"name": "otel", "kind": "otlp", "url": f"https://127.0.0.1:{siem['otlp'].port}", **ours},
    ]
    written = {"outlets": [one | {"begin": "first"} for one in outlets]}
    (tmp_path / "outlets.yaml").write_text(json.dumps(written, indent=1))
    yield siem
    for receiver in siem.values():
        receiver.kill()


def syslogged(receiver: Receiver) -> list[str]:
    messages = [read(base64.b64decode(line)) for line in receiver.lines() if line != b"!"]
    return [one.data["sekisho@32473"]["record"] for one in messages]


def collected(receiver: Receiver) -> tuple[list[str], list[str]]:
    """Ids of log records; exchanges of spans."""
    logs: list[str] = []
    spans: list[str] = []
    for line in receiver.lines():
        signal, _, raw = line.partition(b" ")
        if signal == b"logs":
            request: Any = ExportLogsServiceRequest.FromString(base64.b64decode(raw))
            for log in request.resource_logs[0].scope_logs[0].log_records:
                logs.append(told(log)["log.record.uid"])
        elif signal == b"traces":
            request = ExportTraceServiceRequest.FromString(base64.b64decode(raw))
            for span in request.resource_spans[0].scope_spans[0].spans:
                spans.append(told(span)["sekisho.exchange"])
    return logs, spans


def kept(ledger: Address) -> set[str]:
    return {f"{writer}/{idx}" for writer, idx in rows(ledger, "SELECT writer, idx FROM records")}


@pytest.mark.timeout(1800)
@pytest.mark.requirement("R51")
def test_receivers_killed_and_revived_at_any_moment_get_every_record(
    stage: ExitStack, ledger: Address, tmp_path: Path, upstream: Any, siem: dict[str, Receiver]
) -> None:
    dice = random.Random()
    outlets = str(tmp_path / "outlets.yaml")
    checkpoint = serve(stage, tmp_path, upstream, ledger, SEKISHO_OUTLETS=outlets)
    clerks = Clerks(checkpoint, "a")
    assert clerks.wait_for(200, 40), "nobody is there to receive, and exchanges go on"
    for _ in range(3):
        for receiver in siem.values():
            receiver.revive()
        time.sleep(1 + dice.random())
        for receiver in siem.values():
            receiver.kill()
        assert clerks.wait_for(200, 20)
    checkpoint.process.kill()  # what it had read and not given is given by the next
    checkpoint.process.wait()
    clerks.stop()
    first = clerks.answered
    for receiver in siem.values():
        receiver.revive()
    checkpoint = serve(stage, tmp_path, upstream, ledger, SEKISHO_OUTLETS=outlets)
    clerks = Clerks(checkpoint, "b")
    assert clerks.wait_for(200, 40)
    clerks.stop()
    assert not clerks.hung and set(clerks.answers) == {200}
    nothing_was_lost(ledger, upstream, Path(checkpoint.public_key), first + clerks.answered)
    assert soon(lambda: rows(ledger, OPEN) == [], 60)

    syslog, otlp = siem["syslog"], siem["otlp"]
    assert soon(lambda: set(syslogged(syslog)) >= kept(ledger), 150), "every record by syslog"
    assert soon(lambda: set(collected(otlp)[0]) >= kept(ledger), 150), "every record by OTLP"
    ended = {name for (name,) in rows(ledger, "SELECT exchange FROM records WHERE turn = 2")}
    assert soon(lambda: set(collected(otlp)[1]) >= ended, 60), "a span for every exchange"
    assert set(syslogged(syslog)) == kept(ledger) == set(collected(otlp)[0]), "and nothing that is not there"
    assert set(collected(otlp)[1]) == ended


@pytest.mark.timeout(600)
def test_receivers_that_take_the_call_and_say_nothing_hold_nobody_up(
    stage: ExitStack, tmp_path: Path, upstream: Any, siem: dict[str, Receiver]
) -> None:
    """Worse than one that is dead: it takes the call, and neither reads nor answers."""
    for receiver in siem.values():
        deaf = stage.enter_context(closing(socket.create_server(("127.0.0.1", receiver.port))))
        deaf.listen(64)
    ledger = Address(tmp_path / "ledger.sqlite")
    checkpoint = serve(stage, tmp_path, upstream, ledger, SEKISHO_OUTLETS=str(tmp_path / "outlets.yaml"))
    longest = 0.0
    for n in range(40):
        began = time.monotonic()
        assert checkpoint.say(f"{n}回目のお知らせを書いてください")[0] == 200
        longest = max(longest, time.monotonic() - began)
    assert longest < PATIENCE / 2, "nobody waited for a receiver"
    assert checkpoint.status("/readyz") == 200
    checkpoint.process.terminate()
    assert checkpoint.process.wait(PATIENCE * 2) == 0, "and it stops when it is told to"
