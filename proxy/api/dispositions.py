"""/audit/v1/exchanges/{id}/dispositions: what a reviewer makes of an exchange; see audit/dispositions.py."""

from datetime import date
from typing import Any

from fastapi import APIRouter

from audit.dispositions import Disposition, disposition
from audit.months import JST
from proxy.api.forms import Form
from proxy.api.reading import At, not_there

router = APIRouter(prefix="/audit/v1")


class DispositionForm(Form):
    """What is made of an exchange; see audit/dispositions.py."""

    disposition: Disposition
    reason: str
    incident: str | None = None
    until: date | None = None


@router.post("/exchanges/{exchange}/dispositions", status_code=201)
async def dispose(at: At, exchange: str, form: DispositionForm) -> dict[str, Any]:
    """Say what to make of an exchange: a record of its own."""
    await at.demand("dispose")
    card = await at.reading(lambda review: review.card(exchange))
    if card is None:
        raise not_there()
    await at.demand_nothing_personal(form.reason)
    today = at.now().astimezone(JST).date()
    draft = await at.deciding(
        lambda: disposition(
            at.reader,
            card,
            form.disposition,
            form.reason,
            incident=form.incident,
            until=form.until,
            today=today,
        )
    )
    await at.note(draft)
    return dict(draft.body)
