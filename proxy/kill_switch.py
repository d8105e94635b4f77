"""The kill switch in a running process: what `sekisho stop` halted does not pass, and what runs is cut.

Looks into the book of stops several times a second. A new exchange that is stopped is refused; one that is asking
a model hears nothing more from it. Where the book cannot be read for a second, nothing passes. A stop holds whether
or not the ledger has it; what the ledger does not have yet is noted from here.
"""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import NoReturn

import structlog

from audit.ledger import Ledger
from audit.model import CannotRecord, Draft
from proxy.callers import Caller
from proxy.errors import Halted, Unavailable
from proxy.office.stops import Stop, StopBook, told
from proxy.surfaces.reply import Chunk
from proxy.surfaces.request import Masked

log = structlog.get_logger()

EVERY = 0.2
"""Seconds between two looks into the book."""
BLIND_AFTER = 1.0
"""Seconds without a look that went well, after which nothing passes."""
_NOTE_EVERY = 1.0
"""Seconds between two tries to note what is owed."""
_PATIENCE = 30.0
"""Seconds a note may take to be durable; then it is owed again."""

Halt = Halted | Unavailable


@dataclass(slots=True, eq=False)
class _Run:
    """One exchange that is asking a model: ``waiting`` is its task while it waits for a piece, ``why`` says it is cut."""

    caller: Caller
    masked: Masked
    waiting: "asyncio.Task[object] | None" = None
    why: Halt | None = None

    @property
    def model(self) -> str:
        """The model that is asked now."""
        return self.masked.asked or self.masked.model


class KillSwitch:
    """Made with the stops that hold at the start; `keep` looks for others. Used by one event loop.

    ``whom`` gives the name of whom to ask about a stop, where it is known. Raises OSError's kin or
    SQLAlchemyError where the book cannot be read.
    """

    def __init__(self, book: StopBook, ledger: Ledger, whom: Callable[[], str | None] = lambda: None) -> None:
        self._book = book
        self._ledger = ledger
        self._whom = whom
        self._stops = book.standing()
        self._seen = time.monotonic()
        self._tried = self._seen
        self._told = False
        self._runs: set[_Run] = set()

    @property
    def stops(self) -> tuple[Stop, ...]:
        """The stops that hold, as last seen."""
        return self._stops

    def demand(self, caller: Caller, model: str | None) -> None:
        """Raises `Halted` where this may not pass, `Unavailable` where nobody knows. ``model`` None: none is asked."""
        if (halt := self.halt(caller.section, caller.tool, model)) is not None:
            raise halt

    def halt(self, section: str, tool: str, model: str | None) -> Halt | None:
        """Why this may not pass; None: it may."""
        if self._is_blind():
            return Unavailable("stops_unreadable")
        for stop in self._stops:
            if stop.holds(section, tool, model):
                return Halted(stop.kind, self._whom())
        return None

    def halt_of_all(self) -> Halt | None:
        """Why nothing at all may pass; None where something may."""
        return self.halt("", "", None)

    async def guarded(
        self, caller: Caller, masked: Masked, answer: AsyncGenerator[Chunk]
    ) -> AsyncGenerator[Chunk]:
        """The answer, for as long as nothing stops it. Raises `Halted` or `Unavailable`, and then reads no more.

        Whoever iterates this closes it.
        """
        run = _Run(caller, masked)
        self._runs.add(run)
        try:
            async with aclosing(answer):
                while True:
                    self.demand(caller, run.model)
                    try:
                        chunk = await _next(run, answer)
                    except StopAsyncIteration:
                        return
                    yield chunk
        finally:
            self._runs.discard(run)

    async def keep(self) -> NoReturn:
        """Look again and again, until cancelled: in a thread, so that an event loop with much to do delays no look."""
        over = threading.Event()
        loop = asyncio.get_running_loop()
        looking = threading.Thread(target=self._look_on, args=(loop, over), name="stops", daemon=True)
        looking.start()
        try:
            while True:
                await asyncio.sleep(3600)
        finally:
            over.set()
            await asyncio.to_thread(looking.join, _PATIENCE)

    async def note(self) -> NoReturn:
        """Note in the ledger, as soon as it can be written, what could not be noted before; until cancelled.

        A stop is noted at least once: whoever dies over it leaves it to the next.
        """
        while True:
            try:
                for stop in await asyncio.to_thread(self._book.owed):
                    if await asyncio.to_thread(self._book.claim, stop.id):
                        await self._note(stop)
            except Exception as error:
                log.error("stop not noted", exc_info=error)
            await asyncio.sleep(_NOTE_EVERY)

    def _look_on(self, loop: asyncio.AbstractEventLoop, over: threading.Event) -> None:
        while not over.wait(EVERY):
            before = self._stops
            self._look()
            if self._stops != before or self._is_blind():
                with suppress(RuntimeError):  # the loop is closed
                    loop.call_soon_threadsafe(self._cut)

    def _look(self) -> None:
        self._tried = time.monotonic()
        try:
            self._stops = self._book.standing()
        except Exception as error:
            if self._is_late() and not self._told:
                self._told = True
                log.error("stops cannot be read, nothing passes", exc_info=error)
            return
        self._seen, self._told = time.monotonic(), False

    def _is_blind(self) -> bool:
        """Whether the book could not be read for too long; where a look is only late, it is taken now."""
        if self._is_late() and time.monotonic() - self._tried > EVERY:
            self._look()
        return self._is_late()

    def _is_late(self) -> bool:
        return time.monotonic() - self._seen > BLIND_AFTER

    def _cut(self) -> None:
        """End the waiting of every exchange that may not go on; one that waits for nothing sees it before it asks."""
        for run in tuple(self._runs):
            if run.waiting is not None and run.why is None:
                run.why = self.halt(run.caller.section, run.caller.tool, run.model)
                if run.why is not None:
                    run.waiting.cancel()

    async def _note(self, stop: Stop) -> None:
        noted = False
        try:
            await asyncio.wait_for(self._ledger.append(Draft("noted", None, told(stop))), _PATIENCE)
            noted = True
        except (CannotRecord, TimeoutError):
            log.warning("stop not noted yet", count=len(self._stops))
        finally:
            await asyncio.to_thread(self._book.settle, stop.id, noted)


async def _next(run: _Run, answer: AsyncGenerator[Chunk]) -> Chunk:
    """The next piece; raises ``run.why`` where the run is cut meanwhile, StopAsyncIteration at the end.

    A cut is a cancellation of our own, taken back here; a caller's hang-up, also one at the same moment, goes on.
    As `asyncio.timeout` does it, at a tenth of the cost.
    """
    task = run.waiting = asyncio.current_task()
    assert task is not None, "whoever waits is a task"
    hang_ups = task.cancelling()
    try:
        chunk = await anext(answer)
    except BaseException:
        if run.why is not None and task.uncancel() <= hang_ups:
            raise run.why from None
        raise
    finally:
        run.waiting = None
    if run.why is not None:  # whoever was cancelled went on all the same
        task.uncancel()
        raise run.why
    return chunk
