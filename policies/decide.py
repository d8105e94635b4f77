"""Decides what may happen to one ask. Pure: no clock, no file, no text of the request.

A verdict has three independent parts, each a union over all matching rules and cells whatever their order:
gate (the strongest of deny > confirm > allow; none at all is a denial), revealed (empty unless a reveal
rule names type and destination) and notices. An error while deciding is a refusal and an alarm, never a permit.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Any

from policies.conditions import Condition, Test
from policies.days import Span, between, day_of
from policies.facts import Facts, facts_of
from policies.house_rules import house_rules
from policies.index import Index
from policies.model import (
    LABEL,
    NEVER_REVEALED,
    Ask,
    Bilingual,
    ConfidentialityClass,
    Confirm,
    Confirming,
    Consenter,
    Effect,
    EntityFact,
    Gate,
    Permit,
    Refuse,
    RuleHit,
    Verdict,
)
from policies.registry import Models, UseCase, Zones
from policies.tables import Table
from policies.vocabulary import (
    ACTORS,
    ATTACHMENTS,
    AUDIENCES,
    CATEGORIES,
    CLASSES,
    COURSES,
    DIALECTS,
    EVIDENCE,
    GATES,
    IDENTITIES,
    QUOTAS,
    ROLES,
    TIERS,
)
from policies.words import WordList, WordMatcher

VERDICTS: dict[Gate, type[Verdict]] = {"allow": Permit, "confirm": Confirm, "deny": Refuse}


@dataclass(frozen=True, slots=True)
class Reveal:
    """Types that may leave unmasked, and the destinations they may leave for."""

    types: frozenset[str]
    destinations: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as it was read, its conditions compiled. ``basis`` is the 根拠: clause or decision.

    ``risks`` are what it answers: OWASP LLM (``LLM01``) and NIST AI 600-1 (``NIST-data-privacy``).
    ``shadow``: it is rehearsed, recorded as ``would_…`` and not done. Both dates (JST) are included.
    ``consent``: who confirms what it wants confirmed. ``hits`` are what a verdict shows of it, by whether it reveals;
    ``late`` the same where it matches only by what was found, too late for a strict search.
    """

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
    alarm: bool = False
    shadow: bool = False
    valid_from: date | None = None
    valid_until: date | None = None
    risks: tuple[str, ...] = ()
    consent: Consenter = "self"
    hits: Mapping[bool, RuleHit] = field(init=False, repr=False, compare=False)
    late: Mapping[bool, RuleHit] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hits", self._hits(self.strict))
        object.__setattr__(self, "late", self._hits(strict=False))

    def live(self, day: date) -> bool:
        """Whether the rule counts on a day (JST)."""
        return between(self.valid_from, day, self.valid_until)

    def _hits(self, strict: bool) -> Mapping[bool, RuleHit]:
        return {
            revealing: RuleHit(
                self.id,
                self._effects(revealing, strict),
                self.title,
                self.remedy,
                self.notice,
                self.risks,
                self.consent,
            )
            for revealing in (False, True)
        }

    def _effects(self, revealing: bool, strict: bool) -> tuple[Effect, ...]:
        found: list[Effect] = [self.gate] if self.gate else []
        if revealing:
            found.append("reveal")
        if self.notice:
            found.append("notice")
        if strict:
            found.append("strict")
        if self.alarm:
            found.append("alarm")
        return rehearsed(found) if self.shadow else tuple(found)


