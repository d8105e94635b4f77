"""/audit/v1: what reviewers, the IT推進本部 and staff read of the ledger over HTTP.

Who sees what stands in audit/readers.py, and the rows are chosen by audit/review.py: nothing is filtered here. Every
look is a record before anything is shown: who, in which role, with which filters, how many rows, and why.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from audit import glass
from audit.catalogue.card import MILLIONTHS
from audit.catalogue.pages import Found
from audit.catalogue.question import Question, TooShort
from audit.catalogue.severity import Severity
from audit.dispositions import BadDisposition, Disposition, disposition
from audit.glass import Grant, NotOpened, demand_view
from audit.master import CannotOpen, MasterUnavailable
from audit.model import Draft, Record
from audit.months import JST
from audit.numbers import may_be_somebodys
from audit.readers import NOBODY, NotForThem, Reader, reader_of
from audit.review import Opened, Review, Timeline
from audit.wording import BadWording
from audit.wording import reason as sound_reason
from policies.model import Bilingual
from proxy.api.asking import Asker, asker
from proxy.api.forms import Form, wrong
from proxy.errors import Problem, Unavailable
from proxy.office.rights import is_somebody
from proxy.originals import master_of

router = APIRouter(prefix="/audit/v1")
Done = TypeVar("Done")

_MOST = 500
"""Rows of a page."""


class Filters(BaseModel):
    """What to look for; see audit.catalogue.question.Question. Moments have a zone; yen are decimal."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    exchange: str | None = None
    person: str | None = None
    department: str | None = None
    section: str | None = None
    tool: str | None = None
    model: str | None = None
    category: str | None = None
    confidentiality: str | None = Field(None, alias="class")
    verdict: str | None = None
    outcome: str | None = None
    why: str | None = None
    egress: str | None = None
    rule: str | None = None
    entity: str | None = None
    alarm: str | None = None
    severity: Severity | None = None
    conversation: str | None = None
    use_case: str | None = None
    campaign: str | None = None
    incident: str | None = None
    disposition: Disposition | None = None
    least_tokens: int | None = None
    most_tokens: int | None = None
    least_yen: Decimal | None = None
    most_yen: Decimal | None = None
    reviewed: bool | None = None
    tests: bool = True
    word: list[str] = Field(default_factory=list)

    def question(self) -> Question:
        """As the catalogue is asked. Raises `Problem` for a number that the ledger must not keep."""
        said = self.model_dump(
            exclude={"why", "least_tokens", "most_tokens", "least_yen", "most_yen", "tests", "word"}
        )
        written = [value for value in (*said.values(), self.why, *self.word) if isinstance(value, str)]
        if any(map(may_be_somebodys, written)):
            raise _told(BadWording("number"))
        return Question(
            **said,
            reason=self.why,
            tokens=(self.least_tokens, self.most_tokens),
            yen=(_millionths(self.least_yen), _millionths(self.most_yen)),
            with_tests=self.tests,
            words=tuple(self.word),
        )


