"""/audit/v1: exchanges, and how many there are, as reviewers, the IT推進本部 and everybody themselves see them.

Where others are seen the reader says why; see reading.py.
"""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from audit.numbers import may_be_somebodys
from audit.review import Timeline
from audit.told import record_told, timeline_told
from audit.wording import BadWording
from proxy.api.reading import MOST, At, Page, demand_somebody, filters_of, misworded, not_there, page_told

router = APIRouter(prefix="/audit/v1")


# ── exchanges ────────────────────────────────────────────────────────────────────────────────────


@router.get("/exchanges")
async def exchanges(at: At, request: Request, page: Page, reason: str | None = None) -> dict[str, Any]:
    """Exchanges that the filters fit, newest first."""
    question = filters_of(request).asked(at.now())
    found = await at.reading(lambda review: review.exchanges(question, page.limit, page.cursor))
    await at.looked("search", question.stated() | page.stated(), len(found.cards), await at.because(reason))
    return page_told(found)


@router.get("/exchanges/{exchange}")
async def exchange(at: At, exchange: str, reason: str | None = None) -> dict[str, Any]:
    """One exchange as a timeline: question, ending, masked texts, and who looked at it and what was made of it."""
    shown = await at.reading(lambda review: review.exchange(exchange))
    if shown is None:
        raise not_there()
    await at.looked("show", {"exchange": shown.card["exchange"]}, _rows(shown), await at.because(reason))
    return timeline_told(shown)


@router.get("/triage")
async def triage(at: At, page: Page, reason: str | None = None) -> dict[str, Any]:
    """What nobody has said anything of yet, the most urgent first."""
    found = await at.reading(lambda review: review.triage(page.limit, page.cursor))
    await at.looked("triage", page.stated(), len(found.cards), await at.because(reason))
    return page_told(found)


@router.get("/people/{person}")
async def person(at: At, person: str, page: Page, reason: str | None = None) -> dict[str, Any]:
    """What one person asked in the last 30 days."""
    if may_be_somebodys(person):
        raise misworded(BadWording("number"))
    now = at.now()
    found = await at.reading(lambda review: review.person(person, now, page.limit, page.cursor))
    await at.looked("person", {"person": person} | page.stated(), len(found.cards), await at.because(reason))
    return page_told(found)


@router.get("/campaigns")
async def campaigns(at: At, reason: str | None = None) -> dict[str, Any]:
    """The same masked text by several persons in the last 30 days."""
    now = at.now()
    found = await at.reading(lambda review: review.campaigns(now))
    await at.looked("campaigns", {}, len(found), await at.because(reason))
    return {"campaigns": [asdict(one) for one in found]}


@router.get("/events")
async def events(
    at: At,
    what: str | None = None,
    who: str | None = None,
    exchange: str | None = None,
    subject: str | None = None,
    since: AwareDatetime | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    reason: str | None = None,
) -> dict[str, Any]:
    """Who looked, and what was noted beside the exchanges, newest first."""
    asked = {"what": what, "who": who, "exchange": exchange, "subject": subject}
    if any(may_be_somebodys(value) for value in asked.values() if value):
        raise misworded(BadWording("number"))
    found = await at.reading(lambda review: review.events(**asked, since=since, limit=limit))
    stated = {name: value for name, value in asked.items() if value}
    await at.looked("events", stated, len(found), await at.because(reason))
    return {"events": [record_told(record) for record in found]}


# ── counts ───────────────────────────────────────────────────────────────────────────────────────


@router.get("/counts/{by}")
async def counts(at: At, by: str, request: Request, reason: str | None = None) -> dict[str, Any]:
    """How many exchanges and persons there are of each value, within reach."""
    now = at.now()
    question = filters_of(request).asked(now)
    cells = await at.reading(lambda review: review.counts(by, question, now))
    stated = question.stated() | at.reader.reach.stated() | {"by": by}
    await at.looked("counts", stated, len(cells), await at.because(reason, demanded=False))
    return {"by": by, "cells": [asdict(cell) for cell in cells]}


# ── one's own ────────────────────────────────────────────────────────────────────────────────────


@router.get("/me/exchanges")
async def own(at: At, request: Request, page: Page) -> dict[str, Any]:
    """What is held of one's own use."""
    demand_somebody(at)
    question = filters_of(request).asked(at.now())
    found = await at.reading(lambda review: review.own(question, page.limit, page.cursor))
    stated = question.stated() | page.stated() | {"person": at.reader.person}
    await at.looked("own", stated, len(found.cards), None)
    return page_told(found)


@router.get("/me/exchanges/{exchange}")
async def own_exchange(at: At, exchange: str) -> dict[str, Any]:
    """One of one's own exchanges, with its masked texts, and who looked at it."""
    demand_somebody(at)
    shown = await at.reading(lambda review: review.own_exchange(exchange))
    if shown is None:
        raise not_there()
    await at.looked(
        "own", {"exchange": shown.card["exchange"], "person": at.reader.person}, _rows(shown), None
    )
    return timeline_told(shown)


def _rows(shown: Timeline) -> int:
    return 1 if shown.ending is None else 2
