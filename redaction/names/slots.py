"""Names in their slots: after a role, an office or a relative, with a space, a colon or a bracket between.

司会 鹿児島: / 決裁:檜垣→所長 不破 / 議長(岩屋 光則) / 夫 塔本 大樹. Pure functions. Where the slot says more, the name
itself has to say less; the levels are those of ``belief``.
"""

import re
from collections.abc import Iterator

from redaction.names.belief import KANJI, given, pair, single
from redaction.names.roles import DESKS, POSTS, WORK
from redaction.names.shape import ends_in_a_title
from redaction.names.surnames import SHORT_OR_COMMON
from redaction.names.words import HONORIFICS, LABELS, RELATIVES, TITLES
from redaction.page import Hit, Page

_FIRST = rf"[{KANJI}]{{1,7}}|[ァ-ヺー]{{2,12}}(?:[・=][ァ-ヺー{KANJI}]{{1,12}}){{1,4}}|[ァ-ヺー]{{2,12}}[{KANJI}]{{0,3}}"
_SECOND = rf"[{KANJI}]{{1,7}}|[ぁ-ゖー]{{1,5}}子?|[ァ-ヺー]{{1,10}}子?|[{KANJI}]{{1,2}}[ぁ-ゖ]{{1,2}}"
_NAME = re.compile(rf"(?P<first>{_FIRST})(?: {{1,3}}(?P<second>{_SECOND}))?")
_AFTER = "|".join(map(re.escape, HONORIFICS))
EDGE = re.compile(rf"$|[\s、,。;:()\[\]「」『』【】〔〕<>|/→・=※\"0-9]|宅|姓|ほか|外[0-9 ]|{_AFTER}")
PARTICLE = re.compile(r"[がはにもとへをのでや]|から|より|です|まで|でござい|と申|といい|宛")

# The gap is looked for first, the role then in a set: a pattern of all roles costs ten times as much.
_GAP = re.compile(
    rf"(?:(?P<colon>[ \t]*[:=][ \t]*|[】\]][ \t]*)|(?P<space> {{1,8}})|(?P<bracket>\())(?=[{KANJI}ァ-ヺ])"
)
_POSTS = frozenset({*POSTS, *TITLES, *LABELS, *RELATIVES, "ご主人", "奥様", "本名"})
_LABELS = frozenset({*WORK, *LABELS, *POSTS})
_WORK = frozenset(WORK)
_ALL = _POSTS | _LABELS
_LONGEST_ROLE = max(map(len, _ALL))
_SHORT = frozenset("父母夫妻子兄弟姉妹孫姓名受記担")
_NOTE = re.compile(r"\([^()\n]{1,8}\)$")
_LETTER = re.compile(rf"[{KANJI}A-Za-z]")
_OFFICE = re.compile(rf"[^\s:、。()]{{2,10}}(?:{'|'.join(DESKS)}) {{1,2}}")
_CLOSED = re.compile(rf" ?(?:{_AFTER}|{'|'.join(map(re.escape, TITLES))})?\)")

_RELATIVE = "|".join(sorted(RELATIVES, key=len, reverse=True))
_OF_A_RELATIVE = re.compile(rf"(?:{_RELATIVE}|旦那)の(?=[ァ-ヺー]{{2}})")
_NAMED = re.compile(rf"(?:旧姓|本名|通称|名前は|名は|名義は?)[「『]?(?=[{KANJI}ァ-ヺ])")
_ASKED_AT = re.compile(
    rf"(?:問い?合わ?せ|連絡|申し?込み?|担当|幹事|当番)先?(?:は|者は)[、 ]?(?=[{KANJI}]{{1,4}}\(?[0-9(])"
)
_CHILD = re.compile(
    rf"(?<![{KANJI}])(?:{_RELATIVE}) {{1,4}}"
    rf"(?P<name>[{KANJI}]{{1,2}}[ぁ-ゖ]{{1,2}}|[ぁ-ゖ]{{1,3}}[{KANJI}]?)(?=[\s、。()/])"
)
_CALLED = re.compile(r"(?:名前|名|呼び名|通称)は「(?P<name>[ぁ-ゖァ-ヺー]{2,8})」")
_MIXED = re.compile(rf"[{KANJI}]{{1,2}}[ぁ-ゖ]|[ぁ-ゖ]{{2}}[{KANJI}]")
_HOLDER = re.compile(rf"(?:[{KANJI}]{{1,4}}|[ァ-ヺー]{{2,6}})\Z")
_TOUCHING = frozenset(post for post in _POSTS if len(post) > 2) | {"担当"}


def slotted(page: Page) -> Iterator[Hit]:
    """Every name that stands after a role."""
    for gap in _GAP.finditer(page.text):
        role, begin = _role(page.text, gap.start())
        slot = _slot(page, gap, role, begin)
        if slot is None:
            continue
        found = name_at(page, gap.end(), slot, gap["colon"] is None)
        if found is None and gap["colon"] and (office := _OFFICE.match(page.text, gap.end())):
            found = name_at(page, office.end(), slot)
        if found is not None and (not gap["bracket"] or _in_brackets(page, *found)):
            yield Hit(*found, 0.7 if slot == 1 else 0.6, "context")


