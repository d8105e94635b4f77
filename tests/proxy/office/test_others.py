"""What other people are called is taken out of free words, however it is spelled."""

import pytest

from proxy.office.others import SOMEBODY, Others, replaced

OTHERS = Others(["100456", "tanaka.k", "k-ito", "hr", "root", "suzuki@city.example", ""])


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("100456に聞いた", f"{SOMEBODY}に聞いた"),
        ("１００４５６に聞いた", f"{SOMEBODY}に聞いた"),
        ("A100456Z", f"A{SOMEBODY}Z"),
        ("TANAKA.Kとk-ito", f"{SOMEBODY}と{SOMEBODY}"),
        ("Suzuki@City.Example へ", f"{SOMEBODY} へ"),
        ("hrのhrs", f"{SOMEBODY}のhrs"),
        ("rootで入る", "rootで入る"),
        ("100456100456", SOMEBODY + SOMEBODY),
        ("10045", "10045"),
        ("İ100456", f"İ{SOMEBODY}"),
        ("", ""),
    ],
)
def test_an_id_is_found_however_it_is_spelled(text: str, hidden: str) -> None:
    assert OTHERS.hidden(text) == hidden


def test_a_short_id_is_a_word_of_its_own_or_none() -> None:
    """hr in three is nobody; every word would be full of people."""
    assert Others(["hr"]).hidden("three hr") == f"three {SOMEBODY}"


def test_spans_that_share_a_character_leave_nothing_between_them() -> None:
    assert replaced("abcdef", [(1, 3, "〔氏名〕"), (2, 5, SOMEBODY)]) == f"a{SOMEBODY}f"
    assert replaced("abcdef", [(1, 3, "〔番号〕"), (1, 3, SOMEBODY)]) == f"a{SOMEBODY}def"
    assert replaced("abcdef", [(0, 6, "〔住所〕"), (1, 3, SOMEBODY)]) == "〔住所〕"
    assert replaced("abcdef", []) == "abcdef"
