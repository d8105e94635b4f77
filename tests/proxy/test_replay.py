"""A stored request decided again by the policy of its digest is decided the same (R2)."""

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as law
from hypothesis import strategies as st

from policies.decide import decide
from policies.model import Ask, EntityFact
from policies.vocabulary import CATEGORIES, CLASSES, DIALECTS, ENTITY_TYPES, EVIDENCE, TIERS
from proxy import replay
from proxy.accounts import asked
from proxy.callers import Caller, Declared
from proxy.house import House, build
from proxy.replay import Difference, NotReplayable, ask_of, differences
from proxy.rulebook import by_digest
from proxy.settings import Settings
from proxy.surfaces.chat import ChatRequest
from proxy.surfaces.messages import CountRequest
from redaction.vault import Vault
from tests.proxy.conftest import post
from tests.proxy.test_records_hold_every_field import MY_NUMBER, NAME, TOOL, Finds
from tests.proxy.two_policies import OLD, an_ask, found, new_data, policy, record, written

AT = "2026-10-05T01:02:03.000004Z"

# ── real exchanges ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def base_url(serve: Callable[..., str], settings: Settings, tmp_path: Path) -> str:
    """A desk under a policy that looks at whatever a policy may look at."""
    ruled = settings.model_copy(update={"policy": str(written(tmp_path, OLD))})

    def make(_: Settings) -> House:
        return dataclasses.replace(build(ruled), detector=Finds())  # type: ignore[arg-type]

    return serve(make)


def say(base_url: str, text: str, path: str = "/chat/completions", /, **more: Any) -> int:
    headers = {name: more.pop(name) for name in list(more) if name.startswith("x_")}
    messages = [{"role": "user", "content": text}]
    body = {"input": text} if path in ("/responses", "/embeddings") else {"messages": messages}
    return post(base_url, {"model": "echo", **body, **more}, path=path, **headers)[0]


@pytest.mark.requirement("R2")
def test_every_recorded_decision_is_made_again_by_the_policy_of_its_digest(
    base_url: str, settings: Settings, records: Callable[[], list[tuple[str, dict[str, Any]]]]
) -> None:
    said = f"{NAME}さん、こんにちは"
    statuses = [
        say(base_url, said),
        say(base_url, said, "/responses"),
        say(base_url, said, "/messages", max_tokens=9),
        say(base_url, said, "/messages/count_tokens"),
        say(base_url, said, "/embeddings"),
        say(base_url, "駅前\u3000再開発の件", x_sekisho_class="1"),
        say(base_url, said, x_sekisho_category="minutes", x_sekisho_use_case="UC-01"),
        say(base_url, said, x_sekisho_use_case="UC-99"),
        say(base_url, said, x_sekisho_category="translate"),
        say(base_url, said, x_sekisho_class="3A"),
        say(base_url, MY_NUMBER, x_sekisho_category="tax_welfare_case"),
        say(base_url, "晴れ", tools=[TOOL]),
        say(base_url, "晴れ", tools=[{**TOOL, "function": {"name": "send_mail", "parameters": {}}}]),
        say(base_url, "公開", model="slow", x_sekisho_class="1"),
        say(base_url, said, model="slow"),
        say(base_url, said, model="silent"),
        say(base_url, said, model="nobody-listed-this"),
    ]
    post(base_url, key="sk-unknown")

    kept = [body for kind, body in records() if kind == "asked"]
    decided = [body for body in kept if "verdict" in body]
    assert len(kept) == len(statuses) + 1 and len(decided) == len(statuses)
    assert {body["verdict"] for body in decided} == {"permit", "confirm", "refuse"}
    assert {"R-number", "R-words", "R-tools", "S.unknown-model", "S.sandbox", "S.terms-only"} <= {
        id for body in decided for id in body["decisive"]
    }
    assert any(body["would"] for body in decided) and any(body["revealed"] for body in decided)
    for body in decided:
        again = by_digest(settings, body["policy_digest"])
        assert again is not None, "a house keeps every policy that was in force"
        assert differences(body, again.decide(ask_of(body, AT))) == ()
    for body in kept:
        if "verdict" not in body:
            with pytest.raises(NotReplayable, match="判定の前に終わった要求です"):
                ask_of(body, AT)


