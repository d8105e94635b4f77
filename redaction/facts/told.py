"""Told: which of the facts found in a text are told of somebody. Pure functions."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from redaction.facts import programme
from redaction.facts.near import People, Result

R = TypeVar("R", bound=Result)
TOLD = 0.7
"""Score of a fact told of somebody. Before that is known a candidate has ``MAYBE``."""
MAYBE = 0.2


def told(text: str, facts: Sequence[R], others: Iterable[Result], titles: bool = False) -> list[R]:
    """The facts that are told of somebody, raised to ``TOLD``; the others are left out.

    ``facts`` and ``others`` are findings in ``text`` as it was received. With ``titles`` a fact in a
    title or at any place of a document about somebody counts too, unless the words speak generally.
    """
    if not facts:
        return []
    people = People(text, others)
    kept = [fact for fact in facts if people and _of_somebody(people, fact.start, fact.end, titles)]
    for fact in kept:
        fact.score = max(fact.score, TOLD)
    return kept


def _of_somebody(people: People, start: int, end: int, titles: bool) -> bool:
    if programme.of_everybody(people.text, start, end, people.spoken_of(start)):
        return False
    if people.in_line(start, end):
        return True
    if not people.around(start, end) or programme.in_general(people.text, start, end):
        return False
    if titles or programme.personal(people.text, start, end):
        return True
    return people.before(start) or people.below(end)
