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
    id = str(body.get("event")) if record.kind == "noted" else record.kind
    facts = {"record": id_of(record), "kind": record.kind, "exchange": record.exchange, "hash": record.hash}
    said = cef.line(record).encode("utf-8", "backslashreplace") if content == "cef" else _json(record, text)
    sequence = f'[meta sequenceId="{(record.index - 1) % _MOST_SEQUENCE + 1}"]'
    what = What(urgency_of(record, body), record.at, record.writer, id)
    return composed(sender, what, _element(sender, facts) + sequence, said)


def alert(sender: Sender, what: "What", facts: Mapping[str, str | None], said: bytes) -> bytes:
    """The message about an alert: ``said`` is its JSON."""
    return composed(sender, what, _element(sender, facts), said)


@dataclass(frozen=True, slots=True)
class What:
    """What a message is about: how urgent, when, of which writer (NILVALUE where there is none), and which kind of thing."""

    urgency: Severity
    at: str
    writer: str
    id: str


def composed(sender: Sender, what: What, structured: str, said: bytes) -> bytes:
    """Header, structured data and MSG as one message."""
    head = (
        f"<{sender.facility * 8 + SEVERITY[what.urgency]}>1",
        what.at,
        _name(sender.host, 255),
        _name(sender.app, 48),
        _name(what.writer, 128),
        _name(what.id, 32),
        structured,
    )
    return " ".join(head).encode("utf-8", "backslashreplace") + b" " + BOM + said


def frame(message: bytes) -> bytes:
    """The message as it goes over a stream: its length in bytes, a space, and itself."""
    return b"%d %s" % (len(message), message)


def _json(record: Record, text: str | None) -> bytes:
    return jsonl_form.line(record, text).rstrip(b"\n")


def _name(word: str, longest: int) -> str:
    """PRINTUSASCII, so long at most; NILVALUE where nothing is left."""
    return "".join(letter for letter in word if "!" <= letter <= "~")[:longest] or NIL


def _element(sender: Sender, facts: Mapping[str, str | None]) -> str:
    said = "".join(f' {name}="{_parameter(value)}"' for name, value in facts.items() if value)
    return f"[sekisho@{sender.enterprise}{said}]"


def _parameter(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
