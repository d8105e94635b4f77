"""Japanese addresses in Latin letters: 2-5-9 Shiroki-cho, Takatsuki, Osaka. Pure functions."""

import re
from collections.abc import Iterator

_WORD = r"[A-Z][A-Za-z'ōūŌŪ]+(?:-[A-Za-z]+)?"
_ADDRESS = re.compile(
    rf"(?<![0-9A-Za-z\-])(?:(?:Room|Apt\.?|#)? ?[0-9]{{1,4}},? (?:{_WORD} ){{1,3}},? ?)?"
    rf"[0-9]{{1,4}}(?:-[0-9]{{1,4}}){{1,3}},? {_WORD}(?:,? {_WORD}){{0,5}}(?:,? [0-9]{{3}}-[0-9]{{4}})?"
)
_IN_JAPAN = re.compile(
    r"-(?:cho|chō|machi|dori|ku|shi|gun|son|mura|dai|oka)(?![a-z])|Takatsuki|Osaka|Kyoto|Tokyo|Hyogo|Japan|JAPAN"
    r"|-?[Cc]home"
)


def latin_addresses(text: str) -> Iterator[tuple[int, int]]:
    """(begin, end) of a block number followed by a town and a city of Japan in Latin letters."""
    for match in _ADDRESS.finditer(text):
        if _IN_JAPAN.search(match.group()):
            yield match.span()
