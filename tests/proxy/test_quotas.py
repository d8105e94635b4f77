"""The desk of limits: what is refused and how, what is counted, and that nothing is lost between a reply and its counter."""

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from audit.address import Address
from policies.days import JST
from policies.files import load
from policies.model import Bilingual, Refuse, RuleHit
from proxy.errors import OverQuota
from proxy.house import House, build
from proxy.office.counters import Counters, Done, Place, Standing, Want, usage_of
from proxy.office.emergencies import EmergencyBook, proposal
from proxy.office.quotas import LARGEST, MILLIONTHS, Limit, QuotaBook, new_id, usual_actor
from proxy.office.store import Office, office_of
from proxy.quotas import BATCH, BEAT, FRESH, MOST_AT_ONCE, Answer, CannotCount, Full, Teller, refusal
from proxy.settings import Settings
from redaction.model import Finding
from tests.approving import approving
from tests.fakes import Detector
from tests.proxy.conftest import PLAIN, post

NOW = datetime.now(UTC)
MY_NUMBER = {"model": "echo", "messages": [{"role": "user", "content": "個人番号は123456789018です"}]}
WITHIN = 10.0
"""Seconds a test waits for what takes a fraction of one on a machine with nothing else to do."""


class Finds(Detector):
    """Finds My Numbers."""

    async def find(self, texts: Sequence[str], strict: bool = False) -> list[tuple[Finding, ...]]:
        await super().find(texts, strict)
        found = [re.finditer("123456789018", text) for text in texts]
        return [
            tuple(Finding("JP_MY_NUMBER", *m.span(), 1.0, "test", "checksum") for m in one) for one in found
        ]


def a_house(settings: Settings, **instead: Any) -> House:
    """At one moment, so that no minute ends in the middle of a test."""
    return replace(build(settings), **{"detector": Finds(), "clock": lambda: NOW} | instead)


def limit(**said: Any) -> Limit:
    usual: dict[str, Any] = {
        "id": new_id(), "scope": "person", "name": "*", "measure": "requests", "period": "day", "amount": 10,
        "reason": "目安", "set_by": "root", "actor": usual_actor(said.get("scope", "person")),
    }  # fmt: skip
    return Limit(**usual | said)


