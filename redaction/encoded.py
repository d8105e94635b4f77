"""Text that stands in base64 or hexadecimal digits inside another text: found and decoded, to be searched too.

Standard and URL-safe letters, with and without padding, in a data: URL, in lines, beside other letters; UTF-8,
UTF-16, Shift_JIS and ISO-2022-JP. One level deep. What decodes to no readable text (an image, a hash, a key) is none.
Pure functions, linear in the length.
"""

import re
from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from redaction.folding import Folded, fold
from redaction.model import IRREVERSIBLE, Finding
from redaction.overlap import settle
from redaction.turns import Steps

LEAST = 22
"""Letters a run must have: 24 with the padding."""

_LETTER = "[0-9A-Za-z+/_-]"
_STROKE = r"\\{1,4}/"
"""As JSON writes a stroke in a string."""
_LINE = re.compile(rf"(?:{_LETTER}++|{_STROKE})++")
_RUN = re.compile(rf"(?<!{_LETTER})(?=(?:{_LETTER}|{_STROKE}){{{LEAST}}}){_LINE.pattern}")
_PIECE, _OVERLAP = 10_000, 6 * LEAST
"""Characters looked through at a time, and those that may be the beginning of a run."""
_JOINT = re.compile(r"(?:\r?\n|(?:\\{1,4}r)?\\{1,4}n)[ \t>]{0,8}")
_PADDING = re.compile("={0,2}")
_SHORT_LINE, _LONG_LINE = 40, 1_024
"""Letters in a line of base64 that goes on in the next: 64 and 76 are usual."""

_STANDARD = str.maketrans("-_", "+/")
_PART = re.compile(rf"(?<![^/])[^/]{{{LEAST},}}+")
"""Of a path: the alphabet that is meant for one has no stroke."""
_HEX = re.compile("(?:0[xX])?(?P<digits>(?:[0-9A-Fa-f]{2}){16,})")

