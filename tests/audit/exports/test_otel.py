"""Records as OTLP, read back by the official messages: each version of the conventions has its own names, and no text."""

import json
import re
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as listed

from audit.exports.flat import id_of
from audit.exports.otel import CONVENTIONS, Exchange, Version, logs, traces
from tests.audit.exports.samples import ASKED, EVERY, body_of, leaves, record
from tests.audit.exports.test_flat import PAGE

TEXT = json.dumps({"request": {"messages": [{"role": "user", "content": "[PERSON_1_k7q2]様へ"}]}})
WHOLE = Exchange(EVERY[0], EVERY[1], TEXT, '[{"content":"はい"}]')


def value_of(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(one) for one in value.array_value.values]
    return getattr(value, kind)


def told(one: Any) -> dict[str, Any]:
    keys = [attribute.key for attribute in one.attributes]
    assert len(set(keys)) == len(keys), "each key once"
    return {attribute.key: value_of(attribute.value) for attribute in one.attributes}


def read_logs(version: Version = "1.41.0", text: str | None = None) -> list[Any]:
    raw = logs([(one, text) for one in EVERY], "h", version).SerializeToString()
    (resource,) = ExportLogsServiceRequest.FromString(raw).resource_logs
    assert told(resource.resource) == {"service.name": "sekisho", "host.name": "h"}
    (scope,) = resource.scope_logs
    assert scope.schema_url == f"https://opentelemetry.io/schemas/{version}"
    return list(scope.log_records)


def read_span(one: Exchange, version: Version = "1.41.0") -> Any:
    raw = traces([one], "h", version).SerializeToString()
    return ExportTraceServiceRequest.FromString(raw).resource_spans[0].scope_spans[0].spans[0]


@pytest.mark.requirement("R51")
def test_every_record_is_a_log_that_names_it_and_holds_it() -> None:
    made = read_logs()
    assert [told(log)["log.record.uid"] for log in made] == [id_of(one) for one in EVERY]
    for log, one in zip(made, EVERY, strict=True):
        assert json.loads(log.body.string_value) == body_of(one) and told(log)["sekisho.hash"] == one.hash
        assert log.time_unix_nano % 10**9 == 123456000 and (log.trace_id != b"") is (one.exchange is not None)
    assert made[0].event_name == "sekisho.asked" and made[13].event_name == "sekisho.people.entered"
    assert [made[n - 1].severity_text for n in (1, 5, 10, 12, 15)] == [
        "ERROR",
        "WARN",
        "FATAL",
        "INFO",
        "ERROR",
    ]


