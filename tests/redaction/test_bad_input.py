"""Whatever a text is made of, it gets an answer in linear time, and nothing in it hides what is personal."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

VALUES = [
    "山田太郎",
    "大阪府高槻市城東町9番8号",
    "072-661-0123",
    "suzuki.h@example.jp",
    "昭和58年4月1日",
    "4111111111111111",
]
TEXT = (
    "昨日、山田太郎様（昭和58年4月1日生まれ）から電話。住所は大阪府高槻市城東町9番8号、電話は072-661-0123、"
    "メールは suzuki.h@example.jp、カードは4111111111111111です。"
)
INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202d\u202e\u2060\u2066\u2069\ufeff\ufe0f\U000e0100"
JUNK = INVISIBLE + "\x00\x01\x08\x1b\x7f\u0085\u2028\ud800\udfff\ufffd\u0300\u3099😀\u0e31"

# Session fixtures are loaded once and hold nothing between texts.
FUZZED = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZED
@given(st.data())
def test_invisible_characters_inside_a_value_hide_nothing(detector, data):
    value = data.draw(st.sampled_from(VALUES))
    begin = TEXT.index(value)
    pieces, letters = [TEXT[:begin]], []
    for letter in value:
        letters.append(sum(map(len, pieces)))
        pieces.append(letter)
        pieces.append(data.draw(st.sampled_from(["", "", *INVISIBLE])) if letter is not value[-1] else "")
    text = "".join([*pieces, TEXT[begin + len(value) :]])

    (found,) = detector.find_now([text])
    assert {at for f in found for at in range(f.start, f.end)}.issuperset(letters), value


@FUZZED
@given(junk=st.text(alphabet=JUNK, max_size=30), at=st.sampled_from([0, TEXT.index("住所"), len(TEXT)]))
def test_junk_beside_the_values_hides_none_of_them(detector, junk, at):
    text = f"{TEXT[:at]}\n{junk}\n{TEXT[at:]}"
    (found,) = detector.find_now([text])
    places = {place for f in found for place in range(f.start, f.end)}

    for value in VALUES:
        begin = text.index(value)
        assert set(range(begin, begin + len(value))) <= places, value


@FUZZED
@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=300))
def test_any_text_gets_findings_that_lie_in_it_in_order_and_apart(detector, text):
    (found,) = detector.find_now([text])

    edges = [place for f in found for place in (f.start, f.end)]
    assert edges == sorted(edges)
    assert all(0 <= f.start < f.end <= len(text) for f in found)


UNITS = [
    "あ", "ア", "山", "a", "A", "0", "1 ", "-", "の", "様", " ", "\u3000", "\n", "\t", ",", "|", "(", "「", ":", "@", ".",
    "/", "\\", "%E5", "&#30000;", "\\u5c71", "\u200b", "\u202e", "\u00ad", "\u0301", "\ud800", "\x00", "😀", "ﾔ",
    "山田", "山田様", "氏名:", "第1号", "1-2-", "一二三", "ゼロ", "さん", "a@a.", "::", "10.0.", "PASSWORD=", "eyJ", "-----BEGIN ",
    "昭和58年", "東京都", "1丁目", "ヴー", "O0l1", "○", "→", "■", "{\"a\":", "<a>", "\r\n", "・", "ー", "A.", "(山", "うつ病", "要介護",
    "415-", "950-36-", "415 555 ", "+1415", "5bGx55Sw", "e5b1b1", "%25E5", "[A_", "\\/", "?q=a+b",
]  # fmt: skip


def seconds(detector, text):
    """CPU seconds for a text that was never seen before."""
    new = f"{text}\n{time.perf_counter_ns()}"
    began = time.process_time()
    detector.find_now([new])
    return time.process_time() - began


@pytest.mark.parametrize("unit", UNITS)
def test_ten_times_as_much_of_anything_takes_about_ten_times_as_long(detector, unit):
    few, many = unit * (2_000 // len(unit)), unit * (20_000 // len(unit))
    seconds(detector, few)

    assert seconds(detector, many) < 40 * seconds(detector, few) + 0.3


@pytest.mark.long
@pytest.mark.parametrize("unit", UNITS)
def test_a_megabyte_of_anything_gets_an_answer_in_linear_time(detector, unit):
    size = len(unit.encode("utf-8", "surrogatepass"))
    few, many = unit * (40_000 // size), unit * (1_000_000 // size)
    assert seconds(detector, many) < 3 * 25 * seconds(detector, few) + 1
