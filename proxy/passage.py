"""One attempt, from HTTP in to HTTP out: who, what, carry, answer. Every accident on the way is recorded.

An accident before `asked` becomes `asked` + `refused` with a reason code and no text; when even that
cannot be written the caller gets 503. After the first byte an error is an SSE event.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from audit.model import AlreadyEnded, CannotRecord
from audit.names import exchange_id, now
from policies.days import day_of
from policies.model import Bilingual
from proxy.accounts import about, about_key, knock
from proxy.callers import Caller, Credential, Declared, caller_of, credential_of, declared_by, trace_of
from proxy.disclosure import TEXTS
from proxy.errors import Problem, Stopped, Unavailable, Unfinished, UpstreamFailed, no_such_model
from proxy.house import House
from proxy.office.keys import Key
from proxy.office.roster import needed_by
from proxy.pipeline import carry
from proxy.stream import Head
from proxy.surfaces import models, notices
from proxy.surfaces.chat import ChatRequest
from proxy.surfaces.embeddings import EmbeddingsRequest
from proxy.surfaces.messages import CountRequest, MessagesRequest
from proxy.surfaces.request import Request
from proxy.surfaces.responses import ResponsesRequest
from proxy.surfaces.transcriptions import TranscriptionsRequest
from proxy.wire import dumps
from redaction.model import CannotDetect

log = structlog.get_logger()
_EVENTS = "text/event-stream; charset=utf-8"


@dataclass(slots=True)
class Attempt:
    """One knock at the door. ``fault`` says what was wrong with it before anybody looked inside.

    ``model`` is the one that the path names, as in `GET /v1/models/{model}`. ``speaks`` is the dialect in
    which it is answered where that is not the route. ``origin`` is where people reach our pages.
    """

    route: str
    headers: Mapping[str, str] = field(repr=False)
    address: str | None
    body: bytes = field(default=b"", repr=False)
    model: str | None = None
    speaks: str | None = None
    fault: Problem | None = None
    origin: str = ""
    id: str = field(default_factory=lambda: exchange_id(now()))
    key: Key | None = None
    caller: Caller | None = None
    declared: Declared | None = None
    request: Request | None = None
    accounted: bool = False

    @property
    def dialect(self) -> type[Request]:
        """How this door speaks; a door without requests of its own speaks as OpenAI's do."""
        return DIALECTS.get(self.speaks or self.route, ChatRequest)


DIALECTS: Mapping[str, type[Request]] = {
    kind.dialect: kind
    for kind in (
        ChatRequest,
        ResponsesRequest,
        MessagesRequest,
        CountRequest,
        EmbeddingsRequest,
        TranscriptionsRequest,
    )
}


async def exchange(house: House, attempt: Attempt) -> AsyncGenerator[Head | bytes]:
    """The parts of the reply to one request, of whichever dialect the route speaks."""
    head_sent = False
    try:
        credential = await _knocks(house, attempt)
        house = house.now()  # one version of the rules from here to the record, whatever comes meanwhile
        caller = await _identify(house, attempt, credential)
        request = attempt.request = _admit(house, attempt, credential.key)
        house.switch.demand(caller, request.model)
        async with aclosing(carry(house, caller, request)) as chunks:
            if not request.stream:
                whole = [chunk async for chunk in chunks]  # to the end: recorded before it is given
                content_type, written = request.written(whole[0])
                yield Head(200, _headers(attempt, content_type))
                yield written
                return
            async for chunk in chunks:
                if not head_sent:
                    assert request.masked is not None, "what is answered was sent"
                    request.masked.told = 200
                    yield Head(200, _headers(attempt, _EVENTS))
                    head_sent = True
                if (shown := request.shown(chunk)) is not None:
                    yield request.event(shown)
        if not head_sent:
            yield Head(200, _headers(attempt, _EVENTS))
        if end := request.end():
            yield end
    except (asyncio.CancelledError, GeneratorExit):
        await gone(house, attempt)
        raise
    except Exception as error:
        problem = await _recorded(house, attempt, _problem_of(error, attempt))
        if head_sent:
            yield attempt.dialect.told_in_stream(problem, attempt.id)
            return
        for part in _told(attempt, problem):
            yield part


async def unknown_route(house: House, attempt: Attempt) -> AsyncGenerator[Head | bytes]:
    """The parts of the reply to a knock at a door that does not exist: identified, recorded, refused."""
    problem = _NO_SUCH_DOOR
    try:
        await _knocks(house, attempt)
    except Exception as error:
        problem = _problem_of(error, attempt)
    for part in _told(attempt, await _recorded(house, attempt, problem)):
        yield part


