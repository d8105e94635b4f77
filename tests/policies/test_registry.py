"""The registry: which model is meant, what its contract says on a day, what it costs, and whose network it is."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.complaints import PolicyError
from policies.decide import Policy, gate_of
from policies.house_rules import HOUSE_RULES
from policies.model import Ask, EntityFact, Permit, Refuse
from policies.registry import NO_ZONE, Zones
from policies.vocabulary import CLASSES, TIERS
from tests.policies.test_conditions import APPROVED, LISTS, model, use_case

PolicyOf = Callable[..., Policy]
ALLOW = {"gate": "allow"}


def with_models(policy_of: PolicyOf, *models: dict[str, Any], **head: Any) -> Policy:
    return policy_of(ALLOW, models=list(models), **head)


def ids(policy: Policy, ask: Ask) -> list[str]:
    return [hit.id for hit in policy.decide(ask).decisive]


@pytest.mark.requirement("R6")
def test_a_model_that_is_not_listed_is_refused_whatever_the_rules_allow(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    policy = with_models(policy_of, model("any-model"), model("gpt-5*"))

    assert isinstance(policy.decide(ordinary), Permit)
    assert isinstance(policy.decide(replace(ordinary, model="gpt-5.2-mini")), Permit)
    for name in ("gpt-4", "ANY-MODEL", "any-model ", "openai/gpt-5", "", "ａny-model"):
        assert ids(policy, replace(ordinary, model=name)) == ["S.unknown-model"]


@pytest.mark.requirement("R6")
def test_a_model_is_refused_before_its_first_and_after_its_last_day_in_japan(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    policy = with_models(policy_of, model("any-model", valid_from="2026-11-02", valid_until="2026-11-03"))

    def gate(at: str) -> str:
        return gate_of(policy.decide(replace(ordinary, at=datetime.fromisoformat(at))))

    assert gate("2026-11-01T23:59:59+09:00") == "deny"
    assert gate("2026-11-02T00:00:00+09:00") == "allow"
    assert gate("2026-11-03T14:59:59+00:00") == "allow"
    assert gate("2026-11-03T15:00:00+00:00") == "deny"


@pytest.mark.requirement("R7")
def test_a_service_under_general_terms_never_gets_class_2_or_above_whatever_is_masked(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    policy = with_models(policy_of, model("terms", service="terms_only", destination="D4"))

    for declared in (None, *CLASSES):
        ask = replace(ordinary, model="terms", destination="D1", declared_class=declared)
        assert ids(policy, ask) == (["R-0"] if declared == "1" else ["S.terms-only"])


def test_a_model_on_trial_gets_class_1_only_and_only_until_its_last_day(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    policy = with_models(policy_of, model("trial", sandbox=True, valid_until="2026-12-31"))

    for declared in (None, *CLASSES):
        ask = replace(ordinary, model="trial", declared_class=declared)
        assert ids(policy, ask) == (["R-0"] if declared == "1" else ["S.sandbox"])
    new_year = datetime(2026, 12, 31, 15, tzinfo=UTC)
    assert ids(policy, replace(ordinary, model="trial", declared_class="1", at=new_year)) == [
        "S.unknown-model"
    ]


def test_what_was_found_can_take_a_text_away_from_a_model_on_trial(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    """Declared public, but twenty persons were found: the higher class counts for the house's rules, too."""
    policy = policy_of(ALLOW, **LISTS)
    ask = replace(ordinary, model="on-trial", declared_class="1")

    assert isinstance(policy.decide(ask), Permit)
    assert ids(policy, replace(ask, persons=20)) == ["S.sandbox"]


@pytest.mark.requirement("R4")
def test_a_use_case_that_is_not_listed_is_refused(ordinary: Ask, policy_of: PolicyOf) -> None:
    policy = policy_of(ALLOW, use_cases=[use_case("UC-1")])

    assert isinstance(policy.decide(ordinary), Permit)
    assert isinstance(policy.decide(replace(ordinary, use_case="UC-1")), Permit)
    assert ids(policy, replace(ordinary, use_case="UC-2")) == ["S.unknown-use-case"]


