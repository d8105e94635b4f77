"""Answers a request for disclosure out of the ledger: reads, has the words searched again, gives rows. Writes nothing.

Whoever calls this records the look before anything of it is shown or kept.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.catalogue.question import Question
from audit.disclosed import Crowd, Kind, Row, about, crowd_of, every, held, looks, of_nobody
from audit.periods import Periods, read_period
from audit.review import FEWEST, Review
from proxy.office.disclosed import given, words_of
from proxy.office.others import Others
from proxy.settings import Settings
from redaction.model import Finding

Find = Callable[[Sequence[str]], Sequence[Sequence[Finding]]]

PERSONAL_FILTERS = frozenset({"person", "since", "until"})
"""A person is given everything; only a time may be named."""
NAMING = ("person", "exchange", "conversation", "campaign", "incident")
"""Filters that would make a person out of what is given to the public."""


class BadRequest(ValueError):
    """What is asked for cannot be given so; `ja` and `en` say what, and what to do."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(f"{ja} / {en}")
        self.ja, self.en = ja, en


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. ``few``: also where fewer than `FEWEST` persons are in it, for somebody has judged that."""

    kind: Kind
    question: Question
    texts: bool = True
    few: bool = False

    def stated(self) -> dict[str, Any]:
        """As the record of the look has it."""
        flags = {"texts": self.texts} | ({"few": True} if self.few else {})
        return {"request": self.kind} | self.question.stated() | flags


def demand_sound(wanted: Wanted, others: Others) -> None:
    """Raises `BadRequest` for filters that do not fit the kind of request, or would tell of somebody."""
    stated = wanted.question.stated()
    if wanted.kind == "personal":
        if wanted.question.person is None:
            raise BadRequest(
                "開示請求には、請求した本人の職員番号が要ります。", "Name the person who asks for their own."
            )
        if more := stated.keys() - PERSONAL_FILTERS:
            raise BadRequest(
                f"開示請求では、本人について残っているものをすべて出します。期間のほかの条件({'、'.join(sorted(more))})は外してください。",
                "A person is given everything that is held of them: name nothing but a time.",
            )
        return
    if named := [name for name in NAMING if name in stated]:
        raise BadRequest(
            f"情報公開請求では、人が分かる条件({'、'.join(named)})は使えません。外すか、本人の開示請求にしてください。",
            "No filter that tells of a person is used for the public: leave it out.",
        )
    words = [value for value in stated.values() if isinstance(value, str)]
    if any(others.hidden(word) != word for word in (*words, *wanted.question.words)):
        raise BadRequest(
            "条件の中に、職員番号やキーの番号と同じものがあります。人を指す言葉を外してください。",
            "A filter holds the id of a person or a key: leave it out.",
        )


def demand_many(crowd: Crowd, wanted: Wanted) -> None:
    """Raises `BadRequest` where so few persons are in an answer to the public that each row may tell of one."""
    if wanted.kind == "information" and 0 < crowd.persons < FEWEST and not wanted.few:
        raise BadRequest(
            f"この条件に当てはまる利用者は{FEWEST}人に満たず、一行ずつがだれのことか分かるおそれがあります。期間や課を広げてください。"
            "担当者が確かめたうえで出すときは、few(--few)を付けてください。",
            f"Fewer than {FEWEST} persons are in it, so that a row may tell of one: ask for more, or add few (--few) once somebody has judged it.",
        )


def periods_of(settings: Settings) -> Periods:
    """How long things are kept here. Raises ValueError, with a sentence."""
    return Periods(read_period(settings.keep_records), read_period(settings.keep_texts))


def batches(
    review: Review,
    wanted: Wanted,
    cards: Sequence[Mapping[str, Any]],
    crowd: Crowd,
    periods: Periods,
    *,
    own: bool = False,
    first: int = 1,
) -> Iterator[list[Row]]:
    """The rows of each exchange, with words that are still to be searched. ``first``: number of the first one."""
    person = wanted.question.person
    for number, shown in enumerate(held(review, cards, own=own), first):
        if wanted.kind == "personal":
            assert person is not None
            yield about(shown, person, periods)
        else:
            yield [of_nobody(shown, number, crowd, periods, texts=wanted.texts)]


def in_general(review: Review, wanted: Wanted, periods: Periods) -> list[Row]:
    """Who looked at a person's use without opening one exchange; nothing for the public."""
    question = wanted.question
    if wanted.kind != "personal" or question.person is None:
        return []
    return looks(review.looks_at(question.person), question.person, periods, question.since, question.until)


def answered(review: Review, wanted: Wanted, periods: Periods, others: Others, find: Find) -> Iterator[Row]:
    """Every row, ready to be given. Raises `BadRequest`, and whatever ``find`` raises."""
    demand_sound(wanted, others)
    cards = list(every(review, wanted.question))
    crowd = crowd_of(cards)
    demand_many(crowd, wanted)
    for rows in batches(review, wanted, cards, crowd, periods):
        yield from given(wanted.kind, rows, _found(find, rows), others)
    rows = in_general(review, wanted, periods)
    yield from given(wanted.kind, rows, _found(find, rows), others)


def _found(find: Find, rows: Sequence[Row]) -> Sequence[Sequence[Finding]]:
    words = words_of(rows)
    return find(words) if words else []
