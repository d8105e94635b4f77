"""Who may do what in the office: roles and scopes. Pure.

An operator keeps the books, a 所属長 approves and consents for the own section, the CSIRT sees what is confirmed and
stands beside, the IT推進本部 sets limits and disasters. Everybody checks texts and sees what is theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from proxy.callers import Caller
from proxy.office.roster import Unit

Scope = Literal[
    "people:read", "people:write", "people:approve", "people:review",
    "keys:read", "keys:write",
    "quota:read", "quota:write", "emergency:propose", "emergency:approve",
    "confirmations:read", "confirmations:decide", "confirmations:revoke",
    "checks:write", "label:read",
]  # fmt: skip

EVERYBODY: frozenset[Scope] = frozenset({"checks:write", "label:read"})
"""What every enrolled person may do."""

SCOPES: Mapping[str, frozenset[Scope]] = {
    "operator": frozenset(
        {
            "people:read", "people:write", "people:review", "keys:read", "keys:write", "quota:read", "quota:write",
            "emergency:propose", "confirmations:read",
        }
    ),
    "section_head": frozenset(
        {
            "people:read", "people:approve", "people:review", "keys:read", "quota:read", "confirmations:read",
            "confirmations:decide", "confirmations:revoke",
        }
    ),
    "section_manager": frozenset({"people:read", "quota:read"}),
    "csirt_reviewer": frozenset(
        {
            "people:read", "keys:read", "quota:read", "emergency:approve", "confirmations:read",
            "confirmations:decide", "confirmations:revoke",
        }
    ),
    "governance_board": frozenset({"quota:read", "emergency:propose", "emergency:approve"}),
    "auditor": frozenset({"people:read", "keys:read", "quota:read", "confirmations:read"}),
}  # fmt: skip
"""By role (policies.vocabulary.ROLES); a role that is not here may do what everybody may."""

OWN_SECTION = frozenset({"section_head", "section_manager"})
"""Roles that see and do things for their own section only."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What one person may do. ``unit``: only there; None: everywhere."""

    person: str
    role: str
    scopes: frozenset[Scope]
    unit: Unit | None

    def sees(self, unit: Unit | None) -> bool:
        """Whether what belongs to this section is within reach; None: it belongs to none."""
        return self.unit is None or unit == self.unit

    def may(self, scope: Scope, unit: Unit | None = None) -> bool:
        """Whether a scope holds, for somebody or something of a section where that matters."""
        if scope not in self.scopes:
            return False
        return scope in EVERYBODY or unit is None or self.sees(unit)


def is_somebody(caller: Caller) -> bool:
    """Whether it is a person of the book who came themselves: no machine, and nobody whom a tool only names."""
    return caller.identity == "authenticated" and caller.actor != "robot" and caller.enrolled


def rights_of(caller: Caller) -> Rights:
    """The rights of a caller: none for a machine, for somebody whom a tool only names, or who is not enrolled."""
    if not is_somebody(caller):
        return Rights(caller.person, caller.role, frozenset(), caller.unit)
    scopes = SCOPES.get(caller.role, frozenset()) | EVERYBODY
    return Rights(caller.person, caller.role, scopes, caller.unit if caller.role in OWN_SECTION else None)
