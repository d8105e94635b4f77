"""Digits as Japanese texts write them: Arabic or 漢数字, bare or in groups. Pure functions."""

_KANJI = {"〇": 0, "零": 0, "一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9,
          "壱": 1, "壹": 1, "弐": 2, "貳": 2, "参": 3, "參": 3}  # fmt: skip
_MISREAD = str.maketrans({"O": "0", "o": "0", "l": "1", "I": "1", "拾": "十", " ": ""})

DIGIT = "[0-9〇零一二三四五六七八九]"
"""One digit, for a pattern over folded text."""

WITHIN = r"(?:[ \-]|-?\n {0,4})?"
"""What may stand between two digits of a number whose length is known: a space, a hyphen, a line's end."""

EDGE_BEFORE = "(?<![0-9A-Za-z])(?<![0-9][-.])"
EDGE_AFTER = "(?![0-9A-Za-z])(?!-[0-9])"
"""A number's edges in folded text. ``\\b`` is no use: は and 1 are both word characters to it."""


def digits_of(text: str) -> str:
    """The digits of a number in Arabic, everything else left out: 一二三-４5 gives "12345"."""
    return "".join(str(_KANJI[letter]) if letter in _KANJI else letter for letter in text
                   if letter in _KANJI or letter.isdecimal())  # fmt: skip


def kanji_number(text: str) -> int | None:
    """A small number: "12", "十二", "二十", "元", "一二", "拾壱" and a scanner's "1 O" are 12, 12, 20, 1,
    12, 11 and 10; else ``None``."""
    text = text.translate(_MISREAD)
    if text == "元":
        return 1
    if text.isdecimal():
        return int(text)
    if "十" in text:
        tens, _, ones = text.partition("十")
        if (tens and tens not in _KANJI) or (ones and ones not in _KANJI):
            return None
        return 10 * (_KANJI[tens] if tens else 1) + (_KANJI[ones] if ones else 0)
    return int(digits_of(text)) if text and all(letter in _KANJI for letter in text) else None
