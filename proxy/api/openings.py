"""/audit/v1/openings: an original is asked for by a reviewer and allowed by a second person; see audit/glass.py."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from audit import glass
from audit.glass import LONGEST, Grant, demand_view
from audit.model import Draft
from audit.readers import Reader
from audit.review import Opened, Review
from policies.model import Bilingual
from proxy.api.forms import Form
from proxy.api.reading import At, Desk, not_there
from proxy.errors import Problem
from proxy.originals import master_of

router = APIRouter(prefix="/audit/v1/openings")


class OpeningForm(Form):
    """A request to open the original of an exchange; see audit/glass.py."""

    exchange: str
    incident: str
    reason: str
    hours: int = Field(1, ge=1, le=LONGEST // timedelta(hours=1))


class ReasonForm(Form):
    """Why not."""

    reason: str


@router.post("", status_code=201)
async def ask_for(at: At, form: OpeningForm) -> dict[str, Any]:
    """Ask for an original to be opened. Nothing is open until a second person of another role has allowed it."""
    await at.demand("seek_originals")
    await at.because(form.reason)
    card = await at.reading(lambda review: review.card(form.exchange))
    if card is None:
        raise not_there()
    now = at.now()
    grant, draft = await at.deciding(
        lambda: glass.asked(at.reader, card, form.incident, form.reason, form.hours, now)
    )
    await at.note(draft)
    return grant.plain(now)


@router.get("")
async def openings(at: At, reason: str | None = None) -> dict[str, Any]:
    """The requests that one has to do with: a 所属長 is told here of those about the own section, everybody of their own."""
    of_others = bool(at.reader.sights & {"seek_originals", "allow_originals", "events"})
    why = await at.because(reason, demanded=of_others)
    found, now = await at.reading(Review.openings), at.now()
    for draft in glass.looked(at.reader, found, why):
        await at.note(draft)
    return {"openings": [one.plain(now) for one in found]}


@router.post("/{id}/allow")
async def allow(at: At, id: str) -> dict[str, Any]:
    """The second person lets it be opened."""
    return await _decided(at, id, glass.allowed)


@router.post("/{id}/refuse")
async def refuse(at: At, id: str, form: ReasonForm) -> dict[str, Any]:
    """The second person says no."""
    await at.demand_nothing_personal(form.reason)
    return await _decided(at, id, lambda reader, grant, now: glass.refused(reader, grant, form.reason, now))


@router.post("/{id}/close")
async def close(at: At, id: str) -> dict[str, Any]:
    """Either of the two ends it before its time."""
    return await _decided(at, id, glass.closed)


@router.get("/{id}/original")
async def original(at: At, id: str, incident: str | None = None) -> dict[str, Any]:
    """The original. The look is a record of its own before anything is shown; who closes it meanwhile is heard."""
    grant, now = await _grant(at, id), at.now()
    settings = at.asker.desk.settings

    def read(review: Review) -> Opened:
        demand_view(at.reader, grant, grant.exchange, incident, now)
        return review.original(grant, incident, master_of(settings, at.asker.desk.home), now)

    opened = await at.reading(read)
    await at.note(glass.viewed(at.reader, grant))
    still, later = await _grant(at, id), at.now()
    await at.deciding(lambda: demand_view(at.reader, still, grant.exchange, incident, later))
    return {"values": dict(opened.values), "asked": opened.asked_text}


async def _decided(
    at: Desk, id: str, decide: Callable[[Reader, Grant, datetime], tuple[Grant, Draft]]
) -> dict[str, Any]:
    """One of the two decides, and it is recorded before it counts. Raises `Problem`."""
    grant, now = await _grant(at, id), at.now()
    given, draft = await at.deciding(lambda: decide(at.reader, grant, now))
    await at.note(draft)
    return given.plain(now)


async def _grant(at: Desk, id: str) -> Grant:
    """A request that one has to do with; of others nobody learns whether they exist. Raises `Problem`."""
    found = await at.reading(lambda review: review.grants())
    if id not in found:
        raise Problem(
            404,
            "no_such_opening",
            Bilingual(
                "その番号の申し込みは、あなたに関わるものにありません。番号を確かめてください。",
                "No request of this id has to do with you. Check it.",
            ),
        )
    return found[id]
