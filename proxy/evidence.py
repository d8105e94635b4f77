"""The ledger as this house keeps it: where it lies, who signs its notes, where copies of them go.

The one place where settings become a `Ledger`: the server and the commands that note a change in the
books open it the same way. It never writes a record itself.
"""

from collections.abc import Callable

import structlog

from audit.address import address_of
from audit.anchors import Anchors, destinations
from audit.heads import notes_after
from audit.ledger import Ledger, Watch
from audit.query import reading
from audit.signing import CannotSign, Hook, KeyFile, Signer
from proxy.settings import Settings

log = structlog.get_logger()


def has_own_key(settings: Settings) -> bool:
    """Whether this house makes and holds the key that signs: not where a second owner does."""
    return settings.signing_hook is None and settings.signing_key is None


def signer_of(settings: Settings) -> Signer:
    """Who signs the notes. Raises OSError or ValueError, with a sentence, for what cannot be used.

    With a second owner's command, HOME/public.pem is that owner's: nothing else is believed to be theirs.
    """
    if settings.signing_hook is not None:
        return Hook(settings.signing_hook, settings.home / "public.pem", settings.signing_timeout)
    return KeyFile.load(settings.signing_key or settings.home / "signing.pem")


def ledger_of(
    settings: Settings,
    anchors: Anchors | None = None,
    *,
    sweeping: bool = True,
    watch: Watch | None = None,
) -> Ledger:
    """The ledger, not yet started. Raises as `signer_of` does, and ValueError for an address that is none."""
    return Ledger(
        settings.ledger_location,
        signer_of(settings),
        lease_seconds=settings.lease,
        note_seconds=settings.note_every,
        sweeping=sweeping,
        given=_hand_over(anchors) if anchors else None,
        troubled=_tell,
        watch=watch,
    )


def anchors_of(settings: Settings) -> Anchors:
    """What takes the notes outside, not yet started. Raises ValueError, with a sentence."""
    address = address_of(settings.ledger_location)

    def since(number: int) -> list[str]:
        with reading(address) as connection:
            return notes_after(connection, number)

    return Anchors(destinations(settings.anchors, settings.smtp), since, settings.anchor_every)


def _hand_over(anchors: Anchors) -> Callable[[str], None]:
    """Each note is offered outside; what kept an earlier one from getting there is told once."""
    told: str | None = None

    def given(signed: str) -> None:
        nonlocal told
        anchors.offer(signed)
        why = str(anchors.trouble) if anchors.trouble else None
        if why and why != told:
            log.error("a note was not brought outside", reason=why)
        told = why

    return given


def _tell(trouble: Exception) -> None:
    """Notes are not signed, so what is recorded now is not covered: somebody has to look."""
    why = str(trouble) if isinstance(trouble, CannotSign) else None  # a sentence of ours; others may quote
    log.error("no note was signed", error=type(trouble).__name__, reason=why)
