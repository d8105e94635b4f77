"""The rules in force in this process: which version counts, and how one gives way to the next.

One exchange is carried under one version, from the strict search to the record; a change is one assignment. A new
version counts once the ledger says so, never before (no record, no change); until then the old one does. A file
that is broken, gone, or not yet of force changes nothing: it is logged and noted in the ledger, once for each
content. A file that is just being written is not read: it must look the same twice.

Reads files and notes changes; decides nothing itself.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NoReturn

import structlog

from audit.address import address_of
from audit.ledger import Ledger
from audit.model import CannotRecord, Draft
from audit.query import CANNOT_READ, of_kind
from policies import files
from policies.complaints import Complaint, PolicyError
from policies.days import day_of
from policies.decide import Policy
from policies.vocabulary import ENTITY_TYPES
from proxy.errors import Unavailable
from proxy.home import Home
from proxy.office.noting import os_user
from proxy.office.policy_versions import SHIPPED, Shelf, holds_number, in_force
from proxy.originals import Originals, Searching, originals_of
from proxy.settings import Settings
from redaction import rules as own_rules
from redaction.recognizers import kinds

log = structlog.get_logger()

EVERY = 0.3
"""Seconds between two looks at the files. What changed counts after two of them, and the reading."""

_PATIENCE = 30.0
"""Seconds a note may take to be durable; then it is tried again."""


@dataclass(frozen=True, slots=True)
class Rules:
    """One version of the rules. ``originals`` keeps what this policy wants kept; None where it keeps none."""

    policy: Policy
    originals: Originals | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What is to be the policy, as it lies there. ``digest``: what it must be, where an activated version says so."""

    file: Path
    content: bytes
    digest: str | None = None
    lists: bytes = b""

    @property
    def key(self) -> str:
        """The same for the same file with the same content, and the same word lists that it may include."""
        seen = hashlib.sha256(str(self.file).encode() + b"\0" + self.content)
        seen.update(self.lists)
        return seen.hexdigest()


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why something is not the policy: the name of the file without its folder, and the line if there is one.

    ``reason``: broken, unreadable, rules_file (the city's own kinds of data), master_key, or not_effective_yet,
    which is over on the day ``opens`` (JST).
    """

    file: str
    line: int | None
    reason: str
    opens: date | None = None


class Rulebook:
    """Holds the version in force. Made with the one it starts with; `keep` looks for the next ones.

    ``clock`` gives the present moment with its time zone. ``first`` is the version that it starts with, which does
    not count before the ledger knows of it. Raises PolicyError, or OSError or ValueError for a
    master key that cannot be used, where it cannot start.
    """

    def __init__(
        self,
        settings: Settings,
        home: Home,
        ledger: Ledger,
        detector: Searching,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._home = home
        self._ledger = ledger
        self._detector = detector
        self._clock = clock
        self._shelf = Shelf(settings.home)
        self._originals: dict[int, Originals] = {}
        self._rules: Rules | None = None
        self._rejected: Rejected | None = None
        self._begun = asyncio.Event()
        seen = seen_by(settings, self._today())
        self.first = self._made(seen)
        self._next: tuple[str, Rules | Rejected] | None = seen.key, self.first
        self._settling = self._dealt = ""
        self._opens: date | None = None

    @property
    def rules(self) -> Rules:
        """The version in force. Raises `Unavailable` until the ledger knows of the first one."""
        if self._rules is None:
            raise Unavailable("policy_not_recorded")
        return self._rules

    @property
    def rejected(self) -> Rejected | None:
        """Why what lies there now is not the policy in force; None while it is."""
        return self._rejected

    def known(self) -> Policy:
        """The policy in force; before there is one, the one that it will be as far as anybody knows."""
        return (self._rules or self.first).policy

    def officer(self) -> str | None:
        """Who answers for the use of AI, as the policy in force says it."""
        return self.known().officer

    async def begun(self, patience: float) -> None:
        """Wait until the first version is in force, but not longer than ``patience`` seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._begun.wait(), patience)

    async def keep(self) -> NoReturn:
        """Look again and again, until cancelled."""
        told = False
        while True:
            try:
                await self.look()
                told = False
            except CannotRecord as error:  # tried again: what is not recorded does not count
                if not told:
                    log.warning("policy not recorded", reason=error.reason)
                told = True
            except Exception as error:
                log.error("policy not looked at", exc_info=error)
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """One look; what has changed and settled counts when this returns. Raises CannotRecord."""
        if self._rules is not None:
            await self._see()
        if self._next is not None:
            key, found = self._next
            await (self._take(found) if isinstance(found, Rules) else self._note_rejection(found))
            self._next, self._dealt = None, key

    def close(self) -> None:
        for originals in self._originals.values():
            originals.close()

    # ── what lies there ──────────────────────────────────────────────────────────────────────────

    async def _see(self) -> None:
        """Read what has changed since it was dealt with last, once it has been the same twice."""
        today = self._today()
        found: Rules | Rejected
        try:
            seen = await asyncio.to_thread(seen_by, self._settings, today)
            key = seen.key
        except PolicyError as error:
            seen, found = None, _rejected_for(error.complaints[0])
            key = str(found)
        of_age = self._opens is not None and today >= self._opens
        if key == (self._next[0] if self._next else None):
            return
        if key == self._dealt and not of_age:
            if self._next is not None and isinstance(self._next[1], Rules):
                # taken back before it could be noted: it must not count later, when nothing says so any more
                self._next, self._settling = None, ""
            return
        if key != self._settling:
            self._settling = key
            return
        if seen is not None:
            found = await asyncio.to_thread(self._tried, seen, today)
        if isinstance(found, Rejected):
            self._reject(found)
        self._opens = found.opens if isinstance(found, Rejected) else None
        self._next, self._settling = (key, found), ""

    def _tried(self, seen: Seen, today: date) -> Rules | Rejected:
        """The rules that were seen, or why they are none. Blocks: policies are large."""
        try:
            rules = self._made(seen)
        except PolicyError as error:
            return _rejected_for(error.complaints[0])
        except own_rules.RulesError as error:
            log.error("rules file not usable", exc_info=error)
            assert self._settings.rules is not None  # nothing else is read as one
            return Rejected(self._settings.rules.name, None, "rules_file")
        except (OSError, ValueError) as error:  # the master key of the originals
            log.error("no master key", exc_info=error)
            return Rejected(seen.file.name, None, "master_key")
        if rules.policy.effective and rules.policy.effective > today:
            return Rejected(seen.file.name, None, "not_effective_yet", rules.policy.effective)
        return rules

    def _made(self, seen: Seen) -> Rules:
        policy = policy_in(seen, self._settings)
        days = policy.originals_days
        if days and days not in self._originals:
            made = originals_of(self._settings, policy, self._home, self._detector)
            if made is not None:
                self._originals[days] = made  # kept for good: exchanges of the old version may still seal
        return Rules(policy, self._originals.get(days))

    def _today(self) -> date:
        return day_of(self._clock())

    # ── what counts ──────────────────────────────────────────────────────────────────────────────

    async def _take(self, new: Rules) -> None:
        """From here on new exchanges are carried under ``new``. Raises CannotRecord; then nothing changes."""
        before = self._rules.policy.digest if self._rules else None
        policy = new.policy
        if policy.digest != before:
            known = await asyncio.to_thread(self._shelf.holds, policy.digest)
            body = {"name": policy.name, "version": policy.version, "digest": policy.digest, "from": before}
            await self._note("policy.in_force", body if known else body | _document(policy))
            self._rules = new
            log.info("policy in force", policy=policy.name, version=policy.version, digest=policy.digest)
            if not known:
                await self._store(policy)
        self._rejected = None
        self._begun.set()

    async def _store(self, policy: Policy) -> None:
        """Keep it to be found by its digest; the ledger has it, so that this may fail and be done next time."""
        try:
            await asyncio.to_thread(self._shelf.keep, policy)
        except OSError as error:
            log.error("policy not stored", exc_info=error)

    def _reject(self, found: Rejected) -> None:
        self._rejected = found
        where = found.file if found.line is None else f"{found.file}:{found.line}"
        log.warning("alarm", kind="policy.rejected", where=where, reason=found.reason)

    async def _note_rejection(self, found: Rejected) -> None:
        kept = {"digest": self._rules.policy.digest if self._rules else None}
        body = {"file": found.file, "line": found.line, "reason": found.reason}
        await self._note("policy.rejected", body | kept)

    async def _note(self, event: str, body: dict[str, Any]) -> None:
        draft = Draft("noted", None, {"event": event, "by": os_user(), **body})
        try:
            await asyncio.wait_for(self._ledger.append(draft), _PATIENCE)
        except TimeoutError:
            raise CannotRecord("ledger_silent") from None


