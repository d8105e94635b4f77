"""The house: the rooms put together once, at start, and handed to whoever carries an exchange."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from audit.anchors import Anchors
from audit.ledger import Ledger
from audit.originals import Sealed
from policies.complaints import PolicyError
from policies.decide import Policy
from policies.files import load
from policies.model import Ask, Permit, Refuse, Verdict
from policies.vocabulary import ENTITY_TYPES
from proxy import evidence
from proxy.callers import Caller
from proxy.errors import Unavailable
from proxy.found import Findings
from proxy.home import prepare
from proxy.office.keys import KeyBook
from proxy.originals import Originals, master_of, originals_of
from proxy.providers.door import Providers
from proxy.providers.routes import routes
from proxy.settings import BadSettings, Settings
from proxy.surfaces.request import Request
from proxy.uttered import Uttered, said_in
from redaction import allowed, rules
from redaction.detector import Detector
from redaction.model import CannotDetect
from redaction.recognizers import kinds
from redaction.vault import Vault, caller_key


@dataclass(frozen=True, slots=True)
class House:
    """Everything one exchange needs. Made by `build` inside the running event loop.

    ``originals`` is None where the policy keeps none.
    """

    detector: Detector
    policy: Policy
    ledger: Ledger
    anchors: Anchors
    providers: Providers
    book: KeyBook
    secret: bytes = field(repr=False)
    originals: Originals | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def vault_key(self, caller: Caller) -> bytes:
        """The key of this caller's vaults: same person and key, same placeholders, in every process."""
        return caller_key(self.secret, f"{caller.key}\0{caller.person}")

    async def sealed(self, caller: Caller, request: Request, verdict: Verdict, vault: Vault) -> Sealed | None:
        """What the placeholders of a request stand for, sealed; None where it is not kept (originals.py)."""
        if self.originals is None:
            return None
        return await self.originals.sealed(
            vault.values,
            verdict,
            exchange=request.id,
            conversation=request.declared.conversation,
            whose=f"{caller.key}\0{caller.person}",
            at=self.clock(),
        )

    def strictly(self, caller: Caller, request: Request) -> bool:
        """Whether the policy asks for a strict search, by what is known before the search."""
        return self.policy.strict(request.ask(caller, [()] * len(request.texts), self.clock()))

    def others(
        self, caller: Caller, request: Request, findings: Findings, verdict: Verdict
    ) -> tuple[str, ...]:
        """The models that may be asked when this one fails: those the model list names and the policy permits.

        What leaves is masked for this verdict, so another model must be allowed to see as much.
        """
        ask = request.ask(caller, findings, self.clock())

        def may_be_asked(model: str) -> bool:
            tier = self.providers.destination(model)
            other = self.policy.decide(replace(ask, model=model, destination=tier))
            permitted = isinstance(other, Permit) and other.revealed >= verdict.revealed
            return permitted and request.may_go_to(tier) and self._as_strict(caller, request, model)

        return tuple(filter(may_be_asked, self.providers.others(request.model, request.dialect)))

    def _as_strict(self, caller: Caller, request: Request, other: str) -> bool:
        """Whether the search that was made is as strict as this other model wants it."""
        if self.strictly(caller, request):
            return True
        blank = request.ask(caller, [()] * len(request.texts), self.clock())
        return not self.policy.strict(
            replace(blank, model=other, destination=self.providers.destination(other))
        )

    def uttered(self, caller: Caller, request: Request) -> Uttered:
        """The watch over what the model says of its own accord in its answer to this masked request."""
        assert request.masked is not None
        names_too = caller.mask_reply_names
        asked = f"{said_in(request.masked.body)}\n{request.masked.text}"  # as it reads, and as JSON
        return Uttered(self.detector, asked, names_too, masks=request.masks_reply)

    async def ready(self) -> None:
        """Find, decide, seal and record for real, on nobody's data. Raises what stands in the way.

        A My Number is looked for because such a text is never remembered: it is searched each time.
        """
        (found,) = await self.detector.find([_SOMETHING_TO_FIND])
        if not found:
            raise CannotDetect("detector_broken")
        verdict = self.policy.decide(replace(_NOBODY, at=self.clock()))
        if isinstance(verdict, Refuse) and verdict.error:
            raise Unavailable("policy_error")
        if self.originals is not None:
            await self.originals.ready(self.clock())
        await self.ledger.probe()

    async def close(self) -> None:
        await self.providers.close()
        await asyncio.to_thread(self.ledger.stop)
        await asyncio.to_thread(self.anchors.stop)
        if self.originals is not None:
            self.originals.close()
        self.detector.close()
        self.book.close()


def build(settings: Settings) -> House:
    """Open the rooms. The detector is not loaded yet and refuses until it is: see `Detector.load`.

    Raises OSError, `BadSettings` or `PolicyError` for what an operator has to mend first. A ledger
    that cannot be written does not stop the start: every exchange is refused until it can.
    """
    home = prepare(settings.home, own_key=evidence.has_own_key(settings))
    secret = home.secret()
    policy = policy_of(settings)
    ways = routes(settings)
    anchors = evidence.anchors_of(settings)
    ledger = evidence.ledger_of(settings, anchors)
    detector = Detector(
        allow=allowed.read_allowed(settings.allow or allowed.DEFAULT),
        workers=settings.detector_workers,
        queue=settings.detector_queue,
        timeout=settings.detector_timeout,
        rules=settings.rules,
    )
    originals = originals_of(settings, policy, home, detector)
    ledger.start()
    anchors.start()
    return House(
        detector,
        policy,
        ledger,
        anchors,
        Providers(settings, ways),
        KeyBook(settings.office_path, secret),
        secret,
        originals,
    )


def inspect(settings: Settings) -> None:
    """Whatever an operator has to mend before a start. Raises `BadSettings` with one sentence about it.

    A ledger that cannot be written is not among it: the house stands, and refuses until it can.
    """
    from proxy.office.tables import SQLAlchemyError

    try:
        home = prepare(settings.home, own_key=evidence.has_own_key(settings))
        secret = home.secret()
        if policy_of(settings).originals_days:
            master_of(settings, home)
        routes(settings)
        allowed.read_allowed(settings.allow or allowed.DEFAULT)
        evidence.ledger_of(settings)
        evidence.anchors_of(settings)
        KeyBook(settings.office_path, secret).close()
    except OSError as error:
        raise BadSettings(
            f"{error.filename}: 読み書きできません / cannot be used: {error.strerror}"
        ) from None
    except UnicodeDecodeError:
        raise BadSettings(
            "設定で指定したファイルがUTF-8ではありません / a file of the settings is not UTF-8"
        ) from None
    except SQLAlchemyError:
        raise BadSettings(f"{settings.office_path}: 帳簿として開けません / is no book of keys") from None
    except (ValueError, PolicyError) as error:
        raise BadSettings(str(error)) from None


def policy_of(settings: Settings) -> Policy:
    """The policy in force, read and checked against every type the detector knows.

    Raises `PolicyError`, or ValueError for a rules file that cannot be used.
    """
    ruled = {rule.kind for rule in rules.read(settings.rules)} if settings.rules else set()
    return load(settings.policy, tuple({*ENTITY_TYPES, *kinds(), *ruled}))


_SOMETHING_TO_FIND = "個人番号 123456789018"
_NOBODY = Ask(
    person="", department="", section="", actor="robot", identity="authenticated", tool="readyz",
    enrolled=False, trained=False, acknowledged=False, dialect="chat", model="none", destination="D4",
    category="training", declared_class=None, entities=(), characters=0,
    at=datetime(2026, 4, 1, tzinfo=UTC),
)  # fmt: skip
