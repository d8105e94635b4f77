"""The machine's clock: what the kernel says of it, and when somebody set it (R57)."""

import ctypes
import sys
from datetime import UTC, datetime, timedelta

import pytest

from audit import clock
from audit.clock import UNKNOWN, Clock, Steps, told
from audit.notes import FIRST, Note, read_text

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.requirement("R57")
def test_the_state_of_this_machines_clock_fits_into_a_note() -> None:
    state = clock.state()
    assert state.word in {"synchronized", "unsynchronized", "unknown"}
    assert state.max_error_seconds >= 0
    note = Note(1, "2026-11-23T12:00:00.000000Z", FIRST, (), state)
    assert read_text(note.text()).clock == state


def test_on_linux_the_kernel_is_understood() -> None:
    """The kernel's own answer, read at the very places where we look for it (adjtimex(2))."""
    if not sys.platform.startswith("linux") or ctypes.sizeof(ctypes.c_long) != 8:
        assert clock.state() == UNKNOWN
        return
    room = (ctypes.c_long * 40)()
    said = ctypes.CDLL(None).adjtimex(ctypes.byref(room))
    if said < 0:
        assert clock.state() == UNKNOWN
        return
    offset, max_error, status = room[1], room[3], room[5] & 0xFFFFFFFF
    assert clock.state().word == told(said, status, offset, max_error).word
    assert (
        900_000 <= room[11] * 100 <= 1_100_000
    )  # tick: the field behind the time, about 10,000 microseconds


@pytest.mark.requirement("R57")
@pytest.mark.parametrize(
    "said, status, offset, max_error, state",
    [
        (0, 0x2001, -12_345, 1_500, Clock("synchronized", -0.000012, 0.0015)),  # nanoseconds
        (0, 0x0001, -12_345, 1_500, Clock("synchronized", -0.012345, 0.0015)),  # microseconds
        (0, 0x2001, -100, 16_000_000, Clock("synchronized", 0.0, 16.0)),
        (1, 0x2001, 0, 500, Clock("synchronized", 0.0, 0.0005)),  # a leap second is announced
        (0, 0x2041, 5, 16_000_000, Clock("unsynchronized")),
        (5, 0x2000, 5, 500, Clock("unsynchronized")),
        (-1, 0, 0, 0, UNKNOWN),
    ],
)
def test_what_the_kernel_says(said: int, status: int, offset: int, max_error: int, state: Clock) -> None:
    assert told(said, status, offset, max_error) == state


def test_a_clock_that_cannot_be_asked_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "plan9")
    assert clock.state() == UNKNOWN


@pytest.mark.requirement("R57")
def test_a_clock_that_was_set_is_noticed_once() -> None:
    steps = Steps()
    assert steps.seen(NOON, 1000.0) is None
    assert steps.seen(NOON + timedelta(seconds=60), 1060.0) is None
    assert steps.seen(NOON + timedelta(seconds=120 - 3600), 1120.0) == -3600.0
    assert steps.seen(NOON + timedelta(seconds=180 - 3600), 1180.0) is None
    assert steps.seen(NOON + timedelta(seconds=240), 1240.0) == 3600.0


def test_small_steps_add_up() -> None:
    """Nobody turns the clock back by half a second at a time."""
    steps = Steps()
    seen = [steps.seen(NOON + timedelta(seconds=n * 9.5), n * 10.0) for n in range(7)]
    assert seen == [None, None, None, -1.5, None, None, -1.5]


def test_a_difference_within_the_threshold_is_no_step() -> None:
    steps = Steps(threshold=5.0)
    steps.seen(NOON, 0.0)
    assert steps.seen(NOON + timedelta(seconds=15), 10.0) is None
    assert steps.seen(NOON + timedelta(seconds=26.5), 20.0) == 6.5


def test_time_goes_on_and_only_forward() -> None:
    one, two = clock.elapsed(), clock.elapsed()
    assert 0 <= one <= two
    assert Steps().seen(datetime.now(UTC), one) is None