# ── the facts ─────────────────────────────────────────────────────────────────────────────────────

UNUSUAL: dict[str, Any] = {
    "role": "section_head", "address": "10.9.8.7", "consented": True, "audience": "public", "use_case": "UC-01",
    "persons": 3, "pairs": 2, "words": ("W-1",), "attachments": ("image",), "tools": ("find_letters",),
    "tools_unnamed": 1, "quota": "near", "purpose": False,
}  # fmt: skip
"""Of every fact that has a default another value."""


def body_of(ask: Ask, kind: type[ChatRequest] | type[CountRequest] = ChatRequest) -> dict[str, Any]:
    """What the house itself writes down of a request that was decided on this ask, as the ledger gives it back."""
    caller = Caller(
        ask.person, "k", ask.tool, ask.department, ask.section, ask.actor, ask.identity, ask.enrolled,
        ask.trained, ask.acknowledged, address=ask.address, role=ask.role, audience=ask.audience,
        consented=ask.consented,
    )  # fmt: skip
    declared = Declared(None, ask.category, ask.declared_class, use_case=ask.use_case)
    raw = json.dumps({"model": ask.model, "messages": [{"role": "user", "content": "晴れ"}]}).encode()
    request = kind.read("x-1", raw, declared, lambda model: ask.destination)
    nothing = [()] * len(request.texts)
    verdict = policy(OLD).decide(ask)
    request.mask(nothing, verdict, Vault(b"k" * 32))
    return dict(json.loads(json.dumps(asked(caller, request, ask, nothing, verdict, "1"))))


@pytest.mark.requirement("R2")
def test_every_fact_of_an_ask_is_in_the_record_that_the_house_writes() -> None:
    with_default = {one.name for one in dataclasses.fields(Ask) if one.default is not dataclasses.MISSING}
    assert set(UNUSUAL) == with_default, "a new fact must be recorded and read, and stand here"
    ask = an_ask(**UNUSUAL)

    body = body_of(ask)
    assert body["characters"] > 0, "counted by the request itself"
    assert ask_of(body, AT) == dataclasses.replace(ask, characters=body["characters"])


def test_a_count_of_tokens_was_decided_as_a_message() -> None:
    body = body_of(an_ask(dialect="messages"), CountRequest)

    assert body["dialect"] == "count_tokens"
    assert ask_of(body, AT).dialect == "messages"


@pytest.mark.parametrize("missing", [
    "caller", "dialect", "model_requested", "destination", "category", "class_declared", "evidence", "characters",
    "decided_at", "use_case", "persons_found", "pairs_found", "words", "attachments", "quota",
])  # fmt: skip
def test_a_record_without_one_of_its_facts_is_not_decided_again(missing: str) -> None:
    ask = an_ask()
    body = record(ask, policy(OLD).decide(ask))
    del body[missing]

    with pytest.raises(NotReplayable) as error:
        ask_of(body, AT)
    assert error.value.why == "facts_missing"
    assert "判定に使った事実が記録にありません" in str(error.value)


@pytest.mark.parametrize(
    "wrong", [{"evidence": [7]}, {"caller": None}, {"decided_at": "?"}, {"evidence": None}]
)
def test_a_record_whose_facts_are_none_is_not_decided_again(wrong: dict[str, Any]) -> None:
    ask = an_ask()

    with pytest.raises(NotReplayable) as error:
        ask_of(record(ask, policy(OLD).decide(ask), **wrong), AT)
    assert error.value.why == "facts_missing"


