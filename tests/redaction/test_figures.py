"""Figures: numbers as they are spoken, scanned or broken, in plain digits and with their places."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.figures import Figures, changes

SPOKEN = {
    "0": "ゼロ",
    "1": "いち",
    "2": "に",
    "3": "さん",
    "4": "よん",
    "5": "ご",
    "6": "ろく",
    "7": "なな",
    "8": "はち",
    "9": "きゅう",
}


def _figures(text: str) -> Figures:
    return Figures(text, changes(text))


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("電話はゼロ七二の六七四の三八二一です", "電話は072-674-3821です"),
        ("ゼロハチゼロ 五五一七 二二六三", "080 5517 2263"),
        ("090の3371の5520ですね", "090-3371-5520ですね"),
        ("れいきゅうれいのいちにさんよんのごろくななはちに電話", "090-1234-5678に電話"),
        ("ゼロ、九、ゼロ、一、二、三、四、五、六、七、八です", "09012345678です"),
        ("080の、えーと、1234の5678", "080-1234-5678"),
        ("O72-677-1O84", "072-677-1084"),
        ("12B4-56S8", "1284-5658"),
        ("3O57978O2757", "305797802757"),
        ("0 9 0 - 1 2 3 4 - 5 6 7 8", "090-1234-5678"),
        ("569 - OO45", "569-0045"),
        ("O9O−1234ー5678", "090-1234-5678"),
        ("090-1234-\n5678", "090-1234-5678"),
        ("1234 5678 9O18 です", "1234 5678 9018 です"),
        ("1024-5583lO", "1024-558310"),
        ("1234 5678 9O18 1234 5678 9OI8", "1234 5678 9018 1234 5678 9018"),
    ],
)
def test_a_number_is_spelled_in_plain_digits(written, plain):
    assert _figures(written).text == plain


@pytest.mark.parametrize(
    "text",
    [
        "072-674-7112",
        "5678にご連絡ください",
        "三年二組の三人に五時まで",
        "予算は一二三四五六七円",
        "職員番号 12345、12346、12347 の3名",
        "TS4471902 AB12345678CD",
        "昭和五十八年四月一日",
        "1,234,567円",
        "S62.9.30",
        "Oll Boss",
    ],
)
def test_what_is_plain_already_or_no_number_stays(text):
    assert _figures(text).text == text


@given(st.from_regex("0[1-9][0-9]{8,9}", fullmatch=True), st.text(alphabet="あ山\n 。", max_size=5))
def test_spoken_digits_are_heard_and_lead_back_to_their_place(digits, before):
    spoken = "の".join(
        "".join(SPOKEN[digit] for digit in part) for part in (digits[:3], digits[3:6], digits[6:])
    )
    text = f"{before}番号:{spoken}です"
    figures = _figures(text)
    said = f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"

    at = figures.text.index(":" + said) + 1
    start, end = figures.span(at, at + len(said))
    assert text[start:end] == spoken


@given(st.text(alphabet="ゼロいちにさんの、 -0123456789OlS一二三〇年日\n番号", max_size=60))
def test_every_stretch_leads_back_into_the_page(text):
    figures = _figures(text)
    places = [figures.span(at, at + 1) for at in range(len(figures.text))]

    assert all(0 <= start < end <= len(text) for start, end in places)
    assert places == sorted(places)


@pytest.mark.parametrize("piece", ["一", "ゼロ", "に", "0 ", "1 - ", "O1", "1-\n", "、1", "090の"])
def test_the_time_grows_with_the_length_only(piece):
    def took(size: int) -> float:
        text = (piece * size)[:size] + "円"
        begin = time.process_time()
        changes(text)
        return time.process_time() - begin

    took(1_000)
    assert took(100_000) < 1.0
