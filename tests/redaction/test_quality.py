"""How much is found, on the documents that were kept away from rules and model until they were measured.

The gates are what redaction/README.md promises; `sekisho redact measure` prints the table. Only figures are
looked at here: no text and no document is named, so that a failure teaches nobody what was missed.
"""

from pathlib import Path

import pytest

from redaction.allowed import read_allowed
from redaction.detector import Detector
from redaction.measure import documents, measure

FROZEN = Path(__file__).parent.parent / "cases" / "documents" / "frozen"

LEAKS = {"PERSON": 0.05, "JP_ADDRESS": 0.05, "JP_SENSITIVE": 0.15}
"""Of all data of a kind, how many may have a character left uncovered."""
POOLED = 0.02
CLOSED, TOUCHED = 0.75, 0.12
"""Documents with nothing left uncovered; harmless documents in which anything is found."""


@pytest.fixture(scope="module")
def figures():
    detector = Detector(allow=read_allowed(), remember=0)
    detector.load()
    return measure(documents(FROZEN), lambda text: detector.find_now([text])[0]).figures()


@pytest.mark.requirement("R34")
@pytest.mark.parametrize("kind", LEAKS)
def test_of_names_addresses_and_sensitive_facts_few_leak(figures, kind):
    assert figures["types"][kind]["leak"] <= LEAKS[kind]


@pytest.mark.requirement("R34")
def test_of_identifiers_phones_mails_and_dates_of_birth_very_few_leak(figures):
    assert figures["pooled"]["leak"] <= POOLED


@pytest.mark.requirement("R34")
def test_most_documents_have_nothing_left_uncovered(figures):
    assert figures["closed"] / figures["documents"] >= CLOSED


@pytest.mark.requirement("R34")
def test_few_harmless_documents_are_touched(figures):
    assert figures["touched"] / figures["harmless"] <= TOUCHED


def test_there_are_enough_documents_a_third_of_them_harmless(figures):
    assert figures["documents"] >= 70
    assert figures["harmless"] >= figures["documents"] / 2
