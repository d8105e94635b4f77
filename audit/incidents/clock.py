"""The clock of a breach: each deadline, whether it is met, how many days are left, and what is late. Pure.

It runs for every leak from the moment of knowing, whether or not somebody has decided that it is reportable: a decision
that comes on day 10 finds the days gone. Once it is decided that it is not reportable, it says so and goes on counting
no more. 60 days hold where somebody answered that it may have been done with a wrongful aim; while nobody knows, 30.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from audit.incidents.closed import Calendar
from audit.incidents.deadlines import Deadline, deadlines
from audit.incidents.model import Incident
from audit.names import moment

State = Literal["running", "met", "late", "met_late", "not_needed"]
STATE_WORDS: dict[State, str] = {
    "running": "期限まで", "met": "期限内に報告", "late": "期限超過", "met_late": "期限後に報告",
    "not_needed": "報告対象でない(決定)",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hand:
    """One deadline at a moment. ``reported_at``: when the report was made; ``days_left``: None once that does not matter."""

    deadline: Deadline
    state: State
    reported_at: datetime | None
    days_left: int | None

    @property
    def is_late(self) -> bool:
        return self.state in ("late", "met_late")

    @property
    def japanese(self) -> str:
        """``期限まで あと2日`` ``今日が期限`` ``期限超過 3日``."""
        if self.state == "running" and self.days_left == 0:
            return "今日が期限"
        if self.state == "running":
            return f"期限まで あと{self.days_left}日"
        if self.state == "late":
            return f"期限超過 {-(self.days_left or 0)}日"
        return STATE_WORDS[self.state]

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        told = {"state": self.state, "said": self.japanese, "late": self.is_late, "days_left": self.days_left}
        return (
            self.deadline.plain()
            | told
            | {"reported_at": moment(self.reported_at) if self.reported_at else None}
        )


def clock(incident: Incident, calendar: Calendar, now: datetime) -> tuple[Hand, ...]:
    """Its deadlines now; none for what is no leak."""
    if incident.kind != "leak":
        return ()
    wrongful = incident.values.get("wrongful") == "yes"
    return tuple(_hand(incident, one, now) for one in deadlines(incident.known_at, wrongful, calendar))


def _hand(incident: Incident, deadline: Deadline, now: datetime) -> Hand:
    made = incident.first_report(deadline.report)
    if made is not None:
        state: State = "met" if deadline.is_met_by(made.reported_at) else "met_late"
        return Hand(deadline, state, made.reported_at, None)
    decision = incident.decision
    if decision is not None and decision.outcome == "not_reportable":
        return Hand(deadline, "not_needed", None, None)
    left = deadline.days_left(now)
    return Hand(deadline, "running" if left >= 0 else "late", None, left)
