"""The vault of one exchange: which placeholder stands for which value.

It lives as long as its exchange, is never printed or shared, and knows no I/O; what becomes of its values
afterwards the desk decides (proxy/originals.py).

A placeholder looks like this::

    [PERSON_1_k7q2]   [JP_ADDRESS_1_m3xd]   [LITERAL_1_q2aa]   and irreversible: [JP_MY_NUMBER]

    type, number by first appearance in the request, four letters of an HMAC over caller, type and
    value. Why this shape: plain ASCII words in one bracket pair are copied by language models as
    they stand, survive JSON, Markdown, CSV and shells unescaped, and tell the model what kind of
    thing it speaks of. The number keeps two persons apart at a glance; the tag makes a placeholder
    that was guessed, invented or carried over from another request match nothing, because the same
    number with another value has another tag. There is no bracket inside, so two placeholders can
    never overlap and text around one can never complete another.

The same value always gets the same placeholder, over all texts of a request; the same texts by the
same caller always mask to the same bytes, in every process that shares the secret.
"""

import hmac
import re
from base64 import b32encode
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from redaction.model import IRREVERSIBLE, Finding

LITERAL = "LITERAL"
"""Type of input text that already looked like a placeholder before anything was masked."""

_TAG_LETTERS = 4
PLACEHOLDER = re.compile(r"\[(?P<label>[A-Z][A-Z0-9_]{0,40})_[0-9]{1,6}_[a-z2-7]{4}\]")
"""The shape of a placeholder that has a value. Whether it is one, only a vault knows."""

_LOOKALIKE = re.compile(f"{PLACEHOLDER.pattern}|\\[(?:{'|'.join(sorted(IRREVERSIBLE))})\\]")
_NARROW = {ord(wide): ord(wide) - 0xFEE0 for wide in map(chr, range(0xFF01, 0xFF5F))
           if chr(ord(wide) - 0xFEE0).isalnum() or wide in "［］＿"}  # fmt: skip

Span = tuple[int, int, str]


def narrow(text: str) -> str:
    """Full-width brackets, letters, digits and ＿ as ASCII, one for one: the only folding of a placeholder.

    ASCII goes to itself, so that no two placeholders ever become one.
    """
    return text if text.isascii() else text.translate(_NARROW)


class Vault:
    """Placeholder to value and back, for one exchange.

    ``key`` is secret and bound to the caller (see `caller_key`), so that one caller's placeholders
    say nothing about another's.
    """

    __slots__ = ("_key", "_numbers", "_placeholders", "_values")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._placeholders: dict[tuple[str, str], str] = {}
        self._values: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"Vault({len(self._values)} placeholders)"

    @property
    def values(self) -> Mapping[str, str]:
        """Placeholder to value, read-only."""
        return MappingProxyType(self._values)

    def mask(self, text: str, findings: Iterable[Finding], hides: Callable[[str], bool]) -> str:
        """Put a placeholder in the place of every finding whose type ``hides`` says is hidden.

        Text that already looks like a placeholder is put away too, as a literal, so that nothing in
        the masked text looks like a placeholder but is none.
        """
        spans = [(f.start, f.end, f.label) for f in findings if hides(f.label)]
        spans += [(m.start(), m.end(), LITERAL) for m in _LOOKALIKE.finditer(narrow(text))]
        parts: list[str] = []
        done = 0
        for start, end, label in _united(spans):
            parts += [text[done:start], self._placeholder(label, text[start:end])]
            done = end
        parts.append(text[done:])
        return "".join(parts)

    def _placeholder(self, label: str, value: str) -> str:
        if label in IRREVERSIBLE:
            return f"[{label}]"  # constant: no number, no tag, no entry
        known = self._placeholders.get((label, value))
        if known is not None:
            return known
        number = self._numbers[label] = self._numbers.get(label, 0) + 1
        placeholder = f"[{label}_{number}_{self._tag(label, value)}]"
        self._placeholders[label, value] = placeholder
        self._values[placeholder] = value
        return placeholder

    def _tag(self, label: str, value: str) -> str:
        message = f"{label}\0{value}".encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._key, message, "sha256")
        return b32encode(digest)[:_TAG_LETTERS].decode().lower()


def caller_key(secret: bytes, caller: str) -> bytes:
    """The key of one caller's vaults: HMAC-SHA256 of the caller's id under the house's secret."""
    return hmac.digest(secret, b"sekisho.vault.v1\0" + caller.encode(), "sha256")


def _united(spans: Iterable[Span]) -> list[Span]:
    """Spans that overlap become one, so that no found character is left between two placeholders.

    An irreversible type wins the union; else a found type wins over a literal; else the first.
    """
    united: list[Span] = []
    for start, end, label in sorted(spans):
        if united and start < united[-1][1]:
            first, last, held = united[-1]
            united[-1] = (first, max(last, end), max(held, label, key=_rank))
        else:
            united.append((start, end, label))
    return united


def _rank(label: str) -> int:
    return 2 if label in IRREVERSIBLE else 0 if label == LITERAL else 1
