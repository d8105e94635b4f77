"""The detector is bounded, honest about what it could not do, and linear."""

import asyncio
import functools
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from redaction.allowed import AllowList
from redaction.detector import Detector
from redaction.memory import Memory
from redaction.model import CannotDetect
from redaction.search import Search
from redaction.turns import Turns

SECRET = "山田太郎"
TEXT = f"昨日、{SECRET}様から電話（090-1234-5678）がありました。"


def told(story):
    """An async test, run to its end on a loop of its own."""

    @functools.wraps(story)
    def test(*args, **kwargs):
        asyncio.run(story(*args, **kwargs))

    return test


def _searching(detector, search=None, **bounds):
    """A loaded detector with bounds of its own; shares the engine, which is dear to load."""
    copy = Detector(**{"workers": 1, "queue": 1, "timeout": 5.0} | bounds)
    copy._search = SimpleNamespace(steps=search) if callable(search) else search or detector._search
    copy._turns = Turns(copy._workers, copy._places)
    return copy


@told
async def test_findings_count_code_points_of_the_text_as_received(detector):
    text = "😀ﾔﾏﾀﾞ\u200b ﾀﾛｳ様"

    ((finding,),) = await detector.find([text])

    assert text[finding.start : finding.end] == "ﾔﾏﾀﾞ\u200b ﾀﾛｳ"


@told
async def test_every_text_gets_its_own_answer_in_order(detector):
    found = await detector.find([TEXT, "", "予算案について", TEXT])

    assert [len(findings) for findings in found] == [2, 0, 0, 2]


@told
async def test_before_it_is_loaded_nothing_is_found_and_that_is_an_error():
    with pytest.raises(CannotDetect) as caught:
        await Detector().find([TEXT])
    assert caught.value.reason == "detector_loading"
    with pytest.raises(CannotDetect):
        Detector().find_now([TEXT])


@told
async def test_a_full_queue_is_refused_at_once_and_frees_itself(detector):
    gate = threading.Event()

    def slowly(texts, strict):
        gate.wait(5)
        yield
        return [()]

    slow = _searching(detector, slowly)
    waiting = [asyncio.ensure_future(slow.find([TEXT])) for _ in range(2)]
    await asyncio.sleep(0.05)
    with pytest.raises(CannotDetect) as caught:
        await slow.find([TEXT])
    gate.set()

    assert caught.value.reason == "detector_busy"
    assert await asyncio.gather(*waiting) == [[()], [()]]
    assert await slow.find([TEXT]) == [()]
    slow.close()


def _endless(stopped):
    def endless(texts, strict):
        try:
            while True:
                time.sleep(0.01)
                yield
        finally:
            stopped.set()

    return endless


@told
async def test_a_slow_search_is_given_up_and_frees_its_place(detector):
    stopped = threading.Event()
    slow = _searching(detector, _endless(stopped), timeout=0.2, queue=0)

    with pytest.raises(CannotDetect) as caught:
        await slow.find([TEXT])

    assert caught.value.reason == "detector_timeout"
    assert await asyncio.to_thread(stopped.wait, 2)
    slow._search = detector._search
    slow._timeout = 20.0
    assert len((await slow.find([TEXT]))[0]) == 2
    slow.close()


@told
async def test_a_cancelled_request_stops_the_search(detector):
    stopped = threading.Event()
    slow = _searching(detector, _endless(stopped))
    task = asyncio.ensure_future(slow.find([TEXT]))
    await asyncio.sleep(0.1)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(stopped.wait, 2)
    slow.close()


@told
async def test_a_broken_search_says_so_without_quoting_the_text(detector):
    def fail(texts, strict):
        yield
        raise ValueError(f"cannot read {texts[0]}")

    broken = _searching(detector, fail)
    with pytest.raises(CannotDetect) as caught:
        await broken.find([TEXT])

    error = caught.value
    assert error.reason == "detector_broken"
    assert "ValueError" in str(error.__cause__)
    assert error.__context__ is None or error.__context__ is error.__cause__
    assert SECRET not in f"{error!r} {error.__cause__!r} {error.__cause__.__context__!r}"
    broken.close()


@told
async def test_a_short_request_does_not_wait_for_a_long_one(detector):
    """Counted in turns, not in seconds: when the short one has been searched, the long one has only begun."""
    turns, ended = 0, {}
    begun, arrived = threading.Event(), threading.Event()

    def counting(texts, strict):
        nonlocal turns
        steps = detector._search.steps(texts, strict)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                ended[len(texts[0])] = turns
                return end.value
            turns += 1
            if turns == 3:
                begun.set()
                assert arrived.wait(60)
            yield

    one = _searching(detector, counting, workers=1, queue=9)
    long = asyncio.ensure_future(one.find(["市民の皆様のご理解をお願いします。\n" * 6_000]))
    assert await asyncio.to_thread(begun.wait, 60)
    short = asyncio.ensure_future(one.find([TEXT]))
    await asyncio.sleep(0.05)  # it stands in the queue
    arrived.set()
    assert len((await short)[0]) == 2
    assert ended[len(TEXT)] - 3 <= 8  # the short one's own few, and at most one of the long one's between
    assert not long.done()
    long.cancel()
    one.close()


