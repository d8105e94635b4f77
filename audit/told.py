"""What readers are told of records, cards and exchanges, as JSON values: the same at the terminal and over HTTP. Pure."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audit.model import Record
    from audit.review import Timeline

MILLIONTHS = 1_000_000
"""Yen are kept in so many parts."""


def record_told(record: "Record") -> dict[str, Any]:
    """A record; its body as the object that it is."""
    return {
        "writer": record.writer,
        "index": record.index,
        "at": record.at,
        "kind": record.kind,
        "exchange": record.exchange,
        "body": json.loads(record.body),
        "text_commitment": record.text_commitment,
        "hash": record.hash,
    }


def card_told(card: Mapping[str, Any]) -> dict[str, Any]:
    """A card of the catalogue: ``cost_yen`` is a decimal word, ``class`` the confidentiality."""
    told = dict(card)
    told["class"] = told.pop("confidentiality")
    return told | {"cost_yen": yen_told(told.pop("yen"))}


def yen_told(yen: int | None) -> str | None:
    """Millionths of a yen as a decimal word, ``0.012300``."""
    return None if yen is None else f"{yen // MILLIONTHS}.{yen % MILLIONTHS:06}"


def timeline_told(shown: "Timeline") -> dict[str, Any]:
    """One exchange from its question to the last look at it."""
    return {
        "card": card_told(shown.card),
        "asked": record_told(shown.asked),
        "ending": record_told(shown.ending) if shown.ending else None,
        "text": {"asked": shown.asked_text, "answer": shown.answer_text},
        "events": [record_told(record) for record in shown.events],
    }
