"""/audit/v1: exchanges, and how many there are, as reviewers, the IT推進本部 and everybody themselves see them.

Where others are seen the reader says why, before anything is looked for; see reading.py.
"""

import re
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from audit.names import moment
from audit.numbers import may_be_somebodys
from audit.told import record_told, timeline_told
from audit.wording import BadWording
from proxy.api.reading import MOST, At, Page, demand_somebody, misworded, not_there, page_told

router = APIRouter(prefix="/audit/v1")

_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


# ── exchanges ────────────────────────────────────────────────────────────────────────────────────


@router.get("/exchanges")
async def exchanges(at: At, request: Request, page: Page, reason: str | None = None) -> dict[str, Any]:
    """Exchanges that the filters fit, newest first."""
    await at.demand("exchanges")
    question, why = at.question(request), await at.because(reason)
    found = await at.reading(lambda review: review.exchanges(question, page.limit, page.cursor))
    await at.looked("search", question.stated() | page.stated(), len(found.cards), why)
    return page_told(found)


@router.get("/exchanges/{exchange}")
async def exchange(at: At, exchange: str, reason: str | None = None) -> dict[str, Any]:
    """One exchange as a timeline: question, ending, masked texts, and who looked at it and what was made of it."""
    await at.demand("texts")
    if not _ID.fullmatch(exchange) or may_be_somebodys(exchange):
        raise not_there()  # and nothing of it is kept
    why = await at.because(reason)
    shown = await at.reading(lambda review: review.exchange(exchange))
    rows = 0 if shown is None else 1 if shown.ending is None else 2
    subject = shown.card["person"] if shown else None
    await at.looked("show", {"exchange": exchange}, rows, why, subject)
    if shown is None:
        raise not_there()
    return timeline_told(shown)


@router.get("/triage")
async def triage(
    at: At,
    page: Page,
    drill: Annotated[str | None, Query(pattern=r"^d-[0-9a-z-]{1,40}$")] = None,
    reason: str | None = None,
) -> dict[str, Any]:
    """What nobody has said anything of yet, the most urgent first. Trials and drills are left out; ``drill``: of this
    drill alone. ``alerts``: those that nobody has taken on."""
    await at.demand("exchanges")
    why = await at.because(reason)
    found, alerts = await at.reading(
        lambda review: (review.triage(page.limit, page.cursor, drill), review.open_alerts(drill))
    )
    stated = page.stated() | ({"drill": drill} if drill else {})
    await at.looked("triage", stated, len(found.cards), why)
    return page_told(found) | {"alerts": [one.plain() for one in alerts]}


@router.get("/people/{person}")
async def person(at: At, person: str, page: Page, reason: str | None = None) -> dict[str, Any]:
    """What one person asked in the last 30 days."""
    await at.demand("exchanges")
    if may_be_somebodys(person):
        raise misworded(BadWording("number"))
    why, now = await at.because(reason), at.now()
    found = await at.reading(lambda review: review.person(person, now, page.limit, page.cursor))
    await at.looked("person", {"person": person} | page.stated(), len(found.cards), why)
    return page_told(found)


@router.get("/campaigns")
async def campaigns(at: At, reason: str | None = None) -> dict[str, Any]:
    """The same masked text by several persons in the last 30 days."""
    await at.demand("exchanges")
    why, now = await at.because(reason), at.now()
    found = await at.reading(lambda review: review.campaigns(now))
    await at.looked("campaigns", {}, len(found), why)
    return {"campaigns": [asdict(one) for one in found]}


@router.get("/events")
async def events(
    at: At,
    what: str | None = None,
    who: str | None = None,
    exchange: str | None = None,
    subject: str | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    reason: str | None = None,
) -> dict[str, Any]:
    """Who looked, and what was noted beside the exchanges, newest first; ``until``: to go on from the last moment."""
    await at.demand("events")
    given = {"what": what, "who": who, "exchange": exchange, "subject": subject}
    asked = {name: value for name, value in given.items() if value}
    if any(map(may_be_somebodys, asked.values())):
        raise misworded(BadWording("number"))
    why = await at.because(reason)
    found = await at.reading(lambda review: review.events(**asked, since=since, until=until, limit=limit))
    period = {name: moment(at) for name, at in (("since", since), ("until", until)) if at}
    await at.looked("events", asked | period | {"limit": limit}, len(found), why)
    return {"events": [record_told(record) for record in found]}


# ── counts ───────────────────────────────────────────────────────────────────────────────────────


@router.get("/counts/{by}")
async def counts(at: At, by: str, request: Request, reason: str | None = None) -> dict[str, Any]:
    """How many exchanges and persons there are of each value, within reach."""
    await at.demand("counts", "anonymous_counts")
    question, now = at.question(request), at.now()
    why = await at.because(reason, demanded=False)
    cells = await at.reading(lambda review: review.counts(by, question, now))
    stated = question.stated() | at.reader.reach.stated() | {"by": by}
    await at.looked("counts", stated, len(cells), why)
    return {"by": by, "cells": [asdict(cell) for cell in cells]}


# ── one's own ────────────────────────────────────────────────────────────────────────────────────


@router.get("/me/exchanges")
async def own(at: At, request: Request, page: Page) -> dict[str, Any]:
    """What is held of one's own use."""
    demand_somebody(at)
    question = at.question(request)
    found = await at.reading(lambda review: review.own(question, page.limit, page.cursor))
    stated = question.stated() | page.stated() | {"person": at.reader.person}
    await at.looked("own", stated, len(found.cards), None)
    return page_told(found)