async def model_list(house: House, attempt: Attempt) -> AsyncGenerator[Head | bytes]:
    """The parts of the reply to `GET /v1/models` and to one of them: recorded like any other exchange."""
    try:
        credential = await _knocks(house, attempt)
        house = house.now()
        await _identify(house, attempt, credential)
        attempt.accounted = True
        async with house.ledger.exchange(_account(attempt), exchange=attempt.id) as entry:
            try:
                names = models.approved(await house.providers.models(), house.policy, day_of(house.clock()))
            except UpstreamFailed as failure:
                entry.failed(failure.code, http_status=failure.status)
                raise
            known = attempt.model is None or attempt.model in names
            entry.facts["http_status"] = 200
            if not known:
                entry.refused("model_not_found", http_status=404)
        if not known:
            for part in _told(attempt, no_such_model(names)):
                yield part
            return
        yield Head(200, _headers(attempt, "application/json"))
        yield dumps(models.listed(names) if attempt.model is None else models.shown(attempt.model)).encode()
    except Exception as error:
        for part in _told(attempt, await _recorded(house, attempt, _problem_of(error, attempt))):
            yield part


def _told(attempt: Attempt, problem: Problem) -> tuple[Head, bytes]:
    """The reply that tells the caller of a problem."""
    headers = {"content-type": "application/json", "x-request-id": attempt.id, **problem.headers}
    if isinstance(problem, Stopped):
        problem.origin = attempt.origin
    return Head(problem.status, headers), dumps(attempt.dialect.told(problem, attempt.id)).encode()


def _admit(house: House, attempt: Attempt, key: Key) -> Request:
    """What is asked for, and the request laid open. Raises `Problem`."""
    declared = attempt.declared = declared_by(key, attempt.headers)
    log.debug("admitted", exchange=attempt.id, key=key.id, tool=key.tool)
    return attempt.dialect.read(
        attempt.id,
        attempt.body,
        declared,
        house.destination,
        drop_unknown=key.unknown_fields == "drop",
        content_type=attempt.headers.get("content-type", ""),
    )


async def _knocks(house: House, attempt: Attempt) -> Credential:
    """The key or token that an attempt comes with. Raises `Problem`."""
    credential = await credential_of(attempt.headers, house.register, house.directory, day_of(house.clock()))
    attempt.key = credential.key
    return credential


async def _identify(house: House, attempt: Attempt, credential: Credential) -> Caller:
    """Who is asking, by an attempt without fault that nobody stopped. Raises `Problem`."""
    caller = await caller_of(
        credential,
        attempt.headers,
        attempt.address,
        house.register,
        day_of(house.clock()),
        needed_by(house.policy),
    )
    caller = attempt.caller = replace(caller, drill=credential.key.drilling(now()))
    house.switch.demand(caller, None)
    if attempt.fault is not None:
        raise attempt.fault
    return caller


async def _recorded(house: House, attempt: Attempt, problem: Problem) -> Problem:
    """The problem itself, once the ledger has it; 503 where the ledger cannot be written.

    What `carry` handed to the ledger has its record already, or the ledger could not be written.
    """
    if not _is_accounted(attempt):
        try:
            async with house.ledger.exchange(_account(attempt), exchange=attempt.id) as entry:
                entry.refused(problem.code, http_status=problem.status)
        except CannotRecord as error:
            problem = Unavailable(error.reason)
    log.info("stopped", exchange=attempt.id, reason=problem.code, status=problem.status, route=attempt.route)
    return problem


async def gone(house: House, attempt: Attempt) -> None:
    """The caller hung up. Before `asked` that is an attempt to record; after it, `carry` has recorded it."""
    if _is_accounted(attempt):
        return
    with suppress(asyncio.CancelledError, CannotRecord, AlreadyEnded):
        async with house.ledger.exchange(_account(attempt), exchange=attempt.id):
            raise asyncio.CancelledError


def _is_accounted(attempt: Attempt) -> bool:
    """Whether its `asked` record was handed in before: an exchange is never asked twice."""
    return attempt.accounted or (attempt.request is not None and attempt.request.accounted)


def _account(attempt: Attempt) -> dict[str, Any]:
    """What is known of an attempt before its request is understood: no text."""
    caller = attempt.caller
    who = about(caller) if caller else about_key(attempt.key, attempt.address)
    test = caller is not None and caller.demo
    drill = attempt.key.drilling(now()) if attempt.key else None
    return knock(who, attempt.route, trace_of(attempt.headers), attempt.declared, test, drill)


def _problem_of(error: Exception, attempt: Attempt) -> Problem:
    match error:
        case Problem():
            return error
        case CannotDetect() | CannotRecord():
            code = error.reason
        case _:
            log.error("accident", exc_info=error)
            code = "internal_error"
    masked = attempt.request.masked if attempt.request else None
    return Unfinished(code) if masked is not None and masked.sent else Unavailable(code)


def _headers(attempt: Attempt, content_type: str) -> dict[str, str]:
    headers = {"content-type": content_type, "x-request-id": attempt.id, "cache-control": "no-store"}
    if attempt.request is not None and attempt.request.notices:
        headers["x-sekisho-notices"] = notices.header(attempt.request.notices)
    if attempt.route in TEXTS:
        headers["x-sekisho-label"] = f"/label/{attempt.id}"
    return headers


_NO_SUCH_DOOR = Problem(
    404,
    "unknown_route",
    Bilingual(
        "この宛先はこの関所にありません。ツールのベースURLが /v1 で終わっているか確かめてください。",
        "There is no such endpoint at this checkpoint. Check that your tool's base URL ends in /v1.",
    ),
)
