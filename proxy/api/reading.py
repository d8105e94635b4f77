"""The reading desk of /audit/v1: who reads, what they ask, and how they are told what is wrong.

Who sees what stands in audit/readers.py, and the rows are chosen by audit/review.py: nothing is filtered here. Every
look is a record before anything is shown: who, in which role, with which filters, how many rows, and why.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Self, TypeVar

from fastapi import Depends, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from audit.catalogue.pages import Found
from audit.catalogue.question import BadQuestion, Question
from audit.catalogue.severity import Severity
from audit.dispositions import BadDisposition, Disposition
from audit.glass import NotOpened
from audit.master import CannotOpen, MasterUnavailable
from audit.model import Draft
from audit.numbers import may_be_somebodys
from audit.readers import NOBODY, NotForThem, Reader, Sight, reader_of
from audit.review import Review
from audit.told import MILLIONTHS, card_told
from audit.wording import BadWording
from audit.wording import reason as sound_reason
from policies.model import Bilingual
from proxy.api.asking import Asker, asker
from proxy.api.forms import wrong
from proxy.errors import Problem, Unavailable
from proxy.office.rights import is_somebody
from proxy.pages.sentences import REASON
from redaction.model import CannotDetect

Done = TypeVar("Done")

MOST = 500
"""Rows of a page."""

Tokens = Annotated[int, Field(ge=0, le=10**12)]
Yen = Annotated[Decimal, Field(ge=0, le=10**9, max_digits=15, decimal_places=6)]


class Filters(BaseModel):
    """What to look for; see audit.catalogue.finding.Question. Moments have a zone; yen are decimal.

    ``days``: asked in so many last days, counted at every look anew. ``reviewed``: whether something was made of it.
    """

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    days: int | None = Field(None, ge=1, le=3_660)
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
    drill: str | None = None
    disposition: Disposition | None = None
    least_tokens: Tokens | None = None
    most_tokens: Tokens | None = None
    least_yen: Yen | None = None
    most_yen: Yen | None = None
    reviewed: bool | None = None
    tests: bool = True
    word: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_beginning(self) -> Self:
        if self.days is not None and self.since is not None:
            raise ValueError("either days or since")
        return self

    def question(self) -> Question:
        """As the catalogue is asked, but for ``days``. Raises `Problem` for a number that the ledger must not keep,
        `BadQuestion`."""
        said = self.model_dump(
            exclude={"days", "why", "least_tokens", "most_tokens", "least_yen", "most_yen", "tests", "word"}
        )
        written = [value for value in (*said.values(), self.why, *self.word) if isinstance(value, str)]
        if any(map(may_be_somebodys, written)):
            raise misworded(BadWording("number"))
        return Question(
            **said,
            reason=self.why,
            tokens=(self.least_tokens, self.most_tokens),
            yen=(_millionths(self.least_yen), _millionths(self.most_yen)),
            with_tests=self.tests,
            words=tuple(self.word),
        )

    def asked(self, now: datetime) -> Question:
        """As the catalogue is asked at this moment. Raises `Problem`, `BadQuestion`."""
        question = self.question()
        return replace(question, since=now - timedelta(days=self.days)) if self.days else question


class Paging(BaseModel):
    """``limit`` rows from where the last page ended."""

    limit: int = Field(50, ge=1, le=MOST)
    cursor: str | None = Field(None, max_length=500)

    def stated(self) -> dict[str, Any]:
        """As the record of a look has it."""
        return {"limit": self.limit} | ({"cursor": self.cursor} if self.cursor else {})


_BESIDE = {*Paging.model_fields, "reason"}


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody at the reading desk."""

    asker: Asker
    reader: Reader

    async def demand(self, *sights: Sight) -> None:
        """Before anything is read of what they ask. Raises `Problem`, noted, for whoever has none of these sights."""
        if not self.reader.sights & set(sights):
            raise await self.asker.refused(sights[0])

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

    async def because(self, reason: str | None, *, demanded: bool = True) -> str | None:
        """Why somebody looks, as the record will have it. Raises `Problem` where it is missing, or cannot be kept."""
        with _telling():
            why = sound_reason(reason) if demanded or reason is not None else None
        if why is not None:
            await self.demand_nothing_personal(why)
        return why

    async def demand_nothing_personal(self, *written: str) -> None:
        """What somebody writes stays in the ledger for years. Raises `Problem` where it seems to hold personal data."""
        try:
            found = await self.asker.house.detector.find(written)
        except CannotDetect as error:
            raise Unavailable(error.reason) from None
        if any(found):
            raise wrong(REASON["personal"].ja, REASON["personal"].en)

    def question(self, request: Request, beside: Collection[str] = ()) -> Question:
        """What is asked by the address of a request. Raises `Problem`."""
        with _telling():
            return filters_of(request, beside).asked(self.now())

    async def looked(
        self, what: str, filters: Mapping[str, Any], rows: int, why: str | None, subject: str | None = None
    ) -> None:
        """Record a look before it is shown; ``why`` was found sound (`because`), ``subject`` is whom it is about."""
        body = {"what": what, "filters": dict(filters), "rows": rows, "person": self.reader.person}
        body |= {"role": self.reader.role, "reason": why} | ({"subject": subject} if subject else {})
        await self.asker.append(Draft("viewed", None, body))

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


def filters_of(request: Request, beside: Collection[str] = ()) -> Filters:
    """The filters of a request; ``beside`` them stand the page, the reason and these. Raises `Problem`."""
    from fastapi.exceptions import RequestValidationError
    from pydantic import ValidationError

    given: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name == "word":
            given.setdefault(name, []).append(value)
        elif name not in _BESIDE and name not in beside:
            given[name] = value
    try:
        return Filters.model_validate(given)
    except ValidationError as error:
        places = [{**one, "loc": ("query", *one["loc"])} for one in error.errors(include_input=False)]
        raise RequestValidationError(places) from None


def demand_somebody(at: Desk) -> None:
    """Raises `Problem` for a machine, and for whoever a tool only names."""
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
        except (BadQuestion, BadWording, BadDisposition, NotOpened, CannotOpen, MasterUnavailable):
            raise
        except CANNOT_READ:
            raise Unavailable("ledger_unreadable") from None


@contextmanager
def _telling() -> Any:
    try:
        yield
    except (BadQuestion, BadWording, BadDisposition) as error:
        raise misworded(error) from None
    except NotOpened as error:
        raise Problem(403, f"glass_{error.code}", Bilingual(error.ja, error.en)) from None
    except CannotOpen as error:
        ja, _, en = str(error).partition(" / ")
        raise Problem(404, "no_original", Bilingual(ja, en)) from None
    except MasterUnavailable:
        raise Unavailable("originals_unavailable") from None


def misworded(error: BadQuestion | BadWording | BadDisposition) -> Problem:
    """Something that was written cannot be kept."""
    return wrong(error.ja, error.en)


def not_there() -> Problem:
    """There is none within reach, or none at all: nobody learns which."""
    return Problem(
        404,
        "no_such_exchange",
        Bilingual(
            "その番号のやり取りは、あなたが見られる範囲にありません。番号を確かめてください。",
            "No exchange of this id is within what you may see. Check it.",
        ),
    )


def page_told(found: Found) -> dict[str, Any]:
    """A page of exchanges, and how many there are in all."""
    return {
        "exchanges": [card_told(card) for card in found.cards],
        "cursor": found.cursor,
        "total": found.total,
        "more_than_total": found.more,
        "at_most_total": found.at_most,
    }


def _millionths(yen: Decimal | None) -> int | None:
    return None if yen is None else int(yen * MILLIONTHS)
