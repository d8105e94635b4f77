"""One loaded detector for the room's tests: loading takes seconds, and it holds nothing between texts."""

from collections.abc import Iterator

import pytest

from redaction.detector import Detector


@pytest.fixture(scope="session")
def detector() -> Iterator[Detector]:
    found = Detector()
    found.load()
    yield found
    found.close()
