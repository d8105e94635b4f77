"""The cases of an installation: a sentence that is masked but for public words, in a file that is whole or the one before."""

import os
import stat
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from redaction import cases
from redaction.cases import BadCase, BadFile, Case, Cases
from redaction.model import Finding
from redaction.vault import PLACEHOLDER

P = "[PERSON_1_k7q2]"
DAY = "2026-11-28"


def nothing(text: str) -> Sequence[Finding]:
    return ()


def finding(**words: str) -> Callable[[str], Sequence[Finding]]:
    """A detector that takes these words for these kinds wherever they stand: ``finding(PERSON="山")``."""

    def find(text: str) -> Sequence[Finding]:
        return [
            Finding(kind, at, at + len(word), 0.9, "test", "context")
            for kind, word in words.items()
            for at in range(len(text))
            if text.startswith(word, at)
        ]

    return find


def taken(text: str, was: str = "駅前広場", find: cases.Find = nothing, kind: str | None = None) -> Case:
    return cases.taken([text], P, was, find, DAY, kind)


def test_the_sentence_around_it_is_taken_and_all_else_stays_masked() -> None:
    text = f"一文目。[PERSON_2_ab2c]さんと{P}で会い、{P}を出た。三文目[PERSON_3_ab2d]。"
    case = taken(text)
    assert case.text == "[PERSON_2_ab2c]さんと駅前広場で会い、駅前広場を出た。"
    assert (case.kind, case.on, case.id) == ("PERSON", DAY, f"c-{case.digest[:12]}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"前\n{P}の件\n後", "駅前広場の件"),
        (f"{P}", "駅前広場"),
        (f"本当!{P}?次", "駅前広場?"),
        (f"  {P} です  ", "駅前広場 です"),
    ],
)
def test_where_a_sentence_begins_and_ends(text: str, sentence: str) -> None:
    assert taken(text).text == sentence


@given(
    st.lists(st.sampled_from(["あ", "[PERSON_2_ab2c]", "[JP_ADDRESS_1_zz22]", "い、"]), max_size=120),
    st.integers(0, 120),
)
def test_no_placeholder_is_ever_cut_in_two(parts: list[str], at: int) -> None:
    text = "".join([*parts[:at], P, *parts[at:]])
    case = taken(text)
    assert len(case.text) <= cases.LONGEST_SENTENCE + 10 and "駅前広場" in case.text and P not in case.text
    assert "[" not in PLACEHOLDER.sub("", case.text) and "]" not in PLACEHOLDER.sub("", case.text)


def test_what_is_newly_found_beside_it_is_masked() -> None:
    case = taken(f"鈴木と{P}で鈴木、090", find=finding(PERSON="鈴木", PHONE_NUMBER="090"))
    assert case.text == "[PERSON]と駅前広場で[PERSON]、[PHONE_NUMBER]"
    still = taken(f"鈴木と{P}で", find=finding(PERSON="駅前広場"))
    assert still.text == "鈴木と駅前広場で", "what is found there is the false alarm itself"


def test_what_looks_like_another_kind_needs_to_be_said() -> None:
    find = finding(JP_ADDRESS="駅前広場")
    with pytest.raises(BadCase, match="JP_ADDRESS"):
        taken(f"{P}で", find=find)
    assert taken(f"{P}で", find=find, kind="JP_ADDRESS").kind == "JP_ADDRESS"


def test_words_that_are_somebody_together_with_their_neighbours_are_refused() -> None:
    with pytest.raises(BadCase, match="前後の文字"):
        taken(f"{P}花子さん", "山田", finding(PERSON="山田花子"))


def test_the_same_word_elsewhere_in_the_sentence_is_no_licence() -> None:
    """山 stood there; 山田 beside it is somebody, and is masked."""
    assert taken(f"{P}で山田に会う", "山", finding(PERSON="山田")).text == "山で[PERSON]に会う"


def test_what_never_comes_to_rest_is_refused() -> None:
    def find(text: str) -> Sequence[Finding]:
        return [Finding("PERSON", len(text) - 1, len(text), 0.9, "test", "context")]

    with pytest.raises(BadCase, match="まだ個人情報"):
        taken(f"{P}で会う人", find=find)


@pytest.mark.parametrize(
    "was", ["", " 駅", "駅 ", "駅\n前", "駅\x07", "あ" * 51, "[駅]", "［駅］", "\u202e駅"]
)
def test_words_that_cannot_be_public_words_are_refused(was: str) -> None:
    with pytest.raises(BadCase) as told:
        taken(f"{P}で", was)
    assert was.strip() == "" or was not in str(told.value)


