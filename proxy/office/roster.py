"""What somebody is on a day, by the book of people: enrolled, trained, in which section. Pure; knows no store.

enrolled      a 所属長 approved it, and the day lies between start and end, both included
trained       every course the policy asks for was completed for the 年度 of the day (1 April to 31 March, JST)
acknowledged  the version of the rules that counts was accepted
section       the posting of the day; earlier and later ones are kept beside it
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from policies.days import between
from policies.decide import Policy
from policies.model import Actor


@dataclass(frozen=True, slots=True)
class Person:
    """One entry of the book. ``id`` is a 職員番号, or what a robot is called; ``ends`` is the last day.

    ``approved_by`` None: applied for only. ``owner``: who answers for a robot or a contractor. ``consented``: the
    city consented beforehand to this contractor's use. ``role``: see policies.vocabulary.ROLES.
    """

    id: str
    kind: Actor
    starts: date
    ends: date | None = None
    name: str = field(default="", repr=False)
    role: str = "staff_member"
    approved_by: str | None = None
    approved_at: str | None = None
    consented: bool = False
    owner: str | None = None
    entered_at: str = ""
    entered_by: str = ""


class Unit(NamedTuple):
    """部 and 課: a 課 of the same name, such as 総務課, may be in several 部."""

    department: str
    section: str


@dataclass(frozen=True, slots=True)
class Posting:
    """部・課 from a day on, until the next one."""

    since: date
    department: str
    section: str

    @property
    def unit(self) -> Unit:
        return Unit(self.department, self.section)


@dataclass(frozen=True, slots=True)
class Training:
    """A course (policies.vocabulary.COURSES) that was completed, and for which 年度 it counts (2026: 令和8年度)."""

    course: str
    fiscal_year: int
    completed_on: date


@dataclass(frozen=True, slots=True)
class Page:
    """Everything the book says of one person. ``postings`` are in the order of their days, ``acknowledged``
    versions of the rules in the order in which they were accepted."""

    person: Person
    postings: tuple[Posting, ...] = ()
    trainings: tuple[Training, ...] = ()
    acknowledged: tuple[str, ...] = ()

    def posting(self, on: date) -> Posting | None:
        """Where the person belongs on a day; before the first posting, to that one."""
        begun = [one for one in self.postings if one.since <= on]
        return begun[-1] if begun else next(iter(self.postings), None)


@dataclass(frozen=True, slots=True)
class Needed:
    """What a policy asks of whoever may use AI: see `needed_by`."""

    courses: tuple[str, ...]
    grace_days: int
    rules: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody is on one day. ``department`` and ``section`` are None where no posting says so.

    ``rules_accepted``: the version that the policy asks for, where it was accepted, else the last one that was.
    """

    kind: Actor
    role: str
    department: str | None
    section: str | None
    enrolled: bool
    trained: bool
    acknowledged: bool
    consented: bool
    rules_accepted: str | None = None


NOBODY = Standing("staff", "staff_member", None, None, False, False, False, False)
"""What somebody is whom the book does not know: not enrolled."""


def needed_by(policy: Policy) -> Needed:
    """The courses, the days they are carried over, and the version of the rules that a policy asks for."""
    return Needed(policy.courses, policy.grace_days, policy.rules_version)


def standing(page: Page, on: date, needed: Needed) -> Standing:
    """What a person is on a day (JST). Nobody trains a robot: whoever owns it answers for it."""
    person, posting = page.person, page.posting(on)
    robot = person.kind == "robot"
    return Standing(
        kind=person.kind,
        role=person.role,
        department=posting.department if posting else None,
        section=posting.section if posting else None,
        enrolled=person.approved_by is not None and between(person.starts, on, person.ends),
        trained=robot or all(completed(page.trainings, course, on, needed) for course in needed.courses),
        acknowledged=robot or needed.rules in page.acknowledged,
        consented=person.consented,
        rules_accepted=needed.rules
        if needed.rules in page.acknowledged
        else (page.acknowledged or (None,))[-1],
    )


def completed(trainings: Sequence[Training], course: str, on: date, needed: Needed) -> bool:
    """Whether a course counts on a day: for its 年度, and for the days of grace after 31 March."""
    years = {fiscal_year(on), fiscal_year(on - timedelta(days=needed.grace_days))}
    return any(
        one.course == course and one.fiscal_year in years and one.completed_on <= on for one in trainings
    )


def fiscal_year(day: date) -> int:
    """年度: 2026 from 2026-04-01 to 2027-03-31."""
    return day.year - (day.month < 4)


def fiscal_year_ends(year: int) -> date:
    """31 March, 年度末."""
    return date(year + 1, 3, 31)
