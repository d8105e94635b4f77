"""The machine's clock: how far it may be trusted, and when it was set.

`state` asks the kernel what the time service (chrony, ntpd, systemd-timesyncd) has told it, through
adjtimex(2), which anybody may read. `Steps` compares the wall clock with one that nobody can set.

It never sets the clock, never asks a time server, and never fails: where nothing can be known, it says so.
"""

import ctypes
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Word = Literal["synchronized", "unsynchronized", "unknown"]


@dataclass(frozen=True, slots=True)
class Clock:
    """What the kernel says of its clock. The figures mean something only when it is synchronized.

    offset_seconds     how far the time service believes the clock to be off, to six decimals
    max_error_seconds  further off than this it cannot be, to six decimals
    """

    word: Word
    offset_seconds: float = 0.0
    max_error_seconds: float = 0.0


UNKNOWN = Clock("unknown")
"""Not Linux, not permitted, or a layout we do not know."""

# ── the kernel's word ────────────────────────────────────────────────────────────────────────────

STA_UNSYNC = 0x0040
"""Nobody is keeping this clock (linux/timex.h)."""
STA_NANO = 0x2000
"""The offset is in nanoseconds, else in microseconds."""
TIME_ERROR = 5
"""What the call returns for a clock that is not synchronized."""


class _Timex(ctypes.Structure):
    """``struct timex`` of a 64-bit Linux (adjtimex(2)); the kernel's last fields are only room for us."""

    _fields_ = (
        ("modes", ctypes.c_uint),  # 0: only read
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),  # microseconds, always
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 32),
    )


def state() -> Clock:
    """The state of this machine's clock now."""
    if not sys.platform.startswith("linux") or ctypes.sizeof(ctypes.c_long) != 8:
        return UNKNOWN
    answer = _Timex()
    try:
        said = ctypes.CDLL(None).adjtimex(ctypes.byref(answer))
    except (OSError, AttributeError):
        return UNKNOWN
    return told(said, answer.status, answer.offset, answer.maxerror)


def told(said: int, status: int, offset: int, max_error: int) -> Clock:
    """What the kernel's answer means. ``said`` is what the call returned: -1 where it is not permitted."""
    if said < 0:
        return UNKNOWN
    if said == TIME_ERROR or status & STA_UNSYNC:
        return Clock("unsynchronized")
    unit = 1e9 if status & STA_NANO else 1e6
    return Clock("synchronized", round(offset / unit, 6) + 0.0, round(max_error / 1e6, 6))


# ── steps ────────────────────────────────────────────────────────────────────────────────────────


def elapsed() -> float:
    """Seconds since some moment, on a clock that nobody can set; it goes on while the machine sleeps.

    Where the system has no such clock (not Linux), a sleep looks like a step of the wall clock.
    """
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


class Steps:
    """Notices when the wall clock was set. Used by one thread; it remembers one number.

    A time service that corrects slowly changes both clocks alike and is no step. Small steps add up
    until they pass the threshold, so that nobody can turn the clock back by half a second at a time.
    """

    def __init__(self, threshold: float = 1.0) -> None:
        self._threshold = threshold
        self._ahead: float | None = None  # wall clock less elapsed, when it was last in order

    def seen(self, wall: datetime, passed: float) -> float | None:
        """By how many seconds the wall clock was set since the last step; None when it was not.

        wall    what the wall clock shows
        passed  what `elapsed` says at that same moment
        """
        ahead = wall.timestamp() - passed
        before = ahead if self._ahead is None else self._ahead
        stepped = abs(ahead - before) > self._threshold
        self._ahead = ahead if stepped else before
        return round(ahead - before, 6) if stepped else None
