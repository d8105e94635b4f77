"""Exchanges know nothing of each other, and leave nothing behind: none sees another's values or outlives itself."""

import asyncio
import gc
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import strategies as st

from policies.files import load
from proxy.callers import Caller
from proxy.consents import Consent, Consents, Way
from proxy.pipeline import carry
from proxy.quotas import Allowance
from proxy.surfaces.chat import ChatRequest
from proxy.uttered import Uttered
from redaction.model import Finding
from redaction.vault import Vault
from tests.fakes import Detector
from tests.laws.drawing import SECRET, law
from tests.laws.streams import ChatStream, Chunk, asked


class NameDetector(Detector):
    """Finds these persons in a question."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = re.compile("|".join(map(re.escape, names)))

    async def find(self, texts: Sequence[str], strict: bool = False) -> list[tuple[Finding, ...]]:
        return [
            tuple(
                Finding("PERSON", m.start(), m.end(), 1.0, "test", "cue") for m in self._names.finditer(text)
            )
            for text in texts
        ]


class EchoingModels:
    """Says letter by letter what everybody has asked so far, while others speak; or never comes to an end."""

    def __init__(self, silent: bool = False) -> None:
        self._asked: list[str] = []
        self._silent = silent

    async def ask(self, masked: Any) -> AsyncGenerator[Chunk]:
        self._asked.append(masked.body["messages"][0]["content"])
        await asyncio.sleep(0)
        for letter in "/".join(sorted(self._asked)):
            yield ChatStream.chunk(0, {"content": letter})
            await asyncio.sleep(0)
        if self._silent:
            await asyncio.Event().wait()
        yield ChatStream.chunk(0, {}, "stop")


class NoLedger:
    """Takes every record and keeps none."""

    @asynccontextmanager
    async def exchange(self, account: Any, text: str, exchange: str, sealed: Any) -> AsyncIterator[Any]:
        yield SimpleNamespace(facts={}, egress=None, text=None, failed=lambda code: None)


CALLER = Caller("p", "k", "t", "d", "s", "staff", "authenticated", True, True, True)


async def keeps_no_originals(*about: Any) -> None:
    """As in a house whose policy keeps none."""


class NoLimits:
    """As in a house where nobody set a limit."""

    @asynccontextmanager
    async def reserved(
        self, caller: Any, request: Any, policy: Any, at: datetime
    ) -> AsyncIterator[Allowance]:
        yield Allowance("unlimited", at)


async def asked_nobody(*about: Any) -> Way:
    """As where no rule asks for a confirmation."""
    return Way(Consents(None), None, Consent())  # type: ignore[arg-type]  # neither is looked at


RULES = load("mask-only")


def house(names: Sequence[str], silent: bool = False) -> Any:
    detector = NameDetector(names)
    return SimpleNamespace(
        detector=detector,
        policy=RULES,
        ledger=NoLedger(),
        providers=(models := EchoingModels(silent)),
        ask=lambda caller, masked: models.ask(masked),
        clock=lambda: datetime(2026, 4, 1, tzinfo=UTC),
        strictly=lambda caller, request, at: False,
        vault_key=lambda caller: SECRET,
        others=lambda *about: (),
        sealed=keeps_no_originals,
        uttered=lambda caller, request: Uttered(detector, request.masked.text),
        quotas=NoLimits(),
        consent=asked_nobody,
    )


def question(text: str) -> Any:
    return asked(ChatRequest, {"model": "m", "messages": [{"role": "user", "content": text}], "stream": True})


async def answer_of(house: Any, text: str) -> str:
    """All that one caller gets of one exchange."""
    async with aclosing(carry(house, CALLER, question(text))) as chunks:
        said = [chunk["choices"][0]["delta"].get("content") or "" async for chunk in chunks]
    return "".join(said)


@law(
    25,
    500,
    names=st.lists(st.text("山田太郎花子佐藤", min_size=2, max_size=4), min_size=2, max_size=4, unique=True),
)
def test_exchanges_at_once_each_get_their_own_persons_and_only_those(names: list[str]) -> None:
    """One caller, the same number in every exchange, and a model that tells everybody everything."""

    async def all_at_once() -> list[str]:
        room = house([f"〈{name}〉" for name in names])
        return await asyncio.gather(*(answer_of(room, f"担当は〈{name}〉。") for name in names))

    answers = asyncio.run(all_at_once())
    for name, answer in zip(names, answers, strict=True):
        assert re.findall("〈.*?〉", answer) == [f"〈{name}〉"]
        assert len(re.findall(r"\[PERSON_1_[a-z2-7]{4}\]", answer)) == len(names) - 1


async def to_the_end(answer: AsyncGenerator[Chunk]) -> None:
    async with aclosing(answer) as chunks:
        async for _ in chunks:
            pass


async def hang_up_in_the_middle(answer: AsyncGenerator[Chunk]) -> None:
    async with aclosing(answer) as chunks:
        for _ in range(3):
            await anext(chunks)


async def be_cancelled_while_the_model_is_silent(answer: AsyncGenerator[Chunk]) -> None:
    task = asyncio.ensure_future(to_the_end(answer))
    for _ in range(200):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def break_off(answer: AsyncGenerator[Chunk]) -> None:
    with suppress(ZeroDivisionError):
        async with aclosing(answer) as chunks:
            await anext(chunks)
            raise ZeroDivisionError


def holders(name: str) -> list[Any]:
    """Every vault that holds this person, and every mapping that has the name as a value."""
    vaults = [one for one in gc.get_objects() if isinstance(one, Vault) and name in one.values.values()]
    kinds = (dict, MappingProxyType)
    return vaults + [
        one
        for one in gc.get_objects()
        if type(one) in kinds and any(type(value) is str and value == name for value in list(one.values()))
    ]


@pytest.mark.parametrize(
    "end", [to_the_end, hang_up_in_the_middle, be_cancelled_while_the_model_is_silent, break_off]
)
def test_no_vault_and_no_value_is_left_of_an_exchange_however_it_ends(end: Any) -> None:
    silent = end is be_cancelled_while_the_model_is_silent
    asyncio.run(end(carry(house(["鈴木〇郎"], silent), CALLER, question("担当は鈴木〇郎です"))))
    gc.collect()
    assert holders("鈴木〇郎") == []


def test_a_vault_is_seen_while_its_exchange_lasts() -> None:
    """Else the test above could not fail."""

    async def in_the_middle() -> list[Any]:
        async with aclosing(carry(house(["鈴木〇郎"]), CALLER, question("担当は鈴木〇郎です"))) as chunks:
            await anext(chunks)
            return [type(one) for one in holders("鈴木〇郎")]

    assert asyncio.run(in_the_middle())[0] is Vault
