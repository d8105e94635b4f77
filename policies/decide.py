"""Decides what may happen to one ask. Pure: no clock, no file, no text of the request.

A verdict has three independent parts, each a union over all matching rules whatever their order:
gate (the strongest of deny > confirm > allow; none at all is a denial), revealed (empty unless a reveal
rule names type and destination) and notices. An error while deciding is a refusal, never a permit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta, timezone

from policies.conditions import Condition, Test
from policies.model import (
    NEVER_REVEALED,
    Ask,
    Bilingual,
    Confirm,
    Effect,
    EntityFact,
    Gate,
    Permit,
    Refuse,
    RuleHit,
    Verdict,
)
from policies.vocabulary import ACTORS, CATEGORIES, CLASSES, DIALECTS, EVIDENCE, GATES, IDENTITIES, TIERS

JST = timezone(timedelta(hours=9))
VERDICTS: dict[Gate, type[Verdict]] = {"allow": Permit, "confirm": Confirm, "deny": Refuse}


@dataclass(frozen=True, slots=True)
class Reveal:
    """Types that may leave unmasked, and the destinations they may leave for."""

    types: frozenset[str]
    destinations: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as it was read, its conditions compiled. ``basis`` is the 根拠: clause or decision."""

    id: str
    title: Bilingual
    basis: str
    owner: str | None
    conditions: tuple[Condition, ...]
    matches: Test = field(repr=False, compare=False)
    gate: Gate | None
    reveal: Reveal | None
    notice: Bilingual | None
    remedy: Bilingual | None
    strict: bool = False

    def effects(self, destination: str) -> tuple[Effect, ...]:
        """What this rule contributes to an ask for this destination, once its conditions hold."""
        found: list[Effect] = [self.gate] if self.gate else []
        if self.reveal and destination in self.reveal.destinations:
            found.append("reveal")
        if self.notice:
            found.append("notice")
        if self.strict:
            found.append("strict")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Policy:
    """A city's rules in one version. ``digest`` is the sha256 (hex) of the canonical JSON of the file.

    ``entity_types`` are the types the rules were checked against; an ask with any other is refused.
    ``originals_days``: how long what the placeholders stand for is kept sealed, 0 to 90; 0: it is not kept.
    """

    name: str
    version: str
    digest: str
    title: Bilingual
    rules: tuple[Rule, ...]
    entity_types: frozenset[str] = field(repr=False)
    effective: date | None = None
    author: str | None = None
    approver: str | None = None
    originals_days: int = 0

    def decide(self, ask: Ask) -> Verdict:
        """See :func:`decide`."""
        return decide(self, ask)

    def strict(self, ask: Ask) -> bool:
        """Whether an ask is to be searched strictly; asked before anything is found, so ``entities`` is
        empty. What cannot be evaluated is searched strictly."""
        try:
            return any(rule.matches(ask) for rule in self.rules if rule.strict)
        except Exception:  # decide() will refuse it; until then nothing less is looked for
            return True


class UnknownFact(Exception):
    """The ask holds something the vocabulary does not know. ``code`` is stable and holds no text."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def decide(policy: Policy, ask: Ask) -> Verdict:
    """Give the verdict of a policy on one ask; never raises.

    Whatever goes wrong becomes a :class:`Refuse` with ``error`` set (``unknown_category``,
    ``unknown_entity_type``, ``policy_not_in_force``, ``evaluation_failed`` …), no rules, nothing revealed.
    """
    try:
        check(policy, ask)
        matching = [rule for rule in policy.rules if rule.matches(ask)]
        return _verdict(policy, ask, matching)
    except UnknownFact as unknown:
        return _refused(policy, unknown.code)
    except Exception:  # a rule that cannot be evaluated must not let anything through
        return _refused(policy, "evaluation_failed")


def gate_of(verdict: Verdict) -> Gate:
    """``allow``, ``confirm`` or ``deny``; a kind of verdict that nobody knows counts as ``deny``."""
    return next((gate for gate, kind in VERDICTS.items() if type(verdict) is kind), "deny")


def check(policy: Policy, ask: Ask) -> None:
    """Raise UnknownFact for the first fact that the vocabulary does not know."""
    _listed(ask.destination, TIERS, "unknown_destination")
    _listed(ask.category, CATEGORIES, "unknown_category")
    _listed(ask.effective_class, CLASSES, "unknown_class")
    _listed(ask.actor, ACTORS, "unknown_actor")
    _listed(ask.identity, IDENTITIES, "unknown_identity")
    _listed(ask.dialect, DIALECTS, "unknown_dialect")
    _typed((ask.enrolled, ask.trained, ask.acknowledged), bool, "wrong_fact")
    _typed((ask.person, ask.department, ask.section, ask.tool, ask.model), str, "wrong_fact")
    _counted(ask.characters)
    for fact in ask.entities:
        _known_entity(policy, fact)
    _in_force(policy, ask)


def _listed(value: object, known: tuple[str, ...], code: str) -> None:
    if value not in known:
        raise UnknownFact(code)


def _typed(values: Iterable[object], kind: type, code: str) -> None:
    for value in values:
        if type(value) is not kind:
            raise UnknownFact(code)


def _counted(value: object) -> None:
    if type(value) is not int or value < 0:
        raise UnknownFact("wrong_count")


def _known_entity(policy: Policy, fact: EntityFact) -> None:
    if fact.type not in policy.entity_types:
        raise UnknownFact("unknown_entity_type")
    _listed(fact.evidence, EVIDENCE, "unknown_evidence")
    _counted(fact.count)


def _in_force(policy: Policy, ask: Ask) -> None:
    if ask.at.tzinfo is None:
        raise UnknownFact("time_without_zone")
    if policy.effective and ask.at.astimezone(JST).date() < policy.effective:
        raise UnknownFact("policy_not_in_force")


def _verdict(policy: Policy, ask: Ask, matching: list[Rule]) -> Verdict:
    effects = [(rule, rule.effects(ask.destination)) for rule in matching]
    hits = {rule.id: _hit(rule, given) for rule, given in effects if given}
    gates = {rule.id: rule.gate for rule in matching if rule.gate}
    gate: Gate = max(gates.values(), key=GATES.index, default="deny")
    revealed = [rule.reveal.types for rule, given in effects if rule.reveal and "reveal" in given]
    return VERDICTS[gate](
        rules=tuple(hits.values()),
        decisive=tuple(hits[name] for name, its in gates.items() if its == gate),
        revealed=frozenset().union(*revealed) - NEVER_REVEALED,
        notices=tuple(hit for hit in hits.values() if "notice" in hit.effects),
        policy=policy.name,
        digest=policy.digest,
    )


def _hit(rule: Rule, effects: tuple[Effect, ...]) -> RuleHit:
    return RuleHit(rule.id, effects, rule.title, rule.remedy, rule.notice)


def _refused(policy: Policy, code: str) -> Refuse:
    return Refuse(
        rules=(),
        decisive=(),
        revealed=frozenset(),
        notices=(),
        policy=policy.name,
        digest=policy.digest,
        error=code,
    )
