"""What the ledger is told of an exchange: the facts as it is asked, and as it ends. No personal text.

`watched` stands between provider and caller: it sees the masked answer go by and writes down what
it was, what it cost and how long it took, also when it breaks off in the middle.
"""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from audit.entry import Entry
from audit.model import EgressState
from policies.model import Confirm, Permit, Refuse, Verdict
from proxy.callers import Caller
from proxy.errors import UpstreamFailed
from proxy.fields import word_or_none
from proxy.found import Findings, counted, facts_of
from proxy.surfaces.request import Chunk, Masked, Request, Witness
from proxy.wire import dumps


def asked(caller: Caller, request: Request, findings: Findings, verdict: Verdict) -> dict[str, Any]:
    """The body of an `asked` record: who, from where, what for, what was found, what was decided."""
    request.notices = tuple(rule.id for rule in verdict.notices)
    return about(caller) | {
        "operation": request.dialect,
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
    entry: Entry,
    answer: AsyncGenerator[Chunk],
    masked: Masked,
    witness: Witness,
    account: dict[str, Any],
) -> AsyncGenerator[Chunk]:
    """The provider's answer, unchanged, with the entry told about it whatever happens.

    From the moment the provider is asked, what left counts as sent, unless the provider knows that
    not one byte did.
    """
    watch = _Watch(entry, masked, witness)
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
    """Adds up one answer: tokens, model, timing. What of its content is kept, the witness says."""

    def __init__(self, entry: Entry, masked: Masked, witness: Witness) -> None:
        self._entry = entry
        self._masked = masked
        self._witness = witness
        self._started = time.monotonic()
        self._first: float | None = None
        self._usage: dict[str, Any] = {}
        self._facts: dict[str, Any] = {}

    def saw(self, chunk: Chunk) -> None:
        if self._first is None:
            self._first = time.monotonic()
            self._facts = {
                "model_served": word_or_none(chunk.get("model")),
                "response_id": word_or_none(chunk.get("id")),
            }
        if isinstance(chunk.get("usage"), dict):
            self._usage = chunk["usage"]
        self._witness.saw(chunk)

    def tell(self) -> None:
        """Write what was seen into the entry: facts for the ending, the masked answer as its text."""
        now = time.monotonic()
        self._entry.facts.update(self._facts)
        self._entry.facts["latency_ms"] = round((now - self._started) * 1000)
        if self._first is not None:
            text = self._witness.text()
            self._entry.facts["ttfb_ms"] = round((self._first - self._started) * 1000)
            self._entry.facts.update(self._witness.facts())
            self._entry.facts["tokens"] = self._tokens(text)
            self._entry.text = text

    def _tokens(self, text: str | None) -> dict[str, Any]:
        """Tokens as the upstream counted them, else an upper bound: no token is shorter than one byte.

        A request of no tokens is one that nobody counted: litellm fills in zeros.
        """
        given, made = self._usage.get("prompt_tokens"), self._usage.get("completion_tokens")
        if text is None:
            made = 0  # no text was made, and servers do not say so
        if isinstance(given, int) and given > 0 and isinstance(made, int):
            return {"input": given, "output": made, "tokens_estimated": False}
        sent = len(dumps(self._masked.body).encode())
        return {"input": sent, "output": len((text or "").encode()), "tokens_estimated": True}


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
