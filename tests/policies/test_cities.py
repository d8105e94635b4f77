"""The policies that ship do what they promise, and their own tests try every rule.

Laws over all of them first, then what the city's rules say of each requirement they carry. Models and use cases
that a law needs are added here: a policy that ships lists no contract that nobody made.
"""

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from ipaddress import ip_network
from itertools import product
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import files, testing
from policies.decide import Policy, Rule, gate_of
from policies.document import Document
from policies.making import policy_of
from policies.model import NEVER_REVEALED, Ask, ConfidentialityClass, EntityFact, Permit, Refuse, Verdict
from policies.schema import PolicyForm
from policies.tables import Table
from policies.vocabulary import (
    ACTORS,
    ATTACHMENTS,
    AUDIENCES,
    CATEGORIES,
    CLASSES,
    DIALECTS,
    ENTITY_TYPES,
    EVIDENCE,
    GATES,
    QUOTAS,
    RISKS,
    TIERS,
)

ALL = files.city_names()
RULED = ("class2-prohibited", "designated-ai", "takatsuki")
"""Those with rules of their own; mask-only is for trials."""
MASKED = ("PERSON", "JP_ADDRESS", "PHONE_NUMBER", "EMAIL_ADDRESS", "DATE_OF_BIRTH", "JP_POSTAL_CODE")
SURE = ("cue", "both", "pattern", "context", "dictionary")
"""Evidence that makes a number a My Number."""
NOVEMBER = date(2026, 11, 2)
PAIR = {"ja": "例", "en": "an example"}

loaded = cache(files.load)


@cache
def data_of(name: str) -> dict[str, Any]:
    """A policy's file as plain values."""
    return dict(loaded(name).data)


def parsed(data: Mapping[str, Any]) -> Policy:
    """A policy of plain values, checked as a file is; only the reading of YAML is left out, which takes longest."""
    document, known = Document("city.yaml", dict(data), {}), {"entity_types": ENTITY_TYPES}
    return policy_of(document, document.checked(PolicyForm, known), "0" * 64, ENTITY_TYPES)


def model(name: str, **facts: Any) -> dict[str, Any]:
    """A model of the registry: under contract, at home, not trained on input."""
    kept = {"no_training": True, "recorded": True, "regions": ["jp"], "contract": "例"}
    return {"name": name, "title": PAIR, "service": "contract", "destination": "D2", **kept, **facts}


def use_case(id: str, approved: bool = True, **answers: Any) -> dict[str, Any]:
    """A use case: for staff, clerical, judged by people, low risk, assessed, approved until the end of the year."""
    judged = {"confidential": True, "human_judgement": True, "high_risk": False, "assessment": "A-1"}
    given = {"approval": {"by": "例", "from": "2026-04-01", "until": "2027-03-31"}} if approved else {}
    whole = (
        {"id": id, "title": PAIR, "owner": "例", "audience": "staff", "nature": "clerical"} | judged | given
    )
    return {key: value for key, value in {**whole, **answers}.items() if value is not None}


@cache
def takatsuki() -> Policy:
    """The city's rules with the contracts and use cases that the tests below speak of."""
    data = data_of("takatsuki")
    models = [
        *data["models"],
        model("tools", tools=["search_bylaws", "send_mail"]),
        model("training", no_training=False),
        model("abroad", destination="D3", regions=["jp", "us"]),
        model("terms", service="terms_only", destination="D4", no_training=False, recorded=False),
        model("trial", sandbox=True, valid_until="2026-12-31"),
        model("ended", valid_until="2026-10-31"),
    ]
    cases = [
        use_case("clerical"),
        use_case("high", approved=False, high_risk=True),
        use_case("high-approved", high_risk=True),
        use_case("rights", nature="rights", high_risk=True),
        use_case("unassessed", nature="rights", assessment=None),
        use_case("unapproved", approved=False, nature="rights"),
        use_case("public", audience="public", high_risk=True),
    ]
    return parsed({**data, "models": models, "use_cases": cases})


@pytest.fixture(scope="module")
def asked(ordinary: Ask) -> Ask:
    """A plain mail draft of the demo's caller to the demo's model."""
    return replace(ordinary, model="sekisho-demo", destination="D1")


def gate(policy: Policy, ask: Ask, **changes: Any) -> str:
    return gate_of(policy.decide(replace(ask, **changes)))


def ids(verdict: Verdict) -> set[str]:
    return {hit.id for hit in verdict.rules}


def said(policy: Policy, ask: Ask, text: str, **changes: Any) -> Verdict:
    """The verdict on a text, in which the policy looks for its words."""
    return policy.decide(replace(ask, words=policy.words([text], NOVEMBER), **changes))


