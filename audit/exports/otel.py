"""Records as OpenTelemetry: a log record each, and a span an exchange, as messages of OTLP. Pure.

    log     event_name sekisho.answered, log.record.uid w20261123T052100Z-4f9c2a/2, body: the record's own body, whole
    span    "chat gpt-5", from the question to its ending, CLIENT; id made from the exchange: sent twice, the same twice

They are made from the ledger and not by instrumentation in the process, so that a receiver that was away gets every one.
The names of the GenAI attributes still change from version to version of the conventions; `CONVENTIONS` has one table for
each that we write, and a receiver is told in schema_url which it is:

    1.36.0   gen_ai.system; the last version before the names were reworked
    1.37.0   gen_ai.provider.name, gen_ai.embeddings.dimension.count
    1.41.0   gen_ai.request.stream and gen_ai.response.time_to_first_chunk, too

What has no name there is `sekisho.` and our own. Texts are left out unless they are asked for (1.37.0 and later); they are
masked all the same.

Safe: another version in `CONVENTIONS`. Never: another way to make the ids.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from audit.catalogue.severity import Severity
from audit.exports.flat import id_of
from audit.exports.urgency import urgency_of
from audit.model import Record
from audit.said import Said, said

if TYPE_CHECKING:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

Version = Literal["1.36.0", "1.37.0", "1.41.0"]
NEWEST: Version = "1.41.0"


@dataclass(frozen=True, slots=True)
class Convention:
    """What one version of the conventions calls things; None: it has no name for it.

    texts   whether masked texts have a place as attributes
    """

    provider: str
    dimensions: str | None
    stream: str | None
    first_chunk: str | None
    texts: bool

    @property
    def names(self) -> Mapping[str, str]:
        """Field of a record → attribute, for what is passed on as it is."""
        more = {"provider": self.provider, "parameters.dimensions": self.dimensions, "stream": self.stream}
        return _NAMES | {field: name for field, name in more.items() if name}


CONVENTIONS: Mapping[Version, Convention] = {
    "1.36.0": Convention("gen_ai.system", None, None, None, False),
    "1.37.0": Convention("gen_ai.provider.name", "gen_ai.embeddings.dimension.count", None, None, True),
    "1.41.0": Convention(
        "gen_ai.provider.name",
        "gen_ai.embeddings.dimension.count",
        "gen_ai.request.stream",
        "gen_ai.response.time_to_first_chunk",
        True,
    ),
}

_NAMES = {
    "caller.person": "user.id",
    "caller.address": "client.address",
    "conversation": "gen_ai.conversation.id",
    "model_requested": "gen_ai.request.model",
    "parameters.temperature": "gen_ai.request.temperature",
    "parameters.top_p": "gen_ai.request.top_p",
    "parameters.top_k": "gen_ai.request.top_k",
    "parameters.max_tokens": "gen_ai.request.max_tokens",
    "parameters.n": "gen_ai.request.choice.count",
    "parameters.seed": "gen_ai.request.seed",
    "model_asked": "gen_ai.request.model",
    "host": "server.address",
    "http_status": "http.response.status_code",
    "model_served": "gen_ai.response.model",
    "response_id": "gen_ai.response.id",
    "finish_reasons": "gen_ai.response.finish_reasons",
    "tokens.input": "gen_ai.usage.input_tokens",
    "tokens.output": "gen_ai.usage.output_tokens",
}
"""In every version. The model that was asked in the end is told over the one that the tool named, which stays `sekisho.`"""

_DOUBLES = frozenset({"gen_ai.request.temperature", "gen_ai.request.top_p", "gen_ai.request.top_k"})
_OPERATIONS = {"responses": "chat", "messages": "chat"}
"""Dialects of one operation that the conventions have a word for; the rest are their own word."""
_OUTPUTS = {"text": "text", "json": "json", "json_object": "json", "json_schema": "json"}
_PROVIDERS = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "vertex_ai": "gcp.vertex_ai",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""A model list's words for providers, where the conventions have another."""
_OTHER = "_OTHER"

