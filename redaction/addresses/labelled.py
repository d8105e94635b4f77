"""Addresses after a label, as forms and scans have them: letters apart, O for 0, the number on the next line.

住   所  〒569-0045 / 高 槻 市 三 箇 牧 2 丁 目 / 8 番 l 号. Pure functions. The label says that it is an address; the line has
to hold a city or a town and a number.
"""

import re
from collections.abc import Iterator

from redaction.addresses.words import BUILDINGS, LABELS

_LABEL = "|".join(" *".join(label) for label in LABELS)
_AFTER = re.compile(
    rf"(?:{_LABEL})(?:\([^()\n]{{1,8}}\))?[】\]]?[ \t]*[: \t][ \t]*"
    r"(?:〒? ?[0-9OoIl]{3} ?-? ?[0-9OoIl]{4}[ \t]*\n?[ \t]*)?"
    r"(?P<line>[^\n]{3,80})(?P<next>\n[ \t]*(?P<rest>[^\n]{1,60}))?"
)
_STOP = re.compile(
    r"[、。,()「」|;\t]|電話|TEL|Tel|FAX|携帯|氏名|生年|連絡先|続柄|世帯主|に(?:お?住|転|送|居)|です|から|の(?:自宅|件|方)|[^0-9OolI ] {2,}"
    r"(?=[^0-9OolI ]{2})"
)
_CITY = re.compile(r"(?:市|区|郡|町|村) ?[^ ]|町$")
_DIGIT = "[0-9OolI〇一二三四五六七八九十百壱弐参拾]"
_BLOCK = re.compile(
    rf"{_DIGIT}(?: ?{_DIGIT}){{0,4}} ?(?:-|ー|番|丁|号|の|$)|[一-鿿ァ-ヺ] ?[0-9]{{1,5}}(?: |$)"
)
_NUMBER_FIRST = re.compile(rf"{_DIGIT}(?: ?{_DIGIT}){{0,4}} ?(?:-|ー|番|丁|号)")
_BUILT = re.compile(rf"(?:{'|'.join(BUILDINGS)}).*[0-9OolI]|[0-9OolI] ?(?:棟|号室|号|階)")
_ANOTHER = re.compile(r"[:@]|電話|TEL|氏名|生年|番号|携帯|連絡|昭和|平成|令和")


def after_labels(text: str) -> Iterator[tuple[int, int]]:
    """(begin, end) of what a label calls an address."""
    for match in _AFTER.finditer(text):
        begin = match.start("line")
        line = _cut(match["line"])
        if not _CITY.search(line.replace(" ", "")):
            continue
        end = begin + len(line)
        whole = len(line) == len(match["line"].rstrip())
        numbered = _BLOCK.search(line) is not None
        if whole and match["rest"] and _goes_on(match["rest"], numbered):
            end = match.start("rest") + len(_cut(match["rest"]))
        elif not numbered:
            continue
        yield begin, end


def _cut(line: str) -> str:
    stop = _STOP.search(line)
    if stop is None:
        return line.rstrip()
    return line[: stop.start() + (1 if "  " in stop.group() else 0)].rstrip()


def _goes_on(line: str, numbered: bool) -> bool:
    """The next line is the number, or after the number the building."""
    if _ANOTHER.search(line):
        return False
    return _NUMBER_FIRST.match(line) is not None or (numbered and _BUILT.search(line) is not None)