def seen_by(settings: Settings, today: date) -> Seen:
    """What is to be the policy on a day (JST): what the setting says, else the activated version, else the shipped one.

    Raises PolicyError where it cannot be read.
    """
    if settings.policy:
        return _lying_at(files.find(settings.policy))
    shelf = Shelf(settings.home)
    version = in_force(shelf.versions(), today)
    if version is None:
        return _lying_at(files.find(SHIPPED))
    file = shelf.folder / f"{version.digest}.json"
    return Seen(file, files.read(file), version.digest)


def _lying_at(file: Path) -> Seen:
    return Seen(file, files.read(file), lists=files.lists_near(file))


def policy_in(seen: Seen, settings: Settings) -> Policy:
    """The policy that was seen. Raises PolicyError, or RulesError for a rules file that cannot be used."""
    types = entity_types(settings)
    if seen.digest is None:
        return files.parse(seen.content, str(seen.file), types)
    return Shelf(settings.home).policy(seen.digest, types)


def policy_of(settings: Settings, today: date | None = None) -> Policy:
    """The policy that counts on a day (JST; today), checked against every type the detector knows.

    Raises `PolicyError`, or ValueError for a rules file that cannot be used.
    """
    return policy_in(seen_by(settings, today or day_of(datetime.now(UTC))), settings)