def rehearsed(effects: Iterable[Effect]) -> tuple[Effect, ...]:
    """``("deny", "notice")`` as a rehearsed rule records them: ``("would_deny", "would_notice")``."""
    return tuple(f"would_{effect}" for effect in effects)  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class Raise:
    """Findings that imply a class: ``Raise("D-20", "3B", …)`` where twenty persons are found (R25)."""

    id: str
    to: ConfidentialityClass
    title: Bilingual
    basis: str
    conditions: tuple[Condition, ...]
    matches: Test = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Policy:
    """A city's rules in one version. ``digest`` is the sha256 (hex) of the canonical JSON of the file.

    ``entity_types`` are the types the rules were checked against; an ask with any other is refused.
    ``originals_days``: how long what the placeholders stand for is kept sealed, 0 to 90; 0: it is not kept.
    ``registered``: the file lists its models, so that one it does not list is refused.
    ``rules_version``: the version of the 利活用ルール that staff must have accepted. ``courses``: the trainings they
    need each 年度, which count ``grace_days`` beyond its end. ``label``: what a document says that AI helped to write.
    ``data`` is the file as plain values, from which the very same policy can be made again.
    """

    name: str
    version: str
    digest: str
    title: Bilingual
    rules: tuple[Rule, ...]
    entity_types: frozenset[str] = field(repr=False)
    effective: date | None = None
    review: date | None = None
    author: str | None = None
    approver: str | None = None
    officer: str | None = None
    deputy: str | None = None
    originals_days: int = 0
    tables: tuple[Table, ...] = ()
    raises: tuple[Raise, ...] = ()
    registered: bool = False
    models: Models = field(default_factory=lambda: Models(()), repr=False, compare=False)
    use_cases: Mapping[str, UseCase] = field(default_factory=dict)
    zones: Zones = field(default_factory=lambda: Zones(()), repr=False, compare=False)
    closed_days: tuple[Span, ...] = ()
    rules_version: str = ""
    courses: tuple[str, ...] = COURSES
    grace_days: int = 0
    confirming: Confirming = field(default_factory=Confirming)
    label: Bilingual = LABEL
    word_lists: tuple[WordList, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    matcher: WordMatcher = field(init=False, repr=False, compare=False)
    index: Index[Rule] = field(init=False, repr=False, compare=False)
    rules_on_quota: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "matcher", WordMatcher(self.word_lists))
        object.__setattr__(self, "index", Index(self.rules))
        on_quota = any(rule.gate and not rule.shadow and _asks(rule, "quota") for rule in self.rules)
        object.__setattr__(self, "rules_on_quota", on_quota)

    def decide(self, ask: Ask) -> Verdict:
        """See :func:`decide`."""
        return decide(self, ask)

    def words(self, texts: Sequence[str], on: date) -> tuple[str, ...]:
        """The ids of the word lists that occur in any of the texts on a day (JST): see words.py."""
        return self.matcher.found(texts, on)

    def fingerprint(self, id: str) -> str:
        """What the rule or the table behind a `RuleHit` says, as a digest: another one, once it says something else."""
        table = id.partition(".")[0]
        entries = (*self.data.get("rules", ()), *self.data.get("tables", ()))
        found = [entry for entry in entries if entry.get("id") in (id, table)]
        written = json.dumps(found, ensure_ascii=False, sort_keys=True, default=str)
        return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()

    def strict(self, ask: Ask) -> bool:
        """Whether an ask is to be searched strictly; asked before anything is found, so ``entities`` is
        empty. What cannot be evaluated is searched strictly."""
        try:
            check(self, ask)
            facts = facts_of(self, ask)
            return any(
                rule.live(facts.day) and rule.matches(facts)
                for rule in self.rules
                if rule.strict and not rule.shadow
            )
        except Exception:  # decide() will refuse it; until then nothing less is looked for
            return True


def _asks(rule: Rule, name: str) -> bool:
    return any(condition.name == name for condition in rule.conditions)


