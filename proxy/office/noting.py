"""A change in the books of the desk, noted in the ledger by a command: what happened and who did it."""

import os
import pwd
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proxy.settings import Settings


def note(settings: "Settings", event: str, facts: Mapping[str, Any]) -> None:
    """Append one `noted` record; returns when it is durable. Raises CannotRecord, OSError, ValueError."""
    from audit.model import Draft
    from proxy.evidence import ledger_of

    ledger = ledger_of(settings, sweeping=False)
    ledger.start()
    try:
        ledger.append_now(Draft("noted", None, {"event": event, "by": os_user(), **facts}))
    finally:
        ledger.stop()


def os_user() -> str:
    """Who is at work, as the machine knows it: a name, else a number."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
