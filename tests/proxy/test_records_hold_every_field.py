"""docs/records.md and the ledger say the same: real exchanges of every dialect, wherever they end."""

import dataclasses
import json
import re
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from audit.address import address_of
from audit.exports.ocsf import event
from audit.following import news
from proxy.consents import given
from proxy.house import House, build
from proxy.office.confirmations import ConfirmationBook
from proxy.office.store import office_of
from proxy.settings import Settings
from redaction.model import Finding
from tests import fakes
from tests.audit.exports.test_ocsf import complaints as ocsf_complaints
from tests.proxy.conftest import ROOT, post

PAGE = ROOT / "docs" / "records.md"
NAME, MY_NUMBER, ACCOUNT = "山田太郎", "123456789018", "7654321"
SAID = f"{NAME}さん、こんにちは"
TOOL = {"type": "function", "function": {"name": "find_letters", "parameters": {"type": "object"}}}
HEADERS = {
    "x_sekisho_conversation": str(uuid.UUID(int=0xABCDEF)),
    "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01",
}

BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/chat/completions", {"messages": [{"role": "user", "content": SAID}], "temperature": 0.5}),
    "responses": ("/responses", {"input": SAID, "max_output_tokens": 99}),
    "messages": ("/messages", {"messages": [{"role": "user", "content": SAID}], "max_tokens": 99}),
    "embeddings": ("/embeddings", {"input": [SAID, "晴れ"], "encoding_format": "float"}),
}
STREAMED = ("chat", "responses", "messages")


class Finds(fakes.Detector):
    """Finds one name, one My Number and one bank account, wherever they stand."""

    async def find(self, texts: Sequence[str], strict: bool = False) -> list[tuple[Finding, ...]]:
        await super().find(texts, strict)
        return [tuple(_found(text)) for text in texts]


def _found(text: str) -> Iterator[Finding]:
    for label, value, score in (
        ("PERSON", NAME, 0.95),
        ("JP_MY_NUMBER", MY_NUMBER, 1.0),
        ("JP_BANK_ACCOUNT", ACCOUNT, 0.9),
    ):
        for match in re.finditer(value, text):
            yield Finding(label, *match.span(), score, "test", "context")


# ── the page ──────────────────────────────────────────────────────────────────────────────────────


@dataclasses.dataclass(frozen=True)
class Field:
    """One row of the page."""

    name: str
    where: str
    type: str

    @property
    def sometimes(self) -> bool:
        return self.type.endswith(" (sometimes)")

    def fits(self, value: Any) -> bool:
        kind = self.type.removesuffix(" (sometimes)")
        return (value is None and kind.endswith("?")) or KINDS[kind.removesuffix("?")](value)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_word(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[!-~]{1,128}", value) is not None


KINDS: Mapping[str, Callable[[Any], bool]] = {
    "word": is_word,
    "text": lambda value: isinstance(value, str) and len(value) <= 128,
    "int": is_whole,
    "number": is_number,
    "bool": lambda value: isinstance(value, bool),
    "words": lambda value: isinstance(value, list) and all(map(is_word, value)),
    "map[int]": lambda value: all(is_word(k) and is_whole(v) for k, v in value.items()),
    "map[word]": lambda value: all(is_word(k) and is_word(v) for k, v in value.items()),
    "object": lambda value: isinstance(value, dict),
    "list": lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
    "free": lambda value: True,
}


def page() -> list[Field]:
    table = PAGE.read_text("utf-8").split("## 項目 / Fields")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if "| " in line]
    return [
        Field(name, row[1], row[2].split(",")[0])
        for row in rows[1:]
        for name in re.findall("`([^`]+)`", row[0])
    ]


FIELDS = [field for field in page() if field.where != "column"]


def holds(kind: str, body: Mapping[str, Any]) -> set[str]:
    """Which rows of the page a record of this kind and body must have."""
    if kind in ("viewed", "noted"):
        return {kind}
    if kind == "asked":
        return {"asked"} | ({"decided"} if "verdict" in body else set())
    where = {"ending"}
    if kind in ("answered", "refused", "failed"):
        where.add("told")
    if kind in ("refused", "failed", "lost"):
        where.add("reason")
    if "tries" in body:
        where |= {"tried"} | ({"heard"} if "ttfb_ms" in body else set())
    return where


