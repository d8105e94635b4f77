"""The allow-list: exact strings that are public and therefore not found, such as the city's own
telephone number. Read from a text file, one string a line, ``#`` begins a remark.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from redaction.folding import fold

DEFAULT = Path(__file__).with_name("allow.txt")

_LOOSE = re.compile(r"[\s()\-]")
_MISREAD = str.maketrans("OoIl|", "00111")


class AllowList:
    """Strings compared after folding and without spaces, brackets and hyphens, so that one line
    allows 072-674-7111, ０７２（６７４）７１１１, 0726747111 and a scanner's O72-674-7lll."""

    def __init__(self, strings: Iterable[str]) -> None:
        self._strings = frozenset(spelled(string) for string in strings)
        self._shortest = min(map(len, self._strings), default=0)

    def holds(self, value: str) -> bool:
        """Whether exactly this value is allowed."""
        may_be = bool(self._strings) and len(value) >= self._shortest  # quick: most findings are short names
        return may_be and spelled(value) in self._strings


def read_allowed(path: Path = DEFAULT) -> tuple[str, ...]:
    """The strings of an allow-list file. Raises ``OSError`` when it cannot be read."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return tuple(line for line in lines if line)


def spelled(text: str) -> str:
    """The text as two ways of writing one number are the same: folded, without spaces, brackets and hyphens."""
    plain = _LOOSE.sub("", fold(text).text)
    digits = sum(letter.isdecimal() for letter in plain)
    return plain.translate(_MISREAD) if 2 * digits > len(plain) else plain