FACTS = st.builds(
    EntityFact,
    type=st.sampled_from(ENTITY_TYPES),
    evidence=st.sampled_from(EVIDENCE),
    count=st.integers(1, 30),
)
ASKS = st.builds(
    Ask,
    person=st.just("demo"),
    department=st.just("都市創造部"),
    section=st.just("道路課"),
    actor=st.sampled_from(ACTORS),
    identity=st.just("authenticated"),
    tool=st.just("demo"),
    enrolled=st.just(True),
    trained=st.just(True),
    acknowledged=st.booleans(),
    dialect=st.sampled_from(DIALECTS),
    model=st.sampled_from(["sekisho-demo", "unheard-of"]),
    destination=st.sampled_from(TIERS),
    category=st.sampled_from(CATEGORIES),
    declared_class=st.sampled_from([None, *CLASSES]),
    entities=st.lists(FACTS, max_size=4).map(tuple),
    characters=st.integers(0, 9000),
    at=st.just(datetime(2026, 11, 2, 1, tzinfo=UTC)),
    address=st.sampled_from([None, "192.0.2.7", "198.51.100.7"]),
    consented=st.booleans(),
    audience=st.sampled_from(AUDIENCES),
    persons=st.integers(0, 120),
    pairs=st.integers(0, 2),
    words=st.lists(
        st.sampled_from([each.id for each in loaded("takatsuki").word_lists]), max_size=3, unique=True
    ).map(tuple),
    attachments=st.lists(st.sampled_from(ATTACHMENTS), max_size=2).map(tuple),
    tools=st.lists(st.sampled_from(["search", "send_mail"]), max_size=1).map(tuple),
    quota=st.sampled_from(QUOTAS),
)
"""Any ask that a door could put, of a caller who may ask."""


# ── What holds for every policy that ships ──


@pytest.mark.parametrize("name", ALL)
def test_a_policy_that_ships_passes_its_own_tests_and_they_try_every_rule_condition_cell_and_word(
    name: str,
) -> None:
    report = testing.run(name, today=NOVEMBER)

    assert [one.differences for one in report.results if not one.passed] == []
    tried = report.coverage
    ruled = [*tried.rules.values(), *tried.raises.values(), *tried.tables.values()]
    assert [(one.id, gap) for one in ruled for gap in one.gaps()] == []
    assert [id for cells in tried.cells.values() for id, count in cells.items() if not count] == []
    assert [id for id, words in tried.words.items() if not (words.true and words.false)] == []


@pytest.mark.parametrize("name", ["designated-ai", "mask-only", "takatsuki"])
def test_the_demo_caller_passes_with_plain_text_and_with_masked_personal_data(name: str, asked: Ask) -> None:
    policy = loaded(name)
    found = tuple(EntityFact(label, "context", 3) for label in MASKED)

    for entities in ((), found):
        verdict = policy.decide(replace(asked, entities=entities, persons=3 if entities else 0))
        assert isinstance(verdict, Permit)
        assert all(verdict.hides(label) for label in ENTITY_TYPES)


@pytest.mark.requirement("R22")
@pytest.mark.requirement("R23")
@pytest.mark.parametrize("name", ALL)
def test_a_sure_my_number_or_resident_record_code_is_refused_whatever_else_is_true(
    name: str, asked: Ask
) -> None:
    policy = loaded(name)
    sure = [*product(["JP_MY_NUMBER"], SURE), ("JP_RESIDENT_RECORD_CODE", "cue")]

    for (label, evidence), declared, destination in product(sure, CLASSES, TIERS):
        entities = (EntityFact(label, evidence, 1),)
        verdict = policy.decide(
            replace(asked, declared_class=declared, destination=destination, entities=entities)
        )
        assert isinstance(verdict, Refuse)
        assert any(label in hit.id or hit.id.startswith("M-") for hit in verdict.decisive)
        assert verdict.hides(label)


@pytest.mark.requirement("R22")
@pytest.mark.parametrize("name", ALL)
@settings(max_examples=60, deadline=None)
@given(ask=ASKS)
def test_no_city_reveals_anything_and_a_number_least_of_all(name: str, ask: Ask) -> None:
    verdict = loaded(name).decide(ask)

    assert verdict.revealed == frozenset()
    assert all(verdict.hides(label) for label in NEVER_REVEALED)
    sure = any(
        fact.type == "JP_RESIDENT_RECORD_CODE" or (fact.type == "JP_MY_NUMBER" and fact.evidence in SURE)
        for fact in ask.entities
    )
    assert isinstance(verdict, Refuse) or not sure


@pytest.mark.requirement("R28")
@pytest.mark.parametrize("name", RULED)
@pytest.mark.parametrize("kind", ["CREDENTIAL", "NETWORK"])
@pytest.mark.parametrize("evidence", EVIDENCE)
def test_secrets_and_the_inner_network_never_pass_unasked(
    name: str, kind: str, evidence: str, asked: Ask
) -> None:
    unsure = evidence in ("context", "repeat")
    entities = (EntityFact(kind, evidence, 1),)

    for declared, destination in product(CLASSES, TIERS):
        gave = gate(loaded(name), asked, declared_class=declared, destination=destination, entities=entities)
        assert gave == "deny" or (unsure and gave == "confirm")
    assert gate(loaded(name), asked, declared_class="1", entities=entities) == (
        "confirm" if unsure else "deny"
    )


