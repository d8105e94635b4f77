"""Alerts are told by real receivers in processes of their own; what is dead gets everything once it is back."""

import asyncio
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from audit.address import Address
from audit.alerts.model import Alert, Key
from audit.ledger import Ledger
from proxy.alerting.channels import ChannelSink
from proxy.alerting.duties import opened
from proxy.alerting.letters import letter_of, trial
from proxy.alerting.terms import parse
from proxy.followers import Follower, NotTaken
from proxy.office.cursors import CursorBook
from proxy.office.store import Office
from proxy.outlets import webhook as webhooks
from proxy.outlets.mail import MOST, mail_of
from proxy.settings import Settings, read
from tests.proxy.alerting.receivers import Receiver

pytestmark = pytest.mark.anyio

RULES = parse(None).thresholds.rules
AT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.start()
    yield ledger
    ledger.stop()


@pytest.fixture
def book(tmp_path: Path) -> Iterator[CursorBook]:
    with closing(Office(Address(tmp_path / "office.sqlite"))) as office:
        yield CursorBook(office)


@pytest.fixture(params=["http", "smtp"])
def receiver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Receiver]:
    receiver = Receiver(request.param, tmp_path)
    receiver.start()
    yield receiver
    receiver.kill()


@pytest.fixture
def settings(tmp_path: Path, receiver: Receiver) -> Settings:
    (tmp_path / "secret").write_text("himitsu\n")
    return read(
        home=tmp_path / "home",
        smtp=f"127.0.0.1:{receiver.port}",
        public_url="https://sekisho.example.lg.jp",
    )


def yaml_for(receiver: Receiver, folder: Path, more: str = "") -> str:
    where = (
        f'kind: webhook, url: "http://127.0.0.1:{receiver.port}/hook?k=t-key", secret_file: "{folder}/secret"'
        if receiver.kind == "http"
        else 'kind: mail, to: ["csirt@city.example.lg.jp"], digest_seconds: 1'
    )
    return f"channels:\n  - {{name: csirt, {where}{more}}}\n"


def alert(number: int, rule: str = "A-03", drill: str = "") -> Alert:
    return Alert(
        f"a-{rule[-2:]}{drill}{number}", RULES[rule], Key(rule, "100123", "2026-11-24", drill), AT, number, 3
    )


async def write(ledger: Ledger, *alerts: Alert) -> None:
    for one in alerts:
        await ledger.append(one.draft())


def following(ledger: Ledger, book: CursorBook, settings: Settings, yaml: str) -> "asyncio.Task[Any]":
    (channel,) = parse(yaml).channels
    sink = ChannelSink(channel, opened(channel, settings), settings.public_url)
    follower = Follower(
        channel.follower, ledger.address, book, sink,
        wanted=channel.takes, from_first=True, every=0.02, longest=0.1,
    )  # fmt: skip
    return asyncio.create_task(follower.keep())


def ids(receiver: Receiver) -> list[str]:
    """The alerts that arrived, as often as they did."""
    if receiver.kind == "http":
        return [json.loads(one["body"])["id"] for one in receiver.got]
    return [id for one in receiver.got for id in one["headers"]["X-Sekisho-Alerts"].split()]


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not what():
            await asyncio.sleep(0.02)


@pytest.mark.requirement("R52")
async def test_a_receiver_that_is_killed_and_revived_gets_every_alert(
    ledger: Ledger, book: CursorBook, settings: Settings, receiver: Receiver, tmp_path: Path
) -> None:
    task = following(ledger, book, settings, yaml_for(receiver, tmp_path))
    await write(ledger, alert(1), alert(2))
    await until(lambda: set(ids(receiver)) == {"a-031", "a-032"})
    receiver.kill()
    await write(ledger, alert(3), alert(4))
    await until(lambda: book.every()[0].trouble == "receiver_unreachable")
    began = asyncio.get_running_loop().time()
    await write(ledger, alert(5))
    assert asyncio.get_running_loop().time() - began < 2, "nothing that is recorded waits for it"
    receiver.start()
    await until(lambda: len(set(ids(receiver))) == 5)
    await until(lambda: book.every()[0].trouble is None)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert sorted(set(ids(receiver))) == [f"a-03{n}" for n in range(1, 6)]


