"""Names to put in the place of others: surnames and given names of SudachiDict (Apache-2.0), with their
readings, and given names that no dictionary has. Training only.
"""

import re
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any

from redaction.names.surnames import FREQUENT
from redaction.wordlist import words

_ABROAD = words("""
    Nguyen Tran Le Pham Hoang Phan Vu Dang Bui Do Ngo Duong Van Thi Anh Minh Hung Linh Huong Tuan Kim Lee Park
    Choi Jung Kang Yoon Jang Lim Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Xu Lin Smith John Johnson Brown
    Jones Garcia Miller David Michael James Mary Maria Jose Santos Reyes Cruz Bautista Ramos Silva Souza Oliveira
    Pereira Costa Anna Paul Peter Daniel Emily Emma Carlos Luis Juan Antonio Singh Kumar Sharma Gurung Tamang Rai
    Thapa Khan Ahmed Mohammed Ali Hassan Rahman Islam Sari Putri Dewi Wijaya
""")

_KANJI = re.compile(r"[㐀-鿿々ヶノ]{1,4}")
_NOUN = re.compile(r"[㐀-鿿]{2,6}|[ァ-ヺー]{2,8}")
_MIXED = re.compile(r"[㐀-鿿々ぁ-ゖァ-ヺー]{1,5}")
_KATAKANA = re.compile(r"[ァ-ヺー]{2,9}")
_LATIN = re.compile(r"[A-Z][A-Za-z'\-]{1,10}")
_OLD = {"高": "髙", "崎": "﨑", "斎": "齋", "斉": "齊", "辺": "邊", "浜": "濵", "沢": "澤", "桜": "櫻",
        "広": "廣", "島": "嶋", "国": "國", "真": "眞", "吉": "𠮷", "富": "冨"}  # fmt: skip

_SYLLABLES = {
    "ア": "a", "イ": "i", "ウ": "u", "エ": "e", "オ": "o", "カ": "ka", "キ": "ki", "ク": "ku", "ケ": "ke",
    "コ": "ko", "サ": "sa", "シ": "shi", "ス": "su", "セ": "se", "ソ": "so", "タ": "ta", "チ": "chi",
    "ツ": "tsu", "テ": "te", "ト": "to", "ナ": "na", "ニ": "ni", "ヌ": "nu", "ネ": "ne", "ノ": "no",
    "ハ": "ha", "ヒ": "hi", "フ": "fu", "ヘ": "he", "ホ": "ho", "マ": "ma", "ミ": "mi", "ム": "mu",
    "メ": "me", "モ": "mo", "ヤ": "ya", "ユ": "yu", "ヨ": "yo", "ラ": "ra", "リ": "ri", "ル": "ru",
    "レ": "re", "ロ": "ro", "ワ": "wa", "ヲ": "o", "ン": "n", "ガ": "ga", "ギ": "gi", "グ": "gu",
    "ゲ": "ge", "ゴ": "go", "ザ": "za", "ジ": "ji", "ズ": "zu", "ゼ": "ze", "ゾ": "zo", "ダ": "da",
    "ヂ": "ji", "ヅ": "zu", "デ": "de", "ド": "do", "バ": "ba", "ビ": "bi", "ブ": "bu", "ベ": "be",
    "ボ": "bo", "パ": "pa", "ピ": "pi", "プ": "pu", "ペ": "pe", "ポ": "po", "ヴ": "vu", "ー": "", "ッ": "",
}  # fmt: skip


def hiragana(katakana: str) -> str:
    return "".join(chr(ord(c) - 96) if "ァ" <= c <= "ヶ" else c for c in katakana)


def romaji(katakana: str) -> str:
    """A plain Hepburn spelling, long vowels not written."""
    out = ""
    for letter in katakana:
        small = {"ャ": "a", "ュ": "u", "ョ": "o"}.get(letter)
        if small and out.endswith("i"):
            out = out[:-1] + ("" if out.endswith(("shi", "chi", "ji")) else "y") + small
        else:
            out += _SYLLABLES.get(letter, "")
    return out.replace("ou", "o").replace("uu", "u")


@dataclass(frozen=True, slots=True)
class Name:
    """A part of a name as written, and its reading in katakana."""

    text: str
    kana: str


