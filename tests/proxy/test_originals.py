"""What cannot be searched: refused, unless a rule lets this model see originals; then recorded as it left."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.house import House, build
from proxy.settings import Settings
from tests.fakes import Detector
from tests.proxy.conftest import ROOT, post

IMAGE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
PARTS = {
    "/chat/completions": {
        "model": "echo",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "この絵は何ですか"},
                    {"type": "image_url", "image_url": {"url": IMAGE}},
                ],
            }
        ],
    },
    "/responses": {
        "model": "echo",
        "input": [
            {"role": "user", "content": [{"type": "input_image", "image_url": IMAGE, "detail": "low"}]}
        ],
    },
    "/messages": {
        "model": "echo",
        "max_tokens": 10,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": {"type": "url", "url": "https://example.com/yamada.png"}}
                ],
            }
        ],
    },
}
ORIGINALS = ("iVBORw0KGgo", "yamada.png")


@pytest.fixture
def seeing(settings: Settings, tmp_path: Path) -> Settings:
    """The same house with a rule that lets the model `echo` see originals."""
    policy = yaml.safe_load((ROOT / "policies/cities/mask-only.yaml").read_text("utf-8"))
    title = {"ja": "絵を見せてよい。", "en": "May see originals."}
    policy["rules"].append(
        {"id": "T-01", "title": title, "basis": "試験", "when": {"model": ["echo"]},
         "reveal": {"types": ["ATTACHMENT"], "destinations": ["D2"]}}
    )  # fmt: skip
    file = tmp_path / "seeing.yaml"
    file.write_text(yaml.safe_dump(policy, allow_unicode=True), "utf-8")
    return settings.model_copy(update={"policy": str(file)})


def with_rules(settings: Settings) -> House:
    return dataclasses.replace(build(settings), detector=Detector())  # type: ignore[arg-type]


def posted(base_url: str, path: str) -> tuple[int, Any]:
    status, _, body = post(base_url, PARTS[path], path=path)
    return status, body


@pytest.mark.requirement("R29")
@pytest.mark.parametrize("path", PARTS)
def test_an_original_is_refused_and_the_refusal_recorded(
    path: str, settings: Settings, serve: Callable[..., str], records: Any, upstream_folder: Path
) -> None:
    masking = settings.model_copy(update={"policy": "mask-only"})
    status, body = posted(serve(lambda _: with_rules(masking)), path)
    assert (status, body["error"]["code"]) == (400, "unsupported_content")
    assert "検査できない" in body["error"]["message"]
    assert [kind for kind, _ in records()] == ["asked", "refused"]
    assert (upstream_folder / "received.bin").read_bytes() == b""


@pytest.mark.requirement("R29")
@pytest.mark.parametrize("path", PARTS)
def test_a_rule_by_name_lets_it_through_and_the_record_says_so(
    path: str, seeing: Settings, serve: Callable[..., str], records: Any, upstream_folder: Path
) -> None:
    posted(serve(lambda _: with_rules(seeing)), path)
    received = (upstream_folder / "received.bin").read_text("utf-8")
    assert any(original in received for original in ORIGINALS)
    (_, asked), (_, ending) = records()
    assert asked["entities"] == {"ATTACHMENT": 1} and asked["revealed"] == ["ATTACHMENT"]
    assert ending["egress_state"] == "unmasked"
    kept = b"".join(file.read_bytes() for file in seeing.home.rglob("*") if file.is_file())
    assert not any(original.encode() in kept for original in ORIGINALS)
    assert b"sha256:" in kept


def test_the_digest_is_of_what_left() -> None:
    import hashlib

    from proxy.callers import Declared
    from proxy.surfaces.chat import ChatRequest

    raw = json.dumps(PARTS["/chat/completions"]).encode()
    asked = ChatRequest.read("x", raw, Declared(None, "mail_draft", "2"), lambda _: "D2")
    (part,) = [p for p in asked.kept(asked.body)["messages"][0]["content"] if p["type"] == "image_url"]
    assert part["image_url"] == {"url": "sha256:" + hashlib.sha256(IMAGE.encode()).hexdigest()}
