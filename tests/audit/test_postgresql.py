"""PostgreSQL as a place for the ledger: what it takes for a ledger, what it says, and how it keeps writers apart."""

import asyncio
import threading
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from audit.address import Address, address_of
from audit.ledger import Ledger
from audit.model import AlreadyEnded, CannotRecord, Draft
from audit.names import now
from audit.query import CANNOT_READ, of_kind
from tests.audit.ledgers import Clock, asked, kinds, rows, soon, verified
from tests.postgres import Server

OpenLedger = Callable[..., Ledger]
VIEWED = Draft("viewed", None, {})
MONTH = 40 * 24 * 3600.0
"""A lease that outlives every step of these clocks, in seconds."""


@pytest.fixture
def place(postgres_url: str) -> Address:
    return Address(url=postgres_url)


def why_not(ledger: Ledger) -> str:
    """Why nothing can be recorded: all that an operator may get to see of it."""
    with pytest.raises(CannotRecord) as told:
        ledger.append_now(VIEWED)
    assert told.value.reason == "ledger_unavailable"
    return "".join(traceback.format_exception(told.value)) + repr(ledger.address) + str(ledger.address)


def execute(place: Address, *statements: str) -> None:
    with psycopg.connect(place.url or "", autocommit=True) as line:
        for statement in statements:
            line.execute(statement.encode())


def relations(place: Address) -> set[str]:
    """Everything that a program has made in the database."""
    found = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    return {name for (name,) in rows(place, found)}


# ── what is taken for a ledger ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["CREATE TABLE others (x int)"], "not a Sekisho ledger"),
        (["CREATE TABLE leases (x int)", "CREATE TABLE records (x int)"], "not a Sekisho ledger"),
        (["CREATE TABLE alembic_version (version_num text)"], "not a Sekisho ledger"),
        (
            [
                "CREATE TABLE alembic_version (version_num text)",
                "INSERT INTO alembic_version VALUES ('0002')",
            ],
            "not a Sekisho ledger",
        ),
        (
            [
                "CREATE TABLE alembic_version (version_num text)",
                "INSERT INTO alembic_version VALUES ('3f2a9c1d7e55')",
                "CREATE TABLE leases (x int)",
            ],
            "not a Sekisho ledger",
        ),
    ],
)
def test_a_database_of_others_is_left_alone(
    place: Address, open_ledger: OpenLedger, statements: list[str], words: str
) -> None:
    execute(place, *statements)
    before = relations(place)
    assert words in why_not(open_ledger())
    with pytest.raises(RuntimeError, match=words):
        list(of_kind(place, "asked"))
    assert relations(place) == before


def test_a_ledger_may_lie_in_a_schema_of_its_own_beside_others(
    place: Address, open_ledger: OpenLedger
) -> None:
    execute(place, "CREATE TABLE others (x int)", "CREATE SCHEMA sekisho")
    ours = Address(url=f"{place.url}&options=-csearch_path%3Dsekisho")
    open_ledger(ours).append_now(Draft("asked", "x-1", asked(), "text"))
    assert relations(place) == {"others"}
    assert [record.exchange for record in of_kind(ours, "asked")] == ["x-1"]
    assert verified(ours).ok


def test_only_an_existing_ledger_is_opened_where_none_may_be_made(place: Address) -> None:
    ledger = Ledger(place, create=False)
    ledger.start()
    assert "not a Sekisho ledger" in why_not(ledger)
    ledger.stop()
    assert relations(place) == set()


@pytest.fixture
def unsafe(postgres: Server) -> Iterator[Server]:
    """The server as somebody runs it who thinks that it should be faster."""
    postgres.stop()
    postgres.start("fsync=off")
    yield postgres
    postgres.stop()
    postgres.start()


