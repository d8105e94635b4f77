"""/audit/v1: what the ledger gives to whoever asks by law, as `sekisho audit disclose` writes it.

    GET /audit/v1/me/exchanges/{id}   one's own exchange
    GET /audit/v1/me/disclosure   everything held about one's own use, and who looked at it, without other people's columns
    GET /audit/v1/disclosures     the same about somebody who asked for it, or exchanges of nobody for the public

What is in it and what is not: audit/disclosed.py. Words are searched once more before they are given. Every look is a
record before anything is shown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from audit.catalogue.pages import Found
from audit.catalogue.question import Question
from audit.disclosed import Crowd, Kind, Row, about, columns_of, crowd_of, every, page, removed_of
from audit.names import moment
from audit.numbers import may_be_somebodys
from audit.periods import Periods
from audit.review import Review, Timeline
from proxy.api.forms import wrong
from proxy.api.reading import At, Desk, Page, Paging, demand_somebody, not_there
from proxy.errors import Problem, Unavailable
from proxy.office.answering import (
    BadRequest,
    Wanted,
    batches,
    demand_many,
    demand_sound,
    in_general,
    periods_of,
)
from proxy.office.disclosed import given, words_of
from proxy.office.disclosure_files import new_id
from proxy.office.others import Others, others_of
from redaction.model import CannotDetect

router = APIRouter(prefix="/audit/v1")
Done = TypeVar("Done")

_LARGEST = 10_000
"""Exchanges of one answer to the public over HTTP."""
_OURS = frozenset({"request", "number", "texts", "few"})
"""What of an address is no filter."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A page: the rows of each exchange, with words that are still to be searched."""

    found: Found
    batches: list[list[Row]]


@router.get("/me/disclosure")
async def own(
    at: At, page: Page, since: AwareDatetime | None = None, until: AwareDatetime | None = None
) -> dict[str, Any]:
    """Everything that is held about one's own use."""
    demand_somebody(at)
    question = await at.deciding(lambda: Question(since=since, until=until, person=at.reader.person))
    return await _shown(at, Wanted("personal", question), page)


@router.get("/me/exchanges/{exchange}")
async def own_exchange(at: At, exchange: str) -> dict[str, Any]:
    """One of one's own exchanges, with its masked texts, and who looked at it, by role."""
    demand_somebody(at)
    person, periods = at.reader.person, _periods(at)

    def read(review: Review) -> tuple[Timeline | None, Others]:
        others = others_of(at.asker.house.ledger.address, at.asker.house.office, person)
        return review.own_exchange(exchange), Others(others)

    shown, others = await at.reading(read)
    if shown is None:
        raise not_there()
    rows = await _searched(at, "personal", about(shown, person, periods), others)
    await at.looked("own", {"exchange": shown.card["exchange"], "person": person}, len(rows), None)
    return {"exchange": shown.card["exchange"], "columns": columns_of("personal", texts=True), "rows": rows}


@router.get("/disclosures")
async def disclosure(
    at: At,
    asked: Request,
    page: Page,
    number: Annotated[str, Query(min_length=1, max_length=100)],
    reason: str | None = None,
    request: Kind = "personal",
    texts: bool = False,
    few: bool = False,
) -> dict[str, Any]:
    """What is held about somebody who asked for it, or what the public is given: ``number`` is that of the request."""
    await at.demand("disclose")
    if may_be_somebodys(number) or not number.isprintable():
        raise wrong(
            "請求番号に、個人番号などに見える数字か、表示できない文字があります。",
            "The number of the request looks like somebody's number, or cannot be printed.",
        )
    await at.demand_nothing_personal(number)
    question = at.question(asked, _OURS)
    wanted = Wanted(request, question, texts=texts or request == "personal", few=few)
    return await _shown(at, wanted, page, number=number, reason=reason)


async def _shown(
    at: Desk, wanted: Wanted, paging: Paging, *, number: str | None = None, reason: str | None = None
) -> dict[str, Any]:
    """A page of what is wanted; without a ``number`` it is one's own."""
    own = number is None
    why = await at.because(reason, demanded=not own)
    id = new_id(at.now())
    stated: dict[str, Any] = {"disclosure": id, "number": number} | wanted.stated() | paging.stated()
    periods = _periods(at)
    person = wanted.question.person

    def read(review: Review) -> tuple[_Read, Others]:
        others = Others(others_of(at.asker.house.ledger.address, at.asker.house.office, person))
        demand_sound(wanted, others)
        crowd = Crowd(frozenset(), frozenset(), frozenset(), 0)
        found = page(review, wanted.question, paging.limit, paging.cursor, own=own)
        if wanted.kind == "information":
            cards = list(islice(every(review, wanted.question), _LARGEST + 1))
            if len(cards) > _LARGEST:
                raise BadRequest(
                    f"{_LARGEST:,}件より多くあります。期間を短くするか、端末の sekisho audit disclose を使ってください。",
                    f"There are more than {_LARGEST:,}: ask for a shorter time, or use sekisho audit disclose.",
                )
            crowd = crowd_of(cards)
            demand_many(crowd, wanted)
        rows = list(batches(review, wanted, found.cards, crowd, periods, own=own))
        if found.cursor is None:
            rows.append(in_general(review, wanted, periods))
        return _Read(found, rows), others

    try:
        read_page, others = await at.reading(_telling(read))
    except Problem:
        await at.looked("disclosure", stated, 0, why)  # what cannot be answered was looked for, too
        raise
    rows = [row for batch in read_page.batches for row in await _searched(at, wanted.kind, batch, others)]
    await at.looked("disclosure", stated, len(rows), why)
    columns = columns_of(wanted.kind, texts=wanted.texts)
    return {
        "disclosure": id,
        "request": wanted.kind,
        "number": number,
        "made_at": moment(at.now()),
        "columns": columns,
        "rows": [{name: row[name] for name in columns} for row in rows],
        "removed": [
            {"ja": one.ja, "en": one.en, "why": one.why}
            for one in removed_of(wanted.kind, texts=wanted.texts)
        ],
        "retention": {"records": str(periods.records), "texts": str(periods.texts)},
        "cursor": read_page.found.cursor,
        "total": read_page.found.total,
        "more_than_total": read_page.found.more,
    }


def _periods(at: Desk) -> Periods:
    try:
        return periods_of(at.asker.desk.settings)
    except ValueError:
        raise Unavailable("internal_error") from None


async def _searched(at: Desk, kind: Kind, rows: list[Row], others: Others) -> list[Row]:
    words = words_of(rows)
    try:
        findings = await at.asker.house.detector.find(words) if words else []
    except CannotDetect as error:
        raise Unavailable(error.reason) from None
    return given(kind, rows, findings, others)


def _telling(read: Callable[[Review], Done]) -> Callable[[Review], Done]:
    def told(review: Review) -> Done:
        try:
            return read(review)
        except BadRequest as error:
            raise wrong(error.ja, error.en) from None

    return told
