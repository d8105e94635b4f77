"""A text that is masked already is not masked again: a placeholder is nobody's datum."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.model import IRREVERSIBLE, Finding
from redaction.placeholders import beside_placeholders
from redaction.recognizers import kinds
from redaction.vault import LITERAL, Vault

CONTEXTS = [
    "{}", "{}様から電話がありました。", "パスワード: {}", "パスワードは「{}」です。", "password={}", '"api_key": "{}"', "Authorization: Bearer {}",
    "暗証番号 {}", "氏名：{}\n住所：{}\n電話：{}", "口座番号 {}", "宛名番号{}の方", "マイナンバー {}", "住民票コード：{}", "| 氏名 | {} |\n| 番号 | {} |",
    "Please write to {} at {}.", "DATABASE_PASSWORD={}", "admin / {}", "postgres://{}:{}@db/main", "担当:{}、{}", "{}{}",
    "さんは{}年生まれ、ID={}", "SSN {} and {}", "mysql -u root -p{}", "https://example.jp/{}?q={}",
]  # fmt: skip
SHAPES = ["[{}_1_k7q2]", "[{}_12_ab3d]", "［{}＿３＿m3xd］", "[{}]"]
PLACEHOLDERS = [shape.format(kind) for kind in sorted({*kinds(), LITERAL}) for shape in SHAPES]


def _places(text, placeholder):
    at = text.find(placeholder)
    while at >= 0:
        yield from range(at, at + len(placeholder))
        at = text.find(placeholder, at + len(placeholder))


@pytest.mark.parametrize("context", CONTEXTS)
def test_no_finding_has_a_character_of_a_placeholder(detector, context):
    texts = [context.replace("{}", placeholder) for placeholder in PLACEHOLDERS]

    for placeholder, text, strict in (
        (p, t, s) for p, t in zip(PLACEHOLDERS, texts, strict=True) for s in (False, True)
    ):
        (found,) = detector.find_now([text], strict)
        taken = {at for finding in found for at in range(finding.start, finding.end)}
        assert not taken & set(_places(text, placeholder)), (text, found)


def test_a_value_beside_a_placeholder_is_found(detector):
    text = "[PERSON_1_k7q2]様、[PHONE_NUMBER]、090-1234-5678、パスワード: [CREDENTIAL_1_ab3d]、山田太郎様"
    (found,) = detector.find_now([text])

    assert [text[f.start : f.end] for f in found] == ["090-1234-5678", "山田太郎"]


def test_what_is_found_elsewhere_is_not_found_again_in_a_placeholder(detector):
    told, masked = (
        "社員番号 PERSON_1_k7q2 と伝えた。パスワードは JP_ADDRESS です",
        "[PERSON_1_k7q2]、[JP_ADDRESS]",
    )

    assert detector.find_now([told, masked])[1] == ()


def test_a_number_in_brackets_is_no_placeholder(detector):
    for text in (
        "[マイナンバー 123456789018]",
        "[MY_NUMBER_123456789018_1_abcd]",
        "[N_1234_5678_9018_1_abcd]マイナンバー",
        "[SUZUKI 090-1234-5678]",
        "[090-1234-5678]",
    ):
        assert detector.find_now([text])[0], text


def test_whatever_the_vault_writes_is_a_placeholder():
    vault = Vault(b"k" * 32)
    for kind in sorted(kinds()):
        for value in ("山田", "090-1234-5678", "x" * 50):
            masked = vault.mask(value, [Finding(kind, 0, len(value), 1.0, "test", "cue")], lambda _: True)
            everything = Finding("CREDENTIAL", 0, len(masked), 1.0, "test", "cue")
            assert list(beside_placeholders(masked, [everything])) == [], masked
            assert masked == f"[{kind}]" or kind not in IRREVERSIBLE


@given(
    st.lists(st.sampled_from(["[PERSON_1_k7q2]", "山田", " ", "x1", "[JP_MY_NUMBER]", "［"]), max_size=8),
    st.data(),
)
def test_what_is_cut_away_is_placeholders_and_signs_only(pieces, data):
    text = "".join(pieces)
    ends = (
        sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=6, unique=True)))
        if len(text) > 5
        else []
    )
    findings = [
        Finding("PERSON", start, end, 0.9, "test", "cue")
        for start, end in zip(ends[::2], ends[1::2], strict=False)
    ]
    kept = list(beside_placeholders(text, findings))

    before, after = ({at for f in some for at in range(f.start, f.end)} for some in (findings, kept))
    inside = {at for mark in ("[PERSON_1_k7q2]", "[JP_MY_NUMBER]") for at in _places(text, mark)}
    assert after <= before - inside
    assert not any(text[at].isalnum() for at in before - inside - after)
