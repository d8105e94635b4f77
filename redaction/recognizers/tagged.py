"""Data that no rule foresaw, known by the words around them: the opinion of the trained tagger of
``redaction/tagger``, beside the rules of the other files. It tells of several kinds.

Rules know better what a datum is and where it ends; the tagger knows better where one stands. So it speaks
where no rule has spoken.
"""

import re
from collections.abc import Iterable, Iterator
from copy import copy
from typing import Any

from redaction.birth_words import AFTER, OTHER_DATE
from redaction.facts.told import told
from redaction.names.past import of_the_past
from redaction.names.words import NOT_NAMES, TOWNS
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer
from redaction.service_lines import nobodys
from redaction.tagger.tagger import FACTS, PERSON, SECRETS, Tagged, network, probabilities, tagged
from redaction.wordlist import words

BELIEVED = 0.7
"""Probability that is believed by default: it gets the score 0.35, which is the detector's threshold. Chosen
on documents of sets that the model had not seen (training/judge.py)."""
BELIEVED_IN_COMPANY = 0.1
"""The same on a page that surely tells of somebody: where there is one datum there are more."""
_COMPANY, _SURELY = 2, 0.95
_MORE, _RARELY = 0.2, 0.6
"""How much more is asked for what is often something else."""
_BELIEVED_DATE, _SURE_DATE = 0.5, 0.97
"""Dates are everywhere, in papers about somebody too."""

_LATIN = re.compile(r"[A-Za-zÀ-ɏḀ-ỿ_ .,'’\-]+")
_PART = r"[A-ZÀ-ÞĀ-ɏḀ-ỿ][A-Za-zÀ-ɏḀ-ỿ'’\-]*\.?"
_OF = "(?:de|da|dos|del|van|von|der|den|la|el|al|bin|binti|di|du)"
_FULL_LATIN = re.compile(
    rf"(?:{_OF} )*{_PART}(?:(?:, ?| |(?<=\.))(?:{_PART}|{_OF}(?= )))+|(?:{_OF} )+{_PART}"
)
_ONE, _CAPITALS = re.compile("[A-ZÀ-Þ][a-zß-ɏḀ-ỿ]{2,}"), re.compile("[A-Z]{3,}")
"""Names in Latin letters are believed in full; single words, of which a program is full, only surely."""
_ONE_IN_COMPANY = 0.7
_FIGURE = re.compile("[0-9〇一二三四五六七八九ゼロ]")
_DATE = re.compile(r"[0-9OolI〇一二三四五六七八九十元].*[0-9OolI〇一二三四五六七八九十]")
_LONG_RUN = re.compile("[0-9]{9,}")
"""More digits than a date has."""
_ON_STAGE = re.compile("講師|司会|登壇|演者")
_AT_WORK = re.compile("受付|記録|作成|報告|起案|決裁|発行|撮影")
_OFFICIAL = re.compile("市長|町長|知事|課長|係長|部長|所長|館長|校長|園長|委員長")
_HAPPENED = re.compile(
    r" ?(?:付け?|採用|退職|受付|申請|届出?|提出|発行|交付|転入|転出|異動|訪問|来庁|面談|開催|施行|死亡|更新|終了|開始|認定|有効"
    r"|契約|登録|入所|退所|入院|退院|就任|発生|現在|まで|から|より|以降)"
)
_DRAWN = re.compile(r"[0-9.@\\¥]|[a-z][A-Z]|[!#$%^&*+=~]")
_NUMBER_LEFT = re.compile(r"[0-9A-Za-z\-]*[0-9][0-9A-Za-z\-]+")
_SECRET_LEFT = re.compile(r"(?=[!-~]*[0-9])(?=[!-~]*[A-Za-z])[!-~]{6,}")

_FACT_LABELS = frozenset(
    words(
        "要介護度 介護度 要介護 要支援 難病 病名 傷病名 診断名 障がい名 障害名 既往歴 既往症 既往 等級 障がい 障害 手帳 症状 病歴"
    )
)
"""What a form asks for tells nothing of anybody."""

_COUNTS = 0.35
_WORTH_TELLING = 0.1
_TOLD_OF_SOMEBODY = FACTS | {"COORDINATES"}
_CARD = 13
"""Digits of the shortest card number; the check digit of a badly read one says nothing."""
_LETTERED = frozenset({"JP_MUNICIPAL_ID", "JP_WELFARE_ID"})
_CHECKED = frozenset({"IBAN_CODE", "US_SSN"})
"""What has a check digit, or numbers that are never given out, is for the rules alone."""
_TOLD_AS = {"JP_MY_NUMBER": "JP_MUNICIPAL_ID", "JP_RESIDENT_RECORD_CODE": "JP_MUNICIPAL_ID"}
"""Only a rule calls a number what is refused and never restored; an opinion masks it as somebody's."""


