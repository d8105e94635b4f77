"""What the ledger's tests start from: a place in one of the two stores, a key pair, a running ledger."""

from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from audit.address import Address
from audit.ledger import Ledger
from audit.signing import create_keys
from tests.audit.ledgers import Child, start_child


@pytest.fixture(autouse=True)
def no_house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands find no key and no ledger of a house that was started in this folder before."""
    monkeypatch.setenv("SEKISHO_HOME", str(tmp_path / "no-house"))
    monkeypatch.delenv("SEKISHO_LEDGER", raising=False)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the ledger will lie: a file. A module whose promises hold in both stores overrides this with
    ``address``; the fixtures below follow."""
    return tmp_path / "ledger.sqlite"


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    """Where the ledger will lie: a file, then an empty database of a real server."""
    if request.param == "sqlite":
        return Address(tmp_path / "ledger.sqlite")
    return Address(url=request.getfixturevalue("postgres_url"))


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """(private, public) key files."""
    return create_keys(tmp_path / "keys")


@pytest.fixture
def open_ledger(place: Path | Address) -> Iterator[Callable[..., Ledger]]:
    """Start as many ledgers as wanted; all are stopped afterwards."""
    started: list[Ledger] = []

    def start(where: str | Path | Address = place, *arguments: Any, **settings: Any) -> Ledger:
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