class Paging(BaseModel):
    """``limit`` rows from where the last page ended; ``reason``: why one looks, kept with the record of it."""

    limit: int = Field(50, ge=1, le=_MOST)
    cursor: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody at the reading desk."""

    asker: Asker
    reader: Reader

    async def reading(self, work: Callable[[Review], Done]) -> Done:
        """Let them read, in a thread. Raises `Problem`."""

        def read() -> Done:
            with Review(self.asker.house.ledger.address, self.reader) as review:
                return work(review)

        try:
            return await self.asker.doing(lambda: _translated(read))
        except NotForThem as error:
            raise await self.asker.refused(error.sight) from None

    async def deciding(self, decide: Callable[[], Done]) -> Done:
        """Let them decide something. Raises `Problem` for what is not theirs, noted, or cannot be."""
        try:
            with _telling():
                return decide()
        except NotForThem as error:
            raise await self.asker.refused(error.sight) from None

    async def looked(self, what: str, filters: Mapping[str, Any], rows: int, reason: str | None) -> None:
        """Record a look before it is shown."""
        with _telling():
            why = sound_reason(reason) if reason is not None else None
        body = {"what": what, "filters": dict(filters), "rows": rows, "person": self.reader.person}
        await self.asker.append(Draft("viewed", None, body | {"role": self.reader.role, "reason": why}))

    async def note(self, draft: Draft) -> None:
        """Record what somebody decided."""
        await self.asker.append(draft)

    def now(self) -> datetime:
        return self.asker.house.clock()


async def desk(who: Annotated[Asker, Depends(asker)]) -> Desk:
    """Who reads. A machine, and somebody whom a tool only names, reads nothing."""
    caller = who.caller
    if not is_somebody(caller):
        return Desk(who, NOBODY)
    return Desk(who, reader_of(caller.person, caller.role, caller.department, caller.section))


At = Annotated[Desk, Depends(desk)]
Page = Annotated[Paging, Depends()]


# ── exchanges ────────────────────────────────────────────────────────────────────────────────────


@router.get("/exchanges")
async def exchanges(at: At, request: Request, page: Page) -> dict[str, Any]:
    """Exchanges that the filters fit, newest first."""
    question = _question(request)
    found = await at.reading(lambda review: review.exchanges(question, page.limit, page.cursor))
    await at.looked("search", _stated(question, page), len(found.cards), page.reason)
    return _page(found)


@router.get("/exchanges/{exchange}")
async def exchange(at: At, exchange: str, reason: str | None = None) -> dict[str, Any]:
    """One exchange as a timeline: question, ending, masked texts, and who looked at it and what was made of it."""
    shown = await at.reading(lambda review: review.exchange(exchange))
    if shown is None:
        raise _not_there()
    await at.looked("show", {"exchange": shown.card["exchange"]}, _rows(shown), reason)
    return _timeline(shown)


@router.get("/triage")
async def triage(at: At, page: Page) -> dict[str, Any]:
    """What nobody has said anything of yet, the most urgent first."""
    found = await at.reading(lambda review: review.triage(page.limit, page.cursor))
    await at.looked("triage", _stated(None, page), len(found.cards), page.reason)
    return _page(found)


@router.get("/people/{person}")
async def person(at: At, person: str, page: Page) -> dict[str, Any]:
    """What one person asked in the last 30 days."""
    if may_be_somebodys(person):
        raise _told(BadWording("number"))
    now = at.now()
    found = await at.reading(lambda review: review.person(person, now, page.limit, page.cursor))
    await at.looked("person", {"person": person} | _stated(None, page), len(found.cards), page.reason)
    return _page(found)


@router.get("/campaigns")
async def campaigns(at: At, reason: str | None = None) -> dict[str, Any]:
    """The same masked text by several persons in the last 30 days."""
    now = at.now()
    found = await at.reading(lambda review: review.campaigns(now))
    await at.looked("campaigns", {}, len(found), reason)
    return {"campaigns": [asdict(one) for one in found]}


@router.get("/events")
async def events(
    at: At,
    what: str | None = None,
    who: str | None = None,
    exchange: str | None = None,
    subject: str | None = None,
    since: AwareDatetime | None = None,
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 100,
    reason: str | None = None,
) -> dict[str, Any]:
    """Who looked, and what was noted beside the exchanges, newest first."""
    asked = {"what": what, "who": who, "exchange": exchange, "subject": subject}
    if any(may_be_somebodys(value) for value in asked.values() if value):
        raise _told(BadWording("number"))
    found = await at.reading(lambda review: review.events(**asked, since=since, limit=limit))
    stated = {name: value for name, value in asked.items() if value}
    await at.looked("events", stated, len(found), reason)
    return {"events": [_plain(record) for record in found]}


# ── counts ───────────────────────────────────────────────────────────────────────────────────────


@router.get("/counts/{by}")
async def counts(at: At, by: str, request: Request, reason: str | None = None) -> dict[str, Any]:
    """How many exchanges and persons there are of each value, within reach."""
    question = _question(request)
    cells = await at.reading(lambda review: review.counts(by, question))
    stated = question.stated() | at.reader.reach.stated() | {"by": by}
    await at.looked("counts", stated, len(cells), reason)
    return {"by": by, "cells": [asdict(cell) for cell in cells]}


# ── dispositions ─────────────────────────────────────────────────────────────────────────────────


class DispositionForm(Form):
    """What is made of an exchange; see audit/dispositions.py."""

    disposition: Disposition
    reason: str
    incident: str | None = None
    until: date | None = None


@router.post("/exchanges/{exchange}/dispositions", status_code=201)
async def dispose(at: At, exchange: str, form: DispositionForm) -> dict[str, Any]:
    """Say what to make of an exchange: a record of its own."""
    card = await at.reading(lambda review: review.card(exchange))
    if card is None:
        raise _not_there()
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


# ── originals, opened by two persons ─────────────────────────────────────────────────────────────


class OpeningForm(Form):
    """A request to open the original of an exchange; see audit/glass.py."""

    exchange: str
    incident: str
    reason: str
    hours: int = 1


class ReasonForm(Form):
    reason: str


@router.post("/openings", status_code=201)
async def ask_for(at: At, form: OpeningForm) -> dict[str, Any]:
    """Ask for an original to be opened. Nothing is open until a second person of another role has allowed it."""
    card = await at.reading(lambda review: review.card(form.exchange))
    if card is None:
        raise _not_there()
    now = at.now()
    grant, draft = await at.deciding(
        lambda: glass.asked(at.reader, card, form.incident, form.reason, form.hours, now)
    )
    await at.note(draft)
    return grant.plain(now)


@router.get("/openings")
async def openings(at: At, reason: str | None = None) -> dict[str, Any]:
    """The requests that one has to do with: a 所属長 is told here of those about the own section, everybody of their own."""
    found = await at.reading(lambda review: review.grants())
    now = at.now()
    await at.looked("openings", {}, len(found), reason)
    listed = sorted(found.values(), key=lambda one: one.asked_at, reverse=True)
    return {"openings": [one.plain(now) for one in listed]}


@router.post("/openings/{id}/allow")
async def allow(at: At, id: str) -> dict[str, Any]:
    """The second person lets it be opened."""
    grant, now = await _grant(at, id), at.now()
    given, draft = await at.deciding(lambda: glass.allowed(at.reader, grant, now))
    await at.note(draft)
    return given.plain(now)


@router.post("/openings/{id}/refuse")
async def refuse(at: At, id: str, form: ReasonForm) -> dict[str, Any]:
    """The second person says no."""
    grant, now = await _grant(at, id), at.now()
    given, draft = await at.deciding(lambda: glass.refused(at.reader, grant, form.reason, now))
    await at.note(draft)
    return given.plain(now)


@router.post("/openings/{id}/close")
async def close(at: At, id: str) -> dict[str, Any]:
    """Either of the two ends it before its time."""
    grant, now = await _grant(at, id), at.now()
    given, draft = await at.deciding(lambda: glass.closed(at.reader, grant, now))
    await at.note(draft)
    return given.plain(now)


@router.get("/openings/{id}/original")
async def original(at: At, id: str, incident: str | None = None) -> dict[str, Any]:
    """The original. The look is a record of its own before anything is shown."""
    grant, now = await _grant(at, id), at.now()
    settings = at.asker.desk.settings

    def read(review: Review) -> Opened:
        demand_view(at.reader, grant, grant.exchange, incident, now)
        return review.original(grant, incident, master_of(settings, at.asker.desk.home), now)

    opened = await at.reading(read)
    filters = {
        "grant": grant.id,
        "exchange": grant.exchange,
        "incident": grant.incident,
        "person": grant.subject,
    }
    await at.looked("original", filters, 1, grant.reason)
    return {"values": dict(opened.values), "asked": opened.asked_text}


async def _grant(at: Desk, id: str) -> Grant:
    """A request that one has to do with; of others nobody learns whether they exist. Raises `Problem`."""
    found = await at.reading(lambda review: review.grants())
    if id not in found:
        raise Problem(
            404,
            "no_such_opening",
            Bilingual(
                "その番号の申し込みは、あなたに関わるものにありません。番号を確かめてください。",
                "No request of this id has to do with you. Check it.",
            ),
        )
    return found[id]


# ── one's own ────────────────────────────────────────────────────────────────────────────────────


@router.get("/me/exchanges")
async def own(at: At, request: Request, page: Page) -> dict[str, Any]:
    """What is held of one's own use."""
    _demand_somebody(at)
    question = _question(request)
    found = await at.reading(lambda review: review.own(question, page.limit, page.cursor))
    stated = _stated(question, page) | {"person": at.reader.person}
    await at.looked("own", stated, len(found.cards), page.reason)
    return _page(found)


