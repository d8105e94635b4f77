"""Sound cannot be masked: it goes to a model of the house's own and to no other, and nothing of it is kept.

The official client sends it. The sound of these stories is text, and the model hears what it says.
"""

import hashlib
from pathlib import Path
from typing import Any

import openai
import pytest

TEXT = "担当は山田太郎さん、電話は090-1234-5678です。次の会議は十日後です。"
VALUES = ("山田太郎", "090-1234-5678")
FILE = ("山田太郎との面談.mp3", TEXT.encode())


@pytest.fixture(scope="module")
def house(open_house: Any) -> Any:
    return open_house(
        models=[
            {"name": "own", "destination": "D1"},
            {"name": "cut-3", "destination": "D1"},
            {"name": "error", "destination": "D1", "fallback": ["cloud"]},
            {"name": "cloud", "destination": "D2"},
        ],
        policy="mask-only",
        unknown_fields="refuse",
    )


@pytest.fixture
def transcribe(scene: Any) -> Any:
    return scene.checkpoint.client().audio.transcriptions.create


def left_as_it_is(scene: Any) -> None:
    """The record says that sound left as it was and what was found in its text; it keeps neither."""
    asked, answered = scene.records()
    assert (asked["kind"], answered["kind"]) == ("asked", "answered")
    assert (asked["body"]["destination"], asked["body"]["entities"]["ATTACHMENT"]) == ("D1", 1)
    ending = answered["body"]
    assert ending["egress_state"] == "unmasked"
    assert ending["output_pii"] == {"PERSON": 1, "PHONE_NUMBER": 1} and ending["output_masked"] == {}
    assert TEXT.encode() in scene.received and "面談" not in scene.received.decode()
    nothing_kept(scene)
    assert scene.checkpoint.verify()["ok"]


def nothing_kept(scene: Any) -> None:
    for file in (path for path in Path(scene.checkpoint.dir).rglob("*") if path.is_file()):
        content = file.read_bytes()
        assert not any(value.encode() in content for value in (*VALUES, "次の会議", "面談")), file.name


def test_a_recording_is_written_down_by_a_model_of_the_house(scene: Any, transcribe: Any) -> None:
    reply = transcribe(model="own", file=FILE)
    assert reply.text == TEXT and reply.usage.total_tokens == 18
    assert scene.records("answered")[0]["body"]["tokens"] == {
        "input": 11,
        "output": 7,
        "tokens_estimated": False,
    }
    left_as_it_is(scene)


def test_a_transcript_comes_as_bare_text_where_that_was_asked_for(scene: Any, transcribe: Any) -> None:
    assert transcribe(model="own", file=FILE, response_format="text") == TEXT
    left_as_it_is(scene)


def test_a_transcript_comes_with_its_segments_and_times(scene: Any, transcribe: Any) -> None:
    reply = transcribe(
        model="own",
        file=FILE,
        response_format="verbose_json",
        language="ja",
        temperature=0.2,
        timestamp_granularities=["segment"],
    )
    assert (reply.text, reply.language, reply.duration) == (TEXT, "japanese", 2.5)
    assert [(part.start, part.end, part.text) for part in reply.segments] == [(0.0, 2.5, TEXT)]
    left_as_it_is(scene)


def test_a_transcript_is_streamed_as_it_is_heard(scene: Any, transcribe: Any) -> None:
    events = list(transcribe(model="cut-3", file=FILE, stream=True))
    *heard, done = events
    assert "".join(event.delta for event in heard) == done.text == TEXT and len(heard) > 5
    assert done.usage.total_tokens == 18
    left_as_it_is(scene)


def test_names_in_the_prompt_beside_a_recording_are_masked(scene: Any, transcribe: Any) -> None:
    assert transcribe(model="own", file=("a.wav", b"sound"), prompt="出席者は鈴木花子").text == "sound"
    assert "鈴木" not in scene.received.decode()
    assert scene.records("answered")[0]["body"]["egress_state"] == "partly_unmasked"
    assert scene.checkpoint.verify()["ok"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_recording_is_not_sent_out_of_the_house(scene: Any, transcribe: Any, stream: bool) -> None:
    with pytest.raises(openai.PermissionDeniedError) as refused:
        transcribe(model="cloud", file=FILE, stream=stream)
    error = refused.value.body
    assert error["code"] == "sound_needs_closed_network" and "録音は伏せ字にできない" in error["message"]
    scene.refused("sound_needs_closed_network")
    nothing_kept(scene)


def test_a_recording_is_not_sent_out_of_the_house_where_its_own_model_fails(
    scene: Any, transcribe: Any
) -> None:
    with pytest.raises(openai.InternalServerError):
        transcribe(model="error", file=FILE)
    assert scene.records("asked")[0]["body"]["models_in_place"] == []
    assert scene.received.count(b"POST ") == 1


def test_the_digest_of_a_recording_is_kept(scene: Any, transcribe: Any, sekisho: Any) -> None:
    transcribe(model="own", file=FILE)
    exchange = scene.records()[0]["exchange"]
    shown = sekisho("audit", "show", exchange, "--ledger", scene.checkpoint.ledger, "--json").stdout
    assert hashlib.sha256(TEXT.encode()).hexdigest() in shown
