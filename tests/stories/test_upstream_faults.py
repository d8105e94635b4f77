"""Whatever goes wrong at the model's server: the caller is told rightly, and the ledger says `failed` and why.

Every fault of faulty_upstream.py in every dialect, plain and streamed, at one checkpoint with short patience.
"""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
TEXT = "担当は山田太郎さん、電話は090-1234-5678です。"
DIALECTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/chat/completions", {"messages": [{"role": "user", "content": TEXT}]}),
    "responses": ("/responses", {"input": TEXT}),
    "messages": ("/messages", {"messages": [{"role": "user", "content": TEXT}], "max_tokens": 99}),
    "embeddings": ("/embeddings", {"input": TEXT}),
}
WAYS = [(dialect, stream) for dialect in ("chat", "responses", "messages") for stream in (False, True)]
WAYS.append(("embeddings", False))

FAULTS = {
    "refused": (502, "upstream_unreachable"),
    "busy": (429, "upstream_rate_limited"),
    "error": (502, "upstream_status_500"),
    "away": (503, "upstream_status_503"),
    "down": (502, "upstream_status_503"),
    "picky": (400, "upstream_status_400"),
    "error-200": (502, "upstream_error"),
    "moved": (502, "upstream_status_302"),
    "malformed": (502, "upstream_malformed"),
    "silent": (504, "upstream_timeout"),
    "dripping": (504, "upstream_timeout"),
    "huge": (502, "upstream_too_large"),
    "one-line": (502, "upstream_too_large"),
    "bomb": (502, "upstream_compressed"),
    "endless-head": (502, "upstream_malformed"),
    "half-a-head": (502, "upstream_broken"),
    "hung-up": (502, "upstream_broken"),
    "too-short": (502, "upstream_broken"),
    "too-long": (502, "upstream_malformed"),
}
"""What the caller is told where no word of an answer came: status and code."""

LEFT = {"refused": "none"} | dict.fromkeys(("silent", "half-a-head", "hung-up"), "unknown")
"""What left where it was not masked: nothing, or nobody knows, because no reply had begun."""

IN_THE_MIDDLE = {
    "malformed-later": "upstream_malformed",
    "error-later": "upstream_error",
    "unfinished": "upstream_incomplete",
    "broken": "upstream_broken",
    "silent-later": "upstream_timeout",
}
"""What ends a stream that had begun well, and the code of the event that says so."""

MEGABYTE = 1_000_000
SETTINGS = {
    "SEKISHO_SILENCE_TIMEOUT": "1",
    "SEKISHO_REPLY_TIMEOUT": "2",
    "SEKISHO_MAX_REPLY": str(MEGABYTE),
    "SEKISHO_RETRIES": "0",
}


@dataclass
class Faulty:
    """The failing server: its address, and how often it was asked for each model."""

    url: str
    folder: Path

    @property
    def asked(self) -> list[str]:
        return (self.folder / "asked.txt").read_text().splitlines()

    def times(self, model: str) -> int:
        return sum(line.endswith(f" {model}") for line in self.asked)