def test_a_server_that_does_not_flush_to_disk_is_not_written_to(
    place: Address, unsafe: Server, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    assert "fsync is off" in why_not(ledger)
    assert relations(place) == set()
    unsafe.stop()
    unsafe.start()
    assert ledger.append_now(VIEWED).index == 1


# ── addresses and passwords ──────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R31")
@pytest.mark.requirement("R44")
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://clerk:geheim@127.0.0.1:1/ledger",
        "postgresql://clerk:geheim@host:port/ledger",
        "postgresql://clerk:geheim@[half/ledger",
        "postgresql://clerk:geheim@/ledger?host=/nowhere&sslmode=perhaps",
        "postgresql://clerk@/ledger?host=/nowhere&password=geheim",
        "postgresql://clerk:ge?heim@127.0.0.1:1/ledger",
        "postgresql:///ledger?host=/nowhere&user=a@b&password=geheim",
    ],
)
def test_where_nobody_answers_nothing_is_recorded_and_no_password_is_said(
    open_ledger: OpenLedger, url: str
) -> None:
    said = why_not(open_ledger(url))
    assert "geheim" not in said and "clerk:ge" not in said
    with pytest.raises(CANNOT_READ) as unread:
        list(of_kind(address_of(url), "asked"))
    assert "geheim" not in "".join(traceback.format_exception(unread.value))


def test_a_wrong_password_is_not_said_and_the_right_one_opens(
    postgres: Server, postgres_url: str, open_ledger: OpenLedger
) -> None:
    database = str(address_of(postgres_url)).rpartition("/")[2]
    postgres.run("DROP ROLE IF EXISTS guarded")
    postgres.run("CREATE ROLE guarded LOGIN PASSWORD 'richtig'")
    postgres.run(f"ALTER DATABASE {database} OWNER TO guarded")
    said = why_not(open_ledger(postgres.url(database, "guarded", "geheim")))
    assert "password authentication failed" in said
    assert "geheim" not in said
    ledger = open_ledger(postgres.url(database, "guarded", "richtig"))
    assert ledger.append_now(VIEWED).index == 1
    assert "richtig" not in repr(ledger.address) + str(ledger.address)


# ── writers beside each other ────────────────────────────────────────────────────────────────────


def test_each_month_has_its_partition_before_it_begins(place: Address, open_ledger: OpenLedger) -> None:
    def parts() -> set[str]:
        found = "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'"
        return {name for (name,) in rows(place, found)}

    clock = Clock("2026-11-30T14:59:59Z")
    ledger = open_ledger(clock=clock, lease_seconds=MONTH)
    ledger.append_now(Draft("asked", "x-1", {}, "text"))
    months = {"records_2026_11", "texts_2026_11", "records_2026_12", "texts_2026_12"}
    assert parts() == months
    clock.at += timedelta(seconds=1)
    ledger.append_now(Draft("asked", "x-2", {}, "text"))
    assert parts() == months | {"records_2027_01", "texts_2027_01"}
    for table in ("records", "texts"):
        where = f"SELECT tableoid::regclass::text FROM {table} ORDER BY writer"
        assert rows(place, where) == [(f"{table}_2026_11",), (f"{table}_2026_12",)]


def test_many_writers_turn_the_month_together(place: Address, open_ledger: OpenLedger) -> None:
    clock = Clock("2026-11-30T14:59:59Z")
    ledgers = [open_ledger(clock=clock, lease_seconds=MONTH, sweeping=False) for _ in range(6)]

    async def see() -> None:
        await asyncio.gather(*(ledger.append(VIEWED) for ledger in ledgers))
        clock.at += timedelta(seconds=1)
        await asyncio.gather(*(ledger.append(VIEWED) for ledger in ledgers))

    asyncio.run(see())
    assert kinds(place) == {"viewed": 12}
    assert verified(place).writers == 12


def test_a_writer_in_the_middle_of_a_transaction_is_not_swept(
    place: Address, open_ledger: OpenLedger
) -> None:
    """Its lease may have run out by the clock; the lock on its row says that it lives."""
    writer = open_ledger(lease_seconds=3600, sweeping=False)
    writer.append_now(Draft("asked", "x-1", {}))
    sweeper = open_ledger(clock=Clock(now() + timedelta(seconds=4000)), sweeping=False)
    with psycopg.connect(place.url or "") as line:
        line.execute("SELECT FROM leases WHERE writer = %s FOR UPDATE", (writer.writer,))
        assert sweeper.sweep_now() == 0
    assert sweeper.sweep_now() == 1
    assert kinds(place) == {"asked": 1, "lost": 1}


