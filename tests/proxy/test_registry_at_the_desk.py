"""The registry at the desk: which models are shown, asked, and in whose place; where a request comes from, and for whom.

Real policies, real exchanges; the shipped rules of takatsuki wherever they say it.
"""

import asyncio
import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog.testing

from policies.days import day_of
from policies.files import load
from policies.model import Ask
from proxy.callers import Caller, Declared
from proxy.house import House, build
from proxy.office.keys import Key, KeyBook
from proxy.office.store import office_of
from proxy.settings import Settings
from proxy.surfaces.chat import ChatRequest
from proxy.surfaces.models import approved
from proxy.surfaces.request import Request
from proxy.surfaces.transcriptions import TranscriptionsRequest
from redaction.model import Finding
from tests import fakes
from tests.approving import approving
from tests.proxy.conftest import PLAIN, post
from tests.proxy.test_models import get

NAME = "山田太郎"
TODAY = day_of(datetime.now(UTC))
GONE = (TODAY - timedelta(days=1)).isoformat()
PRICES = [{"from": "2020-04-01", "input": 60, "output": "240.5"}]

Made = Callable[..., str]


class Finds(fakes.Detector):
    """Finds one name, wherever it stands."""

    async def find(self, texts: Sequence[str], strict: bool = False) -> list[tuple[Finding, ...]]:
        await super().find(texts, strict)
        return [tuple(_found(text)) for text in texts]


def _found(text: str) -> Iterator[Finding]:
    at = text.find(NAME)
    if at >= 0:
        yield Finding("PERSON", at, at + len(NAME), 0.95, "test", "context")


@pytest.fixture
def served(serve: Callable[..., str], settings: Settings) -> Made:
    """A desk with this policy, and these models on its list; without one, every name goes to the upstream."""

    def start(policy: Path, models: Path | None = None) -> str:
        told: dict[str, Any] = {"policy": str(policy)}
        told |= {"models": models, "upstream": None} if models else {}
        return serve(
            lambda settings: dataclasses.replace(
                build(settings.model_copy(update=told)),
                detector=Finds(),  # type: ignore[arg-type]
            )
        )

    return start


def routed(tmp_path: Path, url: str, **models: str) -> Path:
    """A model list: each name with the tier of its route."""
    listed = [{"name": n, "via": "direct", "base_url": url, "destination": d} for n, d in models.items()]
    (tmp_path / "models.yaml").write_text(json.dumps({"models": listed}))
    return tmp_path / "models.yaml"


def received(upstream_folder: Path) -> str:
    return (upstream_folder / "received.bin").read_bytes().decode()


# ── which models ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R6")
def test_a_model_that_is_not_registered_is_refused_with_those_that_are_and_recorded(
    served: Made, tmp_path: Path, records: Any, upstream_folder: Path
) -> None:
    url = served(approving(tmp_path, "echo", "gpt-5-*"))
    status, _, body = post(url, {**PLAIN, "model": "ECHO"})
    error = body["error"]
    assert (status, error["code"], error["rules"][0]) == (403, "policy_denied", "S.unknown-model")
    assert error["param"] == "model" and error["type"] == "permission_error"
    assert "使えるモデル: echo, sekisho-demo。" in error["message"]
    assert all(key in error["message"] for key in ("models:", "no_training", "regions", "policies/README.md"))

    (_, asked), (ending, facts) = records()
    assert (ending, facts["reason"], facts["egress_state"]) == ("refused", "verdict", "none")
    assert (asked["model_requested"], asked["model_registered"], asked["model_stage"]) == (
        "ECHO", None, "unknown",
    )  # fmt: skip
    assert asked["decisive"] == error["rules"]
    assert received(upstream_folder) == ""
    assert post(url)[0] == 200


@pytest.mark.requirement("R6")
def test_a_model_whose_approval_is_over_or_has_not_begun_is_refused_and_not_shown(
    served: Made, tmp_path: Path, upstream_url: str, records: Any
) -> None:
    policy = approving(tmp_path, "old", valid_until=GONE)
    policy = approving(tmp_path, "new", policy=policy, valid_from=(TODAY + timedelta(days=2)).isoformat())
    policy = approving(tmp_path, "echo", policy=policy, valid_until=TODAY.isoformat())
    url = served(policy, routed(tmp_path, upstream_url, old="D2", new="D2", echo="D2"))
    for model in ("old", "new"):
        _, _, body = post(url, {**PLAIN, "model": model})
        assert (
            body["error"]["rules"][0] == "S.unknown-model"
            and "使えるモデル: echo。" in body["error"]["message"]
        )
    assert {asked["model_stage"] for kind, asked in records() if kind == "asked"} == {"expired"}
    assert post(url)[0] == 200
    assert [model["id"] for model in get(url, "/models")[1]["data"]] == ["echo"]


