"""The office's books in each of the two stores."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from audit.address import Address
from proxy.office.store import Office


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    """Where the books lie: a file, then an empty database of a real server."""
    if request.param == "sqlite":
        return Address(tmp_path / "office.sqlite")
    return Address(url=request.getfixturevalue("postgres_url"))


@pytest.fixture
def office(place: Address) -> Iterator[Office]:
    with closing(Office(place)) as office:
        yield office
