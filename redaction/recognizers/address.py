"""Addresses down to the block number, with building and room. Towns and cities alone are left alone."""

import re
from collections.abc import Iterable, Iterator

from redaction.addresses.grammar import BLOCK, believed, left_of, right_of
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_HEADING = re.compile(r"住所|居住地|所在地|本籍|居所|送付先|転居先")
_NUMBERED = re.compile(r"[一-鿿].*[0-9一二三四五六七八九十]")


class AddressRecognizer(Recognizer):
    """大阪府高槻市桃園町2番1号, 桃園町２－１ ○○ハイツ２０３号."""

    kind = "JP_ADDRESS"
    ja = "住所"

    def find(self, page: Page) -> Iterable[Hit]:
        for match in BLOCK.finditer(page.text):
            yield from _around(page, *match.span())
        for cell in page.cells:
            if _HEADING.search(cell.heading) and _NUMBERED.search(page.text, cell.begin, cell.end):
                yield Hit(cell.begin, cell.end, 0.85, "cue")


def _around(page: Page, start: int, end: int) -> Iterator[Hit]:
    found = left_of(page, start)
    if found is None:
        return
    begin, labelled = found
    score = believed(page, begin, start, end, labelled)
    if score:
        yield Hit(begin, right_of(page.text, end), score, "cue" if labelled else "pattern")