_SEVERITY: Mapping[Severity, tuple[int, str]] = {
    "low": (9, "INFO"),
    "medium": (13, "WARN"),
    "high": (17, "ERROR"),
    "critical": (21, "FATAL"),
}
_ROLES = {"利用者": "user", "AI": "assistant", "前提": "system", "道具の結果": "tool"}
_SPAN_ERROR = 2
_SPAN_CLIENT, _SPAN_INTERNAL = 3, 1


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange for a span; ``asked`` None where its question is not kept any more."""

    asked: Record | None
    ending: Record
    asked_text: str | None = None
    answer_text: str | None = None


# ── ids ──────────────────────────────────────────────────────────────────────────────────────────


def trace_of(exchange: str, trace_id: str | None) -> bytes:
    """The trace that a tool named, else one of the exchange's own. 16 bytes."""
    return bytes.fromhex(trace_id) if trace_id else _made("trace", exchange, 16)


def span_of(exchange: str) -> bytes:
    """8 bytes."""
    return _made("span", exchange, 8)


def _made(what: str, exchange: str, size: int) -> bytes:
    return sha256(f"sekisho.otel.{what}.v1\n{exchange}".encode()).digest()[:size]


def nanos(at: str) -> int:
    """A moment of the ledger in nanoseconds since 1970."""
    moment = datetime.fromisoformat(at)
    return int(moment.replace(microsecond=0).timestamp()) * 10**9 + moment.microsecond * 1000


# ── logs ─────────────────────────────────────────────────────────────────────────────────────────


def logs(
    entries: Iterable[tuple[Record, str | None]], host: str, version: Version = NEWEST
) -> "ExportLogsServiceRequest":
    """A log record for each record. A text that is there is told; leave it out where it is not to be."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs, ScopeLogs

    made = [_log(record, text, version) for record, text in entries]
    within = ScopeLogs(scope=_scope(), log_records=made, schema_url=schema_url(version))
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=_resource(host), scope_logs=[within])]
    )


def _log(record: Record, text: str | None, version: Version) -> "LogRecord":
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

    body = json.loads(record.body)
    number, word = _SEVERITY[urgency_of(record, body)]
    event = str(body.get("event")) if record.kind == "noted" else record.kind
    own = {
        "log.record.uid": id_of(record),
        "sekisho.kind": record.kind,
        "sekisho.exchange": record.exchange,
        "sekisho.hash": record.hash,
        "sekisho.text_commitment": record.text_commitment,
    }
    if record.kind in ("viewed", "noted"):
        told = _of_a_note(body)
    else:
        told = _told(body, record.kind, version)
        if text is not None and CONVENTIONS[version].texts:
            told |= _texts(*((text, None) if record.kind == "asked" else (None, text)))
    log = LogRecord(
        time_unix_nano=nanos(record.at),
        observed_time_unix_nano=nanos(record.at),
        severity_number=number,  # type: ignore[arg-type]
        severity_text=word,
        event_name=f"sekisho.{event}",
        body=_any(record.body),
        attributes=_attributes(own | told),
    )
    if record.exchange is not None:
        log.trace_id, log.span_id = trace_of(record.exchange, body.get("trace_id")), span_of(record.exchange)
    return log


def _of_a_note(body: Mapping[str, Any]) -> dict[str, Any]:
    who = body.get("by") or body.get("person") or body.get("os_user")
    return {"user.id": who} | _flat({name: value for name, value in body.items() if name != "by"})


# ── spans ────────────────────────────────────────────────────────────────────────────────────────


def traces(
    exchanges: Iterable[Exchange], host: str, version: Version = NEWEST
) -> "ExportTraceServiceRequest":
    """A span for each exchange that has ended."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

    made = [_span(one, version) for one in exchanges]
    within = ScopeSpans(scope=_scope(), spans=made, schema_url=schema_url(version))
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=_resource(host), scope_spans=[within])]
    )


def _span(one: Exchange, version: Version) -> "Span":
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    ending, exchange = one.ending, one.ending.exchange
    assert exchange is not None
    asked: dict[str, Any] = json.loads(one.asked.body) if one.asked else {}
    ended: dict[str, Any] = json.loads(ending.body)
    end = nanos(ending.at)
    begin = nanos(one.asked.at) if one.asked else end - int(ended.get("latency_ms") or 0) * 10**6
    told = {
        "sekisho.exchange": exchange,
        "sekisho.record.asked": id_of(one.asked) if one.asked else None,
        "sekisho.record.ending": id_of(ending),
        "sekisho.outcome": ending.kind,
    }
    told |= _told(asked, "asked", version) | _told(ended, ending.kind, version)
    if CONVENTIONS[version].texts:
        told |= _texts(one.asked_text, one.answer_text)
    model = told.get("gen_ai.request.model")
    span = Span(
        trace_id=trace_of(exchange, asked.get("trace_id")),
        span_id=span_of(exchange),
        name=f"{told.get('gen_ai.operation.name', 'exchange')}{f' {model}' if model else ''}",
        kind=_SPAN_CLIENT if "tries" in ended else _SPAN_INTERNAL,  # type: ignore[arg-type]
        start_time_unix_nano=min(begin, end),
        end_time_unix_nano=end,
        attributes=_attributes(told),
    )
    if asked.get("trace_id") and asked.get("span_id"):
        span.parent_span_id = bytes.fromhex(asked["span_id"])
    if ending.kind != "answered":
        why = str(ended.get("reason") or ending.kind)
        span.status.code = _SPAN_ERROR  # type: ignore[assignment]
        span.status.message = why
    return span


