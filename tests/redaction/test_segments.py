"""Running text in segments: the same at every cut, nothing in two that belongs together, little held back."""

import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.segments import MOST_OF_A_CLAUSE, MOST_OF_A_RUN, Clauses, Runs, Segment, Segments

Make = Callable[[], Segments]
WAYS = st.sampled_from([Runs, Clauses])

NUMBERS = [
    "090-1234-5678",
    "072（674）7111",
    "4111 1111 1111 1111",
    "+81 90 1234 5678",
    "a.b@example.jp",
    "０９０ー１２３４",
    "pass!word?1",
]
SAID = st.lists(
    st.sampled_from([*NUMBERS, "。", "、", "です", "\n", '"', "!", "? ", " ", "  ", "   ", "-", "(", "1", "1 ", "a", "a" * 61, "1" * 62, "[", "]", "あ" * 150, "😀"]),
    max_size=9,
).map("".join)  # fmt: skip


def segments_of(make: Make, *pieces: str) -> list[Segment]:
    cutter = make()
    return [segment for piece in pieces for segment in cutter.feed(piece)] + cutter.flush()


def joined(segments: list[Segment]) -> list[Segment]:
    """With everything that is not searched in one piece: only of that it does not matter where it is cut."""
    made: list[Segment] = []
    for segment in segments:
        if made and not segment.search and not made[-1].search:
            made[-1] = Segment(made[-1].text + segment.text, False)
        else:
            made.append(segment)
    return made


@given(WAYS, SAID, st.lists(st.integers(0, 200), max_size=6))
def test_any_cut_gives_the_same_segments(make: Make, text: str, cuts: list[int]) -> None:
    ends = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(ends)]
    whole = segments_of(make, text)
    assert "".join(segment.text for segment in whole) == text
    assert joined(segments_of(make, *pieces)) == joined(whole)
    assert joined(segments_of(make, *text)) == joined(whole)


@given(SAID, st.sampled_from([(Runs, MOST_OF_A_RUN + 2), (Clauses, MOST_OF_A_CLAUSE)]))
def test_no_more_is_held_back_than_was_promised(text: str, way: tuple[Make, int]) -> None:
    make, most = way
    cutter = make()
    held = 0
    for letter in text:
        held += 1 - sum(len(segment.text) for segment in cutter.feed(letter))
        assert 0 <= held <= most


@given(WAYS, st.sampled_from(NUMBERS), st.integers(0, 230), st.sampled_from(["あ", "a、", "。", "山 "]))
def test_what_may_be_one_number_is_never_cut_in_two(make: Make, number: str, at: int, before: str) -> None:
    text = (before * 230)[:at] + "は" + number + "です"
    assert any(number in segment.text and segment.search for segment in segments_of(make, text))


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_clause_that_is_too_long_is_cut_after_a_comma(first: int, second: int) -> None:
    text = "あ" * first + "、" + "い" * second
    ends = [segment.text[-1] for segment in segments_of(Clauses, text)]
    assert "、" in ends or (
        second < MOST_OF_A_CLAUSE and first % MOST_OF_A_CLAUSE + 1 + second <= MOST_OF_A_CLAUSE
    )


@pytest.mark.parametrize("length", range(58, 70))
def test_a_run_is_said_to_go_on_exactly_where_it_does(length: int) -> None:
    segments = segments_of(Runs, "x" * length + "。x")
    assert [s.cut for s in segments] == ([True] if length > MOST_OF_A_RUN else []) + [False] * 3
    assert all(len(s.text) <= MOST_OF_A_RUN for s in segments)


@pytest.mark.parametrize(
    ("text", "searched"),
    [
        ("お電話は090-1234-5678です", ["090-1234-5678"]),
        ("第3章の2", []),
        ("パスワードは hunter です", ["hunter"]),
        ("[PERSON_1_k7q2]と[CREDENTIAL]と［ＰＥＲＳＯＮ＿１＿ｋ７ｑ２］", []),
        ("[PERSON_1_k7q2x]", ["PERSON_1_k7q2x"]),
        ("a＠b", ["a＠b"]),
    ],
)
def test_only_a_run_that_may_hold_something_is_searched(text: str, searched: list[str]) -> None:
    assert [segment.text for segment in segments_of(Runs, text) if segment.search] == searched


@pytest.mark.parametrize("unit", ['"', "\\", "[", "1", "1 ", "1-(", "a", "あ", "、", "!", "!a", "@", "1  "])
@pytest.mark.parametrize("make", [Runs, Clauses])
@pytest.mark.parametrize(("signs", "step"), [(300_000, 300_000), (20_000, 1)])
def test_much_of_anything_is_cut_in_linear_time(make: Make, unit: str, signs: int, step: int) -> None:
    text = unit * (signs // len(unit))
    cutter = make()
    began = time.process_time()
    for at in range(0, len(text), step):
        cutter.feed(text[at : at + step])
    cutter.flush()
    assert time.process_time() - began < 10  # quadratic, it would be an hour


@pytest.mark.parametrize("joint", ["/", "(", "＝/", "&"])
def test_a_list_of_numbers_without_a_blank_is_cut_between_two_of_them(joint: str) -> None:
    runs = Runs()
    segments = [s.text for s in [*runs.feed(joint.join(["090-1234-5678"] * 20)), *runs.flush()]]
    assert "".join(segments) == joint.join(["090-1234-5678"] * 20)
    assert all(segment.count("090-") == segment.count("-5678") for segment in segments)
