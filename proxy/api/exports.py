"""/audit/v1/exports: the ledger's records for other programs, for whoever sees exchanges and who looked at them.

The export is recorded before it is made, and its digest and counts before the first byte goes out: it is made in a file
without a name, beside the ledger's keys, that is gone with the reply. Which rows: audit/review.py.
"""

import asyncio
import base64
import tempfile
from collections.abc import AsyncGenerator
from typing import IO, Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from audit.exports.chosen import WITHOUT_TEXTS, Chosen, Form, Wanted
from audit.exports.taken import MADE, Taken, fill
from audit.exports.watermark import Watermark, new_id
from audit.model import Draft
from audit.names import moment
from audit.review import Review
from proxy.api.forms import wrong
from proxy.api.reading import At, Desk
from proxy.stream import EventStream, Head

router = APIRouter(prefix="/audit/v1")

_TYPES: dict[Form, str] = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl; charset=utf-8",
    "ocsf": "application/jsonl; charset=utf-8",
    "cef": "text/plain; charset=utf-8",
}
_ENDINGS: dict[Form, str] = {"csv": "csv", "jsonl": "jsonl", "ocsf": "ocsf.jsonl", "cef": "cef"}
_OURS = ("form", "texts")
_PIECE = 1 << 16


@router.get("/exports", response_class=Response)
async def export(
    at: At,
    request: Request,
    form: Annotated[Form, Query()],
    reason: str | None = None,
    texts: bool = False,
) -> Response:
    """Records as JSONL, CSV, OCSF or CEF: of a period all of them, with other filters the exchanges that fit.

    ``Repr-Digest`` is the SHA-256 that the ledger keeps of it, ``X-Sekisho-Export`` its number there.
    """
    await at.demand("exchanges")
    await at.demand("events")
    if texts:
        await at.demand("texts")
        if form in WITHOUT_TEXTS:
            raise wrong(
                f"{form} に本文は入りません。texts を外してください。", f"{form} has no room for texts."
            )
    question, why = at.question(request, _OURS), await at.because(reason)
    assert why is not None
    wanted = Wanted(form, question, texts)
    mark = Watermark(new_id(), at.reader.person, moment(at.now()), why)
    file = tempfile.TemporaryFile(dir=at.asker.desk.settings.home)  # noqa: SIM115 - the reply closes it
    try:
        taken = await _made(at, wanted, mark, file)
        made = {
            "event": MADE,
            "by": at.reader.person,
            "role": at.reader.role,
            "export": mark.id,
            "form": form,
        }
        await at.note(Draft("noted", None, made | taken.plain()))
    except BaseException:
        file.close()
        raise
    return EventStream(_given(file, form, mark, taken))


async def _made(at: Desk, wanted: Wanted, mark: Watermark, file: IO[bytes]) -> Taken:
    """Recorded, then written. The thread that reads waits for the record, at one and the same moment of the ledger."""
    loop = asyncio.get_running_loop()
    stated = wanted.stated() | {"export": mark.id}

    def make(review: Review) -> Taken:
        with review.exporting(wanted) as chosen:
            asyncio.run_coroutine_threadsafe(_looked(chosen), loop).result()
            return fill(file, wanted.form, chosen, mark)

    async def _looked(chosen: Chosen) -> None:
        await at.looked("export", stated, chosen.count, mark.reason)

    return await at.reading(make)


async def _given(file: IO[bytes], form: Form, mark: Watermark, taken: Taken) -> AsyncGenerator[Head | bytes]:
    digest = base64.b64encode(bytes.fromhex(taken.sha256)).decode("ascii")
    name = f"sekisho-{mark.id}.{_ENDINGS[form]}"
    headers = {
        "content-type": _TYPES[form],
        "content-length": str(taken.bytes),
        "content-disposition": f'attachment; filename="{name}"',
        "repr-digest": f"sha-256=:{digest}:",
        "x-sekisho-export": mark.id,
        "x-sekisho-records": str(taken.records),
        "cache-control": "no-store",
    }
    try:
        yield Head(200, headers)
        await asyncio.to_thread(file.seek, 0)
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece
    finally:
        file.close()
