"""Who asks the office something over HTTP, and how it is told what went wrong.

The key or token is the one that exchanges pass with; whoever a tool only names, and every machine, has no rights
here (rights.py). Refused attempts are noted in the ledger.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from audit.model import CannotRecord, Draft
from audit.names import exchange_id, now
from policies.days import day_of
from policies.model import Bilingual
from proxy.callers import Caller, caller_of, credential_of
from proxy.errors import Problem, Unavailable
from proxy.home import Home
from proxy.house import House
from proxy.office.desk import Desk, Fault
from proxy.office.rights import Rights, Scope, rights_of
from proxy.office.roster import Unit, needed_by

log = structlog.get_logger()
Done = TypeVar("Done")

_SHOWN = 5
"""Faults of one request that are told at once."""
_STATUS = {"wrong": 400, "missing": 404, "taken": 409, "forbidden": 403, "unavailable": 503}


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody at the office's door. ``house`` is under one version of the rules."""

    house: House
    caller: Caller
    rights: Rights
    desk: Desk

    @property
    def reach(self) -> dict[str, Any]:
        """The section that everything is kept to, as the record of a look has it; nothing where there is none."""
        own = self.rights.unit
        return {"department": own.department, "section": own.section} if own else {}

    async def demand(self, scope: Scope, unit: Unit | None = None) -> None:
        """Raises `Problem` 403, noted, where this person may not do this for this section."""
        if not self.rights.may(scope, unit):
            raise await self.refused(scope)

    async def refused(self, scope: str) -> Problem:
        """What somebody is told who may not do this; noted. Raises `Unavailable`."""
        facts = {"scope": scope, "person": self.caller.person, "role": self.rights.role}
        await self._note("office.refused", facts)
        return Problem(
            403,
            "not_your_right",
            Bilingual(
                "あなたの役割では、この操作はできません。必要なときは、情報システム担当へ相談してください。",
                f"Your role does not allow this ({scope}). Ask the system team if you need it.",
            ),
        )

    async def looked(self, what: str, filters: dict[str, Any], rows: int) -> None:
        """Record that something was shown; nothing is shown unless this is durable. Raises `Unavailable`."""
        body = {"what": what, "filters": filters, "rows": rows, "person": self.caller.person, "reason": None}
        await self.append(Draft("viewed", None, body))

    async def doing(self, work: Callable[[], Done]) -> Done:
        """Let a book do something, in a thread. Raises `Problem` for a `Fault` and for books that cannot be used."""
        from proxy.office.tables import SQLAlchemyError

        try:
            return await asyncio.to_thread(work)
        except Fault as fault:
            raise Problem(_STATUS[fault.kind], f"office_{fault.kind}", fault.says) from None
        except (OSError, SQLAlchemyError):
            raise Unavailable("office_unreadable") from None

    async def _note(self, event: str, facts: dict[str, Any]) -> None:
        await self.append(Draft("noted", None, {"event": event, "by": self.caller.person, **facts}))

    async def append(self, draft: Draft) -> None:
        """Record something. Raises `Unavailable`."""
        try:
            await self.house.ledger.append(draft)
        except CannotRecord as error:
            raise Unavailable(error.reason) from None


async def asker(request: Request) -> Asker:
    """Who asks. Raises `Problem` 401, 403 or 503."""
    house = request.app.state.house.now()
    on = day_of(house.clock())
    peer = request.client.host if request.client else None
    credential = await credential_of(request.headers, house.register, house.directory, on)
    caller = await caller_of(credential, request.headers, peer, house.register, on, needed_by(house.policy))
    settings = request.app.state.settings
    desk = Desk(settings, house.office, Home(settings.home), caller.person, house.ledger)
    return Asker(house, caller, rights_of(caller), desk)


async def misread(request: Request, error: Exception) -> JSONResponse:
    """What is wrong with what was sent, field by field: names and reasons, never what was written."""
    assert isinstance(error, RequestValidationError)
    wrong = [(_place(one), one["type"]) for one in error.errors()]
    listed = "、".join(f"{name}({kind})" for name, kind in wrong[:_SHOWN])
    problem = Problem(
        400,
        "office_wrong",
        Bilingual(
            f"送られた内容に誤りがあります: {listed}。項目の名前と形を確かめてください(/openapi.json)。",
            f"What was sent is not of the right form: {listed}. See /openapi.json.",
        ),
        param=wrong[0][0] if wrong else None,
    )
    return await told(request, problem)


def _place(fault: Mapping[str, Any]) -> str:
    """``starts``; what a field that nobody knows is called, its sender may have made of a name."""
    if fault["type"] == "extra_forbidden":
        return "?"
    return ".".join(map(str, fault["loc"][1:])) or str(fault["loc"][0])


async def told(request: Request, error: Exception) -> JSONResponse:
    """A problem as JSON, in the format of the exchanges' own."""
    problem = error if isinstance(error, Problem) else Unavailable("internal_error")
    if problem is not error:
        log.error("accident", exc_info=error)
    id = exchange_id(now())
    log.info(
        "office refused",
        reason=problem.code,
        status=problem.status,
    )
    headers = {"x-request-id": id, "cache-control": "no-store", **problem.headers}
    return JSONResponse(problem.body(id), problem.status, headers)
