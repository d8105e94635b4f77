"""The conditions of a rule, each compiled once into a closure over the facts.

Pure. Nothing is evaluated from text (no eval, no templates): a condition is one of the functions below,
chosen by its name. A condition whose fact is missing raises; decide.py turns that into a refusal.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from policies.facts import Facts
from policies.names import any_name
from policies.registry import UseCase
from policies.vocabulary import CLASSES

Test = Callable[[Facts], bool]

NAMES: frozenset[str] = frozenset({"person", "department", "section", "role", "tool", "model"})
"""Facts that are free names: compared folded, and with ``*`` and ``?`` as wildcards."""

FACTS: Mapping[str, Callable[[Facts], Any]] = {
    "always": lambda facts: True,
    "enrolled": lambda facts: facts.ask.enrolled,
    "trained": lambda facts: facts.ask.trained,
    "acknowledged": lambda facts: facts.ask.acknowledged,
    "consented": lambda facts: facts.ask.consented,
    "purpose": lambda facts: facts.ask.purpose,
    "actor": lambda facts: facts.ask.actor,
    "role": lambda facts: facts.ask.role,
    "identity": lambda facts: facts.ask.identity,
    "audience": lambda facts: facts.ask.audience,
    "person": lambda facts: facts.ask.person,
    "department": lambda facts: facts.ask.department,
    "section": lambda facts: facts.ask.section,
    "zone": lambda facts: facts.zone,
    "tool": lambda facts: facts.ask.tool,
    "model": lambda facts: facts.ask.model,
    "model_stage": lambda facts: facts.stage,
    "service": lambda facts: facts.model.service if facts.model else None,
    "no_training": lambda facts: facts.model is not None and facts.model.no_training,
    "recorded": lambda facts: facts.model is not None and facts.model.recorded,
    "region": lambda facts: list(facts.model.regions) if facts.model else [],
    "destination": lambda facts: facts.destination,
    "dialect": lambda facts: facts.ask.dialect,
    "category": lambda facts: facts.ask.category,
    "use_case": lambda facts: _use_case(facts),
    "class": lambda facts: facts.effective_class,
    "class_at_least": lambda facts: facts.effective_class,
    "class_declared": lambda facts: facts.ask.declared_class,
    "class_detected": lambda facts: facts.detected_class,
    "entities": lambda facts: [(fact.type, fact.evidence, fact.count) for fact in facts.ask.entities],
    "persons_at_least": lambda facts: facts.ask.persons,
    "pairs_at_least": lambda facts: facts.ask.pairs,
    "words": lambda facts: list(facts.ask.words),
    "characters_over": lambda facts: facts.ask.characters,
    "attachments": lambda facts: list(facts.ask.attachments),
    "tools": lambda facts: [*facts.ask.tools, *["(名前なし)"] * facts.ask.tools_unnamed],
    "hours": lambda facts: f"{facts.minute // 60:02}:{facts.minute % 60:02}",
    "holiday": lambda facts: facts.holiday,
    "quota": lambda facts: facts.ask.quota,
}
"""What each condition looks at. The table of contents of ``when``."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of a ``when``: ``Condition("destination", ["D1", "D2"], test)``.

    ``wanted`` is plain JSON for people to read. ``parts`` holds the inner conditions of a ``not``.
    """

    name: str
    wanted: Any
    test: Test = field(repr=False, compare=False)
    parts: tuple["Condition", ...] = ()

    def fact(self, facts: Facts) -> Any:
        """What the facts hold for this condition, as plain JSON; None for ``not``, which has parts."""
        look = FACTS.get(self.name)
        return look(facts) if look else None


def conditions_of(when: Mapping[str, Any]) -> tuple[Condition, ...]:
    """Compile a checked ``when`` into its conditions, one for each key."""
    return tuple(_condition(name, wanted) for name, wanted in when.items())


def conjunction(conditions: Iterable[Condition]) -> Test:
    """All conditions hold (the keys of a ``when`` mean *and*)."""
    tests = tuple(condition.test for condition in conditions)
    if len(tests) == 1:
        return tests[0]

    def every(facts: Facts) -> bool:
        for test in tests:  # noqa: SIM110  a generator here doubles the cost of a decision
            if not test(facts):
                return False
        return True

    return every


def _condition(name: str, wanted: Any) -> Condition:
    if name == "not":
        parts = conditions_of(wanted)
        inner = conjunction(parts)
        return Condition(name, wanted, lambda facts: not inner(facts), parts)
    return Condition(name, wanted, _test(name, wanted))


def _test(name: str, wanted: Any) -> Test:
    if name in SPECIAL:
        return SPECIAL[name](wanted)
    fact = FACTS[name]
    if name in NAMES:
        named = any_name(wanted)
        return lambda facts: named(fact(facts))
    if isinstance(wanted, bool):
        return lambda facts: fact(facts) is wanted
    values = frozenset(wanted)
    if name in ("region", "words", "attachments"):
        return lambda facts: not values.isdisjoint(fact(facts))
    return lambda facts: fact(facts) in values


def _entities(wanted: Mapping[str, Any]) -> Test:
    """The counts of all facts of the wanted types and evidence, together, reach ``at_least``."""
    types = None if wanted.get("any") else frozenset(wanted["any_of"])
    evidence = frozenset(wanted["evidence"]) if "evidence" in wanted else None
    at_least: int = wanted.get("at_least", 1)

    def found(facts: Facts) -> bool:
        counted = 0
        for fact in facts.ask.entities:
            if (types is None or fact.type in types) and (evidence is None or fact.evidence in evidence):
                counted += fact.count
        return counted >= at_least

    return found


def classes_from(lowest: str) -> frozenset[str]:
    """The classes that are at least so high."""
    return frozenset(CLASSES[CLASSES.index(lowest) :])


def _at_least(wanted: str) -> Test:
    high = classes_from(wanted)
    return lambda facts: facts.effective_class in high


ANSWERS: Mapping[str, Callable[[UseCase, date], Any]] = {
    "id": lambda case, day: case.id,
    "approved": lambda case, day: case.approved(day),
    "high_risk": lambda case, day: case.high_risk,
    "assessed": lambda case, day: case.assessment is not None,
    "audience": lambda case, day: case.audience,
    "nature": lambda case, day: case.nature,
    "confidential": lambda case, day: case.confidential,
    "human_judgement": lambda case, day: case.human_judgement,
}
"""What may be asked of a use case, on a day (JST)."""


def _use_case(facts: Facts) -> dict[str, Any] | None:
    """The declared use case as plain JSON; None where none was declared or the policy lists no such one."""
    case = facts.use_case
    return None if case is None else {name: answer(case, facts.day) for name, answer in ANSWERS.items()}


def _of_use_case(wanted: Mapping[str, Any]) -> Test:
    """``declared: false`` holds where none is; every other key asks for a declared one that is so."""
    declared = wanted.get("declared", True)
    ids = frozenset(wanted["id"]) if "id" in wanted else None
    asked = [(ANSWERS[key], value) for key, value in wanted.items() if key not in ("declared", "id")]

    def so(facts: Facts) -> bool:
        case = facts.use_case
        if case is None or not declared:
            return case is None and not declared
        day = facts.day
        return (ids is None or case.id in ids) and all(answer(case, day) == value for answer, value in asked)

    return so


def _tools(wanted: Mapping[str, Any]) -> Test:
    """``any_of``: one of these may be called. ``any``: some tool may. ``not_approved``: one may that the registry
    does not list for the model; a tool without a name that may be kept is never listed."""
    if "any_of" in wanted:
        named = any_name(wanted["any_of"])
        return lambda facts: any(map(named, facts.ask.tools))
    if wanted.get("any"):
        return lambda facts: bool(facts.ask.tools or facts.ask.tools_unnamed)

    def unlisted(facts: Facts) -> bool:
        if not (facts.ask.tools or facts.ask.tools_unnamed):
            return False
        if facts.ask.tools_unnamed or facts.model is None:
            return True
        return not all(map(facts.model.may_use, facts.ask.tools))

    return unlisted


def within_hours(wanted: Mapping[str, Any]) -> Callable[[int], bool]:
    """From the first minute up to and without the last; over midnight where it ends before it begins."""
    first, last = (minute(wanted[key]) for key in ("from", "until"))
    if first < last:
        return lambda at: first <= at < last
    return lambda at: at >= first or at < last


def _hours(wanted: Mapping[str, Any]) -> Test:
    within = within_hours(wanted)
    return lambda facts: within(facts.minute)


def minute(hour: str) -> int:
    """``"22:30"`` is 1350."""
    hours, _, minutes = hour.partition(":")
    return int(hours) * 60 + int(minutes)


SPECIAL: Mapping[str, Callable[[Any], Test]] = {
    "entities": _entities,
    "class_at_least": _at_least,
    "use_case": _of_use_case,
    "tools": _tools,
    "hours": _hours,
    "characters_over": lambda wanted: lambda facts: facts.ask.characters > wanted,
    "persons_at_least": lambda wanted: lambda facts: facts.ask.persons >= wanted,
    "pairs_at_least": lambda wanted: lambda facts: facts.ask.pairs >= wanted,
}
"""Conditions that are more than a comparison of one fact with a list."""
