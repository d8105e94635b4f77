"""What the ledger is told of an answer: what left the building, and what the caller was told, wherever it broke off."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from datetime import date
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import Entry
from audit.model import EgressState, counts_as_unmasked
from policies.decide import Policy
from policies.files import load, parse
from proxy.accounts import watched, yen
from proxy.errors import UpstreamFailed
from proxy.providers import failures
from proxy.providers.line import Line
from proxy.providers.routes import Route
from proxy.surfaces.chat import ChatReply
from proxy.surfaces.reply import Chunk
from proxy.surfaces.request import Masked
from proxy.surfaces.transcript import Transcript
from proxy.surfaces.tried import Try
from proxy.uttered import Uttered
from redaction.model import CannotDetect
from tests.fakes import Detector

POLICY, DAY = load("mask-only"), date(2026, 6, 1)
WORD: Chunk = {"choices": [{"index": 0, "delta": {"content": "はい"}}]}


def tried(**how: Any) -> Try:
    return Try("m", "D2", **how)


def ending_of(
    *steps: Any,
    tries: tuple[Try, ...] = (),
    egress: EgressState = "masked",
    told: int | None = None,
    policy: Policy = POLICY,
) -> tuple[str, dict[str, Any]]:
    """How it ends where the provider says ``steps``: chunks, an error to raise, or "cut" where the caller hangs up."""
    entry = Entry("x")
    masked = Masked("chat", {}, "", "m", True, egress, tried=list(tries), told=told)

    async def provider() -> AsyncGenerator[Chunk]:
        for step in steps:
            if isinstance(step, Exception):
                raise step
            if step == "cut":
                await asyncio.Event().wait()
            else:
                yield step

    async def listen() -> None:
        uttered = Uttered(Detector(), "x")  # type: ignore[arg-type]
        witness = Transcript(ChatReply(stream=True))
        seen = watched(entry, provider(), masked, witness, uttered, policy, DAY)
        async with aclosing(seen) as chunks:
            async for _ in chunks:
                pass

    async def carry() -> BaseException | None:
        task = asyncio.ensure_future(listen())
        if "cut" in steps:
            for _ in range(20):
                await asyncio.sleep(0)
            task.cancel()
        try:
            await task
        except BaseException as error:
            return error
        return None

    ending = entry.ending(asyncio.run(carry()))
    return ending.kind, dict(ending.body)


@pytest.mark.requirement("R56")
@pytest.mark.parametrize(
    ("steps", "tries", "kind", "egress"),
    [
        ([WORD], [tried(status=200, replied=True)], "answered", "masked"),
        ([failures.unreachable()], [tried(sent=False)], "failed", "none"),
        ([failures.broken(True)], [tried()], "failed", "unknown"),
        ([failures.silent()], [tried()], "failed", "unknown"),
        ([failures.silent()], [tried(status=200)], "failed", "masked"),
        ([failures.of_status(500, None)], [tried(status=500)], "failed", "masked"),
        ([WORD, failures.broken(False)], [tried(status=200, replied=True)], "failed", "masked"),
        (["cut"], [tried()], "abandoned", "unknown"),
        (["cut"], [tried(status=200)], "abandoned", "masked"),
        (["cut"], [tried(sent=False)], "abandoned", "none"),
        (["cut"], [], "abandoned", "unknown"),
        ([WORD, "cut"], [tried(status=200, replied=True)], "abandoned", "masked"),
        ([CannotDetect("detector_timeout")], [tried(status=200)], "failed", "masked"),
        ([failures.broken(True)], [tried(), tried(sent=False)], "failed", "unknown"),
        ([failures.broken(True)], [tried(status=503), tried()], "failed", "masked"),
        ([WORD], [tried(), tried(replied=True)], "answered", "masked"),
    ],
)
def test_what_left_is_known_from_the_first_byte_of_a_reply_and_unknown_before(
    steps: list[Any], tries: list[Try], kind: str, egress: str
) -> None:
    told, body = ending_of(*steps, tries=tuple(tries))
    assert (told, body["egress_state"]) == (kind, egress)
    assert body["tries"] == len(tries) and len(body["earlier_tries"]) == max(0, len(tries) - 1)


@pytest.mark.requirement("R56")
def test_what_was_revealed_and_certainly_left_is_called_so_and_what_is_unknown_stays_unknown() -> None:
    assert ending_of(WORD, egress="unmasked")[1]["egress_state"] == "unmasked"
    assert ending_of(failures.silent(), egress="unmasked", tries=(tried(),))[1]["egress_state"] == "unknown"
    assert ending_of(failures.unreachable(), egress="unmasked")[1]["egress_state"] == "none"


@pytest.mark.requirement("R56")
def test_unknown_counts_as_unmasked_wherever_a_breach_is_judged() -> None:
    counted = {state for state in get_args(EgressState) if counts_as_unmasked(state)}
    assert counted == {"partly_unmasked", "unmasked", "unknown"}
    assert counts_as_unmasked(None) and counts_as_unmasked("a later word")


def test_the_status_that_the_caller_was_given_is_the_one_recorded() -> None:
    assert ending_of(WORD)[1]["http_status"] == 200
    assert ending_of(failures.of_status(429, None))[1]["http_status"] == 429
    assert ending_of(WORD, failures.incomplete(), told=200)[1]["http_status"] == 200
    assert ending_of(CannotDetect("detector_busy"))[1]["http_status"] == 500
    assert ending_of(RuntimeError("x"))[1]["http_status"] == 500
    assert ending_of("cut")[1]["http_status"] is None


def test_an_accident_of_the_search_is_a_failure_with_its_reason() -> None:
    assert ending_of(CannotDetect("detector_busy"))[1]["reason"] == "detector_busy"


def test_a_hang_up_while_the_answer_is_reread_takes_nothing_from_the_record() -> None:
    entry, masked = Entry("x"), Masked("chat", {}, "", "m", True, "masked", tried=[tried(status=200)])

    async def provider() -> AsyncGenerator[Chunk]:
        yield WORD

    async def listen(detector: Any) -> None:
        uttered = Uttered(detector, "x", masks=False)
        witness = Transcript(ChatReply(stream=True))
        seen = watched(entry, provider(), masked, witness, uttered, POLICY, DAY)
        async with aclosing(seen) as chunks:
            async for _ in chunks:
                pass

    async def carry() -> None:
        rereading, go_on = asyncio.Event(), asyncio.Event()

        class Slow(Detector):
            async def find_each(self, texts: Any) -> Any:
                rereading.set()
                await go_on.wait()
                return await super().find_each(texts)

        task = asyncio.ensure_future(listen(Slow()))
        await rereading.wait()
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(carry())
    body = entry.ending(asyncio.CancelledError()).body
    assert body["model_asked"] == "m" and body["output_searched"] and body["egress_state"] == "masked"


def test_the_line_tells_whom_it_asked_and_that_a_reply_began(run: Any) -> None:
    seen: list[tuple[str | None, int | None, bool]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/well" in head:
            writer.write(b"HTTP/1.1 418 Teapot\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n")
        if b"/strange" in head:
            writer.write(b"220 mail at your service\r\n\r\n")
        writer.close()

    async def ask() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port, line = server.sockets[0].getsockname()[1], Line(5, 5, 5, 1000)
        for path in ("well", "gone", "strange"):
            trying = tried(status=200)  # of an earlier request of the same try
            with pytest.raises(UpstreamFailed):
                url = f"http://user:word@127.0.0.1:{port}/{path}"
                async with line.asked("GET", url, {}, None, trying):
                    pass
            seen.append((trying.host, trying.status, trying.arrived))
        await line.close()
        server.close()

    run(ask())
    assert seen == [("127.0.0.1", 418, True), ("127.0.0.1", None, False), ("127.0.0.1", None, True)]


@pytest.mark.parametrize(
    ("route", "provider", "region"),
    [
        (Route("m", "direct", "x/y", "http://127.0.0.1:9", None, "D2"), None, None),
        (Route("m", "litellm", "gpt-x", None, None, "D2"), None, None),
        (Route("m", "litellm", "anthropic/claude-x", None, None, "D3"), "anthropic", None),
        (
            Route(
                "m", "litellm", "bedrock/x", None, None, "D2", options={"aws_region_name": "ap-northeast-1"}
            ),
            "bedrock",
            "ap-northeast-1",
        ),
    ],
)
def test_the_provider_and_its_region_are_as_the_model_list_has_them(
    route: Route, provider: str | None, region: str | None
) -> None:
    trying = route.tried("asked-for")
    assert (trying.model, trying.destination) == ("asked-for", route.destination)
    assert (trying.provider, trying.region) == (provider, region)


# ── what it costs ─────────────────────────────────────────────────────────────────────────────────


def priced(*prices: tuple[str, str, int, str]) -> Policy:
    """A registry: name, day, yen for a million tokens of question and of answer."""
    entries = [
        {"name": name, "title": {"ja": "試", "en": "T"}, "service": "contract", "destination": "D2", "no_training": True,
         "recorded": True, "regions": ["jp"], "contract": "試", "prices": [{"from": day, "input": given, "output": made}]}
        for name, day, given, made in prices
    ]  # fmt: skip
    rule = {
        "id": "A",
        "title": {"ja": "可", "en": "Fine"},
        "basis": "試",
        "when": {"always": True},
        "gate": "allow",
    }
    title = {"ja": "試", "en": "T"}
    return parse(
        json.dumps({"name": "p", "version": "1", "title": title, "models": entries, "rules": [rule]})
    )


PRICED = priced(
    ("m", "2026-06-01", 60, "240.5"), ("other*", "2026-04-01", 1, "0.000001"), ("later", "2026-06-02", 1, "1")
)


def counted(given: int, made: int) -> Chunk:
    return {**WORD, "usage": {"prompt_tokens": given, "completion_tokens": made}}


@pytest.mark.parametrize(
    ("tries", "step", "cost", "since"),
    [
        (("m",), counted(1_000, 100), "0.08405", "2026-06-01"),
        (("m",), counted(1, 0), "0.00006", "2026-06-01"),
        (("m", "other-1"), counted(2_000_000, 9), "2", "2026-04-01"),  # the one that answered in its place
        (("other-1",), counted(10**40, 1), f"{10**34}", "2026-04-01"),  # no upstream can break the ending
        (("m",), WORD, "0.001563", "2026-06-01"),  # nobody counted: 2 bytes of question, 6 of answer
        (("later",), counted(1, 1), None, None),  # no price yet
        (("unlisted",), counted(1, 1), None, None),
        (("m",), failures.malformed(), None, None),  # nothing was heard
    ],
)
def test_the_model_that_was_asked_last_costs_what_was_agreed_for_the_day(
    tries: tuple[str, ...], step: Any, cost: str | None, since: str | None
) -> None:
    asked = tuple(Try(name, "D2", status=200) for name in tries)
    _, body = ending_of(step, tries=asked, policy=PRICED)
    assert (body["cost_yen"], body["price_since"]) == (cost, since)


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_yen_are_a_decimal_of_six_places_at_most_and_as_near_as_those_allow(given_: int, made: int) -> None:
    model = PRICED.models.of("m")
    assert model is not None
    cost = model.cost(given_, made, DAY)
    assert cost is not None and re.fullmatch(r"[0-9]+(\.[0-9]{0,5}[1-9])?", yen(cost))
    assert abs(Decimal(yen(cost)) - cost) <= Decimal("0.0000005")
