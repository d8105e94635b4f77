"""Where a text stands in running JSON: counted right at every cut, and in linear time whatever comes."""

import json
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.json_place import JsonPlace, escaped

HERE = "HERE"
TEXTS = st.lists(
    st.sampled_from(['"', '"', '\\"', '\\"', "\\\\", '"{\\"', '"[1', "\\", "\\u5c7", "\\u5c71", "\\n", "\\x", "{", "[", "]", "}", ":", ",", " ", "\n", "1", "a", "山"]),
    max_size=14,
).map("".join)  # fmt: skip
AROUND = st.sampled_from(['"', "\\", "\n", "山田", "a", "[1] x", "}", '{"', "😀", ""])


def after(text: str, *cuts: int) -> tuple[int, str]:
    """Depth and quotation mark behind a text that came in pieces."""
    place = JsonPlace()
    ends = [0, *sorted(cuts), len(text)]
    for start, end in pairwise(ends):
        place.read(text[start:end])
    return place.depth, place.quote


@given(TEXTS, st.lists(st.integers(0, 30), max_size=5))
def test_any_cut_of_any_text_ends_at_the_same_place(text: str, cuts: list[int]) -> None:
    assert after(text, *(min(cut, len(text)) for cut in cuts)) == after(text)
    assert after(text, *range(len(text))) == after(text)


@given(st.integers(1, 4), st.booleans(), st.sampled_from([None, 1]), AROUND, st.data())
def test_a_value_in_json_in_a_string_of_json_stands_as_deep_as_it_was_put(
    depth: int, plain: bool, indent: int | None, beside: str, data: st.DataObject
) -> None:
    text: str = beside.replace("{", "(") + HERE
    for _ in range(depth):
        molds: list[Any] = [
            {"a": beside, "b": text},
            [beside, {beside: text}],
            [1, text],
            [[], True, text],
            [None, text],
        ]
        text = json.dumps(data.draw(st.sampled_from(molds)), ensure_ascii=plain, indent=indent)
    assert after(text.partition(HERE)[0]) == (depth, "")


@pytest.mark.parametrize(
    ("text", "depth", "quote"),
    [
        ("", 0, '"'),
        ('{"a": ', 0, '"'),
        ('{"a": "', 1, ""),
        ('{"a": "x\\"', 1, ""),
        ('{"a": "x\\\\"', 0, '"'),
        ('{"a": "{\\"b\\": ', 1, '\\"'),
        ('{"a": "{\\"b\\": \\"', 2, ""),
        ('{"a": "{\\"b\\": \\"[1, \\\\\\"', 3, ""),
        ('{"a": "{\\"b\\": \\"[1, ', 2, '\\\\\\"'),
        ('{"a": "[1, 2], \\"', 1, ""),
        ('{"a": "{\\"b\\": 1}\\n{\\"b\\": \\"', 2, ""),
        ('{"a": "[1] 山田 \\"', 1, ""),
        ('{"a": "[note \\"', 1, ""),
        ('{"a": "[true, \\"', 2, ""),
        ('{"a": "\\"', 1, ""),
        ('{"a": "{{\\"', 1, ""),
        ("no JSON at all", 0, '"'),
    ],
)
def test_the_place_is_told(text: str, depth: int, quote: str) -> None:
    assert after(text) == (depth, quote)


@given(st.text(), st.integers(0, 3))
def test_an_escaped_value_is_read_back_as_it_was(value: str, times: int) -> None:
    text = escaped(value, times)
    for _ in range(times):
        text = json.loads(f'"{text}"')
    assert text == value


MANY = ['"', "\\", "[", "1"]
MORE = ["{", "]", "x", '\\"', '["', '{"a":"', '"[1', '"{\\"', '"\\u5c71', "\\n", " "]


@pytest.mark.parametrize("unit", [*MANY, *(pytest.param(unit, marks=pytest.mark.long) for unit in MORE)])
@pytest.mark.parametrize(("signs", "step"), [(1_000_000, 1_000_000), (50_000, 1)])
def test_a_million_of_anything_is_read_in_linear_time(unit: str, signs: int, step: int) -> None:
    text = '{"a":"[1,' + unit * (signs // len(unit))
    place = JsonPlace()
    began = time.process_time()
    for at in range(0, len(text), step):
        place.read(text[at : at + step])
    assert time.process_time() - began < 20  # quadratic, it would be hours
