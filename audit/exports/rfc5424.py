r"""A record as a syslog message (RFC 5424), and messages as a stream (octet counting, RFC 6587 3.4.1 and RFC 5425 4.3). Pure.

    312 <110>1 2026-11-23T05:21:00.123456Z sekisho.example.lg.jp sekisho w20261123T052100Z-4f9c2a asked
        [sekisho@32473 record="w20261123T052100Z-4f9c2a/1" kind="asked" exchange="01KC…" hash="90ab…"][meta sequenceId="1"] BOM{…}

(on one line, the BOM as its three bytes). MSG is the whole record as JSON (jsonl_form.py), or a line of CEF. `record` is
the same when a message is sent twice. 32473 is the number that RFC 5612 keeps for examples: a city with a number of its own
says so in outlets.yaml.

Safe: more parameters in sekisho@…. Never: another meaning for one of them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from audit.catalogue.severity import Severity
from audit.exports import cef, jsonl_form
from audit.exports.flat import id_of
from audit.exports.urgency import urgency_of
from audit.model import Record

Content = Literal["json", "cef"]

FACILITIES = {
    "auth": 4, "authpriv": 10, "audit": 13, "alert": 14,
    **{f"local{n}": 16 + n for n in range(8)},
}  # fmt: skip
"""``audit`` (13) is RFC 5424's "log audit"."""

SEVERITY: Mapping[Severity, int] = {"low": 6, "medium": 4, "high": 3, "critical": 2}
"""Informational, Warning, Error, Critical."""

BOM = b"\xef\xbb\xbf"
NIL = "-"
_MOST_SEQUENCE = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends. ``enterprise``: the number behind the @ of our structured data."""

    host: str
    facility: int = FACILITIES["audit"]
    enterprise: str = "32473"
    app: str = "sekisho"


def message(record: Record, sender: Sender, content: Content = "json", text: str | None = None) -> bytes:
    """The message. ``text``: the masked text, where texts are given out, in JSON only."""
    body = json.loads(record.body)
    priority = sender.facility * 8 + SEVERITY[urgency_of(record, body)]
    id = str(body.get("event")) if record.kind == "noted" else record.kind
    head = (
        f"<{priority}>1",
        record.at,
        _name(sender.host, 255),
        _name(sender.app, 48),
        _name(record.writer, 128),
        _name(id, 32),
        _structured(record, sender),
    )
    said = cef.line(record).encode("utf-8", "backslashreplace") if content == "cef" else _json(record, text)
    return " ".join(head).encode("utf-8", "backslashreplace") + b" " + BOM + said


def frame(message: bytes) -> bytes:
    """The message as it goes over a stream: its length in bytes, a space, and itself."""
    return b"%d %s" % (len(message), message)


def _json(record: Record, text: str | None) -> bytes:
    return jsonl_form.line(record, text).rstrip(b"\n")


def _name(word: str, longest: int) -> str:
    """PRINTUSASCII, so long at most; NILVALUE where nothing is left."""
    return "".join(letter for letter in word if "!" <= letter <= "~")[:longest] or NIL


def _structured(record: Record, sender: Sender) -> str:
    own = {"record": id_of(record), "kind": record.kind, "exchange": record.exchange, "hash": record.hash}
    said = "".join(f' {name}="{_parameter(value)}"' for name, value in own.items() if value)
    sequence = (record.index - 1) % _MOST_SEQUENCE + 1
    return f'[sekisho@{sender.enterprise}{said}][meta sequenceId="{sequence}"]'


def _parameter(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
