"""The mission in one function: find, decide, mask, record, ask, restore. Each step belongs to a room."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from policies.model import Permit
from proxy.accounts import asked, watched
from proxy.callers import Caller
from proxy.errors import Stopped
from proxy.house import House
from proxy.originals import told
from proxy.surfaces.reply import Chunk, through
from proxy.surfaces.request import Request
from redaction.vault import Vault


async def carry(house: House, caller: Caller, request: Request) -> AsyncGenerator[Chunk]:
    """Carry one exchange from question to answer.

    Raises `Problem` where it does not pass; `CannotDetect` and `CannotRecord` where it cannot be
    checked or recorded. Whoever iterates this closes it: the ending is written as it closes.
    """
    findings = await house.detector.find(request.texts, house.strictly(caller, request))
    verdict = house.policy.decide(request.ask(caller, findings, house.clock()))

    vault = Vault(house.vault_key(caller))
    masked = request.mask(findings, verdict, vault)  # a refusal is kept masked too
    masked.others = house.others(caller, request, findings, verdict)
    sealed = await house.sealed(caller, request, verdict, vault)  # None where the policy keeps no originals
    account = asked(caller, request, findings, verdict) | told(sealed)

    # No record, no call: entering returns once `asked` is durable.
    async with house.ledger.exchange(account, masked.text, exchange=request.id, sealed=sealed) as entry:
        if not isinstance(verdict, Permit):  # Refuse, Confirm, anything new: nothing is sent
            stopped = Stopped(verdict, list(account["entities"]))
            entry.refused("verdict", http_status=stopped.status)
            raise stopped
        uttered = house.uttered(caller, request)  # what the model says of its own accord is masked too
        answer = through(request.shape(), house.providers.ask(masked), uttered.sieve)
        seen = watched(entry, answer, masked, request.witness(), uttered)  # the ledger keeps it masked
        reply = request.restored(seen, vault)  # the caller gets it restored
        async with aclosing(reply) as chunks:
            async for chunk in chunks:
                yield chunk
