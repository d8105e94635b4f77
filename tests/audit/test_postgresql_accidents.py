"""When PostgreSQL goes away in the middle of the work: what was acknowledged is there, what was not is settled."""

import asyncio
import shutil
import socket
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from audit.address import Address
from audit.ledger import Ledger
from audit.model import CannotRecord, Draft
from tests.audit.ledgers import asked, kinds, rows, soon, verified
from tests.postgres import Server

OpenLedger = Callable[..., Ledger]
VIEWED = Draft("viewed", None, {})


@pytest.fixture
def place(postgres_url: str) -> Address:
    return Address(url=postgres_url)


@pytest.fixture
def server(postgres: Server) -> Iterator[Server]:
    """The server, to be stopped and started; afterwards it runs again."""
    yield postgres
    postgres.stop()
    postgres.start()


# ── under load ───────────────────────────────────────────────────────────────────────────────────


async def carry(ledger: Ledger, number: int) -> str:
    """One exchange; what its caller was told."""
    told = "not begun"
    try:
        async with ledger.exchange(asked(), "a question", exchange=f"x-{number}") as entry:
            told = "sent"
            entry.egress, entry.text = "masked", "an answer"
            await asyncio.sleep(0.002 * (number % 6))
        return "answered"
    except CannotRecord as error:
        assert error.reason == "ledger_unavailable"
        return told


async def under_load(ledger: Ledger, trouble: Callable[[list[str]], Awaitable[None]]) -> list[str]:
    """Exchanges without a pause, from some before the trouble to some behind it; what each was told."""
    over = asyncio.Event()
    told: list[str] = []

    async def line(first: int) -> None:
        after, number = 0, first
        while after < 5:
            told.append(await carry(ledger, number))
            after, number = after + over.is_set(), number + 1
            await asyncio.sleep(0.005)

    lines = [asyncio.create_task(line(10_000 * number)) for number in range(8)]
    await asyncio.sleep(0.2)
    await trouble(told)
    over.set()
    await asyncio.gather(*lines)
    return told


def open_exchanges(place: Address) -> list[tuple[str]]:
    found = "SELECT exchange FROM records WHERE turn IS NOT NULL GROUP BY exchange HAVING max(turn) = 1"
    return [exchange for (exchange,) in rows(place, found)]


def demand_all_is_there(place: Address, told: list[str]) -> None:
    """Whatever was told is true, and in the end nothing is left open."""
    assert soon(lambda: open_exchanges(place) == [])  # endings that were owed have been paid
    recorded = kinds(place)
    # An answer whose recording failed was owed, and was recorded later as what it was.
    assert recorded["answered"] == told.count("answered") + told.count("sent")
    # A question that was refused may have landed all the same; then it is closed as never sent.
    assert recorded["asked"] - recorded["answered"] == recorded.get("failed", 0) <= told.count("not begun")
    assert set(recorded) <= {"asked", "answered", "failed"}
    assert verified(place).ok


@pytest.mark.requirement("R42")
def test_lines_that_are_cut_again_and_again_lose_nothing(
    place: Address, open_ledger: OpenLedger, postgres: Server
) -> None:
    ledger = open_ledger(lease_seconds=5)

    async def trouble(told: list[str]) -> None:
        while len(told) - told.count("answered") < 20:  # until the cuts were felt so often
            await asyncio.to_thread(cut, place)
            await asyncio.sleep(0.03)

    told = asyncio.run(under_load(ledger, trouble))
    demand_all_is_there(place, told)


@pytest.mark.requirement("R31")
@pytest.mark.parametrize("how", ["INT", "QUIT"])
def test_a_server_that_stops_or_crashes_and_comes_back_has_lost_nothing(
    place: Address, open_ledger: OpenLedger, server: Server, how: str
) -> None:
    ledger = open_ledger(lease_seconds=5)

    async def trouble(_: list[str]) -> None:
        await asyncio.to_thread(server.stop, how)
        with pytest.raises(CannotRecord) as told:
            await ledger.append(VIEWED)
        assert told.value.reason == "ledger_unavailable"
        await asyncio.to_thread(server.start)

    told = asyncio.run(under_load(ledger, trouble))
    demand_all_is_there(place, told)


def test_a_ledger_that_starts_before_its_server_takes_it_up_later(
    place: Address, open_ledger: OpenLedger, server: Server
) -> None:
    server.stop()
    ledger = open_ledger()
    with pytest.raises(CannotRecord) as told:
        ledger.append_now(VIEWED)
    assert (told.value.reason, ledger.writer) == ("ledger_unavailable", None)
    server.start()
    assert ledger.append_now(VIEWED).index == 1
    asyncio.run(ledger.probe())


