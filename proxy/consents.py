"""The running house's confirmations: whether somebody has consented to this request, and what waits for consent.

A confirmation opens the way for the newest turn once, within minutes; as an unchanged earlier turn it is known for
hours. It is bound to the person, the tool's key, the rules as they read then, and to what was sent, by HMACs under a
random key. What was confirmed is still masked. A robot's request cannot be confirmed by anybody.

    (a) the newest turn was confirmed and not sent yet; whatever else nobody confirmed holds nothing, or passes by itself
    (b) the newest turn was not, and passes by itself; what the rules ask about stands in earlier turns, confirmed

Either way every rule that decided must be one that was confirmed. A use is recorded before it is made (`asked` names
the ids), made in one statement before anything is sent, and given back where certainly nothing left.
"""

import asyncio
import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, NoReturn, Protocol, TypeVar

import structlog

from audit.entry import Entry
from policies.days import day_of
from policies.decide import Policy
from policies.model import Ask, Confirm, Permit, RuleHit, Verdict
from proxy.callers import Caller
from proxy.errors import Link, Unavailable
from proxy.found import Findings
from proxy.office.confirmations import Confirmation, ConfirmationBook, Given, moment, new_id, same
from proxy.shielded import to_the_end
from proxy.surfaces.request import Masked, Request
from proxy.units import Unit, cut, echoes, without_echoes
from redaction.model import IRREVERSIBLE

log = structlog.get_logger()

_SWEEP_EVERY = 60.0
"""Seconds between two looks for what is over."""

Result = TypeVar("Result")


class Searching(Protocol):
    """What is needed of the detector."""

    async def find(self, texts: Sequence[str], strict: bool = False) -> Findings: ...


@dataclass(frozen=True, slots=True)
class Asking:
    """One request that was decided on: what `Consents.sought` looks at."""

    caller: Caller
    request: Request
    ask: Ask
    findings: Findings = field(repr=False)
    verdict: Verdict
    policy: Policy
    strict: bool


@dataclass(slots=True)
class Consent:
    """What there is of consent to one request. ``fresh`` will be used, ``remembered`` were used before.

    ``filed``: what waits for a person instead; it is entered once the request is recorded, unless it ``is_known``.
    ``by_robot``: nobody can confirm it.
    """

    fresh: tuple[str, ...] = ()
    remembered: tuple[str, ...] = ()
    filed: Confirmation | None = None
    is_known: bool = False
    by_robot: bool = False

    @property
    def opens(self) -> bool:
        """Whether it will open the way, unless somebody else is quicker."""
        return bool(self.fresh or self.remembered)

    @property
    def facts(self) -> dict[str, Any]:
        """What the record says of it."""
        if self.opens:
            return {"confirmations": [*self.fresh, *self.remembered]}
        return {"confirmation": self.filed.id} if self.filed else {}

    @property
    def link(self) -> Link | None:
        """Where a person can confirm it."""
        if self.filed is None:
            return None
        return Link(self.filed.id, datetime.fromisoformat(self.filed.deadline), self.filed.needed)


