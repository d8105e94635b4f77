"""Addresses down to the block number, with building and room. Towns and cities alone are left alone."""

import re
from collections.abc import Iterable, Iterator

from redaction.addresses.grammar import BARE, BLOCK, believed, believed_bare, left_of, over_the_line, right_of
from redaction.addresses.labelled import after_labels
from redaction.addresses.latin import latin_addresses
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer
from redaction.tagger.tagger import weighed

_HEADING = re.compile(r"住所|居住地|所在地|本籍|居所|送付先|転居先")
_PUBLIC_HOUSING = re.compile(
    r"(?:市営|府営|県営|都営|道営|町営|村営|公社|UR)[一-鿿々ヶァ-ヺーぁ-ゖ]{0,10}(?:住宅|団地)[ ]?[A-Z]?[0-9]{1,3}"
    r"(?:号?棟 ?-?|-)[0-9]{1,4}(?:号室?|室)?"
)
"""A flat in public housing needs no street: 市営富寿栄住宅3棟412号."""
_STRONG = 0.85
"""A weaker address, told by its form alone, needs the consent of the trained tagger."""
_NUMBERED = re.compile(r"[一-鿿].*[0-9一二三四五六七八九十]")


class AddressRecognizer(Recognizer):
    """大阪府高槻市桃園町2番1号, 桃園町２－１ ○○ハイツ２０３号."""

    kind = "JP_ADDRESS"
    ja = "住所"

    def find(self, page: Page) -> Iterable[Hit]:
        for hit in self._found(page):
            yield weighed(page, hit) if hit.evidence == "pattern" and hit.score < _STRONG else hit

    def _found(self, page: Page) -> Iterable[Hit]:
        for match in BLOCK.finditer(page.text):
            yield from _around(page, match.start(), over_the_line(page.text, match.end()))
        for match in BARE.finditer(page.text):
            yield from _bare(page, *match.span())
        for begin, end in after_labels(page.text):
            yield Hit(begin, end, 0.8, "cue")
        for match in _PUBLIC_HOUSING.finditer(page.text):
            yield Hit(*match.span(), 0.8, "pattern")
        for begin, end in latin_addresses(page.text):
            yield Hit(begin, end, 0.7, "pattern")
        for cell in page.cells:
            if _HEADING.search(cell.heading) and _NUMBERED.search(page.text, cell.begin, cell.end):
                yield Hit(cell.begin, cell.end, 0.85, "cue")


def _around(page: Page, start: int, end: int) -> Iterator[Hit]:
    found = None if page.text[start] == "0" else left_of(page, start)  # no block is numbered 072
    if found is None:
        return
    begin, labelled = found
    score = believed(page, begin, start, end, labelled)
    if score:
        yield Hit(begin, right_of(page.text, end), score, "cue" if labelled else "pattern")


def _bare(page: Page, start: int, end: int) -> Iterator[Hit]:
    found = left_of(page, start)
    score = believed_bare(page, found[0], start, found[1]) if found else 0.0
    if found and score:
        yield Hit(found[0], right_of(page.text, end), score, "cue" if found[1] else "pattern")
