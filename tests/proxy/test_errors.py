"""What a refusal says: which rules, what to do now, in plain Japanese and English, and never a wall of text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.asks import ask_of
from policies.document import Document
from policies.files import load
from policies.house_rules import UNKNOWN_MODEL
from policies.model import Bilingual, Confirm, Refuse, RuleHit, Verdict
from proxy.errors import Problem, Stopped

ASK = {
    "person": "p", "department": "d", "section": "s", "actor": "staff", "identity": "authenticated", "tool": "t",
    "enrolled": True, "trained": True, "acknowledged": True, "dialect": "chat", "model": "sekisho-demo",
    "destination": "D1", "category": "mail_draft", "class": "2",
}  # fmt: skip


def rule(number: int, remedy: str | None = None) -> RuleHit:
    said = Bilingual(f"{remedy}を消してください。", f"Remove {remedy}.") if remedy else None
    return RuleHit(f"R-{number:02}", ("deny",), Bilingual(f"第{number}の決まり。", f"Rule {number}."), said)


def refused(*rules: RuleHit, kind: type[Verdict] = Refuse) -> Verdict:
    return kind(rules, rules, frozenset(), (), "p", "digest")


def told(verdict: Verdict, *found: str, usable: tuple[str, ...] = ()) -> str:
    stopped = Stopped(verdict, list(found), usable)
    return f"{stopped.says.ja}\n{stopped.says.en}"


def test_one_rule_is_told_with_what_was_found_and_what_to_do() -> None:
    assert told(refused(rule(1, "番号")), "PERSON") == (
        "文章に「氏名」が見つかりました。送信しませんでした。規則 R-01「第1の決まり。」番号を消してください。\n"
        "Found in the text: PERSON. It was not sent. Rule R-01: Rule 1. Remove 番号."
    )
    assert "まだ送信していません" in told(refused(rule(1, "番号"), kind=Confirm))


def test_of_many_rules_three_that_ask_for_different_things_are_spelled_out_and_the_rest_named() -> None:
    said = told(refused(*(rule(n, "番号") for n in (1, 2)), *(rule(n, str(n)) for n in (3, 4, 5))))
    assert [n for n in range(1, 6) if f"第{n}の決まり" in said] == [1, 3, 4]
    assert "ほかに当てはまる規則: R-02、R-05。" in said and "Also: R-02, R-05." in said


@given(
    st.lists(st.tuples(st.integers(1, 99), st.sampled_from([None, "番号", "名前", "住所", "鍵"])), min_size=1)
)
def test_a_refusal_names_every_rule_and_is_never_long(rules: list[tuple[int, str | None]]) -> None:
    verdict = refused(*(rule(*one) for one in dict(rules).items()))
    stopped = Stopped(verdict, [])
    assert stopped.rules == [hit.id for hit in verdict.decisive]
    assert stopped.says.ja.count("の決まり。") == min(3, len({hit.remedy for hit in verdict.decisive}))
    assert len(stopped.says.ja) < 300 and len(stopped.says.en) < 300
    if len(stopped.rules) < 12:
        assert all(id in stopped.says.ja and id in stopped.says.en for id in stopped.rules)


@pytest.mark.requirement("R6")
def test_an_unknown_model_is_told_with_a_few_that_are_known_and_with_how_to_register_it() -> None:
    verdict = refused(UNKNOWN_MODEL)
    names = tuple(f"m-{n}" for n in range(20))
    said = told(verdict, usable=names)
    assert "使えるモデル: m-0, m-1," in said and "m-11、ほか8件。" in said and "m-12" not in said
    assert "Approved: m-0, m-1," in said and "and 8 more." in said
    for one in (said, told(verdict)):
        assert "models: に" in one and "policies/README.md" in one
    assert "使えるモデル: なし。" in told(verdict)
    assert Stopped(verdict, []).param == "model" and Stopped(refused(rule(1)), []).param is None


@pytest.mark.parametrize(
    ("differs", "code", "says"),
    [
        ({"entities": [{"type": "STAR_SIGN"}]}, "policy_error", "unknown_entity_type"),
        ({"category": "gossip"}, "policy_error", "unknown_category"),
        ({"role": "mayor"}, "policy_error", "unknown_role"),
        ({"class": "3A"}, "policy_denied", "規則 T.3A"),
    ],
)
def test_what_the_rules_do_not_know_is_refused_with_403_and_says_so(
    differs: dict[str, object], code: str, says: str
) -> None:
    stopped = Stopped(load("takatsuki").decide(ask_of(Document("x", {**ASK, **differs}, {}))), [])
    assert isinstance(stopped, Problem) and (stopped.status, stopped.code) == (403, code)
    assert says in stopped.says.ja and stopped.says.en
    assert stopped.headers["x-should-retry"] == "false"


def test_a_cell_of_a_table_reads_as_a_sentence() -> None:
    ask = ask_of(Document("x", {**ASK, "class": "3B", "destination": "D2", "category": "pr"}, {}))
    said = Stopped(load("takatsuki").decide(ask), []).says.ja
    assert said.startswith("送信しませんでした。規則 T.3B.D2「") and "機密性3B・D2 は送れません。」" in said