@pytest.mark.parametrize("name", RULED)
@pytest.mark.parametrize("evidence", EVIDENCE)
def test_no_evidence_lets_a_my_number_through_unasked(name: str, evidence: str, asked: Ask) -> None:
    entities = (EntityFact("JP_MY_NUMBER", evidence, 1),)

    for declared in CLASSES:
        assert gate(loaded(name), asked, declared_class=declared, entities=entities) in ("confirm", "deny")


@pytest.mark.parametrize("name", RULED)
def test_every_kind_of_personal_data_has_its_row(name: str) -> None:
    rows = [row for table in data_of(name)["tables"] if table["rows"] == "entity" for row in table["cells"]]

    assert set(rows) - {"*"} == set(ENTITY_TYPES)


@pytest.mark.parametrize("name", RULED)
def test_what_the_mask_room_finds_beyond_the_vocabulary_is_masked_and_does_not_stop(
    name: str, asked: Ask
) -> None:
    policy = files.load(name, (*ENTITY_TYPES, "CITY_OWN_NUMBER"))
    verdict = policy.decide(
        replace(asked, declared_class="1", entities=(EntityFact("CITY_OWN_NUMBER", "pattern", 1),))
    )

    assert isinstance(verdict, Permit) and verdict.hides("CITY_OWN_NUMBER")


@pytest.mark.requirement("R26")
@pytest.mark.parametrize("name", ALL)
def test_every_category_class_and_destination_is_decided_by_something(name: str, asked: Ask) -> None:
    for category, declared, destination in product(CATEGORIES, CLASSES, TIERS):
        ask = replace(asked, category=category, declared_class=declared, destination=destination)
        assert loaded(name).decide(ask).decisive, (category, declared, destination)


def matrix(name: str) -> Iterator[tuple[str, Any, Any, str]]:
    """Category, class, destination and gate of every row that a city's tests write out by hand."""
    tests = yaml.safe_load((files.CITIES / f"{name}.tests.yaml").read_text("utf-8"))
    for table in tests["tables"]:
        if (table["rows"], table.get("columns")) == ("category", "class"):
            for category, gates in table["expect"].items():
                for declared, wanted in gates.items():
                    yield category, declared, table["ask"]["destination"], wanted


@pytest.mark.requirement("R26")
@pytest.mark.parametrize("name", RULED)
def test_the_whole_table_of_categories_classes_and_destinations_is_written_out_and_passes(
    name: str, asked: Ask
) -> None:
    rows = list(matrix(name))

    assert len(rows) == 400 >= 120
    assert {row[:3] for row in rows} == set(product(CATEGORIES, CLASSES, TIERS))
    for category, declared, destination, wanted in rows:
        ask = replace(asked, category=category, destination=destination)
        assert gate(loaded(name), ask, declared_class=declared) == wanted


def ruling(policy: Policy) -> tuple[Rule | Table, ...]:
    return (*policy.rules, *policy.tables)


@pytest.mark.requirement("R10")
@pytest.mark.parametrize("name", ALL)
def test_every_rule_and_table_names_its_ground_its_owner_and_the_risks_it_answers(name: str) -> None:
    policy = loaded(name)

    for one in ruling(policy):
        assert one.basis and one.owner, one.id
        assert one.risks and set(one.risks) <= set(RISKS), one.id
    for raising in policy.raises:
        assert raising.basis, raising.id


@pytest.mark.requirement("R10")
def test_the_citys_rules_answer_every_risk_that_a_checkpoint_of_text_can() -> None:
    policy = loaded("takatsuki")
    answered = {risk for one in ruling(policy) for risk in one.risks}

    missing = {"LLM01", "LLM02", "LLM03", "LLM05", "LLM06", "LLM07", "LLM09", "LLM10"} - answered
    assert not missing