_READABLE = re.compile(
    rb"(?:[\t\n\r\x20-\x7e]++|\xc2[\xa0-\xbf]|[\xc3-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}|\xf3\xa0[\x84-\x87][\x80-\xbf])++"
)
"""Letters of UTF-8."""
_STRETCH = 16
"""Bytes that are no text by chance."""
_SAMPLE = 2_000
"""Letters that tell whether a long run is text."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_LATIN = re.compile("[\u00a0-\u024f]+")
_COMMON = re.compile("[\t\r\n -~ぁ-ヿ\u3000-\u3002]")
_JAPANESE = re.compile("(?:[\t\r\n -~\u00b0-\u00f7\u0391-\u0451\u2010-\u33ff一-鿿！-～￥]|[｡-ﾟ]{2,})+")
_RARE_FROM = 0x98
"""First byte of the kanji of the second level in Shift_JIS: random bytes are full of them."""


class Encoded(NamedTuple):
    """Code points ``start`` to ``end`` of the text as received, and the text that they encode."""

    start: int
    end: int
    text: str


class _Run(NamedTuple):
    """``letters`` without line ends, ``places[i]`` that of the letter ``i`` in the folded text; ``end`` is behind
    the padding. ``whole`` are the letters of the lines that are full."""

    letters: str
    places: Sequence[int]
    end: int
    whole: int


def encoded(folded: Folded) -> Steps:
    """Every encoded text as a list of `Encoded`; yields after each run. They may overlap."""
    found: list[Encoded] = []
    text, at = folded.text, 0
    while at < len(text):
        limit = at + _PIECE
        match = _RUN.search(text, at, limit)
        if match is None:
            at = limit - _OVERLAP if limit < len(text) else limit
        else:
            run = _run(text, match.start())
            at = run.end
            for begin, end, said in _texts(run):
                stop = run.end if end >= len(run.letters) else run.places[end - 1] + 1
                found.append(Encoded(*folded.span(run.places[begin], stop), said))
        yield
    return found


def opened(text: str) -> list[str]:
    """What the encoded texts in a short text say."""
    steps = encoded(fold(text))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return [one.text for one in end.value]


def named(one: Encoded, findings: Sequence[Finding]) -> Finding:
    """What is found in an encoded text, as one finding over all of it: the irreversible one, else the first."""
    inside = settle(findings)
    gravest = next((finding for finding in inside if finding.label in IRREVERSIBLE), inside[0])
    return replace(gravest, start=one.start, end=one.end)


def _run(text: str, start: int) -> _Run:
    """The run that begins at ``start``, with the lines that it goes on in."""
    first = _LINE.match(text, start)
    assert first is not None
    end = first.end()
    pieces, spans, size = [first.group()], [first.span()], end - start
    wrapped = size % 4 == 0 and _SHORT_LINE <= size <= _LONG_LINE
    while wrapped and (joint := _JOINT.match(text, end)) and (line := _LINE.match(text, joint.end())):
        if len(line.group()) > size:
            break
        pieces.append(line.group())
        spans.append(line.span())
        end = line.end()
        wrapped = len(line.group()) == size
    written = "".join(pieces)
    places: Sequence[int] = range(start, end)
    if len(spans) > 1 or "\\" in written:
        places = [at for span in spans for at in range(*span) if text[at] != "\\"]
    padding = _PADDING.match(text, end)
    letters = written.replace("\\", "")
    last = 0 if wrapped or len(spans) < 2 else len(pieces[-1].replace("\\", ""))
    return _Run(letters, places, padding.end() if padding else end, len(letters) - last)


def _texts(run: _Run) -> Iterator[tuple[int, int, str]]:
    """From letter, to letter, and what they say."""
    letters, size = run.letters, len(run.letters)
    for end in dict.fromkeys((size, run.whole)):
        hexadecimal = _HEX.fullmatch(letters, 0, end)
        text = _utf8(bytes.fromhex(hexadecimal["digits"])) if hexadecimal else _text(_bytes(letters[:end]))
        if text:
            yield 0, end, text
        if text or hexadecimal:
            return
    for part in _PART.finditer(letters) if size <= _SAMPLE else ():
        text = _text(_bytes(part.group()))
        if text:
            yield *part.span(), text
    if size <= _SAMPLE or sum(end - begin for begin, end, _ in _stretches(letters[:_SAMPLE])) * 2 >= _SAMPLE:
        yield from _stretches(letters)


def _stretches(letters: str) -> Iterator[tuple[int, int, str]]:
    """Where letters of another word stand before or behind: the readable stretches, wherever they begin."""
    for shift in range(4):
        for match in _READABLE.finditer(_bytes(letters[shift:])):
            begin, end = match.span()
            if end - begin >= _STRETCH:
                first, last = shift + begin * 8 // 6, shift - (-end * 8 // 6)
                yield first, min(last, len(letters)), match.group().decode()


def _bytes(letters: str) -> bytes:
    """What the letters encode; one that is left over says nothing."""
    letters = letters[: len(letters) - (len(letters) % 4 == 1)].translate(_STANDARD)
    return b64decode(letters + "=" * (-len(letters) % 4))


def _text(raw: bytes) -> str:
    """The bytes as text; empty where they are none."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _decoded(raw, "utf-16")
    if b"\x1b$" in raw:
        return _decoded(raw, "iso2022_jp")
    return _utf8(raw) or _utf16(raw) or _cp932(raw)


def _utf8(raw: bytes) -> str:
    text = _decoded(raw, "utf-8-sig")
    return "" if "\0" in text or 20 * len(_CONTROL.findall(text)) > len(text) else text


def _utf16(raw: bytes) -> str:
    """Without its mark at the beginning: of the two orders that which is of letters that Japan knows, more of them common."""
    if len(raw) % 2:
        return ""
    both = [text for text in (_decoded(raw, "utf-16-le"), _decoded(raw, "utf-16-be")) if _known(text)]
    return max(both, key=lambda text: len(_COMMON.findall(text)), default="")


def _known(text: str) -> bool:
    if not text or _CONTROL.search(text):
        return False
    try:
        _LATIN.sub("", text).encode("cp932")
    except UnicodeEncodeError:
        return False
    return True


def _cp932(raw: bytes) -> str:
    text = _decoded(raw, "cp932")
    if not text or not _JAPANESE.fullmatch(text):
        return ""
    coded = [letter.encode("cp932") for letter in text if letter > "\x7f"]
    rare = sum(letter[0] >= _RARE_FROM and len(letter) == 2 for letter in coded)
    return "" if 3 * rare > len(coded) else text


def _decoded(raw: bytes, coding: str) -> str:
    try:
        return raw.decode(coding)
    except UnicodeDecodeError:
        return ""
