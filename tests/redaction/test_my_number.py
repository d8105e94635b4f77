"""個人番号: the table of requirement R22."""

import pytest

from redaction.recognizers.my_number import check_digit, passes


def _seen(detector, text):
    return [(finding.label, finding.evidence) for finding in detector.find_now([text])[0]]


@pytest.mark.requirement("R22")
@pytest.mark.parametrize("number", ["123456789018", "983205673214", "100000000005"])
def test_a_right_number_is_found_bare_grouped_and_beside_its_name(detector, number):
    grouped = f"{number[:4]}-{number[4:8]}-{number[8:]}"

    assert _seen(detector, f"番号は{number}です") == [("JP_MY_NUMBER", "checksum")]
    assert _seen(detector, f"番号は{grouped}です") == [("JP_MY_NUMBER", "both")]
    assert _seen(detector, f"マイナンバー{number}") == [("JP_MY_NUMBER", "both")]


@pytest.mark.requirement("R22")
@pytest.mark.parametrize("number", ["123456789018", "983205673214", "100000000005"])
def test_a_mistyped_number_is_found_beside_its_name_only(detector, number):
    mistyped = number[:11] + str((int(number[11]) + 1) % 10)

    assert _seen(detector, f"個人番号：{mistyped}") == [("JP_MY_NUMBER", "cue")]
    assert _seen(detector, f"伝票は{mistyped}です") == []
    assert _seen(detector, f"伝票は{mistyped[:4]} {mistyped[4:8]} {mistyped[8:]}です") == []


@pytest.mark.requirement("R22")
@pytest.mark.parametrize(
    "text",
    ["202604011231", "作成202604011231版", "000000000000", "111111111111", "1123456789018", "A123456789018"],
)
def test_time_stamps_and_parts_of_longer_runs_are_no_numbers(detector, text):
    assert _seen(detector, text) == []


@pytest.mark.requirement("R22")
@pytest.mark.parametrize(
    "written", ["１２３４５６７８９０１８", "一二三四五六七八九〇一八", "1234 5678 9018", "1234−5678−9018"]
)
def test_every_way_of_writing_is_found(detector, written):
    (finding,) = detector.find_now([f"個人番号は{written}です"])[0]

    assert (finding.label, finding.start, finding.end) == ("JP_MY_NUMBER", 5, 5 + len(written))


@pytest.mark.parametrize("card", ["1234 5678 9018 1234", "4556 1234 5678 9018", "4556-1234-5678-9018"])
def test_three_groups_of_a_card_number_are_not_a_my_number(detector, card):
    assert "JP_MY_NUMBER" not in dict(_seen(detector, card))


def test_digits_before_a_number_do_not_hide_it(detector):
    assert ("JP_MY_NUMBER", "both") in _seen(detector, "4月1日 12 34 1234 5678 9018を確認")
    ((finding,),) = detector.find_now(["マイナンバー 2026 1234 5678 9018"])
    assert (finding.label, finding.start, finding.end) == ("JP_MY_NUMBER", 7, 26)


def test_the_check_digit_follows_the_ordinance():
    assert [check_digit(number) for number in ("12345678901", "98320567321", "10000000000")] == [8, 4, 5]
    assert passes("123456789018")
    assert not passes("123456789019")
