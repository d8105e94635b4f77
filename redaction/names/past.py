"""Persons of the past: nobody's personal data. Pure functions.

三好 and 北条 were lords and are citizens too: the bare name of a house is of the past only on a page that
speaks of it.
"""

import re

from redaction.names.words import HISTORIC
from redaction.page import Page

HISTORY = re.compile(
    "戦国|江戸|室町|鎌倉|平安時代|奈良時代|安土桃山|南北朝|武将|大名|[藩城]主|藩士|将軍|幕府|朝臣|天皇|親王|皇[子女后]"
    "|公家|幕末|旗本|家老|古墳時代|飛鳥時代|紀元前|世紀|(?<![0-9])1[0-8][0-9]{2}年|(?<![0-9])[3-9][0-9]{2}年"
)
"""Words of a text about the past, for the trained tagger. Too broad to decide by: 江戸川区, 室町通, 1868年."""
_OLD_TIMES = re.compile(
    r"戦国|江戸時代|室町時代|鎌倉時代|平安時代|奈良時代|飛鳥時代|武将|戦国大名|[城藩]主|城代|幕府|幕末|明治維新|合戦|の戦い|古墳|連歌"
    r"|キリシタン|菩提寺|永禄|天正|文禄|慶長|元和|寛永|元禄|享保|天明|文化文政|天保|安政|応仁|文明年間"
)
"""Words that only a text about the past has."""
_IN_FULL = 4
"""Letters of a name that few living people share."""
_OF_TODAY = re.compile(
    r" ?(?:さん|さま|様|氏|殿|くん|ちゃん|先生|係長|課長|主任|主査|部長|[(]?0[0-9]{1,3}[-(])"
)
_NO_NAME_PART = re.compile("ゆかり|公|像|らの|ら$|による|の")


def of_the_past(page: Page, start: int, end: int) -> bool:
    """Whether the name at characters ``start`` to ``end`` is that of somebody of the past: a whole name of
    four letters anywhere, a shorter one or that of a house where the page tells of the past and nothing
    beside it is said of people of today."""
    name = page.text[start:end]
    known = next((name[:size] for size in range(len(name), 1, -1) if name[:size] in HISTORIC), "")
    rest = name[len(known) :]
    if not known or (rest and not _NO_NAME_PART.match(rest)):
        return False
    if len(known) >= _IN_FULL:
        return True
    return _OLD_TIMES.search(page.text) is not None and _OF_TODAY.match(page.text, end) is None
