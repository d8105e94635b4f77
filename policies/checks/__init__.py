"""Checks a policy file that can be loaded for what is wrong or suspicious all the same. Changes nothing.

Needs a day, the day in Japan: dates that are over are found by it. Proofs and no guesses: what is called
impossible here cannot happen (proofs.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from policies import files, testing
from policies.checks.lists import of_lists
from policies.checks.papers import answers, of_papers
from policies.checks.remarks import Checked, Remark, Severity
from policies.checks.rules import of_rules
from policies.checks.tables import of_tables
from policies.checks.tried import of_tests, without_tests
from policies.complaints import CannotRead, PolicyError
from policies.decide import Policy
from policies.making import policy_of
from policies.schema import PolicyForm

__all__ = ["Findings", "Remark", "Severity", "check"]


@dataclass(frozen=True, slots=True)
class Findings:
    """A policy, everything that was found in its file, by line, and which rules answer which risk."""

    policy: Policy
    remarks: tuple[Remark, ...]
    risks: dict[str, list[str]]

    def of(self, severity: Severity) -> tuple[Remark, ...]:
        """The remarks of one severity."""
        return tuple(remark for remark in self.remarks if remark.severity == severity)


def check(source: str | Path, today: date, entity_types: Sequence[str] = files.ENTITY_TYPES) -> Findings:
    """Check a policy given by name or path, on a day in Japan. Raises PolicyError when it cannot be loaded."""
    path = files.find(source)
    document = files.read_policy(files.read(path), str(path))
    form = document.checked(PolicyForm, {"entity_types": tuple(entity_types)})
    policy = policy_of(document, form, files.digest_of(document.data), entity_types)
    checked = Checked(document, form, policy, today)
    found = [
        *of_rules(checked),
        *of_tables(checked),
        *of_lists(checked),
        *of_papers(checked),
        *_of_tests(checked, path, today, entity_types),
    ]
    return Findings(policy, tuple(sorted(found, key=lambda one: (one.file, one.line or 0))), answers(policy))


def _of_tests(checked: Checked, path: Path, today: date, entity_types: Sequence[str]) -> list[Remark]:
    try:
        _, tests = testing.pair(path)
        report = testing.run_beside(checked.policy, tests, entity_types, today)
    except CannotRead:
        return [without_tests(checked, path.stem + testing.SUFFIX)]
    except PolicyError as error:
        remedy = "試験のファイルを直してください。", "Mend the file of tests."
        return [
            Remark(one.file, one.line, "error", "broken-tests", one.ja, one.en, *remedy)
            for one in error.complaints
        ]
    return list(of_tests(checked, report.coverage))