def by_digest(settings: Settings, digest: str, types: Sequence[str] | None = None) -> Policy | None:
    """The policy with this digest: one that this house has had, one that ships, the setting's, one in the ledger.

    ``types``: those that it is to know; by default all that this house finds today. None where nobody knows the
    policy. Raises PolicyError for one that this release cannot read any more.
    """
    types = entity_types(settings) if types is None else types
    shelf = Shelf(settings.home)
    if shelf.holds(digest):
        return shelf.policy(digest, types)
    for source in (*files.city_names(), *filter(None, [settings.policy])):
        with suppress(PolicyError):
            policy = files.load(source, types)
            if policy.digest == digest:
                return policy
    data = _document_in_ledger(settings, digest)
    return None if data is None else files.remade(data, f"{digest}.json", types)


def entity_types(settings: Settings) -> tuple[str, ...]:
    """Every type that a rule may name, always in one order. Raises RulesError for a rules file that cannot be used."""
    ruled = [rule.kind for rule in own_rules.read(settings.rules)] if settings.rules else []
    return tuple(dict.fromkeys([*ENTITY_TYPES, *kinds(), *ruled]))


def _document_in_ledger(settings: Settings, digest: str) -> Any:
    """What a `noted` record says that this policy says; None where none does, or there is no ledger."""
    with suppress(*CANNOT_READ):
        for record in of_kind(address_of(settings.ledger_location), "noted"):
            if digest not in record.body:
                continue
            data = json.loads(record.body).get("document")
            if data is not None and files.digest_of(data) == digest:
                return data
    return None


def _document(policy: Policy) -> dict[str, Any]:
    """All that a policy says; left out where it holds a number that the ledger must not keep."""
    return {} if holds_number(policy.data) else {"document": dict(policy.data)}


def _rejected_for(complaint: Complaint) -> Rejected:
    unreadable = complaint.line is None
    return Rejected(Path(complaint.file).name, complaint.line, "unreadable" if unreadable else "broken")
