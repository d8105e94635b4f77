"""Which records an export holds, and reads them one after the other, in constant memory.

    Wanted("csv")                                             the whole ledger, chain by chain, records in their order
    Wanted("csv", Question(since=…, until=…))                 every record whose own moment lies in the period
    Wanted("csv", Question(section="道路課", rule="P-03"))     the exchanges that fit, newest first: question and ending

Reads only; whose records somebody may take out is decided in audit/review.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from audit import tables
from audit.catalogue.finding import Look, records_of, texts_of
from audit.catalogue.question import Question, Reach
from audit.following import Entry
from audit.names import moment
from audit.query import record_of

Form = Literal["jsonl", "csv", "ocsf", "cef"]
FORMS: tuple[Form, ...] = get_args(Form)
WITHOUT_TEXTS: frozenset[Form] = frozenset({"cef"})
"""Forms with no room for texts."""

_FETCH = 1_000
"""Rows in memory at a time."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An export that somebody asks for. ``texts``: with the masked texts, which are personal information of the city."""

    form: Form
    question: Question = field(default_factory=Question)
    texts: bool = False

    @property
    def by_period(self) -> bool:
        """Whether nothing is asked but a period: then looks and notes are there, too."""
        return replace(self.question, since=None, until=None) == Question()

    def stated(self) -> dict[str, Any]:
        """As the record of it has it."""
        return {"as": self.form, "texts": self.texts} | self.question.stated()


@dataclass(frozen=True, slots=True)
class Chosen:
    """What an export holds, at one moment. ``count`` was counted at that moment; ``entries`` can be gone through once."""

    count: int
    entries: Iterator[Entry]


# ── by period ────────────────────────────────────────────────────────────────────────────────────


def in_period(connection: tables.Connection, wanted: Wanted) -> Chosen:
    """Every record of a period."""
    records = tables.records
    where = _period(wanted.question)
    counted = tables.select(tables.func.count()).select_from(records).where(*where)
    return Chosen(connection.execute(counted).scalar_one(), _rows(connection, where, wanted.texts))


def _rows(connection: tables.Connection, where: list[Any], texts: bool) -> Iterator[Entry]:
    records, beside = tables.records, tables.texts
    if texts:
        same = (beside.c.writer == records.c.writer) & (beside.c.idx == records.c.idx)
        found = tables.select(records, beside.c.text).join_from(records, beside, same, isouter=True)
    else:
        found = tables.select(records)
    found = found.where(*where).order_by(records.c.writer, records.c.idx)
    with connection.execute(found, execution_options={"yield_per": _FETCH}) as rows:
        for row in rows:
            yield Entry(record_of(row), row.text if texts else None)


def _period(question: Question) -> list[Any]:
    at, where = tables.records.c.at, []
    if question.since:
        where.append(at >= moment(question.since))
    if question.until:
        where.append(at < moment(question.until))
    return where


# ── by question ──────────────────────────────────────────────────────────────────────────────────


def asked_for(look: Look, ledger: Any, wanted: Wanted, reach: Reach) -> Chosen:
    """The records of every exchange that the question fits, within reach."""
    count = sum(len(_places(card)) for page in _pages(look, wanted.question, reach) for card in page)
    return Chosen(count, _of_pages(look, ledger, wanted, reach))


def _pages(look: Look, question: Question, reach: Reach) -> Iterator[tuple[Any, ...]]:
    cursor: str | None = None
    while True:
        found = look.search(question, reach, _FETCH // 2, cursor)
        yield found.cards
        if (cursor := found.cursor) is None:
            return


def _of_pages(look: Look, ledger: Any, wanted: Wanted, reach: Reach) -> Iterator[Entry]:
    for page in _pages(look, wanted.question, reach):
        places = [place for card in page for place in _places(card)]
        said = texts_of(ledger, [_exchange(card) for card in page]) if wanted.texts else {}
        for record in records_of(ledger, places):
            yield Entry(record, said.get((record.writer, record.index)))


def _places(card: Any) -> list[tuple[str, int]]:
    writer, *both = _exchange(card)
    return [(writer, index) for index in both if index]


def _exchange(card: Any) -> tuple[str, int, int | None]:
    return card["writer"], card["asked"], card["ended"]
