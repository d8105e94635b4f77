"""The question that a reader has, and the limit of every answer to it. Pure.

    Question(section="道路課", words=("給付金",))
    Reach(department="都市創造部", section="道路課")

A question is a wish and a reach is a law: nothing that is asked for leads beyond the reach.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.catalogue.severity import Severity
from audit.model import Kind
from audit.names import moment


@dataclass(frozen=True, slots=True)
class Reach:
    """Which exchanges somebody may learn of: those where all of this holds. Nothing at all where ``nothing``."""

    person: str | None = None
    department: str | None = None
    section: str | None = None
    nothing: bool = False

    @classmethod
    def everything(cls) -> "Reach":
        return cls()

    def stated(self) -> dict[str, str]:
        """As the record of a look has it."""
        return {name: value for name in ("person", "department", "section") if (value := getattr(self, name))}


@dataclass(frozen=True, slots=True)
class Question:
    """What to look for; None or empty: anything. All that is given must hold.

    since, until         when it was asked: from this moment on; before this moment
    outcome              how it ended: answered, refused, …, or ``open``
    rule, entity, alarm  one that the exchange has
    severity             this or a more urgent one
    tokens, yen          at least and at most, both included; yen in millionths
    reviewed             whether somebody has said what to make of it
    words                each is in the masked question or the masked answer, however it is spelled
    """

    since: datetime | None = None
    until: datetime | None = None
    exchange: str | None = None
    person: str | None = None
    department: str | None = None
    section: str | None = None
    tool: str | None = None
    model: str | None = None
    category: str | None = None
    confidentiality: str | None = None
    verdict: str | None = None
    outcome: Kind | str | None = None
    reason: str | None = None
    egress: str | None = None
    rule: str | None = None
    entity: str | None = None
    alarm: str | None = None
    severity: Severity | None = None
    conversation: str | None = None
    use_case: str | None = None
    campaign: str | None = None
    incident: str | None = None
    disposition: str | None = None
    tokens: tuple[int | None, int | None] = (None, None)
    yen: tuple[int | None, int | None] = (None, None)
    reviewed: bool | None = None
    with_tests: bool = True
    words: tuple[str, ...] = ()

    def stated(self) -> dict[str, Any]:
        """What was given, as JSON: what the record of a look keeps."""
        given: dict[str, Any] = {}
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, datetime):
                given[name] = moment(value)
            elif value not in (None, (), (None, None)) and (name, value) != ("with_tests", True):
                given[name] = list(value) if isinstance(value, tuple) else value
        return given


class TooShort(ValueError):
    """A word of fewer than two characters that stand side by side."""
