"""Events out of bytes: the same for every cut, whatever the line ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.providers.sse import Events

DATA = ['{"a":"山田"}', "[DONE]", "x", '{"b":"太郎さん"}']


def read(pieces: list[bytes]) -> list[str]:
    events = Events(10_000)
    found = [data for piece in pieces for data in events.feed(piece)]
    return found + events.flush()


@given(st.lists(st.sampled_from(DATA), max_size=4), st.sampled_from(["\n", "\r\n", "\r"]), st.data())
def test_any_cut_gives_the_same_events(data: list[str], end: str, draw: st.DataObject) -> None:
    raw = "".join(f": note{end}event: m{end}data: {d}{end}{end}" for d in data).encode()
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(raw)), max_size=9)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert read(pieces) == data
    assert read([raw[i : i + 1] for i in range(len(raw))]) == data


def test_data_over_several_lines_is_joined() -> None:
    assert read([b"data: a\ndata:b\n\n"]) == ["a\nb"]


def test_a_last_event_without_its_blank_line_is_read() -> None:
    assert read([b"data: a\n\ndata: [DONE]"]) == ["a", "[DONE]"]


def test_a_reply_that_never_ends_is_stopped() -> None:
    events = Events(100)
    with pytest.raises(OverflowError):
        for _ in range(20):
            events.feed(b"x" * 10)
