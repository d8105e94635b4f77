"""The kill switch in one process: what is stopped does not pass, what runs is cut, and a stop needs no ledger."""

import asyncio
import json
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from proxy.__main__ import app
from proxy.callers import Caller
from proxy.errors import Halted
from proxy.evidence import ledger_of
from proxy.home import prepare
from proxy.house import House, build
from proxy.kill_switch import BLIND_AFTER, KillSwitch
from proxy.office.stop_commands import masked
from proxy.office.stops import Stop, StopBook, new_stop
from proxy.office.store import office_of
from proxy.settings import Settings
from proxy.surfaces.request import Masked
from tests.fakes import Detector
from tests.proxy.conftest import PLAIN, post

WITHIN = 5.0
"""Seconds a test waits for what takes a fraction of one on a machine with nothing else to do."""


def house(settings: Settings) -> House:
    return replace(build(settings), detector=Detector())  # type: ignore[arg-type]


@pytest.fixture
def stops(settings: Settings) -> Iterator[StopBook]:
    """The book as another process has it."""
    prepare(settings.home)
    with closing(office_of(settings)) as office:
        yield StopBook(office)


@pytest.fixture
def sekisho(settings: Settings, stops: StopBook, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A command on the same house."""
    monkeypatch.setenv("SEKISHO_HOME", str(settings.home))
    return lambda *words: CliRunner().invoke(app, list(words))


def soon(what: Callable[[], Any]) -> bool:
    deadline = time.monotonic() + WITHIN
    while not what() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(what())


def code(url: str, **body: Any) -> str:
    """``answered``, or the code of the refusal."""
    status, _, reply = post(url, PLAIN | body)
    return "answered" if status == 200 else str(reply["error"]["code"])


def noted(settings: Settings) -> list[dict[str, Any]]:
    with sqlite3.connect(settings.ledger_location) as connection:
        rows = connection.execute("SELECT body FROM records WHERE kind = 'noted' ORDER BY at, idx").fetchall()
    return [body for (raw,) in rows if (body := json.loads(raw))["event"].startswith("house.")]


# ── new exchanges ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R75")
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("house", ""),
        ("model", "echo"),
        ("model", "ＥＣ*"),
        ("section", "ﾃﾞﾓ課"),
        ("section", "デ?課"),
        ("tool", "DEMO"),
    ],
)
def test_what_is_stopped_is_refused_once_and_recorded_and_not_sent(
    serve: Callable[..., str],
    records: Any,
    stops: StopBook,
    upstream_folder: Path,
    kind: Any,
    name: str,
) -> None:
    url = serve(house)
    stops.enter(new_stop(kind, name, "試験", "課長"))
    assert soon(lambda: code(url) == "stopped")
    before = (upstream_folder / "received.bin").read_bytes()
    count = len(records())
    status, headers, reply = post(url)
    assert (status, reply["error"]["code"], headers["x-should-retry"]) == (503, "stopped", "false")
    assert "情報システム担当" in reply["error"]["message"] and "retry-after" not in headers
    (asked, account), (ending, facts) = records()[count:]
    assert (asked, ending, facts["reason"], facts["egress_state"]) == ("asked", "refused", "stopped", "none")
    assert account["caller"]["person"] == "demo"
    assert "verdict" not in account, "it was not even searched"
    assert (upstream_folder / "received.bin").read_bytes() == before


@pytest.mark.parametrize(("kind", "name"), [("model", "ech"), ("section", "別の課"), ("tool", "dem")])
def test_a_stop_of_something_else_stops_nothing(
    serve: Callable[..., str], stops: StopBook, kind: Any, name: str
) -> None:
    stops.enter(new_stop(kind, name, "試験", "課長"))
    assert code(serve(house)) == "answered"


def test_a_stop_survives_a_restart_and_holds_from_the_first_request(
    serve: Callable[..., str], stops: StopBook, upstream_folder: Path
) -> None:
    stops.enter(new_stop("house", "", "試験", "課長"))
    url = serve(house)
    assert code(url) == "stopped"
    assert (upstream_folder / "received.bin").read_bytes() == b""
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url.removesuffix("/v1") + "/readyz", timeout=30)
    with refused.value as reply:
        assert (reply.code, json.loads(reply.read())["reason"]) == (503, "stopped")


def test_the_list_of_models_is_not_asked_for_while_all_is_stopped(
    serve: Callable[..., str], stops: StopBook, upstream_folder: Path
) -> None:
    stops.enter(new_stop("house", "", "試験", "課長"))
    request = urllib.request.Request(serve(house) + "/models", headers={"authorization": "Bearer sk-desk"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    with refused.value as reply:
        assert json.loads(reply.read())["error"]["code"] == "stopped"
    assert (upstream_folder / "received.bin").read_bytes() == b""


def test_a_stopped_model_is_not_asked_in_place_of_another(
    serve: Callable[..., str], settings: Settings, stops: StopBook, upstream_url: str, tmp_path: Path
) -> None:
    listed = [
        {
            "name": "error",
            "via": "direct",
            "base_url": upstream_url,
            "destination": "D2",
            "fallback": ["echo"],
        },
        {"name": "echo", "via": "direct", "base_url": upstream_url, "destination": "D2"},
    ]
    (tmp_path / "models.yaml").write_text(json.dumps({"models": listed}), "utf-8")
    told = {"models": tmp_path / "models.yaml", "policy": "mask-only"}
    url = serve(lambda given: house(given.model_copy(update=told)))
    assert code(url, model="error") == "answered"
    stops.enter(new_stop("model", "echo", "試験", "課長"))
    assert soon(lambda: code(url, model="error") == "upstream_status_500")
    assert code(url, model="echo") == "stopped"


# ── running exchanges ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R75")
def test_an_answer_that_is_waited_for_is_cut_and_recorded_as_failed(
    serve: Callable[..., str], records: Any, stops: StopBook
) -> None:
    url = serve(house)

    async def story() -> tuple[int, dict[str, str], Any]:
        asking = asyncio.create_task(asyncio.to_thread(post, url, PLAIN | {"model": "silent"}))
        await asyncio.to_thread(soon, lambda: [kind for kind, _ in records()] == ["asked"])
        await asyncio.sleep(0.3)  # until it has been sent
        stops.enter(new_stop("tool", "demo", "試験", "課長"))
        return await asyncio.wait_for(asking, WITHIN)

    status, headers, reply = asyncio.run(story())
    assert (status, reply["error"]["code"], headers["x-should-retry"]) == (503, "stopped", "false")
    _, (ending, facts) = records()
    assert (ending, facts["reason"], facts["http_status"], facts["egress_state"]) == (
        "failed", "stopped", 503, "unknown",
    )  # fmt: skip


CALLER = Caller("p", "k", "t", "d", "s", "staff", "authenticated", True, True, True)


def under_a_switch(settings: Settings, story: Callable[[KillSwitch, StopBook], Any]) -> Any:
    """Run a story with a switch that looks into a real book."""
    prepare(settings.home)
    ledger = ledger_of(settings)
    ledger.start()

    async def run() -> Any:
        office = office_of(settings)
        book = StopBook(office)
        switch = KillSwitch(book, ledger)
        duties = [asyncio.create_task(duty) for duty in (switch.keep(), switch.note())]
        try:
            return await asyncio.wait_for(story(switch, book), 30)
        finally:
            for duty in duties:
                duty.cancel()
            await asyncio.gather(*duties, return_exceptions=True)
            office.close()

    try:
        return asyncio.run(run())
    finally:
        ledger.stop()


class Source:
    """An answer of pieces; ``asked``: how many were asked for."""

    def __init__(self, pause: float = 0.0) -> None:
        self.asked = 0
        self.closed = False
        self.pause = pause

    async def pieces(self) -> AsyncGenerator[dict[str, Any]]:
        try:
            while True:
                self.asked += 1
                await asyncio.sleep(self.pause)
                yield {"piece": self.asked}
        finally:
            self.closed = True


def question() -> Masked:
    return Masked("chat", {}, "", "m", True, "masked")


def test_a_stop_that_comes_between_two_pieces_is_seen_before_the_next_is_asked_for(
    settings: Settings,
) -> None:
    source = Source()

    async def story(switch: KillSwitch, book: StopBook) -> None:
        async with aclosing(switch.guarded(CALLER, question(), source.pieces())) as answer:
            await anext(answer)
            book.enter(new_stop("house", "", "試験", "課長"))
            await asyncio.sleep(0.8)  # the caller reads slowly
            with pytest.raises(Halted):
                await anext(answer)

    under_a_switch(settings, story)
    assert (source.asked, source.closed) == (1, True)


def test_a_piece_that_is_waited_for_is_waited_for_no_more(settings: Settings) -> None:
    source = Source(pause=60)

    async def story(switch: KillSwitch, book: StopBook) -> None:
        async with aclosing(switch.guarded(CALLER, question(), source.pieces())) as answer:
            waiting = asyncio.ensure_future(anext(answer))
            await asyncio.sleep(0.1)
            book.enter(new_stop("model", "M", "試験", "課長"))
            done, _ = await asyncio.wait({waiting}, timeout=WITHIN)
            assert done and isinstance(waiting.exception(), Halted)

    under_a_switch(settings, story)
    assert source.closed


def test_a_hang_up_is_a_hang_up_also_while_something_is_stopped(settings: Settings) -> None:
    async def story(switch: KillSwitch, book: StopBook) -> None:
        book.enter(new_stop("section", "別の課", "試験", "課長"))

        async def read() -> None:
            async with aclosing(switch.guarded(CALLER, question(), Source(60).pieces())) as answer:
                await anext(answer)

        reading = asyncio.create_task(read())
        await asyncio.sleep(0.6)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    under_a_switch(settings, story)


def test_a_hang_up_in_the_moment_of_the_cut_is_a_hang_up(settings: Settings) -> None:
    async def story(switch: KillSwitch, book: StopBook) -> None:
        async def read() -> None:
            async with aclosing(switch.guarded(CALLER, question(), Source(60).pieces())) as answer:
                await anext(answer)

        reading = asyncio.create_task(read())
        await asyncio.sleep(0.1)
        (run,) = switch._runs
        run.why = Halted("house")
        reading.cancel()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    under_a_switch(settings, story)


@pytest.mark.parametrize("goes_on", ["with a piece", "to its end", "with an error"])
def test_an_answer_that_takes_no_notice_of_the_cut_is_cut_all_the_same(
    settings: Settings, goes_on: str
) -> None:
    async def deaf() -> AsyncGenerator[dict[str, Any]]:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if goes_on == "to its end":
                return
            if goes_on == "with an error":
                raise ValueError from None
        yield {}

    async def story(switch: KillSwitch, book: StopBook) -> None:
        book.enter(new_stop("house", "", "試験", "課長"))
        async with aclosing(switch.guarded(CALLER, question(), deaf())) as answer:
            with pytest.raises(Halted):
                await anext(answer)
        task = asyncio.current_task()
        assert task and task.cancelling() == 0, "nothing of the cut is left"

    under_a_switch(settings, story)


def test_a_time_limit_of_the_answers_own_stays_what_it_is(settings: Settings) -> None:
    async def late() -> AsyncGenerator[dict[str, Any]]:
        await asyncio.sleep(0)
        raise TimeoutError
        yield {}

    async def story(switch: KillSwitch, book: StopBook) -> None:
        async with aclosing(switch.guarded(CALLER, question(), late())) as answer:
            with pytest.raises(TimeoutError):
                await anext(answer)

    under_a_switch(settings, story)


# ── a book that cannot be read ────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R75")
@pytest.mark.parametrize("harm", ["gone", "exchanged", "broken"])
def test_where_the_stops_cannot_be_read_nothing_passes(
    serve: Callable[..., str], settings: Settings, tmp_path: Path, harm: str
) -> None:
    url = serve(house)
    assert code(url) == "answered"
    kept = {path: tmp_path / path.name for path in settings.home.glob("office.sqlite*")}
    for path, elsewhere in kept.items():
        path.rename(elsewhere)
    match harm:
        case "exchanged":
            sqlite3.connect(settings.office_location).close()
            Path(settings.office_location).touch()
        case "broken":
            Path(settings.office_location).write_bytes(b"no book" * 1000)
    assert soon(lambda: code(url) in ("stops_unreadable", "office_unreadable"))
    for path in settings.home.glob("office.sqlite*"):
        path.unlink()
    for path, elsewhere in kept.items():
        elsewhere.rename(path)
    assert soon(lambda: code(url) == "answered")


def test_a_look_that_is_late_is_taken_before_anybody_is_turned_away(settings: Settings) -> None:
    """The process slept, or had too much to do: nothing is wrong with the book."""
    prepare(settings.home)
    with closing(office_of(settings)) as office, closing(office_of(settings)) as elsewhere:
        other = StopBook(elsewhere)
        switch = KillSwitch(StopBook(office), ledger_of(settings))
        time.sleep(BLIND_AFTER + 0.1)
        switch.demand(CALLER, "m")
        time.sleep(BLIND_AFTER + 0.1)
        other.enter(new_stop("tool", "t", "試験", "課長"))
        with pytest.raises(Halted):
            switch.demand(CALLER, "m")


def test_running_answers_are_cut_where_the_stops_cannot_be_read(settings: Settings, tmp_path: Path) -> None:
    async def story(switch: KillSwitch, book: StopBook) -> str:
        async with aclosing(switch.guarded(CALLER, question(), Source(60).pieces())) as answer:
            waiting = asyncio.ensure_future(anext(answer))
            Path(settings.office_location).rename(tmp_path / "elsewhere")
            with pytest.raises(Exception, match="stops_unreadable"):
                await waiting
            return "cut"

    assert under_a_switch(settings, story) == "cut"


# ── the ledger ────────────────────────────────────────────────────────────────────────────────────


def test_a_stop_and_its_end_are_recorded_with_who_and_why(
    settings: Settings, sekisho: Callable[..., Result]
) -> None:
    assert sekisho("stop", "--section", "福祉*", "--reason", "点検", "--by", "課長").exit_code == 0
    (listed,) = json.loads(sekisho("stop", "--list", "--json").stdout)
    assert (listed["target"], listed["reason"], listed["by"]) == ("section:福祉*", "点検", "課長")
    assert listed["noted_at"]
    assert sekisho("resume", "--section", "ﾌｸｼ*", "--reason", "済").exit_code == 1
    assert sekisho("resume", "--section", "福祉＊", "--reason", "済", "--by", "課長").exit_code == 0
    assert json.loads(sekisho("stop", "--list", "--json").stdout) == []
    stopped, resumed = noted(settings)
    told = {"target": "section:福祉*", "by": "課長"}
    assert told.items() <= stopped.items() and told.items() <= resumed.items()
    assert (stopped["event"], stopped["reason"]) == ("house.stopped", "点検")
    assert (resumed["event"], resumed["reason"], resumed["stops"]) == (
        "house.resumed",
        "済",
        [stopped["stop"]],
    )


@pytest.mark.requirement("R75")
def test_a_stop_holds_without_a_ledger_and_is_recorded_as_soon_as_there_is_one(
    serve: Callable[..., str], settings: Settings, sekisho: Callable[..., Result]
) -> None:
    url = serve(house)
    assert code(url) == "answered"
    ledger = Path(settings.ledger_location)
    ledger.chmod(0o444)
    done = sekisho("stop", "--reason", "漏えいの疑い", "--by", "課長")
    assert done.exit_code == 0 and "まだ書けていません" in done.output
    (listed,) = json.loads(sekisho("stop", "--list", "--json").stdout)
    assert listed["noted_at"] is None
    refused = sekisho("resume", "--reason", "済")
    assert refused.exit_code == 2 and "再開しませんでした" in refused.output
    ledger.chmod(0o600)
    assert soon(lambda: code(url) == "stopped")
    assert soon(lambda: json.loads(sekisho("stop", "--list", "--json").stdout)[0]["noted_at"])
    (stopped,) = noted(settings)
    assert (stopped["target"], stopped["reason"], stopped["by"]) == ("house", "漏えいの疑い", "課長")
    assert sekisho("resume", "--reason", "済").exit_code == 0
    assert soon(lambda: code(url) == "answered")


def test_of_several_processes_one_notes_what_is_owed(stops: StopBook, settings: Settings) -> None:
    placed = new_stop("house", "", "試験", "課長")
    stops.enter(placed)
    assert stops.owed() == (), "whoever entered it is about to note it"
    stops.settle(placed.id, noted=False)
    with closing(office_of(settings)) as office:
        other = StopBook(office)
        assert [one.id for one in other.owed()] == [placed.id]
        assert [stops.claim(placed.id), other.claim(placed.id)] == [True, False]
        stops.settle(placed.id, noted=True)
        assert other.owed() == () and not other.claim(placed.id)


# ── what is written down ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("stop",), 2),
        (("stop", "--reason", " "), 2),
        (("stop", "--model", "a", "--tool", "b", "--reason", "x"), 2),
        (("stop", "--model", " ", "--reason", "x"), 2),
        (("resume",), 2),
        (("resume", "--reason", "x"), 1),
        (("resume", "--reason", "1234-5678-9018"), 2),
    ],
)
def test_a_command_that_makes_no_sense_stops_and_resumes_nothing(
    sekisho: Callable[..., Result], words: tuple[str, ...], status: int
) -> None:
    done = sekisho(*words)
    assert done.exit_code == status and done.output.strip() and "1234" not in done.output
    assert json.loads(sekisho("stop", "--list", "--json").stdout) == []


def test_a_stop_in_a_folder_without_a_checkpoint_says_so_and_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEKISHO_HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["stop", "--reason", "x"])
    assert done.exit_code == 2 and "SEKISHO_HOME" in done.output
    assert not list(tmp_path.iterdir())


def test_a_stop_does_not_wait_for_a_better_reason_and_keeps_no_number(
    settings: Settings, stops: StopBook, sekisho: Callable[..., Result]
) -> None:
    assert sekisho("stop", "--reason", "番号1234-5678-9018を送った", "--by", "課長").exit_code == 0
    (stopped,) = noted(settings)
    assert stopped["reason"] == "番号＊＊＊＊-＊＊＊＊-＊＊＊＊を送った"
    assert sekisho("stop", "--section", "123456789018", "--reason", "誤送信").exit_code == 0
    assert noted(settings)[-1]["target"] == "section:＊＊＊＊＊＊＊＊＊＊＊＊"
    assert "section:123456789018" in [one.target for one in stops.standing()], "it holds under its own name"
    assert masked("2026-11-23の点検") == "2026-11-23の点検"


@given(st.sampled_from(["model", "section", "tool"]), st.text(min_size=1, max_size=8))
def test_a_name_stops_itself_in_any_width_and_case_and_a_stop_of_all_stops_everything(
    kind: Any, name: str
) -> None:
    stop = Stop("s", kind, name, "r", "b", "t")
    where = {"section": "", "tool": "", "model": None} | {kind: name}
    literal = not set(name) & set("*?[")
    if literal and name == name.strip():
        assert stop.holds(**where)  # type: ignore[arg-type]
    assert Stop("s", kind, "*", "r", "b", "t").holds(**where)  # type: ignore[arg-type]
    assert Stop("s", "house", "", "r", "b", "t").holds("", "", None)


def test_a_stop_of_models_does_not_touch_what_asks_none() -> None:
    assert not Stop("s", "model", "*", "r", "b", "t").holds("課", "ツール", None)
