"""What the tests of a policy have tried: every rule, every condition of it and every cell, true and false. Pure.

A rule that no test has made match may be misspelt; one that every test matches may match too much.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from policies.conditions import Condition
from policies.decide import Policy, Raise, Rule, check
from policies.facts import Facts, facts_of
from policies.model import Ask
from policies.tables import Table


@dataclass(slots=True)
class Tried:
    """How often something was seen true and false."""

    true: int = 0
    false: int = 0

    def see(self, holds: bool) -> None:
        if holds:
            self.true += 1
        else:
            self.false += 1


@dataclass(slots=True)
class ConditionTried:
    """One condition of a rule: ``name`` is ``category``, or ``not.category`` inside a ``not``."""

    name: str
    condition: Condition
    tried: Tried = field(default_factory=Tried)


@dataclass(slots=True)
class RuleTried:
    """One rule, table or way to a class, and each of its conditions."""

    id: str
    conditions: tuple[ConditionTried, ...]
    tried: Tried = field(default_factory=Tried)

    @property
    def always(self) -> bool:
        """Whether it applies whatever is asked, so that no test can make it not match."""
        return all(one.condition.name == "always" for one in self.conditions)

    def gaps(self) -> Iterator[tuple[str | None, bool]]:
        """What was never seen: a condition by name, or None for the rule, and which of true and false."""
        if not self.tried.true:
            yield None, True
        if not self.tried.false and not self.always:
            yield None, False
        for one in self.conditions:
            if one.condition.name != "always" and len(self.conditions) > 1:
                if not one.tried.true:
                    yield one.name, True
                if not one.tried.false:
                    yield one.name, False


class Coverage:
    """Counts, test by test, what a policy's rules, conditions, cells and words were seen to do."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.rules = {rule.id: _tried(rule) for rule in policy.rules}
        self.raises = {rule.id: _tried(rule) for rule in policy.raises}
        self.tables = {table.id: _tried(table) for table in policy.tables}
        self.cells = {
            table.id: {cell.hit.id: 0 for cell in table.cells.values() if cell.hit.effects}
            for table in policy.tables
        }
        self.words = {words.id: Tried() for words in policy.word_lists}

    def see(self, ask: Ask) -> None:
        """Count one test. An ask that is refused before any rule is looked at tells nothing of the rules."""
        try:
            check(self._policy, ask)
            facts = facts_of(self._policy, ask)
        except Exception:  # whatever goes wrong is a refusal, as in decide()
            return
        for rule in self._policy.rules:
            _see(self.rules[rule.id], rule, facts, rule.live(facts.day))
        for each in self._policy.raises:
            _see(self.raises[each.id], each, facts)
        for table in self._policy.tables:
            _see(self.tables[table.id], table, facts, table.live(facts.day))
            for cell in table.at(facts):
                self.cells[table.id][cell.hit.id] += 1

    def see_words(self, found: Sequence[str]) -> None:
        """Count one text in which these lists occur, and no other."""
        for id, tried in self.words.items():
            tried.see(id in found)

    @property
    def ruled(self) -> tuple[RuleTried, ...]:
        """Everything that has conditions, in the order of a policy."""
        return (*self.rules.values(), *self.raises.values(), *self.tables.values())

    def knows(self, rule: str) -> bool:
        """Whether the policy has a rule, a table or a cell of this id."""
        return any(one.id == rule for one in self.ruled) or any(
            rule in cells for cells in self.cells.values()
        )

    @property
    def conditions(self) -> tuple[int, int]:
        """How many conditions were seen both true and false, and how many there are."""
        some = [one.tried for rule in self.ruled for one in rule.conditions if one.condition.name != "always"]
        return sum(bool(tried.true and tried.false) for tried in some), len(some)

    def summary(self, policy: str) -> Iterator[str]:
        """One line of counts, then a line for everything that was never tried."""
        matched = sum(bool(rule.tried.true) for rule in self.rules.values())
        both, conditions = self.conditions
        cells = [count for counted in self.cells.values() for count in counted.values()]
        tried = sum(map(bool, cells))
        ja = f"規則 {matched}/{len(self.rules)}、条件 {both}/{conditions}、表のマス {tried}/{len(cells)} を試しました"
        en = f"tried {matched}/{len(self.rules)} rules, {both}/{conditions} conditions, {tried}/{len(cells)} cells"
        yield f"{policy}: {ja} / {en}"
        never = [id for id, rule in self.rules.items() if not rule.tried.true]
        if never:
            ids = ", ".join(never)
            yield f"  一度も当てはまらなかった規則: {ids} / rules that no test has hit: {ids}"
        for rule in self.ruled:
            gaps = [] if rule.id in never else list(rule.gaps())
            if gaps:
                yield f"  {rule.id}: {'、'.join(map(_gap_ja, gaps))} / {', '.join(map(_gap_en, gaps))}"
        for table, counted in self.cells.items():
            empty = [cell.removeprefix(f"{table}.") for cell, count in counted.items() if not count]
            if empty:
                yield f"  表 {table} の試していないマス: {' '.join(empty)} / cells never tried"
        unseen = [id for id, one in self.words.items() if not one.true]
        if unseen:
            ids = ", ".join(unseen)
            yield f"  見つかる文(text)を試していない言葉の一覧: {ids} / word lists that no text was tried for: {ids}"

    def details(self, rule: str) -> Iterator[str]:
        """How often one rule and each of its conditions, or the cells of one table, were seen true and false."""
        for one in self.ruled:
            if one.id == rule:
                yield f"{one.id}: {_counted(one.tried)}"
                yield from (f"  {each.name}: {_counted(each.tried)}" for each in one.conditions)
        for counted in self.cells.values():
            for cell, count in counted.items():
                if cell == rule or cell.startswith(f"{rule}."):
                    yield f"  {cell}: {count} 回 / {count} times"

    def plain(self) -> dict[str, Any]:
        """As plain JSON: ``true`` and ``false`` say how often each was seen so."""
        return {
            "rules": [_plain(one) for one in self.rules.values()],
            "detected": [_plain(one) for one in self.raises.values()],
            "tables": [{**_plain(one), "cells": self.cells[one.id]} for one in self.tables.values()],
            "words": [{"id": id, "true": one.true, "false": one.false} for id, one in self.words.items()],
        }


