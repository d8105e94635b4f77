"""Starts and hears writing processes (writers.py), for stories that kill them or let many of them write at once."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from audit.address import Address
from tests.audit.ledgers import ROOT, named

PROGRAM = Path(__file__).with_name("writers.py")


@dataclass
class Writers:
    """One writing process, and what it has said up to now: word → ids, in its order."""

    process: "subprocess.Popen[str]"
    said: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.process.stdout
        assert self.process.stdout.readline() == "ready\n", self.process.communicate()
        self._ear = threading.Thread(target=self._hear, daemon=True)
        self._ear.start()

    def go(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """SIGKILL; afterwards ``said`` is all it ever said."""
        self.process.kill()
        self._end()

    def finish(self) -> None:
        self._end()
        assert self.process.returncode == 0

    def heard(self, word: str) -> list[str]:
        return self.said.get(word, [])

    def _end(self) -> None:
        self._ear.join(600)
        self.process.wait(30)

    def _hear(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.endswith("\n"):
                word, _, name = line[:-1].partition(" ")
                self.said.setdefault(word, []).append(name)


def begin(stage: ExitStack, ledger: Address, key: Path, names: Sequence[str], *load: int) -> list[Writers]:
    """One process for each name; they wait for `go`. ``load``: how many exchanges, how many at a time."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    processes = []
    for name in names:
        command = [sys.executable, str(PROGRAM), named(ledger), str(key), name, *map(str, load)]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        stage.callback(_close, process)
        processes.append(process)
    return [Writers(process) for process in processes]


def _close(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