@pytest.mark.requirement("R6")
def test_the_list_shows_what_is_both_on_the_model_list_and_registered(
    served: Made, tmp_path: Path, upstream_url: str, records: Any
) -> None:
    models = routed(tmp_path, upstream_url, own="D1", cloud="D2", secret="D2")
    url = served(approving(tmp_path, "own", "cl*", "elsewhere"), models)
    assert [model["id"] for model in get(url, "/models")[1]["data"]] == ["cloud", "own"]
    assert get(url, "/models/cloud")[0] == 200
    for path in ("secret", "elsewhere", "nobody"):
        status, body = get(url, f"/models/{path}")
        assert (status, body["error"]["code"]) == (404, "model_not_found")
        assert "cloud, own" in body["error"]["message"] and "secret" not in body["error"]["message"]
    _, _, body = post(url, {**PLAIN, "model": "nobody"})
    assert body["error"]["code"] == "model_not_found" and "secret" not in body["error"]["message"]
    assert records()[-1][1]["reason"] == "model_not_found"


@pytest.mark.requirement("R6")
def test_of_an_upstreams_own_models_only_the_registered_ones_are_shown(served: Made, tmp_path: Path) -> None:
    every = [model["id"] for model in get(served(approving(tmp_path, "*")), "/models")[1]["data"]]
    assert len(every) > 1
    some = get(served(approving(tmp_path, every[0], "not-there")), "/models")[1]["data"]
    assert [model["id"] for model in some] == every[:1]


def test_a_policy_without_a_registry_approves_every_model(served: Made) -> None:
    assert (
        post(served(Path("policies/cities/mask-only.yaml").absolute()), {**PLAIN, "model": "anything"})[0]
        == 200
    )


def test_what_can_be_asked_for_by_name_is_what_the_registry_names_in_full(tmp_path: Path) -> None:
    policy = load(approving(tmp_path, "b", "a", "x-*"))
    assert approved(None, policy, TODAY) == ["a", "b", "sekisho-demo"]
    assert approved(["x-1", "b", "c"], policy, TODAY) == ["x-1", "b"]
    assert approved(["x-1", "c"], load("mask-only"), TODAY) == ["x-1", "c"]
    assert approved(None, load("mask-only"), TODAY) == []


@pytest.mark.requirement("R7")
def test_a_service_under_general_terms_gets_no_class_2_and_a_trial_public_texts_only(
    served: Made, tmp_path: Path, upstream_folder: Path
) -> None:
    policy = approving(tmp_path, "terms", service="terms_only", destination="D4")
    policy = approving(tmp_path, "trial", policy=policy, sandbox=True, valid_until=TODAY.isoformat())
    url = served(policy)
    for model, rule in (("terms", "S.terms-only"), ("trial", "S.sandbox")):
        status, _, body = post(url, {**PLAIN, "model": model}, x_sekisho_class="2")
        assert status == 403 and rule in body["error"]["rules"]
    assert received(upstream_folder) == ""
    said = [{"role": "user", "content": "市の花は何ですか"}]
    assert post(url, {"model": "trial", "messages": said}, x_sekisho_class="1")[0] == 200


# ── the destination that counts ───────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R71")
def test_the_stricter_of_route_and_registry_is_decided_on_and_recorded(
    served: Made, tmp_path: Path, upstream_url: str, records: Any
) -> None:
    policy = approving(tmp_path, "abroad", destination="D3", regions=["us"])
    url = served(policy, routed(tmp_path, upstream_url, abroad="D2"))
    status, _, body = post(url, {**PLAIN, "model": "abroad"})
    assert (status, body["error"]["code"]) == (403, "confirmation_required")
    (_, asked), _ = records()
    assert (asked["destination"], asked["destination_effective"]) == ("D2", "D3")
    assert asked["model_registered"] == "abroad" and "T.2.D3" in asked["decisive"]
    entry = load(policy).models.of("abroad")
    assert entry is not None and entry.regions == ("us",)


FORM = (
    b'--x\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper\r\n'
    b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--x--\r\n'
)


@pytest.mark.parametrize(
    ("route", "registry", "sent"), [("D1", "D1", True), ("D1", "D2", False), ("D2", "D1", False)]
)
def test_a_recording_stays_in_the_house_by_route_and_by_registry(
    served: Made,
    tmp_path: Path,
    upstream_url: str,
    upstream_folder: Path,
    route: str,
    registry: str,
    sent: bool,
) -> None:
    policy = approving(tmp_path, "whisper", policy="mask-only", destination=registry)
    url = served(policy, routed(tmp_path, upstream_url, whisper=route))
    status, _, body = post(
        url, FORM, path="/audio/transcriptions", content_type="multipart/form-data; boundary=x"
    )
    assert status == (200 if sent else 403)
    assert sent or body["error"]["code"] == "sound_needs_closed_network"
    assert bool(received(upstream_folder)) is sent