@pytest.mark.parametrize("version", [{}, {"schema": 2}])
def test_a_record_of_an_older_version_is_decided_with_what_it_holds(version: dict[str, Any]) -> None:
    ask = an_ask(entities=found(PERSON=2), tools=("find_letters",))
    newer = ("decided_at", "use_case", "persons_found", "pairs_found", "words", "attachments", "quota", "alarms",
             "would", "class_detected", "zone", "schema")  # fmt: skip
    body = {k: v for k, v in record(ask, policy(OLD).decide(ask)).items() if k not in newer} | version
    for name in ("role", "consented", "audience"):
        del body["caller"][name]

    assert ask_of(body, AT) == dataclasses.replace(ask, at=datetime(2026, 10, 5, 1, 2, 3, 4, UTC))
    assert not replay.has_every_fact(body)
    assert differences(body, policy(OLD).decide(ask_of(body, AT))) == ()


# ── differences ───────────────────────────────────────────────────────────────────────────────────

ASKS = st.builds(
    an_ask,
    section=st.sampled_from(["庶務課", "道路課"]),
    model=st.sampled_from(["echo", "error", "slow", "silent", "own-a", "unheard-of"]),
    destination=st.sampled_from(TIERS),
    category=st.sampled_from([*CATEGORIES, "unheard-of"]),
    declared_class=st.sampled_from([None, *CLASSES]),
    dialect=st.sampled_from(DIALECTS),
    trained=st.booleans(),
    entities=st.lists(
        st.builds(
            EntityFact,
            st.sampled_from([*ENTITY_TYPES, "UNHEARD_OF"]),
            st.sampled_from(EVIDENCE),
            st.integers(0, 30),
        ),
        max_size=3,
    ).map(tuple),
    persons=st.integers(0, 40),
    words=st.sampled_from([(), ("W-1",)]),
    tools=st.sampled_from([(), ("find_letters",), ("send_mail",)]),
    tools_unnamed=st.integers(0, 1),
    use_case=st.sampled_from([None, "UC-01", "UC-99"]),
    address=st.sampled_from([None, "10.1.2.3", "192.0.2.1"]),
    at=st.datetimes(datetime(2026, 9, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),
)


@pytest.mark.requirement("R2")
@law(max_examples=100, deadline=None)
@given(ASKS)
def test_any_ask_comes_back_from_its_record_and_is_decided_the_same(ask: Ask) -> None:
    old = POLICIES[0]
    verdict = old.decide(ask)
    body = json.loads(json.dumps(record(ask, verdict)))

    assert ask_of(body, AT) == ask
    assert differences(body, decide(old, ask_of(body, AT))) == ()


POLICIES = policy(OLD), policy(new_data())


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"verdict": "refuse"}, "verdict"),
        ({"verdict": "a later word"}, "verdict"),
        ({"decisive": ["T.1.D1"]}, "decisive"),
        ({"revealed": ["PERSON"]}, "revealed"),
        ({"notices": ["R-phone"]}, "notices"),
        ({"alarms": ["R-zone"]}, "alarms"),
        ({"would": "deny"}, "would"),
        ({"class_effective": "1"}, "class_effective"),
        ({"class_detected": "3B"}, "class_detected"),
        ({"zone": "elsewhere"}, "zone"),
        ({"destination_effective": "D4"}, "destination_effective"),
        ({"model_registered": None}, "model_registered"),
        ({"model_stage": "sandbox"}, "model_stage"),
        ({"high_risk": True}, "high_risk"),
        ({"rules": [{"id": "T.2.D2", "effects": ["deny"]}]}, "rules"),
        ({"rules": []}, "rules"),
    ],
)
def test_a_record_that_says_something_else_is_told_apart(changed: dict[str, Any], name: str) -> None:
    ask = an_ask()
    verdict = POLICIES[0].decide(ask)
    body = record(ask, verdict, **changed)

    (different,) = differences(body, verdict)
    assert isinstance(different, Difference)
    assert different.name == name
    assert different.recorded == changed[name]
