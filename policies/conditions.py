"""The conditions of a rule, each compiled once into a closure over the ask.

Pure. Nothing is evaluated from text (no eval, no templates): a condition is one of the functions below,
chosen by its name. A condition whose fact is missing raises; decide.py turns that into a refusal.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from typing import Any

from policies.model import Ask
from policies.vocabulary import CLASSES

Test = Callable[[Ask], bool]

NAMES: frozenset[str] = frozenset({"person", "department", "section", "tool", "model"})
"""Facts that are free names: compared folded, and with ``*`` and ``?`` as wildcards."""

FACTS: Mapping[str, Callable[[Ask], Any]] = {
    "always": lambda ask: True,
    "enrolled": lambda ask: ask.enrolled,
    "trained": lambda ask: ask.trained,
    "acknowledged": lambda ask: ask.acknowledged,
    "actor": lambda ask: ask.actor,
    "identity": lambda ask: ask.identity,
    "person": lambda ask: ask.person,
    "department": lambda ask: ask.department,
    "section": lambda ask: ask.section,
    "tool": lambda ask: ask.tool,
    "model": lambda ask: ask.model,
    "destination": lambda ask: ask.destination,
    "dialect": lambda ask: ask.dialect,
    "category": lambda ask: ask.category,
    "class": lambda ask: ask.effective_class,
    "class_at_least": lambda ask: ask.effective_class,
    "entities": lambda ask: [(fact.type, fact.evidence, fact.count) for fact in ask.entities],
    "characters_over": lambda ask: ask.characters,
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

    def fact(self, ask: Ask) -> Any:
        """What the ask holds for this condition, as plain JSON; None for ``not``, which has parts."""
        look = FACTS.get(self.name)
        return look(ask) if look else None


@lru_cache(maxsize=4096)
def folded(name: str) -> str:
    """One spelling for names that differ only in width or case: ``ＩＴ推進課`` is ``it推進課``.

    A deny rule that misses its section because of a full-width letter would fail open.
    """
    return unicodedata.normalize("NFKC", name).casefold()


def conditions_of(when: Mapping[str, Any]) -> tuple[Condition, ...]:
    """Compile a checked ``when`` into its conditions, one for each key."""
    return tuple(_condition(name, wanted) for name, wanted in when.items())


def conjunction(conditions: Iterable[Condition]) -> Test:
    """All conditions hold (the keys of a ``when`` mean *and*)."""
    tests = tuple(condition.test for condition in conditions)

    def every(ask: Ask) -> bool:
        for test in tests:  # noqa: SIM110  a generator here doubles the cost of a decision
            if not test(ask):
                return False
        return True

    return every


def _condition(name: str, wanted: Any) -> Condition:
    if name == "not":
        parts = conditions_of(wanted)
        inner = conjunction(parts)
        return Condition(name, wanted, lambda ask: not inner(ask), parts)
    return Condition(name, wanted, _test(name, wanted))


def _test(name: str, wanted: Any) -> Test:
    if name == "entities":
        return _entities(wanted)
    if name == "characters_over":
        return lambda ask: ask.characters > wanted
    if name == "class_at_least":
        floor = CLASSES.index(wanted)
        return lambda ask: CLASSES.index(ask.effective_class) >= floor
    fact = FACTS[name]
    if name in NAMES:
        named = _any_name(wanted)
        return lambda ask: named(fact(ask))
    if isinstance(wanted, bool):
        return lambda ask: fact(ask) is wanted
    values = frozenset(wanted)
    return lambda ask: fact(ask) in values


def _any_name(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Exact names, ``*`` and ``?``. A ``[`` is itself: sets of letters are not part of the language."""
    exact = frozenset(folded(p) for p in patterns if "*" not in p and "?" not in p)
    globs = [translate(folded(p).replace("[", "[[]")) for p in patterns if "*" in p or "?" in p]
    pattern = re.compile("|".join(globs)) if globs else None

    def named(name: str) -> bool:
        name = folded(name)
        return name in exact or (pattern is not None and pattern.match(name) is not None)

    return named


def _entities(wanted: Mapping[str, Any]) -> Test:
    """The counts of all facts of the wanted types and evidence, together, reach ``at_least``."""
    types = None if wanted.get("any") else frozenset(wanted["any_of"])
    evidence = frozenset(wanted["evidence"]) if "evidence" in wanted else None
    at_least: int = wanted.get("at_least", 1)

    def found(ask: Ask) -> bool:
        counted = 0
        for fact in ask.entities:
            if (types is None or fact.type in types) and (evidence is None or fact.evidence in evidence):
                counted += fact.count
        return counted >= at_least

    return found
