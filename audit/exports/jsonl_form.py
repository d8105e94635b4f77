"""Records as JSON, one a line: all of each, as `sekisho audit show --json` and /audit/v1 tell it. Pure.

    {"record":"w20261123T052100Z-4f9c2a/1","writer":"w2026…","index":1,"at":"2026-11-23T05:21:00.123456Z","kind":"asked",
     "exchange":"01KC…","body":{"caller":{…}},"text_commitment":"5f0c…","hash":"90ab…","export":{"id":"e-…",…}}

(on one line). ``text`` is there where texts are given out and the record has one; ``export`` is the watermark.
"""

import json

from audit.exports.flat import id_of
from audit.exports.watermark import Watermark
from audit.model import Record
from audit.told import record_told

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def line(record: Record, text: str | None = None, mark: Watermark | None = None) -> bytes:
    """The record with its newline."""
    told = {"record": id_of(record)} | record_told(record)
    if text is not None:
        told["text"] = text
    if mark is not None:
        told["export"] = mark.plain()
    return (_encode(told) + "\n").encode("utf-8", "backslashreplace")
