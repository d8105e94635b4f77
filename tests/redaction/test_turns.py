"""Who has had least goes first: a long piece of work never holds up a short one."""

import threading
import time

import pytest

from redaction.turns import NoRoom, Turns


def work(name, steps, seconds, done):
    """So many steps of so much CPU time each."""
    for _ in range(steps):
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass
        yield
    done.append(name)
    return name


def test_short_work_that_comes_later_is_done_first():
    turns, done, begun = Turns(1, 9), [], threading.Event()

    def long():
        begun.set()
        return (yield from work("long", 40, 0.005, done))

    first = turns.take(long)
    begun.wait(5)
    others = [turns.take(lambda: work("short", 6, 0.0005, done)) for _ in range(3)]

    assert [other.result(5) for other in others] == ["short"] * 3
    assert not first.done()
    assert first.result(10) == "long"
    turns.close()


def test_work_of_many_small_steps_is_not_held_up_by_work_of_few_large_ones():
    turns, done, gate = Turns(1, 9), [], threading.Event()

    def waiting():
        gate.wait(5)
        return (yield from work("gate", 1, 0.0, done))

    turns.take(waiting)
    large = turns.take(lambda: work("large", 10, 0.01, done))
    small = turns.take(lambda: work("small", 20, 0.0001, done))
    gate.set()
    small.result(5)
    large.result(5)
    turns.close()

    assert done.index("small") < done.index("large")


def test_what_finds_no_place_is_refused_and_places_come_free():
    turns = Turns(1, 1)
    gate = threading.Event()

    def waiting():
        gate.wait(5)
        yield

    held = turns.take(waiting)
    with pytest.raises(NoRoom):
        turns.take(waiting)
    gate.set()
    held.result(5)
    for _ in range(100):
        try:
            turns.take(lambda: work("next", 1, 0.0, [])).result(5)
            break
        except NoRoom:
            time.sleep(0.01)
    else:
        pytest.fail("no place came free")
    turns.close()


def test_what_goes_wrong_in_one_piece_of_work_reaches_who_asked_and_nobody_else():
    turns = Turns(1, 9)

    def broken():
        yield
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        turns.take(broken).result(5)
    assert turns.take(lambda: work("next", 2, 0.0, [])).result(5) == "next"
    turns.close()
