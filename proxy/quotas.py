"""The desk of limits in a running house: what an exchange may take is reserved before, what it took is counted after.

    async with house.quotas.reserved(caller, request, policy, at) as allowance:
        allowance.state      unlimited | within | near (from 80 % of a limit) | over (it does not fit into one)

Before an exchange 1 request is reserved, as many tokens as it has characters plus the longest answer that it asks for,
and the yen which that would cost. After it, that comes back, and what really happened is counted: nothing where nothing
left the building, else 1 request and the tokens and yen that its record tells; where no answer came the record tells none.
A model that takes another's place is counted under the name that was asked for.

The slack: all processes hold the same limit. Requests never exceed it. Tokens and yen exceed it at most by what answers
under way cost beyond what was reserved for them, and by what was permitted though it was over. Beyond that: what a
process had under way when it died comes back uncounted, though it may have been sent; what was settled as the connection
to the database broke may be counted twice, never not at all.

One thread of each process talks to the counters. Whatever waits it takes together, as one reservation of the sum and one
settlement, so that at most one transaction of a process ever waits for a lock. A sum that does not fit is parted into
what fits and what does not. Where nobody has set a limit there is no thread, and an exchange costs the database nothing.
"""

import asyncio
import math
import secrets
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any, Literal

import structlog

from audit.leases import Process, this_process
from policies.days import JST, day_of
from policies.decide import Policy
from policies.model import Ask, Bilingual, QuotaState, Refuse, Verdict
from proxy.callers import Caller
from proxy.errors import OverQuota, Problem, Unavailable
from proxy.office.counters import Counters, Done, Place, Standing, Want
from proxy.office.emergencies import Emergency, EmergencyBook
from proxy.office.quotas import MILLIONTHS, Limit, Measure, Names, QuotaBook, begins_anew, period_of
from proxy.office.store import Office
from proxy.surfaces.parameters import parameters
from proxy.surfaces.request import Request

log = structlog.get_logger()

FRESH = 0.5
"""Seconds that the book of limits, as it was read, is believed."""
BEAT = 5.0
"""Seconds between two signs of life of this process; each time the dead are looked for."""
NEAR = 80
"""Per cent of a limit from which it is near."""
LONGEST_ANSWER = 1_000
"""Tokens of an answer for whose length the request does not ask."""
MOST_AT_ONCE = 10**15
"""More than this nothing is taken to come to, in parts of its measure: sums of it fit into 64 bits."""
_SILENT = ("embeddings", "count_tokens")
"""Dialects without an answer in words."""
BATCH = 256
"""At most so many reservations and settlements share a transaction."""
ROOM = 4096
"""So many reservations may wait; the next is refused. Settlements always find room."""
_TIDY = 3600.0
_LONGEST_TURN = 0.05
"""Seconds that a process leaves the counters to the others at most, between two statements of its own."""
_CHANCES = 5
_PATIENCE = 10.0
"""Seconds that the end of the house waits for what is still to be settled."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """So many requests, tokens, and millionths of a yen."""

    requests: int
    tokens: int
    yen: int

    def of(self, measure: Measure) -> int:
        return int(getattr(self, measure))


NOTHING = Amounts(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Counted:
    """A limit that applies to an exchange, and the counter that counts it."""

    limit: Limit
    place: Place


@dataclass(frozen=True, slots=True)
class Full:
    """A limit that an exchange does not fit into: what it wanted, and what stood in the counter."""

    limit: Limit
    want: int
    standing: Standing


@dataclass(slots=True)
class Allowance:
    """What one exchange may take. ``emergency``: the id of the 災害モード that lifted the limits."""

    state: QuotaState
    at: datetime
    counted: tuple[Counted, ...] = ()
    reserved: Mapping[Place, int] = field(default_factory=dict)
    full: tuple[Full, ...] = ()
    emergency: str | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What the record of the exchange says of it, besides ``quota``."""
        return {"emergency": self.emergency} if self.emergency else {}

    def refusal(self, policy: Policy, ask: Ask, verdict: Verdict) -> Problem | None:
        """What the caller is told where nothing but a limit is in the way; None where something else is, or nothing."""
        if not self.full or not isinstance(verdict, Refuse):
            return None
        if isinstance(policy.decide(replace(ask, quota="within")), Refuse):
            return None
        return refusal(self.full, verdict, self.at)

    def done(self, request: Request) -> dict[Place, Done]:
        """How its counters are settled, by what became of the request."""
        spent = spent_by(request)
        done = {
            one.place: Done(self.reserved.get(one.place, 0), spent.of(one.limit.measure))
            for one in self.counted
        }
        return {place: one for place, one in done.items() if one.back or one.spent}


