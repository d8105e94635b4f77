"""What the model says of its own accord: personal data in a reply that was not in the question.

Numbers, mail addresses, cards and keys are masked on the way, with a constant such as [PHONE_NUMBER] that nothing
restores; names and addresses are let through and counted, unless the caller's key asks for them to be masked too.
What stood in the question as it was sent is nobody's secret any more and is left alone. My Number never is.
No placeholder stays in a web address that the model made up (redaction/links.py).

Searches what was cut by redaction/segments.py with the little that came before it, off the event loop. What cannot
be searched is not handed on: `CannotDetect`.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from proxy.kinds import ID, JSON, SCRIPT, Kind
from proxy.surfaces.reply import Place, Sieve
from proxy.walk import Opaque
from redaction.allowed import spelled
from redaction.detector import Detector
from redaction.json_place import JsonPlace
from redaction.links import Unlinked, new_addresses
from redaction.model import IRREVERSIBLE, Finding
from redaction.segments import Clauses, Runs, Segment, Segments

LET_THROUGH = frozenset(
    {
        "PERSON", "JP_ADDRESS", "JP_POSTAL_CODE", "DATE_OF_BIRTH", "COORDINATES", "IP_ADDRESS", "NETWORK",
        "JP_SENSITIVE", "JP_PROTECTED_PERSON", "JP_VULNERABLE_LIST",
    }
)  # fmt: skip
"""Recorded, not masked: a model that explains, drafts and translates must be able to name people and places."""

_BEFORE = 64
_BEFORE_A_CLAUSE = 200
_KEY_BEGINS = re.compile(r"PRIVATE KEY(?: BLOCK)?-----\s*\Z")
_KEY_ENDS = "-----END"
_KEY_LINE = re.compile(r"[0-9A-Za-z+/=:.\-]{8,}")
_ESCAPE = re.compile(r"\\+(?:u[0-9a-fA-F]{4}|[^\\])")
_SIGNS_OF_A_NUMBER = "0123456789.+-eE"


class Uttered:
    """One exchange's watch over what the model says. ``asked`` is the masked question as it was sent."""

    def __init__(self, detector: Detector, asked: str, names_too: bool = False, masks: bool = True) -> None:
        """``names_too``: names and addresses are masked as well. ``masks`` False: only count."""
        self._detector = detector
        self._asked = asked
        self._spelled: str | None = None
        self._known: dict[str, bool] = {}
        self._names_too = names_too
        self._masks = masks
        self._masked: Counter[str] = Counter()
        self._seen: Counter[str] | None = None
        self._links = 0

    def sieve(self, kind: Kind) -> Sieve:
        """A sieve for one text of the reply."""
        if not self._masks or kind is ID:
            return _Open()
        watching = _Watching(self, self._names_too, in_json=kind in (JSON, SCRIPT))
        return _Unlinked(watching, Unlinked(self._asked))

    async def reread(self, texts: Mapping[Place, str]) -> dict[Place, str]:
        """The whole answer once more, as the ledger keeps it: what was let through is counted and masked there."""
        found = await self._detector.find_each(list(texts.values()))
        kept: dict[Place, str] = {}
        seen: set[tuple[str, str]] = set()
        for (place, text), findings in zip(texts.items(), found, strict=True):
            new = [f for f in findings if self.is_new(f.label, text[f.start : f.end])]
            seen |= {(f.label, text[f.start : f.end]) for f in new}
            kept[place] = _masked(text, new)
        self._seen = Counter(label for label, _ in seen)
        self._links = len({link for text in texts.values() for link in new_addresses(text, self._asked)})
        return kept

    @property
    def facts(self) -> dict[str, Any]:
        """What the ending says: types and numbers, no text. ``output_searched`` False: the end was not reached.

        ``output_links``: web addresses that did not stand in the question.
        """
        both = self._masked + (self._seen or Counter())
        return {
            "output_pii": dict(sorted(both.items())),
            "output_masked": dict(sorted(self._masked.items())),
            "output_links": self._links,
            "output_searched": self._seen is not None,
        }

    async def find(self, before: str, text: str) -> list[Finding]:
        """What is to be masked in ``text``, which follows ``before``; counted from the beginning of ``text``."""
        (found,) = await self._detector.find_each([before + text])
        return [
            _shifted(f, len(before), len(text))
            for f in found
            if f.end > len(before) and self._hides(f.label, (before + text)[f.start : f.end])
        ]

    def count(self, label: str) -> None:
        self._masked[label] += 1

    def is_new(self, label: str, value: str) -> bool:
        """Whether the question as it was sent did not hold this value."""
        if label in IRREVERSIBLE:
            return True
        if self._spelled is None:
            self._spelled = spelled(self._asked)
        known = self._known.get(value)
        if known is None:
            known = self._known[value] = value in self._asked or spelled(value) in self._spelled
        return not known

    def _hides(self, label: str, value: str) -> bool:
        return (self._names_too or label not in LET_THROUGH) and self.is_new(label, value)


