"""Names before a title or an honorific that no dictionary reads as names, and names somebody gives himself.

八月一日課長, 石動様, 綾小路がうけたまわります, 「高松」と名乗る. Pure functions over characters: the words are cut wrongly here.
"""

import re
from collections.abc import Iterator

from redaction.names.belief import KANJI, is_no_part, single
from redaction.names.roles import POSTS
from redaction.names.words import NOT_SURNAMES, PLACE_TITLES, TITLES
from redaction.page import Hit, Page

_NAME = rf"(?P<name>[{KANJI}]{{1,5}}|[ァ-ヺー]{{2,10}}(?:[・=][ァ-ヺー]{{1,10}}){{1,4}})"
_POST = "|".join(
    map(
        re.escape,
        sorted({*TITLES, *(p for p in POSTS if len(p) > 2)} - {"関", "卿"}, key=lambda w: (-len(w), w)),
    )
)
# The title is looked for first and the name then to its left: the other way round costs ten times as much.
_TITLE = re.compile(rf"(?:{_POST}|さん|様(?!式|子|々|な|に|の)|氏(?!名)|先生)(?![{KANJI}ァ-ヺー])")
_HOLDER = re.compile(rf"(?:^|[^{KANJI}ァ-ヺーA-Za-z0-9])(?P<name>[{KANJI}]{{1,5}})\Z")
_SAYS = re.compile(r"です(?!か)|と申|と言い|といい|がうけたま|が承|でございます")
_SELF = re.compile(rf"(?:^|[、。!?\s「:はの]|ます|です|ですか|はい|えー)(?:[^\s、。]{{1,8}}の)?{_NAME}\Z")
_NAMING = re.compile(r"[」』]?(?:と名乗|とかいう|という(?:職員|者|人|方|男|女|担当)|姓(?!名|の者))")
_NAMED = re.compile(rf"(?:^|[^{KANJI}ァ-ヺーA-Za-z]){_NAME}\Z")
_REACH = 20
_POLITE = frozenset(("さん", "様", "氏", "先生"))
_TRADES = tuple(
    "一二三四五六七八九十百千万御者員師士手屋店長家人役生係課部室会社院園校庁署所局館組団隊官職主親子達方側夫婦客民徒童王姫神仏皆嫁娘孫爺婆奥犬猫熊鬼"
    "諸各両同某全赤坊若殿虫鳥魚花星月日工番頭童様氏名市町村区県府駅寺宮業"
)


def before_titles(page: Page) -> Iterator[Hit]:
    """A rare surname before a title or an honorific."""
    for match in _TITLE.finditer(page.text):
        base = max(0, match.start() - 6)
        holder = _HOLDER.search(page.text[base : match.start()])
        if holder is None:
            continue
        name, title = holder["name"], match.group()
        if name in NOT_SURNAMES or (title in PLACE_TITLES and "place" in page.readings(name)):
            continue
        least = 2 if len(name) == 1 and (len(title) == 1 or title == "さん") else 1
        before = page.text[match.start() - len(name) - 1 : match.start() - len(name)]
        if single(page, name) >= least or _polite(page, name, title, before):
            yield Hit(match.start() - len(name), match.start(), 0.65, "context")


def _polite(page: Page, name: str, title: str, before: str) -> bool:
    """臼氏, 雲母坂先生: whoever is spoken of politely and is no trade, no office and no relative."""
    if title not in _POLITE or before in ("お", "ご") or is_no_part(name) or name.endswith(_TRADES):
        return False
    return not (title == "様" and "noun" in page.readings(name)) and not (title == "様" and len(name) == 1)


def introducing(page: Page) -> Iterator[Hit]:
    """Somebody says his own name, or names somebody for the first time."""
    for phrase, before, least in ((_SAYS, _SELF, 2), (_NAMING, _NAMED, 1)):
        for match in phrase.finditer(page.text):
            found = before.search(page.text[max(0, match.start() - _REACH) : match.start()])
            if found is None or (least > 1 and found["name"] in NOT_SURNAMES):
                continue
            if single(page, found["name"]) >= least:
                yield Hit(match.start() - len(found["name"]), match.start(), 0.55, "context")