def complaints(kind: str, body: Mapping[str, Any]) -> list[str]:
    """What the page and one body do not agree on."""
    fields = {field.name: field for field in FIELDS if field.where in holds(kind, body)}
    found = dict(_laid_flat(body, fields))
    wrong = [f"{name}: not on the page" for name in found if name not in fields]
    for name, field in fields.items():
        for value in found.get(name, []):
            if not field.fits(value):
                wrong.append(f"{name}: {value!r} is no {field.type}")
        holder = name.rpartition("[]." if "[]." in name else ".")[0]
        is_there = holder == "" or any(found.get(holder, []))  # of an empty list, or none, nothing is asked
        if name not in found and is_there and not field.sometimes:
            wrong.append(f"{name}: missing")
    return wrong


def _laid_flat(
    body: Mapping[str, Any], fields: Mapping[str, Field], at: str = ""
) -> Iterator[tuple[str, list[Any]]]:
    """Every name of the page, and every name that is not on it, with its values."""
    for key, value in body.items():
        name = at + key
        yield name, [value]
        kind = fields[name].type.removesuffix(" (sometimes)").removesuffix("?") if name in fields else ""
        if kind == "object" and isinstance(value, dict):
            yield from _laid_flat(value, fields, f"{name}.")
        elif kind == "list" and isinstance(value, list):
            for item in value:
                yield from _laid_flat(item, fields, f"{name}[].")


def test_the_page_is_read_and_names_every_column_once_for_each_kind_of_record() -> None:
    assert len(FIELDS) > 90
    assert {field.type.removesuffix(" (sometimes)").removesuffix("?") for field in FIELDS} <= set(KINDS)
    rows = [(field.name, field.where) for field in FIELDS]
    assert len(set(rows)) == len(rows)
    assert complaints("lost", {"egress_state": "unknown", "reason": "writer_gone"}) == []
    assert complaints("lost", {"egress_state": 5, "more": 1}) == [
        "more: not on the page",
        "egress_state: 5 is no word",
        "reason: missing",
    ]


