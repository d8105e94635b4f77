"""Word lists: which of the policy's lists occur in a text. Pure; keeps no text and returns ids alone.

The only file of this room that looks at what people wrote. A text is folded first, so that width, case,
kana, spaces and marks that cannot be seen make no difference: ``ﾖﾃｲ カカク`` is ``よていかかく``.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import add

from policies.model import Bilingual

_UNSEEN = re.compile(
    r"[\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u205f-\u206f"
    r"\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0020\U000e007f\U000e0100-\U000e01ef]+"
)
_ALIKE = {
    **{code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)},  # katakana to hiragana; ー stays
    # letters that nobody sees and that models read (tags): they are the ASCII letter they stand for
    **{0xE0000 + code: ord(chr(code).lower()) for code in range(0x21, 0x7F)},
    # Cyrillic, Greek and other letters that look like Latin ones; dashes and curly quotes
    **dict(zip(map(ord, "аеорсухіѕјһԁԛԝӏοανιρκυτıɡɑ"), map(ord, "aeopcyxisjhdqwloavipkutiga"), strict=True)),
    **{code: ord("-") for code in range(0x2010, 0x2016)},
    **{ord(mark): ord("'") for mark in "‘’‛"},
    **{ord(mark): ord('"') for mark in "“”‟"},
}
_TO_FOLD = re.compile("[ァ-ヶıɑɡ\u03b1-\u051d\u2010-\u201f\U000e0021-\U000e007e]+")
"""Spans that hold all of these. Few ranges, because every letter is compared with each."""


@dataclass(frozen=True, slots=True)
class Together:
    """Words that must stand near each other: one of each group, within so many folded characters in all.

    ``Together((("指示", "ルール"), ("無視", "忘れ")), 20)`` is found in これまでのルールはすべて忘れて.
    ``in_order``: one after the other as the groups are listed, so that 信号を無視して、係員の指示に is not found.
    """

    groups: tuple[tuple[str, ...], ...]
    within: int
    in_order: bool = False


@dataclass(frozen=True, slots=True)
class WordList:
    """One list: its single terms, its words that must stand together, and what excuses either.

    ``until``: the last day (JST) on which it counts. ``unless`` are longer phrases that hold a term and mean
    something else: 無視できない holds 無視.
    """

    id: str
    title: Bilingual
    owner: str
    until: date | None
    terms: tuple[str, ...]
    together: tuple[Together, ...]
    unless: tuple[str, ...]


def fold(text: str) -> str:
    """The text as the lists compare it: NFKC, lower case, hiragana, without spaces and unseen marks.

    Letters that look alike are one letter (Cyrillic о is o), and a hidden tag letter is the letter it stands for.
    """
    # Unseen marks go first, or one between ﾌ and ﾟ would keep them apart; NFKC may leave new spaces behind.
    text = unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).casefold()
    text = _TO_FOLD.sub(lambda run: run[0].translate(_ALIKE), text)  # few letters need it; translate is slow
    # again, because か and ゛ stand next to each other only now
    return unicodedata.normalize("NFKC", _UNSEEN.sub("", text))


class WordMatcher:
    """The lists of one policy, folded once. Holds no text of anybody."""

    def __init__(self, lists: Sequence[WordList]) -> None:
        self._lists = tuple((each, _compiled(each)) for each in lists)
        self._index = _Index(word for _, search in self._lists for word in search.words())

    def found(self, texts: Iterable[str], on: date) -> tuple[str, ...]:
        """The ids of the lists that occur in any of the texts on a day (JST), in the policy's order."""
        live = [(each, search) for each, search in self._lists if each.until is None or on <= each.until]
        if not live:
            return ()
        folded = [
            _Folded(text, self._index.held_by(text)) for text in map(fold, dict.fromkeys(texts)) if text
        ]
        return tuple(each.id for each, search in live if any(map(search.inside, folded)))


class _Index:
    """All words of all lists, so that a text is asked only for those it may hold.

    A word is filed under one of its runs of three letters, the one that the fewest words share: looking up the
    runs of a text costs the same for ten words and for two thousand.
    """

    def __init__(self, words: Iterable[str]) -> None:
        words = frozenset(filter(None, words))  # a word of unseen marks alone is none
        shared = Counter(run for word in words for run in _runs(word))
        self._short = frozenset(word for word in words if len(word) < _RUN)
        self._by_run: dict[str, list[str]] = {}
        for word in words.difference(self._short):
            self._by_run.setdefault(min(_runs(word), key=lambda run: (shared[run], run)), []).append(word)

    def held_by(self, text: str) -> frozenset[str]:
        """The words that a folded text holds."""
        # Whole passes in C cost half of a loop, and nothing more for more words.
        pairs = list(map(add, text, text[1:]))
        runs = set(map(add, pairs, text[_RUN - 1 :]))
        asked = (word for run in self._by_run.keys() & runs for word in self._by_run[run])
        # A long text is read through only for words of which it has every run.
        held = frozenset(word for word in asked if _runs(word) <= runs and word in text)
        return held.union(self._short.intersection(text), self._short.intersection(pairs))


