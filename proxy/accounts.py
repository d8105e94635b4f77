"""What the ledger is told of an exchange: the facts as it is asked, and as it ends. No personal text.

`watched` stands between provider and caller: it sees the masked answer go by and writes down what
it was, what it cost and how long it took, also when it breaks off in the middle.
"""

import time
from collections import Counter
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
    try:
        async with aclosing(answer):
            async for chunk in answer:
                watch.saw(chunk)
                yield chunk
    except UpstreamFailed as failure:
        if not failure.sent:
            entry.egress = "none"
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
        self._choices: dict[int, dict[str, Any]] = {}
        self._usage: dict[str, Any] | None = None
        self._facts: dict[str, Any] = {}
        self._finishes: Counter[str] = Counter()

    def saw(self, chunk: Chunk) -> None:
        if self._first is None:
            self._first = time.monotonic()
            self._facts = {"model_served": chunk.get("model"), "response_id": chunk.get("id")}
        if isinstance(chunk.get("usage"), dict):
            self._usage = chunk["usage"]
        for position, choice in enumerate(chunk.get("choices") or []):
            self._add(choice, position)

    def tell(self) -> None:
        """Write what was seen into the entry: facts for the ending, the masked answer as its text."""
        now = time.monotonic()
        self._entry.facts.update(self._facts)
        self._entry.facts["latency_ms"] = round((now - self._started) * 1000)
        if self._first is not None:
            self._entry.facts["ttfb_ms"] = round((self._first - self._started) * 1000)
            self._entry.facts["finish_reasons"] = sorted(self._finishes)
            self._entry.facts["tokens"] = self._tokens()
            self._entry.text = dumps([self._choices[place] for place in sorted(self._choices)])

    def _add(self, choice: dict[str, Any], position: int) -> None:
        seen = self._choices.setdefault(choice.get("index", position), {})
        part = choice.get("message") or choice.get("delta") or {}
        for name in _TEXT_FIELDS:
            if isinstance(part.get(name), str):
                seen[name] = seen.get(name, "") + part[name]
        for at, call in enumerate(part.get("tool_calls") or []):
            function = call.get("function") or {}
            kept = seen.setdefault("tool_calls", {}).setdefault(str(call.get("index", at)), {})
            for name in ("name", "arguments"):
                if isinstance(function.get(name), str):
                    kept[name] = kept.get(name, "") + function[name]
        if isinstance(choice.get("finish_reason"), str):
            self._finishes[choice["finish_reason"]] += 1

    def _tokens(self) -> dict[str, Any]:
        """Tokens as the upstream counted them, else an upper bound: no token is shorter than one byte."""
        usage = self._usage or {}
        given, made = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if isinstance(given, int) and isinstance(made, int):
            return {"input": given, "output": made, "tokens_estimated": False}
        return {
            "input": len(dumps(self._masked.body).encode()),
            "output": len(dumps(list(self._choices.values())).encode()),
            "tokens_estimated": True,
        }


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