def test_a_stop_while_the_server_is_away_leaves_the_rest_to_the_next_sweep(
    place: Address, open_ledger: OpenLedger, server: Server
) -> None:
    ledger = Ledger(place, lease_seconds=0.2)
    ledger.start()
    ledger.append_now(Draft("asked", "x-1", {}))
    server.stop()
    ledger.stop()
    server.start()
    assert kinds(place) == {"asked": 1}
    open_ledger(lease_seconds=0.2)
    assert soon(lambda: kinds(place) == {"asked": 1, "lost": 1})


def cut(place: Address) -> None:
    """As when the network breaks: the server ends the lines of all writers."""
    ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sekisho'"
    rows(place, f"{ends} AND datname = current_database()")


# ── a commit of which nobody knows ───────────────────────────────────────────────────────────────


class Line:
    """A bad line to the server. It passes everything on, until a COMMIT comes by while ``lose`` says so.

    "question"   the COMMIT never arrives
    "answer"     it does; that it was done is never heard
    """

    def __init__(self, server: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="line-"))
        self.lose = ""
        self._server = server
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.folder / ".s.PGSQL.5432"))
        self._listening.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        shutil.rmtree(self.folder)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                deaf = threading.Event()
                for pump in (self._ask, self._answer):
                    threading.Thread(target=pump, args=(client, server, deaf), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket, deaf: threading.Event) -> None:
        with suppress(OSError):
            while content := client.recv(65536):
                if self.lose and b"COMMIT\0" in content:
                    if self.lose == "question":
                        break
                    deaf.set()
                server.sendall(content)
        self._hang_up(client, server)

    def _answer(self, client: socket.socket, server: socket.socket, deaf: threading.Event) -> None:
        with suppress(OSError):
            while content := server.recv(65536):
                if deaf.is_set():
                    break
                client.sendall(content)
        self._hang_up(client, server)

    def _hang_up(self, *ends: socket.socket) -> None:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture
def line(place: Address) -> Iterator[Line]:
    (folder,) = parse_qs(urlsplit(place.url or "").query)["host"]
    line = Line(f"{folder}/.s.PGSQL.5432")
    yield line
    line.close()


@pytest.fixture
def ledger(place: Address, line: Line, open_ledger: OpenLedger) -> Ledger:
    """Over the bad line, and quiet: nobody else's commit gets in the way."""
    url = (place.url or "").partition("?")[0]
    ledger = open_ledger(f"{url}?host={line.folder}", lease_seconds=3600, sweeping=False)
    ledger.append_now(VIEWED)
    return ledger


@pytest.mark.parametrize(("lose", "landed"), [("question", 0), ("answer", 1)])
def test_a_question_of_which_nobody_knows_whether_it_landed_is_never_sent(
    place: Address, ledger: Ledger, line: Line, lose: str, landed: int
) -> None:
    """Its waiter is told no. If it landed all the same, it is closed as what it was."""
    line.lose = lose
    with pytest.raises(CannotRecord):
        ledger.append_now(Draft("asked", "x-1", asked()))
    line.lose = ""
    assert soon(lambda: kinds(place).get("asked", 0) == landed)
    assert ledger.append_now(VIEWED).index == 2 + landed
    assert soon(lambda: kinds(place).get("failed", 0) == landed)
    ends = rows(place, "SELECT body FROM records WHERE exchange = 'x-1' AND kind = 'failed'")
    assert ends == [('{"egress_state":"none","reason":"ledger_unavailable"}',)] * landed
    assert verified(place).ok


@pytest.mark.parametrize("lose", ["question", "answer"])
def test_an_ending_of_which_nobody_knows_whether_it_landed_is_there_once(
    place: Address, ledger: Ledger, line: Line, lose: str
) -> None:
    async def see() -> None:
        async with ledger.exchange(asked(), exchange="x-1") as entry:
            entry.text = "the answer"
            line.lose = lose

    with pytest.raises(CannotRecord):
        asyncio.run(see())
    line.lose = ""
    ledger.append_now(VIEWED)
    assert soon(lambda: not ledger._running_pen().owed)
    assert kinds(place) == {"viewed": 2, "asked": 1, "answered": 1}
    assert rows(place, "SELECT text FROM texts") == [("the answer",)]
    assert rows(place, "SELECT count(DISTINCT writer) FROM records") == [(1,)]
    assert verified(place).ok


@pytest.mark.parametrize("lose", ["question", "answer"])
def test_a_new_chain_of_which_nobody_knows_whether_it_began_is_not_torn(
    place: Address, line: Line, open_ledger: OpenLedger, lose: str
) -> None:
    line.lose = lose
    url = (place.url or "").partition("?")[0]
    ledger = open_ledger(f"{url}?host={line.folder}", lease_seconds=3600, sweeping=False)
    with pytest.raises(CannotRecord):
        ledger.append_now(Draft("asked", "x-1", asked()))
    line.lose = ""
    ledger.append_now(Draft("asked", "x-2", asked()))
    ledger.append_now(Draft("answered", "x-2", {}))
    assert soon(lambda: open_exchanges(place) == [])
    assert verified(place).ok