def sentences(name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Every sentence that staff may be shown, with the id of what says it."""
    data = data_of(name)
    for rule in data["rules"]:
        for part in ("title", "remedy", "notice"):
            if part in rule:
                yield rule["id"], rule[part]
    for table in data.get("tables", ()):
        for saying in (table, *table.get("say", {}).values()):
            for part in ("notice", "confirm", "deny"):
                if part in saying:
                    yield table["id"], saying[part]


@pytest.mark.parametrize("name", ALL)
def test_everything_said_to_staff_is_a_short_sentence_in_both_languages(name: str) -> None:
    for id, pair in sentences(name):
        assert pair["ja"].endswith("。") and len(pair["ja"]) <= 100, (id, pair["ja"])
        assert pair["en"].endswith(".") and pair["en"].isascii() and len(pair["en"]) <= 190, (id, pair["en"])


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=40, deadline=None)
@given(ask=ASKS, seed=st.integers(0, 1))
def test_the_order_in_which_rules_and_tables_are_written_makes_no_difference(
    name: str, ask: Ask, seed: int
) -> None:
    one, other = loaded(name).decide(ask), shuffled(name, seed).decide(ask)

    assert type(one) is type(other)
    assert (ids(one), one.revealed, one.would) == (ids(other), other.revealed, other.would)
    assert {hit.id for hit in one.decisive} == {hit.id for hit in other.decisive}
    assert {hit.id for hit in one.notices} == {hit.id for hit in other.notices}
    assert set(one.alarms) == set(other.alarms)


@cache
def shuffled(name: str, seed: int) -> Policy:
    data, chance = dict(data_of(name)), random.Random(seed)
    for key in ("rules", "tables", "detected", "words"):
        if key in data:
            data[key] = chance.sample(data[key], len(data[key]))
    return parsed(data)


@pytest.mark.parametrize("name", ALL)
def test_what_ships_is_a_proposal_that_invents_nothing(name: str) -> None:
    policy = loaded(name)

    assert (policy.author, policy.approver, policy.officer, policy.effective) == (None, None, None, None)
    assert policy.originals_days == 0
    assert not policy.use_cases
    assert [each.name for each in policy.models.listed] == ([] if name == "mask-only" else ["sekisho-demo"])
    documentation = [ip_network(each) for each in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
    for zone in data_of(name).get("zones", ()):
        assert all(ip_network(network) in documentation for network in zone["networks"])


def test_the_only_model_that_ships_runs_in_the_house_and_costs_nothing() -> None:
    for name in RULED:
        listed = loaded(name).models.of("sekisho-demo")
        assert listed is not None
        assert (listed.service, listed.destination, listed.regions) == ("own", "D1", ("jp",))
        assert listed.no_training and listed.recorded
        assert listed.cost(1000, 1000, NOVEMBER) == 0


def test_the_strict_profile_never_allows_more_than_the_city_and_the_wide_one_never_less(asked: Ask) -> None:
    found = [(), *((EntityFact(label, "cue", 1),) for label in ENTITY_TYPES)]
    for category, declared, destination, entities in product(CATEGORIES, CLASSES, TIERS, found[::9]):
        ask = replace(asked, category=category, declared_class=declared, destination=destination)
        strict, city, wide = (
            GATES.index(gate(loaded(name), ask, entities=entities))
            for name in ("class2-prohibited", "takatsuki", "designated-ai")
        )
        assert strict >= city >= wide, ask


def test_class_two_and_above_never_leaves_under_the_strict_profile(asked: Ask) -> None:
    for declared, destination, category in product((None, *CLASSES[1:]), TIERS, CATEGORIES):
        ask = replace(asked, declared_class=declared, destination=destination, category=category)
        assert gate(loaded("class2-prohibited"), ask) == "deny"


def test_what_is_not_public_goes_to_designated_models_only_under_the_wide_profile(asked: Ask) -> None:
    data = data_of("designated-ai")
    unfit: list[dict[str, Any]] = [{"no_training": False}, {"recorded": False}]
    models = [model(f"unfit-{i}", **facts) for i, facts in enumerate(unfit)]
    policy = parsed({**data, "models": [*data["models"], *models, model("designated")]})

    for one in models:
        assert gate(policy, asked, model=one["name"]) == "deny"
        assert gate(policy, asked, model=one["name"], declared_class="1") == "allow"
    assert gate(policy, asked, model="designated", declared_class="3C") == "allow"


def test_mask_only_refuses_nothing_but_my_number_and_resident_record_code(ordinary: Ask) -> None:
    policy = loaded("mask-only")
    refused = {
        label
        for label in ENTITY_TYPES
        if gate(policy, ordinary, entities=(EntityFact(label, "cue", 1),)) != "allow"
    }

    assert refused == {"JP_MY_NUMBER", "JP_RESIDENT_RECORD_CODE"}
    unsure = policy.decide(replace(ordinary, entities=(EntityFact("JP_MY_NUMBER", "checksum", 1),)))
    assert isinstance(unsure, Permit) and unsure.hides("JP_MY_NUMBER")


def test_the_cities_look_for_the_same_words() -> None:
    assert all(loaded(name).word_lists == loaded("takatsuki").word_lists for name in RULED)


# ── P-01 to P-20 ──

BROKEN: Mapping[str, list[tuple[dict[str, Any], str]]] = {
    "P-01": [({"enrolled": False}, "deny"), ({"trained": False}, "deny"), ({"acknowledged": False}, "deny")],
    "P-02": [({"words": ("PRIVATE-USE",)}, "deny"), ({"purpose": False}, "deny")],
    "P-03": [({"model": "unheard-of"}, "deny")],
    "P-04": [
        ({"entities": (EntityFact("JP_MY_NUMBER", "cue", 1),)}, "deny alarm"),
        ({"entities": (EntityFact("JP_RESIDENT_RECORD_CODE", "cue", 1),)}, "deny alarm"),
    ],
    "P-05": [({"entities": (EntityFact(label, "cue", 1),)}, "notice") for label in MASKED],
    "P-06": [
        ({"entities": (EntityFact(label, "cue", 1),)}, "confirm")
        for label in (
            "JP_BANK_ACCOUNT", "JP_HEALTH_INSURANCE", "JP_BASIC_PENSION_NUMBER", "JP_LONG_TERM_CARE_INSURANCE",
            "JP_RESIDENCE_CARD", "JP_PASSPORT", "JP_DRIVER_LICENSE",
        )
    ] + [({"entities": (EntityFact("CREDIT_CARD", "checksum", 1),)}, "deny")],
    "P-07": [({"entities": (EntityFact("JP_SENSITIVE", "context", 1),)}, "deny")],
    "P-08": [
        ({"entities": (EntityFact("JP_PROTECTED_PERSON", "context", 1),)}, "deny"),
        ({"entities": (EntityFact("JP_VULNERABLE_LIST", "cue", 1),)}, "deny"),
        ({"entities": (EntityFact("JP_WELFARE_ID", "cue", 1),)}, "deny"),
        ({"category": "disaster_support", "entities": (EntityFact("PERSON", "context", 1),)}, "deny"),
    ],
    "P-09": [({"entities": (EntityFact(kind, "pattern", 1),)}, "deny") for kind in ("CREDENTIAL", "NETWORK")],
    "P-10": [
        ({"category": "procurement_secret"}, "deny"),
        ({"declared_class": "1", "words": ("UNPUBLISHED",)}, "notice"),
        ({"words": ("FORBIDDEN-EXAMPLE",)}, "deny"),
    ],
    "P-11": [
        ({"category": "disposition"}, "deny"),
        ({"category": "hr", "words": ("HR-EVALUATION",)}, "deny"),
        ({"words": ("DECISION",)}, "deny"),
    ],
    "P-12": [({"category": category}, "notice") for category in ("minutes", "assembly_qa", "contract", "pr")],
    "P-13": [({"category": category}, "notice") for category in ("pr", "citizen_reply")],
    "P-14": [({"words": ("IMITATION",)}, "notice")],
    "P-15": [({"words": ("ASSESS-COMPANY",)}, "confirm"), ({"words": ("ASSESS-PERSON",), "persons": 1}, "confirm")],
    "P-16": [({"words": ("ATTACK-LIFT",)}, "notice alarm"), ({"words": ("ATTACK-PEEK",)}, "notice alarm")],
    "P-17": [({"category": "training"}, "notice")],
    "P-18": [({"category": "training"}, "notice"), ({"acknowledged": False}, "notice")],
    "P-19": [({"quota": "over"}, "deny"), ({"quota": "near"}, "notice")],
    "P-20": [({"attachments": ("image",)}, "deny")],
}  # fmt: skip
"""How each rule in plain words is broken or met, and what must come of it."""
PLAIN_WORDS = [(id, changes, effects) for id, ways in BROKEN.items() for changes, effects in ways]


@pytest.mark.requirement("R14")
@pytest.mark.parametrize("name", ["designated-ai", "takatsuki"])
@pytest.mark.parametrize(("id", "changes", "effects"), PLAIN_WORDS)
def test_every_rule_in_plain_words_has_its_place(
    name: str, id: str, changes: dict[str, Any], effects: str, asked: Ask
) -> None:
    plain, verdict = loaded(name).decide(asked), loaded(name).decide(replace(asked, **changes))

    wanted = effects.split()
    gates = [effect for effect in wanted if effect in GATES]
    assert gate_of(plain) == "allow" and not plain.notices and not plain.alarms
    assert not gates or gate_of(verdict) == gates[0]
    assert bool(verdict.alarms) is ("alarm" in wanted)
    assert "notice" not in wanted or verdict.notices


def test_the_file_names_the_place_of_every_rule_in_plain_words() -> None:
    assert list(BROKEN) == [f"P-{number:02}" for number in range(1, 21)]
    for name in RULED:
        head = (files.CITIES / f"{name}.yaml").read_text("utf-8").partition("\nname:")[0]
        places = dict(re.findall(r"(P-[0-9]{2}) ((?:規則|一覧|表) \S+)", head))
        assert sorted(places) == sorted(BROKEN)


@pytest.mark.parametrize("name", RULED)
def test_when_something_cannot_be_judged_nothing_is_sent_and_somebody_is_told(name: str, asked: Ask) -> None:
    for changes in ({"category": "unheard-of"}, {"entities": (EntityFact("UNHEARD_OF", "cue", 1),)}):
        verdict = loaded(name).decide(replace(asked, **changes))
        assert isinstance(verdict, Refuse) and verdict.error and verdict.alarms


# ── Notices are read only while they are few ──


@pytest.mark.parametrize("category", ["greeting", "plan_draft", "mail_draft", "lowcode", "online_proc"])
def test_plain_work_with_nothing_found_passes_without_a_word(category: str, asked: Ask) -> None:
    places: list[tuple[Any, Any]] = [("1", "D1"), ("1", "D3"), ("2", "D1"), ("2", "D2")]
    for declared, destination in places:
        ask = replace(asked, category=category, destination=destination, declared_class=declared)
        verdict = loaded("takatsuki").decide(ask)
        assert isinstance(verdict, Permit) and verdict.notices == ()


def test_however_much_is_masked_one_notice_says_so(asked: Ask) -> None:
    found = tuple(EntityFact(label, evidence, 3) for label in MASKED for evidence in ("cue", "repeat"))

    assert [hit.id for hit in loaded("takatsuki").decide(replace(asked, entities=found)).notices] == ["P-05"]


# ── Class ──


@cache
def raising() -> Policy:
    """The city's rules, in which the tool ``finds-3C`` finds something of class 3C, and so on."""
    data, named = data_of("takatsuki"), {"title": PAIR, "basis": "例"}
    raises = [{"id": f"X-{to}", "class": to, "when": {"tool": [f"finds-{to}"]}, **named} for to in CLASSES]
    return parsed({**data, "detected": [*data["detected"], *raises]})


@pytest.mark.requirement("R25")
@pytest.mark.parametrize(("declared", "found"), [*product(CLASSES, CLASSES), (None, "1"), (None, "3A")])
def test_of_the_declared_and_the_detected_class_the_higher_one_counts(
    declared: ConfidentialityClass | None, found: ConfidentialityClass, asked: Ask
) -> None:
    derived = raising().decide(replace(asked, declared_class=declared, tool=f"finds-{found}")).derived

    assert derived is not None and derived.detected_class == found
    assert derived.effective_class == max(declared or "2", found, key=CLASSES.index)


@pytest.mark.requirement("R25")
@pytest.mark.parametrize("name", RULED)
@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"persons": 19}, None),
        ({"persons": 20}, "3B"),
        ({"pairs": 1}, "3B"),
        ({"words": ("BENEFIT",)}, None),
        ({"words": ("BENEFIT",), "persons": 1}, "3B"),
        ({"category": "tax_welfare_case"}, "3B"),
        ({"words": ("UNPUBLISHED",)}, "2"),
        ({"entities": (EntityFact("JP_VULNERABLE_LIST", "cue", 20),), "persons": 20}, "3B"),
    ],
)
def test_twenty_persons_a_sensitive_pair_or_a_person_with_a_benefit_raise_the_class(
    name: str, changes: dict[str, Any], found: str | None, asked: Ask
) -> None:
    derived = loaded(name).decide(replace(asked, declared_class="1", **changes)).derived

    assert derived is not None
    assert (derived.detected_class, derived.effective_class) == (found, found or "1")


