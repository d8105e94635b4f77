"""Names that a rule lists: compared folded, with ``*`` and ``?`` as wildcards. Pure."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from fnmatch import translate
from functools import lru_cache


@lru_cache(maxsize=4096)
def folded(name: str) -> str:
    """One spelling for names that differ only in width or case: ``ＩＴ推進課`` is ``it推進課``.

    A deny rule that misses its section because of a full-width letter would fail open.
    """
    return unicodedata.normalize("NFKC", name).casefold()


def is_pattern(name: str) -> bool:
    """Whether a listed name stands for several."""
    return "*" in name or "?" in name


def any_name(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Exact names, ``*`` and ``?``. A ``[`` is itself: sets of letters are not part of the language."""
    listed = tuple(patterns)
    exact = frozenset(folded(p) for p in listed if not is_pattern(p))
    globs = [translate(folded(p).replace("[", "[[]")) for p in listed if is_pattern(p)]
    pattern = re.compile("|".join(globs)) if globs else None

    def named(name: str) -> bool:
        name = folded(name)
        return name in exact or (pattern is not None and pattern.match(name) is not None)

    return named


def spelled_like(pattern: str) -> Callable[[str], bool]:
    """The same for one name to the letter: for models, whose other spelling is another model."""
    matches = re.compile(translate(pattern.replace("[", "[[]"))).match
    return lambda name: matches(name) is not None
