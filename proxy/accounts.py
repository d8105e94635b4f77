"""What the ledger is told of an exchange: the facts as it is asked, and as it ends. No personal text.

`watched` stands between provider and caller: it sees the masked answer go by and writes down what
it was, what it cost and how long it took, also when it breaks off in the middle.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing, suppress
from typing import Any

from audit.entry import Entry
from policies.model import Confirm, Permit, Refuse, Verdict
from proxy.callers import Caller
from proxy.errors import UpstreamFailed
from proxy.found import Findings
from proxy.providers import failures
from proxy.surfaces.reply import Chunk, Place
from proxy.surfaces.request import Masked, Request
from proxy.surfaces.transcript import Transcript
from proxy.uttered import Uttered
from proxy.wire import dumps
from redaction.model import CannotDetect


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
        "models_in_place": list(request.masked.others) if request.masked else [],
        "characters": request.characters,
        "entities": dict(sorted(request.counted(findings).items())),
        "evidence": [
            {"type": fact.type, "evidence": fact.evidence, "count": fact.count}
            for fact in request.facts(findings)
        ],
        "fields_left_out": list(request.left_out or ()),
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
    witness: Transcript,
    uttered: Uttered,
) -> AsyncGenerator[Chunk]:
    """The provider's answer, unchanged, with the entry told about it whatever happens.

    From the moment the provider is asked, what left counts as sent, unless the provider knows that
    not one byte did.
    """
    watch = _Watch(entry, masked, witness, uttered)
    entry.egress = masked.egress
    masked.sent = True
    try:
        async with aclosing(answer):
            async for chunk in answer:
                watch.saw(chunk)
                if witness.is_last(chunk):
                    entry.answered()
                yield chunk
    except OverflowError:
        entry.failed("upstream_malformed")
        raise failures.malformed() from None
    except UpstreamFailed as failure:
        if not failure.sent:
            entry.egress = "none"
            masked.sent = False
        entry.failed(failure.code)
        raise
    finally:
        await _to_the_end(watch.reread())
        watch.tell()


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait for it also where the caller hangs up meanwhile; the hang-up is told afterwards."""
    task = asyncio.ensure_future(work)
    hang_up: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as again:
            hang_up = again
    task.result()
    if hang_up is not None:
        raise hang_up


class _Watch:
    """Adds up one answer: tokens, model, timing. What of its content is kept, the witness says."""

    def __init__(self, entry: Entry, masked: Masked, witness: Transcript, uttered: Uttered) -> None:
        self._entry = entry
        self._masked = masked
        self._witness = witness
        self._uttered = uttered
        self._kept: Mapping[Place, str] | None = None
        self._started = time.monotonic()
        self._first: float | None = None

    def saw(self, chunk: Chunk) -> None:
        if self._first is None:
            self._first = time.monotonic()
        self._witness.saw(chunk)

    async def reread(self) -> None:
        """What the model gave away in the answer, or in as much as came, is counted, and masked in what is kept.

        The caller has it by now, so that a search which fails here is recorded and stops nothing.
        """
        if self._first is None:
            return
        with suppress(CannotDetect):
            self._kept = await self._uttered.reread(self._witness.texts)

    def tell(self) -> None:
        """Write what was seen into the entry: facts for the ending, the masked answer as its text."""
        now = time.monotonic()
        facts = self._entry.facts
        facts |= {"model_asked": self._masked.asked, "tries": self._masked.tries}
        facts["latency_ms"] = round((now - self._started) * 1000)
        if self._first is None:
            return
        facts["ttfb_ms"] = round((self._first - self._started) * 1000)
        facts |= self._witness.facts | self._uttered.facts | {"tokens": self._tokens()}
        if self._witness.keeps and self._kept is not None:  # what could not be searched is not kept
            self._entry.text = _laid_down(self._kept)

    def _tokens(self) -> dict[str, Any]:
        """Tokens as the upstream counted them, else an upper bound: no token is shorter than one byte.

        A request of no tokens is one that nobody counted: litellm fills in zeros.
        """
        given, made = self._witness.input, self._witness.output
        if given and made is not None:
            return {"input": given, "output": made, "tokens_estimated": False}
        sent = len(dumps(self._masked.body).encode())
        said = sum(len(text.encode("utf-8", "surrogatepass")) for text in self._witness.texts.values())
        return {"input": sent, "output": said, "tokens_estimated": True}


def _laid_down(texts: Mapping[Place, str]) -> str:
    """One object a choice, item or block: [{"content": …, "tool_calls.0.arguments": …}]."""
    parts: dict[int, dict[str, str]] = {}
    for (number, name), text in texts.items():
        parts.setdefault(number, {})[name] = text
    return dumps([parts[number] for number in sorted(parts)])


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
