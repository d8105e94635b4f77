"""The web application: builds the house, mounts the doors. Importing starts nothing.

    POST /v1/chat/completions   POST /v1/responses             POST /v1/messages   POST /v1/messages/count_tokens
    POST /v1/embeddings         POST /v1/audio/transcriptions  GET /v1/models      GET /v1/models/{model}
    GET /confirm/{id}, /consents, /me   pages for people: proxy/pages/routes.py
    GET /label/{id}             what a document says that AI helped to write
    GET /healthz (alive)        GET /readyz (can find, decide, record)

Every other route is refused and recorded. /healthz, /readyz and /openapi.json are not recorded.
"""

import asyncio
import gc
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from audit.model import CannotRecord
from policies.model import Bilingual
from proxy import described, passage
from proxy.api import (
    admin,
    alerts,
    asking,
    cases,
    disclosures,
    dispositions,
    exports,
    incidents,
    label,
    openings,
    review,
    reviews,
    searches,
)
from proxy.errors import Problem
from proxy.house import House, build
from proxy.pages import origin_of, routes
from proxy.passage import Attempt
from proxy.settings import Settings
from proxy.stream import EventStream, Head
from proxy.surfaces.request import Dialect
from redaction.model import CannotDetect

log = structlog.get_logger()

DOORS: Mapping[str, Dialect] = {
    "/v1/chat/completions": "chat",
    "/v1/responses": "responses",
    "/v1/messages": "messages",
    "/v1/messages/count_tokens": "count_tokens",
    "/v1/embeddings": "embeddings",
    "/v1/audio/transcriptions": "transcriptions",
}
"""Where each dialect is spoken."""

_PATIENCE = 2.0
"""Seconds that the start waits for the ledger to know which policy is in force; until it does nothing passes."""

Door = Callable[[House, Attempt], AsyncGenerator[Head | bytes]]


def create_app(
    settings: Settings, make: Callable[[Settings], House] = build, patient: bool = False
) -> FastAPI:
    """The application. The house is built when the server starts and closed when it stops.

    The server listens at once; until the detector is loaded every exchange is answered 503. ``patient``:
    nothing is answered until then, and who knocks waits.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        house = app.state.house = make(settings)
        loading = asyncio.create_task(_load(house, settings))
        duties = [asyncio.create_task(duty) for duty in house.duties()]
        if house.rulebook is not None:
            await house.rulebook.begun(_PATIENCE)
        if patient:
            await asyncio.wait({loading})
        try:
            yield
        finally:
            for task in (loading, *duties):
                task.cancel()
            await asyncio.gather(loading, *duties, return_exceptions=True)
            await house.close()

    app = FastAPI(
        title="Sekisho 関所", docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=lifespan
    )

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> Response:
        """Finding, deciding and recording work, tried for real. Never asks the upstream."""
        try:
            await app.state.house.now().ready()
        except (CannotDetect, CannotRecord) as error:
            return JSONResponse({"status": "not ready", "reason": error.reason}, 503)
        except Problem as problem:
            return JSONResponse({"status": "not ready", "reason": problem.code}, 503)
        except Exception as error:
            log.error("not ready", exc_info=error)
            return JSONResponse({"status": "not ready", "reason": "internal_error"}, 503)
        return JSONResponse({"status": "ready"} | app.state.house.remarks())

    def door(at: Door, route: str) -> Callable[..., Awaitable[Response]]:
        most = settings.max_upload if route == "transcriptions" else settings.max_body

        async def answer(request: Request) -> Response:
            house: House = app.state.house
            attempt = await _attempt(house, request, route, most)
            attempt.origin = origin_of(settings, request)
            return EventStream(at(house, attempt))

        return answer

    for path, dialect in DOORS.items():
        told = described.door(passage.DIALECTS[dialect])
        app.add_api_route(path, door(passage.exchange, dialect), methods=["POST"], name=dialect, **told)
    for path in ("/v1/models", "/v1/models/{model:path}"):  # a model's name may hold a slash
        app.add_api_route(path, door(passage.model_list, "models"), methods=["GET"], **described.looking())
    app.state.settings = settings
    app.include_router(routes.router(settings))
    app.include_router(label.router)
    app.include_router(admin.router)
    app.include_router(reviews.router)
    for read in (review, searches, dispositions, openings, cases, disclosures, exports, incidents, alerts):
        app.include_router(read.router)
    for told_of in (Problem, Exception):
        app.add_exception_handler(told_of, asking.told)
    app.add_exception_handler(RequestValidationError, asking.misread)
    app.openapi = lambda: described.secured(FastAPI.openapi(app))  # type: ignore[method-assign]
    nowhere = door(passage.unknown_route, "unknown")

    @app.exception_handler(HTTPException)
    async def no_such_door(request: Request, error: HTTPException) -> Response:
        return await nowhere(request)

    return app


async def _load(house: House, settings: Settings) -> None:
    started = time.monotonic()
    try:
        await asyncio.to_thread(house.detector.load)
    except Exception as error:
        log.error("detector not loaded", exc_info=error)
        return
    gc.collect()
    gc.freeze()  # what is loaded stays: looking through it would hold up everybody for 50 ms now and then
    log.info("ready", seconds=round(time.monotonic() - started, 2), policy=house.policy.name)
    if settings.warm_litellm:
        await house.providers.warm()


async def _attempt(house: House, request: Request, route: str, max_body: int) -> Attempt:
    """Read the request, up to ``max_body`` bytes. A body that is too large or breaks off is a fault of the attempt."""
    attempt = Attempt(route, request.headers, request.client.host if request.client else None)
    attempt.model = request.path_params.get("model")
    if route == "unknown" and request.url.path.startswith("/v1/messages"):
        attempt.speaks = "messages"
    attempt.fault = _said_twice(request)
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > max_body:
                attempt.fault = _too_large(max_body)
                break
    except ClientDisconnect:
        attempt.fault = Problem(
            400, "body_incomplete", Bilingual("要求が途中で切れました。", "The request broke off.")
        )
    except asyncio.CancelledError:
        await passage.gone(house, attempt)
        raise
    attempt.body = bytes(body)
    return attempt


def _said_twice(request: Request) -> Problem | None:
    """A header that says who or what for must say it once: of two, nobody knows which is meant."""
    for name in (
        "authorization",
        "x-api-key",
        "x-sekisho-user",
        "x-sekisho-category",
        "x-sekisho-class",
        "x-sekisho-purpose",
        "x-sekisho-use-case",
        "x-sekisho-conversation",
    ):
        if len(request.headers.getlist(name)) > 1:
            says = Bilingual(
                f"ヘッダー {name} が二つあります。一つにしてください。",
                f"The header {name} came twice. Send it once.",
            )
            return Problem(400, "duplicate_header", says)
    return None


def _too_large(max_body: int) -> Problem:
    return Problem(
        413,
        "body_too_large",
        Bilingual(
            f"文章が大きすぎます({max_body:,}バイトまで)。分けて送信してください。",
            f"The request is larger than {max_body:,} bytes. Send it in parts.",
        ),
    )
