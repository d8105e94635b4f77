"""`sekisho serve` on a ledger in either store, clerks that go on asking whatever happens, and what must then be true.

For stories of accidents: the checkpoint is killed, or its ledger is taken away under load. Every question carries a
mark of its own (the field ``user``), which arrives at the upstream and stands in the masked text of its record.
"""

import json
import re
import socket
import subprocess
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from audit.address import Address
from tests.approving import approving
from tests.audit.ledgers import named, rows, soon, verified
from tests.stories.conftest import ENVIRONMENT, Checkpoint, Upstream, begin
from tests.stories.nursery import Born

OPEN = "SELECT exchange FROM records WHERE exchange IS NOT NULL GROUP BY exchange HAVING count(*) < 2"


def serve(stage: ExitStack, folder: Path, upstream: Upstream, ledger: Address, **more: str) -> Checkpoint:
    """Start `sekisho serve` and wait until it is ready. ``more``: settings, by their full names."""
    home = folder / "home"
    log = folder / f"serve-{time.monotonic_ns()}.log"
    settings = {
        "SEKISHO_HOME": str(home),
        "SEKISHO_LEDGER": named(ledger),
        "SEKISHO_UPSTREAM": upstream.url,
        "SEKISHO_POLICY": str(approving(folder, "*")),
        "SEKISHO_LEASE": "3",
        "SEKISHO_NOTE_EVERY": "1",
    }
    process = begin(["serve", "--port", str(free_port())], ENVIRONMENT | settings | more, log)
    stage.callback(_end, process)
    assert process.stdout
    for line in process.stdout:
        if found := re.search(r"http://127\.0\.0\.1:[0-9]+/v1", line):
            break
    else:
        raise AssertionError(log.read_text())
    key = (home / "demo.key").read_text()
    checkpoint = Checkpoint(
        found[0], str(home), named(ledger), str(home / "public.pem"), process, key=key, log=log
    )
    checkpoint.ready()
    return checkpoint


@dataclass
class Clerks:
    """Eight people who ask one question after another until they are told to stop, or nobody listens any more.

    answers   HTTP status → how many; 0: the line broke
    reasons   what errors came with: status and code
    hung      how many got nothing at all for a minute
    answered  marks of the questions that were answered with 200
    """

    checkpoint: Checkpoint
    name: str
    answers: Counter[int] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    hung: int = 0
    answered: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,), daemon=True) for n in range(8)]
        for thread in self._threads:
            thread.start()

    def wait_for(self, status: int, more: int = 8) -> bool:
        """Until so many more have been answered with this status."""
        wanted = self.answers[status] + more
        return soon(lambda: self.answers[status] >= wanted, 60)

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(120)

    def _ask(self, number: int) -> None:
        turn = 0
        while not self._over.is_set():
            turn += 1
            mark = f"mark-{self.name}-{_letters(number)}-{_letters(turn)}-end"
            body = {"model": "slow" if turn % 3 == 0 else "echo", "user": mark}
            status, reply = 0, None
            try:
                status, _, reply = self.checkpoint.post(
                    body | {"messages": [{"role": "user", "content": "山田太郎さんへ"}]}
                )
            except OSError as error:
                if self.checkpoint.process.poll() is not None:
                    return
                self.hung += isinstance(getattr(error, "reason", error), TimeoutError)
            self.answers[status] += 1
            if status == 200:
                self.answered.append(mark)
            else:
                self.reasons[f"{status} {reply['error']['code'] if isinstance(reply, dict) else reply}"] += 1
                time.sleep(0.05)


def nothing_was_lost(ledger: Address, upstream: Upstream, public_key: Path, answered: list[str]) -> None:
    """After the accident: every call has its record, every exchange its ending, and the ledger is sound."""
    assert soon(lambda: rows(ledger, OPEN) == [], 60), "every exchange has an ending"
    asked = dict(
        rows(
            ledger,
            "SELECT t.text, r.exchange FROM records AS r JOIN texts AS t ON t.writer = r.writer AND t.idx = r.idx"
            " WHERE r.kind = 'asked'",
        )
    )
    recorded = {
        mark: exchange for text, exchange in asked.items() for mark in re.findall(r"mark-[-\w]+-end", text)
    }
    seen = {request["user"] for request in upstream.requests}
    assert seen - recorded.keys() == set(), "the upstream saw nothing that has no record"
    kinds = dict(rows(ledger, "SELECT exchange, kind FROM records WHERE turn = 2"))
    assert {kinds[recorded[mark]] for mark in answered} <= {"answered"}, (
        "every answer that was given is recorded"
    )
    sent = {recorded[mark] for mark in seen}
    bodies = {
        name: json.loads(body)
        for name, body in rows(ledger, "SELECT exchange, body FROM records WHERE turn = 2")
    }
    assert "none" not in {bodies[name]["egress_state"] for name in sent}, "nobody says that nothing had left"
    report = verified(ledger, public_key)
    assert report.ok, report.first_bad


def _letters(number: int) -> str:
    """A number that nobody takes for part of an address or a telephone number."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _end(process: "subprocess.Popen[str] | Born") -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
