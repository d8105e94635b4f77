"""The grammar of Japanese addresses: prefecture, city, town, 丁目 番地 号, building, room. Pure functions.

An address is told by its block number and read from there to the left and to the right. A town or a
city without a number is a public place and is left alone.
"""

import re

from redaction.addresses.words import BUILDINGS, LABELS, PREFECTURES
from redaction.names.words import TOWNS
from redaction.page import Page, Token
from redaction.wordlist import words

_N = "(?:[0-9]{1,5}|[〇一二三四五六七八九十百千壱弐参拾廿]{1,7})"
_STEP = rf"(?:丁目の?|番地? ?[のノ之] ?(?={_N})|番地|番|-|[のノ](?={_N}))"
BLOCK = re.compile(
    rf"(?<![0-9A-Za-z\-])(?:[甲乙丙丁イロハ](?=[0-9]))?{_N} ?{_STEP}"
    rf" ?(?:{_N}(?: ?(?:{_STEP}|号(?!室)) ?)?){{0,4}}(?<![ \-])(?![0-9A-Za-z年月日円%])"
)
_STRONG = re.compile(r"丁目.*[0-9〇一二三四五六七八九十]|番地|番.*号")
BARE = re.compile(r"(?<=[一-鿿ァ-ヺ])[0-9]{1,5}(?=[ \n、。,)」\]|・]|$|に(?:お)?住|在住|の(?:自宅|家))")
"""A number alone, as 小字 and 京都の通り名 have it: 東橋詰町88."""
_FAR = re.compile(r"(?:町|字[一-鿿ァ-ヺ]{1,6}|通|入|上る|下る|上ル|下ル|西入|東入)$")
_OVER = re.compile(rf"[ \t]*\n[ \t]*{_N} ?(?:番地?|号)(?: ?{_N} ?号)?(?![0-9])")
_THREE = re.compile(r"[1-9][0-9]{0,3}(?:-[0-9]{1,4}){2,3}号?")
_ONLY_AREA = re.compile(rf"{_N} ?丁目")
_HYPHENS = re.compile(r"[0-9]{1,5}(?:-[0-9]{1,5}){1,4}号?")
_PREFECTURE = re.compile("|".join(PREFECTURES))
_CITY = re.compile(r"[一-鿿ヶケ々]{1,5}(?:市|区|郡|町|村)")
_TOWN_END = re.compile(r"(?:町|村|字|丁|台|丘|通|通り|条|荘|庄|園|ル|る|入)[一-鿿]?$|町$")
_HAS_CITY = re.compile(r"[市区郡町村].")
_LABELLED = re.compile(
    rf"(?:{'|'.join(LABELS)})(?:\([^()\n]{{1,6}}\))?[ \t]*[:はが=]?[ \t\n]*"
    r"(?:〒? ?[0-9]{3}-?[0-9]{4}[ \t\n]*)?$"
)
_LIVES = re.compile(r"^ ?(?:に(?:お)?住|在住|居住|に転|へ転|の自宅|に居住|方(?![面法向針]))")
_LONGEST_LEFT = 40
_NOMINAL = frozenset({
    "place", "surname", "given", "person", "proper", "noun", "suffix", "prefix", "number", "other",
    "adjective",
})  # fmt: skip
_NEXT_LINE = tuple("町村市区台丘通条字")
_LINKS = frozenset("の之ノがヶケつ")
_KYOTO = frozenset(
    words("""
    上る 下る 上ル 下ル 西入 東入 西入る 東入る 西入ル 東入ル 上がる 下がる 入る 入ル 入
""")
)

_NAME = r"[一-鿿々ヶァ-ヺーぁ-んA-Za-z・'&.0-9]"
_ROOM = (
    r"(?:[A-Za-z0-9一-鿿]{1,4}(?:号?棟|号館) ?-?)?"
    r"(?:[0-9]{1,2}(?:階|F)(?:[0-9A-Za-z]{1,4}号?室?)?"
    r"|[A-Za-z]?-?[0-9]{1,4}[A-Za-z]?(?:号室|号|室)?(?:-[0-9]{1,4})?(?:号室|号|室)?)(?![0-9\-年月日])"
)
_ROOM_ONLY = re.compile(
    r"[ \t]?(?:[A-Za-z0-9]{1,3}号?棟 ?)?(?:[0-9A-Za-z\-]{1,6}号室|[0-9]{1,4}室)"
    rf"|[ \t][0-9A-Za-z]{{1,3}}号?棟 ?{_ROOM}"
)
_WORDS = "|".join(BUILDINGS)
_BUILDING = re.compile(
    rf"[ \t]?(?:\n[ \t]*)?(?P<name>(?:(?!の|に|は|を|が|で|と|へ|、){_NAME}){{2,24}}?)"
    rf"[ ]?(?P<room>{_ROOM})(?![0-9])"
)
_BUILDING_BARE = re.compile(
    rf"[ \t]?(?P<name>{_NAME}{{0,16}}?(?:{_WORDS}){_NAME}{{0,8}})(?=[ \t\n、。,)」\]|]|$)"
)
_FLOOR = re.compile(r"[ ]?[0-9]{1,2}(?:階|F)(?:[東西南北左右]|[0-9]{1,3}号室?)?")
_HOUSEHOLDER = re.compile(r"[ ]?[一-鿿々ヶァ-ヺーぁ-ゖ]{1,6}様方")
_LOOKS_BUILT = re.compile(rf"{_WORDS}|^[ァ-ヺーA-Za-z・' ]{{3,}}")
_NO_BUILDING = re.compile(r"電話|TEL|FAX|携帯|Tel|Fax|氏名|番号|生年|メール|連絡先|昭和|平成|令和")