def estimate(request: Request, policy: Policy, at: datetime) -> Amounts:
    """What a request may come to, before anybody knows."""
    asked = parameters(request.body)
    longest = 0 if request.dialect in _SILENT else _whole(asked.get("max_tokens"), LONGEST_ANSWER)
    made = longest * max(1, _whole(asked.get("n"), 1))
    model = policy.models.of(request.model)
    cost = model.cost(request.characters, made, day_of(at)) if model else None
    return Amounts(1, min(request.characters + made, MOST_AT_ONCE), _millionths(cost))


def spent_by(request: Request) -> Amounts:
    """What a request came to: nothing where nothing of it left."""
    masked = request.masked
    if masked is None or not masked.sent:
        return NOTHING
    if masked.spent is None:
        return Amounts(1, 0, 0)
    cost = masked.spent.yen
    return Amounts(1, masked.spent.tokens, _millionths(Decimal(cost) if cost is not None else None))


def _whole(value: object, otherwise: int) -> int:
    return int(min(max(0, value), MOST_AT_ONCE)) if isinstance(value, int | float) else otherwise


def _millionths(cost: Decimal | None) -> int:
    return 0 if cost is None else min(int((cost * MILLIONTHS).to_integral_value(ROUND_CEILING)), MOST_AT_ONCE)


@dataclass(frozen=True, slots=True)
class _Rules:
    """The books as they were read."""

    limits: tuple[Limit, ...]
    emergencies: tuple[Emergency, ...]


class Quotas:
    """The limits of one office, for the event loop of one process."""

    def __init__(self, office: Office) -> None:
        self._limits = QuotaBook(office)
        self._emergencies = EmergencyBook(office)
        self._teller = Teller(Counters(office))
        self._rules: _Rules | None = None
        self._read_at = 0.0
        self._reading: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def reserved(
        self, caller: Caller, request: Request, policy: Policy, at: datetime
    ) -> AsyncGenerator[Allowance]:
        """What the exchange inside may take; settled as it is left, however that is.

        Raises `Unavailable` where the books cannot be read, or nothing can be reserved.
        """
        allowance = await self._allowance(caller, request, policy, at)
        try:
            yield allowance
        finally:  # no await: a hang-up cannot come between
            if done := allowance.done(request):
                self._teller.settle(done)

    async def ready(self) -> None:
        """Raises `Unavailable` where the book of limits cannot be read."""
        await self._book()

    def close(self) -> None:
        """Settle what waits, give back what is held. Waits for the store."""
        self._teller.stop()

    async def _allowance(self, caller: Caller, request: Request, policy: Policy, at: datetime) -> Allowance:
        rules = await self._book()
        if not rules.limits:
            return Allowance("unlimited", at, emergency=_in_force(rules, at))
        names = Names(
            caller.person, caller.department, caller.section, caller.tool, request.model, caller.actor
        )
        counted = tuple(_counted(rules.limits, names, at))
        emergency = _in_force(rules, at)
        limited = [one for one in counted if one.limit.most is not None]
        if emergency is not None or not limited:
            return Allowance("unlimited", at, counted, emergency=emergency)
        estimated = estimate(request, policy, at)
        wanted = {one.place: Want(estimated.of(one.limit.measure), one.limit.most or 0) for one in limited}
        try:
            answer = await self._teller.reserve(wanted)
        except CannotCount:
            raise Unavailable("office_unreadable") from None
        if answer.granted:
            amounts = {place: want.amount for place, want in wanted.items()}
            return Allowance("near" if _is_near(wanted, answer.taken) else "within", at, counted, amounts)
        full = tuple(
            Full(one.limit, wanted[one.place].amount, answer.standing[one.place])
            for one in limited
            if not _fits(wanted[one.place], answer.standing[one.place])
        )
        return Allowance("over", at, counted, full=full)

    async def _book(self) -> _Rules:
        if self._rules is None or time.monotonic() - self._read_at >= FRESH:
            if self._reading is None:  # of many who find it old, one reads
                self._reading = asyncio.create_task(self._read())
            await asyncio.shield(self._reading)
        assert self._rules is not None, "it was read, or that raised"
        return self._rules

    async def _read(self) -> None:
        from proxy.office.tables import SQLAlchemyError

        began = time.monotonic()
        try:
            self._rules = await asyncio.to_thread(self._look)
            self._read_at = began
        except (OSError, SQLAlchemyError):
            raise Unavailable("office_unreadable") from None
        finally:
            self._reading = None

    def _look(self) -> _Rules:
        return _Rules(self._limits.standing(), self._emergencies.standing())


