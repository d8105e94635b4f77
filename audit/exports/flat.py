"""A record as flat named columns: what spreadsheets and tables want. Pure.

    record    w20261123T052100Z-4f9c2a/1      one record, one name: what comes twice has the same
    at_jst    2026-11-23 14:21:00.123456      for people; `at` is the ledger's own, UTC
    verdict   permit                          a field of the body, by its name in docs/records.md; "." is "_"
    entities  {"PERSON":3}                    lists and maps as one line of JSON
    body      {"caller":…}                    the whole body as it is stored and hashed: nothing is lost

Safe: new columns at the end of a group's list below, before `text` and `body`. Never: another name or meaning for a
column that there is. A column is None where the record has no such field, or has null; `body` tells which.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from audit.chain import canonical
from audit.model import Kind, Record
from audit.months import JST

Cell = str | int | float | bool | None

RECORD = (
    "record", "writer", "index", "at", "at_jst", "kind", "exchange", "text_commitment", "hash",
)  # fmt: skip
"""Of the record itself."""

FIELDS = (
    # asked
    "schema", "caller.person", "caller.department", "caller.section", "caller.actor", "caller.role", "caller.audience",
    "caller.identity", "caller.enrolled", "caller.trained", "caller.acknowledged", "caller.rules_accepted",
    "caller.consented", "caller.tool", "caller.key", "caller.address", "operation", "trace_id", "span_id",
    "conversation", "category", "soumu_code", "use_case", "class_declared", "class_effective", "is_test", "drill",
    # decided
    "dialect", "decided_at", "class_detected", "class_raised_by", "zone", "model_requested", "destination",
    "destination_effective", "model_registered", "model_stage", "high_risk", "models_in_place", "stream", "parameters",
    "tools", "tools_unnamed", "attachments", "words", "quota", "emergency", "purpose_stated", "characters",
    "masked_characters", "masked_bytes", "entities", "actions", "detections", "evidence", "persons_estimated",
    "persons_found", "pairs_found", "egress_prepared", "fields_left_out", "verdict", "rules", "decisive", "confirmation",
    "confirmations", "revealed", "notices", "alarms", "would", "policy", "policy_version", "policy_digest", "original",
    # endings
    "egress_state", "reason", "error", "http_status", "model_asked", "destination_asked", "provider", "host", "region",
    "upstream_status", "tries", "earlier_tries", "latency_ms", "cost_yen", "price_since", "ttfb_ms", "model_served",
    "response_id", "finish_reasons", "tokens.input", "tokens.output", "tokens.tokens_estimated", "answer_characters",
    "tool_calls", "tool_calls_unknown", "output_pii", "output_masked", "output_links", "output_searched", "vectors",
    # looks and notes
    "what", "filters", "rows", "os_user", "person", "role", "subject", "event", "by",
)  # fmt: skip
"""Of the body, by the names of docs/records.md; a test holds them to that page."""

TEXT = "text"
BODY = "body"


def column_of(field: str) -> str:
    """``caller.person`` → ``caller_person``."""
    return field.replace(".", "_")


COLUMNS = (*RECORD, *map(column_of, FIELDS), TEXT, BODY)
"""Every column, in its order. ``text`` is the masked text where texts are given out, else None."""


def flat(record: Record, text: str | None = None) -> dict[str, Cell]:
    """The record by column, every column there."""
    body = json.loads(record.body)
    cells: dict[str, Cell] = {
        "record": id_of(record),
        "writer": record.writer,
        "index": record.index,
        "at": record.at,
        "at_jst": in_japan(record.at),
        "kind": record.kind,
        "exchange": record.exchange,
        "text_commitment": record.text_commitment,
        "hash": record.hash,
    }
    cells |= {column_of(field): _cell(_within(body, field)) for field in FIELDS}
    return cells | {TEXT: text, BODY: record.body}


def record_from(cells: Mapping[str, Any]) -> Record:
    """The record that these cells were made of: nothing was lost. Cells may all be text, as CSV has them."""
    kind: Kind = cells["kind"]
    return Record(
        cells["writer"],
        int(cells["index"]),
        cells["at"],
        kind,
        cells["exchange"] or None,
        cells[BODY],
        cells["text_commitment"] or None,
        cells["hash"],
    )


def id_of(record: Record) -> str:
    """The name of a record, the same in every form: ``w20261123T052100Z-4f9c2a/1``."""
    return f"{record.writer}/{record.index}"


def in_japan(at: str) -> str:
    """A moment as people in Japan read it; spreadsheets take it for one."""
    local = datetime.fromisoformat(at).astimezone(JST)
    return local.replace(tzinfo=None).isoformat(" ", "microseconds")


def _within(body: Mapping[str, Any], field: str) -> Any:
    value: Any = body
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _cell(value: Any) -> Cell:
    match value:
        case dict():
            return canonical(value)
        case list():
            return _LIST(value)
        case str() | bool() | int() | float() | None:
            return value
        case _:
            raise TypeError("what JSON cannot say")


_LIST = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
