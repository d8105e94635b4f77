"""The house: the rooms put together once, at start, and handed to whoever carries an exchange."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import NoReturn

from audit.address import address_of
from audit.anchors import Anchors
from audit.incidents.closed import read_calendar
from audit.ledger import Ledger
from audit.originals import Sealed
from policies.complaints import PolicyError
from policies.days import day_of
from policies.decide import Policy
from policies.model import Ask, DestinationTier, Permit, Refuse, Verdict
from proxy import evidence
from proxy.alerting.duties import duties_of, opened
from proxy.alerting.terms import terms_of as alerts_of
from proxy.callers import Caller
from proxy.consents import Asking, Consents, Way
from proxy.errors import Unavailable, no_such_model
from proxy.followers import Duty
from proxy.found import Findings
from proxy.home import prepare
from proxy.kill_switch import KillSwitch
from proxy.metrics import Metrics, Names, listen, place_of
from proxy.office.confirmations import ConfirmationBook
from proxy.office.register import Register
from proxy.office.stops import StopBook
from proxy.office.store import Office, office_of
from proxy.oidc import Directory, directory_of, terms_of
from proxy.originals import Originals, master_of
from proxy.outlets.duties import outlets_of, sinks_of
from proxy.outlets.terms import listed_in
from proxy.providers.door import Providers
from proxy.providers.routes import routes
from proxy.quotas import Quotas
from proxy.rulebook import Rulebook, entity_types, policy_of
from proxy.settings import BadSettings, Settings
from proxy.surfaces import models
from proxy.surfaces.reply import Chunk
from proxy.surfaces.request import Masked, Request
from proxy.uttered import Uttered, said_in
from redaction import allowed
from redaction.detector import Detector
from redaction.model import CannotDetect
from redaction.vault import Vault, caller_key


@dataclass(frozen=True, slots=True)
class House:
    """Everything one exchange needs. Made by `build` inside the running event loop.

    ``policy`` and ``originals`` (None where the policy keeps none) are one version of the rules: see `now`.
    ``rulebook`` None: they stay as they are.
    """

    detector: Detector
    policy: Policy
    ledger: Ledger
    anchors: Anchors
    providers: Providers
    switch: KillSwitch
    office: Office
    register: Register
    consents: Consents
    quotas: Quotas
    secret: bytes = field(repr=False)
    directory: Directory | None = None
    originals: Originals | None = None
    rulebook: Rulebook | None = None
    followers: tuple[Duty, ...] = ()
    metrics: Metrics | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def now(self) -> "House":
        """The house under the version of the rules that is in force at this moment: what one exchange is carried by.

        Raises `Unavailable` until there is one.
        """
        if self.rulebook is None:
            return self
        rules = self.rulebook.rules
        if rules.policy is self.policy:
            return self
        return replace(self, policy=rules.policy, originals=rules.originals)

    def duties(self) -> list[Coroutine[None, None, NoReturn]]:
        """What has to be done all the time that the house is open."""
        watching = [self.rulebook.keep()] if self.rulebook else []
        following = [follower.keep() for follower in self.followers]
        if (metrics := self.metrics) is not None:
            watching.append(listen(*metrics.place, lambda: metrics.told(self)))
        return [*watching, *following, self.switch.keep(), self.switch.note(), self.consents.keep()]

    def ask(self, caller: Caller, masked: Masked) -> AsyncGenerator[Chunk]:
        """The answer to a masked request, for as long as nobody stops it. Raises `UpstreamFailed`, `Halted`."""

        def may_be_asked(model: str) -> bool:
            return self.switch.halt(caller.section, caller.tool, model) is None

        return self.switch.guarded(caller, masked, self.providers.ask(masked, may_be_asked))

    def vault_key(self, caller: Caller) -> bytes:
        """The key of this caller's vaults: same person and key, same placeholders, in every process."""
        return caller_key(self.secret, f"{caller.key}\0{caller.person}")

    async def consent(
        self, caller: Caller, request: Request, ask: Ask, findings: Findings, verdict: Verdict, strict: bool
    ) -> Way:
        """What a person's confirmation opens to this request, or who has to be asked (consents.py)."""
        asking = Asking(caller, request, ask, findings, verdict, self.policy, strict)
        return await self.consents.sought(self.detector, asking)

    async def sealed(
        self, caller: Caller, request: Request, verdict: Verdict, vault: Vault, confirmed: bool = False
    ) -> Sealed | None:
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
            confirmed=confirmed,
        )

    def strictly(self, caller: Caller, request: Request, at: datetime) -> bool:
        """Whether the policy asks for a strict search, by what is known before the search."""
        return self.policy.strict(request.ask(caller, [()] * len(request.texts), at, self.policy))

    def others(self, request: Request, ask: Ask, verdict: Verdict, strict: bool) -> tuple[str, ...]:
        """The models that may be asked when this one fails: those the model list names and the policy permits.

        What leaves was searched as ``strict`` says and masked for this verdict, so another model must be content
        with that search and be allowed to see as much.
        """

        def may_be_asked(model: str) -> bool:
            tier = self.providers.destination(model)
            its = replace(ask, model=model, destination=tier)
            other = self.policy.decide(its)
            permitted = isinstance(other, Permit) and other.revealed >= verdict.revealed
            may_go = request.may_go_to(other.derived.destination if other.derived else tier)
            return permitted and may_go and (strict or not self.policy.strict(its.unsearched()))

        return tuple(filter(may_be_asked, self.providers.others(request.model, request.dialect)))

    def destination(self, model: str) -> DestinationTier:
        """The destination tier of a model's route. Raises `Problem` 404 that names those that may be asked for."""
        if (names := self.providers.named()) is not None and model not in names:
            raise no_such_model(self.usable(day_of(self.clock())))
        return self.providers.destination(model)

    def usable(self, on: date) -> list[str]:
        """The models that may be asked for by name: on the model list, and approved by the policy on a day."""
        return models.approved(self.providers.named(), self.policy, on)

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
        if (halt := self.switch.halt_of_all()) is not None:
            raise halt
        (found,) = await self.detector.find([_SOMETHING_TO_FIND])
        if not found:
            raise CannotDetect("detector_broken")
        verdict = self.policy.decide(replace(_NOBODY, at=self.clock()))
        if isinstance(verdict, Refuse) and verdict.error:
            raise Unavailable("policy_error")
        if self.originals is not None:
            await self.originals.ready(self.clock())
        await self.quotas.ready()
        await self.ledger.probe()

    def remarks(self) -> dict[str, object]:
        """What somebody has to look at although the house is ready; nothing where all is well."""
        stops, rejected = len(self.switch.stops), self.rulebook.rejected if self.rulebook else None
        behind = {one.name: one.trouble for one in self.followers if one.trouble}
        remarks: dict[str, object] = {"stops": stops} if stops else {}
        remarks |= {"policy": rejected.reason} if rejected else {}
        return remarks | ({"followers": behind} if behind else {})

    async def close(self) -> None:
        await self.providers.close()
        await asyncio.to_thread(self.quotas.close)
        if self.directory is not None:
            await self.directory.close()
        await asyncio.to_thread(self.ledger.stop)
        await asyncio.to_thread(self.anchors.stop)
        if self.rulebook is not None:
            self.rulebook.close()
        self.detector.close()
        self.office.close()


