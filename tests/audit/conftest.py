"""What the ledger's tests start from: a place, a key pair, a running ledger."""

from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from audit.ledger import Ledger
from audit.notes import create_keys
from tests.audit.ledgers import Child, start_child


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the ledger will lie."""
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """(private, public) key files."""
    return create_keys(tmp_path / "keys")


@pytest.fixture
def open_ledger(place: Path) -> Iterator[Callable[..., Ledger]]:
    """Start as many ledgers as wanted; all are stopped afterwards."""
    started: list[Ledger] = []

    def start(where: Path = place, *arguments: Any, **settings: Any) -> Ledger:
        ledger = Ledger(where, *arguments, **settings)
        ledger.start()
        started.append(ledger)
        return ledger

    yield start
    for ledger in started:
        ledger.stop()


@pytest.fixture
def ledger(open_ledger: Callable[..., Ledger]) -> Ledger:
    """One running ledger without a signing key."""
    return open_ledger()


@pytest.fixture
def child() -> Iterator[Child]:
    """Start processes of their own; what still runs at the end, because a test failed, is killed."""
    started: list[Popen[str]] = []

    def start(program: str, *arguments: object) -> Popen[str]:
        started.append(start_child(program, *arguments))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()