class Consents:
    """The consents of one house. Used by one event loop; the book is looked at in a thread."""

    def __init__(
        self, book: ConfirmationBook, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.book = book
        self.clock = clock

    async def sought(self, detector: Searching, asking: Asking) -> "Way":
        """What there is of consent to a request. Works only where a person's confirmation is asked for.

        Raises `Unavailable` where the book cannot be read, `CannotDetect` where the rest cannot be searched.
        """
        if not isinstance(asking.verdict, Confirm):
            return Way(self, asking, Consent())
        if asking.caller.actor == "robot":
            return Way(self, asking, Consent(by_robot=True))
        units, rows = await self._looked_up(asking)
        consent = await _opening(detector, asking, units, rows, self.clock())
        if consent is None:
            consent = await asyncio.to_thread(self._to_be_filed, asking, units, rows)
        return Way(self, asking, consent)

    async def keep(self) -> NoReturn:
        """Erase what is over, every minute, until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.book.sweep, self.clock())
            except Exception as error:
                log.error("confirmations not swept", exc_info=error)
            await asyncio.sleep(_SWEEP_EVERY)

    async def use(self, consent: Consent, asking: Asking) -> bool:
        """Use what was found, before anything is sent. False where somebody else was quicker."""
        now = self.clock()
        known_until = now + timedelta(hours=asking.policy.confirming.remember_hours)
        return await looked(
            self.book.use, consent.fresh, asking.request.id, now, known_until, consent.remembered
        )

    async def file(self, consent: Consent) -> None:
        """Enter what waits for a person, where it is new."""
        if consent.filed is not None and not consent.is_known:
            await looked(self.book.file, consent.filed)

    async def file_anew(self, asking: Asking) -> Consent:
        """Somebody else was quicker: this one waits for a confirmation of its own."""
        consent = await asyncio.to_thread(self._to_be_filed, asking, *await self._looked_up(asking))
        await self.file(consent)
        return consent

    async def give_back(self, consent: Consent, exchange: str) -> None:
        """Nothing left: what was used can be used again. Where the book cannot be changed it stays used."""
        try:
            await asyncio.to_thread(self.book.give_back, consent.fresh, exchange)
        except Exception as error:
            log.error("confirmation not given back", exc_info=error)

    async def _looked_up(self, asking: Asking) -> tuple[tuple[Unit, ...], list[Confirmation]]:
        """The units of a request, and what its person has asked before with this key."""
        day, caller = day_of(asking.ask.at), asking.caller
        units = await asyncio.to_thread(cut, asking.request, asking.findings, asking.policy, day)
        return units, await looked(self.book.of, caller.person, caller.key)

    def _to_be_filed(self, asking: Asking, units: Sequence[Unit], rows: Iterable[Confirmation]) -> Consent:
        """What waits for a person; the one that waits already, where it asks the same."""
        now, caller, policy = self.clock(), asking.caller, asking.policy
        secret = secrets.token_bytes(32)
        wanted = [unit for unit in units if unit.triggering]
        filed = Confirmation(
            id=new_id(),
            state="pending",
            person=caller.person,
            key_id=caller.key,
            tool=caller.tool,
            department=caller.department,
            section=caller.section,
            exchange=asking.request.id,
            rules={hit.id: policy.fingerprint(hit.id) for hit in asking.verdict.decisive},
            found=dict(sorted(asking.request.counted(asking.findings).items())),
            category=asking.request.declared.category,
            model=asking.request.model,
            consenter=consenter(asking.verdict.decisive),
            secret=secret,
            units=frozenset(unit.signed(secret) for unit in wanted),
            asked_at=moment(now),
            deadline=moment(now + timedelta(hours=policy.confirming.deadline_hours)),
        )
        for one in rows:
            if one.pending(now) and one.secret and same(one, filed, {u.signed(one.secret) for u in wanted}):
                return Consent(filed=one, is_known=True)
        return Consent(filed=filed)


class Way:
    """What consent opens to one request, or who has to be asked.

    ``async with way.opened(entry, masked)`` stands after `asked` is durable and around whatever is sent. Entering uses
    the consents, or files what waits for a person; it gives whether the way is open. Leaving gives them back where
    certainly nothing left. Raises `Unavailable`, recorded, where the book cannot be changed: then nothing is sent.
    """

    def __init__(self, consents: Consents, asking: Asking, consent: Consent) -> None:
        self._consents = consents
        self._asking = asking
        self.consent = consent
        self._entry: Entry | None = None
        self._masked: Masked | None = None
        self._is_open = False

    def opened(self, entry: Entry, masked: Masked) -> "Way":
        """Itself, for the exchange that ``entry`` records and that sends ``masked``."""
        self._entry, self._masked = entry, masked
        return self

    async def __aenter__(self) -> bool:
        assert self._entry is not None
        try:
            await to_the_end(self._enter(self._entry))
        except Unavailable as problem:
            self._entry.refused(problem.code, http_status=problem.status)
            raise
        except asyncio.CancelledError:
            await self.__aexit__(None, None, None)
            raise
        return self._is_open

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._masked is not None
        if self._is_open and self.consent.fresh and not self._masked.sent:
            await to_the_end(self._consents.give_back(self.consent, self._asking.request.id))

    async def _enter(self, entry: Entry) -> None:
        if not self.consent.opens:
            await self._consents.file(self.consent)
            return
        self._is_open = await self._consents.use(self.consent, self._asking)
        if not self._is_open:
            self.consent = await self._consents.file_anew(self._asking)
            entry.facts |= self.consent.facts


def consenter(decisive: Iterable[RuleHit]) -> str:
    """Who has to consent: the strongest of what the rules ask for; 所属長 and CSIRT both, where both are asked for."""
    asked = {hit.consent for hit in decisive}
    return "+".join(role for role in ("section_head", "csirt") if role in asked) or "self"


def fresh_until(one: Confirmation, policy: Policy, at: datetime) -> datetime:
    """Until when a confirmation that is granted now opens the way: some minutes; where others consented, its deadline.

    Whoever asked is not at the screen when others consent; but those minutes there are in any case.
    """
    soon = at + timedelta(minutes=policy.confirming.minutes)
    return soon if one.consenter == "self" else max(soon, datetime.fromisoformat(one.deadline))


def given(role: Any, by: str, at: datetime, reason: str) -> Given:
    """One person's consent."""
    return Given(role, by, moment(at), reason)


async def _opening(
    detector: Searching, asking: Asking, units: Sequence[Unit], rows: Iterable[Confirmation], now: datetime
) -> Consent | None:
    """The consents that open the way for these units; None where none do."""
    policy, request = asking.policy, asking.request
    live = [
        one
        for one in rows
        if (one.remembered(now) or (one.fresh(now) and _same_purpose(one, request)))
        and unchanged(one, policy)
    ]
    if not live:
        return None
    covers = await asyncio.to_thread(lambda: {one.id: _covered(one, units) for one in live})
    fresh = [one for one in live if one.state == "granted"]
    remembered = [one for one in live if one.state == "used"]
    newest = {unit.name for unit in units if unit.newest}
    once = set().union(*(covers[one.id] for one in fresh))
    ever = once.union(*(covers[one.id] for one in remembered))
    if newest and newest <= once:
        gone = ever
        used = _chosen([*_chosen(fresh, newest, covers), *remembered, *fresh], ever, covers)
    else:  # tools stay: what they may do is asked anew with every new turn
        gone = {unit.name for unit in units if unit.name in ever and not unit.newest and not unit.tools}
        used = _chosen([*remembered, *fresh], gone, covers)
    decisive = {hit.id for hit in asking.verdict.decisive}
    used = _with_rules(used, live, covers, gone, decisive)
    if not gone or not decisive <= {id for one in used for id in one.rules}:
        return None
    if not await _passes(detector, asking, units, gone, newest <= gone):
        return None
    return Consent(
        tuple(sorted({one.id for one in used if one.state == "granted"})),
        tuple(sorted({one.id for one in used if one.state == "used"})),
    )


async def _passes(
    detector: Searching, asking: Asking, units: Sequence[Unit], gone: Collection[str], newest_gone: bool
) -> bool:
    """Whether what nobody confirmed holds nothing, where it is beside what was, or passes by itself.

    What the model only repeated in an answer, of what was confirmed, is nothing new.
    """
    policy, at, on = asking.policy, asking.ask.at, day_of(asking.ask.at)
    known = {
        datum for unit in units if unit.name in gone for datum in unit.data if datum[0] not in IRREVERSIBLE
    }
    words = frozenset[str]().union(*(unit.words for unit in units if unit.name in gone))
    left = [unit for unit in units if unit.name not in gone]
    if newest_gone and all(_says_nothing(unit, known, words) for unit in left):
        return True
    rest = asking.request.rest(gone)
    findings = await detector.find(rest.texts, asking.strict)
    cuts = await asyncio.to_thread(cut, rest, findings, policy, on)
    old = [replace(unit, newest=False) for unit in cuts] if newest_gone else cuts
    repeated = echoes(old, known)
    heard = frozenset[str]().union(
        *(unit.words - words if unit.name in repeated else unit.words for unit in old)
    )
    ask = rest.ask(asking.caller, without_echoes(rest, findings, repeated), at, policy)
    ask = replace(ask, words=tuple(id for id in rest.words(policy, at) if id in heard))
    ask = replace(ask, purpose=asking.ask.purpose, quota=asking.ask.quota)
    return isinstance(policy.decide(ask), Permit)


def _says_nothing(unit: Unit, known: Collection[Any], words: frozenset[str]) -> bool:
    """Whether a unit holds nothing, or, where the model wrote it, nothing but what was confirmed."""
    if unit.clean:
        return True
    return unit.made and not unit.attached and set(unit.data) <= set(known) and unit.words <= words


def _covered(one: Confirmation, units: Iterable[Unit]) -> set[str]:
    if one.secret is None or one.units is None:
        return set()
    return {unit.name for unit in units if unit.signed(one.secret) in one.units}


def _chosen(
    candidates: Iterable[Confirmation], needed: Collection[str], covers: dict[str, set[str]]
) -> list[Confirmation]:
    """The first of the candidates that cover what is needed together, and no more of them than that."""
    left, chosen = set(needed), []
    for one in candidates:
        if left & covers[one.id]:
            chosen.append(one)
            left -= covers[one.id]
    return chosen


def _with_rules(
    used: list[Confirmation],
    live: Iterable[Confirmation],
    covers: dict[str, set[str]],
    gone: Collection[str],
    rules: Collection[str],
) -> list[Confirmation]:
    """The same, and others that cover some of it, where they alone name a rule that decided; remembered ones first."""
    more = sorted(live, key=lambda one: one.state == "granted")
    for one in more:
        missing = set(rules) - {id for each in used for id in each.rules}
        if one not in used and missing & set(one.rules) and covers[one.id] & set(gone):
            used = [*used, one]
    return used


def _same_purpose(one: Confirmation, request: Request) -> bool:
    """What a person was shown beside what was found."""
    return one.model == request.model and one.category == request.declared.category


def unchanged(one: Confirmation, policy: Policy) -> bool:
    """Whether every rule that was confirmed reads as it did then."""
    return all(policy.fingerprint(id) == was for id, was in one.rules.items())


async def looked(look: Callable[..., Result], *arguments: Any) -> Result:
    """Look into the book, or change it, in a thread. Raises `Unavailable` where that cannot be done."""
    from proxy.office.tables import SQLAlchemyError

    try:
        return await asyncio.to_thread(look, *arguments)
    except (OSError, SQLAlchemyError) as error:
        log.error("confirmations cannot be used", exc_info=error)
        raise Unavailable("office_unreadable") from None