# ── attributes ───────────────────────────────────────────────────────────────────────────────────


def _told(body: Mapping[str, Any], kind: str, version: Version) -> dict[str, Any]:
    """The attributes of one record of an exchange."""
    convention = CONVENTIONS[version]
    told = _flat(body)
    for field, name in convention.names.items():
        value = _within(body, field)
        if value is None:
            continue
        if field != "model_requested":
            told.pop(f"sekisho.{field}", None)
        told[name] = float(value) if name in _DOUBLES else value
    if "operation" in body:
        told["gen_ai.operation.name"] = _OPERATIONS.get(body["operation"], body["operation"])
    if convention.stream and told.get(convention.stream) is False:
        del told[convention.stream]  # told only where it is so
    if "tries" in body:
        provider = body.get("provider")
        told[convention.provider] = _PROVIDERS.get(provider, provider) if provider else _OTHER
    output = _OUTPUTS.get(str(_within(body, "parameters.response_format")))
    if output:
        told["gen_ai.output.type"] = output
    roles = [role for role in (_within(body, "caller.role"), _within(body, "caller.actor")) if role]
    if roles:
        told["user.roles"] = roles
    if convention.first_chunk and body.get("ttfb_ms") is not None:
        told[convention.first_chunk] = body["ttfb_ms"] / 1000
    if kind not in ("asked", "answered"):
        told["error.type"] = body.get("error") or body.get("reason") or kind
    return told


def _flat(body: Mapping[str, Any]) -> dict[str, Any]:
    """Every field under `sekisho.`: words and numbers by name, lists of words as they are, other lists as JSON."""
    return dict(_laid(body, "sekisho"))


def _laid(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from _laid(inner, f"{name}.{key}")
        case list() if not all(isinstance(one, str) for one in value):
            yield name, _encode(value)
        case None:
            return
        case _:
            yield name, value


def _within(body: Mapping[str, Any], field: str) -> Any:
    value: Any = body
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _texts(asked: str | None, answer: str | None) -> dict[str, Any]:
    """Masked texts as the conventions' messages, in JSON."""
    kept = {"gen_ai.input.messages": (asked, "user"), "gen_ai.output.messages": (answer, "assistant")}
    return {
        name: _encode([_message(one, default) for one in said(text)])
        for name, (text, default) in kept.items()
        if text is not None
    }


def _message(one: Said, default: str) -> dict[str, Any]:
    return {
        "role": _ROLES.get(one.by or "", default),
        "parts": [{"type": "text", "content": one.text}],
    }


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


# ── OTLP ─────────────────────────────────────────────────────────────────────────────────────────


def schema_url(version: Version) -> str:
    return f"https://opentelemetry.io/schemas/{version}"


def _resource(host: str) -> "Resource":
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

    return Resource(attributes=_attributes({"service.name": "sekisho", "host.name": host}))


def _scope() -> Any:
    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope

    return InstrumentationScope(name="sekisho.ledger")


def _attributes(told: Mapping[str, Any]) -> "list[KeyValue]":
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

    return [KeyValue(key=name, value=_any(value)) for name, value in told.items() if value is not None]


def _any(value: Any) -> "AnyValue":
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue

    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int() if -(2**63) <= value < 2**63:
            return AnyValue(int_value=value)
        case int():
            return AnyValue(string_value=str(value))
        case float():
            return AnyValue(double_value=value)
        case list():
            items: Sequence[Any] = value
            return AnyValue(array_value=ArrayValue(values=[_any(one) for one in items]))
        case _:
            return AnyValue(string_value=str(value))
