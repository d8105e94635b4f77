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
        places = {name: getattr(self, name) for name in ("person", "department", "section")}
        return {name: value for name, value in places.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Question:
    """What to look for; None or empty: anything. All that is given must hold.

    since, until         when it was asked: from this moment on; before this moment
    outcome              how it ended: answered, refused, …, or ``open``
    rule, entity, alarm  one that the exchange has
    drill                the drill that it is of
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
    drill: str | None = None
    with_tests: bool = True
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises `BadQuestion` for what no store can be asked."""
        values = [getattr(self, name) for name in self.__slots__]
        demand_sound(*values, *self.words, *self.tokens, *self.yen)

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


class BadQuestion(ValueError):
    """What is asked cannot be asked so; `ja` and `en` say what to do. Never quotes what was asked.

    ``about``: which of what was given, where it is one of them.
    """

    about: str | None = None

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(f"{ja} / {en}")
        self.ja, self.en = ja, en


class TooShort(BadQuestion):
    """A word of fewer than two characters that stand side by side."""

    about = "word"

    def __init__(self) -> None:
        super().__init__(
            "さがす言葉は、続いた2文字からです。",
            "A word to look for has two characters side by side at least.",
        )


_LARGEST = 2**62
_YEARS = range(1900, 9000)


def demand_sound(*values: object) -> None:
    """Raises `BadQuestion` for numbers, moments and characters that not every store can be asked."""
    for value in values:
        match value:
            case datetime() if value.year not in _YEARS:
                raise BadQuestion("日時の年が範囲の外です。", "The year of a moment is out of range.")
            case int() if not 0 <= value < _LARGEST:
                raise BadQuestion("数が範囲の外です。", "A number is out of range.")
            case str() if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
                raise BadQuestion(
                    "さがせない文字があります。", "There is a character that cannot be looked for."
                )
