"""The mission in one function: find, decide, mask, record, ask, restore. Each step belongs to a room."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from policies.days import day_of
from policies.model import Permit
from proxy.accounts import asked, watched
from proxy.alarms import sound
from proxy.callers import Caller
from proxy.errors import Stopped
from proxy.house import House
from proxy.originals import told
from proxy.surfaces.notices import line_for
from proxy.surfaces.reply import Chunk, through
from proxy.surfaces.request import Request
from redaction.vault import Vault


async def carry(house: House, caller: Caller, request: Request) -> AsyncGenerator[Chunk]:
    """Carry one exchange from question to answer.

    Raises `Problem` where it does not pass; `CannotDetect` and `CannotRecord` where it cannot be
    checked or recorded. Whoever iterates this closes it: the ending is written as it closes.
    """
    policy, at = house.policy, house.clock()
    await request.read_words(policy, at)
    strict = house.strictly(caller, request, at)
    findings = await house.detector.find(request.texts, strict)
    async with house.quotas.reserved(caller, request, policy, at) as allowance:  # settled as this is left
        ask = request.ask(caller, findings, at, policy, allowance.state)
        verdict = policy.decide(ask)
        sound(verdict, request.id)
        way = await house.consent(caller, request, ask, findings, verdict, strict)  # what somebody confirmed

        vault = Vault(house.vault_key(caller))
        masked = request.mask(findings, verdict, vault)  # a refusal is kept masked too
        masked.others = house.others(request, ask, verdict, strict)
        opens = way.consent.opens
        sealed = await house.sealed(caller, request, verdict, vault, opens)  # None: none are kept
        account = asked(caller, request, ask, findings, verdict, policy.version, opens)
        account |= told(sealed) | allowance.facts | way.consent.facts

        # No record, no call: entering returns once `asked` is durable.
        async with (
            house.ledger.exchange(account, masked.text, exchange=request.id, sealed=sealed) as entry,
            way.opened(entry, masked) as confirmed,
        ):
            if not (confirmed or isinstance(verdict, Permit)):  # Refuse, anything new: nothing is sent
                stopped = allowance.refusal(policy, ask, verdict) or Stopped(
                    verdict, list(account["entities"]), house.usable(day_of(at)), way.consent
                )
                entry.refused("verdict", http_status=stopped.status)
                raise stopped
            uttered = house.uttered(caller, request)  # what the model says of its own accord is masked too
            answer = through(request.shape(), house.ask(caller, masked), uttered.sieve)
            seen = watched(  # the ledger keeps it masked
                entry, answer, masked, request.witness(), uttered, policy, day_of(at)
            )
            reply = request.restored(seen, vault, line_for(caller, verdict))  # the caller gets it restored
            async with aclosing(reply) as chunks:
                async for chunk in chunks:
                    yield chunk