MODELS = """
models:
  - {name: own, via: direct, base_url: http://127.0.0.1:9/v1, destination: D1, fallback: [second, cloud, gone, unlisted]}
  - {name: second, via: direct, base_url: http://127.0.0.1:9/v1, destination: D1}
  - {name: cloud, via: direct, base_url: http://127.0.0.1:9/v1, destination: D1}
  - {name: gone, via: direct, base_url: http://127.0.0.1:9/v1, destination: D1}
  - {name: unlisted, via: direct, base_url: http://127.0.0.1:9/v1, destination: D1}
"""


@pytest.mark.parametrize(
    ("kind", "others"), [(ChatRequest, ("second", "cloud")), (TranscriptionsRequest, ("second",))]
)
def test_in_a_models_place_only_a_registered_one_is_asked_and_of_sound_only_one_of_the_house(
    settings: Settings, tmp_path: Path, kind: type[Request], others: tuple[str, ...]
) -> None:
    (tmp_path / "models.yaml").write_text(MODELS)
    policy = approving(tmp_path, "own", "second", policy="mask-only")
    policy = approving(tmp_path, "cloud", policy=policy, destination="D2")
    policy = approving(tmp_path, "gone", policy=policy, valid_until=GONE)
    told = {"policy": str(policy), "models": tmp_path / "models.yaml"}

    async def asked() -> tuple[str, ...]:
        house = build(settings.model_copy(update=told))
        try:
            request = read(kind, house)
            findings: list[tuple[()]] = [()] * len(request.texts)
            ask: Ask = request.ask(CALLER, findings, house.clock(), house.policy)
            return house.others(request, ask, house.policy.decide(ask), strict=False)
        finally:
            await house.close()

    assert asyncio.run(asked()) == others


CALLER = Caller("p", "k", "t", "d", "s", "staff", "authenticated", True, True, True)


def read(kind: type[Request], house: House) -> Request:
    raw = FORM.replace(b"whisper", b"own")
    if kind is ChatRequest:
        raw = json.dumps({**PLAIN, "model": "own"}).encode()
    declared = Declared(None, "mail_draft", "2")
    return kind.read("x", raw, declared, house.destination, content_type="multipart/form-data; boundary=x")


# ── what leaves unmasked ──────────────────────────────────────────────────────────────────────────

REVEALING = """
name: revealing
version: "1"
title: {ja: 試験, en: Test}
models:
  - {name: learns, title: {ja: 学, en: Learns}, service: contract, destination: D2, no_training: false, recorded: true,
     regions: [jp], contract: 試験}
  - {name: keeps, title: {ja: 守, en: Keeps}, service: contract, destination: D2, no_training: true, recorded: true,
     regions: [jp], contract: 試験}
rules:
  - {id: A, title: {ja: 可, en: Fine}, basis: 試験, when: {always: true}, gate: allow}
  - {id: R, title: {ja: 氏名, en: Names}, basis: 試験, when: {always: true}, reveal: {types: [PERSON], destinations: [D2]}}
"""


@pytest.mark.requirement("R20")
def test_what_a_rule_reveals_leaves_unmasked_only_for_a_model_that_does_not_learn_from_it(
    served: Made, tmp_path: Path, upstream_folder: Path, records: Any
) -> None:
    (tmp_path / "revealing.yaml").write_text(REVEALING, "utf-8")
    url = served(tmp_path / "revealing.yaml")
    for model, egress in (("learns", "masked"), ("keeps", "unmasked")):
        assert post(url, {**PLAIN, "model": model})[0] == 200
        assert (NAME in received(upstream_folder)) is (egress == "unmasked")
        assert records()[-1][1]["egress_state"] == egress


# ── from where, for whom, with what ───────────────────────────────────────────────────────────────


@pytest.mark.requirement("R70")
def test_nothing_is_sent_from_the_my_number_network_and_somebody_is_told(
    served: Made, tmp_path: Path, upstream_folder: Path, records: Any
) -> None:
    here = {"zones": [{"zone": "my_number", "networks": ["127.0.0.0/8"]}]}
    url = served(approving(tmp_path, "echo", instead=here))
    with structlog.testing.capture_logs() as logs:
        status, _, body = post(url)
    assert (status, body["error"]["code"]) == (403, "policy_denied") and "Z-01" in body["error"]["rules"]
    (_, asked), _ = records()
    assert (asked["zone"], asked["alarms"]) == ("my_number", ["Z-01"])
    (alarm,) = [line for line in logs if line["event"] == "alarm"]
    assert (alarm["log_level"], alarm["rule"]) == ("warning", "Z-01")
    assert set(alarm) == {"event", "log_level", "rule", "exchange"}
    assert NAME not in str(logs) and received(upstream_folder) == ""


