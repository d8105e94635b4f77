"""An ask with what the policy itself concludes from it: what conditions and tables look at. Pure.

Concluded before any rule: the registry's entry for the model, the stricter of the two destinations, the zone
of the address, the use case, day and hour in Japan, and the class that what was found implies.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from policies.days import JST, Span, closed
from policies.model import Ask, ConfidentialityClass, Derived, DestinationTier, Stage
from policies.registry import Model, UseCase
from policies.vocabulary import CLASSES

if TYPE_CHECKING:
    from policies.decide import Policy

CLASS_WITHOUT_DECLARATION: ConfidentialityClass = "2"
"""What counts where nobody declared a class (R25)."""


@dataclass(slots=True)
class Facts:
    """One ask and what follows from it. ``effective_class`` is settled by `facts_of` in two steps: the rules
    that raise it see every other fact and the declared class."""

    ask: Ask
    day: date
    minute: int
    model: Model | None
    stage: Stage
    destination: DestinationTier
    zone: str
    use_case: UseCase | None
    closed_days: tuple[Span, ...] = field(repr=False)
    detected_class: ConfidentialityClass | None = None
    effective_class: ConfidentialityClass = CLASS_WITHOUT_DECLARATION
    raised_by: tuple[str, ...] = ()

    @property
    def holiday(self) -> bool:
        """Whether the city hall is closed on that day."""
        return closed(self.day, self.closed_days)

    def derived(self) -> Derived:
        """The conclusions as a verdict and a record tell them."""
        return Derived(
            detected_class=self.detected_class,
            effective_class=self.effective_class,
            destination=self.destination,
            zone=self.zone,
            model=self.model.name if self.model else None,
            stage=self.stage,
            high_risk=self.use_case.high_risk if self.use_case else None,
            raised_by=self.raised_by,
        )


def facts_of(policy: "Policy", ask: Ask) -> Facts:
    """What a policy concludes from an ask. Raises whatever goes wrong; decide.py turns that into a refusal."""
    at = ask.at.astimezone(JST)
    day = at.date()
    model = policy.models.of(ask.model)
    facts = Facts(
        ask=ask,
        day=day,
        minute=at.hour * 60 + at.minute,
        model=model,
        stage=model.stage(day) if model else "unknown",
        destination=stricter_tier(ask.destination, model.destination if model else ask.destination),
        zone=policy.zones.of(ask.address),
        use_case=policy.use_cases.get(ask.use_case) if ask.use_case is not None else None,
        closed_days=policy.closed_days,
    )
    facts.effective_class = ask.declared_class or CLASS_WITHOUT_DECLARATION
    raising = [each for each in policy.raises if each.matches(facts)]
    if raising:
        detected = max((each.to for each in raising), key=CLASSES.index)
        facts.detected_class = detected
        facts.raised_by = tuple(each.id for each in raising)
        facts.effective_class = max(facts.effective_class, detected, key=CLASSES.index)
    return facts


def stricter_tier(one: DestinationTier, other: DestinationTier) -> DestinationTier:
    """The farther of two destinations: where route and contract disagree, nobody may be better off."""
    return one if one >= other else other  # D1 to D4 are in the order of their names
