"""Which test carries which requirement: the marks, the verdict on them, and docs/requirements.md.

    @pytest.mark.requirement("R22")
    def test_a_my_number_is_never_put_into_a_vault() -> None: ...

The report depends on the marks and on tests/requirements.yaml only, never on the time or on the outcome
of a run, so that a run leaves a clean working tree clean. Never decides what is due: the YAML file does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

HEAD = """\
# 要求事項とその試験 · Requirements and the tests that carry them

`make test` がテストの印 `@pytest.mark.requirement("R22")` から自動で書き出します。手で直さないでください。
「期限」が「済」の要求事項は、合格する試験がないとテスト全体が不合格になります。

Written by `make test` from the marks in the tests; do not edit by hand. A requirement that is due fails the
whole run unless a passing test carries it. What is due is listed in `tests/requirements.yaml`.

| 番号 No. | 期限 Due | 要求 Requirement | 試験 Tests |
|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every requirement there is (number to sentence) and the numbers that are due."""

    statements: Mapping[str, str]
    due: frozenset[str]


@dataclass(slots=True)
class Marks:
    """What one run of the tests says: which test carries what, which passed, which failed.

    ``carried`` maps a requirement to test ids without their parameters, such as
    ``tests/redaction/test_vault.py::test_two_persons_differ``.
    """

    carried: dict[str, set[str]] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    def carry(self, requirement: str, test: str) -> None:
        """Note that a test carries a requirement."""
        self.carried.setdefault(requirement, set()).add(test)

    def holds(self, requirement: str) -> bool:
        """True when some test that carries it passed, and none that carries it failed."""
        tests = self.carried.get(requirement, set())
        return bool(tests & self.passed) and not tests & self.failed


def read_catalogue(path: Path) -> Catalogue:
    """Read requirements.yaml. Raises ValueError when something due has no statement."""
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    catalogue = Catalogue(statements=dict(raw["statements"]), due=frozenset(raw["due"]))
    unknown = catalogue.due - catalogue.statements.keys()
    if unknown:
        raise ValueError(f"{path.name}: due but not stated: {', '.join(sorted(unknown))}")
    return catalogue


def missing(catalogue: Catalogue, marks: Marks) -> list[str]:
    """The due requirements that no passing test carries, in order."""
    return in_order(number for number in catalogue.due if not marks.holds(number))


def in_order(numbers: Iterable[str]) -> list[str]:
    """R9 before R10."""
    return sorted(numbers, key=lambda number: int(number.removeprefix("R")))


def report(catalogue: Catalogue, marks: Marks) -> str:
    """The whole text of docs/requirements.md: what is due, and what is carried before its time."""
    shown = in_order(catalogue.due | marks.carried.keys())
    return HEAD + "".join(_row(number, catalogue, marks) for number in shown)


def _row(number: str, catalogue: Catalogue, marks: Marks) -> str:
    due = "済 due" if number in catalogue.due else "先行 early"
    tests = "<br>".join(f"`{test}`" for test in sorted(marks.carried.get(number, ())))
    return f"| {number} | {due} | {catalogue.statements[number]} | {tests or '—'} |\n"


def write_if_changed(path: Path, text: str) -> bool:
    """Write the file only when its text differs; True when it was written."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True
