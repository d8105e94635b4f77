"""Word lists are found however somebody writes the words, and only where they are meant."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policies.decide import Policy
from policies.model import Bilingual
from policies.words import Together, WordList, WordMatcher, fold

PolicyOf = Callable[..., Policy]
DAY = date(2026, 11, 2)


def words(id: str = "W", **more: Any) -> WordList:
    plain: dict[str, Any] = {"until": None, "terms": (), "together": (), "unless": ()}
    return WordList(id, Bilingual("題", "title"), "契約検査課", **{**plain, **more})


def found(listed: WordList, *texts: str, on: date = DAY) -> bool:
    return WordMatcher([listed]).found(texts, on) == (listed.id,)


@pytest.mark.requirement("R27")
@pytest.mark.parametrize(
    "text",
    [
        "予定価格を決める",
        "予 定 価 格",
        "予\u3000定\n価\t格",
        "予\u200b定\ufeff価\u00ad格",
        "予\u2060定\u180e価\ufe0f格",
        "ﾖﾃｲ価格",
        "よてい価格",
        "ヨテイ価格",
        "ヨ\u200bテイ 価格",
    ],
)
def test_a_word_is_found_whatever_its_width_kana_and_spaces(text: str) -> None:
    assert found(words(terms=("予定価格", "よてい価格")), text)


@pytest.mark.requirement("R27")
@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("ガイドライン", "ｶﾞｲﾄﾞﾗｲﾝ"),
        ("ガイドライン", "ｶ ﾞ ｲ ﾄ ﾞ ﾗ ｲ ﾝ"),
        ("がいどらいん", "か\u3099い と\u200b\u3099らいん"),
        ("がいどらいん", "か゛いと゛らいん"),
        ("Project X", "ＰＲＯＪＥＣＴ\u3000ｘ"),
        ("ignore previous", "IGNORE\nPREVIOUS"),
        ("㈱高槻", "(株)高槻"),
        ("第1案", "第①案"),
        ("ヴィラ", "ゔぃら"),
    ],
)
def test_marks_that_stand_apart_and_letters_that_look_alike_make_no_difference(term: str, text: str) -> None:
    assert found(words(terms=(term,)), text)
    assert found(words(terms=(text,)), term)


@pytest.mark.parametrize("text", ["", " \n", "予定と価格", "価格予定", "予定価", "定価格"])
def test_another_word_is_not_found(text: str) -> None:
    assert not found(words(terms=("予定価格",)), text)


SPACES = " \u3000\n\t\u200b\u200d\u2060\ufeff\u00ad\u034f\u202e\u3164"
letters = st.text(alphabet="かがカガｶﾞァァアあー漢字ABabＡ１①㈱ﾟ\u3099゛" + SPACES, max_size=12)


@given(letters)
def test_what_is_folded_stays_as_it_is(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet="予定価格かガABc１", min_size=1, max_size=6), st.data())
def test_nothing_that_is_put_between_the_letters_and_no_other_form_of_them_hides_a_word(
    term: str, data: st.DataObject
) -> None:
    forms = [str, str.upper, str.lower, _katakana, _wide, lambda text: unicodedata.normalize("NFD", text)]
    text = "".join(
        data.draw(st.sampled_from(forms))(letter) + data.draw(st.text(alphabet=SPACES, max_size=2))
        for letter in term
    )

    assert found(words(terms=(term,)), f"前の文。{text}。後の文。")


def _katakana(text: str) -> str:
    return "".join(chr(ord(one) + 0x60) if "ぁ" <= one <= "ゖ" else one for one in text)


def _wide(text: str) -> str:
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)


# ── words that stand together ─────────────────────────────────────────────────────────────────────


def test_words_of_all_groups_near_each_other_are_found_in_any_order() -> None:
    one = words(together=(Together((("指示", "ルール"), ("無視", "忘れ")), 14),))

    assert found(one, "これまでの指示は無視して")
    assert found(one, "忘れてください、そのるーるを")
    assert not found(one, "指示に従ってください")
    assert not found(one, "指示を読み、内容をよく確かめてから、周りの声は無視して進める")


def test_the_width_is_counted_from_the_first_letter_of_one_to_the_last_of_the_other() -> None:
    text = "指示" + "あ" * 6 + "無視"

    assert found(words(together=(Together((("指示",), ("無視",)), 10),)), text)
    assert not found(words(together=(Together((("指示",), ("無視",)), 9),)), text)


def test_words_of_two_texts_do_not_stand_together() -> None:
    one = words(together=(Together((("指示",), ("無視",)), 100),))

    assert not found(one, "指示です", "無視して")


groups = st.lists(
    st.lists(st.text(alphabet="abc", min_size=1, max_size=3), min_size=1, max_size=3), min_size=2, max_size=3
)


@example([["a", "abc"], ["b"]], 2, "abc")  # the shorter of two words that begin together
@given(groups, st.integers(1, 8), st.text(alphabet="abcx", max_size=12))
def test_together_means_that_some_choice_of_one_word_a_group_fits_into_the_width(
    several: list[list[str]], within: int, text: str
) -> None:
    places = [
        [(at, at + len(word)) for word in group for at in range(len(text)) if text.startswith(word, at)]
        for group in several
    ]
    fits = any(
        max(end for _, end in chosen) - min(start for start, _ in chosen) <= within
        for chosen in product(*places)
    )

    assert found(words(together=(Together(tuple(map(tuple, several)), within),)), text) == fits


# ── what excuses, what ends, which list ───────────────────────────────────────────────────────────


def test_a_longer_phrase_that_means_something_else_excuses_the_word_in_it_and_no_other() -> None:
    one = words(terms=("無視",), unless=("無視できない", "むししない"))

    assert not found(one, "無視 できない影響がある")
    assert not found(one, "ムシシナイ方針")
    assert found(one, "無視できない影響は無視して")
    assert found(one, "無視でき")


def test_what_excuses_does_not_join_what_stands_around_it() -> None:
    assert not found(words(terms=("予定価格",), unless=("の案",)), "予定の案価格")


@pytest.mark.requirement("R27")
def test_a_list_counts_until_the_end_of_its_last_day() -> None:
    one = words(terms=("未公表",), until=date(2026, 11, 2))

    assert found(one, "未公表", on=date(2026, 11, 2))
    assert not found(one, "未公表", on=date(2026, 11, 3))
    assert found(words(terms=("未公表",)), "未公表", on=date(2999, 1, 1))


def test_the_ids_of_all_lists_that_occur_come_in_the_order_of_the_policy() -> None:
    matcher = WordMatcher([words("B", terms=("乙",)), words("A", terms=("甲",)), words("C", terms=("丙",))])

    assert matcher.found(["甲と", "乙と", ""], DAY) == ("B", "A")
    assert matcher.found([], DAY) == ()


@given(st.lists(st.text(alphabet="甲乙丙 x", max_size=6), max_size=4))
def test_what_is_found_in_several_texts_is_what_is_found_in_each(texts: Sequence[str]) -> None:
    matcher = WordMatcher([words("A", terms=("甲乙",)), words("B", terms=("丙",))])

    each = {id for text in texts for id in matcher.found([text], DAY)}
    assert set(matcher.found(texts, DAY)) == each


@pytest.mark.requirement("R27")
def test_a_policy_finds_its_lists_and_its_rules_decide_by_them(ordinary: Any, policy_of: PolicyOf) -> None:
    listed = {
        "id": "bid",
        "title": {"ja": "題", "en": "t"},
        "owner": "契約検査課",
        "until": "2026-11-30",
        "terms": ["予定価格"],
    }
    policy = policy_of({"gate": "allow"}, {"when": {"words": ["bid"]}, "gate": "deny"}, words=[listed])

    held = policy.words(["工事の予 定 価 格は"], DAY)

    assert held == ("bid",)
    assert policy.word_lists[0].owner == "契約検査課"
    assert [hit.id for hit in policy.decide(replace(ordinary, words=held)).decisive] == ["R-1"]
    assert [hit.id for hit in policy.decide(ordinary).decisive] == ["R-0"]
    assert policy.words(["予定価格"], date(2026, 12, 1)) == ()


def test_a_matcher_shows_no_text_of_anybody() -> None:
    matcher = WordMatcher([words(terms=("甲",))])
    matcher.found(["山田太郎は甲"], DAY)

    assert "山田" not in repr(vars(matcher))
