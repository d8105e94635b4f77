"""What was found in a text, remembered for its next turn: a conversation sends its history each time.

In memory only: spans, never text, under a keyed hash whose key is random per process and dies with it.
A text with a My Number or a 住民票コード is not remembered in any form.
"""

import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from redaction.model import IRREVERSIBLE, Finding


@dataclass(frozen=True, slots=True)
class Found:
    """The findings of one text, and where in its folded form short words stand free (from, to)."""

    findings: tuple[Finding, ...]
    free: frozenset[tuple[int, int]]


class Memory:
    """The ``most`` texts that were seen last. Safe to use from several threads."""

    def __init__(self, most: int = 20_000) -> None:
        self._key = secrets.token_bytes(32)
        self._most = most
        self._known: OrderedDict[bytes, Found] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._known)

    def recall(self, text: str, strict: bool = False) -> Found | None:
        """What was found in exactly this text by such a search, or None."""
        name = self._name(text, strict)
        with self._lock:
            found = self._known.get(name)
            if found is not None:
                self._known.move_to_end(name)
        return found

    def keep(self, text: str, found: Found, strict: bool = False) -> None:
        """Remember, unless something irreversible was found."""
        if any(finding.label in IRREVERSIBLE for finding in found.findings):
            return
        with self._lock:
            self._known[self._name(text, strict)] = found
            while len(self._known) > self._most:
                self._known.popitem(last=False)

    def _name(self, text: str, strict: bool) -> bytes:
        kind = b"strict\0" if strict else b"usual\0"
        return hmac.digest(self._key, kind + text.encode("utf-8", "surrogatepass"), "sha256")
