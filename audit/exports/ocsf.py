"""A record as an event of OCSF 1.8.0 (schema.ocsf.io), by the column OCSF of docs/records.md. Pure.

    asked, and every ending   API Activity (6003)        a tool called the AI: Create where something is made, Read where not
    viewed                    Datastore Activity (6005)  somebody queried or read the ledger, which is a database
    noted                     API Activity (6003), Other beside the exchanges, somebody did something at the office's desk:
                                                         which book it changed differs from event to event

One event a record, so that none is lost: an exchange is two, with one metadata.correlation_uid. metadata.uid is the
record's own, and the same when an event is sent twice. What OCSF has no place for stands in `unmapped` under our names.

Safe: moving a field from `unmapped` to a place of OCSF's own in a newer version of OCSF, with `VERSION`. Never: another
metadata.uid for the same record.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from audit.exports.flat import id_of
from audit.exports.urgency import urgency_of
from audit.exports.watermark import Watermark
from audit.model import ENDINGS, Record

VERSION = "1.8.0"
PROFILES = ("ai_operation", "data_classification", "security_control", "trace")
"""Of API Activity."""
_LOOK_PROFILES = ("data_classification",)

_API = (6003, "API Activity")
_STORE = (6005, "Datastore Activity")
_ACTIVITIES = {0: "Unknown", 1: "Create", 2: "Read", 99: "Other"}
_STORE_ACTIVITIES = {1: "Read", 4: "Query"}
_MAKES = frozenset({"chat", "responses", "messages", "embeddings", "transcriptions"})
_ONLY_READS = frozenset({"models", "count_tokens"})
_ONE_THING = frozenset({"show", "original", "disclosure", "export", "backup"})
"""Looks at what is known beforehand; every other look is a question."""

_SEVERITY = {"low": 1, "medium": 3, "high": 4, "critical": 5}
_SEVERITIES = {1: "Informational", 3: "Medium", 4: "High", 5: "Critical"}
_UNKNOWN = "unknown"

_TAKEN = frozenset(
    {
        "caller", "operation", "dialect", "trace_id", "conversation", "class_effective", "is_test", "schema", "zone",
        "model_requested", "model_asked", "provider", "model_served", "host", "region", "policy", "policy_version",
        "policy_digest", "decisive", "high_risk", "reason", "error", "http_status", "latency_ms", "tokens", "response_id",
    }
)  # fmt: skip
"""Of an exchange: what has a place of OCSF's own, whole. Everything else, and whatever comes later, is `unmapped`."""
_OF_THE_CALLER = frozenset({"person", "department", "section", "actor", "role", "tool", "key", "address"})
_OF_THE_TOKENS = ("input", "output")


def event(record: Record, text: str | None = None, mark: Watermark | None = None) -> dict[str, Any]:
    """The event. ``text``: the masked text, where texts are given out; it is then raw_data."""
    body: dict[str, Any] = json.loads(record.body)
    if record.kind == "viewed":
        told = _look(body)
    elif record.kind == "noted":
        told = _note(record, body)
    else:
        told = _exchange(record, body)
    told["time"] = millis(record.at)
    told["metadata"] |= _metadata(record, mark)
    told["unmapped"] |= {"hash": record.hash, "writer": record.writer}
    told |= _raw(record, text)
    return told


def line(record: Record, text: str | None = None, mark: Watermark | None = None) -> bytes:
    """The event as one line of JSON."""
    return (_encode(event(record, text, mark)) + "\n").encode("utf-8", "backslashreplace")


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def millis(at: str) -> int:
    """A moment of the ledger in milliseconds since 1970, rounded down: OCSF's timestamp_t."""
    moment = datetime.fromisoformat(at)
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000


# ── exchanges ────────────────────────────────────────────────────────────────────────────────────


def _exchange(record: Record, body: dict[str, Any]) -> dict[str, Any]:
    caller, operation = body.get("caller") or {}, body.get("operation")
    activity = 1 if operation in _MAKES else 2 if operation in _ONLY_READS else 0
    if record.kind in ENDINGS:  # it does not say again what was called; what it tells of the answer does
        activity = 1 if "ttfb_ms" in body else 0
    told = _begun(_API, activity, _ACTIVITIES, _SEVERITY[urgency_of(record, body)])
    told |= {
        "actor": _actor(caller),
        "api": {"operation": operation or record.kind, "service": {"name": "sekisho"}},
        "src_endpoint": _source(caller, body),
        "metadata": {"profiles": list(PROFILES)},
        "unmapped": {name: value for name, value in body.items() if name not in _TAKEN},
    }
    rest = {name: value for name, value in caller.items() if name not in _OF_THE_CALLER and value is not None}
    if rest:
        told["unmapped"]["caller"] = rest
    _tell_verdict(told, body)
    _tell_model(told, body)
    if record.kind in ENDINGS:
        _tell_ending(told, record, body)
    if body.get("trace_id"):
        told["trace"] = {"uid": body["trace_id"]}
    context = _context(body)
    if context:
        told["message_context"] = context
        told["unmapped"] |= _less(body.get("tokens") or {}, _OF_THE_TOKENS)
    if body.get("class_effective"):
        known = {"confidentiality_id": 99, "confidentiality": str(body["class_effective"])}
        told["metadata"]["data_classifications"] = [known]
    labels = [name for name, told_by in (("test", "is_test"), ("drill", "drill")) if body.get(told_by)]
    if labels:
        told["metadata"]["labels"] = labels
    if "schema" in body:
        told["metadata"]["log_version"] = str(body["schema"])
    observables = _observables(body)
    if observables:
        told["observables"] = observables
    return told


