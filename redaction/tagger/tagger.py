"""The tagger: data that the trained model believes in, as spans with a probability.

Reads the model file at first use. Judges words; what is around a datum the model has learned to see.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from redaction.once import once
from redaction.page import Hit, Page, Token
from redaction.tagger.network import Network, read

if TYPE_CHECKING:
    from redaction.tagger.network import Floats

MODEL = Path(__file__).parent / "model" / "tagger.npz"

DOUBT = 0.03
"""What a rule believes has to be this likely for the model."""

_LITTLE = 0.35
PERSON = "PERSON"
FACTS = frozenset({"JP_SENSITIVE", "JP_PROTECTED_PERSON"})
_NEVER_AT_AN_EDGE = frozenset({"particle", "auxiliary"})
_HALF = 0.5
_KATAKANA, _HIRAGANA = re.compile("[ァ-ヺー]|(?<=[ァ-ヺー])・(?=[ァ-ヺー])"), re.compile("[ぁ-ゖー]")
_LATIN = re.compile("[A-Za-zÀ-ɏḀ-ỿ]|(?<=[A-Za-z])['’\\-](?=[A-Za-zÀ-ɏḀ-ỿ])")
_OF_BEFORE = re.compile(r"(?<![A-Za-z])(?P<of>(?:de|da|dos|van|von|bin|al|el|la) )$")
_UNPRINTED = re.compile("[■〓□●]")
_BOUND = re.compile(r"[\s:/・、。,()「」\[\]|→]")
_LONGEST_KANA = 12
_KANA, _CALLED = re.compile("[ぁ-ゖァ-ヺー]+"), re.compile("ちゃん|くん|やん|さん|坊")
_HONORIFIC = re.compile("さん|さま|くん|ちゃん")
_DIGITS = re.compile("[0-9]+")
SECRETS = frozenset({"CREDENTIAL", "NETWORK", "EMAIL_ADDRESS", "IP_ADDRESS"})
_SIGNS = frozenset("._-/@#$%^&*+!~?=:")
"""What secrets and hosts are also written with."""
_OF_DATES = frozenset("-./・年月日")


class Tagged(NamedTuple):
    """Characters ``start`` to ``end`` are a datum of ``kind`` with ``probability``, 0.0 to 1.0."""

    kind: str
    start: int
    end: int
    probability: float


@once
def probabilities(page: Page) -> "Floats":
    """What the shipped model says of every word of a page: shape (words, classes)."""
    from redaction.tagger.features import features

    return network().probabilities(features(page, network().common))


def doubted(page: Page, start: int, end: int, doubt: float = DOUBT) -> bool:
    """Whether the model is sure that nothing personal stands there: every word is outside with
    more than ``1 - doubt``."""
    first, last = bisect_right(page.begins, start) - 1, bisect_left(page.begins, end)
    inside = 1.0 - probabilities(page)[max(first, 0) : last, 0]
    return len(inside) > 0 and float(inside.max()) < doubt


def weighed(page: Page, hit: Hit) -> Hit:
    """What a rule believes, with little of its score where the model is sure that nothing personal stands
    there: 0.95 is then below the default threshold, and above that of a strict search."""
    return hit._replace(score=hit.score * _LITTLE) if doubted(page, hit.start, hit.end) else hit


def tagged(page: Page, classes: Sequence[str], probabilities: "Floats", least: float) -> list[Tagged]:
    """Runs of words each of which is in a datum with probability ``least`` or more; the surest word
    of a run speaks for it. A name that is surer elsewhere on the page is surer here too."""
    words = page.words
    if not words:
        return []
    inside = 1.0 - probabilities[:, 0]
    likeliest = 1 + probabilities[:, 1:].argmax(axis=1)
    found: list[Tagged] = []
    run: list[int] = []
    kind = ""
    for index in (inside >= least).nonzero()[0].tolist():
        name = classes[likeliest[index]]
        here = _family(name.removeprefix("+"))
        apart = name == PERSON and words[index - 1].kind in ("symbol", "space")
        if run and (index > run[-1] + 1 or here != kind or apart):
            _add(found, page, classes, run, probabilities, inside)
            run = []
        run.append(index)
        kind = here
    if run:
        _add(found, page, classes, run, probabilities, inside)
    return _remembered(page, found)


def _add(found: list[Tagged], page: Page, classes: Sequence[str], run: list[int], probabilities: "Floats",
         inside: "Floats") -> None:  # fmt: skip
    """One datum more, unless the last one has been found to reach over it."""
    if not found or page.words[run[-1]].end > found[-1].end:
        found.extend(_datum(page, classes, run, probabilities, inside))


def _family(kind: str) -> str:
    """Numbers of different kinds that touch are one number of the likeliest kind."""
    return kind if kind in FACTS or kind in (PERSON, "JP_ADDRESS") else "number"


def _datum(page: Page, classes: Sequence[str], run: list[int], probabilities: "Floats",
           inside: "Floats") -> Iterator[Tagged]:  # fmt: skip
    words = page.words
    kind = classes[1 + int(probabilities[run, 1:].sum(axis=0).argmax())].removeprefix("+")
    surest = max(float(inside[index]) for index in run)
    if kind not in SECRETS:
        while run and _unfit(words[run[0]], float(inside[run[0]]), kind):
            run = run[1:]
        while run and _unfit(words[run[-1]], float(inside[run[-1]]), kind):
            run = run[:-1]
    if not run:
        return
    begin, end = words[run[0]].begin, words[run[-1]].end
    if kind == PERSON:
        begin, end = _in_full(page.text, *_with_neighbour(words, run))
    elif kind not in FACTS:
        begin, end = _whole(page.text, begin, end, _signs(kind))
        end += kind == "DATE_OF_BIRTH" and page.text.startswith("日", end)
    while begin < end and page.text[begin].isspace():
        begin += 1
    while begin < end and page.text[end - 1].isspace():
        end -= 1
    if begin < end:
        yield Tagged(kind, begin, end, surest)


def _unfit(word: Token, probability: float, kind: str) -> bool:
    """Whether a datum does not begin or end with this word: と of りくと is a particle for the dictionary,
    and still a part of the name when the model is surer of that than not."""
    if word.kind in ("symbol", "space"):
        return True
    if probability >= _HALF:
        return False
    return word.kind in _NEVER_AT_AN_EDGE or (kind == PERSON and word.kind == "number")


def _with_neighbour(words: Sequence[Token], run: list[int]) -> tuple[int, int]:
    """From begin to end of a name; where it is one word in katakana, with the strange word beside it:
    シュレスタ ビナ."""
    first, last = run[0], run[-1]
    if first == last and _KATAKANA.match(words[first].text):
        if last + 2 < len(words) and _strange(words[last + 1], words[last + 2]):
            last += 2
        elif first >= 2 and _strange(words[first - 1], words[first - 2]):
            first -= 2
    return words[first].begin, words[last].end


def _strange(gap: Token, word: Token) -> bool:
    return gap.text == " " and word.unknown and _KATAKANA.match(word.text) is not None


def _in_full(text: str, begin: int, end: int) -> tuple[int, int]:
    """The same without half a name: one in katakana or in Latin letters goes as far as they go, one in
    hiragana where signs bound it, and a letter that a system could not print is a letter."""
    for script in (_KATAKANA, _LATIN):
        if script.match(text, begin):
            begin = _back(text, begin, script)
        if script.match(text, end - 1):
            end = _on(text, end, script)
    if (of := _OF_BEFORE.search(text, max(0, begin - 8), begin)) is not None:
        begin = of.start("of")
    if _HIRAGANA.match(text, begin):
        more = _back(text, begin, _HIRAGANA)
        begin = more if _a_kana_name(text[more:end]) and _BOUND.match(text[more - 1 : more] or " ") else begin
    if _HIRAGANA.match(text, end - 1):
        more = _on(text, end, _HIRAGANA)
        end = more if _a_kana_name(text[begin:more]) and _BOUND.match(text[more : more + 1] or " ") else end
    if end - begin <= 2 and _KANA.fullmatch(text, begin, end):  # なっちゃん: なっ alone is nobody
        called = _CALLED.match(text, end)
        end = called.end() if called else end
    return _back(text, begin, _UNPRINTED), _on(text, end, _UNPRINTED)


def _a_kana_name(text: str) -> bool:
    return len(text) <= _LONGEST_KANA and _HONORIFIC.search(text) is None


def _back(text: str, begin: int, script: "re.Pattern[str]") -> int:
    while begin and script.match(text, begin - 1):
        begin -= 1
    return begin


def _on(text: str, end: int, script: "re.Pattern[str]") -> int:
    while end < len(text) and script.match(text, end):
        end += 1
    return end


def _signs(kind: str) -> frozenset[str]:
    return _SIGNS if kind in SECRETS else _OF_DATES if kind == "DATE_OF_BIRTH" else frozenset("-")


def _whole(text: str, begin: int, end: int, signs: frozenset[str]) -> tuple[int, int]:
    """The same without half a number: letters and digits go on at either side, over ``signs`` too."""
    while begin and (
        _goes_on(text[begin - 1]) or (text[begin - 1] in signs and _goes_on(text[begin - 2 : begin - 1]))
    ):
        begin -= 1
    while end < len(text) and (
        _goes_on(text[end]) or (text[end] in signs and _goes_on(text[end + 1 : end + 2]))
    ):
        end += 1
    return begin, end


def _goes_on(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()


def _remembered(page: Page, data: list[Tagged]) -> list[Tagged]:
    """Between what is believed of a datum here and what is believed of its like at the surest place: of the
    same name, or of a number of the same kind and form, for lists have a column of them."""
    likes = [_likeness(datum, page.text[datum.start : datum.end]) for datum in data]
    best: dict[str, float] = {}
    for like, datum in zip(likes, data, strict=True):
        best[like] = max(best.get(like, 0.0), datum.probability)
    return [
        datum._replace(probability=(datum.probability * best[like]) ** 0.5)
        for like, datum in zip(likes, data, strict=True)
    ]


def _likeness(datum: Tagged, text: str) -> str:
    return text if _family(datum.kind) != "number" else f"{datum.kind} {_DIGITS.sub('0', text)}"


@cache
def network() -> Network:
    """The model that is shipped. Raises OSError or ValueError."""
    return read(MODEL)
