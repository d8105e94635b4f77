"""What the office's operations over HTTP have in common: forms, files, and what is said of them."""

from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from policies.model import Bilingual
from proxy.errors import Problem

_LARGEST = 4_000_000
"""Bytes of a CSV file: a hundred thousand rows."""


class Form(BaseModel):
    """What is sent: nothing but what is listed."""

    model_config = ConfigDict(extra="forbid")


async def file_of(request: Request) -> bytes:
    """The file that was sent. Raises `Problem` where it is too large."""
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > _LARGEST:
            raise wrong(
                "ファイルが大きすぎます(4MBまで)。分けてください。", "The file is larger than 4 MB: split it."
            )
    return bytes(raw)


def told(outcome: dict[str, Any]) -> Response:
    """What became of a file: 422 where it holds faults, and nothing of it was done."""
    return JSONResponse(outcome, 422 if outcome["faults"] else 200)


def csv(raw: bytes) -> Response:
    """A file that Excel opens."""
    return Response(raw, media_type="text/csv; charset=utf-8")


def wrong(ja: str, en: str) -> Problem:
    """What was sent cannot be so: 400."""
    return Problem(400, "office_wrong", Bilingual(ja, en))