CASES = {
    "use_cases": [
        {"id": id, "title": {"ja": "案内", "en": "Guide"}, "owner": "広報課", "audience": audience, "nature": "clerical",
         "confidential": False, "human_judgement": True, "high_risk": False, **approval}
        for id, audience, approval in (
            ("UC-01", "public", {"approval": {"by": "部長", "from": "2020-04-01"}}),
            ("UC-02", "public", {}),
            ("UC-03", "staff", {"approval": {"by": "部長", "from": "2020-04-01"}}),
        )
    ]
}  # fmt: skip


@pytest.mark.requirement("R40")
def test_a_key_for_the_public_passes_with_an_approved_use_case_for_the_public_only(
    served: Made, tmp_path: Path, settings: Settings, records: Any, upstream_folder: Path
) -> None:
    url = served(approving(tmp_path, "echo", instead=CASES))
    with closing(office_of(settings)) as office:
        book = KeyBook(office, (settings.home / "secret").read_bytes())
        known = Key(
            "k-public",
            "demo",
            "t",
            "d",
            "s",
            "pr",
            audience="public",
            purpose="試験",
            confidentiality_class="1",
        )
        key = book.create(known)
    plain = {"model": "echo", "messages": [{"role": "user", "content": "開庁時間を教えて"}]}
    assert "U-03" in post(url, plain, key)[2]["error"]["rules"]
    for case in ("UC-02", "UC-03"):
        assert "U-03" in post(url, plain, key, x_sekisho_use_case=case)[2]["error"]["rules"]
    refused = post(url, plain, key, x_sekisho_use_case="UC-99")
    assert (refused[0], "S.unknown-use-case" in refused[2]["error"]["rules"]) == (403, True)
    assert received(upstream_folder) == ""
    assert post(url, plain, key, x_sekisho_use_case="UC-01")[0] == 200
    asked = [body for kind, body in records() if kind == "asked"]
    assert [body["use_case"] for body in asked] == [None, "UC-02", "UC-03", "UC-99", "UC-01"]
    assert {body["caller"]["audience"] for body in asked} == {"public"}
    assert asked[-1]["high_risk"] is False


@pytest.mark.requirement("R75")
def test_a_tool_that_is_not_registered_for_the_model_is_not_offered_to_it(
    served: Made, tmp_path: Path, records: Any, upstream_folder: Path
) -> None:
    url = served(approving(tmp_path, "echo", tools=["find_*"]))

    def offering(*names: str) -> tuple[int, dict[str, str], Any]:
        tools = [{"type": "function", "function": {"name": name}} for name in names]
        return post(url, {**PLAIN, "tools": tools})

    for names in (("find_letters", "drop_tables"), (NAME,), ("find_" + "1" * 12,)):
        status, _, body = offering(*names)
        assert (status, "K-01" in body["error"]["rules"]) == (403, True)
    assert received(upstream_folder) == ""
    assert offering("find_letters", "find_files")[0] == 200
    asked = [body for kind, body in records() if kind == "asked"]
    assert [(body["tools"], body["tools_unnamed"]) for body in asked] == [
        (["find_letters", "drop_tables"], 0), ([], 1), ([], 1), (["find_letters", "find_files"], 0),
    ]  # fmt: skip


# ── what it costs ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R42")
def test_an_answer_costs_what_the_registry_says_of_the_day_and_nothing_is_made_up(
    served: Made, tmp_path: Path, records: Any
) -> None:
    policy = approving(tmp_path, "free*")
    policy = approving(tmp_path, "echo", policy=policy, prices=PRICES)
    url = served(policy)
    assert post(url)[0] == 200
    assert post(url, {**PLAIN, "model": "free-1"})[0] == 200
    (_, priced), (_, free) = [(kind, body) for kind, body in records() if kind == "answered"]
    tokens = priced["tokens"]
    cost = (tokens["input"] * 60 + tokens["output"] * Decimal("240.5")) / 1_000_000
    assert abs(Decimal(priced["cost_yen"]) - cost) <= Decimal("0.0000005")
    assert priced["price_since"] == "2020-04-01" and tokens["input"] > 0
    assert (free["cost_yen"], free["price_since"]) == (None, None)
