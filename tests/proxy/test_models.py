"""The list of models and one of them, over a real server: who asks is known, and every knock has its ending."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.house import build
from proxy.settings import Settings
from proxy.surfaces.models import listed, shown

LIST = """\
models:
  - {name: org/small, via: direct, base_url: "http://127.0.0.1:1/v1", destination: D1}
  - {name: big, via: litellm, target: anthropic/claude, destination: D3}
"""


def get(base_url: str, path: str, **headers: str) -> tuple[int, Any]:
    sent = {"authorization": "Bearer sk-desk", **{k.replace("_", "-"): v for k, v in headers.items()}}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(base_url + path, headers=sent), timeout=30
        ) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.fixture
def served(serve: Callable[..., str], settings: Settings, tmp_path: Path) -> str:
    """A house with a list of its own, whose servers nobody needs to ask."""
    file = tmp_path / "models.yaml"
    file.write_text(LIST)
    return serve(lambda _: build(settings.model_copy(update={"models": file})))


def test_the_shape_is_openais_and_anthropics_at_once() -> None:
    import anthropic
    import openai

    shown_list = listed(["a", "b"])
    for page, model in (
        (openai.types.Model, "Model"),
        (anthropic.types.ModelInfo, "ModelInfo"),
    ):
        assert [page.model_validate(one).id for one in shown_list["data"]] == ["a", "b"], model
    assert (shown_list["object"], shown_list["has_more"], shown_list["last_id"]) == ("list", False, "b")
    assert shown("a") in shown_list["data"] and listed([])["first_id"] is None


def test_a_house_with_a_list_shows_it_and_asks_nobody(
    served: str, records: Any, upstream_folder: Path
) -> None:
    status, body = get(served, "/models")
    assert (status, [model["id"] for model in body["data"]]) == (200, ["big", "org/small"])
    for path in ("/models/org/small", "/models/org%2Fsmall"):
        assert get(served, path) == (200, shown("org/small"))
    assert [kind for kind, _ in records()] == ["asked", "answered"] * 3
    assert all(body["operation"] == "models" for kind, body in records() if kind == "asked")
    assert (upstream_folder / "received.bin").read_bytes() == b""


@pytest.mark.parametrize("name", ["gpt-x", "", "%E5%B1%B1%E7%94%B0%E5%A4%AA%E9%83%8E"])
def test_a_model_that_is_not_here_is_refused_once_and_its_name_is_not_kept(
    served: str, records: Any, name: str
) -> None:
    status, body = get(served, f"/models/{name}")
    assert (status, body["error"]["code"], body["error"]["param"]) == (404, "model_not_found", "model")
    (asked, account), (ending, facts) = records()
    assert (asked, ending, facts["reason"]) == ("asked", "refused", "model_not_found")
    assert facts["egress_state"] == "none"
    for text in (body, account, facts):
        assert "山田" not in json.dumps(text, ensure_ascii=False)


@pytest.mark.parametrize("path", ["/models", "/models/big"])
@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"authorization": "Bearer sk-unknown"}, 401, "invalid_api_key"),
        ({"x_sekisho_user": "012345"}, 403, "user_header_not_allowed"),
    ],
)
def test_nobody_unknown_sees_the_models(
    served: str,
    records: Any,
    path: str,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    told, body = get(served, path, **headers)
    assert (told, body["error"]["code"]) == (status, code)
    (_, _), (ending, facts) = records()
    assert (ending, facts["reason"]) == ("refused", code)


def test_a_header_that_comes_twice_is_refused_here_too(served: str) -> None:
    import http.client

    connection = http.client.HTTPConnection(served.removeprefix("http://").removesuffix("/v1"), timeout=30)
    connection.putrequest("GET", "/v1/models")
    for _ in range(2):
        connection.putheader("authorization", "Bearer sk-desk")
    connection.endheaders()
    reply = connection.getresponse()
    assert (reply.status, json.loads(reply.read())["error"]["code"]) == (400, "duplicate_header")
    connection.close()


@pytest.mark.parametrize("path", ["/models", "/models/echo"])
def test_an_upstream_that_is_not_there_is_a_failed_ending(
    serve: Callable[..., str],
    settings: Settings,
    records: Any,
    path: str,
) -> None:
    nowhere = settings.model_copy(update={"upstream": "http://127.0.0.1:9/v1"})
    status, body = get(serve(lambda _: build(nowhere)), path)
    assert (status, body["error"]["code"]) == (502, "upstream_unreachable")
    (_, _), (ending, facts) = records()
    assert (ending, facts["reason"], facts["egress_state"]) == ("failed", "upstream_unreachable", "none")