def test_a_writer_that_is_swept_again_and_again_never_ends_an_exchange_twice(
    place: Address, open_ledger: OpenLedger
) -> None:
    """The worst of clocks: one machine takes another for gone while it writes."""
    writer = open_ledger(lease_seconds=3600, sweeping=False)
    sweepers = [open_ledger(clock=Clock(now() + timedelta(days=1)), sweeping=False) for _ in range(2)]

    async def carry(number: int) -> str:
        try:
            async with writer.exchange({}, "text", exchange=f"x-{number}"):
                await asyncio.sleep(0.003 * (number % 5))
            return "answered"
        except AlreadyEnded:
            return "lost"

    async def see() -> list[str]:
        tasks: list[asyncio.Task[str]] = []
        for number in range(120):
            tasks.append(asyncio.create_task(carry(number)))
            await asyncio.sleep(0.004)
            if number % 10 == 9:
                await asyncio.gather(*(sweeper.sweep() for sweeper in sweepers))
        return await asyncio.gather(*tasks)

    told = asyncio.run(see())
    ended = dict(rows(place, "SELECT exchange, kind FROM records WHERE turn = 2"))
    assert ended == {f"x-{number}": kind for number, kind in enumerate(told)}
    assert rows(place, "SELECT count(*), count(DISTINCT exchange) FROM records WHERE turn = 2") == [
        (120, 120)
    ]
    assert verified(place).ok


def test_a_table_that_another_program_keeps_locked_is_waited_for_only_so_long(
    place: Address, open_ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.stores.postgresql.LOCK_SECONDS", 0.2)
    ledger = open_ledger(lease_seconds=3600, sweeping=False)
    ledger.append_now(VIEWED)
    with psycopg.connect(place.url or "") as line:
        line.execute("LOCK TABLE records IN ACCESS EXCLUSIVE MODE")
        assert "lock timeout" in why_not(ledger)
    assert ledger.append_now(VIEWED).index == 2


def test_after_an_accident_a_writer_waits_for_its_own_transaction_that_seemed_lost(
    place: Address, open_ledger: OpenLedger
) -> None:
    """A commit may still be under way on the server when the line is long gone."""
    ledger = open_ledger(lease_seconds=3600, sweeping=False)
    first = ledger.append_now(Draft("asked", "x-1", {}))
    with psycopg.connect(place.url or "") as lost:
        lost.execute("SELECT FROM leases WHERE writer = %s FOR UPDATE", (first.writer,))
        cut(place, but=lost.info.backend_pid)
        with pytest.raises(CannotRecord):
            ledger.append_now(VIEWED)
        late: list[int] = []
        waiting = threading.Thread(target=lambda: late.append(ledger.append_now(VIEWED).index))
        waiting.start()
        blocked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        blocked += " AND application_name = 'sekisho' AND wait_event_type = 'Lock'"
        assert soon(lambda: rows(place, blocked) == [(1,)])
        columns = "writer, idx, at, kind, exchange, turn, body, prev, hash"
        lost.execute(
            f"INSERT INTO records ({columns}) SELECT writer, 2, at, 'viewed', NULL, NULL, '{{}}', hash, %s"
            " FROM records".encode(),
            ("e" * 64,),
        )
        lost.commit()
    waiting.join(30)
    assert late == [3]


def cut(place: Address, but: int = 0) -> None:
    """As when the network breaks: the server ends the lines of all writers."""
    ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sekisho'"
    rows(place, f"{ends} AND datname = current_database() AND pid <> {but}")


# ── readers ──────────────────────────────────────────────────────────────────────────────────────


def test_without_a_server_nothing_can_be_read_and_no_file_appears(tmp_path: Path) -> None:
    with pytest.raises(CANNOT_READ):
        list(of_kind(address_of(f"postgresql:///ledger?host={tmp_path}"), "asked"))
    assert list(tmp_path.iterdir()) == []
