"""What cannot be searched is told by kind, wherever a dialect lets it stand."""

import json
from typing import Any

import pytest

from proxy.callers import Declared
from proxy.surfaces.chat import ChatRequest
from proxy.surfaces.messages import MessagesRequest
from proxy.surfaces.request import Request
from proxy.surfaces.responses import ResponsesRequest
from proxy.surfaces.transcriptions import TranscriptionsRequest

DATA = "iVBORw0KGgoAAAANSUhEUg=="
URL = "https://example.jp/a"


def chat(part: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "見て"}, part]}]}


def messages(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"max_tokens": 9, "messages": [{"role": "user", "content": list(blocks)}]}


def responses(item: dict[str, Any]) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": [item]}]}


BASE64 = {"type": "base64", "media_type": "image/png", "data": DATA}
IMAGE = {"type": "image", "source": BASE64}
DOCUMENT = {"type": "document", "source": {**BASE64, "media_type": "application/pdf"}}


@pytest.mark.parametrize(
    ("kind", "body", "found"),
    [
        (ChatRequest, {"messages": [{"role": "user", "content": f"{URL} {DATA}"}]}, ()),
        (ChatRequest, chat({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}}), ("image",)),
        (ChatRequest, chat({"type": "image_url", "image_url": {"url": URL}}), ("image", "link")),
        (ChatRequest, chat({"type": "input_audio", "input_audio": {"data": DATA, "format": "wav"}}), ("audio",)),
        (ChatRequest, chat({"type": "file", "file": {"file_data": DATA, "filename": "image.pdf"}}), ("file",)),
        (MessagesRequest, messages(IMAGE), ("image",)),
        (MessagesRequest, messages({"type": "image", "source": {"type": "url", "url": URL}}), ("image", "link")),
        (MessagesRequest, messages(DOCUMENT), ("file",)),
        (MessagesRequest, messages(DOCUMENT, IMAGE), ("image", "file")),
        (MessagesRequest, messages({"type": "document", "source": {"type": "content", "content": [IMAGE]}}), ("image",)),
        (MessagesRequest, messages({"type": "tool_result", "tool_use_id": "toolu_01A", "content": [IMAGE]}), ("image",)),
        (ResponsesRequest, responses({"type": "input_image", "image_url": URL}), ("image", "link")),
        (ResponsesRequest, responses({"type": "input_file", "file_data": DATA}), ("file",)),
        (ResponsesRequest, responses({"type": "input_file", "file_url": URL}), ("file", "link")),
    ],
)  # fmt: skip
def test_attachments_are_told_by_kind_and_never_without_one(
    kind: type[Request], body: dict[str, Any], found: tuple[str, ...]
) -> None:
    raw = json.dumps({"model": "m", **body}).encode()
    request = kind.read("x", raw, Declared(None, "mail_draft", "2"), lambda model: "D2")
    assert request.attachments == found
    assert bool(found) == bool(request.counted([()] * len(request.texts))["ATTACHMENT"])


def test_a_recording_is_sound() -> None:
    form = (
        b'--x\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper\r\n'
        b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--x--\r\n'
    )
    declared = Declared(None, "minutes", "2")
    request = TranscriptionsRequest.read(
        "x", form, declared, lambda model: "D1", content_type="multipart/form-data; boundary=x"
    )
    assert request.attachments == ("audio",)
