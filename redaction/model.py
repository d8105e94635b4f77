"""What the mask room speaks of: kinds of personal data, and where one was found.

Values only. Nothing here holds personal text, so everything here may be printed.
"""

from dataclasses import dataclass
from typing import Literal

Evidence = Literal["pattern", "checksum", "cue", "both", "context", "dictionary", "repeat"]
"""Why a finding is believed: its shape alone, a check digit, a cue word beside it, check digit
and cue, the words around it (titles, labels, honorifics), a dictionary, or an exact repeat of a
value that was found elsewhere in the same request."""

IRREVERSIBLE: frozenset[str] = frozenset({"JP_MY_NUMBER", "JP_RESIDENT_RECORD_CODE"})
"""Never vaulted, numbered, hashed or cached: 番号法, PPC Q&A 9-1 to 9-4; 住民基本台帳法 30条の37."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One datum found in one text, for example ``Finding("PERSON", 4, 8, 0.95, "names", "context")``.

    ``start`` and ``end`` count code points of the text as it was received, end exclusive.
    ``score`` is 0.0 to 1.0. ``source`` names the recogniser. Holds no text: safe to print.
    """

    label: str
    start: int
    end: int
    score: float
    source: str
    evidence: Evidence


class CannotDetect(Exception):
    """The detector is not loaded, broken, full or too slow. Nothing may be sent: answered 503.

    ``reason`` is a stable code: ``detector_loading``, ``detector_broken``, ``detector_busy`` or
    ``detector_timeout``. The message never quotes the text.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
