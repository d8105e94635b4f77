"""How the rules hold in one city: thresholds, hours, budget, and how often it is looked whether all is well.

Values only; the city's file is read by proxy/alerting/terms.py, what ships is default.yaml beside this.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal

from audit.alerts.hours import Hours
from audit.alerts.model import Rule

YEN = 1_000_000
"""Costs are counted in so many parts of a yen."""


@dataclass(frozen=True, slots=True)
class Verification:
    """``every``: what is newer than the last note that was found sound; ``whole_at``: everything, once a day (JST)."""

    every: timedelta = timedelta(minutes=10)
    whole_at: time = time(2, 30)

    def whole_due(self, last: datetime | None, now: datetime) -> bool:
        """Whether the hour has come again since everything was checked last. Moments have a zone: JST counts."""
        from audit.months import JST

        local = now.astimezone(JST)
        due = datetime.combine(local.date(), self.whole_at, JST)
        due = due if due <= local else due - timedelta(days=1)
        return last is None or last < due


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The rules by id, and what some of them need besides. ``month_yen`` None: there is no budget to exceed."""

    rules: Mapping[str, Rule]
    hours: Hours = field(default_factory=Hours)
    month_yen: Decimal | None = None
    verification: Verification = field(default_factory=Verification)

    def least(self, rule: Rule) -> int | None:
        """The count from which a rule alerts; None: never. That of a budget is given in per cent of it."""
        if rule.id not in BUDGETS:
            return rule.threshold
        if not self.month_yen:
            return None
        return int(self.month_yen * YEN * rule.threshold / 100)


BUDGETS = frozenset({"A-12", "A-13"})
"""Rules whose threshold is per cent of the month's budget."""
