"""OTLP: a batch counts as taken once the receiver said so for every signal, and the receiver decodes every record of it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from structlog.testing import capture_logs

from audit.address import Address
from audit.following import Entry, news
from audit.ledger import Ledger
from audit.model import Draft
from proxy.followers import NotTaken
from proxy.outlets.otlp import OtlpSink, Receiver
from proxy.outlets.tls_line import context_of
from tests.audit.exports.samples import ANSWERED, ASKED, NOTED
from tests.audit.exports.test_otel import told
from tests.proxy.outlets import receivers
from tests.proxy.outlets.certificates import papers

pytestmark = pytest.mark.anyio


@pytest.fixture
def ledger(tmp_path: Path) -> Address:
    """Two exchanges that ended, one of them in a batch after its question."""
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.start()
    for name in ("x-1", "x-2"):
        ledger.append_now(Draft("asked", name, ASKED, "[PERSON_1_k7q2]様"))
        ledger.append_now(Draft("answered", name, ANSWERED, "はい"))
    ledger.append_now(Draft("noted", None, NOTED))
    ledger.stop()
    return ledger.address


class Collector:
    """What was posted, decoded; answers with ``status``, and a body."""

    def __init__(self) -> None:
        self.logs: list[Any] = []
        self.spans: list[Any] = []
        self.headers: list[Mapping[str, str]] = []
        self.statuses: list[int] = []
        self.largest = 10**9
        self.answer = b""

    async def taken(self, request: web.Request) -> web.Response:
        raw = await request.read()  # aiohttp has unpacked it
        self.headers.append(dict(request.headers))
        status = self.statuses.pop(0) if self.statuses else 200
        if len(raw) > self.largest:
            status = 413
        if status == 200 and request.path == "/v1/logs":
            (resource,) = ExportLogsServiceRequest.FromString(raw).resource_logs
            self.logs += resource.scope_logs[0].log_records
        elif status == 200:
            assert request.path == "/v1/traces"
            (resource,) = ExportTraceServiceRequest.FromString(raw).resource_spans
            self.spans += resource.scope_spans[0].spans
        return web.Response(body=self.answer, status=status, content_type="application/x-protobuf")

    @asynccontextmanager
    async def open(self, context: Any = None) -> AsyncIterator[str]:
        app = web.Application(client_max_size=10**9)
        app.router.add_post("/v1/{signal}", self.taken)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        try:
            port = runner.addresses[0][1]
            yield f"{'https' if context else 'http'}://127.0.0.1:{port}"
        finally:
            await runner.cleanup()


def entries(ledger: Address) -> list[Entry]:
    return list(news(ledger, {}).entries)


async def give(url: str, ledger: Address, *batches: list[Entry], **more: Any) -> OtlpSink:
    sink = OtlpSink(replace(Receiver(url, timeout=2.0), **more), ledger)
    try:
        for batch in batches:
            await sink.take(batch)
    finally:
        await sink.close()
    return sink


@pytest.mark.requirement("R51")
async def test_a_receiver_decodes_every_record_and_every_exchange_over_tls(
    ledger: Address, tmp_path: Path
) -> None:
    own, collector, every = papers(tmp_path / "p"), Collector(), entries(ledger)
    context = receivers.context_of(str(own.server), str(own.server_key), str(own.ca))
    async with collector.open(context) as url:
        mine = context_of(own.ca, own.client, own.client_key)
        await give(
            url, ledger, every[:1], every[1:], context=mine, headers=lambda: {"authorization": "Bearer t"}
        )
    assert [told(log)["log.record.uid"] for log in collector.logs] == [entry.id for entry in every]
    assert [told(span)["sekisho.exchange"] for span in collector.spans] == ["x-1", "x-2"]
    assert all(told(span)["user.id"] == "100123" for span in collector.spans), (
        "the question was found in the ledger"
    )
    assert {headers["Authorization"] for headers in collector.headers} == {"Bearer t"}
    assert "k7q2" not in str(collector.logs) + str(collector.spans), "no text unless it is asked for"


async def test_texts_and_signals_are_as_asked(ledger: Address) -> None:
    collector = Collector()
    async with collector.open() as url:
        await give(url, ledger, entries(ledger), texts=True, signals=("traces",))
    assert (
        collector.logs == []
        and "k7q2" in str(collector.spans[0])
        and "はい" in told(collector.spans[0])["gen_ai.output.messages"]
    )


@pytest.mark.parametrize("status", [302, 400, 401, 404, 429, 500, 503])
async def test_what_a_receiver_does_not_take_is_not_taken(ledger: Address, status: int) -> None:
    collector, every = Collector(), entries(ledger)
    async with collector.open() as url:
        collector.statuses = [200, status]
        with pytest.raises(NotTaken) as error:
            await give(url, ledger, every)
        assert error.value.trouble == f"receiver_answered_{status}"
        await give(url, ledger, every)
    logs = [told(log)["log.record.uid"] for log in collector.logs]
    assert set(logs) == {entry.id for entry in every} and len(logs) == 2 * len(every), (
        "twice, by the same ids"
    )
    assert len(collector.spans) == 2


async def test_a_batch_that_is_too_large_goes_in_parts(ledger: Address) -> None:
    collector, every = Collector(), entries(ledger)
    collector.largest = 9_000
    async with collector.open() as url:
        await give(url, ledger, every * 8)
    assert len(collector.logs) == 8 * len(every) and len(collector.headers) > 4
    collector.largest = 10
    async with collector.open() as url:
        with pytest.raises(NotTaken, match="receiver_answered_413"):
            await give(url, ledger, every[:1])


async def test_what_a_receiver_rejects_of_a_batch_is_told_by_number_alone(ledger: Address) -> None:
    collector = Collector()
    said = ExportLogsPartialSuccess(rejected_log_records=2, error_message="person 100123 is bad")
    collector.answer = ExportLogsServiceResponse(partial_success=said).SerializeToString()
    async with collector.open() as url:
        with capture_logs() as logged:
            await give(url, ledger, entries(ledger), signals=("logs",))
    assert [(line["count"], line["signal"]) for line in logged] == [(2, "logs")] and "100123" not in str(
        logged
    )


async def test_a_secret_that_cannot_be_read_any_more_is_told_by_a_code(
    ledger: Address, tmp_path: Path
) -> None:
    def gone() -> Mapping[str, str]:
        return {"authorization": (tmp_path / "gone").read_text()}

    with pytest.raises(NotTaken, match="secret_unreadable"):
        await give("http://127.0.0.1:9", ledger, entries(ledger), headers=gone)


async def test_nobody_there_and_nobody_who_answers(ledger: Address, tmp_path: Path) -> None:
    with pytest.raises(NotTaken, match="receiver_unreachable"):
        await give("http://127.0.0.1:9", ledger, entries(ledger))

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        finally:
            writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(NotTaken, match="receiver_silent"):
        await give(url, ledger, entries(ledger), timeout=0.3)
    server.close()
    own, others = papers(tmp_path / "p"), papers(tmp_path / "o")
    async with Collector().open(receivers.context_of(str(own.server), str(own.server_key), None)) as url:
        with pytest.raises(NotTaken, match="receiver_not_trusted"):
            await give(url, ledger, entries(ledger), context=context_of(others.ca, None, None))