def _begun(kind: tuple[int, str], activity: int, names: Mapping[int, str], severity: int) -> dict[str, Any]:
    uid, name = kind
    return {
        "category_uid": 6,
        "category_name": "Application Activity",
        "class_uid": uid,
        "class_name": name,
        "activity_id": activity,
        "activity_name": names[activity],
        "type_uid": uid * 100 + activity,
        "type_name": f"{name}: {names[activity]}",
        "severity_id": severity,
        "severity": _SEVERITIES[severity],
    }


def _actor(caller: Mapping[str, Any]) -> dict[str, Any]:
    """Who, by number and not by name; the tool and the number of its key."""
    user: dict[str, Any] = {}
    if caller.get("person"):
        robot = caller.get("actor") == "robot"
        user = {"uid": caller["person"], "type_id": 4 if robot else 1, "type": "Service" if robot else "User"}
        places = {"name": caller.get("department"), "ou_name": caller.get("section")}
        org = {name: place for name, place in places.items() if place}
        if "name" in org:
            user["org"] = org
        elif org:
            user["org"] = {"name": _UNKNOWN} | org
        groups = [{"name": caller[name], "type": name} for name in ("role", "actor") if caller.get(name)]
        if groups:
            user["groups"] = groups
    actor: dict[str, Any] = {"user": user} if user else {}
    for name, value in (("app_name", caller.get("tool")), ("app_uid", caller.get("key"))):
        if value:
            actor[name] = value
    return actor or {"app_name": _UNKNOWN}


