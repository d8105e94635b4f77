"""Records with every field that a record has: what the forms of the exports are tried with."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from audit.chain import canonical
from audit.model import Kind, Record

WRITER = "w20261123T052100Z-4f9c2a"
EXCHANGE = "01KCQ2Z5XBQ6M1V0J9R8T7C4WD"
AT = "2026-11-23T05:21:00.123456Z"

CALLER: dict[str, Any] = {
    "person": "100123", "department": "都市創造部", "section": "道路課", "actor": "staff", "role": "staff_member",
    "audience": "staff", "identity": "authenticated", "enrolled": True, "trained": True, "acknowledged": True,
    "rules_accepted": "2026-04", "consented": False, "tool": "mail-helper", "key": "k-1", "address": "10.20.0.7",
}  # fmt: skip

ASKED: dict[str, Any] = {
    "schema": 3, "caller": CALLER, "operation": "chat", "trace_id": "ab" * 16, "span_id": "cd" * 8,
    "conversation": "c-1", "category": "mail_draft", "soumu_code": "メール文", "use_case": "UC-1", "class_declared": "1",
    "class_effective": "2", "is_test": True, "drill": "d-20261123-m4xz", "dialect": "chat", "decided_at": "2026-11-23T05:21:00+00:00",
    "class_detected": "2", "class_raised_by": ["R-1"], "zone": "lgwan", "model_requested": "gpt-5",
    "destination": "D2", "destination_effective": "D3", "model_registered": "gpt-*", "model_stage": "approved",
    "high_risk": True, "models_in_place": ["other"], "stream": True,
    "parameters": {"temperature": 1, "top_p": 0.5, "top_k": 4, "max_tokens": 99, "n": 2, "seed": 7, "dimensions": 256,
                   "response_format": "json_object"},
    "tools": ["find_letters"], "tools_unnamed": 1, "attachments": ["image"], "words": ["w-1"], "quota": "near",
    "emergency": "em-1", "purpose_stated": True, "characters": 400, "masked_characters": 390, "masked_bytes": 900,
    "entities": {"PERSON": 3, "JP_ADDRESS": 1}, "actions": {"PERSON": "masked", "JP_ADDRESS": "masked"},
    "detections": [{"type": "PERSON", "source": "names", "score_band": 0.9, "action": "masked", "count": 3}],
    "evidence": [{"type": "PERSON", "evidence": "dictionary", "count": 3}], "persons_estimated": 3, "persons_found": 3,
    "pairs_found": 1, "egress_prepared": "masked", "fields_left_out": ["logit_bias"], "verdict": "permit",
    "rules": [{"id": "P-05", "effects": ["allow"], "risks": ["OWASP-LLM02"]}], "decisive": ["P-05"],
    "confirmation": "cf-1", "revealed": ["ORGANIZATION"], "notices": ["P-12"], "alarms": ["P-16"], "would": "allow",
    "policy": "takatsuki", "policy_version": "2026.1", "policy_digest": "d" * 64,
    "original": {"conversation": "c-1", "key": "ok-1", "sha256": "e" * 64, "until": "2027-02-21"},
}  # fmt: skip

ANSWERED: dict[str, Any] = {
    "egress_state": "masked", "http_status": 200, "model_asked": "gpt-5", "destination_asked": "D2",
    "provider": "azure", "host": "ai.example.jp", "region": "japaneast", "upstream_status": 200, "tries": 2,
    "earlier_tries": [{"model": "other", "destination": "D2", "provider": None, "host": None, "region": None,
                       "upstream_status": 503, "error": "upstream_busy", "egress_state": "masked"}],
    "latency_ms": 1234, "cost_yen": "0.012", "price_since": "2026-04-01", "ttfb_ms": 250, "model_served": "gpt-5-0613",
    "response_id": "resp-1", "finish_reasons": ["stop"],
    "tokens": {"input": 12, "output": 34, "tokens_estimated": True}, "answer_characters": 50,
    "tool_calls": {"find_letters": 1}, "tool_calls_unknown": 2, "output_pii": {"PHONE": 1}, "output_masked": {"PHONE": 1},
    "output_links": 1, "output_searched": True, "vectors": 3,
}  # fmt: skip

FAILED = ANSWERED | {"reason": "upstream_error", "error": "KeyError", "http_status": 502}
REFUSED: dict[str, Any] = {"egress_state": "none", "reason": "policy_denied", "http_status": 403}
VIEWED: dict[str, Any] = {
    "what": "search", "filters": {"section": "道路課"}, "rows": 5, "os_user": "csirt", "reason": "月次の点検",
}  # fmt: skip
SEEN: dict[str, Any] = {
    "what": "show", "filters": {"exchange": EXCHANGE}, "rows": 2, "person": "100900", "role": "csirt_reviewer",
    "reason": "点検", "subject": "100123",
}  # fmt: skip
NOTED: dict[str, Any] = {"event": "people.entered", "by": "100900", "role": "operator", "person": "100123"}
ALERT: dict[str, Any] = {"event": "alert.raised", "by": "system", "alert": "al-1", "rule": "A-01", "count": 3}


def record(kind: Kind, body: Mapping[str, Any], index: int = 1, exchange: str | None = EXCHANGE) -> Record:
    """A record as the ledger would hold it; its hash is of the right form alone."""
    beside = kind in ("viewed", "noted")
    said = canonical(body)
    return Record(
        WRITER,
        index,
        AT,
        kind,
        None if beside else exchange,
        said,
        None if beside else "5f" * 32,
        hashlib.sha256(f"{index}{kind}{said}".encode()).hexdigest(),
    )


EVERY = (
    record("asked", ASKED),
    record("answered", ANSWERED, 2),
    record("asked", {"schema": 3, "caller": dict.fromkeys(CALLER), "operation": "unknown", "is_test": False}, 3, "x-2"),
    record("refused", {"egress_state": "none", "reason": "unknown_key", "http_status": 401}, 4, "x-2"),
    record("asked", ASKED | {"verdict": "refuse", "alarms": []}, 5, "x-3"),
    record("refused", REFUSED, 6, "x-3"),
    record("asked", ASKED | {"verdict": "confirm", "confirmations": ["cf-1"], "trace_id": None, "span_id": None}, 7, "x-4"),
    record("failed", FAILED, 8, "x-4"),
    record("asked", ASKED | {"caller": CALLER | {"actor": "robot", "address": "fd00::7", "department": None}}, 9, "x-5"),
    record("abandoned", {"egress_state": "unknown"}, 10, "x-5"),
    record("lost", {"egress_state": "unknown", "reason": "writer_gone"}, 11, "x-6"),
    record("viewed", VIEWED, 12),
    record("viewed", SEEN, 13),
    record("noted", NOTED, 14),
    record("noted", ALERT, 15),
    record("asked", {"caller": {"person": "sato", "section": "道路課"}, "operation": "embeddings", "rules": ["mask-all"]}, 16, "x-7"),
)  # fmt: skip
"""Of every kind; with everything, with nothing, and one of 0.1.0."""


def leaves(value: Any) -> list[Any]:
    """Every word and number of a body, wherever it stands; nulls are none."""
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in leaves(inner)]
    return [] if value is None else [value]


def body_of(one: Record) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(one.body)
    return body
