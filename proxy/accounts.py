"""What the ledger is told of an exchange: the facts as it is asked, and as it ends. No personal text.

Every fact, its type and since when it is told: docs/records.md, which a test holds to what is told here.

`watched` stands between provider and caller: it sees the masked answer go by and writes down what
it was, what it cost and how long it took, also when it breaks off in the middle.
"""

import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing, suppress
from datetime import UTC, date
from decimal import Decimal
from typing import Any

from audit.entry import Entry
from audit.model import EgressState
from policies.decide import Policy
from policies.model import ATTACHMENT, SOUMU_CODES, Ask, Confirm, Permit, Refuse, Verdict
from proxy.callers import Caller, Declared, Trace, address_of
from proxy.errors import Halted, Problem, Unavailable, Unfinished, UpstreamFailed
from proxy.found import Findings
from proxy.office.keys import Key
from proxy.providers import failures
from proxy.providers.routes import DEMO_MODEL
from proxy.shielded import to_the_end
from proxy.surfaces.parameters import parameters
from proxy.surfaces.reply import Chunk, Place
from proxy.surfaces.request import Masked, Request, Spent
from proxy.surfaces.transcript import Transcript
from proxy.surfaces.tried import egress_of
from proxy.uttered import Uttered
from proxy.wire import dumps
from redaction.model import IRREVERSIBLE, CannotDetect

SCHEMA = 3
"""The version of these facts. Released as 0.1.0 they had none; facts are added, and never change their meaning."""


def asked(
    caller: Caller,
    request: Request,
    ask: Ask,
    findings: Findings,
    verdict: Verdict,
    version: str,
    confirmed: bool = False,
) -> dict[str, Any]:
    """The body of an `asked` record: who, from where, what for, what was found, what was decided.

    ``ask`` is what ``verdict`` was given on, by the policy of this ``version``: what is told here, and the policy of
    the digest, give the same verdict again. ``confirmed``: it is sent all the same, for a person consented.
    It goes to the ledger next, which from then on sees to its ending: see `Request.accounted`.
    """
    request.accounted = True
    request.notices = tuple(rule.id for rule in verdict.notices)
    masked, entities = request.masked, dict(sorted(request.counted(findings).items()))
    assert masked is not None, "what leaves is known before it is recorded"
    test = caller.demo or request.model == DEMO_MODEL
    knocked = knock(
        about(caller), request.dialect, request.declared.trace, request.declared, test, caller.drill
    )
    return (
        knocked
        | _looked_at(ask)
        | _concluded(verdict)
        | {
            "dialect": request.dialect,
            "model_requested": request.model,
            "destination": request.destination,
            "stream": request.stream,
            "parameters": parameters(request.body),
            "tools": list(ask.tools),
            "tools_unnamed": ask.tools_unnamed,
            "models_in_place": list(masked.others),
            "characters": request.characters,
            "masked_characters": masked.characters,
            "masked_bytes": len(masked.text.encode("utf-8", "surrogatepass")),
            "entities": entities,
            "actions": {label: _action(label, verdict, confirmed) for label in entities},
            "detections": _detections(request.texts, findings, verdict, confirmed),
            "evidence": [
                {"type": fact.type, "evidence": fact.evidence, "count": fact.count}
                for fact in request.facts(findings)
            ],
            "persons_estimated": max(
                masked.persons, 0 if verdict.hides("PERSON") else entities.get("PERSON", 0)
            ),
            "egress_prepared": masked.egress,
            "fields_left_out": list(request.left_out or ()),
            "verdict": _verdict_name(verdict),
            "rules": [
                {"id": rule.id, "effects": list(rule.effects), "risks": list(rule.risks)}
                for rule in verdict.rules
            ],
            "decisive": [rule.id for rule in verdict.decisive],
            "revealed": sorted(verdict.revealed),
            "notices": list(request.notices),
            "alarms": list(verdict.alarms),
            "would": verdict.would,
            "policy": verdict.policy,
            "policy_version": version,
            "policy_digest": verdict.digest,
        }
    )


