"""The writing thread: takes what waits, writes it in one durable transaction, and wakes all who waited.

Between the batches, and when nothing comes, it keeps the pen's duties: lease, owed endings, sweep,
note. It never answers a waiter before the commit, and it never dies of an error: who waits is told.
"""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from audit.draft import Prepared
from audit.model import AlreadyEnded, CannotRecord, Record
from audit.notary import Notary
from audit.pen import Pen

BATCH = 256
"""At most so many records share one fsync."""

ROOM = 4096
"""So many drafts may wait; the next is refused at once. Endings always find room."""

Work = Prepared | Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to do and who waits for it. ``loop`` is None for a waiter outside of asyncio.

    work   a draft, or one of the pen's own verbs, done in its turn
    owed   the ending must land even when this attempt fails
    """

    work: Work
    waiter: "asyncio.Future[Any] | Future[Any]"
    loop: asyncio.AbstractEventLoop | None
    owed: bool = False


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often the duties come round, in seconds."""

    lease: float
    note: float
    settle: float

    @property
    def renewal(self) -> float:
        return self.lease / 3

    @property
    def retry(self) -> float:
        return min(0.5, self.renewal)


class Scribe:
    """Owns the thread. ``submit`` may be called from any thread; everything else is the thread's own."""

    def __init__(
        self,
        pen: Pen,
        notary_of: Callable[[Callable[[], None]], Notary] | None,
        rhythm: Rhythm,
        troubled: Callable[[Exception], None],
        *,
        sweeping: bool,
    ) -> None:
        """``notary_of`` makes the notary, given how to wake this thread; None: no notes are signed."""
        self._troubled = troubled
        self.note_trouble: Exception | None = None
        self._pen = pen
        self._notary = notary_of(self._ring) if notary_of else None
        self._rhythm = rhythm
        self._sweeping = sweeping
        self._jobs: deque[Job] = deque()
        self._bell = threading.Condition()
        self._stopping = False
        self._settled_in = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sekisho-ledger", daemon=True)
        began = time.monotonic()
        self._renew_at = self._sweep_at = self._pay_at = began
        self._last_note = self._last_record = began
        self._unsigned = True  # at the start there may be records that no note covers
        self._pause = rhythm.settle  # longer after every failure: who cannot sign is not asked all the time

    def start(self, patience: float) -> None:
        """Start the thread and wait until it has tried to open the ledger and to sweep once."""
        self._thread.start()
        self._settled_in.wait(patience)

    def stop(self, patience: float) -> None:
        """Write what waits, end the chain, end the thread; wait for it no longer than ``patience`` seconds.

        What a server that is silent keeps us from writing is closed as ``lost`` by somebody else's sweep.
        """
        with self._bell:
            self._stopping = True
            self._bell.notify()
        self._thread.join(patience)

    def submit(self, job: Job) -> None:
        """Hand over a job. Raises CannotRecord when the thread is gone or too much is waiting."""
        with self._bell:
            if self._stopping or not self._thread.is_alive():
                raise CannotRecord("ledger_stopped")
            if len(self._jobs) >= ROOM and not job.owed:
                raise CannotRecord("ledger_busy")
            self._jobs.append(job)
            self._bell.notify()

    def _ring(self) -> None:
        with self._bell:
            self._bell.notify()

    # ── the thread ───────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        self._keep_duties()
        self._settled_in.set()
        while True:
            batch, last = self._take()
            if batch:
                self._serve(batch)
            if last:
                break
            self._keep_duties()
        self._farewell()

    def _take(self) -> tuple[list[Job], bool]:
        """The next batch, in order of arrival; empty when a duty is due first. And: was it the last?"""
        with self._bell:
            if not (self._jobs or self._stopping or (self._notary and self._notary.ready)):
                self._bell.wait(max(0.0, self._next_duty() - time.monotonic()))
            batch = [self._jobs.popleft() for _ in range(min(BATCH, len(self._jobs)))]
            return batch, self._stopping and not self._jobs

    def _serve(self, batch: Sequence[Job]) -> None:
        drafts = [job for job in batch if isinstance(job.work, Prepared)]
        outcomes: list[tuple[Job, Any]] = list(zip(drafts, self._write(drafts), strict=True))
        for job in batch:
            if not isinstance(job.work, Prepared):
                outcomes.append((job, self._do(job.work)))
        _deliver(outcomes)

    def _write(self, jobs: Sequence[Job]) -> Sequence[Record | AlreadyEnded | CannotRecord]:
        drafts = [job.work for job in jobs if isinstance(job.work, Prepared)]
        if not drafts:
            return []
        try:
            outcomes = self._pen.write(drafts)
        except Exception as error:  # whatever it was, nothing was recorded, and all who wait must know
            self._pen.owed += [job.work for job in jobs if job.owed and isinstance(job.work, Prepared)]
            return [_cannot(error) for _ in drafts]
        self._last_record = time.monotonic()
        self._renew_at = self._last_record + self._rhythm.renewal
        self._unsigned = True
        return outcomes

    def _do(self, verb: Callable[[], Any]) -> Any:
        try:
            return verb()
        except Exception as error:  # as above: the waiter is told, the thread goes on
            return _cannot(error)

    # ── duties ───────────────────────────────────────────────────────────────────────────────────

    def _keep_duties(self) -> None:
        now = time.monotonic()
        if self._pen.owed and now >= self._pay_at:
            self._pay_at = now + self._rhythm.retry
            self._do(self._pen.pay)
            self._unsigned = True
        if self._sweeping and now >= self._sweep_at:
            self._sweep_at = now + self._rhythm.lease
            self._renew_at = now + self._rhythm.renewal
            self._unsigned |= self._do(self._pen.sweep) != 0
        if now >= self._renew_at:
            self._renew_at = now + self._rhythm.renewal
            self._do(self._pen.renew)
        if self._notary and (self._notary.ready or now >= self._note_at()):
            self._note(self._notary)

    def _note(self, notary: Notary) -> None:
        """Begin one, or enter the one that came back. Records go on without notes; verify shows what is bare."""
        try:
            if notary.ready:
                self._unsigned |= not notary.finish()
                self.note_trouble = None
                self._pause = self._rhythm.settle
            else:
                self._last_note, self._unsigned = time.monotonic(), False
                notary.begin()
        except Exception as error:
            if self.note_trouble is None:
                self._troubled(error)
            self.note_trouble = error
            self._unsigned = True
            self._last_note = time.monotonic()
            self._pause = min(2 * self._pause, self._rhythm.note)

    def _note_at(self) -> float:
        """Shortly after the last record; under unbroken work and at rest, every ``note`` seconds."""
        if self._notary is None or self._notary.busy:
            return math.inf
        rest = self._last_note + self._rhythm.note
        settled = max(self._last_record + self._rhythm.settle, self._last_note + self._pause)
        return min(rest, settled) if self._unsigned else rest

    def _next_duty(self) -> float:
        due = [self._renew_at]
        if self._sweeping:
            due.append(self._sweep_at)
        if self._pen.owed:
            due.append(self._pay_at)
        due.append(self._note_at())
        return min(due)

    def _farewell(self) -> None:
        """What cannot be written now is closed as ``lost`` by the next sweep: the lease runs out."""
        self._do(self._pen.pay)
        self._do(self._pen.retire)
        if self._notary:
            try:
                self._notary.last()
            except Exception as error:
                self._troubled(error)
        self._pen.close()


def _cannot(error: Exception) -> CannotRecord:
    """Each waiter gets its own: an exception that is raised in two places mixes up their traces."""
    if isinstance(error, CannotRecord):
        return error
    answer = CannotRecord()
    answer.__cause__ = error
    return answer


def _deliver(outcomes: Sequence[tuple[Job, Any]]) -> None:
    """One wake-up call per event loop, however many waited there."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Job, Any]]] = {}
    for job, outcome in outcomes:
        if job.loop is None:
            _settle(job, outcome)
        else:
            by_loop.setdefault(job.loop, []).append((job, outcome))
    for loop, settled in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle_all, settled)
        except RuntimeError:
            continue  # the loop was closed: nobody waits there any more


def _settle_all(outcomes: Sequence[tuple[Job, Any]]) -> None:
    for job, outcome in outcomes:
        _settle(job, outcome)


def _settle(job: Job, outcome: Any) -> None:
    if job.waiter.done():
        return  # who waited has been cancelled
    if isinstance(outcome, Exception):
        job.waiter.set_exception(outcome)
    else:
        job.waiter.set_result(outcome)
