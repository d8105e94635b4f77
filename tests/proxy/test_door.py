"""The door to the models on its own: who is asked, how often, after which pause, and what is said at the end."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from policies.model import Bilingual
from proxy.errors import UpstreamFailed
from proxy.providers import door, failures
from proxy.providers.door import Providers
from proxy.providers.line import CALL, Call, Line
from proxy.providers.litellm_line import Transport
from proxy.providers.routes import Route, Routes
from proxy.settings import read
from proxy.surfaces.reply import Chunk
from proxy.surfaces.request import Dialect, Masked

PASSING, LASTING = failures.of_status(503, None), failures.of_status(500, None)
WORDS = [{"choices": [{"index": 0, "delta": {"content": word}}]} for word in ("はい", "。")]


class Desk:
    """Providers whose models do what the script says, one step each time they are asked."""

    def __init__(self, tmp_path: Path, retries: int = 1, **script: list[Any]) -> None:
        listed = {name: Route(name, "direct", None, "http://127.0.0.1:9", None, "D1") for name in script}
        self.script = script
        self.asked: list[str] = []
        self.pauses: list[float] = []
        self._settings = read(home=tmp_path, retries=retries)
        self._routes = Routes(listed, None)

    def ask(self, *others: str) -> tuple[list[Chunk], Masked, UpstreamFailed | None]:
        return asyncio.run(self._ask(Masked("chat", {}, "", "own", True, "masked", others)))

    async def _ask(self, masked: Masked) -> tuple[list[Chunk], Masked, UpstreamFailed | None]:
        providers = Providers(self._settings, self._routes)
        providers._asked = self._step  # type: ignore[method-assign]
        got: list[Chunk] = []
        try:
            async for chunk in providers.ask(masked):
                got.append(chunk)
            return got, masked, None
        except UpstreamFailed as failure:
            return got, masked, failure
        finally:
            await providers.close()

    async def _step(self, model: str, masked: Masked) -> AsyncGenerator[Chunk]:
        self.asked.append(model)
        for part in self.script[model].pop(0):
            if isinstance(part, UpstreamFailed):
                raise part
            yield part


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, without making them."""
    made: list[float] = []

    async def sleep(seconds: float) -> None:
        made.append(seconds)

    monkeypatch.setattr(door.asyncio, "sleep", sleep)
    return made


def test_a_passing_failure_is_tried_again_after_pauses_that_double(
    tmp_path: Path, pauses: list[float]
) -> None:
    desk = Desk(tmp_path, retries=3, own=[[PASSING], [PASSING], [PASSING], WORDS])
    got, masked, failure = desk.ask()
    assert (got, failure, masked.tries, masked.asked) == (WORDS, None, 4, "own")
    assert pauses == [0.1, 0.2, 0.4]


def test_a_lasting_failure_goes_to_the_next_model_at_once(tmp_path: Path, pauses: list[float]) -> None:
    desk = Desk(tmp_path, own=[[LASTING]], second=[[LASTING]], third=[WORDS])
    got, masked, _ = desk.ask("second", "third")
    assert (got, desk.asked, masked.tries, masked.asked) == (WORDS, ["own", "second", "third"], 3, "third")
    assert pauses == []


def test_without_retries_a_passing_failure_is_told_at_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, retries=0, own=[[PASSING]])
    _, masked, failure = desk.ask()
    assert (failure, masked.tries) == (PASSING, 1)


def test_the_failure_that_is_told_is_that_of_the_last_model_asked(tmp_path: Path) -> None:
    desk = Desk(tmp_path, own=[[failures.silent()]], second=[[failures.of_status(429, "3")]])
    _, _, failure = desk.ask("second")
    assert failure is not None and (failure.code, failure.headers) == (
        "upstream_rate_limited",
        {"retry-after": "3"},
    )


def test_a_wrong_request_and_a_begun_answer_are_nobody_elses(tmp_path: Path) -> None:
    for steps in ([failures.of_status(400, None)], [WORDS[0], LASTING]):
        desk = Desk(tmp_path, own=[steps], second=[WORDS])
        _, masked, failure = desk.ask("second")
        assert failure is not None and (desk.asked, masked.tries) == (["own"], 1)


