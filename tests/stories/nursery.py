"""Starts `sekisho` in a moment: a process that has everything imported, and is forked for each that is wanted.

A checkpoint takes four to five seconds of CPU to import its libraries and open its dictionary; the stories start some
two hundred. Each is a process of its own with its own arguments, environment, output and signals, as if it had been
started from the command line; what a cold start does is held by the stories that start the command itself
(test_the_first_five_minutes.py, test_one_exit.py). Nothing of a story is in the process that is forked: it has
imported modules, which start nothing, and closed the detector that opened the dictionary. Linux and other systems
that can fork.

    nursery = Nursery()
    process = nursery.start(["demo", "--port", "0", …], {"SEKISHO_HOME": …}, stderr=log)
    process.stdout.readline()
    process.kill(); process.wait()
    nursery.close()
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

ROOT = Path(__file__).parent.parent.parent


class Born:
    """A process that the nursery started, to be used as a `subprocess.Popen` is."""

    def __init__(self, line: socket.socket, pid: int, stdout: IO[str]) -> None:
        self._line = line
        self.pid = pid
        self.stdout = stdout
        self.returncode: int | None = None
        self._alone = threading.Lock()

    def poll(self) -> int | None:
        """Its exit status, minus the signal that ended it; None while it runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Raises `subprocess.TimeoutExpired`."""
        if self._look(timeout) is None:
            raise subprocess.TimeoutExpired(["sekisho"], timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _look(self, timeout: float | None) -> int | None:
        with self._alone:
            if self.returncode is None and select.select([self._line], [], [], timeout)[0]:
                told = self._line.recv(64)
                self._line.close()
                self.returncode = int(told or b"-9")
            return self.returncode


class Nursery:
    """The process that is forked, started at the first need of it."""

    def __init__(self) -> None:
        self._mine: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], stderr: IO[Any]) -> Born:
        """Start `sekisho` with these arguments, and this environment alone."""
        line = self._line()
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        out, into = os.pipe()
        asked = json.dumps({"arguments": list(arguments), "environment": dict(environment)}).encode()
        with there:
            socket.send_fds(line, [asked], [there.fileno(), into, stderr.fileno()])
        os.close(into)
        pid = here.recv(64)
        assert pid, "the nursery is gone"
        return Born(here, int(pid), os.fdopen(out, encoding="utf-8"))

    def close(self) -> None:
        """End it, with everything that it started."""
        if self._mine is not None and self._process is not None:
            self._mine.close()
            self._process.wait(30)

    def _line(self) -> socket.socket:
        if self._mine is None:
            self._mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                fd = theirs.fileno()
                self._process = subprocess.Popen(
                    [sys.executable, str(Path(__file__)), str(fd)],
                    cwd=ROOT,
                    pass_fds=[fd],
                    stdin=subprocess.DEVNULL,
                    env=os.environ | {"PYTHONPATH": str(ROOT)},
                )
        return self._mine


# ── in the process that is forked ────────────────────────────────────────────────────────────────


def serve(line: socket.socket) -> list[str]:
    """Fork whenever it is asked for; tell of each that ends. Returns in every child, with its arguments."""
    children: dict[int, socket.socket] = {}
    woken, waker = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        ready = select.select([line, woken], [], [])[0]
        if woken in ready:
            woken.recv(4096)
            _bury(children)
        if line in ready:
            asked, fds, _, _ = socket.recv_fds(line, 1 << 20, 3)
            if not asked:
                _end(children)
            pid = os.fork()
            if pid == 0:
                for other in (line, woken, waker, *children.values()):
                    other.close()
                return _become(json.loads(asked), fds)
            children[pid] = socket.socket(fileno=fds[0])
            os.close(fds[1])
            os.close(fds[2])
            children[pid].send(str(pid).encode())


def _become(asked: Mapping[str, Any], fds: Sequence[int]) -> list[str]:
    """The child: its own output, environment and signals, as a command has them."""
    import random

    os.close(fds[0])
    for own, fd in ((1, fds[1]), (2, fds[2])):
        os.dup2(fd, own)
        os.close(fd)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(asked["environment"])
    random.seed()
    arguments: list[str] = asked["arguments"]
    return arguments


def _bury(children: dict[int, socket.socket]) -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = ended
            with children.pop(pid) as told, contextlib.suppress(OSError):
                told.send(str(os.waitstatus_to_exitcode(status)).encode())


def _end(children: Mapping[int, socket.socket]) -> NoReturn:
    """Whoever asked is gone."""
    for pid in children:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    os._exit(0)


def warm() -> None:
    """Import what a checkpoint imports, and let the dictionary be opened once."""
    import httptools  # noqa: F401
    import uvicorn  # noqa: F401
    import uvloop  # noqa: F401

    import proxy.app
    import proxy.house  # noqa: F401
    from redaction.allowed import DEFAULT, read_allowed
    from redaction.detector import Detector

    detector = Detector(allow=read_allowed(DEFAULT))
    detector.load()
    detector.close()
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join(10)
    assert threading.active_count() == 1, "a process with threads is not forked"


if __name__ == "__main__":
    asking = socket.socket(fileno=int(sys.argv[1]))
    warm()
    sys.argv[1:] = serve(asking)
    from proxy.__main__ import main

    main()
