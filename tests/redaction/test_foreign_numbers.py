"""Numbers of other countries: their check digits agree with Presidio's own."""

import random

import pytest


def test_aadhaar_check_digits_agree_with_presidio():
    from presidio_analyzer.predefined_recognizers import InAadhaarRecognizer

    from redaction.recognizers.in_aadhaar import checks

    theirs, numbers = InAadhaarRecognizer(), random.Random(1)
    drawn = [str(numbers.randint(2 * 10**11, 10**12 - 1)) for _ in range(400)]
    assert [checks(one) for one in drawn] == [theirs.validate_result(one) is True for one in drawn]
    assert any(checks(one) for one in drawn)


def test_korean_numbers_that_presidio_accepts_are_accepted():
    from presidio_analyzer.predefined_recognizers import KrRrnRecognizer

    from redaction.recognizers import kr_rrn

    theirs, numbers = KrRrnRecognizer(), random.Random(2)
    drawn = [
        f"{numbers.randint(40, 99)}{numbers.randint(1, 12):02}{numbers.randint(1, 28):02}{numbers.randint(1, 2)}"
        f"{numbers.randint(0, 95):02}{numbers.randint(0, 9999):04}"
        for _ in range(400)
    ]
    accepted = [one for one in drawn if theirs.validate_result(one)]
    assert accepted and all(kr_rrn._checks(one) for one in accepted)


@pytest.mark.parametrize(
    "number",
    [
        "DE89 3704 0044 0532 0130 00",
        "GB29NWBK60161331926819",
        "IT60X0542811101000000123456",
        "BE68 5390 0754 7034",
    ],
)
def test_an_iban_with_one_wrong_digit_is_none_for_us_nor_for_presidio(detector, number):
    from presidio_analyzer.predefined_recognizers import IbanRecognizer

    theirs = IbanRecognizer()
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)

    for text, is_one in ((number, True), (wrong, False)):
        found = [f for f in detector.find_now([f"番号は{text}です"])[0] if f.label == "IBAN_CODE"]
        assert (len(found) == 1, theirs.validate_result(text) is True) == (is_one, is_one)
