"""The language of test files: cases and tables that a non-programmer can read, made into asks and expectations.

    - name: 口座番号は伏せ字にして、確かめてもらう
      ask: {entities: [{type: JP_BANK_ACCOUNT, evidence: cue}]}
      expect: {gate: confirm, decisive: [P-06]}

Pure. Old files stay valid: keys may be added here, never removed or newly required.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from policies import complaints as say
from policies.asks import AskForm, ask_of
from policies.complaints import PolicyError, Words
from policies.days import JST, closed, day_of
from policies.decide import Policy
from policies.document import Document, Place
from policies.model import Ask
from policies.registry import NO_ZONE
from policies.schema import GateCode, ModelForm, Strict, Text, UseCaseForm, wrong

NONE = "none"
"""What ``would`` and ``detected_class`` are expected to be where there is none."""


class ExpectForm(Strict):
    """What must come out. Only what is written is checked; lists are complete, in any order, but for
    ``includes`` and ``excludes``: rules and cells that must match, and that must not.

    ``would`` and ``detected_class`` may be ``none``; ``words`` are the lists that occur in ``text``.
    """

    gate: GateCode | None = None
    includes: list[str] | None = None
    excludes: list[str] | None = None
    rules: list[str] | None = None
    decisive: list[str] | None = None
    notices: list[str] | None = None
    alarms: list[str] | None = None
    revealed: list[str] | None = None
    words: list[str] | None = None
    strict: bool | None = None
    would: Text | None = None
    detected_class: Text | None = None
    effective_class: Text | None = None
    error: str | None = None

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        if not self.model_fields_set:
            raise wrong(
                Words(
                    "期待することがありません。gate: allow などを書いてください。",
                    "nothing is expected; write gate: allow, for example.",
                )
            )
        return self


class CaseForm(Strict):
    """One case: what differs from the base, and what must come out. ``text`` is searched for the word lists."""

    name: Text
    text: Text | None = None
    ask: dict[str, Any] = Field(default_factory=dict)
    expect: ExpectForm


class TableForm(Strict):
    """Many cases as a table: ``rows: class``, ``columns: destination``; or a list, without columns.

    A cell is a gate, or what a case may expect: ``{gate: confirm, decisive: [T.3C.D2]}``.
    """

    name: Text
    rows: Text
    columns: Text | None = None
    text: Text | None = None
    ask: dict[str, Any] = Field(default_factory=dict)
    expect: dict[str, Any]


class ExamplesForm(Strict):
    """Models and use cases that the tests alone need: a policy must not list a contract that nobody made."""

    models: list[ModelForm] | None = None
    use_cases: list[UseCaseForm] | None = None


class TestsForm(Strict):
    """A whole file of tests. ``base`` is a complete ask; cases and tables say what differs from it.

    ``examples`` are added to what the policy lists, for these tests only.
    """

    __test__ = False

    examples: ExamplesForm | None = None
    base: dict[str, Any]
    cases: Annotated[list[CaseForm], Field(default_factory=list)]
    tables: Annotated[list[TableForm], Field(default_factory=list)]


@dataclass(frozen=True, slots=True)
class Case:
    """One case as it will be run: ``line`` is where it was written, ``words`` the lists that its text holds.

    ``searched``: it has a text; otherwise ``words`` are those that the ask itself says.
    """

    name: str
    line: int
    ask: Ask
    words: tuple[str, ...]
    searched: bool
    expect: ExpectForm


class Cases:
    """All cases of one file of tests, read against one policy. Raises PolicyError for a base that is no ask."""

    def __init__(self, policy: Policy, document: Document, form: TestsForm, today: date) -> None:
        self._policy = policy
        self._document = document
        self._form = form
        base = self._with_address(("base",), form.base)
        self._base = base if "at" in base else {"at": self._ordinary_moment(today).isoformat(), **base}
        self._lines: dict[Place, dict[Place, int]] = {}
        for at, line in document.lines.items():  # sorted out once: a file may hold a thousand cases
            self._lines.setdefault(at[: 1 if at[:1] == ("base",) else 2], {})[at] = line

    def __iter__(self) -> Iterator[Case]:
        """Raises PolicyError, with the line, for what is no ask or no expectation."""
        for i, case in enumerate(self._form.cases):
            place: Place = ("cases", i)
            yield self._case(case.name, place, self._document.lines[place], case.ask, case.text, case.expect)
        for i, table in enumerate(self._form.tables):
            yield from self._cells(table, ("tables", i))

    def _cells(self, table: TableForm, place: Place) -> Iterator[Case]:
        for row, cells in table.expect.items():
            at: Place = (*place, "expect", row)
            if table.columns is None:
                yield self._cell(table, place, at, {table.rows: row}, cells)
                continue
            if not isinstance(cells, Mapping):
                words = say.not_mapping()
                raise PolicyError([self._document.complaint(at, words)])
            for column, cell in cells.items():
                yield self._cell(table, place, (*at, column), {table.rows: row, table.columns: column}, cell)

    def _cell(self, table: TableForm, place: Place, at: Place, values: Mapping[str, str], cell: Any) -> Case:
        ask = {**table.ask, **_found(values, table.ask.get("entities", ()))}
        for axis, value in values.items():
            if axis not in FINDINGS:
                ask[axis] = _fact(axis, value)
        name = f"{table.name}: {' × '.join(values.values())}"
        return self._case(name, place, self._document.lines[at], ask, table.text, self._expectation(at, cell))

    def _expectation(self, at: Place, cell: Any) -> ExpectForm:
        within = self._lines[at[:2]].items()
        lines = {place[len(at) :] or ("gate",): line for place, line in within if place[: len(at)] == at}
        data = cell if isinstance(cell, Mapping) else {"gate": cell}
        told = Document(self._document.file, data, {**lines, (): self._document.lines[at]})
        return told.checked(ExpectForm, {})

    def _case(
        self, name: str, place: Place, line: int, ask: Mapping[str, Any], text: str | None, expect: ExpectForm
    ) -> Case:
        made = ask_of(self._overlaid(place, self._with_address((*place, "ask"), ask)))
        if text is None or made.at.tzinfo is None:
            return Case(name, line, made, made.words, False, expect)
        found = self._policy.words([text], day_of(made.at))
        return Case(name, line, replace(made, words=(*made.words, *found)), found, True, expect)

    def _with_address(self, place: Place, ask: Mapping[str, Any]) -> dict[str, Any]:
        """``zone: lgwan`` is an address of that zone."""
        changed = {**ask}
        if "zone" in ask:
            zone = changed.pop("zone")
            known = (*self._policy.zones.names, NO_ZONE)
            if zone not in known:
                words = say.unknown(Words("区域", "zone"), zone, known, {})
                raise PolicyError([self._document.complaint((*place, "zone"), words)])
            address = self._policy.zones.sample(zone)
            if address is None and zone != NO_ZONE:  # asked from nowhere, the test would try another rule
                raise PolicyError([self._document.complaint((*place, "zone"), _covered(zone))])
            changed["address"] = address
        return changed

    def _ordinary_moment(self, today: date) -> datetime:
        moment = ordinary_moment(self._policy, today)
        if moment is None:
            raise PolicyError([self._document.complaint(("base",), ALWAYS_CLOSED)])
        return moment

    def _overlaid(self, place: Place, ask: Mapping[str, Any]) -> Document:
        """The base with what differs, as one ask whose lines still point to where each value was written."""
        lines: dict[Place, int] = {(): self._document.lines[place]}
        for at, line in self._lines[("base",)].items():
            if len(at) > 1 and at[1] not in ask:
                lines[at[1:]] = line
        for at, line in self._lines[place].items():
            if at[: len(place) + 1] == (*place, "ask") and len(at) > len(place) + 1:
                lines[at[len(place) + 1 :]] = line
        return Document(self._document.file, {**self._base, **ask}, lines)


FINDINGS = ("entity", "evidence")
"""Axes of what was found: one finding more of this type, or every finding with this evidence."""


def _found(values: Mapping[str, str], there: Any) -> dict[str, Any]:
    kind, evidence = (values.get(axis) for axis in FINDINGS)
    if (kind is None and evidence is None) or not isinstance(there, list | tuple):
        return {}  # what is no list is complained about where it is read as an ask
    changed = {"evidence": evidence} if evidence else {}
    if kind is not None:
        return {"entities": [*there, {"type": kind, **changed}]}
    return {"entities": [{**one, **changed} if isinstance(one, Mapping) else one for one in there]}


def _fact(axis: str, value: str) -> Any:
    """The value of a row or column in the shape that the ask wants; what fits nowhere is complained about later."""
    field = AskForm.model_fields.get("class_" if axis == "class" else axis)
    if field is None:
        return value
    if field.annotation is bool and value in ("true", "false"):
        return value == "true"
    if field.annotation in (int, int | None) and value.isdecimal():
        return int(value)
    return [value] if field.annotation == list[str] else value


def ordinary_moment(policy: Policy, today: date) -> datetime | None:
    """Ten o'clock on the first open day of the city hall from which a policy is in force: when ``at`` is left out.

    None where the city hall is closed for a whole year from then on, or until the calendar ends.
    """
    first = max(today, policy.effective or today)
    for ahead in range(min(A_YEAR, (date.max - first).days) + 1):
        day = first + timedelta(days=ahead)
        if not closed(day, policy.closed_days):
            return datetime.combine(day, time(10), JST)
    return None


A_YEAR = 366
"""Days after which the closed days of every year have all been seen."""
ALWAYS_CLOSED = Words(
    "開庁日が一年を通して一日もないので、試験をする日を決められません。方針の closed_days を直すか、base の at に日時を書いてください。",
    "the city hall is closed all year, so there is no day to test on; mend closed_days, or write 'at' into the base.",
)


def _covered(zone: str) -> Words:
    return Words(
        f"区域 {zone} の番地は、もっと細かいほかの区域にすべて入っているので、ここからの要求はありません。"
        "方針の zones を直すか、この試験を消してください。",
        f"every address of the zone {zone} belongs to a narrower zone, so nothing is ever asked from it;"
        " mend the policy's zones, or delete this test.",
    )
