"""Turns: long and short work share a few threads, one small step at a time, the least served first.

A text of a hundred thousand characters is some hundred steps; a short request that comes while it runs
waits for one of them, for who has had less CPU time goes first. Bounded: what finds no place is refused at once. Knows nothing of texts.
"""

import heapq
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from itertools import count
from typing import Any

Steps = Generator[None, None, Any]
"""Work that yields after each small step and returns its result."""

Turn = tuple[float, int, Steps, "Future[Any]"]
"""CPU seconds had so far, order of arrival, the work, and where its result goes."""


class NoRoom(Exception):
    """As much work is taken as there are places."""


class Turns:
    """``workers`` threads that take turns at up to ``places`` pieces of work."""

    def __init__(self, workers: int, places: int) -> None:
        self._places = places
        self._taken = 0
        self._waiting: list[Turn] = []
        self._arrivals = count()
        self._bell = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"detector-{number}", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def take(self, make: Callable[[], Steps]) -> "Future[Any]":
        """Work to be done in turns. Cancel the future to have it dropped at its next turn. Raises `NoRoom`."""
        done: Future[Any] = Future()
        with self._bell:
            if self._closed or self._taken >= self._places:
                raise NoRoom
            self._taken += 1
            heapq.heappush(self._waiting, (0.0, next(self._arrivals), make(), done))
            self._bell.notify()
        return done

    def close(self) -> None:
        """Drop what waits and let the threads go once their step is done."""
        with self._bell:
            self._closed = True
            waiting, self._waiting = self._waiting, []
            self._bell.notify_all()
        for _, _, _, done in waiting:
            done.cancel()

    def _work(self) -> None:
        while (turn := self._next()) is not None:
            had, arrival, steps, done = turn
            began = time.thread_time()
            if self._step(steps, done):
                self._leave()
            else:
                self._again((had + time.thread_time() - began, arrival, steps, done))

    def _next(self) -> "Turn | None":
        with self._bell:
            while not self._waiting and not self._closed:
                self._bell.wait()
            return None if self._closed else heapq.heappop(self._waiting)

    def _step(self, steps: Steps, done: "Future[Any]") -> bool:
        """One step; True when there is no more to do."""
        if done.cancelled():
            steps.close()
            return True
        try:
            next(steps)
            return False
        except StopIteration as end:
            _settle(done, end.value, None)
        except BaseException as error:
            _settle(done, None, error)
        return True

    def _again(self, turn: "Turn") -> None:
        with self._bell:
            if not self._closed:
                heapq.heappush(self._waiting, turn)
                self._bell.notify()
                return
        turn[3].cancel()

    def _leave(self) -> None:
        with self._bell:
            self._taken -= 1


def _settle(done: "Future[Any]", value: Any, error: BaseException | None) -> None:
    if not done.set_running_or_notify_cancel():
        return
    if error is None:
        done.set_result(value)
    else:
        done.set_exception(error)
