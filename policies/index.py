"""Which rules may match an ask at all, found by bits instead of by asking each. Pure.

    every rule is one bit        0b101 are the first and the third rule of the policy
    for each value of a fact     the bits of the rules that do not rule the value out

What is left out cannot match; what is left in is still asked itself. So this can only make a decision faster,
never different: a test compares it with asking every rule.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Generic, Protocol, TypeVar

from policies.conditions import FACTS, NAMES, Condition, classes_from, within_hours
from policies.facts import Facts
from policies.names import any_name
from policies.vocabulary import EVIDENCE


class Conditioned(Protocol):
    """Anything with conditions that all have to hold: a rule."""

    @property
    def conditions(self) -> tuple[Condition, ...]: ...


Ruled = TypeVar("Ruled", bound=Conditioned)
Admits = Callable[[Any], bool]

FEW: Mapping[str, str] = {
    **{
        name: f"ask.{name}"
        for name in (
            "enrolled",
            "trained",
            "acknowledged",
            "consented",
            "purpose",
            "actor",
            "role",
            "identity",
        )
    },
    **{name: f"ask.{name}" for name in ("audience", "quota", "dialect", "category")},
    **{name: name for name in ("zone", "destination", "holiday")},
    "model_stage": "stage",
    "class": "effective_class",
    "class_declared": "ask.declared_class",
    "class_detected": "detected_class",
}
"""Facts of few values, and where they stand: looked up together, because the same few combinations come all day."""

LOOKS: Mapping[str, Callable[[Facts], Hashable]] = {
    **{
        name: FACTS[name]
        for name in (
            *("service", "no_training", "recorded", "persons_at_least", "pairs_at_least"),
            *sorted(NAMES - {"role"}),
        )
    },
    "use_case": lambda facts: facts.use_case is not None,
    "tools": lambda facts: bool(facts.ask.tools or facts.ask.tools_unnamed),
    "hours": lambda facts: facts.minute,
}
"""Other facts with one value for each ask. Of use cases and tools, only whether there is any."""

LEAST: Mapping[str, Callable[[Any], Admits]] = {
    "class_at_least": lambda wanted: classes_from(wanted).__contains__,
    "persons_at_least": lambda wanted: lambda persons: persons >= wanted,
    "pairs_at_least": lambda wanted: lambda pairs: pairs >= wanted,
    "hours": within_hours,
    "use_case": lambda wanted: frozenset([wanted.get("declared", True)]).__contains__,
    "tools": lambda wanted: bool,
}
"""What a value has to be, where a condition is more than a list of values."""

PARTLY = ("use_case", "tools")
"""Conditions of which only a part is told here: their opposite cannot be told from it."""


def limit_of(condition: Condition) -> tuple[str, Admits] | None:
    """The fact that a condition looks at, and the values that it admits; None where one value does not tell."""
    name, wanted = condition.name, condition.wanted
    if name == "not":
        inner = limit_of(condition.parts[0]) if len(condition.parts) == 1 else None
        return (inner[0], _turned(inner[1])) if inner and inner[0] not in PARTLY else None
    if name in LEAST:
        return "class" if name == "class_at_least" else name, LEAST[name](wanted)
    if name not in LOOKS and name not in FEW:
        return None
    if name in NAMES:
        return name, any_name(wanted)
    return name, frozenset([wanted] if isinstance(wanted, bool) else wanted).__contains__


def _turned(admits: Admits) -> Admits:
    return lambda value: not admits(value)


class Index(Generic[Ruled]):
    """Rules by what they want. Built once for a policy; holds no ask, only values that asks had."""

    def __init__(self, rules: Sequence[Ruled]) -> None:
        self._rules = tuple(rules)
        self._every = (1 << len(rules)) - 1
        limits: dict[str, list[tuple[int, Admits]]] = {}
        for number, rule in enumerate(rules):
            for fact, admits in filter(None, map(limit_of, rule.conditions)):
                limits.setdefault(fact, []).append((1 << number, admits))
        possible = {fact: _remembered(self._every, some) for fact, some in limits.items()}
        self._single = tuple((LOOKS[fact], each) for fact, each in possible.items() if fact in LOOKS)
        few = [fact for fact in possible if fact in FEW]
        # two places that every ask has, because of a single one attrgetter gives no tuple
        self._look = attrgetter("ask.dialect", "ask.category", *(FEW[fact] for fact in few))
        self._together = _together(self._every, [possible[fact] for fact in few])
        self._words = _Several(rules, "words", lambda wanted: wanted)
        self._found = _Several(rules, "entities", _kinds)

    def may_match(self, facts: Facts) -> list[Ruled]:
        """The rules that an ask may match, in the policy's order; no other one can."""
        left = self._together(self._look(facts))
        for look, possible in self._single:
            left &= possible(look(facts))
        left &= self._words.possible(facts.ask.words)
        kinds = [kind for fact in facts.ask.entities for kind in ((fact.type, fact.evidence), fact.evidence)]
        left &= self._found.possible(kinds)
        found: list[Ruled] = []
        while left:
            lowest = left & -left
            found.append(self._rules[lowest.bit_length() - 1])
            left ^= lowest
        return found


def _remembered(every: int, limits: Sequence[tuple[int, Admits]]) -> Callable[[Hashable], int]:
    """The rules that a value of one fact leaves possible, worked out when it first occurs."""

    @lru_cache(maxsize=2048)
    def possible(value: Hashable) -> int:
        left = every
        for bit, admits in limits:
            if not admits(value):
                left &= ~bit
        return left

    return possible


def _together(
    every: int, several: Sequence[Callable[[Hashable], int]]
) -> Callable[[tuple[Hashable, ...]], int]:
    """The rules that the values of several facts leave possible; the first two values are of no fact."""

    @lru_cache(maxsize=4096)
    def possible(values: tuple[Hashable, ...]) -> int:
        left = every
        for each, value in zip(several, values[2:], strict=True):
            left &= each(value)
        return left

    return possible


class _Several:
    """The same for a fact of which an ask may hold several, and a rule needs one of those that it lists."""

    def __init__(
        self, rules: Sequence[Conditioned], name: str, listed: Callable[[Any], Iterable[Hashable]]
    ) -> None:
        self._without = 0
        self._masks: dict[Hashable, int] = {}
        for number, rule in enumerate(rules):
            wanted = [condition.wanted for condition in rule.conditions if condition.name == name]
            if not wanted:
                self._without |= 1 << number
            for value in listed(wanted[0]) if wanted else ():
                self._masks[value] = self._masks.get(value, 0) | 1 << number

    def possible(self, held: Iterable[Hashable]) -> int:
        """The rules that one of the held values leaves possible, and those that ask for none."""
        left = self._without
        for value in held:
            left |= self._masks.get(value, 0)
        return left


def _kinds(wanted: Mapping[str, Any]) -> Iterator[Hashable]:
    """Type and evidence of everything that counts; the evidence alone where any type does."""
    for evidence in wanted.get("evidence", EVIDENCE):
        if wanted.get("any"):
            yield evidence
        else:
            yield from ((kind, evidence) for kind in wanted["any_of"])
