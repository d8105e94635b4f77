"""Restoring: the same text for every cut, exact placeholders only, nothing held that cannot become one."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.model import Finding
from redaction.restore import Restorer, restore
from redaction.vault import Vault, caller_key

NAMES = ("山田太郎", "田中花子", '佐藤"次郎"\n', "O'Neil\\")


def vault_of(*names: str) -> tuple[Vault, list[str]]:
    vault = Vault(caller_key(b"secret", "demo"))
    whole = [[Finding("PERSON", 0, len(n), 0.9, "test", "context")] for n in names]
    return vault, [vault.mask(n, w, lambda _: True) for n, w in zip(names, whole, strict=True)]


VAULT, PLACEHOLDERS = vault_of(*NAMES)
PIECES = st.sampled_from(
    [
        *PLACEHOLDERS,
        *(p[:i] for p in PLACEHOLDERS[:2] for i in range(len(p))),
        "[",
        "]",
        "さん",
        "[PERSON_9_aaaa]",
        "a",
    ]
)
REPLIES = st.lists(PIECES, max_size=12).map("".join)


@given(REPLIES, st.data())
def test_any_cut_gives_the_same_text_as_no_cut(reply: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(reply)), max_size=8)))
    restorer = Restorer(VAULT)
    pieces = [reply[a:b] for a, b in zip([0, *cuts], [*cuts, len(reply)], strict=True)]
    assert "".join(map(restorer.feed, pieces)) + restorer.flush() == restore(reply, VAULT)


@given(REPLIES)
def test_one_character_at_a_time_gives_the_same_text(reply: str) -> None:
    restorer = Restorer(VAULT)
    assert "".join(map(restorer.feed, reply)) + restorer.flush() == restore(reply, VAULT)


@given(REPLIES)
def test_what_is_restored_is_exactly_the_placeholders_replaced(reply: str) -> None:
    expected = reply
    for placeholder, name in zip(PLACEHOLDERS, NAMES, strict=True):
        expected = expected.replace(placeholder, name)  # no name here holds a bracket
    assert restore(reply, VAULT) == expected


def test_a_placeholder_cut_short_names_nobody() -> None:
    for placeholder in PLACEHOLDERS:
        for length in range(1, len(placeholder)):
            assert restore(f"担当は{placeholder[:length]}", VAULT) == f"担当は{placeholder[:length]}"


def test_a_placeholder_of_another_exchange_is_left_as_it_is() -> None:
    _, (foreign,) = vault_of("鈴木一郎")
    assert restore(f"担当は{foreign}さん", VAULT) == f"担当は{foreign}さん"


def test_a_restored_value_is_not_expanded_again() -> None:
    _, (other,) = vault_of("鈴木一郎")
    vault, (typed, name) = vault_of(other, "鈴木一郎")
    assert restore(f"{typed} {name}", vault) == f"{other} 鈴木一郎"


def test_text_that_cannot_become_a_placeholder_is_not_held_back() -> None:
    restorer = Restorer(VAULT)
    assert restorer.feed("一覧は[1]と[PERS") == "一覧は[1]と"
    assert restorer.feed("PECTIVE]です") == "[PERSPECTIVE]です"
    assert Restorer(vault_of()[0]).feed("何もない[") == "何もない["


@given(REPLIES)
def test_json_stays_json_when_values_are_escaped(reply: str) -> None:
    arguments = json.dumps({"to": reply}, ensure_ascii=False)
    assert json.loads(restore(arguments, VAULT, in_json=True)) == {"to": restore(reply, VAULT)}


@pytest.mark.parametrize("reply", ["[" * 2_000_000, "[A" * 1_000_000, "[PERSON_1_" * 200_000])
def test_a_reply_full_of_brackets_takes_linear_time(reply: str) -> None:
    began = time.process_time()
    assert restore(reply, VAULT) == reply
    assert restore(reply, vault_of()[0]) == reply
    assert time.process_time() - began < 20  # quadratic, it would be hours