@pytest.mark.requirement("R52")
async def test_what_a_receiver_refuses_is_said_and_is_not_lost(
    ledger: Ledger, book: CursorBook, settings: Settings, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answer("403" if receiver.kind == "http" else "451 not now")
    task = following(ledger, book, settings, yaml_for(receiver, tmp_path))
    await write(ledger, alert(1))
    code = "receiver_answered_403" if receiver.kind == "http" else "receiver_answered_451"
    await until(lambda: bool(book.every()) and book.every()[0].trouble == code)
    receiver.answer(None)
    await until(lambda: ids(receiver) == ["a-031"])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.requirement("R52")
async def test_a_failure_half_way_repeats_nothing_in_the_same_process(
    ledger: Ledger, settings: Settings, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a hundred letters that come together the first half arrives, then the receiver dies."""
    (channel,) = parse(yaml_for(receiver, tmp_path)).channels
    carrier = opened(channel, settings)
    monkeypatch.setattr(webhooks, "_PAUSE", 0.01)
    letters = [letter_of(alert(n).draft().body, False, None) for n in range(2 * MOST)]
    brought: list[str] = []

    def half(letter: Any) -> None:
        brought.append(letter.id)
        if len(brought) == MOST:
            receiver.kill()

    with pytest.raises(NotTaken, match="receiver_unreachable"):
        await carrier.bring(letters, half)
    assert len(brought) == MOST and len(ids(receiver)) == MOST
    receiver.start()
    await carrier.bring([one for one in letters if one.id not in brought], lambda one: None)
    assert sorted(ids(receiver)) == sorted(one.id for one in letters)


@pytest.mark.requirement("R52")
async def test_a_letter_names_nobody_unless_the_channel_may_and_holds_no_text(
    ledger: Ledger, book: CursorBook, settings: Settings, receiver: Receiver, tmp_path: Path
) -> None:
    for more, names in (("", False), (", with_person: true", True)):
        receiver.file.unlink(missing_ok=True)
        (channel,) = parse(yaml_for(receiver, tmp_path, more)).channels
        letter = letter_of(alert(7).draft().body, channel.form.with_person, settings.public_url)
        await opened(channel, settings).bring([letter], lambda one: None)
        (got,) = receiver.got
        assert ("100123" in json.dumps(got, ensure_ascii=False)) is names
        assert "断られた要求の繰り返し" in got["body"] and "/audit/v1/alerts/a-037" in got["body"]
        assert "exchanges" not in got["body"]


@pytest.mark.requirement("R52")
async def test_a_channel_takes_what_is_urgent_enough_and_drills_where_it_wants_them(
    ledger: Ledger, book: CursorBook, settings: Settings, receiver: Receiver, tmp_path: Path
) -> None:
    more = ", severity: high, drills: false"
    task = following(ledger, book, settings, yaml_for(receiver, tmp_path, more))
    await write(ledger, alert(1, "A-03"), alert(2, "A-01"), alert(3, "A-02", "D-1"), alert(4, "A-02"))
    await until(lambda: len(ids(receiver)) == 2)
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert sorted(ids(receiver)) == ["a-012", "a-024"]


@pytest.mark.requirement("R52", "R59")
async def test_a_drill_and_a_trial_say_so_first(
    settings: Settings, receiver: Receiver, tmp_path: Path
) -> None:
    (channel,) = parse(yaml_for(receiver, tmp_path)).channels
    letters = [letter_of(alert(1, "A-02", "D-1").draft().body, False, None), trial(AT, None)]
    for letter, mark in zip(letters, ("【訓練】", "【試験】"), strict=True):
        await opened(channel, settings).bring([letter], lambda one: None)
        got = receiver.got[-1]
        if receiver.kind == "smtp":
            assert got["headers"]["Subject"].startswith(f"関所の警報{mark}")
        else:
            body = json.loads(got["body"])
            assert (body["is_drill"], body["is_trial"]) == (mark == "【訓練】", mark == "【試験】")


@pytest.mark.parametrize("receiver", ["http"], indirect=True)
async def test_a_receiver_can_prove_that_a_letter_is_ours(
    settings: Settings, receiver: Receiver, tmp_path: Path
) -> None:
    (channel,) = parse(yaml_for(receiver, tmp_path)).channels
    await opened(channel, settings).bring([letter_of(alert(1).draft().body, False, None)], lambda one: None)
    (got,) = receiver.got
    moment = got["headers"]["X-Sekisho-Timestamp"]
    signed = hmac.new(b"himitsu", f"v1:{moment}:{got['body']}".encode(), sha256).hexdigest()
    assert got["headers"]["X-Sekisho-Signature"] == f"v1={signed}"
    assert abs(int(moment) - datetime.now(UTC).timestamp()) < 60
    assert got["headers"]["X-Sekisho-Alert"] == "a-031" and got["path"] == "/hook?k=t-key"


@pytest.mark.parametrize("receiver", ["http"], indirect=True)
async def test_a_redirect_is_not_followed_and_no_proxy_is_asked(
    settings: Settings, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    (channel,) = parse(yaml_for(receiver, tmp_path)).channels
    carrier = opened(channel, settings)
    letter = letter_of(alert(1).draft().body, False, None)
    receiver.answer("307")
    with pytest.raises(NotTaken) as told:
        await carrier.bring([letter], lambda one: None)
    assert told.value.trouble == "receiver_answered_307" and receiver.got == []
    receiver.answer(None)
    await carrier.bring([letter], lambda one: None)


@pytest.mark.parametrize("receiver", ["smtp"], indirect=True)
async def test_several_alerts_are_one_mail_in_japanese_the_most_urgent_first(
    ledger: Ledger, book: CursorBook, settings: Settings, receiver: Receiver, tmp_path: Path
) -> None:
    await write(ledger, alert(1, "A-03"), alert(2, "A-02"), alert(3, "A-01"))
    task = following(ledger, book, settings, yaml_for(receiver, tmp_path))
    await until(lambda: len(receiver.got) == 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    (mail,) = receiver.got
    assert (
        mail["headers"]["Subject"] == "関所の警報【緊急】A-02 個人番号・住民票コードの入力の繰り返し ほか2件"
    )
    assert mail["headers"]["X-Sekisho-Alerts"] == "a-022 a-013 a-031"
    assert mail["headers"]["Auto-Submitted"] == "auto-generated"
    order = [mail["body"].index(word) for word in ("A-02", "A-01", "A-03")]
    assert order == sorted(order) and "2026-11-24 12:00:00 JST" in mail["body"]
    assert "sekisho audit alerts show a-022" in mail["body"]


@pytest.mark.parametrize("receiver", ["smtp"], indirect=True)
async def test_a_mailbox_that_is_refused_keeps_it_from_no_other(
    settings: Settings, receiver: Receiver, tmp_path: Path
) -> None:
    def yaml(*to: str) -> str:
        return f"channels:\n  - {{name: m, kind: mail, to: {json.dumps(to)}}}\n"

    letter = letter_of(alert(1).draft().body, False, None)
    (both,) = parse(yaml("nobody@city.example.lg.jp", "csirt@city.example.lg.jp")).channels
    await opened(both, settings).bring([letter], lambda one: None)
    assert len(receiver.got) == 1
    (none,) = parse(yaml("nobody@city.example.lg.jp")).channels
    with pytest.raises(NotTaken) as told:
        await opened(none, settings).bring([letter], lambda one: None)
    assert told.value.trouble == "receiver_refused"


def test_the_same_letters_are_the_same_mail() -> None:
    letters = [letter_of(alert(n).draft().body, False, None) for n in (1, 2)]
    mails = [mail_of(letters, ["a@b.jp"], "s@b.jp") for _ in range(2)]
    assert mails[0]["Message-ID"] == mails[1]["Message-ID"]
    assert mail_of(letters[:1], ["a@b.jp"], "s@b.jp")["Message-ID"] != mails[0]["Message-ID"]