@pytest.fixture
def office(settings: Settings) -> Iterator[Office]:
    """The books as another process has them."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with closing(office_of(settings)) as office:
        yield office


@pytest.fixture
def base_url(serve: Callable[..., str], office: Office) -> str:
    return serve(a_house)


def used(office: Office, one: Limit) -> Standing:
    """What its only counter holds, once nothing is under way."""
    found = [standing for place, standing in usage_of(office).items() if place.quota == one.id]
    return found[0] if found else Standing(0, 0)


def settled(office: Office, one: Limit, amount: int) -> bool:
    deadline = time.monotonic() + WITHIN
    while used(office, one) != (amount, 0):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def seen() -> None:
    """Wait until the desk believes nothing that it read before."""
    time.sleep(FRESH + 0.1)


# ── an exchange ───────────────────────────────────────────────────────────────────────────────────────


def test_where_nobody_set_a_limit_nothing_is_counted(base_url: str, office: Office, records: Any) -> None:
    assert post(base_url)[0] == 200
    assert records()[0][1]["quota"] == "unlimited"
    assert usage_of(office) == {}
    assert "sekisho-quotas" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.requirement("R67")
def test_at_the_limit_it_stops_and_says_which_limit_and_what_to_do(
    serve: Callable[..., str], office: Office, records: Any, upstream_folder: Path
) -> None:
    QuotaBook(office).set(limit(amount=2))
    base_url = serve(a_house)
    assert post(base_url)[0] == 200
    assert post(base_url)[0] == 200
    status, headers, body = post(base_url)
    error = body["error"]
    assert (status, error["code"], error["type"]) == (429, "insufficient_quota", "rate_limit_error")
    assert headers["x-should-retry"] == "false"
    assert "あなたの1日の上限(回数 2回)に達したため" in error["message"]
    assert "0時から、また使えます" in error["message"]
    assert "上限の引き上げを相談してください" in error["message"]
    assert error["rules"] == ["P-19"]
    asked, refused = records()[-2:]
    assert (asked[1]["quota"], asked[1]["verdict"]) == ("over", "refuse")
    assert (refused[0], refused[1]["http_status"], refused[1]["egress_state"]) == ("refused", 429, "none")
    assert (upstream_folder / "received.bin").read_bytes().count(b"POST ") == 2


def test_a_limit_of_a_minute_says_when_to_try_again(base_url: str, office: Office) -> None:
    QuotaBook(office).set(limit(scope="house", name="", period="minute", amount=1))
    assert post(base_url)[0] == 200
    status, headers, body = post(base_url)
    assert (status, body["error"]["code"]) == (429, "rate_limit_exceeded")
    wait = int(headers["retry-after"])
    assert 1 <= wait <= 60 and f"{wait}秒後" in body["error"]["message"]
    assert "x-should-retry" not in headers
    assert "市全体の1分の上限" in body["error"]["message"]


def test_anthropics_clients_are_told_in_their_own_way(base_url: str, office: Office) -> None:
    QuotaBook(office).set(limit(amount=0))
    body = {"model": "echo", "max_tokens": 9, "messages": [{"role": "user", "content": "晴れですか"}]}
    status, _, told = post(base_url, body, path="/messages")
    assert (status, told["type"], told["error"]["type"]) == (429, "error", "rate_limit_error")


def test_from_four_fifths_on_it_is_near_and_the_clerk_is_told(
    base_url: str, office: Office, records: Any
) -> None:
    QuotaBook(office).set(limit(amount=5))
    states = []
    for _ in range(5):
        status, headers, _ = post(base_url)
        assert status == 200
        states.append(
            (records()[-1][1] and records()[-2][1]["quota"], "P-19a" in headers.get("x-sekisho-notices", ""))
        )
    assert states == [("within", False)] * 3 + [("near", True)] * 2


def test_what_is_refused_for_something_else_is_told_so_and_costs_nothing(
    base_url: str, office: Office, records: Any
) -> None:
    one = limit(amount=1)
    QuotaBook(office).set(one)
    assert post(base_url, MY_NUMBER)[0] == 403
    assert post(base_url, {**PLAIN, "nobody_listed_this": 1})[0] == 400
    assert used(office, one) in ((0, 0), (0, 1)) and settled(office, one, 0)
    assert post(base_url)[0] == 200, "the one request is still there"
    status, _, body = post(base_url, x_sekisho_use_case="UC-none")
    assert (status, body["error"]["code"]) == (403, "policy_denied"), "more than the limit is in its way"
    assert records()[-2][1]["quota"] == "over"


def test_what_is_counted_is_what_the_records_tell(
    serve: Callable[..., str], settings: Settings, office: Office, records: Any, tmp_path: Path
) -> None:
    prices = [{"from": "2020-04-01", "input": 6000, "output": 24000}]
    priced = settings.model_copy(update={"policy": str(approving(tmp_path, "*", prices=prices))})
    limits = [limit(measure=measure, scope="section", name="*") for measure in ("requests", "tokens", "yen")]
    limits = [replace(one, amount=1_000_000) for one in limits]
    for one in limits:
        QuotaBook(office).set(one)
    base_url = serve(lambda _: a_house(priced))
    for model in ("echo", "no-usage", "error", "echo"):
        post(base_url, {**PLAIN, "model": model})
    endings = [body for kind, body in records() if kind != "asked"]
    heard = [body for body in endings if "tokens" in body]
    assert len(heard) == 3 and len(endings) == 4
    tokens = sum(body["tokens"]["input"] + body["tokens"]["output"] for body in heard)
    yen = sum(round(float(body["cost_yen"]) * MILLIONTHS) for body in heard)
    assert tokens > 0 and yen > 0
    for one, amount in zip(limits, (4, tokens, yen), strict=True):
        assert settled(office, one, amount), (one.measure, used(office, one), amount)


def test_each_name_that_fits_has_a_counter_of_its_own(base_url: str, office: Office) -> None:
    one = limit(scope="model", amount=1)
    QuotaBook(office).set(one)
    assert [post(base_url, {**PLAIN, "model": m})[0] for m in ("echo", "slow", "echo", "slow")] == [
        200, 200, 429, 429,
    ]  # fmt: skip


def test_a_request_that_is_more_than_the_whole_limit_is_told_so(base_url: str, office: Office) -> None:
    QuotaBook(office).set(limit(measure="tokens", amount=500))
    status, _, body = post(base_url, {**PLAIN, "max_tokens": 100_000})
    assert status == 429 and "max_tokens" in body["error"]["message"]
    assert post(base_url, {**PLAIN, "max_tokens": 100})[0] == 200


def test_a_request_beyond_all_measure_is_told_so_too(base_url: str, office: Office) -> None:
    QuotaBook(office).set(limit(measure="tokens", amount=LARGEST))
    status, _, body = post(base_url, {**PLAIN, "max_tokens": 2**32 - 1, "n": 2**32 - 1})
    assert status == 429 and "max_tokens" in body["error"]["message"]
    assert post(base_url)[0] == 200


def test_a_limit_of_nothing_says_that_waiting_does_not_help(base_url: str, office: Office) -> None:
    QuotaBook(office).set(limit(amount=0))
    status, headers, body = post(base_url)
    assert (status, headers["x-should-retry"]) == (429, "false")
    assert "待っても使えるようにはなりません" in body["error"]["message"]
    assert "max_tokens" not in body["error"]["message"] and "相談してください" in body["error"]["message"]


def test_one_that_hangs_up_is_counted_by_what_became_of_it(
    base_url: str, office: Office, upstream_folder: Path
) -> None:
    one = limit(amount=3)
    QuotaBook(office).set(one)
    address, data = urlsplit(base_url), json.dumps({**PLAIN, "model": "silent", "stream": True}).encode()
    with socket.create_connection((address.hostname, address.port)) as half:
        half.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-desk\r\n"
            + f"content-length: {len(data)}\r\n\r\n".encode()
            + data
        )
        deadline = time.monotonic() + WITHIN
        while b"POST " not in (upstream_folder / "received.bin").read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert used(office, one) == (0, 1)
    assert settled(office, one, 1), "it was sent"


def test_where_the_policy_permits_it_nevertheless_it_is_counted_beyond_the_limit(
    serve: Callable[..., str], settings: Settings, office: Office, records: Any, tmp_path: Path
) -> None:
    data = json.loads(Path(settings.policy).read_text("utf-8"))
    for entry in data["rules"]:
        if entry["id"] == "P-19":  # only told of, not denied
            entry.pop("gate"), entry.pop("remedy")
            entry["notice"] = {"ja": "上限を超えています。", "en": "Over the limit."}
            entry["when"] = {"quota": ["over"]}
    data["rules"].append({
        "id": "P-19z", "title": {"ja": "試験", "en": "Test"}, "basis": "試験", "owner": "試験", "risk_refs": ["LLM10"],
        "when": {"quota": ["over"], "actor": ["robot"]}, "gate": "deny",
        "remedy": {"ja": "相談してください。", "en": "Ask."},
    })  # fmt: skip
    file = tmp_path / "lenient.yaml"
    file.write_text(json.dumps(data, ensure_ascii=False), "utf-8")
    lenient = settings.model_copy(update={"policy": str(file)})
    one = limit(amount=1)
    QuotaBook(office).set(one)
    base_url = serve(lambda _: a_house(lenient))
    assert [post(base_url)[0] for _ in range(3)] == [200, 200, 200]
    assert records()[-2][1]["quota"] == "over"
    assert settled(office, one, 3)


def test_a_limit_that_is_only_counted_stops_nobody(base_url: str, office: Office, records: Any) -> None:
    one = limit(amount=None)
    QuotaBook(office).set(one)
    assert [post(base_url)[0] for _ in range(3)] == [200, 200, 200]
    assert settled(office, one, 3)
    assert records()[0][1]["quota"] == "unlimited"


def test_a_limit_is_seen_and_forgotten_within_a_second(base_url: str, office: Office) -> None:
    assert post(base_url)[0] == 200
    one = limit(amount=0)
    QuotaBook(office).set(one)
    seen()
    assert post(base_url)[0] == 429
    QuotaBook(office).end(one.id, "root")
    seen()
    assert post(base_url)[0] == 200


def test_a_book_that_cannot_be_read_lets_nothing_pass(
    serve: Callable[..., str], office: Office, records: Any, upstream_folder: Path
) -> None:
    built: list[House] = []

    def make(settings: Settings) -> House:
        built.append(a_house(settings))
        return built[0]

    base_url = serve(make)
    assert post(base_url)[0] == 200

    def broken() -> Any:
        raise OSError("gone")

    built[0].quotas._look = broken  # type: ignore[method-assign]
    seen()
    status, _, body = post(base_url)
    assert (status, body["error"]["code"]) == (503, "office_unreadable")
    assert [kind for kind, _ in records()[-2:]] == ["asked", "refused"]
    assert (upstream_folder / "received.bin").read_bytes().count(b"POST ") == 1


# ── 災害モード ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R67")
def test_an_emergency_lifts_the_limits_and_nothing_else_and_after_it_they_hold_again(
    base_url: str, office: Office, records: Any
) -> None:
    one, book = limit(amount=1), EmergencyBook(office)
    QuotaBook(office).set(one)
    proposed = proposal("地震のため", NOW + timedelta(hours=8), "sato", NOW)
    book.propose(proposed)
    assert post(base_url)[0] == 200
    assert post(base_url)[0] == 429, "it is only proposed"
    book.approve(proposed.id, "suzuki", NOW)
    seen()
    assert [post(base_url)[0] for _ in range(3)] == [200, 200, 200]
    asked = records()[-2][1]
    assert (asked["quota"], asked["emergency"]) == ("unlimited", proposed.id)
    assert post(base_url, MY_NUMBER)[0] == 403
    assert records()[-2][1]["emergency"] == proposed.id
    assert settled(office, one, 4), "it is counted on"
    book.end(proposed.id, "sato", NOW)
    seen()
    assert post(base_url)[0] == 429
    assert "emergency" not in records()[-2][1]


def test_an_emergency_whose_end_has_come_lifts_nothing(serve: Callable[..., str], office: Office) -> None:
    clock = [NOW]
    base_url = serve(lambda settings: a_house(settings, clock=lambda: clock[0]))
    QuotaBook(office).set(limit(amount=0, period="year"))
    book = EmergencyBook(office)
    one = proposal("地震のため", NOW + timedelta(minutes=30), "sato", NOW)
    book.propose(one)
    book.approve(one.id, "suzuki", NOW)
    assert post(base_url)[0] == 200
    clock[0] = NOW + timedelta(minutes=30)
    assert post(base_url)[0] == 429


# ── the words of a refusal ────────────────────────────────────────────────────────────────────────────

_VERDICT = Refuse(
    rules=(), decisive=(RuleHit("P-19", ("deny",), Bilingual("", ""), Bilingual("相談してください。", "Ask.")),),
    revealed=frozenset(), notices=(), policy="p", digest="d",
)  # fmt: skip


def said(full: list[Full], at: str = "2026-12-31T23:59:30+09:00") -> OverQuota:
    return refusal(full, _VERDICT, datetime.fromisoformat(at))


def test_of_several_limits_the_one_that_lasts_longest_is_named() -> None:
    day = Full(limit(), 1, Standing(10, 0))
    year = Full(limit(scope="house", name="", measure="yen", period="year"), 1, Standing(10 * MILLIONTHS, 0))
    told = said([day, year])
    assert "市全体の年度の上限(費用 10円)" in told.says.ja and "4月1日0時から" in told.says.ja
    assert "2027-04-01" in told.says.en and told.code == "insufficient_quota"


def test_what_is_only_under_way_may_come_back() -> None:
    assert "空くことがあります" in said([Full(limit(), 1, Standing(8, 2))]).says.ja
    assert "空くことがあります" not in said([Full(limit(), 1, Standing(10, 0))]).says.ja


def test_no_wait_is_shorter_than_a_second_or_longer_than_the_minute() -> None:
    full = [Full(limit(period="minute"), 1, Standing(10, 0))]
    for second in range(60):
        at = datetime(2026, 11, 23, 14, 21, second, 999_999, tzinfo=JST)
        wait = int(refusal(full, _VERDICT, at).headers["retry-after"])
        assert 1 <= wait <= 60


# ── the thread ────────────────────────────────────────────────────────────────────────────────────────

P = Place("q-1", "012345", "2026-11-23")
Q = Place("q-2", "", "2026")


@pytest.fixture(params=["sqlite", "postgresql"])
def books(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    if request.param == "sqlite":
        where = Address(tmp_path / "office.sqlite")
    else:
        where = Address(url=request.getfixturevalue("postgres_url"))
    with closing(Office(where)) as office:
        yield office


def standing(office: Office, place: Place = P) -> Standing:
    return usage_of(office).get(place, Standing(0, 0))


def test_those_who_ask_together_get_as_much_as_there_is_and_no_more(books: Office) -> None:
    teller = Teller(Counters(books))

    async def work() -> list[Answer]:
        wants = [{P: Want(1, 30), Q: Want(7, 10_000)} for _ in range(100)]
        return await asyncio.gather(*(teller.reserve(want) for want in wants))

    answers = asyncio.run(work())
    assert sum(answer.granted for answer in answers) == 30
    assert standing(books) == (0, 30) and standing(books, Q) == (0, 210)
    refused = next(answer for answer in answers if not answer.granted)
    assert sum(refused.standing[P]) == 30
    for _ in range(30):
        teller.settle({P: Done(1, 1), Q: Done(7, 5)})
    teller.stop()
    assert standing(books) == (30, 0) and standing(books, Q) == (150, 0)


def test_one_that_does_not_fit_keeps_nobody_else_out(books: Office) -> None:
    teller = Teller(Counters(books))
    other = Place("q-1", "067890", "2026-11-23")

    async def work() -> list[Answer]:
        wants = [{P: Want(9, 5)}, *({other: Want(1, 50)} for _ in range(20)), {P: Want(9, 5)}]
        return await asyncio.gather(*(teller.reserve(want) for want in wants))

    granted = [answer.granted for answer in asyncio.run(work())]
    teller.stop()
    assert granted == [False, *[True] * 20, False]


def test_the_largest_reservations_of_a_batch_break_none_beside_them(books: Office) -> None:
    teller = Teller(Counters(books))
    most = LARGEST * MILLIONTHS

    async def work() -> list[Answer]:
        wants = [*({Q: Want(MOST_AT_ONCE, most)} for _ in range(BATCH - 1)), {P: Want(1, 5)}]
        return await asyncio.gather(*(teller.reserve(want) for want in wants))

    assert all(answer.granted for answer in asyncio.run(work()))
    teller.stop()


def test_a_process_that_was_taken_for_dead_reserves_again_what_is_under_way(books: Office) -> None:
    now = [0.0]
    teller = Teller(Counters(books), lambda: now[0])
    assert asyncio.run(teller.reserve({P: Want(3, 3)})).granted
    with closing(Counters(books)) as others:
        others.leave(teller.process)
        assert standing(books) == (0, 0)
        now[0] = BEAT + 1
        teller.settle({Q: Done(0, 1)})  # anything to do: it wakes
        deadline = time.monotonic() + WITHIN
        while standing(books) != (0, 3):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert others.reserve("another", {P: Want(1, 3)}) is None
    teller.settle({P: Done(3, 2)})
    teller.stop()
    assert standing(books) == (2, 0)


def test_whoever_is_cancelled_while_it_waits_holds_nothing(books: Office) -> None:
    teller = Teller(Counters(books))

    async def work() -> None:
        for turn in range(60):
            task = asyncio.create_task(teller.reserve({P: Want(1, 10**6)}))
            for _ in range(turn % 4):
                await asyncio.sleep(0)
            await asyncio.sleep(0.0003 * (turn % 7))
            task.cancel()
            with suppress(asyncio.CancelledError):
                teller.settle({P: Done((await task).granted, 0)})
        deadline = time.monotonic() + WITHIN
        while standing(books).reserved:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)

    asyncio.run(work())
    teller.stop()


def test_the_end_of_a_house_gives_back_what_it_holds(books: Office) -> None:
    teller = Teller(Counters(books))
    asyncio.run(teller.reserve({P: Want(4, 9)}))
    assert standing(books) == (0, 4)
    teller.stop()
    assert standing(books) == (0, 0)
    with pytest.raises(CannotCount):
        asyncio.run(teller.reserve({P: Want(4, 9)}))


class Breaking(Counters):
    """Counters whose connection breaks at a verb: before it was done, or after."""

    def __init__(self, office: Office) -> None:
        super().__init__(office)
        self.breaks: list[tuple[str, str]] = []

    def reserve(self, process: str, wanted: Any) -> Any:
        return self._perhaps("reserve", lambda: super(Breaking, self).reserve(process, wanted))

    def settle(self, process: str, done: Any) -> Any:
        return self._perhaps("settle", lambda: super(Breaking, self).settle(process, done) if done else None)

    def _perhaps(self, verb: str, do: Callable[[], Any]) -> Any:
        if ("before", verb) in self.breaks:
            self.breaks.remove(("before", verb))
            raise ConnectionError
        done = do()
        if ("after", verb) in self.breaks:
            self.breaks.remove(("after", verb))
            raise ConnectionError
        return done


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_that_breaks_in_a_reservation_leaves_none_behind(books: Office, when: str) -> None:
    counters = Breaking(books)
    teller = Teller(counters)

    async def work() -> None:
        assert (await teller.reserve({P: Want(2, 9)})).granted
        counters.breaks = [(when, "reserve")]
        assert (await teller.reserve({P: Want(3, 9)})).granted, "there is a second chance"
        assert standing(books) == (0, 5)
        counters.breaks = [(when, "reserve"), (when, "reserve")]
        with pytest.raises(CannotCount):
            await teller.reserve({P: Want(1, 9)})
        assert (await teller.reserve({P: Want(4, 9)})).granted, "nothing was left behind"

    asyncio.run(work())
    assert standing(books) == (0, 9)
    teller.stop()


@pytest.mark.parametrize(("when", "spent"), [("before", 2), ("after", 4)])
def test_a_connection_that_breaks_in_a_settlement_never_counts_too_little(
    books: Office, when: str, spent: int
) -> None:
    counters = Breaking(books)
    teller = Teller(counters)

    async def work() -> None:
        await teller.reserve({P: Want(2, 99)})
        await teller.reserve({P: Want(3, 99)})
        counters.breaks = [(when, "settle")]
        teller.settle({P: Done(2, 2)})
        assert (await teller.reserve({P: Want(1, 99)})).granted

    asyncio.run(work())
    assert standing(books) == (spent, 4), "what others hold is still theirs"
    teller.stop()


def test_a_policy_that_ships_denies_at_the_limit_and_has_a_remedy() -> None:
    assert load("takatsuki").rules_on_quota
