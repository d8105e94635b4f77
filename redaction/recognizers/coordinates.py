"""Coordinates of a place, in degrees: only in a text about somebody, for they say where somebody lives or
was found. Coordinates of shelters, schools and bus stops are public.
"""

import re
from collections.abc import Iterable

from redaction.facts.told import MAYBE, TOLD
from redaction.page import Hit, Page
from redaction.recognizers.base import BesideSomebody

_LAT = r"(?:2[0-9]|3[0-9]|4[0-6])\.[0-9]{3,9}"
_LON = r"1(?:2[2-9]|[34][0-9]|5[0-4])\.[0-9]{3,9}"
_PAIR = re.compile(
    rf"(?<![0-9A-Za-z.])(?:[Nn] ?)?{_LAT}(?:°?[Nn]|度)?(?:[ ,、/]{{1,3}})(?:[Ee] ?)?{_LON}(?:°?[Ee]|度)?(?![0-9A-Za-z.])"
    rf"|(?<![0-9A-Za-z.])(?:[Ee] ?)?{_LON}(?:°?[Ee]|度)?(?:[ ,、/]{{1,3}})(?:[Nn] ?)?{_LAT}(?:°?[Nn]|度)?(?![0-9A-Za-z.])"
)
_SINGLE = re.compile(
    rf"(?:北緯|東経|緯度|経度|lat(?:itude)?|lon(?:gitude)?|lng|LAT|LON|LNG)[\"']?[ :=は]{{0,3}}((?:{_LAT}|{_LON})(?:度|°)?)(?![0-9.])"
)
_DMS = re.compile(
    r"(?:北緯|東経|[NE] ?|)[0-9]{2,3}(?:°|度) ?[0-9]{1,2}(?:['′]|分) ?[0-9]{1,2}(?:\.[0-9]{1,5})?(?:[\"″]|''|秒)(?: ?[NE](?![A-Za-z]))?"
)
_DMS_PAIR = re.compile(rf"{_DMS.pattern}(?:[、, /]{{1,2}}{_DMS.pattern})?")


class CoordinatesRecognizer(BesideSomebody):
    """34.8516,135.6178; 北緯34.8516度; 34°51'05.8"N: in a text about somebody."""

    kind = "COORDINATES"
    ja = "位置座標"
    beside = TOLD

    def find(self, page: Page) -> Iterable[Hit]:
        for match in _PAIR.finditer(page.text):
            yield Hit(*match.span(), MAYBE, "context")
        for match in _SINGLE.finditer(page.text):
            yield Hit(*match.span(1), MAYBE, "context")
        for match in _DMS_PAIR.finditer(page.text):
            yield Hit(*match.span(), MAYBE, "context")