def _in_force(rules: _Rules, at: datetime) -> str | None:
    return next((one.id for one in rules.emergencies if one.holds(at)), None)


def _counted(limits: Iterable[Limit], names: Names, at: datetime) -> Iterable[Counted]:
    on = day_of(at)
    for limit in limits:
        subject = limit.subject(names, on)
        if subject is not None:
            yield Counted(limit, Place(limit.id, subject, period_of(limit.period, at)))


def _is_near(wanted: Mapping[Place, Want], taken: Mapping[Place, int]) -> bool:
    return any(100 * taken[place] >= NEAR * want.most for place, want in wanted.items())


def _fits(want: Want, standing: Standing) -> bool:
    return standing.used + standing.reserved + want.amount <= want.most


# ── the thread ────────────────────────────────────────────────────────────────────────────────────────


class CannotCount(Exception):
    """The counters cannot be reached: nobody knows whether it fits."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether all of it was reserved. ``taken``: what each counter then held; ``standing``: what stood in the way."""

    granted: bool
    taken: Mapping[Place, int] = field(default_factory=dict)
    standing: Mapping[Place, Standing] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Job:
    """One reservation and who waits for it."""

    wanted: Mapping[Place, Want]
    loop: asyncio.AbstractEventLoop
    waiter: "asyncio.Future[Answer]"