def over_the_line(text: str, end: int) -> int:
    """Where a block that ends at ``end`` ends when its last number stands on the next line."""
    match = _OVER.match(text, end) if text[max(0, end - 1) : end] in ("目", "番", "地", "町") else None
    return end if match is None else match.end()


def believed_bare(page: Page, begin: int, start: int, labelled: bool) -> float:
    """How far a town from ``begin`` and nothing but a number at ``start`` are an address, 0.0 to 1.0."""
    town = page.text[begin:start].strip()
    if labelled:
        return 0.8 if _HAS_CITY.search(town) or _placed(page, begin, start) else 0.0
    known = _PREFECTURE.match(town) or _CITY.match(town)
    return 0.7 if known and _FAR.search(town) and len(town) > 4 else 0.0


def left_of(page: Page, start: int) -> tuple[int, bool] | None:
    """(where the address begins, whether a label says that it is one) for a block at ``start``;
    ``None`` when no town stands to its left."""
    at = start
    gap, town = page.text[at - 1 : at], page.text[at - 2 : at - 1]
    if gap == " " or (gap == "\n" and town in _NEXT_LINE):
        at -= 1
    first = _run(page, at)
    begin = _beginning(page, first, at)
    if begin is None:
        return None
    return begin, _LABELLED.search(page.text, max(0, begin - 30), begin) is not None


def _run(page: Page, at: int) -> int:
    """The first character of the words that end at ``at`` and could be parts of an address."""
    index = page.at_end.get(at)
    begin = at
    while index is not None and index >= 0:
        word = page.words[index]
        if at - word.begin > _LONGEST_LEFT or not _of_an_address(page, word, index):
            break
        begin = word.begin
        index -= 1
    return begin


def _of_an_address(page: Page, word: Token, index: int) -> bool:
    before = page.words[index - 1] if index else None
    if word.text in _LINKS or word.text in _KYOTO:
        return before is not None and before.kind in _NOMINAL
    if word.kind == "space":
        return word.text == " " and before is not None and before.text[-1:] in tuple("都道府県市区郡町村")
    return word.kind in _NOMINAL and "\n" not in word.text


def _beginning(page: Page, first: int, at: int) -> int | None:
    run = page.text[first:at]
    if not run.strip():
        return None
    prefecture = _PREFECTURE.search(run)
    if prefecture is not None:
        return first + prefecture.start()
    for word in page.words_between(first, at):
        if word.kind == "place":
            return word.begin
        if word.kind in ("surname", "proper") and _CITY.match(page.text, word.begin, at):
            return word.begin
    city = _CITY.search(run)
    if city is not None:
        return first + city.start()
    return None if run.strip().isdigit() else first


def believed(page: Page, begin: int, start: int, end: int, labelled: bool) -> float:
    """How far a town from ``begin`` to ``start`` and a block from ``start`` to ``end`` are an address.

    0.0 to 1.0. "2-1" after a city and a town is one, after a mere place it is the score of a match.
    """
    town, block = page.text[begin:start].strip(), page.text[start:end].strip()
    placed = _placed(page, begin, start)
    if _ONLY_AREA.fullmatch(block):
        return 0.8 if labelled or _LIVES.match(page.text[end : end + 5]) else 0.0
    if labelled:
        return 0.9
    if _STRONG.search(block):
        return 0.9 if placed else (0.6 if _TOWN_END.search(town) else 0.0)
    if _THREE.fullmatch(block) and _known_town(page, begin, start):
        return 0.7
    if _HYPHENS.fullmatch(block):
        if placed and _HAS_CITY.search(town + "|") and not town.endswith(("市", "区", "郡", "県", "府")):
            return 0.8
        return 0.5 if placed and _TOWN_END.search(town) and block.count("-") >= 1 else 0.0
    return 0.7 if placed and (_HAS_CITY.search(town) or town.endswith("町")) and "番" in block else 0.0


def _known_town(page: Page, begin: int, start: int) -> bool:
    """A town of this city, or a place that touches its three numbers: 川添1-31-6, 梅田3-1-1."""
    town = page.text[begin:start]
    if town.strip().removesuffix("町") in TOWNS:
        return True
    return not town.endswith(" ") and any(
        word.kind == "place" and word.end == start for word in page.words_between(begin, start)
    )


def _placed(page: Page, begin: int, start: int) -> bool:
    if _PREFECTURE.match(page.text, begin):
        return True
    words = page.words_between(begin, start)
    if any(word.kind == "place" or "place" in page.readings(word.text) for word in words):
        return True
    return re.search(r"[市区郡町村]", page.text[begin:start]) is not None


def right_of(text: str, end: int) -> int:
    """Where an address ends whose block ends at ``end``: after its building, room and householder, if it
    has any."""
    built = _built(text, end)
    at_somebodys = _HOUSEHOLDER.match(text, built)
    return at_somebodys.end() if at_somebodys is not None else built


def _built(text: str, end: int) -> int:
    room = _ROOM_ONLY.match(text, end)
    if room is not None:
        return room.end()
    building = _BUILDING.match(text, end)
    if building is not None and _LOOKS_BUILT.search(building["name"]) and not _another(building):
        return building.end()
    bare = _BUILDING_BARE.match(text, end)
    if bare is None:
        return end
    floor = _FLOOR.match(text, bare.end())
    return floor.end() if floor is not None else bare.end()


def _another(building: "re.Match[str]") -> bool:
    """The next line of a form, or a telephone, is no building."""
    return _NO_BUILDING.search(building["name"]) is not None