def _in_brackets(page: Page, begin: int, end: int) -> bool:
    """Nothing but a name: 議長(岩屋 光則), 課長(神): and not 会長(中央)."""
    closed = _CLOSED.match(page.text, end)
    name = page.text[begin:end]
    if closed is None:
        return False
    if len(name) == 1 or name in SHORT_OR_COMMON:
        return page.text.startswith(":", closed.end())
    return single(page, name) >= 2 or " " in name or "・" in name


def _role(text: str, end: int) -> tuple[str, int]:
    """The longest role that ends at ``end``, a note in brackets left out, and where it begins."""
    if text[end - 1 : end] == ")" and (note := _NOTE.search(text[max(0, end - 10) : end])):
        end -= len(note.group())
    for length in range(min(_LONGEST_ROLE, end), 0, -1):
        if text[end - length : end] in _ALL:
            return text[end - length : end], end - length
    return "", end


def _slot(page: Page, gap: "re.Match[str]", role: str, begin: int) -> int | None:
    """The least level a name must have in this gap; ``None`` when no name is asked for."""
    before = page.text[begin - 1 : begin] if begin else ""
    if role and (role in _SHORT or role.isascii()) and _LETTER.match(before):
        role = ""  # 件名 is no 名
    if gap["colon"]:
        return 1 if role in _LABELS else None
    if role in _POSTS:
        return None if gap["space"] and _speaks(page, begin) else 1
    if gap["bracket"]:
        return None
    if role in _WORK and len(role) > 1 and not _LETTER.match(before):
        return 2
    text = page.text[max(0, gap.start() - 10) : gap.start()].removesuffix(")")
    return 2 if len(text) > 2 and len(gap["space"]) <= 3 and text.endswith(DESKS) else None


def _speaks(page: Page, begin: int) -> bool:
    """山田委員 賛成です: the role has its name already."""
    holder = _HOLDER.search(page.text[max(0, begin - 6) : begin])
    return holder is not None and single(page, holder.group()) >= 2


def phrased(page: Page) -> Iterator[Hit]:
    """A name in a turn of phrase: 妻のチャン, 旧姓鳴海, 問い合わせは松原(090…), 調査員保志."""
    for pattern, least in ((_OF_A_RELATIVE, 1), (_NAMED, 2), (_ASKED_AT, 2)):
        for match in pattern.finditer(page.text):
            if found := name_at(page, match.end(), least, True):
                yield Hit(*found, 0.6, "context")
    for token in page.words:
        if token.kind == "noun" and token.text in _TOUCHING and (found := name_at(page, token.end, 2, True)):
            yield Hit(*found, 0.55, "context")


def called(page: Page) -> Iterator[Hit]:
    """A given name alone: 長女 志づ, 下の名前は「あかね」."""
    for pattern in (_CHILD, _CALLED):
        for match in pattern.finditer(page.text):
            if given(page, match["name"]) or pattern is _CALLED or _MIXED.fullmatch(match["name"]):
                yield Hit(*match.span("name"), 0.6, "context")


def name_at(page: Page, begin: int, least: int, spoken: bool = False) -> tuple[int, int] | None:
    """The name of at least this level that begins at ``begin`` and ends where a name may end: at an edge,
    or, where it is ``spoken`` of in a sentence, before a particle."""
    match = _NAME.match(page.text, begin)
    if match is None:
        return None
    first, second = match["first"], match["second"]
    if second is not None:
        later = bare(second)
        end = match.start("second") + len(later)
        level = pair(page, first, later) if later else 0
        if level >= least and (later != second or ends(page, end, level, spoken)):
            return begin, end
    alone = bare(first)
    end = begin + len(alone)
    level = single(page, alone) if alone else 0
    if level < least:
        return None
    return (begin, end) if alone != first or ends(page, end, level, spoken) else None


def ends(page: Page, end: int, level: int, spoken: bool) -> bool:
    """Whether a name of this level may end here."""
    if EDGE.match(page.text, end):
        return True
    least = 3 if page.text.startswith("の", end) else 2
    return spoken and level >= least and PARTICLE.match(page.text, end) is not None


def bare(text: str) -> str:
    """Without the title or honorific it ends in: 犬飼司令補 is 犬飼."""
    if text.endswith(_TAILS):
        for tail in _TAILS:
            if text.endswith(tail) and len(text) > len(tail):
                return text[: -len(tail)]
    title = ends_in_a_title(text)
    return text[: -len(title)] if title and len(text) > len(title) else text


_TAILS = tuple(post for post in POSTS if len(post) > 1 and post not in ("会計", "進行", "本人")) + tuple(
    sorted(HONORIFICS, key=len, reverse=True)
)