@pytest.mark.requirement("R25")
def test_without_a_declaration_an_ask_counts_as_class_two(asked: Ask) -> None:
    policy = loaded("takatsuki")

    for destination in TIERS:
        ask = replace(asked, destination=destination)
        assert gate(policy, ask, declared_class=None) == gate(policy, ask, declared_class="2")


# ── Who, where from, with which model ──


@pytest.mark.requirement("R3")
def test_staff_who_have_not_accepted_the_current_rules_are_refused_and_told_that_use_is_logged(
    asked: Ask,
) -> None:
    verdict = loaded("takatsuki").decide(replace(asked, acknowledged=False))

    assert [hit.id for hit in verdict.decisive] == ["P-01c"]
    assert [hit.id for hit in verdict.notices] == ["P-18a"]


@pytest.mark.requirement("R4")
@pytest.mark.parametrize(
    ("case", "expected"), [("high", "deny"), ("high-approved", "allow"), ("clerical", "allow")]
)
def test_a_high_risk_use_case_is_refused_until_it_is_approved(case: str, expected: str, asked: Ask) -> None:
    assert gate(takatsuki(), asked, use_case=case) == expected


@pytest.mark.requirement("R4")
def test_an_approval_counts_from_its_first_day_to_its_last(asked: Ask) -> None:
    instants = {"2026-03-31T14:59Z": "deny", "2026-03-31T15:00Z": "allow", "2027-03-31T14:59Z": "allow"}

    for instant, expected in {**instants, "2027-03-31T15:00Z": "deny"}.items():
        at = datetime.fromisoformat(instant)
        assert gate(takatsuki(), asked, use_case="high-approved", at=at) == expected, instant


