"""Swaps: a marked document told again about other people. Training only.

The invariant: what was a name is a name of the same make afterwards, what was none is none.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from redaction.tagger.training.names import Name, Names, hiragana

_LATIN = re.compile(r"[A-Za-zÀ-ɏ .,'\-・]+")
_KATAKANA = re.compile(r"[ァ-ヺー・=＝ 　]+")
_HIRAGANA = re.compile(r"[ぁ-ゖー 　]+")
_SPACE = re.compile(r"([ 　]+)")
_HONORIFIC = re.compile(r"様|さん|氏|くん|君|ちゃん|さま|殿|先生")
_WORDS = ("kanji", "katakana")
PERSON = "PERSON"
_TOWN = re.compile(r"[㐀-鿿々ヶケノ]{2,4}(?=市|町|区|郡|大字|字|[0-9０-９一二三四五六七八九]|丁目)")

Facts = Mapping[str, Sequence[str]]
"""What else may be told of somebody, by kind: the facts of all documents."""
_HONORIFICS = ("様", "さん", "さん", "氏", "くん", "君", "ちゃん", "さま", "殿", "先生")


@dataclass(frozen=True, slots=True)
class Marked:
    """A text and where its names are: (begin, end) in code points, in order, apart.

    ``data`` are the data of other kinds in the same form, with the kind. ``others`` are words that are no names here but look like it, (begin, end, kind): "place" is 高槻 in
    高槻市, "name" 田中 in 田中記念館, "kanji" and "katakana" are ordinary words. ``harmless``: a municipal document without any personal datum.
    """

    text: str
    names: tuple[tuple[int, int], ...]
    data: tuple[tuple[int, int, str], ...] = ()
    others: tuple[tuple[int, int, str], ...] = ()
    harmless: bool = False


def swapped(marked: Marked, names: Names, facts: Facts, random: Random, share: float = 0.85) -> Marked:
    """The same document with other names, places and facts. ``share`` of the names are changed, the same
    one everywhere in the same way; the surname of somebody named in full stays theirs. A few of the other
    words too. Numbers stay: the network sees of a digit only that it is one."""
    told = _told(marked, names, random, share)
    spans = [(begin, end, PERSON) for begin, end in marked.names] + list(marked.data)
    spans += [other for other in marked.others if random.random() < (0.07 if other[2] in _WORDS else 0.3)]
    pieces: list[str] = []
    places: list[tuple[int, int]] = []
    data: list[tuple[int, int, str]] = []
    at = size = 0
    after_name = False
    for begin, end, kind in sorted(spans):
        between = marked.text[at:begin]
        honorific = _HONORIFIC.match(between) if after_name else None
        if honorific and random.random() < 0.2:
            between = random.choice(_HONORIFICS) + between[honorific.end() :]
        old = marked.text[begin:end]
        new = told[old] if kind == PERSON else _elsewhere(kind, old, names, facts, random)
        pieces += [between, new]
        size += len(between)
        if kind == PERSON:
            places.append((size, size + len(new)))
        elif kind.isupper():
            data.append((size, size + len(new), kind))
        size += len(new)
        at, after_name = end, kind == PERSON
    pieces.append(marked.text[at:])
    return Marked("".join(pieces), tuple(places), tuple(data))


def spaced(marked: Marked, random: Random) -> Marked:
    """A third of the lines as a form or a bad scan has them, a space after every letter."""
    pieces: list[str] = []
    moved: list[int] = []
    size = 0
    wide = False
    for index, letter in enumerate(marked.text):
        if index == 0 or marked.text[index - 1] == "\n":
            wide = random.random() < 0.33
        moved.append(size)
        after = marked.text[index + 1 : index + 2]
        gap = " " if wide and letter > "\u3040" and after > "\u3040" else ""
        pieces.append(letter + gap)
        size += len(pieces[-1])
    names = tuple((moved[begin], moved[end - 1] + 1) for begin, end in marked.names)
    data = tuple((moved[begin], moved[end - 1] + 1, kind) for begin, end, kind in marked.data)
    return Marked("".join(pieces), names, data)


def _told(marked: Marked, names: Names, random: Random, share: float) -> dict[str, str]:
    told: dict[str, str] = {}
    for begin, end in sorted(marked.names, key=lambda span: span[0] - span[1]):
        surface = marked.text[begin:end]
        if surface not in told:
            told[surface] = _other(surface, names, random, told) if random.random() < share else surface
    return told


def _elsewhere(kind: str, old: str, names: Names, facts: Facts, random: Random) -> str:
    if kind in _WORDS:
        return names.noun(kind == "katakana")
    if kind == "place":
        return random.choice(names.places)
    if kind == "name":
        return names.surname().text
    if kind == "JP_ADDRESS":
        return _TOWN.sub(lambda town: random.choice(names.places) if random.random() < 0.4 else town[0], old)
    if kind in facts and random.random() < 0.3:
        return random.choice(facts[kind])
    return old


def _other(surface: str, names: Names, random: Random, told: dict[str, str]) -> str:
    plain = unicodedata.normalize("NFKC", surface)
    if _LATIN.fullmatch(plain):
        return _latin(plain, names)
    if _KATAKANA.fullmatch(plain):
        return _katakana(plain, names, random)
    if _HIRAGANA.fullmatch(plain):
        return _hiragana(plain, names)
    return _kanji(surface, names, random, told)


def _latin(plain: str, names: Names) -> str:
    def part(match: "re.Match[str]") -> str:
        word = names.latin()
        return word.upper() if match.group().isupper() else word.lower() if match.group().islower() else word

    return re.sub(r"[^ .,・]+", part, plain)


def _katakana(plain: str, names: Names, random: Random) -> str:
    parts = re.split("([・= ]+)", plain)
    if "・" in plain or "=" in plain or (len(parts) == 1 and random.random() < 0.5):
        return "".join(names.foreign() if index % 2 == 0 else part for index, part in enumerate(parts))
    if len(parts) == 3:
        return names.surname().kana + parts[1] + names.given().kana
    if len(parts) > 3:
        return "".join(names.foreign() if index % 2 == 0 else part for index, part in enumerate(parts))
    return names.surname().kana if random.random() < 0.5 else names.given().kana


def _hiragana(plain: str, names: Names) -> str:
    parts = _SPACE.split(plain)
    if len(parts) == 3:
        return hiragana(names.surname().kana) + parts[1] + hiragana(names.given().kana)
    whole = names.surname() if plain in names.is_surname else names.given()
    return hiragana(whole.kana)


def _kanji(surface: str, names: Names, random: Random, told: dict[str, str]) -> str:
    parts = _SPACE.split(surface)
    if len(parts) > 3:  # 山 田 太 郎
        full = names.surname().text + names.given().text
        return parts[1].join(full)
    surname, given = names.surname(), names.given()
    if len(parts) == 3:
        if re.fullmatch("[ァ-ヺー]+", parts[0]):
            surname = Name(names.foreign(), "")
        _remember(told, parts[0], surname.text, parts[2], given.text)
        gap = "" if random.random() < 0.2 else parts[1]
        return surname.text + gap + given.text
    mixed = re.fullmatch("([ァ-ヺー]{2,}・?)(.+)", surface)
    if mixed:
        return names.foreign() + ("・" if "・" in surface else "") + given.text
    cut = _split(surface, names)
    if cut:
        _remember(told, surface[:cut], surname.text, surface[cut:], given.text)
        gap = random.choice((" ", "　")) if random.random() < 0.12 else ""
        return surname.text + gap + given.text
    if surface in names.is_surname or surface not in names.is_given:
        return surname.text
    return given.text


def _remember(told: dict[str, str], surname: str, new_surname: str, given: str, new_given: str) -> None:
    told.setdefault(surname, new_surname)
    told.setdefault(given, new_given)


def _split(surface: str, names: Names) -> int:
    """Where the given name begins in a name written without a space; 0: it is one part."""
    if len(surface) < 3 or surface in names.is_surname:
        return 0
    for cut in (2, 3, 1):
        if surface[:cut] in names.is_surname and surface[cut:] in names.is_given:
            return cut
    return 2 if len(surface) >= 4 and surface[:2] in names.is_surname else 0
