"""A mangled placeholder is none: only a whole one of this very exchange becomes a value, in letters of any width."""

from hypothesis import assume
from hypothesis import strategies as st

from redaction.restore import restore
from redaction.vault import narrow
from tests.laws.drawing import PLACEHOLDERS, VAULT, law, wide

WIDTH = {chr(ord(c) + 0xFEE0): c for c in map(chr, range(0x21, 0x7F)) if c.isalnum() or c in "[]_"}


def test_nothing_is_folded_but_full_width_brackets_letters_digits_and_the_underscore() -> None:
    every = "".join(map(chr, range(0x110000)))
    assert {
        letter: made for letter, made in zip(every, narrow(every), strict=True) if letter != made
    } == WIDTH
    assert len(set(WIDTH.values())) == len(WIDTH)


@law(100, 2_000, data=st.data())
def test_a_placeholder_whose_letters_are_of_either_width_is_the_same(data: st.DataObject) -> None:
    placeholder = data.draw(st.sampled_from(PLACEHOLDERS))
    mixed = "".join(data.draw(st.sampled_from([letter, wide(letter)])) for letter in placeholder)
    assert restore(f"は{mixed}さん", VAULT) == f"は{VAULT.values[placeholder]}さん"


@law(
    200,
    5_000,
    data=st.data(),
    letter=st.characters() | st.sampled_from("[]_0123456789abkqzAPＡ［＿１ｋ\u200b \n\\-*"),
)
def test_a_placeholder_with_one_letter_wrong_missing_or_too_many_stays_as_it_is(
    data: st.DataObject, letter: str
) -> None:
    placeholder = data.draw(st.sampled_from(PLACEHOLDERS))
    at = data.draw(st.integers(0, len(placeholder) - 1))
    before, after = placeholder[:at], placeholder[at + data.draw(st.integers(0, 1)) :]
    wrong = before + data.draw(st.sampled_from([letter, ""])) + after
    assume(not any(known in narrow(wrong) for known in PLACEHOLDERS))
    assert restore(wrong, VAULT) == wrong


@law(100, 10_000, first=st.sampled_from(PLACEHOLDERS), second=st.sampled_from(PLACEHOLDERS), data=st.data())
def test_two_placeholders_mixed_up_name_neither_person(first: str, second: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(first) - 1))
    mixed = first[:at] + second[at:]
    assert restore(mixed, VAULT) == (VAULT.values[mixed] if mixed in PLACEHOLDERS else mixed)
