"""The tables in tests/cases are what detection promises; anybody may add a line."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from redaction.allowed import read_allowed
from redaction.detector import Detector
from redaction.recognizers import kinds

TABLES = sorted((Path(__file__).parent.parent / "cases").glob("*.yaml"))


def _tables() -> Iterator[tuple[str, dict]]:
    for path in TABLES:
        yield path.stem, yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


def _found() -> Iterator[object]:
    for name, table in _tables():
        for number, case in enumerate(table["found"], 1):
            yield pytest.param(case["text"], case["finds"], id=f"{name}-{number}")


def _free() -> Iterator[object]:
    for name, table in _tables():
        for number, text in enumerate(table["free"], 1):
            yield pytest.param(text, id=f"{name}-{number}")


@pytest.fixture(scope="module")
def with_allow_list() -> Detector:
    detector = Detector(allow=read_allowed())
    detector.load()
    return detector


TOLD_IN_WORDS = frozenset({"JP_SENSITIVE", "JP_PROTECTED_PERSON"})
"""Told in a phrase that has no sharp edges: a word more is no fault."""


@pytest.mark.requirement("R24")
@pytest.mark.requirement("R28")
@pytest.mark.parametrize(("text", "finds"), list(_found()))
def test_what_is_personal_is_found_whole_and_no_other_thing(with_allow_list, text, finds):
    found = with_allow_list.find_now([text])[0]

    seen = Counter((finding.label, text[finding.start : finding.end]) for finding in found)
    for kind in TOLD_IN_WORDS:
        seen = _as_told(seen, kind, finds.get(kind, ()))
    assert seen == Counter((kind, value) for kind, values in finds.items() for value in values)


def _as_told(seen: Counter, kind: str, values: list[str]) -> Counter:
    """Findings of a kind under the names of the values that they hold; one may hold two told in a breath."""
    told: Counter = Counter()
    for (label, text), count in seen.items():
        held = [value for value in values if value in text and len(text) <= 2 * sum(map(len, values)) + 8]
        for value in held if label == kind and held else [text]:
            told[(label, value)] += count
    return told


@pytest.mark.requirement("R24")
@pytest.mark.requirement("R28")
@pytest.mark.parametrize("text", list(_free()))
def test_what_is_public_stays_readable(with_allow_list, text):
    found = with_allow_list.find_now([text])[0]

    assert [(finding.label, text[finding.start : finding.end]) for finding in found] == []


def test_every_kind_has_a_recogniser_and_a_table_of_cases():
    from redaction.recognizers import recognizers

    assert {recognizer.kind for recognizer in recognizers()} == set(kinds())
    tables = {table["kind"]: table for _, table in _tables()}
    for kind in kinds():
        assert len(tables[kind]["found"]) >= 8, kind
        assert len(tables[kind]["free"]) >= 6, kind
