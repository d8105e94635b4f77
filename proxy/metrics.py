"""Figures for the city's monitoring, as Prometheus reads them: how much, how quickly, what fails. Of nobody in particular.

    GET http://127.0.0.1:9464/metrics         where SEKISHO_METRICS=127.0.0.1:9464; without it there is nothing

Counted is what is handed to the ledger, by this process, since it started. A label's value is a word of this program, or a
name that the city has configured (a model, an outlet, a kind of data); anything else is "other". So no person, no text and
no invention of a caller becomes a label, and there are never more series than configured names.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, get_args

import structlog

from audit.following import present
from audit.model import ENDINGS, CannotRecord, Draft, EgressState
from policies.decide import Policy
from policies.vocabulary import ENTITY_TYPES
from proxy.followers import Follower
from proxy.office.cursors import CursorBook

if TYPE_CHECKING:
    from proxy.house import House

log = structlog.get_logger()

OTHER = "other"
OPERATIONS = (
    "chat", "responses", "messages", "count_tokens", "embeddings", "transcriptions", "models", "unknown",
)  # fmt: skip
VERDICTS = ("permit", "confirm", "refuse", "none")
"""``none``: it was not understood, and so not decided on."""
REASONS = frozenset(
    {
        "api_key_over", "body_incomplete", "body_too_large", "confirmation_required", "conversation_header_malformed",
        "detector_broken", "detector_busy", "detector_loading", "detector_timeout", "directory_unreachable",
        "duplicate_header", "facts_not_recordable", "insufficient_quota", "internal_error", "invalid_api_key",
        "invalid_form", "invalid_json", "invalid_token", "invalid_type", "invalid_value", "ledger_busy",
        "ledger_silent", "ledger_stopped", "ledger_unavailable", "missing_api_key", "missing_field", "model_cannot",
        "model_not_found", "office_unreadable", "originals_unavailable", "personal_data_in_field", "policy_denied",
        "policy_error", "policy_not_recorded", "purpose_too_long", "rate_limit_exceeded", "sound_needs_closed_network",
        "stopped", "stops_unreadable", "token_ids", "too_many_strings", "unknown_category", "unknown_class",
        "unknown_client", "unknown_field", "unknown_route", "unlawful_record", "unsupported_content",
        "unsupported_field", "upstream_broken", "upstream_compressed", "upstream_error", "upstream_incomplete",
        "upstream_malformed", "upstream_rate_limited", "upstream_refused", "upstream_status", "upstream_timeout",
        "upstream_too_large", "upstream_unreachable", "use_case_header_malformed", "user_header_malformed",
        "user_header_not_allowed", "user_header_not_trusted", "user_required", "verdict",
    }
)  # fmt: skip
"""Why an exchange was stopped or failed; ``upstream_status_503`` and its like are ``upstream_status``."""
EGRESS: tuple[str, ...] = get_args(EgressState)

_SECONDS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200)
_OPEN = 20_000
"""Exchanges whose question is remembered until they end; of more the oldest are forgotten."""
_PATIENCE = 5.0
"""Seconds that a question for the figures may take to arrive, and the ledger to say how it is."""
_LONGEST = 8_192
_AGAIN = 10.0
"""Seconds until an address that somebody else has is tried again."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the city has configured, and so may be a label."""

    models: frozenset[str] = frozenset()
    entities: frozenset[str] = frozenset(ENTITY_TYPES)


@dataclass(frozen=True, slots=True)
class _Asked:
    operation: str
    model: str


