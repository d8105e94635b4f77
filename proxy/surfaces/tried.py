"""One asking of one model: where it went, and how far it got. What is known of it, and nothing of what was said.

The door to the models notes where it knocks, the line to the outside how far that got; the ledger is told. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from audit.model import EgressState
from policies.model import DestinationTier


@dataclass(slots=True)
class Try:
    """Filled in on its way, so that it is true wherever the exchange breaks off.

    provider   who runs the model, as the model list says it; None where it does not say
    host       the server that was asked; None where none was, or the model answers in this process
    status     HTTP status of its reply; None until the head of a reply has been read
    replied    something of a reply came, whatever it was
    sent       False only where certainly not one byte left
    error      the stable code of how it failed
    """

    model: str
    destination: DestinationTier
    provider: str | None = None
    region: str | None = None
    host: str | None = None
    status: int | None = None
    replied: bool = False
    sent: bool = True
    error: str | None = None

    def asks(self, host: str | None) -> None:
        """A request goes out to this server; what an earlier one of the same try got counts no more."""
        self.host, self.status, self.replied = host, None, False

    @property
    def arrived(self) -> bool:
        """Whether the server is known to have got the request: it has begun to reply."""
        return self.replied or self.status is not None

    def egress(self, prepared: EgressState) -> EgressState:
        """What left with it, where ``prepared`` is what would have."""
        if self.arrived:
            return prepared
        return "unknown" if self.sent else "none"

    def facts(self, prepared: EgressState) -> dict[str, Any]:
        """How the ledger tells of a try that was not the last one."""
        return {
            "model": self.model,
            "destination": self.destination,
            "provider": self.provider,
            "host": self.host,
            "region": self.region,
            "upstream_status": self.status,
            "error": self.error,
            "egress_state": self.egress(prepared),
        }


def egress_of(tried: Sequence[Try], prepared: EgressState) -> EgressState:
    """What left in all. One server that replied settles what; before any did, a byte that may have left is unknown."""
    states = {one.egress(prepared) for one in tried}
    if prepared in states:
        return prepared
    return "unknown" if "unknown" in states else "none"