@pytest.mark.requirement("R5")
@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (None, "deny"),
        ("unassessed", "deny"),
        ("unapproved", "deny"),
        ("clerical", "deny"),
        ("rights", "confirm"),
    ],
)
def test_a_disposition_needs_an_assessed_and_approved_use_case_that_is_about_rights(
    case: str | None, expected: str, asked: Ask
) -> None:
    assert gate(takatsuki(), asked, category="disposition", use_case=case) == expected


@pytest.mark.requirement("R5")
def test_a_contractor_needs_prior_consent_and_staff_do_not(asked: Ask) -> None:
    policy = loaded("takatsuki")

    assert gate(policy, asked, actor="contractor") == "deny"
    assert gate(policy, asked, actor="contractor", consented=True) == "allow"
    assert gate(policy, asked, actor="staff", consented=False) == "allow"


@pytest.mark.requirement("R6")
@pytest.mark.parametrize("name", RULED)
def test_a_model_that_nobody_approved_is_refused_whatever_is_sent(name: str, asked: Ask) -> None:
    for declared, destination in product(CLASSES, TIERS):
        ask = replace(asked, declared_class=declared, destination=destination, model="unheard-of")
        assert "P-03" in {hit.id for hit in loaded(name).decide(ask).decisive}


@pytest.mark.requirement("R6")
def test_a_city_that_loses_its_list_of_models_sends_nothing(asked: Ask) -> None:
    for name in RULED:
        data = {key: value for key, value in data_of(name).items() if key != "models"}
        assert gate(parsed(data), asked, declared_class="1") == "deny"