def test_a_placeholder_that_is_not_there_is_answered_with_those_that_are() -> None:
    texts = ["[PERSON_2_ab2c]と[LITERAL_1_ab2c]と[JP_MY_NUMBER]"]
    with pytest.raises(BadCase, match=r"\[PERSON_2_ab2c\] \[JP_MY_NUMBER\] "):
        cases.taken(texts, P, "駅", nothing, DAY)
    with pytest.raises(BadCase, match="tests/cases/attacks"):
        cases.taken(["伏せ字のない文"], P, "駅", nothing, DAY)
    assert cases.taken(texts, "[JP_MY_NUMBER]", "例", nothing, DAY).kind == "JP_MY_NUMBER"


# ── the file ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cases.yaml"


def test_the_file_has_the_shape_of_the_detectors_own_cases(path: Path) -> None:
    case = Case('駅前広場: #"で[PERSON_2_ab2c]\n「yes」', "PERSON", DAY)
    assert cases.add(path, case) and not cases.add(path, case)
    table = yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)
    assert (table["kind"], table["found"], table["free"]) == ("ALL", [], [case.text])
    assert table["taken"] == {case.id: {"kind": "PERSON", "on": DAY}}
    assert stat.S_IMODE(path.stat().st_mode) == 0o640 and os.listdir(path.parent) == ["cases.yaml"]
    assert cases.read(path) == Cases(free=(case,))


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), min_size=1), unique=True, max_size=6))
def test_whatever_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("cases") / "cases.yaml"
    written = tuple(Case(text, "PERSON", DAY) for text in texts)
    for case in written:
        assert cases.add(path, case)
    assert cases.read(path).free == written
    for case in written:
        assert cases.remove(path, case.id) == case
    assert cases.read(path) == Cases()


def test_what_somebody_wrote_by_hand_stays(path: Path) -> None:
    path.write_text(
        "kind: PERSON\nfound:\n- {text: 山田様, finds: {PERSON: [山田]}}\nfree: [手で書いた文]\n", "utf-8"
    )
    cases.add(path, Case("新しい文", "PERSON", DAY))
    found = cases.read(path)
    assert found.kind == "PERSON" and found.found == (("山田様", {"PERSON": ("山田",)}),)
    assert [case.text for case in found.free] == ["手で書いた文", "新しい文"] and found.free[0].kind == ""


@pytest.mark.parametrize(
    "content",
    [
        b"\xff", b"free: [", b"- a", b"free: x", b"free: [{a: b}]", b"free: ['']", b"other: 1", b"found: [x]",
        b"found: [{text: x, finds: [PERSON]}]", b"taken: [x]", b"taken: {c-1: x}", b"free: [" + b"x" * 4_000_001 + b"]",
    ],
)  # fmt: skip
def test_a_broken_file_is_said_to_be_so_and_never_changed(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for do in (
        lambda: cases.read(path),
        lambda: cases.add(path, Case("x")),
        lambda: cases.remove(path, "c-1"),
    ):
        with pytest.raises(BadFile, match=r"cases\.yaml.* / cases\.yaml"):
            do()
    assert path.read_bytes() == content


def test_what_cannot_be_recorded_is_not_done(path: Path) -> None:
    cases.add(path, Case("前の文"))
    before = path.read_bytes()

    def first(*_: object) -> None:
        assert path.read_bytes() == before, "recorded before anything is changed"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        cases.add(path, Case("後の文"), first)
    with pytest.raises(RuntimeError):
        cases.remove(path, Case("前の文").id, first)
    assert path.read_bytes() == before and os.listdir(path.parent) == ["cases.yaml"]


def test_two_at_once_lose_nothing(path: Path) -> None:
    def many(who: int) -> None:
        for number in range(8):
            cases.add(path, Case(f"{who}の{number}", "PERSON", DAY))

    threads = [threading.Thread(target=many, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cases.read(path).free) == 32


def test_checking_says_what_is_found_wrongly_and_what_is_missed() -> None:
    every = Cases(
        found=(("山田様へ", {"PERSON": ("山田",)}), ("佐藤様へ", {"PERSON": ("佐藤",)})),
        free=(Case("駅前広場で"), Case("山田橋で")),
    )
    checked = cases.check(every, finding(PERSON="山田"))
    assert [one.holds for one in checked] == [True, False, True, False]
    assert checked[1].wrong == (("PERSON", "山田"),) and checked[3].missed == (("PERSON", "佐藤"),)
