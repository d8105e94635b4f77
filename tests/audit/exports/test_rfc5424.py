"""Syslog as the RFCs write it, read by a reader that was written from them alone; framed by octet counting, cut anywhere."""

import json

import pytest
from hypothesis import strategies as st

from audit.exports.flat import id_of
from audit.exports.rfc5424 import FACILITIES, Sender, frame, message
from audit.model import Record
from tests.audit.exports import cefp
from tests.audit.exports.samples import ASKED, EVERY, body_of, record
from tests.audit.exports.syslog_reader import Frames, read
from tests.laws.drawing import cut, law

SENDER = Sender("sekisho.example.lg.jp")


@pytest.mark.requirement("R51")
@pytest.mark.parametrize("one", EVERY, ids=lambda one: f"{one.index}-{one.kind}")
def test_every_record_is_a_message_that_names_it_and_holds_it(one: Record) -> None:
    told = read(message(one, SENDER))
    assert (told.facility, told.app, told.host) == (FACILITIES["audit"], "sekisho", SENDER.host)
    assert told.at.isoformat() == "2026-11-23T05:21:00.123456+00:00"
    own = told.data["sekisho@32473"]
    assert own["record"] == id_of(one) and own["hash"] == one.hash and own.get("exchange") == one.exchange
    assert told.data["meta"] == {"sequenceId": str(one.index)} and told.process == one.writer
    assert json.loads(told.text)["body"] == body_of(one), "the whole record"
    assert told.id == (body_of(one)["event"] if one.kind == "noted" else one.kind)


@pytest.mark.parametrize("one", EVERY, ids=lambda one: f"{one.index}-{one.kind}")
def test_a_message_can_hold_cef(one: Record) -> None:
    told = read(message(one, SENDER, "cef"))
    assert (
        cefp.parse(told.text)["extension"]["externalId"] == id_of(one) == told.data["sekisho@32473"]["record"]
    )


def test_what_is_more_urgent_has_a_lower_number() -> None:
    assert [read(message(EVERY[n - 1], SENDER)).severity for n in (1, 5, 10, 12, 15)] == [3, 4, 2, 6, 3]


def test_a_text_is_there_only_where_it_is_given() -> None:
    assert "text" not in json.loads(read(message(EVERY[0], SENDER)).text)
    assert json.loads(read(message(EVERY[0], SENDER, "json", "[PERSON_1]様")).text)["text"] == "[PERSON_1]様"
    assert "[PERSON_1]様" not in read(message(EVERY[0], SENDER, "cef", "[PERSON_1]様")).text


@law(
    100,
    3_000,
    exchange=st.text(st.characters(codec="utf-8", exclude_characters="\0\n"), min_size=1),
    host=st.text(),
    event=st.text(),
)
def test_whatever_a_name_holds_the_message_stays_lawful(exchange: str, host: str, event: str) -> None:
    asked = read(message(record("asked", ASKED, exchange=exchange), Sender(host)))
    assert asked.data["sekisho@32473"]["exchange"] == exchange.encode("utf-8", "backslashreplace").decode()
    read(message(record("noted", {"event": event, "by": event}), Sender(host)))


@law(50, 1_000, data=st.data())
def test_frames_come_out_whole_at_every_cut(data: st.DataObject) -> None:
    messages = [message(one, SENDER) for one in EVERY]
    stream, frames = b"".join(map(frame, messages)), Frames()
    found = [whole for piece in cut(stream, data) for whole in frames.feed(piece)]
    assert found == messages and frames.half == b""
