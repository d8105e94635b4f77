r"""A record as a line of ArcSight's Common Event Format, version 0. Pure.

    CEF:0|Sekisho|sekisho|3|answered|AIの返事|1|rt=1795411260123 externalId=w2026…/2 cs1=01KC… cs1Label=exchange …

A summary for rules of a SIEM: who, from where, which model, what was found and decided. It is no copy of the record: what
has no key of CEF's own is not here. `externalId` is the record, the same when a line is sent twice; `cs1` is the exchange,
and joins the question to its ending; `flexString1` is the record's hash.

In the header | and \ are escaped, in the extension = and \, and a line break is \n or \r: a line is one line.

Safe: more keys. Never: another meaning for one of the numbered keys.
"""

import ipaddress
import json
from collections.abc import Iterator, Mapping
from typing import Any

from audit.catalogue.severity import Severity
from audit.exports.flat import id_of
from audit.exports.ocsf import millis
from audit.exports.urgency import urgency_of
from audit.exports.watermark import Watermark
from audit.model import ENDINGS, Record

SEVERITY: Mapping[Severity, int] = {"low": 1, "medium": 5, "high": 8, "critical": 10}
"""CEF: 0–3 low, 4–6 medium, 7–8 high, 9–10 very high."""

NAMES = {
    "asked": "AIへの要求 / request to AI",
    "answered": "AIの返事 / answered",
    "refused": "送らなかった要求 / refused",
    "failed": "失敗した要求 / failed",
    "abandoned": "途中で切られた要求 / abandoned",
    "lost": "結末の分からない要求 / lost",
    "viewed": "台帳の閲覧 / ledger read",
    "noted": "台帳外のできごと / noted",
}
_LONGEST = 1_000
"""Characters of a value: most keys take 1,023."""
_SHORT = {"act": 63, "outcome": 63, "app": 31, "externalId": 40}
"""Keys that take fewer."""


def line(record: Record, mark: Watermark | None = None) -> str:
    """The line, without a newline."""
    body: dict[str, Any] = json.loads(record.body)
    what = str(body.get("event") or "noted") if record.kind == "noted" else record.kind
    head = (
        "CEF:0",
        "Sekisho",
        "sekisho",
        str(body.get("schema", "-")),
        what,
        NAMES[record.kind],
        str(SEVERITY[urgency_of(record, body)]),
    )
    fields = [*_of_the_record(record), *_told(record, body)]
    if mark is not None:
        fields += _labelled("flexString2", "export", mark.line())
    said = [(key, str(value)) for key, value in fields if value not in (None, "")]
    extension = " ".join(f"{key}={_value(value, _SHORT.get(key, _LONGEST))}" for key, value in said)
    return "|".join(map(_header, head)) + f"|{extension}"


def _header(field: str) -> str:
    one_line = " ".join(field.splitlines())
    return one_line.replace("\\", "\\\\").replace("|", "\\|")


def _value(value: str, longest: int) -> str:
    cut = value if len(value) <= longest else value[: longest - 1] + "…"
    escaped = cut.replace("\\", "\\\\").replace("=", "\\=")
    return escaped.replace("\r", "\\r").replace("\n", "\\n").strip(" ")


Field = tuple[str, Any]


def _of_the_record(record: Record) -> Iterator[Field]:
    yield "rt", millis(record.at)
    yield "externalId", id_of(record)
    yield "cat", record.kind
    yield from _labelled("cs1", "exchange", record.exchange)
    yield from _labelled("flexString1", "hash", record.hash)


def _told(record: Record, body: Mapping[str, Any]) -> Iterator[Field]:
    if record.kind == "viewed":
        yield from _look(body)
    elif record.kind == "noted":
        yield from _note(body)
    else:
        yield from _exchange(record, body)


def _exchange(record: Record, body: Mapping[str, Any]) -> Iterator[Field]:
    caller = body.get("caller") or {}
    yield "suid", caller.get("person")
    yield from _address(caller.get("address"))
    yield "sourceServiceName", caller.get("tool")
    yield "app", body.get("operation")
    yield "act", body.get("verdict")
    yield "reason", body.get("reason")
    yield "dhost", body.get("host")
    if record.kind in ENDINGS:
        yield "outcome", "success" if record.kind == "answered" else "failure"
    yield from _labelled("cs2", "rules", _words(body.get("decisive")))
    yield from _labelled("cs3", "entities", _counted(body.get("entities") or body.get("output_pii")))
    yield from _labelled("cs4", "model", body.get("model_asked") or body.get("model_requested"))
    section = " ".join(filter(None, (caller.get("department"), caller.get("section"))))
    yield from _labelled("cs5", "section", section)
    yield from _labelled("cs6", "egress", body.get("egress_state") or body.get("egress_prepared"))
    tokens = body.get("tokens") or {}
    yield from _labelled("cn1", "inputTokens", tokens.get("input"))
    yield from _labelled("cn2", "outputTokens", tokens.get("output"))
    yield from _labelled("cn3", "latencyMs", body.get("latency_ms"))


def _look(body: Mapping[str, Any]) -> Iterator[Field]:
    yield "suid", body.get("person") or body.get("os_user")
    yield "act", body.get("what")
    yield from _labelled("cs5", "role", body.get("role"))
    yield "reason", body.get("reason")
    yield "outcome", "success"
    yield from _labelled("cs2", "filters", json.dumps(body.get("filters") or {}, ensure_ascii=False))
    yield from _labelled("cn1", "rows", body.get("rows"))


def _note(body: Mapping[str, Any]) -> Iterator[Field]:
    yield "suid", body.get("by")
    yield "act", body.get("event")
    yield from _labelled("cs5", "role", body.get("role"))
    yield "reason", body.get("reason")
    rest = {name: value for name, value in body.items() if name not in ("event", "by", "role", "reason")}
    yield from _labelled("cs2", "facts", json.dumps(rest, ensure_ascii=False) if rest else None)


def _labelled(key: str, label: str, value: Any) -> Iterator[Field]:
    if value not in (None, ""):
        yield key, value
        yield f"{key}Label", label


def _address(address: str | None) -> Iterator[Field]:
    """`src` is for IPv4; IPv6 has a key of its own."""
    if address is None:
        return
    try:
        old = ipaddress.ip_address(address).version == 4
    except ValueError:
        return
    if old:
        yield "src", address
    else:
        yield from _labelled("c6a2", "sourceIPv6", address)


def _words(words: Any) -> str | None:
    return " ".join(map(str, words)) if words else None


def _counted(counts: Any) -> str | None:
    """``PERSON:3 PHONE:1``."""
    return " ".join(f"{kind}:{count}" for kind, count in counts.items()) if counts else None
