"""What the city has approved: models with the facts of their contracts, use cases, and the names of its networks.

Values and look-ups; pure. Part of a policy, so that a version of the rules and what they speak of go together.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal

from policies.days import between
from policies.model import Audience, Bilingual, DestinationTier, Service, Stage
from policies.names import any_name, is_pattern, spelled_like

NO_ZONE = "unknown"
"""The zone of an address that no network holds, and of a caller without one."""


Nature = Literal["clerical", "rights"]
"""業務の性格: supporting paperwork, or work that touches somebody's rights or duties."""


@dataclass(frozen=True, slots=True)
class Price:
    """Yen for a million tokens, tax included, from a day (JST) on: ``Price(date(2026, 4, 1), 60, 240)``."""

    since: date
    input: Decimal
    output: Decimal


@dataclass(frozen=True, slots=True)
class Model:
    """One approved model and what its contract says. ``name`` may hold ``*`` and ``?``.

    ``regions``: where it is processed, ISO 3166 in lower case. ``recorded``: whether the service records input
    and output for the city. ``tools``: patterns of the tools that it may be offered. ``sandbox``: for trying
    it out, class 1 only, until its last day. ``prices`` are sorted, the oldest first.
    """

    name: str
    title: Bilingual
    service: Service
    destination: DestinationTier
    no_training: bool
    recorded: bool
    regions: tuple[str, ...]
    contract: str
    sandbox: bool
    valid_from: date | None
    valid_until: date | None
    tools: tuple[str, ...]
    prices: tuple[Price, ...]

    def may_use(self, tool: str) -> bool:
        """Whether the model may be offered a tool of this name."""
        return _named(self.tools)(tool)

    def stage(self, on: date) -> Stage:
        """``approved`` or ``sandbox`` within its dates, else ``expired``."""
        if not between(self.valid_from, on, self.valid_until):
            return "expired"
        return "sandbox" if self.sandbox else "approved"

    def price(self, on: date) -> Price | None:
        """The price of a day; None where none was agreed yet."""
        return next((price for price in reversed(self.prices) if price.since <= on), None)

    def cost(self, given: int, made: int, on: date) -> Decimal | None:
        """What so many tokens of question and answer cost in yen, tax included; None without a price."""
        price = self.price(on)
        return None if price is None else (price.input * given + price.output * made) / 1_000_000


@lru_cache(maxsize=256)
def _named(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    return any_name(patterns)


class Models:
    """The models of one policy by name: an exact name before a pattern, an earlier pattern before a later one."""

    def __init__(self, listed: Sequence[Model]) -> None:
        self.listed = tuple(listed)
        self._exact = {model.name: model for model in self.listed if not is_pattern(model.name)}
        self._patterns = tuple(
            (model, spelled_like(model.name)) for model in self.listed if is_pattern(model.name)
        )
        self.of = lru_cache(maxsize=1024)(self._of)
        """The entry for a model as it was asked for, to the letter: another spelling is another model."""

    def _of(self, name: str) -> Model | None:
        found = self._exact.get(name)
        return found or next((model for model, named in self._patterns if named(name)), None)


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved a use case, and until which day (JST)."""

    by: str
    on: date
    until: date | None


@dataclass(frozen=True, slots=True)
class UseCase:
    """One use with the four answers of the high-risk sheet (DS-920) and what came of them.

    ``audience`` 利用者の範囲: staff or public. ``nature`` 業務の性格: clerical or rights (touches rights or duties).
    ``confidential`` 要機密情報・個人情報を扱うか. ``human_judgement`` 出力を職員が判断するか.
    ``assessment`` is the number of the assessment that was made, where one was.
    """

    id: str
    title: Bilingual
    owner: str
    audience: Audience
    nature: Nature
    confidential: bool
    human_judgement: bool
    high_risk: bool
    assessment: str | None
    approval: Approval | None

    def approved(self, on: date) -> bool:
        """Whether its approval is in force on a day."""
        return self.approval is not None and between(self.approval.on, on, self.approval.until)


class Zones:
    """Which network an address belongs to. Of two networks that hold it the narrower one counts."""

    def __init__(self, networks: Sequence[tuple[str, IPv4Network | IPv6Network]]) -> None:
        self.names = tuple(dict.fromkeys(name for name, _ in networks))
        self._networks = sorted(networks, key=lambda pair: pair[1].prefixlen, reverse=True)
        self.of = lru_cache(maxsize=4096)(self._of)
        """``lgwan``; `NO_ZONE` where none is known. Remembered, because the same desks ask all day."""

    def sample(self, name: str) -> str | None:
        """An address of a zone, for trying rules out; None for `NO_ZONE` and for a zone that narrower ones cover."""
        return next((one for one in map(str, self._edges(name)) if self.of(one) == name), None)

    def _edges(self, name: str) -> Iterator[IPv4Address | IPv6Address]:
        """The ends of a zone's networks, and what lies beside the ends of the others: what is not covered shows there."""
        beside = [
            at
            for _, other in self._networks
            for at in (int(other.network_address) - 1, int(other.broadcast_address) + 1)
        ]
        for zone, network in self._networks:
            if zone == name:
                first, last = int(network.network_address), int(network.broadcast_address)
                yield network.network_address
                yield network.broadcast_address
                yield from (network[at - first] for at in beside if first <= at <= last)

    def _of(self, address: str | None) -> str:
        if not self._networks or address is None:
            return NO_ZONE
        try:
            ip = ip_address(address)
        except ValueError:
            return NO_ZONE
        mapped = getattr(ip, "ipv4_mapped", None)  # ::ffff:10.0.0.1 is 10.0.0.1
        at = mapped or ip
        return next((name for name, network in self._networks if at in network), NO_ZONE)