@pytest.mark.requirement("R6")
def test_a_model_is_refused_from_the_day_after_its_contract_ends(asked: Ask) -> None:
    last, next_day = datetime(2026, 10, 31, 14, 59, tzinfo=UTC), datetime(2026, 10, 31, 15, 0, tzinfo=UTC)

    assert gate(takatsuki(), asked, model="ended", at=last) == "allow"
    assert gate(takatsuki(), asked, model="ended", at=next_day) == "deny"


@pytest.mark.requirement("R7")
@pytest.mark.parametrize("declared", CLASSES)
@pytest.mark.parametrize("case", [None, "clerical", "unapproved"])
def test_a_service_under_general_terms_gets_public_information_of_approved_use_cases_only(
    declared: ConfidentialityClass, case: str | None, asked: Ask
) -> None:
    verdict = takatsuki().decide(
        replace(asked, model="terms", destination="D4", declared_class=declared, use_case=case)
    )

    if declared == "1" and case == "clerical":
        assert isinstance(verdict, Permit) and "T-02" in {hit.id for hit in verdict.notices}
    else:
        assert isinstance(verdict, Refuse)


@pytest.mark.requirement("R20")
@pytest.mark.parametrize("declared", CLASSES)
def test_a_model_that_may_train_on_its_input_gets_public_information_only(
    declared: ConfidentialityClass, asked: Ask
) -> None:
    assert gate(takatsuki(), asked, model="training", declared_class=declared) == (
        "allow" if declared == "1" else "deny"
    )


@pytest.mark.requirement("R20")
def test_nothing_is_revealed_to_a_model_that_may_train_on_its_input_whatever_a_rule_says(asked: Ask) -> None:
    data = data_of("takatsuki")
    reveal = {"types": ["PERSON"], "destinations": ["D1", "D2"]}
    rule = {"id": "X-1", "title": PAIR, "basis": "例", "when": {"always": True}, "reveal": reveal}
    policy = parsed(
        {
            **data,
            "models": [*data["models"], model("training", no_training=False)],
            "rules": [*data["rules"], rule],
        }
    )
    named = replace(asked, declared_class="1", entities=(EntityFact("PERSON", "context", 1),))

    assert policy.decide(named).revealed == {"PERSON"}
    assert policy.decide(replace(named, model="training")).revealed == frozenset()


@pytest.mark.requirement("R40")
@pytest.mark.parametrize(
    ("audience", "case", "expected"),
    [
        ("staff", None, "allow"),
        ("public", None, "deny"),
        ("public", "clerical", "deny"),
        ("public", "public", "allow"),
    ],
)
def test_a_key_for_staff_serves_citizens_only_with_a_use_case_approved_for_the_public(
    audience: str, case: str | None, expected: str, asked: Ask
) -> None:
    assert gate(takatsuki(), asked, audience=audience, use_case=case) == expected


@pytest.mark.requirement("R70")
@pytest.mark.parametrize("name", RULED)
def test_the_my_number_network_may_not_call_at_all_and_an_attempt_alarms(name: str, asked: Ask) -> None:
    for declared, destination in product(CLASSES, TIERS):
        ask = replace(asked, declared_class=declared, destination=destination)
        verdict = loaded(name).decide(replace(ask, address="192.0.2.200"))
        assert isinstance(verdict, Refuse) and verdict.alarms == ("Z-01",)
        assert verdict.derived is not None and verdict.derived.zone == "my_number"
    assert not loaded(name).decide(replace(asked, address="198.51.100.200")).alarms


# ── What is asked ──


@pytest.mark.requirement("R27")
@pytest.mark.parametrize(
    "text",
    [
        "架空大橋架替計画",
        "架空大橋 架替計画",
        "架空大橋\n架替計画の資料",
        "架空中央駅前再開発案を要約",
        "架空　中央駅前　再開発案",
    ],
)
def test_a_forbidden_word_is_refused_however_it_is_spaced_and_the_list_has_an_owner_and_an_end(
    text: str, asked: Ask
) -> None:
    policy = loaded("takatsuki")
    words = next(each for each in policy.word_lists if each.id == "FORBIDDEN-EXAMPLE")

    assert [hit.id for hit in said(policy, asked, text).decisive] == ["P-10a"]
    assert words.owner and words.until == date(2027, 3, 31)
    assert policy.words([text], date(2027, 4, 1)) == ()


@pytest.mark.requirement("R27")
def test_every_list_of_words_has_an_owner() -> None:
    for name in RULED:
        assert all(words.owner for words in loaded(name).word_lists)


@pytest.mark.requirement("R30")
@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("有名な作家の作風で、歓迎のあいさつを書いてください。", True),
        ("人気の歌手の歌詞をまねて、健康体操の歌を作ってください。", True),
        ("Write a poem in the style of a famous poet.", True),
        ("お礼の文は、どんな風に書いたらよいですか。", False),
        ("市の花を描いたポスターの文案を考えてください。", False),
        ("図書館の小説コーナーを紹介してください。", False),
    ],
)
def test_asking_to_imitate_a_work_or_its_author_raises_a_copyright_notice_and_nothing_more(
    text: str, warned: bool, asked: Ask
) -> None:
    verdict = said(loaded("takatsuki"), asked, text)

    assert isinstance(verdict, Permit)
    assert ("P-14" in {hit.id for hit in verdict.notices}) is warned


