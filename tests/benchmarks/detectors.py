"""Ours, stock Presidio and Presidio with GiNZA on the same marked documents, in one run.

    make bench-detectors                or   .venv/bin/python tests/benchmarks/detectors.py PYTHON [FOLDER …]

PYTHON is the interpreter of an environment that has `presidio-ginza.lock` (beside this file) installed. Prints
one row a detector: data of which a character is left uncovered by anything it finds, documents in which
nothing is left uncovered, harmless documents in which it finds anything (whatever it looks for: theirs also
dates and web addresses), CPU milliseconds per 1,000 characters.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from redaction.allowed import read_allowed
from redaction.detector import Detector
from redaction.measure import Document, Measure, documents, measure, pooled
from redaction.model import Finding

HERE = Path(__file__).parent
FROZEN = HERE.parent / "cases" / "documents" / "frozen"
KINDS = ("PERSON", "JP_ADDRESS", "JP_SENSITIVE")


class Peer:
    """Another detector in another process; answers are asked for one by one."""

    def __init__(self, python: str, how: str) -> None:
        command = [python, str(HERE / "presidio_ginza.py"), how]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.cpu = 0.0

    def find(self, text: str) -> Sequence[Finding]:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"id": 0, "text": text}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        self.cpu += answer["cpu"]
        return [
            Finding(s["type"], s["start"], s["end"], s["score"], "peer", "pattern") for s in answer["spans"]
        ]

    def close(self) -> None:
        self._process.communicate()


def row(name: str, result: Measure, cpu: float) -> str:
    leaks = [result.types[kind].leak or 0.0 for kind in KINDS] + [pooled(result).leak or 0.0]
    told = " | ".join(f"{leak:.1%}" for leak in leaks)
    return (
        f"| {name} | {told} | {result.closed} of {result.documents} | {len(result.touched)} of {result.harmless} "
        f"| {1e6 * cpu / result.characters:.1f} |"
    )


def ours(read: list[Document]) -> str:
    detector = Detector(allow=read_allowed(), remember=0)
    detector.load()
    began = time.process_time()
    result = measure(read, lambda text: detector.find_now([text])[0])
    spent = time.process_time() - began
    detector.close()
    return row("Sekisho", result, spent)


def theirs(read: list[Document], name: str, python: str, how: str) -> str:
    peer = Peer(python, how)
    result = measure(read, peer.find)
    peer.close()
    return row(name, result, peer.cpu)


def main() -> None:
    python, *folders = sys.argv[1:]
    read = [document for folder in map(Path, folders or [FROZEN]) for document in documents(folder)]
    print(
        f"{date.today()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}, "
        f"{len(read)} documents"
    )
    print("| detector | PERSON leak | JP_ADDRESS leak | JP_SENSITIVE leak | identifiers pooled leak | documents closed | harmless touched | CPU ms / 1,000 |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    print(ours(read))
    print(theirs(read, "Presidio 2.2.366 as it comes, ja_ginza", python, "stock"))
    print(theirs(read, "Presidio 2.2.366 + GiNZA, labels mapped by hand", python, "mapped"))


if __name__ == "__main__":
    main()