def said_in(body: Any) -> str:
    """The strings of a request, a line for each."""
    if isinstance(body, str):
        return "" if isinstance(body, Opaque) else body
    inside = body.values() if isinstance(body, dict) else body if isinstance(body, list) else ()
    return "\n".join(map(said_in, inside))


class _Unlinked:
    """What was watched, with no placeholder left in an address that the model made up."""

    def __init__(self, watching: "_Watching", unlinked: Unlinked) -> None:
        self._watching = watching
        self._unlinked = unlinked

    async def feed(self, piece: str) -> str:
        return self._unlinked.feed(await self._watching.feed(piece))

    async def flush(self) -> str:
        return self._unlinked.feed(await self._watching.flush()) + self._unlinked.flush()


class _Open:
    """Lets everything through."""

    async def feed(self, piece: str) -> str:
        return piece

    async def flush(self) -> str:
        return ""


class _Watching:
    """The sieve of one text."""

    def __init__(self, uttered: Uttered, names_too: bool, in_json: bool) -> None:
        self._uttered = uttered
        self._segments: Segments = Clauses() if names_too else Runs()
        self._reach = _BEFORE_A_CLAUSE if names_too else _BEFORE
        self._before = ""
        self._place = JsonPlace() if in_json else None
        self._in_key = False
        self._goes_on = False

    async def feed(self, piece: str) -> str:
        return "".join([await self._passed(segment) for segment in self._segments.feed(piece)])

    async def flush(self) -> str:
        return "".join([await self._passed(segment) for segment in self._segments.flush()])

    async def _passed(self, segment: Segment) -> str:
        text = segment.text
        made = await self._masked(segment)
        self._before = (self._before + text)[-self._reach :]
        if self._place is not None:
            self._place.read(text)
        return made

    async def _masked(self, segment: Segment) -> str:
        text = segment.text
        if self._goes_on:  # the rest of a key whose beginning is masked
            self._goes_on = segment.cut
            return ""
        if self._key_line(text):
            self._goes_on = segment.cut
            return self._hidden(text, [Finding("CREDENTIAL", 0, len(text), 1.0, "key", "pattern")])
        if not segment.search:
            return text
        found = await self._uttered.find(self._before, text)
        self._goes_on = segment.cut and any(f.label == "CREDENTIAL" and f.end == len(text) for f in found)
        return self._hidden(text, found)

    def _key_line(self, text: str) -> bool:
        """Whether this is the inside of a private key, which goes over many lines."""
        self._in_key = self._in_key or _KEY_BEGINS.search(self._before) is not None
        if _KEY_ENDS in text:
            self._in_key = False
        return self._in_key and _KEY_LINE.fullmatch(text) is not None

    def _hidden(self, text: str, found: list[Finding]) -> str:
        """The text with a constant for every finding; in JSON it stays JSON."""
        for finding in found:
            self._uttered.count(finding.label)
        if self._place is None:
            return _masked(text, found)
        quote = self._place.quote
        if quote:
            return _masked(text, [_whole_number(text, finding) for finding in found], quote)
        return _masked(text, [self._behind_escapes(text, finding) for finding in found])

    def _behind_escapes(self, text: str, finding: Finding) -> Finding:
        """The finding without the end of an escape: of a line feed and a number the n is no part of the number."""
        near = self._before[-12:]
        start = finding.start
        for escape in _ESCAPE.finditer(near + text, 0, len(near) + finding.start + 6):
            if escape.start() < len(near) + start < escape.end():
                start = escape.end() - len(near)
        return replace(finding, start=min(start, finding.end))


def _whole_number(text: str, finding: Finding) -> Finding:
    """Between the values of JSON: with its sign, its fraction and its exponent."""
    start, end = finding.start, finding.end
    while start > 0 and text[start - 1] in _SIGNS_OF_A_NUMBER:
        start -= 1
    while end < len(text) and text[end] in _SIGNS_OF_A_NUMBER:
        end += 1
    return replace(finding, start=start, end=end)


def _masked(text: str, found: list[Finding], quote: str = "") -> str:
    """The text with a constant for every finding, in quotation marks where JSON wants a string."""
    parts: list[str] = []
    done = 0
    for finding in found:
        if finding.start < done:  # another of the same number
            continue
        parts += [text[done : finding.start], f"{quote}[{finding.label}]{quote}"]
        done = finding.end
    return "".join([*parts, text[done:]])


def _shifted(finding: Finding, by: int, most: int) -> Finding:
    start, end = max(0, finding.start - by), min(most, finding.end - by)
    return Finding(finding.label, start, end, finding.score, finding.source, finding.evidence)
