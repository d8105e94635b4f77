"""/audit/v1/alerts: the alerts there were, and taking one on; see audit/alerts/raised.py.

Whoever may see what was noted reads them; a reviewer takes them on. Each look is a record, as everywhere here.
"""

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from audit.alerts.model import Severity
from audit.alerts.raised import NotAcknowledged, acknowledged
from audit.names import moment
from policies.model import Bilingual
from proxy.api.forms import Form, wrong
from proxy.api.reading import MOST, At
from proxy.errors import Problem

router = APIRouter(prefix="/audit/v1")

_ID = re.compile(r"a-[a-z]{20}")

Wanted = Literal["open", "acknowledged", "all"]


class AcknowledgeForm(Form):
    """The incident that it belongs to, or the reason why none is opened; both are kept."""

    incident: str | None = None
    reason: str | None = None


@router.get("/alerts")
async def alerts(
    at: At,
    state: Wanted = "open",
    severity: Severity | None = None,
    rule: Annotated[str | None, Query(pattern=r"^A-[0-9]{2}$")] = None,
    drills: bool = False,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    reason: str | None = None,
) -> dict[str, Any]:
    """Alerts: what nobody has taken on first, the most urgent first. ``severity``: this one and above. ``drills``: those of
    drills alone, which are kept apart."""
    await at.demand("events")
    why = await at.because(reason)
    every = await at.reading(lambda review: review.alerts(since, until))
    fitting = [one for one in every if one.fits(state, severity, rule, drills)]
    period = {name: moment(when) for name, when in (("since", since), ("until", until)) if when}
    asked = {"state": state, "severity": severity, "rule": rule, "drills": drills or None}
    stated = {name: value for name, value in asked.items() if value is not None}
    await at.looked("alerts", stated | period | {"limit": limit}, min(len(fitting), limit), why)
    return {"alerts": [one.plain() for one in fitting[:limit]], "total": len(fitting)}


@router.get("/alerts/{id}")
async def alert(at: At, id: str, reason: str | None = None) -> dict[str, Any]:
    """One alert."""
    await at.demand("events")
    if not _ID.fullmatch(id):
        raise _not_there()  # and nothing of it is kept
    why = await at.because(reason)
    found = await at.reading(lambda review: review.alert(id))
    await at.looked("alert", {"alert": id}, 0 if found is None else 1, why)
    if found is None:
        raise _not_there()
    return found.plain()


@router.post("/alerts/{id}/acknowledge")
async def acknowledge(at: At, id: str, form: AcknowledgeForm) -> dict[str, Any]:
    """Take an alert on: for an incident, or with the reason why none is opened."""
    await at.demand("dispose")
    if not _ID.fullmatch(id):
        raise _not_there()
    found = await at.reading(lambda review: review.alert(id))
    if found is None:
        raise _not_there()
    if form.reason:
        await at.demand_nothing_personal(form.reason)
    try:
        draft = await at.deciding(lambda: acknowledged(at.reader, found, form.incident, form.reason))
    except NotAcknowledged as error:
        raise wrong(error.ja, error.en) from None
    await at.note(draft)
    return dict(draft.body)


def _not_there() -> Problem:
    return Problem(
        404,
        "no_such_alert",
        Bilingual(
            "その番号の警報はありません。番号を確かめてください。", "There is no alert of this id: check it."
        ),
    )
