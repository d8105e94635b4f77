"""Providers of other shapes, through litellm: the same masking, the same records, the same refusals.

Anthropic, Azure and Bedrock as provider_shapes.py plays them, an OpenAI-shaped server that is asked the long way
round, and the demo model, which quotes.
"""

import base64
import json
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
TEXT = "担当は山田太郎さん、電話は090-1234-5678です。"
SHAPES = ("anthropic", "azure", "bedrock")
DIALECTS = ("chat", "responses", "messages")
FAULTS = {
    "error-400": (400, "upstream_status_400"),
    "error-429": (429, "upstream_rate_limited"),
    "error-500": (502, "upstream_status_500"),
    "moved": (502, "upstream_status_302"),
    "bomb": (502, "upstream_compressed"),
    "huge": (502, "upstream_too_large"),
}
SCHEMA = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
KEYS = {
    "LOOPBACK_KEY": "sk-loopback",
    "AWS_ACCESS_KEY_ID": "AKIALOOPBACK",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_EC2_METADATA_DISABLED": "true",
    "SEKISHO_MAX_REPLY": "500000",
    "SEKISHO_SILENCE_TIMEOUT": "10",
}


def at(shape: str, name: str, url: str) -> dict[str, Any]:
    """One model of a shape as the model list names it."""
    model = {"name": f"{shape}/{name}", "via": "litellm", "base_url": url, "destination": "D2"}
    match shape:
        case "anthropic":
            return model | {"target": f"anthropic/{name}", "key_env": "LOOPBACK_KEY"}
        case "azure":
            options = {"api_version": "2024-10-21"}
            return model | {"target": f"azure/{name}", "key_env": "LOOPBACK_KEY", "options": options}
        case "bedrock":
            options = {"aws_region_name": "ap-northeast-1"}
            return model | {"target": f"bedrock/converse/anthropic.{name}", "options": options}
        case "openai":
            return model | {"target": f"openai/{name}", "base_url": f"{url}/v1", "key_env": "LOOPBACK_KEY"}
        case _:
            return {"name": name, "via": "litellm", "target": f"{name}/quote", "destination": "D1"}


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The other providers' server: the folder of what it got, and its address."""
    folder = tmp_path_factory.mktemp("shapes")
    command = [sys.executable, str(HERE / "provider_shapes.py"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield folder / "received.bin", f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.terminate()


@pytest.fixture(scope="module")
def house(
    open_house: Callable[..., Any],
    start_openai: tuple[str, Path],
    shapes: tuple[Path, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    """A checkpoint that knows all of them."""
    url, _ = start_openai
    names = ("echo", "echo-v1:0", "cut-2", "broken", "unfinished", *FAULTS)
    models = [at(shape, name, shapes[1]) for shape in SHAPES for name in names]
    models += [at(shape, "gone", "http://127.0.0.1:9") for shape in SHAPES]
    models += [at("openai", name, url) for name in ("echo", "error", "no-usage", "cut-2")]
    models += [at("openai", "echo", url) | {"name": "whisper", "destination": "D1"}]
    models += [at("demo", "sekisho-demo", "")]
    file = tmp_path_factory.mktemp("list") / "models.yaml"
    file.write_text(json.dumps({"models": models}))
    return open_house(SEKISHO_MODELS=str(file), SEKISHO_WARM_LITELLM="true", **KEYS)[0]


@pytest.fixture(scope="module")
def start_openai(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """An OpenAI-shaped server, and what it got."""
    folder = tmp_path_factory.mktemp("openai")
    command = [sys.executable, str(HERE / "upstream.py"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}", folder / "received.bin"
        process.terminate()


class Since:
    """What one story added to a file of received bytes, and to the ledger."""

    def __init__(self, house: Any, file: Path) -> None:
        self.house = house
        self.file = file
        self.began = file.stat().st_size
        self.before = len(house.records())

    @property
    def received(self) -> bytes:
        return self.file.read_bytes()[self.began :]

    @property
    def records(self) -> list[dict[str, Any]]:
        return list(self.house.records()[self.before :])

    def passed_masked(self) -> dict[str, Any]:
        """One exchange, answered, and nothing of a person arrived. Gives its ending."""
        received = self.received.decode()
        for value in ("山田", "090-1234", self.house.key):
            assert value not in received and json.dumps(value)[1:-1] not in received
        assert received.count("POST ") == 1
        asked, ended = self.records
        assert (asked["kind"], ended["kind"]) == ("asked", "answered")
        assert ended["body"]["egress_state"] == "masked" and ended["body"]["tries"] == 1
        return dict(ended["body"])

    def failed(self, code: str) -> dict[str, Any]:
        asked, ended = self.records
        assert (asked["kind"], ended["kind"], ended["body"]["reason"]) == ("asked", "failed", code)
        return dict(ended["body"])


@pytest.fixture
def since(house: Any, shapes: tuple[Path, str]) -> Iterator[Since]:
    yield Since(house, shapes[0])
    house.close_clients()


@pytest.fixture
def since_openai(house: Any, start_openai: tuple[str, Path]) -> Iterator[Since]:
    yield Since(house, start_openai[1])
    house.close_clients()


# ── what a staff tool sees, by the official clients ───────────────────────────────────────────────


def created(house: Any, dialect: str, model: str, stream: bool, tools: bool = False) -> Any:
    """One request with the official client of the dialect."""
    function = {"name": "mail", "description": "送る", "parameters": SCHEMA}
    if dialect == "messages":
        tool = {"name": "mail", "description": "送る", "input_schema": SCHEMA}
        client = house.anthropic(max_retries=0, timeout=90)
        messages = [{"role": "user", "content": TEXT}]
        more = {"tools": [tool]} if tools else {}
        return client.messages.create(model=model, messages=messages, max_tokens=99, stream=stream, **more)
    client = house.client(max_retries=0, timeout=90)
    if dialect == "responses":
        more = {"tools": [{"type": "function", **function}]} if tools else {}
        return client.responses.create(model=model, input=TEXT, stream=stream, **more)
    more = {"tools": [{"type": "function", "function": function}]} if tools else {}
    messages = [{"role": "user", "content": TEXT}]
    return client.chat.completions.create(model=model, messages=messages, stream=stream, **more)


def said(dialect: str, reply: Any, stream: bool) -> tuple[str, str]:
    """The text of a reply and the arguments of its tool call, put together as a tool would."""
    match dialect, stream:
        case "chat", False:
            message = reply.choices[0].message
            calls = [call.function.arguments for call in message.tool_calls or []]
            return message.content or "", "".join(calls)
        case "chat", True:
            deltas = [choice.delta for chunk in reply for choice in chunk.choices]
            calls = [call.function.arguments or "" for delta in deltas for call in delta.tool_calls or []]
            return "".join(delta.content or "" for delta in deltas), "".join(calls)
        case "responses", False:
            calls = [item.arguments for item in reply.output if item.type == "function_call"]
            return reply.output_text, "".join(calls)
        case "responses", True:
            events = list(reply)
            assert events[-1].type == "response.completed"
            assert len({event.response.id for event in events if hasattr(event, "response")}) == 1
            return pieces(events, "response.output_text"), pieces(events, "response.function_call_arguments")
        case "messages", False:
            texts = [block.text for block in reply.content if block.type == "text"]
            calls = [json.dumps(block.input) for block in reply.content if block.type == "tool_use"]
            return "".join(texts), "".join(calls)
        case _:
            deltas = [event.delta for event in reply if event.type == "content_block_delta"]
            texts = [delta.text for delta in deltas if delta.type == "text_delta"]
            calls = [delta.partial_json for delta in deltas if delta.type == "input_json_delta"]
            return "".join(texts), "".join(calls)


def pieces(events: list[Any], name: str) -> str:
    return "".join(event.delta for event in events if event.type == f"{name}.delta")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_provider_of_another_shape_gets_it_masked_and_the_caller_gets_it_restored(
    house: Any, since: Since, shape: str, dialect: str, stream: bool
) -> None:
    model = f"{shape}/{'cut-2' if stream else 'echo'}"
    text, _ = said(dialect, created(house, dialect, model, stream), stream)
    assert text == TEXT
    ended = since.passed_masked()
    assert ended["model_asked"] == model
    assert ended["tokens"] == {"input": 11, "output": 7, "tokens_estimated": False}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_tool_is_called_with_the_restored_values_in_every_shape(
    house: Any, since: Since, shape: str, dialect: str, stream: bool
) -> None:
    _, arguments = said(dialect, created(house, dialect, f"{shape}/echo", stream, tools=True), stream)
    assert json.loads(arguments) == {"to": TEXT}
    since.passed_masked()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_fault_of_a_provider_is_told_and_recorded_as_it_is_of_a_direct_one(
    house: Any, since: Since, shape: str, dialect: str, stream: bool
) -> None:
    import anthropic
    import openai

    for fault, (status, code) in FAULTS.items():
        if stream and fault == "huge":
            continue  # litellm may have given out a beginning by then, or found no event in it
        here = Since(house, since.file)
        with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)) as raised:
            created(house, dialect, f"{shape}/{fault}", stream)
        assert (raised.value.status_code, code_of(raised.value)) == (status, code), fault
        assert raised.value.response.headers.get("retry-after") == ("7" if status == 429 else None)
        ended = here.failed(code)
        assert (ended["egress_state"], ended["tries"]) == ("masked", 1), fault
        assert here.received.count(b"POST ") == 1, fault
    house.close_clients()


@pytest.mark.parametrize("fault", ["broken", "unfinished"])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream_that_ends_too_soon_raises_in_the_client_and_is_recorded_as_failed(
    house: Any, since: Since, shape: str, dialect: str, fault: str
) -> None:
    import anthropic
    import openai

    with pytest.raises((openai.APIError, anthropic.APIError)):
        said(dialect, created(house, dialect, f"{shape}/{fault}", stream=True), stream=True)
    asked, ended = since.records
    assert (asked["kind"], ended["kind"]) == ("asked", "failed")


def test_a_name_with_a_colon_is_sent_as_it_was_signed(house: Any, since: Since) -> None:
    text, _ = said("chat", created(house, "chat", "bedrock/echo-v1:0", stream=False), stream=False)
    assert text == TEXT and b"/model/anthropic.echo-v1%3A0/converse " in since.received


@pytest.mark.parametrize("shape", SHAPES)
def test_a_provider_that_is_not_there_got_nothing_and_the_record_says_so(
    house: Any, since: Since, shape: str
) -> None:
    status, _, told = house.say(TEXT, f"{shape}/gone")
    assert (status, told["error"]["code"]) == (502, "upstream_unreachable")
    ended = since.failed("upstream_unreachable")
    assert (ended["egress_state"], ended["tries"]) == ("none", 2)


def code_of(error: Any) -> Any:
    body = error.body
    return (body.get("error") or body)["code"]


def test_a_parameter_that_a_provider_does_not_know_is_named_and_nothing_leaves(
    house: Any, since: Since
) -> None:
    body = {"model": "anthropic/echo", "messages": [{"role": "user", "content": "晴れ"}], "n": 2}
    status, _, told = house.post(body)
    assert (status, told["error"]["code"]) == (400, "model_cannot")
    assert "(n)" in told["error"]["message"]
    assert since.received == b"" and since.failed("model_cannot")["egress_state"] == "none"


def test_anthropic_counts_its_own_tokens_and_nobody_else_guesses_them(house: Any, since: Since) -> None:
    body = {"messages": [{"role": "user", "content": TEXT}]}
    status, _, told = house.post({"model": "azure/echo", **body}, "/messages/count_tokens")
    assert (status, told["error"]["code"]) == (400, "model_cannot")
    assert "数えられません" in told["error"]["message"] and since.received == b""
    assert since.failed("model_cannot")["egress_state"] == "none"
    own = Since(house, since.file)
    count = house.anthropic(timeout=90).messages.count_tokens
    assert count(model="anthropic/echo", **body).input_tokens == 11
    own.passed_masked()


def test_azure_embeds_masked_texts(house: Any, since: Since) -> None:
    reply = house.client(timeout=90).embeddings.create(model="azure/echo", input=["山田太郎", "晴れ"])
    assert [len(part.embedding) for part in reply.data] == [2, 2]
    assert since.passed_masked()["vectors"] == 2


# ── OpenAI's own shape, the long way round ────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_openai_shaped_server_behind_litellm_is_no_other(
    house: Any, since_openai: Since, dialect: str, stream: bool
) -> None:
    text, _ = said(
        dialect, created(house, dialect, f"openai/{'cut-2' if stream else 'echo'}", stream), stream
    )
    assert text == TEXT
    assert since_openai.passed_masked()["tokens"]["input"] == 11


@pytest.mark.parametrize("format", [None, "float", "base64"])
def test_texts_that_litellm_embeds_are_masked_and_their_vectors_come_back(
    house: Any, since_openai: Since, format: str | None
) -> None:
    wanted = {"encoding_format": format} if format else {}
    create = house.client(timeout=90).embeddings.create
    reply = create(model="openai/echo", input=["山田太郎", "晴れ"], user="山田太郎", **wanted)
    vectors = [part.embedding for part in reply.data]
    if format == "base64":
        vectors = [list(struct.unpack("<2f", base64.b64decode(vector))) for vector in vectors]
    name = json.loads(since_openai.received.split(b"\r\n\r\n")[1])["input"][0]
    assert name.startswith("[PERSON_1_") and vectors == [[len(name), 0], [2, 1]]
    ended = since_openai.passed_masked()
    assert (ended["vectors"], ended["tokens"]["input"]) == (2, 11)


@pytest.mark.parametrize(("model", "kind"), [("error", "failed"), ("no-usage", "answered")])
def test_vectors_behind_litellm_are_asked_for_once_and_counted_where_they_were(
    house: Any, since_openai: Since, model: str, kind: str
) -> None:
    status, _, body = house.post({"model": f"openai/{model}", "input": "こんにちは"}, "/embeddings")
    asked, ended = since_openai.records
    assert (asked["kind"], ended["kind"]) == ("asked", kind)
    assert since_openai.received.count(b"POST ") == 1
    if kind == "failed":
        assert (status, body["error"]["code"]) == (502, "upstream_status_500")
    else:
        assert status == 200 and ended["body"]["tokens"]["tokens_estimated"] is True


@pytest.mark.parametrize("format", ["json", "text"])
def test_sound_for_a_model_of_the_house_is_written_down_through_litellm(
    house: Any, since_openai: Since, format: str
) -> None:
    client = house.client(timeout=90, max_retries=0)
    sound = ("山田太郎.wav", "晴れです".encode())
    heard = client.audio.transcriptions.create(model="whisper", file=sound, response_format=format)
    assert (heard if format == "text" else heard.text) == "晴れです"
    assert b"\xe5\xb1\xb1\xe7\x94\xb0" not in since_openai.received  # the file's own name stays
    asked, ended = since_openai.records
    assert (asked["kind"], ended["kind"]) == ("asked", "answered")


def test_a_stream_of_sound_through_litellm_is_refused_in_words(house: Any, since_openai: Since) -> None:
    import openai

    client = house.client(timeout=90, max_retries=0)
    with pytest.raises(openai.BadRequestError) as refused:
        client.audio.transcriptions.create(model="whisper", file=("a.wav", b"x"), stream=True)
    assert code_of(refused.value) == "model_cannot" and since_openai.received == b""
    assert since_openai.failed("model_cannot")["egress_state"] == "none"


# ── the demo model ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_demo_model_quotes_in_every_dialect(house: Any, since: Since, dialect: str, stream: bool) -> None:
    text, _ = said(dialect, created(house, dialect, "sekisho-demo", stream), stream)
    masked, restored = text.split("■")[1:]
    assert "⟦PERSON_1_" in masked and "山田" not in masked
    assert TEXT in restored
    asked, ended = since.records
    assert (asked["kind"], ended["kind"]) == ("asked", "answered") and since.received == b""


@pytest.mark.parametrize("what", ["/embeddings", "/messages/count_tokens", "/audio/transcriptions"])
def test_the_demo_model_says_what_it_cannot_do(house: Any, since: Since, what: str) -> None:
    import openai

    if what == "/audio/transcriptions":
        with pytest.raises(openai.BadRequestError) as refused:
            create = house.client(max_retries=0).audio.transcriptions.create
            create(model="sekisho-demo", file=("a.wav", b"x"))
        status, error = refused.value.status_code, refused.value.body
    else:
        asked = (
            {"input": "晴れ"}
            if what == "/embeddings"
            else {"messages": [{"role": "user", "content": "晴れ"}]}
        )
        status, _, told = house.post({"model": "sekisho-demo", **asked}, what)
        error = told["error"]
    assert (status, error["code"]) == (400, "model_cannot")  # type: ignore[index]
    assert "引用だけ" in error["message"] and "only quotes" in error["message"]  # type: ignore[index]
    assert since.failed("model_cannot")["egress_state"] == "none"


def test_the_ledger_of_all_these_stories_is_whole(house: Any) -> None:
    assert house.verify()["ok"]
