"""Who is at our pages: a person of the book, signed in with a personal key or by the city's directory. Never a tool.

What somebody may consent to as whom is told here, too. Changes nothing.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from policies.days import day_of
from proxy.callers import credential_of
from proxy.errors import Problem, Unavailable
from proxy.office.confirmations import As, Confirmation
from proxy.office.register import OfficeUnreadable
from proxy.office.roster import Page, Standing, Unit, needed_by, standing
from proxy.oidc import Identity
from proxy.pages.session import SECONDS, Session

if TYPE_CHECKING:
    from proxy.house import House


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person of the book, enrolled on this day. ``role`` and ``unit`` as the directory says, else the book."""

    session: Session
    page: Page
    standing: Standing

    @property
    def person(self) -> str:
        return self.session.person

    @property
    def role(self) -> str:
        return self.session.role or self.standing.role

    @property
    def unit(self) -> Unit:
        said, is_now = self.session, self.standing
        return Unit(said.department or is_now.department or "", said.section or is_now.section or "")

    def consents_as(self, one: Confirmation) -> As | None:
        """As what this person is asked for consent to it; None: they are not."""
        if self.person in {given.by for given in one.given}:
            return None
        if self.person == one.person:
            return "self" if "self" in one.missing else None
        if "section_head" in one.missing and self.role == "section_head" and self.unit == one.unit:
            return "section_head"
        return "csirt" if "csirt" in one.missing and self.role == "csirt_reviewer" else None

    def may_see(self, one: Confirmation) -> bool:
        """Whether it is any business of theirs."""
        has_consented = self.person in {given.by for given in one.given}
        return self.person == one.person or has_consented or self.consents_as(one) is not None


class NotLetIn(Exception):
    """Nobody is signed in by this. ``code``: ``wrong_key``, ``tool_key``, ``robot`` or ``not_enrolled``.

    ``person`` is known where the key was somebody's.
    """

    def __init__(self, code: str, person: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.person = person


async def visitor_of(house: "House", session: Session) -> Visitor:
    """The person of a session, as the book has them now. Raises `NotLetIn`, `Unavailable`."""
    try:
        page = await house.register.page(session.person)
    except OfficeUnreadable:
        raise Unavailable("office_unreadable") from None
    on = day_of(house.clock())
    is_now = standing(page, on, needed_by(house.policy)) if page else None
    if page is None or is_now is None or not is_now.enrolled:
        raise NotLetIn("not_enrolled", session.person)
    if is_now.kind == "robot":
        raise NotLetIn("robot", session.person)
    return Visitor(session, page, is_now)


async def sign_in_by_key(house: "House", plain: str) -> Session:
    """A new session for whoever's personal key this is. Raises `NotLetIn`, `Unavailable`."""
    try:
        credential = await credential_of({"x-api-key": plain}, house.register, None, day_of(house.clock()))
    except Unavailable:
        raise
    except Problem:
        raise NotLetIn("wrong_key") from None
    if credential.key.person is None or credential.key.oidc_client is not None:
        raise NotLetIn("tool_key")
    session = Session(credential.key.person, "key", _until(house))
    await visitor_of(house, session)
    return session


async def sign_in_with(house: "House", identity: Identity) -> Session:
    """A new session for whom the city's directory says it is. Raises `NotLetIn`, `Unavailable`."""
    session = Session(
        identity.person, "directory", _until(house), identity.department, identity.section, identity.role
    )
    await visitor_of(house, session)
    return session


def _until(house: "House") -> float:
    return house.clock().timestamp() + SECONDS