def build(settings: Settings) -> House:
    """Open the rooms. The detector is not loaded yet and refuses until it is: see `Detector.load`.

    Raises OSError, `BadSettings` or `PolicyError` for what an operator has to mend first. A ledger
    that cannot be written does not stop the start: every exchange is refused until it can.
    """
    home = prepare(settings.home, own_key=evidence.has_own_key(settings))
    secret = home.secret()
    ways = routes(settings)
    outlets, alerts = listed_in(settings), alerts_of(settings)
    anchors = evidence.anchors_of(settings)
    names = Names(frozenset(ways.names()), frozenset(entity_types(settings)))
    metrics = Metrics(place_of(settings.metrics), names) if settings.metrics else None
    ledger = evidence.ledger_of(settings, anchors, watch=metrics)
    detector = Detector(
        allow=allowed.read_allowed(settings.allow or allowed.DEFAULT),
        workers=settings.detector_workers,
        queue=settings.detector_queue,
        timeout=settings.detector_timeout,
        rules=settings.rules,
    )
    directory = directory_of(settings, secret)
    office = office_of(settings)
    following = duties_of(settings, alerts, ledger, office)
    rulebook = Rulebook(settings, home, ledger, detector)
    first = rulebook.first
    if metrics is not None:
        metrics.policy = rulebook.known
    ledger.start()
    anchors.start()
    return House(
        detector,
        first.policy,
        ledger,
        anchors,
        Providers(settings, ways),
        KillSwitch(StopBook(office), ledger, rulebook.officer),
        office,
        Register(office, secret),
        Consents(ConfirmationBook(office)),
        Quotas(office),
        secret,
        directory=directory,
        originals=first.originals,
        rulebook=rulebook,
        followers=(*following, *outlets_of(outlets, ledger, office)),
        metrics=metrics,
    )


def inspect(settings: Settings) -> None:
    """Whatever an operator has to mend before a start. Raises `BadSettings` with one sentence about it.

    A ledger that cannot be written is not among it: the house stands, and refuses until it can.
    """
    from proxy.office.tables import SQLAlchemyError

    try:
        home = prepare(settings.home, own_key=evidence.has_own_key(settings))
        home.secret()
        if policy_of(settings).originals_days:
            master_of(settings, home)
        routes(settings)
        terms_of(settings)
        allowed.read_allowed(settings.allow or allowed.DEFAULT)
        read_calendar(settings.closed_days)
        sinks_of(listed_in(settings), evidence.ledger_of(settings).address)
        for channel in alerts_of(settings).channels:
            opened(channel, settings)
        evidence.anchors_of(settings)
        office_of(settings).close()
        _demand_place(settings)
    except OSError as error:
        raise BadSettings(
            f"{error.filename}: 読み書きできません / cannot be used: {error.strerror}"
        ) from None
    except UnicodeDecodeError:
        raise BadSettings(
            "設定で指定したファイルがUTF-8ではありません / a file of the settings is not UTF-8"
        ) from None
    except SQLAlchemyError:
        where = address_of(settings.office_location)
        raise BadSettings(f"{where}: 帳簿として開けません / cannot be opened as the office's books") from None
    except (ValueError, RuntimeError, PolicyError) as error:
        raise BadSettings(str(error)) from None


def _demand_place(settings: Settings) -> None:
    """Raises `BadSettings` for an address of the figures that cannot be listened on."""
    if settings.metrics is None:
        return
    try:
        host, port = place_of(settings.metrics)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))
    except (OSError, ValueError):
        raise BadSettings(
            f"SEKISHO_METRICS: {settings.metrics} で待ち受けられません。127.0.0.1:9464 の形の、空いているアドレスにしてください"
            f" / cannot listen on {settings.metrics}: use a free address like 127.0.0.1:9464"
        ) from None


_SOMETHING_TO_FIND = "個人番号 123456789018"
_NOBODY = Ask(
    person="", department="", section="", actor="robot", identity="authenticated", tool="readyz",
    enrolled=False, trained=False, acknowledged=False, dialect="chat", model="none", destination="D4",
    category="training", declared_class=None, entities=(), characters=0,
    at=datetime(2026, 4, 1, tzinfo=UTC),
)  # fmt: skip
