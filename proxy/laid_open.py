"""A request laid open: its strings as sheets of text that a reader, or a detector, understands.

A field of its own is a sheet of its own, and so is each text of a list of texts. The parts of one message stand
on one sheet, end to end, so that a number cut in two is still seen, and each alone; and what is inside JSON stands on one sheet, a line for each key::

    氏名: 一二三 蓮
    口座番号: 1234567

because a key says what its value is. Findings on a sheet are dealt back to the strings they lie in.
Knows nothing of detection beyond `Finding`, and nothing of HTTP.
"""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from policies.model import Bilingual
from proxy.errors import Problem
from proxy.kinds import ID, KEY, NUMBER, ORIGINAL, SEALED, VALUE, WHOLE, WORD, Kind
from redaction.encoded import opened
from redaction.model import Finding

MOST = 20_000
"""Strings and numbers that one request may hold."""

_SHORT = 64
_WRITTEN_NUMBER = re.compile(r"[0-9]{2,4}-[0-9]{2,4}-[0-9]{3,4}|[0-9]{8,}")
_LONG_NUMBER = re.compile(r"[0-9]{11,}")
_AFTER = {KEY: ": ", VALUE: "\n", NUMBER: "\n"}
_PART = re.compile(r"(.*)\[\d+\](?:\.text|\.refusal)?")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One string: what it is, where it was in the request, and where it stands on its sheet."""

    kind: Kind
    path: str
    sheet: int
    start: int
    end: int


class LaidOpen:
    """The strings of one request. Its `note` is a visitor of `fields.walk`."""

    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self.originals: list[str] = []
        """The paths of what cannot be searched: images, sound, files, web addresses."""
        self._sheets: list[_Sheet] = []
        self._shared: dict[str, int] = {}

    @property
    def texts(self) -> list[str]:
        """The sheets, in order; then the parts of messages of several, each alone.

        What ends one part may hide what begins the next: 資料1 and 123456789018 are no number together.
        """
        sheets = ["".join(sheet.parts) for sheet in self._sheets]
        return sheets + [sheets[leaf.sheet][leaf.start : leaf.end] for _, leaf in self._parts()]

    @property
    def places(self) -> list[str]:
        """Where each of the texts is in the request: the path of its first string."""
        first: dict[int, str] = {}
        for leaf in self.leaves:
            first.setdefault(leaf.sheet, leaf.path)
        return [
            *(first[sheet] for sheet in range(len(self._sheets))),
            *(leaf.path for _, leaf in self._parts()),
        ]

    @property
    def characters(self) -> int:
        """How many there are, each once."""
        return sum(sheet.length for sheet in self._sheets)

    def _parts(self) -> list[tuple[int, Leaf]]:
        """The leaves that share a sheet with others, as they stand end to end."""
        on_sheet = Counter(leaf.sheet for leaf in self.leaves)
        return [
            (index, leaf)
            for index, leaf in enumerate(self.leaves)
            if on_sheet[leaf.sheet] > 1 and leaf.kind not in _AFTER and leaf.start < leaf.end
        ]

    def note(self, kind: Kind, text: str, path: str) -> str:
        """Put one string on its sheet. Raises `Problem` 413 for too many of them."""
        if len(self.leaves) >= MOST:
            raise Problem(
                413,
                "too_many_strings",
                Bilingual(
                    f"要求の中の文字列が多すぎます({MOST:,}個まで)。分けて送信してください。",
                    f"The request holds more than {MOST:,} strings. Send it in parts.",
                ),
            )
        whole = text
        if kind is ORIGINAL:
            self.originals.append(path)
            text = text if text.startswith("http") or len(text) <= _SHORT else ""
        elif kind is SEALED:
            text = _readable(text)
        elif kind is ID:
            text = "\n".join(_LONG_NUMBER.findall(text))
        number = self._sheet_for(kind, path)
        sheet = self._sheets[number]
        self.leaves.append(Leaf(kind, path, number, sheet.length, sheet.length + len(text)))
        sheet.write(text, _AFTER.get(kind, ""))
        return whole

    def dealt(self, found: Sequence[Sequence[Finding]]) -> list[list[Finding]]:
        """The findings of the sheets, cut to the strings they lie in; one list for each leaf.

        A number alone on its sheet, such as a temperature of 0.3, has nothing around it to be read from:
        what was found from the words around does not count there.
        """
        on_sheet: list[list[int]] = [[] for _ in self._sheets]
        for index, leaf in enumerate(self.leaves):
            on_sheet[leaf.sheet].append(index)
        mine: list[list[Finding]] = [[] for _ in self.leaves]
        parts = self._parts()
        for (index, _), findings in zip(parts, found[len(self._sheets) :], strict=True):
            mine[index] += findings
        for indices, findings in zip(on_sheet, found[: len(self._sheets)], strict=True):
            starts = [self.leaves[index].start for index in indices]
            for finding in findings:
                first = max(0, bisect_right(starts, finding.start) - 1)
                last = bisect_left(starts, finding.end)
                alone = len(indices) == 1 and self.leaves[indices[0]].kind is NUMBER
                if alone and finding.evidence == "context":
                    continue
                for index in indices[first:last]:
                    mine[index] += _cut(finding, self.leaves[index])
        return mine

    def _sheet_for(self, kind: Kind, path: str) -> int:
        group = _group_of(kind, path)
        if group is not None and group in self._shared:
            return self._shared[group]
        self._sheets.append(_Sheet())
        if group is not None:
            self._shared[group] = len(self._sheets) - 1
        return len(self._sheets) - 1


class _Sheet:
    """One text in the making."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0

    def write(self, *parts: str) -> None:
        self.parts += parts
        self.length += sum(map(len, parts))


def _cut(finding: Finding, leaf: Leaf) -> list[Finding]:
    """The part of a finding that lies in a leaf, counted from the leaf's beginning."""
    start, end = max(finding.start, leaf.start), min(finding.end, leaf.end)
    return [replace(finding, start=start - leaf.start, end=end - leaf.start)] if start < end else []


def _readable(sealed: str) -> str:
    """What a person could read of a sealed value: what it says, and itself unless it looks like long base64."""
    looks_sealed = len(sealed) > _SHORT and sealed.lower() != sealed != sealed.upper()
    itself = "" if looks_sealed and not _WRITTEN_NUMBER.search(sealed) else sealed
    return "\n".join([itself, *opened(sealed)])


def _group_of(kind: Kind, path: str) -> str | None:
    """What shares a sheet: the inside of one JSON field, the parts of one message."""
    if kind in _AFTER:
        return path
    part = None if kind in (WORD, WHOLE, ID, SEALED, ORIGINAL) else _PART.fullmatch(path)
    return part[1] if part else None
