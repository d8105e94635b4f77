"""What the ledger is told of an exchange: the facts as it is asked, and as it ends. No personal text.

`watched` stands between provider and caller: it sees the masked answer go by and writes down what
it was, what it cost and how long it took, also when it breaks off in the middle.
"""

import re
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from audit.entry import Entry
from audit.model import EgressState
from policies.model import Confirm, Permit, Refuse, Verdict
from proxy.callers import Caller
from proxy.errors import UpstreamFailed
from proxy.surfaces.chat import ChatRequest, Chunk, Findings, Masked, counted, facts_of
from proxy.wire import dumps

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")
_TEXT_FIELDS = ("content", "reasoning_content", "reasoning", "refusal")


def asked(caller: Caller, request: ChatRequest, findings: Findings, verdict: Verdict) -> dict[str, Any]:
    """The body of an `asked` record: who, from where, what for, what was found, what was decided."""
    request.notices = tuple(rule.id for rule in verdict.notices)
    return about(caller) | {
        "operation": request.operation,
        "dialect": request.dialect,
        "model_requested": request.model,
        "destination": request.destination,
        "category": request.declared.category,
        "class_declared": request.declared.confidentiality_class,
        "stream": request.stream,
        "characters": request.characters,
        "entities": dict(sorted(counted(request.texts, findings).items())),
        "evidence": [
            {"type": fact.type, "evidence": fact.evidence, "count": fact.count}
            for fact in facts_of(request.texts, findings)
        ],
        "verdict": _verdict_name(verdict),
        "rules": [{"id": rule.id, "effects": list(rule.effects)} for rule in verdict.rules],
        "decisive": [rule.id for rule in verdict.decisive],
        "revealed": sorted(verdict.revealed),
        "notices": list(request.notices),
        "policy": verdict.policy,
        "policy_digest": verdict.digest,
    }


def about(caller: Caller) -> dict[str, Any]:
    """Who is asking, as every record says it."""
    return {
        "caller": {
            "person": caller.person,
            "key": caller.key,
            "tool": caller.tool,
            "department": caller.department,
            "section": caller.section,
            "actor": caller.actor,
            "identity": caller.identity,
        }
    }


async def watched(
    entry: Entry, answer: AsyncGenerator[Chunk], masked: Masked, account: dict[str, Any]
) -> AsyncGenerator[Chunk]:
    """The provider's answer, unchanged, with the entry told about it whatever happens.

    From the moment the provider is asked, what left counts as sent, unless the provider knows that
    not one byte did.
    """
    watch = _Watch(entry, masked)
    entry.egress = _egress(account)
    masked.sent = True
    try:
        async with aclosing(answer):
            async for chunk in answer:
                watch.saw(chunk)
                yield chunk
    except UpstreamFailed as failure:
        if not failure.sent:
            entry.egress = "none"
            masked.sent = False
        entry.failed(failure.code)
        raise
    finally:
        watch.tell()


class _Watch:
    """Adds up one answer: text by choice, tokens, model, timing."""

    def __init__(self, entry: Entry, masked: Masked) -> None:
        self._entry = entry
        self._masked = masked
        self._started = time.monotonic()
        self._first: float | None = None
        self._pieces: dict[tuple[int, str], list[str]] = {}
        self._usage: dict[str, Any] = {}
        self._facts: dict[str, Any] = {}
        self._finishes: set[str] = set()

    def saw(self, chunk: Chunk) -> None:
        if self._first is None:
            self._first = time.monotonic()
            self._facts = {"model_served": _word(chunk.get("model")), "response_id": _word(chunk.get("id"))}
        if isinstance(chunk.get("usage"), dict):
            self._usage = chunk["usage"]
        for choice in chunk["choices"]:
            self._add(choice)

    def tell(self) -> None:
        """Write what was seen into the entry: facts for the ending, the masked answer as its text."""
        now = time.monotonic()
        self._entry.facts.update(self._facts)
        self._entry.facts["latency_ms"] = round((now - self._started) * 1000)
        if self._first is not None:
            text = dumps(self._answer())
            self._entry.facts["ttfb_ms"] = round((self._first - self._started) * 1000)
            self._entry.facts["finish_reasons"] = sorted(self._finishes)
            self._entry.facts["tokens"] = self._tokens(text)
            self._entry.text = text

    def _add(self, choice: dict[str, Any]) -> None:
        part = choice.get("message") or choice.get("delta") or {}
        for name in _TEXT_FIELDS:
            self._keep(choice["index"], name, part.get(name))
        for call in part.get("tool_calls") or []:
            for name in ("name", "arguments"):
                self._keep(choice["index"], f"tool_calls.{call['index']}.{name}", call["function"].get(name))
        if choice.get("finish_reason"):
            self._finishes.add(_word(choice["finish_reason"]) or "?")

    def _keep(self, place: int, name: str, piece: Any) -> None:
        if isinstance(piece, str) and piece:
            self._pieces.setdefault((place, name), []).append(piece)

    def _answer(self) -> list[dict[str, str]]:
        """The masked answer, one object a choice: {"content": …, "tool_calls.0.arguments": …}."""
        choices: dict[int, dict[str, str]] = {}
        for (place, name), pieces in self._pieces.items():
            choices.setdefault(place, {})[name] = "".join(pieces)
        return [choices[place] for place in sorted(choices)]

    def _tokens(self, text: str) -> dict[str, Any]:
        """Tokens as the upstream counted them, else an upper bound: no token is shorter than one byte."""
        given, made = self._usage.get("prompt_tokens"), self._usage.get("completion_tokens")
        if isinstance(given, int) and isinstance(made, int):
            return {"input": given, "output": made, "tokens_estimated": False}
        sent = len(dumps(self._masked.body).encode())
        return {"input": sent, "output": len(text.encode()), "tokens_estimated": True}


def _word(value: Any) -> str | None:
    """A name the upstream gave, kept where it is one: what it calls itself must not carry text into the ledger."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def _egress(account: dict[str, Any]) -> EgressState:
    """masked, partly_unmasked or unmasked: by which of the types found a rule revealed."""
    found, revealed = set(account["entities"]), set(account["revealed"])
    if not found & revealed:
        return "masked"
    return "unmasked" if found <= revealed else "partly_unmasked"


def _verdict_name(verdict: Verdict) -> str:
    match verdict:
        case Permit():
            return "permit"
        case Confirm():
            return "confirm"
        case Refuse():
            return "refuse"
        case _:
            return "unknown"