def places_of_the_page() -> list[tuple[str, str, str]]:
    table = PAGE.read_text("utf-8").split("## 項目 / Fields")[1].split("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.split("|")] for line in table.splitlines() if line.startswith("| `")
    ]
    return [
        (name, row[2], row[6])
        for row in rows
        for name in re.findall("`([^`]+)`", row[1])
        if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", row[6])
    ]


@pytest.mark.parametrize(("field", "where", "name"), places_of_the_page())
def test_a_field_has_the_attribute_that_the_page_names(field: str, where: str, name: str) -> None:
    index = {"reason": 8, "error": 8, "viewed": 12, "noted": 14}.get(
        field, {"viewed": 12, "noted": 14}.get(where, 0)
    )
    logged = read_logs()
    found = [told(logged[index - 1])] if index else [told(logged[0]) | told(logged[1])]
    assert found[0].get(name) not in (None, "", []), (field, name)


def test_a_span_is_an_exchange_from_its_question_to_its_ending_within_the_tool_s_trace() -> None:
    span = read_span(WHOLE)
    assert (span.name, span.kind, span.status.code) == ("chat gpt-5", 3, 0)
    assert (
        span.trace_id.hex() == "ab" * 16 and span.parent_span_id.hex() == "cd" * 8 and len(span.span_id) == 8
    )
    assert read_span(WHOLE) == span, "sent twice, the same twice"
    assert {log.span_id for log in read_logs()[:2]} == {span.span_id}
    got = told(span)
    assert (got["gen_ai.usage.input_tokens"], got["gen_ai.request.temperature"]) == (12, 1.0)
    assert got["gen_ai.output.type"] == "json" and got["user.roles"] == ["staff_member", "staff"]
    assert (
        got["sekisho.entities.PERSON"] == 3
        and got["sekisho.outcome"] == "answered"
        and "error.type" not in got
    )
    failed = read_span(Exchange(EVERY[6], EVERY[7]))
    assert (failed.status.code, failed.status.message, told(failed)["error.type"]) == (
        2,
        "upstream_error",
        "KeyError",
    )
    assert failed.trace_id != bytes(16) and failed.parent_span_id == b"", "a trace of its own"
    refused = read_span(Exchange(EVERY[4], EVERY[5]))
    assert refused.kind == 1 and told(refused)["error.type"] == "policy_denied", "nothing was sent"


def test_an_ending_whose_question_is_gone_is_a_span_all_the_same() -> None:
    span = read_span(Exchange(None, EVERY[1]))
    assert span.end_time_unix_nano - span.start_time_unix_nano == 1234 * 10**6


@pytest.mark.parametrize("version", CONVENTIONS)
def test_each_version_has_its_own_names_and_no_other(version: Version) -> None:
    got = told(read_span(WHOLE, version))
    newer = {"gen_ai.embeddings.dimension.count"} if version != "1.36.0" else set()
    newest = (
        {"gen_ai.request.stream", "gen_ai.response.time_to_first_chunk"} if version == "1.41.0" else set()
    )
    names = {name for name in got if name.startswith("gen_ai.") and "messages" not in name}
    provider = "gen_ai.system" if version == "1.36.0" else "gen_ai.provider.name"
    assert got[provider] == "azure.ai.openai" and names & {"gen_ai.system", "gen_ai.provider.name"} == {
        provider
    }
    known = {
        "gen_ai.embeddings.dimension.count",
        "gen_ai.request.stream",
        "gen_ai.response.time_to_first_chunk",
    }
    assert names & known == newer | newest
    assert ("sekisho.ttfb_ms" in got) and ("gen_ai.input.messages" in got) is (version != "1.36.0")


def test_the_names_are_those_of_opentelemetry_s_own_list() -> None:
    """opentelemetry-semantic-conventions, as it was when GenAI moved out of it, lists them all."""
    known = {value for name, value in vars(listed).items() if name.startswith("GEN_AI_")}
    for version in CONVENTIONS:
        used = {name for name in told(read_span(WHOLE, version)) if name.startswith("gen_ai.")}
        assert used <= known, version


def test_no_text_leaves_unless_it_is_given() -> None:
    bare = Exchange(EVERY[0], EVERY[1])
    assert "messages" not in " ".join(told(read_span(bare))) + " ".join(told(read_logs()[0]))
    messages = json.loads(told(read_span(WHOLE))["gen_ai.input.messages"])
    assert messages == [{"role": "user", "parts": [{"type": "text", "content": "[PERSON_1_k7q2]様へ"}]}]
    assert json.loads(told(read_span(WHOLE))["gen_ai.output.messages"])[0]["role"] == "assistant"
    assert "k7q2" not in str(read_logs("1.36.0", TEXT)) and "k7q2" in str(read_logs("1.41.0", TEXT))


def test_every_word_and_number_is_an_attribute_of_the_span() -> None:
    got = json.dumps(told(read_span(WHOLE)), ensure_ascii=False)
    every = [leaf for body in (EVERY[0], EVERY[1]) for leaf in leaves(body_of(body)) if isinstance(leaf, str)]
    assert [leaf for leaf in every if leaf not in got and leaf not in ("azure",)] == []


def test_a_number_that_no_protobuf_holds_is_told_in_letters() -> None:
    raw = logs([(record("asked", ASKED | {"characters": 2**70}), None)], "h").SerializeToString()
    log = ExportLogsServiceRequest.FromString(raw).resource_logs[0].scope_logs[0].log_records[0]
    assert told(log)["sekisho.characters"] == str(2**70)