def _source(caller: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    source = {"ip": caller["address"]} if caller.get("address") else {"name": _UNKNOWN}
    return source | ({"zone": body["zone"]} if body.get("zone") else {})


def _tell_verdict(told: dict[str, Any], body: Mapping[str, Any]) -> None:
    if "verdict" not in body:
        return
    action, disposition = _DECIDED.get(body["verdict"], (0, 0))
    if body["verdict"] == "permit" and "masked" in (body.get("actions") or {}).values():
        action, disposition = 4, 11
    if body.get("confirmations"):
        action, disposition = 1, 8
    told |= {"action_id": action, "action": _ACTIONS[action]}
    told |= {"disposition_id": disposition, "disposition": _DISPOSITIONS[disposition]}
    policy = {
        "uid": body.get("policy_digest"),
        "name": body.get("policy"),
        "version": body.get("policy_version"),
    }
    policy = {name: value for name, value in policy.items() if value}
    if policy:
        decisive = " ".join(body.get("decisive") or ())
        told["policy"] = policy | {"is_applied": True} | ({"desc": decisive} if decisive else {})
    risks = {
        risk for rule in body.get("rules") or () if isinstance(rule, dict) for risk in rule.get("risks", ())
    }
    if risks:
        told["risk_details"] = " ".join(sorted(risks))
    if body.get("high_risk") is not None:
        told |= {"risk_level_id": 3, "risk_level": "High"} if body["high_risk"] else {}
        told["unmapped"]["high_risk"] = body["high_risk"]


_DECIDED = {"permit": (1, 1), "confirm": (2, 14), "refuse": (2, 2)}
"""Confirm: a person is asked first, and until then nothing is sent."""
_ACTIONS = {0: "Unknown", 1: "Allowed", 2: "Denied", 4: "Modified"}
_DISPOSITIONS = {0: "Unknown", 1: "Allowed", 2: "Blocked", 8: "Approved", 11: "Corrected", 14: "Delayed"}


def _tell_model(told: dict[str, Any], body: Mapping[str, Any]) -> None:
    model = body.get("model_asked") or body.get("model_requested")
    if model:
        told["ai_model"] = {"name": model, "ai_provider": body.get("provider") or _UNKNOWN}
        if body.get("model_served"):
            told["ai_model"]["version"] = body["model_served"]
    if body.get("host"):
        told["dst_endpoint"] = {"hostname": body["host"]}
        if body.get("region"):
            told["dst_endpoint"]["location"] = {"region": body["region"]}
    elif body.get("region"):
        told["unmapped"]["region"] = body["region"]


def _tell_ending(told: dict[str, Any], record: Record, body: Mapping[str, Any]) -> None:
    answered = record.kind == "answered"
    told |= {"status_id": 1 if answered else 2, "status": "Success" if answered else "Failure"}
    if body.get("reason"):
        told["status_code"] = body["reason"]
    if body.get("error"):
        told["status_detail"] = body["error"]
    if body.get("http_status") is not None:
        told["http_response"] = {"code": body["http_status"]}
    if body.get("response_id"):
        told["api"]["response"] = {"data": {"id": body["response_id"]}}
    if body.get("latency_ms") is not None:
        told["duration"] = body["latency_ms"]
        told |= {"end_time": millis(record.at), "start_time": millis(record.at) - body["latency_ms"]}


def _context(body: Mapping[str, Any]) -> dict[str, Any]:
    """The conversation and its tokens."""
    tokens = body.get("tokens") or {}
    context: dict[str, Any] = {"uid": body["conversation"]} if body.get("conversation") else {}
    if tokens:
        given, made = tokens["input"], tokens["output"]
        context |= {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}
    return context | ({"service": {"name": "sekisho"}} if context else {})


def _observables(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was found, by type: how many different data there were. Never one of them."""
    return [
        {"name": f"unmapped.{field}.{kind}", "type_id": 99, "type": kind, "value": str(count)}
        for field in ("entities", "output_pii")
        for kind, count in (body.get(field) or {}).items()
    ]


# ── looks and notes ──────────────────────────────────────────────────────────────────────────────


def _look(body: dict[str, Any]) -> dict[str, Any]:
    """Somebody at the ledger, which is the database."""
    activity = 1 if body.get("what") in _ONE_THING else 4
    told = _begun(_STORE, activity, _STORE_ACTIVITIES, 1)
    filters = body.get("filters") or {}
    told |= {
        "type_id": 1,
        "type": "Database",
        "database": {"name": "sekisho ledger", "type_id": 1, "type": "Relational"},
        "actor": {"user": {"uid": str(body.get("person") or body.get("os_user") or _UNKNOWN)}},
        "src_endpoint": {"name": "terminal" if "os_user" in body else "sekisho", "svc_name": "sekisho"},
        "query_info": {"name": str(body.get("what") or _UNKNOWN), "query_string": _encode(filters)},
        "metadata": {"profiles": list(_LOOK_PROFILES), "event_code": str(body.get("what") or _UNKNOWN)},
        "status_id": 1,
        "status": "Success",
        "unmapped": _less(body, ("what", "filters")),
    }
    return told


def _note(record: Record, body: dict[str, Any]) -> dict[str, Any]:
    """What was done, by its name; who did it."""
    name = str(body.get("event") or _UNKNOWN)
    told = _begun(_API, 99, {99: name}, _SEVERITY[urgency_of(record, body)])
    told |= {
        "type_name": "API Activity: Other",
        "actor": {"user": {"uid": str(body.get("by") or _UNKNOWN)}},
        "api": {"operation": name, "service": {"name": "sekisho"}},
        "src_endpoint": {"name": "sekisho", "svc_name": "sekisho"},
        "metadata": {"profiles": list(PROFILES), "event_code": name},
        "unmapped": _less(body, ("event", "by")),
    }
    return told


def _less(body: Mapping[str, Any], taken: Iterable[str]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in set(taken)}


# ── every event ──────────────────────────────────────────────────────────────────────────────────


def _metadata(record: Record, mark: Watermark | None) -> dict[str, Any]:
    known: dict[str, Any] = {
        "version": VERSION,
        "product": {"name": "Sekisho", "vendor_name": "Sekisho", "lang": "ja"},
        "uid": id_of(record),
        "sequence": record.index,
        "original_time": record.at,
        "log_name": "sekisho ledger",
        "log_provider": "sekisho",
    }
    if record.exchange:
        known |= {"correlation_uid": record.exchange, "event_code": record.kind}
    if mark is not None:
        known["tags"] = [{"name": f"export.{name}", "value": value} for name, value in mark.plain().items()]
    return known


def _raw(record: Record, text: str | None) -> dict[str, Any]:
    told: dict[str, Any] = {} if text is None else {"raw_data": text}
    if record.text_commitment:
        kind = {"algorithm_id": 99, "algorithm": "SHA-256 with salt (sekisho.text.v1)"}
        told["raw_data_hash"] = kind | {"value": record.text_commitment}
    return told
