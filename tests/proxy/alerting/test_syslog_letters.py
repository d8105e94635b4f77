"""Alerts by syslog over TLS, read by a receiver that holds to the RFCs: killed, revived, and one that is not trusted."""

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from audit.address import Address
from audit.ledger import Ledger
from policies.complaints import PolicyError
from proxy.alerting.duties import opened
from proxy.alerting.letters import trial
from proxy.alerting.terms import parse
from proxy.followers import NotTaken
from proxy.office.cursors import CursorBook
from proxy.office.store import Office
from proxy.settings import BadSettings, Settings, read
from tests.audit.exports.syslog_reader import Message
from tests.audit.exports.syslog_reader import read as read_message
from tests.proxy.alerting.test_channels import AT, alert, following, until, write
from tests.proxy.outlets.certificates import Papers, papers
from tests.proxy.outlets.receivers import Receiver
from tests.stories.served import free_port

pytestmark = pytest.mark.anyio


@pytest.fixture
def own(tmp_path: Path) -> Papers:
    return papers(tmp_path / "papers")


@pytest.fixture
def receiver(tmp_path: Path, own: Papers) -> Iterator[Receiver]:
    receiver = Receiver("syslog", free_port(), own, tmp_path / "received")
    receiver.revive()
    yield receiver
    receiver.kill()


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


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read(home=tmp_path / "home", public_url="https://sekisho.example.lg.jp")


def yaml_for(receiver: Receiver, own: Papers, more: str = "") -> str:
    where = f"host: 127.0.0.1, port: {receiver.port}, ca: '{own.ca}', certificate: '{own.client}', key: '{own.client_key}'"
    return f"channels:\n  - {{name: siem, kind: syslog, {where}{more}}}\n"


def got(receiver: Receiver) -> list[Message]:
    return [read_message(base64.b64decode(line)) for line in receiver.lines() if line != b"!"]


def ids(receiver: Receiver) -> list[str]:
    return [one.data["sekisho@32473"]["alert"] for one in got(receiver)]


@pytest.mark.requirement("R52")
async def test_a_syslog_server_that_is_killed_and_revived_gets_every_alert(
    ledger: Ledger, book: CursorBook, settings: Settings, receiver: Receiver, own: Papers
) -> None:
    task = following(ledger, book, settings, yaml_for(receiver, own))
    await write(ledger, alert(1), alert(2, drill="d-1"))
    await until(lambda: set(ids(receiver)) == {"a-031", "a-03d-12"})
    receiver.kill()
    await write(ledger, alert(3), alert(4))
    await until(lambda: bool(book.every()) and book.every()[0].trouble is not None)
    receiver.revive()
    await until(lambda: set(ids(receiver)) == {"a-031", "a-03d-12", "a-033", "a-034"})
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    first, drill = got(receiver)[:2]
    told = json.loads(first.text)
    assert (told["id"], told["rule"], told["subject"]) == ("a-031", "A-03", None), (
        "and whom it is about is not told"
    )
    assert first.data["sekisho@32473"] == {
        "alert": "a-031",
        "rule": "A-03",
        "severity": "medium",
        "count": "1",
    }
    assert drill.data["sekisho@32473"]["drill"] == "1" and json.loads(drill.text)["is_drill"]
    assert (first.facility, first.severity, first.id) == (14, 4, "A-03")


@pytest.mark.requirement("R52")
async def test_a_server_that_nobody_vouches_for_gets_no_alert(
    tmp_path: Path, settings: Settings, receiver: Receiver
) -> None:
    strangers = papers(tmp_path / "strangers")
    (channel,) = parse(yaml_for(receiver, strangers)).channels
    trouble = "receiver_unreachable"
    async with asyncio.timeout(30):
        while trouble == "receiver_unreachable":  # until it listens
            with pytest.raises(NotTaken) as refused:
                await opened(channel, settings).bring([trial(AT, None)], lambda letter: None)
            trouble = refused.value.trouble
    assert trouble == "receiver_not_trusted" and got(receiver) == []


def test_what_is_wrong_with_a_syslog_channel_is_said_where_it_stands(
    tmp_path: Path, settings: Settings, receiver: Receiver, own: Papers
) -> None:
    wrong = yaml_for(receiver, own, ", facility: nowhere")
    with pytest.raises(PolicyError) as error:
        parse(wrong, "alerts.yaml")
    assert "alerts.yaml:2" in str(error.value) and "facility" in str(error.value)
    (channel,) = parse(yaml_for(receiver, own).replace(str(own.ca), str(tmp_path / "none.pem"))).channels
    with pytest.raises(BadSettings, match=r"siem.*none\.pem.*読めません"):
        opened(channel, settings)