# ── the exchanges ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def faulty_url(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "faulty"
    folder.mkdir()
    command = [sys.executable, str(ROOT / "tests" / "stories" / "faulty_upstream.py"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.terminate()


@pytest.fixture
def base_url(serve: Callable[..., str], tmp_path: Path, upstream_url: str, faulty_url: str) -> str:
    """A desk with models that answer, that fail, that are not there, and with one in place of another."""
    models = [{"name": name, "base_url": upstream_url} for name in ("echo", "slow", "silent", "broken")]
    models += [{"name": name, "base_url": faulty_url} for name in ("error", "hung-up", "error-later")]
    models += [{"name": "gone", "base_url": "http://127.0.0.1:9/v1"}]
    models += [{"name": "helped", "base_url": faulty_url, "target": "error", "fallback": ["echo"]}]
    listed = [{"via": "direct", "destination": "D2", **model} for model in models]
    (tmp_path / "models.yaml").write_text(json.dumps({"models": listed}))

    def make(settings: Settings) -> House:
        more = {"models": tmp_path / "models.yaml", "upstream": None, "retries": 0}
        return dataclasses.replace(build(settings.model_copy(update=more)), detector=Finds())  # type: ignore[arg-type]

    return serve(make)


def ask(base_url: str, dialect: str, model: str, stream: bool = False, **more: Any) -> int:
    path, body = BODIES[dialect]
    sent = {"model": model, **body, **({"stream": True} if stream else {}), **more}
    try:
        return post(base_url, sent, path=path, **HEADERS)[0]
    except json.JSONDecodeError:  # a stream is no JSON
        return 200


def hang_up(base_url: str, dialect: str, model: str, after: float) -> None:
    address, (path, body) = urlsplit(base_url), BODIES[dialect]
    data = json.dumps({"model": model, "stream": True, **body}).encode()
    with socket.create_connection((address.hostname, address.port)) as half:
        half.sendall(
            f"POST /v1{path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer sk-desk\r\ncontent-length: {len(data)}\r\n\r\n".encode()
            + data
        )
        half.settimeout(after)
        try:
            half.recv(1)
        except TimeoutError:
            return


def wait_for(records: Callable[[], list[Any]], many: int) -> list[tuple[str, dict[str, Any]]]:
    deadline = time.monotonic() + 20
    while len(found := records()) < many and time.monotonic() < deadline:
        time.sleep(0.05)
    return list(found)


@pytest.mark.requirement("R42")
def test_every_exchange_leaves_two_records_with_every_field_of_the_page_and_no_other(
    base_url: str, records: Any, settings: Settings
) -> None:
    ways = [
        (dialect, stream)
        for dialect in BODIES
        for stream in (False, True)
        if not stream or dialect in STREAMED
    ]
    for dialect, stream in ways:
        assert ask(base_url, dialect, "echo", stream) == 200
        assert ask(base_url, dialect, "error", stream) == 502
        assert ask(base_url, dialect, "hung-up", stream) == 502
        assert ask(base_url, dialect, "gone", stream) == 502
        assert ask(base_url, dialect, "nowhere", stream) == 404
        assert ask(base_url, dialect, "echo", stream, nobody_listed_this=1) == 400
    for dialect in STREAMED:
        assert ask(base_url, dialect, "helped") == 200
        assert ask(base_url, dialect, "error-later", stream=True) == 200
    assert ask(base_url, "chat", "echo", messages=[{"role": "user", "content": MY_NUMBER}]) == 403
    assert ask(base_url, "chat", "echo", tools=[TOOL], response_format={"type": "json_object"}) == 200
    assert post(base_url, {}, path="/messages/count_tokens")[0] == 400
    assert post(base_url, b"", path="/audio/transcriptions")[0] == 400
    assert post(base_url, {}, path="/images/generations")[0] == 404
    assert post(base_url, {}, key="sk-unknown")[0] == 401
    asked = 6 * len(ways) + 2 * len(STREAMED) + 6
    for dialect in STREAMED:
        hang_up(base_url, dialect, "slow", after=20)
        hang_up(base_url, dialect, "silent", after=0.3)
        asked += 2

    found = wait_for(records, 2 * asked)
    assert [f"{kind} {wrong}" for kind, body in found for wrong in complaints(kind, body)] == []
    kinds = [kind for kind, _ in found]
    assert kinds.count("asked") == asked == len(kinds) - asked
    assert {kind for kind, _ in found} == {"asked", "answered", "refused", "failed", "abandoned"}
    assert NAME not in json.dumps(found, ensure_ascii=False)
    assert MY_NUMBER not in json.dumps(found)
    kept = news(address_of(settings.ledger_location), {}, 10_000).entries
    assert [wrong for entry in kept for wrong in ocsf_complaints(event(entry.record, entry.text))] == []
    with sqlite3.connect(settings.ledger_location) as connection:
        chains: dict[str, list[int]] = {}
        for writer, idx in connection.execute("SELECT writer, idx FROM records ORDER BY writer, idx"):
            chains.setdefault(writer, []).append(idx)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in chains.values()), "no gap"


def test_what_waits_for_a_person_and_what_was_confirmed_leave_the_fields_of_the_page(
    base_url: str, records: Any, settings: Settings
) -> None:
    messages = [{"role": "user", "content": f"{NAME}さんの口座 {ACCOUNT}"}]
    assert ask(base_url, "chat", "echo", messages=messages) == 403
    now = datetime.now(UTC)
    with closing(office_of(settings)) as office:
        book = ConfirmationBook(office)
        (waiting,) = book.every()
        book.grant(waiting.id, given("self", waiting.person, now, "確認"), now, now + timedelta(minutes=10))
    assert ask(base_url, "chat", "echo", messages=messages) == 200
    (_, stopped), (refused, _), (_, asked), (answered, ending) = wait_for(records, 4)
    assert [wrong for each in records() for wrong in complaints(*each)] == []
    assert (refused, answered, ending["egress_state"]) == ("refused", "answered", "masked")
    assert stopped["confirmation"] == waiting.id and asked["confirmations"] == [waiting.id]
    assert stopped["verdict"] == asked["verdict"] == "confirm"
    assert asked["actions"] == {"JP_BANK_ACCOUNT": "masked", "PERSON": "masked"}
    assert set(stopped["actions"].values()) == {"refused"}


def test_a_recording_and_the_list_of_models_leave_the_fields_of_the_page(
    serve: Callable[..., str], tmp_path: Path, upstream_url: str, records: Any
) -> None:
    listed = [{"name": "whisper", "via": "direct", "base_url": upstream_url, "destination": "D1"}]
    (tmp_path / "models.yaml").write_text(json.dumps({"models": listed}))

    def make(settings: Settings) -> House:
        more = {"models": tmp_path / "models.yaml", "upstream": None}
        return dataclasses.replace(build(settings.model_copy(update=more)), detector=Finds())  # type: ignore[arg-type]

    url = serve(make)
    form = (
        b'--x\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper\r\n'
        b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--x--\r\n'
    )
    status, _, _ = post(
        url, form, path="/audio/transcriptions", content_type="multipart/form-data; boundary=x"
    )
    assert status == 200
    assert post(url, {}, path="/models")[0] == 404  # POST
    (_, asked), (kind, ending), *more = wait_for(records, 4)
    assert [wrong for each in records() for wrong in complaints(*each)] == []
    assert (kind, asked["egress_prepared"], ending["egress_state"]) == ("answered", "unmasked", "unmasked")
    assert asked["actions"] == {"ATTACHMENT": "revealed"} and len(more) == 2
