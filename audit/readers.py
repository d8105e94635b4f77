"""Who may read what of the ledger: roles, what each sees, and of whose exchanges. Pure; every query asks here.

    csirt_reviewer    every exchange with its masked text; says what to make of it; asks for originals; handles incidents
    auditor           the same to read, and who looked; changes nothing
    cio_advisor       counts; is the second person who lets an original be opened; incidents without whose exchanges they
                      are of, and decides whether one is reportable
    governance_board  counts of the whole house; the same of incidents that were brought up to it
    section_head      counts of the own section               section_manager    the same
    dx_core_leader    counts of the own 部
    policy_author     counts of the whole house, to see what a rule does          policy_approver    the same
    dx_advisor        counts in which nobody can be made out; comes from outside
    everybody         what is held of themselves

An operator runs the machines and reads nothing that others wrote.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from audit.catalogue.question import Reach

Sight = Literal[
    "exchanges",
    "texts",
    "events",
    "disclose",
    "counts",
    "anonymous_counts",
    "dispose",
    "seek_originals",
    "allow_originals",
    "incidents",
    "handle_incidents",
    "decide_incidents",
]
"""What a role may do: see cards of exchanges with their persons; their masked texts; who looked and what was noted; what
is given to whoever asks by law; numbers; numbers without small cells; say what to make of an exchange; ask for
originals; be the second person; see incidents (with whose exchanges they are of, where they see exchanges); open them and
take them on; decide whether one is reportable."""

_REVIEW: frozenset[Sight] = frozenset({"exchanges", "texts", "events", "disclose", "counts", "incidents"})
_COUNTS: frozenset[Sight] = frozenset({"counts"})

SIGHTS: Mapping[str, frozenset[Sight]] = {
    "csirt_reviewer": _REVIEW | {"dispose", "seek_originals", "handle_incidents"},
    "auditor": _REVIEW,
    "cio_advisor": frozenset({"counts", "allow_originals", "incidents", "decide_incidents"}),
    "governance_board": _COUNTS | {"incidents", "decide_incidents"},
    "section_head": _COUNTS,
    "section_manager": _COUNTS,
    "dx_core_leader": _COUNTS,
    "policy_author": _COUNTS,
    "policy_approver": _COUNTS,
    "dx_advisor": frozenset({"anonymous_counts"}),
}
"""By role (policies.vocabulary.ROLES); a role that is not here sees what is its own."""

WHEN_ESCALATED = frozenset({"governance_board"})
"""Roles that see an incident once it was brought up to them."""
OWN_SECTION = frozenset({"section_head", "section_manager"})
OWN_DEPARTMENT = frozenset({"dx_core_leader"})


class NotForThem(Exception):
    """This reader may not do this. ``sight``: what was wanted."""

    def __init__(self, sight: Sight) -> None:
        super().__init__(sight)
        self.sight = sight


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who reads. ``reach``: of which exchanges they may learn anything beyond their own."""

    person: str
    role: str
    sights: frozenset[Sight]
    reach: Reach

    def demand(self, sight: Sight) -> Reach:
        """Whose exchanges this sight is for. Raises `NotForThem`."""
        if sight not in self.sights:
            raise NotForThem(sight)
        return self.reach

    @property
    def own(self) -> Reach:
        """What is held of themselves: everybody may see it, and nobody is anybody."""
        return Reach(person=self.person) if self.person else Reach(nothing=True)


def reader_of(person: str, role: str, department: str, section: str) -> Reader:
    """A person of the book, or of the city's directory, as a reader. Whoever belongs nowhere reaches nothing."""
    if role in OWN_SECTION:
        reach = Reach(department=department, section=section, nothing=not (department and section))
    elif role in OWN_DEPARTMENT:
        reach = Reach(department=department, nothing=not department)
    else:
        reach = Reach.everything()
    return Reader(person, role, SIGHTS.get(role, frozenset()), reach)


NOBODY = Reader("", "", frozenset(), Reach(nothing=True))
"""A machine, somebody whom a tool only names, somebody who is not enrolled."""


def at_the_terminal(user: str) -> Reader:
    """Whoever may read the ledger's file; ``user`` is the system's name for them."""
    return Reader(user, "terminal", SIGHTS["auditor"], Reach.everything())