def _looked_at(ask: Ask) -> dict[str, Any]:
    """What the policy looked at besides what else is told."""
    return {
        "decided_at": ask.at.astimezone(UTC).isoformat(),
        "persons_found": ask.persons,
        "pairs_found": ask.pairs,
        "words": list(ask.words),
        "attachments": list(ask.attachments),
        "quota": ask.quota,
        "purpose_stated": ask.purpose,
    }


def _concluded(verdict: Verdict) -> dict[str, Any]:
    """What the policy concluded from it before any rule; nothing where it could not decide at all."""
    derived = verdict.derived
    effective = {"class_effective": derived.effective_class} if derived else {}
    return effective | {
        "class_detected": derived.detected_class if derived else None,
        "class_raised_by": list(derived.raised_by) if derived else [],
        "zone": derived.zone if derived else None,
        "destination_effective": derived.destination if derived else None,
        "model_registered": derived.model if derived else None,
        "model_stage": derived.stage if derived else None,
        "high_risk": derived.high_risk if derived else None,
    }


def knock(
    caller: Mapping[str, Any],
    operation: str,
    trace: Trace | None,
    declared: Declared | None = None,
    test: bool = False,
    drill: str | None = None,
) -> dict[str, Any]:
    """What every `asked` record says, also one of an attempt that was not understood. What is of a drill is a test."""
    return {
        "schema": SCHEMA,
        "caller": dict(caller),
        "operation": operation,
        "trace_id": trace.trace_id if trace else None,
        "span_id": trace.span_id if trace else None,
        "conversation": declared.conversation if declared else None,
        "category": declared.category if declared else None,
        "soumu_code": SOUMU_CODES.get(declared.category) if declared else None,
        "use_case": declared.use_case if declared else None,
        "class_declared": declared.confidentiality_class if declared else None,
        "class_effective": declared.effective_class if declared else None,
        "is_test": test or drill is not None,
    } | ({"drill": drill} if drill else {})


def about(caller: Caller) -> dict[str, Any]:
    """Who is asking, as every record says it."""
    return {name: getattr(caller, name) for name in _WHO}


def about_key(key: Key | None, peer: str | None) -> dict[str, Any]:
    """The same of somebody of whom no more is known than the key, or not even that."""
    known = {"key": key.id} | {name: getattr(key, name) for name in _OF_THE_KEY} if key else {}
    return dict.fromkeys(_WHO) | known | {"address": address_of(peer)}


_OF_THE_KEY = ("person", "tool", "department", "section", "audience")
_WHO = (
    *_OF_THE_KEY, "actor", "role", "enrolled", "trained", "acknowledged", "rules_accepted", "consented", "key", "identity", "address",
)  # fmt: skip


def _action(label: str, verdict: Verdict, confirmed: bool) -> str:
    """What became of the data of one type. A recording leaves as it is or the request is refused before."""
    if not (confirmed or isinstance(verdict, Permit)):
        return "refused"
    return "masked" if verdict.hides(label) and label != ATTACHMENT else "revealed"


def _detections(
    texts: Iterable[str], findings: Findings, verdict: Verdict, confirmed: bool
) -> list[dict[str, Any]]:
    """How many different data each recogniser found, by the tenth of its score. Irreversible ones are not compared."""
    counts: Counter[tuple[str, str, float]] = Counter()
    seen: set[tuple[str, str, float, str]] = set()
    for text, found in zip(texts, findings, strict=True):
        for f in found:
            by = (f.label, f.source, min(int(f.score * 10), 9) / 10)
            if f.label not in IRREVERSIBLE:
                datum = (*by, text[f.start : f.end])
                if datum in seen:
                    continue
                seen.add(datum)
            counts[by] += 1
    return [
        {
            "type": label,
            "source": source,
            "score_band": band,
            "action": _action(label, verdict, confirmed),
            "count": n,
        }
        for (label, source, band), n in sorted(counts.items())
    ]


