"""Figures that tell of nobody: every label is a word of ours or a name of the city's, whatever callers invent."""

import json
import socket
import sqlite3
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from audit.model import ENDINGS, Draft
from policies.vocabulary import ENTITY_TYPES
from proxy.house import House, build, inspect
from proxy.metrics import EGRESS, OPERATIONS, OTHER, REASONS, VERDICTS, Metrics, Names, place_of, reason_of
from proxy.settings import BadSettings, Settings
from tests.audit.exports.samples import ANSWERED, ASKED, FAILED
from tests.proxy.conftest import post
from tests.proxy.outlets.certificates import papers
from tests.stories.served import free_port

NUMBER = "123456789018"
KNOWN: dict[str, frozenset[str]] = {
    "operation": frozenset({*OPERATIONS, OTHER}),
    "outcome": ENDINGS,
    "verdict": frozenset({*VERDICTS, OTHER}),
    "reason": REASONS | {OTHER},
    "state": frozenset({*EGRESS, OTHER}),
    "type": frozenset({*ENTITY_TYPES, OTHER}),
    "action": frozenset({"masked", "revealed", "refused", OTHER}),
    "direction": frozenset({"input", "output"}),
}
"""What each label may be; a model and a follower only by a configured name."""

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(raw: str) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(raw):
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


def walk(samples: Samples, models: frozenset[str], followers: frozenset[str] = frozenset()) -> None:
    """Every label value there is."""
    known = KNOWN | {"model": models | {OTHER}, "follower": followers}
    for name, labels in samples:
        for label, value in labels:
            if label == "le":
                float(value)
            else:
                assert value in known[label], (name, label, value)


def total(samples: Samples, name: str, **labels: str) -> float:
    wanted = set(labels.items())
    return sum(value for (found, at), value in samples.items() if found == name and wanted <= set(at))


# ── what it is handed ────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(("127.0.0.1", 1), Names(models=frozenset({"gpt-5"})))


def told(metrics: Metrics) -> Samples:
    from prometheus_client import generate_latest

    return read(generate_latest(metrics.registry).decode())


def test_an_exchange_is_counted_from_its_question_to_its_ending(metrics: Metrics) -> None:
    metrics.seen(Draft("asked", "x-1", ASKED))
    assert total(told(metrics), "sekisho_running") == 1
    metrics.seen(Draft("answered", "x-1", ANSWERED))
    metrics.seen(Draft("asked", "x-2", ASKED))
    metrics.seen(Draft("failed", "x-2", FAILED | {"reason": "upstream_status_503"}))
    found = told(metrics)
    assert total(found, "sekisho_running") == 0
    assert total(found, "sekisho_exchanges_total", operation="chat", outcome="answered") == 1
    assert total(found, "sekisho_verdicts_total", verdict="permit") == 2
    assert total(found, "sekisho_entities_total", type="PERSON", action="masked") == 6
    assert total(found, "sekisho_tokens_total", model="gpt-5", direction="output") == 68
    assert total(found, "sekisho_cost_yen_total", model="gpt-5") == pytest.approx(0.024)
    assert total(found, "sekisho_upstream_failures_total", reason="upstream_status") == 1
    assert total(found, "sekisho_latency_seconds_count", operation="chat") == 2
    assert total(found, "sekisho_latency_seconds_sum") == pytest.approx(2.468)
    assert total(found, "sekisho_alarms_total") == 2


def test_whatever_is_invented_becomes_other_and_makes_no_series_of_its_own(metrics: Metrics) -> None:
    for n in range(500):
        odd = f"{NUMBER}-{n}"
        asked = {
            "operation": odd, "model_requested": odd, "model_registered": None, "verdict": odd,
            "entities": {odd: 1}, "actions": {odd: odd}, "alarms": [odd],
        }  # fmt: skip
        metrics.seen(Draft("asked", odd, ASKED | asked))
        ended = {"model_asked": odd, "reason": odd, "egress_state": odd, "output_pii": {odd: 1}, "error": odd}
        metrics.seen(Draft("failed", odd, FAILED | ended))
    found = told(metrics)
    walk(found, frozenset({"gpt-5"}))
    assert NUMBER not in str(found)
    assert len(found) < 400, "as many series as names, and no more"
    assert total(found, "sekisho_exchanges_total", operation=OTHER, outcome="failed") == 500


def test_what_cannot_be_counted_stops_nothing(metrics: Metrics) -> None:
    metrics.seen(Draft("asked", "x", {"entities": 5}))
    metrics.seen(Draft("failed", "x", {"tries": 1, "latency_ms": "long"}))
    metrics.seen(Draft("viewed", None, {}))


def test_exchanges_that_never_end_are_forgotten_one_day(metrics: Metrics) -> None:
    for n in range(20_050):
        metrics.seen(Draft("asked", f"x-{n}", {"operation": "chat"}))
    assert total(told(metrics), "sekisho_running") == 20_000
    metrics.seen(Draft("answered", "x-0", {"egress_state": "none"}))
    assert total(told(metrics), "sekisho_exchanges_total", operation=OTHER) == 1


@pytest.mark.parametrize(
    ("said", "place"),
    [("127.0.0.1:9464", ("127.0.0.1", 9464)), ("9464", ("127.0.0.1", 9464)), ("[::1]:9464", ("::1", 9464))],
)
def test_an_address_is_read(said: str, place: tuple[str, int]) -> None:
    assert place_of(said) == place


@pytest.mark.parametrize("said", ["here", "127.0.0.1:0", "127.0.0.1:99999", "::1:9464", ""])
def test_what_is_no_address_is_told_at_the_start(settings: Settings, said: str) -> None:
    with pytest.raises(ValueError):
        place_of(said)
    with pytest.raises(BadSettings, match="SEKISHO_METRICS"):
        inspect(settings.model_copy(update={"metrics": said}))