class Teller:
    """The thread between an event loop and the counters. It starts with the first thing to do.

    Among n busy processes each takes a n-th of the counters' time: after a statement it lets as long pass as n - 1 of
    them take, and serves together whoever came meanwhile. So nobody queues for a lock, however many processes there are.
    """

    def __init__(self, counters: Counters, clock: Callable[[], float] = time.monotonic) -> None:
        self.process = f"p-{secrets.token_hex(8)}"
        self._counters = counters
        self._clock = clock
        self._jobs: deque[_Job] = deque()
        self._done: deque[Mapping[Place, Done]] = deque()
        self._bell = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._here: Process | None = None
        self._holding: dict[Place, int] = {}  # what of ours is under way, to the thread's own knowledge
        self._owed: dict[Place, Done] = {}  # what is to be settled
        self._doubtful = False  # whether the database may know it otherwise
        self._beat_at = self._tidy_at = -1.0
        self._peers = 0
        self._pace = math.inf  # seconds that our statements take when nobody is in the way
        self._free_at = self._count_at = 0.0  # when it is our turn again; when to look who else there is

    async def reserve(self, wanted: Mapping[Place, Want]) -> Answer:
        """Reserve all of it or nothing. Raises `CannotCount`. Whoever is cancelled meanwhile holds nothing."""
        loop = asyncio.get_running_loop()
        job = _Job(wanted, loop, loop.create_future())
        with self._bell:
            if self._stopping or len(self._jobs) >= ROOM:
                raise CannotCount
            self._jobs.append(job)
            self._wake()
        try:
            return await job.waiter
        except asyncio.CancelledError:
            if job.waiter.done() and not job.waiter.cancelled() and not job.waiter.exception():
                self._take_back(job, job.waiter.result())
            raise

    def settle(self, done: Mapping[Place, Done]) -> None:
        """Hand in what became of a reservation. Waits for nobody, and is done in its turn."""
        with self._bell:
            self._done.append(done)
            self._wake()

    def stop(self) -> None:
        """Settle what waits and give back what is held; wait for it no longer than a few seconds."""
        with self._bell:
            self._stopping = True
            self._bell.notify()
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def _wake(self) -> None:
        if self._thread is None and not self._stopping:
            self._thread = threading.Thread(target=self._run, name="sekisho-quotas", daemon=True)
            self._thread.start()
        self._bell.notify()

    def _take_back(self, job: _Job, answer: Answer) -> None:
        if answer.granted:
            self.settle({place: Done(want.amount, 0) for place, want in job.wanted.items()})

    # what follows is the thread's own

    def _run(self) -> None:
        while True:
            jobs, last = self._take()
            if jobs or self._owed:
                began = time.monotonic()
                self._serve(jobs)
                self._leave_to_others(began, time.monotonic())
            if last:
                break
            self._keep_beating()
        self._farewell()

    def _take(self) -> tuple[list[_Job], bool]:
        with self._bell:
            if not (self._jobs or self._done or self._stopping):
                self._bell.wait(max(0.0, self._beat_at - self._clock()) if self._here else BEAT)
            if self._jobs or self._done:
                self._bell.wait_for(lambda: self._stopping, self._free_at - time.monotonic())
            for done in (self._done.popleft() for _ in range(min(BATCH, len(self._done)))):
                self._owe(done)
            jobs = [self._jobs.popleft() for _ in range(min(BATCH, len(self._jobs)))]
            return jobs, self._stopping and not self._jobs and not self._done

    def _leave_to_others(self, began: float, ended: float) -> None:
        took = ended - began
        if took > 2 * self._pace and ended >= self._count_at:  # perhaps there are more by now
            self._count_at = ended + 1.0
            with suppress(Exception):
                self._peers = self._counters.peers(self.process)
        self._pace = min(1.1 * self._pace, took)
        self._free_at = ended + min(self._peers * self._pace, _LONGEST_TURN)

    def _owe(self, done: Mapping[Place, Done]) -> None:
        for place, one in done.items():
            owed = self._owed.get(place, Done(0, 0))
            self._owed[place] = Done(owed.back + one.back, owed.spent + one.spent)
            if left := self._holding.get(place, 0) - one.back:
                self._holding[place] = left
            else:
                self._holding.pop(place, None)

    def _serve(self, jobs: Sequence[_Job]) -> None:
        answers: Sequence[Answer | Exception]
        before = dict(self._holding)
        for chance in (1, 2):  # a connection may have been cut while nobody needed it
            try:
                self._introduce()
                self._pay()
                answers = self._reserve(jobs)
                break
            except Exception as error:
                self._doubtful, self._holding = True, dict(before)
                answers = [CannotCount() for _ in jobs]
                if chance == 2:
                    log.error("limits cannot be counted", error=type(error).__name__, waiting=len(jobs))
        for loop in {job.loop for job in jobs}:
            mine = [pair for pair in zip(jobs, answers, strict=True) if pair[0].loop is loop]
            with suppress(RuntimeError):  # the loop is closed: what is held comes back with the process
                loop.call_soon_threadsafe(self._deliver, mine)

    def _deliver(self, answers: Sequence[tuple[_Job, Answer | Exception]]) -> None:
        """In the event loop."""
        for job, answer in answers:
            if isinstance(answer, Exception):
                if not job.waiter.done():
                    job.waiter.set_exception(answer)
            elif job.waiter.done():  # cancelled meanwhile
                self._take_back(job, answer)
            else:
                job.waiter.set_result(answer)

    def _introduce(self) -> None:
        """Before anything is held somebody must be able to see that we live; before that, what the dead held comes back."""
        if self._here is None:
            here = this_process()
            self._counters.recover(self.process, here)
            self._counters.beat(self.process, here)
            self._peers = self._counters.peers(self.process)
            self._here, self._beat_at = here, self._clock() + BEAT
        if self._doubtful:
            self._put_right()

    def _put_right(self) -> None:
        """What the database takes to be ours is what is under way. Nobody knows whether what is owed was settled, so
        that what was spent is counted again, and what comes back is what is held beyond that. What is missing was given
        back by others, who took us for dead: it is taken up again, whatever the limit says."""
        self._owed = {place: Done(0, one.spent) for place, one in self._owed.items()}
        held = self._counters.held(self.process)
        more = {place: held.get(place, 0) - self._holding.get(place, 0) for place in {*held, *self._holding}}
        self._counters.settle(self.process, {p: Done(n, 0) for p, n in more.items() if n > 0})
        self._counters.take_up(self.process, {p: -n for p, n in more.items() if n < 0})
        self._doubtful = False

    def _pay(self) -> None:
        owed = {place: one for place, one in self._owed.items() if one.back or one.spent}
        self._counters.settle(self.process, owed)
        self._owed.clear()

    def _reserve(self, jobs: Sequence[_Job]) -> list[Answer]:
        """All together, where that fits; else those together that fit, in their turn; else one by one."""
        if not jobs:
            return []
        if (taken := self._reserve_sum(jobs)) is not None:
            return [Answer(True, taken) for _ in jobs]
        standing = self._counters.standing(place for job in jobs for place in job.wanted)
        fitting, beside = _fitting(jobs, standing)
        if not fitting:
            return [Answer(False, standing=beside) for _ in jobs]
        if (taken := self._reserve_sum(fitting)) is not None:
            fit = set(map(id, fitting))
            return [Answer(True, taken) if id(job) in fit else Answer(False, standing=beside) for job in jobs]
        return [self._reserve_one(job) for job in jobs]

    def _reserve_one(self, job: _Job) -> Answer:
        for _ in range(_CHANCES):  # until it is reserved, or something is seen that stands in the way
            if (taken := self._reserve_sum([job])) is not None:
                return Answer(True, taken)
            standing = self._counters.standing(job.wanted)
            if not _all_fit(job, standing):
                return Answer(False, standing=standing)
        raise CannotCount

    def _reserve_sum(self, jobs: Sequence[_Job]) -> dict[Place, int] | None:
        total: dict[Place, Want] = {}
        for job in jobs:
            for place, want in job.wanted.items():
                before = total.get(place)
                total[place] = (
                    Want(before.amount + want.amount, min(before.most, want.most)) if before else want
                )
        taken = self._counters.reserve(self.process, total)
        if taken is not None:
            for place, want in total.items():
                self._holding[place] = self._holding.get(place, 0) + want.amount
        return taken

    def _keep_beating(self) -> None:
        now = self._clock()
        if self._here is None or now < self._beat_at:
            return
        self._beat_at = now + BEAT
        try:
            if not self._counters.beat(self.process, self._here):
                log.warning("taken for dead by others; what is under way is reserved again")
                self._put_right()
            self._peers = self._counters.peers(self.process)
            if given := self._counters.recover(self.process, self._here):
                log.warning("reservations of dead processes came back", processes=given)
            if now >= self._tidy_at:
                self._tidy_at = now + _TIDY
                self._counters.tidy(time.time())
        except Exception as error:
            self._doubtful = True
            log.warning("no sign of life for the limits", error=type(error).__name__)

    def _farewell(self) -> None:
        try:
            if self._here is not None:
                self._counters.leave(self.process)
        except Exception as error:
            log.warning("reservations are left to others", error=type(error).__name__)
        finally:
            self._counters.close()


