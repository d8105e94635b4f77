"""Names in Latin letters: Tanaka Hiroshi, NGUYEN VAN ANH. Pure functions.

A Japanese spelling is turned into katakana and looked up; a foreign one is looked up in a short list.
Product and company names are in neither.
"""

import re

from redaction.names.surnames import FOREIGN
from redaction.page import Page

_SYLLABLE = re.compile(
    r"(?P<onset>ky|gy|sh|sy|j|jy|zy|ch|ty|ts|ny|hy|by|py|my|ry|[kgsztdnhbpmyrwf])?(?P<vowel>[aiueo])"
    r"(?P<long>h(?![aiueoy]))?|(?P<n>n'?|m(?=[bp]))"
)
_ROWS = {
    "": "アイウエオ", "k": "カキクケコ", "g": "ガギグゲゴ", "s": "サシスセソ", "z": "ザジズゼゾ",
    "t": "タチツテト", "d": "ダヂヅデド", "n": "ナニヌネノ", "h": "ハヒフヘホ", "b": "バビブベボ",
    "p": "パピプペポ", "m": "マミムメモ", "y": "ヤイユエヨ", "r": "ラリルレロ", "w": "ワヰウヱヲ",
    "f": "ファ,フィ,フ,フェ,フォ", "ts": "ツァ,ツィ,ツ,ツェ,ツォ", "ky": "キ", "gy": "ギ", "sh": "シ",
    "sy": "シ", "j": "ジ", "jy": "ジ", "zy": "ジ", "ch": "チ", "ty": "チ", "ny": "ニ", "hy": "ヒ",
    "by": "ビ", "py": "ピ", "my": "ミ", "ry": "リ",
}  # fmt: skip
_SMALL = {"a": "ャ", "i": "", "u": "ュ", "e": "ェ", "o": "ョ"}
_WORD = re.compile(r"[A-Za-z][A-Za-z'\-]*")
_LONG = re.compile(r"([コソトノホモヨロゴゾドボョュ])(?!ウ)")


def katakana(word: str) -> str:
    """Hepburn or Kunrei spelling to katakana, "" when it is neither: Tanaka gives タナカ, Google ""."""
    word = word.lower()
    made: list[str] = []
    at = 0
    while at < len(word):
        if word[at : at + 2] in ("kk", "ss", "tt", "pp", "tc", "cc"):
            made.append("ッ")
            at += 1
            continue
        match = _SYLLABLE.match(word, at)
        if match is None:
            return ""
        made.append("ン" if match["n"] else _kana(match["onset"] or "", match["vowel"]))
        at = match.end()
    return "".join(made)


def _kana(onset: str, vowel: str) -> str:
    row = _ROWS[onset]
    if len(row) == 1:
        return row + _SMALL[vowel]
    letters = row.split(",") if "," in row else list(row)
    return letters["aiueo".index(vowel)]


def japanese(page: Page, word: str) -> bool:
    """Whether a Latin word spells a Japanese surname or given name. Long vowels may be left out."""
    kana = katakana(word)
    if len(kana) < 2:
        return False
    # Sato is サトウ and Ota is オオタ: passports leave long vowels out.
    spellings = {kana, "オ" + kana, kana + "ウ", _LONG.sub(r"\1ウ", kana, count=1)}
    return any(page.readings(spelling) & {"surname", "given"} for spelling in spellings)


def known_words(page: Page, text: str) -> tuple[int, int]:
    """(words that are known as names, words)."""
    words = _WORD.findall(text)
    known = sum(1 for word in words if word.upper() in FOREIGN or japanese(page, word))
    return known, len(words)


def roman_name(page: Page, text: str, expected: bool = False) -> bool:
    """Whether Latin words are a person's name: two known words, or one where a name is expected."""
    known, words = known_words(page, text)
    if not 1 <= words <= 5 or len(text) > 40:
        return False
    if expected:
        return known >= 1 or (words >= 2 and all(word[:1].isupper() for word in _WORD.findall(text)))
    return known >= 2 and words >= 2 and known * 2 >= words