async def watched(
    entry: Entry,
    answer: AsyncGenerator[Chunk],
    masked: Masked,
    witness: Transcript,
    uttered: Uttered,
    policy: Policy,
    day: date,
) -> AsyncGenerator[Chunk]:
    """The provider's answer, unchanged, with the entry told about it whatever happens.

    What it cost is what the policy's registry says of the ``day`` (JST) on which it was asked.
    From the moment the provider is asked, what left counts as sent, unless the provider knows that
    not one byte did. Until a reply begins nobody knows what arrived.
    """
    watch = _Watch(entry, masked, witness, uttered, policy, day)
    entry.egress = "unknown"
    masked.sent = True
    problem: Problem | None = None
    whole = False
    try:
        async with aclosing(answer):
            async for chunk in answer:
                watch.saw(chunk)
                if witness.is_last(chunk):
                    entry.answered()
                yield chunk
        whole = True
    except OverflowError:
        problem = failures.malformed()
        entry.failed(problem.code)
        raise problem from None
    except UpstreamFailed as failure:
        problem = failure
        masked.sent = failure.sent
        entry.failed(failure.code)
        raise
    except (Halted, Unavailable) as halt:  # the kill switch: of what was not asked yet nothing left
        problem = halt
        masked.sent = bool(masked.tried)
        (entry.failed if masked.sent else entry.refused)(halt.code)
        raise
    except CannotDetect as error:  # of what the model says of its own accord
        problem = Unfinished(error.reason)
        entry.failed(error.reason)
        raise
    except Exception:
        problem = Unfinished("internal_error")
        raise
    finally:
        try:
            await to_the_end(watch.reread())
        finally:  # a hang-up in the meantime takes nothing away
            watch.tell(masked.told or (problem.status if problem else 200 if whole else None))


class _Watch:
    """Adds up one answer: tokens, yen, model, timing. What of its content is kept, the witness says."""

    def __init__(
        self,
        entry: Entry,
        masked: Masked,
        witness: Transcript,
        uttered: Uttered,
        policy: Policy,
        day: date,
    ) -> None:
        self._entry = entry
        self._policy = policy
        self._day = day
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

    def tell(self, status: int | None) -> None:
        """Write what was seen into the entry: facts for the ending, the masked answer as its text.

        ``status``: what the caller has been given, or will be; None where nobody is there to be given one.
        """
        now = time.monotonic()
        self._entry.egress = self._left()
        facts = self._entry.facts
        facts |= self._went() | _unpriced() | {"http_status": status}
        facts["latency_ms"] = round((now - self._started) * 1000)
        if self._first is None:
            return
        facts["ttfb_ms"] = round((self._first - self._started) * 1000)
        said = sum(map(len, self._witness.texts.values()))
        facts |= self._witness.facts | self._uttered.facts
        tokens = self._tokens()
        facts |= self._cost(tokens) | {"tokens": tokens, "answer_characters": said}
        self._masked.spent = Spent(tokens["input"] + tokens["output"], facts["cost_yen"])
        if self._witness.keeps and self._kept is not None:  # what could not be searched is not kept
            self._entry.text = _laid_down(self._kept)

    def _left(self) -> EgressState:
        """What left the building. ``unknown`` where it broke off before anybody replied."""
        if not self._masked.sent:
            return "none"
        if self._first is not None:
            return self._masked.egress
        return egress_of(self._masked.tried, self._masked.egress) if self._masked.tried else "unknown"

    def _went(self) -> dict[str, Any]:
        """Who was asked last, how far that got, and who before."""
        last = self._masked.trying
        return {
            "model_asked": last.model if last else None,
            "destination_asked": last.destination if last else None,
            "provider": last.provider if last else None,
            "host": last.host if last else None,
            "region": last.region if last else None,
            "upstream_status": last.status if last else None,
            "tries": self._masked.tries,
            "earlier_tries": [one.facts(self._masked.egress) for one in self._masked.tried[:-1]],
        }

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

    def _cost(self, tokens: Mapping[str, Any]) -> dict[str, Any]:
        """What the model that was asked last costs, tax included; nothing is known where no price was agreed."""
        asked = self._masked.asked or self._masked.model
        model = self._policy.models.of(asked)
        price = model.price(self._day) if model else None
        cost = model.cost(tokens["input"], tokens["output"], self._day) if model else None
        if price is None or cost is None:
            return _unpriced()
        return {"cost_yen": yen(cost), "price_since": price.since.isoformat()}


def _unpriced() -> dict[str, Any]:
    return {"cost_yen": None, "price_since": None}


def yen(cost: Decimal) -> str:
    """``"0.012"``: a decimal as text, six places at most; a float would not add up."""
    return f"{cost:.6f}".rstrip("0").rstrip(".")


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