class Metrics:
    """The figures of one process. A `Ledger` tells it what it is handed (audit.ledger.Watch).

    place     where it answers
    policy    the rules in force, whose registry names models; they may change meanwhile
    """

    def __init__(self, place: tuple[str, int], names: Names) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

        self.place = place
        self.policy: Callable[[], Policy | None] = lambda: None
        self._registered: tuple[str, frozenset[str]] = ("", frozenset())
        self._names = names
        self._open: OrderedDict[str, _Asked] = OrderedDict()
        own = self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=own)

        def counter(name: str, says: str, *labels: str) -> Counter:
            return Counter(f"sekisho_{name}", says, labels, registry=own)

        def gauge(name: str, says: str, *labels: str) -> Gauge:
            return Gauge(f"sekisho_{name}", says, labels, registry=own)

        def seconds(name: str, says: str) -> Histogram:
            return Histogram(f"sekisho_{name}", says, ("operation",), registry=own, buckets=_SECONDS)

        self._exchanges = counter("exchanges", "Exchanges that ended, by ending.", "operation", "outcome")
        self._verdicts = counter(
            "verdicts", "Exchanges that began, by what was decided.", "operation", "verdict"
        )
        self._stopped = counter(
            "stopped", "Exchanges that were refused or failed, by reason.", "outcome", "reason"
        )
        self._egress = counter("egress", "Exchanges that ended, by what left.", "state")
        self._entities = counter("entities", "Different personal data found in questions.", "type", "action")
        self._uttered = counter("uttered", "Personal data that a model wrote of its own accord.", "type")
        self._alarms = counter("alarms", "Alarms that rules sounded.")
        self._tokens = counter("tokens", "Tokens, counted or estimated.", "model", "direction")
        self._yen = counter("cost_yen", "Cost in yen, tax included, where a price is registered.", "model")
        self._upstream = counter("upstream_failures", "Tries at a model that failed.", "model", "reason")
        self._latency = seconds("latency_seconds", "From asking a model to the end of its answer.")
        self._first = seconds("first_byte_seconds", "From asking a model to the first piece of its answer.")
        self._running = gauge("running", "Exchanges under way in this process.")
        self._unrecorded = counter("ledger_failures", "Records of exchanges that could not be written.")
        self._up = gauge("ledger_up", "1 where a durable transaction has just been possible.")
        self._notes = gauge("notes_up", "1 while the ledger's notes are signed.")
        self._lag = gauge("follower_lag_records", "Records that a follower has not given on yet.", "follower")
        self._trouble = gauge("follower_trouble", "1 while a follower does not come on.", "follower")

    # ── what the ledger is handed ────────────────────────────────────────────────────────────────

    def seen(self, draft: Draft) -> None:
        """Count what is handed in. Never raises: figures stop nothing."""
        try:
            if draft.kind == "asked":
                self._saw_question(draft)
            elif draft.kind in ENDINGS:
                self._saw_ending(draft)
        except Exception as error:
            log.debug("not counted", error=type(error).__name__)

    def unrecorded(self) -> None:
        """A record of an exchange could not be written."""
        self._unrecorded.inc()

    def _saw_question(self, draft: Draft) -> None:
        body = draft.body
        operation = _one_of(body.get("operation"), OPERATIONS)
        model = self._model(body.get("model_registered"), body.get("model_requested"))
        if draft.exchange is not None:
            self._open[draft.exchange] = _Asked(operation, model)
            while len(self._open) > _OPEN:
                self._open.popitem(last=False)
            self._running.set(len(self._open))
        self._verdicts.labels(operation, _one_of(body.get("verdict") or "none", VERDICTS)).inc()
        actions = body.get("actions") or {}
        for kind, count in (body.get("entities") or {}).items():
            action = _one_of(actions.get(kind), ("masked", "revealed", "refused"))
            self._entities.labels(_one_of(kind, self._names.entities), action).inc(count)
        self._alarms.inc(len(body.get("alarms") or ()))

    def _saw_ending(self, draft: Draft) -> None:
        body = draft.body
        asked = self._open.pop(draft.exchange or "", _Asked(OTHER, OTHER))
        self._running.set(len(self._open))
        self._exchanges.labels(asked.operation, draft.kind).inc()
        self._egress.labels(_one_of(body.get("egress_state"), EGRESS)).inc()
        if draft.kind in ("refused", "failed"):
            self._stopped.labels(draft.kind, reason_of(body.get("reason"))).inc()
        for kind, count in (body.get("output_pii") or {}).items():
            self._uttered.labels(_one_of(kind, self._names.entities)).inc(count)
        if "tries" not in body:
            return
        model = self._model(body.get("model_asked"), asked.model)
        for one in body.get("earlier_tries") or ():
            if one.get("error"):
                self._upstream.labels(
                    self._model(one.get("model"), asked.model), reason_of(one["error"])
                ).inc()
        if draft.kind == "failed":
            self._upstream.labels(model, reason_of(body.get("reason"))).inc()
        self._latency.labels(asked.operation).observe(body["latency_ms"] / 1000)
        if "ttfb_ms" in body:
            self._first.labels(asked.operation).observe(body["ttfb_ms"] / 1000)
        tokens = body.get("tokens") or {}
        for direction in ("input", "output"):
            self._tokens.labels(model, direction).inc(tokens.get(direction, 0))
        if body.get("cost_yen") is not None:
            self._yen.labels(model).inc(float(body["cost_yen"]))

    def _model(self, *candidates: object) -> str:
        """The first of these that the city has configured."""
        known = (one for one in candidates if one in self._names.models or one in self._of_the_policy())
        return str(next(known, OTHER))

    def _of_the_policy(self) -> frozenset[str]:
        policy = self.policy()
        if policy is not None and policy.digest != self._registered[0]:
            self._registered = policy.digest, frozenset(model.name for model in policy.models.listed)
        return self._registered[1]

    # ── what is asked at the moment ──────────────────────────────────────────────────────────────

    async def told(self, house: "House") -> bytes:
        """The figures as Prometheus reads them, with how the ledger and the followers stand now."""
        from prometheus_client import generate_latest

        try:
            async with asyncio.timeout(_PATIENCE):
                await house.ledger.probe()
            self._up.set(1)
        except (CannotRecord, TimeoutError):
            self._up.set(0)
        self._notes.set(house.ledger.note_trouble is None)
        for name, (lag, troubled) in (await asyncio.to_thread(self._followed, house)).items():
            self._lag.labels(name).set(lag)
            self._trouble.labels(name).set(troubled)
        return generate_latest(self.registry)

    def _followed(self, house: "House") -> Mapping[str, tuple[int, bool]]:
        """How far each follower of this house is behind; nothing where the books cannot be read."""
        names = {one.name for one in house.followers if isinstance(one, Follower)}
        if not names:
            return {}
        try:
            heads = present(house.ledger.address)
            standing = {one.name: one for one in CursorBook(house.office).every()}
        except Exception as error:
            log.debug("followers not counted", error=type(error).__name__)
            return {}
        found = {}
        for name in names & standing.keys():
            at = standing[name].position
            if at is not None:
                lag = sum(max(0, head - at.get(writer, 0)) for writer, head in heads.items())
                found[name] = (lag, standing[name].trouble is not None)
        return found


