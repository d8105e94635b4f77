"""No value is put back into a web address that the model made up."""

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
        f"wss://elsewhere.example/?a=1&b={NAME}&c=[JP_ADDRESS_2_ab3d]",
        "https://elsewhere.example/?d=［ＰＥＲＳＯＮ＿１＿ｋ７ｑ２］",
        f"https://www.city.example.jp.elsewhere.example/?q={NAME}",
    ],
)
def test_a_placeholder_in_an_address_of_the_models_own_is_never_put_back(made_up: str) -> None:
    for cut in range(len(made_up) + 1):
        said = heard(f"参照 {made_up} です。{NAME}様", cut)
        assert said.endswith(f"です。{NAME}様") or made_up.endswith(NAME)
        assert "_k7q2" not in said.split("です。")[0] and "ｋ７ｑ２" not in said
        assert "[PERSON]" in said.split("です。")[0]


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


def test_new_addresses_are_those_that_did_not_stand_in_the_question() -> None:
    text = f"{ASKED} と https://elsewhere.example/a と https://elsewhere.example/a"
    assert new_addresses(text, ASKED) == {"https://elsewhere.example/a"}
