"""The watermark of a file that was taken out: who, when, why, and the number under which the ledger knows it. Pure.

    Watermark("e-5c1f09ab77d2", "100123", "2026-11-23T05:21:00.123456Z", "月次の点検")

It stands in every row, so that a row which is copied elsewhere still says where it came from.
"""

import secrets
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Watermark:
    """``by``: who took it out, as the record of it says; ``reason`` was found sound (audit.wording)."""

    id: str
    by: str
    at: str
    reason: str

    def plain(self) -> dict[str, str]:
        """As JSON has it."""
        return {"id": self.id, "by": self.by, "at": self.at, "reason": self.reason}

    def line(self) -> str:
        """On one line, for forms that have room for one value."""
        return f"{self.id} {self.by} {self.at} {self.reason}"


def new_id() -> str:
    """``e-5c1f09ab77d2``."""
    return f"e-{secrets.token_hex(6)}"
