"""Names of persons. The rules, each with its reasons, are in ``redaction/names``; this file says which
there are. Honorifics and titles stay outside the span, places and companies are left alone.
"""

import re
from collections.abc import Iterable, Iterator

from redaction.names.before import before_titles, introducing
from redaction.names.handles import writers
from redaction.names.labelled import alone, labelled, speaking, tabled
from redaction.names.lists import beside, lined
from redaction.names.past import of_the_past
from redaction.names.plain import acting, full, related, single, touching
from redaction.names.rows import rowed
from redaction.names.slots import called, phrased, slotted
from redaction.names.spaced import apart
from redaction.names.spelled import (
    children,
    furigana,
    kana_introductions,
    katakana_names,
    roman_names,
    senders,
)
from redaction.names.titled import titled
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer
from redaction.tagger.tagger import weighed

_RULES = (
    titled, labelled, tabled, alone, speaking, full, single, related, touching, acting, katakana_names, roman_names,
    children, slotted, phrased, called, rowed, before_titles, introducing, apart, lined, kana_introductions, senders, writers,
)  # fmt: skip
_BELIEVED = 0.35
_OLD_TIMES = re.compile(
    r"戦国|江戸時代|室町|鎌倉時代|平安時代|奈良時代|武将|大名|城主|藩主|城代|幕府|幕末|明治維新|合戦|の戦い|古墳|連歌|キリシタン|菩提寺"
    r"|永禄|天正|文禄|慶長|元和|寛永|元禄|享保|天明|文化文政|天保|安政|応仁|文明年間|校歌|作詞|作曲"
)


class PersonRecognizer(Recognizer):
    """山田太郎, 東係長 (東), 髙﨑 凜さん, グエン・ヴァン・アン, Tanaka Hiroshi."""

    kind = "PERSON"
    ja = "氏名"

    def find(self, page: Page) -> Iterable[Hit]:
        hits = _best(hit for rule in _RULES for hit in _with_reading(page, rule(page)))
        hits = [weighed(page, hit) for hit in hits]
        yield from hits
        yield from (weighed(page, hit) for hit in beside(page, hits))


def _best(hits: Iterable[Hit]) -> list[Hit]:
    """One hit for each place, the best: several rules see the same name."""
    found: dict[tuple[int, int], Hit] = {}
    for hit in hits:
        place = (hit.start, hit.end)
        if place not in found or hit.score > found[place].score:
            found[place] = hit
    return list(found.values())


def _with_reading(page: Page, hits: Iterable[Hit]) -> Iterator[Hit]:
    for hit in hits:
        if of_the_past(page, hit.start, hit.end) or (_weak(page, hit) and _public(page, hit)):
            continue
        yield hit
        if hit.score >= _BELIEVED:
            yield from furigana(page, hit)


def _weak(page: Page, hit: Hit) -> bool:
    """Only the dictionary says it, or a 家 or 氏 that houses of old have too."""
    return hit.evidence == "dictionary" or page.text.startswith(("家", "氏"), hit.end)


def _public(page: Page, hit: Hit) -> bool:
    """An author before the title of a book, or somebody in a sentence about old times."""
    if page.text.startswith("『", hit.end) or page.text.startswith("』(", max(0, hit.start - 2)):
        return True
    before = page.text[max(0, hit.start - 50) : hit.start].rpartition("。")[2].rpartition("\n")[2]
    after = page.text[hit.end : hit.end + 50].partition("。")[0].partition("\n")[0]
    return _OLD_TIMES.search(before + after) is not None