class TaggedRecognizer(Recognizer):
    """加古 in 「参加:加古、大」, 檜垣 in 「決裁:檜垣→所長」, 5-00266 in 「ティ マイ　番号5-00266」."""

    kind = "PERSON"
    ja = "氏名"

    def __init__(self) -> None:
        super().__init__([name for name in network().classes if name.isidentifier()])

    def find(self, page: Page) -> Iterable[Hit]:
        return (hit for _, hit in self.named(page))

    def named(self, page: Page) -> Iterator[tuple[str, Hit]]:
        data = tagged(page, network().classes, probabilities(page), _WORTH_TELLING)
        sure = sum(datum.probability >= _SURELY for datum in data)
        believed = BELIEVED_IN_COMPANY if sure >= _COMPANY else BELIEVED
        for datum in data:
            if datum.kind in _CHECKED:
                continue
            least = max(believed, _BELIEVED_DATE) if datum.kind == "DATE_OF_BIRTH" else believed
            if may_be(datum, page, least):
                kind = _TOLD_AS.get(datum.kind, datum.kind)
                if kind == "DATE_OF_BIRTH" and _LONG_RUN.fullmatch(page.text, datum.start, datum.end):
                    kind = "JP_MUNICIPAL_ID"
                yield kind, Hit(datum.start, datum.end, score(datum.probability, least), "context")

    def enhance_using_context(self, text: str, raw_recognizer_results: list[Any], other_raw_recognizer_results: list[Any],
                              nlp_artifacts: Any, context: list[str] | None = None) -> list[Any]:  # fmt: skip
        """Presidio's second door, where the findings of the others are known: facts are kept where they
        are told of somebody, numbers where no rule has found them."""
        facts = [result for result in raw_recognizer_results if result.entity_type in _TOLD_OF_SOMEBODY]
        others = [result for result in raw_recognizer_results if result.entity_type not in _TOLD_OF_SOMEBODY]
        believed = [fact for fact in facts if fact.score >= _COUNTS]
        somebodys = told(text, believed, [*others, *other_raw_recognizer_results])
        kept = [result for result in somebodys if result.entity_type in FACTS]
        places = [result for result in somebodys if result.entity_type not in FACTS]
        ruled = sorted(
            (result.start, result.end)
            for result in other_raw_recognizer_results
            if result.score >= _COUNTS and result.entity_type not in {*FACTS, PERSON}
        )
        for result in (*places, *others):
            plain = result.entity_type in (PERSON, "JP_ADDRESS")
            kept.extend([result] if plain else _left_over(text, result, ruled))
        return kept


def _left_over(text: str, result: Any, ruled: list[tuple[int, int]]) -> list[Any]:
    """The result where no rule has spoken of it, else the pieces of it that the rules have left out."""
    over = [(start, end) for start, end in ruled if start < result.end and result.start < end]
    if not over:
        return [result]
    if result.entity_type == "DATE_OF_BIRTH":
        return []
    before = text[result.start : over[0][0]]
    if result.entity_type in _LETTERED and 0 < len(before) <= 2 and before.isalpha():
        return [result]  # 審7-11: the rule has the number, the letter before it is a part of it
    piece = _SECRET_LEFT if result.entity_type in SECRETS else _NUMBER_LEFT
    left: list[Any] = []
    at = result.start
    for start, end in [*over, (result.end, result.end)]:
        for match in piece.finditer(text, at, max(at, start)):
            part = copy(result)
            part.start, part.end = match.span()
            left.append(part)
        at = max(at, end)
    return left


def may_be(datum: Tagged, page: Page, believed: float) -> bool:
    """Whether a datum is believed as far as its own look goes, where ``believed`` is what others need."""
    text = page.text[datum.start : datum.end]
    if datum.kind == PERSON:
        past = of_the_past(page, datum.start, datum.end)
        return not past and may_be_a_name(text, datum.probability, believed)
    if len(text) < 2 or (datum.kind == "PHONE_NUMBER" and nobodys(text)):
        return False
    if datum.kind == "DATE_OF_BIRTH":
        sure = datum.probability >= _SURE_DATE
        return _DATE.search(text) is not None and not _of_an_event(page.text, datum.start, datum.end, sure)
    if datum.kind in FACTS:
        return text not in _FACT_LABELS
    if datum.kind == "CREDIT_CARD":
        digits = [letter for letter in text if letter.isalnum()]
        return len(digits) >= _CARD and len(set(digits)) > 1
    if datum.kind in SECRETS:
        return _DRAWN.search(text) is not None  # plain words with hyphens are no host and no password
    return _FIGURE.search(text) is not None


def _of_an_event(text: str, start: int, end: int, sure: bool) -> bool:
    """Whether a date is told of what happened: by words that leave no doubt, or, where the tagger is not
    ``sure``, by any that dates of birth seldom have around them."""
    before, after = text[max(0, start - 16) : start].rpartition("\n")[2], text[end : end + 20]
    in_brackets = before.endswith(("(", "["))
    if _ON_STAGE.search(before) or _HAPPENED.match(after) or (_OFFICIAL.search(before) and not in_brackets):
        return True
    return not sure and (
        _AT_WORK.search(before) is not None
        or OTHER_DATE.search(before[-12:]) is not None
        or AFTER.match(after) is not None
    )


def may_be_a_name(text: str, probability: float, believed: float) -> bool:
    """Whether a text with this probability is believed as far as its own look goes: what is a program's
    word, a town of the city or an ordinary word as a rule has to be surer, or is left to the rules."""
    if _LATIN.fullmatch(text):
        if probability < believed + _MORE:
            return False
        if _FULL_LATIN.fullmatch(text):
            return True
        company = believed < BELIEVED
        if _CAPITALS.fullmatch(text):
            return company and probability >= _SURELY
        least = _ONE_IN_COMPANY if company else _SURELY
        return probability >= least and _ONE.fullmatch(text) is not None
    if text in TOWNS:
        return probability >= believed + _MORE
    return text not in NOT_NAMES or probability >= max(_RARELY, believed + _MORE)


def score(probability: float, believed: float) -> float:
    """0.35 for what is just believed, 0.95 at most: rules that see a title are surer still."""
    if probability < believed:
        return _COUNTS * probability / believed
    return _COUNTS + (0.95 - _COUNTS) * (probability - believed) / (1.0 - believed)