class UnknownFact(Exception):
    """The ask holds something the vocabulary does not know. ``code`` is stable and holds no text."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def decide(policy: Policy, ask: Ask) -> Verdict:
    """Give the verdict of a policy on one ask; never raises.

    Whatever goes wrong becomes a :class:`Refuse` with ``error`` set (``unknown_category``,
    ``unknown_entity_type``, ``policy_not_in_force``, ``evaluation_failed`` …), an alarm, no rules, nothing
    revealed.
    """
    try:
        check(policy, ask)
        return _verdict(policy, facts_of(policy, ask))
    except UnknownFact as unknown:
        return _refused(policy, unknown.code)
    except Exception:  # a rule that cannot be evaluated must not let anything through
        return _refused(policy, "evaluation_failed")


def gate_of(verdict: Verdict) -> Gate:
    """``allow``, ``confirm`` or ``deny``; a kind of verdict that nobody knows counts as ``deny``."""
    return next((gate for gate, kind in VERDICTS.items() if type(verdict) is kind), "deny")


CLOSED: Mapping[str, tuple[Sequence[object], str]] = {
    "destination": (TIERS, "unknown_destination"),
    "category": (CATEGORIES, "unknown_category"),
    "declared_class": ((None, *CLASSES), "unknown_class"),
    "actor": (ACTORS, "unknown_actor"),
    "role": (ROLES, "unknown_role"),
    "identity": (IDENTITIES, "unknown_identity"),
    "audience": (AUDIENCES, "unknown_audience"),
    "dialect": (DIALECTS, "unknown_dialect"),
    "quota": (QUOTAS, "unknown_quota"),
}
"""Facts of an ask that the vocabulary lists, and what an ask with any other value is refused for."""
_closed_facts = attrgetter(*CLOSED)


@lru_cache(maxsize=4096)
def _first_unknown(values: tuple[object, ...]) -> str | None:
    """The code of the first of the closed facts that is unknown. Remembered: the same few combinations come all day."""
    for value, (known, code) in zip(values, CLOSED.values(), strict=True):
        if value not in known:
            return code
    return None


_flags = attrgetter("enrolled", "trained", "acknowledged", "consented", "purpose")
_names = attrgetter("person", "department", "section", "tool", "model")


def check(policy: Policy, ask: Ask) -> None:
    """Raise UnknownFact for the first fact that the vocabulary does not know."""
    if (code := _first_unknown(_closed_facts(ask))) is not None:
        raise UnknownFact(code)
    _typed(_flags(ask), bool)
    _typed((*_names(ask), *ask.words, *ask.tools), str)
    _typed([named for named in (ask.address, ask.use_case) if named is not None], str)
    _counted(ask.characters, ask.persons, ask.pairs, ask.tools_unnamed)
    for fact in ask.entities:
        _known_entity(policy, fact)
    for kind in ask.attachments:
        if kind not in ATTACHMENTS:
            raise UnknownFact("unknown_attachment")
    if ask.at.tzinfo is None:
        raise UnknownFact("time_without_zone")
    if policy.effective and day_of(ask.at) < policy.effective:
        raise UnknownFact("policy_not_in_force")


def _typed(values: Iterable[object], kind: type) -> None:
    for value in values:
        if type(value) is not kind:
            raise UnknownFact("wrong_fact")


def _counted(*values: object) -> None:
    for value in values:
        if type(value) is not int or value < 0:
            raise UnknownFact("wrong_count")


def _known_entity(policy: Policy, fact: EntityFact) -> None:
    if fact.type not in policy.entity_types:
        raise UnknownFact("unknown_entity_type")
    if fact.evidence not in EVIDENCE:
        raise UnknownFact("unknown_evidence")
    _counted(fact.count)


Contribution = tuple[RuleHit, Gate | None, frozenset[str], bool]
"""What one matching rule or cell adds: its hit, its gate, the types it reveals, and whether it is rehearsed."""
_NOTHING: frozenset[str] = frozenset()


def _contributions(policy: Policy, facts: Facts) -> Iterator[Contribution]:
    """Everything that matches: the house's own rules, the policy's rules, the cells of its tables."""
    before: Facts | None = None  # the search; worked out only where a rule on it matches
    for hit in house_rules(policy, facts):
        yield hit, "deny", _NOTHING, False
    may_reveal = not policy.registered or (facts.model is not None and facts.model.no_training)
    day, destination = facts.day, facts.destination
    for rule in policy.index.may_match(facts):
        if rule.matches(facts) and rule.live(day):
            reveal = rule.reveal
            revealing = reveal is not None and may_reveal and destination in reveal.destinations
            hits = rule.hits
            if rule.strict:
                before = before or facts_of(policy, facts.ask.unsearched())
                hits = rule.hits if rule.matches(before) else rule.late
            hit = hits[revealing]
            if hit.effects:
                yield hit, rule.gate, reveal.types if reveal and revealing else _NOTHING, rule.shadow
    for table in policy.tables:
        for cell in table.at(facts):
            yield cell.hit, cell.gate, _NOTHING, table.shadow


def _verdict(policy: Policy, facts: Facts) -> Verdict:
    rules: list[RuleHit] = []
    decisive: list[RuleHit] = []
    notices: list[RuleHit] = []
    alarms: list[str] = []
    strongest: Gate | None = None
    rehearsed_gates: list[Gate | None] = []
    revealed = _NOTHING
    for hit, gate, types, shadow in _contributions(policy, facts):  # one pass: this is most of a decision
        rules.append(hit)
        if shadow:
            rehearsed_gates.append(gate)
            continue
        if gate is not None:
            if gate != strongest and STRENGTH[gate] > STRENGTH[strongest]:
                strongest, decisive = gate, []
            if gate == strongest:
                decisive.append(hit)
        if types:
            revealed |= types
        if "notice" in hit.effects:
            notices.append(hit)
        if "alarm" in hit.effects:
            alarms.append(hit.id)
    return VERDICTS[strongest or "deny"](
        rules=tuple(rules),
        decisive=tuple(decisive),
        revealed=revealed - NEVER_REVEALED,
        notices=tuple(notices),
        policy=policy.name,
        digest=policy.digest,
        alarms=tuple(alarms),
        would=_with(strongest, rehearsed_gates) if rehearsed_gates else None,
        derived=facts.derived(),
    )


STRENGTH: Mapping[Gate | None, int] = {None: -1, **{gate: strength for strength, gate in enumerate(GATES)}}


def _with(gate: Gate | None, others: Iterable[Gate | None]) -> Gate:
    """The strongest of a gate and others; none at all is a denial."""
    return max((gate, *others), key=STRENGTH.__getitem__) or "deny"


def _refused(policy: Policy, code: str) -> Refuse:
    return Refuse(
        rules=(),
        decisive=(),
        revealed=frozenset(),
        notices=(),
        policy=policy.name,
        digest=policy.digest,
        alarms=(f"error.{code}",),
        error=code,
    )
