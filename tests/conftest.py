"""The `requirement` mark: collected from every test, reported and enforced on a full run.

`pytest --requirements=docs/requirements.md` (what `make test` runs) writes that file and fails when a due
requirement has no passing test. The "=" matters: pytest would otherwise take a FILE that exists for a folder of
tests before it has read this file. Without the option, marks are only checked for being known numbers, so that
running one file stays quick and writes nothing. What hypothesis draws has no deadline. Holds no fixtures: they live beside the tests that use them, but
for the PostgreSQL server, which several rooms' tests share (postgres.py).
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.requirements_report import Catalogue, Marks, missing, read_catalogue, report, write_if_changed

pytest_plugins = ["tests.postgres"]

os.environ.setdefault("SEKISHO_REASON", "試験")
"""Whoever reads the ledger at the terminal says why; so does every command that a test runs."""

CATALOGUE = Path(__file__).with_name("requirements.yaml")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--requirements",
        metavar="FILE",
        help="write which test carries which requirement to FILE; fail when a due one has no passing test",
    )


def pytest_configure(config: pytest.Config) -> None:
    # No test fails because the machine was slow.
    settings.register_profile("sekisho", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("sekisho")
    config.pluginmanager.register(RequirementPlugin(config, read_catalogue(CATALOGUE)), "requirements")


def numbers_of(item: pytest.Item) -> Iterator[str]:
    """The requirement numbers a test is marked with."""
    for mark in item.iter_markers("requirement"):
        yield from mark.args


class RequirementPlugin:
    """Listens to one run: the marks at collection, the outcomes after each test, the verdict at the end.

    Where several processes run the tests (`-n 2`), each collects all marks and hands them to the one that reports.
    """

    def __init__(self, config: pytest.Config, catalogue: Catalogue) -> None:
        self.config = config
        self.catalogue = catalogue
        self.marks = Marks()
        self.missing: list[str] = []

    @pytest.hookimpl(tryfirst=True)  # before `-m "not long"` takes tests away: they carry what they carry
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for number in numbers_of(item):
                if number not in self.catalogue.statements:
                    raise pytest.UsageError(f"{item.nodeid}: unknown requirement {number!r}")
                self.marks.carry(number, item.nodeid.partition("[")[0])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = report.nodeid.partition("[")[0]
        if report.failed:
            self.marks.failed.add(test)
        elif report.passed and report.when == "call":
            self.marks.passed.add(test)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        for number, tests in getattr(node, "workeroutput", {}).get("carried", {}).items():
            for test in tests:
                self.marks.carry(number, test)

    @pytest.hookimpl(tryfirst=True)  # before the terminal prints its last line
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        worker = getattr(self.config, "workeroutput", None)
        if worker is not None:
            worker["carried"] = {number: sorted(tests) for number, tests in self.marks.carried.items()}
            return
        target = self.config.getoption("--requirements")
        if not target or self.config.option.collectonly or session.shouldfail or session.shouldstop:
            return
        write_if_changed(self.config.rootpath / target, report(self.catalogue, self.marks))
        self.missing = missing(self.catalogue, self.marks)
        if self.missing and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for number in self.missing:
            statement = self.catalogue.statements[number]
            terminalreporter.write_line(
                f"要求 {number} に合格した試験がありません。 No passing test carries {number}: {statement}",
                red=True,
            )