def reason_of(reason: object) -> str:
    """A reason as a label."""
    if isinstance(reason, str) and reason.startswith("upstream_status_"):
        return "upstream_status"
    return _one_of(reason, REASONS)


def _one_of(value: object, known: Iterable[str]) -> str:
    return value if isinstance(value, str) and value in known else OTHER


# ── the listener ─────────────────────────────────────────────────────────────────────────────────


async def listen(host: str, port: int, figures: Callable[[], Awaitable[bytes]]) -> NoReturn:
    """Answer whoever asks for the figures, until cancelled. One question a connection; nothing else is there."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
            writer.write(await _answered(head, figures))
            async with asyncio.timeout(_PATIENCE):
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asked is gone, or asks nothing that can be answered
        except Exception as error:
            log.error("no figures", exc_info=error)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    told = False
    while True:
        try:
            server = await asyncio.start_server(answer, host, port, limit=_LONGEST)
        except OSError as error:  # somebody else has the address: the exchanges go on
            if not told:
                log.error("figures cannot be asked for", host=f"{host}:{port}", reason=error.strerror)
            told = True
            await asyncio.sleep(_AGAIN)
            continue
        async with server:
            await server.serve_forever()


async def _answered(head: bytes, figures: Callable[[], Awaitable[bytes]]) -> bytes:
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if path != b"/metrics":
        return _reply(b"404 Not Found", b"there is /metrics and nothing else\n")
    if method not in (b"GET", b"HEAD"):
        return _reply(b"405 Method Not Allowed", b"GET /metrics\n")
    said = await figures()
    return _reply(b"200 OK", said if method == b"GET" else b"", b"text/plain; version=0.0.4; charset=utf-8")


def _reply(status: bytes, body: bytes, kind: bytes = b"text/plain; charset=utf-8") -> bytes:
    head = b"HTTP/1.1 %s\r\ncontent-type: %s\r\ncontent-length: %d\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
    return head % (status, kind, len(body)) + body


def place_of(said: str) -> tuple[str, int]:
    """``127.0.0.1:9464``, ``[::1]:9464``, or ``9464`` for this machine alone. Raises ValueError."""
    host, _, port = said.rpartition(":")
    number = int(port)
    if not 0 < number < 65_536 or (host.count(":") and not (host.startswith("[") and host.endswith("]"))):
        raise ValueError(said)
    return host.strip("[]") or "127.0.0.1", number