def _fitting(
    jobs: Sequence[_Job], standing: Mapping[Place, Standing]
) -> tuple[list[_Job], Mapping[Place, Standing]]:
    """Those that fit beside what stands, in their turn; and what stands then."""
    stands, fitting = dict(standing), []
    for job in jobs:
        if _all_fit(job, stands):
            fitting.append(job)
            for place, want in job.wanted.items():
                stands[place] = stands[place]._replace(reserved=stands[place].reserved + want.amount)
    return fitting, stands


def _all_fit(job: _Job, standing: Mapping[Place, Standing]) -> bool:
    return all(_fits(want, standing[place]) for place, want in job.wanted.items())


# ── what the caller is told ───────────────────────────────────────────────────────────────────────────


def refusal(full: Sequence[Full], verdict: Verdict, at: datetime) -> OverQuota:
    """Which limit it is, when it starts anew, and what to do. Of several, the one that lasts longest."""
    one = max(full, key=lambda each: begins_anew(each.limit.period, at))
    anew = begins_anew(one.limit.period, at)
    most = one.limit.most or 0
    wait = None
    if one.limit.period == "minute" and one.want <= most:
        wait = max(1, round((anew - at).total_seconds()))
    says = _which(one)
    what_next = _closed() if most == 0 else _too_long() if one.want > most else _when(one, anew, wait)
    ja, en = says.ja + what_next.ja, f"{says.en} {what_next.en}"
    for rule in verdict.decisive[:1]:
        if rule.remedy:
            ja, en = ja + rule.remedy.ja, f"{en} {rule.remedy.en}"
    return OverQuota(Bilingual(ja, en), [rule.id for rule in verdict.decisive], wait)


