"""What is counted of what was found: different data, persons, and facts beside a person."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.found import pairs, persons
from redaction.model import Finding

LABELS = ("PERSON", "JP_SENSITIVE", "JP_PROTECTED_PERSON", "JP_ADDRESS")
NAMES = st.sampled_from(["山田太郎", "山田　太郎", "山田 太郎", "山田", "Ｓato", "SATO", "佐藤次郎"])


def all_of(text: str, label: str) -> tuple[Finding, ...]:
    return (Finding(label, 0, len(text), 0.9, "test", "context"),)


@given(st.lists(NAMES))
def test_persons_are_the_different_names_whatever_their_width_and_spaces(names: list[str]) -> None:
    spelled = {"山田　太郎": "山田太郎", "山田 太郎": "山田太郎", "Ｓato": "sato", "SATO": "sato"}
    found = [all_of(name, "PERSON") for name in names]
    assert persons(names, found) == len({spelled.get(name, name) for name in names})


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(["要介護3", "DV避難中", "統合失調症"]))))
def test_pairs_are_the_different_facts_that_the_law_protects(facts: list[tuple[str, str]]) -> None:
    texts = [text for _, text in facts]
    found = [all_of(text, label) for label, text in facts]
    assert pairs(texts, found) == len({fact for fact in facts if fact[0] in LABELS[1:3]})
    assert persons(texts, found) == len({text for label, text in facts if label == "PERSON"})
