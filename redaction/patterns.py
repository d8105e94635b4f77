"""Patterns that others write: whether one may be let loose on any text. Pure; runs none of them on a text.

A pattern is let in when the ways it may try from one place are few, whatever the text is. So the search is
linear, with a factor that is known beforehand.
"""

import re
from importlib import import_module
from typing import Any

from redaction.folding import fold

MOST_WAYS = 10_000
"""Ways a pattern may try from one place of a text: ``[0-9]{1,20}`` has 20, ``.*`` too many."""
LONGEST = 200
"""The most a pattern may repeat something."""


def trouble(written: str) -> tuple[str, str] | None:
    """Why a pattern cannot be used, in Japanese and in English; None where it can."""
    if fold(written).text != written:
        return (
            "全角の英数字・記号は半角で書いてください。",
            "write half-width letters and signs: texts are folded before the search.",
        )
    try:
        compiled = re.compile(written)
        ways = _ways(_parsed(written))
    except (re.error, OverflowError, RecursionError):
        return "正規表現として読めません。", "is not a regular expression."
    if not written or compiled.match(""):
        return "空の文字列にも合ってしまいます。", "matches nothing at all, and so everywhere."
    if ways > MOST_WAYS:
        return (
            "遅くなりえます。+ や * の代わりに {1,20} のように書いてください。",
            "may be slow: write {1,20} instead of + and *.",
        )
    return None


def _parsed(written: str) -> Any:
    return import_module("re._parser").parse(written)


def _ways(items: Any) -> int:
    """How many ways a parsed pattern may go through from one place, at most ``MOST_WAYS`` + 1."""
    ways = 1
    for operator, argument in items:
        ways = min(ways * _ways_of(str(operator), argument), MOST_WAYS + 1)
    return ways


def _ways_of(operator: str, argument: Any) -> int:
    if operator in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, most, inner = argument
        return _repeated(int(least), int(most), _ways(inner))
    if operator == "BRANCH":
        return sum(_ways(branch) for branch in argument[1])
    if operator == "SUBPATTERN":
        return _ways(argument[-1])
    if operator in ("ASSERT", "ASSERT_NOT"):
        return _ways(argument[1])
    if operator == "ATOMIC_GROUP":
        return _ways(argument)
    if operator == "GROUPREF_EXISTS":
        return sum(_ways(branch) for branch in argument[1:] if branch is not None)
    return 1


def _repeated(least: int, most: int, inner: int) -> int:
    if most > LONGEST:
        return MOST_WAYS + 1
    total = 0
    for times in range(least, most + 1):
        if inner > 1 and times > 20:
            return MOST_WAYS + 1
        total += inner**times
        if total > MOST_WAYS:
            return MOST_WAYS + 1
    return total
