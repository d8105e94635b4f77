"""Ways in which somebody's data was once carried past the search: each is found, refused or masked now."""

import base64
import json
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from policies.model import Permit
from proxy.callers import Declared
from proxy.errors import Problem
from proxy.surfaces.chat import ChatRequest
from proxy.surfaces.messages import MessagesRequest
from proxy.surfaces.request import Masked, Request
from proxy.surfaces.responses import ResponsesRequest
from proxy.surfaces.transcriptions import TranscriptionsRequest
from redaction.detector import Detector
from redaction.vault import Vault

NUMBER = "123456789018"
PERMIT = Permit((), (), frozenset({"ATTACHMENT"}), (), "test", "digest")


@pytest.fixture(scope="module")
def detector() -> Detector:
    loaded = Detector()
    loaded.load()
    return loaded


def read(kind: type[Request], body: dict[str, Any]) -> Request:
    raw = json.dumps({"model": "m", **body}).encode()
    return kind.read("x", raw, Declared(None, "mail_draft", "2"), lambda _: "D1")


def masked(detector: Detector, kind: type[Request], body: dict[str, Any]) -> Masked:
    asked = read(kind, body)
    return asked.mask(detector.find_now(asked.texts), PERMIT, Vault(b"k"))


def said(*parts: str) -> dict[str, Any]:
    content = [{"type": "text", "text": part} for part in parts]
    return {"messages": [{"role": "user", "content": content}]}


@pytest.mark.requirement("R22")
@pytest.mark.parametrize(
    ("parts", "found"),
    [
        (("資料1", NUMBER), NUMBER),
        (("売上2025", "1234-5678-9018"), "9018"),
        (("第1", "1234 5678 9018"), "5678"),
        (("A1", "4111111111111111"), "4111111111111111"),
        (("ver2", "03-1234-5678"), "1234-5678"),
        (("電話は090-1234", "-5678です"), "5678"),
    ],
)
def test_what_ends_one_part_hides_nothing_in_the_next(
    detector: Detector, parts: Sequence[str], found: str
) -> None:
    assert found not in json.dumps(masked(detector, ChatRequest, said(*parts)).body, ensure_ascii=False)


def test_what_is_searched_twice_is_counted_once() -> None:
    assert read(ChatRequest, said("資料1", NUMBER)).characters == len(f"資料1{NUMBER}muser" + "text" * 2)


ORDINARY = {
    "temperature": [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.5, 2],
    "top_p": [0.1, 0.5, 0.9, 0.95, 1.0],
    "max_tokens": [
        1,
        16,
        59,
        60,
        61,
        64,
        65,
        68,
        100,
        256,
        500,
        512,
        600,
        1000,
        1024,
        4096,
        8192,
        16384,
        128000,
    ],
    "seed": [0, 1, 42, 1234, 20261127],
    "presence_penalty": [-0.5, 0.3, 0.6],
}


@pytest.mark.parametrize("field", ORDINARY)
def test_an_ordinary_setting_is_nobodys_number(detector: Detector, field: str) -> None:
    for value in ORDINARY[field]:
        assert masked(detector, ChatRequest, said("こんにちは") | {field: value}).body[field] == value


def test_a_setting_that_is_somebodys_number_is_refused(detector: Detector) -> None:
    with pytest.raises(Problem) as told:
        masked(detector, ChatRequest, said("こんにちは") | {"seed": int(NUMBER)})
    assert told.value.code == "personal_data_in_field"


def test_nor_one_stop_word_the_next(detector: Detector) -> None:
    body = said("続けて") | {"stop": ["3", "090-1234-5678"]}
    assert "1234" not in json.dumps(masked(detector, ChatRequest, body).body)


IDS = [
    "call_Kq3hTz8vWm2LpXc9RfYb7NdE",
    "toolu_01A09q90qw90lq917835lq9",
    "chatcmpl-tool-0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "call_1234567890",
    "fc_68af4030baa48193b0b43b4c2a176a1a0e6967589f080e77",
    "9f4kQ2mZx",
]


@pytest.mark.parametrize("id", IDS)
def test_the_ids_that_providers_give_to_calls_go_and_come_as_they_are(detector: Detector, id: str) -> None:
    call = {"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turns = [
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": id, "content": "晴れ"},
    ]
    asked = read(ChatRequest, {"messages": turns})
    assert not any(detector.find_now(asked.texts))
    body = masked(detector, ChatRequest, {"messages": turns}).body
    assert [body["messages"][0]["tool_calls"][0]["id"], body["messages"][1]["tool_call_id"]] == [id, id]


