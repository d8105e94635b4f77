"""By when a breach is reported to the 個人情報保護委員会, counted from when it was known (知った時). Pure: it asks no clock.

    known on Saturday 2026-11-28, at whatever hour in Japan
    速報   day 3: Monday 11-30     day 5: Wednesday 12-02       目安: 「速やかに」 is 概ね3〜5日以内
    確報   day 30: Sunday 12-27  → Monday 12-28                 day 60 where it may have been done with a wrongful aim

個人情報の保護に関する法律68条1項, 施行規則44条; the same days hold for 特定個人情報 (番号法29条の4). The day of knowing is
day 1, and every day of the calendar counts. Where the last day is a Saturday, a Sunday, a holiday or one of 12-29 to
1-3, the next open day is the last. Each deadline gives both: the ``counted`` day and the ``last`` one.

Of the 速報 both are a rule of thumb: the law says 「速やかに」, and the committee's form takes reports on closed days, so
that ``counted`` is what to hold to, and ``last`` is what a report is called late by. It decides nothing: whether a report
is due at all is a person's decision (judgement.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from audit.incidents.closed import WORDS, Calendar, ClosedDay
from audit.months import JST
from audit.names import moment

Report = Literal["prompt", "final"]
REPORTS: dict[Report, str] = {"prompt": "速報", "final": "確報"}

PROMPT = (3, 5)
"""Days of the 速報: 概ね3〜5日以内."""
FINAL, FINAL_WRONGFUL = 30, 60
"""Days of the 確報; the second where it may have been done with a wrongful aim (規則43条3号)."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """One deadline. ``day``: which day it is, the day of knowing being 1.

    counted  that day of the calendar
    last     the last day on which it is in time: ``counted``, or the next open day
    passed   the closed days between, and why each is closed
    """

    report: Report
    day: int
    counted: date
    last: date
    passed: tuple[ClosedDay, ...] = ()

    @property
    def is_guide(self) -> bool:
        """Whether it is a 目安: the law says 「速やかに」 and names no day."""
        return self.report == "prompt"

    @property
    def japanese(self) -> str:
        """``速報(3日目、目安)``."""
        return f"{REPORTS[self.report]}({self.day}日目{'、目安' if self.is_guide else ''})"

    @property
    def over(self) -> datetime:
        """The first moment at which it is too late: midnight in Japan after the last day, in UTC."""
        after = self.last + timedelta(days=1)
        return datetime(after.year, after.month, after.day, tzinfo=JST).astimezone(UTC)

    def days_left(self, now: datetime) -> int:
        """Days from today in Japan to the last one: 0 on the last day, negative once it is over."""
        return (self.last - day_in_japan(now)).days

    def is_met_by(self, at: datetime) -> bool:
        """Whether a report of this moment was in time."""
        return at < self.over

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "report": self.report,
            "name": self.japanese,
            "day": self.day,
            "counted": self.counted.isoformat(),
            "last": self.last.isoformat(),
            "over": moment(self.over),
            "guide": self.is_guide,
            "passed": [{"day": one.day.isoformat(), "why": WORDS[one.why]} for one in self.passed],
        }


def deadlines(known_at: datetime, wrongful: bool, calendar: Calendar | None = None) -> tuple[Deadline, ...]:
    """The deadlines of a breach that was known at this moment: 速報 on day 3 and on day 5, 確報 on day 30 or 60.

    ``wrongful``: it may have been done with a wrongful aim, so that the 確報 has 60 days; while nobody knows, 30 hold.
    Raises ValueError for a moment without a zone.
    """
    known, open_days = day_in_japan(known_at), calendar or Calendar()
    last_days: Iterable[tuple[Report, int]] = (
        *(("prompt", day) for day in PROMPT),
        ("final", FINAL_WRONGFUL if wrongful else FINAL),
    )
    return tuple(_deadline(report, day, known, open_days) for report, day in last_days)


def day_in_japan(at: datetime) -> date:
    """The day of a moment. Raises ValueError for one without a zone."""
    if at.tzinfo is None:
        raise ValueError("a moment must know its time zone")
    return at.astimezone(JST).date()


def _deadline(report: Report, day: int, known: date, calendar: Calendar) -> Deadline:
    counted = known + timedelta(days=day - 1)
    last, passed = calendar.next_open(counted)
    return Deadline(report, day, counted, last, passed)
