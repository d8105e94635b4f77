"""The vault: one value, one placeholder; nothing irreversible kept; nothing that looks like one is one."""

import re

from hypothesis import given
from hypothesis import strategies as st

from redaction.model import IRREVERSIBLE, Finding
from redaction.restore import restore
from redaction.vault import Vault, caller_key

KEY = caller_key(b"secret", "demo")


def everything(label: str) -> bool:
    return True


def found(label: str, text: str, value: str, nth: int = 0) -> Finding:
    start = -1
    for _ in range(nth + 1):
        start = text.index(value, start + 1)
    return Finding(label, start, start + len(value), 0.9, "test", "context")


LABELS = st.sampled_from(["PERSON", "JP_ADDRESS", "PHONE_NUMBER"])
TRICKY = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            ["[", "]", "[PERSON_1_", "abcd]", "[PERSON_1_abcd]", "[JP_MY_NUMBER]", "_", "1", "山田", "\ud800"]
        ),
        max_size=14,
    ).map("".join),
)


@st.composite
def texts_with_findings(
    draw: st.DrawFn, labels: st.SearchStrategy[str] = LABELS
) -> tuple[str, list[Finding]]:
    text = draw(TRICKY)
    findings = []
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, len(text)))
        if end > start:
            findings.append(Finding(draw(labels), start, end, 0.9, "test", "context"))
    return text, findings


@given(texts_with_findings())
def test_restoring_a_masked_text_gives_it_back(case: tuple[str, list[Finding]]) -> None:
    text, findings = case
    vault = Vault(KEY)
    assert restore(vault.mask(text, findings, everything), vault) == text


@given(st.lists(texts_with_findings(), max_size=4))
def test_many_texts_share_one_vault_and_all_come_back(cases: list[tuple[str, list[Finding]]]) -> None:
    vault = Vault(KEY)
    masked = [vault.mask(text, findings, everything) for text, findings in cases]
    assert [restore(m, vault) for m in masked] == [text for text, _ in cases]


@given(texts_with_findings(st.sampled_from(["PERSON", "JP_MY_NUMBER"])))
def test_an_irreversible_datum_stays_its_constant_and_the_rest_comes_back(
    case: tuple[str, list[Finding]],
) -> None:
    text, findings = case
    vault = Vault(KEY)
    back = restore(vault.mask(text, findings, everything), vault)
    hidden = {i for f in findings if f.label in IRREVERSIBLE for i in range(f.start, f.end)}
    if not hidden:
        assert back == text
    assert all(value not in IRREVERSIBLE for value in vault.values)
    assert not any(key.startswith("[JP_MY_NUMBER") for key in vault.values)


def test_one_value_has_one_placeholder_over_all_texts_and_two_persons_have_two() -> None:
    vault = Vault(KEY)
    first = "山田太郎が田中花子に会い、山田太郎は帰った"
    second = "田中花子より"
    masked = vault.mask(
        first,
        [
            found("PERSON", first, "山田太郎"),
            found("PERSON", first, "田中花子"),
            found("PERSON", first, "山田太郎", 1),
        ],
        everything,
    )
    one, two, again = re.findall(r"\[PERSON_\d_[a-z2-7]{4}\]", masked)
    assert one == again != two
    assert vault.mask(second, [found("PERSON", second, "田中花子")], everything) == f"{two}より"


def test_the_same_history_masks_to_the_same_bytes_in_the_next_turn() -> None:
    history = "山田太郎です"
    turns = []
    for later in ([], ["佐藤次郎です"]):
        vault = Vault(KEY)
        turns.append(vault.mask(history, [found("PERSON", history, "山田太郎")], everything))
        for text in later:
            vault.mask(text, [found("PERSON", text, "佐藤次郎")], everything)
    assert turns[0] == turns[1]


def test_the_same_number_for_another_person_or_another_caller_is_another_placeholder() -> None:
    yamada, sato, elsewhere = Vault(KEY), Vault(KEY), Vault(caller_key(b"secret", "another"))
    whole = [Finding("PERSON", 0, 4, 0.9, "test", "context")]
    placeholders = {
        yamada.mask("山田太郎", whole, everything),
        sato.mask("佐藤次郎", whole, everything),
        elsewhere.mask("山田太郎", whole, everything),
    }
    assert len(placeholders) == 3


def test_a_my_number_leaves_no_trace_in_the_vault() -> None:
    vault = Vault(KEY)
    text = "番号は123456789018と983205673214"
    findings = [found("JP_MY_NUMBER", text, "123456789018"), found("JP_MY_NUMBER", text, "983205673214")]
    assert vault.mask(text, findings, everything) == "番号は[JP_MY_NUMBER]と[JP_MY_NUMBER]"
    assert vault.values == {}


def test_what_a_user_typed_like_a_placeholder_comes_back_as_typed_and_names_nobody() -> None:
    vault = Vault(KEY)
    name = "山田太郎"
    placeholder = vault.mask(name, [found("PERSON", name, name)], everything)
    masked = vault.mask(f"これは{placeholder}と[JP_MY_NUMBER]", [], everything)
    assert placeholder not in masked and "[LITERAL_1_" in masked
    assert restore(masked, vault) == f"これは{placeholder}と[JP_MY_NUMBER]"


def test_a_type_that_a_rule_reveals_stays_as_it_is() -> None:
    vault = Vault(KEY)
    text = "担当は山田太郎、072-674-7111"
    findings = [found("PERSON", text, "山田太郎"), found("PHONE_NUMBER", text, "072-674-7111")]
    masked = vault.mask(text, findings, lambda label: label != "PHONE_NUMBER")
    assert "山田太郎" not in masked and "072-674-7111" in masked


def test_a_vault_prints_no_value() -> None:
    vault = Vault(KEY)
    vault.mask("山田太郎", [Finding("PERSON", 0, 4, 0.9, "test", "context")], everything)
    assert "山田" not in repr(vault)
