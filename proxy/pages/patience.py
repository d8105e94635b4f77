"""How often somebody may try to sign in at one place: a few times, then not for some minutes. Kept in this process."""

import time
from collections.abc import Callable

MOST = 5
"""Wrong tries at one place."""
WINDOW = 300.0
"""Seconds for which they count."""
_PLACES = 10_000


class Patience:
    """Counts wrong tries by place: the page of one confirmation, one address."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: dict[str, list[float]] = {}

    def is_over(self, *places: str) -> bool:
        """Whether there were too many wrong tries at one of these."""
        return any(len(self._recent(place)) >= MOST for place in places)

    def wrong(self, *places: str) -> None:
        """One more wrong try at each of these."""
        if len(self._wrong) >= _PLACES:
            self._wrong = {place: tries for place in self._wrong if (tries := self._recent(place))}
        for place in places:
            if len(self._wrong) < _PLACES or place in self._wrong:
                self._wrong[place] = [*self._recent(place), self._clock()]

    def right(self, place: str) -> None:
        """Somebody got in: what was wrong before is forgotten."""
        self._wrong.pop(place, None)

    def _recent(self, place: str) -> list[float]:
        since = self._clock() - WINDOW
        return [at for at in self._wrong.get(place, ()) if at > since]
