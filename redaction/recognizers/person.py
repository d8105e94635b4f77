"""Names of persons. The rules, each with its reasons, are in ``redaction/names``; this file says which
there are. Honorifics and titles stay outside the span, places and companies are left alone.
"""

from collections.abc import Iterable, Iterator

from redaction.names.labelled import alone, labelled, speaking, tabled
from redaction.names.plain import acting, full, related, single
from redaction.names.spelled import children, furigana, katakana_names, roman_names
from redaction.names.titled import titled
from redaction.names.words import HISTORIC
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_RULES = (
    titled, labelled, tabled, alone, speaking, full, single, related, acting, katakana_names, roman_names,
    children,
)  # fmt: skip
_BELIEVED = 0.35


class PersonRecognizer(Recognizer):
    """山田太郎, 東係長 (東), 髙﨑 凜さん, グエン・ヴァン・アン, Tanaka Hiroshi."""

    kind = "PERSON"
    ja = "氏名"

    def find(self, page: Page) -> Iterable[Hit]:
        for rule in _RULES:
            yield from _with_reading(page, rule(page))


def _with_reading(page: Page, hits: Iterable[Hit]) -> Iterator[Hit]:
    for hit in hits:
        if page.text[hit.start : hit.end] in HISTORIC:
            continue
        yield hit
        if hit.score >= _BELIEVED:
            yield from furigana(page, hit)
