"""What stands beside a name that was found: more names of its list, and its reading. Pure functions."""

import re
from collections.abc import Iterable, Iterator

from redaction.names.belief import KANJI, is_no_part, pair, single
from redaction.names.roles import POSTS
from redaction.names.slots import name_at
from redaction.names.words import HONORIFICS, TITLES
from redaction.page import Hit, Page

_TAIL = "|".join(map(re.escape, sorted({*HONORIFICS, *TITLES, *POSTS}, key=lambda word: (-len(word), word))))
_MORE = re.compile(
    rf"(?: ?(?:{_TAIL}))?(?: ?\([^()\n]{{1,24}}\))?(?:さん|様|氏)?(?: ?[、・/→] ?| ?(?:及び|並びに|および) ?)"
    rf"(?:[0-9]年 |[^\s、。()]{{2,8}}(?:課|室|係) )?(?=[{KANJI}ァ-ヺ])"
)
_LESS = re.compile(
    rf"(?:^|[\n、・/→:( 】]) ?(?P<name>[{KANJI}ァ-ヺー・]{{1,12}}(?: [{KANJI}ァ-ヺーぁ-ゖ]{{1,5}})?)"
    rf"(?:(?:{_TAIL}))?(?:\([^()\n]{{1,24}}\))?(?:さん|様|氏)? ?[、・/→] ?$"
)
_LINE = re.compile(
    rf"^(?=[^\n]{{1,30}}$)[ \t]*(?:[○◯×△●・☑□■✓\-*①-⑳]|\(?[0-9]{{1,3}}[).、:]?)*[ \t]*"
    rf"(?P<name>[{KANJI}]{{1,5}}(?: [{KANJI}ぁ-ゖ]{{1,4}})?|[ァ-ヺー]{{2,10}}(?:[・ ][ァ-ヺー]{{1,10}}){{0,3}})"
    rf"(?: ?(?:{_TAIL}))?(?: ?\([^()\n]{{1,10}}\))?[ \t]*$",
    re.MULTILINE,
)
_MOST = 30
_BLOCK = 3
_SURE = 0.5
_READING = re.compile(
    r"(?:[ \t]*[,|/\t][ \t]*\"?|\",\"|[ ]{1,4})(?P<kana>[ぁ-ゖー]{2,7} ?[ぁ-ゖー]{2,7}|[ァ-ヺー]{2,8} ?[ァ-ヺー]{1,8}(?: [ァ-ヺー]{1,8})?)"
    r"(?=[\s,|/\"()]|$)"
)
_OTHER_SPELLING = re.compile(
    rf" ?(?:様|さん|氏)? ?\((?P<name>[A-Z][A-Za-z'À-ÿ\-]+(?:[ ,]{{1,2}}[A-Z][A-Za-z'À-ÿ\-]+){{1,4}}|[{KANJI}]{{1,2}} [{KANJI}]{{1,3}}"
    r"|[ァ-ヺー]{2,12}[ ・=][ァ-ヺー ・=]{2,20})\)"
)


def lined(page: Page) -> Iterator[Hit]:
    """Lines that are nothing but a name each: when half of them surely are names, all of them are."""
    block: list[tuple[int, int]] = []
    last = -1
    for match in _LINE.finditer(page.text):
        if match.start() > last + 1:
            yield from _of_block(page, block)
            block = []
        block.append(match.span("name"))
        last = match.end()
    yield from _of_block(page, block)


def _of_block(page: Page, block: list[tuple[int, int]]) -> Iterator[Hit]:
    if len(block) < _BLOCK:
        return
    names = [page.text[begin:end] for begin, end in block]
    if sum(_level(page, name) == 3 for name in names) * 2 < len(block):
        return
    for name, span in zip(names, block, strict=True):
        if not is_no_part(name):
            yield Hit(*span, 0.6, "context")


def _level(page: Page, name: str) -> int:
    first, _, second = name.partition(" ")
    return pair(page, first, second) if second else single(page, first)


def beside(page: Page, hits: Iterable[Hit]) -> Iterator[Hit]:
    """The names that continue the list of a name, and the same name in other letters after it."""
    seen: set[int] = set()
    for hit in hits:
        if hit.score < _SURE or hit.end in seen:
            continue
        seen.add(hit.end)
        yield from _onwards(page, hit, seen)
        yield from _backwards(page, hit)
        yield from _readings(page, hit)


def _onwards(page: Page, hit: Hit, seen: set[int]) -> Iterator[Hit]:
    end = hit.end
    for _ in range(_MOST):
        more = _MORE.match(page.text, end)
        found = name_at(page, more.end(), 1) if more else None
        if found is None or found[1] in seen:
            return
        end = found[1]
        seen.add(end)
        new = Hit(*found, 0.55, "context")
        yield new
        yield from _readings(page, new)


def _backwards(page: Page, hit: Hit) -> Iterator[Hit]:
    begin = hit.start
    for _ in range(_MOST):
        base = max(0, begin - 48)
        less = _LESS.search(page.text[base:begin])
        if less is None:
            return
        begin = base + less.start("name")
        found = name_at(page, begin, 2)
        if found is None:
            return
        yield Hit(*found, 0.5, "context")


def _readings(page: Page, hit: Hit) -> Iterator[Hit]:
    name = page.text[hit.start : hit.end]
    other = _OTHER_SPELLING.match(page.text, hit.end)
    if other is not None:
        yield Hit(*other.span("name"), 0.6, "context")
    match = _READING.match(page.text, hit.end)
    if match is None or not "㐀" <= name[:1] <= "鿿":
        return
    kana = match["kana"]
    if " " in kana or page.readings(kana) & {"surname", "given", "person"}:
        yield Hit(*match.span("kana"), 0.55, "context")
