"""Tables: one decision for each row and column, looked up instead of matched. Pure.

    rows: class, columns: destination      T.3C.D2 says what class 3C may do at D2
    rows: category                         C.hr says what holds for personnel work everywhere
    rows: entity, columns: evidence        E.JP_MY_NUMBER.cue says what one kind of finding means

A table whose rows are entities never allows: what was found can only restrict.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from policies.conditions import Condition, Test
from policies.days import between
from policies.facts import Facts
from policies.model import Bilingual, Gate, RuleHit

AXES: Mapping[str, Callable[[Facts], Any]] = {
    "class": lambda facts: facts.effective_class,
    "destination": lambda facts: facts.destination,
    "category": lambda facts: facts.ask.category,
}
"""Axes with one value for each ask; ``entity`` and ``evidence`` have one for each finding."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: ``Cell("T.3C.D2", "3C", "D2", "mask+confirm", "confirm", …)``.

    ``word`` is what the file says, ``gate`` what comes of it; ``hit`` is what a verdict shows of it.
    """

    row: str
    column: str | None
    word: str
    gate: Gate | None
    hit: RuleHit


@dataclass(frozen=True, slots=True)
class Table:
    """One table as it was read. ``cells`` has an entry for each row and column, the column None without columns."""

    id: str
    title: Bilingual
    basis: str
    owner: str | None
    rows: str
    columns: str | None
    cells: Mapping[tuple[str, str | None], Cell] = field(repr=False)
    conditions: tuple[Condition, ...]
    matches: Test = field(repr=False, compare=False)
    risks: tuple[str, ...]
    shadow: bool
    valid_from: date | None
    valid_until: date | None

    def live(self, day: date) -> bool:
        """Whether the table counts on a day (JST)."""
        return between(self.valid_from, day, self.valid_until)

    def at(self, facts: Facts) -> Sequence[Cell]:
        """The cells that an ask falls into, each once; none where the table says nothing."""
        if not (self.live(facts.day) and self.matches(facts)) or (
            self.rows == "entity" and not facts.ask.entities
        ):
            return ()
        places = self._found(facts) if self.rows == "entity" else ((self._row(facts), self._column(facts)),)
        cells = [self.cells.get(place) for place in places]
        return [cell for cell in cells if cell is not None and cell.hit.effects]

    def _row(self, facts: Facts) -> Any:
        return AXES[self.rows](facts)

    def _column(self, facts: Facts) -> Any:
        return AXES[self.columns](facts) if self.columns else None

    def _found(self, facts: Facts) -> Iterable[tuple[str, str | None]]:
        """Row and column of everything that was found."""
        found = [fact for fact in facts.ask.entities if fact.count]
        if self.columns == "evidence":
            return dict.fromkeys((fact.type, fact.evidence) for fact in found)
        column = self._column(facts)
        return dict.fromkeys((fact.type, column) for fact in found)
