"""What stands encoded in a text is searched like the text itself."""

import asyncio
import base64
import hashlib
import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redaction.detector import Detector
from redaction.encoded import encoded
from redaction.folding import fold

VALUES = {
    "PERSON": "山田太郎",
    "PHONE_NUMBER": "090-1234-5678",
    "EMAIL_ADDRESS": "suzuki.h@example.jp",
    "JP_ADDRESS": "大阪府高槻市城東町9番8号",
    "DATE_OF_BIRTH": "昭和58年4月1日",
    "CREDIT_CARD": "4111111111111111",
    "US_SSN": "950-36-9596",
    "JP_MY_NUMBER": "123456789018",
    "JP_RESIDENT_RECORD_CODE": "12345678901",
}
SENTENCES = {
    "PERSON": "昨日、{}様から電話がありました。",
    "PHONE_NUMBER": "折り返しは{}まで、午後にお願いします。",
    "EMAIL_ADDRESS": "Please write to {} as soon as you can.",
    "JP_ADDRESS": "送り先は{}です。",
    "DATE_OF_BIRTH": "本人は{}生まれです。",
    "CREDIT_CARD": "カードは{}です。確認済み。",
    "US_SSN": "Reference record: {}, thank you.",
    "JP_MY_NUMBER": "マイナンバーは{}です。",
    "JP_RESIDENT_RECORD_CODE": "住民票コードは{}です。",
}
AROUND = [
    "{}", "添付：{}", "data:text/plain;charset=utf-8;base64,{}", '{{"content": "{}"}}', "https://example.jp/f?d={}&x=1",
    "「{}」を復号してください", "echo {} | base64 -d", "| 1 | {} |", "=?utf-8?B?{}?=", "\n{}\n",
    "Hello,\nplease see below.\n{}\nRegards", "内容は{}です",
]  # fmt: skip
BESIDE_LETTERS = ["note_{}", "v2-{}", "ab{}", "{}x", "https://example.jp/download/{}/edit", "x/{}"]
"""Nothing tells where these begin or end."""
CODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp932", "iso2022_jp"]

FUZZED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _base64(text, coding="utf-8", urlsafe=False, padded=True, width=0, end="\n"):
    raw = text.encode(coding)
    letters = (base64.urlsafe_b64encode if urlsafe else base64.b64encode)(raw).decode()
    letters = letters if padded else letters.rstrip("=")
    return end.join(letters[at : at + width] for at in range(0, len(letters), width)) if width else letters


def _covered(found, text, run):
    begin = text.index(run)
    places = {at for finding in found for at in range(finding.start, finding.end)}
    return set(range(begin, begin + len(run))) <= places


def _all(text):
    steps = encoded(fold(text))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@pytest.mark.requirement("R29")
@FUZZED
@given(
    kind=st.sampled_from(sorted(VALUES)),
    coding=st.sampled_from(CODINGS),
    urlsafe=st.booleans(),
    padded=st.booleans(),
    width=st.sampled_from([0, 64, 76]),
    end=st.sampled_from(["\n", "\r\n", "\\n", "\n  ", "\n> "]),
    around=st.sampled_from(AROUND),
    before=st.sampled_from(["", "お世話になっております。", "A short line.\n", "㈱テスト"]),
)
def test_base64_of_a_sentence_is_covered_whole(
    detector, kind, coding, urlsafe, padded, width, end, around, before
):
    sentence = before + SENTENCES[kind].format(VALUES[kind])
    try:
        run = _base64(sentence, coding, urlsafe, padded, width, end)
    except UnicodeEncodeError:
        return
    text = around.format(run)

    (found,) = detector.find_now([text])

    assert _covered(found, text, run)
    if kind.startswith("JP_MY") or kind.startswith("JP_RESIDENT"):
        begin = text.index(run)
        assert kind in {finding.label for finding in found if finding.start <= begin < finding.end}


@FUZZED
@given(kind=st.sampled_from(sorted(VALUES)), around=st.sampled_from(BESIDE_LETTERS), urlsafe=st.booleans())
def test_letters_that_grow_on_hide_nothing(detector, kind, around, urlsafe):
    run = _base64(SENTENCES[kind].format(VALUES[kind]), urlsafe=urlsafe, padded=False)
    text = around.format(run)

    (found,) = detector.find_now([text])

    assert _covered(found, text, run)


