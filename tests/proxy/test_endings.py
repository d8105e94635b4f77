"""How an answer ends in the ledger, wherever the caller stops listening, and what a strange answer cannot do."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from audit.entry import Entry
from policies.files import load
from proxy.accounts import watched
from proxy.callers import Caller, Declared
from proxy.errors import UpstreamFailed
from proxy.house import build
from proxy.providers.shape import shaped
from proxy.settings import Settings
from proxy.surfaces.chat import ChatReply, ChatRequest
from proxy.surfaces.messages import MessagesReply
from proxy.surfaces.reply import MOST_RUNNING, Chunk, restoring, through
from proxy.surfaces.request import Masked
from proxy.surfaces.responses import ResponsesReply
from proxy.surfaces.transcript import Transcript
from proxy.uttered import Uttered
from redaction.detector import Detector
from redaction.vault import Vault
from tests.fakes import Detector as NothingFound
from tests.proxy.conftest import post

RULES, DAY = load("mask-only"), date(2026, 6, 1)
SPOKEN = [
    {"type": "message_start", "message": {"id": "msg_1", "model": "m", "content": []}},
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": "担当は佐藤次郎様です。"},
    },
    {"type": "content_block_stop", "index": 0},
    {"type": "message_stop"},
]


@pytest.fixture(scope="module")
def detector() -> Detector:
    loaded = Detector()
    loaded.load()
    return loaded


async def source(chunks: list[Chunk]) -> AsyncGenerator[Chunk]:
    for chunk in chunks:
        yield chunk


@pytest.mark.parametrize(("heard", "kind"), [(1, "abandoned"), (2, "abandoned"), (4, "answered")])
def test_whoever_stops_listening_leaves_a_record_that_is_true_and_masked(
    detector: Detector, heard: int, kind: str
) -> None:
    entry = Entry("x")
    masked = Masked("messages", {}, "", "m", True, "masked")

    async def listen() -> None:
        witness, uttered = Transcript(MessagesReply(stream=True)), Uttered(detector, "x")
        seen = watched(entry, source(SPOKEN), masked, witness, uttered, RULES, DAY)
        async with aclosing(seen) as chunks:
            for _ in range(heard):
                await anext(chunks)

    asyncio.run(listen())
    ending = entry.ending(asyncio.CancelledError())
    assert ending.kind == kind
    assert "佐藤" not in (ending.text or "")
    assert heard == 1 or (
        ending.text == '[{"text":"担当は[PERSON]様です。"}]' and ending.body["output_searched"]
    )


def test_what_could_not_be_searched_is_not_kept() -> None:
    class Broken(NothingFound):
        async def find_each(self, texts: Any) -> Any:
            from redaction.model import CannotDetect

            raise CannotDetect("detector_busy")

    entry = Entry("x")
    masked = Masked("messages", {}, "", "m", True, "masked")

    async def listen() -> None:
        uttered = Uttered(Broken(), "x", masks=False)  # type: ignore[arg-type]
        witness = Transcript(MessagesReply(stream=True))
        seen = watched(entry, source(SPOKEN), masked, witness, uttered, RULES, DAY)
        async with aclosing(seen) as chunks:
            async for _ in chunks:
                pass

    asyncio.run(listen())
    ending = entry.ending(None)
    assert (ending.kind, ending.text, ending.body["output_searched"]) == ("answered", None, False)


def test_an_item_of_a_tool_that_nobody_asked_for_is_carried() -> None:
    item = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"query": "高槻市"}}
    for reply, stream in (
        ({"id": "r", "output": [item]}, False),
        ({"type": "response.output_item.done", "output_index": 0, "item": item}, True),
        ({"type": "response.completed", "response": {"id": "r", "output": [item]}}, True),
    ):
        assert list(ResponsesReply(stream).spoken(reply)) == []


def test_more_choices_than_anybody_asks_for_are_no_reply() -> None:
    many = {"choices": [{"index": i, "delta": {"content": "x"}} for i in range(MOST_RUNNING + 1)]}
    with pytest.raises(ValueError):
        shaped("chat", many, stream=True)

    async def all_at_once() -> None:
        chunks = [{"choices": [{"index": i, "delta": {"content": "x"}}]} for i in range(MOST_RUNNING + 1)]
        seen = through(ChatReply(stream=True), source(chunks), restoring(Vault(b"k")))
        watching = watched(
            Entry("x"),
            seen,
            Masked("chat", {}, "", "m", True, "masked"),
            Transcript(ChatReply(stream=True)),
            Uttered(NothingFound(), "x"),  # type: ignore[arg-type]
            RULES,
            DAY,
        )
        async with aclosing(watching) as reply:
            async for _ in reply:
                pass

    with pytest.raises(UpstreamFailed):
        asyncio.run(all_at_once())


@pytest.mark.parametrize("path", ["/messages/", "/chat/completions/", "/models/gpt/"])
def test_a_stroke_too_many_is_a_door_that_does_not_exist(
    serve: Callable[..., str], records: Any, path: str
) -> None:
    def silent(settings: Settings) -> Any:
        return dataclasses.replace(build(settings), detector=NothingFound())  # type: ignore[arg-type]

    status, _, _ = post(serve(silent), {}, path=path)
    assert status == 404
    assert [kind for kind, _ in records()] == ["asked", "refused"]


POLICY = """
name: t
version: "1"
title: {ja: 試験, en: Test}
rules:
  - {id: T-01, title: {ja: よい, en: Fine}, basis: 試験, when: {always: true}, gate: allow}
  - {id: T-02, title: {ja: 厳しく, en: Strict}, basis: 試験, when: {destination: [D3]}, search: strict}
"""
MODELS = """
models:
  - {name: own, via: direct, base_url: http://127.0.0.1:9/v1, destination: D1, fallback: [abroad, second]}
  - {name: second, via: direct, base_url: http://127.0.0.1:9/v1, destination: D1}
  - {name: abroad, via: direct, base_url: http://127.0.0.1:9/v1, destination: D3, fallback: [second]}
"""


def test_a_text_that_was_not_searched_strictly_goes_to_no_model_that_wants_it(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY, "utf-8")
    (tmp_path / "models.yaml").write_text(MODELS, "utf-8")
    told = {"policy": str(tmp_path / "policy.yaml"), "models": tmp_path / "models.yaml"}

    async def others(model: str) -> tuple[str, ...]:
        house = build(settings.model_copy(update=told))
        try:
            caller = Caller("p", "k", "t", "d", "s", "staff", "authenticated", True, True, True)
            raw = f'{{"model":"{model}","messages":[{{"role":"user","content":"x"}}]}}'.encode()
            declared = Declared(None, "mail_draft", "2")
            request = ChatRequest.read("x", raw, declared, house.providers.destination)
            findings: list[tuple[()]] = [()] * len(request.texts)
            ask = request.ask(caller, findings, house.clock(), house.policy)
            strict = house.strictly(caller, request, ask.at)
            return house.others(request, ask, house.policy.decide(ask), strict)
        finally:
            await house.close()

    assert asyncio.run(others("own")) == ("second",)
    assert asyncio.run(others("abroad")) == ("second",)
