"""What can be proved of conditions without asking anybody: that they can never hold, or never without others. Pure.

    {class: ["1"], class_at_least: 3C}                       can never hold
    {destination: [D1]} is covered by {destination: [D1, D2]}

A proof tries every value that could matter of each fact on its own, through the very tests that decide. What is
not proved may still be so: a "possible" here promises nothing, an "impossible" does.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain, islice, product
from math import prod
from typing import Any

from policies.conditions import NAMES, Condition, minute
from policies.days import closed
from policies.decide import Policy
from policies.facts import CLASS_WITHOUT_DECLARATION, Facts
from policies.model import Ask, ConfidentialityClass, Stage
from policies.names import any_name, folded, is_pattern
from policies.registry import NO_ZONE, Model, UseCase
from policies.vocabulary import (
    ACTORS,
    AUDIENCES,
    CATEGORIES,
    CLASSES,
    DIALECTS,
    ENTITY_TYPES,
    EVIDENCE,
    IDENTITIES,
    QUOTAS,
    ROLES,
    SERVICES,
    STAGES,
    TIERS,
)

MOST_CLAUSES = 400
"""Conditions that fall into more cases than this are believed possible."""
MOST_STEPS = 5000
"""The same for the search of a name that fits several patterns."""

ORDINARY = Ask(
    person="",
    department="",
    section="",
    actor="staff",
    identity="authenticated",
    tool="",
    enrolled=True,
    trained=True,
    acknowledged=True,
    dialect="chat",
    model="",
    destination="D2",
    category="research",
    declared_class=None,
    entities=(),
    characters=0,
    at=datetime(2026, 4, 1, tzinfo=UTC),
)
"""What the values that are tried are put into."""

Way = tuple[Condition, bool]
"""A condition, and whether it is to hold."""
Clause = tuple[Way, ...]

OF_CLASS = ("class", "class_at_least", "class_declared", "class_detected")
OF_MODEL = ("model", "model_stage", "service", "no_training", "recorded", "region", "destination")
ASKED: Mapping[str, Sequence[Any]] = {
    **{name: (False, True) for name in ("enrolled", "trained", "acknowledged", "consented", "purpose")},
    "actor": ACTORS,
    "role": ROLES,
    "identity": IDENTITIES,
    "audience": AUDIENCES,
    "dialect": DIALECTS,
    "category": CATEGORIES,
    "quota": QUOTAS,
}
"""Facts that the ask itself holds, with all they can be."""
ANOTHER_ZONE = "\0"
"""A zone that no condition names, for what a policy may come to list. No file can write this name."""
COUNTED = {"characters_over": "characters", "persons_at_least": "persons", "pairs_at_least": "pairs"}


def clauses(conditions: Sequence[Condition], hold: bool = True) -> Iterator[Clause]:
    """The ways in which conditions can all hold (or, turned round, not all hold): one of them is needed."""
    if not hold:
        for condition in conditions:
            yield from _ways(condition, False)
        return
    for several in product(*(list(_ways(condition, True)) for condition in conditions)):
        yield tuple(chain.from_iterable(several))


def _ways(condition: Condition, hold: bool) -> Iterator[Clause]:
    if condition.parts:
        yield from clauses(condition.parts, not hold)
    else:
        yield ((condition, hold),)


class World:
    """What can happen from a day on. Without a policy: whatever its lists may come to say.

    ``registered``: only what can happen with a model that the policy lists.
    """

    def __init__(self, today: date, policy: Policy | None = None, registered: bool = False) -> None:
        self._today = today
        self._policy = policy
        self._registered = registered
        self._facts = Facts(ORDINARY, today, 600, None, "unknown", "D2", NO_ZONE, None, ())
        if policy is not None:
            self._facts.closed_days = policy.closed_days
        self._holidays = list(self._both_days())
        self._classes = list(self._class_facts())
        self._tautologies: dict[int, tuple[Condition, bool]] = {}

    def possible(self, *several: tuple[Sequence[Condition], bool]) -> bool:
        """Whether some ask may fulfil all of these (conditions, hold) at once; False is proved."""
        ways = [tuple(islice(clauses(conditions, hold), MOST_CLAUSES + 1)) for conditions, hold in several]
        if prod(map(len, ways)) > MOST_CLAUSES:
            return True
        return any(self._clause(tuple(chain.from_iterable(together))) for together in product(*ways))

    def covers(self, wide: Sequence[Condition], narrow: Sequence[Condition]) -> bool:
        """Whether every ask that fulfils the narrow conditions is proved to fulfil the wide ones, too."""
        named = set(map(self._group, _flat(narrow)))
        for condition in wide:
            apart = named.isdisjoint(map(self._group, _flat([condition])))
            if apart and not self._always(condition):
                return False
        return all(not self.possible((narrow, True), ([condition], False)) for condition in wide)

    def _always(self, condition: Condition) -> bool:
        if id(condition) not in self._tautologies:
            # kept beside its answer, so that no other condition can come to have its id
            self._tautologies[id(condition)] = condition, not self.possible(([condition], False))
        return self._tautologies[id(condition)][1]

    def _group(self, condition: Condition) -> str:
        """Conditions of one group look at facts that hang together; groups are independent of each other."""
        if condition.name in OF_CLASS:
            return "class"
        return "model" if condition.name in OF_MODEL and self._policy is not None else condition.name

    def _clause(self, clause: Clause) -> bool:
        groups: dict[str, list[Way]] = {}
        for condition, hold in clause:
            groups.setdefault(self._group(condition), []).append((condition, hold))
        return all(self._fulfilled(name, ways) for name, ways in groups.items())

    def _fulfilled(self, group: str, ways: Sequence[Way]) -> bool:
        missing = [condition for condition, hold in ways if not hold]
        if any(hold and condition in missing for condition, hold in ways):
            return False
        if group == "entities":
            return _enough(ways)
        if group == "tools":
            return _offered(ways)
        if group == "model" and self._policy is not None:
            return self._by_a_model(ways, self._policy)
        if group in NAMES and group not in ASKED:
            return nameable(_patterns(ways, True), _patterns(ways, False))
        candidates = self._candidates(group, ways)
        return candidates is None or any(_fulfils(facts, ways) for facts in candidates)

    def _candidates(self, group: str, ways: Sequence[Way]) -> Iterable[Facts] | None:
        """Facts with every value that matters; None where nothing can be said."""
        if group in ASKED:
            return (self._asked(group, value) for value in ASKED[group])
        if group in COUNTED:
            at = [way[0].wanted for way in ways]
            return (
                self._asked(COUNTED[group], count) for w in at for count in (w - 1, w, w + 1) if count >= 0
            )
        others: Mapping[str, Callable[[], Iterable[Facts] | None]] = {
            "always": lambda: [self._facts],
            "class": lambda: self._classes,
            "holiday": lambda: self._holidays,
            "hours": lambda: [replace(self._facts, minute=at) for at in _edges(ways)],
            "zone": lambda: [replace(self._facts, zone=zone) for zone in self._zones(ways)],
            "words": lambda: [self._asked("words", self._words(ways))],
            "attachments": lambda: [self._asked("attachments", _without(ways))],
            "use_case": self._use_cases,
            "destination": lambda: [replace(self._facts, destination=tier) for tier in TIERS],
            "model_stage": lambda: [replace(self._facts, stage=stage) for stage in STAGES],
            "service": lambda: [self._facts, *(self._by(service=service) for service in SERVICES)],
            "no_training": lambda: [self._by(no_training=so) for so in (True, False)],
            "recorded": lambda: [self._by(recorded=so) for so in (True, False)],
        }  # fmt: skip
        made = others.get(group)
        return made() if made else None

    def _asked(self, name: str, value: Any) -> Facts:
        return replace(self._facts, ask=replace(ORDINARY, **{name: value}))

    def _by(self, **facts: Any) -> Facts:
        return replace(self._facts, model=_model(**facts))

    def _class_facts(self) -> Iterator[Facts]:
        """Every declared with every detected class, and the higher of the two."""
        found: set[ConfidentialityClass] = set(CLASSES)
        if self._policy is not None:
            found = {each.to for each in self._policy.raises}
        for declared in (None, *CLASSES):
            for detected in (None, *sorted(found)):
                facts = self._asked("declared_class", declared)
                both = [one for one in (declared or CLASS_WITHOUT_DECLARATION, detected) if one]
                facts.detected_class = detected
                facts.effective_class = max(both, key=CLASSES.index)
                yield facts

    def _both_days(self) -> Iterator[Facts]:
        """The next day on which the city hall is open, and the next on which it is closed."""
        left = (date.max - self._today).days
        days = [self._today + timedelta(days=ahead) for ahead in range(min(366, left + 1))]
        for so in (True, False):
            day = next((day for day in days if closed(day, self._facts.closed_days) is so), None)
            if day is not None:
                yield replace(self._facts, day=day)

    def _zones(self, ways: Sequence[Way]) -> Iterable[str]:
        if self._policy is not None:
            return (*self._policy.zones.names, NO_ZONE)
        return {*chain.from_iterable(condition.wanted for condition, _ in ways), NO_ZONE, ANOTHER_ZONE}

    def _words(self, ways: Sequence[Way]) -> tuple[str, ...]:
        """All lists that may occur and none that must not: if this does not do, nothing does."""
        left = set(_without(ways))
        if self._policy is not None:
            left &= {
                one.id for one in self._policy.word_lists if one.until is None or one.until >= self._today
            }
        return tuple(left)

    def _use_cases(self) -> Iterable[Facts] | None:
        if self._policy is None:
            return None
        return self._each_use_case(self._policy.use_cases.values())

    def _each_use_case(self, cases: Iterable[UseCase]) -> Iterator[Facts]:
        yield self._facts
        for case in cases:
            turns = (case.approval.on, case.approval.until) if case.approval else ()
            for day in (self._today, *_around(turns)):
                if day >= self._today:
                    yield replace(self._facts, use_case=case, day=day)

    def _by_a_model(self, ways: Sequence[Way], policy: Policy) -> bool:
        named = [way for way in ways if way[0].name == "model"]
        other = [way for way in ways if way[0].name != "model"]
        for model, stage in self._models(policy):
            begins = TIERS.index(model.destination) if model else 0
            for tier in TIERS[begins:]:
                if _fulfils(replace(self._facts, model=model, stage=stage, destination=tier), other):
                    own = [[model.name]] if model else []
                    if nameable([*own, *_patterns(named, True)], _patterns(named, False)):
                        return True
        return False

    def _models(self, policy: Policy) -> Iterator[tuple[Model | None, Stage]]:
        """Every registered model with what it is or will be, and one that is not registered."""
        if not self._registered:
            yield None, "unknown"
        for model in policy.models.listed:
            days = (self._today, *_around((model.valid_from, model.valid_until)))
            for stage in {model.stage(day) for day in days if day >= self._today}:
                yield model, stage


def _around(turns: Iterable[date | None]) -> Iterator[date]:
    """The days on which something begins or ends, and the days after them; 9999-12-31 has none."""
    for day in filter(None, turns):
        yield day
        if day < date.max:
            yield day + timedelta(days=1)


def _fulfils(facts: Facts, ways: Iterable[Way]) -> bool:
    return all(condition.test(facts) is hold for condition, hold in ways)


def _flat(conditions: Iterable[Condition]) -> Iterator[Condition]:
    for condition in conditions:
        if condition.parts:
            yield from _flat(condition.parts)
        else:
            yield condition


def _edges(ways: Iterable[Way]) -> set[int]:
    """The minutes at which a span begins or ends, and those before."""
    at = {minute(condition.wanted[key]) for condition, _ in ways for key in ("from", "until")}
    return at | {(one - 1) % 1440 for one in at}


def _without(ways: Sequence[Way]) -> tuple[str, ...]:
    """All values that somebody asks for but those that must not be."""
    wanted = {value for condition, hold in ways if hold for value in condition.wanted}
    return tuple(wanted - {value for condition, hold in ways if not hold for value in condition.wanted})


def _model(**facts: Any) -> Model:
    """Any model with these facts."""
    plain = {"service": "contract", "no_training": True, "recorded": True, **facts}
    return Model(
        name="*",
        title=None,  # type: ignore[arg-type]  # nobody reads it
        destination="D1",
        regions=(),
        contract="",
        sandbox=False,
        valid_from=None,
        valid_until=None,
        tools=(),
        prices=(),
        **plain,
    )


# ── what was found ────────────────────────────────────────────────────────────────────────────────


def _enough(ways: Sequence[Way]) -> bool:
    """Whether counts can be as high as some conditions want and as low as others do."""
    least = [_kinds(condition.wanted) for condition, hold in ways if hold]
    most = [_kinds(condition.wanted) for condition, hold in ways if not hold]
    for kinds, count in least:
        limits = [(others, top - 1) for others, top in most if others & kinds]
        bounded = kinds <= set().union(*(others for others, _ in limits))
        if bounded and count > sum(top for _, top in limits):
            return False
    return True


def _kinds(wanted: Mapping[str, Any]) -> tuple[set[tuple[str, str]], int]:
    types = wanted.get("any_of") or (*ENTITY_TYPES, "any other")
    return set(product(types, wanted.get("evidence", EVIDENCE))), wanted.get("at_least", 1)


def _offered(ways: Sequence[Way]) -> bool:
    """Whether tools can be offered so: none at all contradicts any; a name cannot be both there and not."""
    there = [condition.wanted for condition, hold in ways if hold]
    missing = [condition.wanted for condition, hold in ways if not hold]
    if there and any(wanted.get("any") for wanted in missing):
        return False
    banned = {folded(name) for wanted in missing for name in wanted.get("any_of", ())}
    lists = [wanted["any_of"] for wanted in there if "any_of" in wanted]
    return not any(banned.issuperset(map(folded, names)) for names in lists)


# ── names ─────────────────────────────────────────────────────────────────────────────────────────


def _patterns(ways: Iterable[Way], hold: bool) -> list[Sequence[str]]:
    return [condition.wanted for condition, holds in ways if holds is hold]


def nameable(fits: Sequence[Sequence[str]], misses: Sequence[Sequence[str]]) -> bool:
    """Whether a name exists that fits one pattern of each list and none of the others; False is proved."""
    exact = next((names for names in fits if not any(map(is_pattern, names))), None)
    if exact is not None:
        wanted, banned = list(map(any_name, fits)), list(map(any_name, misses))
        return any(all(it(name) for it in wanted) and not any(it(name) for it in banned) for name in exact)
    return _search([*map(_folded, fits)], [*map(_folded, misses)])


def spellable(fits: str, misses: str) -> bool:
    """The same for one pattern and another to the letter, as models are named; False is proved."""
    return _search([(fits,)], [(misses,)])


def _folded(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(folded, names))


@dataclass(frozen=True, slots=True)
class _Reading:
    """How far each pattern of each list has been read, after some letters of a name."""

    places: tuple[frozenset[tuple[str, int]], ...]

    def after(self, letter: str) -> "_Reading":
        return _Reading(tuple(frozenset(_read(places, letter)) for places in self.places))

    def ended(self) -> tuple[bool, ...]:
        return tuple(any(at == len(pattern) for pattern, at in places) for places in self.places)


def _search(fits: Sequence[Sequence[str]], misses: Sequence[Sequence[str]]) -> bool:
    """Read all patterns side by side, letter by letter, until a name fits; one letter stands for all others."""
    lists = [*fits, *misses]
    letters = {letter for names in lists for name in names for letter in name if letter not in "*?"} | {"\0"}
    wanted = (*(True for _ in fits), *(False for _ in misses))
    start = _Reading(tuple(frozenset(_open((name, 0) for name in names)) for names in lists))
    seen, waiting = {start}, [start]
    while waiting:
        reading = waiting.pop()
        if reading.ended() == wanted or len(seen) > MOST_STEPS:
            return True
        following = {reading.after(letter) for letter in letters} - seen
        alive = {one for one in following if all(places for places in islice(one.places, len(fits)))}
        seen |= following
        waiting.extend(alive)
    return False


def _open(places: Iterable[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """The same places, and those behind a ``*`` that stands for nothing."""
    for pattern, at in places:
        yield pattern, at
        while at < len(pattern) and pattern[at] == "*":
            at += 1
            yield pattern, at


def _read(places: Iterable[tuple[str, int]], letter: str) -> Iterator[tuple[str, int]]:
    for pattern, at in places:
        if at == len(pattern):
            continue
        if pattern[at] == "*":
            yield from _open([(pattern, at)])
        elif pattern[at] in ("?", letter):
            yield from _open([(pattern, at + 1)])
