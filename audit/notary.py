"""Has the next note signed, beside the writing thread, so that no record waits for a signature.

The pen proposes a note and enters the signed one; in between the signer, perhaps of a second owner, takes
its time in a thread of its own. Only one note is on its way at a time. It never decides when (scribe.py).
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

from audit import clock
from audit.draft import prepare
from audit.model import Draft
from audit.names import now
from audit.notes import Note
from audit.pen import Pen
from audit.signing import CannotSign, Signer

_TRIES = 20
"""How often others may be quicker, at the stop."""


class Notary:
    """All methods belong to the writing thread.

    rest_seconds   a note that says nothing new is signed this long after the last one
    clock_now      the present moment, with its time zone
    ring           called from another thread when a signature has arrived: `finish` is due
    given          called with each note that was entered
    """

    def __init__(
        self,
        pen: Pen,
        signer: Signer,
        rest_seconds: float,
        clock_now: Callable[[], datetime],
        ring: Callable[[], None],
        given: Callable[[str], None],
    ) -> None:
        self._pen = pen
        self._signer = signer
        self._rest_seconds = rest_seconds
        self._now = clock_now
        self._ring = ring
        self._given = given
        self._steps = clock.Steps()
        self._stepped: list[float] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sekisho-notes")
        self._signing: tuple[Note, Future[str]] | None = None

    @property
    def busy(self) -> bool:
        """A note is on its way."""
        return self._signing is not None

    @property
    def ready(self) -> bool:
        """It has come back."""
        return self._signing is not None and self._signing[1].done()

    def begin(self) -> None:
        """Propose a note, unless there is nothing to say; the signature comes later."""
        self._tell_of_a_step()
        note = self._pen.propose(self._rest_seconds, clock.state())
        if note is not None:
            signature = self._thread.submit(self._signer.sign, note)
            self._signing = note, signature
            signature.add_done_callback(lambda _: self._ring())

    def finish(self) -> bool:
        """Enter the note that came back. False where records are left that it does not speak of.

        Raises whatever kept it from being signed or entered.
        """
        assert self._signing is not None
        (note, signature), self._signing = self._signing, None
        signed = signature.result()
        if not self._pen.enter(signed):
            return False  # another process was quicker: its note may not know our newest records
        self._given(signed)
        return signed.startswith(note.text() + "\n")

    def last(self) -> None:
        """Sign over everything, waiting for it: the pen has retired. Raises as `finish` does."""
        try:
            if self._signing is not None:
                self._signing[1].exception()  # of records that were, since, followed by others
                self._signing = None
            for _ in range(
                _TRIES
            ):  # others stop in the same moment, or a second owner gives back an earlier one
                if self._sign_last():
                    return
            raise CannotSign(
                "others were quicker with their notes each time; theirs may not cover our last records"
            )
        finally:
            self._thread.shutdown(wait=False)

    def _sign_last(self) -> bool:
        """Whether the ledger's last note now says all there is to say."""
        note = self._pen.propose_last(clock.state())
        if note is None:
            return True
        signed = self._signer.sign(note)
        if not self._pen.enter_last(signed):
            return False
        self._given(signed)
        return signed.startswith(note.text() + "\n")

    def _tell_of_a_step(self) -> None:
        """A wall clock that was set explains why moments do not fit; it belongs into the record."""
        if seconds := self._steps.seen(now(), clock.elapsed()):
            self._stepped.append(seconds)
        while self._stepped:  # what cannot be written now is written the next time
            body = {"event": "clock.stepped", "by": "system", "seconds": self._stepped[0]}
            self._pen.write([prepare(Draft("noted", None, body), self._now())])
            self._stepped.pop(0)
