"""Names in Latin letters: Tanaka Hiroshi, NGUYEN VAN ANH. Pure functions.

A Japanese spelling is turned into katakana and looked up; a foreign one is looked up in a short list.
Product and company names are in neither.
"""

import re
import unicodedata
from functools import cache
from pathlib import Path

from redaction.names.latin import DOUBTFUL, FOREIGN, PUBLIC
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
LETTER = "A-Za-zÀ-ÖØ-öø-ɏ"
"""Latin letters, with accents too, for a pattern."""
_WORD = re.compile(rf"[{LETTER}][{LETTER}'\-]*")
_MARKS = re.compile("[\u0300-\u036f]")
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
    if _short(kana) in kana_surnames():
        return True
    # Sato is サトウ and Ota is オオタ: passports leave long vowels out.
    spellings = {kana, "オ" + kana, kana + "ウ", _LONG.sub(r"\1ウ", kana, count=1)}
    return any(page.readings(spelling) & {"surname", "given"} for spelling in spellings)


def _short(kana: str) -> str:
    """Without what passports leave out: ジングウジ and ジングジ are one."""
    return re.sub(r"(?<=[オコソトノホモヨロゴゾドボョウクスツヌフムユルグズブュ])[ウオ]|ー", "", kana)


@cache
def kana_surnames() -> frozenset[str]:
    """The readings in ``kana.txt``, long vowels left out. Read once."""
    lines = Path(__file__).with_name("kana.txt").read_text("utf-8").split()
    return frozenset(_short(line) for line in lines)


def spells_a_surname(kana: str) -> bool:
    """Whether katakana is the reading of a surname of this folder."""
    return _short(kana) in kana_surnames()


def known_word(page: Page, word: str) -> bool:
    """Whether a Latin word is known as a name."""
    plain = _MARKS.sub("", unicodedata.normalize("NFD", word)).upper()
    return plain in FOREIGN or japanese(page, word)


def sure_word(page: Page, word: str) -> bool:
    """The same, and an ordinary word of English it is not."""
    plain = _MARKS.sub("", unicodedata.normalize("NFD", word)).upper()
    return len(plain) > 3 and plain not in DOUBTFUL and plain in FOREIGN


def roman_name(page: Page, text: str, expected: bool = False) -> bool:
    """Whether Latin words are a person's name: two known words, one that is nothing else, or one where a
    name is expected."""
    words = _WORD.findall(text)
    if not 1 <= len(words) <= 5 or len(text) > 40 or any(word.upper() in PUBLIC for word in words):
        return False
    known = sum(1 for word in words if known_word(page, word))
    if expected:
        return known >= 1 or (len(words) >= 2 and all(word[:1].isupper() for word in words))
    if len(words) < 2:
        return False
    if (known >= 2 and known * 2 >= len(words)) or any(sure_word(page, word) for word in words):
        return True
    # RIO JINGUJI: a surname's reading, and the other word can be read aloud in Japanese.
    spelled = [katakana(word) for word in words]
    return len(words) == 2 and all(spelled) and any(map(spells_a_surname, spelled))
