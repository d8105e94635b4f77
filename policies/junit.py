"""The results of a policy's tests as JUnit XML, for the tools that show them. Pure; invents no times.

<testsuites tests="2" failures="1">
  <testsuite name="takatsuki" file="takatsuki.tests.yaml" tests="2" failures="1">
    <testcase classname="takatsuki" name="…" file="takatsuki.tests.yaml" line="14">
      <failure message="判定(gate)は …">…</failure>
"""

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from policies.testing import Report, Result

_UNWRITABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""


def junit(reports: Sequence[tuple[Report, Sequence[Result]]]) -> str:
    """One suite for each policy, one test case for each result that is to be shown."""
    suites = ElementTree.Element("testsuites")
    for report, results in reports:
        suites.append(_suite(report, results))
    shown = [result for _, results in reports for result in results]
    _count(suites, shown)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=False) + "\n"


def _suite(report: Report, results: Sequence[Result]) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=report.policy.name, file=_writable(report.file))
    _count(suite, results)
    for result in results:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=report.policy.name,
            name=_writable(result.name),
            file=_writable(report.file),
            line=str(result.line),
        )
        if not result.passed:
            told = list(map(_writable, result.differences))
            ElementTree.SubElement(case, "failure", message=told[0]).text = "\n".join(told)
    return suite


def _count(element: ElementTree.Element, results: Sequence[Result]) -> None:
    element.set("tests", str(len(results)))
    element.set("failures", str(sum(not result.passed for result in results)))


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)