def _plain(one: RuleTried) -> dict[str, Any]:
    conditions = [
        {"name": each.name, "true": each.tried.true, "false": each.tried.false} for each in one.conditions
    ]
    return {"id": one.id, "true": one.tried.true, "false": one.tried.false, "conditions": conditions}


def _counted(tried: Tried) -> str:
    return (
        f"当てはまった {tried.true} 回、当てはまらなかった {tried.false} 回"
        f" / true {tried.true}, false {tried.false}"
    )


def _gap_ja(gap: tuple[str | None, bool]) -> str:
    name, so = gap
    return f"{name or '全体'} が{'当てはまる' if so else '当てはまらない'}試験がない"


def _gap_en(gap: tuple[str | None, bool]) -> str:
    name, so = gap
    return f"{name or 'the whole'} never {str(so).lower()}"


def _tried(ruled: Rule | Raise | Table) -> RuleTried:
    return RuleTried(ruled.id, tuple(_conditions(ruled.conditions, "")))


def _conditions(conditions: Sequence[Condition], within: str) -> Iterator[ConditionTried]:
    for condition in conditions:
        if condition.parts:
            yield from _conditions(condition.parts, f"{within}not.")
        else:
            yield ConditionTried(f"{within}{condition.name}", condition)


def _see(tried: RuleTried, ruled: Rule | Raise | Table, facts: Facts, live: bool = True) -> None:
    for one in tried.conditions:
        one.tried.see(one.condition.test(facts))
    tried.tried.see(live and ruled.matches(facts))