def test_an_id_that_is_somebodys_data_is_no_id(detector: Detector) -> None:
    def sent(id: str) -> str:
        turn = {"role": "tool", "tool_call_id": id, "content": "晴れ"}
        return json.dumps(masked(detector, ChatRequest, {"messages": [turn]}).body, ensure_ascii=False)

    assert "山田太郎" not in sent("山田太郎様")
    assert "taro" not in sent("taro@example.jp")
    with pytest.raises(Problem) as refused:
        sent(f"call_{NUMBER}")
    assert refused.value.code == "personal_data_in_field"


@pytest.mark.parametrize(
    "image",
    [
        {"url": f"個人番号 {NUMBER}"},
        {"url": "山田太郎"},
        {"url": f"https://example.com/?n={NUMBER}"},
        {"url": "https://example.com/?m=taro@example.jp"},
        {"url": "data:text/plain,山田太郎"},
        {"url": "data:image/png;base64,iVBORw0KGgo", "note": "山田太郎"},
        f"個人番号 {NUMBER}",
    ],
)
def test_a_rule_that_reveals_originals_reveals_no_text(detector: Detector, image: Any) -> None:
    part = {"type": "image_url", "image_url": image}
    with pytest.raises(Problem):
        masked(detector, ChatRequest, {"messages": [{"role": "user", "content": [part]}]})


@pytest.mark.parametrize(
    "signature",
    [
        "Taro.Yamada:090-1234-5678:" + "x" * 60,
        "1234-5678-9018-" * 6,
        base64.b64encode(("山田太郎の電話は090-1234-5678です。" * 3).encode()).decode(),
        base64.b64encode(("山田太郎の電話は090-1234-5678です。" * 3).encode("utf-16")).decode(),
        NUMBER,
    ],
)
def test_what_a_person_can_read_is_not_sealed(detector: Detector, signature: str) -> None:
    thought = {"type": "thinking", "thinking": "", "signature": signature}
    with pytest.raises(Problem):
        masked(
            detector,
            MessagesRequest,
            {"max_tokens": 9, "messages": [{"role": "assistant", "content": [thought]}]},
        )


@pytest.mark.parametrize("size", range(60, 2_000, 97))
def test_a_signature_as_it_is_given_passes(detector: Detector, size: int) -> None:
    sealed = base64.b64encode(Random(size).randbytes(size)).decode()
    thought = {"type": "thinking", "thinking": "", "signature": sealed}
    turns = {"max_tokens": 9, "messages": [{"role": "assistant", "content": [thought]}]}
    assert masked(detector, MessagesRequest, turns).body["messages"][0]["content"][0]["signature"] == sealed


def test_the_last_digits_of_a_long_number_in_json_are_looked_at(detector: Detector) -> None:
    item = {"type": "function_call", "call_id": "call_Ab1", "name": "f"}
    arguments = f'{{"x": 1.0000000000000000{NUMBER}}}'
    with pytest.raises(Problem) as refused:
        masked(detector, ResponsesRequest, {"input": [{**item, "arguments": arguments}]})
    assert refused.value.code == "personal_data_in_field"


def form(*parts: str) -> bytes:
    return (
        "".join(f"--b\r\ncontent-disposition: form-data; {part}\r\n" for part in parts).encode()
        + b"--b--\r\n"
    )


FILE = 'name="file"; filename="a.wav"\r\n\r\nRIFF'
MODEL = 'name="model"\r\n\r\nm'


@pytest.mark.parametrize(
    "parts",
    [
        (MODEL, FILE, 'name="prompt"; filename="p.txt"\r\n\r\n山田太郎'),
        (MODEL, FILE, FILE),
        (MODEL, 'name="file"\r\n\r\nRIFF'),
        (MODEL, FILE, 'name="prompt"\r\n\r\na', 'name="prompt[]"\r\n\r\nb'),
        (MODEL, FILE, 'name="known_speaker_references[]"\r\n\r\n山田太郎 090-1234-5678'),
        (MODEL, FILE, MODEL),
    ],
)
def test_a_form_has_one_file_and_says_everything_once(parts: Sequence[str]) -> None:
    with pytest.raises(Problem) as refused:
        TranscriptionsRequest.read(
            "x", form(*parts), Declared(None, "minutes", "2"), lambda _: "D1",
            content_type="multipart/form-data; boundary=b",
        )  # fmt: skip
    assert refused.value.status == 400
