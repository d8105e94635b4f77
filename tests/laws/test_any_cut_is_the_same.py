"""Any cut is the same: however the bytes and the texts of a stream are cut, the client gets the same answer.

Every text of it comes whole and in order, its placeholders restored, and JSON in it stays JSON.
"""

import json
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from proxy.providers.shape import shaped
from proxy.providers.sse import Events
from proxy.surfaces.responses import ResponsesRequest
from redaction.vault import Vault
from tests.laws.drawing import BEGINS_LIKE_JSON, FOREIGN, NAMES, PLACEHOLDERS, VAULT, cut, law, wide
from tests.laws.streams import ChatStream, Chunk, MessagesStream, Placed, ResponsesStream, asked, given_back

PIECES = [
    *PLACEHOLDERS,
    *map(wide, PLACEHOLDERS[:2]),
    *FOREIGN,
    *(PLACEHOLDERS[0][:end] for end in (1, 2, 8, 9, 11, 15)),
    *(PLACEHOLDERS[1][start:] for start in (1, 7, 12, 15)),
    *("[PERSON_9_abcd]", "[JP_MY_NUMBER]", "[", "]", "さん", "担当は", "\n", '"', "\n\n", "😀", "data: ", "a", "\\"),
]  # fmt: skip
HALVES = ["", *(PLACEHOLDERS[0][:end] for end in (1, 8, 15)), wide(PLACEHOLDERS[1][:9])]
SAID = st.builds(
    lambda pieces, half: "".join(pieces) + half,
    st.lists(st.sampled_from(PIECES), max_size=8),
    st.sampled_from(HALVES),
)
"""Often it ends in what may still become a placeholder: that has to come before the event that ends the text."""
IN_JSON = SAID.filter(lambda text: not BEGINS_LIKE_JSON.match(text))
VALUES = st.one_of(
    st.builds(lambda a: {"to": a}, IN_JSON),
    st.builds(lambda a, b: {"to": [a, 1, {b: True}], "n": None}, IN_JSON, IN_JSON),
    st.builds(lambda a, b: {"body": json.dumps({"to": a, "cc": [b]}, ensure_ascii=False), "b": b}, IN_JSON, IN_JSON),
)  # fmt: skip


def restored(text: str, vault: Vault = VAULT) -> str:
    """Placeholder after placeholder, from the left: nothing else changes. Written to be plainly right."""
    out, at = "", 0
    while at < len(text):
        whole = [p for p in vault.values if len(text) - at >= len(p) and is_like(text[at : at + len(p)], p)]
        out += vault.values[whole[0]] if whole else text[at]
        at += len(whole[0]) if whole else 1
    return out


def is_like(text: str, placeholder: str) -> bool:
    return all(letter in (p, wide(p)) for letter, p in zip(text, placeholder, strict=True))


def restored_in(value: Any) -> Any:
    """The same in every string of a value, also where the string is JSON."""
    if isinstance(value, dict):
        return {restored(key): restored_in(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [restored_in(inner) for inner in value]
    if isinstance(value, str) and BEGINS_LIKE_JSON.match(value):
        return json.dumps(restored_in(json.loads(value)), ensure_ascii=False)
    return restored(value) if isinstance(value, str) else value


STREAMS = st.sampled_from([ChatStream, ResponsesStream, MessagesStream])


def one_at_a_time(tracks: list[list[Chunk]], data: st.DataObject) -> list[Chunk]:
    """The events of several texts in any order that keeps each text's own."""
    left = [track for track in tracks if track]
    order: list[Chunk] = []
    while left:
        order.append(left[data.draw(st.integers(0, len(left) - 1))].pop(0))
        left = [track for track in left if track]
    return order


def as_bytes(chunks: list[Chunk], end: str) -> bytes:
    """The stream as a server writes it."""
    written = [f"data: {json.dumps(chunk, ensure_ascii=False)}{end}{end}" for chunk in chunks]
    return "".join([f": hello{end}{end}", *written, f"data: [DONE]{end}{end}"]).encode()


def arrived(stream: Any, pieces: Iterable[bytes], vault: Vault = VAULT) -> list[Chunk]:
    """The client's chunks of an answer whose bytes come in these pieces."""
    reader = Events(10_000_000)
    datas = [data for piece in pieces for data in reader.feed(piece)] + reader.flush()
    dialect = stream.request.dialect
    chunks = [shaped(dialect, json.loads(data), stream=True) for data in datas if data != "[DONE]"]
    return given_back(stream.request, vault, chunks)


def told(
    stream: Any, texts: Placed, pieces: dict[tuple[Any, ...], list[str]], data: st.DataObject
) -> list[Chunk]:
    """The upstream's events for an answer of these texts, each in its pieces."""
    events = one_at_a_time([track.events(pieces[track.key]) for track in stream.tracks()], data)
    return list(stream.around(events, texts))


@law(20, 1_500, stream=STREAMS, data=st.data())
def test_however_an_answer_is_cut_every_text_of_it_comes_back_whole_and_in_order(
    stream: Any, data: st.DataObject
) -> None:
    values = {t.key: data.draw(VALUES if t.is_json else SAID) for t in stream.tracks()}
    texts = {
        t.key: json.dumps(values[t.key], ensure_ascii=False) if t.is_json else values[t.key]
        for t in stream.tracks()
    }
    chunks = told(stream, texts, {key: cut(text, data) for key, text in texts.items()}, data)
    came = stream.heard(arrived(stream, cut(as_bytes(chunks, "\r\n"), data, most=20)))
    for track in stream.tracks():
        heard = came.get(track.key, "")
        if track.is_json:
            assert json.loads(heard) == restored_in(values[track.key])
        else:
            assert heard == restored(texts[track.key])


@law(4, 60, stream=STREAMS, data=st.data())
def test_bytes_that_come_one_by_one_and_texts_letter_by_letter_give_the_same_as_no_cut(
    stream: Any, data: st.DataObject
) -> None:
    texts = {
        t.key: json.dumps(data.draw(VALUES), ensure_ascii=False) if t.is_json else data.draw(SAID)
        for t in stream.tracks()
    }
    whole = as_bytes(told(stream, texts, {key: [text] for key, text in texts.items()}, data), "\n")
    letters = as_bytes(told(stream, texts, {key: list(text) for key, text in texts.items()}, data), "\r")
    once, bit_by_bit = (stream.heard(arrived(stream, [raw])) for raw in (whole, letters))
    assert {key: text for key, text in once.items() if text} == {
        k: text for k, text in bit_by_bit.items() if text
    }
    assert arrived(stream, [letters]) == arrived(stream, (letters[i : i + 1] for i in range(len(letters))))


def test_texts_that_came_alike_are_told_again_each_as_it_ran() -> None:
    """A thought and an answer may be one and the same JSON: only in the answer a value is escaped."""
    body = {"model": "m", "input": "x", "stream": True, "text": {"format": {"type": "json_object"}}}
    text = json.dumps({"to": PLACEHOLDERS[2]})
    texts = {**dict.fromkeys(ResponsesStream.keys, "{}"), (0, 0): text, (1, 0): text}
    events = [event for track in ResponsesStream.tracks() for event in track.events([texts[track.key]])]
    came = given_back(asked(ResponsesRequest, body), VAULT, ResponsesStream.around(events, texts))
    said = ResponsesStream.heard(came)
    assert said[0, 0] == restored(text)
    assert json.loads(said[1, 0]) == {"to": NAMES[2]}
