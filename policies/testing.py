"""Runs the tests of a policy, which stand beside it: ``takatsuki.yaml`` and ``takatsuki.tests.yaml``.

A test is an ask and the verdict it must get. Never changes a policy; what it finds is a value.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from policies import files
from policies.asks import ask_of
from policies.complaints import CannotRead, Complaint, PolicyError
from policies.decide import Policy, decide, gate_of
from policies.document import Document, Place
from policies.model import Refuse, RuleHit, Verdict
from policies.schema import GateCode, Strict, Text

SUFFIX = ".tests.yaml"


class ExpectForm(Strict):
    """What must come out. Only what is written is checked; lists are complete, in any order."""

    gate: GateCode
    rules: list[str] | None = None
    decisive: list[str] | None = None
    notices: list[str] | None = None
    revealed: list[str] | None = None
    strict: bool | None = None
    error: str | None = None


class CaseForm(Strict):
    """One case: what differs from the base, and what must come out."""

    name: Text
    ask: dict[str, Any] = Field(default_factory=dict)
    expect: ExpectForm


class TableForm(Strict):
    """Many cases as a table of gates: ``rows: class``, ``columns: destination``."""

    name: Text
    rows: Text
    columns: Text
    ask: dict[str, Any] = Field(default_factory=dict)
    expect: dict[str, dict[str, GateCode]]


class TestsForm(Strict):
    """A whole file of tests. ``base`` is a complete ask; cases and tables say what differs from it."""

    __test__ = False

    base: dict[str, Any]
    cases: Annotated[list[CaseForm], Field(default_factory=list)]
    tables: Annotated[list[TableForm], Field(default_factory=list)]


@dataclass(frozen=True, slots=True)
class Result:
    """One case after its run. ``differences`` is empty when it passed; each names what, wanted and got."""

    name: str
    line: int
    verdict: Verdict
    differences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.differences


@dataclass(frozen=True, slots=True)
class Report:
    """All results of one file, and how often each rule matched in them."""

    policy: Policy
    file: str
    results: tuple[Result, ...]
    hits: Mapping[str, int]

    @property
    def failed(self) -> int:
        return sum(not result.passed for result in self.results)

    @property
    def passed(self) -> int:
        return len(self.results) - self.failed

    @property
    def never_hit(self) -> tuple[str, ...]:
        """Rules that no test has ever made match: nobody knows whether they work."""
        return tuple(rule for rule, count in self.hits.items() if not count)


def run(source: str | Path, entity_types: Sequence[str] = files.ENTITY_TYPES) -> Report:
    """Run the tests of a policy given by name or path (of either file). Raises PolicyError."""
    policy_file, tests_file = _pair(files.find(source))
    policy = files.load(policy_file, entity_types)
    document = files.read_yaml(files.read(tests_file), str(tests_file))
    form = document.checked(TestsForm, {})
    results = (*_cases(policy, document, form), *_tables(policy, document, form))
    if not results:
        ja, en = "試験が一つもありません。cases を書いてください。", "there is no test; write cases."
        raise PolicyError([Complaint(str(tests_file), 1, ja, en)])
    counted = Counter(hit.id for result in results for hit in result.verdict.rules)
    return Report(policy, str(tests_file), results, {rule.id: counted[rule.id] for rule in policy.rules})


def _pair(path: Path) -> tuple[Path, Path]:
    """The policy and its tests, whichever of the two was named."""
    if path.name.endswith(SUFFIX):
        path = path.with_name(path.name.removesuffix(SUFFIX) + ".yaml")
    tests = path.with_name(path.stem + SUFFIX)
    if path.exists() and not tests.exists():
        ja = f"試験のファイルがありません。{path.name} と同じ場所に {tests.name} を作ってください。"
        en = f"there is no file of tests; write {tests.name} beside {path.name}."
        raise CannotRead([Complaint(str(tests), None, ja, en)])
    return path, tests


def _cases(policy: Policy, document: Document, form: TestsForm) -> Iterator[Result]:
    for i, case in enumerate(form.cases):
        place: Place = ("cases", i)
        verdict = decide(policy, ask_of(_overlaid(document, form.base, place, case.ask)))
        yield Result(case.name, document.lines[place], verdict, tuple(_differences(case.expect, verdict)))


def _tables(policy: Policy, document: Document, form: TestsForm) -> Iterator[Result]:
    for i, table in enumerate(form.tables):
        place: Place = ("tables", i)
        for row, gates in table.expect.items():
            for column, gate in gates.items():
                ask = {**table.ask, table.rows: row, table.columns: column}
                verdict = decide(policy, ask_of(_overlaid(document, form.base, place, ask)))
                name = f"{table.name}: {row} × {column}"
                wanted = ExpectForm(gate=gate)
                line = document.lines[(*place, "expect", row, column)]
                yield Result(name, line, verdict, tuple(_differences(wanted, verdict)))


def _overlaid(document: Document, base: Mapping[str, Any], place: Place, ask: Mapping[str, Any]) -> Document:
    """The base with what differs, as one ask whose lines still point to where each value was written."""
    lines: dict[Place, int] = {(): document.lines[place]}
    for at, line in document.lines.items():
        if at[:1] == ("base",) and len(at) > 1 and at[1] not in ask:
            lines[at[1:]] = line
        elif at[: len(place) + 1] == (*place, "ask") and len(at) > len(place) + 1:
            lines[at[len(place) + 1 :]] = line
    return Document(document.file, {**base, **ask}, lines)


def _differences(expect: ExpectForm, verdict: Verdict) -> Iterator[str]:
    gate = gate_of(verdict)
    error = verdict.error if isinstance(verdict, Refuse) else None
    if gate != expect.gate:
        yield _difference("gate", expect.gate, gate)
    if error != expect.error:  # a mistyped fact is refused as well: that must not pass for a deny
        yield _difference("error", expect.error or "-", error or "-")
    strict = any("strict" in hit.effects for hit in verdict.rules)
    if expect.strict is not None and expect.strict is not strict:
        yield _difference("strict", str(expect.strict).lower(), str(strict).lower())
    for name, wanted in expect.model_dump(include={"rules", "decisive", "notices", "revealed"}).items():
        got = _names(getattr(verdict, name))
        if wanted is not None and set(wanted) != set(got):
            yield _difference(name, ", ".join(wanted) or "-", ", ".join(got) or "-")


def _difference(what: str, wanted: str, got: str) -> str:
    return f"{what}: 期待は {wanted}、実際は {got} / expected {wanted}, got {got}"


def _names(values: Sequence[RuleHit] | frozenset[str]) -> list[str]:
    if isinstance(values, frozenset):
        return sorted(values)
    return [hit.id for hit in values]
