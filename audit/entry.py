"""One exchange on its way through the checkpoint: first ``asked``, then exactly one ending.

Leaving the ``async with`` block hands the ending to the writing thread before anything is awaited, so
that a clerk who hangs up is recorded as well. It never sends anything and never sees unmasked text.
"""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from audit.model import AlreadyEnded, CannotRecord, Draft, EgressState, Ending

Submit = Callable[[Draft, bool], "asyncio.Future[Any]"]
"""Hands a draft to the writing thread; the flag: owed, it must land even when this attempt fails."""

PATIENCE = 30.0
"""Seconds a record may take to be durable; then a request is refused, an answer fails."""


class Entry:
    """What is known of an exchange while it runs; it becomes the body of the ending.

    facts    goes into the ending's body (``tokens``, timings, …): plain JSON, no personal text
    text     the masked answer, or None
    egress   what left the building; the desk sets it before the first byte is sent
    """

    def __init__(self, exchange: str) -> None:
        self.exchange = exchange
        self.facts: dict[str, Any] = {}
        self.text: str | None = None
        self.egress: EgressState = "none"
        self._kind: Ending | None = None

    def answered(self) -> None:
        """The answer is whole. What breaks off afterwards is nobody's loss; what fails afterwards counts."""
        self._kind = "answered"

    def refused(self, reason: str, **facts: Any) -> None:
        """The exchange was stopped by a rule. ``reason``: a stable code."""
        self._end("refused", reason, facts)

    def failed(self, reason: str, **facts: Any) -> None:
        """The exchange broke. ``reason``: a stable code."""
        self._end("failed", reason, facts)

    def _end(self, kind: Ending, reason: str, facts: dict[str, Any]) -> None:
        self._kind = kind
        self.facts |= {**facts, "reason": reason}

    def ending(self, error: BaseException | None) -> Draft:
        """The one ending. What was said stands; else how the block was left decides.

        Of an error only the class is kept: its message may quote what somebody wrote.
        """
        facts = {**self.facts, "egress_state": self.egress}
        if self._kind is None and error is not None and not _is_hang_up(error):
            facts["error"] = type(error).__name__
        return Draft(self._kind or _kind_after(error), self.exchange, facts, self.text)


def _kind_after(error: BaseException | None) -> Ending:
    if error is None:
        return "answered"
    return "abandoned" if _is_hang_up(error) else "failed"


def _is_hang_up(error: BaseException) -> bool:
    return isinstance(error, asyncio.CancelledError | GeneratorExit)


class Exchange:
    """``async with ledger.exchange(asked, text) as entry``; made by Ledger.exchange, used once.

    Entering raises CannotRecord when ``asked`` is not durable: nothing may be sent. Leaving raises
    CannotRecord when the ending could not be written (it stays owed), AlreadyEnded when a sweep was
    quicker; a hang-up is never replaced by either.
    """

    def __init__(self, submit: Submit, asked: Draft) -> None:
        assert asked.exchange is not None
        self._submit = submit
        self._asked = asked
        self._entry = Entry(asked.exchange)

    async def __aenter__(self) -> Entry:
        recorded = self._submit(self._asked, False)
        recorded.add_done_callback(_look_at)
        try:
            await asyncio.wait([recorded], timeout=PATIENCE)
        except asyncio.CancelledError as hang_up:
            # The record may land all the same. The ending stands behind it in the queue.
            await self._leave(hang_up)
            raise
        if not recorded.done():
            # A server that neither answers nor goes away: as above, and nobody waits for it.
            self._entry.failed("ledger_silent")
            self._submit_ending(None).add_done_callback(_look_at)
            raise CannotRecord("ledger_silent")
        recorded.result()
        return self._entry

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave(error)

    async def _leave(self, error: BaseException | None) -> None:
        try:
            recorded = self._submit_ending(error)
        except CannotRecord:
            if error is None or not _is_hang_up(error):
                raise
            return
        hang_up = await _outlast(recorded)
        trouble = recorded.exception() if recorded.done() else CannotRecord("ledger_silent")
        if hang_up is not None and error is None:
            raise hang_up
        if error is not None and (_is_hang_up(error) or isinstance(trouble, AlreadyEnded)):
            return
        if trouble is not None:
            raise trouble

    def _submit_ending(self, error: BaseException | None) -> "asyncio.Future[Any]":
        """An ending whose facts are no JSON is a mistake of the program; that there was an end is not."""
        ending = self._entry.ending(error)
        try:
            return self._submit(ending, True)
        except (TypeError, ValueError):
            body = {"egress_state": self._entry.egress, "reason": "facts_not_recordable"}
            return self._submit(Draft(ending.kind, ending.exchange, body, ending.text), True)


def _look_at(recorded: "asyncio.Future[Any]") -> None:
    """So that asyncio does not complain of an error that nobody was there to hear."""
    if not recorded.cancelled():
        recorded.exception()


async def _outlast(recorded: "asyncio.Future[Any]") -> asyncio.CancelledError | None:
    """Wait, whoever cancels; the last cancellation is given back, to be raised afterwards.

    Not for ever: behind a server that is silent the ending stays in the queue, and lands when it can.
    """
    recorded.add_done_callback(_look_at)
    hang_up, end = None, time.monotonic() + PATIENCE
    while not recorded.done() and (left := end - time.monotonic()) > 0:
        try:
            await asyncio.wait([recorded], timeout=left)
        except asyncio.CancelledError as again:
            hang_up = again
    return hang_up