@dataclass
class Told:
    """One reply as it came: its status and headers, and the error in it, wherever that stood."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = [line.removeprefix("data: ") for line in self.text.splitlines() if line.startswith("data: ")]
        return [json.loads(line) for line in lines if line != "[DONE]"]

    @property
    def code(self) -> str | None:
        last = self.events[-1] if self.text.startswith(("data:", "event:")) else json.loads(self.text)
        return (last.get("error") or {}).get("code")


@contextmanager
def faulty(folder: Path, port: int = 0) -> Iterator[Faulty]:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, str(HERE / "faulty_upstream.py"), str(folder), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield Faulty(f"http://127.0.0.1:{int(process.stdout.readline())}/v1", folder)
        finally:
            process.terminate()


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def model(name: str, base_url: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "via": "direct", "base_url": base_url, "destination": "D2"} | more


def listed(folder: Path, models: list[dict[str, Any]]) -> str:
    (folder / "models.yaml").write_text(json.dumps({"models": models}))
    return str(folder / "models.yaml")


@pytest.fixture(scope="module")
def house(
    open_house: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Any, Faulty]]:
    """A checkpoint that knows every fault as a model."""
    folder = tmp_path_factory.mktemp("faults")
    with ExitStack() as stack:
        server = stack.enter_context(faulty(folder))
        names = [*FAULTS, *IN_THE_MIDDLE, "goes-on", "goes-on-later", "talkative", "well"]
        models = [model(name, server.url) for name in names if name != "refused"]
        models.append(model("refused", f"http://127.0.0.1:{unused_port()}/v1"))
        checkpoint, _ = open_house(SEKISHO_MODELS=listed(folder, models), **SETTINGS)
        yield checkpoint, server


def ask(checkpoint: Any, dialect: str, name: str, stream: bool = False) -> Told:
    path, body = DIALECTS[dialect]
    more = {"stream": True} if stream else {}
    status, headers, said = checkpoint.post({"model": name, **body, **more}, path)
    return Told(status, headers, said if isinstance(said, str) else json.dumps(said))


def ending(checkpoint: Any, told: Told) -> dict[str, Any]:
    """The one ending of an exchange."""
    mine = [r for r in checkpoint.records() if r["exchange"] == told.headers["x-request-id"]]
    asked, ended = mine
    assert asked["kind"] == "asked"
    return {"kind": ended["kind"], **ended["body"]}


@pytest.mark.parametrize(("dialect", "stream"), WAYS)
def test_every_fault_before_the_first_word_is_told_as_an_error_and_recorded_as_failed(
    house: tuple[Any, Faulty], dialect: str, stream: bool
) -> None:
    checkpoint, server = house
    for fault, (status, code) in FAULTS.items():
        if stream and fault == "too-long":
            continue  # the first half of its events is good
        told = ask(checkpoint, dialect, fault, stream)
        assert (told.status, told.code) == (status, code), fault
        assert told.headers["content-type"] == "application/json", fault
        waits = {"busy": "7", "away": "9"}.get(fault)
        assert told.headers.get("retry-after") == waits, fault
        assert waits or told.headers["x-should-retry"] == "false", fault
        ended = ending(checkpoint, told)
        assert (ended["kind"], ended["reason"]) == ("failed", code), fault
        assert ended["egress_state"] == LEFT.get(fault, "masked"), fault
        assert (ended["tries"], ended["model_asked"]) == (1, fault)
    assert not any("elsewhere" in line for line in server.asked), "no redirect is followed"


@pytest.mark.parametrize("dialect", ["chat", "responses", "messages"])
def test_what_breaks_in_the_middle_of_a_stream_is_told_as_its_last_event(
    house: tuple[Any, Faulty], dialect: str
) -> None:
    checkpoint, _ = house
    for fault, code in IN_THE_MIDDLE.items():
        told = ask(checkpoint, dialect, fault, stream=True)
        assert (told.status, told.code) == (200, code), fault
        assert len(told.events) > 1 and "[DONE]" not in told.text, fault
        ended = ending(checkpoint, told)
        assert (ended["kind"], ended["reason"], ended["tries"]) == ("failed", code, 1), fault
        assert ended["egress_state"] == "masked"


def consume(checkpoint: Any, dialect: str, name: str, stream: bool) -> None:
    """Ask as a staff tool does, with the official client, to the end of the reply."""
    _, body = DIALECTS[dialect]
    if dialect == "messages":
        client = checkpoint.anthropic(max_retries=0, timeout=60)
        reply = client.messages.create(model=name, stream=stream, **body)
    else:
        client = checkpoint.client(max_retries=0, timeout=60)
        create = client.chat.completions.create if dialect == "chat" else client.responses.create
        reply = create(model=name, stream=stream, **body)
    if stream:
        for _ in reply:
            pass


@pytest.mark.parametrize(("dialect", "stream"), WAYS[:-1])
def test_the_official_clients_raise_at_every_fault(
    house: tuple[Any, Faulty], dialect: str, stream: bool
) -> None:
    import anthropic
    import openai

    checkpoint, _ = house
    errors = (anthropic.APIError, openai.APIError)
    faults = [*FAULTS, *IN_THE_MIDDLE] if stream else list(FAULTS)
    quick = [fault for fault in faults if fault not in ("silent", "dripping")]
    for fault in quick:
        with pytest.raises(errors) as raised:
            consume(checkpoint, dialect, fault, stream)
        if fault == "busy":
            assert isinstance(raised.value, anthropic.RateLimitError | openai.RateLimitError)
            assert raised.value.response.headers["retry-after"] == "7"
    checkpoint.close_clients()


@pytest.mark.parametrize(("dialect", "stream"), WAYS)
def test_nothing_a_server_says_after_its_answer_reaches_anybody(
    house: tuple[Any, Faulty], dialect: str, stream: bool
) -> None:
    checkpoint, _ = house
    for name in ("goes-on", "goes-on-later", "talkative"):
        for _ in range(2):
            told = ask(checkpoint, dialect, name, stream)
            assert told.status == 200 and "of-somebody-else" not in told.text, name
            assert ending(checkpoint, told)["kind"] == "answered"
            time.sleep(0.4 if name == "goes-on-later" else 0)


def test_endless_and_packed_replies_take_no_memory(house: tuple[Any, Faulty]) -> None:
    checkpoint, _ = house
    process = Path(f"/proc/{checkpoint.process.pid}")
    if not process.exists():
        pytest.skip("no /proc here")

    def peak() -> int:
        (line,) = [line for line in (process / "status").read_text().splitlines() if "VmHWM" in line]
        return int(line.split()[1]) * 1024

    ask(checkpoint, "chat", "well")
    (process / "clear_refs").write_text("5")  # the peak is counted from here
    before = peak()
    for fault in ("bomb", "huge", "one-line", "endless-head"):
        for dialect, stream in WAYS:
            ask(checkpoint, dialect, fault, stream)
    assert peak() - before < 30 * MEGABYTE


# ── another try, another model ────────────────────────────────────────────────────────────────────

IN_PLACE = {"fallback": ["well"]}
QUICK = {"busy": 2, "silent": 2, "html": 2}
"""How often models are asked in all until the one in place answers."""
PATIENCE = {**QUICK, "down": 7}


@pytest.fixture(scope="module")
def patient(
    open_house: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Any, Faulty, int]]:
    """A checkpoint that tries six times, with other models in place; and a port where nobody listens yet."""
    folder = tmp_path_factory.mktemp("tries")
    port = unused_port()
    with ExitStack() as stack:
        server = stack.enter_context(faulty(folder))
        models = [model(f"{dialect}-{stream}/down-once", server.url) for dialect, stream in WAYS]
        models += [model(name, server.url) for name in ("well", "broken", "hung-up-once")]
        models += [
            model("down", server.url, **IN_PLACE),
            model("busy", server.url, **IN_PLACE),
            model("silent", server.url, **IN_PLACE),
            model("html", server.url, **IN_PLACE),
            model("picky", server.url, **IN_PLACE),
            model("unfinished", server.url, **IN_PLACE),
            model("error", server.url, fallback=["abroad", "by-terms-only"]),
            model("moved", server.url, fallback=["by-terms-only", "well"]),
            model("abroad", server.url, destination="D3"),
            model("by-terms-only", server.url, destination="D4"),
            model("late", f"http://127.0.0.1:{port}/v1"),
        ]
        more = SETTINGS | {"SEKISHO_RETRIES": "5"}
        more["SEKISHO_MODELS"] = listed(folder, models)
        checkpoint, _ = open_house(dir=folder / "home", **more)
        yield checkpoint, server, port


def test_a_server_that_is_back_in_a_moment_is_asked_again_and_answers(
    patient: tuple[Any, Faulty, int],
) -> None:
    checkpoint, server, _ = patient
    ways = [(dialect, stream, f"{dialect}-{stream}/down-once") for dialect, stream in WAYS]
    for dialect, stream, name in [*ways, ("chat", False, "hung-up-once")]:
        told = ask(checkpoint, dialect, name, stream)
        assert (told.status, server.times(name)) == (200, 2), name
        ended = ending(checkpoint, told)
        assert (ended["kind"], ended["tries"], ended["model_asked"]) == ("answered", 2, name)


def test_a_server_that_starts_late_is_waited_for(patient: tuple[Any, Faulty, int], tmp_path: Path) -> None:
    checkpoint, _, port = patient
    told: list[Told] = []
    asking = threading.Thread(target=lambda: told.append(ask(checkpoint, "chat", "late")))
    asking.start()
    time.sleep(0.2)
    with faulty(tmp_path / "late", port):
        asking.join()
    assert told[0].status == 200
    ended = ending(checkpoint, told[0])
    assert ended["kind"] == "answered" and 2 <= ended["tries"] <= 6 and ended["egress_state"] == "masked"


@pytest.mark.parametrize(("dialect", "stream"), WAYS[:-1])
def test_where_a_model_fails_before_its_first_word_another_on_the_list_answers(
    patient: tuple[Any, Faulty, int], dialect: str, stream: bool
) -> None:
    checkpoint, server, _ = patient
    faults = PATIENCE if (dialect, stream) == WAYS[0] else QUICK
    for name, tries in faults.items():
        before = server.times(name)
        told = ask(checkpoint, dialect, name, stream)
        assert told.status == 200 and server.times(name) - before == tries - 1, name
        ended = ending(checkpoint, told)
        assert (ended["kind"], ended["tries"], ended["model_asked"]) == ("answered", tries, "well"), name
        asked = next(r for r in checkpoint.records("asked") if r["exchange"] == told.headers["x-request-id"])
        assert asked["body"]["models_in_place"] == ["well"] and asked["body"]["model_requested"] == name


def test_a_model_that_the_policy_refuses_is_not_asked_in_place_of_another(
    patient: tuple[Any, Faulty, int],
) -> None:
    checkpoint, server, _ = patient
    alone, helped = ask(checkpoint, "chat", "error"), ask(checkpoint, "chat", "moved")
    assert (alone.status, alone.code) == (502, "upstream_status_500")
    assert helped.status == 200 and ending(checkpoint, helped)["model_asked"] == "well"
    assert ending(checkpoint, alone)["tries"] == 1
    in_place = [
        record["body"]["models_in_place"]
        for record in checkpoint.records("asked")
        if record["exchange"] in (alone.headers["x-request-id"], helped.headers["x-request-id"])
    ]
    assert in_place == [[], ["well"]]
    assert server.times("abroad") == server.times("by-terms-only") == 0


def test_a_request_that_is_wrong_itself_is_asked_once(patient: tuple[Any, Faulty, int]) -> None:
    checkpoint, server, _ = patient
    told = ask(checkpoint, "chat", "picky")
    assert (told.status, told.code, server.times("picky")) == (400, "upstream_status_400", 1)


def test_after_the_first_word_nobody_is_asked_again(patient: tuple[Any, Faulty, int]) -> None:
    checkpoint, server, _ = patient
    before = server.times("well")
    told = ask(checkpoint, "chat", "unfinished", stream=True)
    assert (told.status, told.code) == (200, "upstream_incomplete")
    assert ending(checkpoint, told)["tries"] == 1
    assert (server.times("unfinished"), server.times("well")) == (1, before)


def test_vectors_come_from_the_model_that_was_asked_for_or_from_none(
    patient: tuple[Any, Faulty, int],
) -> None:
    checkpoint, server, _ = patient
    before = server.times("well")
    told = ask(checkpoint, "embeddings", "busy")
    assert (told.status, told.headers["retry-after"], told.code) == (429, "7", "upstream_rate_limited")
    assert (ending(checkpoint, told)["tries"], server.times("well")) == (1, before)