def test_an_address_that_somebody_has_is_told_at_the_start(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(BadSettings, match="SEKISHO_METRICS"):
            inspect(settings.model_copy(update={"metrics": said}))


def test_reasons_are_words_of_ours() -> None:
    assert (
        reason_of("upstream_status_503") == "upstream_status"
        and reason_of(NUMBER) == reason_of(None) == OTHER
    )
    assert all(reason.replace("_", "").isalpha() for reason in REASONS)


# ── a house that serves ──────────────────────────────────────────────────────────────────────────


@pytest.fixture
def place() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def base_url(serve: Callable[..., str], tmp_path: Path, upstream_url: str, place: str) -> str:
    models = [
        {"name": "echo", "base_url": upstream_url},
        {"name": "gone", "base_url": "http://127.0.0.1:9/v1"},
    ]
    listed = [{"via": "direct", "destination": "D2", **model} for model in models]
    (tmp_path / "models.yaml").write_text(json.dumps({"models": listed}))
    own = papers(tmp_path / "papers")
    outlet = {"name": "siem", "kind": "syslog", "host": "127.0.0.1", "port": 9, "ca": str(own.ca)}
    (tmp_path / "outlets.yaml").write_text(json.dumps({"outlets": [outlet]}, indent=1))

    def make(settings: Settings) -> House:
        more = {"models": tmp_path / "models.yaml", "upstream": None, "retries": 0, "metrics": place}
        return build(settings.model_copy(update=more | {"outlets": tmp_path / "outlets.yaml"}))

    url = serve(make)
    deadline = time.monotonic() + 60
    while post(url, {"model": "echo", "messages": [{"role": "user", "content": "はい"}]})[0] == 503:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return url


def scrape(place: str, path: str = "/metrics", method: str = "GET") -> tuple[int, str]:
    request = urllib.request.Request(f"http://{place}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def endings(settings: Settings) -> Iterator[str]:
    with sqlite3.connect(settings.ledger_location) as ledger:
        for (kind,) in ledger.execute("SELECT kind FROM records WHERE turn = 2"):
            yield kind


def test_after_odd_traffic_every_label_is_known_and_the_counts_are_the_ledger_s(
    base_url: str, place: str, settings: Settings
) -> None:
    said: list[dict[str, Any]] = [{"role": "user", "content": f"{NUMBER} 山田太郎さん"}]
    for model in ("echo", "gone", NUMBER, "山田太郎", "a" * 300, 'x"} 1\nsekisho_evil 1'):
        post(base_url, {"model": model, "messages": [{"role": "user", "content": "山田太郎さんへ"}]})
    post(base_url, {"model": "echo", "messages": said})
    post(base_url, {"model": "echo", "messages": said}, key=NUMBER)
    post(base_url, {"model": "echo"}, path=f"/{NUMBER}")
    post(base_url, b"{", path="/messages")
    post(base_url, {"model": "echo", "messages": said}, x_sekisho_category=NUMBER, x_sekisho_user=NUMBER)
    post(
        base_url,
        {"model": "echo", "messages": said, "tools": [{"type": "function", "function": {"name": NUMBER}}]},
    )
    deadline = time.monotonic() + 20
    while True:
        status, raw = scrape(place)
        found = read(raw)
        if (
            total(found, "sekisho_follower_trouble", follower="outlet:siem") == 1
            or time.monotonic() > deadline
        ):
            break
        time.sleep(0.2)
    assert status == 200
    walk(found, frozenset({"echo", "gone", "*"}), frozenset({"outlet:siem", "alerts"}))
    for word in (NUMBER, "山田", "evil", "aaaa", "demo"):
        assert word not in raw, word
    counts = Counter(endings(settings))
    assert {kind: total(found, "sekisho_exchanges_total", outcome=kind) for kind in counts} == counts
    assert total(found, "sekisho_stopped_total", reason=OTHER) == 0, "every reason of ours is on the list"
    assert total(found, "sekisho_upstream_failures_total", reason="upstream_unreachable") == 1
    assert total(found, "sekisho_entities_total", type="PERSON") >= 1
    assert (total(found, "sekisho_ledger_up"), total(found, "sekisho_notes_up")) == (1, 1)
    assert total(found, "sekisho_follower_lag_records", follower="outlet:siem") > 0, "nobody takes them"


def test_nothing_but_the_figures_is_there_and_they_are_not_at_the_tools_door(
    base_url: str, place: str
) -> None:
    assert scrape(place, "/")[0] == scrape(place, "/v1/models")[0] == 404
    assert scrape(place, "/metrics", "POST")[0] == 405 and scrape(place, "/metrics?x=1")[0] == 200
    assert scrape(base_url.removeprefix("http://").removesuffix("/v1"))[0] == 401
    host, _, port = place.rpartition(":")
    for odd in (b"", b"x" * 10_000, b"GET /metrics HTTP/1.1\r\n"):
        with socket.create_connection((host, int(port)), timeout=10) as line:
            line.sendall(odd)
            line.shutdown(socket.SHUT_WR)
            line.settimeout(10)
            assert line.recv(10) == b""
    assert scrape(place)[0] == 200


def test_there_is_no_listener_unless_it_is_asked_for(serve: Callable[..., str], settings: Settings) -> None:
    assert settings.metrics is None
    seen: list[House] = []

    def make(settings: Settings) -> House:
        seen.append(build(settings))
        return seen[0]

    serve(make)
    assert seen[0].metrics is None
