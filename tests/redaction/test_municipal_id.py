"""宛名番号 and its like: every name of the list is a cue, and none of them is one without a number."""

import pytest

from redaction.folding import fold
from redaction.page import Page
from redaction.recognizers.municipal_id import CUES, MunicipalIdRecognizer

NAMES = [line for line in CUES.read_text("utf-8").splitlines() if line and not line.startswith("#")]
RECOGNIZER = MunicipalIdRecognizer()


def _found(text: str) -> list[str]:
    folded = fold(text)
    hits = RECOGNIZER.find(Page(folded, [], [], lambda word: frozenset()))
    return [folded.text[hit.start : hit.end] for hit in hits]


@pytest.mark.parametrize("name", NAMES)
def test_a_number_after_each_name_of_the_list_is_found(name):
    assert _found(f"{name} 0012345") == ["0012345"]
    assert _found(f"{name}は12桁です。") == []


def test_each_name_stands_in_the_list_once():
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize(
    "written", ["会員No.5502", "会員ID: 5502", "会 員 番 号  5502", "会員番号　５５０２"]
)
def test_a_name_is_also_known_as_no_and_id_and_spaced(written):
    assert _found(written) == ["5502"]


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        ("照会番号 収整-5-01937", "収整-5-01937"),
        ("受付番号：高福第123号", "高福第123"),
        ("納付番号 7100-3348-02。", "7100-3348-02"),
        ("整理番号 R8-0712", "R8-0712"),
        ("宛名番号 1234 5678 です", "1234 5678"),
    ],
)
def test_a_number_is_covered_with_its_letters_and_hyphens(written, whole):
    assert _found(written) == [whole]