def _which(full: Full) -> Bilingual:
    limit = full.limit
    whose_ja, whose_en = _WHOSE[limit.scope]
    per_ja, per_en = _PER[limit.period]
    amount = f"{limit.amount:,}"
    much_ja, much_en = {
        "requests": (f"回数 {amount}回", f"{amount} requests"),
        "tokens": (f"文章の量 {amount}トークン", f"{amount} tokens"),
        "yen": (f"費用 {amount}円", f"{amount} yen"),
    }[limit.measure]
    return Bilingual(
        f"{whose_ja}{per_ja}の上限({much_ja})に達したため、送信しませんでした。",
        f"{whose_en} limit of {much_en} a {per_en} is reached, so nothing was sent.",
    )


_WHOSE: Mapping[Literal["house", "person", "section", "tool", "model"], tuple[str, str]] = {
    "house": ("市全体の", "The whole city's"),
    "person": ("あなたの", "Your"),
    "section": ("あなたの課の", "Your section's"),
    "tool": ("このツールの", "This tool's"),
    "model": ("このモデルの", "This model's"),
}
_PER: Mapping[Literal["minute", "day", "month", "year"], tuple[str, str]] = {
    "minute": ("1分", "minute"),
    "day": ("1日", "day"),
    "month": ("1か月", "month"),
    "year": ("年度", "fiscal year"),
}


def _when(full: Full, anew: datetime, wait: int | None) -> Bilingual:
    if wait is not None:
        return Bilingual(f"{wait}秒後に、もう一度お試しください。", f"Try again in {wait} seconds.")
    day = anew.astimezone(JST)
    ja = f"{day.month}月{day.day}日0時から、また使えます。"
    en = f"It starts anew on {day.date().isoformat()} (Japan)."
    if full.standing.used + full.want <= (full.limit.most or 0):  # what is in the way is under way
        ja = f"ほかの処理が終わると空くことがあります。空かなければ、{ja}"
        en = f"Some of it may come back as requests under way end; if not: {en}"
    return Bilingual(ja, en)


def _closed() -> Bilingual:
    return Bilingual(
        "いまは使わないことに決められているためで、待っても使えるようにはなりません。",
        "It is set to nothing for now: waiting does not help.",
    )


def _too_long() -> Bilingual:
    return Bilingual(
        "この要求は、それだけで上限を超えます。文章を短くするか、返事の長さの指定(max_tokens)を小さくしてください。",
        "This one request is more than the whole limit: shorten it, or ask for a shorter answer (max_tokens).",
    )