@FUZZED
@given(kind=st.sampled_from(sorted(VALUES)), capitals=st.booleans(), around=st.sampled_from(AROUND))
def test_hexadecimal_digits_of_a_sentence_are_covered_whole(detector, kind, capitals, around):
    run = SENTENCES[kind].format(VALUES[kind]).encode().hex()
    run = run.upper() if capitals else run
    text = around.format(run)

    (found,) = detector.find_now([text])

    assert _covered(found, text, run)


def test_the_gravest_names_the_whole():
    detector = Detector(remember=0)
    detector.load()
    run = _base64("山田太郎様、マイナンバーは123456789018です。")

    assert [(f.label, f.start, f.end) for f in detector.find_now([run])[0]] == [("JP_MY_NUMBER", 0, len(run))]
    assert [f.label for f in detector.find_now([_base64("昨日、山田太郎様から電話。090-1234-5678")])[0]] == [
        "PERSON"
    ]


def test_a_text_with_an_encoded_my_number_is_not_remembered():
    detector = Detector()
    detector.load()
    memory = detector._memory
    for kind, kept in (("JP_MY_NUMBER", 0), ("JP_RESIDENT_RECORD_CODE", 0), ("PERSON", 2)):
        before = len(memory)
        text = f"確認: {_base64(SENTENCES[kind].format(VALUES[kind]))}"
        first, second = detector.find_now([text]), detector.find_now([text])
        assert first == second
        assert len(memory) - before == kept, kind


def test_what_is_found_inside_is_found_outside_and_the_other_way_round(detector):
    run = _base64("その後、田能が折り返した。以上です。")
    told, bare = "田能係長に確認した。", f"記録 {run}"

    first, second = detector.find_now([told, bare])
    assert first and _covered(second, bare, run)

    inside = _base64("氏名：芥川　翔空")
    text = f"{inside} のとおり、芥川 翔空は欠席した。"
    (found,) = detector.find_now([text])
    assert "芥川 翔空" in {text[f.start : f.end] for f in found}


def test_pieces_of_a_reply_are_searched_too(detector):
    run = _base64(SENTENCES["PERSON"].format(VALUES["PERSON"]))
    (found, none) = asyncio.run(detector.find_each([run, "x"]))

    assert _covered(found, run, run)
    assert none == ()


def test_what_is_no_text_is_left_to_others():
    drawn = random.Random(11)
    wrong = 0
    for size in [18, 20, 24, 32, 48, 64, 300, 5_000] * 250:
        raw = drawn.randbytes(size)
        wrong += bool(_all(base64.b64encode(raw).decode())) + bool(_all(raw.hex()))
        wrong += bool(_all(hashlib.sha256(raw).hexdigest()))
    assert wrong <= 6  # of 6,000; nothing is masked unless something personal is found in them as well

    picture = (
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + drawn.randbytes(6_000) + "作者は山田太郎様です。".encode()
    )
    assert _all(base64.b64encode(picture).decode()) == []
    words = "internationalization/configuration_of-the-application and /usr/share/locale/ja/LC_MESSAGES ------------------------ "
    assert _all(words * 20) == []


def test_the_places_lead_back_through_folding_and_line_ends():
    run = _base64("氏名は山田太郎です。", width=0).replace("/", "\\/")
    text = f'\u200b{{"é":"\\u5c71", "x": "{run}"}}'
    (only,) = _all(text)

    assert text[only.start : only.end] == run
    assert only.text == "氏名は山田太郎です。"


@pytest.mark.parametrize("before", range(9_860, 10_030, 7))
def test_no_place_in_a_long_text_hides_it(before):
    run = _base64("氏名は山田太郎です。", padded=False)
    for sign in (" ", "。", "\\/"):
        text = (sign * before)[:before] + f" {run} "
        assert [text[one.start : one.end] for one in _all(text)] == [run]


@pytest.mark.parametrize(
    "unit",
    [_base64("山田太郎様です。"), "QUJD" * 16 + "\n", "ab/", "\\/", "-", "A\n", "%2541", "=A", "0f", "eyJh"],
)
def test_ten_times_as_much_takes_about_ten_times_as_long(unit):
    def seconds(size):
        text = unit * (size // len(unit))
        began = time.process_time()
        _all(text)
        return time.process_time() - began

    seconds(1_000)
    assert seconds(400_000) < 40 * max(seconds(40_000), 0.002)
