"""A cue, then a number of this shape: beside it, on the next line, in a list, under a heading."""

import time

import pytest

from redaction.cues import Labelled, spaced
from redaction.folding import fold
from redaction.page import Page
from redaction.tables import cells_of

NUMBER = Labelled(spaced(("宛名番号", "宛名")), r"[0-9]{4,10}(?![0-9])", own=r"(?<![0-9A-Z])Z[0-9]{6}")


def _found(text: str) -> list[str]:
    folded = fold(text)
    page = Page(folded, [], cells_of(folded.text), lambda word: frozenset())
    return [folded.text[hit.start : hit.end] for hit in NUMBER.find(page)]


@pytest.mark.parametrize(
    "text",
    [
        "宛名番号 00551829",
        "宛名番号は通知書で 00551829 です",
        "宛名番号：\n    00551829",
        "宛 名 番 号  00551829",
        "宛名番号を教えてください。\n市民：00551829",
        "宛名No.00551829",
        "氏名,宛名番号\nなし,00551829",
        "区分 / 宛名番号\n普通 / 00551829",
        "atena|宛名番号\n普通|00551829",
    ],
)
def test_a_number_with_its_cue_is_found(text):
    assert list(dict.fromkeys(_found(text))) == ["00551829"]


@pytest.mark.parametrize(
    "text",
    [
        "00551829",
        "宛名番号は10桁です。00551829",
        "宛名番号、電話番号 00551829",
        "宛名番号と納付の期限 20260401",
        "氏名,宛名番号\n00551829,なし",
        "宛名番号順に並べた表の件数は 12345",
    ],
)
def test_a_number_of_something_else_is_left(text):
    assert _found(text) == []


def test_the_numbers_of_a_list_are_all_found():
    assert _found("宛名番号 12345、12346と12347") == ["12345", "12346", "12347"]


def test_a_shape_of_its_own_needs_its_cue_on_the_page_only():
    assert _found("宛名の一覧\n一 Z123456\n二 Z123457") == ["Z123456", "Z123457"]
    assert _found("一覧\n一 Z123456") == []


@pytest.mark.parametrize(
    "piece",
    ["宛名", "宛名番号 ", "宛名番号1、", "12345、", "宛名,番号\n", "a,b\n", "宛名番号|a\n1|2\n", '"a,'],
)
def test_the_time_grows_with_the_length_only(piece):
    text = (piece * 50_000)[:100_000]
    begin = time.process_time()
    _found(text)

    assert time.process_time() - begin < 2.0
