"""Which model is asked where: a strict list, or one upstream for every name."""

from pathlib import Path

import pytest

from proxy.errors import Problem
from proxy.providers.routes import DEMO_MODEL, Route, routes
from proxy.settings import BadSettings, read

LIST = """\
models:
  - {name: small, via: direct, base_url: "http://127.0.0.1:1/v1/", key_env: A_KEY, destination: D1}
  - {name: big, via: litellm, target: anthropic/claude, destination: D3}
"""


def listed(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "models.yaml"
    file.write_text(text)
    return file


def test_a_list_names_every_model_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "canary")
    known = routes(read(models=listed(tmp_path, LIST)))
    assert known.names() == ["big", "small"]
    assert (known.of("small").base_url, known.of("small").key) == ("http://127.0.0.1:1/v1", "canary")
    assert (known.of("big").target, known.of("big").destination) == ("anthropic/claude", "D3")
    assert "canary" not in repr(known.of("small"))
    with pytest.raises(Problem) as unknown:
        known.of("gpt-x")
    assert unknown.value.status == 404


def test_without_a_list_every_name_goes_upstream_and_without_an_upstream_the_demo_answers() -> None:
    assert routes(read(upstream="http://127.0.0.1:1/v1")).of("any-name").base_url == "http://127.0.0.1:1/v1"
    assert routes(read()).of(DEMO_MODEL).via == "litellm"
    with pytest.raises(Problem):
        routes(read()).of("any-name")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("models: [{name: x}]", "via"),
        ("models: [{name: x, via: direct, destination: D1}]", "base_url"),
        ("models: [{name: x, via: direct, base_url: u, destination: D9}]", "destination"),
        ("models: [{name: x, via: litellm, destination: D1, key_env: NOT_SET_AT_ALL}]", "NOT_SET_AT_ALL"),
        ("models: [{name: x, via: litellm, destination: D1, colour: red}]", "colour"),
        ("models: [", "YAML"),
        ("models: [{name: x, via: direct, base_url: u, destination: D1, options: {a: b}}]", "options"),
        ("models: [{name: x, via: litellm, destination: D1, options: {api_version: 2024-10-21}}]", "options"),
        ("models: [{name: x, via: litellm, destination: D1, fallback: [y]}]", "fallback"),
        (
            "models: [{name: x, via: litellm, destination: D1}, {name: x, via: litellm, destination: D1}]",
            "twice",
        ),
    ],
)
def test_a_faulty_list_is_refused_at_start(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadSettings, match=says):
        routes(read(models=listed(tmp_path, text)))


def test_an_upstream_that_is_no_url_is_refused_at_start() -> None:
    with pytest.raises(BadSettings, match="SEKISHO_UPSTREAM"):
        routes(read(upstream="api.example.com"))


def test_options_and_models_in_place_are_read_from_the_list(tmp_path: Path) -> None:
    text = """\
models:
  - {name: a, via: litellm, target: azure/ours, destination: D2, options: {api_version: "2024-10-21"}, fallback: [b]}
  - {name: b, via: litellm, target: azure/yours, destination: D2}
"""
    route = routes(read(models=listed(tmp_path, text))).of("a")
    assert (route.options, route.fallback) == ({"api_version": "2024-10-21"}, ("b",))


@pytest.mark.parametrize("base_url", [None, "https://api.anthropic.com", "https://api.anthropic.com/v1"])
def test_anthropic_is_asked_directly_in_its_own_dialect_with_its_own_key_header(base_url: str | None) -> None:
    route = Route("claude", "litellm", "anthropic/claude-x", base_url, "key", "D3")
    for dialect in ("messages", "count_tokens"):
        own = route.spoken(dialect)
        assert (own.via, own.target, own.bearer) == ("direct", "claude-x", False)
        assert own.base_url == "https://api.anthropic.com/v1"
    assert route.spoken("chat") is route


def test_other_providers_are_asked_through_litellm_in_every_dialect() -> None:
    for target in ("azure/gpt", "bedrock/converse/anthropic.claude", None):
        route = Route("x", "litellm", target, None, "key", "D3")
        assert route.spoken("messages") is route