@pytest.mark.parametrize(
    ("first", "second", "sent"),
    [
        (failures.unreachable, failures.unreachable, False),
        (failures.silent, failures.unreachable, True),
        (failures.unreachable, failures.silent, True),
    ],
)
def test_nothing_was_sent_only_where_no_try_sent_anything(
    tmp_path: Path, first: Any, second: Any, sent: bool
) -> None:
    desk = Desk(tmp_path, retries=0, own=[[first()]], second=[[second()]])
    _, _, failure = desk.ask("second")
    assert failure is not None and failure.sent is sent


@pytest.mark.parametrize(
    ("dialect", "others"), [("embeddings", ()), ("count_tokens", ()), ("chat", ("second",))]
)
def test_no_other_model_answers_for_vectors_and_counts(
    tmp_path: Path, dialect: Dialect, others: tuple[str, ...]
) -> None:
    own = Route("own", "direct", None, "http://127.0.0.1:9", None, "D1", fallback=("second",))

    async def named() -> tuple[str, ...]:
        providers = Providers(read(home=tmp_path), Routes({"own": own}, None))
        try:
            return providers.others("own", dialect)
        finally:
            await providers.close()

    assert asyncio.run(named()) == others


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, None),
        ("7", "7"),
        ("0.2", "1"),
        ("-1", None),
        ("nan", None),
        ("soon", None),
        ("山田", None),
        ("99999999", None),
        pytest.param(format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True), "0", id="past"),
    ],
)
def test_a_time_to_wait_is_told_in_whole_seconds_or_not_at_all(said: str | None, seconds: str | None) -> None:
    assert failures.seconds(said) == seconds


def test_a_date_to_wait_for_is_told_in_seconds() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert failures.seconds(date) in ("29", "30")


def test_a_server_that_says_when_it_is_back_is_not_asked_again_before() -> None:
    away, down = failures.of_status(503, "30"), failures.of_status(503, None)
    assert (away.again, away.status, away.headers) == ("elsewhere", 503, {"retry-after": "30"})
    assert (down.again, down.status) == ("here", 502)


def test_what_litellm_asks_for_on_its_own_account_does_not_leave(run: Any) -> None:
    async def get(url: str) -> None:
        async with httpx.AsyncClient(transport=Transport()) as client:
            await client.get(url)

    async def elsewhere() -> None:
        line = Line(1, 1, 1, 1000)
        CALL.set(Call(line, "http://127.0.0.1:9/v1"))
        try:
            await get("http://127.0.0.1:10/v1/models")
        finally:
            await line.close()

    with pytest.raises(httpx.UnsupportedProtocol):
        run(get("http://127.0.0.1:9/v1/models"))
    with pytest.raises(httpx.UnsupportedProtocol):
        run(elsewhere())


@pytest.mark.parametrize(
    ("base_url", "url", "may"),
    [
        (None, "https://api.example.com/v1", True),
        ("https://example.com/v1", "https://example.com:443/v1/x", True),
        ("https://example.com/v1", "http://example.com/v1/x", False),
        ("https://example.com/v1", "https://example.com.evil.test/v1", False),
        ("http://127.0.0.1:80", "http://127.0.0.1/model", True),
        ("http://127.0.0.1:80", "http://127.0.0.1:81/model", False),
    ],
)
def test_a_call_goes_to_the_server_of_the_model_list_and_to_no_other(
    base_url: str | None, url: str, may: bool
) -> None:
    call = Call(None, base_url)  # type: ignore[arg-type]
    assert call.may_go_to(url) is may


def test_what_a_model_cannot_do_is_said_before_a_byte_leaves() -> None:
    cannot = failures.cannot(Bilingual("できません。", "It cannot."))
    assert (cannot.code, cannot.status, cannot.sent) == ("model_cannot", 400, False)