@told
async def test_a_conversation_costs_only_its_new_turn(detector):
    searched = []
    memory = Memory()

    class Counting:
        def analyze(self, text, **given):
            searched.append(text)
            return detector._search._analyzer.analyze(text, **given)

    search = Search(Counting(), detector._search._engine, AllowList(()), memory)
    talk = _searching(detector, search)
    first = await talk.find([TEXT, "はい。"])
    again = await talk.find([TEXT, "はい。", "続きをお願いします。"])

    assert [text[:3] for text in searched] == ["昨日、", "はい。", "続きを"]
    assert again[:2] == first
    talk.close()


@told
async def test_a_text_with_a_my_number_is_not_remembered_in_any_form(detector):
    memory = Memory()
    search = Search(detector._search._analyzer, detector._search._engine, AllowList(()), memory)
    talk = _searching(detector, search)
    await talk.find(["マイナンバーは123456789018です", "住民票コードは12345678901です"])
    assert len(memory) == 0
    await talk.find([TEXT])
    assert len(memory) == 1 and SECRET not in repr(memory._known)
    talk.close()


@told
async def test_the_event_loop_goes_on_while_a_long_text_is_searched(detector):
    text = (TEXT + "市民の皆様のご理解をお願いします。\n") * 1_000
    longest = 0.0
    task = asyncio.ensure_future(detector.find([text]))
    while not task.done():
        begin = time.perf_counter()
        await asyncio.sleep(0.001)
        longest = max(longest, time.perf_counter() - begin)

    assert len((await task)[0]) == 2_000
    assert longest < 0.25  # generous: other work shares this machine; blocked, it would be seconds


def test_a_hundred_thousand_characters_take_linear_time(detector):
    line = "昨日、市民税課の東係長に電話しました。住所は高槻市芥川町1-2-3、電話は072-000-1111です。\n"

    def seconds(size):
        text = line * (size // len(line))
        begin = time.process_time()
        detector.find_now([text])
        return time.process_time() - begin

    seconds(3_000)
    assert seconds(100_000) < 7 * seconds(20_000) + 0.1


@pytest.mark.parametrize("cell", ["東 翔空,高槻市天神町1-2-3", "佐藤 健一,茨木市駅前2-3-4"])
def test_a_heading_reaches_the_last_row_of_a_long_table(detector, cell):
    text = "氏名,住所\n" + f"{cell}\n" * 600

    found = detector.find_now([text])[0]

    assert [finding.label for finding in found] == ["PERSON", "JP_ADDRESS"] * 600


def test_a_name_over_the_edge_of_a_window_is_found_whole(detector):
    from redaction.windows import WINDOW

    for shift in range(-4, 5):
        text = "あ" * (WINDOW - 6 + shift) + "、山田太郎様です"
        values = [text[f.start : f.end] for f in detector.find_now([text])[0]]
        assert values[-1:] == [SECRET]


@pytest.mark.parametrize(
    "text",
    ["\ud800" * 50, "\x00\x01\x1f山田太郎様", "\u202e山田太郎様", "a" * 20_000, "1" * 20_000, "-" * 20_000,
     "山" * 20_000, "A-" * 10_000, "::" * 10_000,
     "@a." * 8_000, "氏名:" * 5_000, "(" * 20_000, "0 " * 10_000],
)  # fmt: skip
def test_hostile_text_gets_an_answer(detector, text):
    begin = time.process_time()
    (found,) = detector.find_now([text])

    assert time.process_time() - begin < 8
    assert (SECRET in text) == any(text[f.start : f.end] == SECRET for f in found)


def test_what_is_allowed_is_not_found_and_everything_else_is(detector):
    search = detector._search
    allowing = Detector()
    allowing._search = Search(search._analyzer, search._engine, AllowList(["072-674-7111"]), Memory())

    (found,) = allowing.find_now(["代表は０７２（６７４）７１１１、直通は072-674-7112。"])

    assert [(f.label, f.start) for f in found] == [("PHONE_NUMBER", 19)]


def test_a_finding_shows_no_text(detector):
    assert SECRET not in repr(detector.find_now([TEXT]))


def test_loading_and_finding_touch_no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the detector must not use the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    fresh = Detector()
    fresh.load()

    assert fresh.ready
    assert len(fresh.find_now([TEXT + "a@example.jp"])[0]) == 3
    fresh.close()
    assert not fresh.ready
