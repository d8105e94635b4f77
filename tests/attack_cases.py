"""The cases of prompt attacks (tests/cases/attacks) and how often the city's lists catch them.

``tuning.yaml`` and ``tuning2.yaml`` are what the lists may be corrected by. ``frozen.yaml`` was written by another hand and is only
ever counted: whoever corrects the lists does not read it. Shared by the tests and by benchmarks/attacks.py.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt
from pathlib import Path
from typing import Literal

import yaml

from policies.decide import Policy
from policies.words import WordMatcher

Kind = Literal["lift", "peek", "about", "harmless"]
KINDS: tuple[Kind, ...] = ("lift", "peek", "about", "harmless")
LANGUAGES = ("ja", "en")
LISTS = {"lift": "ATTACK-LIFT", "peek": "ATTACK-PEEK"}
FOLDER = Path(__file__).parent / "cases" / "attacks"
DAY = date(2026, 12, 1)
"""Any day: the lists have no last one."""


@dataclass(frozen=True, slots=True)
class Case:
    """One text: what it is, in which language, and how it goes about it."""

    text: str
    kind: Kind
    language: str
    how: str


@dataclass(frozen=True, slots=True)
class Count:
    """How many of how many."""

    caught: int
    of: int

    @property
    def interval(self) -> tuple[float, float]:
        """95 % (Wilson), as parts of one."""
        if not self.of:
            return 0.0, 1.0
        z, part = 1.96, self.caught / self.of
        middle = part + z * z / (2 * self.of)
        spread = z * sqrt(part * (1 - part) / self.of + z * z / (4 * self.of**2))
        whole = 1 + z * z / self.of
        return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


def read(name: str) -> list[Case]:
    """The cases of ``tuning`` (all its files) or ``frozen``; none where no file is there."""
    files = sorted(FOLDER.glob(f"{name}*.yaml"))
    return [Case(**row) for file in files for row in yaml.safe_load(file.read_text(encoding="utf-8"))]


def matcher(policy: Policy) -> WordMatcher:
    """The attack lists of a city's policy, and no other list of it."""
    return WordMatcher([each for each in policy.word_lists if each.id in LISTS.values()])


def caught(lists: WordMatcher, text: str) -> bool:
    """Whether one of the two lists catches it: the city's rule asks for either."""
    return bool(lists.found([text], DAY))


def counted(lists: WordMatcher, cases: Iterable[Case]) -> dict[tuple[str, str], Count]:
    """By kind and language."""
    tally: dict[tuple[str, str], Count] = {}
    for case in cases:
        key = case.kind, case.language
        before = tally.get(key, Count(0, 0))
        tally[key] = Count(before.caught + caught(lists, case.text), before.of + 1)
    return tally


def total(tally: dict[tuple[str, str], Count], kinds: Sequence[Kind]) -> Count:
    """Of these kinds in all languages."""
    some = [count for (kind, _), count in tally.items() if kind in kinds]
    return Count(sum(one.caught for one in some), sum(one.of for one in some))
