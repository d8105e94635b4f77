"""/audit/v1/exchanges/{id}/cases: a reviewer takes a false alarm over into the detector's cases, as `sekisho redact cases add`."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from audit.model import CannotRecord, Draft
from audit.numbers import may_be_somebodys
from audit.review import Review, Timeline
from proxy.api.forms import Form, wrong
from proxy.api.reading import At, not_there
from proxy.errors import Unavailable
from proxy.office import cases
from proxy.office.cases import Asked, Taken
from redaction.model import CannotDetect, Finding

router = APIRouter(prefix="/audit/v1")


class CaseForm(Form):
    """One placeholder of a masked text, and the public words that stood there; see redaction/cases.py.

    ``kind``: what today's detector takes them for, where that is another kind than the placeholder's.
    """

    placeholder: str = Field(max_length=80)
    was: str
    reason: str
    kind: str | None = Field(None, pattern=r"^[A-Z][A-Z0-9_]{0,40}$")


@router.post("/exchanges/{exchange}/cases", status_code=201)
async def take(at: At, exchange: str, form: CaseForm, response: Response) -> dict[str, Any]:
    """Take a false alarm over: 201, or 200 where this very case is there already."""
    asked = Asked(form.placeholder, form.was, form.reason, form.kind)
    if may_be_somebodys(exchange) or may_be_somebodys(form.placeholder):
        raise wrong(
            "番号か伏せ字の形に誤りがあります。", "The id or the placeholder is not of the right form."
        )

    def read(review: Review) -> Timeline | None:
        review.reader.demand("dispose")
        return review.exchange(exchange)

    shown = await at.reading(read)
    if shown is None:
        raise not_there()
    await at.asker.doing(lambda: cases.demand_words(asked))
    await at.looked("show", {"exchange": exchange}, 2 if shown.ending else 1, await at.because(form.reason))
    house, loop = at.asker.house, asyncio.get_running_loop()
    file, now = cases.file_of(at.asker.desk.home), at.now()

    def find(text: str) -> Sequence[Finding]:
        """In the detector's own turns: it is the one that exchanges pass."""
        return asyncio.run_coroutine_threadsafe(house.detector.find([text]), loop).result()[0]

    def note(event: str, facts: Mapping[str, Any]) -> None:
        body = {"event": event, "by": at.reader.person, "role": at.reader.role, **facts}
        try:
            house.ledger.append_now(Draft("noted", None, body))
        except CannotRecord as error:
            raise Unavailable(error.reason) from None

    def taken() -> Taken:
        try:
            return cases.take(shown, asked, find, file, now, note)
        except CannotDetect as error:
            raise Unavailable(error.reason) from None

    made = await at.asker.doing(taken)
    if not made.new:
        response.status_code = 200
    return made.plain()