@router.get("/me/exchanges/{exchange}")
async def own_exchange(at: At, exchange: str) -> dict[str, Any]:
    """One of one's own exchanges, with its masked texts, and who looked at it."""
    _demand_somebody(at)
    shown = await at.reading(lambda review: review.own_exchange(exchange))
    if shown is None:
        raise _not_there()
    await at.looked(
        "own", {"exchange": shown.card["exchange"], "person": at.reader.person}, _rows(shown), None
    )
    return _timeline(shown)


# ── what they share ──────────────────────────────────────────────────────────────────────────────


def _question(request: Request) -> Question:
    """The filters of a request; what else stands in its address belongs to the page. Raises `Problem`."""
    from fastapi.exceptions import RequestValidationError
    from pydantic import ValidationError

    given: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name == "word":
            given.setdefault(name, []).append(value)
        elif name not in Paging.model_fields:
            given[name] = value
    try:
        return Filters.model_validate(given).question()
    except ValidationError as error:
        places = [{**one, "loc": ("query", *one["loc"])} for one in error.errors(include_input=False)]
        raise RequestValidationError(places) from None


def _demand_somebody(at: Desk) -> None:
    if at.reader is NOBODY:
        raise Problem(
            403,
            "not_your_right",
            Bilingual(
                "個人のキーか市の認証で、本人として開いてください。",
                "Come as yourself: with your personal key, or signed in with the city's directory.",
            ),
        )


