"""A request laid open: its strings as sheets of text that a reader, or a detector, understands.

A field of its own is a sheet of its own, and so is each text of a list of texts. The parts of one message stand on one sheet, end to end, so that
a number cut in two is still seen; and what is inside JSON stands on one sheet, a line for each key::

    氏名: 一二三 蓮
    口座番号: 1234567

because a key says what its value is. Findings on a sheet are dealt back to the strings they lie in.
Knows nothing of detection beyond `Finding`, and nothing of HTTP.
"""

import re
from base64 import urlsafe_b64decode
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from policies.model import Bilingual
from proxy.errors import Problem
from proxy.kinds import KEY, NUMBER, ORIGINAL, SEALED, VALUE, WHOLE, WORD, Kind
from redaction.model import Finding

MOST = 20_000
"""Strings and numbers that one request may hold."""

_SHORT = 64
_URL_SAFE = str.maketrans("+/", "-_")
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
        """The sheets, in order."""
        return ["".join(sheet.parts) for sheet in self._sheets]

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
        if kind is ORIGINAL:
            self.originals.append(path)
            return text
        if kind is SEALED:
            text = _readable(text)
        number = self._sheet_for(kind, path)
        sheet = self._sheets[number]
        self.leaves.append(Leaf(kind, path, number, sheet.length, sheet.length + len(text)))
        sheet.write(text, _AFTER.get(kind, ""))
        return text

    def dealt(self, found: Sequence[Sequence[Finding]]) -> list[list[Finding]]:
        """The findings of the sheets, cut to the strings they lie in; one list for each leaf."""
        on_sheet: list[list[int]] = [[] for _ in self._sheets]
        for index, leaf in enumerate(self.leaves):
            on_sheet[leaf.sheet].append(index)
        mine: list[list[Finding]] = [[] for _ in self.leaves]
        for indices, findings in zip(on_sheet, found, strict=True):
            starts = [self.leaves[index].start for index in indices]
            for finding in findings:
                first = max(0, bisect_right(starts, finding.start) - 1)
                last = bisect_left(starts, finding.end)
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
    """What a person could read of a sealed value: itself when it is short, what its base64 says, or nothing."""
    if len(sealed) <= _SHORT:
        return sealed
    try:
        return urlsafe_b64decode(sealed.translate(_URL_SAFE) + "==").decode()
    except ValueError:
        return ""


def _group_of(kind: Kind, path: str) -> str | None:
    """What shares a sheet: the inside of one JSON field, the parts of one message."""
    if kind in _AFTER:
        return path
    part = None if kind in (WORD, WHOLE, SEALED) else _PART.fullmatch(path)
    return part[1] if part else None
