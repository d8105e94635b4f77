"""The mark `requirement`: what a full run enforces and writes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.requirements_report import (
    Catalogue,
    Marks,
    in_order,
    missing,
    read_catalogue,
    report,
    write_if_changed,
)

STATED = {"R2": "Masked.", "R9": "Recorded.", "R10": "Restored."}


def catalogue(*due: str) -> Catalogue:
    return Catalogue(statements=STATED, due=frozenset(due))


def carried_by(requirement: str, *tests: str) -> Marks:
    marks = Marks()
    for test in tests:
        marks.carry(requirement, test)
    return marks


def test_a_due_requirement_without_a_test_is_missing() -> None:
    assert missing(catalogue("R10", "R9"), Marks()) == ["R9", "R10"]


def test_a_test_that_was_not_run_does_not_count() -> None:
    assert missing(catalogue("R9"), carried_by("R9", "t.py::test_a")) == ["R9"]


def test_one_passing_test_is_enough() -> None:
    marks = carried_by("R9", "t.py::test_a", "t.py::test_long_one_left_out")
    marks.passed.add("t.py::test_a")
    assert missing(catalogue("R9"), marks) == []


def test_a_failing_test_outweighs_a_passing_one() -> None:
    marks = carried_by("R9", "t.py::test_a", "t.py::test_b")
    marks.passed.add("t.py::test_a")
    marks.failed.add("t.py::test_b")
    assert missing(catalogue("R9"), marks) == ["R9"]


def test_the_report_does_not_depend_on_the_outcome_or_the_order_of_tests() -> None:
    one = carried_by("R9", "t.py::test_a", "t.py::test_b")
    two = carried_by("R9", "t.py::test_b", "t.py::test_a")
    two.failed.add("t.py::test_a")
    assert report(catalogue("R9"), one) == report(catalogue("R9"), two)


def test_the_report_shows_what_is_due_and_what_is_carried_early() -> None:
    rows = report(catalogue("R9"), carried_by("R10", "t.py::test_a")).splitlines()[-2:]
    assert rows == ["| R9 | 済 due | Recorded. | — |", "| R10 | 先行 early | Restored. | `t.py::test_a` |"]


def test_an_unchanged_report_is_not_written_again(tmp_path: Path) -> None:
    file = tmp_path / "docs" / "requirements.md"
    assert write_if_changed(file, "a") is True
    assert write_if_changed(file, "a") is False
    assert write_if_changed(file, "b") is True


def test_something_due_must_be_stated(tmp_path: Path) -> None:
    file = tmp_path / "requirements.yaml"
    file.write_text("due: [R1, R99]\nstatements: {R1: one}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="R99"):
        read_catalogue(file)


def test_the_catalogue_states_every_requirement_in_order() -> None:
    stated = read_catalogue(Path(__file__).with_name("requirements.yaml")).statements
    assert list(stated) == in_order(stated) == [f"R{number}" for number in range(1, 76)]
    assert all(sentence.endswith(".") and "|" not in sentence for sentence in stated.values())


# The plugin itself, in a small project of its own run by a real pytest.

INNER_TEST = """
import pytest

@pytest.mark.requirement("{number}")
@pytest.mark.parametrize("one", [1, 2])
def test_promise(one):
    assert one != {broken}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with this project's conftest, as a test run of its own."""
    here = Path(__file__).parent
    tests = tmp_path / "tests"
    tests.mkdir()
    for name in ("conftest.py", "requirements_report.py", "postgres.py"):
        (tests / name).write_text((here / name).read_text(encoding="utf-8"), encoding="utf-8")
    (tests / "requirements.yaml").write_text("due: [R9]\nstatements: {R9: Kept., R10: Early.}\n", "utf-8")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\ntestpaths = ["tests"]\npythonpath = ["."]\nmarkers = ["requirement: x"]\n',
        "utf-8",
    )
    return tmp_path


def run(project: Path, number: str, broken: int = 0, *more: str) -> tuple[int, str]:
    """Exit status and output of pytest over one test that carries ``number``."""
    test = project / "tests" / "test_inner.py"
    test.write_text(INNER_TEST.format(number=number, broken=broken), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
        *more,
    ]
    bare = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        command, env=bare, cwd=project, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


FULL = ("--requirements=docs/requirements.md",)


def test_a_full_run_writes_the_report_and_passes(project: Path) -> None:
    status, output = run(project, "R9", 0, *FULL)
    assert status == 0, output
    text = (project / "docs" / "requirements.md").read_text(encoding="utf-8")
    assert "| R9 | 済 due | Kept. | `tests/test_inner.py::test_promise` |" in text


def test_a_second_full_run_changes_nothing(project: Path) -> None:
    run(project, "R9", 0, *FULL)
    report = project / "docs" / "requirements.md"
    first = report.stat().st_mtime_ns
    status, output = run(project, "R9", 0, *FULL)
    assert status == 0, output
    assert report.stat().st_mtime_ns == first


def test_a_full_run_fails_when_what_is_due_has_no_test(project: Path) -> None:
    status, output = run(project, "R10", 0, *FULL)
    assert status == 1
    assert "No passing test carries R9: Kept." in output


def test_one_failing_parameter_leaves_the_requirement_uncarried(project: Path) -> None:
    status, output = run(project, "R9", 2, *FULL)
    assert status == 1
    assert "No passing test carries R9" in output


def test_an_unknown_number_is_refused(project: Path) -> None:
    status, output = run(project, "R77")
    assert status == 4, output
    assert "unknown requirement 'R77'" in output


def test_a_run_of_one_file_writes_nothing_and_asks_for_nothing(project: Path) -> None:
    status, output = run(project, "R10")
    assert status == 0, output
    assert not (project / "docs").exists()
