"""A card of the catalogue: what is known of one exchange, in columns that can be asked for. Pure.

Everything on it stands in the ledger's records; nothing is judged here but the severity.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any

from audit.catalogue.grams import folded, said_in, spoken
from audit.catalogue.severity import SEVERITIES, severity_of
from audit.model import Record
from audit.told import MILLIONTHS

TAGS = ("rule", "entity", "alarm")
"""What an exchange may have several of."""
DRILL = "drill"
"""A tag, too: the drill that it is of. Nothing is counted by it, and what has it is in no count."""

_NUMBERED = re.compile(r"\[([A-Z_]+)_[0-9]+_[0-9a-z]+\]")
_SHORTEST = 20
"""Characters of a text that is worth comparing between persons: a greeting is no campaign."""


@dataclass(frozen=True, slots=True)
class Card:
    """One exchange. ``at`` is when it was asked, UTC; ``outcome`` its ending's kind, ``open`` while there is none.

    department, section, …  as the asked record has them; None where it has none
    tokens                  of question and answer together; None where nobody counted
    yen                     in millionths; None where there is no price
    severity                a place in `SEVERITIES`
    campaign                the same for exchanges whose last masked text is the same, whoever asked; None for short ones
    """

    exchange: str
    at: str
    writer: str
    asked: int
    ended: int | None
    outcome: str
    person: str | None
    department: str | None
    section: str | None
    actor: str | None
    tool: str | None
    model: str | None
    category: str | None
    confidentiality: str | None
    verdict: str | None
    reason: str | None
    egress: str | None
    conversation: str | None
    use_case: str | None
    tokens: int | None
    yen: int | None
    severity: int
    campaign: str | None
    is_test: bool
    tags: frozenset[tuple[str, str]]


def card_of(asked: Record, text: str | None, ending: Record | None) -> Card:
    """The card of an exchange; ``text`` is that of its asked record, None where it has none any more."""
    assert asked.exchange is not None
    body = json.loads(asked.body)
    ended = json.loads(ending.body) if ending else {}
    caller = body.get("caller") or {}
    return Card(
        exchange=asked.exchange,
        at=asked.at,
        writer=asked.writer,
        asked=asked.index,
        ended=ending.index if ending else None,
        outcome=ending.kind if ending else "open",
        person=caller.get("person"),
        department=caller.get("department"),
        section=caller.get("section"),
        actor=caller.get("actor"),
        tool=caller.get("tool"),
        model=body.get("model_requested"),
        category=body.get("category"),
        confidentiality=body.get("class_effective"),
        verdict=body.get("verdict"),
        reason=ended.get("reason"),
        egress=ended.get("egress_state"),
        conversation=body.get("conversation"),
        use_case=body.get("use_case"),
        tokens=_tokens(ended),
        yen=_yen(ended.get("cost_yen")),
        severity=SEVERITIES.index(severity_of(body, ended if ending else None)),
        campaign=campaign_of(text) if text else None,
        is_test=bool(body.get("is_test")),
        tags=frozenset(_tags(body)),
    )


def campaign_of(text: str) -> str | None:
    """The same for texts whose last words are the same once masked, though their placeholders are never the same."""
    words = folded(_NUMBERED.sub(r"[\1]", _last_words(text)))
    return sha256(words.encode()).hexdigest()[:32] if len(words) >= _SHORTEST else None


def _last_words(text: str) -> str:
    """What was said last: in a conversation the newest turn, else everything."""
    try:
        request = json.loads(text).get("request")
    except (ValueError, AttributeError, RecursionError):
        return text
    if not isinstance(request, dict):
        return spoken(text)
    turns = request.get("messages") or request.get("input")
    last = turns[-1] if isinstance(turns, list) and turns else request if turns is None else turns
    return said_in(_words(last))


def _words(turn: Any) -> Any:
    """Of a turn what was said; not whose it is."""
    if isinstance(turn, dict) and "content" in turn:
        return turn["content"]
    return turn


def _tags(asked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for rule in asked.get("rules", ()):
        yield "rule", rule["id"] if isinstance(rule, dict) else str(rule)
    for entity in asked.get("entities", ()):
        yield "entity", entity
    for alarm in asked.get("alarms", ()):
        yield "alarm", alarm
    if asked.get("drill"):
        yield DRILL, asked["drill"]


def _tokens(ending: Mapping[str, Any]) -> int | None:
    counted = ending.get("tokens")
    return counted["input"] + counted["output"] if isinstance(counted, dict) else None


def _yen(cost: str | None) -> int | None:
    return None if cost is None else int(Decimal(cost) * MILLIONTHS)
