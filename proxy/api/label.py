"""GET /label/{id}: the sentence that a document carries when AI helped to write it, and who checked the text."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from audit.numbers import may_be_somebodys
from proxy.api.asking import Asker, asker
from proxy.office import disclosing
from proxy.office.checks import CheckBook

router = APIRouter()


@router.get("/label/{exchange}")
async def label(exchange: str, request: Request, who: Annotated[Asker, Depends(asker)]) -> Response:
    """As JSON; as plain text, in Japanese, for ``Accept: text/plain``. The look is recorded."""
    await who.demand("label:read")
    if not may_be_somebodys(exchange):
        await who.looked("label", {"exchange": exchange}, 1)
    found = await who.doing(lambda: disclosing.label(who.desk, exchange, who.house.policy.label))
    if request.headers.get("accept", "").startswith("text/plain"):
        return PlainTextResponse(found.says.ja)
    checks = await who.doing(lambda: CheckBook(who.house.office).of(exchange))
    return JSONResponse(found.plain() | {"checks": [one.plain() for one in checks]})
