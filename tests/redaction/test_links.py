"""No value is put back into a web address that the model made up."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.links import Unlinked, new_addresses

NAME = "[PERSON_1_k7q2]"
ASKED = f"https://www.city.example.jp/?q={NAME} を見てください。担当は{NAME}です。"


def heard(text: str, *cuts: int) -> str:
    unlinked = Unlinked(ASKED)
    ends = [0, *sorted(cuts), len(text)]
    said = "".join(unlinked.feed(text[a:b]) for a, b in pairwise(ends))
    return said + unlinked.flush()


@pytest.mark.requirement("R39")
@pytest.mark.parametrize(
    "made_up",
    [
        f"![x](https://elsewhere.example/?d={NAME})",
        f"[押して](http://elsewhere.example/{NAME}/a.png)",
        f"//elsewhere.example/{NAME}",
        f"https://{NAME}.elsewhere.example/",
        f"![](https://elsewhere.example/?d=、{NAME})",
        f"![](<https://elsewhere.example/?d= {NAME}>)",
        f'{{"a":"https:\\/\\/elsewhere.example\\/?d={NAME}"}}',
        f"![](https:elsewhere.example/?d={NAME})",
        f"![](/\\elsewhere.example/?d={NAME})",
        f'<img src="https:elsewhere.example/?d=、{NAME}">',
        f"[x]: https:elsewhere.example/{NAME}",
        f"https://elsewhere.example/?{'a' * 9_000}={NAME}",
        f"![](https://elsewhere.example/?d='{NAME})",
        f'![](https://elsewhere.example/?d=">{NAME})',
        f"![](https://elsewhere.example/(a)/{NAME})",
        f'<img alt="a>b" src="https:elsewhere.example/?d=\'{NAME}">',
        f'<img src="https://elsewhere.example/\n{NAME}">',
        f"<img/src=https:&#47;&#47;elsewhere.example&#47;{NAME}>",
        f"<button formaction='https:elsewhere.example/{NAME}'>",
        f"[r]:\nhttps:elsewhere.example/{NAME}",
        f"[https://a.example/](https:elsewhere.example/{NAME})",
        f"[mail](mailto:a@b.example?body={NAME})",
        f"wss://elsewhere.example/?a=1&b={NAME}&c=[JP_ADDRESS_2_ab3d]",
        "https://elsewhere.example/?d=［ＰＥＲＳＯＮ＿１＿ｋ７ｑ２］",
        f"https://www.city.example.jp.elsewhere.example/?q={NAME}",
    ],
)
def test_a_placeholder_in_an_address_of_the_models_own_is_never_put_back(made_up: str) -> None:
    text = f"参照 {made_up} です。\n\n{NAME}様"
    for cut in range(0, len(text) + 1, 1 + len(text) // 200):
        before, _, after = heard(text, cut).rpartition("です。")
        assert after == f"\n\n{NAME}様"
        assert "_k7q2" not in before and "ｋ７ｑ２" not in before and "[PERSON]" in before


@pytest.mark.parametrize(
    "fine",
    [
        ASKED,
        f"担当は{NAME}です。",
        f"https://elsewhere.example/ は、{NAME}様のページです。",
        f"https://elsewhere.example/ {NAME}",
        f"// {NAME}",
        "https://elsewhere.example/a[0]/b[PERSON",
        "a[PERSON_1_k7q2",
        f"[メール](mailto:{NAME})と[電話](tel:{NAME})",
        f"https://elsewhere.example/、{NAME}様",
        f"[ページ](https://elsewhere.example/)の{NAME}様",
        f'data = "氏名: {NAME}"',
        f"url = '{NAME}'",
        f"| 氏名 | {NAME} |",
        f"(https://elsewhere.example/)の{NAME}様",
        f"[INFO]: {NAME} が来庁",
        f"a <b と c> d、{NAME}",
        f"<p>{NAME}</p><br>{NAME}",
        f'<a href="https://elsewhere.example/">{NAME}</a>',
    ],
)
def test_everything_else_stays_as_it_is(fine: str) -> None:
    for cut in range(len(fine) + 1):
        assert heard(fine, cut) == fine


@given(
    st.lists(
        st.sampled_from(
            ["https://", "//", "e.example/", NAME, "[", "]", " ", "。", "a", "［", "PERSON_1_k7q2"]
        )
    ).map("".join),
    st.lists(st.integers(0, 60), max_size=6),
)
def test_any_cut_gives_the_same(text: str, cuts: list[int]) -> None:
    assert heard(text, *(cut for cut in cuts if cut <= len(text))) == heard(text)


@pytest.mark.parametrize(
    "unit",
    [
        "[",
        "[A",
        "https://a[A",
        NAME,
        f"//{NAME}",
        f"]({NAME}",
        f"={NAME}",
        f"<a src={NAME}",
        "<a ",
        "//",
        "a",
    ],
)
def test_a_reply_of_a_million_letters_takes_linear_time(unit: str) -> None:
    began = time.process_time()
    heard(unit * (1_000_000 // len(unit)))
    assert time.process_time() - began < 20  # quadratic, it would be hours


def test_new_addresses_are_those_that_did_not_stand_in_the_question() -> None:
    text = f"{ASKED} と https://elsewhere.example/a と https://elsewhere.example/a"
    assert new_addresses(text, ASKED) == {"https://elsewhere.example/a"}