class Names:
    """What `SudachiDict` has: drawn from with ``random``, frequent ones oftener."""

    def __init__(self, dictionary: Any, heard: frozenset[str], random: Random) -> None:
        """``heard`` are words of real text: a given name among them is a usual one."""
        self._random = random
        surnames: dict[str, str] = {}
        given: dict[str, str] = {}
        persons: list[str] = []
        latin: list[str] = []
        self.places: list[str] = []
        nouns: dict[bool, list[str]] = {True: [], False: []}
        for entry in dictionary.entries():
            kind, text = entry.part_of_speech(), entry.surface()
            if kind[2] == "地名" and _MIXED.fullmatch(text) and len(text) > 1:
                self.places.append(text)
            if kind[1] == "普通名詞" and _NOUN.fullmatch(text):
                nouns["ァ" <= text[0] <= "ヺ"].append(text)
            if kind[2] != "人名":
                continue
            reading = entry.reading_form()
            if kind[3] == "姓" and _KANJI.fullmatch(text) and _KATAKANA.fullmatch(reading):
                surnames.setdefault(text, reading)
            elif kind[3] == "名" and _MIXED.fullmatch(text) and _KATAKANA.fullmatch(reading):
                given.setdefault(text, reading)
            elif kind[3] == "一般" and _KATAKANA.fullmatch(text):
                persons.append(text)
            elif _LATIN.fullmatch(text) and len(text) > 2:
                latin.append(text)
        self.is_surname, self.is_given = frozenset(surnames), frozenset(given)
        known = self.is_surname | self.is_given
        self._nouns = {kana: [word for word in found if word not in known] for kana, found in nouns.items()}
        self._surnames = [Name(text, kana) for text, kana in surnames.items()]
        self._frequent = [Name(text, surnames[text]) for text in sorted(FREQUENT) if text in surnames]
        self._usual = [Name(text, surnames[text]) for text in sorted(heard) if text in surnames]
        self._short = [name for name in self._surnames if len(name.text) == 1]
        self._given = [Name(text, kana) for text, kana in given.items()]
        self._usual_given = [Name(text, given[text]) for text in sorted(heard) if text in given]
        self._foreign, self._latin = persons, latin
        self._usual_foreign = sorted(heard & set(persons)) or persons
        self._abroad = _ABROAD
        letters: Counter[str] = Counter()
        for name in self._given:
            if len(name.text) == 2 and _KANJI.fullmatch(name.text):
                for letter in name.text:
                    letters[letter] += 1
        self._letters = list(letters), list(letters.values())

    def surname(self) -> Name:
        draw = self._random.random()
        pool = self._frequent if draw < 0.4 else self._usual if draw < 0.6 else self._surnames
        if draw > 0.92:
            pool = self._short
        name = self._random.choice(pool)
        if self._random.random() < 0.06:
            return Name("".join(_OLD.get(letter, letter) for letter in name.text), name.kana)
        return name

    def given(self) -> Name:
        draw = self._random.random()
        if draw < 0.35:
            return self._random.choice(self._usual_given)
        name = self._random.choice(self._given)
        if draw < 0.62:
            return name
        if draw < 0.80:
            count = self._random.choice((1, 2, 2, 2, 3))
            return Name("".join(self._random.choices(*self._letters, k=count)), name.kana)
        return Name(hiragana(name.kana) if draw < 0.95 else name.kana, name.kana)

    def foreign(self) -> str:
        """One part of a name of abroad in katakana."""
        return self._random.choice(self._usual_foreign if self._random.random() < 0.5 else self._foreign)

    def latin(self) -> str:
        """One part of a name in Latin letters, capitalised: of abroad, or Japanese in romaji."""
        draw = self._random.random()
        if draw < 0.3:
            return self._random.choice(self._abroad)
        if draw < 0.6:
            return self._random.choice(self._latin)
        part = self.surname() if draw < 0.8 else self.given()
        return romaji(part.kana).capitalize() or "Abe"

    def noun(self, katakana: bool) -> str:
        """An ordinary word that is no name by any reading."""
        return self._random.choice(self._nouns[katakana])