def _translated(read: Callable[[], Done]) -> Done:
    """Raises `Problem` for what the reading room says no to, `Unavailable` where the ledger cannot be read."""
    from audit.query import CANNOT_READ

    with _telling():
        try:
            return read()
        except (TooShort, BadWording, BadDisposition, NotOpened, CannotOpen, MasterUnavailable):
            raise
        except ValueError as error:
            raise wrong(f"指定に誤りがあります: {error}", f"Something given is wrong: {error}") from None
        except CANNOT_READ:
            raise Unavailable("ledger_unreadable") from None


@contextmanager
def _telling() -> Any:
    try:
        yield
    except TooShort:
        raise wrong(
            "さがす言葉は、続いた2文字からです。",
            "A word to look for has two characters side by side at least.",
        ) from None
    except (BadWording, BadDisposition) as error:
        raise _told(error) from None
    except NotOpened as error:
        raise Problem(403, f"glass_{error.code}", Bilingual(error.ja, error.en)) from None
    except CannotOpen as error:
        ja, _, en = str(error).partition(" / ")
        raise Problem(404, "no_original", Bilingual(ja, en)) from None
    except MasterUnavailable:
        raise Unavailable("originals_unavailable") from None


def _told(error: BadWording | BadDisposition) -> Problem:
    return wrong(error.ja, error.en)


def _not_there() -> Problem:
    return Problem(
        404,
        "no_such_exchange",
        Bilingual(
            "その番号のやり取りは、あなたが見られる範囲にありません。番号を確かめてください。",
            "No exchange of this id is within what you may see. Check it.",
        ),
    )


def _stated(question: Question | None, page: Paging) -> dict[str, Any]:
    stated: dict[str, Any] = question.stated() if question else {}
    return stated | {"limit": page.limit} | ({"cursor": page.cursor} if page.cursor else {})


def _page(found: Found) -> dict[str, Any]:
    return {
        "exchanges": [_card(card) for card in found.cards],
        "cursor": found.cursor,
        "total": found.total,
        "more_than_total": found.more,
        "at_most_total": found.at_most,
    }


def _card(card: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(card)
    yen = told.pop("yen")
    told["class"] = told.pop("confidentiality")
    return told | {"cost_yen": None if yen is None else f"{Decimal(yen) / MILLIONTHS:f}"}


def _timeline(shown: Timeline) -> dict[str, Any]:
    return {
        "card": _card(shown.card),
        "asked": _plain(shown.asked),
        "ending": _plain(shown.ending) if shown.ending else None,
        "text": {"asked": shown.asked_text, "answer": shown.answer_text},
        "events": [_plain(record) for record in shown.events],
    }


def _rows(shown: Timeline) -> int:
    return 1 if shown.ending is None else 2


def _plain(record: Record) -> dict[str, Any]:
    return {
        "writer": record.writer,
        "index": record.index,
        "at": record.at,
        "kind": record.kind,
        "exchange": record.exchange,
        "body": json.loads(record.body),
        "hash": record.hash,
    }


def _millionths(yen: Decimal | None) -> int | None:
    return None if yen is None else int(yen * MILLIONTHS)