def test_every_rule_of_the_house_says_what_to_do_in_two_languages() -> None:
    for hit in HOUSE_RULES:
        assert hit.effects == ("deny",)
        assert hit.remedy and hit.remedy.ja.endswith("。") and hit.remedy.en.endswith(".")
        assert hit.title.ja.endswith("。") and hit.title.en.endswith(".")


def test_no_rule_of_a_city_lifts_a_rule_of_the_house(ordinary: Ask, policy_of: PolicyOf) -> None:
    everything = {"gate": "allow", "reveal": {"types": ["PERSON"], "destinations": list(TIERS)}}
    policy = policy_of(everything, **LISTS)

    for change in ({"model": "nobody's"}, {"model": "terms"}, {"model": "on-trial"}, {"use_case": "UC-9"}):
        assert isinstance(policy.decide(replace(ordinary, **change)), Refuse)


def test_a_policy_without_a_registry_decides_as_it_did_before_there_was_one(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    verdict = policy_of(ALLOW).decide(ordinary)

    assert isinstance(verdict, Permit)
    assert [hit.id for hit in verdict.rules] == ["R-0"]


@pytest.mark.requirement("R20")
def test_nothing_leaves_unmasked_for_a_model_that_may_learn_from_it(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    reveal = {"gate": "allow", "reveal": {"types": ["PERSON"], "destinations": ["D1", "D3"]}}
    policy = policy_of(reveal, **LISTS)
    named = replace(ordinary, entities=(EntityFact("PERSON", "cue", 1),), destination="D1")

    assert not policy.decide(replace(named, model="own")).hides("PERSON")
    assert policy.decide(replace(named, model="abroad-1")).hides("PERSON")
    assert policy.decide(replace(named, model="nobody's")).hides("PERSON")


def test_the_stricter_of_route_and_contract_is_the_destination(ordinary: Ask, policy_of: PolicyOf) -> None:
    for route in TIERS:
        for contract in TIERS:
            policy = with_models(policy_of, model("any-model", destination=contract))
            derived = policy.decide(replace(ordinary, destination=route)).derived
            assert derived is not None
            assert derived.destination == max(route, contract)


def test_an_exact_name_comes_before_a_pattern_and_an_earlier_pattern_before_a_later_one(
    policy_of: PolicyOf,
) -> None:
    models = with_models(policy_of, model("gpt-*"), model("gpt-5*"), model("gpt-5.2")).models

    for _ in range(2):  # what was looked up once is remembered, and remembered right
        assert [found.name for name in ("gpt-5.2", "gpt-5.3", "gpt-4") if (found := models.of(name))] == [
            "gpt-5.2",
            "gpt-*",
            "gpt-*",
        ]
        assert models.of("claude") is None


def test_a_price_counts_from_its_day_on_and_none_was_agreed_before(policy_of: PolicyOf) -> None:
    prices = [
        {"from": "2026-10-01", "input": "7.5", "output": 30},
        {"from": "2026-04-01", "input": 60, "output": "240.5"},
    ]
    one = with_models(policy_of, model("any-model", prices=prices)).models.of("any-model")

    assert one is not None
    assert one.cost(1000, 1000, date(2026, 3, 31)) is None
    assert one.cost(1_000_000, 1_000_000, date(2026, 9, 30)) == Decimal("300.5")
    assert one.cost(1000, 200, date(2026, 10, 1)) == Decimal("0.0135")


@pytest.mark.requirement("R75")
def test_a_tool_that_the_registry_does_not_list_for_a_model_can_be_refused(
    ordinary: Ask, policy_of: PolicyOf
) -> None:
    policy = policy_of(ALLOW, {"when": {"tools": {"not_approved": True}}, "gate": "deny"}, **LISTS)
    own = replace(ordinary, model="own", destination="D1")

    assert ids(policy, replace(own, tools=("search_web", "SEARCH_books"))) == ["R-0"]
    assert ids(policy, replace(own, tools=("search_web", "send_mail"))) == ["R-1"]
    assert ids(policy, replace(own, tools_unnamed=1)) == ["R-1"]


def test_an_approval_counts_on_its_first_and_its_last_day(policy_of: PolicyOf) -> None:
    cases = policy_of(ALLOW, use_cases=[use_case("UC-1", approval=APPROVED), use_case("UC-2")]).use_cases

    days = [date(2026, 3, 31), date(2026, 4, 1), date(2027, 3, 31), date(2027, 4, 1)]
    assert [cases["UC-1"].approved(day) for day in days] == [False, True, True, False]
    assert not cases["UC-2"].approved(date(2026, 4, 1))


# ── networks ──────────────────────────────────────────────────────────────────────────────────────


def zones(policy_of: PolicyOf, *listed: tuple[str, str]) -> Zones:
    return policy_of(ALLOW, zones=[{"zone": zone, "networks": [net]} for zone, net in listed]).zones


@pytest.mark.requirement("R70")
def test_of_two_networks_that_hold_an_address_the_narrower_one_counts(policy_of: PolicyOf) -> None:
    found = zones(policy_of, ("office", "10.0.0.0/8"), ("my_number", "10.9.0.0/16"), ("one", "10.9.9.9"))

    assert [found.of(at) for at in ("10.1.1.1", "10.9.0.0", "10.9.255.255", "10.9.9.9", "10.10.0.0")] == [
        "office",
        "my_number",
        "my_number",
        "one",
        "office",
    ]


@pytest.mark.parametrize("address", [None, "", "10.9", "10.9.1.1/16", "fe80::1%eth0 x", "127.0.0.1", "::1"])
def test_an_address_that_nobody_knows_is_in_no_zone(policy_of: PolicyOf, address: str | None) -> None:
    assert zones(policy_of, ("office", "10.0.0.0/8")).of(address) == NO_ZONE


def test_an_ipv4_address_written_as_ipv6_is_the_same_address(policy_of: PolicyOf) -> None:
    found = zones(policy_of, ("office", "10.0.0.0/8"), ("new", "2001:db8::/32"))

    assert (found.of("::ffff:10.1.1.1"), found.of("2001:db8::1")) == ("office", "new")


@given(st.ip_addresses(v=4))
def test_an_address_lies_in_the_narrowest_of_the_networks_that_hold_it(address: IPv4Address) -> None:
    holding = [(network.prefixlen, name) for name, network in NETWORKS if address in network]

    assert Zones(NETWORKS).of(str(address)) == max(holding, default=(0, NO_ZONE))[1]


def test_the_sample_of_a_zone_lies_in_it() -> None:
    found = Zones([*NETWORKS, ("new", ip_network("2001:db8::/32"))])

    assert [found.of(found.sample(name)) for name in found.names] == list(found.names)
    assert found.sample(NO_ZONE) is None


@given(st.lists(st.ip_addresses(v=4).map(lambda at: IPv4Network(f"{at}/32").supernet(2)), max_size=3))
def test_a_zone_that_is_not_covered_whole_has_a_sample(narrower: list[IPv4Network]) -> None:
    """Both ends are taken, and wherever the others lie: a /26 and three networks of four leave addresses over."""
    hall = IPv4Network("10.0.0.0/26")
    ends = [IPv4Network("10.0.0.0/27"), IPv4Network("10.0.0.56/29")]
    inner = [IPv4Network(f"10.0.0.{int(one.network_address) % 64}/30") for one in narrower]
    found = Zones([("hall", hall), *(("other", one) for one in (*ends, *inner))])

    assert found.of(found.sample("hall")) == "hall"


def test_a_zone_that_narrower_ones_cover_has_no_sample() -> None:
    halves = [("a", IPv4Network("0.0.0.0/1")), ("b", IPv4Network("128.0.0.0/1"))]

    assert Zones([("all", IPv4Network("0.0.0.0/0")), *halves]).sample("all") is None


@pytest.mark.parametrize("network", [10, True, "10", "10.1.1.1/8"])
def test_a_network_is_written_as_a_network(policy_of: PolicyOf, network: Any) -> None:
    with pytest.raises(PolicyError, match=r"write a network as 10\.1\.0\.0/16"):
        policy_of(ALLOW, zones=[{"zone": "hall", "networks": network}])


NETWORKS = [
    ("office", IPv4Network("10.0.0.0/8")),
    ("half", IPv4Network("0.0.0.0/1")),
    ("inner", IPv4Network("10.9.0.0/16")),
]
