"""The laws of a verdict: unions whatever the order, deny by default, refusal on any doubt."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.conditions import conditions_of, conjunction
from policies.decide import VERDICTS, Policy, Reveal, Rule, decide, gate_of
from policies.facts import Facts, facts_of
from policies.model import (
    ATTACHMENT,
    NEVER_REVEALED,
    Ask,
    Bilingual,
    Confirm,
    EntityFact,
    Gate,
    Permit,
    Refuse,
    Verdict,
)
from policies.vocabulary import CATEGORIES, CLASSES, ENTITY_TYPES, EVIDENCE, GATES, TIERS

PolicyOf = Callable[..., Policy]
SENTENCE = Bilingual("文", "sentence")
TYPES = ("PERSON", "JP_ADDRESS", "JP_MY_NUMBER", "JP_RESIDENT_RECORD_CODE")

asks = st.builds(
    Ask,
    person=st.sampled_from(["a", "b"]),
    department=st.just("都市創造部"),
    section=st.sampled_from(["道路課", "下水道課"]),
    actor=st.sampled_from(["staff", "robot"]),
    identity=st.just("authenticated"),
    tool=st.just("demo"),
    enrolled=st.booleans(),
    trained=st.booleans(),
    acknowledged=st.booleans(),
    dialect=st.just("chat"),
    model=st.sampled_from(["gpt-5", "gemma-4"]),
    destination=st.sampled_from(TIERS),
    category=st.sampled_from(CATEGORIES),
    declared_class=st.sampled_from([None, *CLASSES]),
    entities=st.lists(
        st.builds(EntityFact, st.sampled_from(TYPES), st.sampled_from(EVIDENCE), st.integers(0, 3)),
        max_size=4,
    ).map(tuple),
    characters=st.integers(0, 5000),
    at=st.just(datetime(2026, 11, 2, 1, 0, tzinfo=UTC)),
)

entities = st.fixed_dictionaries(
    {"any_of": st.lists(st.sampled_from(TYPES), min_size=1, max_size=2)},
    optional={
        "evidence": st.lists(st.sampled_from(EVIDENCE), min_size=1, max_size=3),
        "at_least": st.integers(1, 4),
    },
)
plain_whens = st.fixed_dictionaries(
    {},
    optional={
        "trained": st.booleans(),
        "section": st.just(["道路*"]),
        "destination": st.lists(st.sampled_from(TIERS), min_size=1, max_size=3),
        "class": st.lists(st.sampled_from(CLASSES), min_size=1, max_size=3),
        "class_at_least": st.sampled_from(CLASSES),
        "entities": entities,
        "characters_over": st.integers(0, 5000),
    },
).filter(bool)
whens = st.one_of(
    st.just({"always": True}),
    plain_whens,
    plain_whens.map(lambda when: {"not": when}),
)


@st.composite
def rule_lists(draw: st.DrawFn) -> list[Rule]:
    """Rules of all kinds, also such as files.py would refuse (a reveal of My Number)."""
    rules = []
    for i in range(draw(st.integers(0, 6))):
        conditions = conditions_of(draw(whens))
        reveal = Reveal(
            draw(st.frozensets(st.sampled_from(TYPES), min_size=1)),
            draw(st.frozensets(st.sampled_from(TIERS), min_size=1)),
        )
        rules.append(
            Rule(
                id=f"R-{i}",
                title=SENTENCE,
                basis="試験",
                owner=None,
                conditions=conditions,
                matches=conjunction(conditions),
                gate=draw(st.sampled_from([None, *GATES])),
                reveal=draw(st.sampled_from([None, reveal])),
                notice=draw(st.sampled_from([None, SENTENCE])),
                remedy=SENTENCE,
            )
        )
    return rules


def policy(rules: list[Rule]) -> Policy:
    return Policy("test", "1", "0" * 64, SENTENCE, tuple(rules), frozenset(ENTITY_TYPES))


def facts(ask: Ask) -> Facts:
    """What a policy without a registry or zones concludes from an ask."""
    return facts_of(policy([]), ask)


def ids(verdict: Verdict, part: str) -> list[str]:
    return [hit.id for hit in getattr(verdict, part)]


@given(asks, rule_lists(), st.randoms(use_true_random=False))
def test_the_order_of_rules_changes_nothing_but_the_order_of_the_hits(
    ask: Ask, rules: Any, random: Any
) -> None:
    shuffled = random.sample(rules, len(rules))

    one, other = decide(policy(rules), ask), decide(policy(shuffled), ask)

    assert (type(one), one.revealed) == (type(other), other.revealed)
    for part in ("rules", "decisive", "notices"):
        assert sorted(ids(one, part)) == sorted(ids(other, part))
        assert ids(other, part) == [rule.id for rule in shuffled if rule.id in ids(other, part)]


@given(asks, rule_lists(), st.integers(0, 6))
def test_a_verdict_is_the_union_of_the_verdicts_of_its_parts(ask: Ask, rules: Any, cut: int) -> None:
    whole = decide(policy(rules), ask)
    left, right = decide(policy(rules[:cut]), ask), decide(policy(rules[cut:]), ask)

    assert ids(whole, "rules") == ids(left, "rules") + ids(right, "rules")
    assert ids(whole, "notices") == ids(left, "notices") + ids(right, "notices")
    assert whole.revealed == left.revealed | right.revealed
    gates = [gate_of(half) for half in (left, right) if half.decisive]
    assert gate_of(whole) == max(gates, key=GATES.index, default="deny")


@given(asks, rule_lists())
def test_what_decided_has_the_gate_that_was_decided_and_no_other_is_stronger(ask: Ask, rules: Any) -> None:
    verdict = decide(policy(rules), ask)
    matching: list[Gate] = [rule.gate for rule in rules if rule.gate and rule.matches(facts(ask))]

    assert gate_of(verdict) == max(matching, key=GATES.index, default="deny")
    assert len(verdict.decisive) == matching.count(gate_of(verdict))
    assert all(gate_of(verdict) in hit.effects for hit in verdict.decisive)


@given(asks, rule_lists())
def test_nothing_ever_lifts_the_mask_of_my_number_or_resident_record_code(ask: Ask, rules: Any) -> None:
    verdict = decide(policy(rules), ask)

    assert not verdict.revealed & NEVER_REVEALED
    assert all(verdict.hides(label) for label in NEVER_REVEALED)


@given(asks, rule_lists())
def test_only_a_reveal_rule_for_the_type_and_the_destination_lifts_a_mask(ask: Ask, rules: Any) -> None:
    verdict = decide(policy(rules), ask)

    for label in TYPES:
        named = any(
            rule.matches(facts(ask))
            and rule.reveal
            and label in rule.reveal.types
            and ask.destination in rule.reveal.destinations
            for rule in rules
        )
        assert verdict.hides(label) == (not named or label in NEVER_REVEALED)


@given(asks, rule_lists(), st.sampled_from(GATES))
def test_no_gate_lifts_a_mask_or_shows_a_notice(ask: Ask, rules: Any, gate: Gate) -> None:
    always = conditions_of({"always": True})
    more = Rule("G", SENTENCE, "", None, always, conjunction(always), gate, None, None, SENTENCE)

    before, after = decide(policy(rules), ask), decide(policy([*rules, more]), ask)

    assert after.revealed == before.revealed
    assert after.notices == before.notices
    assert not before.decisive or GATES.index(gate_of(after)) >= GATES.index(gate_of(before))


@given(asks, st.lists(whens, min_size=1, max_size=3))
def test_keys_mean_and_lists_mean_any_and_not_turns_round(ask: Ask, several: list[dict[str, Any]]) -> None:
    known = facts(ask)
    for when in several:
        each = [conjunction(conditions_of({key: value}))(known) for key, value in when.items()]
        assert conjunction(conditions_of(when))(known) == all(each)
        assert conjunction(conditions_of({"not": when}))(known) == (not all(each))
        if isinstance(when.get("destination"), list):
            one = [conjunction(conditions_of({"destination": [tier]}))(known) for tier in when["destination"]]
            assert conjunction(conditions_of({"destination": when["destination"]}))(known) == any(one)


junk = st.one_of(
    st.none(), st.integers(), st.text(max_size=5), st.binary(max_size=3), st.just([]), st.just({})
)


@given(asks, rule_lists(), st.sampled_from(sorted(Ask.__dataclass_fields__)), junk)
def test_an_ask_full_of_nonsense_is_answered_and_never_raises(
    ask: Ask, rules: Any, name: str, value: Any
) -> None:
    verdict = decide(policy(rules), replace(ask, **{name: value}))

    assert isinstance(verdict, Permit | Confirm | Refuse)
    if isinstance(verdict, Refuse) and verdict.error:
        assert re.fullmatch(r"[a-z_]+", verdict.error)
        assert (verdict.rules, verdict.decisive, verdict.notices) == ((), (), ())
        assert verdict.revealed == frozenset()


EVERYTHING = {"gate": "allow", "reveal": {"types": ["PERSON"], "destinations": list(TIERS)}}
PERSON = EntityFact("PERSON", "context", 1)

UNKNOWN: list[tuple[dict[str, Any], str]] = [
    ({"destination": "D9"}, "unknown_destination"),
    ({"category": "unheard_of"}, "unknown_category"),
    ({"declared_class": "4"}, "unknown_class"),
    ({"actor": "guest"}, "unknown_actor"),
    ({"identity": "guessed"}, "unknown_identity"),
    ({"dialect": "telnet"}, "unknown_dialect"),
    ({"enrolled": None}, "wrong_fact"),
    ({"trained": "true"}, "wrong_fact"),
    ({"acknowledged": 1}, "wrong_fact"),
    ({"section": None}, "wrong_fact"),
    ({"characters": -1}, "wrong_count"),
    ({"entities": (EntityFact("UNHEARD_OF", "cue", 1),)}, "unknown_entity_type"),
    ({"entities": (PERSON, EntityFact("PERSON", "rumour", 1))}, "unknown_evidence"),
    ({"entities": (EntityFact("PERSON", "cue", -1),)}, "wrong_count"),
    ({"entities": None}, "evaluation_failed"),
    ({"at": datetime(2026, 11, 2, 10, 0)}, "time_without_zone"),
    ({"at": None}, "evaluation_failed"),
]


@pytest.mark.requirement("R31")
@pytest.mark.parametrize(
    ("strange", "code"), UNKNOWN, ids=[f"{next(iter(it))}-{code}" for it, code in UNKNOWN]
)
def test_a_fact_nobody_knows_is_refused_with_its_code_and_nothing_revealed(
    ordinary: Ask, policy_of: PolicyOf, strange: dict[str, Any], code: str
) -> None:
    verdict = policy_of(EVERYTHING).decide(replace(ordinary, **strange))

    assert isinstance(verdict, Refuse)
    assert verdict.error == code
    assert verdict.hides("PERSON")
    assert verdict.rules == ()


@pytest.mark.requirement("R31")
def test_a_rule_that_cannot_be_evaluated_refuses_even_where_others_allow(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    good = policy_of(EVERYTHING)

    def breaks(ask: Ask) -> bool:
        raise RuntimeError("山田太郎")

    broken = replace(good, rules=(*good.rules, replace(good.rules[0], id="B", matches=breaks)))
    verdict = broken.decide(ordinary)

    assert isinstance(good.decide(ordinary), Permit)
    assert isinstance(verdict, Refuse)
    assert verdict.error == "evaluation_failed"
    assert verdict.revealed == frozenset()
    assert "山田" not in repr(verdict)


def test_something_that_is_no_ask_is_refused(policy_of: PolicyOf) -> None:
    verdict = decide(policy_of(EVERYTHING), object())  # type: ignore[arg-type]

    assert isinstance(verdict, Refuse)
    assert verdict.error == "evaluation_failed"


def test_what_no_rule_allows_is_refused_without_a_rule_and_without_an_error(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    verdict = policy_of({"notice": {"ja": "文", "en": "s"}}).decide(ordinary)

    assert isinstance(verdict, Refuse)
    assert (verdict.decisive, verdict.error) == ((), None)
    assert ids(verdict, "rules") == ids(verdict, "notices") == ["R-0"]


def test_each_gate_gives_its_verdict_and_deny_beats_confirm_beats_allow(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    allow, confirm, deny = ({"gate": gate} for gate in GATES)

    assert type(policy_of(allow).decide(ordinary)) is Permit
    assert type(policy_of(confirm).decide(ordinary)) is Confirm
    assert type(policy_of(deny).decide(ordinary)) is Refuse
    assert type(policy_of(confirm, allow).decide(ordinary)) is Confirm
    verdict = policy_of(confirm, deny, allow).decide(ordinary)
    assert type(verdict) is Refuse
    assert (ids(verdict, "rules"), ids(verdict, "decisive")) == (["R-0", "R-1", "R-2"], ["R-1"])


def test_a_reveal_holds_for_its_destinations_only_and_says_so(ordinary: Ask, policy_of: PolicyOf) -> None:
    policy = policy_of({"reveal": {"types": ["PERSON"], "destinations": ["D1"]}}, {"gate": "allow"})

    home, abroad = policy.decide(replace(ordinary, destination="D1")), policy.decide(ordinary)

    assert not home.hides("PERSON")
    assert home.hides("JP_ADDRESS")
    assert home.rules[0].effects == ("reveal",)
    assert abroad.hides("PERSON")
    assert ids(abroad, "rules") == ["R-1"]


def test_one_rule_that_asks_for_it_makes_the_search_strict_and_the_verdict_says_so(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    policy = policy_of({"gate": "allow"}, {"when": {"category": "hr"}, "search": "strict"})
    personnel = replace(ordinary, category="hr")

    assert not policy.strict(ordinary)
    assert policy.strict(personnel)
    assert policy.decide(personnel).rules[1].effects == ("strict",)
    assert ids(policy.decide(ordinary), "rules") == ["R-0"]


@pytest.mark.parametrize("shadow", [{}, {"shadow": True}])
def test_a_rule_that_only_what_was_found_makes_match_did_not_make_the_search_strict(
    ordinary: Ask, policy_of: PolicyOf, shadow: dict[str, Any]
) -> None:
    pair = {"ja": "題", "en": "title"}
    raises = [{"id": "D", "class": "3B", "title": pair, "basis": "試験", "when": {"persons_at_least": 1}}]
    late = {"when": {"class_at_least": "3B"}, "search": "strict", "notice": pair, **shadow}
    alone = {"when": {"class": ["3B"]}, "search": "strict", **shadow}
    policy = policy_of({"gate": "allow"}, late, alone, detected=raises)
    raised, declared = replace(ordinary, persons=1), replace(ordinary, persons=1, declared_class="3B")
    would = "would_" if shadow else ""

    told = {hit.id: hit.effects for hit in policy.decide(raised).rules}
    assert told == {"R-0": ("allow",), "R-1": (f"{would}notice",)}
    assert not policy.strict(raised.unsearched())
    told = {hit.id: hit.effects for hit in policy.decide(declared).rules}
    assert told == {
        "R-0": ("allow",),
        "R-1": (f"{would}notice", f"{would}strict"),
        "R-2": (f"{would}strict",),
    }
    assert policy.strict(declared.unsearched()) is not bool(shadow)


def test_what_cannot_be_evaluated_is_searched_strictly(ordinary: Ask, policy_of: PolicyOf) -> None:
    policy = policy_of({"gate": "allow"}, {"when": {"class_at_least": "3C"}, "search": "strict"})

    assert policy.strict(replace(ordinary, declared_class="unknown"))  # type: ignore[arg-type]


def test_a_hit_carries_title_remedy_and_notice_of_its_rule(ordinary: Ask, policy_of: PolicyOf) -> None:
    notice, remedy = {"ja": "一言", "en": "a word"}, {"ja": "消す", "en": "remove"}

    hit = policy_of({"gate": "deny", "notice": notice, "remedy": remedy}).decide(ordinary).rules[0]

    assert hit.effects == ("deny", "notice")
    assert (hit.notice, hit.remedy) == (Bilingual("一言", "a word"), Bilingual("消す", "remove"))
    assert hit.title == Bilingual("題", "title")


def test_a_verdict_names_the_policy_and_its_digest(ordinary: Ask, policy_of: PolicyOf) -> None:
    policy = policy_of({"gate": "allow"})

    for ask in (ordinary, replace(ordinary, category="unheard_of")):
        assert (policy.decide(ask).policy, policy.decide(ask).digest) == ("test", policy.digest)


def test_a_policy_decides_nothing_before_its_day_begins_in_japan(ordinary: Ask, policy_of: PolicyOf) -> None:
    policy = policy_of({"gate": "allow"}, effective="2026-04-01")
    eve, day = datetime(2026, 3, 31, 14, 59, tzinfo=UTC), datetime(2026, 3, 31, 15, 0, tzinfo=UTC)

    early = policy.decide(replace(ordinary, at=eve))

    assert policy.effective == date(2026, 4, 1)
    assert isinstance(early, Refuse)
    assert early.error == "policy_not_in_force"
    assert isinstance(policy.decide(replace(ordinary, at=day)), Permit)


def test_a_kind_of_verdict_nobody_knows_counts_as_deny() -> None:
    class Perhaps(Permit):
        pass

    assert gate_of(Perhaps((), (), frozenset(), (), "p", "d")) == "deny"
    assert tuple(VERDICTS) == get_args(Gate)


def test_a_verdict_names_what_raised_the_class(ordinary: Ask, policy_of: PolicyOf) -> None:
    pair = {"ja": "題", "en": "title"}
    raises = [
        {"id": f"D-{n}", "class": to, "title": pair, "basis": "試験", "when": {"persons_at_least": n}}
        for n, to in ((1, "2"), (20, "3B"), (100, "3A"))
    ]
    policy = policy_of({"gate": "allow"}, detected=raises)

    derived = policy.decide(replace(ordinary, persons=20)).derived
    assert derived and (derived.raised_by, derived.effective_class) == (("D-1", "D-20"), "3B")
    derived = policy.decide(ordinary).derived
    assert derived and (derived.raised_by, derived.detected_class) == ((), None)


def test_nothing_found_is_left_in_an_ask_before_the_search(ordinary: Ask) -> None:
    found = replace(ordinary, entities=(EntityFact("PERSON", "cue", 2),), persons=2, pairs=1, words=("W",))

    assert found.unsearched() == replace(ordinary, words=("W",))


def test_that_something_is_attached_is_known_before_the_search(ordinary: Ask) -> None:
    attached = replace(ordinary, entities=(EntityFact(ATTACHMENT, "pattern", 1),), attachments=("image",))
    found = replace(attached, entities=(EntityFact("PERSON", "cue", 2), *attached.entities), persons=2)

    assert found.unsearched() == attached