_RUN = 3


def _runs(text: str) -> set[str]:
    return {text[at : at + _RUN] for at in range(len(text) - _RUN + 1)}


class _Folded:
    """A folded text, the words it holds, and where those that were asked for stand in it."""

    def __init__(self, text: str, words: frozenset[str]) -> None:
        self.text = text
        self.words = words
        self._places: dict[str, tuple[tuple[int, int], ...]] = {}

    def places(self, word: str) -> tuple[tuple[int, int], ...]:
        """Where a word begins and ends, from left to right."""
        known = self._places.get(word)
        if known is None:
            known = self._places[word] = tuple((at, at + len(word)) for at in _places(self.text, word))
        return known


@dataclass(frozen=True, slots=True)
class _Near:
    groups: tuple[frozenset[str], ...]
    within: int
    in_order: bool

    def inside(self, text: _Folded) -> bool:
        """Whether one word of each group lies within the width: from the first letter of one to the last of another."""
        if any(map(text.words.isdisjoint, self.groups)):
            return False
        groups = [
            sorted(place for word in group & text.words for place in text.places(word))
            for group in self.groups
        ]
        return (_in_order if self.in_order else _in_any_order)(groups, self.within)


@dataclass(frozen=True, slots=True)
class _Search:
    terms: frozenset[str]
    together: tuple[_Near, ...]
    called_by: Mapping[str, tuple[int, ...]]
    """Each word of the rarest group of a pair to the pairs that are worth a look when a text holds it."""
    unless: "re.Pattern[str] | None"

    def words(self) -> frozenset[str]:
        """Every word that this list looks for."""
        return self.terms.union(*(group for near in self.together for group in near.groups))

    def inside(self, text: _Folded) -> bool:
        """Whether a folded text holds one of the terms, or words that stand together, that nothing excuses."""
        # An excuse only takes away, so that texts without a hit, nearly all, are not searched for excuses.
        if self.unless is None or not self._hit(text):
            return self._hit(text)
        left = self.unless.sub(_struck, text.text)
        return self._hit(_Folded(left, frozenset(word for word in text.words if word in left)))

    def _hit(self, text: _Folded) -> bool:
        if not self.terms.isdisjoint(text.words):
            return True
        # Most pairs of most texts are never looked at: with hundreds of them, asking each would cost more than all else.
        called = {number for word in text.words if word in self.called_by for number in self.called_by[word]}
        return any(self.together[number].inside(text) for number in called)


def _struck(excuse: "re.Match[str]") -> str:
    """An excuse struck out at its length, so that nothing moves nearer; no term can span a line break."""
    return "\n" * len(excuse[0])


def _compiled(words: WordList) -> _Search:
    unless = sorted(map(fold, words.unless), key=len, reverse=True)
    together = tuple(
        _Near(tuple(frozenset(map(fold, group)) for group in each.groups), each.within, each.in_order)
        for each in words.together
    )
    return _Search(
        frozenset(map(fold, words.terms)),
        together,
        _called_by(together),
        re.compile("|".join(map(re.escape, unless))) if unless else None,
    )


def _called_by(together: Sequence[_Near]) -> Mapping[str, tuple[int, ...]]:
    calls: dict[str, list[int]] = {}
    for number, near in enumerate(together):
        # Guessed to be rarest: few words, and long ones.
        for word in min(near.groups, key=lambda group: sum(0.25 ** len(word) for word in group), default=()):
            calls.setdefault(word, []).append(number)
    return {word: tuple(numbers) for word, numbers in calls.items()}


def _in_any_order(groups: Sequence[Sequence[tuple[int, int]]], within: int) -> bool:
    """From the end of the text back: of each group, where the first place ends that begins here or later."""
    places = sorted(
        ((start, end, number) for number, group in enumerate(groups) for start, end in group), reverse=True
    )
    ends: dict[int, int] = {}
    for start, end, number in places:
        ends[number] = min(end, ends.get(number, end))
        if len(ends) == len(groups) and max(ends.values()) - start <= within:
            return True
    return False


def _in_order(groups: Sequence[Sequence[tuple[int, int]]], within: int) -> bool:
    """For each place of a group, the latest beginning of a chain through all groups before it."""
    chains = [(end, start) for start, end in groups[0]]
    for group in groups[1:]:
        chains.sort()
        longer: list[tuple[int, int]] = []
        latest, next_ = -1, 0
        for start, end in group:
            while next_ < len(chains) and chains[next_][0] <= start:
                latest = max(latest, chains[next_][1])
                next_ += 1
            if latest >= 0:
                longer.append((end, latest))
        chains = longer
    return any(end - begin <= within for end, begin in chains)


def _places(text: str, word: str) -> Iterable[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + 1)
