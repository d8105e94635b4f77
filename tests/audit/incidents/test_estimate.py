"""How many persons an incident may be about: counted from placeholders, flagged, and with what it cannot know beside it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.incidents.estimate import UNKNOWN, Material, estimated
from redaction.vault import Vault, caller_key

TEXT = "{}さんと{}さんの件"


def asked(key: str = "k-1", person: str = "012345", persons: int = 2, **more: Any) -> dict[str, Any]:
    return {
        "caller": {"key": key, "person": person},
        "persons_estimated": persons,
        "entities": {"PERSON": persons},
    } | more


def one(text: str | None, egress: str | None = "masked", number: str = "01X", **more: Any) -> Material:
    return Material(number, asked(**more), {"egress_state": egress} if egress else None, text)


@pytest.mark.requirement("R53")
def test_the_same_person_of_the_same_caller_is_one_over_all_exchanges() -> None:
    first, second = (
        one("[PERSON_1_aaaa]と[PERSON_2_bbbb]"),
        one("[PERSON_1_bbbb]と[PERSON_2_cccc]、[PERSON_1_bbbb]"),
    )
    assert estimated([first]).persons == 2
    assert estimated([first, second]).persons == 3
    assert estimated([first, one("[PERSON_1_aaaa]", key="k-2")]).persons == 3, (
        "of another key nobody can tell"
    )
    assert estimated([first, one("[PERSON_1_aaaa]", person="012346")]).persons == 3
    told = estimated([first]).plain()
    assert told["estimate"] is True and set(UNKNOWN) <= set(told["remarks"])


@pytest.mark.requirement("R53")
@given(
    st.lists(
        st.lists(st.sampled_from(["山田太郎", "鈴木花子", "佐藤次郎", "高橋三郎"]), max_size=4), max_size=5
    )
)
def test_it_is_the_number_of_names_that_a_caller_wrote(names: list[list[str]]) -> None:
    """Held against the vault itself: what it masks is what is counted."""
    from redaction.model import Finding

    every = []
    for written in names:
        text = "、".join(written)
        found, at = [], 0
        for name in written:
            found.append(Finding("PERSON", at, at + len(name), 1.0, "test", "context"))
            at += len(name) + 1
        vault = Vault(caller_key(b"s", "k-1\0" + "012345"))
        every.append(one(vault.mask(text, found, lambda label: True)))
    assert estimated(every).persons == len({name for written in names for name in written})


@pytest.mark.requirement("R53")
def test_where_the_text_was_erased_the_number_of_its_record_is_taken_and_that_is_said() -> None:
    gone = one(None, persons=7)
    estimate = estimated([one("[PERSON_1_aaaa]"), gone, gone], missing=2)
    assert (estimate.persons, estimate.counted, estimate.noted, estimate.erased) == (1 + 14, 1, 2, 2)
    remarks = "".join(estimate.remarks)
    assert "消去された記録が2件" in remarks and "残っていない記録が2件" in remarks
    assert len(estimated([one("[PERSON_1_aaaa]")]).remarks) == len(UNKNOWN)


def test_names_that_were_let_through_have_no_placeholder_and_their_number_is_taken() -> None:
    through = one("山田太郎さん", persons=1, actions={"PERSON": "revealed"}, egress="unmasked")
    estimate = estimated([through])
    assert (estimate.persons, estimate.exposed, estimate.noted, estimate.erased) == (1, 1, 1, 0)
    assert "伏せずに扱った記録が1件" in "".join(estimate.remarks)


@pytest.mark.requirement("R53", "R56")
def test_what_left_stands_beside_it_and_what_nobody_knows_counts_as_unmasked() -> None:
    states = ("none", "masked", "partly_unmasked", "unmasked", "unknown", None)
    every = [one(f"[PERSON_1_aaa{letter}]", state) for letter, state in zip("abcdef", states, strict=True)]
    estimate = estimated(every)
    assert estimate.egress == {"masked": 1, "none": 1, "partly_unmasked": 1, "unknown": 2, "unmasked": 1}
    assert (estimate.persons, estimate.unmasked, estimate.exposed) == (6, 4, 4)
    assert "届いたか分からない記録が2件" in "".join(estimate.remarks)


def test_numbers_without_a_name_are_told_beside_and_never_added() -> None:
    numbers = one("[JP_MY_NUMBER]", persons=0, entities={"JP_MY_NUMBER": 3, "JP_ADDRESS": 2})
    estimate = estimated([numbers, numbers])
    assert estimate.persons == 0 and estimate.others == {"JP_MY_NUMBER": 6}
    assert "JP_MY_NUMBER 6" in "".join(estimate.remarks)


def test_an_attempt_that_was_not_understood_counts_nobody_and_is_not_called_erased() -> None:
    knock = Material("01X", {"caller": {}}, {"egress_state": "none"}, None)
    estimate = estimated([knock])
    assert (estimate.persons, estimate.erased, estimated([]).persons) == (0, 0, 0)
