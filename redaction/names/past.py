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
"""Words of a text about the past: its persons are nobody's personal data."""
_HOUSE = 2
"""Letters of the name of a house."""


def of_the_past(page: Page, name: str) -> bool:
    """Whether a name is, or begins with, that of somebody of the past."""
    for size in sorted({len(name), 5, 4, 3, _HOUSE} - set(range(len(name) + 1, 6)), reverse=True):
        if name[:size] in HISTORIC:
            return size > _HOUSE or (size == len(name) and HISTORY.search(page.text) is not None)
    return False
