"""The pages: confirm what was stopped, consent to what others sent, see what is kept of oneself. HTML, no script.

    GET  /confirm/{id}   what was found, which rule asks        POST  a reason and yes, or no
    GET  /consents       what waits for a 所属長 or the CSIRT; which originals of the section were opened
    GET  /me             one's own page
    POST /signin, GET /signin/city, POST /signout, POST /me/accept, POST /me/revoke, GET /pages.css
    GET  what is pressed: leads to its page

Every step is noted in the ledger before it is made; what cannot be noted is not made. A form counts only from our own
origin and with the token of its session. Nothing here sends anything to a model, and no page shows a text.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from audit import glass
from audit.address import Address
from audit.glass import Grant
from audit.model import CannotRecord, Draft
from audit.numbers import may_be_somebodys
from audit.query import CANNOT_READ
from audit.readers import Reader, reader_of
from audit.review import Review
from policies.model import Bilingual
from policies.vocabulary import COURSE_WORDS
from proxy.consents import fresh_until, given, looked, unchanged
from proxy.errors import Problem, Unavailable
from proxy.office.confirmations import Confirmation
from proxy.office.people import PeopleBook
from proxy.office.roster import completed, needed_by
from proxy.pages import origin_of
from proxy.pages.paper import HEADERS, paper, style
from proxy.pages.patience import Patience
from proxy.pages.sentences import LET_IN, REASON, SAID
from proxy.pages.session import COOKIE, SECONDS, Session, Sessions
from proxy.pages.shown import in_japan, opening, period, shown
from proxy.pages.visitors import NotLetIn, Visitor, sign_in_by_key, sign_in_with, visitor_of
from proxy.settings import Settings
from redaction.model import CannotDetect

if TYPE_CHECKING:
    from proxy.house import House

log = structlog.get_logger()

_LONGEST_REASON = 200
_LARGEST_FORM = 8_000
_SLOW = 0.5
"""Seconds that a wrong key waits for its answer."""
_PLACE = re.compile(r"/confirm/[A-Za-z0-9_-]{1,64}|/consents|/me")
"""Where a sign-in may lead to: nowhere but to our own pages."""
_BEGUN = "sekisho_signin"
_BACK = "/signin/city/back"

Handler = Callable[["Call"], Awaitable[Response]]


class _Said(Exception):
    """Ends a call with a page of one sentence."""

    def __init__(self, what: str, status: int) -> None:
        super().__init__(what)
        self.what = what
        self.status = status


@dataclass(slots=True)
class Call:
    """One look at a page, or one press of a button. ``house`` is under one version of the rules."""

    house: "House"
    settings: Settings
    request: Request
    sessions: Sessions
    patience: Patience

    @property
    def origin(self) -> str:
        return origin_of(self.settings, self.request)

    @property
    def address(self) -> str:
        return self.request.client.host if self.request.client else ""

    @property
    def now(self) -> datetime:
        return self.house.clock()

    def session(self) -> Session | None:
        """Who is signed in; None: nobody."""
        return self.sessions.read(self.request.cookies.get(COOKIE, ""), self.now.timestamp())

    async def visitor(self) -> Visitor | None:
        """The person who is signed in, where they still may be."""
        session = self.session()
        if session is None:
            return None
        with suppress(NotLetIn):
            return await visitor_of(self.house, session)
        return None

    async def form(self) -> Mapping[str, str]:
        """What was filled in, from our own pages only. Raises `_Said`."""
        if self.request.headers.get("origin") != _bare(self.origin):
            raise _Said("other_origin", 403)
        body = bytearray()
        async for part in self.request.stream():
            body += part
            if len(body) > _LARGEST_FORM:
                raise _Said("bad_form", 413)
        try:
            fields = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=20)
        except ValueError:
            raise _Said("bad_form", 400) from None
        return {name: values[-1] for name, values in fields.items()}

    async def pressed(self) -> tuple[Visitor, Mapping[str, str]]:
        """Who pressed a button, and what is in the form. Raises `_Said`."""
        form, visitor = await self.form(), await self.visitor()
        if visitor is None:
            raise _Said("signed_out", 401)
        if not self.sessions.is_form_of(visitor.session, form.get("token", "")):
            raise _Said("other_origin", 403)
        return visitor, form

    async def note(self, event: str, **facts: Any) -> None:
        """Note a step before it is made. Raises `_Said`: it is not made."""
        try:
            await self.house.ledger.append(Draft("noted", None, {"event": event, **facts}))
        except CannotRecord:
            raise _Said("not_recorded", 503) from None

    def show(self, template: str, visitor: Visitor | None, status: int = 200, **more: Any) -> Response:
        token = self.sessions.form_token(visitor.session) if visitor else ""
        return paper(template, status, visitor=visitor, token=token, **more)

    def say(self, what: str, status: int, visitor: Visitor | None = None, **more: str) -> Response:
        head, body = SAID[what]
        body = Bilingual(body.ja.format(**more), body.en.format(**more)) if more else body
        return self.show("said", visitor, status, head=head, body=body)

    def ask_to_sign_in(self, to: str, wrong: str | None = None, status: int = 200) -> Response:
        directory = self.house.directory
        return paper(
            "sign_in",
            status,
            visitor=None,
            token="",
            to=to,
            wrong=LET_IN[wrong] if wrong else None,
            directory=directory is not None and directory.signs_in,
        )

    def let_in(self, session: Session, to: str) -> Response:
        response = RedirectResponse(to, 303, headers=HEADERS)
        self._keep(response, COOKIE, self.sessions.sealed(session), SECONDS)
        return response

    def _keep(self, response: Response, name: str, value: str, seconds: int) -> None:
        secure = self.origin.startswith("https://")
        response.set_cookie(
            name, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax"
        )

    def keep_begun(self, response: Response, value: str) -> None:
        self._keep(response, _BEGUN, value, 600)


def router(settings: Settings) -> APIRouter:
    """The pages of a house with these settings. The house is the application's."""
    router, patience = APIRouter(include_in_schema=False), Patience()

    def page(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            house = request.app.state.house
            call = Call(house, settings, request, Sessions(house.secret), patience)
            try:
                call.house = house.now()
                return await handler(call)
            except _Said as said:
                if said.what in LET_IN:
                    return call.ask_to_sign_in(_place_of(request.url.path), said.what, said.status)
                return call.say(said.what, said.status)
            except (Problem, CannotDetect) as problem:
                log.info("page not shown", reason=getattr(problem, "code", None) or str(problem))
                return call.say("unavailable", 503)
            except Exception as error:
                log.error("accident", exc_info=error)
                return call.say("unavailable", 500)

        return answer

    pages: list[tuple[str, str, Handler]] = [
        ("GET", "/confirm/{id}", _confirm),
        ("POST", "/confirm/{id}", _decide),
        ("GET", "/consents", _consents),
        ("GET", "/me", _me),
        ("POST", "/me/accept", _accept),
        ("POST", "/me/revoke", _revoke),
        ("POST", "/signin", _sign_in),
        ("GET", "/signin/city", _begin),
        ("GET", _BACK, _finish),
        ("POST", "/signout", _sign_out),
        *(("GET", button, _place) for button in ("/signin", "/signout", "/me/accept", "/me/revoke")),
    ]
    for method, path, handler in pages:
        router.add_api_route(path, page(handler), methods=[method], name=f"{method} {path}")

    @router.get("/pages.css")
    async def css() -> Response:
        return style()

    return router


# ── signing in ────────────────────────────────────────────────────────────────────────────────────


async def _sign_in(call: Call) -> Response:
    form = await call.form()
    to = _place_of(form.get("to", ""))
    places = (to if to.startswith("/confirm/") else f"{to} {call.address}", f"address {call.address}")
    if call.patience.is_over(*places):
        return call.ask_to_sign_in(to, "too_often", 429)
    try:
        session = await sign_in_by_key(call.house, form.get("key", "").strip())
    except NotLetIn as refused:
        call.patience.wrong(*places)
        await _note_refused(call, refused, to)
        await asyncio.sleep(_SLOW)
        return call.ask_to_sign_in(to, refused.code, 401 if refused.code == "wrong_key" else 403)
    call.patience.right(places[0])
    return call.let_in(session, to)


async def _begin(call: Call) -> Response:
    directory = call.house.directory
    to = _place_of(call.request.query_params.get("to", ""))
    if directory is None or not directory.signs_in:
        return call.ask_to_sign_in(to)
    page, sealed = await directory.begin(call.origin + _BACK)
    response = RedirectResponse(page, 303, headers=HEADERS)
    call.keep_begun(response, f"{quote(to, safe='')}|{sealed}")
    return response


async def _finish(call: Call) -> Response:
    directory = call.house.directory
    to, _, sealed = call.request.cookies.get(_BEGUN, "").partition("|")
    to = _place_of(unquote(to))
    said = call.request.query_params
    if directory is None or not sealed or "code" not in said:
        return call.ask_to_sign_in(to, "directory", 401)
    try:
        identity = await directory.finish(said["code"], sealed, call.origin + _BACK, said.get("state", ""))
        session = await sign_in_with(call.house, identity)
    except NotLetIn as refused:
        await _note_refused(call, refused, to)
        return call.ask_to_sign_in(to, refused.code, 403)
    except Unavailable:
        raise
    except Problem:
        return call.ask_to_sign_in(to, "directory", 401)
    response = call.let_in(session, to)
    response.delete_cookie(_BEGUN, path="/")
    return response


async def _place(call: Call) -> Response:
    """Somebody opens the address of a button, which their browser shows after a mistake: to the button's page."""
    return RedirectResponse(_place_of(call.request.query_params.get("to", "")), 303, headers=HEADERS)


async def _sign_out(call: Call) -> Response:
    await call.pressed()
    response = RedirectResponse("/me", 303, headers=HEADERS)
    response.delete_cookie(COOKIE, path="/")
    return response


async def _note_refused(call: Call, refused: NotLetIn, to: str) -> None:
    """Who knocked in vain is noted, by what is known of them: never what they typed."""
    place = to.rpartition("/")[2]
    at = {"confirmation": place} if to.startswith("/confirm/") else {"page": to}
    by = refused.person or "unknown"
    await call.note("signin.refused", by=by, reason=refused.code, address=call.address, **at)


# ── confirming ────────────────────────────────────────────────────────────────────────────────────


async def _confirm(call: Call) -> Response:
    visitor = await call.visitor()
    if visitor is None:
        again = "signed_out" if COOKIE in call.request.cookies else None
        return call.ask_to_sign_in(call.request.url.path, again)
    one = await _found(call, visitor)
    return _page_of(call, visitor, one)


async def _decide(call: Call) -> Response:
    visitor, form = await call.pressed()
    one = await _found(call, visitor)
    if not one.pending(call.now):
        return _page_of(call, visitor, one)
    role, policy = visitor.consents_as(one), call.house.policy
    facts: dict[str, Any] = {
        "by": visitor.person,
        "as": role or "self",
        "signed_in": visitor.session.by,
        "confirmation": one.id,
        "person": one.person,
        "key": one.key_id,
        "exchange": one.exchange,
        "rules": list(one.rules),
    }
    if form.get("action") == "refuse" and (role or visitor.person == one.person):
        await call.note("confirmation.refused", **facts)
        await looked(call.house.consents.book.refuse, one.id, visitor.person, call.now)
        return call.say("refused", 200, visitor)
    if form.get("action") != "grant" or role is None:
        raise _Said("bad_form", 400)
    if not unchanged(one, policy):
        return call.say("changed", 409, visitor)
    reason = form.get("reason", "").strip()
    if (wrong := await _wrong_with(call, reason)) is not None:
        return _page_of(call, visitor, one, wrong)
    await call.note("confirmation.granted", **facts, found=dict(one.found), reason=reason)
    now = call.now
    consent, until = given(role, visitor.person, now, reason), fresh_until(one, policy, now)
    made = await looked(call.house.consents.book.grant, one.id, consent, now, until)
    if made is None:  # somebody was quicker
        return _page_of(call, visitor, await _found(call, visitor))
    if made.state == "pending":
        return call.say("partly", 200, visitor)
    return _granted(call, visitor, made)


async def _found(call: Call, visitor: Visitor) -> Confirmation:
    """The confirmation of the address, where it is any business of the visitor's. Raises `_Said`."""
    one = await looked(call.house.consents.book.find, call.request.path_params["id"])
    if one is None:
        raise _Said("not_found", 404)
    if not visitor.may_see(one):
        log.info("confirmation of somebody else", confirmation=one.id)
        raise _Said("not_yours", 403)
    return one


def _page_of(call: Call, visitor: Visitor, one: Confirmation, wrong: Bilingual | None = None) -> Response:
    """The page of a confirmation in whatever state it is."""
    if one.pending(call.now) and unchanged(one, call.house.policy):
        return call.show(
            "confirm",
            visitor,
            400 if wrong else 200,
            one=shown(one, call.house.policy),
            asks=visitor.consents_as(one) is not None,
            mine=visitor.person == one.person,
            wrong=wrong,
        )
    if one.pending(call.now):
        return call.say("changed", 409, visitor)
    if one.fresh(call.now):
        return _granted(call, visitor, one)
    over = one.state if one.state in ("used", "revoked", "refused") else "expired"
    return call.say(over, 410 if over != "refused" else 200, visitor)


def _granted(call: Call, visitor: Visitor, one: Confirmation) -> Response:
    """What comes next: whoever sent it sends it again, whoever else consented tells them."""
    until = in_japan(one.fresh_until)
    if visitor.person == one.person:
        return call.say("granted", 200, visitor, until=until)
    return call.say("granted_for", 200, visitor, until=until, person=one.person)


async def _wrong_with(call: Call, reason: str) -> Bilingual | None:
    """Why a reason cannot be kept; None: it can."""
    if not 0 < len(reason) <= _LONGEST_REASON:
        return REASON["empty"]
    if may_be_somebodys(reason):
        return REASON["number"]
    (found,) = await call.house.detector.find([reason])
    return REASON["personal"] if found else None


async def _consents(call: Call) -> Response:
    visitor = await call.visitor()
    if visitor is None:
        return call.ask_to_sign_in("/consents")
    waiting = await looked(call.house.consents.book.waiting_for_others, call.now)
    mine = [shown(one, call.house.policy) for one in waiting if visitor.consents_as(one)]
    return call.show(
        "consents", visitor, waiting=mine, opened=[opening(one) for one in await _opened(call, visitor)]
    )


async def _opened(call: Call, visitor: Visitor) -> list[Grant]:
    """The originals of the own section that were opened, newest first: a 所属長 is told of them here."""
    if visitor.role != "section_head":
        return []
    unit = visitor.unit
    reader = reader_of(visitor.person, visitor.role, unit.department, unit.section)
    grants = await asyncio.to_thread(_grants, call.house.ledger.address, reader)
    try:
        for draft in glass.looked(reader, grants):
            await call.house.ledger.append(draft)
    except CannotRecord:
        raise _Said("not_recorded", 503) from None
    return grants


def _grants(ledger: Address, reader: Reader) -> list[Grant]:
    try:
        with Review(ledger, reader) as review:
            return review.openings()
    except CANNOT_READ:
        raise _Said("unavailable", 503) from None


# ── one's own page ────────────────────────────────────────────────────────────────────────────────


async def _me(call: Call) -> Response:
    visitor = await call.visitor()
    if visitor is None:
        return call.ask_to_sign_in("/me")
    house, settings, on = call.house, call.settings, call.now
    needed = needed_by(house.policy)
    rows = await looked(house.consents.book.of, visitor.person)
    return call.show(
        "me",
        visitor,
        starts=visitor.page.person.starts,
        ends=visitor.page.person.ends,
        trainings=[
            (COURSE_WORDS.get(course, course), _completed(visitor, course, call)) for course in needed.courses
        ],
        rules=needed.rules,
        originals_days=house.policy.originals_days,
        officer=house.policy.officer,
        keep_records=period(settings.keep_records),
        keep_texts=period(settings.keep_texts),
        live=[shown(one, house.policy) for one in rows if one.live(on)],
    )


def _completed(visitor: Visitor, course: str, call: Call) -> str:
    """The day of the completion that counts today; empty where there is none."""
    from policies.days import day_of

    on, needed = day_of(call.now), needed_by(call.house.policy)
    days = [one.completed_on for one in visitor.page.trainings if completed([one], course, on, needed)]
    return max(days).isoformat() if days else ""


async def _accept(call: Call) -> Response:
    visitor, form = await call.pressed()
    rules = needed_by(call.house.policy).rules
    if form.get("rules") != rules:  # they changed while the page was open
        return RedirectResponse("/me", 303, headers=HEADERS)
    if not visitor.standing.acknowledged:
        await call.note("rules.acknowledged", by=visitor.person, person=visitor.person, rules=rules)
        await looked(PeopleBook(call.house.office).accept, visitor.person, rules)
        call.house.register.forget()
        visitor = await visitor_of(call.house, visitor.session)
    return call.say("accepted", 200, visitor)


async def _revoke(call: Call) -> Response:
    visitor, form = await call.pressed()
    one = await looked(call.house.consents.book.find, form.get("id", ""))
    if one is None or visitor.person != one.person:
        raise _Said("not_found", 404)
    if one.live(call.now):
        await call.note(
            "confirmation.revoked", by=visitor.person, confirmation=one.id, person=one.person, was=one.state
        )
        await looked(call.house.consents.book.revoke, one.id, visitor.person, call.now)
    return call.say("taken_back", 200, visitor)


def _place_of(to: str) -> str:
    return to if _PLACE.fullmatch(to) else "/me"


def _bare(origin: str) -> str:
    """``https://host:port`` of an address, as browsers say it."""
    scheme, _, rest = origin.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}".lower()