@pytest.mark.requirement("R37")
@pytest.mark.parametrize("destination", TIERS)
def test_no_disposition_examination_or_evaluation_is_left_to_a_model(destination: Any, asked: Ask) -> None:
    policy = loaded("takatsuki")
    ask = replace(asked, destination=destination, declared_class="1")

    assert gate(policy, ask, category="disposition") == "deny"
    assert isinstance(said(policy, ask, "部下の人事評価コメントを書いてください。", category="hr"), Refuse)
    for text in (
        "応募者を採点してください。",
        "この申請は却下すべきか、答えてください。",
        "この人の採否を決めてください。",
    ):
        assert isinstance(said(policy, ask, text, category="research"), Refuse)


@pytest.mark.requirement("R37")
def test_a_draft_for_the_assembly_says_that_it_is_no_final_word_and_that_two_check_it(asked: Ask) -> None:
    verdict = loaded("takatsuki").decide(replace(asked, category="assembly_qa"))

    (shown,) = verdict.notices
    assert shown.notice is not None
    assert "最終判断には使えません" in shown.notice.ja and "2人で" in shown.notice.ja


@pytest.mark.requirement("R38")
@pytest.mark.parametrize(
    ("text", "persons", "expected"),
    [
        ("株式会社例示の評判を教えてください。", 0, "confirm"),
        ("この事業者は信用できる会社ですか。", 0, "confirm"),
        ("What is the reputation of this company?", 0, "confirm"),
        ("山田さんの人柄を評価して、文章にしてください。", 1, "confirm"),
        ("山田さんへのお礼状を書いてください。", 1, "allow"),
        ("職員の人柄が伝わる案内文を書いてください。", 0, "allow"),
        ("業者を選ぶ評価基準の案を作ってください。", 0, "allow"),
        ("総合評価落札方式の説明文を作ってください。", 0, "allow"),
    ],
)
def test_an_assessment_of_a_particular_person_or_company_needs_confirmation(
    text: str, persons: int, expected: str, asked: Ask
) -> None:
    assert gate_of(said(loaded("takatsuki"), asked, text, persons=persons)) == expected


@pytest.mark.requirement("R41")
@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("この手数料の根拠になる条例は何条ですか。", True),
        ("粗大ごみの料金はいくらですか。", True),
        ("固定資産税の納付の期限はいつまでですか。", True),
        ("Which article of the ordinance says so?", True),
        ("会議の案内メールを丁寧に書いてください。", False),
        ("締切を知らせるメールを書いてください。", False),
        ("新しい条例の広報文に見出しを付けてください。", False),
    ],
)
def test_questions_on_law_amounts_and_dates_are_marked_as_needing_a_check(
    text: str, warned: bool, asked: Ask
) -> None:
    verdict = said(loaded("takatsuki"), asked, text)

    assert isinstance(verdict, Permit)
    shown = {hit.id: hit.notice.ja for hit in verdict.notices if hit.notice}
    assert ("P-12a" in shown) is warned
    assert not warned or shown["P-12a"].startswith("【要確認】")


# ── Tools ──


@pytest.mark.requirement("R75")
@pytest.mark.parametrize(
    ("tools", "unnamed", "expected"),
    [
        ((), 0, "allow"),
        (("search_bylaws",), 0, "allow"),
        (("send_mail",), 0, "confirm"),
        (("search_bylaws", "send_mail"), 0, "confirm"),
        (("delete_file",), 0, "deny"),
        (("search_bylaws", "web_search"), 0, "deny"),
        (("search_bylaws",), 1, "deny"),
    ],
)
def test_only_approved_tools_are_offered_and_those_with_side_effects_need_a_person(
    tools: tuple[str, ...], unnamed: int, expected: str, asked: Ask
) -> None:
    assert gate(takatsuki(), asked, model="tools", tools=tools, tools_unnamed=unnamed) == expected


@pytest.mark.requirement("R75")
@pytest.mark.parametrize("name", RULED)
def test_a_model_that_lists_no_tools_is_offered_none(name: str, asked: Ask) -> None:
    assert gate(loaded(name), asked, declared_class="1", tools=("anything",)) == "deny"


# ── What is rehearsed ──


def test_what_an_approved_use_case_will_be_needed_for_is_recorded_and_not_yet_stopped(asked: Ask) -> None:
    places: list[tuple[Any, Any]] = [("3C", "D2"), ("3B", "D1")]
    for declared, destination in places:
        ask = replace(asked, declared_class=declared, destination=destination)
        without, with_one = takatsuki().decide(ask), takatsuki().decide(replace(ask, use_case="clerical"))
        assert (gate_of(without), without.would) == ("confirm", "deny")
        assert (gate_of(with_one), with_one.would) == ("confirm", None)
